"""The rows of an escape experiment: eyring's own prediction, the slopes against 1/k, B and 1/eta, and the published laws on trial."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eyring.numerics.answer import Estimate
from eyring.validation.reproduce.contract import Row
from eyring.validation.reproduce.fits import line, pooled, slope_of, straightness
from eyring.validation.verdict import MeasuredCondition, Prediction, judge

__all__ = ["AXES", "SINGLE", "Rival", "Seen", "along", "in_time", "own_rows", "rival_rows", "straight_rows", "worst_error"]

Axes = Mapping[str, Callable[[Any], float]]
AXES: Axes = {
    "1/k": lambda run: 1 / run.scale,
    "B": lambda run: float(run.batch_size),
    "1/eta": lambda run: (1 - run.momentum) / run.learning_rate,
}
TOLERANCE, SLOPE, AXIS = 0.1, 0.02, 0.1  # differences that matter: in tau, in the slope of ln tau, in the slope along one axis
MOMENTUM_SLOPE, MOMENTUM_AXIS, SINGLE = 0.1, 0.3, 0.25  # where fewer exits are seen: with momentum, and in one setting of many
QUICK, QUICK_SLOPE = 0.3, 0.6


@dataclass(frozen=True)
class Seen:
    """One setting: what was trained, the mean time measured, and what eyring's own road predicts.

    Attributes:
        run: The training: learning_rate, momentum, and what the axes read.
        measured: Mean time, iterations.
        predicted: By eyring's own predictor, iterations.
        error: Its relative error.
        barrier: Over the noise: the exponent.
    """

    run: Any
    measured: Estimate
    predicted: float
    error: float
    barrier: float

    @property
    def log_ratio(self) -> float:
        """ln(measured/predicted)."""
        return math.log(self.measured.value / self.predicted)


@dataclass(frozen=True)
class Rival:
    """A published law, or one part of it.

    Attributes:
        claim: What it says.
        why: Why it fails, or what it shares with the truth.
        time: Its mean time at a setting, iterations.
        error: What it is allowed, relative, beyond the interval.
        slope: Judge its exponent, by the slope of ln(measured) against its own ln(time), instead of its prefactor.
    """

    claim: str
    why: str
    time: Callable[[Seen], float]
    error: float
    slope: bool = False


def own_rows(
    seen: Sequence[Seen], predictor: str, *, quick: bool, axes: Axes = AXES, least_barrier: float = 6.0, coarser: float = 1.0
) -> list[Row]:
    """Return the rows of eyring's own predictor at one momentum: all settings together, the worst of them, and the slope of ln tau.

    The worst is judged with an interval that holds for all settings at once (Bonferroni). With ``coarser`` > 1, slopes are asked for a difference
    that much larger, where an experiment sees fewer exits.
    """
    mu, tolerance = seen[0].run.momentum, QUICK if quick else TOLERANCE
    head = f"mu = {mu:g}: {predictor}"
    least = min(s.barrier for s in seen)
    high = (MeasuredCondition(f"the exponent is at least {least_barrier:g}", least, least >= least_barrier - 1e-9),)
    worst = max(seen, key=lambda s: abs(s.log_ratio))
    together = pooled([s.log_ratio for s in seen], [s.measured.events for s in seen], "measured / predicted")
    all_of_them = f"{len(seen)} settings together" if len(seen) > 1 else worst.run.words
    rows = [Row.of(judge(f"{head}, {all_of_them}", together, _one(worst_error(seen)), conditions=high, resolution=tolerance))]
    if len(seen) > 1:
        claim, expected = f"{head}, worst setting ({worst.run.words})", Prediction.within(worst.predicted, worst.error, predictor)
        rows.append(Row.of(judge(claim, worst.measured, expected, conditions=high, resolution=max(tolerance, SINGLE), comparisons=len(seen))))
        slope = slope_of([math.log(s.predicted) for s in seen], [s.measured for s in seen], "slope")
        claim = f"mu = {mu:g}: slope of ln tau against {predictor}'s"
        seeable = QUICK_SLOPE if quick else min(coarser, 1.5) * MOMENTUM_SLOPE if mu else coarser * SLOPE
        rows.append(Row.of(judge(f"{claim}, to {seeable:.0%}", slope, _one(0.0), conditions=high, resolution=seeable)))
    for axis, read in axes.items():
        rows += _axis_row(along(seen, axis, axes), axis, read, predictor, quick=quick, coarser=min(coarser, 2.0))
    return rows


def _axis_row(seen: Sequence[Seen], axis: str, read: Callable[[Any], float], predictor: str, *, quick: bool, coarser: float) -> list[Row]:
    if len(seen) < 2:
        return []
    x = [read(s.run) for s in seen]
    events = [1 / s.measured.events for s in seen]
    own = line(x, [math.log(s.predicted * s.run.learning_rate) for s in seen], events)[0]
    slope = slope_of(x, [in_time(s) for s in seen], f"slope of -ln gamma against {axis}")
    claim = f"mu = {seen[0].run.momentum:g}: -ln gamma (per time) against {axis} has the slope {own:.3g} of {predictor}"
    seeable = QUICK_SLOPE if quick else coarser * (MOMENTUM_AXIS if seen[0].run.momentum else AXIS)
    return [Row.of(judge(claim, slope, Prediction.within(own, 0.0, predictor), resolution=seeable))]


def straight_rows(seen: Sequence[Seen], paper: str, axes: Axes = AXES) -> list[Row]:
    """Return the paper's claim that -ln gamma is a straight line, for every axis with three settings or more."""
    rows = []
    for axis, read in axes.items():
        chosen = along(seen, axis, axes)
        if len(chosen) > 2:
            rows.append(straightness(f"{paper}: -ln gamma is linear in {axis}", [read(s.run) for s in chosen], [in_time(s) for s in chosen]))
    return rows


def rival_rows(seen: Sequence[Seen], rivals: Sequence[Rival], *, quick: bool) -> list[Row]:
    """Return a row for every published law: its prefactor with all settings together, or its exponent as the slope of ln(measured) in its own ln."""
    rows = []
    for rival in rivals:
        times = [rival.time(s) for s in seen]
        if rival.slope:
            found = slope_of([math.log(t) for t in times], [s.measured for s in seen], "slope")
        else:
            logs = [math.log(s.measured.value / t) for s, t in zip(seen, times, strict=True)]
            found = pooled(logs, [s.measured.events for s in seen], "measured / predicted")
        verdict = judge(rival.claim, found, _one(rival.error), resolution=0.25 if quick else 0.1 + rival.error, own=False)
        rows.append(Row.of(verdict, why=rival.why))
    return rows


def along(seen: Sequence[Seen], axis: str, axes: Axes = AXES) -> list[Seen]:
    """Return the settings that differ from the first in this quantity alone, in its order."""
    base, others = seen[0].run, [read for name, read in axes.items() if name != axis]
    same = [s for s in seen if all(math.isclose(read(s.run), read(base)) for read in others)]
    return sorted(same, key=lambda s: axes[axis](s.run))


def worst_error(seen: Sequence[Seen]) -> float:
    """Return the largest relative error that the predictor states for itself."""
    return max(s.error for s in seen)


def in_time(seen: Seen) -> Estimate:
    """Return the measured mean time in units of continuous time, eta an iteration."""
    m, eta = seen.measured, seen.run.learning_rate
    return Estimate(m.value * eta, m.low * eta, m.high * eta, m.events, m.method, "time", m.level)


def _one(error: float) -> Prediction:
    return Prediction.within(1.0, error, "the law itself")
