"""Noise of linear regression with weight decay, had by averaging whole batches at four places about the displaced minimum."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.gaussian_mean import batch_covariance
from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.label_noise_covariance import BATCHES, DIGITS, TOLERANCE, exact, number, symmetric, weights_of_covariance

__all__ = ["DecayedRegression"]


class DecayedRegression(Road):
    """The gradient of each sample holds the pull of the decay, as in training."""

    result = "l2-covariance"
    method = "Gauss-Hermite average over whole batches with decay in every gradient, then over weights of the given covariance"

    def trials(self) -> Sequence[Trial]:
        """Variances of the inputs, decay, the labels' weights and the covariance of the weights."""
        cases = [
            (("7/5", "1/2"), ("4/5", "11/20"), ("5/2", "-17/10"), ("2/5", "3/10", "11/10")),
            (("3/5", "9/4"), ("13/10", "-3/5"), ("-6/5", "23/10"), ("13/10", "-7/10", "17/20")),
        ]
        return [_trial(exact(a), exact(decay), exact(u), exact(s), batch) for (a, decay, u, s), batch in zip(cases, BATCHES, strict=True)]


def _trial(a: tuple[Fraction, ...], decay: tuple[Fraction, ...], u: tuple[Fraction, ...], s: tuple[Fraction, ...], batch: int) -> Trial:
    minimum = [a[i] * u[i] / (a[i] + decay[i]) for i in (0, 1)]
    with mpmath.workdps(DIGITS):
        inputs = symmetric((a[0], Fraction(0), a[1]))
        places = [[number(m) + d for m, d in zip(minimum, shift, strict=True)] for shift in weights_of_covariance(symmetric(s))]
        found = [_at(place, inputs, decay, u, batch) for place in places]
        mean = [[mpmath.fsum(c[i][j] for c in found) / 4 for j in (0, 1)] for i in (0, 1)]
    values = {"a_1": a[0], "a_2": a[1], "Gamma_1": decay[0], "Gamma_2": decay[1], "u_1": u[0], "u_2": u[1]}
    return Trial({**values, "Sigma_11": s[0], "Sigma_12": s[1], "Sigma_22": s[2], "B": batch}, mean, TOLERANCE)


def _at(w: Sequence[mpmath.mpf], inputs: mpmath.matrix, decay: Sequence[Fraction], u: Sequence[Fraction], batch: int) -> list[list[mpmath.mpf]]:
    target, pull = [number(c) for c in u], [number(g) * c for g, c in zip(decay, w, strict=True)]

    def gradient(x: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
        miss = x[0] * (w[0] - target[0]) + x[1] * (w[1] - target[1])
        return [x[0] * miss + pull[0], x[1] * miss + pull[1]]

    return batch_covariance(gradient, inputs, batch_size=batch)
