"""Minibatch noise near a minimum that fits every sample: it vanishes with the loss, and C = H/B fails there."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import curvature, curvature_square, learning_rate, loss_here

__all__ = ["Interpolation"]

X = sp.Symbol("x", real=True)
STEEPNESS, BEND = sp.symbols("j k", real=True)  # of one sample: r = j x + k x^2/2 + ...
TINY = sp.Rational(1, 10**18)


class Interpolation(Result):
    """C = (2 L/B)(<h^2>/H - H) as L -> 0, <h^2> the mean square of the samples' curvatures: no noise where non-negative losses add up to zero."""

    name = "interpolation"
    title = "Minibatch variance near a minimum where every sample's loss is zero"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Write each non-negative loss as half a square; where their mean is zero, each is zero, and with it each gradient."""
        miss = STEEPNESS * X + BEND * X**2 / 2
        gradient = miss * sp.diff(miss, X)
        derivation = (
            Derivation("noise near an interpolating minimum")
            .define(
                "a sample's loss r^2/2, its gradient r r' and the square of that, near the minimum, where all r are zero",
                sp.ImmutableMatrix([[miss**2 / 2, gradient, gradient**2]]),
                needs="no sample's loss is negative, and their mean is zero at the minimum",
            )
            .apply(_LEADING, "close to the minimum", needs="the distance to the minimum is small")
            .apply(_MEAN, "means over the samples: <j^2> = H, <j^4> = <h^2>")
            .claim(
                "variance of the batch's gradient, through the loss",
                2 * loss_here * (curvature_square / curvature - curvature) / B,
                residual=lambda stated, before: sp.cancel(stated.subs(loss_here, before[0]) - (before[2] - before[1] ** 2) / B),
                rule="insertion of L",
            )
        )
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


def _lowest(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(matrix).applyfunc(_lowest_power)


def _lowest_power(entry: sp.Expr) -> sp.Expr:
    (power,), coefficient = sp.Poly(entry, X).terms()[-1]
    return coefficient * X**power


def _near(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Divide by the power of a tiny distance."""
    return all(agree_in_numbers((b / a).subs(X, TINY), sp.Integer(1), tolerance=1e-12) for b, a in zip(before, after, strict=True))


def _mean(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(matrix.subs(STEEPNESS**4, curvature_square).subs(STEEPNESS**2, curvature))


def _mean_of_two_kinds(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Two samples in five are of one kind, three of the other."""
    shares = {sp.Rational(7, 4): sp.Rational(2, 5), sp.Rational(-2, 3): sp.Rational(3, 5)}
    mean = sum((share * before.subs(STEEPNESS, j) for j, share in shares.items()), sp.zeros(*before.shape))
    square, fourth = (sum(share * j**n for j, share in shares.items()) for n in (2, 4))
    return agree_in_numbers(sp.ImmutableMatrix(mean), sp.ImmutableMatrix(after.subs({curvature: square, curvature_square: fourth})))


_LEADING = Rule("leading power of the distance", _lowest, _near)
_MEAN = Rule("mean over the samples", _mean, _mean_of_two_kinds)
