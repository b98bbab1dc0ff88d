"""Escape times by the transport of the prefactor along the most likely way: one dimension, and a valley with noise of two strengths."""

import sympy as sp

from eyring.theory.formula import Formula
from eyring.theory.rare_events.prefactor_line import along_a_line
from eyring.theory.rare_events.prefactor_valley import between_walls
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI
from eyring.theory.symbols import covariance_11, learning_rate, loss_min, loss_saddle, noise_exponent

__all__ = ["PrefactorByTransport", "ValleyPrefactor"]


class PrefactorByTransport(Result):
    """tau = 2 pi sqrt(D_b/D_a) e^E/sqrt(H_a |H_b|) in Ito's calculus, from K ~ 1/D: what the transport of n dimensions gives in one."""

    name = "prefactor-by-transport"
    title = "Escape time under noise that depends on the place, by the transport of the prefactor along the way uphill"
    chapter = "Beyond the papers"
    sources = ("bouchet2016",)
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Insert K exp(-W) in the Fokker-Planck equation, and divide population by flux."""
        high = Condition(greater(noise_exponent, sp.Integer(3)), "the barrier is high against the noise on the way")
        return Formula(along_a_line(CALCULI["ito"]), "time", learning_rate, (high,), name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The same in Stratonovich's and the anti-Ito calculus: K ~ D^(q - 1)."""
        return {name: along_a_line(q).expression for name, q in CALCULI.items() if name != "ito"}


class ValleyPrefactor(Result):
    """tau = 2 pi (k_b/k_a)^(C_22/(2 C_11)) e^{2 (L_b - L_a)/(eta C_11)}/sqrt(H_a |H_b|): SGD along a valley of curvature k(x) across.

    With equal noise the power is 1/2, that of Eyring and Kramers; noise across the valley that is C_22/C_11 times stronger counts the narrowing
    of the valley as many times more. For SGD with C ~ H the walls are the noisier the steeper they are.
    """

    name = "valley-prefactor"
    title = "Escape time of SGD along a narrow valley that widens or narrows, with different noise along and across"
    chapter = "Beyond the papers"
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Insert K exp(-W) in the Fokker-Planck equation of the plane, in powers of the curvature across."""
        barrier = 2 * (loss_saddle - loss_min) / (learning_rate * covariance_11)
        high = Condition(greater(barrier, sp.Integer(3)), "the barrier is high against the noise along the valley")
        return Formula(between_walls(), "time", learning_rate, (high,), name=self.name)
