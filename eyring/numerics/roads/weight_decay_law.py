"""Linear regression with weight decay: joint second moments around the shifted minimum, and the edges at which their recursion turns singular."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath

from eyring.errors import EyringError
from eyring.numerics.exact.second_moments import DIGITS, HeavyBallMoments, gaussian_regression_noise, matrix_of
from eyring.numerics.roads.contract import Road, Trial

__all__ = [
    "NegativeWeightDecayEdges",
    "WeightDecayCovarianceMoments",
    "WeightDecayLossMoments",
    "WeightDecayLossOneWeightMoments",
    "WeightDecayWindowEdges",
]

METHOD = "joint second moments with Gaussian fourth moments, solved in 50 digits"
EXACT = 1e-25
CASES = (  # eta, mu, B, Gamma, sigma_y, a_1, a_2, u_1, u_2
    ("3/10", "1/3", 2, "1/4", "7/5", "13/10", "4/9", "3/2", "-5/7"),
    ("1/7", "3/4", 5, "-1/6", "3/7", "5/2", "3/4", "-2/3", "8/5"),
    ("2/5", "1/6", 3, "4/7", "1/3", "2/3", "17/10", "9/4", "6/5"),
)


class Weights(NamedTuple):
    """A run, the covariance of its inputs, and where its mean lies from the target."""

    run: HeavyBallMoments
    inputs: mpmath.matrix
    offset: mpmath.matrix


class WeightDecayLossMoments(Road):
    """Momentum and noisy labels."""

    result, method = "weight-decay-test-loss", METHOD

    def trials(self) -> Sequence[Trial]:
        """Positive and negative weight decay."""
        return [Trial(values, _loss(weights), EXACT) for values, weights in _planar(CASES)]


class WeightDecayCovarianceMoments(Road):
    """No momentum, clean labels; the target is not along an axis."""

    result, method = "weight-decay-covariance-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Positive and negative weight decay."""
        bare = [(eta, "0", size, gamma, "0", *rest) for eta, _, size, gamma, _, *rest in CASES]
        return [Trial(values, weights.run.stationary(), EXACT) for values, weights in _planar(bare)]


class WeightDecayLossOneWeightMoments(Road):
    """One weight, no momentum, clean labels."""

    result, method = "weight-decay-test-loss-one-weight", METHOD

    def trials(self) -> Sequence[Trial]:
        """One learning rate is unstable but for its negative weight decay."""
        cases = [("3/10", 2, "1/4", "13/10", "5/3"), ("11/10", 7, "-2/5", "3/2", "2/3"), ("2/7", 3, "4/3", "6/5", "-3/2")]
        return [self._trial(*(Fraction(entry) for entry in case)) for case in cases]

    def _trial(self, eta: Fraction, size: Fraction, gamma: Fraction, a: Fraction, u: Fraction) -> Trial:
        weights = _weights(eta, Fraction(0), int(size), _decimal(gamma), Fraction(0), [a], [u])
        return Trial({"eta": eta, "B": size, "Gamma": gamma, "a": a, "u": u}, _loss(weights), EXACT)


class WeightDecayWindowEdges(Road):
    """The weight decay is moved out of the stable window to either side until the recursion is singular."""

    result, method = "weight-decay-window", "weight decay at which the recursion of the second moments becomes singular, in 50 digits"

    def trials(self) -> Sequence[Trial]:
        """Windows around zero, below it, and above it."""
        cases = [("3/10", "1/3", 2, "13/10"), ("12/11", "1/7", 9, "3/2"), ("5/7", "0", 1, "9/10")]
        return [self._trial(*(Fraction(entry) for entry in case)) for case in cases]

    def _trial(self, eta: Fraction, mu: Fraction, size: Fraction, a: Fraction) -> Trial:
        low, high = _window(eta, mu, int(size), a)
        return Trial({"eta": eta, "mu": mu, "B": size, "a": a}, [low, high], EXACT)


class NegativeWeightDecayEdges(Road):
    """The learning rates at which weight decay zero turns unstable, and at which the window closes."""

    result, method = "negative-weight-decay", "singular recursion at weight decay zero; double zero of det(1 - R) in the weight decay"

    def trials(self) -> Sequence[Trial]:
        """Batches of one sample and more."""
        cases = [("1/3", 5, "13/10"), ("1/7", 9, "3/2")]
        return [self._trial(*(Fraction(entry) for entry in case)) for case in cases]

    def _trial(self, mu: Fraction, size: Fraction, a: Fraction) -> Trial:
        batch = int(size)

        def singular(eta: mpmath.mpf, gamma: mpmath.mpf) -> mpmath.mpf:
            return _one_weight(eta, mu, batch, gamma, a).marginality()

        def closing(eta: mpmath.mpf, gamma: mpmath.mpf) -> tuple[mpmath.mpf, mpmath.mpf]:
            step = mpmath.mpf(10) ** -15
            return singular(eta, gamma), (singular(eta, gamma + step) - singular(eta, gamma - step)) / (2 * step)

        with mpmath.workdps(DIGITS):
            opens = _singular_between(lambda eta: _one_weight(eta, mu, batch, mpmath.mpf(0), a), 0.0, 4 / float(a))
            eta, gamma = _closing_guess(mu, batch, a)
            closes = mpmath.findroot(closing, (eta, gamma), tol=1e-50, maxsteps=60)
            return Trial({"mu": mu, "B": size, "a": a}, [opens, closes[0]], 1e-18)


