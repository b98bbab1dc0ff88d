"""How the skewness and the kurtosis of real gradients change the exponent of SGD's escape time."""

from eyring.theory.formula import Formula
from eyring.theory.rare_events.large_deviations import cumulant_exponent_derivation, gentle_slope
from eyring.theory.results.contract import Result
from eyring.theory.symbols import gradient_std, learning_rate

__all__ = ["CumulantExponent"]


class CumulantExponent(Result):
    """ln(tau) ~ (B/eta) [2 (L_b - L_a)/sigma^2 + 4 kappa_3 A_2/(3 sigma^3) + (16 kappa_3^2 - 6 kappa_4) A_3/(9 sigma^4)], A_k = int_a^b L'^k dx."""

    name = "cumulant-exponent"
    title = "Exponent of SGD's escape time with skewed gradients, in powers of slope over noise"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Expand the root of the samples' own cumulant function in the slope, and integrate it along the way out."""
        return Formula(cumulant_exponent_derivation(), "1", learning_rate, (gentle_slope(gradient_std),), name=self.name)
