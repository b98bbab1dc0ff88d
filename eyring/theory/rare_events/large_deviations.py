"""Escape of SGD at a fixed batch as the learning rate goes to zero: large deviations of the batches' own law.

One step is x' = x - eta g, g the gradient of a batch. Then eta ln(tau) -> int_a^b p dx, with p the root beside zero of H(x, p) = ln E exp(-p g).
Where the slope is not small against the noise, the SDE has another exponent: it is exponentially wrong.
"""

import random
from functools import cache

import mpmath
import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.jets import LOSS, X
from eyring.theory.escape.problem import Place
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.rare_events.climb import climb_of
from eyring.theory.regime import Condition, less
from eyring.theory.symbols import (
    batch_size,
    climb_2,
    climb_3,
    exact_number,
    gradient_kurtosis,
    gradient_skewness,
    gradient_std,
    learning_rate,
    loss_min,
    loss_saddle,
)

__all__ = ["GRADIENT", "MOMENTUM", "SAMPLE", "cumulant_exponent", "cumulant_exponent_derivation", "hamiltonian", "rare_path_derivation"]

ETA, B = learning_rate, batch_size
SIGMA, SKEW, EXCESS = gradient_std, gradient_skewness, gradient_kurtosis
MOMENTUM = sp.Symbol("p", real=True)
GRADIENT = sp.Symbol("g", real=True)  # of a batch
SAMPLE = sp.Symbol("q", real=True)  # p/B
W = sp.Function("W", real=True)
CUMULANTS = sp.Function("K", real=True)  # K(q) = ln E exp(-q g_1), g_1 the gradient of one sample


def hamiltonian(loss: Landscape, noise: GradientNoise | sp.Lambda, *, batch_size: sp.Expr | int = batch_size) -> sp.Expr:
    r"""Return H(x, p) = ln E exp(-p g), g = L'(x) + zeta the gradient of a batch; p is ``MOMENTUM``.

    Gaussian noise: -p L' + p^2 C/2. Batches drawn with replacement: B ln((1/N) sum_i exp(-p l_i'/B)). Without: ln of the mean over all batches.

    Args:
        loss: A landscape of one coordinate.
        noise: A gradient noise, or ``sp.Lambda(p, K)`` with K(p) = ln E exp(-p zeta), which may hold the coordinate.
        batch_size: B; a whole number for batches without replacement. A Lambda is taken to be the law of the batch and ignores it.

    Raises:
        NotApplicable: If the loss has several coordinates.
        EyringError: If the noise is neither a gradient noise nor a Lambda.
    """
    if loss.dim != 1:
        raise NotApplicable(f"the exponent of rare paths is an integral along one coordinate, and the loss has {loss.dim}; use simulate_escapes")
    slope, p, size = loss.gradient[0], MOMENTUM, exact_number(batch_size)
    if isinstance(noise, sp.Lambda):
        return -p * slope + noise(p)
    if not isinstance(noise, GradientNoise):
        raise EyringError(
            f"the noise must be a gradient noise, such as ey.noise.FiniteSum(losses), or sp.Lambda(p, ln E exp(-p zeta)); got {noise!r}"
        )
    covariance = noise.covariance(loss, size)
    if noise.is_gaussian:
        return -p * slope + p**2 * covariance[0, 0] / 2
    if isinstance(noise, FiniteSum) and noise.replacement:
        slopes = [sp.diff(sample, loss.coordinates[0]) for sample in noise.losses]
        return size * sp.log(sum(n * sp.exp(-p * s / size) for n, s in zip(noise.copies, slopes, strict=True)) / noise.samples)
    if not size.is_Integer:
        raise EyringError(f"the law of batches without replacement needs a whole batch size, got {size}; pass batch_size=")
    return -p * slope + sp.log(sum(atom.probability * sp.exp(-p * atom.shift[0]) for atom in noise.batch_law(loss, int(size))))


