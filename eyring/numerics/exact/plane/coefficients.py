"""Drift and diffusion of a process in two coordinates as functions of many points at once, in Ito's calculus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.sde import SDE

__all__ = ["Plane", "plane_of"]


@dataclass(frozen=True)
class Plane:
    """A process in two coordinates with a number for every parameter.

    Attributes:
        names: The coordinates as printed.
        numbers: The parameters, in the order of the compiled functions.
        runs: Compiled functions by name.
    """

    names: tuple[str, str]
    numbers: tuple[float, ...]
    runs: Mapping[str, Callable[..., Any]]

    def drift(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the Ito drift, (2, ...)."""
        return self._at("drift", x, y)

    def diffusion(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return D_xx, D_xy and D_yy, (3, ...)."""
        return self._at("diffusion", x, y)

    def divergence(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return sum_j dD_ij/dx_j, (2, ...)."""
        return self._at("divergence", x, y)

    def jacobian(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return df_i/dx_j, (2, 2, ...)."""
        return self._at("jacobian", x, y).reshape(2, 2, *np.shape(x))

    def _at(self, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            found = self.runs[name](x, y, *self.numbers)
        return np.stack([np.broadcast_to(np.asarray(entry, dtype=float), np.shape(x)) for entry in found])

    def demand_positive(self, x: np.ndarray, y: np.ndarray) -> None:
        """Refuse coefficients that are not finite, or a diffusion matrix that is not positive definite, at any of these points.

        Raises:
            NotApplicable: With the point and the smaller eigenvalue there.
        """
        drift, (a, b, c) = self.drift(x, y), self.diffusion(x, y)
        finite = np.all(np.isfinite(drift), axis=0) & np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
        if not np.all(finite):
            at = np.argmin(finite.ravel())
            raise NotApplicable(
                f"drift or diffusion is not finite at {self.written(x.ravel()[at], y.ravel()[at])}, where walkers come; two-dimensional answers need "
                "coefficients that are smooth wherever the process goes"
            )
        small = (a + c) / 2 - np.hypot((a - c) / 2, b)
        if np.min(small) <= 1e-12 * np.max(a + c):
            at = np.argmin(small)
            raise NotApplicable(
                f"the diffusion matrix is not positive definite at {self.written(x.ravel()[at], y.ravel()[at])}, where walkers come: its smaller "
                f"eigenvalue there is {small.ravel()[at]:.6g}; two-dimensional answers need noise in every direction"
            )

    def written(self, x: float, y: float) -> str:
        """Return a point as people write it."""
        return f"({self.names[0]}, {self.names[1]}) = ({x:.6g}, {y:.6g})"


def plane_of(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> Plane:
    """Return the process with these numbers; compiled once for all numbers.

    Raises:
        NotApplicable: If D jumps, or if its drift is written in Stratonovich's calculus and has no Ito form without the root of D.
    """
    ito = sde.ito()
    parameters = ito.parameters
    runs = _compiled(ito.drift, ito.diffusion, ito.coordinates, parameters)
    return Plane((str(sde.coordinates[0]), str(sde.coordinates[1])), tuple(float(numbers[s]) for s in parameters), runs)


@lru_cache(maxsize=32)
def _compiled(drift: sp.Matrix, diffusion: sp.Matrix, xs: tuple[sp.Symbol, ...], parameters: tuple[sp.Symbol, ...]) -> dict[str, Callable[..., Any]]:
    entries = {
        "drift": list(drift),
        "diffusion": [diffusion[0, 0], diffusion[0, 1], diffusion[1, 1]],
        "divergence": [sum(sp.diff(diffusion[i, j], x) for j, x in enumerate(xs)) for i in range(2)],
        "jacobian": [sp.diff(f, x).replace(sp.DiracDelta, lambda *_: sp.Integer(0)) for f in drift for x in xs],
    }
    if any(sp.sympify(e).has(sp.DiracDelta) for e in entries["divergence"]):
        raise NotApplicable("the diffusion matrix jumps, and in two coordinates noise must vary smoothly; write its step as a narrow tanh")
    return {name: sp.lambdify([*xs, *parameters], list(e), ["scipy", "numpy"], cse=True) for name, e in entries.items()}
