"""How far a walker has come: the height by which splitting tells who is killed and who is copied."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.exact.action.guess import curve
from eyring.numerics.exact.saddles.string import leg_over
from eyring.numerics.exact.saddles.surface import Surface
from eyring.numerics.simulation.kernel.problem import Problem
from eyring.numerics.simulation.kernel.step import Statement
from eyring.theory.landscape import Landscape

__all__ = ["Height", "height_of"]

PIECES = 16  # of the way over the saddle
WEAK = 0.55  # friction over the frequency at the saddle below which the energy is the better height


@dataclass(frozen=True)
class Height:
    """A function of a walker's state; only the order of its values counts.

    Attributes:
        value: The height, an expression of the state and of what the statements assign.
        statements: Assignments that come first.
        top: Its value where the event happens; None where that is not one number.
        name: A symbol for it.
    """

    value: sp.Expr
    statements: tuple[Statement, ...] = ()
    top: float | None = None
    name: sp.Symbol = field(default_factory=lambda: sp.Dummy("height", real=True))

    def at(self, state: Mapping[sp.Symbol, Any]) -> float:
        """Return the height of one state."""
        known = dict(state)
        for name, value in self.statements:
            known[name] = value.subs(known)
        return float(self.value.subs(known))


def height_of(reaction: Any, problem: Problem, event: Any) -> Height:
    """Return the height that is asked for.

    Args:
        reaction: An expression of the state, "loss", "energy", "committor", or None: the distance along the direction of the event; with momentum
            "energy" where friction is weak, else "committor".
        problem: What the walkers do.
        event: What counts as escaped.

    Raises:
        ParameterError: If it is none of these, uses what is not in the state, or does not go with the event.
    """
    if reaction is None:
        if not problem.velocities or problem.saddle is None:
            return Height(problem.distance, top=0.0)
        reaction = "energy" if problem.friction < WEAK * _saddle_frequency(problem) else "committor"
    if isinstance(reaction, sp.Expr):
        unknown = sorted(map(str, reaction.free_symbols - set(problem.step.state)))
        if unknown:
            known = ", ".join(str(s) for s in problem.step.state if not isinstance(s, sp.Dummy))
            raise ParameterError(f"the reaction coordinate may use {known}, and has no number for {', '.join(unknown)}")
        if not reaction.free_symbols:
            raise ParameterError(f"the reaction coordinate {reaction} is the same everywhere; give one that grows on the way to the event")
        return Height(reaction)
    named = {"loss": _loss, "energy": _energy, "committor": _committor}
    if not (isinstance(reaction, str) and reaction in named):
        raise ParameterError(f"reaction must be an expression of the coordinates, {', '.join(map(repr, named))}, or left out; got {reaction!r}")
    if reaction != "loss" and problem.saddle is None:
        raise ParameterError(f"reaction={reaction!r} needs a saddle that is crossed, and the event is a region; give an expression")
    return named[reaction](problem, event)


def _loss(problem: Problem, event: Any) -> Height:
    if str(event).replace("-", " ") != "to the saddle":
        raise ParameterError(
            f"the loss falls again beyond the saddle, where walkers would pass for fallen back: reaction='loss' goes with event='to the saddle', "
            f"got event={event!r}. Use an expression that grows all the way"
        )
    return Height(problem.loss)


def _energy(problem: Problem, event: Any) -> Height:
    """Return the energy above the saddle's, as high as a barrier beyond it: what creeps up where friction is weak."""
    assert problem.saddle is not None
    if not problem.velocities:
        raise ParameterError("reaction='energy' is for walkers with momentum; without, 'loss' is the same, for event='to the saddle'")
    places = problem.step.state[: len(problem.velocities)]
    top, bottom = (float(problem.loss.subs(dict(zip(places, at, strict=True)))) for at in (problem.saddle, problem.step.start[: len(places)]))
    energy = problem.loss + sum((v**2 for v in problem.velocities), sp.S.Zero) / 2 - sp.Float(top, 17)
    return Height(sp.Piecewise((energy, problem.distance < 0), (sp.Float(top - bottom, 17), True)), top=0.0)


