"""The stationary second moments of linear regression under heavy ball, for explicit matrices: derived, closed over the trace, and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation
from eyring.theory.discrete.matrix_words import insert, matrix_symbol, without_common_words
from eyring.theory.discrete.moment_balance import COVARIANCE, HESSIAN, NOISE, RATE, balance_of, moment_balance, solved_by
from eyring.theory.dynamics.contract import check_hyperparameter
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater, less
from eyring.theory.regression.averaged_noise import ERROR_SQUARE, INPUTS, LABEL_VARIANCE, TRACE, averaged_noise
from eyring.theory.stationary.lyapunov import solve_together
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import momentum as mu

__all__ = ["SHIFT", "Regression", "RegressionLaw", "regression_balance"]

SHIFT = matrix_symbol("F")  # f f^T, f the mean of w less the weights that made the labels


@cache
def regression_balance() -> Derivation:
    """Derive the balance of second moments with the averaged noise of regression in it, an equality of words."""
    noise = averaged_noise().expression.subs(ERROR_SQUARE, COVARIANCE + SHIFT)
    return (
        Derivation("second moments of linear regression under heavy ball")
        .follow(averaged_noise())
        .follow(moment_balance())
        .claim(
            "put the averaged noise in, with E = Sigma + F: spread and offset of the weights",
            sp.Eq(balance_of(COVARIANCE), sp.expand(RATE * noise * RATE)),
            residual=lambda stated, before: without_common_words(stated.lhs - stated.rhs - (before.lhs - before.rhs).subs(NOISE, noise)),
            rule="insertion",
        )
    )


@dataclass(frozen=True, eq=False)
class RegressionLaw:
    """Where a regression settles; every formula is derived when first asked for.

    Args:
        problem: What is solved.
        name: How its formulas are called.

    Raises:
        NotApplicable: If the numbers given do not settle.
    """

    problem: "Regression"
    name: str

    def __post_init__(self) -> None:
        broken = [c for c in self.conditions if c.holds({}) is False]
        if broken:
            raise NotApplicable(
                f"the second moments of this regression grow without bound: {broken[0]}. Lower the learning rate or take larger batches; "
                "one weight alone needs eta a < 2 B (1 - mu^2)/(B (1 - mu) + 2 (1 + mu))"
            )

    @cached_property
    def covariance(self) -> Formula:
        """Sigma of the weights, (n, n)."""
        return self._formula("covariance", "the covariance of the weights", self._spread, self._spread, "length^2")

    @cached_property
    def noise(self) -> Formula:
        """The average covariance of the minibatch gradient, (n, n)."""
        p = self.problem
        A, E = p.inputs, self._spread + p.displacement
        words = insert(averaged_noise().expression.xreplace(dict(p.numbers)), {INPUTS: A, ERROR_SQUARE: E})
        written = (A * E * A + (TRACE + p.label_variance) * A) / p.batch_size
        return self._formula("gradient noise", "the average covariance of the minibatch gradient", written, words, "loss^2/length^2")

    @cached_property
    def train_loss(self) -> Formula:
        """Mean loss on fresh data with noisy labels, (Tr[A E] + sigma_y^2)/2 with E = Sigma + f f^T."""
        half = (TRACE + self.problem.label_variance) / 2
        return self._formula("train loss", "mean loss with noisy labels, (Tr[A E] + sigma_y^2)/2", half, half, "loss")

    @cached_property
    def test_loss(self) -> Formula:
        """Mean loss on clean labels, Tr[A E]/2."""
        level = self.problem.label_variance
        trace = (self._own + self._feedback * level) / (1 - self._feedback)
        derivation = self._closed.claim(
            "mean loss with clean labels, Tr[A E]/2",
            trace / 2,
            residual=lambda stated, before: _rest(stated - before.rhs / 2),
            rule="insertion of the trace",
        )
        return self._named("test loss", derivation, "loss")

    @cached_property
    def stability(self) -> Formula:
        """Share of the noise that the weights' own spread feeds back; the law exists while it is below 1 and its conditions hold."""
        A = self.problem.inputs
        derivation = self._opened.claim(
            "share of the noise that the weights' own spread feeds back",
            self._feedback,
            residual=lambda stated, spread: _rest(stated - (A * spread.diff(TRACE)).trace()),
            rule="trace",
        )
        return self._named("stability", derivation, "1")

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Unit noise gives a positive spread, and the weights feed back less noise than there is: exactly then the second moments settle."""
        response = self._spread.diff(TRACE)
        diagonal = response.is_diagonal()
        minors = [response[i, i] if diagonal else response[: i + 1, : i + 1].det() for i in range(response.rows)]
        steps = [Condition(greater(minor, sp.Integer(0)), "a step does not overshoot: the learning rate is stable", hard=True) for minor in minors]
        share = Condition(less(self._feedback, sp.Integer(1)), "the weights' own spread feeds back less noise than there is", hard=True)
        return tuple(c for c in (*steps, share) if c.relation != sp.true)

    @cached_property
    def _spread(self) -> sp.ImmutableMatrix:
        return self.problem.spread()

    @cached_property
    def _feedback(self) -> sp.Expr:
        return (self.problem.inputs * self._spread.diff(TRACE)).trace()

    @cached_property
    def _own(self) -> sp.Expr:
        """What the offset alone gives: Tr[A E] + sigma_y^2 = (own + sigma_y^2)/(1 - feedback)."""
        p = self.problem
        return (p.inputs * (self._spread.subs(TRACE, -p.label_variance) + p.displacement)).trace()

    @cached_property
    def _opened(self) -> Derivation:
        p = self.problem
        matrices = {RATE: p.rate, HESSIAN: p.hessian, INPUTS: p.inputs, SHIFT: p.displacement}
        return regression_balance().claim(
            "its solution for explicit matrices, Tr[A E] left open",
            self._spread,
            residual=solved_by(matrices, p.numbers),
            rule="insertion of explicit matrices",
        )

    @cached_property
    def _closed(self) -> Derivation:
        p, level = self.problem, self.problem.label_variance
        return self._opened.claim(
            "the trace that it has",
            sp.Eq(TRACE, (self._own + level) / (1 - self._feedback) - level, evaluate=False),
            residual=lambda stated, spread: (
                stated.lhs - TRACE + _rest(stated.rhs - (p.inputs * (spread.subs(TRACE, stated.rhs) + p.displacement)).trace())
            ),
            rule="trace",
        )

    def _formula(self, kind: str, statement: str, written: sp.Basic, general: sp.Basic, unit: str) -> Formula:
        """State a function of the trace at the trace that was found; ``general`` is what it must equal."""
        derivation = self._closed.claim(
            statement,
            _at(written, self._closed.expression.rhs),
            residual=lambda stated, before: _rest(stated - _at(general, before.rhs)),
            rule="insertion of the trace",
        )
        return self._named(kind, derivation, unit)

    def _named(self, kind: str, derivation: Derivation, unit: str) -> Formula:
        return Formula(derivation, unit, sp.Integer(1), self.conditions, name=f"{self.name}: {kind}")


@dataclass(frozen=True, kw_only=True)
class Regression:
    """One problem and one optimizer, checked.

    Attributes:
        inputs: A, (n, n).
        hessian: K = A + weight decay, (n, n).
        offset: f = <w> - u, (n, 1).
        rate: Lambda, (n, n).
        label_variance: sigma_y^2.
        batch_size: B.
        momentum: mu.
    """

    inputs: sp.ImmutableMatrix
    hessian: sp.ImmutableMatrix
    offset: sp.ImmutableMatrix
    rate: sp.ImmutableMatrix
    label_variance: sp.Expr
    batch_size: sp.Expr
    momentum: sp.Expr
    numbers: Mapping[sp.Symbol, sp.Expr] = field(init=False)

    @property
    def displacement(self) -> sp.ImmutableMatrix:
        """f f^T, the offset's part of <e e^T>."""
        return self.offset * self.offset.T

    def __post_init__(self) -> None:
        check_hyperparameter("label_variance", self.label_variance, low=0, closed=True)
        check_hyperparameter("batch_size", self.batch_size, low=1, closed=True)
        check_hyperparameter("momentum", self.momentum, low=0, below=1, closed=True)
        object.__setattr__(self, "numbers", {LABEL_VARIANCE: self.label_variance, B: self.batch_size, mu: self.momentum})

    def spread(self) -> sp.ImmutableMatrix:
        """Return Sigma as a function of the open trace."""
        A, K, rate, F = self.inputs, self.hessian, self.rate, self.displacement
        m, size, level = self.momentum, self.batch_size, TRACE + self.label_variance
        if K == A and _commute(rate, A):
            G = 2 * (1 - m) * sp.eye(A.rows) - ((1 - m) / (1 + m) + 1 / size) * rate * A
            return sp.ImmutableMatrix(level / size * (rate * _inverse(G)))
        if all(matrix.is_diagonal() for matrix in (A, K, rate)):
            return sp.ImmutableMatrix(A.rows, A.rows, lambda i, j: self._entry(i, j, F[i, j], level if i == j else sp.Integer(0)))
        matrices = {RATE: rate, HESSIAN: K, INPUTS: A}
        left = balance_of(COVARIANCE).subs(mu, m) - RATE * INPUTS * COVARIANCE * INPUTS * RATE / size
        return solve_together(lambda S: insert(left, {**matrices, COVARIANCE: S}), rate * (A * F * A + level * A) * rate / size)

    def _entry(self, i: int, j: int, f: sp.Expr, level: sp.Expr) -> sp.Expr:
        (a, c), (p, q), m = (self.inputs[i, i], self.inputs[j, j]), (self.rate[i, i], self.rate[j, j]), self.momentum
        x, y = p * self.hessian[i, i], q * self.hessian[j, j]
        if i == j:
            fall = 2 * (1 - m) * x - (1 - m) / (1 + m) * x**2
        else:
            fall = (1 - m) * (x + y) + (m * (x**2 + y**2) - (1 + m**2) * x * y) / (1 - m**2)
        return p * q * (a * c * f + a * level) / (self.batch_size * fall - p * q * a * c)


