"""What every gradient noise promises: the covariance C(theta) of the minibatch gradient, and the law it is drawn from."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.landscape import Landscape
from eyring.theory.symbols import batch_size as B

__all__ = ["BatchAtom", "GradientNoise"]


@dataclass(frozen=True)
class BatchAtom:
    """One value that the gradient noise of a whole batch can take, and how often it does.

    Attributes:
        shift: Minibatch gradient minus full gradient, one expression of the coordinates per component.
        probability: How often a batch gives it.
    """

    shift: tuple[sp.Expr, ...]
    probability: sp.Rational


class GradientNoise(ABC):
    """What a minibatch adds to the gradient: mean zero, covariance C, already divided by the batch size."""

    @abstractmethod
    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the covariance C(theta) of the minibatch gradient, (n, n), in (loss/length)^2."""

    def batch_law(self, landscape: Landscape, batch_size: int) -> tuple[BatchAtom, ...]:
        """Return every value the batch noise takes, with its probability.

        Raises:
            NotApplicable: If the noise is known by its covariance alone; it is then drawn as a Gaussian.
        """
        raise NotApplicable(
            f"{type(self).__name__} noise is known by its covariance alone and has no batch law; use "
            "ey.noise.FiniteSum(losses) for the law of real batches"
        )

    @property
    def is_gaussian(self) -> bool:
        """Say whether the noise is drawn as a Gaussian with this covariance."""
        return type(self).batch_law is GradientNoise.batch_law
