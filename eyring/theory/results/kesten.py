"""The tail of SGD on linear regression: the moment factor of one step, and the exponent at which small steps balance it."""

import random
from collections.abc import Sequence

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.laplace import LAPLACE, SMALL, Peak
from eyring.theory.derivation.proof import agree_in_numbers, draw
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, input_variance, learning_rate, tail_power

__all__ = ["KestenMoment", "TailExponentSmallStep"]

R, Y = sp.symbols("r y", positive=True)
SCALED = sp.Symbol("nu", positive=True)  # beta in units of B/(2 eta a)
SHAPE = sp.Symbol("k", positive=True)  # half of the batch size
HALF = batch_size / 2
RATE = batch_size / (2 * learning_rate * input_variance)
ROOT = 1 / sp.LambertW(sp.exp(-1))


class KestenMoment(Result):
    """E|1 - (eta a/B) chi2_B|^beta: by what factor one step multiplies the moment of order beta far out; the tail exponent is where it is 1."""

    name = "kesten-moment"
    title = "Factor by which a step of linear regression with one weight multiplies a moment far out"
    chapter = "Stationary laws"
    sources = ("kesten1973", "ziyin2022")

    def derive(self) -> Formula:
        """Average over the batch's inputs in polar coordinates, and part the integral where the step overshoots the minimum."""
        return Formula(moment_of_one_step(), "1", learning_rate, name=self.name)


class TailExponentSmallStep(Result):
    """beta = (v/2) B/(eta a), v ln v = v + 1, so v/2 = 1.7955607...: the tail of small steps at fixed batch size."""

    name = "tail-exponent-small-step"
    title = "Tail exponent of SGD on linear regression with one weight and Gaussian inputs, small steps"
    chapter = "Stationary laws"
    sources = ("ziyin2022", "kesten1973")
    kind = "leading order"
    published_note = (
        "Published: 2 B/(eta a) - B. It is exact where it is 2, at the threshold of the variance; for small steps it is above by 11 %. "
        "The SDE's 1 + B/(eta a) is too small by 44 %: the tail is a large deviation of single batches, which no diffusion knows."
    )

    def derive(self) -> Formula:
        """Expand the moment factor by Laplace's method at beta in proportion to 1/eta; a factor 1 needs an exponent 0."""
        small = Condition(less(learning_rate * input_variance, sp.Rational(1, 10)), "steps are small against the curvature")
        return Formula(small_step_exponent(), "1", learning_rate, (small,), name=self.name)

    def published(self) -> Formula:
        """The form in print, right at the threshold of the variance."""
        printed = 2 * batch_size / (learning_rate * input_variance) - batch_size
        derivation = Derivation("published tail exponent").cite(
            "in print (sec. 6.6 and D.3); it is 2 at the threshold of the variance, eta a = 2 B/(B + 2)", printed, source="ziyin2022"
        )
        return Formula(derivation, "1", learning_rate, name=self.name, note=self.published_note)


def moment_of_one_step() -> Derivation:
    """Derive E|1 - (eta/B) r|^beta for r = x_1^2 + ... + x_B^2, x ~ N(0, a), as two integrals over y = eta r/B."""
    weight = R ** (HALF - 1) * sp.exp(-R / (2 * input_variance))
    start = sp.Integral(sp.Abs(1 - learning_rate * R / batch_size) ** tail_power * weight, (R, 0, sp.oo)) / sp.Integral(weight, (R, 0, sp.oo))
    return (
        Derivation("moment factor of one step of linear regression")
        .define(
            "a step multiplies w by 1 - (eta/B) r, r = |x|^2 of B Gaussian inputs: in polar coordinates of B dimensions",
            start,
            needs="that the stationary tail has the exponent at which this factor is 1 is the theorem of Kesten (1973)",
        )
        .apply(_SCALE, "write r = (B/eta) y: a step to y = 1 ends at the minimum")
        .apply(_PART, "part the integral there, and shift the overshoots to u = y - 1")
        .apply(_NORMALISE, "the norm is a Gamma function")
    )


