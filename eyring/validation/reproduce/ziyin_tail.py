"""Ziyin et al.: how heavy the tail of a weight of linear regression is; the published exponent, the one of the SDE, and the exact one on trial."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate
from eyring.validation.reproduce.ziyin_training import formula
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "tail_counts"]

CELLS = ((1, 0.6), (4, 1.0), (8, 1.2))  # batch size, learning rate times curvature
GROUPS, SPACING, BURN_IN = 50, 6, 60
THRESHOLDS = np.exp(np.arange(0.0, 8.0, 0.1))
OWN_ERROR = 0.03  # how far the slope of a finite stretch may lie from its limit
FIRST, LAST = 1e-3, 1e-5  # between these probabilities the slope is taken


def tail_counts(*, batch_size: int, learning_rate: float, replicas: int, looks: int, seed: int) -> dict[str, np.ndarray]:
    """Train replicas of y = e, one weight, inputs of variance 1, by ``torch.optim.SGD``; count at each look how many lie beyond each threshold.

    Returns "beyond": (groups, thresholds), and "samples", the weights seen in each group.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    w = torch.zeros(replicas, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=learning_rate)
    beyond = np.zeros((GROUPS, len(THRESHOLDS)), np.int64)
    for step in range(BURN_IN + SPACING * looks):
        x, e = torch.randn(2, batch_size, replicas, generator=generator, dtype=torch.float32).double()
        optimizer.zero_grad()
        ((x * w - e).square().mean(0) / 2).sum().backward()
        optimizer.step()
        if step >= BURN_IN and step % SPACING == 0:
            bins = np.searchsorted(THRESHOLDS, w.detach().abs().numpy())
            for group, part in enumerate(np.array_split(bins, GROUPS)):
                counts = np.bincount(part, minlength=len(THRESHOLDS) + 1)
                beyond[group] += counts[::-1].cumsum()[::-1][1:]
    return {"beyond": beyond, "samples": np.array([replicas // GROUPS * looks])}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    size = {"replicas": 20_000 if quick else 100_000, "looks": 30 if quick else 400}
    return {f"B={b} eta a={la}": Job(tail_counts, {**size, "batch_size": b, "learning_rate": la, "seed": b}) for b, la in CELLS}


def _stretch(survival: np.ndarray, quick: bool) -> tuple[int, int]:
    """Return the thresholds nearest to the two probabilities; a shorter run stops ten times earlier."""
    last = LAST * (10 if quick else 1)
    return int(np.argmax(survival < FIRST)), int(np.argmax(survival < last))


def _slope(found: Mapping[str, Any], quick: bool) -> Estimate:
    """Return minus the slope of ln P(|w| > x) over ln x on the stretch, its interval by leaving out groups of replicas."""
    beyond = np.asarray(found["beyond"], float)
    first, last = _stretch(beyond.sum(0) / (GROUPS * float(found["samples"][0])), quick)
    run = np.log(THRESHOLDS[last] / THRESHOLDS[first])
    whole = beyond.sum(0)
    left_out = whole - beyond
    slopes = np.log(left_out[:, first] / left_out[:, last]) / run
    value = float(np.log(whole[first] / whole[last]) / run)
    spread = mean_estimate(GROUPS * value - (GROUPS - 1) * slopes)
    reach = (spread.high - spread.low) / 2
    return Estimate(value, value - reach, value + reach, int(whole[last]), "slope of the tail, jackknife", "1", spread.level)


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    from eyring.numerics.exact import tail_exponent

    rows = []
    for b, la in CELLS:
        seen = _slope(results[f"B={b} eta a={la}"], quick)
        exact = float(tail_exponent(batch_size=b, learning_rate_times_curvature=la))
        rivals = {
            "exact law of the steps (Kesten)": (exact, True),
            "form in print, 2 B/(eta a) - B": (2 * b / la - b, False),
            "SDE": (float(formula("tail-exponent-sde")(B=b, a=1.0, eta=la)), False),
        }
        for name, (exponent, own) in rivals.items():
            claim = f"tail exponent at B = {b}, eta a = {la:g}: {exponent:.3f}, {name}"
            told = Prediction.within(exponent, OWN_ERROR, name)
            rows.append(Row.of(judge(claim, seen, told, resolution=0.25 if quick else 0.05, comparisons=len(CELLS), own=own)))
    return Finding(tuple(rows), lambda: _picture(results, quick))


def _picture(results: Mapping[str, Mapping[str, Any]], quick: bool) -> "Figure":
    from eyring.numerics.exact import tail_exponent
    from eyring.validation.reproduce.pictures import panels_in_a_row

    figure, panels = panels_in_a_row(len(CELLS))
    for panel, (b, la) in zip(panels, CELLS, strict=True):
        found = results[f"B={b} eta a={la}"]
        survival = np.asarray(found["beyond"], float).sum(0) / (GROUPS * float(found["samples"][0]))
        seen = survival > 0
        panel.plot(THRESHOLDS[seen], survival[seen], "o", ms=3, color="#1f4e79", label="trained")
        first, last = _stretch(survival, quick)
        x = THRESHOLDS[first : max(last, first + 1) + 1]
        slopes = {"exact": float(tail_exponent(batch_size=b, learning_rate_times_curvature=la)), "in print": 2 * b / la - b, "SDE": 1 + b / la}
        for (name, slope), style in zip(slopes.items(), ("-", "--", ":"), strict=True):
            panel.plot(x, survival[first] * (x / x[0]) ** -slope, style, color="#c55a11", label=f"{name}, {slope:.2f}")
        panel.set(xscale="log", yscale="log", xlabel="|w| / sigma_y", ylabel="P(|w| > x)", title=f"B = {b}, eta a = {la:g}")
        panel.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="ziyin-tail",
    paper="ziyin2022",
    figure="tail exponent of one weight",
    title="How heavy the tail of a weight is",
    setting="y = e, one weight, fresh Gaussian inputs of variance 1 and noisy labels, torch.optim.SGD without momentum; the slope of the tail "
    f"between the probabilities {FIRST:g} and {LAST:g}.",
    claims=("the stationary law has a power-law tail whose exponent is the moment that one step neither raises nor lowers",),
    plan=_plan,
    judge=_judge,
)
