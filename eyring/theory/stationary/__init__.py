"""Stationary laws: ask ``stationary(sde)`` for the one whose conditions hold."""

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.catalog import catalog
from eyring.theory.kinetic import kinetic_form
from eyring.theory.potential import landscape_of
from eyring.theory.sde import SDE
from eyring.theory.stationary.contract import StationaryLaw, StationaryTheory

__all__ = ["StationaryLaw", "StationaryTheory", "stationary", "stationary_theories"]


def stationary_theories() -> tuple[StationaryTheory, ...]:
    """Return every stationary law in this folder, the most special first."""
    return tuple(sorted((member() for member in catalog(StationaryTheory, __name__).values()), key=lambda t: (-t.speciality, t.name)))


def stationary(sde: SDE, *, law: str | None = None) -> StationaryLaw:
    """Derive the stationary law of an SDE.

    Args:
        sde: The process.
        law: "Gibbs", "Ornstein-Uhlenbeck" or "zero flux"; left out, the first whose conditions hold.

    Returns:
        The density up to normalisation, with a derivation of which no step is cited.

    Raises:
        NotApplicable: If no law is known for the SDE, or the density is not normalisable; with each law's reason.

    >>> x = sp.Symbol("x", real=True)
    >>> stationary(SDE(-x, sp.Rational(1, 2), [x])).density
    exp(-x**2)
    """
    candidates = [entry for entry in stationary_theories() if law is None or entry.name.lower() == law.lower()]
    if not candidates:
        raise NotApplicable(f"unknown stationary law {law!r}; known: {', '.join(entry.name for entry in stationary_theories())}")
    objections = {}
    for entry in candidates:
        objections[entry.name] = entry.objection(sde)
        if objections[entry.name] is None:
            _demand_confined(sde)
            return entry.derive(sde)
    reasons = "; ".join(f"{name}: {why}" for name, why in objections.items())
    raise NotApplicable(
        f"no stationary law is known for this SDE ({reasons}). In two or more dimensions with such noise a current "
        "circulates and there is no closed form; "
        "use a simulation, or a numerical solution of the Fokker-Planck equation"
    )


def _demand_confined(sde: SDE) -> None:
    """Refuse a loss that falls without bound along an axis: its weight cannot be normalised."""
    kinetic = kinetic_form(sde)
    landscape = kinetic.landscape if kinetic else landscape_of(sde)
    if landscape is None or landscape.expression.has(sp.core.function.AppliedUndef):
        return
    for x in landscape.coordinates:
        for side in (1, -1):
            if _stays_low(landscape.expression.subs({y: 0 for y in landscape.coordinates if y != x}), x, side):
                raise NotApplicable(
                    f"the loss {landscape.expression} does not rise as {x} -> {'+' if side > 0 else '-'}oo: the weight is not "
                    "normalisable and no stationary law exists. "
                    "Add a confining term, or ask for an escape time instead"
                )


def _stays_low(loss: sp.Expr, x: sp.Symbol, side: int) -> bool:
    if x not in loss.free_symbols:
        return True
    if not loss.is_polynomial(x):
        return False
    polynomial = sp.Poly(loss, x)
    leading = polynomial.LC() * side ** polynomial.degree()
    return polynomial.degree() == 0 or leading.is_positive is False
