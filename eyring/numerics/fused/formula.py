"""A formula with all its checks as one program: the value, and whether any number or condition is amiss, in one pass over the arrays."""

from collections.abc import Callable, Sequence
from functools import lru_cache

import sympy as sp

from eyring.numerics.fused.emitter import what_cannot_be_written, write
from eyring.numerics.fused.lanes import Lanes, Test, fused_multiply_add, where
from eyring.numerics.fused.program import Program, available
from eyring.numerics.stable_form import stable_form

__all__ = ["formula_program"]

SMALLEST_NORMAL = 2.0**-1022
SIGNS: dict[str, Callable[[Lanes], tuple[str, Lanes]]] = {  # what must stand in which relation to 0
    "positive": lambda x: (">", x),
    "negative": lambda x: (">", -x),
    "nonnegative": lambda x: (">=", x),
    "nonpositive": lambda x: (">=", -x),
    "nonzero": lambda x: (">", abs(x)),
    "real": lambda x: ("", x),
}


def formula_program(
    expression: sp.Expr, symbols: Sequence[sp.Symbol], *, needs: Sequence[str], margins: Sequence[sp.Expr] = (), normal: bool = False
) -> Program | None:
    """Return the program of a formula; None if it holds a function without arithmetic of its own, or this machine has no fused multiply-add.

    Formulas that differ in nothing but the names of their symbols share one program.

    Args:
        expression: What is evaluated, in its form without cancellation.
        symbols: The arguments; one or more.
        needs: For each, "positive", ..., "nonzero" or "real".
        margins: What must be positive where the formula holds.
        normal: Whether a result below 2^-1022 is amiss, because float64 holds few of its digits, or none.
    """
    names = {s: sp.Symbol(f"argument_{i}", **s.assumptions0) for i, s in enumerate(symbols)}
    parts = tuple(stable_form(e.xreplace(names)) for e in (expression, *margins))
    return _program(parts, tuple(names.values()), tuple(needs), normal)


@lru_cache(maxsize=256)
def _program(parts: tuple[sp.Expr, ...], symbols: tuple[sp.Symbol, ...], needs: tuple[str, ...], normal: bool) -> Program | None:
    if not (symbols and not any(map(what_cannot_be_written, parts)) and available()):
        return None

    def body(lanes: Sequence[Lanes]) -> tuple[Lanes, Test]:
        result, *margins = write(parts, dict(zip(symbols, lanes, strict=True)))
        return result, ~_all_well(result, [*zip(lanes, needs, strict=True), *((m, "positive") for m in margins)], normal)

    return Program(len(symbols), body)


def _all_well(result: Lanes, numbers: Sequence[tuple[Lanes, str]], normal: bool) -> Test:
    """Return the lanes in which the result and all numbers are finite and of their sign; two instructions a number, none of which waits."""
    flaw = result * 0.0  # stays 0 until it meets what is not finite; from then on it is not a number
    least: dict[str, Lanes] = {}
    for number, need in numbers:
        flaw = fused_multiply_add(number, 0.0, flaw)
        relation, sized = SIGNS[need](number)
        if relation:
            least[relation] = where(sized < least[relation], sized, least[relation]) if relation in least else sized
    for relation, size in least.items():
        flaw = where(size.compare(relation, 0.0), flaw, float("nan"))
    if normal:
        flaw = where(abs(result).compare(">=", SMALLEST_NORMAL), flaw, float("nan"))
    return flaw.compare("==", 0.0)
