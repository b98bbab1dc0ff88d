"""Escape under noise in proportion to the loss: a power law in L_b/L_a in place of an exponential (Mori et al. 2021)."""

from dataclasses import replace

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Residual
from eyring.theory.derivation.proof import difference
from eyring.theory.escape.contract import Assumption, EscapeProblem, EscapeTheory, regime_of
from eyring.theory.escape.insertion import local_values
from eyring.theory.escape.kramers import Kramers
from eyring.theory.escape.mean_time import EXPONENT
from eyring.theory.escape.power_law import power_law
from eyring.theory.escape.saddle_data import INSERT_SADDLE, spectral_values
from eyring.theory.escape.signing import at_point
from eyring.theory.formula import Formula
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.regime import Condition, greater, less

__all__ = ["Mori"]


class Mori(EscapeTheory):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) (L_b/L_a)^(1/k + 1 - n/2) for D = k L(x) I; k = eta h*/B for noise C = 2 L(x) h*/B.

    The prefactor is Ito's; in one dimension, in the calculus of weight q, the power is 1/k + 1/2 - q. Half of the time to the saddle.
    Beyond n = 2 (1/k + 1) coordinates no stationary law holds walkers near the minimum.
    """

    name = "mori"
    source = "mori2021"
    signable = "noise in proportion to the loss"
    speciality = 2
    published_note = "Published form (eq. 16, for the rate 1/tau; mori2021): it is the derived one, whose prefactor is Ito's; published/derived = 1."

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need overdamped motion, and D(x) = k L(x) with one k in every direction and everywhere; in one dimension Kramers' conditions too."""
        if problem.kinetic is not None:
            return "the walker has momentum: it is described in phase space"
        if problem.sde.dim == 1 and (kramers := Kramers().objection(problem)) is not None:
            return kramers
        if not _is_isotropic(problem):
            return "the noise is not in proportion to the loss: D depends on direction"
        if _proportion(problem).free_symbols & set(problem.sde.coordinates):
            return "the noise is not in proportion to the loss: D(x)/L(x) depends on the place"
        if problem.sde.dim > 1 and problem.sde.calculus != "ito":
            return "in several dimensions the power law is derived in Ito's calculus, that of minibatch noise; convert with SDE.ito()"
        return None

    def assumption(self, problem: EscapeProblem) -> Assumption | None:
        """Return noise in proportion to the loss that is as strong as the true noise at the minimum, averaged over directions."""
        if problem.kinetic is not None or isinstance(problem.landscape, LocalLandscape) or problem.start.value.is_positive is False:
            return None
        n = problem.sde.dim
        k = sp.simplify(at_point(problem.sde.diffusion, problem.sde.coordinates, problem.start).trace() / n / problem.start.value)
        if k == 0 or k.has(sp.nan, sp.zoo):
            return None
        proportional = sp.ImmutableMatrix(k * problem.landscape.expression * sp.eye(n))
        return Assumption(self.signable, proportional, "as strong as the true noise at the minimum")

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive Kramers' formula for D = k L, then write it as a power of L_b/L_a; in n dimensions by a change of clock."""
        if problem.sde.dim > 1:
            return self._in_many_dimensions(problem, order)
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

    def _in_many_dimensions(self, problem: EscapeProblem, order: int) -> Formula:
        if order:
            raise NotApplicable("the power law is derived to leading order in several dimensions; leave order out")
        k, n = _proportion(problem), sp.Integer(problem.sde.dim)
        derivation = power_law(n, k, problem.event).apply(INSERT_SADDLE, "insert the landscape", values=spectral_values(problem), problem=problem)
        held = Condition(less(n, 2 / k + 2), "walkers are held: L^-(1 + 1/k) is normalisable around the minimum", hard=True)
        noise = Condition(greater(problem.start.value, sp.Integer(0)), "the noise is positive at the minimum", hard=True)
        conditions = (held, noise, *regime_of(problem, sp.log(problem.over.value / problem.start.value) / k))
        return Formula(derivation, "time", problem.sde.clock, tuple(c for c in conditions if c.relation != sp.true), name=self.name)

    def published(self, problem: EscapeProblem) -> Formula:
        """Return the published form, which is that of the drift read in Ito's calculus."""
        return self.derive(replace(problem, sde=problem.sde.with_(calculus="ito")), 0)


def _is_isotropic(problem: EscapeProblem) -> bool:
    D = problem.sde.diffusion
    return D.is_diagonal() and all(sp.simplify(D[i, i] - D[0, 0]) == 0 for i in range(1, D.rows))


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
