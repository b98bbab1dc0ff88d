"""What runs of splitting found: the rate of a rare escape, with an interval from how much the runs differ."""

import math
from dataclasses import dataclass, replace

import numpy as np

from eyring.numerics.answer import LARGEST_LOG, Estimate

__all__ = ["SplitExits"]

WIDE = 0.6  # beyond this spread of lognormal runs a 95 % interval covers less than 93 %


@dataclass(frozen=True, eq=False, kw_only=True)
class SplitExits:
    """Independent runs of splitting.

    Attributes:
        rates: The escape rate that each run found, (runs,): one over the mean time from the start.
        chances: The probability, in each run, of going on to the event from the rim of the well, (runs,).
        steps: Steps of single walkers in all runs together.
        unit: "1/iteration" or "1/time".
        clock: Continuous time of one iteration, where known.

    >>> seen = SplitExits(rates=np.array([0.9, 1.0, 1.1]), chances=np.full(3, 0.1), steps=300, unit="1/time")
    >>> print(seen.rate())
    1 [0.780037, 1.28199] per unit of time (95 %, 3 events; adaptive multilevel splitting, mean of independent runs)
    """

    rates: np.ndarray
    chances: np.ndarray
    steps: int
    unit: str
    clock: float | None = None

    def rate(self, *, level: float = 0.95) -> Estimate:
        """Return the mean of the runs: they are independent, and each is unbiased.

        The interval is Student's, of the mean's logarithm: products of many shares are spread like exponentials of normal numbers, and a sample of
        these without its rare large ones shows too small a mean together with too small a spread.

        Args:
            level: Coverage of the interval.
        """
        from scipy.stats import t

        runs, mean = len(self.rates), float(np.mean(self.rates))
        factor = math.exp(min(LARGEST_LOG / 2, float(t.ppf((1 + level) / 2, runs - 1)) * self.spread / math.sqrt(runs)))
        method = "adaptive multilevel splitting, mean of independent runs"
        if self.spread > WIDE:
            method += f"; a run is known to no better than {self.spread:.2g}, so the interval may be too short: take more particles"
        return Estimate(mean, mean / factor, mean * factor, runs, method, self.unit, level, self.clock)

    def mean_time(self, *, level: float = 0.95) -> Estimate:
        """Return one over the rate: the mean time from the start to the event.

        Args:
            level: Coverage of the interval.
        """
        rate = self.rate(level=level)
        unit = {"1/time": "time", "1/iteration": "iterations"}[self.unit]
        return replace(rate, value=1 / rate.value, low=1 / rate.high, high=1 / rate.low, unit=unit)

    @property
    def spread(self) -> float:
        """Standard deviation of one run's rate over the mean."""
        return float(np.std(self.rates, ddof=1) / np.mean(self.rates))

    def __repr__(self) -> str:
        return f"{len(self.rates)} runs of splitting, {self.steps:.3g} steps in all, each run's rate known to {self.spread:.2g}"
