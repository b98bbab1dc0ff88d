"""Adam: how far it spreads in a well, and how long it takes to leave one, under noise in proportion to the Hessian."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.discrete import discrete_law
from eyring.theory.dynamics import Adam, MomentumSGD
from eyring.theory.dynamics.rmsprop import AVERAGE
from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula
from eyring.theory.landscapes import local
from eyring.theory.noise import Hessian
from eyring.theory.regime import Condition, greater, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    curvature,
    curvature_min,
    curvature_saddle,
    gradient_variance,
    learning_rate,
    loss_min,
    loss_saddle,
    momentum_decay,
    switch_fraction,
)

__all__ = ["AdamEscape", "AdamVariance"]

VARIANCE, STEP = sp.symbols("Sigma a", positive=True)


class AdamVariance(Result):
    """Sigma = (eta sqrt(C)/(2 H)) [1 + (eta H/(4 sqrt(C))) (1 - 3 beta_1)/(1 + beta_1)], for eps = 0 and 1 - beta_2 -> 0.

    The bracket has two parts: the running average sees the spread too, and momentum shortens the overshoot; they cancel at beta_1 = 1/3.
    """

    name = "adam-stationary-variance"
    title = "Stationary variance of Adam on a parabola, with its first correction in the learning rate"
    chapter = "Beyond the papers"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Take the exact law of averaged momentum at a held step size, let the average follow, and expand in eta."""
        eta, H, C, beta = learning_rate, curvature, gradient_variance, momentum_decay
        law = discrete_law(MomentumSGD(learning_rate=STEP, momentum=beta, dampening=beta), hessian=sp.Matrix([[H]]), covariance=sp.Matrix([[C]]))
        overshoot = (1 - beta) / (1 + beta)
        balance = 2 * H * VARIANCE * sp.sqrt(AVERAGE) - eta * (C + overshoot * H**2 * VARIANCE)
        leading = eta * sp.sqrt(C) / (2 * H)
        correction = eta * H / (4 * sp.sqrt(C)) * (1 - 3 * beta) / (1 + beta)
        derivation = (
            Derivation("stationary variance of Adam on a parabola")
            .follow(law.derivation)
            .claim(
                "multiplied out for the step eta/sqrt(v) at a held average v, this vanishes",
                balance,
                residual=lambda stated, matrix: sp.simplify(stated.subs(VARIANCE, matrix[0]).subs(STEP, eta / sp.sqrt(AVERAGE))),
                rule="insertion",
            )
            .cite(
                "a slow running average stays at its mean, <(H x + zeta)^2> = C + H^2 Sigma: both lines vanish",
                sp.ImmutableMatrix([balance, AVERAGE - C - H**2 * VARIANCE]),
                source="pavliotis2008",
                needs="1 - beta_2 is small against the relaxation in one step and against 1, eps is small against sqrt(C), the start is forgotten",
            )
            .claim("the solution through the second power of eta", leading * (1 + correction), residual=_second_order, rule="series in eta")
        )
        small = Condition(less(eta * H, sp.sqrt(C) / 2), "a step is small against the spread")
        return Formula(derivation, "length^2", eta, (small,), name=self.name)


def _second_order(stated: sp.Expr, lines: sp.MatrixBase) -> sp.Basic:
    """Insert the stated variance, and v from the second line; the first must then vanish through the second power of eta."""
    misfit = lines[0].subs(AVERAGE, AVERAGE - lines[1]).subs(VARIANCE, stated)
    return sp.Matrix([sp.simplify(sp.diff(misfit, learning_rate, k).subs(learning_rate, 0)) for k in range(3)])


class AdamEscape(Result):
    """tau = 2 pi/(sqrt(B) (H_a |H_b|)^(1/4)) exp[(2 sqrt(B) Delta L/eta)(s/sqrt(H_a) + (1 - s)/sqrt|H_b|)], in time eta per iteration.

    C = |H|/B frozen at the minimum and then at the saddle. Adam divides steps by sqrt(C), so that its noise is the same everywhere, D = eta/2 in any
    calculus, and its mobility is sqrt(B/|H|): a loss of curvatures sqrt(B H_a) and -sqrt(B |H_b|) is what it climbs. The running average must follow
    the walker, and be made of noise: L'^2 is small against C.
    """

    name = "adam-escape-time"
    title = "Escape time of Adam under noise in proportion to the Hessian"
    chapter = "Beyond the papers"
    sources = ("xie2022",)
    kind = "leading order"
    cited_at_most = 3
    published_note = (
        "The exponent is the published one (recalled). The prefactor recalled, (2 pi/|H_b|)(|H_b|/H_a)^(1/4), lacks the mobility at the saddle: "
        "published/derived = sqrt(B/|H_b|) in time eta per iteration."
    )

    def derive(self) -> Formula:
        """Derive the SDE from the update rule, then put what its drift descends, and its noise, into Kramers' formula."""
        loss = local()
        minimum, saddle = loss.critical_points
        sde = Adam(eps=0).sde(loss, Hessian())
        tau = escape_time(sde, start=minimum, over=saddle, event="next well", theory="kramers")
        prefactor = 2 * sp.pi / (sp.sqrt(batch_size) * sp.root(-curvature_min * curvature_saddle, 4))
        derivation = tau.derivation.claim("the mobilities are those of the curvatures, so they combine", prefactor * sp.exp(_exponent()))
        high = Condition(greater(_exponent(), sp.Integer(3)), "the barrier is high against the noise")
        return Formula(derivation, "time", learning_rate, (high, _noise_outweighs_slope()), name=self.name)

    def published(self) -> Formula:
        """State the recalled prefactor, (2 pi/|H_b|)(|H_b|/H_a)^(1/4), with the derived exponent."""
        recalled = 2 * sp.pi / -curvature_saddle * sp.root(-curvature_saddle / curvature_min, 4) * sp.exp(_exponent())
        statement = Derivation("Adam's escape time, as recalled").cite("Adam's escape time", recalled, source="xie2022")
        return Formula(statement, "time", learning_rate, note=self.published_note, name=self.name)


def _exponent() -> sp.Expr:
    share = switch_fraction / sp.sqrt(curvature_min) + (1 - switch_fraction) / sp.sqrt(-curvature_saddle)
    return 2 * sp.sqrt(batch_size) * (loss_saddle - loss_min) / learning_rate * share


def _noise_outweighs_slope() -> Condition:
    """Where two parabolas meet at c, L'^2 is at most 2 H_a s Delta L below and 2 |H_b| (1 - s) Delta L above: L'^2/C < 2 B Delta L throughout."""
    climbed = 2 * batch_size * (loss_saddle - loss_min)
    return Condition(less(climbed, sp.Rational(1, 5)), "the noise outweighs the slope on the way: L'^2 is small against C")
