"""The law of the mean of a batch of a few numbers, drawn with replacement: as skewed as the numbers make it."""

import math

import numpy as np
from scipy.special import ndtr

__all__ = ["batch_law", "batch_quantiles", "normal_weights"]

FINE = 256  # steps of the grid over the range of the numbers


def batch_law(centred: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the law of the mean of ``size`` draws with replacement from these numbers, in units of its standard deviation: places and chances.

    The numbers are shared out between the points of a fine grid, so that their mean stays; the sum is their convolution with themselves.
    """
    step = float(np.ptp(centred)) / FINE
    at = (centred - centred.min()) / step
    left = np.floor(at).astype(int)
    right = at - left
    chances = (np.bincount(left, 1 - right, FINE + 2) + np.bincount(left + 1, right, FINE + 2)) / len(centred)
    total = chances
    for _ in range(size - 1):
        total = np.convolve(total, chances)
    places = np.arange(len(total)) * step + size * centred.min()
    return places / math.sqrt(float(total @ places**2)), total


def batch_quantiles(centred: np.ndarray, size: int, scores: np.ndarray) -> np.ndarray:
    """Return the mean of ``size`` draws from these numbers as a function of a normal variable, at these values of it.

    In their own unit; mean 0 and variance var(centred)/size under the ``normal_weights`` of the scores.
    """
    nodes, chances = batch_law(centred, size)
    middle = np.cumsum(chances) - chances / 2
    known = chances > 0
    found, weights = np.interp(ndtr(scores), middle[known], nodes[known]), normal_weights(scores)
    found = found - weights @ found
    return found / math.sqrt(float(weights @ found**2)) * float(np.std(centred)) / math.sqrt(size)


def normal_weights(scores: np.ndarray) -> np.ndarray:
    """Return the normal law's weights at evenly spaced scores; they sum to 1."""
    weights = np.exp(-(scores**2) / 2)
    return np.asarray(weights / weights.sum())
