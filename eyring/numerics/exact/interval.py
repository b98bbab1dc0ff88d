r"""Out of an interval, on whichever side comes first: the mean time and the committor.

With the scale S = int s' and h = S(l, x)/S(l, r), the probability to reach r before l, the mean time is h T_r + (1 - h) T_l, T_r and T_l being the
times from x to r and to l with a reflecting wall at x.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.line import symbolic_slope
from eyring.numerics.exact.values import known_clock, matched_values
from eyring.numerics.exact.walk import Grid, Passage, passage, way
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["exact_committor", "time_out_of"]

Parts = tuple[float, float, float]


def exact_committor(
    sde: SDE, *, start: CriticalPoint | float, left: CriticalPoint | float, right: CriticalPoint | float, values: Mapping[Any, Any] | None = None
) -> Number:
    r"""Return the probability to reach ``right`` before ``left``, h = int_left^start s' / int_left^right s' with s' = e^Phi D^-q.

    Args:
        sde: A process in one coordinate.
        start: Where the walker begins, between the two; a length.
        left: The lower point.
        right: The upper point.
        values: One number for each symbol, by symbol or printed name.

    Returns:
        A probability, with its error; ``.log`` holds it where it is too small for a float.

    Raises:
        ParameterError: If left is not below right, the start is not between them, or a value is missing.
        NotApplicable: If the SDE is not one-dimensional, or D vanishes between them.

    >>> x = sp.Symbol("x", real=True)
    >>> float(exact_committor(SDE(0, 1, [x]), start=0.25, left=0, right=1))
    0.25
    """
    symbolic_slope(sde)
    numbers = matched_values(values, sde.parameters, asked_by="exact_committor of this SDE", allowed=sde.clock.free_symbols)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("the committor is computed at one set of values; give single numbers")
    ends = [way(start, end, numbers)[1] for end in (left, right)]
    if not ends[0] < ends[1]:
        raise ParameterError(f"left must lie below right, got left = {sp.N(ends[0], 6)} and right = {sp.N(ends[1], 6)}")
    up, down = _both_ways(sde, start, (left, right), numbers)
    (own, own_shift, own_error), (other, other_shift, other_error) = _scale(down), _scale(up)
    total, shift = _sum((own, own_shift), (other, other_shift))
    return Number(own / total, own_shift - shift, own_error + other_error, "probability", known_clock(sde.clock, numbers))


def time_out_of(sde: SDE, start: Any, ends: tuple[Any, ...], reflecting: Any, numbers: Mapping[sp.Symbol, Any]) -> Parts:
    """Return (mantissa, shift, relative error) of the mean time to leave the interval between two targets.

    Raises:
        ParameterError: If there are not two targets with the start between them, or a wall is given besides.
    """
    if reflecting is not None:
        raise ParameterError("a walk that ends on both sides has no far side for a reflecting wall; give one target, or leave the wall out")
    up, down = _both_ways(sde, start, ends, numbers)
    (time_up, log_up, error_up), (time_down, log_down, error_down) = up.converged(), down.converged()
    (scale_up, shift_up, _), (scale_down, shift_down, _) = _scale(up), _scale(down)
    whole, whole_shift = _sum((scale_up, shift_up), (scale_down, shift_down))
    value, shift = _sum((time_up * scale_down, log_up + shift_down), (time_down * scale_up, log_down + shift_up))
    return value / whole, shift - whole_shift, 2 * (error_up + error_down)


def _both_ways(sde: SDE, start: Any, ends: tuple[Any, ...], numbers: Mapping[sp.Symbol, Any]) -> tuple[Passage, Passage]:
    """Return the walks up and down from the start, each with a wall at the start."""
    if len(ends) != 2:
        raise ParameterError(f"an interval has two ends, got {len(ends)}: give one target, or (left, right)")
    places = [way(start, end, numbers) for end in ends]
    begin = places[0][0]
    (low, low_end), (high, high_end) = sorted(((float(place[1]), end) for place, end in zip(places, ends, strict=True)), key=lambda p: p[0])
    if not low < float(begin) < high:
        raise ParameterError(f"start = {sp.N(begin, 6)} must lie between the ends {low:.6g} and {high:.6g}")
    return tuple(passage(sde, start, end, begin, numbers) for end in (high_end, low_end))  # type: ignore[return-value]


def _scale(walk: Passage) -> Parts:
    """Return (mantissa, shift, relative error) of int s' from start to target, Phi = 0 at the start."""

    def on(walk: Passage, edges: np.ndarray) -> Parts:
        grid = Grid.of(walk, edges)
        shift = float(grid.base.max())
        total = float(np.sum(grid.panels.whole(grid.scale) * np.exp(grid.base[:-1] - shift)))
        return total, shift, float(np.ptp(grid.base))

    return walk.converged(on)


def _sum(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """Add two numbers mantissa * exp(shift) without overflow."""
    shift = max(one[1], other[1])
    return one[0] * math.exp(one[1] - shift) + other[0] * math.exp(other[1] - shift), shift