def small_step_exponent() -> Derivation:
    """Derive beta = B/(2 W(1/e) eta a) from the moment factor: its overshoots balance the rest where their exponent vanishes."""
    phase, amplitude = Y - SCALED * sp.log(Y), (1 + Y) ** (SHAPE - 1)
    at_peak = {Y: SCALED}  # where phase' = 1 - nu/y vanishes
    peak = Peak((phase.subs(at_peak), sp.diff(phase, Y, 2).subs(at_peak)), (amplitude.subs(at_peak),))
    scaled = (
        moment_of_one_step()
        .apply(_SMALL_STEPS, "small steps, epsilon = 2 eta a/B, at beta = nu/epsilon, with k = B/2", needs="the batch size stays as it is")
        .apply(_OVERSHOOTS, "the steps that end beyond the minimum; the others keep a share between 0 and 1", needs="eta a << 1")
    )
    (integral,) = scaled.expression.atoms(sp.Integral)
    return (
        scaled.apply(LAPLACE, "their integral about its peak u = nu", integral=integral, peak=peak, terms=0)
        .apply(_GROWTH, "epsilon times its logarithm as epsilon -> 0: it must be 0 for a factor of order 1")
        .claim("so nu ln nu = nu + 1, and nu = 1/W with W e^W = 1/e", ROOT, residual=_root_residual, rule="insertion, with ln(1/W) = 1 + W")
        .apply(_EXPONENT, "beta = nu/epsilon")
    )


def _scale(expression: sp.Expr) -> sp.Expr:
    def scaled(integral: sp.Integral) -> sp.Integral:
        volume = HALF - 1  # the powers of B/eta that r^(B/2 - 1) dr leaves cancel between the two integrals
        return sp.Integral(sp.powsimp(integral.function / R**volume).subs(R, batch_size / learning_rate * Y) * Y**volume, (Y, 0, sp.oo))

    return expression.replace(lambda e: isinstance(e, sp.Integral), scaled)


def _part(expression: sp.Expr) -> sp.Expr:
    """Write the integral over |1 - y|^beta as one over y < 1 and one over u = y - 1 > 0."""

    def parted(integral: sp.Integral) -> sp.Expr:
        if not integral.has(sp.Abs):
            return integral
        below, above = (integral.function.replace(sp.Abs, lambda _, side=side: side) for side in (1 - Y, Y - 1))
        shifted = above.subs(Y, 1 + Y).replace(sp.exp, lambda e: sp.exp(sp.expand(e + RATE)))
        return sp.Integral(below, (Y, 0, 1)) + sp.exp(-RATE) * sp.Integral(shifted, (Y, 0, sp.oo))

    return expression.replace(lambda e: isinstance(e, sp.Integral), parted)


def _normalise(expression: sp.Expr) -> sp.Expr:
    norm = next(i for i in expression.atoms(sp.Integral) if not i.has(tail_power))
    return expression.xreplace({norm: sp.gamma(HALF) / RATE**HALF})


def _small_steps(expression: sp.Expr) -> sp.Expr:
    values = {tail_power: SCALED / SMALL, learning_rate: batch_size * SMALL / (2 * input_variance)}
    return expression.subs(values, simultaneous=True).subs(batch_size, 2 * SHAPE)


def _overshoots(expression: sp.Expr) -> sp.Expr:
    (inside,) = (i for i in expression.atoms(sp.Integral) if i.limits[0][2] != sp.oo)
    return expression.xreplace({inside: sp.Integer(0)})


def _growth(expression: sp.Expr) -> sp.Expr:
    return sp.limit(sp.expand(SMALL * sp.expand_log(logarithm(expression), force=True)), SMALL, 0)


def _root_residual(stated: sp.Basic, growth: sp.Basic) -> sp.Basic:
    """Insert nu = 1/W: by the meaning of W in algebra, and in 40 digits."""
    rest = sp.simplify(growth.xreplace({sp.log(SCALED): 1 + 1 / stated}).subs(SCALED, stated))
    value = growth.subs(SCALED, stated).evalf(40)
    return rest if abs(value) < sp.Float(10) ** -30 else value


