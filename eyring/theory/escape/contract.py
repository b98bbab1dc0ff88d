"""What every escape theory promises: its objections to a problem, and a derivation where it has none."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import mpmath
import sympy as sp

from eyring.theory.formula import Formula
from eyring.theory.kinetic import Kinetic
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.regime import Condition, greater, less
from eyring.theory.sde import SDE

__all__ = ["EVENTS", "Assumption", "EscapeProblem", "EscapeTheory", "regime_of"]

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


@dataclass(frozen=True)
class Assumption:
    """An approximation of the noise that a user may sign for; it stays written in the formula.

    Attributes:
        name: What ``escape_time(..., assuming=(name,))`` calls it: the theory's ``signable``.
        diffusion: The diffusion matrix that is put in place of the true one.
        choice: Where the strength of it is taken from, as a clause.
    """

    name: str
    diffusion: sp.ImmutableMatrix
    choice: str


class EscapeTheory(ABC):
    """One road from an SDE to a mean escape time."""

    name: str
    source: str
    speciality: int = 0  # of several theories that apply, the most special one is chosen
    signable: str = ""  # the name of the approximation that may be signed for where the theory objects; empty if none may
    published_note: str = "The published form is the derived one."

    @abstractmethod
    def objection(self, problem: EscapeProblem) -> str | None:
        """Say why the theory does not apply; None if it does."""

    def assumption(self, problem: EscapeProblem) -> Assumption | None:
        """Return what would have to be signed for to lift the objection; None where it is final: no approximation then makes sense of the formula."""
        return None

    @abstractmethod
    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive the mean escape time, with corrections up to the given power of the noise strength."""

    def published(self, problem: EscapeProblem) -> Formula:
        """Return the form printed in the literature; by default the derived one."""
        return self.derive(problem, 0)


def regime_of(problem: EscapeProblem, exponent: sp.Expr) -> tuple[Condition, ...]:
    """Return the conditions common to all escape formulas of Kramers' type; those that the numbers already fulfil are left out."""
    conditions = [Condition(greater(exponent, sp.Integer(3)), "the barrier is high against the noise"), *_other_exits(problem)]
    if not problem.barrier.is_positive:
        conditions.insert(0, Condition(greater(problem.barrier, sp.Integer(0)), "the saddle lies above the minimum", hard=True))
    if problem.sde.stable_curvature is not None:
        conditions += _step_conditions(problem, problem.sde.stable_curvature)
    return tuple(c for c in conditions if c.relation != sp.true)


def _other_exits(problem: EscapeProblem) -> list[Condition]:
    """In one dimension: the saddle on the other side of the minimum, if there is one, should be higher."""
    if problem.landscape.dim != 1 or problem.landscape.parameters or not problem.start.position[0].is_number:
        return []
    points = problem.landscape.critical_points
    here, there = problem.start.position[0], problem.over.position[0]
    beyond = [p for p in points if p.index == 1 and bool((p.position[0] - here) * (there - here) < 0)]
    if not beyond:
        return []
    nearest = min(beyond, key=lambda p: abs(float(p.position[0] - here)))
    place = nearest.position[0]
    sentence = f"the saddle at {place} on the other side is higher, else walkers leave there first and 1/tau is the rate over this saddle alone"
    return [Condition(greater(nearest.value, problem.over.value), sentence)]


def _step_conditions(problem: EscapeProblem, limit: sp.Expr) -> list[Condition]:
    above, below = sp.fraction(sp.together(limit))
    if above.is_negative:
        above, below = -above, -below
    scale = problem.sde.clock if problem.kinetic is None else problem.sde.clock**2
    remedy = f"The optimizer is stable at curvatures below {limit}: lower the learning rate, or start from a flatter minimum."
    stable = [
        Condition(less(k * below, above), "a step does not overshoot the minimum: the optimizer is stable", True, remedy)
        for k in curvatures(problem.start)
    ]
    return [*stable, *(Condition(less(scale * k, sp.Rational(1, 5)), "steps are small against the curvature") for k in curvatures(problem.start))]


def curvatures(point: CriticalPoint) -> list[sp.Expr]:
    """Return the curvatures at a point that may be the largest: one number, or every eigenvalue that holds a symbol."""
    hessian = point.hessian
    if hessian.is_diagonal():
        candidates = list(dict.fromkeys(hessian.diagonal()))
    elif hessian.free_symbols:
        candidates = [sp.simplify(e) for e in hessian.eigenvals()]
    else:
        with mpmath.workdps(20):
            candidates = [sp.Float(max(mpmath.eigsy(mpmath.matrix(hessian.evalf(20).tolist()), eigvals_only=True)), 15)]
    numbers, symbols = [c for c in candidates if c.is_number], [c for c in candidates if not c.is_number]
    return [*([max(numbers, key=float)] if numbers else []), *symbols]
