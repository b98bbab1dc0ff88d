"""Run formulas on torch tensors, in float64, differentiable and inside vmap."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.backends.contract import Backend, Kernel
from eyring.numerics.backends.numpy import BACKEND as NUMPY
from eyring.numerics.backends.printing import array_kernel, composite_gauss_legendre
from eyring.numerics.stable_form import stable_form

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BACKEND", "TorchBackend"]

_SAME_NAMES = (
    "exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "sign", "floor", "log1p", "expm1", "erf", "erfc", "polygamma",
)  # fmt: skip
FUNCTIONS = {**{name: f"torch.{name}" for name in _SAME_NAMES}, "Abs": "torch.abs", "ceiling": "torch.ceil", "loggamma": "torch.lgamma"}
BESSEL = {f"{kind}{order}": f"bessel.{kind}{order}" for kind in "ik" for order in (0, 1)}


class TorchBackend(Backend):
    """float64 tensors in and out; numbers become tensors, float32 tensors are widened.

    Inside ``torch.func.vmap`` and ``torch.compile`` the numbers are not known, so nothing is checked there.
    """

    name = "torch"

    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Print ``expression`` for torch; its constants become Python floats."""
        torch = _torch()
        namespace: dict[str, object] = {"torch": torch, "where": torch.where, "maximum": torch.maximum, "minimum": torch.minimum}
        namespace["constant"], namespace["bessel"] = _constant, _bessel_functions()
        namespace["integral"] = partial(composite_gauss_legendre, constant=_constant, first=self.first)
        form = stable_form(expression).replace(sp.gamma, _gamma_by_its_logarithm)
        for family in (sp.besselj, sp.bessely, sp.besseli, sp.besselk):
            printed = _of_few_digits if family in (sp.besselj, sp.bessely) else _of_known_order
            form = form.replace(family, partial(printed, family))
        return array_kernel(form, symbols, backend=self.name, functions=FUNCTIONS | BESSEL, namespace=namespace)

    def convert(self, value: object) -> "Tensor":
        """Return ``value`` as a float64 tensor, on the device where it lies.

        Raises:
            TypeError: If it is not real numbers.
        """
        torch = _torch()
        if not isinstance(value, torch.Tensor):
            return torch.as_tensor(NUMPY.convert(value))
        if value.is_complex() or value.dtype == torch.bool:
            raise TypeError(f"a tensor of {value.dtype}")
        return value.to(torch.float64)

    def run(self, kernel: Kernel, arguments: Sequence["Tensor"]) -> "Tensor":
        """Return the kernel's value at ``arguments``; numbers go to the device where the tensors lie."""
        torch = _torch()
        devices = {a.device for a in arguments if a.device.type != "cpu"}
        placed = [a.to(*devices) if len(devices) == 1 and a.ndim == 0 else a for a in arguments]
        result = kernel.function(*placed)
        return result if isinstance(result, torch.Tensor) else torch.tensor(result, dtype=torch.float64)

    def is_finite(self, values: "Tensor") -> "Tensor":
        """Return elementwise whether ``values`` are finite."""
        return _torch().isfinite(values)

    def first(self, values: "Tensor", wanted: "Tensor") -> object | None:
        """Return the first value for which ``wanted`` is true; None under vmap and torch.compile."""
        torch = _torch()
        if torch.compiler.is_compiling():
            return None
        try:
            return float(values.expand(wanted.shape)[wanted].flatten()[0]) if bool(wanted.any()) else None
        except RuntimeError:  # vmap knows no single numbers
            return None

    def exp(self, values: "Tensor") -> "Tensor":
        """Return e to the power of ``values``."""
        return _torch().exp(values)

    def stack(self, entries: "Sequence[Tensor]", shape: tuple[int, int]) -> "Tensor":
        """Return a float64 tensor."""
        parts = _torch().broadcast_tensors(*entries)
        return _torch().stack(parts, dim=-1).reshape(*parts[0].shape, *shape)


def _torch() -> ModuleType:
    import torch

    return torch


def _constant(value: float) -> "Tensor":
    """Return a float64 tensor without dimensions, which torch lets stand beside tensors of any device."""
    torch = _torch()
    return torch.tensor(value, dtype=torch.float64)


def _gamma_by_its_logarithm(argument: sp.Expr) -> Any:
    if not argument.free_symbols:
        return sp.gamma(argument)
    if argument.is_positive:
        return sp.exp(sp.loggamma(argument))
    raise NotApplicable(f"torch has gamma({argument}) for positive arguments only, and this one is not known to be positive; use compile('numpy')")


def _of_known_order(family: Any, order: sp.Expr, argument: sp.Expr) -> Any:
    """Return a modified Bessel function by the name that it has here.

    Raises:
        NotApplicable: If its order is not 0 or 1.
    """
    if order not in (0, 1):
        raise NotApplicable(f"torch has {family.__name__} of order 0 and 1, not {order}; use compile('numpy')")
    return _named_function(f"{family.__name__[-1]}{order}")(argument)


def _of_few_digits(family: Any, *_: sp.Expr) -> Any:
    raise NotApplicable(f"torch computes {family.__name__} to eight digits only; use compile('numpy')")


@cache
def _named_function(name: str) -> Any:
    return type(name, (sp.Function,), {})


@cache
def _bessel_functions() -> SimpleNamespace:
    """Return Bessel functions that autograd and vmap know; torch itself has no slope for K."""
    torch = _torch()
    special = torch.special

    def with_slope(value: Callable[[Any], Any], slope: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
        class Bessel(torch.autograd.Function):  # type: ignore[name-defined, misc]
            generate_vmap_rule = True

            @staticmethod
            def forward(x: Any) -> Any:
                return value(x)

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.save_for_backward(*inputs)

            @staticmethod
            def backward(ctx: Any, gradient: Any) -> Any:
                (x,) = ctx.saved_tensors
                return gradient * slope(known, x)

        return Bessel.apply

    known = SimpleNamespace(i0=special.i0, i1=special.i1)
    known.k0 = with_slope(special.modified_bessel_k0, lambda f, x: -f.k1(x))
    known.k1 = with_slope(special.modified_bessel_k1, lambda f, x: -f.k0(x) - f.k1(x) / x)
    return known


BACKEND = TorchBackend()
