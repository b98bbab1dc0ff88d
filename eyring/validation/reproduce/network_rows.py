"""The rows of the small network's escape: ln tau side by side, slopes, and every assumption with what was measured of it."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta

from eyring.numerics.answer import Estimate
from eyring.validation.court.comparisons import Cell
from eyring.validation.court.ruling import Ruling
from eyring.validation.reproduce.contract import Row
from eyring.validation.reproduce.fits import Z99, slope_of
from eyring.validation.verdict import MeasuredCondition, Prediction, judge

__all__ = ["assumption_rows", "cell_rows", "law_rows", "sweep_rows", "what_fails"]

Times = Mapping[str, Estimate]
SHOWN = ("quasipotential", "eyring", "xie")
HALF_WIDTH, DECADES = 0.15, 2.0
Z95 = 1.96
SMALL_SHIFT = 0.2  # of the walkers' mean, in widths


def cell_rows(cells: Sequence[Cell], times: Times, *, resolution: float) -> list[Row]:
    """Return measured and expected ln tau side by side in every setting."""
    return [_side_by_side(cell, law, times[cell.setting.name], resolution) for law in SHOWN for cell in cells if cell.rows[law]["kind"] == "time"]


def _side_by_side(cell: Cell, law: str, seen: Estimate, resolution: float) -> Row:
    said, s = cell.rows[law], cell.setting
    failed = [MeasuredCondition(_sentence(a), a["measured"], False) for a in _violations(said)[:1]]
    expected = Prediction(math.exp(said["value"]), math.exp(said["low"]), math.exp(said["high"]), said["title"])
    number = f"{said['value']:.2f} [{said['low']:.2f}, {said['high']:.2f}]"
    claim = f"mu = {s.momentum:g}, eta = {s.learning_rate:g}, B = {s.batch_size}: ln tau = {number} by {law}"
    verdict = judge(claim, seen, expected, conditions=failed, resolution=resolution)
    value, low, high = (math.log(t) for t in (seen.value, seen.low, seen.high))
    note = f"measured ln tau, {seen.events} exits; {value - said['value']:+.2f} beyond the law" + (f"; {verdict.note}" if verdict.note else "")
    return Row(claim, value, low, high, verdict.status, not said["source"], note)


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


def assumption_rows(cells: Sequence[Cell], times: Times, walkers: Mapping[str, Any], ways: Mapping[str, Any], *, size: int) -> list[Row]:
    """Return what was measured of each assumption, and last the one that failed; walkers were looked at with batches of ``size``."""
    rows = [*_exit_rows(walkers), *_probe_rows(), *_exponent_rows(cells, times, ways), *_step_rows(cells, times)]
    return [*rows, *_beyond_rows(cells, times), *_well_rows(walkers, size), what_fails(cells, times)]


def _exit_rows(walkers: Mapping[str, Any]) -> list[Row]:
    (beyond, back, elsewhere), inside = walkers["left"], walkers["inside"]
    rows = []
    no_other = "no higher exit is taken: replicas counted as inside descend into the minimum they began at, or the one beyond"
    gone = "replicas counted as gone descend into the minimum beyond"
    for claim, part, of in ((gone, beyond, beyond + back + elsewhere), (no_other, inside[:2].sum(), inside.sum())):
        if not of:
            continue
        low, high = (float(beta.ppf(0.005, part, of - part + 1)), float(beta.ppf(0.995, part + 1, of - part)) if part < of else 1.0)
        status = "agrees" if low > 0.9 else "disagrees" if high < 0.9 else "undecided"
        rows.append(Row(claim, part / of, low, high, status, note=f"{part} of {of}; 90 % or more demanded"))
    return rows


def _probe_rows() -> list[Row]:
    """Return how much of the noise the projection keeps."""
    from eyring.validation.probes.critical import probe_critical
    from eyring.validation.probes.full_batch import FullBatch

    problem, ground = _problem()
    probes = [probe_critical(FullBatch.of(problem), np.asarray(place, dtype=float)) for place in (ground.start, ground.over)]
    left, kept = max(p.discarded for p in probes), max(p.eigenvectors.shape[1] for p in probes)
    claim = "noise is projected on at most 50 directions, and under 1 % of tr G is left out"
    status = "agrees" if kept <= 50 and left < 0.01 else "disagrees"
    return [Row(claim, left, None, None, status, note=f"{kept} directions; measured: share left out")]


def _exponent_rows(cells: Sequence[Cell], times: Times, ways: Mapping[str, Any]) -> list[Row]:
    chosen = [cell for cell in cells if not cell.setting.momentum and cell.setting.learning_rate == 0.2]
    found = slope_of([c.setting.over_noise for c in chosen], [times[c.setting.name] for c in chosen], "d ln tau/d(B/eta)")
    normal, whole = float(ways["normal"]), float(ways["whole"])
    rows = [
        Row(
            "few samples a batch: their whole law changes the exponent by less than 5 % of that of normal noise", whole / normal, None, None,
            "agrees" if abs(whole / normal - 1) < 0.05 else "disagrees", True, f"cheapest ways in all directions: {whole:.4f} and {normal:.4f} B/eta",
        )
    ]  # fmt: skip
    known = {"along the measured path alone": _path_exponent(chosen[0]), "by the cheapest way in all directions": normal}
    for where, slope in known.items():
        verdict = judge(f"d ln tau/d(B/eta) = {slope:.3f}, {where}", found, Prediction.within(slope, 0.01, where), resolution=0.2)
        note = "eta = 0.2" + (f"; {verdict.sigma:.1f} sigma" if verdict.sigma else "")
        rows.append(Row(verdict.claim, found.value, found.low, found.high, verdict.status, note=note))
    return rows


def _path_exponent(cell: Cell) -> float:
    """Return d(exponent)/d(B/eta) along the measured path: its int L'/T ds, as the path law has it."""
    high = next(a for a in cell.rows["path"]["assumptions"] if a["sentence"].startswith("the barrier is high"))
    return float(high["measured"]) / cell.setting.over_noise