def _committor(problem: Problem, event: Any) -> Height:
    """Return the height that orders places as the committor of the one-dimensional problem along the way out does.

    That committor grows along the way, whatever barrier and noise are: so the way's own coordinate s gives the same order. With momentum it is, near
    the saddle, a function of s + v/(lambda + gamma) alone, lambda the rate at which walkers leave the saddle.
    """
    assert problem.saddle is not None
    n = len(problem.saddle)
    height = Height(problem.distance, top=0.0) if n == 1 else _along(_way(problem), problem.step.state[:n])
    if not problem.velocities:
        return height
    half, frequency = problem.friction / 2, _saddle_frequency(problem)
    forward = [sp.diff(problem.distance, x) for x in problem.step.state[:n]]
    ahead = sum((d * v for d, v in zip(forward, problem.velocities, strict=True)), sp.S.Zero)
    return replace(height, value=height.value + ahead / sp.Float(half + math.hypot(half, frequency), 17))


def _saddle_frequency(problem: Problem) -> float:
    """Return the root of the curvature along the way down from the saddle."""
    places = problem.step.state[: len(problem.velocities)]
    curvature = sp.hessian(problem.loss, places).subs(dict(zip(places, map(float, problem.saddle), strict=True)))  # type: ignore[arg-type]
    return math.sqrt(max(0.0, -float(np.linalg.eigvalsh(np.array(curvature.evalf().tolist(), dtype=float))[0])))


def _way(problem: Problem) -> np.ndarray:
    """Return points evenly spaced along the way of least climb over the saddle, from the start's minimum to the one beyond."""
    assert problem.saddle is not None
    n = len(problem.saddle)
    start = np.array(problem.step.start[:n])
    size = float(np.linalg.norm(problem.saddle - start))
    leg = leg_over(Surface.of(Landscape(problem.loss, problem.step.state[:n]), None, asked_by="reaction='committor'"), problem.saddle, size)
    if leg is None:
        raise ParameterError("reaction='committor' follows the loss down both sides of the saddle, and one side has no minimum; give an expression")
    if np.linalg.norm(leg.points[-1] - start) < np.linalg.norm(leg.points[0] - start):
        leg = leg.turned()
    return curve(leg.points, np.linspace(0, 1, PIECES + 1))


def _along(corners: np.ndarray, coordinates: tuple[sp.Symbol, ...]) -> Height:
    """Return how far along a broken line the point of it is that lies nearest; the first and the last piece go on without end."""
    statements: list[Statement] = []

    def named(name: str, value: sp.Expr) -> sp.Symbol:
        symbol = sp.Dummy(name, real=True)
        statements.append((symbol, value))
        return symbol

    gone, nearest, height = 0.0, None, None
    for k, (a, b) in enumerate(pairwise(corners)):
        length = float(np.linalg.norm(b - a))
        off = [x - sp.Float(c, 17) for x, c in zip(coordinates, a, strict=True)]
        along = named("along", sum((o * sp.Float(u, 17) for o, u in zip(off, (b - a) / length, strict=True)), sp.S.Zero))
        if k > 0:
            along = named("along", sp.Piecewise((along, along > 0), (0, True)))
        if k < len(corners) - 2:
            along = named("along", sp.Piecewise((along, along < length), (length, True)))
        apart = named("apart", sum((((o - along * sp.Float(u, 17)) ** 2) for o, u in zip(off, (b - a) / length, strict=True)), sp.S.Zero))
        here = named("here", along + gone)
        if nearest is not None:
            here, apart = (
                named("here", sp.Piecewise((here, apart < nearest), (height, True))),
                named("apart", sp.Piecewise((apart, apart < nearest), (nearest, True))),
            )
        gone, nearest, height = gone + length, apart, here
    return Height(sp.S.Zero + height, tuple(statements), top=gone)
