"""The way between two minima of a network too large for its Hessian: an elastic band falls across itself, its top is refined to the saddle.

Nothing here asks for more than gradients and products of the Hessian with a vector.
"""

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.action.guess import curve
from eyring.numerics.exact.saddles.string import Leg
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.lanczos import eigenpairs
from eyring.validation.probes.minimum import settled
from eyring.validation.probes.saddle import NoBarrier, Progress

__all__ = ["leg_by_band", "leg_through", "refined_saddle"]

IMAGES = 21  # of a band, its ends included
ROUGH, FINE = 3e-2, 2e-3  # largest slope across the band where it rests, of the largest slope along it
SWEEPS = 4000
SPRING = 0.1  # of the largest curvature: holds the images apart, and is no stiffer than the valley's walls
LONGEST = 0.6  # step of the fall, in units of the stiffest wall's 1/frequency; 2 is where it would diverge
DEEP = 1e-3  # of the band's rise: a dip between its images that is a minimum of its own
ASIDE = 1e-2  # of the distance: where the ways down from a saddle begin
SAME = 1e-3
PATIENCE = 3
NEWTON = 25
REST = 1e-10  # of the largest curvature times 1 + |theta|


def leg_by_band(surface: FullBatch, start: np.ndarray, end: np.ndarray, *, progress: Progress | None = None) -> Leg:
    """Return the way from one minimum over the first saddle on a band towards another one.

    The band moves under the slope across itself and springs along itself (nudged elastic band), with the inertia of FIRE. Where it dips into a
    minimum between, that one takes the place of the end.

    Args:
        surface: The loss on all data.
        start: A minimum, (n,).
        end: Another one, (n,).
        progress: Called with (sweeps done, sweeps in all).

    Raises:
        NoBarrier: If the band has no top, or its top is refined to no saddle of index 1.
        AccuracyError: If the band does not come to rest.

    Source: Henkelman & Jonsson 2000 for the tangent, Bitzek et al. 2006 for FIRE [recalled].
    """
    stiffest = _stiffest(surface, start)
    band = start + np.linspace(0, 1, IMAGES)[:, None] * (end - start)
    for _ in range(IMAGES):
        band = _rested(surface, band, stiffest, ROUGH, progress)
        dip = _first_dip(surface.height(band))
        if dip is None:
            break
        bottom = settled(surface, band[dip])
        if min(np.linalg.norm(bottom - band[k]) for k in (0, -1)) < SAME * np.linalg.norm(end - start):
            break
        band = curve(np.concatenate([band[:dip], bottom[None]]), np.linspace(0, 1, IMAGES))
    heights = surface.height(band)
    top = int(np.argmax(heights))
    if top in (0, IMAGES - 1):
        raise NoBarrier(
            f"no barrier was found between the two minima (losses {heights[0]:.8g} and {heights[-1]:.8g}): the band between them has no top, and "
            "escape theory does not apply to this pair"
        )
    saddle = refined_saddle(surface, band[top], within=float(np.linalg.norm(band[top + 1] - band[top - 1])))
    if saddle is None:
        raise NoBarrier(
            f"the top of the band, {heights[top] - heights[0]:.4g} above the minimum, was refined to no saddle of index 1: give a saddle, or a "
            "minimum nearer to the first"
        )
    return _leg(surface, [*band[:top], saddle, *band[top + 1 :]], top, stiffest, progress)


