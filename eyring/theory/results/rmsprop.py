"""How far RMSprop spreads in a well: the spread feeds back on the running average that sets the step."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.dynamics.rmsprop import AVERAGE
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import average_decay, curvature, gradient_variance, learning_rate

__all__ = ["RMSpropVariance"]

VARIANCE = sp.Symbol("Sigma", positive=True)


class RMSpropVariance(Result):
    """Sigma = (eta/(2 H)) (sqrt(C + (eta H/4)^2) + eta H/4) for eps = 0 and 1 - beta_2 -> 0, at any learning rate: no step size is unstable."""

    name = "rmsprop-stationary-variance"
    title = "Stationary variance of RMSprop on a parabola, at finite learning rate, for a slow running average"
    chapter = "Beyond the papers"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Balance the variance over a step with the average held, and the average against the variance; solve both."""
        eta, H, C = learning_rate, curvature, gradient_variance
        step = eta / sp.sqrt(AVERAGE)
        balance = VARIANCE - (1 - step * H) ** 2 * VARIANCE - step**2 * C
        takes_in = AVERAGE - (C + H**2 * VARIANCE)
        root = eta * H / 4 + sp.sqrt(C + (eta * H / 4) ** 2)
        derivation = (
            Derivation("stationary variance of RMSprop on a parabola")
            .define(
                "one step x' = x - eta (H x + zeta)/sqrt(v) at a held average v leaves the variance as it is",
                balance,
                rule="moments of the update rule",
            )
            .cite(
                "a slow running average stays at its mean, <(H x + zeta)^2> = C + H^2 Sigma: both lines vanish",
                sp.ImmutableMatrix([balance, takes_in]),
                source="pavliotis2008",
                needs="1 - beta_2 is small against the relaxation in one step and against 1, and eps is small against sqrt(C)",
            )
            .claim(
                "solve for Sigma and v",
                sp.ImmutableMatrix([eta * root / (2 * H), root**2]),
                residual=lambda stated, lines: lines.subs({VARIANCE: stated[0], AVERAGE: stated[1]}).applyfunc(sp.simplify),
                rule="insertion",
            )
            .claim("the variance", eta * root / (2 * H), residual=lambda stated, pair: sp.simplify(stated - pair[0]))
        )
        slow = Condition(less(1 - average_decay, sp.Rational(1, 20)), "the running average remembers many steps")
        return Formula(derivation, "length^2", learning_rate, (slow,), name=self.name)
