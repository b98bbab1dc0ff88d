"""One step of a stochastic differential equation: Euler and Maruyama's, or the splitting of a particle with velocity and friction."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import sympy as sp

from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.noise import kick_of
from eyring.numerics.simulation.kernel.step import Statement, Step
from eyring.theory.kinetic import Kinetic
from eyring.theory.sde import SDE

__all__ = ["CORRECTIONS", "euler_maruyama", "guarded", "splitting"]

CORRECTIONS = ("bridge", "shift", "none")
OVERSHOOT = 0.5825971579390106  # -zeta(1/2)/sqrt(2 pi): how far beyond a barrier a walk is when first seen there, in standard deviations of one step


def euler_maruyama(sde: SDE, start: Sequence[float] | np.ndarray, goal: Goal, *, time_step: float, correction: str) -> Step:
    """Return x' = x + f dt + sqrt(2 D dt) z, f in Ito's calculus.

    Args:
        sde: An Ito SDE with numbers.
        start: Where walkers begin.
        goal: When they have escaped.
        time_step: dt.
        correction: What is done about crossings between two steps. "bridge": a walker inside at both ends has crossed with the probability
            exp(-m m'/(D dt)) that a Brownian bridge has, m and m' its distances, D across the border; weak order 1 (Gobet 2000). "shift": the border
            is moved inward by 0.5826 sqrt(2 D dt) (Broadie, Glasserman & Kou 1997). "none": exits come late by O(sqrt(dt)).
    """
    dt = sp.Float(time_step, 30)
    kick = kick_of((2 * dt * sde.diffusion).applyfunc(sp.expand), sde.coordinates)
    moved = [sp.Dummy(f"{x}_new", real=True) for x in sde.coordinates]
    after = [x + sp.expand(f * dt) + k for x, f, k in zip(sde.coordinates, sde.drift, kick.vector, strict=True)]
    statements: list[Statement] = [*kick.statements, *zip(moved, after, strict=True)]
    here, there = goal.margin, goal.margin.xreplace(dict(zip(sde.coordinates, moved, strict=True)))
    slope = sp.Matrix([sp.diff(goal.margin, x) for x in sde.coordinates])
    across = sp.expand((slope.T * sde.diffusion * slope)[0])
    chance: tuple[sp.Symbol, ...] = ()
    if correction == "bridge" and across != 0 and not goal.stay:
        chance = (sp.Dummy("chance", real=True),)
        statements.append((before := sp.Dummy("before", real=True), here))
        there = chance[0] * across * dt - before * there
    elif correction == "shift" and across != 0 and not goal.stay:
        there = there + OVERSHOOT * sp.sqrt(2 * dt * across)
    begin = tuple(float(s) for s in start)
    return goal.watched(Step(tuple(sde.coordinates), tuple(statements), tuple(moved), there, begin, kick.normals, chance), time_step)


def guarded(step: Step, drift: Iterable[sp.Expr], coordinates: Sequence[sp.Symbol], dt: sp.Expr | float) -> Step:
    """Return the step with a margin that is no number where the drift f alone throws a walker back beyond its own place, -f' dt > 2.

    A chain that runs away in ever longer leaps would otherwise seem to have escaped. Looked for where the drift is a polynomial.
    """
    slopes = [sp.diff(f, x) for f, x in zip(drift, coordinates, strict=True) if f.is_polynomial(*coordinates)]
    rooms = [2 + dt * sp.expand(s) for s in slopes if s.free_symbols]
    if not rooms:
        return step
    room = sp.Dummy("room", real=True)
    margin = sp.Piecewise((step.margin, room > 0))  # elsewhere no number
    return replace(step, statements=(*step.statements, (room, sp.Min(*rooms))), margin=margin)


def splitting(kinetic: Kinetic, start: Sequence[float] | np.ndarray, goal: Goal, *, time_step: float) -> Step:
    """Return one step of Leimkuhler and Matthews' BAOAB: kick, drift, friction and noise exactly, drift, kick.

    The second half kick and the first of the next step are at the same place and done at once, so the velocity carried along is
    half a kick ahead, v + F(x) dt/2; the position's averages are right to dt^2.
    """
    dt, n = sp.Float(time_step, 30), len(kinetic.positions)
    decay = sp.exp(-kinetic.friction * dt)
    force = sp.Matrix([-g for g in kinetic.landscape.gradient])
    half = [sp.Dummy(f"{x}_half", real=True) for x in kinetic.positions]
    at_half = dict(zip(kinetic.positions, half, strict=True))
    kick = kick_of(((1 - decay**2) * kinetic.temperature).applyfunc(lambda e: sp.expand(e).xreplace(at_half)), half)
    thrown = [sp.Dummy(f"{v}_thrown", real=True) for v in kinetic.velocities]
    moved = [sp.Dummy(f"{x}_new", real=True) for x in kinetic.positions]
    at_end = dict(zip(kinetic.positions, moved, strict=True))
    statements: list[Statement] = [(h, x + dt / 2 * v) for h, x, v in zip(half, kinetic.positions, kinetic.velocities, strict=True)]
    statements += kick.statements
    statements += [(t, decay * v + k) for t, v, k in zip(thrown, kinetic.velocities, kick.vector, strict=True)]
    statements += [(m, h + dt / 2 * t) for m, h, t in zip(moved, half, thrown, strict=True)]
    velocities = [t + sp.expand(dt * f).xreplace(at_end) for t, f in zip(thrown, force, strict=True)]
    lead = np.array(force.subs(dict(zip(kinetic.positions, start[:n], strict=True))).evalf().tolist(), dtype=float).ravel() * time_step / 2
    begin = [*start[:n], *(np.asarray(start[n:]) + np.where(np.abs(lead) < 1e-12, 0.0, lead))]
    symbols, margin = (*kinetic.positions, *kinetic.velocities), goal.margin.xreplace(at_end)
    step = Step(symbols, tuple(statements), (*moved, *velocities), margin, tuple(map(float, begin)), normals=kick.normals)
    return goal.watched(step, time_step)
