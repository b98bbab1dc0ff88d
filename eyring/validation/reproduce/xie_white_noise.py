"""Xie, Sato & Sugiyama's white-noise gradient descent: the escape rate against the Hessian scale k and the diffusion D.

The loss is the ten-dimensional Styblinski-Tang function over 400; torch.optim.SGD gets the gradient of all data and noise of covariance 2 D/eta I.
L(sqrt(k) theta) is the same walk on a clock k times faster, so gamma = k gamma(1) whatever the noise: only a finite step can break it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.exact.chain.survival import Box, chain_rate
from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Reproduction
from eyring.validation.reproduce.escape_rows import Rival, Seen, along, own_rows, rival_rows, straight_rows
from eyring.validation.reproduce.fits import mean_exit_time
from eyring.validation.reproduce.pictures import Series, sweep_picture
from eyring.validation.reproduce.signed_sum import polynomial
from eyring.validation.reproduce.xie_styblinski_tang import DIMENSION, GONE, H_A, H_B, MINIMUM, SADDLE, SLOPE, F
from eyring.validation.training import train_until_escape

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

MOMENTA = (0.0, 0.5, 0.9)
SETTINGS = ((2.0, 7.0, 1.0), (2.0, 6.2, 1.0), (2.0, 8.0, 1.0), (2.0, 7.0, 1.5), (2.0, 7.0, 0.7))  # eta, barrier/D, k
BARRIER = polynomial(F, SADDLE) - polynomial(F, MINIMUM)
AXES = {"1/D": lambda run: 1 / run.diffusion, "ln k": lambda run: math.log(run.scale)}
OWN = "the optimizer's own chain"


@dataclass(frozen=True)
class WhiteRun:
    """One training: torch.optim.SGD with this learning rate and momentum on L(sqrt(k) theta), and white noise.

    Attributes:
        learning_rate: eta.
        diffusion: D of the overdamped limit: a gradient carries noise of covariance 2 D (1 - mu)/eta.
        momentum: mu.
        scale: k.
        replicas: Trained at once.
        iterations: Steps of each.
        seed: Of the noise.
    """

    learning_rate: float
    diffusion: float
    momentum: float
    scale: float
    replicas: int
    iterations: int
    seed: int

    @property
    def noise(self) -> float:
        """Standard deviation of each gradient entry."""
        return math.sqrt(2 * self.diffusion * (1 - self.momentum) / self.learning_rate)

    @property
    def words(self) -> str:
        """The setting in words."""
        return f"eta = {self.learning_rate:g}, D = {self.diffusion:.4g}, k = {self.scale:g}"


def train(run: WhiteRun) -> dict[str, np.ndarray]:
    """Train replicas until the first coordinate has left, again and again; return times and censored waits in iterations."""
    import torch

    root = run.scale**0.5

    def loss(theta: "torch.Tensor", noise: "torch.Tensor") -> "torch.Tensor":
        declared = root * polynomial(SLOPE, root * theta.detach()) + run.noise * noise
        return (declared * theta).sum()  # backward() hands the declared gradient to the optimizer

    exits = train_until_escape(
        loss=loss,
        draw=lambda generator: torch.randn((DIMENSION, run.replicas), generator=generator).T,
        optimizer=lambda parameters: torch.optim.SGD(parameters, lr=run.learning_rate, momentum=run.momentum),
        start=[MINIMUM / root] * DIMENSION,
        reached=lambda theta: root * theta.amin(1) < GONE,
        replicas=run.replicas,
        iterations=run.iterations,
        seed=run.seed,
    )
    return {"times": exits.times.astype(np.int32), "censored": exits.censored.astype(np.int32)}


def chain_time(run: WhiteRun, quick: bool) -> dict[str, float]:
    """Return the mean time to the first of ten exits, in iterations, and its relative error; in the coordinate sqrt(k) theta the step is eta k."""
    eta, mu, noise = run.learning_rate * run.scale, run.momentum, run.noise / math.sqrt(run.scale)
    nodes, weights = np.polynomial.hermite_e.hermegauss(11)
    reach = 7 * eta * noise / math.sqrt(1 - mu**2)

    def step(x: np.ndarray, v: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = mu * v - eta * (polynomial(SLOPE, x) + noise * drawn[0])
        return x + moved, moved

    box = Box((GONE - 0.1, -reach), (4.4, reach), (90 if quick else 140, (36 if quick else 48) if mu else 9))
    batches = [(node, 0.0, weight) for node, weight in zip(nodes, weights / weights.sum(), strict=True)]
    rate, error = chain_rate(step, batches, box, exited=lambda x, v: x < GONE, start=(MINIMUM, 0.0))
    return {"time": 1 / (DIMENSION * rate), "error": error}


def kramers(run: WhiteRun) -> float:
    """Return Kramers' time to the first of ten exits, iterations; momentum by the rule eta/(1 - mu)."""
    clock = (1 - run.momentum) / (run.learning_rate * run.scale)
    return 2 * math.pi / math.sqrt(-H_A * H_B) * math.exp(BARRIER / run.diffusion) * clock / DIMENSION


