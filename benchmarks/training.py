"""Real training of many small networks at once, against a plain loop over torch.optim.SGD, one network at a time."""

import time
from statistics import median

import torch

from benchmarks.harness import Race
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.optimizers import SGDRule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.replicas.train import Team
from eyring.validation.samplers import make_sampler

__all__ = ["races"]

REPLICAS, BATCH, SAMPLES, WIDTHS = 512, 16, 1797, (64, 16, 10)
RATE, MOMENTUM = 0.05, 0.9
STEPS, ALONE = 16, 200  # in one call: of all replicas; of one network


def network(dtype: torch.dtype) -> tuple[torch.nn.Module, torch.nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """Return 1210 parameters in two layers, and as many random images of 8 x 8 as the digits of scikit-learn."""
    torch.manual_seed(0)
    inputs, hidden, classes = WIDTHS
    model = torch.nn.Sequential(torch.nn.Linear(inputs, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, classes)).to(dtype)
    return model, torch.nn.CrossEntropyLoss(), (torch.randn(SAMPLES, inputs, dtype=dtype), torch.randint(classes, (SAMPLES,)))


class Loop:
    """One network, trained as everybody trains one."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.model, self.loss_fn, (self.inputs, self.targets) = network(dtype)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE, momentum=MOMENTUM)

    def train(self, batches: torch.Tensor) -> None:
        """Take a step on each row of (steps, S)."""
        for rows in batches:
            self.optimizer.zero_grad()
            self.loss_fn(self.model(self.inputs[rows]), self.targets[rows]).backward()
            self.optimizer.step()


def team(dtype: torch.dtype, threads: int = 1) -> Team:
    """Return replicas of the same network with the same optimizer, watched for an escape at every step."""
    problem = TrainingProblem(*network(dtype))
    start = problem.pack(network(dtype)[0].state_dict())
    never = Event(lambda thetas: thetas @ torch.ones_like(start) > 1e3, "never")
    made = Team(problem, SGDRule(lr=RATE, momentum=MOMENTUM), never, start, REPLICAS, threads=threads)
    made.fuse(BATCH)
    return made


def difference(dtype: torch.dtype) -> float:
    """Return by how much the replicas' parameters differ from those of the loop, after a call of each."""
    sampler = make_sampler("with replacement", samples=SAMPLES, batch_size=BATCH, replicas=REPLICAS, seed=1)
    batches, replicas = torch.from_numpy(sampler.draw(STEPS)), team(dtype)
    for indices in batches:
        replicas.advance(indices)
    worst = 0.0
    for r in (0, REPLICAS - 1):
        loop = Loop(dtype)
        loop.train(batches[:, r])
        worst = max(worst, float((torch.nn.utils.parameters_to_vector(loop.model.parameters()).detach() - replicas.thetas[r]).abs().max()))
    return worst


def bound(replicas: Team) -> float:
    """Return the replica-steps a second if reading and writing parameters and momentum once a step, in memory, were all the work."""
    state = torch.cat([replicas.thetas] * 8)  # beyond the caches
    taken = []
    for _ in range(9):
        begun = time.perf_counter()
        state.add_(1.0)
        taken.append(time.perf_counter() - begun)
    return REPLICAS * 8 / (2 * median(taken))


def race(dtype: torch.dtype, threads: int, at_least: float | None) -> Race:
    """Return the race on so many cores; a network this small gains nothing from a second one, so that the loop takes one."""
    replicas, loop = team(dtype, threads), Loop(dtype)
    sampler = make_sampler("with replacement", samples=SAMPLES, batch_size=BATCH, replicas=REPLICAS, seed=1)
    batches = torch.randint(SAMPLES, (ALONE, BATCH))

    def ours() -> None:
        for indices in torch.from_numpy(sampler.draw(STEPS)):
            replicas.advance(indices)

    name = str(dtype).removeprefix("torch.")
    return Race(
        f"{REPLICAS} replicas of {replicas.problem.dimension} parameters, {name}, B = {BATCH}, {threads} thread{'s' * (threads > 1)}",
        ours,
        lambda: loop.train(batches),
        "a loop over torch.optim.SGD, its best: one thread",
        at_least,
        per=STEPS * REPLICAS,
        theirs_per=ALONE,
        note=f"momentum, batches drawn and every step watched; memory alone would allow {bound(replicas):.2g}/s",
    )


def races() -> list[Race]:
    """Return the races, each checked for equal parameters."""
    torch.set_num_threads(1)
    assert difference(torch.float64) < 1e-14
    return [race(torch.float32, 2, 20), race(torch.float32, 1, None), race(torch.float64, 2, None)]
