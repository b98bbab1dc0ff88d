"""Leaving the valley of a network's minimum along its sharpest direction: real minibatch training, held against the chain along that line.

On a quadratic loss the coordinate u along an eigenvector of H is a walk of its own, whatever the other directions do: u leaves [-r, r] as the chain
u' = u - eta (L'(u) + noise) does, with the law of a batch's noise, as skewed as the data make it at every place. r is where that walk is 3 standard
deviations out. L' and v^T G v are averages over where the other directions stand for a given u: a Gaussian law about a line that leans, both of
the linearised dynamics, so that what changes with the place beside the line counts to the first order in the noise.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from eyring.validation.court.shards import Job
from eyring.validation.reproduce.chain_survival import Box, chain_rate
from eyring.validation.reproduce.contract import Finding, Row
from eyring.validation.reproduce.escape_rows import AXES, Rival, Seen, along, own_rows, rival_rows, straight_rows
from eyring.validation.reproduce.fits import mean_exit_time
from eyring.validation.reproduce.pictures import Series, sweep_picture
from eyring.validation.reproduce.signed_sum import Run
from eyring.validation.reproduce.small_data import small_problem
from eyring.validation.training import train_until_escape

if TYPE_CHECKING:
    import torch

__all__ = ["Network", "Valley", "judge_valley", "valley_of", "valley_plan"]

MOMENTA = (0.0, 0.5, 0.9)
OUT, STEP = 3.0, 0.08  # r in standard deviations of the stationary walk at the first setting; eta h there
BATCH = 16
SETTINGS = ((1.0, 16, 1.0), (0.9, 16, 1.0), (0.8, 16, 1.0), (1.0, 18, 1.0), (1.0, 20, 1.0), (1.0, 16, 0.9), (1.0, 16, 0.8))  # eta in units, B, k
BESIDE = 64  # places beside the line, in pairs
NUMBERS = ("curvature", "lowest", "radius", "unit", "s", "slope", "noise", "slope_beside", "noise_beside", "centred")
OWN = "the chain along the line, averaged over the other directions"


@dataclass(frozen=True)
class Network:
    """A network and its data.

    Attributes:
        data: As ``small_data`` names them.
        hidden: Widths of the hidden layers.
        decay: L2 term of the loss, which keeps the minimum finite.
        folder: Of a CSV file, or None.
        exits: How many a setting is to see, roughly, in the whole run.
    """

    data: str
    hidden: tuple[int, ...]
    decay: float
    folder: Path | None = None
    exits: int = 450

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.data}, {len(self.hidden) + 1} layers" if self.hidden else f"{self.data}, logistic"


@dataclass(frozen=True, eq=False)
class Valley:
    """A minimum and its sharpest direction.

    Attributes:
        problem: The network and its data.
        minimum: Parameters, (n,).
        direction: Unit eigenvector of H, (n,).
        curvature: Its eigenvalue h.
        lowest: The smallest eigenvalue of H.
        radius: r.
        unit: eta of the first setting.
        s: Places along the line that leans.
        slope: v^T grad L there.
        noise: v^T G v there.
        slope_beside: What the average over the other directions adds to the slope, for each unit of eta k/((1 - mu) B).
        noise_beside: What it adds to the noise.
        centred: Every sample's gradient along v there, less their mean, (places, N).
    """

    problem: Any
    minimum: Any
    direction: Any
    curvature: float
    lowest: float
    radius: float
    unit: float
    s: np.ndarray
    slope: np.ndarray
    noise: np.ndarray
    slope_beside: np.ndarray
    noise_beside: np.ndarray
    centred: np.ndarray

    def averaged(self, run: Run) -> tuple[np.ndarray, np.ndarray]:
        """Return slope and noise, averaged over the other directions."""
        return self.slope + run.effective * self.slope_beside, self.noise + run.effective * self.noise_beside


@cache
def valley_of(network: Network) -> Valley:
    """Find a minimum and measure loss and noise along its sharpest direction."""
    import torch

    from eyring.validation.probes.gradient_covariance import gradient_noise
    from eyring.validation.probes.hessian import dense_hessian
    from eyring.validation.probes.minimum import polished_minimum
    from eyring.validation.reproduce.jastrzebski_training import starts

    problem = small_problem(network.data, network.hidden, "cross-entropy", network.folder, columns=4, samples=128, decay=network.decay)
    minimum = torch.as_tensor(polished_minimum(problem, starts(problem, 1, seed=5)[0]))
    h, v = np.linalg.eigh(dense_hessian(problem, minimum))
    noise = gradient_noise(problem, minimum, directions=v).covariance
    unit = STEP / h[-1]
    radius = OUT * math.sqrt(unit * noise[-1, -1] / BATCH / (2 * h[-1]))
    s = np.linspace(-1.5 * radius, 1.5 * radius, 31)
    lean, spread = other_directions(h, noise)
    line = minimum.numpy() + s[:, None] * (v[:, -1] + v[:, :-1] @ lean)
    each = gradients_along(problem, line, v[:, -1])
    slope, along_it = each.mean(axis=1), each.var(axis=1)
    drawn = np.random.default_rng(0).normal(size=(BESIDE // 2, len(spread))) @ (v[:, :-1] @ spread).T * math.sqrt(unit / BATCH)
    beside = np.array([gradients_along(problem, line + away, v[:, -1]) for away in (*drawn, *-drawn)])
    more_slope, more_noise = beside.mean(axis=(0, 2)) - slope, beside.var(axis=2).mean(axis=0) - along_it
    return Valley(
        problem, minimum, torch.tensor(v[:, -1], dtype=problem.dtype), float(h[-1]), float(h[0]), radius, unit,
        s, slope, along_it, more_slope * BATCH / unit, more_noise * BATCH / unit, each - slope[:, None],
    )  # fmt: skip


def other_directions(h: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how the other directions stand for a given u: their mean for u = 1, and a factor of their covariance for eta k/((1 - mu) B) = 1.

    The stationary covariance S of the linearised dynamics obeys H S + S H = G, here in the eigenvectors of H, u the last of them.

    >>> lean, factor = other_directions(np.array([1.0, 3.0]), np.array([[2.0, 1.0], [1.0, 6.0]]))   # S = [[1, 1/4], [1/4, 1]]
    >>> lean.tolist(), round(float(factor[0, 0] ** 2), 6)
    ([0.25], 0.9375)
    """
    stationary = noise / (h[:, None] + h)
    lean = stationary[:-1, -1] / stationary[-1, -1]
    size, axes = np.linalg.eigh(stationary[:-1, :-1] - np.outer(lean, stationary[-1, :-1]))
    return lean, axes * np.sqrt(np.maximum(size, 0.0))


