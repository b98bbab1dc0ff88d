"""Xie, Sato & Sugiyama's noise against curvature: the covariance of minibatch gradients in the eigendirections of the Hessian.

Along each eigenvector v of H, v^T G v is held against |h|, the eigenvalue's size: C = H/B would be a line of slope 1 through the origin. With squared
error the law is another one, C = 2 L H/B.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.pictures import COLOURS, blank_figure
from eyring.validation.reproduce.small_data import small_problem
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

SMALLEST = 1e-3  # of the largest |eigenvalue|: flatter directions are left out of the slope
SIZES = {1: 40_000, 10: 4000, 100: 500}  # batch size: batches drawn
AT_ONCE = 4000
STATES = ("pretrained", "random")


def measure(data: str, loss: str, hidden: tuple[int, ...], seeds: int, steps: int, folder: Path | None) -> dict[str, np.ndarray]:
    """Train ``seeds`` networks; return H's eigenvalues and G along their eigenvectors, after and before, (2, seeds, n), losses and batches' tr C.

    ``batches``: B tr C over tr G, with C from minibatches drawn with replacement, (seeds, sizes).
    """
    import torch

    from eyring.validation.probes.gradient_covariance import gradient_covariance
    from eyring.validation.probes.hessian import dense_hessian
    from eyring.validation.reproduce.jastrzebski_training import Cell, starts, train_cells

    problem = small_problem(data, hidden, loss, folder)
    begin = starts(problem, seeds, seed=1)
    trained = train_cells(problem, [Cell(0.1, 0.9)], start=begin, batch_size=32, steps=steps, seed=2)[0]
    found: dict[str, list[Any]] = {"curvature": [], "noise": [], "loss": [], "trace": []}
    for theta in (*trained, *begin):
        h, v = np.linalg.eigh(dense_hessian(problem, theta))
        G = gradient_covariance(problem, theta)
        found["curvature"].append(h)
        found["noise"].append(np.einsum("ki,ki->i", v, G @ v))
        found["loss"].append(float(problem.loss(theta)))
        found["trace"].append(np.trace(G))
    generator = torch.Generator().manual_seed(3)
    batches = [[_batch_trace(problem, theta, size, generator) for size in SIZES] for theta in trained]
    arrays = {name: np.array(values).reshape(2, seeds, *np.shape(values[0])) for name, values in found.items()}
    return arrays | {"batches": np.array(batches) / arrays["trace"][0][:, None]}


def _batch_trace(problem: Any, theta: Any, size: int, generator: Any) -> float:
    import torch

    indices = torch.randint(problem.samples, (SIZES[size], size), generator=generator)
    parts = [problem.batch_gradients(theta.expand(len(part), -1).contiguous(), part) for part in indices.split(AT_ONCE)]
    return float(torch.cat(parts).double().var(0).sum()) * size


def plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    """Return a job for every network."""
    tasks: list[tuple[str, str, tuple[int, ...]]] = [("breast-cancer", "cross-entropy", (6,)), ("breast-cancer", "squared error", (6,))]
    if not quick:
        tasks += [("digits", "cross-entropy", (10,)), ("digits", "cross-entropy", (8, 8))]
    if data is not None:
        tasks = [("mnist.csv", "cross-entropy", (10,)), ("mnist.csv", "cross-entropy", (8, 8))]
    settings = {"seeds": 12 if quick else 48, "steps": 500 if quick else 1500, "folder": data}
    return {
        f"{name}, {loss}, {len(hidden) + 1} layers": Job(measure, {"data": name, "loss": loss, "hidden": hidden, **settings})
        for name, loss, hidden in tasks
    }


def judge_covariance(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    """Hold the slope of ln(v^T G v) against ln|h|, the ratio of the traces, and the 1/B of the batches against the claims."""
    rows: list[Row] = []
    for name, found in results.items():
        squared = "squared error" in name
        for index, state in enumerate(STATES):
            rows += _state_rows(f"{name}, {state}", found, index, squared)
        for place, size in enumerate(SIZES):
            seen = over_seeds(found["batches"][:, place], f"B tr C/tr G at B = {size}")
            rows.append(Row.of(judge(f"{name}: C = G/B at B = {size}, drawn with replacement", seen, Prediction.within(1.0, 0.0, "exact"))))
    return Finding(tuple(rows), lambda: picture(results))


def _state_rows(head: str, found: Mapping[str, Any], index: int, squared: bool) -> list[Row]:
    slopes, ratios, shares = [], [], []
    for h, g, loss in zip(found["curvature"][index], found["noise"][index], found["loss"][index], strict=True):
        kept = np.abs(h) > SMALLEST * np.abs(h).max()
        slopes.append(np.polyfit(np.log(np.abs(h[kept])), np.log(g[kept]), 1)[0])
        ratios.append(g.sum() / np.abs(h).sum())
        shares.append(g.sum() / np.abs(h).sum() / (2 * float(loss)))
    slope = over_seeds(np.array(slopes), "slope of ln(v^T G v) against ln |h|")
    ratio = over_seeds(np.array(ratios), "tr G/tr |H|")
    L = float(np.mean(found["loss"][index]))
    why = "with squared error G = 2 L H" if squared else "the equality needs labels as random as the model says, and here they are not"
    rows = [
        Row.of(judge(f"Xie et al., {head}: C is proportional to |H|, slope 1", slope, Prediction.within(1.0, 0.0, "the paper"), own=False)),
        Row.of(judge(f"Xie et al., {head}: tr C = tr |H|/B", ratio, Prediction.within(1.0, 0.0, "the paper"), own=False), f"mean L {L:.3g}; {why}"),
    ]
    if squared:
        share = over_seeds(np.array(shares), "tr G/(2 L tr |H|)")
        rows.append(Row.of(judge(f"Mori et al., {head}: tr C = 2 L tr |H|/B", share, Prediction.within(1.0, 0.0, "the paper"), own=False)))
    return rows


def over_seeds(values: np.ndarray, method: str) -> Estimate:
    """Return the mean over independent networks with Student's 99 % interval."""
    from scipy.special import stdtrit

    mean, error = float(np.mean(values)), float(np.std(values, ddof=1)) / math.sqrt(len(values))
    reach = float(stdtrit(len(values) - 1, 0.995)) * error
    return Estimate(mean, mean - reach, mean + reach, len(values), method, "1", 0.99)