def _step_rows(cells: Sequence[Cell], times: Times) -> list[Row]:
    """Return whether steps half as large at the same eta/B change tau in units of time."""
    plain = [cell for cell in cells if not cell.setting.momentum]
    rows = []
    for one in plain:
        for half in plain:
            a, b = one.setting, half.setting
            if math.isclose(a.over_noise, b.over_noise) and math.isclose(a.learning_rate, 2 * b.learning_rate):
                first, second = times[a.name], times[b.name]
                value, reach = 2 * first.value / second.value, math.exp(Z99 * math.hypot(first.events**-0.5, second.events**-0.5))
                ratio = Estimate(value, value / reach, value * reach, min(first.events, second.events), "ratio of eta tau", "1", 0.99)
                etas = f"eta = {a.learning_rate:g} and {b.learning_rate:g}"
                claim = f"steps are small: eta tau is the same, to 25 %, at {etas} where B/eta = {a.over_noise:g}"
                rows.append(Row.of(judge(claim, ratio, Prediction.within(1.0, 0.25, "small steps"), resolution=0.3)))
    return rows


def _beyond_rows(cells: Sequence[Cell], times: Times) -> list[Row]:
    """Return whether what the measurement has beyond the sharp law dies out with the noise: then the law is one of weaker noise than this."""
    chosen = [c for c in cells if not c.setting.momentum and c.setting.learning_rate == 0.2 and c.rows["quasipotential"]["kind"] == "time"]
    if len(chosen) < 3:
        return []
    gaps = [math.log(times[c.setting.name].value) - c.rows["quasipotential"]["value"] for c in chosen]
    x = np.array([1 / c.setting.over_noise for c in chosen])
    weights = np.array([times[c.setting.name].events for c in chosen], dtype=float)
    centre = np.average(x, weights=weights)
    spread = float(np.sum(weights * (x - centre) ** 2))
    slope, reach = float(np.sum(weights * (x - centre) * gaps)) / spread, Z99 / math.sqrt(spread)
    told = ", ".join(f"{gap:+.2f} at B = {c.setting.batch_size}" for gap, c in zip(gaps, chosen, strict=True))
    claim = "what ln tau has beyond the sharp law of weak noise falls with eta/B"
    status = "agrees" if slope > reach else "undecided"
    return [Row(claim, slope, slope - reach, slope + reach, status, True, f"measured: slope against eta/B; beyond the law {told}")]


def _well_rows(walkers: Mapping[str, Any], size: int) -> list[Row]:
    """Return how far the walkers' mean lies from the minimum, in the metric of the parabola's spread S: H S + S H = eta C."""
    from scipy.linalg import solve_continuous_lyapunov
    from torch.func import hessian

    problem, ground = _problem()
    H = hessian(problem.loss)(ground.start).numpy()
    slopes = problem.sample_gradients(ground.start).numpy()
    S = solve_continuous_lyapunov(H, 0.2 / size * np.cov(slopes.T, bias=True))
    shift = float(np.sqrt(walkers["mean"] @ np.linalg.solve(S, walkers["mean"])))
    wider = float(np.trace(np.linalg.solve(S, walkers["spread"]))) / len(S)
    reach = Z99 * math.sqrt(wider / 1000)
    claim = f"walkers see the minimum as a parabola: their mean lies within {SMALL_SHIFT} of its widths from it (eta = 0.2, B = {size})"
    status = "agrees" if shift + reach < SMALL_SHIFT else "out of regime" if shift - reach > SMALL_SHIFT else "undecided"
    note = f"trained replicas; their variances are {wider:.2f} times the parabola's on average"
    return [Row(claim, shift, max(shift - reach, 0.0), shift + reach, status, True, note)]


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


def _problem() -> tuple[Any, Any]:
    from eyring.validation.replicas.problem import TrainingProblem
    from eyring.validation.reproduce.network_training import iris

    ground = iris(1.0)
    return TrainingProblem(ground.model, ground.loss_fn, ground.data), ground
