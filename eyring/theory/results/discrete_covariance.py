"""The exact stationary covariance of heavy ball at finite learning rate, with constant noise, and the loss that comes of it."""

from collections.abc import Mapping

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.discrete.matrix_words import insert
from eyring.theory.discrete.moment_balance import COVARIANCE, HESSIAN, NOISE, RATE, balance_of, moment_balance, solved_by
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    covariance_11,
    covariance_12,
    covariance_22,
    curvature,
    curvature_1,
    curvature_2,
    gradient_variance,
    learning_rate,
    momentum,
    rate_1,
    rate_2,
    rate_11,
    rate_12,
    rate_22,
    spread_11,
    spread_12,
    spread_22,
)

__all__ = ["DiscreteCovariance", "DiscreteExpectedLoss", "HeavyBallStability", "HeavyBallVariance", "MatrixLearningRate", "NoiseBehindCovariance"]

eta, mu = learning_rate, momentum
FULL_NOISE = sp.ImmutableMatrix([[covariance_11, covariance_12], [covariance_12, covariance_22]])
EIGENBASIS = "the coordinates are the Hessian's own"


class HeavyBallVariance(Result):
    """Sigma = eta C (1 + mu)/((1 - mu) H (2 (1 + mu) - eta H)), the case of one dimension; at mu = 0 it is ``sgd-variance``."""

    name = "heavy-ball-variance"
    title = "Stationary variance of heavy ball on a parabola, at finite learning rate"
    chapter = "Stationary laws"
    sources = ("liu2021", "ziyin2022")

    def derive(self) -> Formula:
        """Solve the balance of second moments for one number."""
        H, C = curvature, gradient_variance
        variance = eta * C * (1 + mu) / ((1 - mu) * H * (2 * (1 + mu) - eta * H))
        derivation = _solved("one dimension", [[variance]], rate=[[eta]], hessian=[[H]], noise=[[C]]).claim(
            "its one entry", variance, residual=lambda stated, matrix: stated - matrix[0, 0]
        )
        return Formula(derivation, "length^2", eta, (_stable(H),), name=self.name)


class HeavyBallStability(Result):
    """Heavy ball settles on a parabola below eta = 2 (1 + mu)/H, where its variance diverges."""

    name = "heavy-ball-stability"
    title = "Largest stable learning rate of heavy ball on a parabola"
    chapter = "Stationary laws"
    sources = ("liu2021",)

    def derive(self) -> Formula:
        """Look where the inverse of the stationary variance first vanishes."""
        derivation = (
            Derivation("stability of heavy ball")
            .follow(HeavyBallVariance().derive().derivation)
            .claim(
                "the variance grows without bound as eta tends to",
                2 * (1 + mu) / curvature,
                residual=lambda stated, variance: sp.simplify((1 / variance).subs(eta, stated)),
                rule="pole of the variance",
            )
        )
        return Formula(derivation, "length^2/loss", eta, name=self.name)


class DiscreteCovariance(Result):
    """Sigma_ij in the Hessian's eigenbasis; the noise need not share it. At mu = 0, Sigma_ij = eta C_ij/(h_i + h_j - eta h_i h_j)."""

    name = "discrete-covariance-2d"
    title = "Stationary covariance of heavy ball in two dimensions, Hessian and noise not commuting"
    chapter = "Stationary laws"
    sources = ("liu2021", "ziyin2022")

    def derive(self) -> Formula:
        """Solve the balance of second moments entry by entry."""
        h = (curvature_1, curvature_2)

        def entry(i: int, j: int) -> sp.Expr:
            turn = mu * (h[i] ** 2 + h[j] ** 2) - (1 + mu**2) * h[i] * h[j]
            return eta * (1 - mu**2) * FULL_NOISE[i, j] / ((1 - mu) ** 2 * (1 + mu) * (h[i] + h[j]) + eta * turn)

        derivation = _solved(
            "Hessian diagonal", sp.Matrix(2, 2, entry), rate=eta * sp.eye(2), hessian=sp.diag(*h), noise=FULL_NOISE, needs=EIGENBASIS
        )
        return Formula(derivation, "length^2", eta, tuple(_stable(k) for k in h), name=self.name)


