"""Noise of linear regression, had by averaging whole batches of Gaussian data with a Gauss-Hermite rule, weight by weight."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.gaussian_mean import batch_covariance
from eyring.numerics.roads.contract import Road, Trial

__all__ = ["BATCHES", "LabelNoiseAtPoint", "LabelNoiseOverWeights", "QuietLabels", "exact", "regression_covariance", "weights_of_covariance"]

TOLERANCE = 1e-25
DIGITS = 40
BATCHES = (2, 1)  # of the trials, in order


class LabelNoiseAtPoint(Road):
    """Two places with correlated inputs; loss and gradient are averages over the same data."""

    result = "label-noise-pointwise"
    method = "Gauss-Hermite average over whole batches of inputs and labels"

    def trials(self) -> Sequence[Trial]:
        """Inputs' covariance, distance from the labels' own weights, variance of a label."""
        cases = [(("7/5", "3/10", "1/2"), ("4/5", "-11/10"), "7/10"), (("3/5", "-2/5", "9/4"), ("6/5", "17/10"), "13/5")]
        return [_at_point(exact(a), exact(w), Fraction(v), batch) for (a, w, v), batch in zip(cases, BATCHES, strict=True)]


class LabelNoiseOverWeights(Road):
    """The same, averaged over four places with the covariance wanted."""

    result = "label-noise-averaged"
    method = "Gauss-Hermite average over whole batches, then over weights of the given covariance"

    def trials(self) -> Sequence[Trial]:
        """Variances of the inputs, covariance of the weights, standard deviation of a label."""
        cases = [(("7/5", "1/2"), ("4/5", "3/10", "11/10"), "6/5"), (("3/5", "9/4"), ("13/10", "-7/10", "17/20"), "7/10")]
        return [_over_weights(exact(a), exact(s), Fraction(sigma), batch) for (a, s, sigma), batch in zip(cases, BATCHES, strict=True)]


class QuietLabels(Road):
    """The same with labels that the right weights fit without error."""

    result = "small-noise"
    method = "Gauss-Hermite average over whole batches, then over weights of the given covariance"

    def trials(self) -> Sequence[Trial]:
        """Variances of the inputs and covariance of the weights."""
        cases = [(("7/5", "1/2"), ("4/5", "3/10", "11/10")), (("3/5", "9/4"), ("13/10", "-7/10", "17/20"))]
        return [_over_weights(exact(a), exact(s), Fraction(0), batch) for (a, s), batch in zip(cases, BATCHES, strict=True)]


def exact(numbers: Sequence[str]) -> tuple[Fraction, ...]:
    """Read numbers such as "7/5"."""
    return tuple(map(Fraction, numbers))


def regression_covariance(inputs: mpmath.matrix, away: Sequence[mpmath.mpf], label_variance: mpmath.mpf, *, batch_size: int) -> list[list]:
    """Return the covariance of the minibatch gradient of (x.w - y)^2/2 at a distance from the labels' own weights."""
    law = mpmath.zeros(3)
    law[:2, :2], law[2, 2] = inputs, label_variance or 1

    def gradient(z: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
        miss = z[0] * away[0] + z[1] * away[1] - (z[2] if label_variance else 0)
        return [z[0] * miss, z[1] * miss]

    return batch_covariance(gradient, law, batch_size=batch_size)


def weights_of_covariance(spread: mpmath.matrix) -> list[list[mpmath.mpf]]:
    """Return four places, equally likely, of mean zero and this covariance."""
    root = mpmath.cholesky(spread) * mpmath.sqrt(2)
    return [[sign * root[0, k], sign * root[1, k]] for k in (0, 1) for sign in (1, -1)]


def _at_point(a: tuple[Fraction, ...], w: tuple[Fraction, ...], variance: Fraction, batch: int) -> Trial:
    with mpmath.workdps(DIGITS):
        inputs, away = symmetric(a), [number(c) for c in w]
        slope = inputs * mpmath.matrix(away)
        loss = (away[0] * slope[0] + away[1] * slope[1] + number(variance)) / 2
        values: Mapping[str, object] = {"H_11": a[0], "H_12": a[1], "H_22": a[2], "L": loss, "g_1": slope[0], "g_2": slope[1], "B": batch}
        return Trial(values, regression_covariance(inputs, away, number(variance), batch_size=batch), TOLERANCE)


def _over_weights(a: tuple[Fraction, ...], s: tuple[Fraction, ...], sigma: Fraction, batch: int) -> Trial:
    with mpmath.workdps(DIGITS):
        inputs = symmetric((a[0], Fraction(0), a[1]))
        found = [regression_covariance(inputs, w, number(sigma) ** 2, batch_size=batch) for w in weights_of_covariance(symmetric(s))]
        mean = [[mpmath.fsum(c[i][j] for c in found) / 4 for j in (0, 1)] for i in (0, 1)]
    values = {"a_1": a[0], "a_2": a[1], "Sigma_11": s[0], "Sigma_12": s[1], "Sigma_22": s[2], "sigma_y": sigma, "B": batch}
    return Trial(values, mean, TOLERANCE)


def symmetric(entries: Sequence[Fraction]) -> mpmath.matrix:
    """Return the (2, 2) matrix of entries 11, 12 and 22."""
    one, off, two = (number(e) for e in entries)
    return mpmath.matrix([[one, off], [off, two]])


def number(value: Fraction) -> mpmath.mpf:
    """Return a fraction in the working precision."""
    return mpmath.mpf(value.numerator) / value.denominator
