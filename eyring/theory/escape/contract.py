"""What every escape theory promises: its objections to a problem, and a derivation where it has none."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import mpmath
import sympy as sp

from eyring.theory.formula import Formula
from eyring.theory.kinetic import Kinetic
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.regime import Condition
from eyring.theory.sde import SDE

__all__ = ["EVENTS", "EscapeProblem", "EscapeTheory", "regime_of"]

EVENTS = ("next well", "to the saddle")


@dataclass(frozen=True)
class EscapeProblem:
    """Who escapes, from where, over what, and what counts as having escaped.

    Attributes:
        sde: The process; overdamped, or kinetic.
        landscape: The loss L(x).
        start: The minimum.
        over: The saddle.
        event: "next well" (over the saddle, settled beyond) or "to the saddle".
        kinetic: The kinetic reading of the SDE, or None.
    """

    sde: SDE
    landscape: Landscape
    start: CriticalPoint
    over: CriticalPoint
    event: str
    kinetic: Kinetic | None

    @property
    def barrier(self) -> sp.Expr:
        """L_b - L_a."""
        return self.over.value - self.start.value


class EscapeTheory(ABC):
    """One road from an SDE to a mean escape time."""

    name: str
    source: str
    speciality: int = 0  # of several theories that apply, the most special one is chosen
    published_note: str = "The published form is the derived one."

    @abstractmethod
    def objection(self, problem: EscapeProblem) -> str | None:
        """Say why the theory does not apply; None if it does."""

    @abstractmethod
    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive the mean escape time, with corrections up to the given power of the noise strength."""

    def published(self, problem: EscapeProblem) -> Formula:
        """Return the form printed in the literature; by default the derived one."""
        return self.derive(problem, 0)


def regime_of(problem: EscapeProblem, exponent: sp.Expr) -> tuple[Condition, ...]:
    """Return the conditions common to all escape formulas of Kramers' type."""
    conditions = [Condition(exponent > 3, "the barrier is high against the noise")]
    if not problem.barrier.is_positive:
        conditions.insert(0, Condition(problem.barrier > 0, "the saddle lies above the minimum", hard=True))
    if problem.sde.derivation is not None:
        conditions += _step_conditions(problem)
    return tuple(c for c in conditions if c.relation is not sp.true)


def _step_conditions(problem: EscapeProblem) -> list[Condition]:
    clock = problem.sde.clock
    scale = clock if problem.kinetic is None else clock**2
    curvature = max_curvature(problem.start)
    limit = sp.Integer(2) if problem.kinetic is None else sp.simplify(2 * (2 - problem.kinetic.friction * clock))  # heavy ball: 2 (1 + mu)
    return [
        Condition(scale * curvature < limit, "a step does not overshoot the minimum: the optimizer is stable", True, _SMALLER_STEP),
        Condition(scale * curvature < sp.Rational(1, 5), "steps are small against the curvature"),
    ]


_SMALLER_STEP = "Lower the learning rate below 2 (1 + mu)/curvature, or start from a flatter minimum."


def max_curvature(point: CriticalPoint) -> sp.Expr:
    """Return the largest curvature at a point; the trace bounds it where the eigenvalues are symbols."""
    hessian = point.hessian
    if hessian.free_symbols:
        return hessian.trace()
    if hessian.is_diagonal():
        return max(hessian.diagonal(), key=float)
    with mpmath.workdps(20):
        return sp.Float(max(mpmath.eigsy(mpmath.matrix(hessian.evalf(20).tolist()), eigvals_only=True)), 15)
