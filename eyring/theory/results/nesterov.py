"""The stationary variance of Nesterov's accelerated gradient on a parabola, at finite learning rate."""

import sympy as sp

from eyring.theory.discrete import discrete_law
from eyring.theory.dynamics import Nesterov
from eyring.theory.dynamics.contract import stable_curvature
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature, gradient_variance, learning_rate

__all__ = ["NesterovVariance"]


class NesterovVariance(Result):
    """The variance of the points at which Nesterov takes its gradients; stable for eta H < 2 (1 + mu)/(1 + 2 mu), where it diverges."""

    name = "nesterov-discrete-variance"
    title = "Stationary variance of Nesterov momentum on a parabola, at finite learning rate"
    chapter = "Beyond the papers"

    def derive(self) -> Formula:
        """Solve for the joint law of parameter and velocity that one step leaves as it is."""
        law = discrete_law(Nesterov(), hessian=sp.Matrix([[curvature]]), covariance=sp.Matrix([[gradient_variance]]))
        derivation = law.derivation.claim(
            "its one entry, in factors", sp.factor(law.expression[0]), residual=lambda stated, matrix: sp.simplify(stated - matrix[0])
        )
        limit = stable_curvature(Nesterov())
        assert limit is not None  # an eigenvalue passes -1
        stable = Condition(less(curvature, limit), "a step does not overshoot the minimum: Nesterov's rule is stable", hard=True)
        return Formula(derivation, "length^2", learning_rate, (stable,), name=self.name)