def picture(results: Mapping[str, Mapping[str, Any]]) -> "Figure":
    """Draw v^T G v against |h| of the first network of every kind, trained and not."""
    figure = blank_figure(4.2 * len(results), 4.4)
    panels = np.atleast_1d(figure.subplots(1, len(results)))
    for panel, (name, found) in zip(panels, results.items(), strict=True):
        for index, state in enumerate(STATES):
            h, g = np.abs(found["curvature"][index][0]), found["noise"][index][0]
            kept = (h > 1e-7 * h.max()) & (g > 0)
            panel.loglog(h[kept], g[kept], ".", ms=4, color=COLOURS[index], label=state)
        ends = np.array(panel.get_xlim())
        panel.loglog(ends, ends, "k-", lw=1, label="G = |H|")
        panel.set(xlabel="|eigenvalue of H|", title=name)
        panel.title.set_fontsize(10)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("v^T G v along its eigenvector")
    panels[0].legend(fontsize=9)
    return figure


REPRODUCTION = Reproduction(
    name="xie-covariance",
    paper="xie2021",
    figure="gradient noise covariance against the Hessian, pretrained and random networks",
    title="The covariance of the gradient noise against the Hessian",
    setting=(
        "Small tanh networks on breast_cancer and digits, before and after training by torch.optim.SGD with momentum 0.9; exact per-sample gradients "
        "and Hessians. Intervals are over independent networks."
    ),
    claims=("C = |H|/B near minima", "the same holds for a random network"),
    plan=plan,
    judge=judge_covariance,
    originals=("mnist.csv",),
)
