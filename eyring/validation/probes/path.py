"""The way of least climb out of a network's minimum, over the saddle into the next one, with loss, slope, curvature and noise along it."""

from dataclasses import dataclass

import numpy as np
import torch

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.action.flow import fixed_point
from eyring.numerics.exact.saddles.string import Leg, legs_between
from eyring.validation.probes.along import arc_and_tangents, evenly, measured_along
from eyring.validation.probes.band import leg_by_band, leg_through, refined_saddle
from eyring.validation.probes.critical import CriticalProbe, probe_critical
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.hessian import as_point
from eyring.validation.probes.lanczos import DENSE
from eyring.validation.probes.minimum import require_minimum, settled
from eyring.validation.probes.saddle import FINE, NoBarrier, Progress, leg_beginning_at, legs_from
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["CriticalProbe", "MeasuredPath", "NoBarrier", "measured_path"]

POINTS = 241
DIRECTIONS = 20  # climbed from a minimum whose neighbour is not known
SNAP = 1e-3  # of 1 + |theta|: a critical point so near is the one that was meant


@dataclass(frozen=True, eq=False)
class MeasuredPath:
    """The minimum-energy path from a minimum over one saddle of index 1 into the next minimum, m points.

    Attributes:
        arc: Arc length from the minimum, ascending from 0, (m,).
        points: theta, (m, n); the first is the minimum, the last the next one, and the saddle is among them.
        loss: L on all data, (m,).
        tangents: Unit tangent t towards the next minimum, (m, n).
        slope: dL/ds = t . grad L, (m,).
        curvature: t^T H t, (m,).
        noise: t^T G t, G the covariance of one sample's gradient, (m,); a minibatch of B has t^T G t/B.
        saddle_at: Index of the saddle among the points.
        minimum: Where the path begins.
        saddle: What it crosses.
        beyond: Where it ends.
    """

    arc: np.ndarray
    points: np.ndarray
    loss: np.ndarray
    tangents: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    noise: np.ndarray
    saddle_at: int
    minimum: CriticalProbe
    saddle: CriticalProbe
    beyond: CriticalProbe

    @property
    def barrier(self) -> float:
        """Loss of the saddle above the minimum."""
        return self.saddle.loss - self.minimum.loss

    def __str__(self) -> str:
        ends = f"  from {self.minimum}\n  over {self.saddle}\n  to   {self.beyond}"
        noise = f"noise t.G.t {self.noise.min():.4g} to {self.noise.max():.4g}"
        return f"path of {len(self.arc)} points, length {self.arc[-1]:.4g}, barrier {self.barrier:.6g}, {noise}\n{ends}"


def measured_path(
    problem: TrainingProblem,
    minimum: torch.Tensor | np.ndarray,
    saddle_or_beyond: torch.Tensor | np.ndarray | None = None,
    *,
    points: int = POINTS,
    progress: Progress | None = None,
) -> MeasuredPath:
    """Find and measure the way out of a minimum, on the loss on all data, in float64.

    A saddle that is given (or found by climbing, where nothing is given) is refined by Newton's method and followed downhill on both sides. If
    another minimum is given, a string between both falls across itself, and the way goes over the first saddle on it: into that minimum, or into
    one that lies between. Above 400 parameters, where Hessians are too large, an elastic band takes the place of the string, and the other minimum
    or the saddle must be given. Units of a layer may be permuted and, with tanh, turned round in sign without a change of the loss: of all the
    images of the other minimum take the one nearest to this one. Where a saddle lies between mirror images, the noise across it vanishes.

    Args:
        problem: The network and its data.
        minimum: Where the way begins, (n,); ``polished_minimum`` brings a trained network there.
        saddle_or_beyond: A saddle, or the next minimum or a point of its basin, (n,); left out, the lowest saddle found by climbing.
        points: m.
        progress: Called with (steps done, steps in all) where the search is long.

    Raises:
        ParameterError: If the start is no minimum, with the figures, or both points are the same.
        NoBarrier: If no saddle of index 1 is found between: escape theory does not apply.
        NotApplicable: If minimum or saddle has flat directions, the saddle has another index than 1 or leads elsewhere, or n is above some hundreds
            and nothing is given.
    """
    surface = FullBatch.of(problem)
    large = surface.dimension > DENSE
    if large and saddle_or_beyond is None:
        raise NotApplicable(
            f"to find a saddle by climbing takes the dense Hessian at some thousand points; it is offered up to {DENSE} parameters, this network has "
            f"{surface.dimension}: give a minimum beyond, or the saddle"
        )
    probe = require_minimum(surface.problem, minimum)
    _require_curved(probe, "minimum")
    start = settled(surface, probe.position) if large else _exact(surface, probe.position)
    if saddle_or_beyond is not None:
        leg = _leg(surface, start, as_point(problem, saddle_or_beyond), large, progress)
    else:
        leg = legs_from(surface, start, directions=DIRECTIONS, progress=progress)[0]
    return _measured(surface, leg, points)