def cumulant_exponent(
    loss: Landscape,
    *,
    start: Place,
    over: Place,
    gradient_std: sp.Expr | float = gradient_std,
    skewness: sp.Expr | float = gradient_skewness,
    kurtosis: sp.Expr | float = gradient_kurtosis,
    learning_rate: sp.Expr | float = ETA,
    batch_size: sp.Expr | int = B,
) -> Formula:
    r"""Return ln(tau) of SGD to leading order in eta, expanded in the slope of the loss over the noise of one sample, to the third power.

    (B/eta) [2 (L_b - L_a)/sigma^2 + (4 kappa_3/(3 sigma^3)) int L'^2 dx + ((16 kappa_3^2 - 6 kappa_4)/(9 sigma^4)) int L'^3 dx]. The first term is
    that of the SDE; where |L'| is not small against sigma the SDE is exponentially wrong. The samples of a batch are drawn with replacement.

    Args:
        loss: A landscape of one coordinate.
        start: The minimum, a critical point or a number near it.
        over: The saddle.
        gradient_std: sigma, the standard deviation of one sample's gradient, the same at every point.
        skewness: kappa_3 of one sample's gradient.
        kurtosis: kappa_4, the excess kurtosis of one sample's gradient.
        learning_rate: eta.
        batch_size: B.

    Raises:
        NotApplicable: If start is no minimum, over is no saddle, or the loss has several coordinates.
        EyringError: If start or over is no critical point.
    """
    climb = climb_of(loss, start=start, over=over)
    given = {SIGMA: gradient_std, SKEW: skewness, EXCESS: kurtosis, ETA: learning_rate, B: batch_size}
    derivation = climb.insert(cumulant_exponent_derivation(), given)
    return Formula(derivation, "1", exact_number(learning_rate), (gentle_slope(exact_number(gradient_std)),), name="cumulant-exponent")


def gentle_slope(sigma: sp.Expr) -> Condition:
    """Return the condition |L'| << sigma, for the steepest slope on the way."""
    steepest = sp.Symbol("L'_max", positive=True)
    return Condition(
        less(steepest, sigma), "the steepest slope on the way is small against the noise of one sample; else take large_deviation_exponent"
    )


@cache
def rare_path_derivation() -> Derivation:
    """Derive the equation of the cheapest way to a rare place, K(q) = 0 with W' = B q, for batches of B samples drawn with replacement."""
    ahead = sp.exp((W(X - ETA * GRADIENT) - W(X)) / ETA)
    return (
        Derivation("exponent of the escape time of SGD at a fixed batch")
        .cite(
            "eta ln(tau) tends to W(b) - W(a); one step, averaged over batches, keeps the weight exp(W/eta): the mean of this is 1",
            ahead,
            source="freidlin2012",
            needs="eta goes to zero at a fixed batch, and the gradient's law has no tail heavier than the way asks for",
        )
        .apply(_SMALL_STEP, "small steps")
        .apply(
            _MEAN,
            "the mean over a batch, the average of B independent samples, with K(q) = ln E exp(-q g) of one sample",
            needs="samples are drawn with replacement",
        )
        .claim("the mean is 1 where W' = B q", sp.Eq(CUMULANTS(SAMPLE), 0), residual=_not_the_mean, rule="logarithm")
    )


@cache
def cumulant_exponent_derivation() -> Derivation:
    """Derive ln(tau) in terms of L_a, L_b, A_2, A_3, sigma, kappa_3, kappa_4, eta and B."""
    slope = sp.diff(LOSS, X)
    root = 2 * slope / SIGMA**2 + 4 * SKEW * slope**2 / (3 * SIGMA**3) + (16 * SKEW**2 - 6 * EXCESS) * slope**3 / (9 * SIGMA**4)
    return (
        rare_path_derivation()
        .apply(
            _EXPAND,
            "the cumulants of one sample's gradient: mean L', then sigma^2, kappa_3 sigma^3, kappa_4 sigma^4",
            needs="the slope is small against sigma",
        )
        .claim("q as a series in the slope, beside q = 0", root, residual=_series_differs, rule="insertion, powers of L' through the third")
        .apply(_INTEGRATE, "integrate W' = B q from minimum to saddle, A_k the integral of L'^k, and divide by eta")
    )


def _small_step(expression: sp.Expr) -> sp.Expr:
    (exponent,) = expression.args
    increment = exponent * ETA
    return sp.exp(sp.diff(increment, ETA).doit().subs(ETA, 0).doit())


def _small_step_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Take a tiny step in one smooth W."""
    shape = sp.Lambda(X, X**3 / 3 + sp.Rational(2, 7) * X**2)
    point = {X: sp.Rational(3, 5), GRADIENT: sp.Rational(7, 4)}
    tiny = sp.Rational(1, 10**15)
    one, other = (e.replace(W, shape).doit().subs(point) for e in (before, after))
    return agree_in_numbers(one.subs(ETA, tiny), other, tolerance=1e-13)


def _mean_over_batch(expression: sp.Expr) -> sp.Expr:
    weight = -expression.args[0] / GRADIENT
    return sp.exp(B * CUMULANTS(weight / B))


def _mean_by_enumeration(before: sp.Expr, after: sp.Expr) -> bool:
    """Average over all batches of three samples, each with one of two gradients."""
    size, share = 3, sp.Rational(2, 7)
    gradients = (sp.Rational(-3, 5), sp.Rational(11, 10))
    slope = {sp.diff(W(X), X): sp.Rational(4, 3)}
    total = sp.Integer(0)
    for ones in range(size + 1):
        mean = (ones * gradients[0] + (size - ones) * gradients[1]) / size
        total += sp.binomial(size, ones) * share**ones * (1 - share) ** (size - ones) * before.subs(slope).subs(GRADIENT, mean)
    law = sp.Lambda(SAMPLE, sp.log(share * sp.exp(-SAMPLE * gradients[0]) + (1 - share) * sp.exp(-SAMPLE * gradients[1])))
    return agree_in_numbers(total, after.subs(slope).subs(B, size).replace(CUMULANTS, law), tolerance=1e-25)


def _not_the_mean(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    """Return ln(mean) at W' = B q, minus B K(q)."""
    return sp.expand(previous.args[0].subs(sp.diff(W(X), X), B * SAMPLE) - B * stated.lhs)


