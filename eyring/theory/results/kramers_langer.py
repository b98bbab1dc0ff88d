"""Escape with momentum at moderate to strong friction, in n dimensions."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.escape.kramers_langer import general_law
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import escape_curvature, friction, learning_rate, loss_min, loss_saddle, temperature

__all__ = ["KramersLanger"]

HIGH = Condition(greater((loss_saddle - loss_min) / temperature, sp.Integer(3)), "the barrier is high against the temperature")
FAST = Condition(greater(friction, sp.sqrt(-escape_curvature) / 2), "friction is not weak against the saddle's curvature")


class KramersLanger(Result):
    """tau = (2 pi/lambda_+) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/T}, lambda_+^2 + gamma lambda_+ = |lambda_b|.

    gamma = (1 - mu)/sqrt(eta), T = eta C/(2 (1 - mu)), time in units of sqrt(eta) an iteration for SGD with momentum.
    """

    name = "kramers-langer"
    title = "Escape time with momentum over a saddle in several dimensions"
    chapter = "Escape"
    sources = ("kramers1940", "langer1969")
    kind = "leading order"
    cited_at_most = 2
    published_note = (
        "A folk rule, not one paper's: momentum is SGD at eta/(1 - mu). It is this formula at strong friction, lambda_+ = |lambda_b|/gamma, and off "
        "by lambda_+ gamma/|lambda_b|, which is 1 - |lambda_b|/gamma^2 for gamma^2 >> |lambda_b|."
    )

    def derive(self) -> Formula:
        """Divide the population of the well in phase space by the flux along the unstable direction of the saddle."""
        return Formula(general_law(2, "next well"), "time", sp.sqrt(learning_rate), (HIGH, FAST), name=self.name)

    def published(self) -> Formula:
        """Let friction grow, and keep the leading power: the folk rule, the escape time of SGD at eta/(1 - mu)."""
        exact = self.derive()
        g, b = friction, -escape_curvature
        growth = 2 * b / (g + sp.sqrt(g**2 + 4 * b))
        derivation = Derivation("folk rule: momentum as plain SGD at eta/(1 - mu)").define("the law at any friction", exact.expression)
        derivation = derivation.claim(
            "at strong friction lambda_+ gamma -> |lambda_b|",
            exact.expression * growth * g / b,
            residual=lambda stated, before: sp.ImmutableMatrix(
                [sp.limit(sp.simplify(stated / before), g, sp.oo) - 1, sp.simplify(stated / g).diff(g)]
            ),
            rule="leading power at strong friction",
            needs="gamma^2 is large against |lambda_b|",
        )
        return Formula(derivation, "time", sp.sqrt(learning_rate), (HIGH,), name=self.name)
