"""How fast a chain with momentum in two coordinates loses its walkers, where the coordinate across the way is bound linearly.

Along the way the place x and the velocity v are on a grid; across it, y and its velocity w enter the probability of survival S(x, v, y, w) by
polynomials of even total degree in both, orthogonal for the Gaussian in which they live. A step moves
v' = mu v - eta (F(x, y) + n g(x)), x' = x + v' and w' = mu w - eta (c(x) y + m a), y' = y + w', with n, m the mean signs of a batch. As S is even
under (y, w) -> (-y, -w), so are F in y and the polynomials. The largest eigenvalue of one step is 1 - rate.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss, hermevander
from scipy.sparse import csr_array, diags_array
from scipy.sparse.linalg import LinearOperator, eigs

from eyring.errors import AccuracyError
from eyring.numerics.exact.chain.survival import LOOSEST, SETTLED, Box, interpolation, sign_batches

__all__ = ["Across", "Along", "rate_across"]


@dataclass(frozen=True)
class Along:
    """The way: x and v on a grid.

    Attributes:
        force: F(x, y), even in y.
        tilt: g(x).
        end: x beyond which a walker has left.
        box: The grid of x and v.
    """

    force: Callable[[np.ndarray, float], np.ndarray]
    tilt: Callable[[np.ndarray], np.ndarray]
    end: float
    box: Box


@dataclass(frozen=True)
class Across:
    """The coordinate across the way.

    Attributes:
        curvature: c(x).
        tilt: a.
        typical: A curvature between those at minimum and saddle, for the Gaussian.
        degree: Of the polynomials, even.
    """

    curvature: Callable[[np.ndarray], np.ndarray]
    tilt: float
    typical: float
    degree: int


def rate_across(along: Along, across: Across, *, learning_rate: float, momentum: float, batch_size: int) -> tuple[float, float]:
    """Return the quasi-stationary exit rate per step and its relative error, the difference from a coarser grid plus that from two degrees less.

    Raises:
        AccuracyError: If these differ by more than 5 %.
    """
    how = learning_rate, momentum, batch_size
    fine = _rate(along, across, *how)
    others = (
        _rate(Along(along.force, along.tilt, along.end, along.box.coarser()), across, *how),
        _rate(along, Across(across.curvature, across.tilt, across.typical, across.degree - 2), *how),
    )
    error = sum(abs(fine / other - 1) for other in others)
    if error > LOOSEST:
        said = f"the rate of the chain changes by {error:.1%} from one grid to the next; use more than {along.box.points} and degree {across.degree}"
        raise AccuracyError(said, fine, error)
    return fine, max(error, SETTLED)


def _rate(along: Along, across: Across, eta: float, mu: float, size: int) -> float:
    x, v = (np.linspace(along.box.low[i], along.box.high[i], along.box.points[i]) for i in range(2))
    width = math.sqrt(eta * across.tilt**2 / size / (across.typical * (2 * (1 - mu) - eta * across.typical * (1 - mu) / (1 + mu))))
    speed = width * math.sqrt(2 * eta * across.typical / (1 + mu))
    y, weights = _half(across.degree, width)
    ride = _ride(x, v, along)
    kicks = [_kick(x, v, along, eta, mu, size, place) @ ride for place in y]
    turns = [weight * _turn(x, place, across, eta, mu, size, (width, speed)) for place, weight in zip(y, weights, strict=True)]
    shape = len(x), len(v), turns[0].shape[1]

    def step(alive: np.ndarray) -> np.ndarray:
        survives = alive.reshape(-1, shape[2])
        return sum(np.matmul((kick @ survives).reshape(shape), turn) for kick, turn in zip(kicks, turns, strict=True)).ravel()  # type: ignore[union-attr]

    start = np.zeros(shape)
    start[x < along.end, :, 0] = 1
    whole = start.size
    largest = eigs(LinearOperator((whole, whole), matvec=step, dtype=float), 1, which="LR", v0=start.ravel(), ncv=24, tol=1e-12)[0][0]
    return 1 - float(largest.real)


def _half(degree: int, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes y >= 0 of a Gauss rule, and weights that count both signs."""
    nodes, weights = hermegauss(degree + 1)
    kept = nodes > -1e-9
    return width * nodes[kept], np.where(nodes > 1e-9, 2, 1)[kept] * weights[kept] / weights.sum()


def _ride(x: np.ndarray, v: np.ndarray, along: Along) -> csr_array:
    """Return the operator from S(x, v) to S(x + v, v), which is zero beyond the end."""
    place = (x[:, None] + v).ravel()
    nodes, weights = interpolation(place, x[0], x[-1], len(x))
    weights = weights * (place < along.end)[:, None] * (x[nodes] < along.end)
    return _rows(nodes * len(v) + np.tile(np.arange(len(v)), len(x))[:, None], weights, len(place))


def _kick(x: np.ndarray, v: np.ndarray, along: Along, eta: float, mu: float, size: int, y: float) -> csr_array:
    """Return the operator that averages over the velocities after a batch, at a given y."""
    here, total = np.repeat(np.arange(len(x)), len(v)), None
    for mean, chance in zip(*sign_batches(size), strict=True):
        speed = (mu * v - eta * (along.force(x, y) + mean * along.tilt(x))[:, None]).ravel()
        nodes, weights = interpolation(speed, v[0], v[-1], len(v))
        one = chance * _rows(here[:, None] * len(v) + nodes, weights, len(speed))
        total = one if total is None else total + one
    return diags_array((x[here] < along.end).astype(float)) @ total


def _rows(columns: np.ndarray, weights: np.ndarray, size: int) -> csr_array:
    return csr_array((weights.ravel(), columns.ravel(), np.arange(len(columns) + 1) * columns.shape[1]), shape=(size, size))


def _turn(x: np.ndarray, y: float, across: Across, eta: float, mu: float, size: int, widths: tuple[float, float]) -> np.ndarray:
    """Return what a step makes of the polynomials' coefficients at every x, seen at one y and projected there, (x, before, after)."""
    w, weights = hermegauss(across.degree + 1)
    w, weights = widths[1] * w, weights / weights.sum()
    total = 0.0
    for mean, chance in zip(*sign_batches(size), strict=True):
        faster = mu * w[None] - eta * (across.curvature(x)[:, None] * y + mean * across.tilt)
        total = total + chance * _polynomials(y + faster, faster, across.degree, widths)
    seen = _polynomials(np.full(len(w), y), w, across.degree, widths)
    return np.einsum("xwa,w,wb->xab", total, weights, seen)


def _polynomials(y: np.ndarray, w: np.ndarray, degree: int, widths: tuple[float, float]) -> np.ndarray:
    """Return the orthonormal polynomials of even total degree at these places, in a new last axis."""
    norms = np.sqrt([math.factorial(n) for n in range(degree + 1)])
    first, second = hermevander(y / widths[0], degree) / norms, hermevander(w / widths[1], degree) / norms
    return np.stack([first[..., m] * second[..., n] for m in range(degree + 1) for n in range(degree + 1 - m) if (m + n) % 2 == 0], axis=-1)