def _with_cumulants(equation: sp.Basic) -> sp.Expr:
    series = -SAMPLE * sp.diff(LOSS, X) + SIGMA**2 * SAMPLE**2 / 2 - SKEW * SIGMA**3 * SAMPLE**3 / 6 + EXCESS * SIGMA**4 * SAMPLE**4 / 24
    return sp.Eq(equation.lhs.subs(CUMULANTS(SAMPLE), series), 0)


def _cumulants_of_two_values(before: sp.Basic, after: sp.Basic) -> bool:
    """For a gradient of two values, with its own mean, variance, skewness and kurtosis, at a tiny q: the difference is of the fifth power."""
    share, low, high = sp.Rational(2, 7), sp.Rational(-3, 5), sp.Rational(11, 10)
    law = sp.log(share * sp.exp(-SAMPLE * low) + (1 - share) * sp.exp(-SAMPLE * high))
    mean = share * low + (1 - share) * high
    central = [share * (low - mean) ** k + (1 - share) * (high - mean) ** k for k in range(5)]
    sigma = sp.sqrt(central[2])
    numbers = {SIGMA: sigma, SKEW: central[3] / sigma**3, EXCESS: central[4] / sigma**4 - 3, sp.diff(LOSS, X): mean}
    tiny = sp.Rational(1, 10**6)
    off = (before.lhs.replace(CUMULANTS, sp.Lambda(SAMPLE, law)) - after.lhs.subs(numbers)).subs(SAMPLE, tiny)
    return bool(abs(off.evalf(60)) < 10 * tiny**5)


def _series_differs(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    """Insert the series in K(q)/q = 0 and keep powers of the slope through the third."""
    slope = sp.diff(LOSS, X)
    small = sp.Symbol("s")
    rest = sp.expand(sp.expand(previous.lhs / SAMPLE).subs(SAMPLE, stated).subs(slope, small * slope))
    return sp.simplify(sum((rest.coeff(small, k) for k in range(4)), sp.Integer(0)))


def _integrate(root: sp.Expr) -> sp.Expr:
    slope = sp.diff(LOSS, X)
    powers = {1: loss_saddle - loss_min, 2: climb_2, 3: climb_3}
    expanded = sp.expand(root)
    return B / ETA * sum((sp.factor(expanded.coeff(slope, k)) * name for k, name in powers.items()), sp.Integer(0))


def _integrated_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Integrate for one well by quadrature, at random cumulants."""
    loss = X**2 * (sp.Rational(7, 10) - X * sp.Rational(3, 10) - X**2 * sp.Rational(11, 100))
    generator = random.Random(13)
    symbols = (SIGMA, SKEW, EXCESS, ETA, B)
    point = {s: sp.Rational(generator.randint(2, 30), 10) for s in symbols}
    with mpmath.workdps(30):
        slope = sp.lambdify(X, sp.diff(loss, X), "mpmath")
        top = mpmath.findroot(slope, 1.2)
        way = sp.lambdify(X, (before * B / ETA).subs(LOSS, loss).doit().subs(point), "mpmath")
        moments = {s: sp.Float(mpmath.quad(lambda u, k=k: slope(u) ** k, [0, top]), 30) for s, k in ((loss_saddle, 1), (climb_2, 2), (climb_3, 3))}
        moments[loss_saddle] += sp.Rational(3, 5)
        found = after.subs({loss_min: sp.Rational(3, 5), **moments, **point})
        return bool(abs(mpmath.mpf(sp.Float(found, 30)._mpf_) / mpmath.quad(way, [0, top]) - 1) < 1e-20)


_SMALL_STEP = Rule("limit of small steps", _small_step, _small_step_in_numbers)
_MEAN = Rule("mean over a batch", _mean_over_batch, _mean_by_enumeration)
_EXPAND = Rule("cumulants", _with_cumulants, _cumulants_of_two_values)
_INTEGRATE = Rule("integration", _integrate, _integrated_in_numbers)
