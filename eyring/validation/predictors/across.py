"""What the directions across the way do: where the valley widens walkers gather, and where it narrows they are pushed back."""

from dataclasses import dataclass

import numpy as np

from eyring.validation.predictors.case import Case
from eyring.validation.predictors.formulas import compiled

__all__ = ["Across", "across_the_way"]

SMALL_STEP = 1e-9  # of the learning rate
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class Across:
    """What to add to ln tau, and how well it is known.

    Attributes:
        value: int (1/2) tr(K' S)/T ds, K the curvatures across and S the stationary covariance across, for small steps.
        along: The part of it that the walk along the way knows already, as a push; 0 or ``value``.
        steps: What the finite step adds to it.
        error: By how much it could change if noise and curvatures went from minimum to saddle in another way.
    """

    value: float
    along: float
    steps: float
    error: float


def across_the_way(case: Case) -> Across:
    """Return the push of the walkers' spread across a narrow valley, (1/2) dk/ds Var for each direction, over the temperature along it.

    Curvatures and noises are known at minimum and saddle, and go from one to the other as powers of one another. For constant noise
    it is the power C_nn/(2 C_tt) of k_b/k_a of ``eyring derive valley-prefactor``; the variance is that of the steps, at their finite size.
    """
    pairs, training = case.pairs, case.training
    if not len(pairs.wells):
        return Across(0.0, 0.0, 0.0, 0.0)
    growth = np.log(pairs.walls / pairs.wells)
    u = (POINTS + 1) / 2
    along = training.per_sample * np.array([case.path.noise[0], case.path.noise[case.path.saddle_at]])
    across = training.per_sample * np.array([pairs.noise_wells, pairs.noise_walls])
    numbers = {"C": _between(across[0], across[1], u), "H": _between(pairs.wells, pairs.walls, u), "mu": training.momentum}
    temperature = training.temperature_per_covariance * _between(along[:1], along[1:], u)

    def push(eta: float) -> float:
        width = compiled("heavy-ball-variance")(eta=eta, **numbers) * training.rate / eta
        return float(np.sum((width * numbers["H"] / temperature) @ WEIGHTS * growth) / 4)

    slow = push(SMALL_STEP * training.rate)
    doubt = np.abs(np.diff(np.sqrt(across / along[:, None]), axis=0)[0]) ** 2 * np.abs(growth) / 4
    steps = push(training.rate) - slow
    if case.flanks is None:
        return Across(slow, 0.0, steps, float(np.sum(doubt)))
    measured = _integral(case)
    return Across(measured, measured, steps, 0.0)


def _integral(case: Case) -> float:
    """Return the integral of the measured push over the temperature, up to the saddle."""
    from scipy.interpolate import CubicSpline

    ratio = (case.pushed.push if case.pushed.push is not None else np.zeros(len(case.path.arc))) / case.temperature_along
    return float(CubicSpline(case.path.arc, ratio).integrate(0.0, case.profile.saddle))


def _between(start: np.ndarray, end: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return start^(1 - u) end^u, (directions, points)."""
    small = np.finfo(float).tiny
    return np.exp(np.log(np.maximum(start, small))[:, None] * (1 - u) + np.log(np.maximum(end, small))[:, None] * u)
