"""Minibatch noise of linear regression where samples and weights are many, in proportion: the fit has taken up a share of the label noise."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.derivation.wick import WICK
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import one_sample
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import excess_trace, input_variance_1, label_std, learning_rate, samples_per_weight, spread_11

__all__ = ["ProportionalLimitNoise"]

a, S, alpha, TRACE = input_variance_1, spread_11, samples_per_weight, excess_trace
# At a sample the model misses the label by x w along the direction, by q for the other weights, and by e at the least-squares minimum.
INPUT, WEIGHT, OTHERS, LEFT = sp.symbols("x w q e", real=True)
MISSED, RESIDUAL = sp.symbols("m r", positive=True)  # mean squares of q and e


class ProportionalLimitNoise(Result):
    """C = (Tr[A Sigma] + a Sigma) a/B + sigma_y^2 max(0, 1 - 1/alpha) a/B along one eigendirection of the inputs' covariance A, eigenvalue a."""

    name = "proportional-limit-noise"
    title = "Minibatch variance of linear regression along one direction, samples and weights many in proportion"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)
    kind = "approximation"
    published_note = (
        "Proposition 4 prints minus for a Sigma, which the fourth moments of Gaussian inputs add: off by 76 percent where one direction "
        "has all the spread."
    )

    def derive(self) -> Formula:
        """Average one sample's squared gradient by Wick's theorem, then over the weights, and put in what the fit leaves of the label noise."""
        derivation = (
            one_sample(
                sp.Matrix([INPUT * (INPUT * WEIGHT + OTHERS - LEFT)]),
                [INPUT, OTHERS, LEFT],
                sp.diag(a, MISSED, RESIDUAL),
                "along an eigendirection of the inputs' covariance",
            )
            .apply(
                WICK,
                "average over the weight along the direction, measured from the least-squares minimum",
                variables=[WEIGHT],
                covariance=sp.Matrix([[S]]),
                needs="samples and weights are many: what the minimum leaves of a label hardly depends on the inputs of that sample",
            )
            .claim(
                "through Tr[A Sigma], the sum of a Sigma over all directions",
                ((TRACE + a * S) * a + RESIDUAL * a) / B,
                residual=lambda stated, before: sp.expand(stated.subs(TRACE, MISSED + a * S) - before[0]),
                rule="insertion",
            )
            .claim(
                "least squares fit as many of the N directions of the label noise as the inputs have rank: r = sigma_y^2 max(0, 1 - 1/alpha)",
                ((TRACE + a * S) * a + label_std**2 * sp.Max(0, 1 - 1 / alpha) * a) / B,
                residual=_by_trace_of_the_projector,
                rule="trace of the hat matrix",
                needs="labels are linear in the inputs but for independent noise of variance sigma_y^2",
            )
        )
        return self._formula(derivation)

    def published(self) -> Formula:
        """Return (Tr[A Sigma] - a Sigma) a/B + max(0, sigma_y^2 (1 - 1/alpha)) a/B."""
        printed = ((TRACE - a * S) * a + label_std**2 * sp.Max(0, 1 - 1 / alpha) * a) / B
        return self._formula(Derivation("Proposition 4").cite("in print", printed, source="ziyin2022"))

    def _formula(self, derivation: Derivation) -> Formula:
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


def _by_trace_of_the_projector(stated: sp.Basic, before: sp.Basic) -> sp.ImmutableMatrix:
    """For shapes (N, n): the residual of labels y is (I - P) y, P the projector on the inputs' columns; its mean square is Tr(I - P) sigma_y^2/N."""
    gaps = []
    for samples, weights in ((6, 3), (5, 2), (3, 3), (3, 4)):
        inputs = sp.Matrix(samples, weights, lambda i, j: (i + 2) ** j)
        columns = sp.Matrix.hstack(*inputs.columnspace())
        projector = columns * (columns.T * columns).inv() * columns.T
        left = label_std**2 * (samples - projector.trace()) / samples
        gaps.append(sp.expand(stated.subs(alpha, sp.Rational(samples, weights)) - before.subs(RESIDUAL, left)))
    return sp.ImmutableMatrix(gaps)
