"""What is compared of a law and a sweep: lines through counted exits, and what the measurement has beyond the law's own numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from eyring.numerics.answer import Estimate
from eyring.numerics.estimators.exit_rate import poisson_interval
from eyring.validation.court.counted_line import CountedLine, counted_line
from eyring.validation.court.setting import Setting
from eyring.validation.verdict import Prediction

__all__ = ["COMPARISONS", "QUANTITIES", "Cell", "Comparison", "Found"]

LEVEL = 0.99
Z = float(ndtri((1 + LEVEL) / 2))
LARGEST = 600.0  # of a logarithm, so that its exponential is a float


@dataclass(frozen=True, eq=False)
class Cell:
    """What was measured in one setting, and what every law said.

    Attributes:
        setting: How replicas were trained.
        rate: Escapes per iteration after the entry transient, with its exact Poisson interval; None where nothing could be measured.
        rows: Of each law, by name.
        trouble: Why nothing could be measured.
    """

    setting: Setting
    rate: Estimate | None
    rows: Mapping[str, Mapping[str, Any]]
    trouble: str = ""

    @property
    def events(self) -> int:
        """Exits after the entry transient."""
        return self.rate.events if self.rate else 0

    @property
    def log_exposure(self) -> float:
        """ln of the time for which all replicas were watched after the transient, in units of eta an iteration; -inf for none."""
        if self.rate is None:
            return -math.inf
        watched = self.events / self.rate.value if self.events else -math.log((1 - self.rate.level) / 2) / self.rate.high
        return math.log(watched * self.setting.learning_rate)

    def log_time(self, law: str, end: str = "value") -> float:
        """ln tau of a law, or an end of its own error, in the same unit; not a number where the law does not know it."""
        value = self.rows[law][end]
        return math.nan if value is None else float(value) + math.log(self.setting.learning_rate)


@dataclass(frozen=True)
class Found:
    """A number of the measurement and the law's.

    Attributes:
        measured: With its 99 % interval.
        predicted: With the law's own error.
        told: What a reader must know.
    """

    measured: Estimate
    predicted: Prediction
    told: str


@dataclass(frozen=True)
class Comparison:
    """One of the quantities by which laws are judged.

    Attributes:
        claim: In words.
        needs: What a sweep must have for it.
        judged: From a law's name and cells of one momentum to the two numbers; None where the cells do not suffice.
    """

    claim: str
    needs: str
    judged: Callable[[str, Sequence[Cell]], Found | None]


@dataclass(frozen=True)
class _Group:
    """Cells that differ in one thing: the line through their exits, and what it has beyond the law and beyond both ends of the law's own error."""

    measured: CountedLine
    beyond: tuple[CountedLine | None, ...]

    @property
    def error(self) -> CountedLine:
        """The line beyond the law, for its standard errors."""
        assert self.beyond[0] is not None
        return self.beyond[0]

    def slopes(self) -> np.ndarray:
        """The law's slope, and those of both ends."""
        return np.array([math.nan if b is None else self.measured.slope - b.slope for b in self.beyond])

    def intercepts(self) -> np.ndarray:
        """What the measured intercept has beyond the law's, and beyond those of both ends."""
        return np.array([math.nan if b is None else b.intercept for b in self.beyond])


def _groups(law: str, cells: Sequence[Cell], x: Callable[[Setting], float], fixed: Callable[[Setting], Any]) -> list[_Group]:
    found = []
    for same in dict.fromkeys(fixed(cell.setting) for cell in cells):
        mine = [cell for cell in cells if fixed(cell.setting) == same]
        at, events = np.array([x(cell.setting) for cell in mine]), np.array([cell.events for cell in mine])
        exposure = np.array([cell.log_exposure for cell in mine])
        measured = counted_line(at, events, exposure)
        if measured is None:
            continue
        beyond = []
        for end in ("value", "low", "high"):
            said = np.array([cell.log_time(law, end) for cell in mine])
            beyond.append(counted_line(at, events, exposure, beyond=said) if np.all(np.isfinite(said)) else None)
        found.append(_Group(measured, tuple(beyond)))
    return found


def _slope(law: str, cells: Sequence[Cell]) -> Found | None:
    """Compare d ln tau/d(B/eta), in units of the measured one, all k together."""
    groups = _groups(law, cells, lambda s: s.over_noise, lambda s: s.scale)
    if not groups:
        return None
    weights = [(g.measured.slope / g.error.slope_error) ** 2 for g in groups]
    ends = np.average([g.slopes() / g.measured.slope for g in groups], axis=0, weights=weights)
    told = ", ".join(f"{g.measured.slope:.4g} +- {g.measured.slope_error:.2g} (law {g.slopes()[0]:.4g})" for g in groups)
    return Found(_measured(1.0, weights, groups, "slope, in units of the measured one"), _predicted(ends, law), f"d ln tau/d(B/eta) = {told}")


