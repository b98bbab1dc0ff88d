"""Print an expression as float64 array code that numpy and torch share but for the names of their functions."""

import builtins
import keyword
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.printing.pycode import PythonCodePrinter

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.backends.contract import Kernel

__all__ = ["array_kernel", "composite_gauss_legendre", "plain_integrals", "plain_symbols", "refuse_unknown_functions"]

LARGEST_EXACT_INTEGER = 2**53
PANELS, NODES, DOUBT = 24, 16, 1e-10
_NAMESPACE = {"numpy", "scipy", "torch", "mpmath", "bessel", "integral", "where", "maximum", "minimum", "constant"}
_TAKEN = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_NAMESPACE}
Rule = tuple[tuple[float, float], ...]


def array_kernel(
    expression: sp.Expr, symbols: Sequence[sp.Symbol], *, backend: str, functions: Mapping[str, str], namespace: Mapping[str, object]
) -> Kernel:
    """Return ``expression`` as a function of float64 arrays.

    Args:
        expression: In a form without cancellation.
        symbols: The arguments.
        backend: Its name, for messages.
        functions: sympy's function names and the dotted names that replace them.
        namespace: The framework itself and its ``where``, ``maximum``, ``minimum``, ``constant`` and ``integral``.

    Raises:
        NotApplicable: If a function has no counterpart.
    """
    refuse_unknown_functions(expression, {*functions, "Piecewise"}, backend)
    names = plain_symbols(symbols)
    body = _folded(plain_integrals(expression.xreplace(names)))
    printer = _ArrayPrinter(functions)
    function = sp.lambdify(
        [names[s] for s in symbols],
        body,
        modules=[dict(namespace)],
        printer=printer,
        cse=False if body.has(sp.Integral) else _shared_subexpressions,
    )
    return Kernel(tuple(symbols), function)


def refuse_unknown_functions(expression: sp.Expr, known: set[str], backend: str) -> None:
    """Refuse functions that no number can be had for, or that the framework lacks.

    Raises:
        NotApplicable: With the names of the functions.
    """
    undefined = sorted(map(str, expression.atoms(AppliedUndef)))
    if undefined:
        raise NotApplicable(f"the formula still holds the unknown function {', '.join(undefined)}; give the loss as a formula before compiling")
    parts = expression.atoms(sp.Function, sp.Derivative, sp.Sum, sp.Product, sp.Limit, sp.Subs)
    missing = sorted({type(f).__name__ for f in parts if f.free_symbols} - known)
    if missing:
        raise NotApplicable(f"the {backend} backend has no {', '.join(missing)}" + ("; use compile('mpmath')" if backend != "mpmath" else ""))


def plain_symbols(symbols: Sequence[sp.Symbol]) -> dict[sp.Symbol, sp.Symbol]:
    """Return for every symbol one whose name is a Python name that shadows nothing; ``lambda`` becomes ``lambda_``."""
    return {s: sp.Symbol(_safe(s.name, i)) for i, s in enumerate(symbols)}


def plain_integrals(expression: sp.Basic) -> sp.Basic:
    """Return the expression with its integration variables called node_1_0, node_2_0, ... from the inside out."""
    if not expression.has(sp.Integral) or not expression.args:
        return expression
    if not isinstance(expression, sp.Integral):
        return expression.func(*(plain_integrals(a) for a in expression.args))
    body = plain_integrals(expression.function)
    depth = 1 + len(body.atoms(sp.Integral))
    nodes = {limits[0]: sp.Symbol(f"node_{depth}_{i}") for i, limits in enumerate(expression.limits)}
    return sp.Integral(body.xreplace(nodes), *(tuple(part.xreplace(nodes) for part in limits) for limits in expression.limits))


