"""Escapes too rare to wait for: adaptive multilevel splitting, which copies the walkers that have come furthest."""

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.simulation.escapes import check_counts
from eyring.numerics.simulation.exit_event import check_event
from eyring.numerics.simulation.kernel.problem import Problem, optimizer_problem, sde_problem
from eyring.numerics.simulation.kernel.watch import Progress, usable_cores
from eyring.numerics.simulation.splitting.course import PRECISION, Course
from eyring.numerics.simulation.splitting.exits import SplitExits
from eyring.numerics.simulation.splitting.ledger import Ledger
from eyring.numerics.simulation.splitting.reaction import height_of
from eyring.numerics.simulation.splitting.run import Run
from eyring.numerics.simulation.splitting.well import bordered
from eyring.numerics.simulation.streams.words import stream_words
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["split_escapes"]

PARENTS = 1  # streams of who is copied
FEWEST = 2  # runs that give an interval


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
    seconds: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> SplitExits:
    r"""Return the rate of an escape over a barrier that brute force would wait for in vain, by adaptive multilevel splitting.

    1/tau = (comings over the rim of the well per time) x (probability to go on from there to the event before falling back). The second factor is
    a product of frequent events: of ``particles`` excursions the lowest tenth is replaced by copies of others, begun anew where those first came
    higher, until all get over; each replacement multiplies the estimate by the share that was left alone. Both factors are unbiased, whatever the
    reaction coordinate; a poor one costs variance. The steps are those of ``simulate_escapes``: an optimizer's own, or Euler and Maruyama's. tau is
    the mean time from the start, as walkers have it that begin there afresh after every event.

    Args:
        dynamics_or_sde: An optimizer, with ``loss`` (and ``noise``), or an SDE alone.
        loss: The landscape of an optimizer.
        noise: Its gradient noise.
        start: A minimum; a fresh walker begins there.
        event: As for ``simulate_escapes``.
        over: The saddle; may be left out where only one borders the start's well.
        values: Numbers by symbol or printed name.
        reaction: What tells how far a walker has come; only the order of its values counts. An expression of the coordinates (and velocities) that
            grows on the way; "loss", for the event "to the saddle", beyond which it falls; "energy", for weak friction; or "committor": that of the
            one-dimensional problem along the way of least climb over the saddle. It grows along that way, so a walker has come as far as the nearest
            point of the way lies; in one dimension that is the coordinate itself; with momentum v/(lambda + gamma) is added, lambda the rate at
            which walkers leave the saddle. Left out: the distance along the direction of the event; with momentum "committor", or "energy" where
            the friction is below 0.55 of the frequency at the saddle.
        particles: Excursions kept alive at once in a run.
        runs: Independent runs, from 2; their spread gives the interval.
        seed: Of the streams; the answer does not depend on ``threads``.
        killed: Share of the particles replaced at each level, at least one particle.
        time_step: For an SDE; left out, a hundredth of the fastest relaxation time at the start.
        stay: For "cross and stay".
        correction: For an SDE without velocity: "bridge" (the default), "shift" or "none".
        threads: How many; left out, one for each core that this process may use.
        most_steps: Steps that one run may take.
        seconds: Wall time after which no further run begins; those under way are finished, since a run cut short would be one of the long ones. At
            least two are made.
        checkpoint: A file that keeps the finished runs, every ten seconds; one that finds its own goes on from there, also to more runs.
        progress: Called with (runs done, runs in all).

    Returns:
        The runs: ``.rate()`` and ``.mean_time()`` with intervals.

    Raises:
        ParameterError, NotApplicable: As ``simulate_escapes``.
        AccuracyError: If no run reached the event, a run took too many steps, or a state is no longer finite.

    Source: Cerou & Guyader 2007; unbiased: Brehier, Gazeau, Goudenege, Lelievre & Rousset 2016 [recalled].

    >>> x = sp.Symbol("x", real=True)
    >>> well = SDE(x - x**3, sp.Rational(1, 60), [x])  # a barrier of fifteen times the noise
    >>> rare = split_escapes(well, start=-1, event="to the saddle", particles=200, runs=4, seed=1)
    >>> from eyring.numerics.exact import exact_escape_time
    >>> seen = rare.mean_time(level=0.999)
    >>> seen.low < float(exact_escape_time(well, start=-1, target=0)) < seen.high
    True
    """
    check_event(event)
    check_counts(particles=particles, runs=runs, seed=seed, threads=1 if threads is None else threads)
    _check(runs, particles, killed, most_steps, seconds)
    where: dict[str, Any] = {"values": values, "start": start, "event": event, "over": over, "stay": stay}
    problem = _problem(dynamics_or_sde, loss, noise, time_step, correction, where)
    if problem.relaxation is None:
        raise ParameterError("splitting needs the relaxation time at the start, and the start is no minimum; begin at one")
    course = Course.of(problem, height_of(reaction, problem, event), particles=particles, killed=killed, most=most_steps)
    words = stream_words(seed, 64 * (runs + 1), PRECISION)
    course = bordered(course, words[0])

    def one(number: int) -> Run:
        generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(PARENTS, number))))
        return Run.of(course, words[number + 1], generator)

    ledger = Ledger.of(checkpoint, course, seed)
    _finish(ledger, one, runs, threads or usable_cores(), seconds, progress)
    found = list(ledger.runs.values())[:runs]
    rates = np.array([run.rate for run in found]) / problem.tick
    if not np.any(rates > 0):
        raise AccuracyError(
            f"none of {len(found)} runs reached the event: their walkers were all killed on the way. Choose another reaction coordinate, or more "
            "particles"
        )
    unit = {"time": "1/time", "iterations": "1/iteration"}[problem.unit]
    return SplitExits(rates=rates, chances=np.array([run.chance for run in found]), steps=sum(r.steps for r in found), unit=unit, clock=problem.clock)


