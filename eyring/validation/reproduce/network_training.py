"""A small network trained on real data until it leaves a minimum: the sweep, what every law is asked, and where the replicas go and stay."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from eyring.validation.court.experiment import Experiment
from eyring.validation.court.setting import Ground, Setting
from eyring.validation.court.training import predicted_laws

__all__ = ["SADDLE", "TRANSIENT", "cheapest_ways", "experiment", "iris", "laws_in_all_directions", "walkers_seen"]

# rounded; Newton's method makes it exact
SADDLE = (-0.183627, -0.154319, -0.014204, -0.787188, 0.518433, -0.436002, -0.435971, -0.162218)
PLAIN = ((0.2, 2, 0.0), (0.2, 3, 0.0), (0.2, 4, 0.0), (0.2, 6, 0.0), (0.1, 2, 0.0))
FULL = (*PLAIN, (0.1, 2, 0.5), (0.1, 3, 0.5), (0.1, 4, 0.5), (0.05, 5, 0.9), (0.05, 8, 0.9), (0.05, 10, 0.9))
QUICK = ((0.2, 2, 0.0), (0.2, 3, 0.0))
ROUGH_TIME = ((5.0, 10.0, 15.0, 20.0, 30.0), (350.0, 620.0, 1600.0, 6000.0, 86000.0))  # (1 - mu) B/eta, and about how long an escape takes there
TRANSIENT = 2000  # iterations: ten relaxation times of the softest direction and more, at all settings but the one of half the step
EXITS, FEW = 225, 60  # in a cell, and in one of a quick run
DOWN, SETTLING, STEP, MOMENTUM = 150, 500, 0.8, 0.9  # full-batch steps that bring a replica to the minimum of its basin: plain ones, then heavy-ball
LOOKED_AT = 500  # replicas inside


def iris(scale: float) -> Ground:
    """Return the committee on the iris data at its shallow minimum."""
    from eyring.validation.problems.small_network import small_network

    if scale != 1:
        raise ValueError(f"the network is trained as it is, at k = 1; got k = {scale}")
    network = small_network()
    problem = network.problem
    model = problem.model.requires_grad_(True)
    return Ground(model, problem.loss_fn, (problem.inputs, problem.targets), network.minimum, np.array(SADDLE), network.beyond)


def laws_in_all_directions(ground: Ground, settings: Sequence[Setting]) -> list[list[dict[str, Any]]]:
    """Ask every law, the least action in all directions among them."""
    from eyring.validation.predictors.network import NetworkSurroundings
    from eyring.validation.replicas.problem import TrainingProblem

    surroundings = NetworkSurroundings(TrainingProblem(ground.model, ground.loss_fn, ground.data))
    return predicted_laws(ground, settings, surroundings)


def iterations(setting: Setting, exits: int) -> int:
    """Return the steps in which about so many replicas leave after the transient, which not all of them reach."""
    step = setting.learning_rate / (1 - setting.momentum)
    time = math.exp(float(np.interp(setting.batch_size / step, ROUGH_TIME[0], np.log(ROUGH_TIME[1]))))
    inside = math.exp(-TRANSIENT * step / time)
    return TRANSIENT + 100 + math.ceil(exits * time / step / (setting.replicas * inside))


def experiment(quick: bool) -> Experiment:
    """Return the sweep; the quick one has two settings, and leaves out the least action."""
    cells = QUICK if quick else FULL
    etas, sizes, momenta = (tuple(dict.fromkeys(each)) for each in zip(*cells, strict=True))
    return Experiment(
        problem=iris,
        learning_rates=etas,
        batch_sizes=sizes,
        momenta=momenta,
        scales=(1.0,),
        only=cells,
        sampler="with replacement",
        event="next well",
        replicas=512 if quick else 2048,
        iterations=partial(iterations, exits=FEW if quick else EXITS),
        seed=6,
        transient=TRANSIENT,
        predict=predicted_laws if quick else laws_in_all_directions,
    )


def walkers_seen(*, learning_rate: float, batch_size: int, replicas: int, steps: int, seed: int) -> dict[str, Any]:
    """Train replicas and look at where they are: which minimum those that left descend to, and those inside; and how the latter are spread.

    Returns:
        ``left`` (exits: to the minimum beyond, back to the start, elsewhere), ``inside`` (likewise, beyond none), ``mean`` (n,) and ``spread`` (n, n)
        of the replicas inside, measured from the minimum, and how many ``replicas`` these are.
    """
    import torch

    from eyring.validation.replicas.events import Across, Event, oriented
    from eyring.validation.replicas.measure import measure_escape
    from eyring.validation.replicas.problem import TrainingProblem

    ground = iris(1.0)
    problem = TrainingProblem(ground.model, ground.loss_fn, ground.data)
    saddle = torch.as_tensor(ground.over, dtype=torch.float64)
    down = torch.linalg.eigh(torch.func.hessian(problem.loss)(saddle))[1][:, 0]
    unit = oriented(down, ground.start, saddle)
    witness = Witness(Across(unit, float(unit @ ground.beyond)))
    measure_escape(
        ground.model, ground.loss_fn, ground.data, torch.optim.SGD(ground.model.parameters(), lr=learning_rate), ground.start,
        Event(witness, "next well, looked at"), replicas=replicas, iterations=steps, seed=seed, batch_size=batch_size, sampler="with replacement",
    )  # fmt: skip
    gone, inside = torch.cat([torch.empty(0, problem.dimension, dtype=torch.float64), *witness.gone]), witness.now.clone()
    y = (inside - ground.start).numpy()
    where = {"left": ends(problem, ground, gone), "inside": ends(problem, ground, inside[:LOOKED_AT])}
    return where | {"mean": y.mean(0), "spread": np.cov(y.T), "replicas": len(y)}


class Witness:
    """An event that keeps where replicas were when they left, and where those inside are."""

    def __init__(self, outside: Any) -> None:
        self.outside, self.now = outside, outside.direction[None]
        self.gone: list[Any] = []

    def __call__(self, thetas: Any) -> Any:
        """Return who has left, (R,)."""
        out = self.outside(thetas)
        if len(thetas) > 1:
            self.now = thetas
            if out.any():
                self.gone.append(thetas[out].clone())
        return out


def ends(problem: Any, ground: Ground, thetas: Any) -> np.ndarray:
    """Return how many of the replicas lie in the basin of the minimum beyond, of the start, and elsewhere, (3,)."""
    import torch

    x, moved = thetas.clone(), torch.zeros_like(thetas)
    every = torch.arange(problem.samples).expand(len(x), -1)
    for step in range(DOWN + SETTLING if len(x) else 0):
        moved = (MOMENTUM * moved if step >= DOWN else 0.0) - STEP * problem.batch_gradients(x, every)
        x += moved
    near = [(x - place).norm(dim=1) < 0.05 for place in (ground.beyond, ground.start)]
    return np.array([int(near[0].sum()), int(near[1].sum()), int((~near[0] & ~near[1]).sum())])


def cheapest_ways(*, quick: bool) -> dict[str, float]:
    """Return d(exponent)/d(B/eta) of the cheapest way in all directions, for normal noise and for the whole law of a batch."""
    from eyring.validation.predictors.cheapest_way import cheapest_way
    from eyring.validation.replicas.problem import TrainingProblem

    ground = iris(1.0)
    problem = TrainingProblem(ground.model, ground.loss_fn, ground.data)
    guess = np.linspace(ground.start.numpy(), np.array(SADDLE), 13 if quick else 41)
    rounds = 1 if quick else 3
    normal = cheapest_way(problem, guess, whole_law=False, rounds=rounds)
    whole = cheapest_way(problem, normal.points, whole_law=True, rounds=rounds)
    return {"normal": normal.exponent, "whole": whole.exponent}