def _commute(one: sp.MatrixBase, other: sp.MatrixBase) -> bool:
    return (one * other - other * one).applyfunc(sp.expand).is_zero_matrix is True


def _inverse(matrix: sp.MatrixBase) -> sp.MatrixBase:
    if matrix.is_diagonal():
        return sp.diag(*(1 / matrix[i, i] for i in range(matrix.rows)))
    return DomainMatrix.from_Matrix(sp.Matrix(matrix)).to_field().inv().to_Matrix()


def _at(general: sp.Basic, trace: sp.Expr) -> sp.Basic:
    return sp.ImmutableMatrix(general.subs(TRACE, trace)) if isinstance(general, sp.MatrixBase) else general.subs(TRACE, trace)


def _rest(difference: sp.Basic) -> sp.Basic:
    """Return what must vanish for the difference to do so: the numerator over a common denominator.

    Denominators inside denominators are tried as letters of their own first: an identity that holds for all of them holds for these.
    """
    if isinstance(difference, sp.MatrixBase):
        return sp.ImmutableMatrix(difference.applyfunc(_rest))
    if difference == 0:
        return sp.Integer(0)
    depths = {p: _depth(p) for p in difference.atoms(sp.Pow) if _is_denominator(p)}
    letters = {p: sp.Dummy() for p, depth in depths.items() if depth < max(depths.values())}
    lettered = sp.expand(sp.fraction(sp.together(difference.xreplace(letters)))[0])
    return lettered if lettered == 0 or not letters else sp.expand(sp.fraction(sp.together(difference))[0])


def _is_denominator(power: sp.Pow) -> bool:
    return bool(power.exp.is_negative and power.base.is_Add)


def _depth(denominator: sp.Pow) -> int:
    """Return how many denominators are inside one another."""
    return 1 + max((_depth(p) for p in denominator.base.atoms(sp.Pow) if _is_denominator(p)), default=0)
