"""What a cheapest path may lie between: points of one basin, where noise acts in every direction."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.action.ends import End, saddle_end, written
from eyring.numerics.exact.action.field import Field
from eyring.numerics.exact.action.flow import SNAP, course, fixed_point, leaving
from eyring.numerics.exact.values import exact_value
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["attractor", "demand_noise", "explain", "point_of", "way_back"]

LARGEST = 1e100
SINGULAR = 1e-13


def point_of(point: Any, sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], role: str) -> np.ndarray:
    """Return the numbers of a point, a critical point or coordinates, in which symbols of the parameters may stand.

    Raises:
        ParameterError: If they are not n real, finite numbers.
    """
    position = point.position if isinstance(point, CriticalPoint) else point
    listed = list(position) if isinstance(position, tuple | list | sp.MatrixBase) or np.ndim(position) else [position]
    if len(listed) != sde.dim:
        raise ParameterError(f"{role} needs {sde.dim} coordinates ({', '.join(map(str, sde.coordinates))}), got {len(listed)}")
    numbers = [exact_value(c).subs(dict(exact)) for c in listed]
    if not all(c.is_number and c.is_real and c.is_finite for c in numbers):
        raise ParameterError(f"{role} must be real and finite, got {position}")
    if any(abs(c) > LARGEST for c in numbers):
        raise ParameterError(f"{role} lies beyond 1e100, where floating-point numbers know no neighbours; choose other units")
    return np.array([float(c) if abs(c) > 1 / LARGEST else 0.0 for c in numbers])


def attractor(system: Field, a: np.ndarray) -> np.ndarray:
    """Return the zero of the drift within 1e-6."""
    fixed = fixed_point(system, a)
    if fixed is not None and np.max(np.abs(fixed - a)) <= SNAP:
        return fixed
    hint = f"the nearest zero found is {written(fixed)}" if fixed is not None else "no zero was found near it"
    raise ParameterError(f"start {written(a)} is not a fixed point of the drift, which is {written(system.drift(a[None])[0])} there; {hint}")


def demand_noise(system: Field, at: np.ndarray, role: str) -> None:
    """Raise where drift or noise is not finite, or the noise is not positive definite."""
    f, D = system.drift(at[None])[0], system.diffusion(at[None])[0]
    if not (np.all(np.isfinite(f)) and np.all(np.isfinite(D))):
        raise NotApplicable(f"the drift or the diffusion is not finite at {role} {written(at)}: drift {written(f)}")
    least = np.linalg.eigvalsh(D)
    if least[0] < -SINGULAR * least[-1] or least[-1] <= 0:
        raise NotApplicable(f"the diffusion matrix is not positive definite at {role} {written(at)}: its eigenvalues are {written(least)}")
    if least[0] <= SINGULAR * least[-1]:
        raise NotApplicable(
            f"the diffusion matrix is singular at {role} {written(at)}: some direction has no noise of its own, as in a process with momentum; "
            "there the exponent is the barrier over the temperature if that is one number: escape_time"
        )


def explain(system: Field, points: np.ndarray) -> None:
    """Raise for the first point of a guess where drift or noise fails."""
    for point in points:
        demand_noise(system, point, "a point on the way,")
    raise NotApplicable("the action is not finite on the first guess; give through=[points on the way] where drift and noise are finite")


def way_back(system: Field, begin: End, b: np.ndarray) -> tuple[End | None, np.ndarray]:
    """Return the saddle at ``b``, or None if it is an ordinary point, and the course of the drift from it to the attractor.

    Raises:
        NotApplicable: If the drift does not lead there.
    """
    size = float(np.linalg.norm(b - begin.point))
    fixed = fixed_point(system, b)
    if fixed is None or np.max(np.abs(fixed - b)) > SNAP:
        back = course(system, b, size=size)
        if not back.reaches(begin.point, within=1e-3 * size):
            near = "" if fixed is None else f"; the zero of the drift nearest to it is {written(fixed)}"
            raise NotApplicable(
                f"end {written(b)} does not lie in the basin of start {written(begin.point)}: the drift from it {back}{near}. The way "
                "there leads over a saddle, and costs what the way to the saddle does: end at the saddle"
            )
        return None, back.points
    end = saddle_end(system, fixed)
    if not np.any(end.form):
        raise NotApplicable(
            f"end {written(fixed)} is an attractor itself: the cheapest way there leads over a saddle between the two, and costs what the way to "
            "the saddle does: end at the saddle"
        )
    courses = []
    for back in leaving(system, fixed, size=size):
        if back.reaches(begin.point, within=1e-3 * size):
            return end, np.concatenate([fixed[None], back.points])
        courses.append(str(back))
    raise NotApplicable(
        f"the saddle {written(fixed)} is not on the rim of the basin of start {written(begin.point)}: the drift from it {' or '.join(courses)}; "
        "take the saddles one after the other, each from its own attractor"
    )
