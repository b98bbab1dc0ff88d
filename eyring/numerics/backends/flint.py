"""Run formulas in ball arithmetic: every number comes with an interval that is proved to contain it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.backends.balls import Undecided, ball_of, exact_ball, refuse_what_has_no_ball
from eyring.numerics.backends.contract import Backend, Kernel
from eyring.numerics.backends.mpmath import MpmathBackend

__all__ = ["BACKEND", "BallKernel", "FlintBackend"]

BITS_PER_DIGIT = 3.33
GUARD_BITS = 40
DOUBLINGS = 7


@dataclass(frozen=True)
class BallKernel(Kernel):
    """An expression that is evaluated as it stands, at any precision.

    Attributes:
        expression: What is evaluated.
    """

    expression: sp.Expr = sp.S.Zero

    @property
    def source(self) -> str:
        """The expression itself: nothing is generated."""
        return str(self.expression)


@dataclass(frozen=True)
class FlintBackend(Backend):
    """Certified numbers: a Number with ``value``, ``lower`` and ``upper``, or an object array of them.

    A float such as 0.05 is read as the decimal it prints, 1/20. Precision is raised until the proved relative error is below 10^-digits.
    """

    digits: int = 30
    name = "flint"
    overflows = False

    def with_digits(self, digits: int) -> "FlintBackend":
        """Return the backend at ``digits`` certified digits.

        Raises:
            ParameterError: If digits is not a whole number from 16 to 100 000.
        """
        if isinstance(digits, bool) or not (isinstance(digits, int) and 16 <= digits <= 100_000):
            raise ParameterError(f"digits must be a whole number from 16 to 100000, got {digits!r}; fewer are float64's: use compile('numpy')")
        return FlintBackend(digits)

    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Check that ``expression`` can be bounded.

        Raises:
            NotApplicable: If python-flint is not installed, or Arb lacks a function.
        """
        _demand_flint()
        refuse_what_has_no_ball(expression)
        return BallKernel(tuple(symbols), _unused, expression)

    @cached_property
    def _reader(self) -> MpmathBackend:
        return MpmathBackend(self.digits)

    def convert(self, value: object) -> np.ndarray:
        """Return ``value`` as an array of exact numbers: fractions, mpf, or sympy's.

        Raises:
            TypeError: If it is not real numbers.
        """
        return np.asarray(value, dtype=object) if isinstance(value, sp.Expr) else self._reader.convert(value)

    def run(self, kernel: Kernel, arguments: Sequence[np.ndarray]) -> np.ndarray:
        """Return the certified Number of each point.

        Raises:
            AccuracyError: If the ball stays wider than asked.
        """
        assert isinstance(kernel, BallKernel)
        expression = kernel.expression
        one = np.frompyfunc(lambda *numbers: self._settled(expression, dict(zip(kernel.symbols, numbers, strict=True))), len(arguments), 1)
        return _boxed(one(*arguments) if arguments else self._settled(expression, {}))

    def _settled(self, expression: sp.Expr, numbers: dict[sp.Symbol, Any]) -> Number:
        import flint

        ball, before = None, flint.ctx.prec
        try:
            for doubling in range(DOUBLINGS):
                flint.ctx.prec = (int(self.digits * BITS_PER_DIGIT) + GUARD_BITS) * 2**doubling
                try:
                    ball = ball_of(expression, {s: exact_ball(n) for s, n in numbers.items()})
                except Undecided:
                    continue
                if ball.is_finite() and (ball.is_zero() or ball.rad() < abs(ball.mid()) * flint.arb(10) ** -(self.digits + 1)):
                    return self._number(ball)
        finally:
            flint.ctx.prec = before
        if ball is not None and not ball.is_finite():
            return Number(mpmath.nan, 0.0, mpmath.nan, "", digits=self.digits)
        raise AccuracyError(
            f"{self.digits} certified digits were asked for and the value lies in {'no known interval' if ball is None else ball.str(8)}; "
            "it may be zero, or sit on the edge of two pieces",
            None if ball is None else float(ball.mid()),
        )

    def _number(self, ball: Any) -> Number:
        """Return the ball's middle to twice the digits; what that rounds off is part of the error."""
        middle, radius = _mpf(ball.mid()), _mpf(ball.rad())
        with mpmath.workdps(2 * self.digits + 20):
            rounded = +middle
            missing = 10.0 * mpmath.mpf(10) ** -(2 * self.digits + 19)
            error = radius / abs(rounded) * (1 + mpmath.mpf(10) ** -9) + missing if rounded else mpmath.mpf(0)
        return Number(rounded, 0.0, error, "", digits=self.digits, certified=True)

    def is_finite(self, values: np.ndarray) -> np.ndarray:
        """Return elementwise whether ``values`` are finite."""
        return _each(lambda v: isinstance(v, sp.Expr) or bool(mpmath.isfinite(v.mantissa if isinstance(v, Number) else v)), values)

    def first(self, values: np.ndarray, wanted: np.ndarray) -> object | None:
        """Return the first value for which ``wanted`` is true."""
        wanted = np.asarray(wanted, dtype=bool)
        found = np.broadcast_to(values, np.broadcast_shapes(np.shape(values), wanted.shape))[wanted]
        return float(found.flat[0]) if found.size else None

    def positive(self, values: np.ndarray) -> np.ndarray:
        """Return elementwise whether Numbers are proved to be above zero."""
        return _each(lambda v: v.lower > 0, values)

    def exp(self, values: np.ndarray) -> np.ndarray:
        """Return e to the power of ``values``; never asked for, since nothing overflows here."""
        raise NotImplementedError

    def stack(self, entries: Sequence[Any], shape: tuple[int, int]) -> np.ndarray:
        """Return an object array of Numbers."""
        parts = np.broadcast_arrays(*(_boxed(e) for e in entries))
        return np.stack(parts, axis=-1).reshape(*parts[0].shape, *shape)

    def finish(self, values: Any, unit: str = "") -> Any:
        """Return one Number for a single point, else an object array of them, each with its unit."""
        finished = _boxed(np.frompyfunc(lambda number: replace(number, unit=unit), 1, 1)(_boxed(values)))
        return finished if finished.ndim else finished[()]


def _each(test: Callable[[Any], bool], values: np.ndarray) -> np.ndarray:
    return np.asarray(np.frompyfunc(test, 1, 1)(_boxed(values)), dtype=bool)


def _boxed(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def _mpf(exact: Any) -> Any:
    mantissa, exponent = exact.man_exp()
    with mpmath.workprec(max(53, int(mantissa).bit_length() + 2)):
        return mpmath.ldexp(int(mantissa), int(exponent))


def _unused(*_: object) -> None:
    raise NotImplementedError


def _demand_flint() -> None:
    try:
        import flint  # noqa: F401
    except ImportError:
        raise NotApplicable(
            "certified digits are computed by python-flint, which is not installed; "
            "install it with `pip install 'eyring[flint]'`, or use compile('mpmath')"
        ) from None


BACKEND = FlintBackend()
