"""Laws of one coordinate from the condition of zero flux, (ln p)' = (f - D')/D, integrated and not solved."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.linear_process import DIGITS, drawn, number

__all__ = ["AnyNoise", "NoiseOfDistance", "NoiseOfLoss", "SlopeFarOut"]

Function = Callable[[mpmath.mpf], mpmath.mpf]
FAR = mpmath.mpf(10) ** 25


class AnyNoise(Road):
    """A lopsided well under noise that grows, and one under noise that waves."""

    result = "zero-flux-law"
    method = "zero-flux equation integrated along the line, the noise differentiated numerically"

    def trials(self) -> Sequence[Trial]:
        """Uphill, downhill and over a barrier."""
        with mpmath.workdps(DIGITS):
            wells = [(lambda x: x**3 - x + x**2 / 5, lambda x: (3 + x**2 + x / 2) / 10), (lambda x: x / 2, lambda x: (2 + mpmath.sin(x)) / 7)]
            return [_compared(*wells[k], number(here), number(there)) for k, here, there in ((0, "3/10", "-1"), (0, "7/5", "1/2"), (1, "1/3", "2"))]


class NoiseOfDistance(Road):
    """A parabola with noise c_0 + c_2 x^2."""

    result = "power-law-density"
    method = "zero-flux equation integrated along the line"

    def trials(self) -> Sequence[Trial]:
        """Near and far from the minimum."""
        with mpmath.workdps(DIGITS):
            return [_from_minimum(*drawn(seed, 5)) for seed in (61, 62, 63)]


class NoiseOfLoss(Road):
    """Wells of positive loss with noise in proportion to it."""

    result = "loss-noise-law"
    method = "zero-flux equation integrated along the line, D = eta H L/B on two wells"

    def trials(self) -> Sequence[Trial]:
        """A lopsided double well and a cosh."""
        with mpmath.workdps(DIGITS):
            double = (lambda x: x**4 / 4 - x**2 / 2 + x**3 / 10 + number("9/10"), lambda x: x**3 - x + 3 * x**2 / 10)
            return [_in_loss(*double, 71, 3), _in_loss(*double, 72, 5), _in_loss(mpmath.cosh, mpmath.sinh, 73, 4)]


class SlopeFarOut(Road):
    """The covariance by summing over inputs and labels (Gauss-Hermite, exact for fourth moments), then the slope of ln p at 10^25."""

    result = "tail-exponent-sde"
    method = "covariance summed over Gaussian inputs and labels, slope of ln p far out"

    def trials(self) -> Sequence[Trial]:
        """Three sets of numbers."""
        with mpmath.workdps(2 * DIGITS):
            return [_far_out(2 + seed - 80, *drawn(seed, 3)) for seed in (81, 82, 84)]


def _log_density(slope: Function, diffusion: Function, here: mpmath.mpf, there: mpmath.mpf) -> mpmath.mpf:
    return mpmath.quad(lambda x: -(slope(x) + mpmath.diff(diffusion, x)) / diffusion(x), mpmath.linspace(there, here, 5))


def _compared(slope: Function, diffusion: Function, here: mpmath.mpf, there: mpmath.mpf) -> Trial:
    climbed = mpmath.quad(lambda x: slope(x) / diffusion(x), mpmath.linspace(there, here, 5))
    values = {"D_A": diffusion(here), "D_B": diffusion(there), "Phi_AB": climbed}
    return Trial(values, mpmath.exp(_log_density(slope, diffusion, here, there)), 1e-15)


def _from_minimum(eta: Fraction, h: Fraction, floor: Fraction, growth: Fraction, place: Fraction) -> Trial:
    step, curvature, c0, c2, x = (number(v) for v in (eta, h, floor, growth, place))
    logarithm = mpmath.quad(lambda u: -(curvature * u + step * c2 * u) / (step * (c0 + c2 * u**2) / 2), mpmath.linspace(0, x, 5))
    return Trial({"eta": eta, "H": h, "c_0": floor, "c_2": growth, "rho": place}, mpmath.exp(logarithm), 1e-25)


def _in_loss(loss: Function, slope: Function, seed: int, batch: int) -> Trial:
    eta, h = drawn(seed, 2)
    here, there, strength = number("-13/10"), number("2/5"), number(eta) * number(h) / batch
    logarithm = mpmath.quad(lambda x: -(slope(x) + strength * slope(x)) / (strength * loss(x)), mpmath.linspace(there, here, 9))
    return Trial({"eta": eta, "H": h, "B": batch, "L_a": loss(there), "L_b": loss(here)}, mpmath.exp(logarithm), 1e-25)


def _far_out(batch: int, eta: Fraction, variance: Fraction, noise: Fraction) -> Trial:
    a, sigma, root = number(variance), number(noise), mpmath.sqrt(3)
    nodes = [(mpmath.mpf(0), mpmath.mpf(2) / 3), (root, mpmath.mpf(1) / 6), (-root, mpmath.mpf(1) / 6)]

    def moment(w: mpmath.mpf, power: int) -> mpmath.mpf:
        x, y = mpmath.sqrt(a), sigma
        return mpmath.fsum(p * q * (x * s * (x * s * w - y * t)) ** power for s, p in nodes for t, q in nodes)

    def diffusion(w: mpmath.mpf) -> mpmath.mpf:
        return number(eta) * (moment(w, 2) - moment(w, 1) ** 2) / (2 * batch)

    change = (diffusion(FAR * (1 + mpmath.mpf(10) ** -20)) - diffusion(FAR * (1 - mpmath.mpf(10) ** -20))) / (2 * mpmath.mpf(10) ** -20)
    slope = (-FAR * moment(FAR, 1) - change) / diffusion(FAR)
    return Trial({"eta": eta, "a": variance, "B": batch}, -1 - slope, 1e-20)
