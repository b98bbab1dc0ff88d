"""One picture per problem: what was measured, with intervals, beside what was predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.problems.regression_table import RegressionRow
from eyring.validation.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Escapes", "StepSize", "double_well_picture", "regression_picture"]

COLOURS = {"agrees": "#1b7837", "disagrees": "#b2182b", "undecided": "#8c6d1f", "out of regime": "#666666"}
BAND = "#b9c7d8"
SERIES = ("#1f4e79", "#c55a11", "#4d7f3a", "#7b3f91")


@dataclass(frozen=True)
class Escapes:
    """What the double-well picture shows of one experiment.

    Attributes:
        title: Of the experiment.
        times: Exit times, in iterations.
        censored: Waits that had not ended.
        mean: Measured mean time.
    """

    title: str
    times: np.ndarray
    censored: np.ndarray
    mean: float


@dataclass(frozen=True)
class StepSize:
    """Measured and computed mean times at one learning rate, in continuous time."""

    learning_rate: float
    measured: tuple[float, float, float]
    chain: float


def double_well_picture(escapes: Sequence[Escapes], steps: Sequence[StepSize], exact: Mapping[str, float], verdicts: Sequence[Verdict]) -> "Figure":
    """Draw the mean time against the learning rate, how many walkers still wait, and every comparison.

    Args:
        escapes: One an experiment.
        steps: Plain SGD at its learning rates, by value, low and high.
        exact: Exact times of the SDE by calculus.
        verdicts: All comparisons, in order.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14.5, 11.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes: dict[str, Axes] = figure.subplot_mosaic([["steps", "forest"], ["waits", "forest"]], width_ratios=(1, 1.35), height_ratios=(1, 1))
    _step_sizes(axes["steps"], steps, exact)
    _survival(axes["waits"], escapes)
    _forest(axes["forest"], verdicts)
    return figure


def regression_picture(rows: Sequence[RegressionRow]) -> "Figure":
    """Draw measured variance over the exact i.i.d. law against curvature, one panel per batch size."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sizes = sorted({row.batch_size for row in rows})
    figure = Figure(figsize=(6.5 * len(sizes), 5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = np.atleast_1d(figure.subplots(1, len(sizes), sharey=True))
    for panel, size in zip(panels, sizes, strict=True):
        _variances(panel, [row for row in rows if row.batch_size == size], size)
    panels[0].set_ylabel("measured variance / exact law with replacement")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.suptitle(
        "Stationary variance of SGD along each eigenvector of the Hessian (diabetes data); bars: simultaneous 99 % intervals", fontsize=11
    )
    return figure


def _step_sizes(axes: "Axes", steps: Sequence[StepSize], exact: Mapping[str, float]) -> None:
    eta = np.array([s.learning_rate for s in steps])
    value, low, high = (np.array([s.measured[i] for s in steps]) for i in range(3))
    for colour, (name, time) in zip(("#1b7837", "#c55a11", "#b2182b"), exact.items(), strict=False):
        axes.axhline(time, color=colour, lw=1.6, label=f"exact SDE, {name}")
    axes.plot(eta, [s.chain for s in steps], "k_", ms=22, mew=1.6, ls="", label="exact discrete chain", zorder=3)
    axes.errorbar(
        eta, value, [value - low, high - value], fmt="o", color=SERIES[0], ms=5, capsize=5, label="measured, torch.optim.SGD (99 %)", zorder=4
    )
    axes.set_yscale("log")
    _plain_ticks(axes.yaxis, (100, 120, 140, 170, 200, 250, 300, 400, 500))
    axes.set(
        xlim=(0, 1.3 * eta.max()),
        ylim=(0.85 * value.min(), 1.2 * max(exact.values())),
        xlabel="learning rate eta, at the same eta/B",
        ylabel="mean time to the other minimum (eta x iterations)",
    )
    axes.set_title("Real minibatch SGD follows Ito's calculus", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(0.02, 0.675), fontsize=9)


def _survival(axes: "Axes", escapes: Sequence[Escapes]) -> None:
    for colour, seen in zip(SERIES, escapes, strict=False):
        ages, share = _kaplan_meier(seen.times, seen.censored)
        shown = np.unique(np.searchsorted(ages, np.linspace(0, ages[-1], 300)).clip(0, len(ages) - 1))
        axes.semilogy(ages[shown] / seen.mean, share[shown], color=colour, lw=2, label=seen.title)
    limit = axes.get_xlim()[1]
    grid = np.linspace(0, limit, 50)
    axes.semilogy(grid, np.exp(-grid), "k--", lw=1, label="exponential law", zorder=5)
    _plain_ticks(axes.yaxis, (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0))
    axes.set(xlabel="iterations since the start / measured mean time", ylabel="share of replicas still in their well", xlim=(0, limit))
    axes.set_title("Walkers forget how long they have waited", fontsize=11)
    axes.grid(alpha=0.25)
    axes.legend(loc="upper right", fontsize=9)


def _kaplan_meier(times: np.ndarray, censored: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ages and the share still waiting there, with censored waits counted as long as they lasted."""
    ages, counts = np.unique(times, return_counts=True)
    every = np.sort(np.concatenate([times, censored]))
    at_risk = len(every) - np.searchsorted(every, ages, side="left")
    keep = at_risk > 30
    return ages[keep], np.cumprod(1 - counts[keep] / at_risk[keep])