def gradients_along(problem: Any, places: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return every sample's gradient along a direction at places (M, n); (M, N)."""
    import torch

    way = torch.as_tensor(direction, dtype=problem.dtype)
    found = torch.func.vmap(lambda theta: problem.sample_gradients(theta) @ way)(torch.as_tensor(places, dtype=problem.dtype))
    return np.asarray(found.detach())


def train(network: Network, run: Run) -> dict[str, np.ndarray]:
    """Train replicas by torch.optim.SGD from the minimum until they are out along the sharpest direction, again and again; iterations."""
    import torch

    valley, root = valley_of(network), run.scale**0.5
    problem = valley.problem
    centre = float(valley.minimum @ valley.direction)

    def loss(theta: "torch.Tensor", indices: "torch.Tensor") -> "torch.Tensor":
        declared = root * problem.batch_gradients((root * theta.detach()).contiguous(), indices)
        return (declared * theta).sum()  # backward() hands the minibatch gradient of L(sqrt(k) theta) to the optimizer

    exits = train_until_escape(
        loss=loss,
        draw=lambda generator: torch.randint(problem.samples, (run.replicas, run.batch_size), generator=generator),
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=run.learning_rate, momentum=run.momentum),
        start=(valley.minimum / root).tolist(),
        reached=lambda theta: (root * (theta @ valley.direction) - centre).abs() > valley.radius,
        replicas=run.replicas,
        iterations=run.iterations,
        seed=run.seed,
        dtype=problem.dtype,
    )
    return {"times": exits.times.astype(np.int32), "censored": exits.censored.astype(np.int32)}


