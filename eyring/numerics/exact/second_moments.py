"""Second moments of heavy ball on a parabola or in linear regression, carried over one step number by number and solved in 50 digits.

The state is z = (w, m), parameters and buffer. A step is m' = mu m + K w + zeta, w' = w - Lambda m', so <z z^T> obeys a linear recursion: its fixed
point is found by solving that system, whose columns are the recursion's own answers to unit matrices. Nothing here knows a closed form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product

import mpmath
import numpy as np

from eyring.errors import EyringError

__all__ = ["DIGITS", "HeavyBallMoments", "constant_noise", "gaussian_regression_noise", "matrix_of"]

DIGITS = 50

Noise = Callable[[mpmath.matrix], mpmath.matrix]  # <w w^T> -> average covariance of the batch noise, affine


@dataclass(frozen=True, eq=False)
class HeavyBallMoments:
    """One optimizer on one problem.

    Attributes:
        rate: Lambda, (n, n).
        hessian: K, (n, n), of the loss that is descended.
        momentum: mu.
        noise: Average covariance of the batch noise, given <w w^T>.
    """

    rate: mpmath.matrix
    hessian: mpmath.matrix
    momentum: Fraction
    noise: Noise

    def after(self, moments: mpmath.matrix) -> mpmath.matrix:
        """Return <z z^T> one step later, (2n, 2n)."""
        n = self.rate.rows
        linear, kick = self._step
        return linear * moments * linear.T + kick * self.noise(moments[:n, :n]) * kick.T

    @cached_property
    def _step(self) -> tuple[mpmath.matrix, mpmath.matrix]:
        """z' = linear z + kick zeta."""
        n = self.rate.rows
        with mpmath.workdps(DIGITS):
            mu, one = _decimal(self.momentum), mpmath.eye(n)
            linear, kick = mpmath.zeros(2 * n), mpmath.zeros(2 * n, n)
            linear[:n, :n], linear[:n, n:], linear[n:, :n], linear[n:, n:] = one - self.rate * self.hessian, -mu * self.rate, self.hessian, mu * one
            kick[:n, :], kick[n:, :] = -self.rate, one
        return linear, kick

    def stationary(self) -> mpmath.matrix:
        """Return the stationary <w w^T>, (n, n); of a run that does not settle, the fixed point that it never reaches."""
        with mpmath.workdps(DIGITS):
            matrix, forcing = self._system()
            solution = mpmath.lu_solve(mpmath.eye(matrix.rows) - matrix, forcing)
            return self._unpacked(solution)[: self.rate.rows, : self.rate.rows]

    def marginality(self) -> mpmath.mpf:
        """Return det(1 - R) of the recursion's matrix R: zero where an eigenvalue of it reaches 1."""
        with mpmath.workdps(DIGITS):
            matrix, _ = self._system()
            return mpmath.det(mpmath.eye(matrix.rows) - matrix)

    def growth(self) -> float:
        """Return the factor by which the second moments grow in a step, in the long run: the spectral radius of the recursion."""
        matrix, _ = self._system()
        return float(np.abs(np.linalg.eigvals(np.array(matrix.tolist(), dtype=float))).max())

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        return [(i, j) for i, j in product(range(2 * self.rate.rows), repeat=2) if i <= j]

    def _system(self) -> tuple[mpmath.matrix, mpmath.matrix]:
        """Return R and f of vec' = R vec + f."""
        pairs = self._pairs
        zero = mpmath.zeros(2 * self.rate.rows)
        forcing = self.after(zero)
        matrix = mpmath.zeros(len(pairs))
        for column in range(len(pairs)):
            unit = mpmath.zeros(len(pairs), 1)
            unit[column] = 1
            answer = self.after(self._unpacked(unit)) - forcing
            for row, (i, j) in enumerate(pairs):
                matrix[row, column] = answer[i, j]
        return matrix, mpmath.matrix([forcing[i, j] for i, j in pairs])

    def _unpacked(self, vector: mpmath.matrix) -> mpmath.matrix:
        full = mpmath.zeros(2 * self.rate.rows)
        for value, (i, j) in zip(vector, self._pairs, strict=True):
            full[i, j] = full[j, i] = value
        return full


def matrix_of(rows: Sequence[Sequence[Fraction | str | int]]) -> mpmath.matrix:
    """Return a matrix of exact fractions in 50 digits."""
    with mpmath.workdps(DIGITS):
        return mpmath.matrix([[_decimal(Fraction(entry)) for entry in row] for row in rows])


def constant_noise(covariance: mpmath.matrix) -> Noise:
    """Return the noise whose covariance is the same everywhere."""
    return lambda moments: covariance


def gaussian_regression_noise(
    inputs: mpmath.matrix, *, batch_size: int, label_variance: Fraction = Fraction(0), offset: mpmath.matrix | None = None
) -> Noise:
    """Return the noise of regression on fresh Gaussian inputs: fourth moments summed pairing by pairing over all four indices.

    Args:
        inputs: A, the covariance of the inputs, (n, n).
        batch_size: B.
        label_variance: Variance of the labels' noise.
        offset: Mean of w minus the weights that made the labels, (n, 1); w itself is measured from its mean.

    Raises:
        EyringError: If the batch is empty.
    """
    if batch_size < 1:
        raise EyringError(f"a batch holds at least one sample, got {batch_size}")
    n, A = inputs.rows, inputs
    shift = offset if offset is not None else mpmath.zeros(n, 1)
    weights = {}
    with mpmath.workdps(DIGITS):
        for i, j, k, m in product(range(n), repeat=4):
            fourth = A[i, j] * A[k, m] + A[i, k] * A[j, m] + A[i, m] * A[j, k]
            weights[i, j, k, m] = fourth - A[i, k] * A[m, j]
    felt = [(place, weight) for place, weight in weights.items() if weight != 0]

    def noise(moments: mpmath.matrix) -> mpmath.matrix:
        error = moments + shift * shift.T
        total = _decimal(label_variance) * A
        for (i, j, k, m), weight in felt:
            total[i, j] += weight * error[k, m]
        return total / batch_size

    return noise


def _decimal(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator
