"""Which panels a walk needs: short where a walker is found or has to climb, long where neither happens, however deep the well.

One set of panels serves a range of strengths c of Phi = c phi, or several shapes of a landscape at once. Of a panel only two bounds are needed:
between its ends Phi stays within (Phi_left + Phi_right -+ variation)/2.
"""

from dataclasses import dataclass, replace

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.line import Line, check_diffusion
from eyring.numerics.exact.quadrature import NODES, WEIGHTS, Panels
from eyring.numerics.exact.tails import far_edges

__all__ = ["Route", "Table", "panels_for", "scaled"]

STEEPEST = 8.0  # change of Phi that a panel may hold where it counts
DROP = 41.0  # e^-41 = 1.6e-18: what the far tail may hold of all the probability
NOTHING = 60.0  # a panel below e^-60 of what counts most is not looked into
EVEN = 1e-12  # to which a panel must know its own rise, measured again in parts
ON_THE_WAY = 4
BEHIND = 8
FIRST_LOOK = 512  # parts in which each panel is first measured, shared among the shapes that are looked at together
MOST_PANELS = 20_000
MOST_PASSES = 60
DEEPEST = 20  # cuts into four


@dataclass(frozen=True)
class Route:
    """Where a walk begins, ends, and has a wall behind it; mirrored so that it goes up.

    Attributes:
        start: Where it begins.
        target: Where it ends, above the start.
        wall: Where it is thrown back; None for a free tail.
        side: 1, or -1 for a walk that goes down in its own coordinate.
    """

    start: float
    target: float
    wall: float | None = None
    side: int = 1


@dataclass(frozen=True)
class Table:
    """The densities of one or more shapes at the nodes of common panels, as a sweep takes them.

    Attributes:
        local: phi at the nodes from each panel's left end, shape (shapes, panels, 16).
        rise: phi over each panel, shape (shapes, panels).
        scale_weight: D^-q at the nodes.
        speed_weight: D^(q-1) at the nodes.
        diffusion: D at the nodes.
        half: Half widths.
        first: The panel that begins at the start.
        counted: Whether anything is found on a panel.
    """

    local: np.ndarray
    rise: np.ndarray
    scale_weight: np.ndarray
    speed_weight: np.ndarray
    diffusion: np.ndarray
    half: np.ndarray
    first: int
    counted: np.ndarray

    @classmethod
    def of(cls, line: Line, route: Route, edges: np.ndarray, counted: np.ndarray) -> "Table":
        """Evaluate the coefficients on the panels between these edges."""
        panels = Panels(edges)
        slope, diffusion = line(panels.points)
        densities = (panels.running(slope), panels.whole(slope), diffusion**-line.weight, diffusion ** (line.weight - 1), diffusion)
        local, rise, scale, speed, noise = (np.array(f, order="C") for f in densities)  # writable: a sweep is compiled for one kind of array
        return cls(local, rise, scale, speed, noise, np.array(panels.half[:, 0]), int(np.searchsorted(edges, route.start)), counted)


