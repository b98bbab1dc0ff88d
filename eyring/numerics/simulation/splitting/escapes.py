"""Escapes too rare to wait for: adaptive multilevel splitting, which copies the walkers that have come furthest."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Estimate
from eyring.numerics.simulation.escapes import check_counts
from eyring.numerics.simulation.exit_event import check_event
from eyring.numerics.simulation.kernel.problem import Problem, optimizer_problem, sde_problem
from eyring.numerics.simulation.kernel.watch import Progress, usable_cores
from eyring.numerics.simulation.splitting.run import PRECISION, Course, Run, bordered, with_height
from eyring.numerics.simulation.streams.words import stream_words
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["SplitExits", "split_escapes"]

LEVELS = 1000
ROOM = 2**26  # numbers that the written-down states of one run may take
PARENTS = 1  # streams of who is copied


@dataclass(frozen=True, eq=False, kw_only=True)
class SplitExits:
    """Independent runs of splitting.

    Attributes:
        rates: The escape rate that each run found, (runs,), one over the mean time from the start.
        chances: The probability, in each run, of going on to the event from the rim of the well, (runs,).
        steps: Steps of single walkers in all runs together.
        unit: "1/iteration" or "1/time".
        clock: Continuous time of one iteration, where known.
    """

    rates: np.ndarray
    chances: np.ndarray
    steps: int
    unit: str
    clock: float | None = None

    def rate(self, *, level: float = 0.95) -> Estimate:
        """Return the mean of the runs with Student's interval: the runs are independent, and each is unbiased.

        Args:
            level: Coverage of the interval.
        """
        from scipy.stats import t

        runs, mean = len(self.rates), float(np.mean(self.rates))
        half = float(t.ppf((1 + level) / 2, runs - 1)) * float(np.std(self.rates, ddof=1)) / math.sqrt(runs)
        method = "adaptive multilevel splitting, mean of independent runs"
        return Estimate(mean, max(mean - half, 0.0), mean + half, runs, method, self.unit, level, self.clock)

    def mean_time(self, *, level: float = 0.95) -> Estimate:
        """Return one over the rate: the mean time from the start to the event.

        Args:
            level: Coverage of the interval.
        """
        rate = self.rate(level=level)
        unit = {"1/time": "time", "1/iteration": "iterations"}[self.unit]
        return replace(rate, value=1 / rate.value, low=1 / rate.high, high=1 / rate.low if rate.low else math.inf, unit=unit)

    @property
    def spread(self) -> float:
        """Standard deviation of one run's rate over the mean."""
        return float(np.std(self.rates, ddof=1) / np.mean(self.rates))

    def __repr__(self) -> str:
        return f"{len(self.rates)} runs of splitting, {self.steps:.3g} steps in all, each run's rate known to {self.spread:.2g}"


def split_escapes(
    dynamics_or_sde: Dynamics | SDE,
    loss: Landscape | None = None,
    noise: GradientNoise | None = None,
    *,
    start: Any,
    event: str | sp.Basic | None = None,
    over: Any = None,
    values: Mapping[Any, Any] | None = None,
    reaction: str | sp.Expr | None = None,
    particles: int = 1000,
    runs: int = 20,
    seed: int,
    killed: float = 0.1,
    time_step: float | None = None,
    stay: float | None = None,
    correction: str | None = None,
    threads: int | None = None,
    most_steps: float = 1e9,
    progress: Progress | None = None,
) -> SplitExits:
    r"""Return the rate of an escape over a barrier that brute force would wait for in vain, by adaptive multilevel splitting.

    1/tau = (comings over the rim of the well per time) x (probability to go on from there to the event before falling back). The second factor is
    a product of frequent events: of ``particles`` excursions the lowest tenth is replaced by copies of others, begun anew where those first came
    higher, until all get over; each replacement multiplies the estimate by the share that was left alone. Both factors are unbiased, whatever the
    reaction coordinate; a poor one costs variance. The steps are those of ``simulate_escapes``: an optimizer's own, or Euler and Maruyama's.

    Args:
        dynamics_or_sde: An optimizer, with ``loss`` (and ``noise``), or an SDE alone.
        loss: The landscape of an optimizer.
        noise: Its gradient noise.
        start: A minimum; a fresh walker begins there.
        event: As for ``simulate_escapes``.
        over: The saddle; may be left out where only one borders the start's well.
        values: Numbers by symbol or printed name.
        reaction: What tells how far a walker has come: an expression of the coordinates (and velocities) that grows on the way, "loss", or nothing
            for the distance along the direction of the event. A growing function of a coordinate, such as the committor of a one-dimensional
            problem, is as good as the coordinate itself: only its order counts. "loss" goes with the event "to the saddle", beyond which it falls.
        particles: Excursions kept alive at once in a run.
        runs: Independent runs, from 2; their spread gives the interval.
        seed: Of the streams; the answer does not depend on ``threads``.
        killed: Share of the particles replaced at each level, at least one particle.
        time_step: For an SDE; left out, a hundredth of the fastest relaxation time at the start.
        stay: For "cross and stay".
        correction: For an SDE without velocity: "bridge" (the default), "shift" or "none".
        threads: How many; left out, one for each core that this process may use.
        most_steps: Steps that one run may take.
        progress: Called with (runs done, runs in all).

    Returns:
        The runs: ``.rate()`` and ``.mean_time()`` with intervals.

    Raises:
        ParameterError, NotApplicable: As ``simulate_escapes``.
        AccuracyError: If no run reached the event, a run took too many steps, or a state is no longer finite.

    Source: Cerou & Guyader 2007; unbiased: Brehier, Gazeau, Goudenege, Lelievre & Rousset 2016 [recalled].
    """
    check_event(event)
    check_counts(particles=particles, runs=runs, seed=seed, threads=1 if threads is None else threads)
    if runs < 2 or particles < 10 or not 0 < killed < 1:
        got = f"got runs={runs}, particles={particles}, killed={killed!r}"
        raise ParameterError(f"splitting needs runs >= 2, particles >= 10 and 0 < killed < 1; {got}")
    where: dict[str, Any] = {"values": values, "start": start, "event": event, "over": over, "stay": stay}
    problem = _problem(dynamics_or_sde, loss, noise, time_step, correction, where)
    course = _course(problem, _height(reaction, problem, event), particles, killed, most_steps)
    words = stream_words(seed, 64 * (runs + 1), PRECISION)
    course = bordered(course, words[runs])

    def one(number: int) -> Run:
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(PARENTS, number))))
        return Run.of(course, words[number], generator)

    found = _all(one, runs, threads or usable_cores(), progress)
    rates = np.array([run.rate for run in found]) / problem.tick
    if not np.any(rates > 0):
        raise AccuracyError(
            f"none of {runs} runs reached the event: their walkers were all killed on the way. Choose another reaction coordinate, or more particles"
        )
    unit = {"time": "1/time", "iterations": "1/iteration"}[problem.unit]
    return SplitExits(rates=rates, chances=np.array([run.chance for run in found]), steps=sum(r.steps for r in found), unit=unit, clock=problem.clock)


