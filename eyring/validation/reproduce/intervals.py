"""Turn numbers of independent replicas into intervals, and intervals into verdicts on a sign or on an equality."""

import math

import numpy as np
from scipy import stats

from eyring.errors import ParameterError
from eyring.numerics.answer import Estimate
from eyring.validation.reproduce.contract import Row
from eyring.validation.verdict import BY_WEIGHT, COVERAGE, REJECTION, Prediction, Verdict, judge

__all__ = ["equal_row", "mean_estimate", "sign_row", "slopes", "worst_ratio_row"]


def mean_estimate(values: np.ndarray, *, comparisons: int = 1, method: str = "mean over replicas") -> Estimate:
    """Return the mean of independent replicas with Student's 99 % interval, at 1 - 0.01/k where k are looked at together (Bonferroni).

    Args:
        values: One number a replica, (R,), R at least 2.
        comparisons: k.
        method: How the numbers were had.

    Raises:
        ParameterError: If there are fewer than two replicas.

    >>> found = mean_estimate(np.array([1.0, 2.0, 3.0]))
    >>> round(found.value, 3), round(found.high - found.value, 3)  # 9.925 = t quantile of 2 degrees of freedom; times 1/sqrt(3)
    (2.0, 5.73)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise ParameterError(f"an interval over replicas needs one number from each of at least 2, got the shape {values.shape}")
    level = 1 - (1 - COVERAGE) / comparisons
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    half = max(half, 1e-12 * abs(values.mean()), 1e-300)  # replicas that agree to the last bit
    return Estimate(float(values.mean()), float(values.mean() - half), float(values.mean() + half), len(values), method, "1", level)


def slopes(log_ratio: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Return each replica's least-squares slope of a quantity, (M, R), against M abscissae; (R,)."""
    centred = log_ratio - log_ratio.mean()
    return centred @ logs / (centred @ centred)


def sign_row(claim: str, found: Estimate, *, sign: int, own: bool = False, note: str = "") -> Row:
    """Judge a sign: the claim agrees if the 99 % interval lies on that side of zero, and disagrees if zero is 5 standard errors away on the other.

    The standard error is read off the interval as if it were normal, which is on the safe side of Student's.
    """
    low, high = sorted((sign * found.low, sign * found.high))
    error = (found.high - found.low) / 2 / stats.norm.ppf((1 + found.level) / 2)
    verdict = "agrees" if low > 0 else "disagrees" if sign * found.value < -REJECTION * error and high < 0 else "undecided"
    return Row(claim, found.value, found.low, found.high, verdict, own, note)


def equal_row(
    claim: str, found: Estimate, *, predicted: float = 1.0, margin: float, source: str, resolution: float = 0.1, own: bool = False, note: str = ""
) -> Row:
    """Judge a positive number against a prediction known to within ``margin`` (relative); the row shows measured over predicted."""
    verdict = judge(claim, found, Prediction.within(predicted, margin, source), resolution=resolution, own=own, note=note)
    return Row.of(verdict)


def worst_ratio_row(claim: str, log_differences: np.ndarray, *, margin: float, resolution: float, own: bool = False, note: str = "") -> Row:
    """Judge whether ratios that should be 1 are so within ``margin``, by the one farthest from 1, all intervals holding at once at 99 %.

    Args:
        claim: A sentence.
        log_differences: Logarithms of the ratios, one a comparison and replica, (K, R).
        margin: Relative departure that the claim allows.
        resolution: Half-width beyond which nothing is decided.
        own: Whether the claim is eyring's.
        note: Kept.

    Returns:
        The row of the worst of the K comparisons; the claim agrees only if all do.
    """
    K = len(log_differences)
    verdicts = [_ratio_verdict(claim, mean_estimate(row, comparisons=K), margin, resolution, K, own) for row in log_differences]
    status = next(s for s in BY_WEIGHT if any(v.status == s for v in verdicts))
    worst = max((v for v in verdicts if v.status == status), key=lambda v: abs(math.log(v.measured.value)))
    which = f"the worst of {K} ratios" if K > 1 else ""
    beyond = f"{worst.sigma:.1f} sigma beyond {margin:.0%}" if worst.sigma > 0 else ""
    notes = "; ".join(part for part in (which, beyond, note, worst.note) if part)
    return Row(claim, worst.measured.value, worst.measured.low, worst.measured.high, status, own, notes)


def _ratio_verdict(claim: str, found: Estimate, margin: float, resolution: float, comparisons: int, own: bool) -> Verdict:
    ends = math.exp(found.value), math.exp(found.low), math.exp(found.high)
    ratio = Estimate(ends[0], ends[1], ends[2], found.events, found.method, "1", found.level)
    return judge(claim, ratio, Prediction.within(1.0, margin, "equality"), resolution=resolution, comparisons=comparisons, own=own)
