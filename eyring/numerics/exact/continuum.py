"""Where the continuous spectrum of a Fokker-Planck operator begins: above it no relaxation rate stands by itself.

In the coordinate s with ds = dx/sqrt(D) the operator is that of a quantum particle in U = b^2/4 + b'/2, b = f/sqrt(D) - D'/(2 sqrt(D)) with Ito's
drift f. Where U tends to a finite value far out, waves of every rate above it travel; a drift that dies away has waves of every rate.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.sde import SDE

__all__ = ["demand_below_continuum"]

FAR = np.array([1e4, 1e6, 1e8])
TOUCHING = 1e-3
DYING = 0.02  # of its height at a hundredth of the distance


def demand_below_continuum(sde: SDE, numbers: Mapping[sp.Symbol, Any], rate: float) -> None:
    """Refuse a rate that lies within the continuous spectrum of a process on the line; a rate of 0 asks whether that begins at zero.

    Raises:
        NotApplicable: With where that begins.
    """
    level, arguments = _level(sde)
    if level is None:
        return
    given = [float(numbers[p]) for p in arguments]
    for side in (-1, 1):
        with np.errstate(all="ignore"):
            heights = np.array([_value(level, side * place, given) for place in FAR])
        if not np.all(np.isfinite(heights)):
            continue
        dying = abs(heights[2]) <= DYING * abs(heights[1])
        flat = abs(heights[2] - heights[1]) <= TOUCHING * max(abs(heights[2]), abs(rate))
        if dying or (flat and rate >= heights[2] * (1 - TOUCHING)):
            raise NotApplicable(
                f"the drift does not grow {'to the left' if side < 0 else 'to the right'}, so that far-away walkers relax at every rate from "
                f"{max(heights[2], 0.0):.4g} on: a smallest rate of its own does not exist there. Give a loss that rises faster, or ask for "
                "mean times"
            )


def _value(level: Any, place: float, given: list[float]) -> float:
    try:
        return float(level(place, *given))
    except (ArithmeticError, TypeError, ValueError):
        return float("nan")


@lru_cache(maxsize=64)
def _level(sde: SDE) -> tuple[Any, tuple[sp.Symbol, ...]]:
    x, D = sde.coordinates[0], sde.diffusion[0, 0]
    if sde.drift[0].has(sp.DiracDelta) or (sde.calculus != "ito" and D.has(sp.Piecewise)):
        drift = sde.drift[0]
    else:
        drift = sde.ito().drift[0]
    slope = (drift - sp.diff(D, x) / 2) / sp.sqrt(D)
    level = (slope**2 / 4 + sp.sqrt(D) * sp.diff(slope, x) / 2).replace(sp.DiracDelta, lambda *_: sp.Integer(0))
    return sp.lambdify((x, *sde.parameters), level, ["scipy", "numpy"]), sde.parameters
