"""Where an escape law stops to hold: the friction of the turnover, and the learning rate at which the finite step is felt."""

import mpmath
import sympy as sp

from eyring.theory.basins.local_escape import white_noise_time
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.escape.depopulation import depopulation
from eyring.theory.formula import Formula
from eyring.theory.rare_events.finite_step import finite_step_conditions, finite_step_derivation
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    curvature_min,
    curvature_saddle,
    escape_curvature,
    friction,
    learning_rate,
    loss_min,
    loss_saddle,
    orbit_action_1,
    temperature,
    tolerated,
)

__all__ = ["FiniteStepRateLimit", "TurnoverFriction"]

RATE = sp.Symbol("lambda", positive=True)


class TurnoverFriction(Result):
    """gamma = omega_b/sqrt(u (1 + u)), u = S_1 omega_b/T, omega_b = sqrt|lambda_b|; T/S_1 at low temperature.

    Below it the escape is limited by how fast energy comes in, rate gamma S_1/T times that of transition-state theory; above it by how fast the
    saddle is crossed, lambda_+/omega_b times it. It is where these two laws cross, not where the rate itself turns: either is an upper bound,
    twice too large or so where they meet, and the rate is largest at a friction several times as large.
    """

    name = "turnover-friction"
    title = "Friction at which two leading laws of the escape with momentum cross: energy diffusion and Kramers-Langer"
    chapter = "What they mean"
    kind = "approximation"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Take either law over transition-state theory, and set them equal."""
        descent = sp.sqrt(-escape_curvature)
        u = orbit_action_1 * descent / temperature
        crossing = (friction + sp.sqrt(friction**2 - 4 * escape_curvature)) / (2 * descent)
        derivation = (
            _crossing(crossing)
            .follow(depopulation(single_exit=True))
            .apply(_WEAK, "at weak friction 1 - e^{-Delta w} is Delta w, and Y = Delta: energy diffusion", needs="gamma S_1 is small against T")
            .claim(
                "the two laws are equal where gamma is",
                descent / sp.sqrt(u * (1 + u)),
                residual=lambda stated, before: _apart((before - crossing).subs(friction, stated)),
                rule="insertion",
            )
        )
        conditions = (Condition(greater(u, sp.Integer(3)), "the orbit at barrier energy has an action large against T over the saddle's frequency"),)
        return Formula(derivation, "1/time", sp.sqrt(learning_rate), conditions, name=self.name)


class FiniteStepRateLimit(Result):
    """eta = 4 err/| |H_b| - H_a |: there the finite step changes the escape time by the fraction err, provided that eta^2 << T.

    The step lengthens the escape from a well flatter than the barrier's top, and shortens that from a sharper one. At lower temperatures, where
    (eta H_a)^2 (L_b - L_a) is not small against T, the step lowers the barrier itself, and a smaller eta already has that effect.
    """

    name = "finite-step-rate-limit"
    title = "Learning rate at which the finite step changes the escape time by a given fraction, white noise and eta^2 << T"
    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Divide the escape time of the chain by Kramers', and solve."""
        kramers = white_noise_time().expression
        excess = -learning_rate * (curvature_min + curvature_saddle) / 4
        derivation = (
            finite_step_derivation()
            .claim("over Kramers' time, less 1", excess, residual=lambda stated, before: sp.simplify(before / kramers - 1 - stated))
            .claim(
                "in size it is err where eta is",
                4 * tolerated / sp.Abs(curvature_min + curvature_saddle),
                residual=lambda stated, before: sp.simplify(before.subs(learning_rate, stated) ** 2 - tolerated**2),
                rule="insertion",
            )
        )
        different = Condition(
            sp.Ne(curvature_min, -curvature_saddle), "minimum and saddle are not equally sharp: else there is no such term", hard=True
        )
        small = finite_step_conditions(derivation.expression, temperature, curvature_min, loss_saddle - loss_min)
        return Formula(derivation, "length^2/loss", learning_rate, (different, *small), name=self.name)


def _crossing(stated: sp.Expr) -> Derivation:
    """Derive the Kramers-Langer time over that of transition-state theory."""
    motion = sp.ImmutableMatrix([[0, 1], [-escape_curvature, -friction]])
    growth = (sp.sqrt(friction**2 - 4 * escape_curvature) - friction) / 2
    return (
        Derivation("turnover of the escape rate")
        .define("at the saddle u' = v, v' = |lambda_b| u - gamma v", motion, rule="linear motion")
        .claim(
            "its growing mode has the rate lambda_+",
            growth,
            residual=lambda root, matrix: sp.expand((root * sp.eye(2) - matrix).det()),
            rule="characteristic polynomial",
        )
        .cite(
            "spatial diffusion: the escape takes sqrt|lambda_b|/lambda_+ times as long as transition-state theory says",
            sp.sqrt(-escape_curvature) / growth,
            source="langer1969",
            needs="friction keeps the well in equilibrium",
        )
        .claim("without a difference of roots", stated, residual=lambda line, before: sp.simplify(sp.radsimp(before - line)))
    )


def _weak(slowing: sp.Expr) -> sp.Expr:
    """Put Delta w for 1 - e^{-Delta w}; ln w/w integrates to zero, 1/w to pi."""
    (integral,) = slowing.atoms(sp.Integral)
    variable, *ends = integral.limits[0]
    exponent = next(iter(integral.function.atoms(sp.exp))).args[0]
    loss_per_orbit = sp.simplify(-exponent / (variable**2 + sp.Rational(1, 4)))
    weight = sp.integrate(1 / (variable**2 + sp.Rational(1, 4)), (variable, *ends)) / sp.pi
    return loss_per_orbit ** sp.simplify(-weight)


def _weak_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Integrate at ever weaker friction; what is left falls as its root."""
    values = {orbit_action_1: sp.Rational(7, 5), temperature: sp.Rational(3, 10)}
    (integral,) = before.atoms(sp.Integral)
    variable = integral.limits[0][0]
    offs = []
    for gamma in (sp.Rational(1, 10**6), sp.Rational(1, 10**8)):
        point = values | {friction: gamma}
        integrand = sp.lambdify(variable, integral.function.subs(point), "mpmath")
        with mpmath.workdps(25):
            area = sp.Float(mpmath.quad(integrand, [0, 1, *(10**k for k in range(1, 6)), mpmath.inf]), 20)
        offs.append(float(abs(before.subs(integral, area).subs(point) / after.subs(point) - 1)))
    return max(offs) < 1e-2 and abs(offs[0] / offs[1] - 10) < 0.5


def _apart(difference: sp.Expr) -> sp.Expr:
    """Write the difference of the two laws by u and omega_b, and take the roots of squares."""
    u, omega = sp.symbols("u omega", positive=True)
    by_action = difference.subs({temperature: orbit_action_1 * omega / u, escape_curvature: -(omega**2)}, simultaneous=True)
    rooted = by_action.replace(lambda e: isinstance(e, sp.Pow) and e.exp == sp.Rational(1, 2), lambda e: sp.sqrt(sp.factor(e.base)))
    return sp.simplify(rooted)


_WEAK = Rule("limit of weak friction", _weak, _weak_in_numbers)
