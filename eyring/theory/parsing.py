"""Text from outside becomes a sympy expression by a grammar of its own: nothing is evaluated as Python.

sympy's ``sympify`` and ``parse_expr`` call ``eval``; here Python's ``ast`` reads the text and only the node types,
functions and names on the list below are turned into sympy objects.

>>> from eyring.theory.parsing import parse_expression
>>> parse_expression("x**4/4 - x^2/2", ["x"])
x**4/4 - x**2/2
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping

import sympy as sp

from eyring.errors import ParsingError
from eyring.theory.symbols import GLOSSARY

__all__ = ["parse_expression", "parse_number"]

FUNCTIONS: Mapping[str, Callable[..., sp.Expr]] = {
    "sqrt": sp.sqrt, "exp": sp.exp, "log": sp.log, "ln": sp.log,
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "atan": sp.atan,
    "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
    "erf": sp.erf, "erfc": sp.erfc, "abs": sp.Abs, "Abs": sp.Abs,
}  # fmt: skip
CONSTANTS: Mapping[str, sp.Expr] = {"pi": sp.pi, "E": sp.E}
NO_NUMBERS = frozenset({"nan", "inf", "infinity", "oo", "zoo", "i", "j"})  # other notations' names for what is not real and finite
LONGEST_TEXT = 2000
LARGEST_EXPONENT = 100
LARGEST_NUMBER = 1000  # decimal digits
LARGEST_ARGUMENT = 1000  # of an exponential or a trigonometric function of a number: exp(exp(exp(10))) would never be done
LONGEST_ECHO = 80
GROWING = {"exp", "sin", "cos", "tan", "sinh", "cosh", "tanh"}
_DECIMAL = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def parse_expression(text: str, coordinates: Iterable[str | sp.Symbol], parameters: Iterable[str] | None = None) -> sp.Expr:
    """Return the sympy expression that ``text`` writes.

    Args:
        text: A formula such as ``"x**4/4 - a*x**2/2"``; ``^`` is read as a power.
        coordinates: Names (or symbols) of the coordinates; they become real symbols.
        parameters: Other names allowed; None allows any, as the glossary's symbol or else a real one.

    Raises:
        ParsingError: If the text is no formula, is too long, or uses a name or function that is not known.
    """
    if not isinstance(text, str):
        raise ParsingError(f"a formula must be text, got {type(text).__name__}")
    if len(text) > LONGEST_TEXT:
        raise ParsingError(f"the formula has {len(text)} characters; at most {LONGEST_TEXT} are read")
    if not text.isascii():
        foreign = next(c for c in text if not c.isascii())
        raise ParsingError(f"a formula is written in plain letters, digits and + - * / ^ ( ); got {foreign!r} in {_shown(text)}")
    names = {_checked(c if isinstance(c, str) else c.name): c if isinstance(c, sp.Symbol) else sp.Symbol(c, real=True) for c in coordinates}
    allowed = None if parameters is None else set(parameters)
    try:
        tree = ast.parse(text.strip().replace("^", "**").replace("#", "$"), mode="eval")  # no comments: "$" is no Python at all
        return _real(_Reader(text, names, allowed).read(tree.body), text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, ParsingError):
            raise
        raise ParsingError(f"{_shown(text)} is not a formula; write it as in x**4/4 - x**2/2") from None


def parse_number(text: str) -> sp.Expr:
    """Return the exact number that ``text`` writes, such as ``0.05``, ``1/20`` or ``sqrt(2)``.

    Raises:
        ParsingError: If it holds a name or is not a finite real number.
    """
    value = parse_expression(text, [], parameters=[])
    if not (value.is_number and value.is_real and value.is_finite):
        raise ParsingError(f"{_shown(text)} is not a finite real number")
    return value


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name in FUNCTIONS or name in CONSTANTS:
        raise ParsingError(f"{_shown(name)} cannot name a coordinate; use a letter, then letters, digits or _")
    return name


def _real(expression: sp.Expr, text: str) -> sp.Expr:
    if expression.has(sp.zoo, sp.nan, sp.oo, sp.I):
        raise ParsingError(f"{_shown(text)} has no finite real value: it comes out as {str(expression)[:LONGEST_ECHO]}")
    return expression


def _shown(text: str) -> str:
    """Return the text in quotes, cut where it is too long to read in a message."""
    return repr(text) if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]!r}... ({len(text)} characters)"


def _power(expression: sp.Expr) -> sp.Expr:
    """Return the largest product of numeric exponents nested in one another, at least 1."""
    inner = max((_power(a) for a in expression.args), default=sp.Integer(1))
    own = abs(expression.exp) if isinstance(expression, sp.Pow) and expression.exp.is_real and expression.exp.is_number else 1
    return max(sp.Integer(1), own * inner)


def _digits(expression: sp.Expr) -> int:
    return max((len(str(q.p)) + len(str(q.q)) for q in expression.atoms(sp.Rational)), default=1)


class _Reader:
    """Turn the allowed nodes into sympy, one method a kind."""

    def __init__(self, text: str, names: dict[str, sp.Symbol], allowed: set[str] | None) -> None:
        self.text, self.names, self.allowed = text, names, allowed

    def read(self, node: ast.expr) -> sp.Expr:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, value)
            case ast.Name(id=name):
                return self._name(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self.read(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self.read(inner)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(op, self.read(left), self.read(right))
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
                return self._call(name, self.read(argument))
            case ast.Call(func=ast.Name(id=name)):
                raise ParsingError(f"{_shown(name)} is not a function of one argument that formulas may use; known: {', '.join(sorted(FUNCTIONS))}")
            case _:
                raise ParsingError(
                    f"{_shown(self.text)} holds something that is no part of a formula ({type(node).__name__}); "
                    "use numbers, names, + - * / ** and functions such as exp"
                )

    def _call(self, name: str, argument: sp.Expr) -> sp.Expr:
        if name in GROWING and argument.is_number and not (argument.is_real and abs(argument) <= LARGEST_ARGUMENT):
            raise ParsingError(
                f"{name}({str(argument)[:LONGEST_ECHO]}) in {_shown(self.text)} leads too far; "
                f"the numbers that {name} takes are real and at most {LARGEST_ARGUMENT}"
            )
        return FUNCTIONS[name](argument)

    def _number(self, node: ast.Constant, value: int | float) -> sp.Expr:
        written = ast.get_source_segment(self.text.strip().replace("^", "**"), node) or repr(value)
        if not _DECIMAL.fullmatch(written):
            raise ParsingError(f"{_shown(written)} is not a decimal number such as 0.05 or 1e-3")
        return sp.Integer(value) if isinstance(value, int) else sp.Rational(written)

    def _name(self, name: str) -> sp.Expr:
        if name in self.names:
            return self.names[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name in FUNCTIONS or not _NAME.fullmatch(name):
            raise ParsingError(f"{_shown(name)} is not a name a formula may use")
        if name.lower() in NO_NUMBERS:
            raise ParsingError(f"{name!r} is not a finite real number, and formulas use no other; name the parameter otherwise")
        if self.allowed is not None and name not in self.allowed:
            known = ", ".join(sorted({*self.names, *self.allowed})) or "none"
            raise ParsingError(f"unknown name {_shown(name)} in {_shown(self.text)}; known names: {known}")
        return GLOSSARY[name].symbol if name in GLOSSARY else sp.Symbol(name, real=True)

    def _binary(self, op: ast.operator, left: sp.Expr, right: sp.Expr) -> sp.Expr:
        match op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                if right.is_zero:
                    raise ParsingError(f"{_shown(self.text)} divides by zero")
                return left / right
            case ast.Pow():
                self._check_power(left, right)
                return left**right
            case _:
                raise ParsingError(f"the operator {type(op).__name__} is no part of a formula")

    def _check_power(self, left: sp.Expr, right: sp.Expr) -> None:
        if not right.is_number:
            return
        total = _power(left) * abs(right)
        if right.is_real and not left.is_number and _power(left) > 1 and total > LARGEST_EXPONENT:
            raise ParsingError(f"the powers in {_shown(self.text)} make a total power of {total}, which leads too far; at most {LARGEST_EXPONENT}")
        if not (right.is_real and abs(right) <= LARGEST_EXPONENT and _digits(left) * abs(right) <= LARGEST_NUMBER):
            raise ParsingError(
                f"the exponent {str(right)[:LONGEST_ECHO]} in {_shown(self.text)} leads too far; exponents are real and at most {LARGEST_EXPONENT}"
            )
