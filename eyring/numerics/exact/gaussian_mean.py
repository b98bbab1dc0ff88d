"""Averages over Gaussian data by a Gauss-Hermite rule, exact for polynomials, and the noise of whole batches drawn from such data."""

import itertools
from collections.abc import Callable, Sequence
from functools import cache

import mpmath

__all__ = ["batch_covariance", "gaussian_mean"]

Numbers = Sequence[mpmath.mpf]
Gradient = Callable[[Numbers], Numbers]


def gaussian_mean(function: Gradient, covariance: mpmath.matrix, *, degree: int = 4, copies: int = 1) -> list[mpmath.mpf]:
    """Return the mean of each entry of a polynomial of centred Gaussian variables, in the working precision of mpmath.

    Args:
        function: From the variables, those of one copy after those of another, to a list of numbers.
        covariance: Of one copy's variables, (n, n).
        degree: The highest total degree of an entry in the variables of one copy.
        copies: How many independent copies of the variables there are.
    """
    n, root = covariance.rows, mpmath.cholesky(covariance)
    nodes = _hermite(degree // 2 + 1, mpmath.mp.prec)
    points = [(_times(root, [x for x, _ in point]), mpmath.fprod(w for _, w in point)) for point in itertools.product(nodes, repeat=n)]
    total: list[mpmath.mpf] | None = None
    for chosen in itertools.product(points, repeat=copies):
        weight = mpmath.fprod(w for _, w in chosen)
        values = function([z for point, _ in chosen for z in point])
        total = [t + weight * v for t, v in zip(total or [mpmath.mpf(0)] * len(values), values, strict=True)]
    return total or []


def batch_covariance(gradient: Gradient, covariance: mpmath.matrix, *, batch_size: int) -> list[list[mpmath.mpf]]:
    """Return the covariance of the mean of ``batch_size`` samples' gradients, by averaging over all the data of a batch at once.

    Args:
        gradient: From the Gaussian variables of one sample to its gradient, of at most second degree.
        covariance: Of one sample's variables, (n, n).
        batch_size: A small whole number; 3^(n batch_size) batches are weighed.
    """
    n = covariance.rows

    def of_batch(variables: Numbers) -> Numbers:
        samples = [gradient(variables[k : k + n]) for k in range(0, len(variables), n)]
        mean = [mpmath.fsum(column) / batch_size for column in zip(*samples, strict=True)]
        return [*mean, *(a * b for a in mean for b in mean)]

    moments = gaussian_mean(of_batch, covariance, copies=batch_size)
    dim = next(d for d in itertools.count(1) if d + d * d == len(moments))
    mean, products = moments[:dim], moments[dim:]
    return [[products[dim * i + j] - mean[i] * mean[j] for j in range(dim)] for i in range(dim)]


@cache
def _hermite(count: int, precision: int) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Return nodes and weights for a standard normal variable, exact up to degree 2 count - 1 (Golub and Welsch)."""
    jacobi = mpmath.zeros(count)
    for k in range(1, count):
        jacobi[k, k - 1] = jacobi[k - 1, k] = mpmath.sqrt(k)
    nodes, vectors = mpmath.eigsy(jacobi)
    return [(nodes[k], vectors[0, k] ** 2) for k in range(count)]


def _times(root: mpmath.matrix, z: Numbers) -> list[mpmath.mpf]:
    return [mpmath.fsum(root[i, k] * z[k] for k in range(i + 1)) for i in range(root.rows)]
