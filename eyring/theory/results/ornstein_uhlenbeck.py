"""The covariance of SGD about a minimum in continuous time: any noise, whether or not it commutes with the Hessian; and the current it drives."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics import SGD
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sde import SDE
from eyring.theory.stationary.lyapunov import solve_lyapunov
from eyring.theory.stationary.second_moments import stationary_moments
from eyring.theory.symbols import (
    batch_size,
    covariance_11,
    covariance_12,
    covariance_13,
    covariance_22,
    covariance_23,
    covariance_33,
    curvature_1,
    curvature_2,
    curvature_3,
    hessian_11,
    hessian_12,
    hessian_22,
    learning_rate,
)

__all__ = ["OUCovariance", "OUCovariance2D", "OUHessianNoise", "StationaryCurrent"]

COORDINATES = sp.symbols("x y z", real=True)
NOISE_2D = sp.ImmutableMatrix([[covariance_11, covariance_12], [covariance_12, covariance_22]])
NOISE_3D = sp.ImmutableMatrix(
    [[covariance_11, covariance_12, covariance_13], [covariance_12, covariance_22, covariance_23], [covariance_13, covariance_23, covariance_33]]
)
HESSIAN_2D = sp.ImmutableMatrix([[hessian_11, hessian_12], [hessian_12, hessian_22]])
DEFINITE = (
    Condition(greater(hessian_11, sp.Integer(0)), "the point is a minimum", hard=True),
    Condition(greater(hessian_11 * hessian_22, hessian_12**2), "the point is a minimum: the Hessian's determinant is positive", hard=True),
)


def quadratic_sgd(hessian: sp.MatrixBase, noise: sp.MatrixBase) -> SDE:
    """Return the SDE of SGD on L = x^T H x/2 with gradient noise of covariance C, from the update rule."""
    xs = COORDINATES[: hessian.rows]
    loss = Landscape((sp.Matrix(xs).T * hessian * sp.Matrix(xs))[0] / 2, xs)
    return SGD().sde(loss, Covariance(noise))


def covariance_of(hessian: sp.MatrixBase, noise: sp.MatrixBase) -> Derivation:
    """Derive the stationary covariance of SGD on a quadratic loss, from the update rule on."""
    sde = quadratic_sgd(hessian, noise)
    assert sde.derivation is not None  # it comes from the update rule
    return sde.derivation.follow(stationary_moments(sde))


class OUCovariance(Result):
    """S_ij = eta C_ij/(H_i + H_j) in the eigenbasis of the Hessian, in three dimensions."""

    name = "ou-covariance"
    title = "Stationary covariance of the SDE of SGD at a minimum, in the Hessian's eigenbasis"
    chapter = "Stationary laws"
    sources = ("mandt2017",)

    def derive(self) -> Formula:
        """Let the second moments of the SDE stand still."""
        hessian = sp.diag(curvature_1, curvature_2, curvature_3)
        return Formula(covariance_of(hessian, NOISE_3D), "length^2", learning_rate, name=self.name)


class OUCovariance2D(Result):
    """S = eta (det H C + adj H C adj H)/(2 Tr H det H): two dimensions, any Hessian and any noise, in entries."""

    name = "ou-covariance-2d"
    title = "Stationary covariance of the SDE of SGD at a minimum in two dimensions, noise and Hessian not commuting"
    chapter = "Stationary laws"

    def derive(self) -> Formula:
        """Let the second moments of the SDE stand still."""
        return Formula(covariance_of(HESSIAN_2D, NOISE_2D), "length^2", learning_rate, DEFINITE, name=self.name)


class OUHessianNoise(Result):
    """S = eta/(2 B) I for C = H/B: the same spread in every direction, whatever the Hessian."""

    name = "ou-covariance-hessian-noise"
    title = "Stationary covariance of the SDE of SGD under noise in proportion to the Hessian: isotropic"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017",)

    def derive(self) -> Formula:
        """Let the second moments of the SDE stand still, with C = H/B."""
        return Formula(covariance_of(HESSIAN_2D, HESSIAN_2D / batch_size), "length^2", learning_rate, DEFINITE, name=self.name)


class StationaryCurrent(Result):
    """(eta/2) C_12 (H_1 - H_2)/(H_1 + H_2): the area that the stationary current sweeps per unit time about a minimum."""

    name = "stationary-current"
    title = "Area swept per unit time by the stationary current of the SDE of SGD about a minimum"
    chapter = "Stationary laws"
    sources = ("chaudhari2018",)

    def derive(self) -> Formula:
        """Take the first moments of the probability flux; half their antisymmetric part is the area swept."""
        hessian = sp.diag(curvature_1, curvature_2)
        sde = quadratic_sgd(hessian, NOISE_2D)
        derivation = (
            covariance_of(hessian, NOISE_2D)
            .apply(_FLUX_MOMENTS, "the moments int x_i J_j dx of the flux J = f p - div(D p), by parts: -S H + D", sde=sde)
            .apply(_SWEPT, "half of the antisymmetric part: the area swept per unit time")
        )
        return Formula(derivation, "length^2/time", learning_rate, name=self.name)


def _flux_moments(covariance: sp.MatrixBase, *, sde: SDE) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(covariance * sde.drift.jacobian(list(sde.coordinates)).T + sde.diffusion).applyfunc(sp.factor)


def _gaussian_flux(covariance: sp.MatrixBase, moments: sp.MatrixBase, *, sde: SDE) -> bool:
    """With p Gaussian, J = p u and u = (f' + D S^-1) x: its moments are S (f' + D S^-1)^T, and a stationary current has no divergence."""
    speed = sde.drift.jacobian(list(sde.coordinates)) + sde.diffusion * sp.Matrix(covariance).inv()
    balanced = solve_lyapunov(2 * sde.diffusion, drift_matrix=-sde.drift.jacobian(list(sde.coordinates)))
    return agree_in_numbers(sp.ImmutableMatrix(covariance * speed.T), moments) and agree_in_numbers(balanced, covariance)


def _swept(moments: sp.MatrixBase) -> sp.Expr:
    return sp.factor((moments[0, 1] - moments[1, 0]) / 2)


def _swept_in_polar_angle(moments: sp.MatrixBase, area: sp.Expr) -> bool:
    """The symmetric part vanishes where nothing spreads or shrinks, so the area is the upper moment itself."""
    return agree_in_numbers(moments[0, 1], area) and agree_in_numbers(-moments[1, 0], area)


_FLUX_MOMENTS = Rule("moments of the flux", _flux_moments, _gaussian_flux)
_SWEPT = Rule("area swept", _swept, _swept_in_polar_angle)
