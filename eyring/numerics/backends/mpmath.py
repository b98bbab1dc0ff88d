"""Run formulas to any number of digits: the judge of the other backends."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from sympy.printing.pycode import MpmathPrinter

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.backends.contract import Backend, Kernel
from eyring.numerics.backends.printing import plain_integrals, plain_symbols, refuse_unknown_functions

__all__ = ["BACKEND", "MpmathBackend"]

GUARD_DIGITS = 15
DOUBLINGS = 6


@dataclass(frozen=True)
class MpmathBackend(Backend):
    """Numbers with ``digits`` significant digits: an mpf for numbers, an object array of mpf for arrays.

    A float such as 0.05 is read as the decimal it prints, 1/20; an mpf is taken as it is. The expression is evaluated as it stands, at growing
    precision until two results agree.
    """

    digits: int = 30
    name = "mpmath"
    overflows = False

    def with_digits(self, digits: int) -> "MpmathBackend":
        """Return the backend at ``digits`` digits.

        Raises:
            ParameterError: If digits is not a whole number from 1 to 100 000.
        """
        if not (isinstance(digits, int) and 1 <= digits <= 100_000):
            raise ParameterError(f"digits must be a whole number from 1 to 100000, got {digits!r}")
        return MpmathBackend(digits)

    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Print ``expression`` for mpmath, constants and all."""
        refuse_unknown_functions(expression, {*MpmathPrinter._kf, "Piecewise", "Abs", "sign", "polygamma"}, self.name)
        names = plain_symbols(symbols)
        printer = _Printer({"fully_qualified_modules": True, "inline": True, "allow_unknown_functions": False})
        body = plain_integrals(expression.xreplace(names))
        function = sp.lambdify([names[s] for s in symbols], body, modules=[{"mpmath": mpmath}], printer=printer)
        return Kernel(tuple(symbols), function)

    def convert(self, value: object) -> np.ndarray:
        """Return ``value`` as an array of exact fractions or mpf.

        Raises:
            TypeError: If it is not real numbers.
        """
        if isinstance(value, list | tuple | np.ndarray):
            given = np.asarray(value, dtype=object)
            return np.frompyfunc(self._number, 1, 1)(given) if given.size else given
        return np.asarray(self._number(value), dtype=object)

    def _number(self, value: object) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, bool) or not isinstance(value, int | float | Fraction | mpmath.mpf | sp.Expr):
            raise TypeError(f"{value!r} of type {type(value).__name__}")
        if isinstance(value, sp.Expr):
            return Fraction(int(value.p), int(value.q)) if value.is_Rational else mpmath.mpf(value.evalf(self._precision(DOUBLINGS))._mpf_)
        if isinstance(value, float):
            return Fraction(repr(value)) if mpmath.isfinite(value) else mpmath.mpf(value)
        return value if isinstance(value, mpmath.mpf) else Fraction(value)

    def run(self, kernel: Kernel, arguments: Sequence[np.ndarray]) -> np.ndarray:
        """Return the kernel's value at ``arguments``, one by one.

        Raises:
            AccuracyError: If no precision tried gives ``digits`` stable digits.
        """
        one = np.frompyfunc(lambda *numbers: self._settled(kernel, numbers), len(arguments), 1)
        return np.asarray(one(*arguments) if arguments else self._settled(kernel, ()), dtype=object)

    def _precision(self, doubling: int) -> int:
        return (self.digits + GUARD_DIGITS) * 2**doubling

    def _settled(self, kernel: Kernel, numbers: Sequence[Any]) -> Any:
        before = self._once(kernel, numbers, self._precision(0))
        for doubling in range(1, DOUBLINGS + 1):
            value = self._once(kernel, numbers, self._precision(doubling))
            if not mpmath.isfinite(value) or abs(value - before) <= abs(value) * mpmath.mpf(10) ** -(self.digits + 2):
                with mpmath.workdps(self.digits + 3):
                    return +value
            before = value
        raise AccuracyError(f"{self.digits} digits could not be had with {self._precision(DOUBLINGS)} digits in between", float(before))

    @staticmethod
    def _once(kernel: Kernel, numbers: Sequence[Any], precision: int) -> Any:
        with mpmath.workdps(precision):
            try:
                value = kernel.function(*(mpmath.mpf(n.numerator) / n.denominator if isinstance(n, Fraction) else n for n in numbers))
            except (ZeroDivisionError, ValueError):
                return mpmath.nan
            return mpmath.re(value) if mpmath.im(value) == 0 else mpmath.nan

    def is_finite(self, values: np.ndarray) -> np.ndarray:
        """Return elementwise whether ``values`` are finite."""
        return np.asarray(np.frompyfunc(lambda v: isinstance(v, Fraction) or bool(mpmath.isfinite(v)), 1, 1)(values), dtype=bool)

    def first(self, values: np.ndarray, wanted: np.ndarray) -> object | None:
        """Return the first value for which ``wanted`` is true."""
        found = np.broadcast_to(values, np.broadcast_shapes(values.shape, np.shape(wanted)))[np.asarray(wanted, dtype=bool)]
        return float(found.flat[0]) if found.size else None

    def exp(self, values: np.ndarray) -> np.ndarray:
        """Return e to the power of ``values``."""
        return np.frompyfunc(mpmath.exp, 1, 1)(values)

    def stack(self, entries: Sequence[Any], shape: tuple[int, int]) -> np.ndarray:
        """Return an object array of mpf."""
        parts = np.broadcast_arrays(*(np.asarray(e, dtype=object) for e in entries))
        return np.stack(parts, axis=-1).reshape(*parts[0].shape, *shape)

    def finish(self, values: Any, unit: str = "") -> Any:
        """Return an mpf for a single number, else the array."""
        return values.item() if values.ndim == 0 else values


class _Printer(MpmathPrinter):
    """sympy's mpmath printer, with the limits of inner integrals free to depend on outer variables."""

    def _print_LambertW(self, expr: sp.LambertW) -> str:
        return f"mpmath.lambertw({self._print(expr.args[0])})"

    def _print_polygamma(self, expr: sp.polygamma) -> str:
        return f"mpmath.psi({', '.join(map(self._print, expr.args))})"

    def _print_Integral(self, expr: sp.Integral) -> str:
        text = self._print(expr.function)
        for x, low, high in expr.limits:
            text = f"mpmath.quad(lambda {self._print(x)}: {text}, ({self._print(low)}, {self._print(high)}))"
        return text


BACKEND = MpmathBackend()