def _value(expression: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> mpmath.mpf:
    """Evaluate with every integral done by quadrature, cut at y = 1."""

    def number(integral: sp.Integral) -> sp.Float:
        variable, low, high = integral.limits[0]
        function = sp.lambdify(variable, integral.function.subs(point), "mpmath")
        cut = (batch_size / learning_rate).subs(point) if variable == R else sp.Integer(1)
        ends = [mpmath.mpf(low), mpmath.mpf(sp.N(cut, 40)), *([mpmath.inf] if high == sp.oo else [])]
        return sp.Float(mpmath.quad(function, ends), 30)

    with mpmath.workdps(25):
        done = expression.replace(lambda e: isinstance(e, sp.Integral), number)
        return mpmath.mpf(done.subs(point).evalf(25))


def _same_by_quadrature(before: sp.Expr, after: sp.Expr) -> bool:
    return all(abs(_value(before, p) / _value(after, p) - 1) < 1e-10 for p in _points((learning_rate, batch_size, input_variance, tail_power), 2))


def _points(symbols: Sequence[sp.Symbol], count: int) -> list[dict[sp.Symbol, sp.Expr]]:
    generator = random.Random(12)
    return [{s: sp.Rational(round(60 + 180 * generator.random()), 100) for s in symbols} for _ in range(count)]


def _same_in_other_letters(before: sp.Expr, after: sp.Expr) -> bool:
    for point in _points((SCALED, SHAPE, SMALL, input_variance), 2):
        nu, k, epsilon, a = (point[s] for s in (SCALED, SHAPE, SMALL, input_variance))
        old = {tail_power: nu / epsilon, batch_size: 2 * k, learning_rate: k * epsilon / a, input_variance: a}
        if abs(_value(before, old) / _value(after, point) - 1) > 1e-10:
            return False
    return True


def _rest_is_a_share(whole: sp.Expr, overshoots: sp.Expr) -> bool:
    """What is left out lies between 0 and 1, and is the integral over y < 1."""
    inside = next(i for i in whole.atoms(sp.Integral) if i.limits[0][2] != sp.oo)
    for point in _points((SCALED, SHAPE, SMALL), 2):
        rest = _value(whole, point) - _value(overshoots, point)
        norm = (sp.gamma(SHAPE) * SMALL**SHAPE).subs(point)
        if not (0 < rest < 1 and abs(rest * mpmath.mpf(norm.evalf(25)) / _value(inside, point) - 1) < 1e-10):
            return False
    return True


def _grows_so(before: sp.Expr, after: sp.Expr) -> bool:
    """At a tiny epsilon."""
    tiny = {SMALL: sp.Rational(1, 10**14)}
    return agree_in_numbers((SMALL * logarithm(before)).subs(tiny), after, tolerance=1e-11)


def _times_rate(nu: sp.Expr, exponent: sp.Expr) -> bool:
    """In the line before, beta = nu/epsilon with epsilon = 2 eta a/B; in numbers."""
    generator = random.Random(3)
    point = {s: draw(s, generator) for s in (learning_rate, batch_size, input_variance)}
    epsilon = 2 * point[learning_rate] * point[input_variance] / point[batch_size]
    return bool(abs((exponent.subs(point) * epsilon / nu).evalf(30) - 1) < 1e-25)


_SCALE = Rule("substitution", _scale, _same_by_quadrature)
_PART = Rule("parting of an integral", _part, _same_by_quadrature)
_NORMALISE = Rule("Gamma function", _normalise, _same_by_quadrature)
_SMALL_STEPS = Rule("scaling", _small_steps, _same_in_other_letters)
_OVERSHOOTS = Rule("overshoots", _overshoots, _rest_is_a_share)
_GROWTH = Rule("exponential growth", _growth, _grows_so)
_EXPONENT = Rule("scaling back", lambda nu: sp.simplify(nu * RATE), _times_rate)
