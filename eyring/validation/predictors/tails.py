"""What the whole law of a batch adds to its variance: walkers climb by rare batches, and those are no normal numbers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import NotApplicable

if TYPE_CHECKING:
    from eyring.validation.predictors.case import Case

__all__ = ["SampleSlopes", "momentum_of_climb", "tail_exponent_shift"]

ROUNDS = 200


@dataclass(frozen=True, eq=False)
class SampleSlopes:
    """The slope of every sample's loss along the way.

    Attributes:
        arc: Arc length of the points, (m,), ascending from the minimum to the end of the way.
        slopes: At each of them that of every sample, (m, N).
    """

    arc: np.ndarray
    slopes: np.ndarray


def tail_exponent_shift(case: "Case") -> tuple[float, str | None]:
    """Return int (p - 2 L'/C) ds/eta from minimum to saddle, and why it is zero where it was not measured.

    p(s) > 0 solves -L' p + B ln mean exp(-(g - L') p/B) = 0, g the slopes of the samples' losses along the way: the large deviations of batches drawn
    with replacement. With 2 L'/C for p, noise of the same variance would be normal.
    """
    if case.sample_slopes is None:
        return 0.0, "the law of a batch beyond its variance was not measured along the way"
    if case.training.sampler != "with replacement":
        return 0.0, f"batches drawn {case.training.sampler} are taken for normal"
    from scipy.interpolate import CubicSpline

    given, size = case.sample_slopes, case.training.batch_size
    excess = [momentum_of_climb(g, size) - 2 * max(float(g.mean()), 0.0) / (float(g.var()) / size) for g in given.slopes]
    return float(CubicSpline(given.arc, excess).integrate(0.0, case.profile.saddle)) / case.training.step, None


def momentum_of_climb(slopes: np.ndarray, batch_size: int) -> float:
    """Return p >= 0 with ln mean exp(-g p/B) = 0, g the samples' slopes; zero where their mean is not positive.

    Raises:
        NotApplicable: If no sample's loss falls along the way there, so that no batch ever climbs.

    >>> round(momentum_of_climb(np.array([-1.0, 3.0]), 1), 9)  # x = e^-p solves x^3 + 1/x = 2
    0.609377863
    """
    if slopes.mean() <= 0:
        return 0.0
    if slopes.min() >= 0:
        raise NotApplicable(
            "no batch ever climbs past a point of the way: there every sample's loss rises, and the escape time is infinite, though normal noise of "
            "the same variance would cross"
        )
    low, high = 0.0, 1.0
    while _grown(slopes, high) < 0:
        low, high = high, 2 * high
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        low, high = (middle, high) if _grown(slopes, middle) < 0 else (low, middle)
        if high - low <= 1e-15 * high:
            break
    return batch_size * (low + high) / 2


def _grown(slopes: np.ndarray, p: float) -> float:
    """Return ln mean exp(-g p): negative up to the root, then positive."""
    powers = -slopes * p
    top = float(powers.max())
    return top + float(np.log(np.mean(np.exp(powers - top))))
