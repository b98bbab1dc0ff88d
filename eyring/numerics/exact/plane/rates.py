"""The slowest relaxation rates in two coordinates, by two discretisations that share neither operator nor grid and must agree."""

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.plane.box import Box, domain_of, nearest
from eyring.numerics.exact.plane.coefficients import Plane
from eyring.numerics.exact.plane.condensed import Condensed
from eyring.numerics.exact.plane.elements import Elements
from eyring.numerics.exact.plane.green import Green
from eyring.numerics.exact.plane.krylov import slowest
from eyring.numerics.exact.plane.rest import attractors
from eyring.numerics.exact.plane.volumes import Volumes

__all__ = ["compared_rates", "on_elements", "on_volumes", "plane_rates", "settled_elements"]

ELEMENTS = (6, 9, 13, 17, 22)
CELLS = (32, 48, 72, 108, 162, 243)
SETTLED = 6e-7
AGREE = 1e-5
WORST = 1e-3
ORDERS = 4
WIDER = 0.04


def plane_rates(plane: Plane, count: int) -> list[tuple[float, float, float]]:
    """Return (value, 0, relative error) of the smallest rates; of complex ones the real parts.

    Raises:
        AccuracyError: If two resolutions, or the two discretisations, still differ by more than 1e-3 on the finest grids allowed.
        NotApplicable: If there is no attractor, no confinement, or noise that is missing in some direction.
    """
    wells = attractors(plane)
    box, top = domain_of(plane, wells)
    return compared_rates(plane, box, top, wells, count)[0]


def compared_rates(plane: Plane, box: Box, top: float, wells: np.ndarray, count: int) -> tuple[list[tuple[float, float, float]], int]:
    """Return (value, 0, relative error) of the smallest rates, and the number of elements along a side that sufficed.

    Raises:
        AccuracyError: If two resolutions, or the two discretisations, still differ by more than 1e-3 on the finest grids allowed.
    """
    fine, change, number = settled_elements(plane, box, wells, count, top)
    other, gap, cells = _settled_volumes(plane, box, wells, fine, [c for c in CELLS if c >= 3.2 * number])
    worst = np.maximum(change, gap)
    if not np.all(worst <= WORST):
        k = int(np.argmax(np.nan_to_num(worst, nan=np.inf)))
        raise AccuracyError(
            f"two discretisations of the process in {plane.names[0]}, {plane.names[1]} do not agree: rate {k + 1} is {fine[k]:.8g} on {number} x "
            f"{number} spectral elements (relative change from the grid before: {change[k]:.2g}) and {other[k]:.8g} on {cells} x {cells} finite "
            "volumes, extrapolated; the grid is too coarse for this barrier or for coefficients that are not smooth: raise the noise, or use "
            "escape_time",
            estimate=float(fine[k]),
            error=float(worst[k]),
        )
    return [(float(rate), 0.0, float(max(error, 1e-11))) for rate, error in zip(fine, worst, strict=True)], number


def settled_elements(plane: Plane, box: Box, wells: np.ndarray, count: int, top: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Refine until two resolutions agree; return rates, their last relative change, and the number of elements along a side."""
    before = np.full(count, np.nan)
    change = np.full(count, np.inf)
    first = 0 if top < 8 else 1 if top < 14 else 2
    for number in ELEMENTS[first:]:
        rates = _rates(on_elements(plane, box, wells, number), count)
        change = np.abs(rates / before - 1) if number != ELEMENTS[first] else change
        before = rates
        if np.all(change < SETTLED):
            break
    return before, change, number


def _settled_volumes(plane: Plane, box: Box, wells: np.ndarray, known: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, int]:
    """Refine and extrapolate in the square of the cells' size until the known rates are met; return rates, their relative distance, and cells."""
    table: list[np.ndarray] = []
    margins = WIDER * (box[1] - box[0]), WIDER * (box[3] - box[2])
    wide = box[0] - margins[0], box[1] + margins[0], box[2] - margins[1], box[3] + margins[1]
    best, gap = known, np.full(len(known), np.inf)
    for k, cells in enumerate(sizes):
        row = [_rates(on_volumes(plane, wide, wells, cells), len(known))]
        for order in range(1, min(k, ORDERS) + 1):
            factor = (cells / sizes[k - order]) ** 2
            row.append((factor * row[-1] - table[order - 1]) / (factor - 1))
        table = row
        best = _steadiest(np.array(row))
        gap = np.where(np.isfinite(best), np.abs(best / known - 1), np.inf)
        if k >= 2 and np.all(gap < AGREE):
            break
    return best, gap, cells


def _steadiest(row: np.ndarray) -> np.ndarray:
    """Return, of the extrapolations of each rate, the one that the step to its order changed least."""
    if len(row) == 1:
        return row[0]
    steps = np.nan_to_num(np.abs(np.diff(row, axis=0)), nan=np.inf)
    return row[1 + np.argmin(steps, axis=0), np.arange(row.shape[1])]


def _rates(green: Green, count: int) -> np.ndarray:
    """Return the real parts of the smallest rates; not-a-number on a grid too coarse to have any."""
    try:
        return slowest(green, count)[0].real
    except AccuracyError:
        return np.full(count, np.nan)


def on_elements(plane: Plane, box: Box, wells: np.ndarray, number: int) -> Green:
    """Return the Green operator on ``number`` x ``number`` spectral elements, one node in each well held."""
    elements = Elements(plane, (np.linspace(*box[:2], number + 1), np.linspace(*box[2:], number + 1)))
    i, j = np.unravel_index(nearest(elements.edges, wells), (number + 1, number + 1))
    return Green(Condensed(elements, (i * elements.shape[1] + j) * elements.degree))


def on_volumes(plane: Plane, box: Box, wells: np.ndarray, cells: int) -> Green:
    """Return the Green operator on ``cells`` x ``cells`` finite volumes, one cell in each well held."""
    bare = Volumes(plane, box, (cells, cells), np.array([0]))
    return Green(Volumes(plane, box, (cells, cells), nearest(bare.axes, wells)))
