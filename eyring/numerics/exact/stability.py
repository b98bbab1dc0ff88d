"""Whether the optimizer behind an SDE is stable where walkers start: an SDE of steps that overshoot describes nothing."""

from collections.abc import Mapping
from typing import Any

import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["demand_stable_steps"]

SNAP = 1e-6


def demand_stable_steps(sde: SDE, start: sp.Expr, numbers: Mapping[sp.Symbol, Any]) -> None:
    """Refuse a start in a minimum too sharp for the learning rate, if the SDE was derived from an optimizer.

    Raises:
        NotApplicable: If the curvature at the start is beyond what the optimizer's own steps bear (2/eta for SGD).
    """
    if sde.stable_curvature is None or sde.landscape is None or sde.dim != 1:
        return
    exact = {s: exact_value(v) for s, v in numbers.items()}
    limit = sde.stable_curvature.subs(exact)
    here = {**exact, sde.coordinates[0]: start}
    slope, curvature = sde.landscape.gradient[0].subs(here), sde.landscape.hessian[0, 0].subs(here)
    if not (limit.is_number and slope.is_number and curvature.is_number):
        return
    if abs(slope) < SNAP * (1 + abs(curvature)) and curvature >= limit:
        raise NotApplicable(
            f"the optimizer is unstable at the start: the curvature there is {float(curvature):.6g}, "
            f"and its steps overshoot and grow beyond {float(limit):.6g}. "
            "Its SDE describes nothing there; lower the learning rate, or write the SDE by hand: ey.SDE(drift=..., diffusion=..., coordinates=...)"
        )
