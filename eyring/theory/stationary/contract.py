"""What every stationary law promises: a density and the proof that the Fokker-Planck equation leaves it alone."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import sympy as sp

from eyring.theory.derivation import Derivation, Residual
from eyring.theory.fokker_planck import fokker_planck
from eyring.theory.regime import Condition
from eyring.theory.sde import SDE
from eyring.theory.stationary.log_density import polynomial_residual

__all__ = ["StationaryLaw", "StationaryTheory", "stationarity"]


@dataclass(frozen=True)
class StationaryLaw:
    """A stationary density, not normalised.

    Attributes:
        sde: The process.
        derivation: Its last line is the density.
        conditions: When it holds.
        covariance: The covariance matrix, where the law is Gaussian; else None.
        name: Which law it is.
    """

    sde: SDE
    derivation: Derivation
    conditions: tuple[Condition, ...] = ()
    covariance: sp.ImmutableMatrix | None = None
    name: str = ""

    def __post_init__(self) -> None:
        self.derivation.verify_last()

    @property
    def density(self) -> sp.Expr:
        """The density up to a constant factor, the last line of the derivation."""
        return self.derivation.expression

    @property
    def expression(self) -> sp.Expr:
        """The density up to a constant factor."""
        return self.density

    @property
    def residual(self) -> sp.Expr:
        """What the Fokker-Planck operator makes of it, relative to it: zero."""
        return stationarity(self.sde)(self.density, self.density)

    def latex(self, *, steps: bool = False) -> str:
        """Return the density as LaTeX; with ``steps`` the whole derivation."""
        from eyring.theory.writing.latex import derivation_latex, expression_latex

        return derivation_latex(self.derivation) if steps else "p \\propto " + expression_latex(self.density)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        d = self.derivation
        return f"p ~ {self.density}    [{self.name}; {len(d.steps)} steps, {len(d.cited)} cited; Fokker-Planck residual 0]"

    __repr__ = __str__


class StationaryTheory(ABC):
    """One road to a stationary law."""

    name: str
    speciality: int = 0  # of several laws that apply, the most special one is chosen

    @abstractmethod
    def objection(self, sde: SDE) -> str | None:
        """Say why the law does not apply to the SDE; None if it does."""

    @abstractmethod
    def derive(self, sde: SDE) -> StationaryLaw:
        """Derive the law."""


def stationarity(sde: SDE) -> Residual:
    """Return the check of a claimed density: the residual of the Fokker-Planck equation, which must vanish."""

    def residual(density: sp.Basic, previous: sp.Basic) -> sp.Basic:
        rest = polynomial_residual(sde, density)
        return fokker_planck(sde).residual(density) if rest is None else rest

    return residual
