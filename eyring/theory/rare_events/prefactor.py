"""What stands before exp(-W/epsilon): the Fokker-Planck equation one order beyond the exponent, drift and noise undetermined."""

import random
from collections.abc import Callable
from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.laplace import SMALL
from eyring.theory.derivation.proof import agree_in_numbers

__all__ = ["stationary_residual", "transport"]

X, Y = sp.symbols("x y", real=True)


@cache
def transport() -> Derivation:
    """Derive (b + 2 D grad W).grad K = -K (div b + tr(D W'') + 2 (div D).grad W), in the plane, with drift and noise undetermined."""
    xs, drift, noise, W, K = _fields(2)
    slope, ascent = (sp.Matrix([sp.diff(f, x) for x in xs]) for f in (W, K))
    spread = sp.Matrix([sum(sp.diff(noise[i, j], xs[j]) for j in range(2)) for i in range(2)])
    widening = sum(sp.diff(b, x) for b, x in zip(drift, xs, strict=True)) + (noise * sp.hessian(W, xs)).trace() + 2 * (spread.T * slope)[0]
    return (
        Derivation("what stands before exp(-W/epsilon)")
        .define("a density with weak noise, D -> epsilon D", K * sp.exp(-W / SMALL), needs="the noise is weak, and W is smooth on the way")
        .apply(_FOKKER_PLANCK, "put it into the stationary Fokker-Planck equation, divided by exp(-W/epsilon)")
        .apply(_NEXT, "the next power of epsilon; the leading one is the Hamilton-Jacobi equation of W")
        .claim("the transport of K along the way uphill, x' = b + 2 D grad W", -((drift + 2 * noise * slope).T * ascent)[0] - K * widening)
    )


def stationary_residual(drift: sp.Matrix, noise: sp.Matrix, xs: tuple[sp.Symbol, ...], p: sp.Expr) -> sp.Expr:
    """Return -div(b p) + epsilon sum_ij d_i d_j (D_ij p)."""
    spread = sum(sp.diff(noise[i, j] * p, xs[i], xs[j]) for i in range(len(xs)) for j in range(len(xs)))
    return SMALL * spread - sum(sp.diff(b * p, x) for b, x in zip(drift, xs, strict=True))


def _fields(n: int) -> tuple[tuple[sp.Symbol, ...], sp.Matrix, sp.Matrix, sp.Expr, sp.Expr]:
    """Return coordinates, drift, diffusion, W and K, all undetermined functions."""
    xs = (X, Y)[:n]
    drift = sp.Matrix([sp.Function(f"b_{i + 1}", real=True)(*xs) for i in range(n)])
    noise = sp.Matrix(n, n, lambda i, j: sp.Function(f"D_{min(i, j) + 1}{max(i, j) + 1}", real=True)(*xs))
    return xs, drift, noise, sp.Function("W", real=True)(*xs), sp.Function("K", positive=True)(*xs)


def _inserted(density: sp.Expr) -> sp.Expr:
    xs, drift, noise, W, _ = _fields(2)
    return sp.expand(sp.expand(stationary_residual(drift, noise, xs, density)) * sp.exp(W / SMALL))


def _inserted_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Differentiate the density numerically, for random polynomials."""
    xs, drift, noise, W, _ = _fields(2)
    shapes = _shapes(before, after)
    point, small = (mpmath.mpf(3) / 10, -mpmath.mpf(2) / 5), mpmath.mpf(7) / 10

    def function(expression: sp.Expr) -> Callable[..., mpmath.mpf]:
        return sp.lambdify(xs, _shaped(expression, shapes).subs(SMALL, sp.Rational(7, 10)), "mpmath")

    with mpmath.workdps(40):
        total = -sum(mpmath.diff(function(drift[i] * before), point, _times(i)) for i in range(2))
        total += small * sum(mpmath.diff(function(noise[i, j] * before), point, _times(i, j)) for i in range(2) for j in range(2))
        expected = total * mpmath.exp(function(W)(*point) / small)
        return bool(abs(function(after)(*point) / expected - 1) < mpmath.mpf(10) ** -12)


def _times(*axes: int) -> tuple[int, ...]:
    return tuple(axes.count(i) for i in range(2))


def _next_power(expression: sp.Expr) -> sp.Expr:
    return sp.expand(expression).coeff(SMALL, 0)


def _mean_of_two_signs(before: sp.Expr, after: sp.Expr) -> bool:
    """A/epsilon + B + C epsilon is B on the average over epsilon = 1 and -1."""
    shapes = _shapes(before, after)
    mean = (before.subs(SMALL, 1) + before.subs(SMALL, -1)) / 2
    return agree_in_numbers(_shaped(mean, shapes), _shaped(after, shapes))


def _shapes(*expressions: sp.Expr) -> dict:
    """Return a random polynomial in x and y for each undetermined function."""
    generator = random.Random(11)
    _, drift, noise, W, K = _fields(2)
    functions = {f.func for e in (*expressions, drift, noise, W, K) for f in e.atoms(sp.core.function.AppliedUndef)}
    monomials = [X**i * Y**j for i in range(4) for j in range(4 - i)]
    return {f: sp.Lambda((X, Y), sum(sp.Rational(generator.randint(1, 9), 10) * m for m in monomials)) for f in sorted(functions, key=str)}


def _shaped(expression: sp.Expr, shapes: dict) -> sp.Expr:
    for function, shape in shapes.items():
        expression = expression.replace(function, shape)
    return expression.doit()


_FOKKER_PLANCK = Rule("insertion in the Fokker-Planck equation", _inserted, _inserted_in_numbers)
_NEXT = Rule("powers of epsilon", _next_power, _mean_of_two_signs)
