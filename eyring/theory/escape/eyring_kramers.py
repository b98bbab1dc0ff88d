"""The Eyring-Kramers law: mean escape time over a saddle in n dimensions under white noise."""

from functools import cache

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation
from eyring.theory.escape.contract import Assumption, EscapeProblem, EscapeTheory, regime_of
from eyring.theory.escape.saddle_data import DETERMINANTS, INSERT_SADDLE, determinants_for, spectral_values
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.escape.signing import strength_on_the_way_out
from eyring.theory.formula import Formula
from eyring.theory.stationary.gibbs import isotropic_constant
from eyring.theory.symbols import escape_curvature, loss_min, loss_saddle, temperature

__all__ = ["EyringKramers"]

U = sp.Symbol("u", real=True)


class EyringKramers(EscapeTheory):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/T}; half of it to the saddle.

    Bovier, Eckhoff, Gayrard & Klein 2004; Theorem 3.1 of Xie, Sato & Sugiyama 2021; the escape time of Dai & Zhu 2018.
    """

    name = "eyring-kramers"
    source = "bovier2004"
    signable = "noise of one strength"

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need overdamped motion under noise of one constant strength in every direction."""
        if problem.kinetic is not None:
            return "the walker has momentum: it is described in phase space"
        if isotropic_constant(problem.sde) is None:
            return (
                "the noise is not of one constant strength in every direction (its exponent is then a quasipotential, not barrier over temperature: "
                "sharp_escape_time has the number, prefactor and all)"
            )
        return None

    def assumption(self, problem: EscapeProblem) -> Assumption | None:
        """Return white noise as strong as the true noise is on the way out of the saddle; good where the valley is straight and steep-walled."""
        if problem.kinetic is not None:
            return None
        T = strength_on_the_way_out(problem.sde.diffusion, problem.sde.coordinates, problem.over)
        if T is None:
            return None
        return Assumption(self.signable, sp.ImmutableMatrix(T * sp.eye(problem.sde.dim)), "that of the saddle's descending direction")

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive the general law in n dimensions, then insert the landscape."""
        if order:
            raise NotApplicable(
                f"the {self.name} law is derived to leading order in {problem.sde.dim} dimensions; leave order out (in one "
                "dimension theory='kramers' has corrections)"
            )
        T = isotropic_constant(problem.sde)
        derivation = general_law(problem.sde.dim, problem.event).apply(
            INSERT_SADDLE, "insert the landscape and the noise", values=spectral_values(problem) | {temperature: T}, problem=problem
        )
        return Formula(derivation, "time", problem.sde.clock, regime_of(problem, problem.barrier / T), name=self.name)


@cache
def general_law(n: int, event: str) -> Derivation:
    """Derive the law for undetermined curvatures: a_i > 0 at the minimum; lambda_b < 0 and b_i > 0 at the saddle."""
    T, lam = temperature, escape_curvature
    wells = [sp.Symbol(f"a_{i}", positive=True) for i in range(1, n + 1)]
    sides = [sp.Symbol(f"b_{i}", positive=True) for i in range(2, n + 1)]
    slope = sp.sqrt(-lam / (2 * sp.pi * T)) * sp.exp(lam * U**2 / (2 * T))
    population = sp.Mul(*(gaussian_integral(a, T, U) for a in wells)) * sp.exp(-loss_min / T)
    flux = (
        T
        * sp.Integral(sp.exp(lam * U**2 / (2 * T)), (U, -sp.oo, sp.oo))
        * sp.Mul(*(gaussian_integral(b, T, U) for b in sides))
        * sp.exp(-loss_saddle / T)
    )
    share = sp.Integer(1) if event == "next well" else sp.Rational(1, 2)
    product_a, product_b = sp.Mul(*wells), sp.Mul(lam, *sides)
    return (
        Derivation("Eyring-Kramers law" + (" to the saddle: half of the time" if event == "to the saddle" else ""))
        .cite(
            "the committor q (chance to fall beyond the saddle) solves the backward equation, along the descending "
            "direction u of the quadratic saddle",
            sp.Eq(-lam * U * sp.Function("q")(U).diff(U) + T * sp.Function("q")(U).diff(U, 2), 0),
            source="bovier2004",
            needs="every curvature at minimum and saddle is non-zero, and one saddle separates the wells",
        )
        .claim("its slope, which integrates to one", slope, residual=_committor_residual, rule="insertion in the backward equation")
        .cite(
            "tau = (population of the well)/(flux T int |q'|^2 e^{-L/T} over the saddle), both quadratic",
            share * population / (flux * slope.subs(U, 0) ** 2),
            source="bovier2004",
            needs="the barrier is high against the noise",
        )
        .apply(GAUSSIAN, "do the Gaussian integrals")
        .claim("tidy", share * 2 * sp.pi / (-lam) * sp.sqrt(-product_b / product_a) * sp.exp((loss_saddle - loss_min) / T))
        .apply(DETERMINANTS, "products of curvatures are determinants", **determinants_for(wells, sides))
    )


def _committor_residual(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Insert q' in the backward equation; q must also rise from 0 to 1."""
    q = sp.Function("q")(U)
    equation = previous.lhs.subs(q.diff(U, 2), sp.diff(stated, U)).subs(q.diff(U), stated)
    rise = sp.simplify(sp.integrate(stated, (U, -sp.oo, sp.oo)) - 1)
    return sp.simplify(equation) + rise
