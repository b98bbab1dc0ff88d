"""Numbers of a linear process dx = -A x dt + noise, in 40 digits: its covariance by the n^2 linear equations, and random matrices to try."""

import random
from fractions import Fraction

import mpmath

__all__ = ["DIGITS", "covariance", "covariance_at", "drawn", "number", "positive", "turned"]

DIGITS = 40


def number(value: str | Fraction | float) -> mpmath.mpf:
    """Return a fraction, or text such as "3/10", as it is."""
    exact = Fraction(value)
    return mpmath.mpf(exact.numerator) / exact.denominator


def covariance(drift_matrix: mpmath.matrix, noise: mpmath.matrix) -> mpmath.matrix:
    """Solve A S + S A^T = Q as (A x 1 + 1 x A) vec S = vec Q, for any A."""
    n = drift_matrix.rows
    system, right = mpmath.zeros(n * n), mpmath.zeros(n * n, 1)
    for i in range(n):
        for j in range(n):
            right[n * i + j] = noise[i, j]
            for k in range(n):
                system[n * i + j, n * k + j] += drift_matrix[i, k]
                system[n * i + j, n * i + k] += drift_matrix[j, k]
    solved = mpmath.lu_solve(system, right)
    return mpmath.matrix([[solved[n * i + j] for j in range(n)] for i in range(n)])


def covariance_at(drift_matrix: mpmath.matrix, noise: mpmath.matrix, time: mpmath.mpf) -> mpmath.matrix:
    """Return the covariance at a time, from zero at the start: S - e^{-A t} S e^{-A^T t} with S the stationary one."""
    settled, decay = covariance(drift_matrix, noise), mpmath.expm(-drift_matrix * time)
    return settled - decay * settled * decay.T


def drawn(seed: int, n: int) -> list[Fraction]:
    """Return n fractions between 3/10 and 3, the same ones for a seed, none of them 1."""
    generator = random.Random(seed)
    return [Fraction(generator.randint(3, 29), 10) + Fraction(1, 97) for _ in range(n)]


def positive(seed: int, n: int) -> mpmath.matrix:
    """Return a random symmetric matrix with positive eigenvalues and no zero."""
    generator = random.Random(seed)
    root = mpmath.matrix(n)
    for i in range(n):
        for j in range(n):
            root[i, j] = mpmath.mpf(generator.randint(-9, 9) or 4) / 7
    return root * root.T + mpmath.eye(n) / 3


def turned(diagonal: list[mpmath.mpf], seed: int) -> tuple[mpmath.matrix, mpmath.matrix]:
    """Return a random rotation R and R diag R^T."""
    n = len(diagonal)
    rotation, _ = mpmath.qr(positive(seed, n))
    return rotation, rotation * mpmath.diag(diagonal) * rotation.T
