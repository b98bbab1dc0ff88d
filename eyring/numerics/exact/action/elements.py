"""The action of a path written in finite elements of time: its value, slope and banded curvature."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from eyring.numerics.exact.action.field import Field

__all__ = ["DEGREE", "Bands", "Elements", "basis", "lobatto"]

DEGREE = 5


@lru_cache(maxsize=8)
def lobatto(degree: int) -> np.ndarray:
    """Return the Gauss-Lobatto nodes of [-1, 1], (degree + 1,)."""
    inner = np.polynomial.legendre.Legendre.basis(degree).deriv().roots()
    return np.concatenate([[-1.0], np.sort(inner.real), [1.0]])


@lru_cache(maxsize=64)
def _modes(degree: int) -> np.ndarray:
    """Return the matrix from nodal values to Legendre coefficients."""
    return np.linalg.inv(np.polynomial.legendre.legvander(lobatto(degree), degree))


def basis(at: np.ndarray, degree: int = DEGREE) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and slopes of the nodal polynomials at places of [-1, 1], (places, degree + 1) each."""
    modes = _modes(degree)
    slopes = np.stack([np.polynomial.legendre.Legendre.basis(k).deriv()(at) for k in range(degree + 1)], axis=1)
    return np.polynomial.legendre.legvander(at, degree) @ modes, slopes @ modes


