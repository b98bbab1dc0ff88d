"""The box in which a process in two coordinates lives: all places whose density is not e^-18 below that of the highest pass between wells."""

from collections.abc import Callable

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.plane.coefficients import Plane
from eyring.numerics.exact.plane.green import Green
from eyring.numerics.exact.plane.hops import Hops

__all__ = ["Box", "Region", "box_of", "domain_of", "nearest"]

Box = tuple[float, float, float, float]
Region = Callable[[np.ndarray, np.ndarray], np.ndarray]
COARSE = 40
ABOVE = 18.0
ALONE = 26.0
DEEPEST = 36.0
HIGHEST = 27.0
ROUNDS = 24


def box_of(plane: Plane, wells: np.ndarray) -> Box:
    """Return left, right, bottom and top; see ``domain_of``."""
    return domain_of(plane, wells)[0]


def domain_of(plane: Plane, wells: np.ndarray, ended: Region | None = None) -> tuple[Box, float]:
    """Return left, right, bottom and top, and the height of the highest pass between wells, -ln of the density there over the largest.

    Args:
        plane: Drift and diffusion.
        wells: Attracting points, (wells, 2).
        ended: Where the walk is over; the process is then confined without these places, and their lowest rim counts as a pass.

    Raises:
        NotApplicable: If the density does not fall, however large the box.
    """
    for cells, reach, growth in ((COARSE, ALONE, 0.3), (2 * COARSE, 3.0, 0.12)):  # the second for curved and narrow places
        box, top = _searched(plane, wells, ended, cells, reach, growth)
        if top is not None:
            return box, top
    raise NotApplicable(
        f"the drift does not confine: in a box from {plane.written(box[0], box[2])} to {plane.written(box[1], box[3])} the stationary density does "
        f"not fall below e^-{ABOVE:g} of that between the wells before the sides; relaxation rates need a process that comes back from far away"
    )


def _searched(
    plane: Plane, wells: np.ndarray, ended: Region | None, cells: int, reach: float, growth: float
) -> tuple[Box, float | None]:
    """Fit a box to the density on it, again and again; return the last, and the highest pass if it holds all that it must."""
    box = _first(plane, wells, reach)
    for _ in range(ROUNDS):
        heights, grid = _heights(plane, box, wells, ended, cells)
        deepest = np.unravel_index(np.argmin(heights), heights.shape)
        if any(k in (0, side - 1) for k, side in zip(deepest, grid.shape, strict=True)):
            break
        top = _pass(heights, grid, wells)
        inside = heights <= min(max(ALONE, top + ABOVE), DEEPEST)
        new, open_sides = _fitted(inside, box, growth)
        widths = np.array([box[1] - box[0], box[3] - box[2]])
        if not open_sides:
            x, y = np.meshgrid(*grid.axes, indexing="ij")
            plane.demand_positive(x[inside], y[inside])
            if np.all(np.array([new[1] - new[0], new[3] - new[2]]) > 0.8 * widths):
                return new, top
        box = new
    return box, None


def nearest(axes: tuple[np.ndarray, np.ndarray], points: np.ndarray) -> np.ndarray:
    """Return the index of the grid node nearest to each point, each node once."""
    i, j = (np.abs(axis[None, :] - c[:, None]).argmin(axis=1) for axis, c in zip(axes, points.T, strict=True))
    return np.unique(i * len(axes[1]) + j)