def _planar(cases: Iterable[tuple[Any, ...]]) -> Iterator[tuple[dict[str, Fraction], Weights]]:
    for case in cases:
        eta, mu, size, gamma, deviation, *rest = map(Fraction, case)
        values = {"eta": eta, "mu": mu, "B": size, "Gamma": gamma, "sigma_y": deviation}
        weights = _weights(eta, mu, int(size), _decimal(gamma), deviation, rest[:2], rest[2:])
        yield {**values, "a_1": rest[0], "a_2": rest[1], "u_1": rest[2], "u_2": rest[3]}, weights


def _weights(
    eta: Fraction | mpmath.mpf, mu: Fraction, size: int, decay: mpmath.mpf, deviation: Fraction, a: Sequence[Fraction], u: Sequence[Fraction]
) -> Weights:
    """Set the weights up; their offset from the target is where the mean gradient vanishes, K (w - u) = -Gamma u."""
    with mpmath.workdps(DIGITS):
        n = len(a)
        inputs = matrix_of([[a[i] if i == j else 0 for j in range(n)] for i in range(n)])
        hessian = inputs + decay * mpmath.eye(n)
        offset = mpmath.lu_solve(hessian, -decay * matrix_of([[entry] for entry in u]))
        noise = gaussian_regression_noise(inputs, batch_size=size, label_variance=deviation**2, offset=offset)
        rate = (_decimal(eta) if isinstance(eta, Fraction) else eta) * mpmath.eye(n)
        return Weights(HeavyBallMoments(rate, hessian, mu, noise), inputs, offset)


def _one_weight(eta: Fraction | mpmath.mpf, mu: Fraction, size: int, decay: mpmath.mpf, a: Fraction) -> HeavyBallMoments:
    return _weights(eta, mu, size, decay, Fraction(1), [a], [Fraction(0)]).run


def _loss(weights: Weights) -> mpmath.mpf:
    """Return half of <e^T A e>."""
    with mpmath.workdps(DIGITS):
        square = weights.inputs * (weights.run.stationary() + weights.offset * weights.offset.T)
        return sum(square[i, i] for i in range(square.rows)) / 2


def _window(eta: Fraction, mu: Fraction, size: int, a: Fraction) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Return the weight decays at which the recursion is singular, below and above the most stable one of a grid."""
    low, high = -float(a) * 0.999, 4 / float(eta)
    inside, growth = _most_stable(eta, mu, size, a, points=40)
    if growth >= 1:
        raise EyringError(f"no weight decay of the grid is stable at learning rate {eta}")

    def run(decay: mpmath.mpf) -> HeavyBallMoments:
        return _one_weight(eta, mu, size, decay, a)

    return _singular_between(run, inside, low), _singular_between(run, inside, high)


def _closing_guess(mu: Fraction, size: int, a: Fraction) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Bisect roughly for the learning rate beyond which no weight decay of a grid is stable."""
    low, high = 0.1 / float(a), 2.0 * size / float(a)
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if _most_stable(mpmath.mpf(middle), mu, size, a, points=18)[1] < 1 else (low, middle)
    return mpmath.mpf(low), mpmath.mpf(_most_stable(mpmath.mpf(low), mu, size, a, points=30)[0])


def _most_stable(eta: Fraction | mpmath.mpf, mu: Fraction, size: int, a: Fraction, *, points: int) -> tuple[float, float]:
    """Return the weight decay of a grid at which the second moments grow least, and how they grow."""
    low, high = -float(a), 4 / float(eta)
    grid = [low + (high - low) * (k + 0.5) / points for k in range(points)]
    return min(((g, _one_weight(eta, mu, size, mpmath.mpf(g), a).growth()) for g in grid), key=lambda pair: pair[1])


def _singular_between(run: Callable[[mpmath.mpf], HeavyBallMoments], stable: float, unstable: float) -> mpmath.mpf:
    """Bisect on the growth of the recursion in float, then find the zero of det(1 - R) to 40 digits."""
    for _ in range(14):
        middle = (stable + unstable) / 2
        stable, unstable = (middle, unstable) if run(mpmath.mpf(middle)).growth() < 1 else (stable, middle)
    with mpmath.workdps(DIGITS):
        return mpmath.findroot(lambda x: run(x).marginality(), (stable, unstable), solver="anderson", tol=1e-80)


def _decimal(number: Fraction) -> mpmath.mpf:
    with mpmath.workdps(DIGITS):
        return mpmath.mpf(number.numerator) / number.denominator
