"""Ziyin et al.: the test loss of a regression with weight decay against the learning rate; what large steps add to what the penalty costs."""

from collections.abc import Mapping
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

CURVATURES, TARGET, LABEL_STD, BATCH = (1.0, 0.4), (1.0, -1.0), 0.3, 8
DECAYS, MOMENTA, RATES = (0.05, 0.3), (0.0, 0.5, 0.9), (0.1, 0.4, 0.8)  # the learning rates are eta/(1 - mu)


def _cells() -> dict[str, tuple[float, float, float]]:
    """Return weight decay, eta/(1 - mu) and momentum of every training, by name; with momentum, at the larger weight decay alone."""
    found = [(decay, rate, mu) for mu in MOMENTA for decay in DECAYS[bool(mu) :] for rate in RATES]
    return {f"decay={decay} rate={rate} mu={mu}": (decay, rate, mu) for decay, rate, mu in found}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    fixed = {"curvatures": list(CURVATURES), "target": list(TARGET), "label_std": LABEL_STD, "batch_size": BATCH, "replicas": 256 if quick else 2048}
    jobs = {}
    for name, (decay, rate, mu) in _cells().items():
        relaxation = max(1 / (rate * (CURVATURES[1] + decay)), 2 / (1 - mu))
        length = {"burn_in": int(12 * relaxation) + 30, "steps": int((15 if quick else 60) * relaxation) + 50}
        jobs[name] = Job(settled, {**fixed, **length, "learning_rate": rate * (1 - mu), "momentum": mu, "decay": decay, "seed": 1})
    return jobs


def _exact(decay: float, rate: float, mu: float) -> float:
    law, (a_1, a_2), (u_1, u_2) = formula("weight-decay-test-loss"), CURVATURES, TARGET
    return float(law(a_1=a_1, a_2=a_2, u_1=u_1, u_2=u_2, B=BATCH, eta=rate * (1 - mu), mu=mu, Gamma=decay, sigma_y=LABEL_STD))


def _without_steps(decay: float) -> float:
    """Return the test loss at the minimum of the penalised loss: what weight decay costs by itself."""
    a, u = np.array(CURVATURES), np.array(TARGET)
    return float(a @ (decay * u / (a + decay)) ** 2 / 2)


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    rows, cells = [], _cells()
    options: dict[str, Any] = {"resolution": 0.1 if quick else 0.03, "comparisons": len(cells)}
    for name, (decay, rate, mu) in cells.items():
        seen, law = mean_estimate(results[name]["test"]), _exact(decay, rate, mu)
        where = f"test loss, weight decay {decay:g}, eta/(1 - mu) = {rate:g}, mu = {mu:g}, B = {BATCH}"
        told = Prediction.within(law, 0.0, "catalogue: weight-decay-test-loss")
        rows.append(Row.of(judge(f"{where}: the derived {law:.4g}", seen, told, **options)))
        if rate == max(RATES):
            bare = Prediction.within(_without_steps(decay), 0.0, "minimum of the penalised loss")
            claim = f"{where}: {bare.value:.4g}, the minimum's own, as if steps added nothing"
            rows.append(Row.of(judge(claim, seen, bare, own=False, **options)))
    return Finding(tuple(rows), lambda: _picture(results))


def _picture(results: Mapping[str, Mapping[str, Any]]) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (panel,) = panels_in_a_row(1)
    grid = np.linspace(0.01, 0.85, 60)
    series = sorted({(decay, mu) for decay, _, mu in _cells().values()})
    for (decay, mu), colour in zip(series, COLOURS, strict=False):
        seen = [mean_estimate(results[f"decay={decay} rate={rate} mu={mu}"]["test"]) for rate in RATES]
        with_intervals(panel, RATES, seen, colour)
        panel.plot(grid, [_exact(decay, rate, mu) for rate in grid], color=colour, label=f"exact law, weight decay {decay:g}, momentum {mu:g}")
    for decay in DECAYS:
        panel.axhline(_without_steps(decay), color="#666666", lw=1, ls=":")
    panel.set(yscale="log", xlabel="eta/(1 - mu)", ylabel="test loss, 99 %", title="Weight decay; dotted: the minimum's own loss")
    panel.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="ziyin-weight-decay",
    paper="ziyin2022",
    figure="test loss with weight decay against the learning rate",
    title="What large steps add to the cost of weight decay",
    setting=f"y = u.x + e, two weights, fresh Gaussian inputs of variances {CURVATURES}, sigma_y = {LABEL_STD}, torch.optim.SGD with momentum 0, 0.5 "
    f"and 0.9, B = {BATCH}.",
    claims=("with weight decay, the test loss grows with the learning rate as derived: the penalty leaves a gradient noise that never dies",),
    plan=_plan,
    judge=_judge,
)
