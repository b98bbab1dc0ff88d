"""A network's own drift and noise around the way: the weak-noise Hamiltonian of SGD by automatic differentiation, for networks of few parameters."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.func import grad, jacrev, vmap

from eyring.errors import NotApplicable
from eyring.numerics.exact.action.field import Entries, Field
from eyring.numerics.exact.action.flow import fixed_point
from eyring.numerics.exact.action.quasipotential import least_action
from eyring.numerics.exact.prefactor.motion import Motion
from eyring.numerics.exact.prefactor.sharp import log_prefactor_of
from eyring.validation.predictors.surroundings import Surroundings, Unit
from eyring.validation.probes.full_batch import in_float64
from eyring.validation.replicas.problem import TrainingProblem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NetworkSurroundings"]

MOST_WORK = 30_000
AT_ONCE = 2**20  # sample losses differentiated side by side


@dataclass(frozen=True, eq=False)
class NetworkSurroundings(Surroundings):
    """The network itself, asked wherever the most likely way leads.

    Attributes:
        problem: The network and its data.
    """

    problem: TrainingProblem

    def unit(self, minimum: np.ndarray, saddle: np.ndarray) -> Unit:
        """Follow the least action of d(theta) = -grad L dt + sqrt(2 G) dW, G(theta) exact.

        Raises:
            NotApplicable: If the network has too many parameters or samples, or one parameter alone.
        """
        n, work = self.problem.dimension, self.problem.samples * self.problem.dimension**2
        if n < 2 or work > MOST_WORK:
            raise NotApplicable(
                f"the least action is followed in networks of two parameters or more with (samples) x (parameters)^2 up to {MOST_WORK}, here it is "
                f"{self.problem.samples} x {n}^2: it needs third derivatives of the loss, and the noise in every direction, at thousands of points"
            )
        system = NetworkField.of(in_float64(self.problem))
        a, b = (_rest(system, position) for position in (minimum, saddle))
        found = least_action(system, a, b)
        strength = float(np.exp(np.linalg.slogdet(system.diffusion(a[None])[0])[1] / n))
        motion = Motion(system, strength, Entries((n,), (), lambda *_: []))
        log_prefactor, error = log_prefactor_of(motion, found.path, found.instanton)
        return Unit(found.value, log_prefactor, (error + found.error) / found.value)


@dataclass(frozen=True, eq=False)
class NetworkField(Field):
    """H(x, p) = -p.grad L + p.D p with D = G(x), its derivatives by automatic differentiation.

    Attributes:
        problem: The network and its data, in float64.
    """

    problem: TrainingProblem = field(kw_only=True)

    @classmethod
    def of(cls, problem: TrainingProblem) -> "NetworkField":
        """Return the field of a problem."""
        return cls(problem.dimension, {}, (), problem=problem)

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return -grad L, (k, n)."""
        return -self._each(grad(self.problem.loss), x)

    def diffusion(self, x: np.ndarray) -> np.ndarray:
        """Return D, (k, n, n)."""
        return self._each(self._covariance, x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return -H, (k, n, n)."""
        return -self._each(jacrev(grad(self.problem.loss)), x)

    def slope(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return dH/dx, (k, n)."""
        return self._each(grad(self._energy), x, p)

    def mixed(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return d2H/dp_i dx_j, (k, n, n)."""
        return self._each(jacrev(grad(self._energy, argnums=1), argnums=0), x, p)

    def curvature(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return d2H/dx_i dx_j, (k, n, n)."""
        return self._each(jacrev(grad(self._energy)), x, p)

    def _energy(self, x: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
        slopes = self.problem.sample_gradients(x) @ p  # reverse over reverse: forward derivatives are traced operation by operation, and slower
        return slopes.var(correction=0) - slopes.mean()

    def _covariance(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.problem.sample_gradients(x)
        centred = rows - rows.mean(0)
        return centred.T @ centred / len(rows)

    def _each(self, function: "Callable[..., torch.Tensor]", *points: np.ndarray) -> np.ndarray:
        tensors = (torch.as_tensor(np.ascontiguousarray(a), dtype=self.problem.dtype, device=self.problem.device) for a in points)
        chunk = max(AT_ONCE // (self.problem.samples * self.dim**2), 1)
        return np.asarray(vmap(function, chunk_size=chunk)(*tensors).detach().cpu().numpy())


def _rest(system: NetworkField, position: np.ndarray) -> np.ndarray:
    found = fixed_point(system, np.asarray(position, dtype=float))
    if found is None or np.max(np.abs(found - position)) > 1e-3 * (1 + np.max(np.abs(position))):
        raise NotApplicable("no point of rest of the full loss lies at the minimum, or at the saddle, of the path; probe them again")
    return np.asarray(found)
