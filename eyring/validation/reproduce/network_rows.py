"""The rows of the small network's escape: ln tau side by side, slopes, and the assumption that failed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.comparisons import Cell
from eyring.validation.court.ruling import Ruling
from eyring.validation.reproduce.contract import Row
from eyring.validation.verdict import MeasuredCondition, Prediction, judge

__all__ = ["Times", "cell_rows", "failed_condition", "law_rows", "sweep_rows", "what_fails"]

Times = Mapping[str, Estimate]
SHOWN = ("quasipotential", "eyring", "xie")
HALF_WIDTH, DECADES = 0.15, 2.0
Z95 = 1.96


def cell_rows(cells: Sequence[Cell], times: Times, *, resolution: float) -> list[Row]:
    """Return measured and expected ln tau side by side in every setting."""
    return [_side_by_side(cell, law, times[cell.setting.name], resolution) for law in SHOWN for cell in cells if cell.rows[law]["kind"] == "time"]


def _side_by_side(cell: Cell, law: str, seen: Estimate, resolution: float) -> Row:
    said, s = cell.rows[law], cell.setting
    failed = failed_condition(said)
    expected = Prediction(math.exp(said["value"]), math.exp(said["low"]), math.exp(said["high"]), said["title"])
    number = f"{said['value']:.2f} [{said['low']:.2f}, {said['high']:.2f}]"
    claim = f"mu = {s.momentum:g}, eta = {s.learning_rate:g}, B = {s.batch_size}: ln tau = {number} by {law}"
    verdict = judge(claim, seen, expected, conditions=failed, resolution=resolution)
    value, low, high = (math.log(t) for t in (seen.value, seen.low, seen.high))
    note = f"measured ln tau, {seen.events} exits; {value - said['value']:+.2f} beyond the law" + (f"; {verdict.note}" if verdict.note else "")
    return Row(claim, value, low, high, verdict.status, not said["source"], note)


def failed_condition(said: Mapping[str, Any]) -> list[MeasuredCondition]:
    """Return the assumption of a law's row that fails by the largest factor, if one does."""
    return [MeasuredCondition(_sentence(a), a["measured"], False) for a in _violations(said)[:1]]


def _violations(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the assumptions that fail, the one that fails by the largest factor first."""
    failed = [a for a in said["assumptions"] if not a["holds"]]
    return sorted(failed, key=lambda a: -abs(math.log(max(a["measured"], 1e-12) / max(a["threshold"], 1e-12))))


def _sentence(a: Mapping[str, Any]) -> str:
    return f"{a['sentence']} (needs {a['relation']} {a['threshold']:.3g})"


def sweep_rows(cells: Sequence[Cell], times: Times, *, quick: bool) -> list[Row]:
    """Return what the sweep itself promises: its span and its precision."""
    plain = [times[cell.setting.name] for cell in cells if not cell.setting.momentum]
    span = math.log10(max(t.value for t in plain) / min(t.value for t in plain))
    widest = max(Z95 / math.sqrt(t.events) for t in times.values())
    fine = "agrees" if widest <= HALF_WIDTH else "undecided"
    rows = [Row(f"every ln tau is known to +- {HALF_WIDTH} (95 %)", widest, None, None, fine, note="the widest half-width")]
    if quick:
        return rows
    wide = "agrees" if span >= DECADES else "undecided"
    return [Row(f"{len(plain)} pairs of eta and B without momentum span {DECADES:g} decades of tau", span, None, None, wide, note="decades"), *rows]


def law_rows(ruling: Ruling) -> list[Row]:
    """Return the court's score of every law's slope against B/eta without momentum."""
    rows = []
    for score in ruling.scores:
        if score.quantity == "slope" and score.verdict is not None and not score.momentum:
            s = score.verdict
            seen = next(c.rows[score.law] for c in ruling.cells if score.law in c.rows)
            claim = f"mu = {score.momentum:g}: slope of ln tau against B/eta, by {score.law}"
            failed = _violations(seen)
            why = f"fails: {_sentence(failed[0])}, here {failed[0]['measured']:.3g}" if failed else score.reason
            r = s.ratio
            note = f"{r.method} = {r.value:.3g}; {why}"
            rows.append(Row(claim, r.value, r.low, r.high, score.status, s.own, note))
    return rows


def what_fails(cells: Sequence[Cell], times: Times) -> Row:
    """Return the row that names the assumption that failed, where eyring's best predictor misses by more than its interval."""
    own = [law for law, row in cells[0].rows.items() if not row["source"] and all(c.rows[law]["kind"] == "time" for c in cells)]
    plain = [c for c in cells if not c.setting.momentum]

    def miss(law: str) -> float:
        return float(np.mean([abs(math.log(times[c.setting.name].value) - c.rows[law]["value"]) for c in plain]))

    best = min(own, key=miss)
    cell = max(plain, key=lambda c: c.setting.over_noise)
    said, seen = cell.rows[best], times[cell.setting.name]
    outside = not (math.log(seen.high) >= said["low"] and math.log(seen.low) <= said["high"])
    failed = _violations(said)
    where = f"eta = {cell.setting.learning_rate:g}, B = {cell.setting.batch_size}"
    claim = f"the best of eyring's own, {best}, holds where noise is weakest ({where})"
    if not outside:
        return Row(claim, miss(best), None, None, "agrees", True, "it does not miss by more than its interval; measured: mean distance in ln tau")
    named = f"the assumption that failed: {_sentence(failed[0])}; here {failed[0]['measured']:.3g}" if failed else "none of its assumptions fails"
    return Row(claim, miss(best), None, None, "out of regime" if failed else "disagrees", True, f"mean distance in ln tau; {named}")
