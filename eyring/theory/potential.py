"""The loss behind a drift: L with drift = -grad L, if there is one."""

from collections.abc import Sequence

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.landscape import Landscape
from eyring.theory.sde import SDE

__all__ = ["landscape_of", "potential"]


def landscape_of(sde: SDE) -> Landscape | None:
    """Return the landscape whose gradient drives the SDE (its drift as written, in its own calculus), or None.

    An SDE derived from an update rule brings its landscape along where it has one: what was not found then is not looked for again.
    """
    if sde.landscape is not None or sde.derivation is not None:
        return sde.landscape
    return potential(list(sde.drift), sde.coordinates)


def potential(drift: Sequence[sp.Expr], coordinates: Sequence[sp.Symbol]) -> Landscape | None:
    """Return L with drift = -grad L, or None if the drift has a curl or sympy finds no integral."""
    xs = list(coordinates)
    curls = (sp.diff(drift[i], xs[j]) - sp.diff(drift[j], xs[i]) for i in range(len(xs)) for j in range(i))
    if any(sp.simplify(c) != 0 for c in curls):
        return None
    loss = sp.Integer(0)
    for force, x in zip(drift, xs, strict=True):
        loss -= sp.integrate(sp.expand(force + sp.diff(loss, x)), x)
    if loss.has(sp.Integral):
        return None
    try:
        return Landscape(sp.expand(loss) if loss.is_polynomial(*xs) else loss, xs)
    except EyringError:
        return None
