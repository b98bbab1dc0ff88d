"""Heavy ball on a parabola: the joint second moments of parameters and buffer, carried over one step and solved in 50 digits."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.exact.second_moments import HeavyBallMoments, constant_noise, matrix_of
from eyring.numerics.roads.contract import Road, Trial

__all__ = [
    "CommutingRateMoments",
    "DiscreteCovarianceMoments",
    "DiscreteLossMoments",
    "HeavyBallEdge",
    "HeavyBallMomentsOneDimension",
    "NoiseOfMoments",
]

METHOD = "joint second moments of parameters and buffer, solved in 50 digits"
EXACT = 1e-25
PLANES = (  # mu, two learning rates, two curvatures, C_11, C_12, C_22
    ("1/3", "2/5", "3/10", "3/2", "7/10", "9/10", "-2/5", "6/5"),
    ("4/5", "1/7", "5/4", "5/2", "2/3", "3/10", "1/4", "11/10"),
    ("1/2", "7/10", "1/9", "13/10", "29/10", "8/5", "3/7", "4/9"),
)


class HeavyBallMomentsOneDimension(Road):
    """The recursion in one dimension."""

    result, method = "heavy-ball-variance", METHOD

    def trials(self) -> Sequence[Trial]:
        """Weak and strong momentum, small and large steps, none too."""
        cases = [("1/10", "1/2", "3/2", "7/10"), ("7/5", "4/5", "21/10", "3/10"), ("1/50", "9/10", "5/3", "4"), ("1/3", "0", "13/10", "5/2")]
        return [_one_dimension(*map(Fraction, case)) for case in cases]


class HeavyBallEdge(Road):
    """The eigenvalues of one step: their largest modulus reaches one, by bisection."""

    result, method = "heavy-ball-stability", "spectral radius of one step, bisected to one in 50 digits"

    def trials(self) -> Sequence[Trial]:
        """Several momenta and curvatures."""
        cases = [("1/2", "3/2"), ("9/10", "7/3"), ("1/7", "1/5"), ("0", "5/4")]
        return [Trial({"mu": mu, "H": h}, _edge(mu, h), EXACT) for mu, h in (map(Fraction, case) for case in cases)]


class DiscreteCovarianceMoments(Road):
    """The recursion in two dimensions, one learning rate."""

    result, method = "discrete-covariance-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Noise that does not commute with the Hessian."""
        return [
            Trial({"mu": mu, "eta": eta, **_hessian(h), **_noise(c)}, _planar(mu, (eta, eta), h, c).stationary(), EXACT)
            for mu, (eta, _), h, c in _planes()
        ]


class CommutingRateMoments(Road):
    """The recursion in two dimensions, a learning rate for each."""

    result, method = "preconditioned-covariance-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Learning rates far apart."""
        return [
            Trial({"mu": mu, "eta_1": r[0], "eta_2": r[1], **_hessian(h), **_noise(c)}, _planar(mu, r, h, c).stationary(), EXACT)
            for mu, r, h, c in _planes()
        ]


class NoiseOfMoments(Road):
    """Solve for the covariance that a known noise gives, and ask for the noise back."""

    result, method = "noise-behind-covariance-2d", METHOD

    def trials(self) -> Sequence[Trial]:
        """Learning rate, Hessian and noise that do not commute."""
        return [self._trial(mu, r, cross, h, c) for (mu, r, h, c), cross in zip(_planes(), ("1/11", "-1/9", "1/13"), strict=True)]

    def _trial(self, mu: Fraction, rates: tuple[Fraction, ...], cross: str, h: tuple[Fraction, ...], c: tuple[Fraction, ...]) -> Trial:
        rate = matrix_of([[rates[0] / 2, cross], [cross, rates[1] / 2]])
        hessian, noise = matrix_of([[h[0], 0], [0, h[1]]]), matrix_of([[c[0], c[1]], [c[1], c[2]]])
        sigma = HeavyBallMoments(rate, hessian, mu, constant_noise(noise)).stationary()
        values = {"mu": mu, "eta_11": rates[0] / 2, "eta_12": Fraction(cross), "eta_22": rates[1] / 2, **_hessian(h)}
        with mpmath.workdps(50):
            return Trial({**values, "Sigma_11": sigma[0, 0], "Sigma_12": sigma[0, 1], "Sigma_22": sigma[1, 1]}, rate * noise * rate, EXACT)


class DiscreteLossMoments(Road):
    """Half the trace of the Hessian times the recursion's fixed point, with noise C = H/B."""

    result, method = "discrete-expected-loss", METHOD

    def trials(self) -> Sequence[Trial]:
        """Batches of several sizes."""
        return [self._trial(mu, rates[0], h, size) for (mu, rates, h, _), size in zip(_planes(), (3, 7, 16), strict=True)]

    def _trial(self, mu: Fraction, eta: Fraction, h: tuple[Fraction, ...], size: int) -> Trial:
        sigma = _planar(mu, (eta, eta), h, (h[0] / size, Fraction(0), h[1] / size)).stationary()
        with mpmath.workdps(50):
            loss = sum(_decimal(h[i]) * sigma[i, i] for i in (0, 1)) / 2
        return Trial({"mu": mu, "eta": eta, "B": size, **_hessian(h)}, loss, EXACT)


def _planes() -> Iterator[tuple[Fraction, tuple[Fraction, ...], tuple[Fraction, ...], tuple[Fraction, ...]]]:
    for plane in PLANES:
        mu, *rest = map(Fraction, plane)
        yield mu, tuple(rest[:2]), tuple(rest[2:4]), tuple(rest[4:])


def _planar(mu: Fraction, rates: Sequence[Fraction], h: Sequence[Fraction], c: Sequence[Fraction]) -> HeavyBallMoments:
    rate, hessian = (matrix_of([[pair[0], 0], [0, pair[1]]]) for pair in (rates, h))
    return HeavyBallMoments(rate, hessian, mu, constant_noise(matrix_of([[c[0], c[1]], [c[1], c[2]]])))


def _hessian(h: Sequence[Fraction]) -> dict[str, Fraction]:
    return {"H_1": h[0], "H_2": h[1]}


def _noise(c: Sequence[Fraction]) -> dict[str, Fraction]:
    return {"C_11": c[0], "C_12": c[1], "C_22": c[2]}


def _one_dimension(eta: Fraction, mu: Fraction, h: Fraction, c: Fraction) -> Trial:
    moments = HeavyBallMoments(matrix_of([[eta]]), matrix_of([[h]]), mu, constant_noise(matrix_of([[c]])))
    return Trial({"eta": eta, "mu": mu, "H": h, "C": c}, moments.stationary()[0, 0], EXACT)


def _edge(mu: Fraction, h: Fraction) -> mpmath.mpf:
    """Bisect between a step that contracts and one that does not."""
    with mpmath.workdps(50):
        m, k = _decimal(mu), _decimal(h)
        low, high = mpmath.mpf(0), 100 / k
        for _ in range(140):
            eta = (low + high) / 2
            trace = 1 + m - eta * k
            root = mpmath.sqrt(trace**2 - 4 * m)  # of the characteristic polynomial of w'' = trace w' - mu w
            low, high = (eta, high) if max(abs(trace + root), abs(trace - root)) < 2 else (low, eta)
        return low


def _decimal(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator
