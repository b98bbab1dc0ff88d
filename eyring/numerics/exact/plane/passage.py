r"""First passages in two coordinates, in numbers: the mean time over a line, the committor between two regions, and the leaking well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.plane.coefficients import plane_of
from eyring.numerics.exact.plane.exit import Leaving, converged
from eyring.numerics.exact.plane.krylov import iterated
from eyring.numerics.exact.plane.modes import Sheet, as_places
from eyring.numerics.exact.plane.region import ends_of, place_of
from eyring.numerics.exact.values import known_clock, matched_values
from eyring.theory.sde import SDE

__all__ = ["PlaneQuasiStationary", "plane_committor", "plane_escape_time", "plane_quasi_stationary"]

FAINT = 1e-12


def plane_escape_time(sde: SDE, start: Any, target: Any, values: Mapping[Any, Any] | None) -> Number:
    """Return the mean time from a point until a condition on the coordinates is first true, as ``exact_escape_time`` does."""
    found, error, clock = _answer(sde, start, {"target": target}, values, lambda leaving: leaving.times(np.ones(len(leaving.operator.mass))))
    return Number(found, 0.0, error, "time", clock)


def plane_committor(sde: SDE, start: Any, left: Any, right: Any, values: Mapping[Any, Any] | None) -> Number:
    """Return the probability that the condition ``right`` is true before ``left``, as ``exact_committor`` does."""
    found, error, clock = _answer(sde, start, {"left": left, "right": right}, values, lambda leaving: leaving.committor(1))
    return Number(found, 0.0, error, "probability", clock)


@dataclass(frozen=True)
class PlaneQuasiStationary:
    """The slowest mode of a process in two coordinates that ends at its exits: density p and survival weight w, int p = 1 and int p w = 1.

    From (x, y), the chance to be still inside after a long time t is w(x, y) e^(-rate t), and those inside are distributed by p.

    Attributes:
        rate: Walkers leave at this rate, per unit of time; from p the time of leaving is exponential with mean 1/rate.
        right: w on its elements.
        left: p on its elements.
    """

    rate: Number
    right: Sheet = field(repr=False)
    left: Sheet = field(repr=False)

    def density(self, x: Any, y: Any) -> Any:
        """Return p(x, y), per unit of area; zero beyond the exits and where walkers do not come.

        Args:
            x: A number or an array; a length.
            y: A number or an array, which broadcasts; a length.
        """
        return self._inside(self.left, x, y)

    def backward(self, x: Any, y: Any) -> Any:
        """Return w(x, y), the survival weight of a walker from there; zero beyond the exits and where walkers do not come.

        Args:
            x: A number or an array; a length.
            y: A number or an array, which broadcasts; a length.
        """
        return self._inside(self.right, x, y)

    def _inside(self, sheet: Sheet, x: Any, y: Any) -> Any:
        a, b = as_places(x, y)
        result, inside = np.zeros(a.shape), sheet.inside(a, b)
        result[inside] = np.maximum(sheet(a[inside], b[inside]), 0.0)
        return result[()]


def plane_quasi_stationary(sde: SDE, start: Any, exits: Any, values: Mapping[Any, Any] | None) -> PlaneQuasiStationary:
    """Return the density that walkers keep until the condition ``exits`` is true, as ``quasi_stationary`` does."""
    numbers = _numbers(sde, values)
    place = place_of(sde, start, role="start")
    end = ends_of(sde, exits, numbers, role="exits")
    rate, error, leaving = converged(plane_of(sde, numbers), (end,), place, lambda leaving: float(_slowest(leaving, leaving.times)[0]))
    mass, elements = leaving.operator.mass, leaving.elements
    w, p = _slowest(leaving, leaving.times)[1], _slowest(leaving, leaving.densities)[1]
    p = p / (mass @ p)
    number = Number(rate, 0.0, error, "1/time", known_clock(sde.clock, numbers))
    return PlaneQuasiStationary(number, Sheet(elements, w / (mass @ (p * w))), Sheet(elements, p))


def _slowest(leaving: Leaving, inverse: Callable[[np.ndarray], np.ndarray]) -> tuple[float, np.ndarray]:
    """Return the smallest rate of leaving and its mode."""
    start = leaving.times(np.ones(len(leaving.operator.mass))) if inverse == leaving.times else inverse((leaving.operator.mass > 0) * 1.0)
    rates, modes = iterated(inverse, leaving.operator.mass, start[None, :], 1)
    return float(rates[0].real), modes[0].real


def _answer(
    sde: SDE, start: Any, conditions: Mapping[str, Any], values: Mapping[Any, Any] | None, solver: Callable[[Leaving], np.ndarray]
) -> tuple[float, float, Any]:
    """Return what the solver finds at the start, its relative error, and the clock."""
    numbers = _numbers(sde, values)
    place = place_of(sde, start, role="start")
    ends = tuple(ends_of(sde, condition, numbers, role=role) for role, condition in conditions.items())
    x, y = np.array(place[:1]), np.array(place[1:])
    found, error, _ = converged(plane_of(sde, numbers), ends, place, lambda leaving: float(Sheet(leaving.elements, solver(leaving))(x, y)[0]))
    return found, error, known_clock(sde.clock, numbers)


def _numbers(sde: SDE, values: Mapping[Any, Any] | None) -> dict[sp.Symbol, Any]:
    numbers = matched_values(values, sde.parameters, asked_by="a first passage of this SDE", allowed=sde.clock.free_symbols)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("first passages in two coordinates are computed at one set of values; give single numbers, not arrays")
    return numbers
