"""The quasipotential: what weak noise pays at least on the way from one place to another, whatever the drift and the shape of the noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.action.basin import attractor, demand_noise, explain, point_of, way_back
from eyring.numerics.exact.action.ends import End, attractor_end
from eyring.numerics.exact.action.field import Field, field_of
from eyring.numerics.exact.action.flow import SNAP, fixed_point
from eyring.numerics.exact.action.guess import along, bows, curve
from eyring.numerics.exact.action.line import action_on_line
from eyring.numerics.exact.action.newton import Trajectory, relaxed
from eyring.numerics.exact.action.path import Instanton, refined, roughness
from eyring.numerics.exact.values import demand_sde, exact_value, matched_values
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["Quasipotential", "least_action", "quasipotential"]

COARSEST = 24
LOOSEST = 1e-6
RETIMINGS = 6
FEW = 12  # Newton steps before the mesh is laid anew
ROUGH = 1e-2  # relative error of a coarse action that is good enough to be ranked
NEARLY = 1.05
SAME = 0.02
MANY = 10  # coordinates, from which on no more bows are tried than the straight line


@dataclass(frozen=True)
class Quasipotential:
    """The least action and its path.

    Attributes:
        value: phi, with ln(tau) = phi + O(1) for the escape over ``end``; no unit.
        error: A bound on its absolute error, estimated on the safe side.
        path: Points of the cheapest path from start to end, dense near both, (points, n).
        instanton: The path as it runs in time, with its momenta; None where it takes no exponential course in time (flat ends of one coordinate).
        process: The SDE and the numbers of its parameters.
    """

    value: float
    error: float
    path: np.ndarray = field(repr=False)
    instanton: Instanton | None = field(default=None, repr=False, compare=False)
    process: tuple[SDE, Mapping[sp.Symbol, Any]] | None = field(default=None, repr=False, compare=False)

    def __float__(self) -> float:
        return self.value

    @cached_property
    def prefactor(self) -> Number:
        """tau/exp(value), in units of time: tau the mean time to settle beyond the saddle at the end, sharp as the noise grows weak.

        Raises:
            NotApplicable: If the end is no saddle with one way down, drift or noise is not smooth, or noise is missing in some direction.
            AccuracyError: If it does not settle.
        """
        from eyring.numerics.exact.prefactor.sharp import log_prefactor
        from eyring.numerics.exact.values import known_clock

        assert self.process is not None
        sde, numbers = self.process
        log, error = log_prefactor(sde, numbers, self.path, self.instanton)
        return Number(1.0, log, error, "time", known_clock(sde.clock, numbers))


def quasipotential(
    sde: SDE,
    *,
    start: CriticalPoint | Sequence[float] | float,
    end: CriticalPoint | Sequence[float] | float,
    values: Mapping[Any, Any] | None = None,
    through: Sequence[Sequence[float]] | None = None,
) -> Quasipotential:
    r"""Return phi with ln(tau) = phi + O(1) as the noise grows weak: the least of (1/4) int |x' - f|^2_{1/D} dt over paths from start to end.

    The path takes infinite time at a fixed point; there the action is a quadratic form (Lyapunov's equation at the attractor, Riccati's at the
    saddle). Between, the path is a polynomial in each of many elements of time, found by Newton's method; elements are split until the action
    rests to eleven digits. A path that is only a saddle of the action, such as one on an axis of symmetry, is left along the direction that
    lowers it. The noise may depend on the place; the calculus does not matter for weak noise, and the drift is taken as it is written.

    Args:
        sde: drift f (n,), diffusion D (n, n), positive definite on the way.
        start: An attractor, such as a minimum; numbers are snapped to the zero of the drift within 1e-6.
        end: A saddle on the rim of its basin, or any point of the basin; to a point phi is the exponent of the stationary density there.
        values: Numbers by symbol or printed name; D must be a number matrix then.
        through: Points that the first guess passes through; left out, the course of the drift from end to start, a straight line and two bows
            aside are tried, and the cheapest path is kept.

    Raises:
        ParameterError: If a value is missing or unknown, a point has the wrong number of coordinates, or start is no zero of the drift.
        NotApplicable: If the diffusion is singular on the way (a process with momentum), start does not attract, or end lies in another basin.
        AccuracyError: If the path does not settle; it carries the action reached and its error.

    Source: Freidlin & Wentzell, ch. 4; Heymann & Vanden-Eijnden 2008 for other guesses than the straight one [recalled].

    >>> x, y = sp.symbols("x y", real=True)
    >>> quasipotential(SDE([x - x**3, -y], sp.eye(2) / 4, [x, y]), start=(-1, 0), end=(0, 0))  # the barrier 1/4 over 1/4
    Quasipotential(value=1.0..., error=...)
    """
    demand_sde(sde)
    numbers = matched_values(values, sde.parameters, asked_by="quasipotential of this SDE", allowed=sde.clock.free_symbols)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("quasipotential takes one number for each parameter; call it once for every point of an array")
    exact = {s: exact_value(v) for s, v in numbers.items()}
    system = field_of(sde, numbers)
    a, b = (point_of(p, sde, exact, role) for p, role in ((start, "start"), (end, "end")))
    if np.allclose(a, b, rtol=1e-12, atol=SNAP):
        raise ParameterError("start and end are the same point; the way between them costs nothing")
    for point, role in ((a, "start"), (b, "end")):
        demand_noise(system, point, role)
    a = attractor(system, a)
    found = _on_line(system, a, b) if sde.dim == 1 else least_action(system, a, b, through)
    return replace(found, process=(sde, numbers))


def least_action(system: Field, a: np.ndarray, b: np.ndarray, through: Sequence[Sequence[float]] | None = None) -> Quasipotential:
    """Return the least action between two places of a field of two or more coordinates, a its attractor; see ``quasipotential``."""
    begin = attractor_end(system, a)
    saddle, backwards = way_back(system, begin, b)
    b = saddle.point if saddle else b
    guesses = [_through(through, a, b)] if through is not None else [backwards[::-1], *bows(a, b)[: 3 if len(a) <= MANY else 1]]
    path, error = _cheapest(system, guesses, begin, saddle)
    if not error <= LOOSEST * path.action:
        raise AccuracyError(
            f"the least action settled only to {error / path.action:.1g} (relative), at {path.action:.6g}", path.action, error / path.action
        )
    instanton = Instanton.of(path)
    points = [a[None], instanton.points, b[None]] if saddle else [a[None], instanton.points]
    return Quasipotential(path.action, error, np.concatenate(points), instanton)


def _cheapest(system: Field, guesses: Sequence[np.ndarray], begin: End, saddle: End | None) -> tuple[Trajectory, float]:
    """Return the cheapest of the paths to which the guesses relax, and its error."""
    coarse: list[Trajectory] = []
    found: list[tuple[Trajectory, float]] = []
    failures: list[AccuracyError | NotApplicable] = []
    for guess in guesses:
        try:
            coarse.append(_timed(system, guess, begin, saddle))
        except (AccuracyError, NotApplicable) as reason:
            failures.append(reason)
    for path in _distinct(sorted(coarse, key=lambda p: p.action)):
        if found and path.action > NEARLY * found[0][0].action:
            break
        try:
            found.append(refined(path))
        except AccuracyError as reason:
            failures.append(reason)
    if not found:
        raise failures[-1]
    return min(found, key=lambda pair: pair[0].action)


def _timed(system: Field, guess: np.ndarray, begin: End, saddle: End | None) -> Trajectory:
    """Return the path to which a guess relaxes on a coarse mesh; where the mesh was wrong for it, it is laid anew along the path."""
    for _ in range(RETIMINGS):
        path = along(system, guess, begin, saddle, COARSEST)
        if not np.isfinite(path.action):
            explain(system, path.x)
        path = relaxed(path, settled=1e-7, rounds=FEW, finish=False)
        if roughness(path) < ROUGH:
            break
        guess = np.concatenate([begin.point[None], path.x, (saddle.point if saddle else path.x[-1])[None]])
    return path


def _distinct(paths: Sequence[Trajectory]) -> list[Trajectory]:
    """Leave out the paths that run where one before them runs."""
    kept: list[tuple[Trajectory, np.ndarray]] = []
    for path in paths:
        line = curve(path.x, np.linspace(0, 1, 50))
        if all(np.max(np.linalg.norm(line - other, axis=1)) > SAME * np.ptp(line, axis=0).max() for _, other in kept):
            kept.append((path, line))
    return [path for path, _ in kept]


def _on_line(system: Field, a: np.ndarray, b: np.ndarray) -> Quasipotential:
    """One coordinate: phi = -int f/D dx, and the path in time where its ends allow."""
    fixed = fixed_point(system, b)
    b = fixed if fixed is not None and np.max(np.abs(fixed - b)) <= SNAP else b
    value, error = action_on_line(system, float(a[0]), float(b[0]))
    try:
        found = least_action(system, a, b, None)
    except (NotApplicable, AccuracyError):
        share = (1 - np.cos(np.linspace(0, np.pi, 401))) / 2
        return Quasipotential(value, error, (a + share[:, None] * (b - a)))
    return Quasipotential(value, error, found.path, found.instanton)


def _through(through: Sequence[Sequence[float]], a: np.ndarray, b: np.ndarray) -> np.ndarray:
    given = np.asarray(through, dtype=float)
    if given.ndim != 2 or given.shape[1] != len(a) or not np.all(np.isfinite(given)):
        raise ParameterError(f"through needs a list of points of {len(a)} finite coordinates each, got {through!r}")
    return np.vstack([a[None], given, b[None]])
