"""The depopulation factor of weak friction: a walk in energy, one random loss an orbit, solved by the Wiener-Hopf method."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.symbols import friction, orbit_action_1, orbit_action_2, temperature

__all__ = ["depopulation", "log_depopulation"]

LOST, ENERGY, WAVE = sp.Symbol("Delta", positive=True), sp.Symbol("e", real=True), sp.Dummy("l", positive=True)
FREQUENCY = sp.Symbol("lambda", real=True)


def log_depopulation(gained: list[sp.Expr], lost: list[sp.Expr]) -> sp.Expr:
    """Return the sum of ln Y(Delta) over ``gained`` less that over ``lost``; ln Y = (1/pi) int_0^oo ln(1 - e^{-Delta w})/w dl, w = l^2 + 1/4."""
    w = WAVE**2 + sp.Rational(1, 4)
    logarithms = sp.Add(*(sp.log(1 - sp.exp(-d * w)) for d in gained)) - sp.Add(*(sp.log(1 - sp.exp(-d * w)) for d in lost))
    return sp.Integral(logarithms / w, (WAVE, 0, sp.oo)) / sp.pi


def depopulation(*, single_exit: bool) -> Derivation:
    """Derive tau/tau_KramersLanger = 1/Y(Delta_1), or Y(Delta_1 + Delta_2)/[Y(Delta_1) Y(Delta_2)] if walkers come back from beyond the saddle."""
    kernel = sp.exp(-((ENERGY + LOST) ** 2) / (4 * LOST)) / sp.sqrt(4 * sp.pi * LOST)
    first, second = (friction * action / temperature for action in (orbit_action_1, orbit_action_2))
    factor = sp.exp(log_depopulation([], [first]) if single_exit else log_depopulation([first + second], [first, second]))
    return (
        Derivation("slowing of the escape at weak friction, " + ("no return from beyond" if single_exit else "two wells"))
        .define(
            "in one orbit at barrier energy the energy over T changes by e: by friction -Delta on average, by noise with variance 2 Delta",
            kernel,
            rule="energy balance of one orbit: Delta = gamma S/T",
            needs="the temperature is low against the barrier, so that one orbit at barrier energy stands for all that matter",
        )
        .claim(
            "its Fourier transform, weighed with the root of the Boltzmann factor",
            sp.exp(-LOST * (FREQUENCY**2 + sp.Rational(1, 4))),
            residual=_not_the_transform,
            rule="Gaussian integral",
        )
        .cite(
            "those above the barrier leave, those below go round again: the Wiener-Hopf solution of the walk in energy, Y(Delta) for either side",
            factor,
            source="melnikov1986",
            needs="one coordinate; the orbit at barrier energy turns on the minimum's side" + ("" if single_exit else " and beyond the saddle"),
        )
    )


def _not_the_transform(stated: sp.Basic, kernel: sp.Basic) -> sp.Basic:
    """Compare with int kernel e^{(1/2 + i l) e} de, by completing the square."""
    exponent = sp.expand(sp.expand_log(sp.log(kernel), force=True) + (sp.Rational(1, 2) + sp.I * FREQUENCY) * ENERGY)
    curvature = exponent.coeff(ENERGY, 2)
    top = exponent.subs(ENERGY, -exponent.coeff(ENERGY, 1) / (2 * curvature))
    return sp.simplify(sp.expand(sp.log(stated) - top - sp.log(sp.pi / -curvature) / 2, force=True))
