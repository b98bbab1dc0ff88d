"""Noise at the minimum of linear regression, had by averaging whole batches of Gaussian data there; the minimum is solved for in fractions."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.label_noise_covariance import BATCHES, DIGITS, TOLERANCE, exact, number, regression_covariance, symmetric

__all__ = ["AtTheDecayedMinimum", "AtTheMinimum"]


class AtTheMinimum(Road):
    """No decay: the weights that made the labels."""

    result = "mse-minimum"
    method = "Gauss-Hermite average over whole batches at the minimum"

    def trials(self) -> Sequence[Trial]:
        """Two laws of the inputs."""
        cases = [(("7/5", "3/10", "1/2"), "7/10"), (("3/5", "-2/5", "9/4"), "13/5")]
        return [_trial(exact(a), exact(("0", "0")), exact(("3/2", "-4/5")), Fraction(v), b) for (a, v), b in zip(cases, BATCHES, strict=True)]


class AtTheDecayedMinimum(Road):
    """Decay pulls the weights from those that made the labels."""

    result = "mse-minimum-with-decay"
    method = "Gauss-Hermite average over whole batches at the minimum with decay"

    def trials(self) -> Sequence[Trial]:
        """Positive decay, and one that is negative along one axis."""
        cases = [
            (("7/5", "3/10", "1/2"), ("4/5", "11/20"), ("5/2", "-17/10"), "7/10"),
            (("8/5", "-2/5", "9/4"), ("13/10", "-3/5"), ("-6/5", "23/10"), "3/5"),
        ]
        return [_trial(exact(a), exact(decay), exact(u), Fraction(v), b) for (a, decay, u, v), b in zip(cases, BATCHES, strict=True)]


def _trial(a: tuple[Fraction, ...], decay: tuple[Fraction, ...], u: tuple[Fraction, ...], variance: Fraction, batch: int) -> Trial:
    """Solve (A + Gamma) w = A u by Cramer's rule and average there."""
    one, off, two = a
    right = (one * u[0] + off * u[1], off * u[0] + two * u[1])
    stiff = (one + decay[0], two + decay[1])
    determinant = stiff[0] * stiff[1] - off**2
    w = ((stiff[1] * right[0] - off * right[1]) / determinant, (stiff[0] * right[1] - off * right[0]) / determinant)
    away = (w[0] - u[0], w[1] - u[1])
    loss = (one * away[0] ** 2 + 2 * off * away[0] * away[1] + two * away[1] ** 2 + variance) / 2
    with mpmath.workdps(DIGITS):
        covariance = regression_covariance(symmetric(a), [number(c) for c in away], number(variance), batch_size=batch)
    values = {"H_11": one, "H_12": off, "H_22": two, "Gamma_1": decay[0], "Gamma_2": decay[1], "w_1": w[0], "w_2": w[1], "L": loss, "B": batch}
    return Trial(values, covariance, TOLERANCE)
