r"""Leaving a region of the plane: mean first-passage times, committors, and the density that walkers keep while they have not left.

L tau = -1 with tau = 0 at the exits; L h = 0 with h = 1 at one exit and 0 at the other; L p = -rate p for the slowest mode that is zero there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.plane.box import Box, domain_of, nearest
from eyring.numerics.exact.plane.coefficients import Plane
from eyring.numerics.exact.plane.condensed import Condensed
from eyring.numerics.exact.plane.elements import Elements
from eyring.numerics.exact.plane.green import solved
from eyring.numerics.exact.plane.region import Ends
from eyring.numerics.exact.plane.rest import attractors

__all__ = ["Leaving", "converged"]

SIDES = (8, 11, 15, 20)
SETTLED = 1e-8
WORST = 1e-4
SAFETY = 4

Solver = Callable[["Leaving"], float]


@dataclass(frozen=True)
class Leaving:
    """A process on spectral elements that ends at exits; one node in each well is held, as for relaxation rates.

    Attributes:
        elements: The elements outside the exits.
        exits: Nodes of each exit.
        wells: A node in each well.
    """

    elements: Elements
    exits: tuple[np.ndarray, ...]
    wells: np.ndarray

    @cached_property
    def operator(self) -> Condensed:
        """The backward operator."""
        return Condensed(self.elements, np.concatenate([*self.exits, self.wells]))

    @cached_property
    def harmonic(self) -> np.ndarray:
        """The probability to come to each exit, then to each well's node, before to any other of these, (exits + wells, nodes)."""
        groups = [*self.exits, *self.wells[:, None]]
        u = np.zeros((len(self.operator.mass), len(groups)))
        for k, group in enumerate(groups):
            u[group, k] = 1.0
        for _ in range(2):
            u = u - self._free(np.stack([self.operator.apply(c) for c in u.T], axis=1))
        return u.T

    @cached_property
    def _hops(self) -> np.ndarray:
        """Rates from each well's node to each exit and each well, times mass, (wells, exits + wells); those to itself are not meant."""
        return np.array([self.operator.apply(h)[self.wells] for h in self.harmonic]).T

    def _free(self, b: np.ndarray) -> np.ndarray:
        b = b.copy()
        b[self.operator.held] = 0.0
        return self.operator.solve(b)

    def _at_wells(self, g: np.ndarray) -> np.ndarray:
        """Return y with sum_j q_ij (y_j - y_i) = g_i over wells and exits, y = 0 at the exits; nothing is subtracted from the rates."""
        count, m = len(self.exits), len(self.wells)
        q = np.zeros((m + 1, m + 1))
        q[1:, 0] = self._hops[:, :count].sum(axis=1)
        q[1:, 1:] = self._hops[:, count:]
        np.fill_diagonal(q, 0.0)
        return solved(q, np.concatenate([[0.0], g]))[1:]

    def times(self, v: np.ndarray) -> np.ndarray:
        """Return u, zero at the exits, with L u = -v elsewhere: for v = 1 the mean time to an exit."""
        b = -self.operator.mass * v
        u = self.operator.solve(b)
        left = (b - self.operator.apply(u))[self.wells]
        return u + self._at_wells(left) @ self.harmonic[len(self.exits) :] if len(self.wells) else u

    def committor(self, exit_number: int) -> np.ndarray:
        """Return the probability to end at one of the exits."""
        h = self.harmonic[exit_number]
        return h + self._at_wells(-self._hops[:, exit_number]) @ self.harmonic[len(self.exits) :] if len(self.wells) else h

    def densities(self, p: np.ndarray) -> np.ndarray:
        """Return q, zero at the exits, with the forward operator L^+ q = -p elsewhere."""
        b = -self.operator.mass * p
        q = self.operator.solve_transposed(b)
        if not len(self.wells):
            return q
        left = (b - self.operator.apply_transposed(q))[self.wells]
        rates = self._hops[:, len(self.exits) :].copy()
        np.fill_diagonal(rates, 0.0)
        np.fill_diagonal(rates, -(rates.sum(axis=1) + self._hops[:, : len(self.exits)].sum(axis=1)))
        rest = np.zeros_like(q)
        rest[self.wells] = np.linalg.solve(rates.T, left)
        spread = self.operator.apply_transposed(rest)
        spread[self.operator.held] = 0.0
        return q + rest - self.operator.solve_transposed(spread)


