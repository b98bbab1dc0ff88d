"""The barrier of white-noise gradient descent at a finite step, in the limit of weak noise."""

from eyring.theory.formula import Formula
from eyring.theory.rare_events.discrete_barrier import discrete_barrier_derivation
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature_min, learning_rate

__all__ = ["DiscreteBarrier"]


class DiscreteBarrier(Result):
    """T ln(tau) -> L_b - L_a - (eta^2/6) int_a^b L' L''^2 dx as T -> 0 at a fixed step; no term of first order."""

    name = "discrete-barrier"
    title = "Barrier of white-noise gradient descent at a finite step"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Expand the least action of the chain in the step."""
        stable = Condition(less(learning_rate * curvature_min, 2), "a step does not overshoot the minimum", hard=True)
        return Formula(discrete_barrier_derivation(), "loss", learning_rate, (stable,), name=self.name)
