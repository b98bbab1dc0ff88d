"""Minibatch noise of linear regression with weight decay, averaged over the weights about the displaced minimum."""

import sympy as sp

from eyring.theory.derivation.wick import WICK
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import DECAY, DIAGONAL, INPUTS, INSERT, SPREAD, TARGET, WEIGHTS, one_sample
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import learning_rate

__all__ = ["L2Covariance"]


class L2Covariance(Result):
    """<C> = (A Sigma A + Tr[A Sigma] A + Tr[G'^T A G' U] A + Gamma A' U A' Gamma)/B, A' = K^-1 A, G' = K^-1 Gamma, K = A + Gamma, U = u u^T."""

    name = "l2-covariance"
    title = "Minibatch covariance of linear regression with weight decay, averaged over the weights; axes along those of the inputs"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Average one sample's penalised gradient over the data, then over the weights about K^-1 A u."""
        A, K_inverse = DIAGONAL, (DIAGONAL + DECAY).inv()
        aside = sp.Matrix(sp.symbols("delta_1 delta_2", real=True))
        minimum = K_inverse * A * TARGET
        sample = INPUTS * (INPUTS.T * (WEIGHTS - TARGET))[0] + DECAY * WEIGHTS
        short, pull = K_inverse * DECAY * TARGET, DECAY * minimum
        bias = (short.T * A * short)[0]
        printed = sp.ImmutableMatrix((A * SPREAD * A + (A * SPREAD).trace() * A + bias * A + pull * pull.T) / B)
        derivation = (
            one_sample(sample, list(INPUTS), A, "weight decay")
            .apply(
                INSERT,
                "weights as minimum K^-1 A u plus displacement: the decay's own pull has dropped out",
                values=dict(zip(WEIGHTS, minimum + aside, strict=True)),
            )
            .apply(WICK, "average over the displacement", variables=list(aside), covariance=SPREAD, needs="the weights' mean is the minimum")
            .claim("in powers of A and Gamma", printed, residual=lambda stated, before: (stated - before).applyfunc(_numerator))
        )
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


def _numerator(entry: sp.Expr) -> sp.Expr:
    return sp.expand(sp.numer(sp.together(entry)))
