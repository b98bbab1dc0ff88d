"""Ziyin et al.: where linear regression with noisy labels settles, at any learning rate and batch size, and why the linear scaling rule fails."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate
from eyring.validation.reproduce.ziyin_training import formula, settled
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

CURVATURES, LABEL_STD = (1.0, 0.4), 1.0
BATCHES, MOMENTA, SHARES = (4, 32), (0.0, 0.5, 0.9), (0.1, 0.4)
GROWTH = 8  # by which learning rate and batch size grow together: from a batch of 4 to one of 32
RESOLUTION = {True: 0.15, False: 0.05}
Cells = Mapping[str, Mapping[str, float]]


def _rate(momentum: float, share: float) -> float:
    """Return the learning rate at this share of the largest stable one of the smaller batch (of the larger, once it has grown with the batch)."""
    grown = formula("label-noise-stability")(a=CURVATURES[0], B=BATCHES[1], mu=momentum) / GROWTH
    return share * min(formula("label-noise-stability")(a=CURVATURES[0], B=BATCHES[0], mu=momentum), 2 * grown)


def _cells(quick: bool) -> dict[str, dict[str, float]]:
    """Return learning rate, batch size and momentum of every training, by name."""
    cells = {}
    for mu, share in product(MOMENTA, SHARES[quick:]):
        eta = float(_rate(mu, share))
        for batch, grown in ((BATCHES[0], 1), (BATCHES[1], 1), (BATCHES[1], GROWTH)):
            cells[f"mu={mu} share={share} B={batch} eta x{grown}"] = {"learning_rate": eta * grown, "batch_size": batch, "momentum": mu}
    return cells


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    fixed = {"curvatures": list(CURVATURES), "target": [1.0, -1.0], "label_std": LABEL_STD, "decay": 0.0, "replicas": 256 if quick else 1024}
    jobs = {}
    for seed, (name, cell) in enumerate(_cells(quick).items()):
        relaxation = max((1 - cell["momentum"]) / (cell["learning_rate"] * CURVATURES[1]), 2 / (1 - cell["momentum"]))
        steps = int(np.ceil((20 if quick else 60) * relaxation)) + 100
        jobs[name] = Job(settled, {**fixed, **cell, "burn_in": int(np.ceil(8 * relaxation)) + 50, "steps": steps, "seed": 1000 + seed})
    return jobs


def _predicted(name: str, cell: Mapping[str, float]) -> float:
    a = {"a_1": CURVATURES[0], "a_2": CURVATURES[1]}
    return float(formula(name)(**a, eta=cell["learning_rate"], B=cell["batch_size"], mu=cell["momentum"], sigma_y=LABEL_STD))


def _continuous(cell: Mapping[str, float]) -> float:
    """Return the test loss of the continuous limit with the noise at the minimum alone, C = sigma_y^2 A/B."""
    covariance = formula("ou-covariance-hessian-noise")(eta=cell["learning_rate"] / (1 - cell["momentum"]), B=cell["batch_size"])
    return LABEL_STD**2 / 2 * float(np.asarray(CURVATURES) @ np.diag(np.asarray(covariance)))


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    cells, resolution = _cells(quick), RESOLUTION[quick]
    rows = []
    for name, cell in cells.items():
        seen = mean_estimate(results[name]["test"])
        expected = Prediction.within(_predicted("label-noise-test-loss", cell), 0.0, "catalogue: label-noise-test-loss")
        claim = f"test loss, {_words(cell)}: the exact law of the steps"
        rows.append(Row.of(judge(claim, seen, expected, resolution=resolution, comparisons=len(cells))))
    for mu in MOMENTA:
        rows += _covariance_rows(results, cells, mu, resolution) + _scaling_rows(results, cells, mu, resolution)
    return Finding(tuple(rows), lambda: _picture(results, cells))


def _covariance_rows(results: Mapping[str, Mapping[str, Any]], cells: Cells, mu: float, resolution: float) -> list[Row]:
    """Judge both variances, the training loss and the continuous limit where the learning rate is largest."""
    name = f"mu={mu} share={SHARES[1]} B={BATCHES[0]} eta x1"
    cell, found = cells[name], results[name]
    a = {"a_1": CURVATURES[0], "a_2": CURVATURES[1]}
    law = formula("label-noise-covariance-2d")(**a, eta=cell["learning_rate"], B=cell["batch_size"], mu=mu, sigma_y=LABEL_STD)
    rows = []
    for h, samples, value in zip(CURVATURES, found["squares"].T, np.diag(np.asarray(law)), strict=True):
        told = Prediction.within(float(value), 0.0, "catalogue: label-noise-covariance-2d")
        rows.append(Row.of(judge(f"variance along curvature {h:g}, {_words(cell)}", mean_estimate(samples), told, resolution=resolution)))
    train = Prediction.within(_predicted("label-noise-train-loss", cell), 0.0, "catalogue: label-noise-train-loss")
    rows.append(Row.of(judge(f"training loss, {_words(cell)}", mean_estimate(found["train"]), train, resolution=resolution)))
    limit = Prediction.within(_continuous(cell), 0.0, "continuous limit, noise of the minimum")
    claim = f"test loss, {_words(cell)}: the continuous limit, blind to the noise that the weights' own spread makes"
    return [*rows, Row.of(judge(claim, mean_estimate(found["test"]), limit, resolution=resolution, own=False))]


def _scaling_rows(results: Mapping[str, Mapping[str, Any]], cells: Cells, mu: float, resolution: float) -> list[Row]:
    """Judge how the test loss changes where learning rate and batch size grow together; the rule says not at all."""
    few, many = (f"mu={mu} share={SHARES[1]} B={b} eta x{g}" for b, g in ((BATCHES[0], 1), (BATCHES[1], GROWTH)))
    before, after = mean_estimate(results[few]["test"]), mean_estimate(results[many]["test"])
    spread = float(np.hypot(before.relative_half_width, after.relative_half_width))
    ratio = after.value / before.value
    seen = type(after)(ratio, ratio * (1 - spread), ratio * (1 + spread), after.events, "ratio of means over replicas", "1", after.level)
    law = _predicted("label-noise-test-loss", cells[many]) / _predicted("label-noise-test-loss", cells[few])
    what = f"learning rate and batch size {GROWTH} times larger, mu = {mu:g}: the test loss changes by the factor"
    exact = judge(f"{what} {law:.3g} of the exact law", seen, Prediction.within(law, 0.0, "catalogue"), resolution=resolution)
    rule = judge(f"{what} 1 of the linear scaling rule", seen, Prediction.within(1.0, 0.0, "linear scaling rule"), resolution=resolution, own=False)
    return [Row.of(exact), Row.of(rule)]


def _words(cell: Mapping[str, float]) -> str:
    return f"eta = {cell['learning_rate']:.3g}, B = {cell['batch_size']:g}, mu = {cell['momentum']:g}"


def _picture(results: Mapping[str, Mapping[str, Any]], cells: Cells) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (panel,) = panels_in_a_row(1)
    for mu, colour in zip(MOMENTA, COLOURS, strict=False):
        names = [name for name, cell in cells.items() if cell["momentum"] == mu]
        x = [_predicted("label-noise-test-loss", cells[name]) for name in names]
        with_intervals(panel, x, [mean_estimate(results[name]["test"]) for name in names], colour, f"momentum {mu:g}")
        panel.plot(x, [_continuous(cells[name]) for name in names], "x", color=colour, alpha=0.6)
    ends = np.array(panel.get_xlim())
    panel.plot(ends, ends, color="#666666", lw=1, label="the exact law")
    panel.plot([], [], "kx", alpha=0.6, label="continuous limit")
    title = "Linear regression with noisy labels"
    panel.set(xscale="log", yscale="log", xlabel="test loss, exact law", ylabel="test loss measured, 99 %", title=title)
    panel.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="ziyin-label-noise",
    paper="ziyin2022",
    figure="covariance and losses of linear regression with noisy labels, against learning rate and batch size",
    title="Where linear regression with noisy labels settles",
    setting=f"y = u.x + e, two weights, fresh Gaussian inputs of variances {CURVATURES}, sigma_y = 1, torch.optim.SGD with momentum 0, 0.5 and 0.9, "
    f"batches of {BATCHES[0]} and {BATCHES[1]}, learning rates up to {max(SHARES):g} of the largest stable one.",
    claims=(
        "covariance, training and test loss follow the exact law of the steps at every learning rate and batch size",
        "the linear scaling rule fails at finite learning rate",
    ),
    plan=_plan,
    judge=_judge,
)