def converged(plane: Plane, ends: tuple[Ends, ...], start: tuple[float, float], solver: Solver) -> tuple[float, float, Leaving]:
    """Return what ``solver`` finds, its relative error (four times the last change), and the finest elements.

    Raises:
        ParameterError: If the start lies in an exit.
        NotApplicable: If the process is not confined, or an exit lies where it does not come.
        AccuracyError: If two resolutions differ by more than 1e-4.
    """
    here = np.array(start[:1]), np.array(start[1:])
    for end in ends:
        if end(*here)[0]:
            raise ParameterError(f"the start {plane.written(*start)} lies in an exit, where the walk is over; start outside")

    def over(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.any([end(x, y) for end in ends], axis=0)

    wells = attractors(plane)
    outside = wells[~over(*wells.T)]
    box = domain_of(plane, outside, over)[0] if len(outside) else domain_of(plane, wells)[0]
    wells = outside
    box = min(box[0], start[0]), max(box[1], start[0]), min(box[2], start[1]), max(box[3], start[1])
    before = np.nan
    for number in SIDES:
        leaving = _leaving(plane, box, wells, ends, over, number)
        value = solver(leaving)
        change = abs(value / before - 1)
        if change < SETTLED:
            break
        before = value
    if not change <= WORST:
        raise AccuracyError(
            f"the answer settled only to a relative change of {change:.2g} between grids of {SIDES[-2]} and {SIDES[-1]} elements a side; the grid is "
            "too coarse for this barrier or for coefficients that are not smooth",
            estimate=value,
            error=change,
        )
    return value, max(SAFETY * change, 1e-11), leaving


def _leaving(plane: Plane, box: Box, wells: np.ndarray, ends: tuple[Ends, ...], over: Callable[..., np.ndarray], number: int) -> Leaving:
    edges = tuple(_edges(box[2 * k], box[2 * k + 1], [line for end in ends for line in end.lines[k]], number) for k in (0, 1))
    middle = np.meshgrid(*((e[1:] + e[:-1]) / 2 for e in edges), indexing="ij")
    closed = [end(*middle).ravel() for end in ends]
    bare = Elements(plane, (edges[0], edges[1]))
    index, active = bare.numbering[0], ~np.any(closed, axis=0)
    alive = np.unique(index[active])
    exits = tuple(np.intersect1d(alive, np.unique(index[c])) for c in closed)
    if any(len(e) == 0 for e in exits):
        raise NotApplicable(
            "an exit touches no place that the process visits (the stationary density there is below e^-26 of its maximum): it is not reached in any "
            "time that counts"
        )
    corners = nearest(bare.edges, wells)
    i, j = np.unravel_index(corners, (len(edges[0]), len(edges[1])))
    nodes = (i * bare.shape[1] + j) * bare.degree
    nodes = np.setdiff1d(np.intersect1d(nodes, alive), np.concatenate(exits))
    return Leaving(Elements(plane, (edges[0], edges[1]), active=active), exits, nodes)


def _edges(low: float, high: float, lines: list[float], number: int) -> np.ndarray:
    """Return element edges from low to high, every line among them, about ``number`` of them."""
    marks = np.unique([low, high, *(line for line in lines if low < line < high)])
    pieces = [np.linspace(a, b, max(1, round(number * (b - a) / (high - low))) + 1) for a, b in pairwise(marks)]
    return np.unique(np.concatenate(pieces))
