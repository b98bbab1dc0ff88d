"""Jastrzebski et al.: a schedule of the learning rate can be replaced by one of the batch size that takes eta/S through the same values."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, worst_ratio_row
from eyring.validation.reproduce.jastrzebski_training import Cell, accuracies, curvatures, digits_problem, digits_split, starts, train_cells
from eyring.validation.reproduce.pictures import COLOURS, blank_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "constant_batches", "cyclic_batches", "learning_rates"]

SAMPLES, HIDDEN = 640, 8
MOMENTA = (0.0, 0.5, 0.9)
HIGH, LOW = 0.5, 0.1  # eta/(1 - mu)
SMALL, LARGE = 16, 80  # batches: HIGH/SMALL = 1/32 and LOW/SMALL = HIGH/LARGE = 1/160
KINDS = ("cyclic learning rate", "constant, small learning rate", "constant, large learning rate", "cyclic batch size", "constant, large batch")


def learning_rates(*, phases: int, epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train with small batches at a learning rate that alternates, stays low, or stays high; as ``_measured``, kinds by momenta."""
    length = epochs * SAMPLES // SMALL

    def alternating(mu: float) -> Cell:
        return Cell(lambda step: (1 - mu) * (LOW if step // length % 2 else HIGH), mu)

    cells = [make(mu) for make in (alternating, lambda mu: Cell(LOW * (1 - mu), mu), lambda mu: Cell(HIGH * (1 - mu), mu)) for mu in MOMENTA]
    return _measured(cells, batch_size=SMALL, steps=phases * length, replicas=replicas, seed=seed)


def cyclic_batches(*, phases: int, epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train at the high learning rate with batches that alternate between small and large, each for as many epochs."""
    lengths = [epochs * SAMPLES // (LARGE if phase % 2 else SMALL) for phase in range(phases)]
    sizes = np.repeat([LARGE if phase % 2 else SMALL for phase in range(phases)], lengths)
    cells = [Cell(HIGH * (1 - mu), mu) for mu in MOMENTA]
    return _measured(cells, batch_size=LARGE, steps=len(sizes), replicas=replicas, seed=seed, sizes=sizes)


def constant_batches(*, phases: int, epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train at the high learning rate with large batches throughout."""
    cells = [Cell(HIGH * (1 - mu), mu) for mu in MOMENTA]
    return _measured(cells, batch_size=LARGE, steps=phases * epochs * SAMPLES // LARGE, replicas=replicas, seed=seed)


def _measured(
    cells: list[Cell], *, batch_size: int, steps: int, replicas: int, seed: int, sizes: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Return the trace of the Hessian, its largest eigenvalue and the test accuracy at the end, (3, kinds, momenta, R)."""
    problem = digits_problem(SAMPLES, HIDDEN)
    _, test = digits_split(SAMPLES)
    batch_at = None if sizes is None else lambda step: int(sizes[step])
    start = starts(problem, replicas, seed)
    thetas = train_cells(problem, cells, start=start, batch_size=batch_size, steps=steps, seed=seed + batch_size + steps, batch_at=batch_at)
    sharpest, trace, _ = curvatures(problem, thetas)
    found = np.stack([trace, sharpest, accuracies(problem, thetas, test)[0]])
    return {"end": found.reshape(3, -1, len(MOMENTA), replicas)}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    run = {"phases": 4 if quick else 8, "epochs": 3 if quick else 4, "replicas": 8 if quick else 96, "seed": 41}
    return {"learning rates": Job(learning_rates, run), "cyclic batches": Job(cyclic_batches, run), "large batches": Job(constant_batches, run)}


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    logs = np.log(np.concatenate([results[name]["end"] for name in ("learning rates", "cyclic batches", "large batches")], axis=1))
    trace, sharpest, right = logs
    rows = []
    for what, values, margin, resolution in (
        ("trace of the Hessian", trace, 0.1, 0.25),
        ("largest eigenvalue", sharpest, 0.1, 0.25),
        ("test accuracy", right, 0.01, 0.05),
    ):
        for m, mu in enumerate(MOMENTA):
            claim = f"cyclic batch size ends like cyclic learning rate, momentum {mu:g}: ratio of the {what}"
            rows.append(worst_ratio_row(claim, (values[3, m] - values[0, m])[None], margin=margin, resolution=resolution))
    rows += [_constant_row(trace, m, mu) for m, mu in enumerate(MOMENTA)]
    for kind in (0, 3):
        for what, values, sign in (("ends flatter (ln trace)", trace, -1), ("tests better (ln accuracy)", right, 1)):
            claim = f"{KINDS[kind]} {what} than constants at the cycle's low eta/S"
            rows.append(sign_row(claim, mean_estimate(values[kind, 0] - (values[1, 0] + values[4, 0]) / 2), sign=sign))
    claim = "the cycle ends flatter than its high eta/S throughout (ln trace)"
    rows.append(sign_row(claim, mean_estimate(trace[0, 0] - trace[2, 0]), sign=-1, note="asked here, not in the paper"))
    return Finding(tuple(rows), lambda: _picture(logs))


def _constant_row(trace: np.ndarray, m: int, mu: float) -> Row:
    claim = f"constant eta {LOW} with S = {SMALL} ends like constant {HIGH} with S = {LARGE}, momentum {mu:g}: ratio of the trace of the Hessian"
    return worst_ratio_row(claim, (trace[4, m] - trace[1, m])[None], margin=0.1, resolution=0.25)


def _picture(logs: np.ndarray) -> "Figure":
    figure = blank_figure(12, 4.6)
    panels = figure.subplots(1, 3, sharey=True)
    for panel, values, name in zip(panels, logs, ("trace of the Hessian", "largest Hessian eigenvalue", "test accuracy"), strict=True):
        for m, mu in enumerate(MOMENTA):
            found = [mean_estimate(values[k, m]) for k in range(len(KINDS))]
            middle, low, high = (np.exp([getattr(e, end) for e in found]) for end in ("value", "low", "high"))
            at = np.arange(len(KINDS)) + 0.15 * (m - 1)
            panel.errorbar(middle, at, xerr=[middle - low, high - middle], fmt="o^s"[m], ms=5, color=COLOURS[m], capsize=3, label=f"momentum {mu:g}")
        panel.set_xlabel(name)
        panel.grid(alpha=0.25)
    panels[0].set_yticks(range(len(KINDS)), KINDS)
    panels[0].invert_yaxis()
    panels[0].legend(fontsize=8, loc="best")
    figure.suptitle("Schedules of learning rate and of batch size: digits, 16-8-10 network (small-scale analogue; 99 % intervals)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="jastrzebski-schedules",
    paper="jastrzebski2017",
    figure="Fig. 4: cyclic batch size against cyclic learning rate, and constants",
    title="A schedule of the learning rate equals one of the batch size",
    setting=(
        f"A 16-{HIDDEN}-10 ReLU network with cross-entropy on {SAMPLES} of scikit-learn's digits, trained by torch.optim.SGD: eta alternates between "
        f"{HIGH} and {LOW} at S = {SMALL}, or S between {SMALL} and {LARGE} at eta = {HIGH}, every few epochs (the last are at low eta/S); beside "
        "them constants, at momentum 0, 0.5 and 0.9 with eta (1 - mu). Equal: within 10 % in curvature, 1 % in accuracy."
    ),
    claims=(
        "a learning-rate schedule and the batch-size schedule of equal eta/S end alike",
        "cyclic schedules end in wider minima that test better than constants at low eta/S",
    ),
    plan=_plan,
    judge=_judge,
)
