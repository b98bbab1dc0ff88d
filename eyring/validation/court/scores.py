"""One law on trial: its slope against B/eta, its prefactor, its dependence on curvature and its times, each judged by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Any

from eyring.validation.court.comparisons import COMPARISONS, QUANTITIES, Cell, Found
from eyring.validation.verdict import MeasuredCondition, Verdict, judge

__all__ = ["RESOLUTION", "Score", "score_law"]

RESOLUTION: Mapping[str, float] = {"slope": 0.05, "prefactor": 0.25, "curvature": 0.25, "time": 0.1}
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Score:
    """The judgement of one quantity of one law at one momentum.

    Attributes:
        law: Its name.
        quantity: "slope", "prefactor", "curvature" or "time".
        momentum: mu.
        status: "agrees", "disagrees", "undecided", "out of regime" or "no answer".
        verdict: The comparison with its numbers; None where there was nothing to compare.
        reason: In words.
    """

    law: str
    quantity: str
    momentum: float
    status: str
    verdict: Verdict | None
    reason: str

    @property
    def sigma(self) -> float:
        """Distance beyond the law's own error, in standard errors; 0 where nothing was compared."""
        return self.verdict.sigma if self.verdict else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text."""
        told = self.verdict.to_dict() if self.verdict else None
        return {"law": self.law, "quantity": self.quantity, "momentum": self.momentum, "status": self.status, "reason": self.reason, "verdict": told}

    def __str__(self) -> str:
        beyond = f" ({self.sigma:.1f} sigma)" if self.status == "disagrees" else ""
        return f"{self.law}, mu = {self.momentum:g}, {self.quantity}: {self.status}{beyond}" + (f"; {self.reason}" if self.reason else "")


def score_law(law: str, cells: Sequence[Cell], *, resolution: Mapping[str, float]) -> list[Score]:
    """Return the four scores of one law over cells of one momentum.

    Cells in which all assumptions of the law hold are used alone where they suffice; where they do not, all cells are, and the law is out of regime.
    """
    momentum = cells[0].setting.momentum
    answered = [cell for cell in cells if cell.rows.get(law, {}).get("kind") == "time" and cell.rate is not None]
    if not answered:
        row = next((cell.rows[law] for cell in cells if law in cell.rows), {})
        why = "it gives an indicator and no time" if row.get("kind") == "indicator" else row.get("note") or "no cell was measured"
        return [Score(law, quantity, momentum, NO_ANSWER, None, why) for quantity in QUANTITIES]
    return [_score(law, quantity, momentum, answered, resolution[quantity]) for quantity in QUANTITIES]


def _score(law: str, quantity: str, momentum: float, cells: Sequence[Cell], resolution: float) -> Score:
    compare = COMPARISONS[quantity]
    used = [cell for cell in cells if not _violated(cell.rows[law])]
    found: Found | None = compare.judged(law, used) if used else None
    conditions: list[MeasuredCondition] = []
    if found is None and len(used) < len(cells):
        found, conditions, used = compare.judged(law, cells), _failing(law, cells), list(cells)
    if found is None:
        return Score(law, quantity, momentum, "undecided", None, compare.needs)
    own = not cells[0].rows[law].get("source")
    within = resolution / abs(found.measured.value) if quantity == "curvature" else resolution
    verdict = judge(
        f"{law}, mu = {momentum:g}: {compare.claim}",
        found.measured,
        found.predicted,
        conditions=conditions,
        resolution=within,
        comparisons=len(QUANTITIES),
        own=own,
        note=found.told,
    )
    part = f"{len(used)} of {len(cells)} cells, those in its regime" if len(used) < len(cells) else ""
    suspect = _nearest(law, used) if verdict.status == "disagrees" else ""
    return Score(law, quantity, momentum, verdict.status, verdict, "; ".join(text for text in (verdict.note, part, suspect) if text))


def _violated(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [a for a in row.get("assumptions", ()) if not a["holds"]]


def _failing(law: str, cells: Sequence[Cell]) -> list[MeasuredCondition]:
    """Return the assumptions that fail, each where it fails most, the one that fails in most cells first."""
    seen: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        for assumption in _violated(cell.rows[law]):
            seen.setdefault(assumption["sentence"], []).append(assumption)
    ordered = sorted(seen.values(), key=len, reverse=True)
    worst = [max(each, key=lambda a: abs(a["measured"] - a["threshold"])) for each in ordered]
    return [MeasuredCondition(f"{a['sentence']} (needs {a['relation']} {a['threshold']:.3g})", float(a["measured"]), False) for a in worst]


def _nearest(law: str, cells: Sequence[Cell]) -> str:
    """Return the assumption closest to failing, of a law that disagrees although all hold."""
    every = [a for cell in cells for a in cell.rows[law].get("assumptions", ()) if a["holds"]]
    if not every:
        return ""
    near = min(every, key=lambda a: abs(log(abs(a["measured"] / a["threshold"]))) if a["measured"] * a["threshold"] > 0 else inf)
    return f"its assumptions hold; nearest to failing: {near['sentence']} ({near['measured']:.3g}, needs {near['relation']} {near['threshold']:.3g})"
