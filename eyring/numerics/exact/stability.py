"""Whether the optimizer behind an SDE is stable where walkers start: an SDE of steps that overshoot describes nothing."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from eyring.errors import NotApplicable
from eyring.numerics.exact.line import Line, stable_points
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["demand_stable_minima", "demand_stable_steps", "stable_steps"]

SNAP = 1e-9


def demand_stable_steps(sde: SDE, start: sp.Expr, target: sp.Expr, numbers: Mapping[sp.Symbol, Any]) -> None:
    """Refuse a start in the well of a minimum too sharp for the learning rate, if the SDE was derived from an optimizer.

    Raises:
        NotApplicable: If the curvature at the start is beyond what the optimizer's own steps bear (2/eta for SGD).
    """
    if sde.dim != 1:
        return
    begin, end = float(start), float(target)
    near = [p for p in _minima(sde, numbers) if (end - p) * (end - begin) > 0]
    if near:
        _demand(sde, min(near, key=lambda p: abs(p - begin)), numbers, "the minimum of the start")


def stable_steps(sde: SDE, ways: Sequence[tuple[float, float]]) -> Callable[[Mapping[str, Any]], None] | None:
    """Return the same demand as a function of numbers or arrays by name, for walks between fixed places; None where nothing is demanded."""
    if sde.dim != 1 or sde.stable_curvature is None or sde.landscape is None or sde.landscape.dim != 1:
        return None
    symbols = sorted(sde.landscape.gradient[0].free_symbols | sde.stable_curvature.free_symbols, key=str)
    symbols = [s for s in symbols if s not in sde.landscape.coordinates]
    if sde.landscape.gradient[0].free_symbols <= set(sde.landscape.coordinates):
        curvatures = [_curvature(sde, *way) for way in ways]
        limit = sp.lambdify(symbols, sde.stable_curvature, "numpy")
        sharpest = max([c for c in curvatures if c is not None], default=None)
        if sharpest is None:
            return None
    else:
        sharpest = np.inf

    def demand(values: Mapping[str, Any]) -> None:
        if not all(s.name in values for s in symbols):
            return
        given = [values[s.name] for s in symbols]
        if not all(np.all(v) for v in given):
            return
        if sharpest < np.inf and np.all(sharpest < limit(*given) * (1 - SNAP)):
            return
        for row in np.nditer([np.asarray(v, dtype=float) for v in given]) if given else [()]:
            for start, target in ways:
                demand_stable_steps(sde, sp.Float(start), sp.Float(target), dict(zip(symbols, map(float, np.atleast_1d(row)), strict=True)))

    return demand


def _curvature(sde: SDE, start: float, target: float) -> float | None:
    near = [p for p in _minima(sde, {}) if (target - p) * (target - start) > 0]
    if not near or sde.landscape is None:
        return None
    return float(sde.landscape.hessian[0, 0].subs(sde.landscape.coordinates[0], min(near, key=lambda p: abs(p - start))))


def demand_stable_minima(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> None:
    """Refuse a minimum too sharp for the learning rate anywhere, if the SDE was derived from an optimizer in one dimension.

    Raises:
        NotApplicable: As for one start.
    """
    for minimum in _minima(sde, numbers):
        _demand(sde, minimum, numbers, f"the minimum at {minimum:.6g}")


def _minima(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> tuple[float, ...]:
    """Return the minima of the loss behind an optimizer's SDE; none where they are not known."""
    if sde.stable_curvature is None or sde.landscape is None or sde.landscape.dim != 1:
        return ()
    slope = sde.landscape.gradient[0].subs({s: exact_value(v) for s, v in numbers.items()})
    if slope.free_symbols - set(sde.landscape.coordinates) or slope.has(AppliedUndef):
        return ()
    return _rests(slope, sde.landscape.coordinates[0])


@lru_cache(maxsize=256)
def _rests(slope: sp.Expr, coordinate: sp.Symbol) -> tuple[float, ...]:
    function = sp.lambdify(coordinate, slope, ["scipy", "numpy"])
    try:
        return tuple(float(p) for p in stable_points(Line(lambda x: (function(x), np.ones(np.shape(x))), (), 0.0)))
    except NotApplicable:
        return ()


def _demand(sde: SDE, minimum: float, numbers: Mapping[sp.Symbol, Any], where: str) -> None:
    if sde.stable_curvature is None or sde.landscape is None:
        return
    exact = {s: exact_value(v) for s, v in numbers.items()}
    limit = sde.stable_curvature.subs(exact)
    curvature = sde.landscape.hessian[0, 0].subs({**exact, sde.landscape.coordinates[0]: sp.Float(minimum, 20)})
    if not limit.is_finite:
        return
    if limit.is_number and curvature.is_number and float(curvature) >= float(limit) * (1 - SNAP):
        raise NotApplicable(
            f"the optimizer is unstable at {where}: the curvature there is {float(curvature):.6g}, "
            f"and its steps overshoot and grow from {float(limit):.6g} on. "
            "Its SDE describes nothing there; lower the learning rate, or write the SDE by hand: ey.SDE(drift=..., diffusion=..., coordinates=...)"
        )
