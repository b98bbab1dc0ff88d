"""Many walkers of a stochastic differential equation, stepped by Euler and Maruyama: x + f dt + sqrt(2 D dt) xi, f in Ito's calculus."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.simulation.noise_root import array_function, noise_root
from eyring.theory.sde import SDE

__all__ = ["EulerMaruyama", "drift_rates"]


@dataclass
class EulerMaruyama:
    """The walkers' positions and their next step.

    Attributes:
        drift: x -> f, (n, walkers).
        scatter: (x, standard normal numbers) -> sqrt(2 D) times them.
        time_step: dt.
        generator: Source of randomness.
        position: (n, walkers).
    """

    drift: Callable[[np.ndarray], np.ndarray]
    scatter: Callable[[np.ndarray, np.ndarray], np.ndarray]
    time_step: float
    generator: np.random.Generator
    position: np.ndarray

    @classmethod
    def of(cls, sde: SDE, start: np.ndarray, walkers: int, time_step: float, generator: np.random.Generator) -> "EulerMaruyama":
        """Place the walkers of an Ito SDE with numbers for its parameters."""
        drift = array_function(sde.coordinates, list(sde.drift))
        return cls(drift, noise_root(2 * sde.diffusion, sde.coordinates), time_step, generator, np.tile(start[:, None], walkers))

    def step(self) -> None:
        """Take one step with every walker."""
        normal = self.generator.standard_normal(self.position.shape)
        self.position = self.position + self.drift(self.position) * self.time_step + self.scatter(self.position, normal) * self.time_step**0.5

    def restart(self, walkers: np.ndarray, start: np.ndarray) -> None:
        """Put some walkers back to the start."""
        self.position[:, walkers] = start[:, None]


def drift_rates(sde: SDE, start: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the drift's derivative at the start: the rates of relaxation, negative.

    Raises:
        ParameterError: If one is not negative: the start is not a point of rest.
    """
    here: dict[Any, Any] = dict(zip(sde.coordinates, [sp.Float(float(c), 30) for c in start], strict=True))
    matrix = sp.Matrix(sde.drift).jacobian(list(sde.coordinates)).subs(here)
    rates = np.linalg.eigvals(np.array(matrix.evalf().tolist(), dtype=float))
    if np.max(rates.real) >= 0:
        raise ParameterError(f"the drift does not bring a walker back to the start {start.tolist()}; start from a minimum")
    return rates
