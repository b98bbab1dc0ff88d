"""What a calculation hands back: a number with its error, unit and logarithm, or a measured estimate with its interval."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import BeyondFloat64, ParameterError
from eyring.theory.symbols import exact_number

__all__ = ["Estimate", "Number"]

LARGEST_LOG = 709.0
TIMES = {"time": "iterations", "iterations": "time"}
RATES = {"1/time": "1/iteration", "1/iteration": "1/time"}


@dataclass(frozen=True)
class Number:
    """A computed quantity, value = mantissa * exp(shift): the logarithm exists where the value itself would overflow.

    Args:
        mantissa: A float, an array, or an mpmath number (then ``shift`` is 0).
        shift: The exponent taken out.
        relative_error: Estimated relative error of the value.
        unit: "time", "iterations", "1/time" or "1/iteration"; any other text is kept and not converted.
        clock: Continuous time of one iteration, where it is a known number.
        digits: Digits to print.
        certified: Whether the error is proved (ball arithmetic) rather than estimated; ``lower`` and ``upper`` then enclose the exact value.

    >>> tau = Number.of(200.0, error=1e-9, unit="time", clock=0.5)
    >>> float(tau.per_iteration), tau.per_iteration.unit
    (400.0, 'iterations')
    """

    mantissa: Any
    shift: Any
    relative_error: Any
    unit: str
    clock: Any = None
    digits: int = 15
    certified: bool = False

    @classmethod
    def of(cls, value: Any, *, error: Any, unit: str, clock: Any = None) -> "Number":
        """Return the Number of a plain positive value with its absolute error."""
        return cls(value, np.zeros_like(value, dtype=float)[()], error / abs(value), unit, clock)

    @property
    def value(self) -> Any:
        """The value: a float, an array, or an mpmath number where more than 15 digits were asked for.

        Raises:
            BeyondFloat64: If it is outside the range of floating-point numbers; ``log`` still holds it.
        """
        if self.digits > 15 or not np.any(self.shift):
            return self.mantissa
        logarithm = np.max(np.abs(self.log))
        if logarithm > LARGEST_LOG:
            side = "large" if np.max(self.log) > LARGEST_LOG else "small"
            raise BeyondFloat64(
                f"the value is too {side} for a floating-point number: its natural logarithm is {self._log_text()}; read .log instead of .value"
            )
        half = np.exp(np.asarray(self.shift) / 2)
        whole = self.mantissa * np.exp(self.shift) if np.max(np.abs(self.shift)) < LARGEST_LOG - 10 else self.mantissa * half * half
        return whole if np.ndim(whole) else float(whole)

    @property
    def log(self) -> Any:
        """The natural logarithm of the value."""
        if self.digits > 15:
            import mpmath

            with mpmath.workdps(self.digits + 5):
                return mpmath.log(self.mantissa)
        if np.any(np.asarray(self.mantissa) <= 0):
            raise ParameterError(f"a quantity that is zero or negative has no logarithm: {self.mantissa}")
        result = np.log(self.mantissa) + self.shift
        return result if np.ndim(result) else float(result)

    @property
    def error(self) -> Any:
        """Estimated absolute error of the value, in its unit."""
        return self.value * self.relative_error

    @property
    def lower(self) -> Any:
        """Lower end of the interval value -+ error; certified or estimated, as ``certified`` says."""
        return self._end(-1)

    @property
    def upper(self) -> Any:
        """Upper end of the interval."""
        return self._end(1)

    def _end(self, side: int) -> Any:
        if self.digits > 15:
            import mpmath

            with mpmath.workdps(2 * self.digits + 20):
                return self.mantissa + side * abs(self.mantissa) * mpmath.mpf(self.relative_error)
        return self.value + side * abs(self.error)

    @property
    def per_time(self) -> "Number":
        """The same quantity in units of continuous time."""
        return self if self.unit in ("time", "1/time") else self._converted()

    @property
    def per_iteration(self) -> "Number":
        """The same quantity in iterations: a time divided by the clock, a rate multiplied by it."""
        return self if self.unit in ("iterations", "1/iteration") else self._converted()

    def _converted(self) -> "Number":
        unit, factor = _conversion(self.unit, self.clock)
        if self.digits > 15:
            import mpmath

            with mpmath.workdps(2 * self.digits + 20):
                exact = mpmath.mpmathify(sp.N(exact_number(factor), mpmath.mp.dps))
                rounding = 10.0 ** -(2 * self.digits)
                return replace(self, mantissa=self.mantissa * exact, relative_error=self.relative_error + rounding, unit=unit)
        return replace(self, mantissa=self.mantissa * factor, unit=unit)

    def _log_text(self) -> str:
        return f"{float(self.log):.12g}" if np.ndim(self.log) == 0 else f"between {np.min(self.log):.6g} and {np.max(self.log):.6g}"

    def __float__(self) -> float:
        if np.ndim(self.mantissa):
            raise TypeError(f"this Number holds {np.size(self.mantissa)} values, not one; read .value for the array")
        return float(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.value, dtype=dtype)

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)

    @property
    def text(self) -> str:
        """The value in decimal digits, as many as it was computed to; for numbers too large, exp(its logarithm)."""
        if self.digits > 15:
            import mpmath

            return str(mpmath.nstr(self.mantissa, self.digits))
        if np.ndim(self.mantissa):
            return np.array2string(np.asarray(self.mantissa * np.exp(self.shift)), precision=12)
        return f"{self.value:.15g}" if not self.shift or abs(self.log) < LARGEST_LOG else f"exp({self.log:.15g})"

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        relative = float(np.max(self.relative_error))
        return f"{self.text} {_readable(self.unit)}, relative error {relative:.1g}{' (certified)' if self.certified else ''}"


@dataclass(frozen=True)
class Estimate:
    """A measured quantity with its interval.

    Args:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end.
        events: How many events were seen.
        method: Which quantity is meant, and how it was had.
        unit: As for Number.
        level: Coverage of the interval.
        clock: Continuous time of one iteration, where it is a known number.

    >>> print(Estimate(0.02, 0.018, 0.022, 400, "events over exposure", "1/time"))
    0.02 [0.018, 0.022] per unit of time (95 %, 400 events; events over exposure)
    """

    value: float
    low: float
    high: float
    events: int
    method: str
    unit: str
    level: float = 0.95
    clock: float | None = None

    @property
    def relative_half_width(self) -> float:
        """Half the width of the interval over the value."""
        return (self.high - self.low) / (2 * abs(self.value)) if self.value else math.inf

    @property
    def per_time(self) -> "Estimate":
        """The same quantity in units of continuous time."""
        return self if self.unit in ("time", "1/time") else self._converted()

    @property
    def per_iteration(self) -> "Estimate":
        """The same quantity in iterations."""
        return self if self.unit in ("iterations", "1/iteration") else self._converted()

    def _converted(self) -> "Estimate":
        unit, factor = _conversion(self.unit, self.clock)
        return replace(self, value=self.value * factor, low=self.low * factor, high=self.high * factor, unit=unit)

    def __float__(self) -> float:
        return float(self.value)

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        numbers = f"{self.value:.6g} [{self.low:.6g}, {self.high:.6g}]"
        return f"{numbers} {_readable(self.unit)} ({self.level * 100:.3g} %, {self.events} events; {self.method})"


def _conversion(unit: str, clock: Any) -> tuple[str, Any]:
    """Return the unit on the other side of the clock, and what to multiply by."""
    if clock is None:
        raise ParameterError(
            f"a quantity in {unit} converts only with a known clock (continuous time of one iteration), and the clock here is not a number"
        )
    if unit not in {**TIMES, **RATES}:
        raise ParameterError(f"a quantity in {unit!r} has no counterpart on the other side of the clock")
    return {**TIMES, **RATES}[unit], 1 / clock if unit in ("time", "1/iteration") else clock


def _readable(unit: str) -> str:
    return {"time": "units of time", "1/time": "per unit of time", "1/iteration": "per iteration"}.get(unit, unit)
