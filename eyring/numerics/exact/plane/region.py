"""Regions of the plane where a walk ends: conditions on the coordinates whose borders run along the axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean

from eyring.errors import ParameterError
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["Ends", "ends_of", "place_of"]


@dataclass(frozen=True)
class Ends:
    """A region of the plane.

    Attributes:
        lines: Where its borders cross the first axis and the second.
        holds: Compiled condition.
    """

    lines: tuple[tuple[float, ...], tuple[float, ...]]
    holds: Any

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Whether points lie in the region."""
        return np.broadcast_to(np.asarray(self.holds(x, y), dtype=bool), np.shape(x))


def ends_of(sde: SDE, condition: Any, numbers: Mapping[sp.Symbol, Any], *, role: str) -> Ends:
    """Return the region of a condition such as ``x > 0`` or ``(x > 1) & (y < 2)``.

    Raises:
        ParameterError: If it is no condition, or one of its borders is not a value of one coordinate.
    """
    known = condition.subs({s: exact_value(v) for s, v in numbers.items()}) if isinstance(condition, Boolean) else condition
    if not isinstance(known, Boolean) or not known.atoms(Relational) or not known.free_symbols <= set(sde.coordinates):
        names = ", ".join(map(str, sde.coordinates))
        raise ParameterError(
            f"{role} must be a condition on {names}, such as {sde.coordinates[0]} > 0, with no other symbols in it; got {condition!r}"
        )
    lines: tuple[set[float], set[float]] = (set(), set())
    for border in known.atoms(Relational):
        gap = sp.expand(border.lhs - border.rhs)
        symbols = list(gap.free_symbols)
        if len(symbols) != 1 or not gap.is_polynomial(*symbols) or sp.degree(gap, symbols[0]) != 1:
            raise ParameterError(
                f"{role} has the border {border}, which does not run along an axis; first passages in two coordinates are computed to lines where "
                "one coordinate has a value: write the process in coordinates in which the border is such a line"
            )
        lines[sde.coordinates.index(symbols[0])].add(float(sp.solve(gap, symbols[0])[0]))
    return Ends((tuple(sorted(lines[0])), tuple(sorted(lines[1]))), sp.lambdify(sde.coordinates, known, "numpy"))


def place_of(sde: SDE, point: Any, *, role: str) -> tuple[float, float]:
    """Return the two coordinates of a point or critical point.

    Raises:
        ParameterError: If it has not two real, finite coordinates.
    """
    given = getattr(point, "position", point)
    try:
        x, y = (float(sp.N(c)) for c in given)
        if np.isfinite(x) and np.isfinite(y):
            return x, y
    except (TypeError, ValueError):
        pass
    raise ParameterError(f"{role} must be a point with the two real, finite coordinates {', '.join(map(str, sde.coordinates))}; got {point!r}")
