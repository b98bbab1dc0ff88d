"""The transfer operator of the discrete optimizer on a finite set of points: where a walker at each point may be one step later."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.chain.step_law import StepLaw
from eyring.numerics.exact.quadrature import ORDER, WEIGHTS, Panels

__all__ = ["BatchOperator", "GaussianOperator"]

TAIL = 11.0  # standard deviations beyond which a normal step is never seen: e^-60
MOST_POINTS = 6000
MOST_ENTRIES = 40_000_000


@dataclass(frozen=True)
class GaussianOperator:
    """Nystrom points for steps with a normal part: P_ij = w_j N(y_j; centre(y_i), spread(y_i)).

    Args:
        law: The law of one step.
        edges: Increasing panel edges, (panels + 1,).
        absorbing: Whether a walker beyond the last edge has left.
    """

    law: StepLaw
    edges: np.ndarray
    absorbing: bool

    @classmethod
    def between(cls, law: StepLaw, low: float, high: float, *, resolution: float, absorbing: bool) -> "GaussianOperator":
        """Return panels ``resolution`` standard deviations wide.

        Raises:
            AccuracyError: If that takes more than 6000 points.
        """
        breaks = law.as_line().breaks(np.linspace(low, high, 4097))
        edges, here = [low], low
        while here < high:
            width = resolution * float(law.spread(np.array([here]))[0])
            beyond = breaks[(breaks > here + 1e-12) & (breaks < here + width)]
            here = float(min([here + width, high, *beyond]))
            edges.append(here)
            if len(edges) * ORDER > MOST_POINTS:
                raise AccuracyError(
                    f"one step spreads by {width / resolution:.3g} over a range of {high - low:.3g}: more than {MOST_POINTS} points would be "
                    "needed; at so small a learning rate use exact_escape_time of the SDE"
                )
        return cls(law, np.array(edges), absorbing)

    @property
    def points(self) -> np.ndarray:
        """The points, increasing."""
        return Panels(self.edges).points.ravel()

    def rows(self, y: np.ndarray) -> np.ndarray:
        """Return the probabilities from y to each point, (n, points)."""
        panels = Panels(self.edges)
        points, weights = panels.points.ravel(), (panels.half * WEIGHTS).ravel()
        spread = self.law.spread(y)
        result = np.zeros(len(y) * len(points))
        for probability, centre in zip(self.law.probabilities, self.law.means(y), strict=True):
            first, last = (np.searchsorted(points, centre + sign * TAIL * spread) for sign in (-1, 1))
            row = np.repeat(np.arange(len(y)), last - first)
            column = np.arange(len(row)) + np.repeat(first - np.concatenate([[0], np.cumsum(last - first)[:-1]]), last - first)
            density = np.exp(-(((points[column] - centre[row]) / spread[row]) ** 2) / 2) / spread[row]
            result[row * len(points) + column] += probability * density
        return result.reshape(len(y), len(points)) * weights / np.sqrt(2 * np.pi)

    def exits(self) -> np.ndarray:
        """Return the probability to step beyond the last edge from each point."""
        from scipy.special import erfc

        if not self.absorbing:
            return np.zeros(len(self.points))
        offset = (self.edges[-1] - self.law.means(self.points)) / (np.sqrt(2) * self.law.spread(self.points))
        return self.law.probabilities @ erfc(offset) / 2


@dataclass(frozen=True)
class BatchOperator:
    """Collocation for steps that only batches scatter: the next value is read off local cubic polynomials.

    Args:
        law: The law of one step.
        edges: Increasing panel edges, (panels + 1,); each panel holds four Gauss points.
        absorbing: Whether a walker beyond the last edge has left.
    """

    law: StepLaw
    edges: np.ndarray
    absorbing: bool

    LOCAL = np.polynomial.legendre.leggauss(4)[0]

    @classmethod
    def between(cls, law: StepLaw, low: float, high: float, *, points: int, absorbing: bool) -> "BatchOperator":
        """Return panels cut where a batch leads exactly to the last edge, since the mean time jumps there.

        Raises:
            AccuracyError: If points times outcomes of a batch are too many.
        """
        if points * len(law.probabilities) * 4 > MOST_ENTRIES:
            raise AccuracyError(
                f"{points} points times {len(law.probabilities)} outcomes of a batch are too many; draw the noise as a Gaussian, "
                "ey.noise.Covariance(noise.covariance(loss, batch_size)[0, 0])"
            )
        grid = np.linspace(low, high, points // 4 + 1)
        cuts = [law.as_line().breaks(np.linspace(low, high, 4097))]
        if absorbing:
            reach = law.means(grid) - high
            cuts += [_crossings(law, int(k), high, grid) for k in np.flatnonzero(np.any(reach[:, :-1] * reach[:, 1:] < 0, axis=1))]
        merged = np.unique(np.concatenate([grid, *cuts]))
        return cls(law, merged[np.append(True, np.diff(merged) > 1e-9 * (high - low))], absorbing)

    @property
    def points(self) -> np.ndarray:
        """The points, increasing."""
        return (self.edges[:-1, None] + np.diff(self.edges)[:, None] / 2 * (self.LOCAL + 1)).ravel()

    def rows(self, y: np.ndarray) -> Any:
        """Return the interpolation weights from y to each point, a sparse matrix (n, points)."""
        from scipy.sparse import csr_matrix

        target = self.law.means(y)
        stays = target < self.edges[-1] if self.absorbing else np.ones_like(target, dtype=bool)
        target = np.clip(target, self.edges[0], self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, target, side="right") - 1, 0, len(self.edges) - 2)
        local = 2 * (target - self.edges[panel]) / np.diff(self.edges)[panel] - 1
        weights = _lagrange(self.LOCAL, local) * (self.law.probabilities[:, None] * stays)[..., None]
        columns = panel[..., None] * 4 + np.arange(4)
        rows = np.broadcast_to(np.arange(len(y))[None, :, None], columns.shape)
        return csr_matrix((weights.ravel(), (rows.ravel(), columns.ravel())), shape=(len(y), len(self.points)))


def _lagrange(nodes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the Lagrange polynomials of the nodes at the points, shape (*at.shape, nodes)."""
    factors = [np.prod([(at - nodes[m]) / (nodes[j] - nodes[m]) for m in range(len(nodes)) if m != j], axis=0) for j in range(len(nodes))]
    return np.stack(factors, axis=-1)


def _crossings(law: StepLaw, k: int, goal: float, grid: np.ndarray) -> np.ndarray:
    from eyring.numerics.exact.line import zeros_on

    return zeros_on(lambda y: law.means(y)[k] - goal, grid)
