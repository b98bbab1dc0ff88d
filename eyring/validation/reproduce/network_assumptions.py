"""The rows of the small network's escape that say what was measured of every assumption."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta

from eyring.numerics.answer import Estimate
from eyring.validation.court.comparisons import Cell
from eyring.validation.reproduce.contract import Row
from eyring.validation.reproduce.fits import Z99, slope_of
from eyring.validation.reproduce.network_rows import Times, failed_condition, what_fails
from eyring.validation.verdict import Prediction, judge

__all__ = ["assumption_rows"]

SMALL_SHIFT = 0.2  # of the walkers' mean, in widths


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
        rows.append(Row(claim, part / of, low, high, status, True, f"{part} of {of}; 90 % or more demanded"))
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
    return [Row(claim, left, None, None, status, True, f"{kept} directions; measured: share left out")]


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
    along = _path_exponent(chosen[0])
    for law, where, slope in (("path", "along the measured path alone", along), ("quasipotential", "by the cheapest way in all directions", normal)):
        claim, failed = f"d ln tau/d(B/eta) = {slope:.3f}, {where}", failed_condition(chosen[0].rows[law])
        verdict = judge(claim, found, Prediction.within(slope, 0.01, where), conditions=failed, resolution=0.2)
        rows.append(Row(claim, found.value, found.low, found.high, verdict.status, True, f"eta = 0.2; {verdict.note}"))
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
    reach = Z99 * math.sqrt(wider / float(walkers["replicas"]))
    claim = f"walkers see the minimum as a parabola: their mean lies within {SMALL_SHIFT} of its widths from it (eta = 0.2, B = {size})"
    status = "agrees" if shift + reach < SMALL_SHIFT else "out of regime" if shift - reach > SMALL_SHIFT else "undecided"
    note = f"trained replicas; their variances are {wider:.2f} times the parabola's on average"
    return [Row(claim, shift, max(shift - reach, 0.0), shift + reach, status, True, note)]


def _problem() -> tuple[Any, Any]:
    from eyring.validation.replicas.problem import TrainingProblem
    from eyring.validation.reproduce.network_training import iris

    ground = iris(1.0)
    return TrainingProblem(ground.model, ground.loss_fn, ground.data), ground
