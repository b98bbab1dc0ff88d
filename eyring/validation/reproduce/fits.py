"""From exits to verdicts: measured mean times with intervals, ratios pooled over settings, slopes, and whether points lie on a line."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import gammaincc, ndtri

from eyring.errors import ParameterError
from eyring.numerics.answer import Estimate
from eyring.numerics.estimators import quasi_stationary_rate
from eyring.validation.reproduce.contract import Row
from eyring.validation.verdict import REJECTION

__all__ = ["line", "mean_exit_time", "pooled", "slope_of", "straightness"]

Z99 = float(ndtri(0.995))
UNLIKELY, IMPOSSIBLE = 0.01, 5.8e-7  # two-sided chances of the 99 % interval and of 5 standard errors


def mean_exit_time(arrays: Mapping[str, Any], transient: float) -> Estimate:
    """Return the mean waiting time of walkers that have forgotten their start, exposure over exits, both after the transient; iterations, 99 %.

    Args:
        arrays: "times" and "censored", as a training returns them.
        transient: What is left out at the beginning of every wait.

    Raises:
        ParameterError: If fewer than ten walkers left: an interval would say too little.
    """
    rate = quasi_stationary_rate(arrays["times"], arrays["censored"], transient=transient, unit="iterations", level=0.99)
    if rate.events < 10:
        raise ParameterError(f"{rate.events} exits after {transient:.4g} iterations say too little about a rate; train longer or raise the noise")
    return Estimate(1 / rate.value, 1 / rate.high, 1 / rate.low, rate.events, "exposure over exits after the entry transient", "iterations", 0.99)


def pooled(logarithms: Sequence[float], events: Sequence[int], method: str) -> Estimate:
    """Return exp of the mean of ln(measured/predicted), each weighted by its number of exits (variance 1/exits).

    >>> pooled([0.0, 0.0], [5000, 5000], "measured / predicted").high   # exp(2.576/100)
    1.0260...
    """
    weights = np.asarray(events, dtype=float)
    mean, reach = float(np.average(logarithms, weights=weights)), Z99 / math.sqrt(float(weights.sum()))
    return Estimate(math.exp(mean), math.exp(mean - reach), math.exp(mean + reach), int(weights.sum()), method, "1", 0.99)


def line(x: Sequence[float], y: Sequence[float], variances: Sequence[float]) -> tuple[float, float, float, float]:
    """Return slope, its standard error, intercept and chi^2 of the straight line through independent points.

    Raises:
        ParameterError: If the points have fewer than two different places.
    """
    places, values, weights = (np.asarray(each, dtype=float) for each in (x, y, 1 / np.asarray(variances, dtype=float)))
    if np.ptp(places) == 0:
        raise ParameterError(f"a slope needs points at two different places at least, got {len(places)} at {places[0]:.6g}")
    centre = np.average(places, weights=weights)
    spread = float(np.sum(weights * (places - centre) ** 2))
    slope = float(np.sum(weights * (places - centre) * values)) / spread
    intercept = float(np.average(values, weights=weights) - slope * centre)
    return slope, 1 / math.sqrt(spread), intercept, float(np.sum(weights * (values - intercept - slope * places) ** 2))


def slope_of(x: Sequence[float], times: Sequence[Estimate], method: str) -> Estimate:
    """Return the slope of ln(measured time) against x, with its 99 % interval."""
    events = [t.events for t in times]
    slope, error, _, _ = line(x, [math.log(t.value) for t in times], [1 / n for n in events])
    return Estimate(slope, slope - Z99 * error, slope + Z99 * error, sum(events), method, "1", 0.99)


def straightness(claim: str, x: Sequence[float], times: Sequence[Estimate]) -> Row:
    """Return the row that says whether ln(time) is a straight line in x: the largest distance from the best line, judged by chi^2.

    It agrees if such a chi^2 is seen in 1 of 100 runs or more, and disagrees beyond 5 standard errors' worth; a true line is rejected once in
    1.7 million. Where all points could be off by 10 % without being noticed, it is undecided.
    """
    logs, events = [math.log(t.value) for t in times], [t.events for t in times]
    slope, _, intercept, chi2 = line(x, logs, [1 / n for n in events])
    free = len(x) - 2
    if free < 1:
        raise ParameterError(f"{len(x)} points always lie on a line; {claim} needs three")
    chance = float(gammaincc(free / 2, chi2 / 2))
    off = max((y - intercept - slope * at for at, y in zip(x, logs, strict=True)), key=abs)
    wide = Z99 / math.sqrt(min(events)) > 0.1
    verdict = "disagrees" if chance < IMPOSSIBLE else "undecided" if wide or chance < UNLIKELY else "agrees"
    note = f"chi^2 = {chi2:.1f} for {free} degrees of freedom; measured: the largest distance of ln tau from the line"
    return Row(claim, off, None, None, verdict, note=note + (f"; {REJECTION:.0f} sigma" if verdict == "disagrees" else ""))
