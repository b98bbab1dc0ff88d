"""The quasipotential: what weak noise pays at least on the way from one place to another, whatever the drift and the shape of the noise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.values import exact_value, matched_values
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["Quasipotential", "quasipotential"]

Function = Callable[..., np.ndarray]
COARSEST = 32
REFINEMENTS = 4
BOWS = (0.0, 0.15, -0.15)  # how far the first paths bend aside, in units of the distance
NEWTON = 60
STEP = 1e-6
LOOSEST = 1e-4
CAUTION = 5.0  # a path that spirals out of its attractor is not smooth, and converges slowly in every column


@dataclass(frozen=True)
class Quasipotential:
    """The least action and its path.

    Attributes:
        value: phi, with ln(tau) = phi + O(1) for the escape over ``end``; no unit.
        error: Its estimated absolute error.
        path: Points of the cheapest path, evenly spaced, (points, n).
    """

    value: float
    error: float
    path: np.ndarray

    def __float__(self) -> float:
        return self.value


def quasipotential(
    sde: SDE,
    *,
    start: CriticalPoint | Sequence[float] | float,
    end: CriticalPoint | Sequence[float] | float,
    values: Mapping[Any, Any] | None = None,
    through: Sequence[Sequence[float]] | None = None,
) -> Quasipotential:
    r"""Return phi with ln(tau) = phi + O(1) as the noise grows weak: the least of (1/4) int |x' - f|^2_{1/D} dt over paths from start to end.

    In the geometric form, phi = (1/2) int (|x'| |f| - x'.f) ds in the metric 1/D, the time of the path is gone. The path is a string of points,
    found by Newton's method; their number is doubled and the limit taken (Richardson). The noise may depend on the place; the calculus does
    not matter for weak noise, and the drift is taken as it is written.

    Args:
        sde: drift f (n,), diffusion D (n, n), positive definite on the way.
        start: An attractor, such as a minimum.
        end: A saddle or a point of the basin.
        values: Numbers by symbol or printed name; D must be a number matrix then.
        through: Points that the first guess passes through; left out, a straight line and two bows aside are tried and the cheapest is kept:
            a path on an axis of symmetry may be a saddle of the action.

    Raises:
        ParameterError: If a value is missing or unknown, or a point has the wrong number of coordinates.
        NotApplicable: If the diffusion is singular on the way (a process with momentum).
        AccuracyError: If the strings do not settle.

    Source: Freidlin & Wentzell, ch. 4; Heymann & Vanden-Eijnden 2008 for the geometric form [recalled].
    """
    numbers = matched_values(values, sde.parameters, asked_by="quasipotential of this SDE", allowed=sde.clock.free_symbols)
    exact = {s: exact_value(v) for s, v in numbers.items()}
    field = _Field.of(sde, exact)
    ends = np.array([_point(p, sde, exact, role) for p, role in ((start, "start"), (end, "end"))])
    if np.allclose(ends[0], ends[1]):
        raise ParameterError("start and end are the same point; the way between them costs nothing")
    guesses = _guesses(ends, through)
    found = min((_relaxed(field, _even(g, COARSEST)) for g in guesses), key=field.action)
    strings = [found]
    for _ in range(REFINEMENTS):
        strings.append(_relaxed(field, _even(strings[-1], 2 * (len(strings[-1]) - 1)), rounds=1))
    value, error = _limit([field.action(s) for s in strings])
    if not error <= LOOSEST * value:
        raise AccuracyError(f"the least action settled only to {error / value:.1g} (relative)", value, error)
    return Quasipotential(value, error, strings[-1])


@dataclass(frozen=True)
class _Field:
    """Drift and inverse diffusion at many points at once, with their derivatives."""

    drift: Function
    inverse: Function
    drift_slopes: Function
    inverse_slopes: Function
    dim: int

    @classmethod
    def of(cls, sde: SDE, exact: Mapping[sp.Symbol, sp.Expr]) -> "_Field":
        drift, diffusion = sde.drift.subs(exact), sde.diffusion.subs(exact)
        if sp.simplify(diffusion.det()) == 0:
            raise NotApplicable(
                "the diffusion matrix is singular: some direction has no noise of its own, as in a process with momentum; there the exponent is the "
                "barrier over the temperature if that is one number: escape_time"
            )
        inverse = diffusion.inv()
        xs, n = sde.coordinates, sde.dim
        slopes = [[[sp.diff(inverse[i, j], x) for x in xs] for j in range(n)] for i in range(n)]
        jacobian = [[sp.diff(f, x) for x in xs] for f in drift]
        return cls(_array(xs, list(drift)), _array(xs, inverse.tolist()), _array(xs, jacobian), _array(xs, slopes), n)

    def action(self, string: np.ndarray) -> float:
        """Return the geometric action of a string of points, by midpoints."""
        return float(np.sum(self._parts(string)[0]))

    def gradient(self, string: np.ndarray) -> np.ndarray:
        """Return its derivative by the inner points, (points - 2, n)."""
        _, by_step, by_place = self._parts(string)
        return by_step[:-1] - by_step[1:] + (by_place[:-1] + by_place[1:]) / 2

    def _parts(self, string: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        step, place = np.diff(string, axis=0), (string[1:] + string[:-1]) / 2
        f, M, J, dM = self.drift(place), self.inverse(place), self.drift_slopes(place), self.inverse_slopes(place)
        Ms, Mf = np.einsum("kij,kj->ki", M, step), np.einsum("kij,kj->ki", M, f)
        length, speed = np.sqrt(np.sum(step * Ms, axis=1)), np.sqrt(np.sum(f * Mf, axis=1))
        parts = (length * speed - np.sum(step * Mf, axis=1)) / 2
        ratio = (speed / length)[:, None]
        by_step = (ratio * Ms - Mf) / 2
        by_drift = np.einsum("kia,ki->ka", J, Mf / ratio - Ms) / 2
        stretch = (ratio[:, 0, None, None] * np.einsum("ki,kj->kij", step, step) + np.einsum("ki,kj->kij", f, f) / ratio[:, :, None]) / 2
        by_metric = np.einsum("kija,kij->ka", dM, stretch - np.einsum("ki,kj->kij", step, f)) / 2
        return parts, by_step, by_drift + by_metric


def _array(xs: Sequence[sp.Symbol], entries: list) -> Function:
    """Return a function of points (k, n) with values (k, *shape of the entries)."""
    shape = np.shape(np.array(entries, dtype=object))
    compiled = [sp.lambdify(xs, e, "numpy") for e in np.array(entries, dtype=object).ravel()]

    def at(points: np.ndarray) -> np.ndarray:
        columns = [np.broadcast_to(np.asarray(c(*points.T), dtype=float), (len(points),)) for c in compiled]
        return np.stack(columns, axis=-1).reshape(len(points), *shape)

    return at


def _point(point: Any, sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], role: str) -> np.ndarray:
    position = point.position if isinstance(point, CriticalPoint) else point
    listed = list(position) if np.ndim(position) or isinstance(position, tuple | list | sp.MatrixBase) else [position]
    if len(listed) != sde.dim:
        raise ParameterError(f"{role} needs {sde.dim} coordinates ({', '.join(map(str, sde.coordinates))}), got {len(listed)}")
    numbers = [exact_value(c).subs(dict(exact)) for c in listed]
    if not all(c.is_number and c.is_real and c.is_finite for c in numbers):
        raise ParameterError(f"{role} must be real and finite, got {position}")
    return np.array([float(c) for c in numbers])


def _guesses(ends: np.ndarray, through: Sequence[Sequence[float]] | None) -> list[np.ndarray]:
    if through is not None:
        return [np.vstack([ends[:1], np.asarray(through, dtype=float), ends[1:]])]
    share = np.linspace(0, 1, COARSEST + 1)[:, None]
    straight = ends[0] + share * (ends[1] - ends[0])
    if ends.shape[1] == 1:
        return [straight]
    tangent = ends[1] - ends[0]
    aside = np.zeros_like(tangent)
    aside[int(np.argmin(np.abs(tangent)))] = np.linalg.norm(tangent)
    aside -= tangent * (aside @ tangent) / (tangent @ tangent)
    return [straight + bow * np.sin(np.pi * share) * aside for bow in BOWS]


def _even(string: np.ndarray, segments: int) -> np.ndarray:
    """Return points evenly spaced along the string, by cubic splines."""
    from scipy.interpolate import CubicSpline

    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(string, axis=0), axis=1))])
    curve = CubicSpline(lengths, string, axis=0) if len(string) > 3 else None
    wanted = np.linspace(0, lengths[-1], segments + 1)
    even = curve(wanted) if curve is not None else np.stack([np.interp(wanted, lengths, c) for c in string.T], axis=1)
    even[0], even[-1] = string[0], string[-1]
    return even


def _relaxed(field: _Field, string: np.ndarray, *, rounds: int = 3) -> np.ndarray:
    """Move the inner points across the string until the action is least; space them evenly, and again."""
    if field.dim == 1:
        return string
    for _ in range(rounds):
        string = _even(_across(field, string), len(string) - 1)
    return _across(field, string)


def _across(field: _Field, string: np.ndarray) -> np.ndarray:
    """Minimise over displacements normal to the string, by Newton's method with steps that lower the action."""
    normals = _normals(string)
    shape = normals.shape[0], normals.shape[2]

    def moved(shift: np.ndarray) -> np.ndarray:
        result = string.copy()
        result[1:-1] += np.einsum("kaj,kj->ka", normals, shift.reshape(shape))
        return result

    def gradient(shift: np.ndarray) -> np.ndarray:
        return np.einsum("kaj,ka->kj", normals, field.gradient(moved(shift))).ravel()

    shift = np.zeros(shape[0] * shape[1])
    cost, damping = field.action(string), 0.0
    size = float(np.max(np.linalg.norm(np.diff(string, axis=0), axis=1)))
    for _ in range(NEWTON):
        slope = gradient(shift)
        hessian = _banded_hessian(gradient, shift, shape[1], STEP * size)
        step = _newton_step(hessian, slope, shape[1], damping)
        trial = field.action(moved(shift + step))
        if trial <= cost + 1e-15 * abs(cost) and np.max(np.abs(step)) < 20 * size:
            shift, cost, damping = shift + step, trial, damping / 8 if damping > 1e-9 else 0.0
            if np.max(np.abs(step)) < 1e-9 * size:
                break
        else:
            damping = max(8 * damping, 1e-3 * float(np.max(np.abs(hessian[0]))))
    return moved(shift)