@lru_cache(maxsize=8)
def _rule(degree: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (*basis(nodes, degree), weights)


@lru_cache(maxsize=8)
def _triangle(size: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.tril_indices(size)
    return rows, columns


@dataclass(frozen=True)
class Elements:
    """A mesh in time; the path is a polynomial in each element and continuous.

    Attributes:
        field: Drift and noise.
        durations: Of the elements, (K,).
    """

    field: Field
    durations: np.ndarray

    @property
    def nodes(self) -> np.ndarray:
        """The times of the nodes, (K DEGREE + 1,); the first is 0."""
        starts = np.concatenate([[0.0], np.cumsum(self.durations)])
        inner = starts[:-1, None] + (lobatto(DEGREE)[None, :-1] + 1) / 2 * self.durations[:, None]
        return np.append(inner.ravel(), starts[-1])

    @cached_property
    def _index(self) -> np.ndarray:
        return np.arange(len(self.durations))[:, None] * DEGREE + np.arange(DEGREE + 1)

    def pieces(self, x: np.ndarray) -> np.ndarray:
        """Return the nodal values by element, (K, DEGREE + 1, n)."""
        return x[self._index]

    def states(self, x: np.ndarray, count: int = DEGREE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return places, velocities and weights at the Gauss nodes, (K count, n) twice and (K count,)."""
        values, slopes, weights = _rule(DEGREE, count)
        pieces, half, n = self.pieces(x), self.durations / 2, x.shape[1]
        places = np.einsum("qi,eia->eqa", values, pieces)
        velocities = np.einsum("qi,eia->eqa", slopes[:, 1:], pieces[:, 1:] - pieces[:, :1]) / half[:, None, None]
        return places.reshape(-1, n), velocities.reshape(-1, n), (half[:, None] * weights).ravel()

    def momenta(self, places: np.ndarray, velocities: np.ndarray) -> np.ndarray:
        """Return p = D^-1 (v - f)/2."""
        gap = velocities - self.field.drift(places)
        return np.linalg.solve(self.field.diffusion(places), gap[..., None])[..., 0] / 2

    def costs(self, x: np.ndarray, count: int = DEGREE) -> np.ndarray:
        """Return the action of every element, (K,); not finite where drift or noise are not, or D is not positive."""
        places, velocities, weights = self.states(x, count)
        drift, D = self.field.drift(places), self.field.diffusion(places)
        gap = velocities - drift
        if not (np.all(np.isfinite(gap)) and np.all(np.isfinite(D))):
            return np.full(len(self.durations), np.inf)
        try:
            np.linalg.cholesky(D)
        except np.linalg.LinAlgError:
            return np.full(len(self.durations), np.inf)
        p = np.linalg.solve(D, gap[..., None])[..., 0] / 2
        return np.sum((weights * np.einsum("ka,ka->k", p, gap) / 2).reshape(len(self.durations), -1), axis=1)

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Return the derivative of the action by the nodal values, (nodes, n)."""
        values, slopes, weights = _rule(DEGREE, DEGREE)
        places, velocities, _ = self.states(x)
        p = self.momenta(places, velocities)
        shape = (len(self.durations), DEGREE, -1)
        by_place = -self.field.slope(places, p).reshape(shape) * weights[None, :, None] * (self.durations / 2)[:, None, None]
        by_speed = p.reshape(shape) * weights[None, :, None]
        local = np.einsum("qi,eqa->eia", values, by_place) + np.einsum("qi,eqa->eia", slopes, by_speed)
        return self._gathered(local, len(x))

    def _gathered(self, local: np.ndarray, count: int) -> np.ndarray:
        result = np.zeros((count, local.shape[2]))
        for parity in (0, 1):
            result[self._index[parity::2]] += local[parity::2]
        return result

    def curvature(self, x: np.ndarray, *, exact: bool) -> "Bands":
        """Return the second derivative by the nodal values, or its part that is never negative (Gauss-Newton)."""
        n = x.shape[1]
        values, slopes, weights = _rule(DEGREE, DEGREE)
        places, velocities, _ = self.states(x)
        p = self.momenta(places, velocities)
        stiff = np.linalg.inv(2 * self.field.diffusion(places))
        stiff = (stiff + np.swapaxes(stiff, 1, 2)) / 2
        mixed = self.field.mixed(places, p)
        speed_place = -stiff @ mixed
        place = -np.swapaxes(mixed, 1, 2) @ speed_place - (self.field.curvature(places, p) if exact else 0.0)
        half = np.repeat(self.durations / 2, DEGREE)[:, None, None]
        pairs = ((slopes, slopes, stiff / half), (slopes, values, speed_place), (values, values, place * half))
        shape = (len(self.durations), DEGREE + 1, DEGREE + 1, n, n)
        by_speed, cross, by_place = (
            np.matmul(np.einsum("qi,qj,q->ijq", a, b, weights).reshape(-1, DEGREE), c.reshape(-1, DEGREE, n * n)).reshape(shape) for a, b, c in pairs
        )
        by_speed += by_place
        by_speed += cross
        by_speed += np.transpose(cross, (0, 2, 1, 4, 3))
        return Bands.of(by_speed, len(x))


@dataclass(frozen=True)
class Bands:
    """A symmetric matrix over nodes and coordinates of which only the lower bands are kept.

    Attributes:
        lower: lower[k, j] = M[j + k, j].
    """

    lower: np.ndarray

    @classmethod
    def of(cls, blocks: np.ndarray, nodes: int) -> "Bands":
        """Gather the elements' blocks, (K, node, node, n, n)."""
        size, n = blocks.shape[1] * blocks.shape[3], blocks.shape[3]
        square = np.transpose(blocks, (1, 3, 2, 4, 0)).reshape(size, size, len(blocks))
        lower = np.zeros((size, nodes * n), order="F")
        stride = size - n
        for column in range(size):
            lower[: size - column, column : column + stride * len(blocks) : stride] += square[column, column:]
        return cls(lower)

    def add(self, at: int, block: np.ndarray) -> None:
        """Add ``block`` to the diagonal block that begins at row ``at``."""
        rows, columns = _triangle(len(block))
        self.lower[rows - columns, at + columns] += block[rows, columns]

    def shifted(self, diagonal: np.ndarray) -> "Bands":
        """Return the matrix with a diagonal one added."""
        lower = self.lower.copy(order="F")
        lower[0] += diagonal
        return Bands(lower)

    def factor(self) -> np.ndarray | None:
        """Return its Cholesky factor, or None if it is not positive definite."""
        from scipy.linalg import LinAlgError, cholesky_banded

        try:
            return np.asarray(cholesky_banded(self.lower, lower=True))
        except LinAlgError:
            return None
