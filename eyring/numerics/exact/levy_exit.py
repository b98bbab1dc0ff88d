"""The mean exit time under stable noise without a small parameter: the walk as jumps between cells of a grid."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.elimination import Elimination
from eyring.numerics.exact.values import coordinate_of, exact_value, matched_values
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["exact_levy_exit_time"]

CELLS = (100, 200, 400)


def exact_levy_exit_time(
    loss: Landscape,
    *,
    stability: float,
    scale: float,
    interval: tuple[float, float],
    start: CriticalPoint | float,
    values: Mapping[Any, Any] | None = None,
) -> Number:
    r"""Return the mean time to leave ``interval``, dx = -L' dt + eps dL, with L symmetric stable: E exp(iuL_t) = exp(-t |u|^alpha).

    -L' u' + eps^alpha c int [u(x + y) - u(x)] dy/|y|^{1 + alpha} = -1 with u = 0 outside. On a grid the walk jumps from cell to cell at the
    rates of the jump measure; what their variance lacks is made up between neighbours, and the drift leads to the next cell downhill. All rates
    are positive, so that nothing cancels.

    Args:
        loss: A landscape of one coordinate.
        stability: alpha, between 0 and 2.
        scale: eps, in length/time^(1/alpha).
        interval: Its two ends; a jump beyond either ends the walk.
        start: Where the walk begins, inside.
        values: Numbers by symbol or printed name for the landscape's parameters.

    Returns:
        The time, extrapolated from 200 and 400 cells (first order in the cell); the error is estimated from 100, 200 and 400.

    Raises:
        NotApplicable: If the loss has several coordinates.
        ParameterError: If alpha or eps is out of range, the start lies outside, or a value is missing or unknown.
    """
    if not isinstance(loss, Landscape):
        raise ParameterError(f"exact_levy_exit_time needs a loss, ey.Landscape(...), got {loss!r}")
    if loss.dim != 1:
        raise NotApplicable(f"the exit under stable noise is solved along one coordinate, and the loss has {loss.dim}")
    numeric = all(isinstance(v, int | float | np.integer | np.floating) and not isinstance(v, bool) for v in (stability, scale))
    if not (numeric and 0 < stability < 2 and 1e-100 < scale < 1e100):
        raise ParameterError(f"stable noise needs 0 < alpha < 2 and eps > 0 (1e-100 to 1e100), got alpha = {stability!r} and eps = {scale!r}")
    if not isinstance(interval, list | tuple) or len(interval) != 2:
        raise ParameterError(f"the interval must be (low, high), got {interval!r}")
    numbers = matched_values(values, loss.parameters, asked_by="exact_levy_exit_time of this loss")
    exact = {s: exact_value(v) for s, v in numbers.items()}
    low, high = (float(coordinate_of(e, numbers, role="an end of the interval")) for e in interval)
    begin = float(coordinate_of(start, numbers, role="start"))
    if not low < begin < high:
        raise ParameterError(f"the walk must start inside the interval ({low:.6g}, {high:.6g}), got {begin:.6g}")
    slope = sp.lambdify(loss.coordinates[0], loss.gradient[0].subs(exact), "numpy")
    coarse, middle, fine = (_exit_time(slope, stability, scale, low, high, begin, n) for n in CELLS)
    value, before = 2 * fine - middle, 2 * middle - coarse
    return Number.of(value, error=max(abs(value - before), abs(value - fine) / 10, 1e-12 * value), unit="time")


def _exit_time(slope: Callable[[np.ndarray], np.ndarray], alpha: float, scale: float, low: float, high: float, begin: float, cells: int) -> float:
    width = (high - low) / cells
    x = low + width * (np.arange(cells) + 0.5)
    strength = scale**alpha * _jump_constant(alpha)
    gap = np.abs(x[:, None] - x)
    np.fill_diagonal(gap, np.inf)
    rates = strength / alpha * ((gap - width / 2) ** -alpha - (gap + width / 2) ** -alpha)
    exits = strength / alpha * ((high - x) ** -alpha + (x - low) ** -alpha)
    short = strength * _short_jumps(alpha, cells) * width**-alpha
    force = -np.broadcast_to(slope(x), x.shape) / width
    right, left = short + np.maximum(force, 0), short + np.maximum(-force, 0)
    here = np.arange(cells - 1)
    rates[here, here + 1] += right[:-1]
    rates[here + 1, here] += left[1:]
    exits[0] += left[0]
    exits[-1] += right[-1]
    times = Elimination.of(rates, exits).solve(np.ones(cells))
    return float(np.interp(begin, x, times))


def _short_jumps(alpha: float, cells: int) -> float:
    """Return half the variance that jumps from centre to centre lack against the true ones, in units of the cell and of c."""
    k = np.arange(1, cells + 1)
    between = np.sum(k**2 * ((k - 0.5) ** -alpha - (k + 0.5) ** -alpha)) / alpha
    return float((cells + 0.5) ** (2 - alpha) / (2 - alpha) - between)


def _jump_constant(alpha: float) -> float:
    """Return c with c int (1 - cos y)/|y|^{1 + alpha} dy = 1: by parts, the integral is (2/alpha) int_0^inf sin(y)/y^alpha dy."""
    from scipy.integrate import quad

    near, _ = quad(lambda y: math.sin(y) / y if y else 1.0, 0, 1, weight="alg", wvar=(1 - alpha, 0))
    far, _ = quad(lambda y: y**-alpha, 1, np.inf, weight="sin", wvar=1)
    return alpha / (2 * (near + far))
