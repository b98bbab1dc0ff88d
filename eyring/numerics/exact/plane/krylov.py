"""The slowest modes of a process from its Green operator, by Arnoldi's method in the stationary weight."""

from collections.abc import Callable

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.plane.green import Green

__all__ = ["iterated", "slowest"]

MOST = 150
SETTLED = 1e-11
FAINT = 1e-12


def slowest(green: Green, count: int, *, adjoint: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``count`` rates of smallest real part, complex where a mode turns, and their modes, (count,) and (count, nodes).

    Args:
        green: The Green operator.
        count: How many.
        adjoint: The modes of the forward equation (densities) instead of the backward one.

    Raises:
        AccuracyError: If they do not settle.
    """
    with np.errstate(all="ignore"):  # on a grid too coarse, what is not a number is found out below
        weight, starts = np.maximum(green.weight, 0), _starts(green, count)
        if not adjoint:
            return iterated(green, weight, starts, count)
        mass = green.operator.mass
        density = weight / mass
        return iterated(green.adjoint, mass / (density + FAINT * density.max()), density * starts, count)


def iterated(inverse: Callable[[np.ndarray], np.ndarray], weight: np.ndarray, starts: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ``count`` rates, 1/eigenvalues of an inverse operator, and their modes, by a block Arnoldi method in a weight.

    Args:
        inverse: The operator.
        weight: Of the inner product, (nodes,).
        starts: As many functions as equal rates may come together, (block, nodes).
        count: How many.

    Raises:
        AccuracyError: If they do not settle.
    """
    basis: list[np.ndarray] = []
    for start in starts:
        _added(basis, weight, start)
    matrix = np.zeros((MOST + len(starts), MOST))
    before = np.full(count, np.inf)
    for k in range(MOST):
        along = _added(basis, weight, inverse(basis[k]))
        if not np.all(np.isfinite(along)):
            break
        matrix[: len(along), k] = along
        done = k + 1 == len(basis)
        if (k + 1) % len(starts) and not done:
            continue
        values, vectors = np.linalg.eig(matrix[: k + 1, : k + 1])
        rates = np.where(values == 0, np.inf, 1 / np.where(values == 0, 1, values))
        order = np.lexsort((rates.imag, rates.real))
        order = order[rates[order].real > 0][:count]
        if len(order) == count:
            change = np.max(np.abs(rates[order] - before) / np.abs(rates[order]))
            if done or (change < SETTLED and k > count + 1):
                return rates[order], vectors[:, order].T @ np.array(basis[: k + 1])
            before = rates[order]
        if done:
            break
    raise AccuracyError(f"the modes did not settle in {MOST} steps; ask for fewer than {count + 1}")


def _added(basis: list[np.ndarray], weight: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Add what is new in a function to an orthonormal basis; return its coefficients there."""
    along = np.zeros(len(basis))
    for _ in range(2 if basis else 0):
        more = np.array([np.sum(weight * b * image) for b in basis])
        along, image = along + more, image - more @ np.array(basis)
    length = float(np.sqrt(np.sum(weight * image**2)))
    if not basis or length > 1e-13 * np.max(np.abs(along)):
        basis.append(image / length)
        along = np.append(along, length)
    return along


def _starts(green: Green, count: int) -> np.ndarray:
    """Return functions of mean zero without symmetry, so that together they overlap with every mode, (count, nodes)."""
    x, y = (2 * (axis - axis.mean()) / np.ptp(axis) for axis in green.operator.axes)
    smooth = np.polynomial.chebyshev.chebvander
    draws = np.random.default_rng(0)
    found = []
    for _ in range(count):
        function = smooth(x, 4) @ (draws.normal(size=(5, 5)) / np.add.outer(np.arange(5), np.arange(5)).clip(1)) @ smooth(y, 4).T
        function = function.ravel() + draws.normal(size=len(green.harmonic)) @ green.harmonic
        found.append(function - green.weight @ function)
    return np.array(found)
