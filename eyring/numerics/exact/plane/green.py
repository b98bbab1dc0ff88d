r"""The inverse of a backward operator on functions of mean zero, to the relative accuracy that a rate of e^-20 needs.

One node in each well is held, which leaves a well-conditioned operator; the hops between the held nodes make a small generator whose rates are
read from harmonic functions (1 at one held node, 0 at the others), and which is solved without subtraction (Grassmann, Taksar & Heyman 1985).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

__all__ = ["Green", "Operator", "solved"]

REFINEMENTS = 1


class Operator(Protocol):
    """A discrete backward operator K u = mass * (L u), with some nodes held."""

    @property
    def held(self) -> np.ndarray:
        """Indices of the held nodes."""

    @property
    def mass(self) -> np.ndarray:
        """The area that belongs to every node."""

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates of the nodes along x and along y."""

    def apply(self, u: np.ndarray) -> np.ndarray:
        """Return K u, from differences of u."""

    def apply_transposed(self, p: np.ndarray) -> np.ndarray:
        """Return K^T p."""

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Return u, zero where held, with K u = b elsewhere; b is a vector or columns."""

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """Return p, zero where held, with K^T p = b elsewhere."""


@dataclass(frozen=True)
class Green:
    """The inverse of an operator.

    Attributes:
        operator: The operator.
    """

    operator: Operator

    @cached_property
    def harmonic(self) -> np.ndarray:
        """For every held node the probability to come there before to any other, (held, nodes)."""
        held = self.operator.held
        if len(held) == 1:
            return np.ones((1, len(self.operator.mass)))
        u = np.zeros((len(self.operator.mass), len(held)))
        u[held, np.arange(len(held))] = 1.0
        for _ in range(1 + REFINEMENTS):
            u = u - self._free(np.stack([self.operator.apply(column) for column in u.T], axis=1), self.operator.solve)
        return u.T

    @cached_property
    def hops(self) -> np.ndarray:
        """The rates of hops between held nodes, times their mass, (held, held), zero on the diagonal."""
        rates = np.array([self.operator.apply(h)[self.operator.held] for h in self.harmonic]).T
        np.fill_diagonal(rates, 0.0)
        return rates

    @cached_property
    def weight(self) -> np.ndarray:
        """The stationary probability of every node (density times mass), (nodes,)."""
        held = self.operator.held
        p = np.zeros(len(self.operator.mass))
        p[held] = _stationary(self.hops)
        p = self._spread(p) * self.operator.mass
        return p / p.sum()

    def _spread(self, p: np.ndarray) -> np.ndarray:
        """Return the density that flows from given values at the held nodes and is at rest elsewhere."""
        return p - self._free(self.operator.apply_transposed(p), self.operator.solve_transposed)

    def __call__(self, v: np.ndarray) -> np.ndarray:
        """Return u of mean zero with K u = -mass v, where v has mean zero."""
        b = -self.operator.mass * v
        u = self.operator.solve(b)
        if len(self.operator.held) > 1:
            left = (b - self.operator.apply(u))[self.operator.held]
            u = u + self.harmonic.T @ solved(self.hops, left)
        return u - self.weight @ u

    def adjoint(self, p: np.ndarray) -> np.ndarray:
        """Return the density q that adds up to nothing, with K^T q = -mass p, where p adds up to nothing."""
        held, mass = self.operator.held, self.operator.mass
        b = -mass * p
        q = self.operator.solve_transposed(b)
        if len(held) > 1:
            share = _stationary(self.hops)
            back = (share[:, None] * self.hops).T / share[:, None]  # the hops of the film run backwards
            left = (b - self.operator.apply_transposed(q))[held]
            rest = np.zeros_like(q)
            rest[held] = share * solved(back, left / share)
            q = q + self._spread(rest)
        return q - self.weight / mass * (mass @ q)

    def _free(self, b: np.ndarray, solve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        b = b.copy()
        b[self.operator.held] = 0.0
        return solve(b)


def solved(hops: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return y, zero in the first state, with sum_j q_ij (y_j - y_i) = g_i; nothing is subtracted from the rates."""
    q, g, m = hops.copy(), g.copy(), len(g)
    outs = np.zeros(m)
    for k in range(m - 1, 0, -1):
        outs[k] = q[k, :k].sum()
        share = q[:k, k] / outs[k]
        q[:k, :k] += np.outer(share, q[k, :k])
        g[:k] += share * g[k]
    y = np.zeros(m)
    for k in range(1, m):
        y[k] = (q[k, :k] @ y[:k] - g[k]) / outs[k]
    return y


def _stationary(hops: np.ndarray) -> np.ndarray:
    """Return the stationary weights p with p_i sum_j q_ij = sum_j p_j q_ji, by the same elimination."""
    q, m = hops.copy(), len(hops)
    outs = np.zeros(m)
    for k in range(m - 1, 0, -1):
        outs[k] = q[k, :k].sum()
        q[:k, :k] += np.outer(q[:k, k] / outs[k], q[k, :k])
    p = np.zeros(m)
    p[0] = 1.0
    for k in range(1, m):
        p[k] = p[:k] @ q[:k, k] / outs[k]
    return p / p.sum()
