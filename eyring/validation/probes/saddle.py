"""The saddles on the rim of a network's minimum: found by climbing from it, kept if one curvature is negative and a way down leads back."""

import itertools
from collections.abc import Callable

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.exact.saddles.search import climbed, pushed
from eyring.numerics.exact.saddles.string import Leg, leg_over
from eyring.validation.probes.full_batch import FullBatch

__all__ = ["NoBarrier", "leg_beginning_at", "legs_from"]

FINE = 1e-4  # error of a step downhill, as a part of the way gone
SAME = 1e-3  # of the distance between minimum and saddle: nearer points are one

Progress = Callable[[int, int], None]


class NoBarrier(NotApplicable):
    """No barrier of index 1 was found around a minimum: escape theory does not apply, or the search did not reach it."""


def legs_from(surface: FullBatch, minimum: np.ndarray, *, directions: int, progress: Progress | None = None) -> list[Leg]:
    """Return the ways out of a minimum, each over one saddle, the lowest saddle first; a saddle that no climb meets is lacking.

    From the minimum, both ways along each direction, one climb follows an eigenvector of the Hessian uphill, the other is pushed until it leads
    downhill; both fall along all other directions.

    Args:
        surface: The loss on all data.
        minimum: theta, (n,).
        directions: How many eigenvectors of the Hessian are tried, the softest first.
        progress: Called with (climbs done, climbs in all).

    Raises:
        NoBarrier: With the figures, if no climb ends at a saddle with a way down to the minimum.
    """
    vectors = np.linalg.eigh(surface.curvature(minimum[None])[0])[1].T[:directions]
    climbs = list(itertools.product((v for vector in vectors for v in (vector, -vector)), (climbed, pushed)))
    met: list[np.ndarray] = []
    legs: list[Leg] = []
    for done, (direction, climb) in enumerate(climbs):
        if progress:
            progress(done, len(climbs))
        place = climb(surface, minimum, direction)
        if place is None or any(np.linalg.norm(place - other) < SAME * np.linalg.norm(place - minimum) for other in met):
            continue
        met.append(place)
        leg = leg_beginning_at(surface, place, minimum)
        if leg is not None:
            legs.append(leg)
    if not legs:
        heights = surface.height(np.array(met)) - surface.height(minimum[None]) if met else np.zeros(0)
        above = f" ({heights.min():.4g} to {heights.max():.4g} above it)" if met else ""
        raise NoBarrier(
            f"no barrier was found around this minimum: escape theory does not apply. {len(climbs)} climbs along its {len(vectors)} softest "
            f"directions met {len(met)} saddles of index 1{above}, none with a way down to it; if another minimum is known, pass it, or try more "
            "directions"
        )
    return sorted(legs, key=lambda leg: float(surface.height(leg.saddle[None])[0]))


def leg_beginning_at(surface: FullBatch, saddle: np.ndarray, minimum: np.ndarray) -> Leg | None:
    """Return the way over a saddle, turned so that it begins at the minimum, or None if no side of it comes down there."""
    size = float(np.linalg.norm(saddle - minimum))
    leg = leg_over(surface, saddle, size, tolerance=FINE)
    if leg is None:
        return None
    ends = [float(np.linalg.norm(leg.points[k] - minimum)) for k in (0, -1)]
    if min(ends) > SAME * size:
        return None
    return leg if ends[0] <= ends[1] else leg.turned()
