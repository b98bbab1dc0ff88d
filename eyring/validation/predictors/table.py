"""The table of all laws for one escape: what each predicts, how far each is from what it assumes."""

import json
from dataclasses import dataclass
from html import escape
from math import log
from typing import Any

import numpy as np

from eyring.errors import ParameterError
from eyring.validation.predictors.contract import Row

__all__ = ["Predictions", "parallel_exits"]

HEADS = ("law", "ln tau (iterations)", "interval", "ln tau (time)", "assumptions")


@dataclass(frozen=True)
class Predictions:
    """One row a law.

    Attributes:
        rows: In the order of the table; the published laws first.
        event: What counts as escaped.
        setting: How walkers are trained, in words.
    """

    rows: tuple[Row, ...]
    event: str
    setting: str

    def row(self, name: str) -> Row:
        """Return the row of one law.

        Raises:
            ParameterError: If there is none of this name.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise ParameterError(f"no law is called {name!r}; the table has {', '.join(r.name for r in self.rows)}")

    @property
    def own(self) -> Row:
        """Eyring's own prediction."""
        return self.row("eyring")

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text."""
        return {"event": self.event, "setting": self.setting, "rows": [row.to_dict() for row in self.rows]}

    def to_json(self) -> str:
        """Return the table as JSON."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def __str__(self) -> str:
        cells = [HEADS, *map(_cells, self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(HEADS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
        return "\n".join([f"escape to the event {self.event!r}, {self.setting}", *lines])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in HEADS)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(row))}</tr>" for row in self.rows)
        return f"<table><caption>{escape(self.event)}, {escape(self.setting)}</caption><tr>{head}</tr>{body}</table>"


def parallel_exits(*ways: Predictions, times: int = 1) -> Predictions:
    """Return the table for leaving one minimum by any of several ways: the rates of each law add, 1/tau = sum 1/tau_i.

    Args:
        *ways: The table of each way out of the same minimum, for the same training and event.
        times: How many equal exits each of them stands for, such as the coordinates of a separable loss.

    Raises:
        ParameterError: If there is no way, the ways differ in event or training, or ``times`` is no whole number from 1.

    Source: Rule 1 of Xie, Sato & Sugiyama 2021 [recalled]; competing exponential waiting times.
    """
    if not ways or isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ParameterError(f"parallel exits need a way or more, each counted a whole number of times; got {len(ways)} ways, times={times!r}")
    if len({(w.event, w.setting, tuple(r.name for r in w.rows)) for w in ways}) > 1:
        raise ParameterError(f"parallel exits are ways to the same event in the same training, got {' and '.join(sorted({w.setting for w in ways}))}")
    total = len(ways) * times
    rows = tuple(_together([w.rows[i] for w in ways], times, total) for i in range(len(ways[0].rows)))
    return Predictions(rows, ways[0].event, ways[0].setting if total == 1 else f"{ways[0].setting}, {total} parallel exits")


def _together(rows: list[Row], times: int, total: int) -> Row:
    first = rows[0]
    missing = next((r for r in rows if r.kind == "none"), None)
    if missing is not None or first.kind == "indicator" or total == 1:
        return missing or first
    value, low, high = (_slower(each, times) for each in ([r.value for r in rows], [r.low for r in rows], [r.high for r in rows]))
    worst = {a.sentence: a for row in rows for a in sorted(row.assumptions, key=lambda a: not a.holds, reverse=False)}
    kept = {a.sentence: a for row in rows for a in row.violations}
    assumptions = tuple((worst | kept).values())
    note = f"{total} parallel exits, whose rates add; " + first.note
    return Row(first.name, first.title, first.source, "time", value, low, high, first.clock, assumptions, note)


def _slower(logs: list[Any], times: int) -> float:
    """Return -ln sum exp(-ln tau_i)."""
    return -float(np.logaddexp.reduce([-float(each) for each in logs])) - log(times)


def _cells(row: Row) -> tuple[str, ...]:
    count = f"{sum(a.holds for a in row.assumptions)} of {len(row.assumptions)} hold"
    worst = f"; {row.violations[0]}" if row.violations else ""
    if row.kind == "time":
        return row.name, f"{row.value:.4f}", f"[{row.low:.4f}, {row.high:.4f}]", f"{row.log_time:.4f}", count + worst
    if row.kind == "indicator":
        return row.name, f"no time: {row.value:.4g}", "", "", count + worst
    return row.name, "no answer", "", "", row.note
