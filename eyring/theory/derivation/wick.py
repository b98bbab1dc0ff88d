"""Isserlis' (Wick's) theorem: the average of a polynomial of Gaussian variables is a sum over all ways to pair them.

The witness averages the same polynomial by a Gauss-Hermite rule in as many directions as there are variables, which is exact for its degree.
"""

import itertools
import random
from collections.abc import Sequence

import mpmath
import sympy as sp
from sympy.integrals.quadrature import gauss_hermite

from eyring.theory.derivation.proof import DIGITS, draw
from eyring.theory.derivation.steps import Rule

__all__ = ["WICK", "gaussian_average"]


def gaussian_average(expression: sp.Expr, variables: Sequence[sp.Symbol], covariance: sp.MatrixBase) -> sp.Expr:
    """Return the average of a polynomial over centred Gaussian variables.

    Args:
        expression: A polynomial in the variables; its coefficients may hold other symbols.
        variables: The Gaussian ones.
        covariance: Theirs, (n, n).

    >>> x = sp.Symbol("x")
    >>> gaussian_average(x**4, [x], sp.Matrix([[3]]))
    27
    """
    terms = sp.Poly(expression, *variables).terms()
    known: dict[tuple[int, ...], sp.Expr] = {}
    return sp.Add(*(coefficient * _moment(powers, covariance, known) for powers, coefficient in terms))


def _moment(powers: tuple[int, ...], covariance: sp.MatrixBase, known: dict[tuple[int, ...], sp.Expr]) -> sp.Expr:
    """Pair the first variable with every other one in turn."""
    if sum(powers) % 2:
        return sp.Integer(0)
    if not any(powers):
        return sp.Integer(1)
    if powers not in known:
        first = next(k for k, p in enumerate(powers) if p)
        rest = [p - (k == first) for k, p in enumerate(powers)]
        pairs = (
            p * covariance[first, k] * _moment(tuple(q - (j == k) for j, q in enumerate(rest)), covariance, known) for k, p in enumerate(rest) if p
        )
        known[powers] = sp.expand(sp.Add(*pairs))
    return known[powers]


def _averaged(matrix: sp.MatrixBase, *, variables: Sequence[sp.Symbol], covariance: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(matrix).applyfunc(lambda entry: sp.expand(gaussian_average(entry, variables, covariance)))


def _quadrature_agrees(before: sp.MatrixBase, after: sp.MatrixBase, *, variables: Sequence[sp.Symbol], covariance: sp.MatrixBase) -> bool:
    generator = random.Random(1918)
    parameters = sorted((before.free_symbols | after.free_symbols | covariance.free_symbols) - set(variables), key=str)
    degree = max(sp.Poly(entry, *variables).total_degree() for entry in before)
    nodes, weights = gauss_hermite(degree // 2 + 1, DIGITS)
    polynomial, result = (sp.lambdify([*variables, *parameters], list(m), "mpmath") for m in (before, after))
    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(value.p) / value.q for value in (draw(s, generator) for s in parameters)]
        root = mpmath.cholesky(mpmath.matrix(sp.lambdify(parameters, covariance.tolist(), "mpmath")(*numbers)))
        total = [mpmath.mpf(0)] * len(before)
        rule = [(mpmath.sqrt(2) * mpmath.mpf(str(x)), mpmath.mpf(str(w)) / mpmath.sqrt(mpmath.pi)) for x, w in zip(nodes, weights, strict=True)]
        for point in itertools.product(rule, repeat=len(variables)):
            weight = mpmath.fprod(w for _, w in point)
            values = polynomial(*(root * mpmath.matrix([z for z, _ in point])), *numbers)
            total = [t + weight * v for t, v in zip(total, values, strict=True)]
        stated = result(*[mpmath.mpf(0)] * len(variables), *numbers)
        return all(abs(s - t) <= mpmath.mpf(10) ** -20 * (1 + abs(t)) for s, t in zip(stated, total, strict=True))


WICK = Rule("Wick's theorem", _averaged, _quadrature_agrees)
