"""Watch many walkers of an optimizer, or of its SDE, escape from a minimum."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.simulation.checkpoint import Checkpoint
from eyring.numerics.simulation.cuda.walkers import CudaWalkers
from eyring.numerics.simulation.exit_event import check_event
from eyring.numerics.simulation.exits import Exits
from eyring.numerics.simulation.kernel.levy import levy_problem
from eyring.numerics.simulation.kernel.problem import Problem, optimizer_problem, sde_problem
from eyring.numerics.simulation.kernel.walkers import PRECISIONS, STREAMS, Trouble, Walkers
from eyring.numerics.simulation.kernel.watch import Progress, usable_cores, watch
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.landscape import Landscape
from eyring.theory.levy_flight import LevyFlight
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["check_counts", "simulate_escapes"]

RESTARTS = ("start", "quasi-stationary")
DEVICES = ("cpu", "cuda")
FORGOTTEN = 10.0  # relaxation times after which a walker no longer knows where it began


def simulate_escapes(
    dynamics_or_sde: Dynamics | SDE | LevyFlight,
    loss: Landscape | None = None,
    noise: GradientNoise | None = None,
    *,
    start: Any,
    event: str | sp.Basic | None = None,
    over: Any = None,
    values: Mapping[Any, Any] | None = None,
    walkers: int,
    iterations: int,
    seed: int,
    time_step: float | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    stay: float | None = None,
    correction: str | None = None,
    restart: str = "start",
    precision: str = "float64",
    threads: int | None = None,
    seconds: float | None = None,
    stream: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Exits:
    """Run many walkers for a number of steps; each that escapes is recorded and begins afresh.

    An optimizer takes its own update, with real batches where the noise has a batch law (``FiniteSum``) and Gaussian noise otherwise. An SDE is
    stepped by Euler and Maruyama, crossings between two steps counted by the Brownian bridge; a particle with velocity and friction by BAOAB; a
    Levy flight by its slope and one stable jump a step, the border moved inward where that is known.
    The step is compiled for this machine, once for all numbers and once for all processes. Every walker has a random stream of its own, keyed by
    (seed, walker): the answer is the same, bit for bit, for any number of threads and after an interrupted run is resumed.

    Args:
        dynamics_or_sde: An optimizer, with ``loss`` (and ``noise``), or an SDE or a Levy flight alone.
        loss: The landscape of an optimizer.
        noise: Its gradient noise; may be left out for WhiteNoiseGD.
        start: A minimum: a CriticalPoint or numbers within 1e-6 of one. For a region any place inside.
        event: "to the saddle" (reach the saddle's coordinate), "next well" (reach the coordinate of the minimum beyond, along the direction in which
            the saddle descends; with momentum, cross the saddle and stay beyond for three relaxation times), "cross and stay" (be beyond the saddle
            for ``stay``), or an inequality of the coordinates that holds outside, such as ``x**2 + y**2 > 4``. It has no default.
        over: The saddle; may be left out where only one borders the start's well.
        values: Numbers by symbol or printed name.
        walkers: How many at once.
        iterations: Steps of each.
        seed: Of the streams.
        time_step: For an SDE; left out, a hundredth of the fastest relaxation time at the start.
        device: "cpu"; or "cuda", the first NVIDIA graphics card: a thread a walker, so many thousand walkers keep it busy. Its stream is "philox",
            and ``threads`` means nothing there.
        progress: Called with (steps done, steps in all) now and then.
        stay: For "cross and stay", in the unit of the run; the exit is recorded when it ends.
        correction: For an SDE without velocity: "bridge" (the default), "shift" (the border moved inward by 0.5826 standard deviations of a step)
            or "none" (exits come late by O(sqrt(time_step))). For a Levy flight "shift" (the default where 1 < alpha < 2) or "none" (late by
            O(time_step^(1/alpha)), O(time_step) for alpha <= 1). An optimizer has none: its steps are the truth.
        restart: Where a walker goes on after it has escaped: "start", or "quasi-stationary", the place of another of its block of 64 that has not
            (Fleming & Viot). Then all begin by walking ten relaxation times, of which nothing is recorded, and the rate has no entry transient.
        precision: "float64"; "float32", two to three times as fast, for states of order one; "mixed": noise in single, state in double precision.
        threads: How many; left out, one for each core that this process may use.
        seconds: Wall time after which the run ends with what was seen.
        stream: Where chance comes from: "xoshiro", the processor's default, or "philox", a third slower and a function of (seed, walker, step)
            alone: the graphics card's, so that both see the same random numbers and, but for rounding, the same exits.
        checkpoint: A file that keeps the run's state every ten seconds; a run that finds its own goes on from there.

    Returns:
        The exits: in iterations for an optimizer, in time for an SDE; walkers still inside are censored.

    Raises:
        ParameterError: If the event is missing, a number is missing, unknown or out of range, or the optimizer is unstable at the start.
        NotApplicable: If start is no minimum or over no saddle next to it, or there is no graphics card, driver or compiler for it.
        AccuracyError: If a walker's state is no longer finite, or it is where a polynomial drift f throws it back beyond its own place,
            -f' time_step > 2; the message names walker, step and state.
    """
    check_event(event)
    check_counts(walkers=walkers, iterations=iterations, seed=seed, threads=1 if threads is None else threads)
    for name, given, known in (("precision", precision, PRECISIONS), ("restart", restart, RESTARTS), ("device", device, DEVICES),
                               ("stream", stream or STREAMS[0], STREAMS)):  # fmt: skip
        if given not in known:
            raise ParameterError(f"{name} must be one of {', '.join(map(repr, known))}, got {given!r}")
    if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
        raise ParameterError(f"seconds must be a positive wall time, got {seconds!r}")
    where: dict[str, Any] = {"values": values, "start": start, "event": event, "over": over, "stay": stay}
    if isinstance(dynamics_or_sde, SDE | LevyFlight) and (loss is not None or noise is not None):
        raise ParameterError("an SDE or a Levy flight carries its drift and noise itself; leave loss and noise out")
    if isinstance(dynamics_or_sde, SDE):
        problem = sde_problem(dynamics_or_sde, time_step=time_step, correction=correction, **where)
    elif isinstance(dynamics_or_sde, LevyFlight):
        if precision != "float64":
            raise NotApplicable(f"stable jumps span more orders of magnitude than single precision holds; use precision='float64', not {precision!r}")
        problem = levy_problem(dynamics_or_sde, time_step=time_step, correction=correction, **where)
    elif isinstance(dynamics_or_sde, Dynamics):
        if loss is None or time_step is not None or correction is not None:
            raise ParameterError(
                "an optimizer needs its loss, and steps by its own learning rate: simulate_escapes(dynamics, loss, noise, ...) without time_step "
                "and correction"
            )
        problem = optimizer_problem(dynamics_or_sde, loss, noise, **where)
    else:
        raise ParameterError(f"simulate_escapes takes an optimizer or an SDE (or a Levy flight), got {type(dynamics_or_sde).__name__}")
    kind = CudaWalkers if device == "cuda" else Walkers
    source = stream or ("philox" if device == "cuda" else "xoshiro")
    step = (problem.guarded if device == "cpu" else None) or problem.step  # a card's budget of instructions has no room for the guard
    team = kind.of(step, walkers, seed=seed, precision=precision, donors=restart == "quasi-stationary", stream=source)
    lead = _lead(problem, restart, team.chunk)
    kept = Checkpoint.of(checkpoint, team, count=walkers, seed=seed) if checkpoint is not None else None
    tell = None if progress is None else lambda done, total: progress(max(0, done - lead), total - lead)
    try:
        events, done = watch(team, lead + iterations, threads=threads or usable_cores(), seconds=seconds, progress=tell, kept=kept)
    except Trouble as trouble:
        raise _explained(trouble, problem) from None
    return _exits(events, team, problem, walkers, lead, done)


def _lead(problem: Problem, restart: str, chunk: int) -> int:
    """Return the steps that walkers take before they are watched."""
    if restart == "start":
        return 0
    if problem.relaxation is None:
        raise ParameterError("restart='quasi-stationary' needs the relaxation time at the start, and the start is no minimum; begin at one")
    return -(-int(FORGOTTEN * problem.relaxation / problem.tick + 1) // chunk) * chunk


def _exits(events: np.ndarray, team: Walkers, problem: Problem, walkers: int, lead: int, done: int) -> Exits:
    """Return the exits in the run's unit, in the order in which they happened."""
    seen = events[(events[:, 0] < walkers) & (events[:, 2] > lead)]
    order = np.argsort(seen[:, 2] * walkers + seen[:, 0])  # no overflow: nobody lives to see 2^63 particle-steps
    waited = (seen[:, 2] - np.maximum(seen[:, 1], lead))[order]
    left = done - np.maximum(team.born.reshape(-1)[:walkers], lead)
    relaxation = 0.0 if lead else problem.relaxation
    return Exits(times=waited * problem.tick, censored=left[left > 0] * problem.tick, unit=problem.unit, clock=problem.clock, relaxation=relaxation)


def _explained(trouble: Trouble, problem: Problem) -> Exception:
    """Return the error that says why a walker was lost."""
    n = len(problem.step.start)
    place = trouble.before.tolist()
    where = f"walker {trouble.walker} has left all bounds at step {trouble.step}: its state is not finite, one step earlier it was {place}"
    if problem.variance is not None and (least := problem.variance(place[:n])) < -1e-9:
        return ParameterError(f"the noise has a negative variance there, {least:.6g} of its largest; check the covariance or diffusion. {where}")
    return AccuracyError(f"{where}. The steps are too large for the slope far from the start; lower the learning rate or the time step")


def check_counts(**counts: int) -> None:
    """Refuse what is not a whole number from 1 on; a seed may be 0.

    Raises:
        ParameterError: With the name.
    """
    for name, count in counts.items():
        smallest = 0 if name == "seed" else 1
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < smallest:
            raise ParameterError(f"{name} must be a whole number from {smallest} on, got {count!r}")
