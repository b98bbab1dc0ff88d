"""Kramers' escape time of white-noise gradient descent with the first correction of its finite step."""

from eyring.theory.formula import Formula
from eyring.theory.rare_events.finite_step import finite_step_conditions, finite_step_derivation
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature_min, learning_rate, loss_min, loss_saddle, temperature

__all__ = ["FiniteStepRate"]


class FiniteStepRate(Result):
    """tau = 2 pi/sqrt(H_a |H_b|) e^{(L_b - L_a)/T} [1 + (eta/4)(|H_b| - H_a)] for x' = x - eta L' + sqrt(2 T eta) xi."""

    name = "finite-step-rate"
    title = "Escape time of white-noise gradient descent, to first order in the step"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Match the moments of one step, and put the modified drift and diffusion into Laplace's formula."""
        conditions = finite_step_conditions(learning_rate, temperature, curvature_min, loss_saddle - loss_min)
        return Formula(finite_step_derivation(), "time", learning_rate, conditions, name=self.name)
