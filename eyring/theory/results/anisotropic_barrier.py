"""The exponent of the escape along a narrow valley when the noise differs from direction to direction."""

from eyring.theory.formula import Formula
from eyring.theory.rare_events.valley import straight_valley
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import learning_rate

__all__ = ["AnisotropicBarrier"]


class AnisotropicBarrier(Result):
    """ln(tau) ~ (L_b - L_a)/(e^T D e), D = eta C/2, e along the valley y = m x: the noise across it does not count."""

    name = "anisotropic-barrier"
    title = "Exponent of the escape along a narrow valley with anisotropic noise"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Eliminate the fast direction across the valley from the Hamilton-Jacobi equation."""
        derivation = straight_valley()
        high = Condition(greater(derivation.expression, 3), "the barrier is high against the noise along the valley")
        return Formula(derivation, "1", learning_rate, (high,), name=self.name)
