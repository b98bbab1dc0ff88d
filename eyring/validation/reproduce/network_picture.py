"""The picture of the small network's escape: ln tau against B/eta, one panel a momentum, measured and by every law with its own interval."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.comparisons import Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["network_picture"]


def network_picture(cells: Sequence[Cell], times: Mapping[str, Estimate]) -> "Figure":
    """Draw ln tau, one panel a momentum, with every law and its own interval."""
    from matplotlib import colormaps
    from matplotlib.lines import Line2D

    from eyring.validation.reproduce.pictures import blank_figure

    momenta = list(dict.fromkeys(c.setting.momentum for c in cells))
    figure = blank_figure(4.6 * len(momenta) + 2.4, 5.2)
    panels = np.atleast_1d(figure.subplots(1, len(momenta), sharey=True))
    laws = [law for law, row in cells[0].rows.items() if row["kind"] == "time"]
    marks = dict(zip(sorted({c.setting.learning_rate for c in cells}, reverse=True), "os^", strict=False))
    for panel, mu in zip(panels, momenta, strict=True):
        mine = sorted((c for c in cells if c.setting.momentum == mu), key=lambda c: (c.setting.over_noise, c.setting.learning_rate))
        for place, law in enumerate(laws):
            largest = max(c.setting.learning_rate for c in mine)
            asked = [c for c in mine if c.setting.learning_rate == largest and c.rows[law]["kind"] == "time"]
            x = [(1 - mu) * c.setting.over_noise for c in asked]
            value, low, high = (np.array([c.rows[law][end] + _clock(c) for c in asked]) for end in ("value", "low", "high"))
            look = {"color": colormaps["tab10"](place), "lw": 1.2 if cells[0].rows[law]["source"] else 2.4}
            panel.plot(x, value, label=law if panel is panels[0] else None, **look)
            panel.fill_between(x, low, high, color=look["color"], alpha=0.12, lw=0)
        for eta, mark in marks.items():
            chosen = [c for c in mine if c.setting.learning_rate == eta]
            if not chosen:
                continue
            y = np.array([[math.log(getattr(times[c.setting.name], end)) + _clock(c) for end in ("value", "low", "high")] for c in chosen])
            x = [(1 - mu) * c.setting.over_noise for c in chosen]
            bars = [y[:, 0] - y[:, 1], y[:, 2] - y[:, 0]]
            panel.errorbar(x, y[:, 0], bars, fmt=mark, color="k", mfc="none" if mark == "s" else "k", ms=8 if mark == "s" else 4, capsize=4, zorder=5)
        panel.set_title(f"momentum {mu:g}", fontsize=11)
        panel.set_xlabel("(1 - mu) B/eta")
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("ln tau, eta/(1 - mu) an iteration")
    looks: dict[str, dict[str, Any]] = {m: {"marker": m, "color": "k", "mfc": "none" if m == "s" else "k"} for m in marks.values()}
    points = [Line2D([], [], ls="", label=f"measured (99 %), eta = {eta:g}", **looks[mark]) for eta, mark in marks.items()]
    figure.legend(handles=[*points, *panels[0].get_lines()[: len(laws)]], loc="outside right upper", fontsize=9, frameon=False)
    figure.suptitle("Escape of the iris committee: measured, and by every law with its own interval", fontsize=11)
    return figure


def _clock(cell: Cell) -> float:
    return math.log(cell.setting.learning_rate / (1 - cell.setting.momentum))