def _prefactor(law: str, cells: Sequence[Cell]) -> Found | None:
    """Compare exp of the intercept at B/eta = 0 with the law's, all k together."""
    groups = _groups(law, cells, lambda s: s.over_noise, lambda s: s.scale)
    if not groups:
        return None
    weights = [1 / g.error.intercept_error**2 for g in groups]
    value, *ends = np.average([g.intercepts() for g in groups], axis=0, weights=weights)
    value, error = float(np.clip(value, -LARGEST, LARGEST)), 1 / math.sqrt(sum(weights))
    ratio = [math.exp(value + shift * error) for shift in (0, -Z, Z)]
    events = sum(g.measured.events for g in groups)
    measured = Estimate(ratio[0], ratio[1], ratio[2], events, "prefactor over the law's", "1", LEVEL)
    spread = np.exp(np.clip(value - np.array(ends), -LARGEST, LARGEST))
    return Found(measured, _predicted([1.0, *spread], law), "")


def _curvature(law: str, cells: Sequence[Cell]) -> Found | None:
    """Compare p = -d ln tau/d ln k at fixed eta and B, all of them together."""
    groups = _groups(law, cells, lambda s: math.log(s.scale), lambda s: (s.learning_rate, s.batch_size))
    if not groups:
        return None
    weights = [1 / g.error.slope_error**2 for g in groups]
    ends = np.average([-g.slopes() for g in groups], axis=0, weights=weights)
    measured = float(np.average([-g.measured.slope for g in groups], weights=weights))
    told = f"-d ln tau/d ln k = {measured:.4g} (law {ends[0]:.4g})"
    return Found(_measured(measured, weights, groups, "-d ln tau/d ln k"), _predicted(ends, law), told)


def _time(law: str, cells: Sequence[Cell]) -> Found | None:
    """Compare the exits seen with those that the law expects in the same watch, all together."""
    seen, watched = sum(cell.events for cell in cells), [cell for cell in cells if math.isfinite(cell.log_exposure)]
    if not seen:
        return None
    expected = [_log_expected(law, watched, end) for end in ("value", "low", "high")]
    few, many = poisson_interval(seen, 1.0, level=LEVEL)
    value = float(np.clip(expected[0] - math.log(seen), -LARGEST, LARGEST))
    measured = Estimate(math.exp(value), math.exp(value) * seen / many, math.exp(value) * seen / few, seen, "measured / predicted time", "1", LEVEL)
    ends = np.exp(np.clip(expected[0] - np.array(expected[1:]), -LARGEST, LARGEST))
    return Found(measured, _predicted([1.0, *ends], law), "")


def _log_expected(law: str, cells: Sequence[Cell], end: str) -> float:
    """Return ln of the exits that the law expects in all cells."""
    each = [cell.log_exposure - cell.log_time(law, end) for cell in cells]
    return float(np.logaddexp.reduce(each)) if np.all(np.isfinite(each)) else math.nan


QUANTITIES = ("slope", "prefactor", "curvature", "time")
COMPARISONS: Mapping[str, Comparison] = {
    "slope": Comparison(
        "the slope of ln tau against B/eta", "a slope needs exits at two values of B/eta, at the same momentum and k", _slope
    ),
    "prefactor": Comparison(
        "what stands before the exponential", "an intercept needs exits at two values of B/eta, at the same momentum and k", _prefactor
    ),
    "curvature": Comparison(
        "how tau depends on curvature", "an exponent needs exits at two values of k, at the same eta, B and momentum", _curvature
    ),
    "time": Comparison("the escape times themselves", "no exit was seen", _time),
}  # fmt: skip


def _measured(value: float, weights: Sequence[float], groups: Sequence[_Group], method: str) -> Estimate:
    error = 1 / math.sqrt(sum(weights))
    return Estimate(value, value - Z * error, value + Z * error, sum(g.measured.events for g in groups), method, "1", LEVEL)


def _predicted(values: Any, source: str) -> Prediction:
    """Return the law's number; its own error spans the numbers of both ends, where it knows them."""
    if not np.all(np.isfinite(values)):
        return Prediction(float(values[0]), None, None, source)
    return Prediction(float(values[0]), float(min(values)), float(max(values)), source)
