"""Jastrzebski et al.: the ratio of learning rate to batch size, not either alone, sets how sharp the minimum is that a small network ends in."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, slopes, worst_ratio_row
from eyring.validation.reproduce.jastrzebski_training import Cell, curvatures, digits_problem, starts, train_cells
from eyring.validation.reproduce.ladder import ladder, settings
from eyring.validation.reproduce.pictures import COLOURS, blank_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "equal_times", "widths"]

SAMPLES, HIDDEN = 600, 8
MOMENTA = (0.0, 0.5, 0.9)
RATIOS = tuple(2.0**-k for k in (8, 7, 6, 5, 4))  # eta/(S (1 - mu))
TIMED = RATIOS[2:]
BATCHES = (8, 16, 32)
SMALL_STEP = 0.5  # eta/(1 - mu), up to which steps are small against 2/(largest eigenvalue), about 2
MARGIN, RESOLUTION = 0.1, 0.25  # equal means within a tenth; the ratio's 16-fold change moves the eigenvalue by a factor of two
MEASURES = ("largest Hessian eigenvalue", "trace of the Hessian", "Frobenius norm of the Hessian")


def widths(*, batch_size: int, ratios: Sequence[float], momenta: Sequence[float], epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train at every ratio and momentum for the same epochs; return the three measures of width, (3, momenta, ratios, R)."""
    problem = digits_problem(SAMPLES, HIDDEN)
    cells = [Cell(ratio * batch_size * (1 - mu), mu) for mu in momenta for ratio in ratios]
    start = starts(problem, replicas, seed)
    thetas = train_cells(problem, cells, start=start, batch_size=batch_size, steps=epochs * SAMPLES // batch_size, seed=seed + batch_size)
    return {"width": curvatures(problem, thetas).reshape(3, len(momenta), len(ratios), replicas)}


def equal_times(*, batch_size: int, ratios: Sequence[float], epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train until eta times the number of steps is that of ``epochs`` at the largest ratio; the three measures of width, (3, ratios, R)."""
    import torch

    problem = digits_problem(SAMPLES, HIDDEN)
    last = epochs * SAMPLES // batch_size
    stops = [round(last * max(ratios) / ratio) for ratio in ratios]
    kept: dict[int, torch.Tensor] = {}

    def look(step: int, thetas: "torch.Tensor") -> None:
        kept.update({k: thetas[k].clone() for k, stop in enumerate(stops) if step == stop})

    cells = [Cell(ratio * batch_size) for ratio in ratios]
    start = starts(problem, replicas, seed)
    train_cells(problem, cells, start=start, batch_size=batch_size, steps=max(stops), seed=seed, look=look, look_every=1)
    return {"width": curvatures(problem, torch.stack([kept[k] for k in range(len(ratios))]))}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    batches, ratios = _sizes(quick)
    common: dict[str, Any] = {"replicas": 8 if quick else 96, "epochs": 12 if quick else 40, "seed": 11}
    jobs = {f"batches of {S}": Job(widths, {**common, "batch_size": S, "ratios": list(ratios), "momenta": list(MOMENTA)}) for S in batches}
    return jobs if quick else jobs | {"equal time": Job(equal_times, {**common, "batch_size": BATCHES[1], "ratios": list(TIMED)})}


def _sizes(quick: bool) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return (BATCHES[1:], RATIOS[::2]) if quick else (BATCHES, RATIOS)


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    batches, ratios = _sizes(quick)
    logs = np.stack([np.log(results[f"batches of {S}"]["width"]) for S in batches], axis=3)  # (3, mu, ratio, S, R)
    timed = np.log(results["equal time"]["width"]) if "equal time" in results else None
    rows = [_slope_row(logs[0, m].mean(1), ratios, MEASURES[0], f"at momentum {mu:g}") for m, mu in enumerate(MOMENTA)]
    rows += [_slope_row(logs[k, 0].mean(1), ratios, MEASURES[k], "at momentum 0") for k in (1, 2)]
    rows += [row for m, mu in enumerate(MOMENTA) for row in _collapse_rows(logs[:2, m], ratios, batches, mu)]
    across = np.concatenate([(logs[1, m] - logs[1, 0])[r].mean(0)[None] for m in (1, 2) for r in range(len(ratios))])
    rows.append(
        worst_ratio_row(
            "momentum counts as eta/(1 - mu): at equal eta/(S (1 - mu)), the trace at momentum 0.5 and 0.9 is that at 0",
            across,
            margin=MARGIN,
            resolution=RESOLUTION,
        )
    )
    if timed is not None:
        claim = "at equal training time eta x steps as well, where larger eta/S does not train for longer, the largest eigenvalue falls: slope < 0"
        rows.append(sign_row(claim, mean_estimate(slopes(np.log(TIMED), timed[0])), sign=-1))
    return Finding(tuple(rows), lambda: _picture(logs, timed, ratios, batches))


def _slope_row(logs: np.ndarray, ratios: Sequence[float], measure: str, where: str) -> Row:
    claim = f"after equal epochs, the {measure} falls with eta/S {where}: slope of ln against ln(eta/S) < 0"
    return sign_row(claim, mean_estimate(slopes(np.log(ratios), logs)), sign=-1, note="over a 16-fold eta/S")


def _collapse_rows(logs: np.ndarray, ratios: Sequence[float], batches: Sequence[int], mu: float) -> list[Row]:
    """Compare batch sizes at equal eta/S: in the trace at small steps, and in the largest eigenvalue at all steps."""
    pairs = [(r, i, j) for r in range(len(ratios)) for i, j in combinations(range(len(batches)), 2)]
    small = [(r, i, j) for r, i, j in pairs if ratios[r] * batches[j] <= SMALL_STEP]
    rows = []
    for k, chosen, steps in ((1, small, f"with eta/(1 - mu) up to {SMALL_STEP}"), (0, pairs, "at all learning rates")):
        claim = f"equal eta/S, equal {MEASURES[k]}, {steps}, momentum {mu:g}"
        rows.append(worst_ratio_row(claim, np.array([logs[k, r, j] - logs[k, r, i] for r, i, j in chosen]), margin=MARGIN, resolution=RESOLUTION))
    return rows


def _picture(logs: np.ndarray, timed: np.ndarray | None, ratios: Sequence[float], batches: Sequence[int]) -> "Figure":
    figure = blank_figure(4.2 * (2 if timed is None else 3), 4.6)
    panels = figure.subplots(1, 2 if timed is None else 3)
    for k, panel in enumerate(panels[:2]):
        for m, mu in enumerate(MOMENTA):
            for s, S in enumerate(batches):
                shift = 1.06 ** (3 * m + s - 4)
                ladder(panel, np.array(ratios) * shift, logs[k, m, :, s], COLOURS[s], marker="o^s"[m], label=f"S = {S}, momentum {mu:g}")
        panel.set(ylabel=MEASURES[k], title="after equal epochs", xlabel="eta/(S (1 - mu))")
        settings(panel, ratios, [f"1/{1 / r:.0f}" for r in ratios])
    if timed is not None:
        ladder(panels[2], np.array(TIMED), timed[0], COLOURS[3], marker="D")
        panels[2].set(ylabel=MEASURES[0], title=f"at equal eta x steps, S = {BATCHES[1]}", xlabel="eta/S")
        settings(panels[2], TIMED, [f"1/{1 / r:.0f}" for r in TIMED])
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(batches), fontsize=8, frameon=False)
    figure.suptitle("Sharpness of the minimum against eta/S: digits, 16-8-10 network (small-scale analogue; 99 % intervals)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="jastrzebski-width",
    paper="jastrzebski2017",
    figure="Figs. 1 and 3: Hessian norm against eta/S, and its collapse",
    title="The ratio of learning rate to batch size sets the width of the minimum",
    setting=(
        f"A 16-{HIDDEN}-10 ReLU network with cross-entropy on {SAMPLES} of scikit-learn's digits, averaged to 4 x 4 pixels, trained by "
        f"torch.optim.SGD with batches of {', '.join(map(str, BATCHES))} drawn with replacement and momentum 0, 0.5 and 0.9 at equal "
        "eta/(S (1 - mu)) for equal epochs; the full Hessian at the end. Replicas share start and batches. Equal: within 10 %, all ratios judged "
        "at once."
    ),
    claims=(
        "larger eta/S ends in a wider minimum",
        "equal eta/S ends in an equally wide minimum",
        "momentum enters as eta/(S (1 - mu))",
    ),
    plan=_plan,
    judge=_judge,
)
