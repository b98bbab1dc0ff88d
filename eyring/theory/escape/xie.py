"""Escape under noise in proportion to the Hessian, frozen at the minimum and then at the saddle (Xie, Sato & Sugiyama 2021)."""

from dataclasses import replace

import sympy as sp

from eyring.theory.escape.contract import EscapeProblem, EscapeTheory
from eyring.theory.escape.insertion import diffusion_near, two_pieces
from eyring.theory.escape.kramers import Kramers
from eyring.theory.formula import Formula
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.symbols import switch_fraction

__all__ = ["Xie"]


class Xie(EscapeTheory):
    """tau = (2 pi / H_a) exp[(2 B Delta L / eta)(s/H_a + (1 - s)/|H_b|)], s = (L(c) - L_a)/Delta L with c the switch point.

    The prefactor is Ito's. The published one, 2 pi/|H_b|, is what the anti-Ito calculus (a Fick current D grad p) gives.
    """

    name = "xie"
    source = "xie2021"
    speciality = 2

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need Kramers' conditions, and D_a : D_b = H_a : |H_b|."""
        kramers = Kramers().objection(problem)
        if kramers is not None:
            return kramers
        ratio = diffusion_near(problem, "a") / diffusion_near(problem, "b")
        curvatures = problem.start.hessian[0, 0] / abs(problem.over.hessian[0, 0])
        if not isinstance(sp.piecewise_fold(problem.sde.diffusion[0]), sp.Piecewise) or sp.simplify(ratio - curvatures) != 0:
            return "the noise is not that of the Hessian, frozen at the minimum and then at the saddle"
        return None

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive Kramers' formula for the switched noise, then write it with H_a alone in the prefactor."""
        formula = Kramers().derive(problem, order)
        return replace(self._tidied(formula, problem, order), name=self.name)

    def published(self, problem: EscapeProblem) -> Formula:
        """Derive the published form: the same with the drift read in the anti-Ito calculus."""
        anti_ito = replace(problem, sde=problem.sde.with_(calculus="anti-ito"))
        formula = self._tidied(Kramers().derive(anti_ito, 0), anti_ito, 0)
        ito = self.derive(problem, 0).expression
        ratio = sp.simplify(formula.expression / ito)
        note = (
            f"Published form (Theorem 3.2, recalled; {self.source}): its prefactor is the anti-Ito one. Minibatch noise is "
            "evaluated before the step, which is Ito; "
            f"published/derived = {ratio}."
        )
        return replace(formula, note=note, name=self.name)

    def _tidied(self, formula: Formula, problem: EscapeProblem, order: int) -> Formula:
        if order:
            return formula
        share = 1 if problem.event == "next well" else sp.Rational(1, 2)
        H_a, H_b = problem.start.hessian[0, 0], problem.over.hessian[0, 0]
        q = problem.sde.calculus_weight
        stated = share * 2 * sp.pi / (H_a ** (1 - q) * (-H_b) ** q) * sp.exp(_exponent(problem))
        return replace(formula, derivation=formula.derivation.claim("the noise is in proportion to the curvatures, so they combine", stated))


def _exponent(problem: EscapeProblem) -> sp.Expr:
    """State (Delta L/k)(s/H_a + (1 - s)/|H_b|) for the noise D = k |H|; the claim compares it with the integral of L'/D."""
    strength = sp.simplify(diffusion_near(problem, "a") / problem.start.hessian[0, 0])
    share = switch_fraction
    if not isinstance(problem.landscape, LocalLandscape):
        _, _, switch = two_pieces(problem) or (None, None, problem.over.position[0])
        share = sp.simplify((problem.landscape.expression.subs(problem.landscape.coordinates[0], switch) - problem.start.value) / problem.barrier)
    stated = problem.barrier / strength * (share / problem.start.hessian[0, 0] - (1 - share) / problem.over.hessian[0, 0])
    return sp.factor_terms(stated) if stated.free_symbols else stated
