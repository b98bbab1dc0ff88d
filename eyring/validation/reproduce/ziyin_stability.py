"""Ziyin et al.: up to which learning rate a regression with many weights has a finite variance, and where that needs a negative weight decay."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate
from eyring.validation.reproduce.ziyin_training import formula, growth_map, settled
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

BATCH, MOMENTA, WIDTHS = 8, (0.0, 0.5, 0.9), (1, 4, 16, 64)
LARGE, LARGE_BATCH, DECAYS = 1.9, 16, (-0.7, -0.6, -0.5, -0.4)
GROUPS = 50


def _limit(mu: float, width: int) -> float:
    return float(formula("width-stability")(a=1.0, B=BATCH, mu=mu, n=width))


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    many, jobs = (20_000, 200_000)[not quick], {}
    for mu in MOMENTA:
        for width in WIDTHS:
            fixed = {"batch_size": BATCH, "momentum": mu, "decay": 0.0, "replicas": max(many // width, 500), "seed": width}
            jobs[f"width {width} mu={mu}"] = Job(growth_map, {**fixed, "width": width, "learning_rate": _limit(mu, width)})
    bare = {"width": 1, "learning_rate": LARGE, "batch_size": LARGE_BATCH, "momentum": 0.0, "decay": 0.0, "replicas": many, "seed": 7}
    jobs["no decay"] = Job(growth_map, bare)
    steady = {"curvatures": [1.0], "target": [1.0], "label_std": 0.0, "learning_rate": LARGE, "batch_size": LARGE_BATCH, "momentum": 0.0}
    for decay in DECAYS:
        length = {"replicas": 2000 if quick else 20_000, "burn_in": 100, "steps": 100}
        jobs[f"decay {decay}"] = Job(settled, {**steady, **length, "decay": decay, "seed": 8})
    return jobs


def _growth(samples: np.ndarray) -> Estimate:
    """Return the factor per step of the fastest growing second moment: the spectral radius of the mean map, its interval by leaving groups out."""
    groups = np.array([part.mean(0) for part in np.array_split(samples, GROUPS)])

    def radius(matrix: np.ndarray) -> float:
        return float(np.max(np.abs(np.linalg.eigvals(matrix))))

    whole = radius(samples.mean(0))
    left_out = np.array([radius((groups.sum(0) - g) / (GROUPS - 1)) for g in groups])
    spread = mean_estimate(GROUPS * whole - (GROUPS - 1) * left_out)
    return Estimate(whole, whole - (spread.high - spread.value), whole + (spread.value - spread.low), len(samples), "jackknife", "1", spread.level)


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    rows: list[Row] = []
    resolution = 0.1 if quick else 0.03
    still = Prediction.within(1.0, 0.0, "catalogue: width-stability")
    for mu in MOMENTA:
        for width in WIDTHS:
            seen = _growth(results[f"width {width} mu={mu}"]["map"])
            claim = f"{width} weights, B = {BATCH}, mu = {mu:g}: at eta = {_limit(mu, width):.4g} second moments neither grow nor shrink"
            rows.append(Row.of(judge(claim, seen, still, resolution=resolution, comparisons=len(MOMENTA) * len(WIDTHS))))
    return Finding((*rows, *_decay_rows(results, resolution)), lambda: _picture(results))


def _window() -> tuple[float, float]:
    """Return between which weight decays one weight has a finite variance at the large learning rate."""
    low, high = np.asarray(formula("weight-decay-window")(a=1.0, B=LARGE_BATCH, eta=LARGE, mu=0.0), float).reshape(-1)
    return float(low), float(high)


def _decay_rows(results: Mapping[str, Mapping[str, Any]], resolution: float) -> list[Row]:
    low, high = _window()
    grown = _growth(results["no decay"]["map"])
    window = f"only a weight decay from {low:.3g} to {high:.3g} keeps the variance finite"
    verdict = "agrees" if grown.low > 1 and high < 0 else "disagrees" if grown.high < 1 or high > 0 else "undecided"
    claim = f"eta = {LARGE}, B = {LARGE_BATCH}, one weight: {window}; without it the variance grows, by a factor above 1 a step"
    rows = [Row(claim, grown.value, grown.low, grown.high, verdict, own=True)]
    for decay in DECAYS:
        law = float(formula("weight-decay-test-loss-one-weight")(Gamma=decay, a=1.0, u=1.0, eta=LARGE, B=LARGE_BATCH))
        seen, told = mean_estimate(results[f"decay {decay}"]["test"]), Prediction.within(law, 0.0, "catalogue: weight-decay-test-loss-one-weight")
        claim = f"the same with weight decay {decay:g}: the test loss of the exact law"
        rows.append(Row.of(judge(claim, seen, told, resolution=2 * resolution, comparisons=len(DECAYS))))
    return rows


def _picture(results: Mapping[str, Mapping[str, Any]]) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (left, right) = panels_in_a_row(2)
    for mu, colour in zip(MOMENTA, COLOURS, strict=False):
        apart = np.array(WIDTHS) * (1 + 0.06 * MOMENTA.index(mu))
        with_intervals(left, list(apart), [_growth(results[f"width {w} mu={mu}"]["map"]) for w in WIDTHS], colour, f"momentum {mu:g}")
    left.axhline(1, color="#666666", lw=1)
    left.set(xscale="log", xlabel="number of weights", ylabel="growth of second moments a step, 99 %", title="At the predicted limit of stability")
    left.legend(frameon=False)
    law, (low, high) = formula("weight-decay-test-loss-one-weight"), _window()
    grid = np.linspace(max(low, -1) + 0.03, high - 0.01, 200)
    right.plot(grid, [float(law(Gamma=g, a=1.0, u=1.0, eta=LARGE, B=LARGE_BATCH)) for g in grid], color=COLOURS[0], label="exact law")
    with_intervals(right, DECAYS, [mean_estimate(results[f"decay {decay}"]["test"]) for decay in DECAYS], COLOURS[1], "trained")
    right.axvline(0, color="#666666", lw=1, ls=":")
    title = f"eta = {LARGE}, B = {LARGE_BATCH}: weight decay has to be negative"
    right.set(yscale="log", xlabel="weight decay", ylabel="test loss, 99 %", title=title)
    right.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="ziyin-stability",
    paper="ziyin2022",
    figure="stability against width; negative weight decay",
    title="Up to which learning rate linear regression is stable",
    setting=f"y = u.x + e, fresh Gaussian inputs of variance 1, torch.optim.SGD, B = {BATCH}, widths {WIDTHS}; then one weight without noise at "
    f"eta = {LARGE}, B = {LARGE_BATCH}, with weight decay written into the loss.",
    claims=(
        "the largest stable learning rate falls with the number of weights as derived, with and without momentum",
        "at large learning rate only a negative weight decay is stable, and the test loss follows the derived law",
    ),
    plan=_plan,
    judge=_judge,
)
