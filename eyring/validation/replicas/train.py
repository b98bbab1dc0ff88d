"""Replicas of a network in one fused loop of real training: each escapes, is recorded and begins afresh; a killed run goes on from its file."""

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from eyring.numerics.simulation import Exits
from eyring.validation.replicas.checkpoint import EVERY, RunFile
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.fused import Gradients, fused_gradients
from eyring.validation.replicas.optimizers import Rule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import Sampler
from eyring.validation.training import EscapeWatch, as_exits

__all__ = ["Team", "train_replicas"]

BLOCK = 64  # steps between two looks from the host
PARCEL = 2**19  # parameters of the replicas that one thread works on at a time
FEWEST = 4  # replicas in a parcel
WORTH_FUSING = 3000  # steps
INDICES = 2**22  # drawn at once


class Team:
    """Replicas side by side: parameters, what their optimizer remembers, and who has been seen to escape.

    On a processor they are cut into parcels that do not depend on the number of threads, so that neither do the numbers.

    Args:
        problem: The network and its data.
        rule: The optimizer's step.
        event: What counts as escaped.
        start: Where every replica begins, (n,).
        replicas: How many, R.
        threads: How many parcels are worked on at once, after ``fuse``.
        host_looks: See ``EscapeWatch``.
    """

    def __init__(
        self,
        problem: TrainingProblem,
        rule: Rule,
        event: Event,
        start: torch.Tensor,
        replicas: int,
        *,
        threads: int = 1,
        host_looks: bool | None = None,
    ) -> None:
        self.problem, self.rule, self.step = problem, rule, 0
        self.thetas = start.detach().to(problem.device, problem.dtype).repeat(replicas, 1)
        self.buffers = [torch.zeros_like(self.thetas) for _ in range(rule.buffers)]
        memory = event.memory(self.thetas)
        self.watch = EscapeWatch(self.thetas, self.thetas[0].clone(), lambda thetas: event.reached(thetas, memory), host_looks=host_looks)
        self.watch.buffers = self.buffers if memory is None else [*self.buffers, memory]
        most = replicas if problem.device.type != "cpu" else max(PARCEL // problem.dimension, FEWEST)
        edges = np.linspace(0, replicas, -(-replicas // most) + 1).astype(int).tolist()
        self.parcels = [slice(low, high) for low, high in itertools.pairwise(edges)]
        self.gradients: dict[int, Gradients] = {}
        self.threads = min(threads, len(self.parcels))
        self.pool: ThreadPoolExecutor | None = None

    def fuse(self, batch_size: int) -> None:
        """Make the steps to come faster, by a second of work, and share them out among the threads."""
        sizes = {parcel.stop - parcel.start for parcel in self.parcels}
        for size in sizes:
            indices = torch.zeros(size, batch_size, dtype=torch.int64, device=self.problem.device)
            fused = fused_gradients(self.problem, self.thetas[:size], indices)
            if fused is not None:
                self.gradients[size] = fused
        if self.threads > 1 and sizes == set(self.gradients):
            self.pool = ThreadPoolExecutor(self.threads)

    def advance(self, indices: torch.Tensor) -> None:
        """Train one step on these minibatches, (R, S), and put back whoever has escaped."""
        self.step += 1
        work = functools.partial(self._train, indices, self.step - self.watch.started)
        deque(self.pool.map(work, self.parcels) if self.pool else map(work, self.parcels), maxlen=0)
        self.watch.look(self.step)

    def _train(self, indices: torch.Tensor, age: torch.Tensor, parcel: slice) -> None:
        gradients = self.gradients.get(parcel.stop - parcel.start, self.problem.batch_gradients)
        thetas = self.thetas.data[parcel]  # .data: else autograd takes a step of another parcel for a change of this one
        self.rule.step(thetas, gradients(thetas, indices[parcel]), [buffer[parcel] for buffer in self.buffers], age[parcel])

    def close(self) -> None:
        """Let the threads go."""
        if self.pool:
            self.pool.shutdown()

    def state(self) -> dict[str, np.ndarray]:
        """Return a copy of all that the next steps depend on, and the waiting times seen."""
        parts = {"thetas": self.thetas, "started": self.watch.started, **{f"buffer{k}": buffer for k, buffer in enumerate(self.watch.buffers)}}
        return {name: part.cpu().numpy() for name, part in parts.items()} | {"times": self.watch.times(), "step": np.array(self.step)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on where the team was whose state this is."""
        self.step = self.watch.last_report = int(state["step"])
        self.watch.seen = [torch.from_numpy(state["times"])]
        for name, part in (("thetas", self.thetas), ("started", self.watch.started), *((f"buffer{k}", b) for k, b in enumerate(self.watch.buffers))):
            part.copy_(torch.from_numpy(state[name]))


def train_replicas(
    problem: TrainingProblem,
    *,
    rule: Rule,
    event: Event,
    start: torch.Tensor,
    sampler: Sampler,
    iterations: int,
    seconds: float | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    relaxation: float | None = None,
) -> Exits:
    """Train until a budget is spent; whoever escapes is recorded and put back to the start with a fresh optimizer.

    The numbers depend on the seed of the sampler, to the bit; not on the budgets, on interruptions, or on the number of threads, which is torch's
    (``torch.set_num_threads``).

    Args:
        problem: The network and its data.
        rule: The optimizer's step.
        event: What counts as escaped.
        start: Where every replica begins, (n,).
        sampler: Draws the batches; it says how many replicas there are.
        iterations: Steps of each replica.
        seconds: Wall time after which the run ends with what was seen, to 64 steps.
        checkpoint: A file that keeps the run's state every ten seconds and at the end; a run that finds its own goes on from there.
        progress: Called with (steps done, steps in all) once in 64 steps.
        relaxation: Relaxation time at the start, in iterations, handed on to the exits.

    Returns:
        Waiting times in iterations; those still inside are censored.

    Raises:
        AccuracyError: If parameters are no longer finite; the message names the replica and the step.
        ParameterError: If the checkpoint is none of this run's.
    """
    threads = torch.get_num_threads()
    team = Team(problem, rule, event, start, sampler.replicas, threads=threads)
    file = RunFile.of(checkpoint, problem, rule, event, start, sampler) if checkpoint is not None else None
    state = file.load([*team.state(), *sampler.state()]) if file else None
    if state is not None:
        team.restore(state)
        sampler.restore({name: state[name] for name in sampler.state()})
    begun = saved = time.monotonic()
    block = max(1, min(BLOCK, INDICES // (sampler.replicas * sampler.batch_size)))
    torch.set_num_threads(1)  # the threads are the team's own
    try:
        if iterations - team.step >= WORTH_FUSING:
            team.fuse(sampler.batch_size)
        while team.step < iterations and (seconds is None or time.monotonic() - begun < seconds):
            for indices in torch.from_numpy(sampler.draw(min(block, iterations - team.step))).to(problem.device):
                team.advance(indices)
            team.watch.report(team.step)
            if file and time.monotonic() - saved > EVERY:
                file.save(team.state() | sampler.state())
                saved = time.monotonic()
            if progress is not None:
                progress(team.step, iterations)
    finally:
        torch.set_num_threads(threads)
        team.close()
    if file:
        file.save(team.state() | sampler.state())
    return as_exits(team.watch.times(), (team.step - team.watch.started).cpu().numpy(), relaxation=relaxation)