def _check(runs: int, particles: int, killed: float, most_steps: float, seconds: float | None) -> None:
    if runs < FEWEST or particles < 10 or not 0 < killed < 1:
        got = f"got runs={runs}, particles={particles}, killed={killed!r}"
        raise ParameterError(f"splitting needs runs >= 2, particles >= 10 and 0 < killed < 1; {got}")
    for name, given in (("most_steps", most_steps), ("seconds", seconds)):
        if given is not None and not (isinstance(given, int | float) and not isinstance(given, bool) and 0 < given < 2**63):
            raise ParameterError(f"{name} must be a positive number, got {given!r}")


def _problem(what: Any, loss: Any, noise: Any, time_step: float | None, correction: str | None, where: dict[str, Any]) -> Problem:
    if isinstance(what, SDE) and loss is None and noise is None:
        return sde_problem(what, time_step=time_step, correction=correction, **where)
    if isinstance(what, Dynamics) and loss is not None and time_step is None and correction is None:
        return optimizer_problem(what, loss, noise, **where)
    raise ParameterError(
        "split_escapes takes an SDE alone, or an optimizer with its loss and noise and without time_step and correction; "
        f"got {type(what).__name__} with loss={loss!r}, time_step={time_step!r}, correction={correction!r}"
    )


def _finish(ledger: Ledger, one: Callable[[int], Run], runs: int, threads: int, seconds: float | None, progress: Progress | None) -> None:
    """Add the runs that are missing, in their order, until the time is used up."""
    begun = time.monotonic()

    def unless_late(number: int) -> Run | None:
        late = seconds is not None and time.monotonic() - begun > seconds
        return None if late and number >= FEWEST else one(number)

    def tell() -> None:
        if progress is not None:
            progress(min(len(ledger.runs), runs), runs)

    tell()
    missing = range(len(ledger.runs), runs)
    try:
        for first in missing[:1]:
            ledger.add(one(first))  # compiles before the threads begin
            tell()
        with ThreadPoolExecutor(threads) as pool:
            for run in pool.map(unless_late, missing[1:]):
                if run is None:
                    break
                ledger.add(run)
                tell()
    finally:
        ledger.save()