class MatrixLearningRate(Result):
    """Sigma with a learning rate for each eigendirection of the Hessian; its diagonal is Lambda C/((1 - mu) H (2 - Lambda H/(1 + mu)))."""

    name = "preconditioned-covariance-2d"
    title = "Stationary covariance with a matrix learning rate that commutes with the Hessian"
    chapter = "Stationary laws"
    sources = ("liu2021", "ziyin2022")

    def derive(self) -> Formula:
        """Solve the balance of second moments entry by entry."""
        rates, h = (rate_1, rate_2), (curvature_1, curvature_2)
        pace = [r * k for r, k in zip(rates, h, strict=True)]

        def entry(i: int, j: int) -> sp.Expr:
            if i == j:
                return rates[i] * FULL_NOISE[i, i] / ((1 - mu) * h[i] * (2 - pace[i] / (1 + mu)))
            turn = mu * (pace[0] ** 2 + pace[1] ** 2) - (1 + mu**2) * pace[0] * pace[1]
            return (1 - mu**2) * rate_1 * rate_2 * covariance_12 / ((1 - mu) ** 2 * (1 + mu) * (pace[0] + pace[1]) + turn)

        derivation = _solved("both diagonal", sp.Matrix(2, 2, entry), rate=sp.diag(*rates), hessian=sp.diag(*h), noise=FULL_NOISE, needs=EIGENBASIS)
        stable = tuple(_stable(k, r) for r, k in zip(rates, h, strict=True))
        return Formula(derivation, "length^2", sp.Integer(1), stable, name=self.name)


class NoiseBehindCovariance(Result):
    """Lambda C Lambda that holds a covariance Sigma up, for a learning rate Lambda, a Hessian and a Sigma none of which commute."""

    name = "noise-behind-covariance-2d"
    title = "The noise of one step behind a stationary covariance, learning rate and Hessian not commuting"
    chapter = "Stationary laws"
    sources = ("liu2021", "ziyin2022")

    def derive(self) -> Formula:
        """Insert general 2 x 2 matrices in the balance of second moments."""
        matrices = {
            RATE: sp.Matrix([[rate_11, rate_12], [rate_12, rate_22]]),
            HESSIAN: sp.diag(curvature_1, curvature_2),
            COVARIANCE: sp.Matrix([[spread_11, spread_12], [spread_12, spread_22]]),
        }
        derivation = moment_balance().claim(
            "Lambda C Lambda for explicit matrices",
            _written_out(matrices),
            residual=lambda stated, balance: (stated - insert(balance.lhs, matrices)).applyfunc(lambda e: sp.expand(sp.cancel(e))),
            rule="matrix multiplication",
            needs=EIGENBASIS,
        )
        return Formula(derivation, "length^2", sp.Integer(1), name=self.name)


class DiscreteExpectedLoss(Result):
    """E[L - L_min] = eta/(2 B (1 - mu)) sum_i h_i/(2 - eta h_i/(1 + mu)) where the noise is C = H/B; as eta -> 0 it is eta Tr H/(4 B (1 - mu))."""

    name = "discrete-expected-loss"
    title = "Mean stationary loss above the minimum with noise C = H/B, at finite learning rate"
    chapter = "Stationary laws"
    sources = ("liu2021",)

    def derive(self) -> Formula:
        """Solve the balance and take half the trace of H Sigma."""
        h, B = (curvature_1, curvature_2), batch_size
        H = sp.diag(*h)
        covariance = sp.diag(*(eta / (B * (1 - mu) * (2 - eta * k / (1 + mu))) for k in h))
        derivation = _solved("noise C = H/B", covariance, rate=eta * sp.eye(2), hessian=H, noise=H / B, needs=EIGENBASIS).claim(
            "E[L - L_min] = Tr(H Sigma)/2",
            eta / (2 * B * (1 - mu)) * sum((k / (2 - eta * k / (1 + mu)) for k in h), sp.Integer(0)),
            residual=lambda stated, sigma: sp.simplify(stated - (H * sigma).trace() / 2),
            rule="trace",
        )
        return Formula(derivation, "loss", eta, tuple(_stable(k) for k in h), name=self.name)


def _solved(case: str, covariance: object, *, rate: object, hessian: object, noise: object, needs: str | None = None) -> Derivation:
    matrices = {RATE: sp.Matrix(rate), HESSIAN: sp.Matrix(hessian), NOISE: sp.Matrix(noise)}
    return moment_balance().claim(
        f"its solution, {case}", sp.ImmutableMatrix(covariance), residual=solved_by(matrices), rule="insertion of explicit matrices", needs=needs
    )


def _written_out(matrices: Mapping[sp.Symbol, sp.MatrixBase]) -> sp.ImmutableMatrix:
    """Return the left side entry by entry, ordered by powers of the learning rate."""
    slow, fast = (insert(balance_of(COVARIANCE).subs(mu, 0).subs(RATE, k * RATE), matrices) for k in (1, -1))
    drift = (slow - fast) / 2
    return sp.ImmutableMatrix(
        (1 - mu) * drift.applyfunc(sp.factor) + (insert(balance_of(COVARIANCE), matrices) - (1 - mu) * drift).applyfunc(sp.factor)
    )


def _stable(h: sp.Expr, rate: sp.Expr = eta) -> Condition:
    return Condition(less(rate * h, 2 * (1 + mu)), "a step does not overshoot the minimum: heavy ball is stable", hard=True)
