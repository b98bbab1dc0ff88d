"""How a long expression is broken into lines that fit a page: at the terms of its sums, wherever these stand."""

import re
from collections.abc import Callable, Iterable, Iterator

import sympy as sp
from sympy.core.relational import Relational

__all__ = ["LONGEST_LINE", "broken", "glyphs", "is_negative", "textbook_order"]

LONGEST_LINE = 76  # glyphs that fit a text line
_RELATIONS = {"==": "=", "!=": r"\ne", "<": "<", ">": ">", "<=": r"\le", ">=": r"\ge"}

Printer = Callable[[sp.Basic], str]


def broken(expression: sp.Basic, printed: Printer) -> list[str]:
    """Return the lines of an expression, those that continue another one indented; a matrix that does not fit is listed entry by entry.

    Args:
        expression: What to print.
        printed: Turns an expression into LaTeX on one line.
    """
    text = printed(expression)
    if glyphs(text) <= LONGEST_LINE:
        return [text]
    if isinstance(expression, sp.MatrixBase):
        return list(_entries(expression, printed))
    return _indented(_pieces(expression, printed))


def glyphs(text: str) -> int:
    """Estimate printed width: commands count as one glyph, signs as two for the space around them, a fraction as its wider half."""
    while match := re.search(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", text):
        text = text[: match.start()] + max(match[1], match[2], key=len) + text[match.end() :]
    return len(re.sub(r"\\[A-Za-z]+|[{}^_ ]", lambda m: "x" if m[0].startswith("\\") else "", text)) + len(re.findall(r"[-+=]", text))


def _entries(matrix: sp.MatrixBase, printed: Printer) -> Iterator[str]:
    for i in range(matrix.rows):
        for j in range(matrix.cols):
            place = rf"[{i + 1}{f',{j + 1}' if matrix.cols > 1 else ''}]\colon\; "
            yield from _indented([place, *_pieces(matrix[i, j], printed)])


def _indented(pieces: Iterable[str]) -> list[str]:
    first, *others = _filled(pieces)
    return [first, *(rf"\qquad {line}" for line in others)]


def _filled(pieces: Iterable[str]) -> list[str]:
    """Put pieces on lines as long as they fit."""
    lines, current = [], ""
    for piece in pieces:
        if current and glyphs(current + piece) > LONGEST_LINE:
            lines.append(current)
            current = ""
        current += piece
    return [*lines, current]


def _pieces(expression: sp.Basic, printed: Printer) -> list[str]:
    """Cut an expression where a line may end."""
    text = printed(expression)
    if glyphs(text) <= LONGEST_LINE // 2 or not isinstance(expression, sp.Expr | Relational):
        return [text]
    if isinstance(expression, Relational):
        return [*_pieces(expression.lhs, printed), f" {_RELATIONS[expression.rel_op]} ", *_pieces(expression.rhs, printed)]
    if isinstance(expression, sp.Add):
        return [piece for k, term in enumerate(textbook_order(expression)) for piece in _term(term, printed, first=k == 0)]
    if isinstance(expression, sp.exp):
        return [r"\exp\bigl[ ", *_pieces(expression.args[0], printed), r" \bigr]"]
    if isinstance(expression, sp.Pow) and not expression.exp.is_negative:
        power = printed(expression.exp)
        return [r"\bigl( ", *_pieces(expression.base, printed), rf" \bigr)^{{{power}}}"] if glyphs(power) < LONGEST_LINE // 3 else [text]
    if isinstance(expression, sp.Mul | sp.Pow):
        return _product(expression, printed) or [text]
    if isinstance(expression, sp.Integral) and len(expression.limits) == 1 and len(expression.limits[0]) == 3:
        variable, low, high = (printed(part) for part in expression.limits[0])
        return [rf"\int_{{{low}}}^{{{high}}} ", *_pieces(expression.function, printed), rf"\, d{variable}"]
    if isinstance(expression, sp.Function) and len(expression.args) == 1:
        name = printed(expression.func(sp.Symbol("u"))).split("{", 1)[0].split("(", 1)[0]
        return [rf"{name}\bigl( ", *_pieces(expression.args[0], printed), r" \bigr)"]
    return [text]


def _term(term: sp.Expr, printed: Printer, *, first: bool) -> list[str]:
    negative = is_negative(term)
    head, *rest = _pieces(-term if negative else term, printed)
    return [("-" if negative else "" if first else "+") + ("" if first else " ") + head, *rest]


def _product(expression: sp.Expr, printed: Printer) -> list[str]:
    """Cut a product: short factors together, long ones each in brackets, a long denominator behind a slash."""
    above, below = sp.fraction(expression, exact=True)
    if below == 1:
        factors = sp.Mul.make_args(above)
        long = [f for f in factors if glyphs(printed(f)) > LONGEST_LINE // 3]
        short = sp.Mul(*(f for f in factors if f not in long))
        pieces = [printed(short) + r"\, "] if short != 1 else []
        return [piece for k, factor in enumerate(long) for piece in ([*pieces] if k == 0 else []) + _bracketed(factor, printed)] if long else []
    if glyphs(printed(below)) <= LONGEST_LINE // 2:
        return [rf"\frac{{1}}{{{printed(below)}}} ", *_bracketed(above, printed)]
    return [*_bracketed(above, printed), r" \bigm/ ", *_bracketed(below, printed)]


def _bracketed(factor: sp.Expr, printed: Printer) -> list[str]:
    inside = _pieces(factor, printed)
    return [r"\bigl( ", *inside, r" \bigr)"] if isinstance(factor, sp.Add) else inside


def is_negative(term: sp.Expr) -> bool:
    """Say whether a term is written with a minus sign."""
    coefficient = term.as_coeff_Mul()[0]
    return bool(coefficient.is_negative)


def textbook_order(expression: sp.Add) -> list[sp.Expr]:
    """Return the terms of a sum: a bare number first (1 + ...), else falling powers as sympy orders them; a positive term leads if there is one."""
    terms = expression.as_ordered_terms()
    numbers = [t for t in terms if t.is_number]
    terms = [t for t in numbers if not is_negative(t)] + [t for t in terms if t not in numbers] + [t for t in numbers if is_negative(t)]
    first = next((t for t in terms if not is_negative(t)), terms[0])
    return [first, *(t for t in terms if t is not first)]
