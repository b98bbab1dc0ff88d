"""Linear regression with noisy labels: joint second moments with Gaussian fourth moments summed index by index, solved in 50 digits."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.second_moments import DIGITS, HeavyBallMoments, gaussian_regression_noise, matrix_of
from eyring.numerics.roads.contract import Road, Trial

__all__ = [
    "LabelNoiseCovarianceMoments",
    "LabelNoiseEdge",
    "LabelNoiseLossMoments",
    "LabelNoiseNoiseMoments",
    "LabelNoiseTestLossMoments",
    "LabelNoiseVarianceMoments",
    "WidthEdge",
]

METHOD = "joint second moments with Gaussian fourth moments, solved in 50 digits"
EDGE = "learning rate at which the recursion of the second moments becomes singular, in 50 digits"
EXACT = 1e-25
CASES = (  # eta, mu, B, sigma_y, a_1, a_2
    ("3/10", "1/3", 2, "7/5", "13/10", "4/9"),
    ("1/7", "4/5", 5, "3/7", "5/2", "3/4"),
    ("2/5", "1/6", 3, "5/3", "2/3", "17/10"),
)

Read = Callable[[HeavyBallMoments, Fraction], object]


class LabelNoiseVarianceMoments(Road):
    """One weight."""

    result, method = "label-noise-variance", METHOD

    def trials(self) -> Sequence[Trial]:
        """Batches of one sample and more."""
        cases = [("2/5", "1/3", 1, "7/5", "3/4"), ("1/7", "4/5", 5, "3/7", "5/2"), ("6/5", "1/9", 16, "5/3", "11/10"), ("3/10", "0", 2, "2/3", "9/5")]
        return [_one_weight(*case) for case in cases]


class LabelNoiseEdge(Road):
    """One weight at its edge of stability."""

    result, method = "label-noise-stability", EDGE

    def trials(self) -> Sequence[Trial]:
        """From small batches to large ones."""
        cases = [(Fraction(1, 3), 2, Fraction(13, 10)), (Fraction(4, 5), 7, Fraction(5, 2)), (Fraction(0), 5, Fraction(2, 3))]
        return [Trial({"mu": mu, "B": size, "a": a}, _edge(mu, size, a, 1), EXACT) for mu, size, a in cases]


class WidthEdge(Road):
    """Several weights at their common edge of stability."""

    result, method = "width-stability", EDGE

    def trials(self) -> Sequence[Trial]:
        """Two and three weights."""
        cases = [(Fraction(1, 3), 4, Fraction(13, 10), 2), (Fraction(4, 5), 7, Fraction(5, 2), 2), (Fraction(1, 7), 5, Fraction(2, 3), 3)]
        return [Trial({"mu": mu, "B": size, "a": a, "n": n}, _edge(mu, size, a, n), EXACT) for mu, size, a, n in cases]


class LabelNoiseCovarianceMoments(Road):
    """Two weights."""

    result, method = "label-noise-covariance-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Unequal inputs."""
        return list(_planar(lambda run, _: run.stationary()))


class LabelNoiseNoiseMoments(Road):
    """The noise at the fixed point."""

    result, method = "label-noise-gradient-noise-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Unequal inputs."""
        return list(_planar(lambda run, _: run.noise(run.stationary())))


class LabelNoiseLossMoments(Road):
    """Half of Tr[A Sigma] plus the labels' variance."""

    result, method = "label-noise-train-loss", METHOD

    def trials(self) -> Sequence[Trial]:
        """Unequal inputs."""
        return list(_planar(lambda run, deviation: _clean(run) + _decimal(deviation) ** 2 / 2))


class LabelNoiseTestLossMoments(Road):
    """Half of Tr[A Sigma]."""

    result, method = "label-noise-test-loss", METHOD

    def trials(self) -> Sequence[Trial]:
        """Unequal inputs."""
        return list(_planar(lambda run, _: _clean(run)))


def _planar(read: Read) -> Iterator[Trial]:
    for case in CASES:
        eta, mu, size, deviation, *a = (Fraction(entry) for entry in case)
        inputs = matrix_of([[a[0], 0], [0, a[1]]])
        noise = gaussian_regression_noise(inputs, batch_size=int(size), label_variance=deviation**2)
        run = HeavyBallMoments(matrix_of([[eta, 0], [0, eta]]), inputs, mu, noise)
        values = {"eta": eta, "mu": mu, "B": size, "sigma_y": deviation, "a_1": a[0], "a_2": a[1]}
        with mpmath.workdps(DIGITS):
            yield Trial(values, read(run, deviation), EXACT)


def _clean(run: HeavyBallMoments) -> mpmath.mpf:
    sigma = run.stationary()
    return sum(run.hessian[i, i] * sigma[i, i] for i in range(sigma.rows)) / 2


def _one_weight(*case: str | int) -> Trial:
    eta, mu, size, deviation, a = map(Fraction, case)
    run = _isotropic(eta, mu, int(size), a, 1, deviation**2)
    return Trial({"eta": eta, "mu": mu, "B": size, "sigma_y": deviation, "a": a}, run.stationary()[0, 0], EXACT)


def _isotropic(eta: mpmath.mpf | Fraction, mu: Fraction, size: int, a: Fraction, n: int, variance: Fraction) -> HeavyBallMoments:
    with mpmath.workdps(DIGITS):
        inputs, step = _decimal(a) * mpmath.eye(n), (_decimal(eta) if isinstance(eta, Fraction) else eta) * mpmath.eye(n)
    return HeavyBallMoments(step, inputs, mu, gaussian_regression_noise(inputs, batch_size=size, label_variance=variance))


def _edge(mu: Fraction, size: int, a: Fraction, n: int) -> mpmath.mpf:
    """Bisect on the growth of the recursion in float, then find the zero of det(1 - R) to 40 digits by the secant rule."""
    low, high = 0.0, 10.0 / float(a)
    for _ in range(14):
        middle = (low + high) / 2
        low, high = (middle, high) if _isotropic(mpmath.mpf(middle), mu, size, a, n, Fraction(1)).growth() < 1 else (low, middle)
    with mpmath.workdps(DIGITS):
        return mpmath.findroot(lambda eta: _isotropic(eta, mu, size, a, n, Fraction(1)).marginality(), (low, high), solver="anderson", tol=1e-80)


def _decimal(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator
