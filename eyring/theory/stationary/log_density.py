"""The Fokker-Planck equation for the logarithm of a density: where drift, noise and logarithm are polynomials its residual is one too."""

import random

import sympy as sp

from eyring.theory.sde import SDE
from eyring.theory.stationary.lyapunov import without_roots

__all__ = ["polynomial_residual"]

LONGEST = 150  # operations in the parameters up to which they stay symbols
POINTS = 3


def polynomial_residual(sde: SDE, density: sp.Expr) -> sp.Expr | None:
    """Return the rate of change of ``density`` relative to it, for p = constant exp(-phi) with polynomials phi, f and D in the coordinates.

    With f the Ito drift, (d_t p)/p = sum_i (f_i phi_i - d_i f_i) + sum_ij [D_ij (phi_i phi_j - phi_ij) - 2 phi_i d_j D_ij + d_i d_j D_ij].
    Its coefficients are kept as ratios of polynomials in lowest terms, so zero shows itself without simplification. Where they are long the
    parameters become random fractions, at three points; a ratio of polynomials of degree d other than zero vanishes at all three with a
    probability below (d/10^6)^3.

    Returns:
        The residual, 0 if the density is stationary; None if something is not a polynomial in the coordinates.
    """
    process, xs = sde.ito(), sde.coordinates
    whole = sp.Tuple(_exponent(density, xs), *process.drift, *process.diffusion)
    if whole.has(sp.Float) or not all(e.is_polynomial(*xs) for e in whole):
        return None
    plain, roots = without_roots(whole)
    parameters = sorted(plain.free_symbols - set(xs), key=str)
    if plain.count_ops() <= LONGEST:
        return _residual(plain, xs).xreplace(roots)
    generator = random.Random(1905)
    draws = ({s: sp.Rational(generator.randint(1, 10**6), 997) for s in parameters} for _ in range(POINTS))
    return next((rest for rest in (_residual(plain.xreplace(point), xs) for point in draws) if rest != 0), sp.Integer(0))


def _residual(whole: sp.Tuple, xs: tuple[sp.Symbol, ...]) -> sp.Expr:
    n = len(xs)
    polynomials, _ = sp.parallel_poly_from_expr([*whole, *xs], *xs, field=True)  # one ring for all; the coordinates keep it from being empty
    phi, f, D = polynomials[0], polynomials[1 : n + 1], polynomials[n + 1 : n + 1 + n * n]
    slope = [phi.diff(x) for x in xs]
    total = sum((f[i] * slope[i] - f[i].diff(x) for i, x in enumerate(xs)), 0 * phi)
    for i, x in enumerate(xs):
        for j, y in enumerate(xs):
            d = D[n * i + j]
            if not d.is_zero:
                total += d * (slope[i] * slope[j] - slope[i].diff(y)) - 2 * slope[i] * d.diff(y) + d.diff(x).diff(y)
    return sp.Integer(0) if total.is_zero else total.as_expr()


def _exponent(density: sp.Expr, coordinates: tuple[sp.Symbol, ...]) -> sp.Expr:
    """Return phi of exp(-phi) up to a constant; the logarithm of anything else is no polynomial."""
    factors = [f for f in sp.Mul.make_args(density) if f.free_symbols & set(coordinates)]
    return sp.Add(*(-f.exp if isinstance(f, sp.exp) else -sp.log(f) for f in factors))
