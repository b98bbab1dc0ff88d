"""Weak friction: by how much longer the escape takes than Kramers' law of moderate friction says."""

import sympy as sp

from eyring.theory.escape.depopulation import depopulation
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import friction, learning_rate

__all__ = ["MelnikovMeshkov", "MelnikovMeshkovSingleExit"]

DAMPED = Condition(greater(friction, sp.Integer(0)), "there is friction", hard=True)


class MelnikovMeshkov(Result):
    """tau/tau_KramersLanger = Y(D_1 + D_2)/[Y(D_1) Y(D_2)], D_i = gamma S_i/T, S_i the action of the orbit at barrier energy on side i."""

    name = "melnikov-meshkov"
    title = "Slowing of the escape between two wells at weak friction"
    chapter = "Escape"
    sources = ("melnikov1986",)
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Solve the walk in energy; walkers come back from beyond the saddle."""
        return _ratio(self, single_exit=False)


class MelnikovMeshkovSingleExit(Result):
    """tau/tau_KramersLanger = 1/Y(D_1) where walkers never return: about 1/D_1 = T/(gamma S_1) at weak friction, 1 at strong."""

    name = "melnikov-meshkov-single-exit"
    title = "Slowing of the escape at weak friction, no return"
    chapter = "Escape"
    sources = ("melnikov1986",)
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Solve the walk in energy; walkers never come back."""
        return _ratio(self, single_exit=True)


def _ratio(result: Result, *, single_exit: bool) -> Formula:
    conditions = tuple(c for c in (DAMPED,) if c.relation != sp.true)
    return Formula(depopulation(single_exit=single_exit), "1", sp.sqrt(learning_rate), conditions, name=result.name)
