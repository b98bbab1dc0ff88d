"""A coarse walk on a lattice whose every rate is positive, whatever the drift: its stationary density is positive down to the faintest tail.

Hops go along the axes and, where the noise is correlated, along one diagonal (Kushner & Dupuis 1992); correlation beyond what positive rates can
carry on this lattice is cut off. Of first order only, it finds out where the process lives.
"""

from functools import cached_property
from typing import Any

import numpy as np

from eyring.numerics.exact.plane.volumes import Volumes, bernoulli

__all__ = ["Hops"]

LEAST = 0.05


class Hops(Volumes):
    """Cells over a box between which walkers hop at positive rates."""

    @cached_property
    def generator(self) -> Any:
        """The rates of hops times the cells' area, a sparse matrix with an empty diagonal; row: from, column: to."""
        from scipy.sparse import csr_matrix

        (m, n), (dx, dy) = self.shape, self.steps
        x, y = np.meshgrid(*self.axes, indexing="ij")
        (f, g), (a, b, c) = self.plane.drift(x, y), self.plane.diffusion(x, y)
        floor = 1e-6 * max(float(np.nanmedian(np.abs(a))), float(np.nanmedian(np.abs(c))))
        a, b, c = (np.nan_to_num(d, nan=0.0, posinf=0.0, neginf=0.0) for d in (a, b, c))
        a, c = np.maximum(a, floor), np.maximum(c, floor)
        most = (1 - LEAST) * np.minimum(a * dy / dx, c * dx / dy)
        b = np.clip(b, -most, most)
        plain_x, plain_y = a - np.abs(b) * dx / dy, c - np.abs(b) * dy / dx
        pull_x, pull_y = (np.nan_to_num(d, nan=0.0, posinf=0.0, neginf=0.0) for d in (f * dx / plain_x, g * dy / plain_y))
        steps = [(k, 0, plain_x * bernoulli(-k * pull_x) * dy / dx) for k in (-1, 1)]
        steps += [(0, k, plain_y * bernoulli(-k * pull_y) * dx / dy) for k in (-1, 1)]
        steps += [(k, k, np.maximum(b, 0)) for k in (-1, 1)] + [(k, -k, np.maximum(-b, 0)) for k in (-1, 1)]
        i, j = np.meshgrid(np.arange(m), np.arange(n), indexing="ij")
        rows, columns, rates = [], [], []
        for over, up, rate in steps:
            kept = (i + over >= 0) & (i + over < m) & (j + up >= 0) & (j + up < n) & (rate > 0)
            if self.dead is not None:
                dead = self.dead.reshape(m, n)
                kept &= ~dead & ~dead[np.clip(i + over, 0, m - 1), np.clip(j + up, 0, n - 1)]
            rows.append((i * n + j)[kept])
            columns.append(((i + over) * n + j + up)[kept])
            rates.append(rate[kept])
        return csr_matrix((np.concatenate(rates), (np.concatenate(rows), np.concatenate(columns))), shape=(m * n, m * n))
