"""The stationary law on the line in numbers: the probability of a region, however deep the wells."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from sympy.logic.boolalg import Boolean

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.line import Line, check_diffusion, line_of, stable_points, symbolic_slope
from eyring.numerics.exact.quadrature import Panels, halved, running_sum
from eyring.numerics.exact.stability import demand_stable_minima
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.numerics.exact.values import coordinate_of, exact_value, known_clock, matched_values, swept
from eyring.theory.sde import SDE

__all__ = ["stationary_probability"]

HALVINGS = 6

Pieces = Sequence[tuple[float, float]]


def stationary_probability(sde: SDE, *, region: Any, values: Mapping[Any, Any] | None = None) -> Number:
    r"""Return the stationary probability of a region, int_region m / int m with m = e^-Phi D^(q-1), Phi' = -f/D, f in the SDE's own calculus.

    Args:
        sde: A process in one coordinate.
        region: (low, high), where an end may be a critical point or infinite; or a condition on the coordinate, such as ``x**2 < 1`` or
            ``(x < -1) | (x > 1)``; or a sympy Interval or Union of them.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.

    Returns:
        A probability with its error; ``.log`` holds it where it is too small for a float.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, does not confine, or D vanishes where walkers go.
        ParameterError: If the region is empty or no such region, or a value is missing, unknown or not real and finite.
        AccuracyError: If the panels do not converge.

    >>> x, D = sp.Symbol("x", real=True), sp.Symbol("D", positive=True)
    >>> round(float(stationary_probability(SDE(-x, D, [x]), region=(-1, 1), values={D: 1})), 12)    # erf(1/sqrt(2))
    0.682689492137
    """
    symbolic_slope(sde)

    def one(given: Mapping[Any, Any] | None) -> tuple[float, float, float, Any]:
        numbers = matched_values(given, sde.parameters, asked_by="stationary_probability of this SDE", allowed=sde.clock.free_symbols)
        demand_stable_minima(sde, numbers)
        return (*_share(line_of(sde, numbers), _pieces(region, sde.coordinates[0], numbers)), known_clock(sde.clock, numbers))

    return swept(one, values, unit="probability")


def _pieces(region: Any, coordinate: sp.Symbol, numbers: Mapping[sp.Symbol, Any]) -> list[tuple[float, float]]:
    """Return the intervals that a region is made of."""
    if isinstance(region, list | tuple) and len(region) == 2:
        ends = [(_end(region[0], numbers), _end(region[1], numbers))]
    else:
        known = region.subs({s: exact_value(v) for s, v in numbers.items()}) if isinstance(region, sp.Basic) else region
        try:
            found = known.as_set() if isinstance(known, Boolean) and known.free_symbols == {coordinate} else known
        except (NotImplementedError, AttributeError, TypeError):
            found = None
        parts = found.args if isinstance(found, sp.Union) else (found,)
        if not all(isinstance(p, sp.Interval) for p in parts):
            raise ParameterError(
                f"a region on the line is (low, high), or a condition on {coordinate} such as {coordinate} > 0 that intervals fulfil; got {region!r}"
            )
        ends = [(_end(p.start, numbers), _end(p.end, numbers)) for p in parts]
    for low, high in ends:
        if not low < high:
            raise ParameterError(f"a region needs low < high, got ({low:.6g}, {high:.6g})")
    return ends


def _end(end: Any, numbers: Mapping[sp.Symbol, Any]) -> float:
    infinite = isinstance(end, float | int | sp.Expr) and not isinstance(end, bool) and end in (sp.oo, -sp.oo, math.inf, -math.inf)
    return float(end) if infinite else float(coordinate_of(end, numbers, role="an end of the region"))


def _share(line: Line, pieces: Pieces) -> tuple[float, float, float]:
    """Return (mantissa, shift, relative error) of the probability of these intervals."""
    rests = stable_points(line)
    scale = max(float(np.ptp(rests)), 1e-3 + abs(float(rests[0])), 1.0)
    left, right = far_edges(line, float(rests[0]), scale), -far_edges(line.mirrored(), -float(rests[-1]), scale)[::-1]
    inner = [float(e) for piece in pieces for e in piece if math.isfinite(e)]
    lowest, highest = min([float(left[0]), *inner]), max([float(right[-1]), *inner])
    base = np.unique(np.concatenate([left, right, np.linspace(lowest, highest, 257), inner]))
    check_diffusion(line, Panels(base).points.ravel(), where="where walkers go")
    edges = resolved_edges(line, np.unique(np.concatenate([base, line.breaks(base)])))
    before, shift = _inside(line, edges, pieces)
    for _ in range(HALVINGS):
        edges = halved(edges)
        value, shift_now = _inside(line, edges, pieces)
        error = abs(before * math.exp(shift - shift_now) / value - 1) if value > 0 else math.inf
        before, shift = value, shift_now
        if error < 1e-12:
            return value, shift, max(error, 1e-14)
    raise AccuracyError(f"the probability settled only to a relative error of {error:.1g}", estimate=before * math.exp(max(shift, -700)), error=error)


def _inside(line: Line, edges: np.ndarray, intervals: Pieces) -> tuple[float, float]:
    """Return (mantissa, shift) of the probability of these intervals with these panels."""
    panels = Panels(edges)
    slope, diffusion = line(panels.points)
    base = running_sum(panels.whole(slope))[:-1]
    weights = panels.whole(np.exp(-panels.running(slope)) * diffusion ** (line.weight - 1))
    chosen = np.any([(edges[:-1] >= low) & (edges[1:] <= high) for low, high in intervals], axis=0)
    if not np.any(chosen):
        return 0.0, 0.0
    own, all_ = float(np.min(base[chosen])), float(np.min(base))
    share = np.sum(weights[chosen] * np.exp(own - base[chosen])) / np.sum(weights * np.exp(all_ - base))
    return float(share), all_ - own
