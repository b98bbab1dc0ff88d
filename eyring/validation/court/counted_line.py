"""A straight line through counted exits: ln tau against what is varied, every cell weighted by its exits, cells without any included."""

import math
from dataclasses import dataclass

import numpy as np

from eyring.errors import AccuracyError

__all__ = ["CountedLine", "counted_line"]

ROUNDS = 200


@dataclass(frozen=True)
class CountedLine:
    """ln tau = intercept + slope x.

    Attributes:
        slope: Per unit of x.
        slope_error: Its standard error.
        intercept: At x = 0.
        intercept_error: Its standard error.
        events: Exits in all.
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    events: int


def counted_line(x: np.ndarray, events: np.ndarray, log_exposure: np.ndarray, *, beyond: np.ndarray | None = None) -> CountedLine | None:
    """Return the most likely line through exits n that are Poisson with mean exposure/tau, ln tau = beyond + intercept + slope x.

    Args:
        x: What is varied, (c,).
        events: Exits n of each cell, (c,); zero is a count like others.
        log_exposure: ln of the time that all replicas of a cell were watched, (c,); -inf where none was.
        beyond: ln tau of a law, (c,): the line is then what the measurement has beyond the law, 0 for a true one.

    Returns:
        The line; None where exits at fewer than two different x leave it open.

    Raises:
        AccuracyError: If the search for the most likely line does not end.

    >>> line = counted_line(np.array([0.0, 1.0]), np.array([400, 100]), np.log([400.0, 100.0 * math.e]))
    >>> round(line.slope, 12), round(line.slope_error, 6) == round(math.sqrt(1 / 400 + 1 / 100), 6)
    (1.0, True)
    """
    seen = np.isfinite(log_exposure)
    x, events, known = x[seen].astype(float), events[seen].astype(float), (log_exposure - (0.0 if beyond is None else beyond))[seen]
    if len(np.unique(x[events > 0])) < 2:
        return None
    centre, unit = float(np.average(x, weights=events)), float(np.std(x))
    design = np.stack([np.ones_like(x), (x - centre) / unit], axis=1)
    found, covariance = _most_likely(design, events, known)
    slope, middle = found[1] / unit, found[0]
    at_zero = np.array([1.0, -centre / unit])
    return CountedLine(
        slope=float(slope),
        slope_error=math.sqrt(covariance[1, 1]) / unit,
        intercept=float(middle - slope * centre),
        intercept_error=math.sqrt(at_zero @ covariance @ at_zero),
        events=int(events.sum()),
    )


def _most_likely(design: np.ndarray, events: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Climb the concave log likelihood sum n eta - exp(eta), eta = known - design.b, by Newton's steps, halved where they lead down."""
    some = events > 0
    root = np.sqrt(events[some])
    b = np.linalg.lstsq(design[some] * root[:, None], (known[some] - np.log(events[some])) * root, rcond=None)[0]
    height = _height(design, events, known, b)
    for _ in range(ROUNDS):
        expected = np.exp(np.minimum(known - design @ b, 700.0))
        curvature = design.T @ (expected[:, None] * design)
        step = np.linalg.solve(curvature, design.T @ (expected - events))
        if float(step @ curvature @ step) < 1e-18:
            return b, np.linalg.inv(curvature)
        while (higher := _height(design, events, known, b + step)) < height - 1e-12 * abs(height):
            step = step / 2
        b, height = b + step, higher
    raise AccuracyError(f"no line through the exits {events.astype(int).tolist()} was found in {ROUNDS} steps")


def _height(design: np.ndarray, events: np.ndarray, known: np.ndarray, b: np.ndarray) -> float:
    eta = known - design @ b
    return float(events @ eta - np.exp(np.minimum(eta, 700.0)).sum())
