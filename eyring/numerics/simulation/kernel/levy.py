"""One step of a walker with heavy-tailed kicks: down the slope, and a stable jump for each coordinate."""

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.values import matched_values
from eyring.numerics.simulation.exit_event import REGIONS, Goal
from eyring.numerics.simulation.kernel.problem import Problem, checked_step, is_attracting, numeric_landscape, settling, single
from eyring.numerics.simulation.kernel.sde import guarded
from eyring.numerics.simulation.kernel.step import Statement, Step
from eyring.numerics.simulation.relaxation import drift_rates
from eyring.numerics.simulation.streams.normals import cosine_double, sine_double
from eyring.theory.levy_flight import LevyFlight
from eyring.theory.sde import SDE

__all__ = ["border_shift", "levy_problem", "levy_step", "stable_number"]

CORRECTIONS = ("shift", "none")


def levy_problem(
    flight: LevyFlight, *, values: Any, time_step: float | None, start: Any, event: Any, over: Any, stay: float | None, correction: str | None
) -> Problem:
    """Return what the walkers of a Levy flight do.

    Raises:
        ParameterError, NotApplicable, EyringError: As ``simulate_escapes`` says.
    """
    exact = single(matched_values(values, flight.parameters, asked_by="this simulation"))
    loss, numeric = numeric_landscape(flight.loss, exact), flight.subs(exact)
    goal = Goal.of(loss, exact, start=start, event=event, over=over)
    quiet = SDE([-g for g in loss.gradient], sp.zeros(loss.dim), loss.coordinates, landscape=loss)
    rates = drift_rates(quiet, goal.start) if not isinstance(event, REGIONS) or is_attracting(quiet, goal.start) else None
    tick = checked_step(time_step, rates)
    relaxation = None if rates is None else float(1 / np.min(-rates.real))
    goal = settling(goal, event, stay, relaxation, inertia=False)
    if correction is not None and correction not in CORRECTIONS:
        raise ParameterError(f"correction must be one of 'shift', 'none', got {correction!r}: no bridge is known between two ends of a stable walk")
    step = levy_step(numeric, goal, time_step=tick, correction=correction)
    return Problem(step, tick, "time", None, relaxation, None, goal.margin, loss.expression, goal.saddle)


def levy_step(flight: LevyFlight, goal: Goal, *, time_step: float, correction: str | None) -> Step:
    """Return x' = x - L' dt + eps dt^(1/alpha) X, one stable number X a coordinate; what is drawn is exponential.

    A jump may lead to where the slope throws a walker back beyond its own place: such a walker is lost (``guarded``), and no escape.

    Args:
        flight: With numbers.
        goal: When walkers have escaped.
        time_step: dt.
        correction: "shift": the border is moved inward by ``border_shift``; for alpha <= 1 there is none, as exits come late by O(dt) alone.
            "none": exits come late by O(dt^(1/alpha)). None: "shift" where it is known.

    Raises:
        NotApplicable: If a shift is asked for and not known.
    """
    alpha, coordinates = flight.stability, flight.loss.coordinates
    dt, size = sp.Float(time_step, 30), sp.Float(float(flight.scale) * time_step ** (1 / float(alpha)), 30)
    statements: list[Statement] = []
    draws: list[sp.Symbol] = []
    moved = [sp.Dummy(f"{x}_new", real=True) for x in coordinates]
    for x, slope, new in zip(coordinates, flight.loss.gradient, moved, strict=True):
        made, jump, drawn = stable_number(alpha, str(x))
        statements += [*made, (new, x - sp.expand(slope * dt) + size * jump)]
        draws += drawn
    there = goal.margin.xreplace(dict(zip(coordinates, moved, strict=True)))
    slopes = [sp.diff(goal.margin, x) for x in coordinates]
    known = alpha > 1 and not goal.stay and (len(slopes) == 1 or all(s.is_number for s in slopes))
    if correction == "shift" and not known:
        raise NotApplicable("correction='shift' is known for 1 < alpha < 2, along one coordinate or for a flat border, without a stay; use 'none'")
    if known and correction != "none":
        across = sp.Abs(slopes[0]) if len(slopes) == 1 else sp.Float(float(sum(abs(s) ** alpha for s in slopes)) ** (1 / float(alpha)))
        there += border_shift(float(alpha)) * size * across
    step = Step(tuple(coordinates), tuple(statements), tuple(moved), there, tuple(map(float, goal.start)), exponentials=tuple(draws))
    return guarded(goal.watched(step, time_step), [-g for g in flight.loss.gradient], coordinates, dt)


def border_shift(alpha: float) -> float:
    """Return -Gamma(1 - 1/alpha) zeta(1 - 1/alpha)/pi: how far beyond a barrier a stable walk seems to be when first seen there, in sizes of a step.

    Spitzer's identity sums E X_k^+/k over the steps; its excess over the integral is the zeta function. At alpha = 2, sqrt(2) times 0.5826.
    """
    order = 1 - 1 / mpmath.mpf(alpha)
    return float(-mpmath.gamma(order) * mpmath.zeta(order) / mpmath.pi)


def stable_number(alpha: sp.Expr, name: str) -> tuple[Sequence[Statement], sp.Expr, Sequence[sp.Symbol]]:
    """Return statements and the expression of a number X with E exp(iuX) = exp(-|u|^alpha), and the two exponential numbers that it takes.

    X = sin(alpha V)/cos(V)^(1/alpha) [cos((1 - alpha) V)/W]^((1 - alpha)/alpha), V uniform in (-pi/2, pi/2), W exponential (Chambers, Mallows &
    Stuck 1976). Here |V| = pi (1/2 - w) with w the smaller of u and 1 - u, u = exp(-another exponential): what is small near the ends, where the
    largest jumps are made, keeps all its digits. Sines and cosines are those of the normal numbers.
    """
    wait, angle = sp.Dummy(f"wait_{name}", real=True), sp.Dummy(f"angle_{name}", real=True)
    uniform, small, inner, outer = (sp.Dummy(f"{what}_{name}", real=True) for what in ("uniform", "small", "inner", "outer"))
    rest = sp.Rational(1, 2) - small
    statements: Mapping[sp.Symbol, sp.Expr] = {
        uniform: sp.exp(-angle),
        small: sp.Min(uniform, 1 - uniform),
        inner: cosine_double((alpha * rest - sp.Rational(1, 2)) ** 2),
        outer: ((1 - alpha) * sp.log(cosine_double(((1 - alpha) * rest) ** 2) / wait) - sp.log(small * sine_double(small**2))) / alpha,
    }
    jump = sp.Piecewise((inner, uniform < sp.Rational(1, 2)), (-inner, True)) * sp.exp(outer)
    return list(statements.items()), jump, (wait, angle)
