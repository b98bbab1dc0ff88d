"""One step of an optimizer: its own update rule, real batches where the noise has their law, a fresh buffer after every exit."""

from collections.abc import Mapping
from itertools import accumulate, pairwise

import sympy as sp

from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.noise import kick_of
from eyring.numerics.simulation.kernel.step import Batch, Statement, Step
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics, buffer_of
from eyring.theory.landscape import Landscape
from eyring.theory.noise import FiniteSum

__all__ = ["optimizer_step"]

Gradient = tuple[list[Statement], list[sp.Expr], tuple[sp.Symbol, ...], Batch | None]


def optimizer_step(
    dynamics: Dynamics,
    loss: Landscape,
    goal: Goal,
    *,
    covariance: sp.MatrixBase | None = None,
    batches: FiniteSum | None = None,
    batch_size: int = 0,
    insert: Mapping[sp.Symbol, sp.Expr],
) -> Step:
    """Return one step of every parameter, by the optimizer's rule.

    Args:
        dynamics: The optimizer, with numbers.
        loss: The landscape, with numbers.
        goal: When walkers have escaped.
        covariance: C(theta) with numbers, of Gaussian gradient noise.
        batches: A finite population that batches are drawn from, in place of Gaussian noise.
        batch_size: B, for batches.
        insert: Numbers for the symbols of the batches' losses.
    """
    statements, slopes, normals, batch = _drawn(loss, batches, batch_size, insert) if batches else _gaussian(loss, covariance)
    fresh = sp.Dummy("fresh", real=True)
    state: list[sp.Symbol] = []
    after: list[sp.Expr] = []
    begins = False
    for x, slope in zip(loss.coordinates, slopes, strict=True):
        current: dict[sp.Symbol, sp.Expr] = {PARAMETER: x, **{b: buffer_of(b, x) for b in dynamics.buffers}}
        state += [s for s in current.values() if s not in loss.coordinates]
        gradient, kick = sp.Dummy(f"slope_{x}", real=True), sp.Dummy(f"xi_{x}", real=True)
        statements.append((gradient, slope))
        if any(a.value.has(WHITE_NOISE) for a in dynamics.rule):
            normals = (*normals, kick)
        for target, rule in dynamics.rule:
            value, first = _both(dynamics, target, rule)
            known = {**current, GRADIENT: gradient, WHITE_NOISE: kick}
            new = sp.Dummy(f"{target}_{x}", real=True)
            here = value.xreplace(known)
            if first is not None:
                here, begins = sp.Piecewise((first.xreplace(known), fresh > 0), (here, True)), True
            statements.append((new, sp.expand(here) if here.is_polynomial() else here))
            current[target] = new
        after += [current[PARAMETER], *(current[b] for b in dynamics.buffers)]
    width = 1 + len(dynamics.buffers)
    places, buffers = after[::width], [a for i, a in enumerate(after) if i % width]
    margin = goal.margin.xreplace(dict(zip(loss.coordinates, places, strict=True)))
    begin = [*map(float, goal.start), *[0.0] * len(state), *[1.0] * begins]
    symbols = (*loss.coordinates, *state, *(fresh,) * begins)
    ends = (*places, *buffers, *[sp.S.Zero] * begins)
    step = Step(symbols, tuple(statements), ends, margin, tuple(begin), normals=normals, batch=batch)
    return goal.watched(step, 1.0)


def _both(dynamics: Dynamics, target: sp.Symbol, rule: sp.Expr) -> tuple[sp.Expr, sp.Expr | None]:
    """Return what a line becomes, and what at a walker's first step if that differs."""
    first = dynamics.first_step.get(target)
    differs = first is not None and sp.simplify(first - rule.subs(dict.fromkeys(dynamics.buffers, 0))) != 0
    return rule, first if differs else None


def _gaussian(loss: Landscape, covariance: sp.MatrixBase | None) -> Gradient:
    if covariance is None:
        return [], list(loss.gradient), (), None
    kick = kick_of(covariance, loss.coordinates)
    return list(kick.statements), [g + k for g, k in zip(loss.gradient, kick.vector, strict=True)], kick.normals, None


def _drawn(loss: Landscape, noise: FiniteSum, size: int, insert: Mapping[sp.Symbol, sp.Expr]) -> Gradient:
    """Return the mean of the drawn examples' gradients; counts are running, so kind k weighs (c_k - c_(k-1))/B."""
    noise.covariance(loss, sp.Integer(size))  # refuses a batch larger than the data without replacement
    counts = tuple(sp.Dummy(f"count{i}", real=True) for i in range(len(noise.losses) - 1))
    steps = [sp.S.Zero, *counts, sp.Integer(size)]
    shares = [(b - a) / sp.Integer(size) for a, b in pairwise(steps)]
    losses = [sample.subs(insert) for sample in noise.losses]
    slopes = [sp.expand(sum(s * sp.diff(one, x) for s, one in zip(shares, losses, strict=True))) for x in loss.coordinates]
    return [], slopes, (), Batch(counts, tuple(accumulate(noise.copies)), size, noise.replacement)
