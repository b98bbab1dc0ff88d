"""The mean exit time under heavy-tailed noise: a power of its strength, with the width of the basin and not its height."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.rare_events.levy import levy_conditions, levy_exit_derivation
from eyring.theory.results.contract import Result
from eyring.theory.symbols import jump_scale, left_distance, right_distance, stability_index

__all__ = ["LevyExit"]


class LevyExit(Result):
    """tau = alpha/[eps^alpha c (d_1^-alpha + d_2^-alpha)], c = Gamma(1 + alpha) sin(pi alpha/2)/pi, E exp(iuL_t) = exp(-t |u|^alpha)."""

    name = "levy-exit"
    title = "Mean exit time under stable (heavy-tailed) noise"
    chapter = "Escape"
    sources = ("imkeller2006", "nguyen2019", "simsekli2019")
    kind = "leading order"
    cited_at_most = 1
    published_note = (
        "Imkeller & Pavlyukevich 2006 take jumps at the rate dy/|y|^(1 + alpha), that is c = 1; for noise with E exp(iuL_t) = exp(-t |u|^alpha) "
        "their time is too short by 1/c, 3.9 times at alpha = 0.7, 3.1 at 1, 3.3 at 1.5"
    )

    def derive(self) -> Formula:
        """Fix the jump measure by the characteristic function, and wait for the first jump that leads out."""
        conditions = levy_conditions(stability_index, jump_scale, left_distance, right_distance)
        return Formula(levy_exit_derivation(), "time", sp.Integer(1), conditions, name=self.name)

    def published(self) -> Formula:
        """Return the form with the jump measure dy/|y|^(1 + alpha)."""
        alpha = stability_index
        printed = alpha / (jump_scale**alpha * (left_distance**-alpha + right_distance**-alpha))
        derivation = Derivation("exit with jumps at the rate dy/|y|^(1 + alpha)").cite("in print", printed, source="imkeller2006")
        return Formula(derivation, "time", sp.Integer(1), name=self.name)