def runs(quick: bool) -> dict[str, WhiteRun]:
    """Return the settings by name."""
    replicas, found = 1024 if quick else 16384, {}
    for mu in MOMENTA:
        for index, (eta, height, k) in enumerate(SETTINGS[: 1 if mu else 2] if quick else SETTINGS):
            work = 400 * kramers(WhiteRun(eta, BARRIER / height, 0.0, k, 1, 1, 1)) if quick else 3e7 if mu else 5e7
            steps = transient(eta, k, mu) + math.ceil(work / replicas)
            run = WhiteRun(eta * (1 - mu), BARRIER / height, mu, k, replicas, steps, 100 * int(10 * mu) + index)
            found[f"dL over D {height:g}, k {k:g}, mu {mu:g}"] = run
    return found


def transient(eta: float, k: float, mu: float) -> int:
    """Return ten relaxation times of the minimum, iterations, for eta/(1 - mu) = eta."""
    return math.ceil(10 / (H_A * k * eta) + 5 / (1 - mu))


def plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    """Return a training and a chain for every setting."""
    chosen = runs(quick)
    return {f"train {name}": Job(train, {"run": run}) for name, run in chosen.items()} | {
        f"chain {name}": Job(chain_time, {"run": run, "quick": quick}) for name, run in chosen.items()
    }


def judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    """Hold the measured times against the chain, Kramers' law in ten dimensions and the two scalings."""
    groups: list[list[Seen]] = [[], [], []]
    for name, run in runs(quick).items():
        settled = transient(run.learning_rate / (1 - run.momentum), run.scale, run.momentum)
        measured, chain = mean_exit_time(results[f"train {name}"], settled), results[f"chain {name}"]
        seen = Seen(run, measured, float(chain["time"]), float(chain["error"]), BARRIER / run.diffusion)
        groups[MOMENTA.index(run.momentum)].append(seen)
    plain = groups[0]
    rows = [row for group in groups for row in own_rows(group, OWN, quick=quick, axes=AXES, coarser=2.5)]
    own = max(abs(s.predicted / kramers(s.run) - 1) for s in plain)
    laws = [
        Rival("Xie et al., theorem 3.1 (Kramers): 2 pi/sqrt(H_a |H_b|) exp(dL/D), ten exits", "own error read off the chain", _kramers, own),
        Rival("Xie et al., theorem 3.1: the exponent is dL/D", "", _kramers, 0.1, slope=True),
    ]
    rows += rival_rows(plain, laws, quick=quick)
    rows += [] if quick else straight_rows(plain, "Xie et al.", AXES)
    for group in groups[1:]:
        rows += rival_rows(group, [langer(plain, group[0].run)], quick=quick)
        times = {(s.run.diffusion, s.run.scale): s.predicted for s in plain}
        rule = f"momentum {group[0].run.momentum:g} is white-noise gradient descent at eta/(1 - mu)"
        rival = Rival(rule, "the rule holds for |H_b| eta << (1 - mu)^2", lambda s, t=times: t[s.run.diffusion, s.run.scale], 0.0)  # type: ignore[misc]
        rows += rival_rows(group, [rival], quick=quick)
    return Finding(tuple(rows), lambda: picture(groups))


def langer(plain: Sequence[Seen], run: WhiteRun) -> Rival:
    """Return Kramers and Langer's friction factor on top of the chain at momentum 0: lambda_+ = -gamma/2 + sqrt(gamma^2/4 + |H_b|)."""
    friction = (1 - run.momentum) / math.sqrt(run.learning_rate * run.scale)
    factor = -H_B / friction / (-friction / 2 + math.sqrt(friction**2 / 4 - H_B))
    times = {(s.run.diffusion, s.run.scale): s.predicted for s in plain}

    def time(seen: Seen) -> float:
        gamma = (1 - seen.run.momentum) / math.sqrt(seen.run.learning_rate * seen.run.scale)
        return times[seen.run.diffusion, seen.run.scale] * -H_B / gamma / (-gamma / 2 + math.sqrt(gamma**2 / 4 - H_B))

    claim = f"Kramers-Langer: momentum {run.momentum:g} makes tau longer than at eta/(1 - mu), {factor:.3g} times at k = {run.scale:g}"
    return Rival(claim, "", time, 0.06)


def _kramers(seen: Seen) -> float:
    return kramers(seen.run)


def picture(groups: Sequence[Sequence[Seen]]) -> "Figure":
    """Draw ln tau against 1/D and ln k."""
    series = []
    for axis, read in AXES.items():
        for group in groups:
            chosen = along(group, axis, AXES)
            laws = {OWN: [s.predicted for s in chosen]} | ({"Kramers": [kramers(s.run) for s in chosen]} if group is groups[0] else {})
            series.append(Series(axis, f"mu = {group[0].run.momentum:g}", [read(s.run) for s in chosen], [s.measured for s in chosen], laws))
    return sweep_picture("White-noise gradient descent leaves a well of the Styblinski-Tang function", series)


REPRODUCTION = Reproduction(
    name="xie-white-noise",
    paper="xie2021",
    figure="white-noise gradient descent: gamma against k, -ln gamma against 1/D",
    title="White-noise gradient descent on the ten-dimensional Styblinski-Tang function",
    setting=(
        "torch.optim.SGD, momentum 0, 0.5 and 0.9, on the gradient of all data with white noise added; the first of ten coordinates beyond its "
        "saddle ends a wait. k rescales the loss to L(sqrt(k) theta), D is the diffusion of the overdamped limit."
    ),
    claims=("gamma is proportional to k", "-ln gamma is linear in 1/D with the slope dL"),
    plan=plan,
    judge=judge,
)
