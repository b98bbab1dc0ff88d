"""Out of an interval, on whichever side comes first: the committor."""

from collections.abc import Mapping
from typing import Any

from sympy.logic.boolalg import Boolean

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.walk import way
from eyring.numerics.exact.passage.compiled import compiled_escape
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["exact_committor"]


def exact_committor(
    sde: SDE, *, start: CriticalPoint | float, left: CriticalPoint | float, right: CriticalPoint | float, values: Mapping[Any, Any] | None = None
) -> Number:
    r"""Return the probability to reach ``right`` before ``left``, h = int_left^start s' / int_left^right s' with s' = e^Phi D^-q.

    Args:
        sde: A process in one coordinate.
        start: Where the walker begins, between the two; a length.
        left: The lower point; in two coordinates a condition with borders along the axes, such as ``x < -1``.
        right: The upper point; in two coordinates such a condition.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.

    Returns:
        A probability, with its error; ``.log`` holds it where it is too small for a float.

    Raises:
        ParameterError: If left is not below right, the start is not between them, or a value is missing.
        NotApplicable: If the SDE is not one-dimensional, or D vanishes between them.

    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> float(exact_committor(SDE(0, 1, [x]), start=0.25, left=0, right=1))
    0.25
    """
    if sde.dim == 2 and isinstance(left, Boolean):
        from eyring.numerics.exact.plane.passage import plane_committor

        return plane_committor(sde, start, left, right, values)
    if float(way(start, left, {})[1]) >= float(way(start, right, {})[1]):
        raise ParameterError(f"left must lie below right, got left = {left} and right = {right}")
    return compiled_escape(sde, start, (left, right), None).committor(values)
