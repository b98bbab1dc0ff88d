"""Which of two minima SGD is found at: the ratio of their basins' weights, under constant and under varying noise, and where the flatter one wins."""

import sympy as sp

from eyring.theory.basins.ratio import constant_noise_ratio, varying_noise_ratio
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI
from eyring.theory.symbols import (
    batch_size,
    curvature_one,
    curvature_other,
    det_one,
    det_other,
    diffusion_one,
    diffusion_other,
    gradient_std,
    learning_rate,
    loss_one,
    loss_other,
    temperature,
)

__all__ = ["BasinRatio", "BasinRatioVaryingNoise", "FlatBasinCrossover"]

NOISE = learning_rate * gradient_std**2 / (2 * batch_size)  # eta C/2 for C = sigma^2 I/B
DIMENSIONS = 2  # in which the determinant is written out on the way


class BasinRatio(Result):
    """P_A/P_B = sqrt(det H_B/det H_A) exp(2 B (L_B - L_A)/(eta sigma^2)) for C = sigma^2 I/B."""

    name = "basin-ratio"
    title = "Probability of one basin over another's under isotropic noise"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017", "daizhu2018")
    kind = "leading order"
    published_note = (
        "Published (Theorem 2): the same with n = eta sigma^2/(2 S); but the text below it writes n_A = eta sigma^2/S, twice that, "
        "which halves the exponent. This is the form with the text's n_A."
    )

    def derive(self) -> Formula:
        """Do the Gaussian integrals over both bottoms, and insert the noise of SGD."""
        return Formula(self._with_noise(NOISE), "1", learning_rate, name=self.name)

    def published(self) -> Formula:
        """The same with the n_A of the published text."""
        return Formula(self._with_noise(2 * NOISE), "1", learning_rate, name=self.name, note=self.published_note)

    @staticmethod
    def _with_noise(noise: sp.Expr) -> Derivation:
        return constant_noise_ratio(DIMENSIONS).apply(_INSERT_NOISE, "insert the noise of SGD", noise=noise)


class BasinRatioVaryingNoise(Result):
    """P_A/P_B = sqrt(D_B H_B/(D_A H_A)) exp(-int_B^A L'/D) in one dimension and Ito's calculus, for any noise D(x) > 0."""

    name = "basin-ratio-varying-noise"
    title = "Probability of one basin over another's under noise that varies from place to place"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017",)
    kind = "leading order"
    published_note = (
        "Published (Theorem 2, n_A != n_B): sqrt(D_A H_B/(D_B H_A)) exp(L_B/D_B - L_A/D_A). It ignores the way between the minima, changes when a "
        "constant is added to the loss, and has the square root of D_A/D_B upside down; for x^4/4 - x^2/2 and D = 0.05 (1 + 0.1 tanh x) "
        "it is 0.5017 where the exact ratio is 0.583732."
    )

    def derive(self) -> Formula:
        """Expand both weights of the law of zero flux."""
        return Formula(varying_noise_ratio(CALCULI["ito"]), "1", learning_rate, name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """The power of D_A/D_B is q - 1/2."""
        return {c: varying_noise_ratio(q).expression for c, q in CALCULI.items() if c != "ito"}

    def published(self) -> Formula:
        """Each basin as if the noise at its minimum ruled everywhere, as in print."""
        weight = sp.sqrt(2 * sp.pi * diffusion_one / curvature_one) * sp.exp(-loss_one / diffusion_one)
        other = {loss_one: loss_other, curvature_one: curvature_other, diffusion_one: diffusion_other}
        derivation = (
            Derivation("published basin probability")
            .cite("the weight of basin A in print (Theorem 2)", weight, source="jastrzebski2017")
            .claim(
                "divide by that of basin B",
                weight / weight.subs(other, simultaneous=True),
                residual=lambda r, w: r * w.subs(other, simultaneous=True) - w,
            )
        )
        return Formula(derivation, "1", learning_rate, name=self.name, note=self.published_note)


class FlatBasinCrossover(Result):
    """T* = 2 (L_A - L_B)/ln(det H_B/det H_A): above this noise strength the flatter but higher basin A is found more often."""

    name = "flat-basin-crossover"
    title = "Noise strength above which a flatter but higher basin is preferred"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Solve P_A = P_B for the noise strength."""
        derivation = (
            constant_noise_ratio(DIMENSIONS)
            .apply(_LOG, "its logarithm, which is 0 where both are found equally often")
            .claim(
                "the noise strength at which it is",
                2 * (loss_one - loss_other) / sp.log(det_other / det_one),
                residual=lambda stated, log: sp.simplify(sp.expand_log(log.subs(temperature, stated), force=True)),
                rule="insertion",
            )
        )
        conditions = (
            Condition(greater(loss_one, loss_other), "basin A is the higher one", hard=True),
            Condition(greater(det_other, det_one), "basin A is the flatter one", hard=True),
        )
        return Formula(derivation, "loss", learning_rate, conditions, name=self.name)


def _insert_noise(ratio: sp.Expr, *, noise: sp.Expr) -> sp.Expr:
    return ratio.subs(temperature, noise)


def _inserted(ratio: sp.Expr, after: sp.Expr, *, noise: sp.Expr) -> bool:
    terms = sum((t.subs(temperature, noise) for t in sp.Add.make_args(logarithm(ratio))), sp.Integer(0))
    return agree_in_numbers(terms, logarithm(after))


_INSERT_NOISE = Rule("insertion of the noise", _insert_noise, _inserted)
_LOG = Rule("logarithm", logarithm, lambda ratio, log: agree_in_numbers(ratio, sp.exp(log)))
