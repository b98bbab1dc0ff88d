r"""The process in two coordinates as a walk between cells: probability flows through their sides and none is lost.

Through a side of normal x the flux of a density p is J = f_x p - d_x(D_xx p) - d_y(D_xy p): the first two fitted exponentially
(Scharfetter & Gummel 1969), the last by central differences. No derivative of D is taken. The error falls as the square of the cells' size.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eyring.numerics.exact.plane.coefficients import Plane
from eyring.numerics.exact.plane.condensed import factored

__all__ = ["Volumes", "bernoulli"]


@dataclass(frozen=True)
class Volumes:
    """Equal cells over a box, some of them held.

    Attributes:
        plane: Drift and diffusion.
        box: Left, right, bottom, top.
        shape: Cells along x and along y.
        held: Indices of the held cells.
        dead: Which cells the process may not enter; none, if left out.
    """

    plane: Plane
    box: tuple[float, float, float, float]
    shape: tuple[int, int]
    held: np.ndarray
    dead: np.ndarray | None = None

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates of the cells' centres along x and along y."""
        (left, right, bottom, top), (m, n) = self.box, self.shape
        return left + (np.arange(m) + 0.5) * (right - left) / m, bottom + (np.arange(n) + 0.5) * (top - bottom) / n

    @property
    def steps(self) -> tuple[float, float]:
        """The sides of a cell."""
        return (self.box[1] - self.box[0]) / self.shape[0], (self.box[3] - self.box[2]) / self.shape[1]

    @cached_property
    def mass(self) -> np.ndarray:
        """The area of every cell, (cells,)."""
        return np.full(self.shape[0] * self.shape[1], self.steps[0] * self.steps[1])

    @cached_property
    def generator(self) -> Any:
        """The rates of hops between cells times their area, a sparse matrix with an empty diagonal; row: from, column: to."""
        from scipy.sparse import csr_matrix

        (m, n), (dx, dy) = self.shape, self.steps
        index = np.arange(m * n).reshape(m, n)
        x, y = np.meshgrid(*self.axes, indexing="ij")
        self.plane.demand_positive(x, y)
        a, b, c = self.plane.diffusion(x, y)
        ends: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for turned in (False, True):
            place, own, cross = (index.T, c.T, b.T) if turned else (index, a, b)
            across, along = (dx, dy) if turned else (dy, dx)
            sides = [s.T if turned else s for s in self._sides(x, y, turned=turned)]
            bend = sides[0] / sides[1] * along
            low, high = place[:-1], place[1:]
            ends += [(low, high, own[:-1] * bernoulli(-bend) * (across / along)), (high, low, own[1:] * bernoulli(bend) * (across / along))]
            if np.any(cross):
                ends += _mixed(place, cross)
        rows, columns, rates = (np.concatenate([np.broadcast_to(e[k], e[2].shape).ravel() for e in ends]) for k in range(3))
        matrix = csr_matrix((rates, (rows, columns)), shape=(m * n, m * n))
        matrix.setdiag(0)
        matrix.eliminate_zeros()
        return matrix

    def _sides(self, x: np.ndarray, y: np.ndarray, *, turned: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return drift and diffusion along the normal in the middle of the sides."""
        if turned:
            at = (x[:, :-1] + x[:, 1:]) / 2, (y[:, :-1] + y[:, 1:]) / 2
            return self.plane.drift(*at)[1], self.plane.diffusion(*at)[2]
        at = (x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2
        return self.plane.drift(*at)[0], self.plane.diffusion(*at)[0]

    @cached_property
    def _rows(self) -> np.ndarray:
        return np.repeat(np.arange(len(self.mass)), np.diff(self.generator.indptr))

    @cached_property
    def _factor(self) -> Any:
        from scipy.sparse import diags

        alive = np.arange(len(self.mass)) if self.dead is None else np.flatnonzero(~self.dead)
        free = np.setdiff1d(alive, self.held)
        full = self.generator - diags(np.asarray(self.generator.sum(axis=1)).ravel())
        return free, factored(full.tocsr()[free][:, free])

    def apply(self, u: np.ndarray) -> np.ndarray:
        """Return K u from differences of u."""
        q = self.generator
        return np.bincount(self._rows, q.data * (u[q.indices] - u[self._rows]), len(u))

    def apply_transposed(self, p: np.ndarray) -> np.ndarray:
        """Return K^T p."""
        q = self.generator
        flow = q.data * p[self._rows]
        return np.bincount(q.indices, flow, len(p)) - np.bincount(self._rows, flow, len(p))

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Return u, zero where held, with K u = b elsewhere."""
        return self._solved(b, "N")

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """Return p, zero where held, with K^T p = b elsewhere."""
        return self._solved(b, "T")

    def _solved(self, b: np.ndarray, side: str) -> np.ndarray:
        free, factor = self._factor
        u = np.zeros_like(b)
        u[free] = factor.solve(b[free], side)
        return u


def _mixed(place: np.ndarray, cross: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return the hops of the flux -d_t(D_nt p) through sides between rows: the tangential difference is the mean of both rows'."""
    found = []
    n = place.shape[1]
    up, down = np.minimum(np.arange(n) + 1, n - 1), np.maximum(np.arange(n) - 1, 0)
    share = 1 / np.where(up - down == 2, 4.0, 2.0)
    low, high = place[:-1], place[1:]
    for row in (0, 1):
        for to, sign in ((up, -1.0), (down, 1.0)):
            giver = (low, high)[row][:, to]
            rate = sign * (cross[:-1] if row == 0 else cross[1:])[:, to] * share
            found += [(giver, high, rate), (giver, low, -rate)]
    return found


def bernoulli(z: np.ndarray) -> np.ndarray:
    """Return z/(e^z - 1)."""
    z = np.clip(z, -600, 600)
    small = np.abs(z) < 1e-5
    safe = np.where(small, 1.0, z)
    return np.where(small, 1 - z / 2 + z * z / 12, safe / np.expm1(safe))
