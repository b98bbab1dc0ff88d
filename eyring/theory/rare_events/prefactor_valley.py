"""The escape time along a narrow valley when the noise across it differs from that along it: what widening and narrowing do."""

from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.laplace import SMALL
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.rare_events.prefactor_amplitude import AMPLITUDE_A, AMPLITUDE_B, AMPLITUDES, Transport
from eyring.theory.symbols import (
    covariance_11,
    covariance_22,
    curvature_min,
    curvature_saddle,
    learning_rate,
    loss_min,
    loss_saddle,
    wall_min,
    wall_saddle,
)

__all__ = ["between_walls"]

X, Y = sp.symbols("x y", real=True)
U, V = sp.symbols("u v", real=True)
STIFF = sp.Symbol("h", positive=True)  # counts powers of the curvature across the valley
D_ALONG, D_ACROSS = sp.symbols("D_x D_y", positive=True)
FLOOR, WALL = sp.Function("L", real=True)(X), sp.Function("k", positive=True)(X)


@cache
def between_walls() -> Derivation:
    """Derive the escape time along a narrow valley y = 0 of curvature k(x) across it, with noise of different strength along and across."""
    power = (1 - D_ACROSS / D_ALONG) / 2
    rest = sp.diff(FLOOR, X) * sp.diff(WALL, X) * (1 / D_ALONG - 1 / D_ACROSS) / (2 * WALL)
    W = FLOOR / D_ALONG + Y**2 * (STIFF * WALL / D_ACROSS + rest) / 2
    drift = [-sp.diff(FLOOR, X) - STIFF * sp.diff(WALL, X) * Y**2 / 2, -STIFF * WALL * Y]
    population = AMPLITUDE_A * gaussian_integral(curvature_min, D_ALONG, U) * gaussian_integral(wall_min, D_ACROSS, V)
    flux = AMPLITUDE_B * D_ALONG * gaussian_integral(wall_saddle, D_ACROSS, V) / gaussian_integral(-curvature_saddle, D_ALONG, U)
    along, across = (learning_rate * c / 2 for c in (covariance_11, covariance_22))
    tidy = (
        2 * sp.pi * (wall_saddle / wall_min) ** (covariance_22 / (2 * covariance_11)) / sp.sqrt(-curvature_min * curvature_saddle)
    ) * sp.exp(2 * (loss_saddle - loss_min) / (learning_rate * covariance_11))
    return (
        Derivation("escape along a valley with noise of two strengths")
        .define("drift along and across the valley, and noise along and across", sp.ImmutableMatrix([*drift, D_ALONG, D_ACROSS]))
        .claim(
            "the density near the floor, K exp(-W/epsilon)",
            WALL**power * sp.exp(-W / SMALL),
            residual=_in_the_valley,
            rule="Fokker-Planck residual",
            needs="the noise is weak, and the valley is narrow: much steeper across than along",
        )
        .cite(
            "tau = population/flux: K and the quadratic well at the minimum, K and the quadratic saddle at the top",
            population / flux * sp.exp((loss_saddle - loss_min) / D_ALONG),
            source="bouchet2016",
            needs="the barrier is high against the noise, and one saddle separates the wells",
        )
        .apply(
            AMPLITUDES,
            "K = k^((1 - D_y/D_x)/2) at minimum and saddle",
            values={AMPLITUDE_A: wall_min**power, AMPLITUDE_B: wall_saddle**power},
            transport=_valley_by_quadrature(),
        )
        .apply(GAUSSIAN, "do the Gaussian integrals")
        .apply(_OF_SGD, "noise of SGD, D = eta C/2", along=along, across=across)
        .claim("collect", tidy)
    )


def _in_the_valley(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Insert the density, and keep what does not vanish as the valley narrows: W to second order across, K on the floor."""
    logarithm = sp.expand_log(sp.log(stated), force=True)
    left = sp.Integer(0)
    for b, D, x in zip(previous[:2], previous[2:], (X, Y), strict=True):
        slope = sp.diff(logarithm, x)
        left += SMALL * D * (sp.diff(slope, x) + slope**2) - sp.diff(b, x) - b * slope
    left = sp.expand(left)
    kept = [(-1, i, k) for i in range(3) for k in (1, 2)] + [(-1, 0, 0), (0, 0, 0), (0, 0, 1)]
    return sp.Add(*(sp.simplify(left.coeff(SMALL, e).coeff(Y, i).coeff(STIFF, k)) * SMALL**e * Y**i * STIFF**k for e, i, k in kept))


def _valley_by_quadrature() -> Transport:
    """Return ln(K_b/K_a) of a very narrow valley: W_yy solves L' Z' = h k' L'/D_x + 2 h k Z - 2 D_y Z^2, and (ln K)' L' = h k - D_y Z."""

    def integrated() -> tuple[mpmath.mpf, dict[sp.Symbol, mpmath.mpf]]:
        along, across, stiff = mpmath.mpf(3) / 5, mpmath.mpf(7) / 4, mpmath.mpf(10) ** 24
        wall, slope = (lambda x: 1 + x / 3 + x**2 / 5), (lambda x: x * (2 - x) + mpmath.mpf(1) / 7)

        def loss_of_weight(x: mpmath.mpf) -> mpmath.mpf:
            k, steepening = stiff * wall(x), stiff * mpmath.diff(wall, x)
            root = mpmath.sqrt(k**2 - 2 * across * slope(x) * (steepening / across - steepening / along))
            return (k - (k + root) / 2) / slope(x)

        known = {wall_min: wall(mpmath.mpf(0)), wall_saddle: wall(mpmath.mpf(1)), D_ALONG: along, D_ACROSS: across}
        with mpmath.workdps(60):
            return mpmath.quad(loss_of_weight, [0, 1]), known

    return integrated


def _of_sgd(expression: sp.Expr, *, along: sp.Expr, across: sp.Expr) -> sp.Expr:
    return expression.subs({D_ALONG: along, D_ACROSS: across}, simultaneous=True)


def _of_sgd_in_numbers(before: sp.Expr, after: sp.Expr, *, along: sp.Expr, across: sp.Expr) -> bool:
    """One batch's covariance and learning rate: 2/7 * (9/5)/2 along, and 2/7 * (5/2)/2 across."""
    sgd = {learning_rate: sp.Rational(2, 7), covariance_11: sp.Rational(9, 5), covariance_22: sp.Rational(5, 2)}
    return agree_in_numbers(before.subs({D_ALONG: sp.Rational(9, 35), D_ACROSS: sp.Rational(5, 14)}), after.subs(sgd))


_OF_SGD = Rule("insertion of SGD's noise", _of_sgd, _of_sgd_in_numbers)
