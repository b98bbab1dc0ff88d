"""Kramers' escape time in one dimension: leading order, its two corrections, state-dependent noise, and the first visit to the saddle."""

import sympy as sp

from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.escape.uniform_noise import uniform_mean_time
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI
from eyring.theory.symbols import diffusion, diffusion_min, diffusion_saddle, learning_rate, loss_min, loss_saddle

__all__ = ["Kramers", "KramersFirstCorrection", "KramersSecondCorrection", "StateDependentKramers", "ToTheSaddle"]

BARRIER = loss_saddle - loss_min
HIGH = Condition(greater(BARRIER / diffusion, sp.Integer(3)), "the barrier is high against the noise")


class Kramers(Result):
    """tau = 2 pi e^{(L_b - L_a)/D}/sqrt(H_a |H_b|)."""

    name = "kramers"
    title = "Escape time over a barrier in one dimension, constant noise"
    chapter = "Escape"
    sources = ("kramers1940",)
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Expand the double integral for the mean time by Laplace's method."""
        return _uniform(self, "next well", 0)


class KramersFirstCorrection(Result):
    """tau = tau_Kramers (1 + c_1 D): the quartic and the squared cubic coefficient at minimum and saddle."""

    name = "kramers-first-correction"
    title = "Escape time in one dimension to first order in the noise"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Carry Laplace's expansion one power of D further."""
        return _uniform(self, "next well", 1)


class KramersSecondCorrection(Result):
    """tau = tau_Kramers (1 + c_1 D + c_2 D^2): derivatives up to the sixth at minimum and saddle."""

    name = "kramers-second-correction"
    title = "Escape time in one dimension to second order in the noise"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Carry Laplace's expansion two powers of D further."""
        return _uniform(self, "next well", 2)


class ToTheSaddle(Result):
    """tau_saddle = pi e^{(L_b - L_a)/D}/sqrt(H_a |H_b|): half of the escape time, with an error of order sqrt(D) where L'''_b is not zero."""

    name = "to-the-saddle"
    title = "Mean time of the first visit to the saddle: half of the escape time"
    chapter = "Escape"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Integrate over the near half of the saddle only."""
        return _uniform(self, "to the saddle", 0)


class StateDependentKramers(Result):
    """tau = 2 pi sqrt(D_b/D_a) e^E/sqrt(H_a |H_b|), E = int_a^b L'/D dx, in Ito's calculus; the root is (D_b/D_a)^(1/2 - q) in general."""

    name = "kramers-state-dependent"
    title = "Escape time under noise that depends on the place, in Ito's calculus"
    chapter = "Escape"
    sources = ("gardiner2009",)
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Expand the double integral for the mean time by Laplace's method, D(x) undetermined."""
        derivation, _ = general_mean_time(CALCULI["ito"], "next well", 0)
        conditions = (
            Condition(greater(EXPONENT, sp.Integer(3)), "the barrier is high against the noise on the way"),
            *(
                Condition(greater(D, sp.Integer(0)), f"there is noise at the {where}", hard=True)
                for D, where in ((diffusion_min, "minimum"), (diffusion_saddle, "saddle"))
            ),
        )
        return Formula(derivation, "time", learning_rate, tuple(c for c in conditions if c.relation != sp.true), name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """Derive the same in Stratonovich's and the anti-Ito calculus."""
        return {name: general_mean_time(q, "next well", 0)[0].expression for name, q in CALCULI.items() if name != "ito"}


def _uniform(result: Result, event: str, order: int) -> Formula:
    derivation, neglected = uniform_mean_time(event, order)
    return Formula(derivation, "time", learning_rate, (HIGH,), neglected, name=result.name)