def chain_time(network: Network, run: Run, quick: bool) -> dict[str, float]:
    """Return the mean exit time of the chain along the line, iterations, and its relative error."""
    valley = valley_of(network)
    eta, mu, r = run.learning_rate * run.scale, run.momentum, valley.radius
    scores, (slope, noise) = np.linspace(-4.2, 4.2, 43), valley.averaged(run)
    kicks = np.array([batch_quantiles(each, run.batch_size, ndtr(scores)) for each in valley.centred])  # (places, scores)
    kicks *= np.sqrt(noise / valley.noise)[:, None]
    reach = 6 * eta * float(np.sqrt(noise.max() / run.batch_size)) / math.sqrt(1 - mu**2)

    def step(x: np.ndarray, v: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = mu * v - eta * (np.interp(x, valley.s, slope) + np.interp(x, valley.s, kicks[:, int(drawn[0])]))
        return x + moved, moved

    weights = np.exp(-(scores**2) / 2)
    batches = [(float(place), 0.0, weight) for place, weight in enumerate(weights / weights.sum())]
    box = Box((-r, -reach), (r, reach), (135 if quick else 270, 36 if mu else 8))  # all inside: survival ends with a jump
    rate, error = chain_rate(step, batches, box, exited=lambda x, v: np.abs(x) > (1 + 1e-12) * r, start=(0.0, 0.0))
    return {"time": 1 / rate, "error": error}


def batch_law(centred: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the law of the mean of ``size`` draws with replacement from these numbers, in units of its standard deviation: places and chances.

    The numbers are shared out between the points of a fine grid, the sum is their convolution with themselves, then gathered at 61 places.
    """
    fine = float(np.ptp(centred)) / 256
    chances = _shared((centred - centred.min()) / fine, np.full(len(centred), 1 / len(centred)), 258)
    total = chances
    for _ in range(size - 1):
        total = np.convolve(total, chances)
    places = (np.arange(len(total)) * fine + size * centred.min()) / size
    width = float(np.std(centred)) / math.sqrt(size)
    kept = np.abs(places) < 5.9 * width
    gathered = _shared((places[kept] / width + 6) * 5, total[kept], 62)
    nodes = np.arange(62) / 5 - 6
    return nodes / math.sqrt(float(gathered @ nodes**2)), gathered / gathered.sum()


def batch_quantiles(centred: np.ndarray, size: int, levels: np.ndarray) -> np.ndarray:
    """Return the quantiles of the mean of ``size`` draws from these numbers, in their own unit, with mean 0 for normal scores as levels."""
    nodes, chances = batch_law(centred, size)
    middle = np.cumsum(chances) - chances / 2
    known = chances > 0
    found = np.interp(levels, middle[known], nodes[known])
    weights = np.gradient(levels)
    weights = weights / weights.sum()
    found = found - weights @ found
    return found / math.sqrt(float(weights @ found**2)) * float(np.std(centred)) / math.sqrt(size)


def _shared(at: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    """Return the weights on the points 0 ... size - 1, each shared out between its two neighbours so that the mean stays."""
    left = np.floor(at).astype(int)
    right = at - left
    return np.bincount(left, weights * (1 - right), size) + np.bincount(left + 1, weights * right, size)


def exponent(valley: Valley, run: Run, *, published: bool = False) -> float:
    """Return the cheaper side's integral of 2 L'/(eta k C); ``published``: 2 B dL/(eta k h), the law C = H/B with the measured dL."""
    sides, averaged = [], valley.averaged(run)
    for sign in (-1, 1):
        s = np.linspace(0, sign * valley.radius, 201)
        slope = np.interp(s, valley.s, averaged[0])
        noise = valley.curvature if published else np.interp(s, valley.s, averaged[1])
        sides.append(float(np.trapezoid(2 * slope / noise, s)) / run.effective)
    return min(sides)


def runs(network: Network, valley: Valley, quick: bool) -> dict[str, Run]:
    """Return the settings by name."""
    unit, found = valley.unit, {}
    for mu in MOMENTA:
        for index, (eta, size, k) in enumerate(SETTINGS[: 1 if mu else 2] if quick else SETTINGS[: 3 if mu else None]):
            run = Run(eta * unit * (1 - mu), size, mu, k, 256 if quick else 2048, 1, 100 * int(10 * mu) + index)
            height = exponent(valley, run)
            expected = 4 * (1 + 2 * mu) * math.exp(height) / (STEP * eta * k) / math.sqrt(height)
            steps = transient(run, valley) + math.ceil((30 if quick else network.exits) * expected / run.replicas)
            found[f"{network.name}, eta {eta:g}, B {size}, k {k:g}, mu {mu:g}"] = replace(run, iterations=steps)
    return found


def transient(run: Run, valley: Valley) -> int:
    """Return ten relaxation times of the direction, iterations."""
    return math.ceil(10 * (1 - run.momentum) / (valley.curvature * run.scale * run.learning_rate) + 5 / (1 - run.momentum))


def valley_plan(networks: tuple[Network, ...], quick: bool) -> Mapping[str, Job]:
    """Return a training and a chain for every network and setting."""
    jobs: dict[str, Job] = {}
    for network in networks:
        if network.folder is not None:
            jobs[f"valley {network.name}"] = Job(valley_numbers, {"network": network})
        for name, run in runs(network, valley_of(network), quick).items():
            jobs[f"train {name}"] = Job(train, {"network": network, "run": run})
            jobs[f"chain {name}"] = Job(chain_time, {"network": network, "run": run, "quick": quick})
    return jobs


def valley_numbers(network: Network) -> dict[str, Any]:
    """Return what judging needs to know of a valley, so that the data need not be read again."""
    found = vars(valley_of(network))
    return {name: found[name] for name in NUMBERS}


def _valley(network: Network, results: Mapping[str, Mapping[str, Any]]) -> Valley:
    kept = results.get(f"valley {network.name}")
    if kept is None:
        return valley_of(network)
    numbers: dict[str, Any] = {name: kept[name] if np.ndim(kept[name]) else float(kept[name]) for name in NUMBERS}
    return Valley(problem=None, minimum=None, direction=None, **numbers)


def judge_valley(networks: tuple[Network, ...], results: Mapping[str, Mapping[str, Any]], quick: bool, title: str) -> Finding:
    """Hold every network's measured times against the chain along its line, the straight lines, and C = H/B.

    Args:
        networks: As they were planned; where the data were a folder's, their valleys are among the results.
        results: By job.
        quick: Whether the run was the short one.
        title: Of the picture.
    """
    rows: list[Row] = []
    drawn: list[Series] = []
    for network in networks:
        valley = _valley(network, results)
        groups = _seen(network, valley, results, quick)
        found = [row for group in groups for row in own_rows(group, OWN, quick=quick, least_barrier=0.0, coarser=5.0)]
        found += _published(network, valley, groups[0], quick)
        rows += [replace(row, claim=f"{network.name}: {row.claim}") for row in found]
        drawn += _series(network, groups)
    return Finding(tuple(rows), lambda: sweep_picture(title, drawn))


def _seen(network: Network, valley: Valley, results: Mapping[str, Mapping[str, Any]], quick: bool) -> list[list[Seen]]:
    found = []
    for name, run in runs(network, valley, quick).items():
        measured, chain = mean_exit_time(results[f"train {name}"], transient(run, valley)), results[f"chain {name}"]
        found.append(Seen(run, measured, float(chain["time"]), float(chain["error"]), exponent(valley, run)))
    return [[s for s in found if s.run.momentum == mu] for mu in MOMENTA]


def _published(network: Network, valley: Valley, plain: list[Seen], quick: bool) -> list[Row]:
    ratio = float(np.interp(0.0, valley.s, valley.noise)) / valley.curvature
    law = Rival(
        "Xie et al.: the exponent is 2 B dL/(eta h), which is C = H/B", f"v^T G v/h = {ratio:.3g} at the minimum",
        lambda s: math.exp(exponent(valley, s.run, published=True)) / (s.run.learning_rate * s.run.scale), 0.1, slope=True,
    )  # fmt: skip
    rows = rival_rows(plain, [law], quick=quick)
    if not network.hidden:
        rows.append(
            Row(
                "Xie et al., theorem 3.2: an escape over a saddle", valley.lowest, None, None, "out of regime",
                note="no barrier: the loss is convex; measured: the smallest eigenvalue of H. The event is a distance along the sharpest direction",
            )
        )  # fmt: skip
    return rows + ([] if quick else straight_rows(plain, "Xie et al."))


def _series(network: Network, groups: list[list[Seen]]) -> "list[Series]":
    series = []
    for axis, read in AXES.items():
        for group in groups:
            chosen = along(group, axis)
            name = f"{network.name}, mu = {group[0].run.momentum:g}"
            series.append(Series(axis, name, [read(s.run) for s in chosen], [s.measured for s in chosen], {OWN: [s.predicted for s in chosen]}))
    return series
