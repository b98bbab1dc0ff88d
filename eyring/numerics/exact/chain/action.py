"""The least action by which weak noise carries the chain of white-noise gradient descent from a minimum to a saddle, step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.values import matched_values
from eyring.theory.escape.problem import Place
from eyring.theory.landscape import Landscape
from eyring.theory.rare_events.climb import climb_of
from eyring.theory.symbols import learning_rate

__all__ = ["chain_barrier"]

TIMES = (20.0, 16.0)  # relaxation times spent at each end of the way
PHASES = 8
MOST_STEPS = 100_000
NEWTON = 60


def chain_barrier(loss: Landscape, *, start: Place, over: Place, values: Mapping[Any, Any]) -> Number:
    r"""Return lim T ln(tau) as T -> 0 of x' = x - eta L'(x) + sqrt(2 T eta) xi, at a fixed step eta.

    It is the least of sum_k (x_{k+1} - x_k + eta L'(x_k))^2/(4 eta) over paths from the minimum to the saddle. The paths searched are those
    that climb step by step; at eta L'' near 2 a path that overshoots the minimum may be cheaper.

    Args:
        loss: A landscape of one coordinate.
        start: The minimum, a critical point or a number near it.
        over: The saddle.
        values: Numbers by symbol or printed name: ``eta`` (length^2/loss) and the landscape's own parameters.

    Returns:
        The barrier in units of the loss; its error is estimated from two lengths of the path.

    Raises:
        NotApplicable: If start is no minimum, over is no saddle, or the loss has several coordinates.
        ParameterError: If a value is missing or unknown, or a step overshoots (eta L'' >= 1 at the minimum or the saddle).
        AccuracyError: If Newton's method does not settle.
    """
    if not isinstance(loss, Landscape):
        raise ParameterError(f"chain_barrier needs a loss, ey.Landscape(...), got {loss!r}")
    numbers = matched_values(values, (*loss.parameters, learning_rate), asked_by="chain_barrier of this loss")
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("chain_barrier takes one number for each parameter; call it once for every point of an array")
    eta = float(numbers[learning_rate])
    concrete = Landscape(loss.expression.subs({p: numbers[p] for p in loss.parameters}), loss.coordinates, domain=loss.domain)
    climb = climb_of(concrete, start=start, over=over)
    sharpest = max(abs(float(p.hessian[0, 0])) for p in (climb.start, climb.over))
    if not 0 < eta * sharpest < 1:
        raise ParameterError(f"chain_barrier needs 0 < eta |L''| < 1 at minimum and saddle, got {eta * sharpest:.4g}; lower the learning rate")
    chain = _Chain.of(concrete, eta)
    a, b = (float(e) for e in climb.ends)
    rates = [abs(float(p.hessian[0, 0])) for p in (climb.start, climb.over)]

    def joined_at(times: float, middle: float) -> float:
        ends = ((a, rates[0], False), (b, rates[1], True))
        return sum(chain.half(middle, end, steps=int(times / (eta * rate)) + 2, up=up) for end, rate, up in ends)

    longest, shorter = (_least_phase(partial(joined_at, t), (a + b) / 2, chain) for t in TIMES)
    return Number.of(longest, error=max(abs(longest - shorter), 1e-15 * longest), unit="loss")


def _least_phase(action: Callable[[float], float], middle: float, chain: "_Chain") -> float:
    """Return the least action over the place where the two halves join, within one step of it: it hardly matters at small steps."""
    from scipy.optimize import minimize_scalar

    one_step = middle + chain.eta * float(chain.slope(middle))
    places = np.linspace(middle, one_step, PHASES + 1)
    actions = [action(float(m)) for m in places]
    best = int(np.argmin(actions))
    if max(actions) - min(actions) < 1e-14 * min(actions):
        return actions[best]
    width = abs(places[1] - places[0])
    return float(minimize_scalar(action, bounds=(places[best] - width, places[best] + width), method="bounded", options={"xatol": 1e-9 * width}).fun)


@dataclass(frozen=True)
class _Chain:
    """One step without noise and its derivatives."""

    slope: Any
    bend: Any
    third: Any
    eta: float

    @classmethod
    def of(cls, loss: Landscape, eta: float) -> "_Chain":
        x = loss.coordinates[0]
        slope, bend, third = (sp.lambdify(x, sp.diff(loss.expression, x, k), "numpy") for k in (1, 2, 3))
        return cls(slope, bend, third, eta)

    def half(self, middle: float, end: float, *, steps: int, up: bool) -> float:
        """Return the least action between the middle of the way and the minimum (or the saddle), both ends held."""
        if steps > MOST_STEPS:
            raise AccuracyError(f"a path of {steps} steps would be needed; at so small a learning rate the barrier is the loss's own")
        path = np.empty(steps + 1)
        path[0] = middle
        for k in range(steps):
            path[k + 1] = path[k] + (self.eta if up else -self.eta) * float(self.slope(path[k]))
        path[-1] = end
        return self._least(path if up else path[::-1].copy())

    def _least(self, path: np.ndarray) -> float:
        """Minimise over the inner points by Newton's method; each feels its two neighbours alone."""
        from scipy.linalg import solve_banded

        before = np.inf
        for _ in range(NEWTON):
            x = path[:-1]
            push = path[1:] - x + self.eta * self.slope(x)
            factor, curl = 1 - self.eta * self.bend(x), -self.eta * self.third(x)
            gradient = push[:-1] - push[1:] * factor[1:]
            bands = np.zeros((3, len(gradient)))
            bands[1] = 1 + factor[1:] ** 2 - push[1:] * curl[1:]
            bands[0, 1:] = bands[2, :-1] = -factor[1:-1]
            change = solve_banded((1, 1), bands, gradient)
            path[1:-1] -= change
            size = float(np.max(np.abs(change)))
            if size < 1e-13 or (size >= before and size < 1e-9):
                return float(np.sum((path[1:] - path[:-1] + self.eta * self.slope(path[:-1])) ** 2) / (4 * self.eta))
            before = size
        raise AccuracyError("the least action of the chain was not found: Newton's method does not settle; lower the learning rate")
