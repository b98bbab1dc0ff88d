"""Observed exits: how long each walker waited, and how long those had waited that were still inside at the end."""

from dataclasses import dataclass

import numpy as np

from eyring.errors import ParameterError
from eyring.numerics.answer import Estimate
from eyring.numerics.estimators.exit_rate import mean_time_from_start, quasi_stationary_rate

__all__ = ["Exits"]

RELAXATIONS = 10.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Exits:
    """Waiting times of walkers that begin afresh at the start after every exit.

    Args:
        times: Waiting times that ended in an exit, (n,), positive.
        censored: Waiting times that had not ended when the watch did, (m,), positive.
        unit: "iterations" or "time".
        clock: Continuous time of one iteration, where known.
        relaxation: Relaxation time at the start; ten of them are the default entry transient. 0 where walkers begin in the quasi-stationary law.

    Raises:
        ParameterError: If a time is not positive and finite, or the unit is unknown.

    >>> seen = Exits(times=np.array([4.0, 6.0]), censored=np.array([10.0]), unit="time")
    >>> seen.exposure, seen.events
    (20.0, 2)
    >>> float(seen.rate(transient=0.0))
    0.1
    """

    times: np.ndarray
    censored: np.ndarray
    unit: str
    clock: float | None = None
    relaxation: float | None = None

    def __post_init__(self) -> None:
        if self.unit not in ("iterations", "time"):
            raise ParameterError(f"waiting times are counted in 'iterations' or 'time', got {self.unit!r}")
        for name in ("times", "censored"):
            array = np.asarray(getattr(self, name), dtype=float)
            if array.ndim != 1 or not np.all(np.isfinite(array)) or np.any(array <= 0):
                raise ParameterError(f"{name} must be one row of positive, finite waiting times")
            object.__setattr__(self, name, array)

    @property
    def events(self) -> int:
        """Number of exits."""
        return len(self.times)

    @property
    def exposure(self) -> float:
        """Time all walkers together were watched."""
        return float(self.times.sum() + self.censored.sum())

    def rate(self, transient: float | None = None, *, level: float = 0.95) -> Estimate:
        """Return the quasi-stationary escape rate: exits after the entry transient over the exposure after it.

        Args:
            transient: The entry transient in this object's unit; left out, ten relaxation times at the start.
            level: Coverage of the exact Poisson interval.

        Raises:
            ParameterError: If no transient is given and the relaxation time is not known.
            AccuracyError: If no walker was watched beyond the transient.
        """
        return quasi_stationary_rate(self.times, self.censored, transient=self._transient(transient), unit=self.unit, level=level, clock=self.clock)

    def mean_time(self, transient: float | None = None, *, level: float = 0.95) -> Estimate:
        """Return the mean time from the starting point, E[min(t, t0)] + S(t0)/rate with t0 the entry transient.

        Args:
            transient: The entry transient in this object's unit; left out, ten relaxation times at the start.
            level: Coverage of the interval.

        Raises:
            ParameterError: If no transient is given and the relaxation time is not known.
            AccuracyError: If no exit was seen after the transient.
        """
        return mean_time_from_start(self.times, self.censored, transient=self._transient(transient), unit=self.unit, level=level, clock=self.clock)

    def _transient(self, given: float | None) -> float:
        if given is not None:
            return float(given)
        if self.relaxation is None:
            raise ParameterError(
                "the relaxation time at the start is not known here; say how long the entry transient lasts: transient=... (about ten "
                "relaxation times)"
            )
        return RELAXATIONS * self.relaxation

    def __str__(self) -> str:
        return f"{self.events} exits and {len(self.censored)} walkers still waiting, watched for {self.exposure:.6g} {self.unit} in all"
