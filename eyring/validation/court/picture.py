"""The picture of a ruling: ln tau against B/eta with every law, and below what the measurement has beyond each."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.estimators.exit_rate import poisson_interval
from eyring.validation.court.comparisons import Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eyring.validation.court.ruling import Ruling

__all__ = ["court_picture"]

MARKS = "osD^vPX"
TICKS = (0.1, 0.3, 1, 3, 10, 30, 100)


def court_picture(ruling: "Ruling") -> "Figure":
    """Return one column a momentum: ln tau with 99 % intervals and every law's line, and what the measurement has beyond each below.

    A hollow mark stands where an assumption of the law fails.
    """
    from matplotlib.figure import Figure

    cells = [cell for cell in ruling.cells if cell.events]
    momenta = list(dict.fromkeys(cell.setting.momentum for cell in ruling.cells))
    figure = Figure(figsize=(5.4 * len(momenta) + 2.4, 7.6), layout="constrained")
    axes = figure.subplots(2, len(momenta), squeeze=False, sharex="col", sharey="row", height_ratios=(4, 3))
    looks = _looks(ruling)
    for (above, below), momentum in zip(axes.T, momenta, strict=True):
        mine = [cell for cell in cells if cell.setting.momentum == momentum]
        _times(above, mine, looks)
        _residuals(below, mine, looks)
        above.set_title(f"momentum {momentum:g}", fontsize=11)
    if cells:
        seen = np.array([_log_times(cell) for cell in cells])
        room = 0.35 * np.ptp(seen) + 0.5
        axes[0, 0].set_ylim(seen.min() - room, seen.max() + room)
    axes[0, 0].set_ylabel("ln tau (eta an iteration)")
    axes[1, 0].set_ylabel("ln(measured / law)")
    figure.legend(handles=_legend(cells, looks), loc="outside right upper", fontsize=9, frameon=False)
    return figure


def _looks(ruling: "Ruling") -> dict[str, dict[str, Any]]:
    """Return colour and width of every law that gives a time; eyring's own are thicker."""
    from matplotlib import colormaps

    rows = {law: next(c.rows[law] for c in ruling.cells if law in c.rows) for law in ruling.laws}
    timed = [law for law in rows if any(_is_time(cell, law) for cell in ruling.cells)]
    return {law: {"color": colormaps["tab10"](i % 10), "lw": 1.2 if rows[law].get("source") else 2.4} for i, law in enumerate(timed)}


def _times(axes: "Axes", cells: Sequence[Cell], looks: Mapping[str, Mapping[str, Any]]) -> None:
    for mark, scale in zip(MARKS, _scales(cells), strict=False):
        mine = sorted((c for c in cells if c.setting.scale == scale), key=lambda c: c.setting.over_noise)
        points = np.array([_log_times(cell) for cell in mine])
        x = np.array([cell.setting.over_noise for cell in mine])
        axes.errorbar(x, points[:, 0], _bars(points), fmt=mark, color="k", ms=4, capsize=3, zorder=5)
        for law, look in looks.items():
            said = np.array([cell.log_time(law) if _is_time(cell, law) else np.nan for cell in mine])
            axes.plot(x, said, zorder=1, **look)
    axes.grid(alpha=0.25)


def _residuals(axes: "Axes", cells: Sequence[Cell], looks: Mapping[str, Mapping[str, Any]]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    places = [c.setting.over_noise for c in cells]
    width = max(np.ptp(places), 0.1 * max(places)) if places else 1.0
    for place, (law, look) in enumerate(looks.items()):
        shift = 0.008 * width * (place - (len(looks) - 1) / 2)
        for (mark, scale), inside in itertools.product(zip(MARKS, _scales(cells), strict=False), (True, False)):
            mine = [c for c in cells if c.setting.scale == scale and _is_time(c, law) and _in_regime(c, law) == inside]
            if mine:
                points = np.array([_log_times(cell) for cell in mine]) - np.array([[cell.log_time(law)] for cell in mine])
                x = [cell.setting.over_noise + shift for cell in mine]
                face = look["color"] if inside else "white"
                axes.errorbar(x, points[:, 0], _bars(points), fmt=mark, ms=4, capsize=2, color=look["color"], mfc=face)
    axes.axhline(0, color="k", lw=0.8)
    axes.set_yscale("symlog", linthresh=0.3)
    axes.yaxis.set_major_locator(FixedLocator([*(-t for t in TICKS[::-1]), 0, *TICKS]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("B/eta")
    axes.grid(alpha=0.25)


def _legend(cells: Sequence[Cell], looks: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    from matplotlib.lines import Line2D

    scales = zip(MARKS, _scales(cells), strict=False)
    marks = [Line2D([], [], marker=mark, ls="", color="k", ms=5, label=f"measured (99 %), k = {scale:g}") for mark, scale in scales]
    hollow = Line2D([], [], marker="o", ls="", color="0.4", mfc="white", ms=5, label="an assumption of the law fails")
    return [*marks, hollow, *(Line2D([], [], label=law, **look) for law, look in looks.items())]


def _scales(cells: Sequence[Cell]) -> list[float]:
    return sorted({cell.setting.scale for cell in cells})


def _is_time(cell: Cell, law: str) -> bool:
    return cell.rows.get(law, {}).get("kind") == "time"


def _in_regime(cell: Cell, law: str) -> bool:
    return all(assumption["holds"] for assumption in cell.rows[law].get("assumptions", ()))


def _log_times(cell: Cell) -> tuple[float, float, float]:
    """Return ln tau and the ends of its 99 % interval."""
    few, many = poisson_interval(cell.events, 1.0, level=0.99)
    value, low, high = (cell.log_exposure - math.log(n) for n in (cell.events, many, few))
    return value, low, high


def _bars(points: np.ndarray) -> np.ndarray:
    return np.array([points[:, 0] - points[:, 1], points[:, 2] - points[:, 0]])
