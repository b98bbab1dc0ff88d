"""The escape time in one dimension by the transport of the prefactor: any D(x), three calculi, without the double integral of Kramers' road."""

from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.derivation.laplace import SMALL
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.rare_events.prefactor import stationary_residual
from eyring.theory.rare_events.prefactor_amplitude import AMPLITUDE_A, AMPLITUDE_B, AMPLITUDES, Transport
from eyring.theory.symbols import curvature_min, curvature_saddle, diffusion_min, diffusion_saddle, noise_exponent

__all__ = ["along_a_line"]

X, U = sp.symbols("x u", real=True)
FLOOR = sp.Function("L", real=True)(X)
STRENGTH, PHASE = sp.Function("D", positive=True)(X), sp.Function("Phi", real=True)(X)


@cache
def along_a_line(q: sp.Rational) -> Derivation:
    """Derive the escape time in one dimension under D(x), the drift -L' written in the calculus of weight q, from the transport of K."""
    a, b, E = curvature_min, -curvature_saddle, noise_exponent
    population = AMPLITUDE_A * gaussian_integral(a, diffusion_min, U)
    flux = AMPLITUDE_B * diffusion_saddle / gaussian_integral(b, diffusion_saddle, U)
    tidy = 2 * sp.pi * (diffusion_saddle / diffusion_min) ** (sp.Rational(1, 2) - q) * sp.exp(E) / sp.sqrt(-curvature_min * curvature_saddle)
    return (
        Derivation("escape time in one dimension by the transport of the prefactor")
        .define(
            "the drift, what the calculus adds to it in Ito's, and the noise",
            sp.ImmutableMatrix([-sp.diff(FLOOR, X), q * sp.diff(STRENGTH, X), STRENGTH]),
        )
        .claim(
            "its density between well and saddle, with Phi' = L'/D",
            STRENGTH ** (q - 1) * sp.exp(-PHASE / SMALL),
            residual=_on_the_line,
            rule="Fokker-Planck residual",
            needs="the noise is weak",
        )
        .cite(
            "tau = population/flux: K and the quadratic well at the minimum, K and the quadratic saddle at the top",
            population / flux * sp.exp(E),
            source="bouchet2016",
            needs="the barrier is high against the noise, and one saddle separates the wells",
        )
        .apply(
            AMPLITUDES,
            "K = D^(q - 1) at minimum and saddle",
            values={AMPLITUDE_A: diffusion_min ** (q - 1), AMPLITUDE_B: diffusion_saddle ** (q - 1)},
            transport=_line_by_quadrature(q),
        )
        .apply(GAUSSIAN, "do the Gaussian integrals")
        .claim("collect", tidy)
    )


def _on_the_line(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Insert the density in the one-dimensional equation, epsilon q D' being the part of the drift that the calculus adds."""
    drift = sp.Matrix([previous[0] + SMALL * previous[1]])
    phase = previous[0] / -previous[2]
    left = stationary_residual(drift, sp.Matrix([[previous[2]]]), (X,), stated) / stated
    return sp.simplify(left.subs(sp.diff(PHASE, X, 2), sp.diff(phase, X)).subs(sp.diff(PHASE, X), phase))


def _line_by_quadrature(q: sp.Rational) -> Transport:
    """Return ln(K_b/K_a) by integrating the transport of K along one climb, with D at both ends."""

    def integrated() -> tuple[mpmath.mpf, dict[sp.Symbol, mpmath.mpf]]:
        strength, slope = (lambda x: 1 + x / 3 + x**2 / 5), (lambda x: x * (2 - x) + mpmath.mpf(1) / 7)
        twice = 2 - mpmath.mpf(q.p) / q.q

        def ascent(x: mpmath.mpf) -> mpmath.mpf:
            return slope(x) / strength(x)

        def loss_of_weight(x: mpmath.mpf) -> mpmath.mpf:
            widening = -mpmath.diff(slope, x) + strength(x) * mpmath.diff(ascent, x) + twice * mpmath.diff(strength, x) * ascent(x)
            return -widening / (2 * strength(x) * ascent(x) - slope(x))

        return mpmath.quad(loss_of_weight, [0, 1]), {diffusion_min: strength(mpmath.mpf(0)), diffusion_saddle: strength(mpmath.mpf(1))}

    return integrated
