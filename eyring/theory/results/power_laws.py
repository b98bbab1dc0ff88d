"""Stationary laws of one coordinate under noise that depends on the place: zero flux, and the power laws of noise that grows with the loss."""

from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics import SGD
from eyring.theory.formula import Formula
from eyring.theory.noise import Loss
from eyring.theory.noise.label_noise import LabelNoise
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI, SDE
from eyring.theory.stationary import stationary
from eyring.theory.stationary.contract import stationarity
from eyring.theory.stationary.density_ratio import DENSITY_RATIO
from eyring.theory.symbols import (
    batch_size,
    curvature,
    diffusion_one,
    diffusion_other,
    distance,
    input_variance,
    label_std,
    learning_rate,
    loss_min,
    loss_saddle,
    noise_floor,
    noise_growth,
    phase_difference,
)

__all__ = ["LossNoiseLaw", "PowerLawDensity", "TailExponentSDE", "ZeroFluxLaw"]

X = sp.Symbol("x", real=True)
OTHERS = tuple(c for c in CALCULI if c != "ito")


class ZeroFluxLaw(Result):
    """p_A/p_B = (D_B/D_A) exp(-int_B^A L'/D) in Ito's calculus, for undetermined L and D > 0."""

    name = "zero-flux-law"
    title = "Stationary density of an Ito SDE in one dimension under any noise: two places compared"
    chapter = "Stationary laws"

    def derive(self) -> Formula:
        """Insert the density of zero flux in the Fokker-Planck equation, and compare two places."""
        return Formula(self._compared("ito"), "1", learning_rate, name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The power of D_B/D_A is 1 - q."""
        return {calculus: self._compared(calculus).expression for calculus in OTHERS}

    @staticmethod
    @cache
    def _compared(calculus: str) -> Derivation:
        L, D = sp.Function("L", real=True)(X), sp.Function("D", positive=True)(X)
        law = stationary(SDE(-sp.diff(L, X), D, [X], calculus))
        (exponent,) = law.density.atoms(sp.Integral)
        return law.derivation.apply(
            DENSITY_RATIO,
            "the density at A over that at B, with Phi_AB the integral of L'/D from B to A",
            here={exponent: -phase_difference, D: diffusion_one},
            there={exponent: sp.Integer(0), D: diffusion_other},
        )


class PowerLawDensity(Result):
    """p(rho)/p(0) = (1 + c_2 rho^2/c_0)^(-1 - H/(eta c_2)) for SGD on H x^2/2 with C = c_0 + c_2 x^2."""

    name = "power-law-density"
    title = "Stationary density of the Ito SDE of SGD on a parabola with noise c_0 + c_2 x^2"
    chapter = "Stationary laws"
    sources = ("meng2020",)
    published_note = (
        "Published: the power H/(eta c_2) without the 1 that Ito's calculus adds; it is the law of an anti-Ito flux, and falls off "
        "more slowly by one power of C."
    )

    def derive(self) -> Formula:
        """Insert the power law in the Fokker-Planck equation, and compare a place with the minimum."""
        return Formula(self._compared("ito"), "1", learning_rate, name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The 1 is 1 - q."""
        return {calculus: self._compared(calculus).expression for calculus in OTHERS}

    def published(self) -> Formula:
        """The same derivation with the drift read in the anti-Ito calculus."""
        return Formula(self._compared("anti-ito"), "1", learning_rate, name=self.name, note=self.published_note)

    @staticmethod
    @cache
    def _compared(calculus: str) -> Derivation:
        sde = SDE(-curvature * X, learning_rate * (noise_floor + noise_growth * X**2) / 2, [X], calculus, learning_rate)
        q = sde.calculus_weight
        power = q - 1 - curvature / (learning_rate * noise_growth)
        return (
            stationary(sde)
            .derivation.claim("as one power", (noise_floor + noise_growth * X**2) ** power, residual=stationarity(sde), rule="Fokker-Planck residual")
            .apply(DENSITY_RATIO, "the density at distance rho over that at the minimum", here={X: distance}, there={X: sp.Integer(0)})
            .claim("tidy", (1 + noise_growth * distance**2 / noise_floor) ** power, residual=_log_difference)
        )


class LossNoiseLaw(Result):
    """p ~ L^-(1 + B/(eta H)) for any loss L(x) > 0 with C = 2 H L(x)/B: two places compared."""

    name = "loss-noise-law"
    title = "Stationary density of the Ito SDE of SGD under noise in proportion to the loss: a power of the loss"
    chapter = "Stationary laws"
    sources = ("mori2021",)

    def derive(self) -> Formula:
        """Insert the power of the loss in the Fokker-Planck equation, and compare two places."""
        positive = Condition(greater(loss_min, sp.Integer(0)), "the loss is positive everywhere, so that the noise nowhere vanishes", hard=True)
        return Formula(self._compared("ito"), "1", learning_rate, (positive,), name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The 1 is 1 - q."""
        return {calculus: self._compared(calculus).expression for calculus in OTHERS}

    @staticmethod
    @cache
    def _compared(calculus: str) -> Derivation:
        loss = sp.Function("L", positive=True)(X)
        strength = learning_rate * curvature / batch_size
        sde = SDE(-sp.diff(loss, X), strength * loss, [X], calculus, learning_rate)
        return (
            stationary(sde, law="zero flux")
            .derivation.claim(
                "a power of the loss", loss ** (sde.calculus_weight - 1 - 1 / strength), residual=stationarity(sde), rule="Fokker-Planck residual"
            )
            .apply(DENSITY_RATIO, "the density at loss L_b over that at loss L_a", here={loss: loss_saddle}, there={loss: loss_min})
        )


class TailExponentSDE(Result):
    """beta = 1 + B/(eta a) in p ~ |w|^(-1 - beta): the SDE of linear regression with the exact noise of Gaussian inputs."""

    name = "tail-exponent-sde"
    title = "Tail exponent of the SDE of linear regression with Gaussian inputs"
    chapter = "Stationary laws"
    sources = ("ziyin2022", "mori2021")
    published_note = (
        "Published: 1 + 2 B/(eta a), from C = 2 L H/B, which leaves out the fourth moment of the inputs: nearly twice as large. "
        "The chain itself has neither exponent (kesten-moment)."
    )

    def derive(self) -> Formula:
        """Derive the SDE from the update rule and the exact covariance, insert its density, and read off the tail."""
        return self._formula("ito")

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The 1 is 1 - 2 q."""
        return {calculus: self._formula(calculus).expression for calculus in OTHERS}

    def published(self) -> Formula:
        """The same derivation with noise in proportion to the loss."""
        return self._formula("ito", decoupled=True)

    def _formula(self, calculus: str, *, decoupled: bool = False) -> Formula:
        exact = LabelNoise(input_variance, label_std**2)
        loss = exact.landscape([X])
        sde = SGD().sde(loss, Loss() if decoupled else exact)
        assert sde.derivation is not None  # it comes from the update rule
        law = stationary(sde.with_(calculus=calculus))
        derivation = sde.derivation.follow(law.derivation).apply(_TAIL, "minus one minus the slope of ln p against ln |w|, far out", coordinate=X)
        return Formula(derivation, "1", learning_rate, name=self.name, note=self.published_note if decoupled else "")


def _log_difference(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Compare logarithms, whose slopes in the distance and whose values at zero must agree."""
    rest = sp.expand_log(sp.log(stated / previous), force=True)
    return sp.simplify(sp.diff(rest, distance)) + sp.simplify(sp.expand_log(sp.log((stated / previous).subs(distance, 0)), force=True))


def _tail(density: sp.Expr, *, coordinate: sp.Symbol) -> sp.Expr:
    slope = sp.cancel(sp.together(sp.simplify(sp.diff(density, coordinate) * coordinate / density)))
    return sp.expand(-1 - sp.limit(slope, coordinate, sp.oo))


def _steepness_far_out(density: sp.Expr, exponent: sp.Expr, *, coordinate: sp.Symbol) -> bool:
    """Compare the densities at two distant places: their ratio is the power -1 - beta of the distances'."""
    near, far = sp.Integer(10) ** 30, 2 * sp.Integer(10) ** 30
    parameters = {s: sp.Rational(7 + i, 5) for i, s in enumerate(sorted(density.free_symbols - {coordinate}, key=str))}
    logs = [sp.log(density.subs(parameters).subs(coordinate, place)).evalf(60) for place in (near, far)]
    found = -1 - (logs[1] - logs[0]) / sp.log(2).evalf(60)
    return bool(abs(found - exponent.subs(parameters)) < 1e-15)


_TAIL = Rule("tail of the density", _tail, _steepness_far_out)