def _first(plane: Plane, wells: np.ndarray, height: float) -> Box:
    """Return a box around the wells that holds what small fluctuations at them find up to a height."""
    from scipy.linalg import solve_continuous_lyapunov

    J = np.moveaxis(plane.jacobian(*wells.T), -1, 0)
    spread = np.ptp(wells, axis=0)
    reach = np.full(2, 0.25 * np.max(spread) if np.max(spread) > 0 else 0.0)
    for k, (a, b, c) in enumerate(plane.diffusion(*wells.T).T):
        if np.max(np.linalg.eigvals(J[k]).real) < -1e-6 * np.max(np.abs(J[k])):
            S = solve_continuous_lyapunov(J[k], -2 * np.array([[a, b], [b, c]]))
            reach = np.maximum(reach, np.sqrt(2 * height * np.abs(np.diag(S))))
    reach = np.where(reach > 0, reach, 1.0)
    low, high = wells.min(axis=0) - reach, wells.max(axis=0) + reach
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _heights(plane: Plane, box: Box, wells: np.ndarray, ended: Region | None, cells: int) -> tuple[np.ndarray, Hops]:
    """Return -ln of the stationary density on coarse cells, infinite where it is lost in rounding."""
    a, _, c = plane.diffusion(*wells.T).mean(axis=1)
    longer = np.clip(np.sqrt((box[1] - box[0]) / (box[3] - box[2]) * np.sqrt(c / a)), 0.5, 2.0)  # cells as long as the noise is strong
    shape = round(cells * longer), round(cells / longer)
    bare = Hops(plane, box, shape, np.array([0]))
    dead = None if ended is None else ended(*np.meshgrid(*bare.axes, indexing="ij")).ravel()
    held = nearest(bare.axes, wells)
    if dead is not None and np.any(dead[held]):
        dead = dead.copy()
        dead[held] = False
    grid = Hops(plane, box, shape, held, dead)
    with np.errstate(all="ignore"):
        density = Green(grid).weight.reshape(grid.shape)
        density = density / density.max()
    return np.where(density > np.exp(-DEEPEST), -np.log(np.maximum(density, 1e-300)), np.inf), grid


def _pass(heights: np.ndarray, grid: Hops, wells: np.ndarray) -> float:
    """Return the height at which all wells are joined; zero if there is one."""
    from scipy.ndimage import label

    held = np.unravel_index(grid.held, grid.shape)
    low, high = float(np.max(heights[held])), DEEPEST
    if not low < DEEPEST:
        raise _too_high(grid.plane, wells, DEEPEST)
    rim = _rim(heights, grid)
    if len(held[0]) == 1:
        return rim
    for _ in range(12):
        middle = (low + high) / 2
        marks = label(heights <= middle, np.ones((3, 3)))[0][held]
        joined = np.all(marks == marks[0]) and marks[0] > 0
        low, high = (low, middle) if joined else (middle, high)
    if high > HIGHEST:
        raise _too_high(grid.plane, wells, HIGHEST)
    return max(high, rim)


def _rim(heights: np.ndarray, grid: Hops) -> float:
    """Return the least height next to places where the walk is over; zero if there are none."""
    from scipy.ndimage import binary_dilation

    if grid.dead is None or not np.any(grid.dead):
        return 0.0
    dead = grid.dead.reshape(grid.shape)
    lowest = float(np.min(heights[binary_dilation(dead) & ~dead]))
    if lowest > HIGHEST:
        raise AccuracyError(
            f"the exit lies where the stationary density is below e^-{HIGHEST:g} of its maximum: on grids in two coordinates such a barrier is lost "
            "in rounding; raise the noise, or use quasipotential or escape_time"
        )
    return lowest


def _too_high(plane: Plane, wells: np.ndarray, height: float) -> AccuracyError:
    return AccuracyError(
        f"between the attractors {', '.join(plane.written(*w) for w in wells)} the stationary density falls below e^-{height:g} of its maximum: on "
        "grids in two coordinates such a barrier is lost in rounding; raise the noise, or use quasipotential or escape_time"
    )


def _fitted(inside: np.ndarray, box: Box, growth: float) -> tuple[Box, bool]:
    """Return the box around the cells that must be inside, sides that these touch moved outwards, and whether there were such sides."""
    (left, right, bottom, top), found, touched = box, [], False
    for low, high, taken in ((left, right, np.any(inside, axis=1)), (bottom, top, np.any(inside, axis=0))):
        taken = np.atleast_1d(taken)
        width, cells = high - low, len(taken)
        first, last = int(np.argmax(taken)), cells - 1 - int(np.argmax(taken[::-1]))
        touched = touched or first == 0 or last == cells - 1
        found += [
            low - growth * width if first == 0 else low + (first - 1) * width / cells,
            high + growth * width if last == cells - 1 else low + (last + 2) * width / cells,
        ]
    return (found[0], found[1], found[2], found[3]), touched
