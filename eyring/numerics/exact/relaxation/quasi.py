r"""A well that leaks: the density that walkers keep while they have not yet left, and the rate at which they go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from sympy.logic.boolalg import Boolean

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.walk import way
from eyring.numerics.exact.line import Line, check_diffusion, line_of, symbolic_slope
from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.exact.relaxation.mode_curve import Curve, as_points
from eyring.numerics.exact.relaxation.mode_panels import Passes, settled
from eyring.numerics.exact.relaxation.modes import single_values
from eyring.numerics.exact.stability import demand_stable_steps
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.numerics.exact.values import known_clock
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

if TYPE_CHECKING:
    from eyring.numerics.exact.plane.passage import PlaneQuasiStationary

__all__ = ["QuasiStationary", "quasi_stationary"]

DROP, SHOWN = 115.0, 65.0
CLIMB = 3.0


@dataclass(frozen=True)
class QuasiStationary:
    """The slowest mode of a process that ends at its exits: density p and survival weight w, int p dx = 1 and int p w dx = 1.

    From x, the chance to be still inside after a long time t is w(x) e^(-rate t), and those inside are distributed by p.

    Attributes:
        rate: Walkers leave at this rate, per unit of time; from p the time of leaving is exponential with mean 1/rate.
        low: The left end: an exit, or where the far side begins.
        high: The right end.
        curve: The mode on its panels.
        content: (mantissa, shift) of the integral of m u.
        norm: (mantissa, shift) of the integral of m u^2.
    """

    rate: Number
    low: float
    high: float
    curve: Curve = field(repr=False)
    content: tuple[float, float] = field(repr=False)
    norm: tuple[float, float] = field(repr=False)

    def density(self, x: Any) -> Any:
        """Return p(x), per unit of length; zero outside.

        Args:
            x: A number or an array; a length.
        """
        return self._inside(as_points(x), (1 / self.content[0], -self.content[1]), weighted=True)

    def backward(self, x: Any) -> Any:
        """Return w(x), the survival weight of a walker from x; zero beyond an exit.

        Args:
            x: A number or an array; a length.

        Raises:
            ParameterError: If a point lies on the far side, where no walker is found.
        """
        points = as_points(x)
        left, right = self.curve.passes.walls
        if np.any((points < self.low) & (not left)) or np.any((points > self.high) & (not right)):
            raise ParameterError(f"the mode is known between {self.low:.6g} and {self.high:.6g}, where the process is found; asked for {x!r}")
        return self._inside(points, (self.content[0] / self.norm[0], self.content[1] - self.norm[1]), weighted=False)

    def _inside(self, points: np.ndarray, scale: tuple[float, float], *, weighted: bool) -> Any:
        inside = (points >= self.low) & (points <= self.high)
        result = np.zeros(points.shape)
        result[inside] = np.maximum(self.curve.values(points[inside], scale=scale, weighted=weighted), 0.0)
        return result[()]


def quasi_stationary(
    sde: SDE,
    *,
    start: CriticalPoint | float,
    exits: CriticalPoint | float | Sequence[CriticalPoint | float],
    values: Mapping[Any, Any] | None = None,
) -> "QuasiStationary | PlaneQuasiStationary":
    r"""Return the density that walkers keep as long as they have not reached an exit, and the rate at which they leave.

    The smallest eigenvalue of L p = -rate p with p = 0 at the exits; relative accuracy is kept however high the barrier. Over a high
    barrier it tends to 1/tau, tau the mean time from the bottom.

    Args:
        sde: A process in one coordinate; or in two, with any drift and any positive definite D(x, y).
        start: A point of the well, which says on which side of the exits; a length.
        exits: In two coordinates a condition with borders along the axes, such as ``x > 0``. In one, the point
            whose first passage ends the walk, such as the saddle, or two points, one on each side of the start; lengths.
        values: One number for each symbol, by symbol or printed name.

    Returns:
        An object with ``.rate``, ``.density(x)`` and ``.backward(x)``.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, the side without an exit does not confine, or D vanishes inside.
        ParameterError: If a value is missing, unknown, an array, or not real and finite, or the start is not between two exits.
        AccuracyError: If two resolutions disagree.

    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> box = quasi_stationary(SDE(0, 1, [x]), start=1, exits=(0, 2))       # sin(pi x/2), rate (pi/2)^2
    >>> [round(float(v), 9) for v in (box.rate, box.density(1), box.backward(1))]
    [2.4674011, 0.785398163, 1.273239545]
    """
    if sde.dim == 2 and isinstance(exits, Boolean):
        from eyring.numerics.exact.plane.passage import plane_quasi_stationary

        return plane_quasi_stationary(sde, start, exits, values)
    symbolic_slope(sde)
    numbers = single_values(sde, values, "quasi_stationary")
    places = tuple(exits) if isinstance(exits, list | tuple) else (exits,)
    if len(places) not in (1, 2):
        raise ParameterError(f"a walk along a line has one exit or two, got {len(places)}: give the saddle, or (left, right)")
    ways = [way(start, place, numbers) for place in places]
    for begin, end in ways:
        demand_stable_steps(sde, begin, end, numbers)
    here, found = float(ways[0][0]), [float(end) for _, end in ways]
    lower, upper = [e for e in found if e < here], [e for e in found if e > here]
    if max(len(lower), len(upper)) > 1:
        raise ParameterError(f"start = {here:.6g} must lie between two exits, got {found[0]:.6g} and {found[1]:.6g}; one is never reached first")
    line = line_of(sde, numbers)
    check_diffusion(line, np.linspace(min(here, found[0]), max(here, found[0]), 65), where="between start and exit")
    edges = _edges(line, here, lower, upper)
    passes, rates, errors = settled(Passes.of(line, edges, (bool(lower), bool(upper))), range(1), lambda _: edges)
    curve = Curve.of(passes, rates[0])
    shown = _far(line, here, lower, upper, SHOWN)
    rate = Number(*rates[0], errors[0], "1/time", known_clock(sde.clock, numbers))
    return QuasiStationary(rate, float(shown[0]), float(shown[-1]), curve, curve.content(1), curve.content(2))


def _edges(line: Line, here: float, lower: list[float], upper: list[float]) -> np.ndarray:
    """Return panel edges from end to end, Phi changing little on each."""
    rough = _far(line, here, lower, upper, DROP)
    points = np.unique(np.concatenate([Panels(rough).points.ravel(), rough]))
    check_diffusion(line, points, where="between the two ends")
    return resolved_edges(line, np.unique(np.concatenate([rough, line.breaks(points)])), steepest=CLIMB)


def _far(line: Line, here: float, lower: list[float], upper: list[float], drop: float) -> np.ndarray:
    """Return edges from the left exit or far side to the right one."""
    scale = abs((lower + upper)[0] - here)
    left = np.linspace(lower[0], here, 65) if lower else far_edges(line, here, scale, drop=drop)
    right = np.linspace(here, upper[0], 65) if upper else -far_edges(line.mirrored(), -here, scale, drop=drop)
    return np.unique(np.concatenate([left, right]))
