"""The tail exponent of SGD on linear regression: the moment that one step neither raises nor lowers, no step taken as small."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
from scipy.optimize import brentq

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number

__all__ = ["log_moment", "tail_exponent"]

DROP = 50.0  # e^-50 of the peak is left out at either side
STEPS = (128, 256)  # of the tanh-sinh sums whose difference is the error
REACH = 3.2  # where their variable ends
ROUNDING = 4e-16
SMALL = 0.5  # powers below which the moment is averaged less one
LARGEST = 1e15
WORST = 1e-3
TOO_LARGE = f"the tail exponent lies beyond {LARGEST:.0e}: no tail that float64 can see"
TOO_NEAR = "the tail exponent is too close to zero for float64: eta a is at the limit of stability"


def tail_exponent(*, batch_size: int, learning_rate_times_curvature: Any, digits: int = 15) -> Number:
    """Return the exponent beta of the stationary tail p(w) ~ |w|^(-1 - beta) of SGD on one-dimensional linear regression.

    With Gaussian inputs of variance a one step multiplies w by 1 - (eta a/S) chi2_S and adds the label noise, and beta is the positive root of
    E|1 - (eta a/S) chi2_S|^beta = 1 (Kesten 1973). Moments of w exist below beta only; the variance from eta a < 2 S/(S + 2) on.

    Args:
        batch_size: S, a whole number from 1.
        learning_rate_times_curvature: eta a > 0, a the variance of the inputs (the curvature of the loss).
        digits: Up to 15: float64, by sums in the logarithm that do not overflow for any S; more: confluent hypergeometric functions.

    Returns:
        The exponent, a pure number, with its estimated error.

    Raises:
        ParameterError: If the batch size is no whole number from 1, or eta a is not positive and finite.
        NotApplicable: If the mean of ln|1 - (eta a/S) chi2_S| is not negative: walkers run away and no stationary law exists.
        AccuracyError: If the digits cannot be had.

    >>> round(float(tail_exponent(batch_size=2, learning_rate_times_curvature=1)), 12)
    2.0
    """
    size, step = _checked(batch_size, learning_rate_times_curvature)
    if not size < LARGEST * step:
        raise AccuracyError(TOO_LARGE, float(size / step) if size < 1e300 * step else None, 1.0)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 100:
        raise ParameterError(f"digits must be a whole number from 1 to 100, got {digits!r}")
    drift = mean_logarithm(size, float(step))
    if drift >= 0:
        raise NotApplicable(
            f"one step multiplies |w| by exp({drift:.4g}) on the average of the logarithm: walkers run away, and no stationary law exists. "
            f"eta a = {float(step):.6g} is too large for batches of {size}; the variance is finite below 2 S/(S + 2) = {2 * size / (size + 2):.6g}"
        )
    root = _root(size, float(step))
    if digits > 15:
        return _to_digits(size, step, root, digits)
    error = _error(size, float(step), root)
    if not error < WORST * root:
        raise AccuracyError(TOO_NEAR, root, error / root)
    return Number.of(root, error=error, unit="tail exponent")


def log_moment(size: int, step: float, power: float, *, sums: int = STEPS[-1]) -> float:
    """Return ln E|1 - (step/size) chi2_size|^power, power >= 0.

    With s^2 = (step/size) chi2 the density is 2 z^k s^(2k - 1) e^(-z s^2)/Gamma(k), k = size/2, z = size/(2 step). Its product with |1 - s^2|^power
    is log-concave on either side of s = 1, so each side is one peak, known in closed form, and a tanh-sinh sum over its width. Small powers are
    averaged as |1 - s^2|^power - 1, so that the logarithm keeps its digits where it goes to zero with the power.
    """
    if power < SMALL:
        return math.log1p(_mean(size, step, lambda logarithm: np.expm1(power * logarithm), sums))
    k, z = size / 2, size / (2 * step)
    below, beyond = (_side(size, z, power, side, sums) for side in (-1, 1))
    return float(np.logaddexp(below, beyond)) + math.log(2) + k * math.log(z) - math.lgamma(k)


def mean_logarithm(size: int, step: float) -> float:
    """Return E ln|1 - (step/size) chi2_size|, the slope of the log-moment at zero: negative where a stationary law exists."""
    return _mean(size, step, lambda logarithm: logarithm, STEPS[-1])


def _mean(size: int, step: float, function: Callable[[np.ndarray], np.ndarray], sums: int) -> float:
    """Return the mean of a function of ln|1 - (step/size) chi2_size|."""
    k, z = size / 2, size / (2 * step)
    total, mass = 0.0, 0.0
    for side in (-1, 1):
        depth, weight = _nodes(size, z, 0.0, side, sums)
        density = np.exp(_exponent(size, z, 0.0, side, depth) + math.log(2) + k * math.log(z) - math.lgamma(k)) * weight
        total += float(density @ function(np.log(depth) + np.log1p(1 + side * depth)))
        mass += float(density.sum())
    return total / mass


def _exponent(size: int, z: float, power: float, side: int, depth: np.ndarray) -> np.ndarray:
    """Return ln of s^(size - 1) |1 - s^2|^power e^(-z s^2) at s = 1 + side * depth."""
    s = 1 + side * depth
    with np.errstate(divide="ignore"):
        volume = (size - 1) * np.log(s) if size > 1 else 0.0
        kick = power * np.log(depth * (2 + side * depth)) if power else 0.0
    return volume + kick - z * s**2


def _nodes(size: int, z: float, power: float, side: int, sums: int) -> tuple[np.ndarray, np.ndarray]:
    """Return depths |s - 1| and weights of a tanh-sinh sum over the peak on one side of s = 1."""
    volume = (size - 1) / 2
    half = (z + volume + power) / 2
    far = (half + math.sqrt(half * half - z * volume)) / z  # s^2 at the peak beyond 1; the product of the two roots is volume/z
    square = far if side == 1 else volume / z / far
    peak = max(side * (math.sqrt(square) - 1), 0.0)
    s = math.sqrt(square)
    bend = (volume * 2 / square if volume else 0.0) + 2 * z + (2 * power * (square + 1) / (square - 1) ** 2 if power and square != 1 else 0.0)
    width, end = 1 / math.sqrt(bend), (1.0 if side == -1 else math.inf)
    top = float(_exponent(size, z, power, side, np.array([max(peak, 1e-300)]))[0]) if s != 1 or not power else -math.inf
    low, high = (_edge(size, z, power, side, peak, sign * width, top, end) for sign in (-1, 1))
    t = np.linspace(-REACH, REACH, 2 * sums + 1)
    share = 1 / (1 + np.exp(-math.pi * np.sinh(t)))
    weight = math.pi * np.cosh(t) * share * (1 - share) * (t[1] - t[0])
    return low + (high - low) * share, weight * (high - low)


def _edge(size: int, z: float, power: float, side: int, peak: float, width: float, top: float, end: float) -> float:
    """Return where the exponent has fallen by 50 from its peak, or the end of the side."""
    reach = width
    while True:
        depth = peak + reach
        if depth <= 0 or depth >= end:
            return 0.0 if depth <= 0 else end
        if float(_exponent(size, z, power, side, np.array([depth]))[0]) < top - DROP:
            return depth
        reach *= 1.3


def _side(size: int, z: float, power: float, side: int, sums: int) -> float:
    depth, weight = _nodes(size, z, power, side, sums)
    exponent = _exponent(size, z, power, side, depth)
    top = float(exponent.max())
    return top + math.log(float(np.exp(exponent - top) @ weight))


def _root(size: int, step: float) -> float:
    low, high = 1.0, 1.0
    while log_moment(size, step, high) <= 0:
        low, high = high, 2 * high
        if high > LARGEST:
            raise AccuracyError(TOO_LARGE, high, 1.0)
    while log_moment(size, step, low) >= 0:
        low, high = low / 2, low
        if low < 1 / LARGEST:
            raise AccuracyError(TOO_NEAR, low, 1.0)
    return float(brentq(lambda power: log_moment(size, step, power), low, high, xtol=1e-300, rtol=9e-16))


def _error(size: int, step: float, root: float) -> float:
    """Return the error of the sums and of rounding, over the slope of the log-moment."""
    coarse, fine = (log_moment(size, step, root, sums=n) for n in STEPS)
    slope = (log_moment(size, step, root * 1.001) - log_moment(size, step, root * 0.999)) / (0.002 * root)
    rounding = 10 * root if root < SMALL else 1 + root + size / (2 * step)
    return (abs(fine - coarse) + ROUNDING * rounding) / slope


def _checked(batch_size: Any, step: Any) -> tuple[int, Fraction]:
    whole = not isinstance(batch_size, bool) and isinstance(batch_size, int | np.integer)
    if not whole or batch_size < 1:
        raise ParameterError(f"the batch size must be a whole number from 1, got {batch_size!r}")
    try:
        if isinstance(step, str | bool):
            raise TypeError
        number = Fraction(repr(float(step))) if isinstance(step, float | np.floating) else Fraction(step)
    except (TypeError, ValueError, OverflowError):
        number = Fraction(0)
    if number <= 0:
        raise ParameterError(f"learning_rate_times_curvature, eta a, must be a positive, finite number, got {step!r}")
    return int(batch_size), number


def _to_digits(size: int, step: Fraction, root: float, digits: int) -> Number:
    """Solve with E|1 - y|^beta = z^k [B(k, beta + 1) 1F1(k; k + beta + 1; -z) + e^-z Gamma(beta + 1) U(beta + 1, k + beta + 1, z)]/Gamma(k)."""
    found = []
    for guard in (15, 30):
        with mpmath.workdps(digits + guard):
            k, z = mpmath.mpf(size) / 2, mpmath.mpf(size) * step.denominator / (2 * step.numerator)

            def logarithm(power: mpmath.mpf, k: mpmath.mpf = k, z: mpmath.mpf = z) -> mpmath.mpf:
                inside = mpmath.beta(k, power + 1) * mpmath.hyp1f1(k, k + power + 1, -z)
                beyond = mpmath.exp(-z) * mpmath.gamma(power + 1) * mpmath.hyperu(power + 1, k + power + 1, z)
                return mpmath.log((inside + beyond) * z**k / mpmath.gamma(k))

            try:
                found.append(mpmath.findroot(logarithm, (mpmath.mpf(root), mpmath.mpf(root) * (1 + mpmath.mpf(10) ** -12))))
            except (ValueError, mpmath.libmp.NoConvergence) as error:
                raise AccuracyError(f"{digits} digits could not be had here; ask for 15 or fewer", root) from error
    with mpmath.workdps(digits + 5):
        return Number(+found[1], 0.0, max(float(abs(found[1] / found[0] - 1)), 10.0**-digits), "tail exponent", None, digits)
