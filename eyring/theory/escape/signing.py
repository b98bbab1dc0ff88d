"""Approximations that a user signs for: the noise is taken as another one, and the formula says so wherever it goes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.escape.contract import Assumption, EscapeProblem, EscapeTheory
from eyring.theory.escape.descent import escape_direction
from eyring.theory.formula import Formula
from eyring.theory.landscape import CriticalPoint
from eyring.theory.regime import Condition

__all__ = ["Signed", "at_point", "sign", "strength_on_the_way_out"]


@dataclass(frozen=True)
class Signed:
    """An assumption together with the problem as it is under it.

    Attributes:
        assumption: What was signed for.
        truth: The problem as it was given.
        problem: The same with the assumed noise.
    """

    assumption: Assumption
    truth: EscapeProblem
    problem: EscapeProblem

    def written_into(self, formula: Formula) -> Formula:
        """Return the formula with the assumption as its first step and as a condition."""
        name, choice = self.assumption.name, self.assumption.choice
        true, taken = self.truth.sde.diffusion, self.assumption.diffusion
        opening = Derivation(formula.derivation.title).define("the noise as it is", true)
        sentence = f"signed for, not derived: {name}, {choice}"
        opening = opening.assume(f"{name}: the noise is taken as this one, {choice}", taken, needs=sentence)
        places = [(i, j) for i in range(true.rows) for j in range(i + 1) if sp.simplify(true[i, j] - taken[i, j]) != 0]
        conditions = tuple(Condition(sp.Eq(true[p], taken[p], evaluate=False), sentence) for p in places)
        return replace(formula, derivation=opening.follow(formula.derivation), conditions=(*formula.conditions, *conditions))


def sign(problem: EscapeProblem, theories: Sequence[EscapeTheory], names: Sequence[str]) -> dict[str, Signed]:
    """Return, for every theory whose objection the named assumptions lift, the problem under its assumption."""
    offers = {t: a for t in theories if t.signable in names and t.objection(problem) is not None and (a := t.assumption(problem)) is not None}
    signed = {t: _under(problem, a) for t, a in offers.items()}
    return {t.name: s for t, s in signed.items() if t.objection(s.problem) is None}


def _under(problem: EscapeProblem, assumption: Assumption) -> Signed:
    sde = problem.sde.with_(diffusion=assumption.diffusion)
    kinetic = problem.kinetic
    if kinetic is not None:
        n = len(kinetic.positions)
        temperature = sp.ImmutableMatrix((assumption.diffusion[n:, n:] / kinetic.friction).applyfunc(sp.simplify))
        kinetic = replace(kinetic, temperature=temperature)
    return Signed(assumption, problem, replace(problem, sde=sde, kinetic=kinetic))


def at_point(matrix: sp.MatrixBase, coordinates: Sequence[sp.Symbol], point: CriticalPoint) -> sp.ImmutableMatrix:
    """Return a matrix at a minimum or saddle."""
    return sp.ImmutableMatrix(matrix.subs(dict(zip(coordinates, point.position, strict=True)), simultaneous=True).applyfunc(sp.simplify))


def strength_on_the_way_out(matrix: sp.MatrixBase, coordinates: Sequence[sp.Symbol], saddle: CriticalPoint) -> sp.Expr | None:
    """Return e^T M e at the saddle, e its descending direction; None where that is not a positive quantity or e is not known."""
    there, hessian = at_point(matrix, coordinates, saddle), saddle.hessian
    if hessian.is_diagonal():
        axis = next(i for i in range(hessian.rows) if hessian[i, i].is_negative)
        strength = there[axis, axis]
    elif hessian.free_symbols:
        return None
    else:
        direction, _ = escape_direction(saddle)
        e = sp.Matrix([sp.Float(d, 15) for d in direction])
        strength = sp.simplify((e.T * there * e)[0, 0])
    return None if strength.has(sp.nan, sp.zoo, sp.core.function.AppliedUndef) or strength.is_positive is False else strength
