"""What the predictors measure on a network beyond the path itself: the walls of the valley, and every sample's slope along the way."""

from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from eyring.validation.predictors.flanks import Flanks, transported
from eyring.validation.predictors.tails import SampleSlopes
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.path import MeasuredPath
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["WIDEST", "measured_along"]

WIDEST = 200  # parameters up to which the whole Hessian is taken along the path
FEW = 24  # points on either side of the saddle

Along: TypeAlias = tuple[Flanks | None, SampleSlopes]
_KNOWN: WeakKeyDictionary[MeasuredPath, Along] = WeakKeyDictionary()  # a sweep asks for the same path at every learning rate and batch size


def measured_along(problem: TrainingProblem, path: MeasuredPath) -> Along:
    """Return the walls of the valley along the path (None for a network of more than 200 parameters), and the slope of every sample's loss."""
    if path not in _KNOWN:
        _KNOWN[path] = _measured(problem, path)
    return _KNOWN[path]


def _measured(problem: TrainingProblem, path: MeasuredPath) -> Along:
    surface, chosen = FullBatch.of(problem), _spread(path)
    n, m = problem.dimension, len(chosen)
    frames = transported(path.tangents[chosen]) if 1 < n <= WIDEST else None
    slopes = np.empty((m, problem.samples))
    curvatures, noises = np.empty((2, m, n - 1, n - 1)) if frames is not None else np.empty((2, 0, 0, 0))
    for k, at in enumerate(chosen):
        rows = surface.problem.sample_gradients(surface.tensor(path.points[at])).detach().cpu().numpy()
        slopes[k] = rows @ path.tangents[at]
        if frames is not None:
            across = (rows - rows.mean(axis=0)) @ frames[k]
            noises[k] = across.T @ across / len(rows)
            curvatures[k] = frames[k].T @ surface.curvature(path.points[at][None])[0] @ frames[k]
    return (None if frames is None else Flanks(path.arc[chosen], curvatures, noises)), SampleSlopes(path.arc[chosen], slopes)


def _spread(path: MeasuredPath) -> np.ndarray:
    """Return the places of points spread over the path, its saddle and ends among them."""
    last, top = len(path.arc) - 1, path.saddle_at
    sides = (np.linspace(0, top, min(top, FEW) + 1), np.linspace(top, last, min(last - top, FEW) + 1))
    return np.unique(np.concatenate(sides).round().astype(int))
