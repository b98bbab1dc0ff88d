"""Run formulas on numpy arrays, in float64."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from eyring.numerics.backends.contract import Backend, Kernel
from eyring.numerics.backends.printing import array_kernel, composite_gauss_legendre
from eyring.numerics.stable_form import stable_form

__all__ = ["BACKEND", "NumpyBackend"]

_OWN_NAMES = {"Abs": "abs", "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atanh": "arctanh"}
_SAME_NAMES = ("exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sign", "floor", "log1p", "expm1")
_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "loggamma": "gammaln", "polygamma": "polygamma", "Ei": "expi", "LambertW": "lambertw"}
_BESSEL = {"besselj": "jv", "bessely": "yv", "besseli": "iv", "besselk": "kv"}
FUNCTIONS = {
    **{name: f"numpy.{name}" for name in _SAME_NAMES},
    **{name: f"numpy.{own}" for name, own in _OWN_NAMES.items()},
    **{name: f"scipy.special.{own}" for name, own in {**_SPECIAL, **_BESSEL}.items()},
    "ceiling": "numpy.ceil",
}


class NumpyBackend(Backend):
    """float64 in, float64 out: a float for numbers, an array for arrays. float32 arrays are widened, which adds no digits to them."""

    name = "numpy"
    blocks_from = 8192
    fused_from: int | None = 32768  # machine code is made in a tenth of a second, and is then several times as fast

    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Print ``expression`` for numpy, with scipy's special functions where it has any."""
        namespace: dict[str, object] = {"numpy": np, "where": np.where, "maximum": np.maximum, "minimum": np.minimum, "constant": np.float64}
        namespace["integral"] = partial(composite_gauss_legendre, constant=np.float64, first=self.first)
        if any(type(f).__name__ in {**_SPECIAL, **_BESSEL} for f in expression.atoms(sp.Function)):
            import scipy.special

            namespace["scipy"] = scipy
        return array_kernel(stable_form(expression), symbols, backend=self.name, functions=FUNCTIONS, namespace=namespace)

    def convert(self, value: object) -> np.ndarray:
        """Return ``value`` as a float64 array.

        Raises:
            TypeError: If it is not real numbers.
        """
        if isinstance(value, sp.Expr):
            return np.asarray(float(value))
        array = np.asarray(value)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"{value!r} of type {type(value).__name__}" if array.ndim == 0 else f"an array of {array.dtype}")
        return array.astype(np.float64, copy=False)

    def run(self, kernel: Kernel, arguments: Sequence[np.ndarray]) -> np.ndarray:
        """Return the kernel's value at ``arguments``."""
        with np.errstate(all="ignore"):
            return np.asarray(kernel.function(*arguments), dtype=np.float64)

    def is_finite(self, values: np.ndarray) -> np.ndarray:
        """Return elementwise whether ``values`` are finite."""
        return np.isfinite(values)

    def first(self, values: np.ndarray, wanted: np.ndarray) -> object | None:
        """Return the first value for which ``wanted`` is true."""
        if not np.any(wanted):
            return None
        found = np.broadcast_to(values, np.broadcast_shapes(np.shape(values), np.shape(wanted)))[np.asarray(wanted)]
        return float(found.flat[0])

    def exp(self, values: np.ndarray) -> np.ndarray:
        """Return e to the power of ``values``."""
        return np.exp(values)

    def stack(self, entries: Sequence[Any], shape: tuple[int, int]) -> np.ndarray:
        """Return a float64 array."""
        parts = np.broadcast_arrays(*entries)
        return np.stack(parts, axis=-1).reshape(*parts[0].shape, *shape)

    def finish(self, values: Any, unit: str = "") -> Any:
        """Return a float for a single number, else the array."""
        return float(values) if values.ndim == 0 else values


BACKEND = NumpyBackend()
