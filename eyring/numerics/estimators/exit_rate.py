"""Escape rates and mean escape times from exposure, with walkers that had not escaped when the watch ended kept as censored.

The mean of the observed exits alone would be too short: those still waiting are the slow ones.
"""

import math

import numpy as np

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Estimate

__all__ = ["mean_time_from_start", "poisson_interval", "quasi_stationary_rate"]

PER = {"iterations": "1/iteration", "time": "1/time"}


def poisson_interval(events: int, exposure: float, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a rate from a count over an exposure: chi^2 quantiles over twice the exposure.

    Raises:
        ParameterError: If the level is not between 0 and 1.
        AccuracyError: If the exposure is not positive.

    >>> low, high = poisson_interval(0, 100.0)
    >>> low, round(high, 4)                     # -ln(0.025)/100
    (0.0, 0.0369)
    """
    from scipy.special import chdtri

    if not 0 < level < 1:
        raise ParameterError(f"the level of an interval lies between 0 and 1, got {level}")
    if not exposure > 0:
        raise AccuracyError("no walker was watched beyond the entry transient, so no rate can be estimated; watch longer or give a shorter transient")
    outside = (1 - level) / 2
    low = chdtri(2 * events, 1 - outside) / (2 * exposure) if events else 0.0
    return float(low), float(chdtri(2 * events + 2, outside) / (2 * exposure))


def quasi_stationary_rate(
    times: np.ndarray, censored: np.ndarray, *, transient: float, unit: str, level: float = 0.95, clock: float | None = None
) -> Estimate:
    """Return the rate of exits of walkers that have forgotten where they started: exits after the transient over exposure after it.

    Args:
        times: Waiting times that ended in an exit, (n,).
        censored: Waiting times that had not ended, (m,).
        transient: t0: what a walker does earlier is left out. Same unit as the times.
        unit: "iterations" or "time".
        level: Coverage of the exact Poisson interval.
        clock: Continuous time of one iteration, where known.

    Raises:
        ParameterError: If the transient is negative or not a number.
        AccuracyError: If no walker was watched beyond the transient.
    """
    events, exposure = _after(times, censored, transient)
    low, high = poisson_interval(events, exposure, level=level)
    method = f"quasi-stationary rate: exits over exposure, both after the entry transient {transient:.4g}"
    return Estimate(events / exposure, low, high, events, method, PER[unit], level, clock)


def mean_time_from_start(
    times: np.ndarray, censored: np.ndarray, *, transient: float, unit: str, level: float = 0.95, clock: float | None = None
) -> Estimate:
    """Return the mean time from the starting point: E[min(t, t0)] + S(t0)/rate.

    Up to t0 the survival S is that of Kaplan and Meier, beyond it the rate is constant. The variance up to t0 is Greenwood's, the interval
    beyond it the exact Poisson one; the two are independent and their half widths add in squares.

    Args:
        times: Waiting times that ended in an exit, (n,).
        censored: Waiting times that had not ended, (m,).
        transient: t0, the entry transient. Same unit as the times.
        unit: "iterations" or "time".
        level: Coverage of the interval.
        clock: Continuous time of one iteration, where known.

    Raises:
        ParameterError: If the transient is negative or not a number.
        AccuracyError: If no exit was seen after the transient.
    """
    from scipy.special import ndtri

    events, exposure = _after(times, censored, transient)
    slow, fast = poisson_interval(events, exposure, level=level)
    if not events:
        raise AccuracyError(
            f"no exit was seen after the entry transient {transient:.4g} in an exposure of {exposure:.6g} {unit}; the mean time is longer than "
            f"about {1 / fast:.4g}. Watch longer",
            estimate=1 / fast,
        )
    beyond = exposure / events
    early, surviving, variance = _early(times, censored, transient, beyond)
    value = early + surviving * beyond
    z = float(ndtri((1 + level) / 2)) * math.sqrt(variance)
    low = value - math.hypot(z, surviving * (beyond - 1 / fast))
    high = value + math.hypot(z, surviving * (1 / slow - beyond))
    method = f"mean time from the starting point: survival up to the entry transient {transient:.4g}, constant rate beyond"
    return Estimate(value, low, high, len(times), method, unit, level, clock)


def _after(times: np.ndarray, censored: np.ndarray, transient: float) -> tuple[int, float]:
    """Return the number of exits after the transient, and the exposure after it."""
    if not (math.isfinite(transient) and transient >= 0):
        raise ParameterError(f"the entry transient must be a number from 0 on, got {transient}")
    exposure = sum(float(np.clip(t - transient, 0, None).sum()) for t in (times, censored))
    return int(np.sum(times > transient)), exposure


def _early(times: np.ndarray, censored: np.ndarray, transient: float, beyond: float) -> tuple[float, float, float]:
    """Return E[min(t, t0)], S(t0) and the variance of E[min(t, t0)] + S(t0) * beyond, by Kaplan and Meier and Greenwood."""
    everyone = np.sort(np.concatenate([times, censored]))
    moments, leaving = np.unique(times[times <= transient], return_counts=True)
    waiting = len(everyone) - np.searchsorted(everyone, moments, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1 - leaving / waiting)])
    areas = survival * np.diff(np.concatenate([[0.0], moments, [transient]]))
    later = np.cumsum(areas[::-1])[::-1][1:] + beyond * survival[-1]
    staying = waiting > leaving
    spread = leaving[staying] / (waiting[staying] * (waiting[staying] - leaving[staying]))
    return float(areas.sum()), float(survival[-1]), float(np.sum(later[staying] ** 2 * spread))