def _problem(what: Any, loss: Any, noise: Any, time_step: float | None, correction: str | None, where: dict[str, Any]) -> Problem:
    if isinstance(what, SDE) and loss is None and noise is None:
        return sde_problem(what, time_step=time_step, correction=correction, **where)
    if isinstance(what, Dynamics) and loss is not None and time_step is None and correction is None:
        return optimizer_problem(what, loss, noise, **where)
    raise ParameterError(
        "split_escapes takes an SDE alone, or an optimizer with its loss and noise and without time_step and correction; "
        f"got {type(what).__name__} with loss={loss!r}, time_step={time_step!r}, correction={correction!r}"
    )


def _height(reaction: Any, problem: Problem, event: Any) -> tuple[sp.Expr, bool]:
    """Return the height as an expression of the state, and whether it is 0 at the event."""
    if reaction is None:
        return problem.distance, True
    if isinstance(reaction, str) and reaction == "loss":
        if str(event).replace("-", " ") != "to the saddle":
            raise ParameterError(
                f"the loss falls again beyond the saddle, where walkers would pass for fallen back: reaction='loss' goes with event='to the saddle', "
                f"got event={event!r}. Use an expression that grows all the way"
            )
        return problem.loss, False
    if not isinstance(reaction, sp.Expr):
        raise ParameterError(f"reaction must be an expression of the coordinates, 'loss', or left out; got {reaction!r}")
    unknown = sorted(map(str, reaction.free_symbols - set(problem.step.state)))
    if unknown:
        known = ", ".join(map(str, problem.step.state))
        raise ParameterError(f"the reaction coordinate may use {known}, and has no number for {', '.join(unknown)}")
    return reaction, False


def _course(problem: Problem, height: tuple[sp.Expr, bool], particles: int, killed: float, most: float) -> Course:
    if problem.relaxation is None:
        raise ParameterError("splitting needs the relaxation time at the start, and the start is no minimum; begin at one")
    step = with_height(problem.step, height[0])
    batch = step.batch
    return Course(
        program=step.program(),
        start=step.start,
        copies=np.array(batch.copies if batch else (1,), dtype=np.int64),
        batch=batch.size if batch else 0,
        relaxation=max(1, math.ceil(problem.relaxation / problem.tick)),
        low=-math.inf,
        rim=math.inf,
        top=0.0 if height[1] else None,
        particles=particles,
        killed=max(1, int(killed * particles)),
        levels=max(16, min(LEVELS, ROOM // (particles * len(step.state)))),
        most=int(most),
    )


def _all(one: Callable[[int], Run], runs: int, threads: int, progress: Progress | None) -> list[Run]:
    found = [one(0)]  # compiles before the threads begin
    with ThreadPoolExecutor(threads) as pool:
        for run in pool.map(one, range(1, runs)):
            if progress is not None:
                progress(len(found), runs)
            found.append(run)
    if progress is not None:
        progress(runs, runs)
    return found
