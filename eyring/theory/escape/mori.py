"""Escape under noise in proportion to the loss: a power law in L_b/L_a in place of an exponential (Mori et al. 2021)."""

from dataclasses import replace

import sympy as sp

from eyring.theory.derivation import Residual
from eyring.theory.derivation.proof import difference
from eyring.theory.escape.contract import EscapeProblem, EscapeTheory
from eyring.theory.escape.insertion import local_values
from eyring.theory.escape.kramers import Kramers
from eyring.theory.escape.mean_time import EXPONENT
from eyring.theory.formula import Formula

__all__ = ["Mori"]


class Mori(EscapeTheory):
    """tau = (2 pi/sqrt(H_a |H_b|)) (L_b/L_a)^(1/2 + 1/k) for D = k L(x); k = eta h*/B for noise C = 2 L(x) h*/B.

    The prefactor is Ito's; in the calculus of weight q the 1/2 is 1/2 - q. Half of the time to the saddle.
    """

    name = "mori"
    source = "mori2021"
    speciality = 2
    published_note = "Published form (eq. 16, for the rate 1/tau; mori2021): it is the derived one, whose prefactor is Ito's; published/derived = 1."

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need Kramers' conditions, and D(x) = k L(x) with one k everywhere."""
        kramers = Kramers().objection(problem)
        if kramers is not None:
            return kramers
        if problem.sde.coordinates[0] in _proportion(problem).free_symbols:
            return "the noise is not in proportion to the loss: D(x)/L(x) depends on the place"
        return None

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive Kramers' formula for D = k L, then write it as a power of L_b/L_a."""
        formula = Kramers().derive(problem, order)
        if not order:
            k, q = _proportion(problem), problem.sde.calculus_weight
            share = 1 if problem.event == "next well" else sp.Rational(1, 2)
            H_a, H_b = problem.start.hessian[0, 0], problem.over.hessian[0, 0]
            climb = problem.over.value / problem.start.value
            stated = share * 2 * sp.pi / sp.sqrt(-H_a * H_b) * climb ** (sp.Rational(1, 2) - q + 1 / k)
            last = formula.derivation.claim(
                "int L'/D = ln(L)/k, so the exponential is the power 1/k of L_b/L_a, and D_b/D_a is the same ratio",
                stated,
                residual=_exponent_is_a_logarithm(problem),
                rule="differentiation of ln(L)/k, and algebra",
            )
            formula = replace(formula, derivation=last)
        return replace(formula, name=self.name)

    def published(self, problem: EscapeProblem) -> Formula:
        """Return the published form, which is that of the drift read in Ito's calculus."""
        return self.derive(replace(problem, sde=problem.sde.with_(calculus="ito")), 0)


def _proportion(problem: EscapeProblem) -> sp.Expr:
    """Return D/L: one number k if the noise is in proportion to the loss."""
    return sp.simplify(problem.sde.diffusion[0] / problem.landscape.expression)


def _exponent_is_a_logarithm(problem: EscapeProblem) -> Residual:
    """Compare after dividing both lines by their exponentials, once ln(L)/k is seen to have the slope L'/D that the exponent integrates."""
    exponent, k = local_values(problem, 1)[EXPONENT], _proportion(problem)
    x, loss = problem.landscape.coordinates[0], problem.landscape.expression
    slope = sp.simplify(sp.diff(sp.log(loss) / k, x) - problem.landscape.gradient[0] / problem.sde.diffusion[0])
    a, b = problem.start.value, problem.over.value
    positive = {s: sp.Dummy(f"ell_{s}", positive=True) for s in a.free_symbols | b.free_symbols if not s.is_positive}  # noise needs a positive loss

    def residual(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
        prefactors = (stated * (b / a) ** (-1 / k), previous * sp.exp(-exponent))
        return slope if slope != 0 else difference(*(sp.powsimp(p.subs(positive), force=True) for p in prefactors))

    return residual
