"""Polynomials of lanes, their coefficients in a tree so that the multiplications do not wait for each other."""

from collections.abc import Sequence

from eyring.numerics.fused.lanes import Lanes, fused_multiply_add

__all__ = ["polynomial"]


def polynomial(x: Lanes, coefficients: Sequence[float]) -> Lanes:
    """Return c_0 + c_1 x + c_2 x^2 + ..., by Estrin's scheme with fused multiply-adds."""
    terms: list[Lanes | float] = list(coefficients)
    while len(terms) > 1:
        pairs = [terms[i : i + 2] for i in range(0, len(terms), 2)]
        terms = [_line(x, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
        x = x * x
    return terms[0] if isinstance(terms[0], Lanes) else x.lift(terms[0])


def _line(x: Lanes, low: Lanes | float, high: Lanes | float) -> Lanes:
    return fused_multiply_add(x, high, low)
