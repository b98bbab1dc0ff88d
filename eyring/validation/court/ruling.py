"""The court's ruling: every law's scores in one table, what could not be measured, and whether there was a barrier at all."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eyring.errors import ParameterError
from eyring.validation.court.comparisons import QUANTITIES, Cell
from eyring.validation.court.scores import RESOLUTION, Score, score_law
from eyring.validation.verdict import exit_status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["NO_BARRIER", "Ruling", "rule"]

NO_BARRIER = "no barrier found: escape theory does not apply"


@dataclass(frozen=True, eq=False)
class Ruling:
    """What the court says. None of it is a failure: a law out of its regime, or a landscape without a barrier, is a finding.

    Attributes:
        cells: What was measured.
        scores: Of every law, quantity and momentum.
        no_barrier: By k, why there is no escape over a barrier.
        trouble: By setting, why it could not be measured.
    """

    cells: tuple[Cell, ...]
    scores: tuple[Score, ...]
    no_barrier: Mapping[float, str]
    trouble: Mapping[str, str]

    @property
    def laws(self) -> tuple[str, ...]:
        """Names of the laws, in the order of their table."""
        return tuple(dict.fromkeys(score.law for score in self.scores))

    @property
    def exit_status(self) -> int:
        """0 agrees, 1 disagrees, 2 undecided, 3 out of regime; of eyring's own predictions."""
        return exit_status(score.verdict for score in self.scores if score.verdict is not None)

    def score(self, law: str, quantity: str, *, momentum: float = 0.0) -> Score:
        """Return one score.

        Raises:
            ParameterError: If there is none.
        """
        for score in self.scores:
            if (score.law, score.quantity, score.momentum) == (law, quantity, momentum):
                return score
        raise ParameterError(f"no score of {law!r} in {quantity!r} at momentum {momentum}; laws: {', '.join(self.laws) or 'none'}")

    def draw(self) -> "Figure":
        """Draw ln tau against B/eta with every law, and below what the measurement has beyond each."""
        from eyring.validation.court.picture import court_picture

        return court_picture(self)

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text, as JSON can hold them."""
        cells = [
            {**asdict(c.setting), "events": c.events, "rate": None if c.rate is None else asdict(c.rate), "trouble": c.trouble, "laws": dict(c.rows)}
            for c in self.cells
        ]
        none = {f"{k:g}": why for k, why in self.no_barrier.items()}
        return {"exit_status": self.exit_status, "scores": [s.to_dict() for s in self.scores], "no_barrier": none, "cells": cells}

    def to_json(self) -> str:
        """Return the ruling as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    def __str__(self) -> str:
        lines = [f"k = {k:g}: {NO_BARRIER} ({why})" for k, why in self.no_barrier.items()]
        lines += [f"{name}: not measured ({why})" for name, why in self.trouble.items()]
        for momentum in dict.fromkeys(score.momentum for score in self.scores):
            lines += _table([score for score in self.scores if score.momentum == momentum], momentum)
        return "\n".join(lines)


def rule(cells: Sequence[Cell], no_barrier: Mapping[float, str], *, resolution: Mapping[str, float] | None = None) -> Ruling:
    """Score every law at every momentum.

    Raises:
        ParameterError: If a resolution is of an unknown quantity or not positive.
    """
    wanted = {**RESOLUTION, **(resolution or {})}
    if set(wanted) != set(QUANTITIES) or not all(v > 0 for v in wanted.values()):
        raise ParameterError(f"a resolution is a positive difference that matters in {', '.join(QUANTITIES)}; got {dict(resolution or {})}")
    judged = [cell for cell in cells if cell.setting.scale not in no_barrier]
    scores = []
    for law in dict.fromkeys(name for cell in judged for name in cell.rows):
        for momentum in dict.fromkeys(cell.setting.momentum for cell in judged):
            scores += score_law(law, [cell for cell in judged if cell.setting.momentum == momentum], resolution=wanted)
    trouble = {cell.setting.name: cell.trouble for cell in judged if cell.trouble}
    return Ruling(tuple(cells), tuple(scores), dict(no_barrier), trouble)


def _table(scores: Sequence[Score], momentum: float) -> list[str]:
    rows: list[tuple[str, ...]] = [("law", *QUANTITIES)]
    notes: list[str] = []
    for law in dict.fromkeys(score.law for score in scores):
        mine = {score.quantity: score for score in scores if score.law == law}
        rows.append((law, *(_short(mine[quantity]) for quantity in QUANTITIES)))
        reasons: dict[str, list[str]] = {}
        for score in mine.values():
            if score.status != "agrees" and score.reason:
                reasons.setdefault(score.reason, []).append(score.quantity)
        for reason, quantities in reasons.items():
            notes.append(f"  {law}{'' if len(quantities) == len(QUANTITIES) else ', ' + ' and '.join(quantities)}: {reason}")
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"momentum {momentum:g}: measured over law (curvature: exponents), distance in standard errors", *lines, *notes]


def _short(score: Score) -> str:
    if score.verdict is None:
        return score.status
    numbers = f"{score.verdict.ratio.value:.3g}"
    if score.quantity == "curvature":
        numbers = f"{score.verdict.measured.value:.3g} / {score.verdict.predicted.value:.3g}"
    return f"{score.status} {numbers}" + (f", {score.sigma:.1f} sigma" if score.status == "disagrees" else "")
