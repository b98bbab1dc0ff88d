r"""The mean first-passage time of a one-dimensional process, exactly, by nested quadrature.

With Phi' = -f/D and the scale and speed densities s' = e^Phi D^-q, m = e^-Phi D^(q-1) (q = 0, 1/2, 1 for Ito, Stratonovich, anti-Ito),

    tau = int_start^target s'(y) int_{far side}^y m(z) dz dy.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sympy.logic.boolalg import Boolean

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.line import symbolic_slope
from eyring.numerics.exact.passage.compiled import compiled_escape
from eyring.numerics.exact.values import demand_sde, matched_values
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["exact_escape_time", "exact_escape_variance"]


def exact_escape_time(
    sde: SDE,
    *,
    start: CriticalPoint | float,
    target: CriticalPoint | float | Sequence[CriticalPoint | float],
    values: Mapping[Any, Any] | None = None,
    digits: int = 15,
    reflecting: float | None = None,
) -> Number:
    r"""Return the mean time to reach ``target`` from ``start``, or to leave the interval between two targets, without any small parameter.

    tau = int_start^target e^Phi D^-q int^y e^-Phi D^(q-1) dz dy with Phi' = -f/D, f the drift in the SDE's own calculus; the side away
    from the target must be confining, or end at a reflecting wall. Discontinuous D (noise frozen in pieces) is allowed.

    Args:
        sde: A process in one coordinate; or in two, with any drift and any positive definite D(x, y).
        start: Where the walker begins, a number or critical point; a length. In two coordinates a point.
        target: In two coordinates a condition with borders along the axes, such as ``x > 0`` or ``(x > 1) & (y < 2)``. In one, the point
            whose first passage ends the walk, on either side; a length. Two points, one on each side of the start: either ends it.
        reflecting: A wall behind the start that throws walkers back; left out, the far side is as the drift makes it.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.
        digits: Up to 15: double precision, its error estimated by halving every panel. More, at most 100: ball arithmetic (Arb, from
            python-flint), whose error is certified: truncation, the infinite tail and rounding are all inside ``.lower`` to ``.upper``. Where drift
            or diffusion cannot be bounded (tails that are not ratios of polynomials, kinks at unknown places), or flint is not installed, mpmath
            with an estimated error; ``.certified`` says which.

    Returns:
        The time in the SDE's unit of time; ``.log`` is its logarithm even where the value overflows, ``.per_iteration`` counts iterations.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, the far side does not confine, or D vanishes on the way.
        ParameterError: If a value is missing, unknown, not real and finite, start equals target, is not between two targets, or lies behind the wall.
        AccuracyError: If the panels do not converge.

    Source: Gardiner, Handbook of Stochastic Methods, eq. (5.5.23) [recalled].

    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> round(float(exact_escape_time(SDE(x - x**3, 0.05, [x]), start=-1, target=1)), 6)
    729.670692
    """
    demand_sde(sde)
    if sde.dim == 2 and isinstance(target, Boolean):
        if digits > 15 or reflecting is not None:
            raise ParameterError("in two coordinates the time is had in double precision and without a wall; leave out digits and reflecting")
        from eyring.numerics.exact.plane.passage import plane_escape_time

        return plane_escape_time(sde, start, target, values)
    ends = tuple(target) if isinstance(target, list | tuple) else (target,)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 100:
        raise ParameterError(f"digits must be a whole number from 1 to 100, got {digits!r}")
    if digits <= 15:
        return compiled_escape(sde, start, ends, reflecting)(values)
    from eyring.numerics.exact.digits.many_digits import passage_time_to_digits

    symbolic_slope(sde)
    numbers = matched_values(values, sde.parameters, asked_by="the exact time of this SDE", allowed=sde.clock.free_symbols)
    return passage_time_to_digits(sde, start, ends, numbers, digits, reflecting=reflecting)


def exact_escape_variance(
    sde: SDE,
    *,
    start: CriticalPoint | float,
    target: CriticalPoint | float,
    values: Mapping[Any, Any] | None = None,
    reflecting: float | None = None,
) -> Number:
    r"""Return the variance of the first-passage time from ``start`` to ``target``, without any small parameter.

    Var = int_start^target s'(y) int^y m(z) 2 D(z) T'(z)^2 dz dy, T the mean time: positive terms only, so that no digits cancel. Over a high
    barrier it tends to T^2, as of an exponential law.

    Args:
        sde: A process in one coordinate.
        start: Where the walker begins; a length.
        target: The point whose first passage ends the walk; a length.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.
        reflecting: A wall behind the start; left out, the far side is as the drift makes it.

    Returns:
        The variance in the SDE's unit of time squared.

    Raises:
        As for ``exact_escape_time``.

    >>> import sympy as sp
    >>> x = sp.Symbol("x", real=True)
    >>> round(float(exact_escape_variance(SDE(0, 1, [x]), start=0, target=1, reflecting=0)), 12)    # free diffusion: 1/6 (1/D)^2
    0.166666666667
    """
    return compiled_escape(sde, start, (target,), reflecting).variance(values)
