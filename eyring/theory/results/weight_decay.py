"""SGD with weight decay: its drift, and how far it spreads in a well, in continuous time and step by step."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.discrete import discrete_law
from eyring.theory.dynamics import WeightDecaySGD
from eyring.theory.dynamics.contract import PARAMETER
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature, gradient_variance, learning_rate, slope, weight_decay

__all__ = ["WeightDecayEquation", "WeightDecaySpread", "WeightDecayVariance"]


class WeightDecayEquation(Result):
    """d(theta) = -(L' + lambda theta) dt + sqrt(eta C) dW, Ito: drift and D = eta C/2 side by side, where the loss has slope g."""

    name = "weight-decay-sde"
    title = "SDE of SGD with weight decay: drift and D (side by side)"
    chapter = "Beyond the papers"
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step."""
        sde = WeightDecaySGD().sde(Landscape(slope * PARAMETER, [PARAMETER]), Covariance(gradient_variance))
        pair = sp.ImmutableMatrix([[sde.drift[0], sde.diffusion[0]]])
        derivation = (
            Derivation("SDE of SGD with weight decay")
            .follow(sde.derivation or Derivation(self.name))
            .claim(
                "drift and diffusion side by side",
                pair,
                residual=lambda stated, diffusion: sp.Matrix([stated[0] - sde.drift[0], stated[1] - diffusion[0]]).applyfunc(sp.expand),
                rule="insertion",
            )
        )
        return Formula(derivation, "length/time, length^2/time", sde.clock, name=self.name)


class WeightDecaySpread(Result):
    """Sigma = eta C/(2 (H + lambda)): weight decay adds to the curvature, and narrows flat wells the most."""

    name = "weight-decay-stationary-variance"
    title = "Stationary variance of SGD with weight decay, in continuous time"
    chapter = "Beyond the papers"
    kind = "leading order"

    def derive(self) -> Formula:
        """Balance drift and diffusion of the SDE."""
        x, variance = sp.Symbol("x", real=True), learning_rate * gradient_variance / (2 * (curvature + weight_decay))
        sde = WeightDecaySGD().sde(Landscape(curvature * x**2 / 2, [x]), Covariance(gradient_variance))
        derivation = (
            Derivation("stationary variance of SGD with weight decay")
            .follow(sde.derivation or Derivation(self.name))
            .claim(
                "the variance at which drift and diffusion balance",
                variance,
                residual=lambda stated, diffusion: sp.simplify(2 * sp.diff(sde.drift[0], x) * stated + 2 * diffusion[0]),
                rule="d<x^2>/dt = 0",
            )
        )
        small = Condition(less(learning_rate * (curvature + weight_decay), sp.Rational(1, 5)), "steps are small against the curvature")
        own_error = learning_rate * (curvature + weight_decay) / 2
        return Formula(derivation, "length^2", sde.clock, (small,), own_error, name=self.name)


class WeightDecayVariance(Result):
    """Sigma = eta C/((H + lambda)(2 - eta (H + lambda))), nothing taken as small."""

    name = "weight-decay-variance"
    title = "Stationary variance of SGD with weight decay on a parabola, at finite learning rate"
    chapter = "Beyond the papers"

    def derive(self) -> Formula:
        """Solve for the law that one step leaves as it is."""
        law = discrete_law(WeightDecaySGD(), hessian=sp.Matrix([[curvature]]), covariance=sp.Matrix([[gradient_variance]]))
        stiff = curvature + weight_decay
        derivation = law.derivation.claim(
            "its one entry",
            learning_rate * gradient_variance / (stiff * (2 - learning_rate * stiff)),
            residual=lambda stated, matrix: sp.simplify(stated - matrix[0]),
        )
        stable = Condition(less(learning_rate * stiff, sp.Integer(2)), "a step does not overshoot the minimum: SGD is stable", hard=True)
        return Formula(derivation, "length^2", learning_rate, (stable,), name=self.name)
