"""The ways out of a network's minimum that are to be predicted: measured already, over known saddles, or searched for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eyring.errors import ParameterError
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.path import MeasuredPath, measured_path
from eyring.validation.replicas.measure import position_of
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["ways_out"]


def ways_out(problem: TrainingProblem, start: Any, over: Any, show: Callable[[str, float], None]) -> tuple[MeasuredPath, ...]:
    """Return the measured ways over the saddles asked for; over the lowest one found, if none is.

    Raises:
        ParameterError: If the start is no minimum, or a way given begins elsewhere.
        NotApplicable: If there is no barrier, or a saddle given does not lead down to the start.
    """
    several = over if isinstance(over, Sequence) and not isinstance(over, Mapping | str) else [over]
    if not several:
        raise ParameterError("over is an empty list of saddles; give one or more, or leave it out")
    origin = position_of(problem, start, role="start")
    return tuple(_way(problem, origin, one, show) for one in several)


def _way(problem: TrainingProblem, origin: Any, over: Any, show: Callable[[str, float], None]) -> MeasuredPath:
    if isinstance(over, MeasuredPath):
        _demand_start(over, origin.detach().cpu().double().numpy())
        _demand_loss(over, problem)
        return over
    goal = None if over is None else position_of(problem, over, role="over").detach().cpu().double().numpy()
    return measured_path(problem, origin, goal, progress=lambda done, of: show("the way over the saddle", done / of))


def _demand_loss(path: MeasuredPath, problem: TrainingProblem) -> None:
    """Refuse a path that was measured on other data, or with another weight decay."""
    surface = FullBatch.of(problem)
    there = surface.height(path.points[[0, path.saddle_at]])
    miss = float(abs(there - path.loss[[0, path.saddle_at]]).max())
    if miss > 1e-6 * path.barrier + 1e-9 * float(abs(there).max()):
        raise ParameterError(
            f"the path given was measured on another loss: at its minimum or saddle the losses differ by {miss:.3g}, its barrier being "
            f"{path.barrier:.3g}; measure it with this data and this weight decay, measured_path(problem, minimum), or leave it out"
        )


def _demand_start(path: MeasuredPath, origin: Any) -> None:
    """Refuse a path of another network, or from another minimum."""
    gap = abs(path.minimum.position - origin).max() if path.minimum.position.shape == origin.shape else float("inf")
    if not gap <= 1e-3 * (1 + abs(origin).max()):
        where = f"they differ by up to {gap:.3g}" if gap < float("inf") else "they have different numbers of parameters"
        raise ParameterError(f"the path given begins at another minimum than the start: {where}; give the path's own minimum, or leave the path out")
