"""The second-order modified equations of SGD and of momentum: what one more order of the step adds to drift and diffusion."""

import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.formula import Formula
from eyring.theory.local_loss import on_a_line, on_a_plane, plane_noise
from eyring.theory.matching.modified_equation import modified_equation
from eyring.theory.noise import Covariance
from eyring.theory.results.contract import Result
from eyring.theory.sde import SDE
from eyring.theory.symbols import gradient_variance, velocity_here

__all__ = ["MomentumSecondOrder", "SGDSecondOrder", "at_the_point"]

RIGHT = "averages at a time of order 1 are right to O(eta^2); the stationary variance, itself of order eta, is not: see sgd-variance-errors"


class SGDSecondOrder(Result):
    """d(theta) = -grad(L + eta/4 |grad L|^2) dt + sqrt(eta C) dW, for any C(theta): weak order 2."""

    name = "sgd-sde-second-order"
    title = "SDE of SGD, second order: drift -(1 + eta H/2) grad L and D = eta C/2 (columns), at one point of the plane"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Match the generating function of one step through eta^2."""
        return at_the_point(modified_equation(SGD(), on_a_plane(), plane_noise()), self.name, note=RIGHT)


class MomentumSecondOrder(Result):
    """The phase space of heavy ball through one more order of sqrt(eta), friction held fixed: the position feels force and friction, too."""

    name = "momentum-second-order"
    title = "SDE of heavy-ball SGD, second order: drift of position and velocity and the diffusion matrix (columns), at one point"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Match the generating function of one step through the second power of sqrt(eta)."""
        sde = modified_equation(MomentumSGD(), on_a_line(), Covariance(gradient_variance))
        return at_the_point(sde, self.name, note="weak order 2 in the clock sqrt(eta) at fixed friction, that is to O(eta)")


def at_the_point(sde: SDE, name: str, *, note: str = "") -> Formula:
    """Return [drift | diffusion] of a second-order equation at the origin, where the derivatives of the loss are symbols."""
    assert sde.derivation is not None  # every derived equation has one
    here = dict.fromkeys(sde.coordinates, sp.Integer(0))
    here |= {c: velocity_here for c in sde.coordinates if c.name.startswith("v_")}
    derivation = sde.derivation.apply(_HERE, "at the point", place=here)
    return Formula(derivation, "length/time, length^2/time", sde.clock, note=note, name=name)


def _here(columns: sp.MatrixBase, *, place: dict[sp.Symbol, sp.Expr]) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(columns.subs(place)).applyfunc(sp.factor)


def _is_here(columns: sp.MatrixBase, after: sp.MatrixBase, *, place: dict[sp.Symbol, sp.Expr]) -> bool:
    return (sp.Matrix(columns.subs(place)) - sp.Matrix(after)).applyfunc(sp.expand).is_zero_matrix is True


_HERE = Rule("insertion", _here, _is_here)
