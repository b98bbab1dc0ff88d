r"""The backward operator in two coordinates by spectral elements: its weak form, tested with polynomials on Gauss-Lobatto nodes.

    int v L u = - int grad v . D grad u + int v (f - div D) . grad u

holds with reflecting sides. An eigenvalue's error falls as the power 2 p of the elements' size, and is local: relative on any barrier.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from eyring.numerics.exact.plane.coefficients import Plane

__all__ = ["DEGREE", "Elements", "lobatto"]

DEGREE = 8


@lru_cache(maxsize=8)
def lobatto(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the Gauss-Lobatto nodes of [-1, 1], their weights, and the matrix that differentiates there."""
    legendre = np.polynomial.legendre.Legendre.basis(degree)
    nodes = np.concatenate([[-1.0], np.sort(legendre.deriv().roots().real), [1.0]])
    tops = legendre(nodes)
    weights = 2 / (degree * (degree + 1) * tops**2)
    gaps = nodes[:, None] - nodes[None, :] + np.eye(degree + 1)
    slopes = tops[:, None] / tops[None, :] / gaps
    np.fill_diagonal(slopes, 0.0)
    np.fill_diagonal(slopes, -slopes.sum(axis=1))
    return nodes, weights, slopes


@lru_cache(maxsize=16)
def _numbering(columns: int, rows: int, degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the grid index of every element's nodes, (elements, nodes), and which local nodes lie on its rim and inside it."""
    n = degree + 1
    i = (np.arange(columns)[:, None] * degree + np.arange(n))[:, None, :, None]
    j = (np.arange(rows)[:, None] * degree + np.arange(n))[None, :, None, :]
    index = (i * (rows * degree + 1) + j).reshape(columns * rows, n * n)
    local = np.zeros((n, n), dtype=bool)
    local[[0, -1], :] = local[:, [0, -1]] = True
    return index, np.flatnonzero(local.ravel()), np.flatnonzero(~local.ravel())


@dataclass(frozen=True)
class Elements:
    """Rectangular elements, columns times rows of them.

    Attributes:
        plane: Drift and diffusion.
        edges: Where the elements meet along x and along y.
        degree: Of the polynomials in each.
        active: Which elements the process may enter; all, if left out.
    """

    plane: Plane
    edges: tuple[np.ndarray, np.ndarray]
    degree: int = DEGREE
    active: np.ndarray | None = None

    @property
    def counts(self) -> tuple[int, int]:
        """Elements along x and along y."""
        return len(self.edges[0]) - 1, len(self.edges[1]) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """Nodes along x and along y."""
        return self.counts[0] * self.degree + 1, self.counts[1] * self.degree + 1

    @cached_property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates of the nodes along x and along y."""
        return self._axis(self.edges[0]), self._axis(self.edges[1])

    def _axis(self, edges: np.ndarray) -> np.ndarray:
        inner = edges[:-1, None] + (lobatto(self.degree)[0][None, :-1] + 1) / 2 * np.diff(edges)[:, None]
        return np.append(inner.ravel(), edges[-1])

    @cached_property
    def numbering(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The grid index of every active element's nodes, and which of these lie on its rim and inside it."""
        index, rim, inner = _numbering(*self.counts, self.degree)
        return (index if self.active is None else index[self.active]), rim, inner

    @cached_property
    def _halves(self) -> tuple[np.ndarray, np.ndarray]:
        """Half the widths and heights of the active elements."""
        columns, rows = self.counts
        wide, tall = np.repeat(np.diff(self.edges[0]) / 2, rows), np.tile(np.diff(self.edges[1]) / 2, columns)
        return (wide, tall) if self.active is None else (wide[self.active], tall[self.active])

    @cached_property
    def mass(self) -> np.ndarray:
        """The weight of every node, (nodes,); zero where no element is active."""
        w, (wide, tall) = lobatto(self.degree)[1], self._halves
        shares = (wide * tall)[:, None] * np.outer(w, w).ravel()
        return np.bincount(self.numbering[0].ravel(), shares.ravel(), self.shape[0] * self.shape[1])

    @cached_property
    def blocks(self) -> np.ndarray:
        """The weak form on every element, (elements, nodes, nodes)."""
        _, w, G = lobatto(self.degree)
        n = self.degree + 1
        half_x, half_y = (half[:, None, None] for half in self._halves)
        x, y = np.meshgrid(*self.axes, indexing="ij")
        index = self.numbering[0]
        self.plane.demand_positive(x.ravel()[index], y.ravel()[index])
        a, b, c = (d.ravel()[index].reshape(-1, n, n) for d in self.plane.diffusion(x, y))
        f, g = (d.ravel()[index].reshape(-1, n, n) for d in self.plane.drift(x, y) - self.plane.divergence(x, y))
        ww = w[:, None] * w[None, :]
        result = np.zeros((len(index), n, n, n, n))
        along_x = np.einsum("eqj,qi,qk->eijk", -a * ww * (half_y / half_x), G, G, optimize=True) + np.einsum("eij,ik->eijk", f * ww * half_y, G)
        along_y = np.einsum("eiq,qj,ql->eijl", -c * ww * (half_x / half_y), G, G, optimize=True) + np.einsum("eij,jl->eijl", g * ww * half_x, G)
        across = -b * ww
        if np.any(across):
            mixed = np.einsum("ekj,ki,jl->eijkl", across, G, G, optimize=True)
            result += mixed + np.transpose(mixed, (0, 3, 4, 1, 2))
        every = np.arange(n)
        result[:, :, every, :, every] += np.transpose(along_x, (2, 0, 1, 3))
        result[:, every, :, every, :] += np.transpose(along_y, (1, 0, 2, 3))
        return result.reshape(-1, n * n, n * n)
