"""Draw a quantity of many replicas along a ladder of settings, with 99 % intervals, on logarithmic axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eyring.validation.reproduce.intervals import mean_estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ladder", "plain_numbers", "settings"]

FEW, SOME, MANY = (1.0,), (1.0, 2.0, 5.0), (1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0, 9.0)


def ladder(
    axes: "Axes", x: np.ndarray, values: np.ndarray, colour: str, *, marker: str = "o", label: str = "", log: bool = True, filled: bool = True
) -> None:
    """Draw the mean over replicas at each abscissa.

    Args:
        axes: Where.
        x: M abscissae, drawn on a logarithmic axis.
        values: (M, R); logarithms of what is drawn, if ``log``.
        colour: Of the series.
        marker: Of the series.
        label: For the legend.
        log: Whether the values are logarithms.
        filled: Whether the marks are filled.
    """
    found = [mean_estimate(row) for row in values]
    middle, low, high = (np.array([getattr(e, end) for e in found]) for end in ("value", "low", "high"))
    if log:
        middle, low, high = np.exp(middle), np.exp(low), np.exp(high)
        axes.set_yscale("log")
    face = colour if filled else "white"
    axes.errorbar(x, middle, [middle - low, high - middle], fmt=marker, ms=4.5, color=colour, mfc=face, capsize=2, lw=1, label=label)
    axes.set_xscale("log")
    axes.grid(alpha=0.25)


def plain_numbers(axes: "Axes", *, x: bool = True) -> None:
    """Write plain numbers at the logarithmic axes of a finished panel, as many as the range needs; the abscissa only if ``x``."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() != "log" or (axis is axes.xaxis and not x):
            continue
        decades = np.log10(high / low)
        axis.set_major_locator(LogLocator(subs=FEW if decades > 2 else SOME if decades > 0.8 else MANY, numticks=20))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def settings(axes: "Axes", at: Sequence[float] | np.ndarray, names: Sequence[str]) -> None:
    """Write the settings themselves at the abscissa, and plain numbers at the ordinate."""
    from matplotlib.ticker import NullFormatter, NullLocator

    plain_numbers(axes, x=False)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks(list(at), list(names))
