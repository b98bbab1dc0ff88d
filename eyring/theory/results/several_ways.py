"""Rates that add: two ways out of one basin, and the relaxation between two wells."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.parallel import parallel_derivation
from eyring.theory.escape.two_wells import gap_derivation
from eyring.theory.escape.uniform_noise import uniform_mean_time
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    curvature_beyond,
    curvature_min,
    curvature_other_saddle,
    curvature_saddle,
    diffusion,
    learning_rate,
    loss_beyond,
    loss_min,
    loss_other_saddle,
    loss_saddle,
)

__all__ = ["ParallelPaths", "SpectralGap"]

HIGH = Condition(greater((loss_saddle - loss_min) / diffusion, sp.Integer(3)), "the barrier is high against the noise")

HIGH_TOO = Condition(greater((loss_saddle - loss_beyond) / diffusion, sp.Integer(3)), "the barrier is high against the noise on the way back")


class ParallelPaths(Result):
    """1/tau = 1/tau_b + 1/tau_d for the exits over the saddles b and d; between equal saddles tau is half of either."""

    name = "parallel-paths"
    title = "Escape from one basin over two saddles: the rates add"
    chapter = "Escape"
    sources = ("xie2021",)
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Derive Kramers' time for either saddle, and add the rates."""
        other = {loss_saddle: loss_other_saddle, curvature_saddle: curvature_other_saddle}
        high = Condition(greater((loss_other_saddle - loss_min) / diffusion, sp.Integer(3)), "the other barrier is high against the noise")
        derivation = parallel_derivation(_both(other, "the same over the saddle d"))
        return Formula(derivation, "time", learning_rate, (HIGH, high), name=self.name)


class SpectralGap(Result):
    """lambda_1 = 1/tau_a + 1/tau_c: the smallest non-zero eigenvalue of the Fokker-Planck operator of two wells a and c."""

    name = "spectral-gap"
    title = "Slowest relaxation rate of two wells: the escape rates there and back"
    chapter = "Escape"
    sources = ("daizhu2018", "daizhu2021")
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Derive Kramers' time from either well, and take the eigenvalue of the two-state master equation."""
        return Formula(gap_derivation(*_there_and_back()), "1/time", learning_rate, (HIGH, HIGH_TOO), name=self.name)


def _there_and_back() -> tuple[Derivation, Derivation]:
    return _both({loss_min: loss_beyond, curvature_min: curvature_beyond}, "the same from the minimum c")


def _both(other: dict[sp.Symbol, sp.Symbol], statement: str) -> tuple[Derivation, Derivation]:
    derivation, _ = uniform_mean_time("next well", 0)
    return derivation, derivation.apply(_RENAMED, statement, names=other)


def _rename(expression: sp.Expr, *, names: dict[sp.Symbol, sp.Symbol]) -> sp.Expr:
    return expression.xreplace(names)


def _renamed_back(before: sp.Expr, after: sp.Expr, *, names: dict[sp.Symbol, sp.Symbol]) -> bool:
    return agree_in_numbers(before, after.xreplace({new: old for old, new in names.items()}))


_RENAMED = Rule("other points of the same landscape", _rename, _renamed_back)
