"""Data sets drawn and fitted: the variance of a minibatch gradient over all samples, at weights displaced from the least-squares minimum."""

from collections.abc import Sequence

import numpy as np

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["DrawnFits"]

LABELINGS = 20
SEED = 1967
MEASURED = 0.05  # bounds the error of the formula at these sizes: 2 percent, up to 4 with other seeds


class DrawnFits(Road):
    """Weights displaced along a few axes with exactly the spread wanted; averaged over all such groups of axes and over the draws of the labels."""

    result = "proportional-limit-noise"
    method = "variance over all samples of drawn data sets of 240 weights, fitted by least squares and displaced"

    def trials(self) -> Sequence[Trial]:
        """Up to three samples per weight, one to three displaced directions, and one problem with fewer samples than weights (no residual)."""
        cases = [
            (240, 3.0, 0.7, 1.3, 2.6, 1, 16),
            (240, 1.5, 1.6, 1.7, 0.6, 2, 5),
            (240, 2.0, 1.4, 2.1, 0.45, 3, 24),
            (240, 0.75, 2.3, 0.8, 0.6, 2, 7),
        ]
        return [_trial(*case) for case in cases]


def _trial(weights: int, alpha: float, a: float, deviation: float, spread: float, directions: int, size: int) -> Trial:
    generator = np.random.default_rng(SEED)
    inputs = np.sqrt(a) * generator.normal(size=(round(alpha * weights), weights))
    noise = deviation * generator.normal(size=(len(inputs), LABELINGS))
    residuals = noise - inputs @ np.linalg.lstsq(inputs, noise, rcond=None)[0]
    values = {"Tr_ASigma": a * directions * spread, "a_1": a, "Sigma_11": spread, "sigma_y": deviation, "alpha": alpha, "B": size}
    return Trial(values, _variance(inputs, residuals, spread, directions) / size, MEASURED)


def _variance(inputs: np.ndarray, residuals: np.ndarray, spread: float, directions: int) -> float:
    """Return the variance over the samples of the gradient along a displaced axis, at places +-sqrt(directions spread) along each of its group."""
    distance = np.sqrt(directions * spread)
    found = []
    for turn, first in enumerate(range(0, inputs.shape[1], directions)):
        axes = inputs[:, first : first + directions]
        left = residuals[:, turn % LABELINGS]
        misses = [left + sign * distance * axis for axis in axes.T for sign in (1, -1)]
        found.append(np.mean([np.var(axes * miss[:, None], axis=0) for miss in misses]))
    return float(np.mean(found))