def _normals(string: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis across the string at its inner points, (points - 2, n, n - 1)."""
    tangents = string[2:] - string[:-2]
    return np.swapaxes(np.linalg.svd(tangents[:, None, :])[2][:, 1:], 1, 2)


def _banded_hessian(gradient: Callable[[np.ndarray], np.ndarray], at: np.ndarray, width: int, step: float) -> np.ndarray:
    """Return the lower bands of the symmetric Hessian by differences of the gradient; points further than one apart do not feel each other."""
    n, reach = len(at), 2 * width - 1
    stride = 3 * width
    bands = np.zeros((reach + 1, n))
    for colour in range(min(stride, n)):
        kick = np.zeros(n)
        kick[colour::stride] = step
        response = (gradient(at + kick) - gradient(at - kick)) / (2 * step)
        for column in range(colour, n, stride):
            last = min(column + reach, n - 1)
            bands[: last - column + 1, column] = response[column : last + 1]
    return bands


def _newton_step(bands: np.ndarray, slope: np.ndarray, width: int, damping: float) -> np.ndarray:
    """Solve (H + damping) step = -slope; where H is not positive, raise the damping until it is."""
    from scipy.linalg import LinAlgError, solveh_banded

    for _ in range(60):
        shifted = bands.copy()
        shifted[0] += damping
        try:
            return -np.asarray(solveh_banded(shifted, slope, lower=True))
        except LinAlgError:
            damping = max(4 * damping, 1e-4 * float(np.max(np.abs(bands[0]))))
    raise AccuracyError("the string of points could not be relaxed: the action is not finite somewhere near it")


def _limit(actions: list[float]) -> tuple[float, float]:
    """Return the limit of values at halved spacings with an error in even powers (Romberg), and how far its two steadiest columns are from rest."""
    table = [list(actions)]
    for k in range(1, len(actions)):
        factor = 4.0**k
        table.append([(factor * b - a) / (factor - 1) for a, b in zip(table[-1], table[-1][1:], strict=False)])
    candidates = sorted((abs(column[-1] - column[-2]), column[-1]) for column in table if len(column) > 1)
    (moved, value), (other_moved, other) = candidates[:2]
    return value, max(CAUTION * max(moved, other_moved, abs(value - other)), 1e-13 * abs(value))
