"""Watch many walkers of an optimizer, or of its SDE, escape from a minimum."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.values import exact_value, known_clock, matched_values
from eyring.numerics.simulation.euler_maruyama import EulerMaruyama, drift_rates
from eyring.numerics.simulation.exit_event import Goal, check_event
from eyring.numerics.simulation.exits import Exits
from eyring.numerics.simulation.update_rule import UpdateRule, batch_gradient, step_jacobian
from eyring.theory.dynamics.contract import WHITE_NOISE, Dynamics
from eyring.theory.kinetic import kinetic_form
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.potential import landscape_of
from eyring.theory.sde import SDE

__all__ = ["simulate_escapes"]

FINEST = 0.01  # of the fastest relaxation time at the start: the time step of an SDE unless given
REPORTS = 200

Progress = Callable[[int, int], None]


def simulate_escapes(
    dynamics_or_sde: Dynamics | SDE,
    loss: Landscape | None = None,
    noise: GradientNoise | None = None,
    *,
    start: Any,
    event: str | None = None,
    over: Any = None,
    values: Mapping[Any, Any] | None = None,
    walkers: int,
    iterations: int,
    seed: int,
    time_step: float | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Exits:
    """Run many walkers for a fixed number of steps; each that escapes is recorded and begins afresh at the start.

    An optimizer takes its own update, with real batches where the noise has a batch law (``FiniteSum``) and Gaussian noise otherwise;
    an SDE is stepped by Euler and Maruyama, which sees an exit only at the steps, so that it comes late by O(sqrt(time_step)).

    Args:
        dynamics_or_sde: An optimizer, with ``loss`` (and ``noise``), or an SDE alone.
        loss: The landscape of an optimizer.
        noise: Its gradient noise; may be left out for WhiteNoiseGD.
        start: A minimum: a CriticalPoint or numbers within 1e-6 of one.
        event: "to the saddle" (reach the saddle's coordinate) or "next well" (reach the coordinate of the minimum beyond), in several
            dimensions along the direction in which the saddle descends. It has no default.
        over: The saddle; may be left out where only one borders the start's well.
        values: Numbers by symbol or printed name.
        walkers: How many at once.
        iterations: Steps of each.
        seed: Of numpy's generator; the same seed gives the same exits.
        time_step: For an SDE; left out, a hundredth of the fastest relaxation time at the start.
        device: "cpu".
        progress: Called with (steps done, steps in all) now and then.

    Returns:
        The exits: in iterations for an optimizer, in time for an SDE.

    Raises:
        ParameterError: If the event is missing, a number is missing, unknown or out of range, or the optimizer is unstable at the start.
        NotApplicable: If start is no minimum or over no saddle next to it.
        AccuracyError: If a walker's state is no longer finite; the message names walker, step and state.
    """
    check_event(event)
    _check_counts(walkers=walkers, iterations=iterations, seed=seed)
    if device != "cpu":
        raise ParameterError(f"this simulator runs on device='cpu' only, got {device!r}")
    generator = np.random.default_rng(seed)
    if isinstance(dynamics_or_sde, SDE):
        if loss is not None or noise is not None:
            raise ParameterError("an SDE carries its drift and noise itself; leave loss and noise out")
        run = _sde_run(dynamics_or_sde, values, time_step, start, event, over)
    elif isinstance(dynamics_or_sde, Dynamics):
        if loss is None or time_step is not None:
            raise ParameterError(
                "an optimizer needs its loss, and steps by its own learning rate: simulate_escapes(dynamics, loss, noise, ...) without time_step"
            )
        run = _optimizer_run(dynamics_or_sde, loss, noise, values, start, event, over)
    else:
        raise ParameterError(f"simulate_escapes takes an optimizer or an SDE, got {type(dynamics_or_sde).__name__}")
    times, censored = _watch(run.place(walkers, generator), run.goal, run.begin, walkers, iterations, progress)
    return Exits(times=times * run.tick, censored=censored * run.tick, unit=run.unit, clock=run.clock, relaxation=run.relaxation)


@dataclass(frozen=True)
class Run:
    """Everything a watch needs.

    Attributes:
        place: (walkers, generator) -> the walkers, ready to step.
        goal: When they count as escaped.
        begin: The full state they begin with, (state,).
        tick: What one step adds to a waiting time.
        unit: The unit of waiting times.
        clock: Continuous time of one iteration, where known.
        relaxation: Slowest relaxation time at the start, in the unit.
    """

    place: Callable[[int, np.random.Generator], UpdateRule | EulerMaruyama]
    goal: Goal
    begin: np.ndarray
    tick: float
    unit: str
    clock: float | None
    relaxation: float


def _optimizer_run(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None, values: Any, start: Any, event: str | None, over: Any) -> Run:
    if noise is None and not any(a.value.has(WHITE_NOISE) for a in dynamics.rule):
        raise ParameterError(
            f"{type(dynamics).__name__} without gradient noise is plain descent and never escapes; pass noise=..., for example "
            "ey.noise.FiniteSum(losses)"
        )
    covariance = dynamics.covariance(loss, noise) if noise is not None else None
    hyper = set().union(*[h.free_symbols for h in dynamics.hyperparameters.values()])
    rule = set().union(*[a.value.free_symbols for a in dynamics.rule]) & hyper
    batch = dynamics.hyperparameters["batch_size"].free_symbols if noise is not None and not noise.is_gaussian else set()
    noisy = covariance.free_symbols - set(loss.coordinates) if covariance is not None else set()
    needed = sorted(rule | set(loss.parameters) | noisy | batch, key=str)
    exact = _single(matched_values(values, needed, asked_by="this simulation", allowed=hyper))
    numeric = dynamics.with_values({s.name: v for s, v in exact.items()})
    surface = _numeric_landscape(loss, exact)
    goal = Goal.of(surface, exact, start=start, event=event, over=over)
    size = _whole(numeric.hyperparameters["batch_size"]) if batch or (noise is not None and not noise.is_gaussian) else None
    gradient = batch_gradient(surface, noise, None if covariance is None else covariance.subs(exact), size, exact)
    slowest = float(
        np.max(np.abs(np.linalg.eigvals(step_jacobian(numeric, surface, goal.start, None if covariance is None else covariance.subs(exact)))))
    )
    clock = known_clock(dynamics.phase_space.clock, exact)
    relaxation = -1 / np.log(slowest) if slowest > 0 else 1.0
    return Run(lambda w, g: UpdateRule.of(numeric, gradient, goal.start, w, g), goal, goal.start, 1.0, "iterations", clock, float(relaxation))


def _sde_run(sde: SDE, values: Any, time_step: float | None, start: Any, event: str | None, over: Any) -> Run:
    exact = _single(matched_values(values, sde.parameters, asked_by="this simulation", allowed=sde.clock.free_symbols))
    numeric = sde.subs(exact)
    kinetic = kinetic_form(numeric)
    surface = kinetic.landscape if kinetic else landscape_of(numeric)
    if surface is None:
        raise NotApplicable(
            f"the drift {numeric.drift.tolist()} is not the gradient of a loss, so minimum, saddle and the events have no meaning; give sde.landscape"
        )
    surface = _numeric_landscape(surface, exact)
    goal = Goal.of(surface, exact, start=start, event=event, over=over)
    begin = np.concatenate([goal.start, np.zeros(sde.dim - surface.dim)])
    numeric = numeric.ito()
    rates = drift_rates(numeric, begin)
    step = _checked_step(time_step, rates)
    relaxation = float(1 / np.min(-rates.real))
    return Run(lambda w, g: EulerMaruyama.of(numeric, begin, w, step, g), goal, begin, step, "time", known_clock(sde.clock, exact), relaxation)


def _checked_step(given: float | None, rates: np.ndarray) -> float:
    if given is None:
        return FINEST / float(np.max(np.abs(rates)))
    limit = float(np.min(-2 * rates.real / np.abs(rates) ** 2))
    if not (isinstance(given, int | float) and 0 < given < limit):
        raise ParameterError(f"time_step must be positive and below {limit:.4g}, beyond which the steps are unstable at the start; got {given!r}")
    return float(given)


def _single(numbers: Mapping[sp.Symbol, Any]) -> dict[sp.Symbol, sp.Expr]:
    arrays = [s.name for s, v in numbers.items() if np.ndim(v)]
    if arrays:
        raise ParameterError(f"a simulation runs at one point: give single numbers for {', '.join(arrays)}")
    return {s: exact_value(v) for s, v in numbers.items()}


def _numeric_landscape(loss: Landscape, exact: dict[sp.Symbol, sp.Expr]) -> Landscape:
    if loss.expression.has(sp.core.function.AppliedUndef):
        raise NotApplicable("this landscape is known only by its values and curvatures at two points; a simulation needs the whole loss")
    return Landscape(loss.expression.subs(exact), loss.coordinates, domain=loss.domain)


def _whole(size: sp.Expr) -> int:
    if not (size.is_Integer and size >= 1):
        raise ParameterError(f"the batch size must be a whole positive number, got {size}")
    return int(size)


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        smallest = 0 if name == "seed" else 1
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < smallest:
            raise ParameterError(f"{name} must be a whole number from {smallest} on, got {count!r}")


def _watch(
    team: UpdateRule | EulerMaruyama, goal: Goal, begin: np.ndarray, walkers: int, iterations: int, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the waiting times, in steps, of exits and of walkers still inside."""
    born = np.zeros(walkers, dtype=np.int64)
    seen: list[np.ndarray] = []
    n, every = len(goal.direction), max(1, iterations // REPORTS)
    for step in range(1, iterations + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            team.step()
            reached = goal.direction @ team.position[:n]
        if not np.isfinite(reached.sum()):
            _refuse_non_finite(team.position, step)
        out = np.flatnonzero(reached >= goal.level)
        if len(out):
            seen.append(step - born[out])
            born[out] = step
            team.restart(out, begin)
        if progress is not None and (step % every == 0 or step == iterations):
            progress(step, iterations)
    return np.concatenate([np.empty(0), *seen]), (iterations - born)[born < iterations].astype(float)


def _refuse_non_finite(position: np.ndarray, step: int) -> None:
    lost = np.flatnonzero(~np.isfinite(position).all(axis=0))
    if len(lost):
        raise AccuracyError(
            f"walker {lost[0]} has left all bounds at step {step}: its state is {position[:, lost[0]].tolist()}. The steps are too large for the "
            "slope far from the start; lower the learning rate or the time step"
        )
