"""The covariance of a minibatch gradient in linear regression on Gaussian data, by Wick's theorem, at one point of the plane.

One sample's gradient is g = x r: x its inputs, r what the weights miss of its label. They are jointly Gaussian, and E[g g^T] averages four of them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import sympy as sp

from eyring.theory import symbols as s
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.derivation.wick import WICK
from eyring.theory.symbols import batch_size as B

__all__ = ["BATCH", "DECAY", "DIAGONAL", "GRADIENT", "HESSIAN", "INSERT", "SPREAD", "TARGET", "WEIGHTS", "at_the_point", "label_noise", "one_sample"]

INPUTS = sp.Matrix(sp.symbols("x_1 x_2", real=True))
LABEL_NOISE = sp.Symbol("e", real=True)
WEIGHTS = sp.Matrix([s.weight_1, s.weight_2])
TARGET = sp.Matrix([s.target_1, s.target_2])
GRADIENT = sp.Matrix([s.slope_1, s.slope_2])
HESSIAN = sp.Matrix([[s.hessian_11, s.hessian_12], [s.hessian_12, s.hessian_22]])
DIAGONAL = sp.diag(s.input_variance_1, s.input_variance_2)
SPREAD = sp.Matrix([[s.spread_11, s.spread_12], [s.spread_12, s.spread_22]])
DECAY = sp.diag(s.decay_1, s.decay_2)


@cache
def label_noise(inputs: sp.ImmutableMatrix) -> Derivation:
    """Return C(w) of linear regression with inputs of this covariance and labels w.x + noise; w is measured from the weights that made the labels."""
    law = sp.diag(inputs, s.label_std**2)
    return one_sample(INPUTS * ((WEIGHTS.T * INPUTS)[0] - LABEL_NOISE), [*INPUTS, LABEL_NOISE], law, "label noise")


def one_sample(gradient: sp.MatrixBase, variables: Sequence[sp.Symbol], covariance: sp.MatrixBase, title: str) -> Derivation:
    """Return the covariance of a batch's mean, from one sample's gradient as a polynomial of Gaussian variables."""
    return (
        Derivation(f"covariance of the minibatch gradient, {title}")
        .define(
            "products of the components of one sample's gradient, and the gradient itself (last column)",
            sp.ImmutableMatrix(sp.Matrix.hstack(gradient * gradient.T, gradient)).applyfunc(sp.expand),
        )
        .apply(WICK, "averages over the data", variables=variables, covariance=covariance, needs="the data are Gaussian and every batch is fresh")
        .apply(BATCH, "covariance of the mean of B independent samples")
    )


def at_the_point(derivation: Derivation, loss: sp.Expr, gradient: sp.MatrixBase, hessian: sp.MatrixBase) -> Derivation:
    """Write C through the loss, its gradient and its Hessian at the point: (2 L H + grad L grad L^T)/B."""
    known = {s.loss_here: loss} | dict(zip(GRADIENT, gradient, strict=True))
    compact = sp.ImmutableMatrix((2 * s.loss_here * hessian + GRADIENT * GRADIENT.T) / B)
    return derivation.claim(
        "through the loss and its gradient at the point",
        compact,
        residual=lambda stated, before: (sp.Matrix(stated).subs(known) - sp.Matrix(before)).applyfunc(sp.expand),
        rule="insertion of L and grad L",
    )


def _of_a_batch(moments: sp.MatrixBase) -> sp.ImmutableMatrix:
    products, mean = moments[:, :-1], moments[:, -1]
    return sp.ImmutableMatrix((products - mean * mean.T).applyfunc(sp.expand) / B)


def _moments_of_pairs(moments: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Take B = 2 and 3: of the B^2 pairs of draws in a batch, B are a sample with itself and the rest independent."""
    products, mean = moments[:, :-1], moments[:, -1]
    covariances = ((size, (size * products + size * (size - 1) * mean * mean.T) / size**2 - mean * mean.T) for size in (2, 3))
    return all(agree_in_numbers(sp.ImmutableMatrix(after.subs(B, size)), sp.ImmutableMatrix(c), samples=1) for size, c in covariances)


def _insert(expression: sp.Basic, *, values: dict[sp.Symbol, sp.Expr]) -> Any:
    return expression.subs(values, simultaneous=True)


def _inserted_in_numbers(before: sp.Basic, after: sp.Basic, *, values: dict[sp.Symbol, sp.Expr]) -> bool:
    """Put in one symbol at a time, each first under a name of its own."""
    own = {symbol: sp.Dummy(symbol.name, real=True) for symbol in values}
    step = before
    for symbol, name in own.items():
        step = step.subs(symbol, name)
    for symbol, name in own.items():
        step = step.subs(name, values[symbol])
    return agree_in_numbers(step, after)


BATCH = Rule("covariance of a mean", _of_a_batch, _moments_of_pairs)
INSERT = Rule("insertion", _insert, _inserted_in_numbers)