def leg_through(surface: FullBatch, start: np.ndarray, saddle: np.ndarray, *, progress: Progress | None = None) -> Leg | None:
    """Return the way from a minimum over a known saddle, or None if no side of it comes down there."""
    size = float(np.linalg.norm(saddle - start))
    aside = ASIDE * size * eigenpairs(surface, saddle, leading=0, lowest=1)[1][:, 0]
    ends = [settled(surface, saddle + sign * aside) for sign in (1, -1)]
    ends.sort(key=lambda end: float(np.linalg.norm(end - start)))
    if np.linalg.norm(ends[0] - start) > SAME * size:
        return None
    shares = np.linspace(0, 1, IMAGES // 2 + 1)[:, None]
    band = [*(start + shares * (saddle - start)), *(saddle + shares[1:] * (ends[1] - saddle))]
    return _leg(surface, band, IMAGES // 2, _stiffest(surface, start), progress)


def refined_saddle(surface: FullBatch, near: np.ndarray, *, within: float) -> np.ndarray | None:
    """Return the saddle of index 1 to which Newton's method leads, its steps by minimal residuals; None if it is another point, or farther away."""
    from scipy.sparse.linalg import LinearOperator, minres

    x, n = near.copy(), surface.dimension
    scale = REST * _stiffest(surface, near) * (1 + float(np.linalg.norm(near)))
    for _ in range(NEWTON):
        g, times = surface.linearised(x)
        if np.linalg.norm(g) < scale:
            values = eigenpairs(surface, x, leading=0, lowest=2)[0]
            return x if values[0] < 0 < values[1] else None
        H = LinearOperator((n, n), matvec=lambda v, times=times: times(v.reshape(n, 1))[:, 0], dtype=np.float64)
        step = minres(H, -g, rtol=1e-6, maxiter=4 * n)[0]
        x = x + step * min(1.0, within / max(float(np.linalg.norm(step)), 1e-300))
        if np.linalg.norm(x - near) > PATIENCE * within:
            return None
    return None


def _leg(surface: FullBatch, band: list[np.ndarray], top: int, stiffest: float, progress: Progress | None) -> Leg:
    """Let both sides of a saddle fall into the way of least climb."""
    whole = np.array(band)
    shares = np.linspace(0, 1, IMAGES)
    sides = [_rested(surface, curve(side, shares), stiffest, FINE, progress) for side in (whole[: top + 1], whole[top:])]
    return Leg(whole[top], np.concatenate([sides[0], sides[1][1:]]))


def _rested(surface: FullBatch, band: np.ndarray, stiffest: float, tolerance: float, progress: Progress | None) -> np.ndarray:
    """Let a band fall until no slope is left across it: FIRE's inertia, dropped where it leads uphill."""
    x, v = band.copy(), np.zeros_like(band[1:-1])
    longest = LONGEST / np.sqrt(stiffest)
    dt, mixing, downhill = longest / 5, 0.1, 0
    for sweep in range(SWEEPS):
        heights, g = surface.height(x), surface.slope(x[1:-1])
        tangent, spacing = _tangents(x, heights)
        along = np.sum(g * tangent, axis=1, keepdims=True)
        across = g - along * tangent
        if progress and sweep % 20 == 0:
            progress(sweep, SWEEPS)
        if np.max(np.linalg.norm(across, axis=1)) < tolerance * np.max(np.abs(along)):
            return x
        force = SPRING * stiffest * spacing * tangent - across
        if np.sum(force * v) > 0:
            downhill += 1
            v = (1 - mixing) * v + mixing * force * np.linalg.norm(v) / np.linalg.norm(force)
            if downhill > 5:
                dt, mixing = min(1.1 * dt, longest), 0.99 * mixing
        else:
            v, dt, mixing, downhill = np.zeros_like(v), dt / 2, 0.1, 0
        v = v + dt * force
        x[1:-1] += dt * v
    raise AccuracyError(
        f"the band between the minima has not come to rest in {SWEEPS} sweeps: the slope across it is still "
        f"{np.max(np.linalg.norm(across, axis=1)) / np.max(np.abs(along)):.3g} of the slope along it; give a saddle, or minima nearer to each other"
    )


def _tangents(x: np.ndarray, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return unit tangents at the inner images, towards the higher neighbour, and how much farther the next image is than the last."""
    forth, back = x[2:] - x[1:-1], x[1:-1] - x[:-2]
    rise, fall = (np.abs(heights[k] - heights[1:-1]) for k in (slice(2, None), slice(None, -2)))
    more, less = np.maximum(rise, fall), np.minimum(rise, fall)
    up = heights[2:] > heights[:-2]
    ahead, behind = np.where(up, more, less), np.where(up, less, more)  # at a top or a dip, both neighbours
    slope = (heights[2:] > heights[1:-1]) & (heights[1:-1] > heights[:-2]), (heights[2:] < heights[1:-1]) & (heights[1:-1] < heights[:-2])
    ahead, behind = np.where(slope[0], 1.0, np.where(slope[1], 0.0, ahead)), np.where(slope[1], 1.0, np.where(slope[0], 0.0, behind))
    tangent = ahead[:, None] * forth + behind[:, None] * back
    lengths = np.linalg.norm(forth, axis=1) - np.linalg.norm(back, axis=1)
    return tangent / np.linalg.norm(tangent, axis=1, keepdims=True), lengths[:, None]


def _first_dip(heights: np.ndarray) -> int | None:
    """Return the first image that lies below both neighbours, and by more than a ripple below the tops on its two sides."""
    deep = DEEP * (heights.max() - heights.min())
    for k in range(1, len(heights) - 1):
        lowest = heights[k] < heights[k - 1] and heights[k] <= heights[k + 1]
        if lowest and min(heights[:k].max(), heights[k + 1 :].max()) > heights[k] + deep:
            return k
    return None


def _stiffest(surface: FullBatch, point: np.ndarray) -> float:
    return float(np.max(np.abs(eigenpairs(surface, point, leading=1, lowest=1)[0])))
