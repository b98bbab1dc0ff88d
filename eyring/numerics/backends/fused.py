"""Run formulas as machine code of their own from the first point on; the numpy backend does so for large arrays only."""

from collections.abc import Sequence

import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.backends.contract import Kernel
from eyring.numerics.backends.numpy import NumpyBackend
from eyring.numerics.fused.emitter import what_cannot_be_written
from eyring.numerics.fused.program import available

__all__ = ["BACKEND", "FusedBackend"]


class FusedBackend(NumpyBackend):
    """float64 in and out, as the numpy backend; refuses what it could not fuse."""

    name = "fused"
    blocks_from = 1
    fused_from = 1

    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Print ``expression`` for numpy, which is asked where machine code finds something amiss.

        Raises:
            NotApplicable: If the expression holds a function without machine code here, or the machine lacks a fused multiply-add.
        """
        missing = what_cannot_be_written(expression)
        if missing or not available():
            lacks = f"no machine code for {', '.join(missing)}" if missing else "no machine code here: this processor lacks fused multiply-add"
            raise NotApplicable(f"the fused backend has {lacks}; use compile('numpy')")
        return super().kernel(expression, symbols)


BACKEND = FusedBackend()
