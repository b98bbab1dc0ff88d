"""What the SDEs of first and second order say of SGD's stationary variance on a parabola, and by how much they miss it."""

import sympy as sp

from eyring.theory.derivation import Derivation, Residual, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics import SGD, WhiteNoiseGD
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance
from eyring.theory.results.contract import Result
from eyring.theory.results.sgd_variance import SGDVariance
from eyring.theory.sde import SDE
from eyring.theory.symbols import curvature, gradient_variance, learning_rate, temperature

__all__ = ["VarianceErrors", "VarianceFirstOrder", "VarianceSecondOrder"]

X = sp.Symbol("x", real=True)
PARABOLA = Landscape(curvature * X**2 / 2, [X])
VARIANCE = sp.Symbol("Sigma", positive=True)


class VarianceFirstOrder(Result):
    """Sigma = eta C/(2 H), exact for the SDE: SGD's own is larger by the factor 1/(1 - eta H/2)."""

    name = "sgd-variance-first-order"
    title = "Stationary variance on a parabola of the first-order SDE of SGD"
    chapter = "From algorithm to SDE"
    sources = ("mandt2017", "jastrzebski2017")
    kind = "exact"

    def derive(self) -> Formula:
        """Balance drift and diffusion of the first-order SDE."""
        eta, H, C = learning_rate, curvature, gradient_variance
        derivation = _balanced(SGD().sde(PARABOLA, Covariance(C)), eta * C / (2 * H), self.name)
        note = "exact for this SDE; the variance of SGD itself is 1/(1 - eta H/2) times larger"
        return Formula(derivation, "length^2", eta, note=note, name=self.name)


class VarianceSecondOrder(Result):
    """Sigma = eta C/(2 H (1 + eta H/2)): of the second-order SDE; to SGD's own variance it is no better but worse, see sgd-variance-errors."""

    name = "sgd-variance-second-order"
    title = "Stationary variance on a parabola of the second-order SDE of SGD"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019",)
    kind = "exact"

    def derive(self) -> Formula:
        """Balance drift and diffusion of the second-order SDE."""
        eta, H, C = learning_rate, curvature, gradient_variance
        derivation = _balanced(SGD().sde(PARABOLA, Covariance(C), order=2), eta * C / (2 * H * (1 + eta * H / 2)), self.name)
        note = "exact for this SDE; the variance of SGD itself is (1 + eta H/2)/(1 - eta H/2) times larger"
        return Formula(derivation, "length^2", eta, note=note, name=self.name)


class VarianceErrors(Result):
    """Relative errors -eta H/2, -eta H/(1 + eta H/2) and -(eta H)^2/(2 + eta H): the second order is twice as wrong as the first.

    The last, right to O(eta), is that of the chain's modified equation at T = eta C/2: the same steps with Gaussian noise, matched at fixed
    strength eta C.
    """

    name = "sgd-variance-errors"
    title = "Relative errors of the stationary variance on a parabola: SDE of first and second order, and the chain's modified equation"
    chapter = "From algorithm to SDE"

    def derive(self) -> Formula:
        """Divide the variance of each SDE by that of the steps themselves."""
        eta, H, C = learning_rate, curvature, gradient_variance
        exact = SGDVariance().derive()
        white = WhiteNoiseGD().sde(PARABOLA, order=2)
        chain = sp.cancel((white.diffusion[0] * X / -white.drift[0]).subs(temperature, eta * C / 2))
        ours = sp.Matrix([VarianceFirstOrder().derive().expression, VarianceSecondOrder().derive().expression, chain])
        errors = sp.ImmutableMatrix([-eta * H / 2, -eta * H / (1 + eta * H / 2), -((eta * H) ** 2) / (2 + eta * H)])
        derivation = (
            Derivation("errors of the stationary variance")
            .follow(exact.derivation)
            .claim(
                "variance of each SDE over the exact one, less 1",
                errors,
                residual=lambda stated, variance: (sp.Matrix(stated) - (ours / variance - sp.ones(3, 1))).applyfunc(sp.simplify),
                rule="comparison",
            )
        )
        return Formula(derivation, "1", eta, exact.conditions, name=self.name)


def _balanced(sde: SDE, variance: sp.Expr, name: str) -> Derivation:
    """Claim the variance at which the drift, linear in x, takes away what the diffusion brings: d<x^2>/dt = 2 <x b> + 2 D = 0."""
    derivation = (sde.derivation or Derivation(name)).apply(_RATE, "rate of change of the variance, d<x^2>/dt = 2 <x b> + 2 D", sde=sde)
    return Derivation(f"stationary variance: {name}").follow(derivation).claim("it vanishes at", variance, residual=_vanishes_at(), rule="insertion")


def _vanishes_at() -> Residual:
    return lambda stated, rate: sp.simplify(rate.subs(VARIANCE, stated))


def _variance_rate(_: sp.Basic, *, sde: SDE) -> sp.Expr:
    return sp.expand(2 * sp.diff(sde.drift[0], X) * VARIANCE + 2 * sde.diffusion[0])


def _variance_rate_in_numbers(_: sp.Basic, after: sp.Expr, *, sde: SDE) -> bool:
    """Let the generator act on x^2 at the two points whose mean square is the variance."""
    at = [(2 * X * sde.drift[0] + 2 * sde.diffusion[0]).subs(X, sign * sp.sqrt(VARIANCE)) for sign in (1, -1)]
    return agree_in_numbers(sum(at) / 2, after)


_RATE = Rule("generator on x^2", _variance_rate, _variance_rate_in_numbers)
