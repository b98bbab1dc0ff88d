"""Escape under noise in proportion to the loss: a power of the losses in place of an exponential."""

import sympy as sp

from eyring.theory.dynamics.sgd import SGD
from eyring.theory.escape import escape_time
from eyring.theory.escape.power_law import power_law
from eyring.theory.formula import Formula
from eyring.theory.landscapes import local
from eyring.theory.noise.loss import Loss
from eyring.theory.regime import Condition, greater, less
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI
from eyring.theory.symbols import batch_size, curvature, learning_rate, loss_min, parameter_count

__all__ = ["MoriInManyDimensions", "MoriInOneDimension"]


class MoriInOneDimension(Result):
    """tau = 2 pi/sqrt(H_a |H_b|) (L_b/L_a)^(1/2 + B/(eta H_a)) for SGD with C = 2 L(x) H_a/B."""

    name = "mori-1d"
    title = "Power-law escape under noise in proportion to the loss, one dimension"
    chapter = "Escape"
    sources = ("mori2021",)
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Derive the SDE from the update rule, then Kramers' formula, then the power."""
        return _in_calculus("ito")

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """Derive the same with the noise read in the other two calculi."""
        return {name: _in_calculus(name).expression for name in CALCULI if name != "ito"}


class MoriInManyDimensions(Result):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) (L_b/L_a)^(B/(eta h) + 1 - n/2) for D = (eta h/B) L(theta) I, n < 2 (B/(eta h) + 1)."""

    name = "mori-nd"
    title = "Power-law escape under noise in proportion to the loss, n dimensions"
    chapter = "Escape"
    sources = ("mori2021",)
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Change the clock to that of the loss, where the noise is white on ln L."""
        strength = learning_rate * curvature / batch_size
        held = Condition(less(parameter_count, 2 / strength + 2), "walkers are held: L^-(1 + B/(eta h)) is normalisable at the minimum", hard=True)
        noise = Condition(greater(loss_min, sp.Integer(0)), "there is noise at the minimum", hard=True)
        derivation = power_law(parameter_count, strength, "next well")
        return Formula(derivation, "time", learning_rate, (held, noise), name=self.name)


def _in_calculus(calculus: str) -> Formula:
    loss = local()
    a, b = loss.critical_points
    sde = SGD().sde(loss, Loss()).with_(calculus=calculus)
    return escape_time(sde, start=a, over=b, event="next well", theory="mori")
