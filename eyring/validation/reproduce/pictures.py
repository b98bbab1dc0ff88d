"""Pictures of the reproductions: ln of the escape time along each sweep, measured with intervals, beside every law's line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eyring.numerics.answer import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "STYLES", "Series", "blank_figure", "panels_in_a_row", "sweep_picture", "with_intervals"]

COLOURS = ("#1f4e79", "#c55a11", "#4d7f3a", "#7b3f91", "#b8860b", "#5f6b73")
STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Series:
    """One sweep at one momentum.

    Attributes:
        axis: What is swept, such as "1/k".
        name: Of the points, such as "mu = 0.9".
        x: Where.
        measured: Mean times in iterations.
        laws: Predicted mean times by the name of the law, in the order of the lines.
    """

    axis: str
    name: str
    x: Sequence[float]
    measured: Sequence[Estimate]
    laws: Mapping[str, Sequence[float]]


def blank_figure(width: float, height: float) -> "Figure":
    """Return an empty figure that needs no window."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels_in_a_row(count: int) -> "tuple[Figure, list[Axes]]":
    """Return a figure that needs no window, with panels side by side."""
    figure = blank_figure(6.2 * count, 4.8)
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def with_intervals(panel: "Axes", x: Sequence[float], seen: Sequence[Estimate], colour: str, label: str | None = None) -> None:
    """Draw estimates with their intervals."""
    y, low, high = (np.array([getattr(s, end) for s in seen]) for end in ("value", "low", "high"))
    panel.errorbar(x, y, yerr=[y - low, high - y], fmt="o", color=colour, capsize=3, label=label)


def sweep_picture(title: str, series: Sequence[Series], ylabel: str = "ln tau, iterations") -> "Figure":
    """Draw one panel a sweep; colours are momenta, line styles are laws.

    Args:
        title: Above all panels.
        series: In the order of the panels.
        ylabel: Of the first panel.
    """
    from matplotlib.lines import Line2D

    axes_names, names = list(dict.fromkeys(s.axis for s in series)), list(dict.fromkeys(s.name for s in series))
    laws = list(dict.fromkeys(law for s in series for law in s.laws))
    figure = blank_figure(4.4 * len(axes_names), 4.6)
    panels = np.atleast_1d(figure.subplots(1, len(axes_names), sharey=True))
    for s in series:
        _draw(panels[axes_names.index(s.axis)], s, COLOURS[names.index(s.name) % len(COLOURS)], laws)
    for panel, axis in zip(panels, axes_names, strict=True):
        panel.set_xlabel("(1 - mu)/eta" if axis == "1/eta" else axis)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel(ylabel)
    marks = [Line2D([], [], marker="o", ls="", color=COLOURS[i % len(COLOURS)], label=f"measured, {name} (99 %)") for i, name in enumerate(names)]
    lines = [Line2D([], [], ls=STYLES[i % len(STYLES)], color="0.3", label=law) for i, law in enumerate(laws)]
    figure.legend(handles=marks + lines, loc="outside lower center", ncols=3, fontsize=9, frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw(axes: "Axes", s: Series, colour: str, laws: Sequence[str]) -> None:
    order = np.argsort(s.x)
    x = np.asarray(s.x, dtype=float)[order]
    for name, times in s.laws.items():
        axes.plot(x, np.log(np.asarray(times, dtype=float)[order]), ls=STYLES[laws.index(name) % len(STYLES)], color=colour, lw=1.4)
    value, low, high = (np.log([getattr(s.measured[i], end) for i in order]) for end in ("value", "low", "high"))
    axes.errorbar(x, value, [value - low, high - value], fmt="o", ms=4.5, color=colour, capsize=3, zorder=4)