def composite_gauss_legendre(
    integrand: Callable[[Any], Any], low: Any, high: Any, *, constant: Callable[[float], Any], first: Callable[[Any, Any], object | None]
) -> Any:
    """Return the integral of ``integrand`` over [low, high] by 24 panels of 16 Gauss-Legendre nodes, checked against 12 panels.

    Every node is one call, so that limits and parameters may be arrays of any shape and tensors under vmap.

    Args:
        integrand: Takes one number, or an array where the limits are arrays.
        low: Lower limit.
        high: Upper limit.
        constant: Makes a number one of the framework's.
        first: The backend's search for an offending entry.

    Raises:
        AccuracyError: If the two rules differ by more than 1e-10 of the integral of the absolute value.
    """
    width = high - low
    fine, size = _weighted_sum(integrand, low, width, _unit_rule(PANELS), constant)
    coarse, _ = _weighted_sum(integrand, low, width, _unit_rule(PANELS // 2), constant)
    if first(fine, ~(abs(fine - coarse) <= DOUBT * size)) is not None:
        raise AccuracyError(f"an integral in the formula is too sharp or too oscillating for {PANELS} panels of {NODES} nodes; use compile('mpmath')")
    return width * fine


def _weighted_sum(integrand: Callable[[Any], Any], low: Any, width: Any, rule: Rule, constant: Callable[[float], Any]) -> tuple[Any, Any]:
    """Return the weighted sum and that of the absolute values; what each addition rounds off is carried along (Knuth's two-sum)."""
    total, lost, size = constant(0.0), constant(0.0), constant(0.0)
    for node, weight in rule:
        term = weight * integrand(constant(node) * width + low)
        before, total = total, total + term
        kept = total - before
        lost = lost + ((before - (total - kept)) + (term - kept))
        size = size + abs(term)
    return total + lost, size


@cache
def _unit_rule(panels: int) -> Rule:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    placed = (np.arange(panels)[:, None] + (nodes + 1) / 2) / panels
    return tuple(zip(placed.ravel().tolist(), np.tile(weights / (2 * panels), panels).tolist(), strict=True))


def _safe(name: str, position: int) -> str:
    if not (name.isidentifier() and name.isascii()):
        return f"parameter_{position}"
    return f"{name}_" if name in _TAKEN or name.startswith(("_", "node_")) else name


def _shared_subexpressions(expression: sp.Expr) -> tuple[list[tuple[sp.Symbol, sp.Expr]], sp.Expr]:
    shared, rest = sp.cse(expression, symbols=(sp.Symbol(f"_{i}") for i in count()), list=False)
    return shared, rest


def _folded(expression: sp.Expr) -> sp.Expr:
    """Replace every constant, such as sqrt(2) or log(2 pi), by its 30 digits; rational numbers of modest size stay."""
    if not isinstance(expression, sp.Expr) or (expression.is_Rational and max(abs(expression.p), expression.q) <= LARGEST_EXACT_INTEGER):
        return expression if isinstance(expression, sp.Expr) else _folded_condition(expression)
    if not expression.free_symbols:
        return sp.Float(sp.N(expression, 30), 30)
    if isinstance(expression, sp.Integral):
        return _on_finite_limits(expression)
    return expression.func(*(_folded(a) for a in expression.args)) if expression.args else expression


def _folded_condition(condition: sp.Basic) -> sp.Basic:
    return condition.func(*(_folded(a) for a in condition.args)) if condition.args else condition


def _on_finite_limits(integral: sp.Integral) -> sp.Expr:
    """Return the integral with infinite ranges mapped to -4 < t < 4, beyond which nothing is left that float64 would see.

    The whole line by x = sinh((pi/2) sinh t), a half line by x = end +- exp((pi/2) sinh t): the double-exponential maps of Takahasi and Mori.
    """
    body, limits = integral.function, []
    for t, low, high in integral.limits:
        if not (low.is_infinite or high.is_infinite):
            limits.append((t, _folded(low), _folded(high)))
            continue
        inner, sign = sp.pi / 2 * sp.sinh(t), -1 if low.is_infinite else 1
        image = sp.sinh(inner) if low.is_infinite and high.is_infinite else (high if low.is_infinite else low) + sign * sp.exp(inner)
        slope = sp.diff(image, t) if low.is_infinite and high.is_infinite else sign * sp.diff(image, t)
        body = body.xreplace({t: image}) * slope
        limits.append((t, sp.Integer(-4), sp.Integer(4)))
    return sp.Integral(_folded(body), *limits)


class _ArrayPrinter(PythonCodePrinter):
    """sympy's Python printer with a framework's own functions."""

    def __init__(self, functions: Mapping[str, str]) -> None:
        super().__init__({"fully_qualified_modules": True, "inline": True, "allow_unknown_functions": False})
        self.known_functions = dict(functions)

    def _print_exp(self, expr: sp.Expr) -> str:
        return f"{self.known_functions['exp']}({self._print(expr.args[0])})"

    def _print_Function(self, expr: sp.Expr) -> str:
        return f"{self.known_functions[type(expr).__name__]}({', '.join(map(self._print, expr.args))})"

    _print_sign = _print_Function  # sympy's own takes single numbers

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        square_root = self.known_functions["sqrt"]
        if expr.exp == sp.S.Half:
            return f"{square_root}({self._print(expr.base)})"
        if expr.exp == -sp.S.Half:
            return f"1/{square_root}({self._print(expr.base)})"
        return super()._print_Pow(expr, rational=rational)

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:
        text = "constant(float('nan'))"
        for value, condition in reversed(expr.args):
            text = self._array(value) if condition == sp.true else f"where({self._print(condition)}, {self._array(value)}, {text})"
        return text

    def _array(self, expr: sp.Expr) -> str:
        return self._print(expr) if expr.free_symbols else f"constant({self._print(expr)})"

    def _print_Relational(self, expr: sp.core.relational.Relational) -> str:
        operator = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}[expr.rel_op]
        return f"({self._print(expr.lhs)} {operator} {self._print(expr.rhs)})"

    def _print_And(self, expr: sp.And) -> str:
        return f"({' & '.join(map(self._print, expr.args))})"

    def _print_Or(self, expr: sp.Or) -> str:
        return f"({' | '.join(map(self._print, expr.args))})"

    def _print_Not(self, expr: sp.Not) -> str:
        return f"(~{self._print(expr.args[0])})"

    def _print_Max(self, expr: sp.Max) -> str:
        return self._fold("maximum", expr.args)

    def _print_Min(self, expr: sp.Min) -> str:
        return self._fold("minimum", expr.args)

    def _fold(self, name: str, arguments: Sequence[sp.Expr]) -> str:
        text = self._array(arguments[0])
        for argument in arguments[1:]:
            text = f"{name}({text}, {self._array(argument)})"
        return text

    def _print_Integral(self, expr: sp.Integral) -> str:
        text = self._print(expr.function)
        for x, low, high in expr.limits:
            text = f"integral(lambda {self._print(x)}: {text}, {self._print(low)}, {self._print(high)})"
        return text