def panels_for(line: Line, route: Route, weakest: np.ndarray, strongest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return edges, and whether anything is found between them, for Phi' = c slope with c between ``weakest`` and ``strongest``.

    Args:
        line: The shapes, mirrored as the route says; values of shape (shapes, points).
        route: The walk.
        weakest: The c of least size, for each shape.
        strongest: The c of largest size, of the same sign.

    Raises:
        NotApplicable: If nothing holds the walker on the far side, D vanishes, or the drift has a pole.
        AccuracyError: If more than 20 000 panels are needed.
    """
    on_the_way = np.linspace(route.start, route.target, 1025)
    check_diffusion(line, on_the_way, where="on the way from start to target")
    behind = _behind(scaled(line, weakest), route)
    outside = Panels(behind).points.ravel()
    if len(outside):
        check_diffusion(line, outside, where="on the far side of the start")
    coarse = np.linspace(route.start, route.target, ON_THE_WAY + 1)
    kinks = line.breaks(np.concatenate([outside, on_the_way]))
    steepest = scaled(line, strongest)
    edges = _evened(steepest, np.unique(np.concatenate([behind, coarse, kinks])))
    for _ in range(MOST_PASSES):
        variation = _variation(steepest, edges).max(axis=0)
        counted = _counted(scaled(line, weakest), edges, route.start)
        parts = np.where(counted, np.clip(np.ceil(variation / STEEPEST), 1, 4), 1).astype(int)
        if np.all(parts == 1):
            return edges, counted
        if parts.sum() > MOST_PANELS:
            raise AccuracyError(_too_many(f"the potential over the noise, Phi = int -f/D, changes by {variation.sum():.3g} along the way"))
        edges = _cut(edges[:-1], edges[1:], parts)
    raise AccuracyError(_too_many(f"the potential over the noise, Phi = int -f/D, changes by {variation.sum():.3g} along the way"))


def scaled(line: Line, strength: np.ndarray) -> Line:
    """Return the process with Phi' multiplied by the strength of each shape."""

    def coefficients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope, diffusion = line.coefficients(x)
        return slope * strength.reshape(-1, *[1] * np.ndim(x)), diffusion

    return replace(line, coefficients=coefficients)


def _behind(line: Line, route: Route) -> np.ndarray:
    if route.wall is None:
        return far_edges(line, route.start, route.target - route.start, drop=DROP)
    return np.linspace(route.wall, route.start, BEHIND + 1) if route.wall < route.start else np.array([route.start])


def _variation(line: Line, edges: np.ndarray) -> np.ndarray:
    panels = Panels(edges)
    return panels.whole(np.abs(line(panels.points)[0]))


def _counted(line: Line, edges: np.ndarray, start: float) -> np.ndarray:
    """Return whether a panel may hold more than e^-NOTHING of the population, of the scale, or of their product, for any of the shapes."""
    panels, q = Panels(edges), line.weight
    slope, diffusion = line(panels.points)
    log_d = np.log(diffusion)
    base = np.pad(np.cumsum(panels.whole(slope), axis=-1), ((0, 0), (1, 0)))
    middle, reach = (base[:, 1:] + base[:, :-1]) / 2, panels.whole(np.abs(slope)) / 2
    ends = np.abs(np.diff(base)) / 2
    ahead = edges[:-1] >= start
    scale, speed = middle + reach - q * log_d.min(axis=-1), reach - middle - (1 - q) * log_d.min(axis=-1)
    sure_scale, sure_speed = middle + ends - q * log_d.max(axis=-1), ends - middle - (1 - q) * log_d.max(axis=-1)
    sure = _largest(sure_scale + np.maximum.accumulate(sure_speed, axis=-1), ahead)
    before = np.maximum.accumulate(speed, axis=-1)
    later = np.maximum.accumulate(np.where(ahead, scale, -np.inf)[:, ::-1], axis=-1)[:, ::-1]
    climbed = ahead & ((scale + before > sure - NOTHING) | (scale > _largest(sure_scale, ahead) - NOTHING))
    return np.asarray(np.any(climbed | (speed + later > sure - NOTHING), axis=0))


def _largest(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(where, values, -np.inf).max(axis=-1, keepdims=True))


def _evened(line: Line, edges: np.ndarray) -> np.ndarray:
    """Return the edges with panels cut in four until each measures the same rise of Phi and the same int 1/D whole and in parts.

    Raises:
        NotApplicable: If the drift has a pole.
        AccuracyError: If drift or diffusion oscillate too fast.
    """
    low, high = edges[:-1], edges[1:]
    kept = [edges]
    for depth in range(DEEPEST):
        even, change = _is_even(line, low, high, 8 if depth else max(16, FIRST_LOOK // line.shape[0]))
        low, high = low[~even], high[~even]
        if not len(low):
            return np.unique(np.concatenate(kept))
        if 4 * len(low) > MOST_PANELS:
            raise AccuracyError(_too_many("drift or diffusion oscillate along the way"))
        cut = np.linspace(low, high, 5, axis=-1)
        kept.append(cut.ravel())
        low, high = cut[:, :-1].ravel(), cut[:, 1:].ravel()
    if np.any(steep := ~(change[~even] <= STEEPEST)):
        raise NotApplicable(
            f"the drift grows without bound near {round(line.side * float(low[4 * int(np.argmax(steep))]), 9) + 0.0:.6g}, so the loss does not "
            "confine walkers there; give a loss that is finite and smooth wherever a walker can go"
        )
    return np.unique(np.concatenate(kept))


def _is_even(line: Line, low: np.ndarray, high: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each panel knows its integrals, for all shapes, and how much Phi changes on it."""
    whole = _integrals(line, low[:, None], high[:, None])
    cut = np.linspace(low, high, parts + 1, axis=-1)
    finer = _integrals(line, cut[:, :-1], cut[:, 1:])
    change = finer[1]
    with np.errstate(invalid="ignore"):
        rise_known = (np.abs(whole[0] - finer[0]) <= EVEN * change) | (np.abs(whole[0] - finer[0]) <= EVEN / 100)
        even = rise_known & (np.abs(whole[2] - finer[2]) <= EVEN * finer[2])
    return np.all(even, axis=0), change.max(axis=0)


def _integrals(line: Line, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums over the last axis of int Phi', int |Phi'| and int 1/D from low to high."""
    half = (high - low) / 2
    with np.errstate(all="ignore"):
        slope, diffusion = line(low[..., None] + half[..., None] * (NODES + 1))
        parts = (slope, np.abs(slope), 1 / diffusion)
        return tuple(((f @ WEIGHTS) * half).sum(axis=-1) for f in parts)  # type: ignore[return-value]


def _cut(low: np.ndarray, high: np.ndarray, parts: np.ndarray) -> np.ndarray:
    before = np.concatenate([[0], np.cumsum(parts)[:-1]])
    fraction = (np.arange(parts.sum()) - np.repeat(before, parts)) / np.repeat(parts, parts)
    return np.append(np.repeat(low, parts) + fraction * np.repeat(high - low, parts), high[-1])


def _too_many(what: str) -> str:
    return f"{what}, which needs more than {MOST_PANELS} panels; the noise is too weak (or vanishes somewhere) for an exact answer, use a formula"
