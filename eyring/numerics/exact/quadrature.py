"""Gauss-Legendre panels with running integrals: how every one-dimensional exact answer here is integrated.

On each panel a function is known at 16 nodes; ``RUNNING`` turns its values into the integrals from the panel's left end to each node.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["NODES", "ORDER", "RUNNING", "WEIGHTS", "Panels", "halved", "running_matrix", "running_sum"]

ORDER = 16


def running_matrix(nodes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return R with (R f)_i = integral from -1 to node i of the polynomial through f, shape (n, n).

    In Legendre polynomials, f = sum_k P_k (2k+1)/2 sum_j w_j P_k(s_j) f_j, and the integral of P_k is (P_{k+1} - P_{k-1})/(2k+1).
    """
    n = len(nodes)
    legendre = np.polynomial.legendre.legvander(nodes, n)
    primitives = np.empty((n, n))
    primitives[:, 0] = nodes + 1
    primitives[:, 1:] = (legendre[:, 2:] - legendre[:, : n - 1]) / (2 * np.arange(1, n) + 1)
    return primitives @ (legendre[:, :n].T * weights * (np.arange(n)[:, None] + 0.5))


NODES, WEIGHTS = np.polynomial.legendre.leggauss(ORDER)
RUNNING = running_matrix(NODES, WEIGHTS)


@dataclass(frozen=True)
class Panels:
    """Consecutive panels between ``edges``.

    Args:
        edges: Increasing, shape (panels + 1,).
    """

    edges: np.ndarray

    @cached_property
    def half(self) -> np.ndarray:
        """Half widths, shape (panels, 1)."""
        return np.diff(self.edges)[:, None] / 2

    @cached_property
    def points(self) -> np.ndarray:
        """Nodes, shape (panels, 16)."""
        return self.edges[:-1, None] + self.half * (NODES + 1)

    def whole(self, values: np.ndarray) -> np.ndarray:
        """Return the integral over each panel, shape (panels,)."""
        return (values @ WEIGHTS) * self.half[:, 0]

    def running(self, values: np.ndarray) -> np.ndarray:
        """Return the integrals from each panel's left end to its nodes, shape (panels, 16)."""
        return (values @ RUNNING.T) * self.half


def running_sum(steps: np.ndarray) -> np.ndarray:
    """Return 0 and the sums of the first 1, 2, ... steps, with Kahan's compensation: thousands of steps cost no digits."""
    total, lost = 0.0, 0.0
    sums = [0.0]
    for step in steps.tolist():
        corrected = step - lost
        grown = total + corrected
        lost = (grown - total) - corrected
        total = grown
        sums.append(total)
    return np.array(sums)


def halved(edges: np.ndarray) -> np.ndarray:
    """Return the edges with every panel cut in two."""
    return np.sort(np.concatenate([edges, (edges[1:] + edges[:-1]) / 2]))
