"""Regression on noisy inputs: whole batches averaged by a Gauss-Hermite rule, and the least loss from the second moments of what is seen."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.gaussian_mean import batch_covariance, gaussian_mean
from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.label_noise_covariance import BATCHES, DIGITS, TOLERANCE, exact, number, symmetric

__all__ = ["LeastLossOnNoisyInputs", "NoisyInputs"]

CASES = [
    (("7/5", "1/2"), ("4/5", "3/10", "11/20"), ("5/2", "-17/10"), ("2/5", "13/10")),
    (("3/5", "9/4"), ("13/10", "-7/10", "17/20"), ("-6/5", "23/10"), ("-3/4", "8/5")),
]


class NoisyInputs(Road):
    """Clean inputs and their noise are drawn one by one; loss and gradient are averages over the same data."""

    result = "input-noise-covariance"
    method = "Gauss-Hermite average over whole batches of clean inputs and their noise"

    def trials(self) -> Sequence[Trial]:
        """Variances of the inputs, covariance of their noise, the labels' weights, the weights."""
        return [_trial(exact(a), exact(noise), exact(u), exact(w), batch) for (a, noise, u, w), batch in zip(CASES, BATCHES, strict=True)]


class LeastLossOnNoisyInputs(Road):
    """Var y - Cov(y, x) Cov(x)^-1 Cov(x, y) of seen inputs x and labels y, each moment an average over the data."""

    result = "input-noise-residual"
    method = "Schur complement of the second moments of seen inputs and labels"

    def trials(self) -> Sequence[Trial]:
        """The same data."""
        return [_least(*map(exact, case[:3])) for case in CASES]


def _trial(a: Sequence[Fraction], noise: Sequence[Fraction], u: Sequence[Fraction], w: Sequence[Fraction], batch: int) -> Trial:
    with mpmath.workdps(DIGITS):
        target, weights, law = [number(c) for c in u], [number(c) for c in w], _law(a, noise)

        def miss(z: Sequence[mpmath.mpf]) -> mpmath.mpf:
            return sum(weights[k] * (z[k] + z[2 + k]) - target[k] * z[k] for k in (0, 1))

        def gradient(z: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
            return [(z[k] + z[2 + k]) * miss(z) for k in (0, 1)]

        loss, one, two = gaussian_mean(lambda z: [miss(z) ** 2 / 2, *gradient(z)], law)
        covariance = batch_covariance(gradient, law, batch_size=batch)
    return Trial({**_named(a, noise), "L": loss, "g_1": one, "g_2": two, "B": batch}, covariance, TOLERANCE)


def _least(a: Sequence[Fraction], noise: Sequence[Fraction], u: Sequence[Fraction]) -> Trial:
    with mpmath.workdps(DIGITS):
        target = [number(c) for c in u]

        def products(z: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
            seen, label = [z[0] + z[2], z[1] + z[3]], target[0] * z[0] + target[1] * z[1]
            return [seen[0] ** 2, seen[0] * seen[1], seen[1] ** 2, label * seen[0], label * seen[1], label**2]

        k11, k12, k22, one, two, own = gaussian_mean(products, _law(a, noise), degree=2)
        best = mpmath.lu_solve(mpmath.matrix([[k11, k12], [k12, k22]]), mpmath.matrix([one, two]))
        residual = own - one * best[0] - two * best[1]
    return Trial({**_named(a, noise), "u_1": u[0], "u_2": u[1]}, residual, TOLERANCE)


def _law(a: Sequence[Fraction], noise: Sequence[Fraction]) -> mpmath.matrix:
    law = mpmath.zeros(4)
    law[0, 0], law[1, 1] = number(a[0]), number(a[1])
    law[2:4, 2:4] = symmetric(noise)
    return law


def _named(a: Sequence[Fraction], noise: Sequence[Fraction]) -> dict[str, Fraction]:
    return {"a_1": a[0], "a_2": a[1], "b_11": noise[0], "b_12": noise[1], "b_22": noise[2]}
