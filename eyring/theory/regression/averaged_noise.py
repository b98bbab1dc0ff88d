"""The minibatch noise of linear regression, averaged over Gaussian inputs, noisy labels and the weights themselves, for matrices of any size.

C = (A E A + Tr[A E] A + sigma^2 A)/B with A the inputs' covariance and E = <e e^T> of the error e = w - u (Ziyin et al. 2022, Lemma 1).
"""

from functools import cache
from itertools import product

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.discrete.matrix_words import insert, matrix_symbol, transposed
from eyring.theory.symbols import batch_size as B

__all__ = ["ERROR_SQUARE", "INPUTS", "LABEL_VARIANCE", "TRACE", "averaged_noise"]

INPUTS, ERROR_SQUARE = matrix_symbol("A"), matrix_symbol("E")
TRACE = sp.Symbol("Tr[A E]", positive=True)
LABEL_VARIANCE = sp.Symbol("sigma_y^2", nonnegative=True)
SAMPLE, SAMPLE_T, ERROR, ERROR_T = (matrix_symbol(name) for name in ("x", "x^T", "e", "e^T"))
LABEL = sp.Symbol("epsilon", real=True)
PARTNERS = {SAMPLE: SAMPLE_T, SAMPLE_T: SAMPLE, ERROR: ERROR_T, ERROR_T: ERROR}


@cache
def averaged_noise() -> Derivation:
    """Derive the average covariance of the batch noise; its last line is a sum of words."""
    noise = SAMPLE * SAMPLE_T * ERROR - SAMPLE * LABEL - INPUTS * ERROR
    return (
        Derivation("minibatch noise of linear regression on Gaussian inputs")
        .define(
            "one sample's gradient x (x^T e - epsilon) less its mean A e, times its transpose; B independent samples share it",
            noise * transposed(noise, PARTNERS) / B,
            rule="least squares",
        )
        .apply(
            _ISSERLIS,
            "average over labels, errors and inputs: <x x^T E x x^T> = 2 A E A + Tr[A E] A",
            needs="inputs and labels are fresh, inputs Gaussian with covariance A, labels with variance sigma_y^2, both independent of the weights",
        )
    )


def _average(word: sp.Expr) -> sp.Expr:
    """Average over labels and errors, then over inputs by Isserlis' pairings."""
    expanded = sp.expand(word).subs(LABEL**2, LABEL_VARIANCE).subs(LABEL, 0)
    settled = sp.expand(expanded).subs(ERROR * ERROR_T, ERROR_SQUARE)
    fourth = 2 * INPUTS * ERROR_SQUARE * INPUTS + TRACE * INPUTS
    averaged = settled.subs(SAMPLE * SAMPLE_T * ERROR_SQUARE * SAMPLE * SAMPLE_T, fourth).subs(SAMPLE * SAMPLE_T, INPUTS)
    return sp.collect(sp.expand(averaged), 1 / B)


def _by_quadrature(before: sp.Expr, after: sp.Expr) -> bool:
    """Average over Hermite's nodes, exact for polynomials of fourth degree in the inputs, for random 2 x 2 matrices."""
    root = sp.Matrix([[sp.Rational(3, 2), 0], [sp.Rational(-2, 5), sp.Rational(4, 3)]])
    errors = [sp.Matrix([2, sp.Rational(1, 3)]), sp.Matrix([sp.Rational(-1, 2), 1])]
    A, spread, size = root * root.T, sp.Rational(7, 4), sp.Integer(3)
    nodes = [(-sp.sqrt(3), sp.Rational(1, 6)), (sp.Integer(0), sp.Rational(2, 3)), (sp.sqrt(3), sp.Rational(1, 6))]
    total = sp.zeros(2, 2)
    for (one, p), (other, q), error, sign in product(nodes, nodes, errors, (1, -1)):
        x = root * sp.Matrix([one, other])
        matrices = {SAMPLE: x, SAMPLE_T: x.T, ERROR: error, ERROR_T: error.T, INPUTS: A}
        total += p * q * insert(before.xreplace({LABEL: sign * sp.sqrt(spread), B: size}), matrices) / 4
    E = (errors[0] * errors[0].T + errors[1] * errors[1].T) / 2
    stated = insert(after.xreplace({TRACE: (A * E).trace(), LABEL_VARIANCE: spread, B: size}), {INPUTS: A, ERROR_SQUARE: E})
    return (total - stated).applyfunc(sp.expand).is_zero_matrix is True


_ISSERLIS = Rule("Isserlis' theorem", _average, _by_quadrature)