def _forest(axes: "Axes", verdicts: Sequence[Verdict]) -> None:
    rows = _grouped(verdicts)
    for row, (_, verdict) in enumerate(rows):
        if verdict is not None:
            _forest_row(axes, row, verdict)
    axes.axvline(1, color="k", lw=1, zorder=2)
    axes.set_xscale("log")
    axes.set_yticks(range(len(rows)), [text for text, _ in rows], fontsize=9)
    axes.tick_params(axis="y", length=0)
    for label, (_, verdict) in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color="k" if verdict is None else COLOURS[verdict.status], weight="bold" if verdict is None else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    ends = [e for v in verdicts for e in (v.ratio.low, v.ratio.high)]
    axes.set_xlim(min(*ends, 0.9) * 0.95, max(*ends, 1.1) * 1.05)
    _plain_ticks(axes.xaxis, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0))
    axes.set(xlabel="measured / predicted (bars: 99 % interval)")
    axes.set_title("Every comparison", fontsize=11)
    axes.grid(axis="x", alpha=0.25)
    axes.legend(handles=_forest_legend(), loc="upper center", bbox_to_anchor=(0.2, -0.06), ncols=4, fontsize=9, frameon=False)


def _grouped(verdicts: Sequence[Verdict]) -> list[tuple[str, Verdict | None]]:
    """Return rows of text: a headline where the experiment changes, and its claims below."""
    rows: list[tuple[str, Verdict | None]] = []
    subject = ""
    for verdict in verdicts:
        head, _, claim = verdict.claim.rpartition(": ")
        if head != subject:
            rows.append((head, None))
            subject = head
        rows.append((claim, verdict))
    return rows


def _forest_row(axes: "Axes", row: int, verdict: Verdict) -> None:
    ratio, predicted, colour = verdict.ratio, verdict.predicted, COLOURS[verdict.status]
    if predicted.low is not None and predicted.high is not None:
        axes.barh(row, (predicted.high - predicted.low) / predicted.value, left=predicted.low / predicted.value, height=0.62, color=BAND, zorder=1)
    axes.plot([ratio.low, ratio.high], [row, row], color=colour, lw=2, zorder=3)
    axes.plot(ratio.value, row, "o" if verdict.own else "s", ms=5.5, color=colour, mfc=colour if verdict.own else "white", zorder=4)


def _plain_ticks(axis: Any, ticks: Sequence[float]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))


def _forest_legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [
        Line2D([], [], marker="o", ls="", color="0.3", label="eyring's own prediction"),
        Line2D([], [], marker="s", ls="", color="0.3", mfc="white", label="rival or leading-order formula"),
        Patch(color=BAND, label="the theory's own error"),
    ]
    return marks + [Line2D([], [], color=colour, lw=2, label=status) for status, colour in COLOURS.items()]


def _variances(axes: "Axes", rows: Sequence[RegressionRow], size: int) -> None:
    samplers = list(dict.fromkeys(row.sampler for row in rows))
    spread = (0.94, 1.0, 1.064)
    for colour, marker, shift, sampler in zip(SERIES, "os^", spread, samplers, strict=False):
        mine = [row for row in rows if row.sampler == sampler]
        x = np.array([row.curvature for row in mine]) * shift
        law = np.array([row.law_without_factor for row in mine])
        y, low, high = (np.array([getattr(row, name) for row in mine]) / law for name in ("measured", "low", "high"))
        axes.errorbar(x, y, [y - low, high - y], fmt=marker, ms=5, color=colour, capsize=3, label=f"measured, {sampler}")
    first = sorted([row for row in rows if row.sampler == samplers[0]], key=lambda row: row.curvature)
    curvatures = [row.curvature for row in first]
    axes.axhline(1, color=SERIES[0], lw=1, label="exact law, with replacement")
    axes.plot(
        curvatures,
        [row.law_with_factor / row.law_without_factor for row in first],
        color=SERIES[1],
        lw=1,
        ls="--",
        label="exact law with factor (N - S)/(N - 1)",
    )
    axes.plot(
        curvatures,
        [row.continuous / row.law_without_factor for row in first],
        color="0.35",
        lw=1.2,
        ls=":",
        label="continuous time, with replacement",
    )
    axes.set_xscale("log")
    axes.set(xlabel="curvature of the direction", ylim=(0, None))
    axes.set_title(f"batch size S = {size}", fontsize=11)
    axes.grid(alpha=0.25)
