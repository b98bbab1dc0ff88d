"""Minibatch noise at the minimum of linear regression, with weight decay (the gradient of the data's loss is not zero there) and without."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import DECAY, GRADIENT, HESSIAN, INSERT, WEIGHTS
from eyring.theory.results.contract import Result
from eyring.theory.results.label_noise_covariance import LabelNoisePointwise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import learning_rate, loss_here

__all__ = ["MSEMinimum", "MSEMinimumWithDecay"]


class MSEMinimum(Result):
    """C = 2 L_* H/B where the gradient vanishes; L_* is the loss that is left, half the variance of the labels."""

    name = "mse-minimum"
    title = "Minibatch covariance at the minimum of linear regression on Gaussian inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Put the vanishing gradient into the covariance at a point."""
        flat = dict.fromkeys(GRADIENT, sp.Integer(0))
        derivation = LabelNoisePointwise().derive().derivation.apply(INSERT, "at the minimum the gradient is zero", values=flat)
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


class MSEMinimumWithDecay(Result):
    """C = (2 L_0 H + Gamma w w^T Gamma)/B; L_0 and H are the loss and the Hessian without the penalty, w the weights at the minimum with it."""

    name = "mse-minimum-with-decay"
    title = "Minibatch covariance at the minimum of linear regression on Gaussian inputs with weight decay"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)
    published_note = (
        "Corollary 2 of Theorem 5 prints minus for the second term; for Gaussian inputs it is plus. The printed form is off by 73 percent of the "
        "larger variance at the point tried."
    )

    def derive(self) -> Formula:
        """Decay and data pull equally hard at the minimum: grad L_0 = -Gamma w."""
        balance = dict(zip(GRADIENT, -DECAY * WEIGHTS, strict=True))
        derivation = (
            LabelNoisePointwise()
            .derive()
            .derivation.apply(
                INSERT,
                "at the minimum the data pull as hard as the decay",
                values=balance,
                needs="every sample's loss has the same penalty, which adds nothing to the covariance",
            )
        )
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)

    def published(self) -> Formula:
        """Return 2 L_0 H/B - Gamma w w^T Gamma/B."""
        pull = DECAY * WEIGHTS
        printed = sp.ImmutableMatrix((2 * loss_here * HESSIAN - pull * pull.T) / B)
        return Formula(Derivation("Corollary 2").cite("in print", printed, source="ziyin2022"), "loss^2/length^2", learning_rate, name=self.name)
