"""The exponent of SGD's escape time on linear regression with noisy labels: exact for the real batches, where every SDE has another."""

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.rare_events.large_deviations import SAMPLE, rare_path_derivation
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, exit_distance, input_variance, label_std, learning_rate

__all__ = ["RegressionExponent"]

INPUT, LABEL = sp.symbols("x e", real=True)
PLACE = sp.Symbol("u", positive=True)


class RegressionExponent(Result):
    """ln(tau) ~ B w^2/(eta sigma_y^2) to leave |u| < w, inputs N(0, a), label noise N(0, sigma_y^2): E exp(-q g) = 1 at q = 2 u/sigma_y^2."""

    name = "regression-exponent"
    title = "Exponent of SGD's escape time on linear regression, with the law of real batches"
    chapter = "Beyond the papers"
    kind = "leading order"
    cited_at_most = 1
    published_note = (
        "Mori et al. 2021 take the SDE with C = 2 a L/B and find (B/(eta a)) ln(1 + a w^2/sigma_y^2): 19 % too small at a w^2 = sigma_y^2/2; "
        "with the exact covariance of Gaussian inputs the SDE has (B/(2 eta a)) ln(1 + 2 a w^2/sigma_y^2), 31 % too small there. SGD stays far longer"
    )
    sources = ("mori2021",)

    def derive(self) -> Formula:
        """Average exp(-q g) over label and input, find the root beside zero, and integrate it."""
        a, s, w = input_variance, label_std, exit_distance
        derivation = (
            rare_path_derivation()
            .define("the loss of one sample at the place u: input x, label noise e", (INPUT * PLACE - LABEL) ** 2 / 2, rule="update rule")
            .apply(_WEIGHT, "exp(-q g), g its gradient")
            .apply(_MEAN, "its mean over the label, e normal with variance sigma_y^2", variable=LABEL, variance=s**2)
            .apply(_MEAN, "its mean over the input, x normal with variance a; this is exp(K)", variable=INPUT, variance=a)
            .claim(
                "the root of K = 0 beside q = 0",
                2 * PLACE / s**2,
                residual=lambda root, mean: sp.simplify(mean.subs(SAMPLE, root) - 1),
                rule="insertion",
            )
            .apply(_WAY_OUT, "integrate W' = B q from the target to w, and divide by eta")
        )
        near = Condition(less(a * w**2, s**2), "beyond a w^2 = sigma_y^2 a single rare batch is the cheaper way out", hard=True)
        return Formula(derivation, "1", learning_rate, (near,), name=self.name)

    def published(self) -> Formula:
        """Return the exponent of the power law in the loss."""
        a, s, w = input_variance, label_std, exit_distance
        printed = batch_size / (learning_rate * a) * sp.log(1 + a * w**2 / s**2)
        return Formula(
            Derivation("power-law escape").cite("ln of [L(w)/L(0)]^(B/(eta a)), L = (a w^2 + sigma_y^2)/2", printed, source="mori2021"),
            "1",
            learning_rate,
            name=self.name,
        )


def _weight(loss: sp.Expr) -> sp.Expr:
    return sp.exp(-SAMPLE * sp.factor(sp.diff(loss, PLACE)))


def _weight_by_differences(before: sp.Expr, after: sp.Expr) -> bool:
    """Take the slope of a parabola between two points on either side."""
    slope = (before.subs(PLACE, PLACE + 1) - before.subs(PLACE, PLACE - 1)) / 2
    return agree_in_numbers(sp.exp(-SAMPLE * slope), after)


def _mean(weight: sp.Expr, *, variable: sp.Symbol, variance: sp.Expr) -> sp.Expr:
    """Average exp(alpha v^2 + beta v + gamma) over a normal v."""
    alpha, beta, gamma = (sp.expand(weight.args[0]).coeff(variable, k) for k in (2, 1, 0))
    narrowed = 1 - 2 * alpha * variance
    return sp.exp(gamma + beta**2 * variance / (2 * narrowed)) / sp.sqrt(sp.expand(narrowed))


def _mean_by_quadrature(before: sp.Expr, after: sp.Expr, *, variable: sp.Symbol, variance: sp.Expr) -> bool:
    point = {SAMPLE: sp.Rational(2, 7), PLACE: sp.Rational(3, 5), label_std: sp.Rational(4, 5), input_variance: sp.Rational(9, 7)}
    point |= {s: sp.Rational(1, 3) for s in (INPUT, LABEL) if s != variable}
    width = sp.sqrt(variance.subs(point))
    with mpmath.workdps(25):
        density = sp.lambdify(variable, (before * sp.exp(-(variable**2) / (2 * width**2)) / (width * sp.sqrt(2 * sp.pi))).subs(point), "mpmath")
        average = sp.Float(mpmath.quad(density, mpmath.linspace(-40, 40, 33)), 25)
    return agree_in_numbers(average, after.subs(point), tolerance=1e-15)


def _way_out(root: sp.Expr) -> sp.Expr:
    return batch_size / learning_rate * sp.integrate(root, (PLACE, 0, exit_distance))


def _way_by_slope(before: sp.Expr, after: sp.Expr) -> bool:
    """Differentiate what was integrated; nothing is paid for no way."""
    slope = sp.diff(after, exit_distance) * learning_rate / batch_size
    return after.subs(exit_distance, 0) == 0 and agree_in_numbers(slope.subs(exit_distance, PLACE), before)


_WEIGHT = Rule("gradient of the loss", _weight, _weight_by_differences)
_MEAN = Rule("Gaussian mean", _mean, _mean_by_quadrature)
_WAY_OUT = Rule("integration", _way_out, _way_by_slope)
