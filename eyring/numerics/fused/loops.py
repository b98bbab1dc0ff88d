"""The functions of lanes inside loops compiled by numba: exp, log and whole formulas of one float64 or float32, which it widens to vectors."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import sympy as sp

from eyring.numerics.fused import exponential, logarithm
from eyring.numerics.fused.emitter import write
from eyring.numerics.fused.lanes import Lanes

__all__ = ["formulas_in_a_loop", "function_in_a_loop"]

KNOWN: dict[str, Callable[[Lanes], Lanes]] = {
    **{name: getattr(exponential, name) for name in exponential.__all__},
    "log": logarithm.log,
    "log1p": logarithm.log1p,
}


@cache
def function_in_a_loop(name: str) -> Any:
    """Return "exp", "expm1", "log", "log1p", "tanh", "sinh" or "cosh" for use in numba-compiled code, without branches or calls.

    It takes one float64 or float32 and returns the same type.

    >>> import numba
    >>> exp = function_in_a_loop("exp")
    >>> @numba.njit
    ... def both(x):
    ...     return exp(x) + exp(-x)
    >>> both(0.0)
    2.0
    """
    from numba.core.types import Float
    from numba.extending import intrinsic

    function = KNOWN[name]

    @intrinsic
    def one(typing: Any, x: Any) -> Any:
        """Write the function in place of its call."""
        if not isinstance(x, Float):
            return None
        return x(x), lambda context, builder, signature, given: function(Lanes(builder, given[0])).value

    return one


def formulas_in_a_loop(expressions: Sequence[sp.Expr], symbols: Sequence[sp.Symbol]) -> Any:
    """Return ``expressions`` for use in numba-compiled code: a function of one tuple of numbers, all float64 or all float32, that returns a tuple.

    Args:
        expressions: One or more, of ``symbols`` alone; what they share is computed once.
        symbols: One or more, in the order of the tuple.

    Raises:
        NotApplicable: If an expression holds a function without arithmetic on lanes.

    >>> import numba
    >>> x, a = sp.symbols("x a")
    >>> force = formulas_in_a_loop([a * x - x**3, a - 3 * x**2], [x, a])
    >>> @numba.njit
    ... def at(x, a):
    ...     return force((x, a))
    >>> at(2.0, 5.0)
    (2.0, -7.0)
    """
    from numba.core import cgutils
    from numba.core.types import Float, UniTuple  # type: ignore[attr-defined]
    from numba.extending import intrinsic

    @intrinsic
    def several(typing: Any, numbers: Any) -> Any:
        """Write the formulas in place of their call."""
        if not (isinstance(numbers, UniTuple) and isinstance(numbers.dtype, Float) and numbers.count == len(symbols)):
            return None
        kind = UniTuple(numbers.dtype, len(expressions))

        def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            lanes = [Lanes(builder, v) for v in cgutils.unpack_tuple(builder, given[0], len(symbols))]
            results = write(expressions, dict(zip(symbols, lanes, strict=True)))
            return context.make_tuple(builder, kind, [r.value for r in results])

        return kind(numbers), written

    return several
