"""Stationary laws in numbers: the probability of a region on the line, and the covariance near a minimum in any number of dimensions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp
from scipy.linalg import solve_continuous_lyapunov

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.line import Line, check_diffusion, line_of, stable_points, symbolic_slope
from eyring.numerics.exact.quadrature import Panels, halved, running_sum
from eyring.numerics.exact.stability import demand_stable_minima
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.numerics.exact.values import coordinate_of, exact_value, known_clock, matched_values, swept
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["stationary_covariance", "stationary_probability"]

HALVINGS = 6
AT_REST = 1e-6  # the drift at a minimum, over the norm of its derivative


def stationary_probability(sde: SDE, *, region: Sequence[Any], values: Mapping[Any, Any] | None = None) -> Number:
    r"""Return the stationary probability of an interval, int_region m / int m with m = e^-Phi D^(q-1), Phi' = -f/D, f in the SDE's own calculus.

    Args:
        sde: A process in one coordinate.
        region: (low, high); an end may be a critical point or infinite.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.

    Returns:
        A probability with its error; ``.log`` holds it where it is too small for a float.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, does not confine, or D vanishes where walkers go.
        ParameterError: If the region is not an interval, or a value is missing, unknown or not real and finite.
        AccuracyError: If the panels do not converge.

    >>> x, D = sp.Symbol("x", real=True), sp.Symbol("D", positive=True)
    >>> round(float(stationary_probability(SDE(-x, D, [x]), region=(-1, 1), values={D: 1})), 12)    # erf(1/sqrt(2))
    0.682689492137
    """
    symbolic_slope(sde)
    if not isinstance(region, list | tuple) or len(region) != 2:
        raise ParameterError(f"a region on the line is (low, high), got {region!r}")

    def one(given: Mapping[Any, Any] | None) -> tuple[float, float, float, Any]:
        numbers = matched_values(given, sde.parameters, asked_by="stationary_probability of this SDE", allowed=sde.clock.free_symbols)
        demand_stable_minima(sde, numbers)
        low, high = (_end(e, numbers) for e in region)
        if not low < high:
            raise ParameterError(f"a region needs low < high, got ({low:.6g}, {high:.6g})")
        return (*_share(line_of(sde, numbers), low, high), known_clock(sde.clock, numbers))

    return swept(one, values, unit="probability")


def _end(end: Any, numbers: Mapping[sp.Symbol, Any]) -> float:
    infinite = isinstance(end, float | int | sp.Expr) and not isinstance(end, bool) and end in (sp.oo, -sp.oo, math.inf, -math.inf)
    return float(end) if infinite else float(coordinate_of(end, numbers, role="an end of the region"))


def _share(line: Line, low: float, high: float) -> tuple[float, float, float]:
    """Return (mantissa, shift, relative error) of the probability between low and high."""
    rests = stable_points(line)
    scale = max(float(np.ptp(rests)), 1e-3 + abs(float(rests[0])), 1.0)
    left, right = far_edges(line, float(rests[0]), scale), -far_edges(line.mirrored(), -float(rests[-1]), scale)[::-1]
    inner = [float(e) for e in (low, high) if math.isfinite(e)]
    lowest, highest = min([float(left[0]), *inner]), max([float(right[-1]), *inner])
    base = np.unique(np.concatenate([left, right, np.linspace(lowest, highest, 257), inner]))
    check_diffusion(line, Panels(base).points.ravel(), where="where walkers go")
    edges = resolved_edges(line, np.unique(np.concatenate([base, line.breaks(base)])))
    before, shift = _inside(line, edges, low, high)
    for _ in range(HALVINGS):
        edges = halved(edges)
        value, shift_now = _inside(line, edges, low, high)
        error = abs(before * math.exp(shift - shift_now) / value - 1) if value > 0 else math.inf
        before, shift = value, shift_now
        if error < 1e-12:
            return value, shift, max(error, 1e-14)
    raise AccuracyError(f"the probability settled only to a relative error of {error:.1g}", estimate=before * math.exp(max(shift, -700)), error=error)


def _inside(line: Line, edges: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """Return (mantissa, shift) of the probability between low and high with these panels."""
    panels = Panels(edges)
    slope, diffusion = line(panels.points)
    base = running_sum(panels.whole(slope))[:-1]
    weights = panels.whole(np.exp(-panels.running(slope)) * diffusion ** (line.weight - 1))
    chosen = (edges[:-1] >= low) & (edges[1:] <= high)
    if not np.any(chosen):
        return 0.0, 0.0
    own, all_ = float(np.min(base[chosen])), float(np.min(base))
    share = np.sum(weights[chosen] * np.exp(own - base[chosen])) / np.sum(weights * np.exp(all_ - base))
    return float(share), all_ - own


def stationary_covariance(sde: SDE, *, at: CriticalPoint | Sequence[Any] | float, values: Mapping[Any, Any] | None = None) -> Number:
    r"""Return the stationary covariance of the process made linear about a point of rest: A S + S A^T = 2 D(at), A = -df/dx at that point.

    Exact for a linear drift and constant D; else the leading order in the noise. In phase space positions and velocities both appear.

    Args:
        sde: A process in any number of coordinates (hundreds); its drift is read in Ito's calculus.
        at: The point of rest, usually a minimum: a critical point or one number a coordinate (the velocities may be left out).
        values: One number for each symbol, by symbol or printed name.

    Returns:
        The (n, n) covariance in ``.value``, with the error of the linear solution.

    Raises:
        NotApplicable: If the drift does not vanish there, or does not bring walkers back.
        ParameterError: If a value is missing, unknown or not real and finite.

    >>> x, y = sp.symbols("x y", real=True)
    >>> stationary_covariance(SDE([-2 * x, -y], sp.Matrix([[2, 3], [3, 5]]), [x, y]), at=(0, 0)).value.tolist()
    [[1.0, 2.0], [2.0, 5.0]]
    """
    numbers = matched_values(values, sde.parameters, asked_by="stationary_covariance of this SDE", allowed=sde.clock.free_symbols)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("a covariance is computed at one set of values; give single numbers")
    ito, exact = sde.ito(), {s: exact_value(v) for s, v in numbers.items()}
    place = dict(zip(sde.coordinates, _place(sde, at), strict=True))
    drift = np.array([_number(f, {**exact, **place}) for f in ito.drift])
    A = -np.array([_slopes(f.xreplace(exact), place) for f in ito.drift])
    if np.max(np.abs(drift)) > AT_REST * max(np.max(np.abs(A)), 1e-300):
        raise NotApplicable(
            f"the drift does not vanish at {tuple(map(str, place.values()))}: it is {drift.tolist()}; give a minimum, where walkers rest"
        )
    growing = np.linalg.eigvals(A).real.min()
    if growing <= 0:
        raise NotApplicable(
            f"the drift does not bring walkers back: its matrix has an eigenvalue with real part {growing:.3g}; leave flat directions out"
        )
    noise = 2 * np.array([[_number(d, {**exact, **place}) for d in row] for row in ito.diffusion.tolist()])
    covariance = solve_continuous_lyapunov(A, noise)
    correction = solve_continuous_lyapunov(A, noise - A @ covariance - covariance @ A.T)
    covariance = covariance + correction
    size = np.max(np.abs(covariance))
    if not np.all(np.isfinite(covariance)):
        raise EyringError("the Lyapunov equation has no finite solution at these numbers")
    error = max(float(np.max(np.abs(correction)) / size), len(A) * 1e-16) if size else 0.0
    return Number((covariance + covariance.T) / 2, 0.0, error, "length^2", known_clock(sde.clock, numbers))


def _number(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> float:
    return float(expression.xreplace(values)) if expression.free_symbols else float(expression)


def _slopes(expression: sp.Expr, place: Mapping[sp.Symbol, sp.Expr]) -> list[float]:
    """Return the derivatives at a place, term by term: of a linear drift in hundreds of coordinates they are read off."""
    found = dict.fromkeys(place, 0.0)
    for term in sp.Add.make_args(sp.expand(expression)):
        factor, rest = term.as_independent(*place, as_Add=False)
        for symbol in rest.free_symbols:
            found[symbol] += float(factor) if rest == symbol else _number(sp.diff(term, symbol), place)
    return list(found.values())


def _place(sde: SDE, at: Any) -> tuple[sp.Expr, ...]:
    """Return one number a coordinate; velocities left out are zero."""
    given = at.position if isinstance(at, CriticalPoint) else at if isinstance(at, list | tuple | np.ndarray | sp.MatrixBase) else (at,)
    numbers = [coordinate_of(g, {}, role="at") for g in given]
    if sde.landscape is not None and len(numbers) == sde.landscape.dim < sde.dim:
        numbers += [sp.Integer(0)] * (sde.dim - len(numbers))
    if len(numbers) != sde.dim:
        raise ParameterError(f"at needs {sde.dim} coordinates ({', '.join(map(str, sde.coordinates))}), got {len(numbers)}")
    return tuple(numbers)
