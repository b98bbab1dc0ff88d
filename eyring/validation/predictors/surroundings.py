"""Drift and noise around the way out, not only on it: what the least action over all paths needs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from math import log
from typing import TYPE_CHECKING

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise

if TYPE_CHECKING:
    from eyring.validation.predictors.case import Case

__all__ = ["KnownLandscape", "Sharp", "Surroundings", "Unit"]


@dataclass(frozen=True)
class Sharp:
    """ln of the iterations to settle beyond the saddle, its numerical error, and the least action in it."""

    value: float
    error: float
    exponent: float


@dataclass(frozen=True)
class Unit:
    """The same for noise D = G, one sample's: the exponent is in proportion to 1/D, and what stands before the exponential does not change with D.

    Attributes:
        action: The least action.
        log_prefactor: ln of tau/exp(action), in time.
        error: Of both together, relative to the action.
    """

    action: float
    log_prefactor: float
    error: float


@dataclass(frozen=True, eq=False)
class Surroundings(ABC):
    """What is known of drift and noise around the way; asked once for a way, whatever the learning rate and the batch."""

    _known: dict[bytes, Unit] = field(default_factory=dict, init=False, repr=False)

    @abstractmethod
    def unit(self, minimum: np.ndarray, saddle: np.ndarray) -> Unit:
        """Return the least action and its prefactor for d(theta) = -grad L dt + sqrt(2 G) dW.

        Raises:
            NotApplicable: If there is none.
            AccuracyError: If it does not settle.
        """

    def sharp(self, case: "Case") -> Sharp:
        """Return the sharp escape time of SGD at the learning rate eta/(1 - mu) over the case's saddle."""
        ends = case.minimum.position, case.saddle.position
        key = np.concatenate(ends).tobytes()
        if key not in self._known:
            self._known[key] = self.unit(*ends)
        unit, strength = self._known[key], case.training.temperature_per_covariance * case.training.per_sample
        exponent = unit.action / strength
        return Sharp(unit.log_prefactor + exponent - log(case.training.step), unit.error * exponent, exponent)


@dataclass(frozen=True, eq=False)
class KnownLandscape(Surroundings):
    """A loss and its gradient noise as formulas, in the coordinates of the path.

    Attributes:
        loss: The landscape.
        noise: Its gradient noise, such as ``ey.noise.FiniteSum(losses)``.
    """

    loss: Landscape
    noise: GradientNoise

    def unit(self, minimum: np.ndarray, saddle: np.ndarray) -> Unit:
        """Derive the SDE and follow its least action."""
        if self.loss.dim != len(minimum):
            raise ParameterError(f"the loss has {self.loss.dim} coordinates and the path {len(minimum)}; give both in the same ones")
        sde = SGD(learning_rate=sp.Integer(2), batch_size=sp.Integer(1)).sde(self.loss, self.noise)  # D = eta C/2 = G
        found = quasipotential(sde, start=tuple(minimum.tolist()), end=tuple(saddle.tolist()))
        prefactor = found.prefactor
        return Unit(found.value, float(prefactor.log), (found.error + float(prefactor.relative_error)) / found.value)
