"""A loss as a compiled surface: heights, slopes and curvatures, courses downhill, and critical points to thirty digits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.exact.action.ends import written
from eyring.numerics.exact.action.field import Entries
from eyring.numerics.exact.action.flow import SNAP, fixed_point
from eyring.numerics.exact.values import exact_value, matched_values
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["Surface"]

DIGITS = 30
POLISHING = 4


@dataclass(frozen=True)
class Surface:
    """L with numbers for its parameters, at points (k, n).

    Attributes:
        loss: The landscape, without parameters.
        heights: L.
        slopes: Its gradient.
        curvatures: Its Hessian.
    """

    loss: Landscape
    heights: Entries
    slopes: Entries
    curvatures: Entries

    @classmethod
    def of(cls, loss: Landscape, values: Mapping[Any, Any] | None, *, asked_by: str) -> "Surface":
        """Put the numbers in and compile.

        Raises:
            ParameterError: If it is no landscape, or a value is missing or unknown.
        """
        if not isinstance(loss, Landscape):
            raise ParameterError(f"{asked_by} takes a Landscape, got {type(loss).__name__}; of an SDE with one temperature take its loss")
        numbers = matched_values(values, loss.parameters, asked_by=f"{asked_by} of this loss")
        if any(np.ndim(v) for v in numbers.values()):
            raise ParameterError(f"{asked_by} takes one number for each parameter")
        known = Landscape(loss.expression.subs({s: exact_value(v) for s, v in numbers.items()}), loss.coordinates, domain=loss.domain)
        xs, n = known.coordinates, known.dim
        upper: dict[tuple[int, ...], sp.Expr] = {(i, j): known.hessian[i, j] for i in range(n) for j in range(i, n)}
        return cls(
            known,
            Entries.of(xs, (1,), {(0,): known.expression}),
            Entries.of(xs, (n,), {(i,): g for i, g in enumerate(known.gradient)}),
            Entries.of(xs, (n, n), upper, symmetric=True),
        )

    def height(self, x: np.ndarray) -> np.ndarray:
        """Return L, (k,)."""
        return self.heights.at(list(x.T), len(x))[:, 0]

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient, (k, n)."""
        return self.slopes.at(list(x.T), len(x))

    def curvature(self, x: np.ndarray) -> np.ndarray:
        """Return the Hessian, (k, n, n)."""
        return self.curvatures.at(list(x.T), len(x))

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return the way downhill, -grad L."""
        return -self.slope(x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return its derivative."""
        return -self.curvature(x)

    def minimum(self, point: CriticalPoint | Sequence[float] | float, role: str) -> np.ndarray:
        """Return the minimum that a critical point or numbers within 1e-6 of it name.

        Raises:
            ParameterError: If there is none so near.
        """
        near = self.coordinates(point, role)
        found = fixed_point(self, near)
        if found is None or np.max(np.abs(found - near)) > SNAP:
            hint = "no critical point was found near it" if found is None else f"the nearest found is {written(found)}"
            slope = written(self.slope(near[None])[0])
            raise ParameterError(f"{role} {written(near)} is not a critical point of the loss: its slope there is {slope}; {hint}")
        curvatures = np.linalg.eigvalsh(self.curvature(found[None])[0])
        if curvatures[0] <= 0:
            raise ParameterError(f"{role} {written(found)} is no minimum of the loss: its curvatures are {written(curvatures)}")
        return found

    def coordinates(self, point: Any, role: str) -> np.ndarray:
        """Return the numbers of a point.

        Raises:
            ParameterError: If they are not n real, finite numbers.
        """
        position = point.position if isinstance(point, CriticalPoint) else point
        listed = list(position) if np.ndim(position) or isinstance(position, tuple | list | sp.MatrixBase) else [position]
        if len(listed) != self.loss.dim:
            raise ParameterError(f"{role} needs {self.loss.dim} coordinates ({', '.join(map(str, self.loss.coordinates))}), got {len(listed)}")
        numbers = [exact_value(c) for c in listed]
        if not all(c.is_number and c.is_real and c.is_finite for c in numbers):
            raise ParameterError(f"{role} must be real and finite, got {position}")
        return np.array([float(c) for c in numbers])

    def critical(self, x: np.ndarray) -> CriticalPoint:
        """Return the critical point at ``x``, polished by Newton's method to thirty digits.

        Raises:
            AccuracyError: If Newton's method leaves ``x``.
            NotApplicable: If the Hessian is singular there.
        """
        xs, size = self.loss.coordinates, 1 + float(np.max(np.abs(x)))
        with mpmath.workdps(DIGITS + 8):
            slope, curvature = (sp.lambdify(xs, m.tolist(), "mpmath", cse=True) for m in (self.loss.gradient, self.loss.hessian))
            place, step = mpmath.matrix(x.tolist()), None
            for _ in range(POLISHING):
                try:
                    step = mpmath.lu_solve(mpmath.matrix(curvature(*place)), mpmath.matrix(slope(*place)))
                except ZeroDivisionError as singular:
                    raise NotApplicable(f"the Hessian at {written(x)} is singular (a flat direction)") from singular
                place = place - step
                if mpmath.norm(step) < mpmath.mpf(10) ** (-DIGITS) * size:
                    break
            if mpmath.norm(step) > 1e-20 * size or mpmath.norm(place - mpmath.matrix(x.tolist())) > SNAP * size:
                raise AccuracyError(f"the critical point near {written(x)} did not settle: Newton's last step was {float(mpmath.norm(step)):.2g}")
            position = tuple(sp.Integer(0) if abs(c) < 1e-25 else sp.Float(c, DIGITS) for c in place)
        try:
            return self.loss.at(position)
        except NotApplicable:
            raise
        except EyringError as reason:
            raise NotApplicable(f"no critical point at {written(x)}: {reason}") from reason
