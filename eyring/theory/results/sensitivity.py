"""How the escape time answers to sharpness, and the slopes of the curves that Xie, Sato & Sugiyama draw."""

import sympy as sp

from eyring.theory.basins.local_escape import hessian_noise_time, loss_noise_time, white_noise_time
from eyring.theory.basins.two_minima import OTHER_NAMES
from eyring.theory.derivation import Residual
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.sensitivity import sensitivity
from eyring.theory.symbols import batch_size, curvature_min, curvature_saddle, learning_rate, loss_min, loss_saddle, scale, switch_fraction

__all__ = [
    "LossNoiseSharpness",
    "SGDSharpness",
    "SGDSharpnessLimit",
    "SlopeInBatchSize",
    "SlopeInInverseRate",
    "SlopeInInverseScale",
    "WhiteNoiseSharpness",
]

BARRIER = loss_saddle - loss_min
EFFORT = switch_fraction / curvature_min - (1 - switch_fraction) / curvature_saddle  # barrier over noise is 2 B Delta L/eta times this


class _Sensitivity(Result):
    """A slope of ln tau in one parameter, the others held fixed."""

    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2


class WhiteNoiseSharpness(_Sensitivity):
    """d ln tau/d ln H_a = -1/2 as T -> 0: polynomial in the sharpness of the minimum."""

    name = "white-noise-sharpness"
    title = "Sensitivity of the escape time to the minimum's curvature under white noise"
    sources = ("xie2021",)

    def derive(self) -> Formula:
        """Differentiate Kramers' formula."""
        return sensitivity(white_noise_time(), curvature_min)


class SGDSharpness(_Sensitivity):
    """d ln tau/d ln H_a = -1 - (2 B Delta L/eta) s/H_a: it grows without bound as eta/B -> 0."""

    name = "sgd-sharpness"
    title = "Sensitivity of the escape time to the minimum's curvature under SGD noise C = H/B"
    sources = ("xie2021",)
    published_note = "The published prefactor 2 pi/|H_b| has no H_a in it, and the -1 is missing: 0 instead."

    def derive(self) -> Formula:
        """Differentiate the formula for frozen Hessian noise."""
        return _stated(
            sensitivity(hessian_noise_time(), curvature_min), -1 - 2 * batch_size * BARRIER * switch_fraction / (learning_rate * curvature_min)
        )

    def published(self) -> Formula:
        """Differentiate the published form."""
        return sensitivity(hessian_noise_time(published=True), curvature_min)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The power of H_a in the prefactor is 1 - q."""
        own = self.derive().expression
        return {"stratonovich": own + sp.Rational(1, 2), "anti-ito": own + 1}


class LossNoiseSharpness(_Sensitivity):
    """d ln tau/d ln H_a = -1/2 - (B/(eta H_a)) ln(L_b/L_a) for C = 2 L(x) H_a/B."""

    name = "loss-noise-sharpness"
    title = "Sensitivity of the escape time to the minimum's curvature under noise in proportion to the loss"
    sources = ("mori2021",)

    def derive(self) -> Formula:
        """Differentiate the power law."""
        stated = -sp.Rational(1, 2) - batch_size / (learning_rate * curvature_min) * sp.log(loss_saddle / loss_min)
        return _stated(sensitivity(loss_noise_time(), curvature_min), stated)


class SGDSharpnessLimit(_Sensitivity):
    """(eta/B) d ln tau/d ln H_a -> -2 Delta L s/H_a as eta/B -> 0, where under white noise T d ln tau/d ln H_a -> 0.

    Exponential in the sharpness for SGD, polynomial for white noise: the headline of Xie, Sato & Sugiyama.
    """

    name = "exponential-in-sharpness"
    title = "Weak-noise limit of (eta/B) d ln tau/d ln H_a: zero under white noise, not so under SGD noise C = H/B"
    sources = ("xie2021",)

    def derive(self) -> Formula:
        """Multiply either sensitivity by the noise strength, let it go to zero, and take the difference."""
        ratio = sp.Symbol("w", positive=True)  # eta/B
        white, sgd = white_noise_time(), hessian_noise_time()
        by_noise = {learning_rate: ratio * batch_size}
        steps = (
            sensitivity(sgd, curvature_min)
            .derivation.apply(OTHER_NAMES, "write eta = w B, w the noise strength", names=by_noise)
            .claim("as w -> 0, times w", -2 * BARRIER * switch_fraction / curvature_min, residual=_limit_differs(ratio), rule="limit")
            .claim(
                "under white noise the same limit, T -> 0 times T, is zero: what is left is the difference",
                -2 * BARRIER * switch_fraction / curvature_min,
                residual=lambda stated, before: stated - before + sp.limit(ratio * sensitivity(white, curvature_min).expression, ratio, 0),
                rule="limit",
            )
        )
        return Formula(steps, "length^2", sp.Integer(1), name=self.name)


class _Slope(_Sensitivity):
    """-ln gamma = ln tau of SGD under Hessian noise, drawn over one quantity."""

    sources = ("xie2021",)


class SlopeInBatchSize(_Slope):
    """d(-ln gamma)/dB = (2 Delta L/eta)(s/H_a + (1 - s)/|H_b|)."""

    name = "slope-in-batch-size"
    title = "Slope of -ln gamma over the batch size, SGD noise C = H/B"

    def derive(self) -> Formula:
        """Differentiate ln tau by B."""
        return _stated(sensitivity(hessian_noise_time(), batch_size, against=batch_size), 2 * BARRIER / learning_rate * EFFORT)


class SlopeInInverseRate(_Slope):
    """d(-ln gamma)/d(1/eta) = 2 B Delta L (s/H_a + (1 - s)/|H_b|) + eta for a rate per iteration; without the eta per unit of time."""

    name = "slope-in-inverse-rate"
    title = "Slope of -ln gamma (per iteration) over 1/eta, SGD noise C = H/B"

    def derive(self) -> Formula:
        """Differentiate ln(tau/eta) by 1/eta."""
        counted = hessian_noise_time().per_iteration
        return _stated(sensitivity(counted, learning_rate, against=1 / learning_rate), 2 * batch_size * BARRIER * EFFORT + learning_rate)


class SlopeInInverseScale(_Slope):
    """d(-ln gamma)/d(1/k) = (2 B Delta L/eta)(s/H_a + (1 - s)/|H_b|) + k for L_k(x) = L(sqrt(k) x): a line only where the k is small against it."""

    name = "slope-in-inverse-scale"
    title = "Slope of -ln gamma over 1/k for the landscape L(sqrt(k) x), SGD noise C = H/B"

    def derive(self) -> Formula:
        """Scale both curvatures by k, differentiate ln tau by 1/k."""
        plain = hessian_noise_time()
        names = {curvature_min: scale * curvature_min, curvature_saddle: scale * curvature_saddle}
        scaled = plain.derivation.apply(OTHER_NAMES, "L_k(x) = L(sqrt(k) x) has k times the curvatures and the same barrier", names=names)
        formula = Formula(scaled, "time", learning_rate, plain.conditions)
        return _stated(sensitivity(formula, scale, against=1 / scale), 2 * batch_size * BARRIER / learning_rate * EFFORT + scale)


def _stated(formula: Formula, expression: sp.Expr) -> Formula:
    """Write a slope by barrier and curvatures."""
    return Formula(formula.derivation.claim("by barrier and curvatures", expression), formula.unit, formula.clock, formula.conditions)


def _limit_differs(noise: sp.Symbol) -> Residual:
    def residual(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
        return sp.simplify(sp.expand(noise * before).subs(noise, 0) - stated)

    return residual
