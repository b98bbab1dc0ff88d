"""Weak noise as mechanics, in units of the noise: motion z = (x, p) with the energy p.D p + b.p, and the small push of the calculus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.action.field import Entries, Field, field_of
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["Motion", "motion_of", "turned"]

KINKS = (sp.Piecewise, sp.DiracDelta, sp.Derivative, sp.Abs, sp.Max, sp.Min, sp.sign, sp.Heaviside)


@dataclass(frozen=True)
class Motion:
    """The energy H and its derivatives at many points z = (x, p), (k, 2n); D and 1/p are in units of ``noise``.

    Attributes:
        field: Drift and noise in their own units.
        noise: The unit of D: det(D)^(1/n) at the start.
        small: x -> g, the part of the Ito drift that is as small as the noise, in units of ``noise``, (k, n).
    """

    field: Field
    noise: float
    small: Entries

    @property
    def dim(self) -> int:
        """n, the number of coordinates."""
        return self.field.dim

    def slopes(self, z: np.ndarray) -> np.ndarray:
        """Return the gradient (H_x, H_p), (k, 2n)."""
        x, p = self._parts(z)
        by_momentum = self.field.drift(x) + 2 * np.einsum("kij,kj->ki", self.field.diffusion(x), p)
        return np.concatenate([self.noise * self.field.slope(x, p), by_momentum], axis=1)

    def curvatures(self, z: np.ndarray) -> np.ndarray:
        """Return the Hessian of H, (k, 2n, 2n)."""
        x, p = self._parts(z)
        mixed = self.field.mixed(x, p)
        top = np.concatenate([self.noise * self.field.curvature(x, p), np.swapaxes(mixed, 1, 2)], axis=2)
        bottom = np.concatenate([mixed, 2 * self.field.diffusion(x) / self.noise], axis=2)
        return np.concatenate([top, bottom], axis=1)

    def widening(self, z: np.ndarray) -> np.ndarray:
        """Return tr H_px = div b + 2 (div D).p, (k,)."""
        return np.trace(self.field.mixed(*self._parts(z)), axis1=1, axis2=2)

    def push(self, z: np.ndarray) -> np.ndarray:
        """Return g.p, (k,)."""
        x = z[:, : self.dim]
        return np.einsum("ki,ki->k", self.small.at([*x.T, *self.field.numbers], len(x)), z[:, self.dim :]) / self.noise

    def _parts(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return z[:, : self.dim], z[:, self.dim :] / self.noise


def motion_of(sde: SDE, numbers: Mapping[sp.Symbol, Any], at: np.ndarray, correction: Sequence[sp.Expr] | None = None) -> Motion:
    """Return the motion of an SDE.

    Args:
        sde: Its drift as written is b; its calculus gives g = (Ito drift) - b.
        numbers: One for each parameter.
        at: Where the noise is taken as the unit, (n,).
        correction: A further part of the Ito drift that is as small as the noise.

    Raises:
        NotApplicable: If the noise has no direction of its own somewhere, or drift or noise is not smooth.
        ParameterError: If the correction has the wrong length.
    """
    field = field_of(sde, numbers)
    matrix = field.diffusion(at[None])[0]
    if not (np.all(np.isfinite(matrix)) and np.linalg.eigvalsh(matrix)[0] > 0):
        raise NotApplicable(
            "the prefactor needs noise in every direction, and the diffusion matrix at the start has an eigenvalue that is not positive; for a "
            "process with momentum escape_time(..., theory='kramers-langer') has it"
        )
    if sde.drift.has(*KINKS) or sde.diffusion.has(*KINKS):
        raise NotApplicable(
            "the prefactor needs a drift and a diffusion with smooth derivatives up to the second, and here one has a jump or a kink; in one "
            "dimension exact_escape_time takes it as it is"
        )
    further = () if correction is None else tuple(exact_value(c) for c in correction)
    if correction is not None and len(further) != sde.dim:
        raise ParameterError(f"the correction to the drift needs {sde.dim} components, one for each coordinate, got {len(further)}")
    unknown = {s for c in further for s in c.free_symbols} - {*sde.coordinates, *sde.parameters}
    if unknown:
        raise ParameterError(f"the correction to the drift contains {', '.join(sorted(map(str, unknown)))}, which the SDE does not know")
    noise = float(np.exp(np.linalg.slogdet(matrix)[1] / sde.dim))
    return Motion(field, noise, _small(sde.with_(landscape=None, derivation=None), further))


@lru_cache(maxsize=32)
def _small(sde: SDE, correction: tuple[sp.Expr, ...]) -> Entries:
    small = sde.ito().drift - sde.drift + sp.Matrix(correction or [0] * sde.dim)
    return Entries.of([*sde.coordinates, *sde.parameters], (sde.dim,), {(i,): g for i, g in enumerate(small)})


def turned(slopes: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return J times gradients, or Hessians by their rows: (H_x, H_p) becomes the motion (H_p, -H_x)."""
    by_place, by_momentum = np.split(slopes, 2, axis=axis)
    return np.concatenate([by_momentum, -by_place], axis=axis)
