"""The Eyring-Kramers law in n dimensions, in terms of determinants."""

import sympy as sp

from eyring.theory.escape.eyring_kramers import general_law
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import learning_rate, loss_min, loss_saddle, temperature

__all__ = ["EyringKramers"]


class EyringKramers(Result):
    """tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/T}; every further direction is one more pair of Gaussian integrals."""

    name = "eyring-kramers"
    title = "Escape time over a saddle in several dimensions, white noise"
    chapter = "Escape"
    sources = ("bovier2004", "xie2021", "daizhu2018")
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Divide the population of the well by the flux over the saddle, integral by integral, in two dimensions."""
        high = Condition(greater((loss_saddle - loss_min) / temperature, sp.Integer(3)), "the barrier is high against the noise")
        return Formula(general_law(2, "next well"), "time", learning_rate, (high,), name=self.name)
