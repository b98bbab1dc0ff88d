"""Preconditioned regression: the joint second moments with the learning rate's matrix put in as numbers, for inputs that are correlated."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.second_moments import DIGITS, HeavyBallMoments, constant_noise, gaussian_regression_noise, matrix_of
from eyring.numerics.roads.contract import Limit, Road, Trial

__all__ = ["DampedNewtonMoments", "LargeBatchMoments", "NaturalGradientMoments"]

INPUTS = {
    1: [["7/5"]],
    2: [["13/10", "2/5"], ["2/5", "3/4"]],
    3: [["13/10", "2/5", "1/7"], ["2/5", "3/4", "-1/5"], ["1/7", "-1/5", "5/3"]],
}


class DampedNewtonMoments(Road):
    """Lambda = eta A^-1, for one, two and three weights."""

    result, method = "damped-newton", "joint second moments with Gaussian fourth moments, solved in 50 digits"

    def trials(self) -> Sequence[Trial]:
        """Small batches."""
        cases = [("1/3", "1/4", 3, "7/5", 2), ("1/7", "4/5", 5, "3/7", 3), ("2/5", "1/6", 2, "5/3", 1)]
        return [self._trial(*(Fraction(entry) for entry in case)) for case in cases]

    def _trial(self, eta: Fraction, mu: Fraction, size: Fraction, deviation: Fraction, n: Fraction) -> Trial:
        inputs = matrix_of(INPUTS[int(n)])
        with mpmath.workdps(DIGITS):
            rate = mpmath.inverse(inputs) * eta.numerator / eta.denominator
            noise = gaussian_regression_noise(inputs, batch_size=int(size), label_variance=deviation**2)
            reference = _share(inputs, HeavyBallMoments(rate, inputs, mu, noise).stationary())
        return Trial({"eta": eta, "mu": mu, "B": size, "sigma_y": deviation, "n": n}, reference, 1e-25)


class NaturalGradientMoments(Road):
    """Lambda = (eta/B) C^-1, its C and the covariance it leads to found together by iteration."""

    result, method = "natural-gradient", "covariance and learning rate iterated to consistency, joint second moments each time"

    def trials(self) -> Sequence[Trial]:
        """One and two weights."""
        cases = [("1/3", "1/5", 4, 2), ("2/7", "1/2", 5, 1), ("3/5", "1/3", 5, 2)]
        return [self._trial(*(Fraction(entry) for entry in case)) for case in cases]

    def _trial(self, eta: Fraction, mu: Fraction, size: Fraction, n: Fraction) -> Trial:
        inputs = matrix_of(INPUTS[int(n)])
        noise = gaussian_regression_noise(inputs, batch_size=int(size))
        with mpmath.workdps(DIGITS):
            sigma, before = mpmath.eye(int(n)) / 7, mpmath.zeros(int(n))
            while mpmath.mnorm(sigma - before) > mpmath.mnorm(sigma) * mpmath.mpf(10) ** -22:
                covariance = noise(sigma)
                rate = mpmath.inverse(covariance) * eta.numerator / (eta.denominator * int(size))
                before, sigma = sigma, (sigma + HeavyBallMoments(rate, inputs, mu, constant_noise(covariance)).stationary()) / 2
            return Trial({"eta": eta, "mu": mu, "B": size, "n": n}, _share(inputs, sigma), 1e-18)


class LargeBatchMoments(Limit):
    """Exact moments of two weights at ever larger batches."""

    result, method = "least-squares-variance", "joint second moments with Gaussian fourth moments, B -> infinity"
    tolerance = 1e-6

    def trials(self) -> Sequence[Trial]:
        """Two problems, four batch sizes each."""
        cases = (("weak", "2/5", "1/3", "7/5", "13/10", "4/9"), ("strong", "1/7", "3/4", "3/7", "5/2", "3/4"))
        return [trial for name, *numbers in cases for trial in self._group(name, *map(Fraction, numbers))]

    def _group(self, name: str, eta: Fraction, mu: Fraction, deviation: Fraction, a: Fraction, other: Fraction) -> Iterator[Trial]:
        inputs, rate = matrix_of([[a, 0], [0, other]]), matrix_of([[eta, 0], [0, eta]])
        for size in (400, 800, 1600, 3200):
            run = HeavyBallMoments(rate, inputs, mu, gaussian_regression_noise(inputs, batch_size=size, label_variance=deviation**2))
            values = {"eta": eta, "mu": mu, "H": a, "L_a": deviation**2 / 2, "B": size}
            yield Trial(values, run.stationary()[0, 0], smallness=1 / size, group=name)


def _share(inputs: mpmath.matrix, sigma: mpmath.matrix) -> mpmath.mpf:
    """Return s of Sigma = s A^-1, after a look that it is of this form."""
    product = inputs * sigma
    share = sum(product[i, i] for i in range(product.rows)) / product.rows
    if mpmath.mnorm(product - share * mpmath.eye(product.rows)) > abs(share) * mpmath.mpf(10) ** -18:
        return mpmath.nan
    return share
