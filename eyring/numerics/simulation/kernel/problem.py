"""From an optimizer or an SDE with numbers to the step that its walkers take, its unit of time, and how fast it forgets where it began."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.values import exact_value, known_clock, matched_values
from eyring.numerics.simulation.exit_event import REGIONS, Goal
from eyring.numerics.simulation.kernel.noise import smallest_variance
from eyring.numerics.simulation.kernel.optimizer import optimizer_step
from eyring.numerics.simulation.kernel.sde import CORRECTIONS, euler_maruyama, guarded, splitting
from eyring.numerics.simulation.kernel.step import Step
from eyring.numerics.simulation.relaxation import drift_rates, step_jacobian
from eyring.theory.dynamics.contract import WHITE_NOISE, Dynamics, buffer_of
from eyring.theory.kinetic import Kinetic, kinetic_form
from eyring.theory.landscape import Landscape
from eyring.theory.noise import FiniteSum
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.potential import landscape_of
from eyring.theory.sde import SDE
from eyring.theory.symbols import friction

__all__ = ["Problem", "checked_step", "is_attracting", "numeric_landscape", "optimizer_problem", "sde_problem", "settling", "single"]

FINEST = 0.01  # of the fastest relaxation time at the start: the time step of an SDE unless given
SETTLED = 3.0  # relaxation times beyond the saddle after which a walker with velocity counts as settled there


@dataclass(frozen=True)
class Problem:
    """Everything a watch needs.

    Attributes:
        step: What a walker does in one step, and when it has escaped.
        tick: What one step adds to a waiting time.
        unit: The unit of waiting times.
        clock: Continuous time of one iteration, where known.
        relaxation: Slowest relaxation time at the start, in the unit; None where the start is no point of rest.
        variance: Place -> the noise's least variance there, relative to its largest; negative where the noise is none.
        distance: How far beyond the event's border a place is, whatever a walker must do there besides.
        loss: The height of the landscape at a place.
        saddle: The place of the saddle to cross, (n,); None for a region.
        velocities: The velocity along each coordinate, as an expression of the state; empty where walkers have none.
        friction: Its friction, in 1/time.
        guarded: The step that also looks whether it is too long where the walker is; None where there is no such step.
    """

    step: Step
    tick: float
    unit: str
    clock: float | None
    relaxation: float | None
    variance: Callable[[Sequence[float]], float] | None
    distance: sp.Expr
    loss: sp.Expr
    saddle: np.ndarray | None
    velocities: tuple[sp.Expr, ...] = ()
    friction: float = 0.0
    guarded: Step | None = None


def optimizer_problem(
    dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None, *, values: Any, start: Any, event: Any, over: Any, stay: float | None
) -> Problem:
    """Return what the walkers of an optimizer do.

    Raises:
        ParameterError, NotApplicable, EyringError: As ``simulate_escapes`` says.
    """
    if noise is None and not any(a.value.has(WHITE_NOISE) for a in dynamics.rule):
        raise ParameterError(
            f"{type(dynamics).__name__} without gradient noise is plain descent and never escapes; pass noise=..., for example "
            "ey.noise.FiniteSum(losses)"
        )
    covariance = dynamics.covariance(loss, noise) if noise is not None else None
    real = noise is not None and not noise.is_gaussian
    hyper = set().union(*[h.free_symbols for h in dynamics.hyperparameters.values()])
    rule = set().union(*[a.value.free_symbols for a in dynamics.rule]) & hyper
    batch = dynamics.hyperparameters["batch_size"].free_symbols if real else set()
    noisy = covariance.free_symbols - set(loss.coordinates) if covariance is not None else set()
    needed = sorted(rule | set(loss.parameters) | noisy | batch, key=str)
    exact = single(matched_values(values, needed, asked_by="this simulation", allowed=hyper))
    numeric = dynamics.with_values({s.name: v for s, v in exact.items()})
    surface = numeric_landscape(loss, exact)
    size = _whole(numeric.hyperparameters["batch_size"]) if real else 0
    if real and not isinstance(noise, FiniteSum):
        raise NotApplicable(f"batches of {type(noise).__name__} cannot be drawn here; use ey.noise.FiniteSum(losses)")
    matrix = None if covariance is None else covariance.subs(exact)
    goal = Goal.of(surface, exact, start=start, event=event, over=over, inertia=numeric.phase_space.velocity is not None)
    relaxation = None
    if not isinstance(event, REGIONS) or _rests(surface, goal):
        slowest = float(np.max(np.abs(np.linalg.eigvals(step_jacobian(numeric, surface, goal.start, matrix)))))
        relaxation = float(-1 / np.log(slowest)) if slowest > 0 else 1.0
    goal = settling(goal, event, stay, relaxation, inertia=numeric.phase_space.velocity is not None)
    drawn = noise if isinstance(noise, FiniteSum) else None
    step = optimizer_step(numeric, surface, goal, covariance=None if drawn else matrix, batches=drawn, batch_size=size, insert=exact)
    variance = partial(smallest_variance, matrix, loss.coordinates) if matrix is not None and drawn is None else None
    clock = known_clock(dynamics.phase_space.clock, exact)
    seen = (step, 1.0, "iterations", clock, relaxation, variance, goal.margin, surface.expression, goal.saddle)
    phase, rubbing = numeric.phase_space, numeric.phase_space.fixed.get(friction, sp.S.Zero).subs(exact)
    if phase.velocity is None or not (rubbing.is_number and rubbing > 0):
        return Problem(*seen)
    return Problem(*seen, tuple((phase.velocity_scale * buffer_of(phase.velocity, x)).subs(exact) for x in loss.coordinates), float(rubbing))


def sde_problem(
    sde: SDE, *, values: Any, time_step: float | None, start: Any, event: Any, over: Any, stay: float | None, correction: str | None
) -> Problem:
    """Return what the walkers of an SDE do.

    Raises:
        ParameterError, NotApplicable, EyringError: As ``simulate_escapes`` says.
    """
    exact = single(matched_values(values, sde.parameters, asked_by="this simulation", allowed=sde.clock.free_symbols))
    numeric = sde.subs(exact)
    kinetic = kinetic_form(numeric)
    surface = kinetic.landscape if kinetic else landscape_of(numeric)
    if surface is None and isinstance(event, REGIONS):
        surface = Landscape(sp.S.Zero, sde.coordinates)  # a region and its start need no loss
    if surface is None:
        raise NotApplicable(
            f"the drift {numeric.drift.tolist()} is not the gradient of a loss, so minimum, saddle and the events have no meaning; give "
            "sde.landscape, or as the event a region, an inequality of the coordinates"
        )
    surface = numeric_landscape(surface, exact)
    goal = Goal.of(surface, exact, start=start, event=event, over=over, inertia=kinetic is not None)
    begin = np.concatenate([goal.start, np.zeros(sde.dim - surface.dim)])
    numeric = numeric.ito()
    rates = drift_rates(numeric, begin) if not isinstance(event, REGIONS) or is_attracting(numeric, begin) else None
    step = checked_step(time_step, rates)
    relaxation = None if rates is None else float(1 / np.min(-rates.real))
    goal = settling(goal, event, stay, relaxation, inertia=kinetic is not None)
    clock = known_clock(sde.clock, exact)
    if kinetic is not None:
        _check_correction(correction, allowed=("none",), because="a walker with velocity cannot cross and come back within a step")
        kinetic = _with_landscape(kinetic, surface)
        walk = splitting(kinetic, begin, goal, time_step=step)
        moving = (kinetic.velocities, float(kinetic.friction))
        return Problem(walk, step, "time", clock, relaxation, None, goal.margin, surface.expression, goal.saddle, *moving)
    _check_correction(correction, allowed=CORRECTIONS, because="")
    walk = euler_maruyama(numeric, begin, goal, time_step=step, correction=correction or CORRECTIONS[0])
    variance = partial(smallest_variance, numeric.diffusion, numeric.coordinates)
    sound = guarded(walk, numeric.drift, numeric.coordinates, sp.Float(step, 30))
    return Problem(walk, step, "time", clock, relaxation, variance, goal.margin, surface.expression, goal.saddle, guarded=sound)


def _with_landscape(kinetic: Kinetic, surface: Landscape) -> Kinetic:
    return replace(kinetic, landscape=surface)


def settling(goal: Goal, event: Any, stay: float | None, relaxation: float | None, *, inertia: bool) -> Goal:
    """Return the goal with the time that a walker must stay beyond."""
    kind = "" if isinstance(event, REGIONS) else str(event).replace("-", " ")
    if (stay is not None) != (kind == "cross and stay"):
        raise ParameterError(f"event='cross and stay' and stay=..., how long, go together; got event={event!r} and stay={stay!r}")
    if stay is not None and not (isinstance(stay, int | float) and 0 < stay < np.inf):
        raise ParameterError(f"stay must be a positive time in the unit of the run, got {stay!r}")
    if kind == "next well" and inertia:
        return replace(goal, stay=SETTLED * float(relaxation or 0.0))
    return replace(goal, stay=float(stay or 0.0))


def _check_correction(given: str | None, *, allowed: tuple[str, ...], because: str) -> None:
    if given is not None and given not in allowed:
        raise ParameterError(f"correction must be one of {', '.join(map(repr, allowed))} here{f': {because}' * bool(because)}; got {given!r}")


def _rests(loss: Landscape, goal: Goal) -> bool:
    """Return whether the start is a minimum, so that a relaxation time there means something."""
    here: dict[Any, Any] = dict(zip(loss.coordinates, goal.start, strict=True))
    slope = np.array(loss.gradient.subs(here).evalf().tolist(), dtype=float)
    curvature = np.array(loss.hessian.subs(here).evalf().tolist(), dtype=float)
    return bool(np.max(np.abs(slope)) < 1e-6 and np.min(np.linalg.eigvalsh(curvature)) > 0)


def is_attracting(sde: SDE, start: np.ndarray) -> bool:
    """Return whether the drift brings walkers back to the start."""
    try:
        return bool(np.max(drift_rates(sde, start).real) < 0)
    except ParameterError:
        return False


def checked_step(given: float | None, rates: np.ndarray | None) -> float:
    """Return the time step, refused where it is unstable at the start; left out, a hundredth of the fastest relaxation time."""
    if given is None and rates is not None:
        return FINEST / float(np.max(np.abs(rates)))
    limit = np.inf if rates is None else float(np.min(-2 * rates.real / np.abs(rates) ** 2))
    if not (isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < limit):
        raise ParameterError(f"time_step must be positive and below {limit:.4g}, beyond which the steps are unstable at the start; got {given!r}")
    return float(given)


def single(numbers: Mapping[sp.Symbol, Any]) -> dict[sp.Symbol, sp.Expr]:
    """Return exact single numbers; arrays are refused."""
    arrays = [s.name for s, v in numbers.items() if np.ndim(v)]
    if arrays:
        raise ParameterError(f"a simulation runs at one point: give single numbers for {', '.join(arrays)}")
    return {s: exact_value(v) for s, v in numbers.items()}


def numeric_landscape(loss: Landscape, exact: dict[sp.Symbol, sp.Expr]) -> Landscape:
    """Return the loss with numbers; one known at two points only is refused."""
    if loss.expression.has(sp.core.function.AppliedUndef):
        raise NotApplicable("this landscape is known only by its values and curvatures at two points; a simulation needs the whole loss")
    return Landscape(loss.expression.subs(exact), loss.coordinates, domain=loss.domain)


def _whole(size: sp.Expr) -> int:
    if not (size.is_Integer and size >= 1):
        raise ParameterError(f"the batch size must be a whole positive number, got {size}")
    return int(size)
