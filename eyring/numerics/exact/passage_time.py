r"""The mean first-passage time of a one-dimensional process, exactly, by nested quadrature.

With Phi' = -f/D and the scale and speed densities s' = e^Phi D^-q, m = e^-Phi D^(q-1) (q = 0, 1/2, 1 for Ito, Stratonovich, anti-Ito),

    tau = int_start^target s'(y) int_{far side}^y m(z) dz dy.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.line import Line, check_diffusion, line_of, symbolic_slope
from eyring.numerics.exact.quadrature import Panels, halved, running_sum
from eyring.numerics.exact.stability import demand_stable_steps
from eyring.numerics.exact.tails import DROP, MOST_PANELS, STEEPEST, far_edges, resolved_edges
from eyring.numerics.exact.values import coordinate_of, known_clock, matched_values
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["Passage", "exact_escape_time", "way"]


def exact_escape_time(
    sde: SDE, *, start: CriticalPoint | float, target: CriticalPoint | float, values: Mapping[Any, Any] | None = None, digits: int = 15
) -> Number:
    r"""Return the mean time to reach ``target`` from ``start``, without any small parameter.

    tau = int_start^target e^Phi D^-q int^y e^-Phi D^(q-1) dz dy with Phi' = -f/D, f the drift in the SDE's own calculus; the side away
    from the target must be confining. Discontinuous D (noise frozen in pieces) is allowed.

    Args:
        sde: A process in one coordinate.
        start: Where the walker begins, a number or critical point; a length.
        target: The point whose first passage ends the walk, on either side; a length.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.
        digits: Up to 15: double precision, its error estimated by halving every panel. More, at most 100: ball arithmetic (Arb, from
            python-flint), whose error is certified: truncation, the infinite tail and rounding are all inside ``.lower`` to ``.upper``. Where drift
            or diffusion cannot be bounded (tails that are not ratios of polynomials, kinks at unknown places), or flint is not installed, mpmath
            with an estimated error; ``.certified`` says which.

    Returns:
        The time in the SDE's unit of time; ``.log`` is its logarithm even where the value overflows, ``.per_iteration`` counts iterations.

    Raises:
        NotApplicable: If the SDE is not one-dimensional, the far side does not confine, or D vanishes on the way.
        ParameterError: If a value is missing, unknown, not real and finite, or start equals target.
        AccuracyError: If the panels do not converge.

    Source: Gardiner, Handbook of Stochastic Methods, eq. (5.5.23) [recalled].

    >>> x = sp.Symbol("x", real=True)
    >>> round(float(exact_escape_time(SDE(x - x**3, 0.05, [x]), start=-1, target=1)), 6)
    729.670692
    """
    symbolic_slope(sde)
    if isinstance(digits, bool) or not isinstance(digits, int) or not 1 <= digits <= 100:
        raise ParameterError(f"digits must be a whole number from 1 to 100, got {digits!r}")
    numbers = matched_values(values, sde.parameters, asked_by="exact_escape_time of this SDE", allowed=sde.clock.free_symbols)
    clock = known_clock(sde.clock, numbers)
    if digits > 15:
        from eyring.numerics.exact.many_digits import passage_time_to_digits

        return passage_time_to_digits(sde, start, target, numbers, digits)
    shape = np.broadcast_shapes(*[np.shape(v) for v in numbers.values()])
    if not shape:
        return _number(_one(sde, start, target, numbers), clock)
    columns = {s: np.broadcast_to(np.asarray(v, dtype=float), shape) for s, v in numbers.items()}
    parts = [_one(sde, start, target, {s: c[index] for s, c in columns.items()}) for index in np.ndindex(shape)]
    return _number(np.array(parts).reshape(*shape, 3).transpose(-1, *range(len(shape))), clock)


def _number(parts: Any, clock: Any) -> Number:
    mantissa, shift, error = parts
    return Number(mantissa, shift, error, "time", clock)


def _one(sde: SDE, start: Any, target: Any, numbers: Mapping[sp.Symbol, Any]) -> tuple[float, float, float]:
    """Return (mantissa, shift, relative error) at one set of values."""
    begin, end = way(start, target, numbers)
    demand_stable_steps(sde, begin, end, numbers)
    line = line_of(sde, numbers)
    if end < begin:
        line, begin, end = line.mirrored(), -begin, -end
    return Passage(line, float(begin), float(end)).converged()


def way(start: Any, target: Any, numbers: Mapping[sp.Symbol, Any]) -> tuple[sp.Expr, sp.Expr]:
    """Return start and target as exact numbers.

    Raises:
        ParameterError: If they are the same point, or not numbers.
    """
    begin, end = coordinate_of(start, numbers, role="start"), coordinate_of(target, numbers, role="target")
    if float(begin) == float(end):
        raise ParameterError(f"start and target are the same point, {sp.N(begin, 6)}; the time between them is zero. Name two different points")
    return begin, end


@dataclass(frozen=True)
class Passage:
    """A walk from ``start`` up to ``target`` > start along a line."""

    line: Line
    start: float
    target: float

    def edges(self, *, drop: float = DROP, steepest: float = STEEPEST) -> np.ndarray:
        """Return panel edges from the cut of the far tail to the target, start among them."""
        on_the_way = np.linspace(self.start, self.target, 1025)
        check_diffusion(self.line, on_the_way, where="on the way from start to target")
        far = far_edges(self.line, self.start, self.target - self.start, drop=drop)
        outside = Panels(far).points.ravel()
        check_diffusion(self.line, outside, where="on the far side of the start")
        kinks = self.line.breaks(np.concatenate([outside, on_the_way]))
        base = np.unique(np.concatenate([far, [self.start, self.target], kinks]))
        return resolved_edges(self.line, base, steepest=steepest)

    def converged(self) -> tuple[float, float, float]:
        """Halve the panels until two answers agree; return (mantissa, shift, relative error).

        Raises:
            AccuracyError: If they do not agree.
        """
        edges = self.edges()
        mantissa, shift, rise = self.on(edges)
        floor = 1e-15 * (4 + rise)
        for _ in range(6):
            edges = halved(edges)
            finer, finer_shift, _ = self.on(edges)
            error = abs(mantissa * math.exp(shift - finer_shift) / finer - 1)
            mantissa, shift = finer, finer_shift
            if error <= 10 * floor:
                return mantissa, shift, max(error, floor)
            if len(edges) > MOST_PANELS:
                break
        raise AccuracyError(
            f"the escape time settled only to a relative error of {error:.1g} (ln tau = {math.log(mantissa) + shift:.6g}); drift or diffusion "
            "may jump or oscillate at a point that is not written as Piecewise or Abs",
            estimate=mantissa * math.exp(min(shift, 700)),
            error=error,
        )

    def on(self, edges: np.ndarray) -> tuple[float, float, float]:
        """Return (mantissa, shift, rise of Phi on the way) with these panels."""
        panels = Panels(edges)
        first = int(np.searchsorted(edges, self.start))
        slope, diffusion = self.line(panels.points)
        q = self.line.weight
        local = panels.running(slope)
        base = _from(panels.whole(slope), first)
        speed = np.exp(-local) * diffusion ** (q - 1)
        lowest = np.minimum.accumulate(base[:-1])
        height = base[:-1] - lowest
        population = _population(panels.whole(speed), height, lowest)
        inner = population[:, None] + np.exp(-height)[:, None] * panels.running(speed)
        parts = panels.whole(np.exp(local) * diffusion**-q * inner)[first:]
        shift = float(height[first:].max())
        return float(np.sum(parts * np.exp(height[first:] - shift))), shift, float(np.ptp(base[first:]))


def _from(steps: np.ndarray, first: int) -> np.ndarray:
    """Return the running sum that is zero at edge ``first``, summed outwards from there."""
    return np.concatenate([-running_sum(steps[:first][::-1])[:0:-1], running_sum(steps[first:])])


def _population(whole: np.ndarray, height: np.ndarray, lowest: np.ndarray) -> np.ndarray:
    """Return the probability left of each panel, in units of e^-lowest there, so that nothing overflows."""
    gains = whole * np.exp(-height)
    shrink = np.exp(np.diff(lowest, append=lowest[-1]))
    population, running = np.empty(len(whole)), 0.0
    for k, (gain, factor) in enumerate(zip(gains.tolist(), shrink.tolist(), strict=True)):
        population[k] = running
        running = (running + gain) * factor
    return population
