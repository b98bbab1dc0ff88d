"""A one-dimensional process as plain functions: the slope of its potential Phi, its diffusion, and where they are not smooth.

With the drift f written in its own calculus (weight q), Phi' = -f/D, the scale density is e^Phi D^-q and the speed density e^-Phi D^(q-1).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.relational import Relational

from eyring.errors import NotApplicable, ParameterError
from eyring.theory.sde import SDE

__all__ = ["Line", "check_diffusion", "kinks_of", "line_of", "lines_of", "stable_points", "symbolic_slope", "zeros_on"]


@dataclass(frozen=True)
class Line:
    """The process along the coordinate ``side * x``, with numbers for every parameter.

    Attributes:
        coefficients: x -> (Phi', D), both of x's shape.
        kinks: Functions whose zeros are points where drift or diffusion is not smooth.
        weight: q of the calculus.
        side: 1, or -1 to look in the mirror.
        symbolic_kinks: The same as sympy expressions.
        shape: () for one process; (n,) for n processes side by side, whose values then have shape (n, *x.shape).
    """

    coefficients: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    kinks: tuple[Callable[[np.ndarray], np.ndarray], ...]
    weight: float
    side: int = 1
    symbolic_kinks: tuple[sp.Expr, ...] = ()
    shape: tuple[int, ...] = ()

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return dPhi/dy and D at the points y."""
        with np.errstate(all="ignore"):
            slope, diffusion = self.coefficients(self.side * y)
        return self.side * np.broadcast_to(slope, self.shape + y.shape), np.broadcast_to(diffusion, self.shape + y.shape)

    def _at(self, function: Callable[[np.ndarray], np.ndarray], y: np.ndarray) -> np.ndarray:
        return np.broadcast_to(function(self.side * y), self.shape + y.shape)

    def mirrored(self) -> "Line":
        """Return the same process seen in the mirror."""
        return replace(self, side=-self.side)

    def breaks(self, grid: np.ndarray) -> np.ndarray:
        """Return the points between the first and the last of a grid where drift or diffusion is not smooth; the grid must tell them apart.

        Of several processes, the points of all.
        """
        found = [zeros for kink in self.kinks for zeros in self._zeros(kink, grid)]
        return np.unique(np.concatenate([np.empty(0), *found]))

    def _zeros(self, kink: Callable[[np.ndarray], np.ndarray], grid: np.ndarray) -> list[np.ndarray]:
        if not self.shape:
            return [zeros_on(partial(self._at, kink), grid)]
        if np.ndim(kink(self.side * grid)) < 2:
            return self.one(0)._zeros(kink, grid)
        rows = range(self.shape[0])
        return [zeros_on(partial(self._row, kink, i), grid) for i in rows]

    def _row(self, function: Callable[[np.ndarray], np.ndarray], index: int, y: np.ndarray) -> np.ndarray:
        return self._at(function, y)[index]

    def one(self, index: int) -> "Line":
        """Return one of several processes."""

        def own(x: np.ndarray, values: Any) -> np.ndarray:
            return np.broadcast_to(values, self.shape + np.shape(x))[index]

        def coefficients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            slope, diffusion = self.coefficients(x)
            return own(x, slope), own(x, diffusion)

        def kink_of_one(kink: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
            return own(x, kink(x))

        return replace(self, shape=(), coefficients=coefficients, kinks=tuple(partial(kink_of_one, k) for k in self.kinks))


def symbolic_slope(sde: SDE) -> tuple[sp.Expr, sp.Expr]:
    """Return Phi' = -f/D and D of a one-dimensional process.

    Raises:
        NotApplicable: If it has more than one coordinate, or no noise at all.
    """
    if not isinstance(sde, SDE):
        raise ParameterError(f"an SDE is needed, from dynamics.sde(loss, noise) or ey.SDE(...); got {sde!r}")
    if sde.dim != 1:
        raise NotApplicable(
            f"exact quadrature works along one coordinate, and this SDE has {sde.dim} ({', '.join(map(str, sde.coordinates))}); use escape_time "
            "for a formula, relaxation_rates for momentum in one dimension, or simulate_escapes"
        )
    drift, diffusion = sde.drift[0], sde.diffusion[0, 0]
    if diffusion == 0:
        raise NotApplicable("D = 0: without noise the walker follows the drift and no escape time exists; give a positive diffusion")
    return -drift / diffusion, diffusion


@lru_cache(maxsize=256)
def _compiled(sde: SDE) -> tuple[tuple[sp.Symbol, ...], Callable[..., Any], tuple[Callable[..., Any], ...], tuple[sp.Expr, ...]]:
    slope, diffusion = symbolic_slope(sde)
    arguments = (sde.coordinates[0], *sde.parameters)
    kinks = tuple(kinks_of(sde.drift[0], diffusion))
    functions = tuple(sp.lambdify(arguments, k, ["scipy", "numpy"]) for k in kinks)
    return sde.parameters, sp.lambdify(arguments, [slope, diffusion], ["scipy", "numpy"], cse=True), functions, kinks


def line_of(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> Line:
    """Return the process with these numbers for its parameters."""
    parameters, both, kinks, symbolic = _compiled(sde)
    given = [float(numbers[p]) for p in parameters]
    functions = tuple(lambda x, k=k: k(x, *given) for k in kinks)
    return Line(lambda x: both(x, *given), functions, float(sde.calculus_weight), symbolic_kinks=symbolic)


def lines_of(sde: SDE, columns: np.ndarray) -> Line:
    """Return processes side by side, one for each row of values of the parameters, shape (n, parameters)."""
    _, both, kinks, symbolic = _compiled(sde)

    def given(x: np.ndarray) -> list[np.ndarray]:
        return [column.reshape(-1, *[1] * np.ndim(x)) for column in columns.T]

    functions = tuple(lambda x, k=k: k(x, *given(x)) for k in kinks)
    return Line(lambda x: both(x, *given(x)), functions, float(sde.calculus_weight), symbolic_kinks=symbolic, shape=(len(columns),))


def kinks_of(*expressions: sp.Expr) -> list[sp.Expr]:
    """Return what must vanish for Piecewise, Abs, sign, Max, Min and Heaviside to switch."""
    found: dict[sp.Expr, None] = {}
    for expression in expressions:
        for piecewise in expression.atoms(sp.Piecewise):
            relations = {r for _, condition in piecewise.args for r in condition.atoms(Relational)}
            found |= {r.lhs - r.rhs: None for r in sorted(relations, key=sp.default_sort_key)}
        for switch in expression.atoms(sp.Abs, sp.sign, sp.Heaviside):
            found[switch.args[0]] = None
        for extremum in expression.atoms(sp.Max, sp.Min):
            found |= {a - b: None for a in extremum.args for b in extremum.args if sp.default_sort_key(a) < sp.default_sort_key(b)}
    return list(found)


def zeros_on(function: Callable[[np.ndarray], np.ndarray], grid: np.ndarray) -> np.ndarray:
    """Return the sign changes of a function on a grid, bisected to rounding."""
    values = function(grid)
    exact = grid[values == 0]
    where = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    low, high = grid[where], grid[where + 1]
    at_low = np.sign(values[where])
    for _ in range(60 if len(where) else 0):
        middle = (low + high) / 2
        left = function(middle) * at_low > 0
        low, high = np.where(left, middle, low), np.where(left, high, middle)
    return np.concatenate([exact, (low + high) / 2])


def check_diffusion(line: Line, points: np.ndarray, *, where: str) -> None:
    """Refuse a diffusion that is zero, negative or undefined between the first and the last of increasing points.

    Raises:
        NotApplicable: With the point and the reason.
        ParameterError: If it is negative or not a number.
    """
    points = np.unique(np.concatenate([points, line.breaks(points)]))
    slope, diffusion = line(points)
    if line.shape:
        for index in np.flatnonzero(_doubtful(slope, diffusion)).tolist():
            check_diffusion(line.one(index), points, where=where)
        return
    if not np.any(diffusion):
        raise ParameterError("D = 0: without noise the walker follows the drift and no escape time exists; give a positive diffusion")
    if not np.all(np.isfinite(diffusion)) or np.any(diffusion < 0):
        bad = points[np.argmin(np.where(np.isfinite(diffusion), diffusion, -np.inf))]
        raise ParameterError(f"the diffusion D must be positive {where}; at {line.side * bad:.6g} it is {float(line(np.array([bad]))[1][0]):.6g}")
    lowest = int(np.argmin(diffusion))
    left, right = max(lowest - 1, 0), min(lowest + 1, len(points) - 1)
    beside = max(diffusion[left], diffusion[right])
    point, value = (
        _lowest(line, points[left], points[right], points[lowest], diffusion[lowest]) if diffusion[lowest] < 0.9 * beside else (0.0, beside)
    )
    if value <= 1e-13 * beside:
        raise NotApplicable(
            f"the diffusion D vanishes at {line.side * point:.9g}, {where}. Where the noise is zero the drift alone decides: no walker crosses "
            "against it, and an escape time through there is infinite. A noise C = |L''(x)|/B at every point does this at each inflection "
            "point; use the noise frozen at the minimum and then at the saddle, ey.noise.Hessian(switch=c), or the covariance of real batches, "
            "ey.noise.FiniteSum(losses)"
        )
    if not np.all(np.isfinite(slope)):
        raise ParameterError(f"the drift must be finite {where}; at {line.side * points[~np.isfinite(slope)][0]:.6g} it is not")


def _doubtful(slope: np.ndarray, diffusion: np.ndarray) -> np.ndarray:
    """Return which of several processes must be looked at one by one: all but those finite and positive with no dip of D between two points."""
    sound = np.all(np.isfinite(slope) & np.isfinite(diffusion) & (diffusion > 0), axis=-1)
    wide = np.pad(diffusion, ((0, 0), (1, 1)), mode="edge")
    beside = np.maximum(wide[:, 2:], wide[:, :-2])
    return np.asarray(~sound | np.any(diffusion < 0.9 * beside, axis=-1) & (diffusion.min(axis=-1) < 0.5 * diffusion.max(axis=-1)))


def _lowest(line: Line, low: float, high: float, best: float, value: float) -> tuple[float, float]:
    """Narrow in on a minimum of D by repeated zooming."""
    for _ in range(30):
        points = np.linspace(low, high, 9)
        diffusion = line(points)[1]
        i = int(np.argmin(diffusion))
        if diffusion[i] < value:
            best, value = points[i], diffusion[i]
        low, high = points[max(i - 1, 0)], points[min(i + 1, 8)]
    return float(best), float(value)


def stable_points(line: Line) -> np.ndarray:
    """Return where the drift comes to rest from both sides, found on a grid fine near zero and reaching to 10^9.

    Raises:
        NotApplicable: If there is none.
    """
    grid = np.sinh(np.linspace(-30, 30, 12_002)) * 1e-3
    rests = zeros_on(lambda y: line(y)[0], grid)
    step = 1e-6 * (1e-3 + np.abs(rests))
    stable = rests[(line(rests - step)[0] < 0) & (line(rests + step)[0] > 0)]
    if not len(stable):
        raise NotApplicable("the drift has no point of rest, so the walker runs away and nothing relaxes; give a loss with a minimum")
    return np.sort(stable)
