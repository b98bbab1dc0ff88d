"""The slowest relaxation of a walker in a straight valley U(x) + kappa(x) y^2/2: spectral elements along x, Hermite functions across."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import hermite_e, legendre
from scipy import sparse
from scipy.sparse.linalg import eigsh

__all__ = ["Valley"]

Profile = Callable[[np.ndarray], np.ndarray]
DEGREE = 10  # of the elements along x
ACROSS = 6  # even Hermite functions


@dataclass(frozen=True)
class Valley:
    """Overdamped motion in V = U(x) + kappa(x) y^2/2 under white noise T, on a clock that runs e^{-stretch V} times as fast.

    With stretch 0 it is dx = -grad V dt + sqrt(2 T) dW; with 1 it is dx = -grad L dt + sqrt(2 T L) dW for L = e^V, whose backward operator is L
    times that of V.

    Attributes:
        depth: U(x).
        narrowness: kappa(x) > 0.
        narrowing: kappa'(x).
        ends: Where the walker is held.
        ridge: The saddle's x.
        temperature: T.
        stretch: 0 or 1.
        elements: Pieces of the x axis.
    """

    depth: Profile
    narrowness: Profile
    narrowing: Profile
    ends: tuple[float, float]
    ridge: float
    temperature: float
    stretch: int = 0
    elements: int = 40

    def escape_time(self, *, from_left: bool = True) -> float:
        """Return 1/(share of the walkers beyond the ridge times the slowest rate), the mean escape time between two wells."""
        beyond = self._share_right if from_left else 1 - self._share_right
        return 1 / (beyond * self.slowest_rate)

    @cached_property
    def slowest_rate(self) -> float:
        """The smallest non-zero eigenvalue of the backward operator among functions even in y."""
        flow, content = self._forms
        guess = 1e-9 * abs(flow).max() / abs(content).max()
        rates = eigsh(flow, k=2, M=content, sigma=-guess, which="LM", return_eigenvectors=False)
        return float(np.sort(rates)[1])

    @cached_property
    def _share_right(self) -> float:
        x, measure = _rule(np.linspace(*self.ends, 400))
        cold = 1 / self.temperature + self.stretch
        weight = measure * np.exp(-cold * (self.depth(x) - self.depth(x).min())) / np.sqrt(self.narrowness(x))
        return float(weight[x > self.ridge].sum() / weight.sum())

    @cached_property
    def _forms(self) -> tuple[sparse.csc_matrix, sparse.csc_matrix]:
        """Return the quadratic forms T int |grad f|^2 e^{-V/T} and int f^2 e^{-(1/T + stretch) V}, basis functions scaled to unit weight."""
        T = self.temperature
        along = _Elements.between(*self.ends, self.elements)
        x = along.points
        U = self.depth(x)
        weight = along.measure * np.exp(-(U - U.min()) / T) * np.sqrt(T / self.narrowness(x))
        shear = self.narrowing(x) / (2 * self.narrowness(x))  # z = y sqrt(kappa/T) changes by shear z dx at fixed y
        product, lowered, moved, sheared = _across(T * self.stretch)
        value, rate = along.values, along.slopes
        flow = T * (
            sparse.kron(along.form(rate, weight, rate), np.eye(ACROSS))
            + sparse.kron(along.form(rate, weight * shear, value), moved)
            + sparse.kron(along.form(value, weight * shear, rate), moved.T)
            + sparse.kron(along.form(value, weight * shear**2, value), sheared)
            + sparse.kron(along.form(value, weight * self.narrowness(x) / T, value), lowered)
        )
        content = sparse.kron(along.form(value, weight * np.exp(-self.stretch * (U - U.min())), value), product)
        unit = sparse.diags(1 / np.sqrt(flow.diagonal()))
        return (unit @ flow @ unit).tocsc(), (unit @ content @ unit).tocsc() * np.exp(-self.stretch * U.min())


def _across(extra: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return <h h e^{-extra z^2/2}>, <h' h'>, <h z h'> and <z h' z h'> over a unit Gaussian z, h the even normalised Hermite polynomials."""
    z, weight = hermite_e.hermegauss(4 * ACROSS + 20)
    weight = weight / weight.sum()
    coefficients = np.zeros((2 * ACROSS, ACROSS))
    norms = np.sqrt(np.cumprod(np.maximum(np.arange(2 * ACROSS), 1).astype(float)))
    coefficients[np.arange(0, 2 * ACROSS, 2), np.arange(ACROSS)] = 1 / norms[::2]
    h = hermite_e.hermeval(z, coefficients)
    slope = hermite_e.hermeval(z, hermite_e.hermeder(coefficients))

    def mean(left: np.ndarray, right: np.ndarray, by: np.ndarray | float = 1.0) -> np.ndarray:
        return (left * weight * by) @ right.T

    return mean(h, h, np.exp(-extra * z**2 / 2)), mean(slope, slope), mean(h, slope, z), mean(slope, slope, z**2)


@dataclass(frozen=True)
class _Elements:
    """Lagrange polynomials on Lobatto points of equal pieces of an interval, at Gauss points.

    Attributes:
        points: Gauss points, all pieces in a row.
        measure: Their weights.
        values: Sparse matrix (points, functions).
        slopes: The same of the derivatives.
    """

    points: np.ndarray
    measure: np.ndarray
    values: sparse.csr_matrix
    slopes: sparse.csr_matrix

    @classmethod
    def between(cls, low: float, high: float, pieces: int) -> "_Elements":
        nodes = np.concatenate([[-1.0], np.sort(legendre.legroots(legendre.legder([0] * DEGREE + [1]))), [1.0]])
        gauss, weights = legendre.leggauss(DEGREE + 6)
        to_series = np.linalg.inv(legendre.legvander(nodes, DEGREE))
        value = legendre.legvander(gauss, DEGREE) @ to_series
        slope = legendre.legval(gauss, legendre.legder(to_series)).T
        half = (high - low) / pieces / 2
        centres = low + half * (2 * np.arange(pieces) + 1)
        rows, columns = np.arange(pieces * len(gauss)).reshape(pieces, -1), DEGREE * np.arange(pieces)[:, None] + np.arange(DEGREE + 1)

        def spread(block: np.ndarray) -> sparse.csr_matrix:
            i = np.broadcast_to(rows[:, :, None], (pieces, *block.shape)).ravel()
            j = np.broadcast_to(columns[:, None, :], (pieces, *block.shape)).ravel()
            return sparse.csr_matrix((np.tile(block.ravel(), pieces), (i, j)))

        return cls((centres[:, None] + half * gauss).ravel(), np.tile(half * weights, pieces), spread(value), spread(slope / half))

    def form(self, left: sparse.csr_matrix, weight: np.ndarray, right: sparse.csr_matrix) -> sparse.csr_matrix:
        return left.T @ sparse.diags(weight) @ right


def _rule(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gauss, weights = legendre.leggauss(8)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + gauss)).ravel(), (half * weights).ravel()
