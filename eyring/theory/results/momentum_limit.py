"""Momentum in continuous time: friction and temperature of heavy ball, dampened and Nesterov's too, and the effective rate under strong friction."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics import MomentumSGD
from eyring.theory.formula import Formula
from eyring.theory.kinetic import kinetic_form
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.sde import SDE
from eyring.theory.symbols import curvature, dampening, exact_number, friction, gradient_variance, learning_rate, momentum

__all__ = ["Dampening", "MomentumOverdamped", "MomentumPhaseSpace", "Nesterov"]

SMALL = sp.Symbol("epsilon", positive=True)  # multiplies the curvature
X = sp.Symbol("x", real=True)
WELL = Landscape(curvature * X**2 / 2, [X])


class MomentumPhaseSpace(Result):
    """dx = v dt, dv = -gamma v dt - L' dt + sqrt(2 gamma T) dW, gamma = (1 - mu)/sqrt(eta), T = eta C/(2 (1 - mu)); one iteration lasts sqrt(eta)."""

    name = "momentum-phase-space"
    title = "Heavy ball in phase space: friction and temperature"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019", "mandt2017")
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step in position and velocity."""
        return _friction_and_temperature(MomentumSGD(), self.name)


class Dampening(Result):
    """torch's dampening d replaces eta by eta (1 - d): gamma = (1 - mu)/sqrt(eta (1 - d)), T = eta (1 - d) C/(2 (1 - mu))."""

    name = "dampening"
    title = "Heavy ball with dampening, as in torch: friction and temperature"
    chapter = "From algorithm to SDE"
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step of the dampened rule."""
        return _friction_and_temperature(MomentumSGD(dampening=dampening), self.name)


class Nesterov(Result):
    """Nesterov's step along g + mu m has the friction and the temperature of heavy ball; the two differ from the second order on."""

    name = "nesterov"
    title = "Nesterov momentum, as in torch: friction and temperature, those of heavy ball"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step of Nesterov's rule."""
        return _friction_and_temperature(MomentumSGD(nesterov=True), self.name)


class MomentumOverdamped(Result):
    """In a well of curvature H the position relaxes as under SGD at learning rate eta/(1 - mu), if gamma^2 >> H; relative correction H/gamma^2."""

    name = "momentum-overdamped"
    title = "Effective learning rate of heavy ball when friction is strong"
    chapter = "From algorithm to SDE"
    sources = ("mandt2017",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Take the slow root of the phase-space equation in a well, to leading order in H/gamma^2, and count it in iterations."""
        sde = MomentumSGD().sde(WELL, Covariance(gradient_variance))
        kinetic = kinetic_form(sde)
        assert kinetic is not None  # momentum is a particle with friction
        s = sp.Symbol("s", real=True)
        H, gamma = curvature, friction
        slow = (gamma - sp.sqrt(gamma**2 - 4 * SMALL * H)) / 2
        derivation = (
            Derivation("effective learning rate of heavy ball")
            .follow(sde.derivation or Derivation(self.name))
            .claim(
                "a deviation exp(-s t) from the minimum solves the drift equation if",
                s**2 - gamma * s + SMALL * H,
                residual=lambda stated, _: sp.simplify(
                    stated.subs({gamma: kinetic.friction, SMALL: 1}) - (sde.drift.jacobian(list(sde.coordinates)) + s * sp.eye(2)).det()
                ),
                rule="determinant of the drift matrix",
            )
            .claim("the slow one of the two rates", slow, residual=lambda stated, before: sp.expand(before.subs(s, stated)), rule="insertion")
            .apply(_WEAK_WELL, "strong friction", needs="gamma^2 >> H")
            .apply(_PER_CURVATURE, "rate of decay per iteration and unit of curvature", factor=sde.clock / H, friction_is=kinetic.friction)
            .claim("that is", learning_rate / (1 - momentum))
        )
        strong = Condition(less(4 * learning_rate * H, (1 - momentum) ** 2), "friction is strong enough that the walker creeps and does not swing")
        return Formula(derivation, "length^2/loss", learning_rate, (strong,), learning_rate * H / (1 - momentum) ** 2, name=self.name)


def _friction_and_temperature(dynamics: MomentumSGD, name: str) -> Formula:
    sde = dynamics.sde(WELL, Covariance(gradient_variance))
    step = learning_rate * (1 - exact_number(dynamics.dampening))
    pair = sp.ImmutableMatrix([(1 - momentum) / sp.sqrt(step), step * gradient_variance / (2 * (1 - momentum))])
    derivation = (
        Derivation(f"phase space of {name}")
        .follow(sde.derivation or Derivation(name))
        .claim(
            "friction, and the temperature that makes the diffusion of the velocity friction times temperature",
            pair,
            residual=lambda stated, diffusion: _misfit(sde, stated, diffusion),
            rule="comparison with dv = -gamma v dt - L' dt + sqrt(2 gamma T) dW",
        )
    )
    return Formula(derivation, "1/time, loss", sde.clock, name=name)


def _misfit(sde: SDE, pair: sp.MatrixBase, diffusion: sp.MatrixBase) -> sp.Matrix:
    """Return what is left of dv + gamma v + L', of D_vv - gamma T, and of the noise of the position."""
    velocity = sde.coordinates[1]
    gamma, temperature = pair
    push = sde.drift[1] + gamma * velocity + WELL.gradient[0]
    return sp.Matrix([push, diffusion[1, 1] - gamma * temperature, sde.drift[0] - velocity, diffusion[0, 0]]).applyfunc(sp.simplify)


def _leading(expression: sp.Expr) -> sp.Expr:
    return sp.diff(expression, SMALL).subs(SMALL, 0) + expression.subs(SMALL, 0)


def _leading_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Divide by a tiny curvature: what is left out must be of its order."""
    tiny = sp.Rational(1, 10**16)
    return agree_in_numbers(before.subs(SMALL, tiny) / tiny, after, tolerance=1e-12)


def _converted(rate: sp.Expr, *, factor: sp.Expr, friction_is: sp.Expr) -> sp.Expr:
    return sp.cancel((rate * factor).subs(friction, friction_is))


def _conversion_in_numbers(before: sp.Expr, after: sp.Expr, *, factor: sp.Expr, friction_is: sp.Expr) -> bool:
    return agree_in_numbers(before.subs(friction, friction_is), after / factor)


_WEAK_WELL = Rule("leading order in H/gamma^2", _leading, _leading_in_numbers)
_PER_CURVATURE = Rule("clock", _converted, _conversion_in_numbers)