def _leg(surface: FullBatch, start: np.ndarray, goal: np.ndarray, large: bool, progress: Progress | None) -> Leg:
    snap = SNAP * (1 + float(np.linalg.norm(goal)))
    near = refined_saddle(surface, goal, within=snap) if large else fixed_point(surface, goal)
    critical = near is not None and float(np.linalg.norm(near - goal)) < snap
    place = near if near is not None and critical else settled(surface, goal)
    if np.linalg.norm(place - start) < SNAP:
        raise ParameterError("both points lead to the same minimum; a way out needs its saddle, or another minimum")
    probe = probe_critical(surface, place)
    if probe.index == 0:
        _require_curved(probe, "minimum beyond")
        return leg_by_band(surface, start, place, progress=progress) if large else _first_between(surface, start, place)
    if probe.index > 1:
        negative = ", ".join(f"{value:.4g}" for value in probe.eigenvalues[: probe.index])
        raise NotApplicable(
            f"the saddle has index {probe.index} (negative curvatures {negative}, loss {probe.loss:.8g}); escape goes over index 1, and there is a "
            "lower way round this one: follow its second negative direction down"
        )
    leg = leg_through(surface, start, place, progress=progress) if large else leg_beginning_at(surface, place, start)
    if leg is None:
        raise NotApplicable(
            f"the saddle at loss {probe.loss:.8g} does not lead down to this minimum (loss {float(surface.height(start[None])[0]):.8g}) on either "
            "side; give a saddle of its rim, or leave it out and let it be found"
        )
    return leg


def _first_between(surface: FullBatch, start: np.ndarray, end: np.ndarray) -> Leg:
    try:
        return legs_between(surface, np.array([start, end]), float(np.linalg.norm(end - start)), tolerance=FINE)[0]
    except AccuracyError as reason:
        straight = surface.height(start + np.linspace(0, 1, POINTS)[:, None] * (end - start))
        raise NoBarrier(
            f"no barrier was found between the two minima (losses {straight[0]:.8g} and {straight[-1]:.8g}, {np.linalg.norm(end - start):.4g} apart; "
            f"on the straight line between the loss rises by {straight.max() - straight[0]:.4g}): escape theory does not apply to this pair, or the "
            "string was caught. Leave the second minimum out, and saddles are searched by climbing, or give the saddle"
        ) from reason


def _measured(surface: FullBatch, leg: Leg, count: int) -> MeasuredPath:
    probes = [probe_critical(surface, point) for point in (leg.points[0], leg.saddle, leg.points[-1])]
    for probe, role, index in zip(probes, ("minimum", "saddle", "minimum beyond"), (0, 1, 0), strict=True):
        _require_curved(probe, role)
        if probe.index != index:
            raise NotApplicable(f"the way does not run over a {role} but over a {probe}: its index is {probe.index} where {index} is needed")
    points, saddle_at = evenly(leg, count)
    arc, tangents = arc_and_tangents(points)
    loss, slope, curvature, noise = measured_along(surface, points, tangents)
    return MeasuredPath(arc, points, loss, tangents, slope, curvature, noise, saddle_at, *probes)


def _require_curved(probe: CriticalProbe, role: str) -> None:
    if probe.flat:
        raise NotApplicable(
            f"the {role} has {probe.flat} flat directions of {len(probe.eigenvalues)} (curvature below 1e-7 of the largest, "
            f"{probe.eigenvalues[-1]:.4g}): it is a valley, not a point, and no law here holds; add an L2 term to the loss"
        )


def _exact(surface: FullBatch, point: np.ndarray) -> np.ndarray:
    found = fixed_point(surface, point)
    return point if found is None or np.linalg.norm(found - point) > SNAP * (1 + np.linalg.norm(point)) else found
