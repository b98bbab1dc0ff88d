"""Whether the noise vanishes somewhere between minimum and saddle."""

import random

import sympy as sp

from eyring.theory.derivation.proof import draw
from eyring.theory.escape.contract import EscapeProblem
from eyring.theory.landscapes import LocalLandscape

__all__ = ["zero_of_diffusion"]

SAMPLES = 400
NEGLIGIBLE = 1e-12


def zero_of_diffusion(problem: EscapeProblem) -> sp.Expr | None:
    """Return a point of [a, b] where D(x) is zero or negative, or None.

    Polynomials are searched exactly (absolute values count as what is inside them), other functions on a grid; parameters take typical values.
    """
    x = problem.sde.coordinates[0]
    D = sp.piecewise_fold(problem.sde.diffusion[0])
    if isinstance(problem.landscape, LocalLandscape) or x not in D.free_symbols:
        return None
    generator = random.Random(5)
    ends = [p.position[0] for p in (problem.start, problem.over)]
    symbols = sorted((D.free_symbols | {s for e in ends for s in e.free_symbols}) - {x}, key=str)
    point = {s: draw(s, generator) for s in symbols}
    low, high = sorted(sp.nsimplify(sp.N(e.subs(point), 30), rational=True) for e in ends)
    concrete = D.subs(point)
    return _exact_zero(concrete, x, low, high) or _sampled_zero(concrete, x, low, high)


def _exact_zero(D: sp.Expr, x: sp.Symbol, low: sp.Rational, high: sp.Rational) -> sp.Expr | None:
    inside = D.replace(sp.Abs, lambda argument: argument)
    numerator = sp.numer(sp.together(inside))
    if not numerator.is_polynomial(x) or not numerator.free_symbols <= {x}:
        return None
    scale = max(abs(D.subs(x, u).evalf(15)) for u in (low, high, (low + high) / 2))
    roots = [r for r in sp.real_roots(sp.Poly(numerator, x)) if bool(low <= r) and bool(r <= high) and D.subs(x, r).evalf(15) <= NEGLIGIBLE * scale]
    return sp.nsimplify(roots[0].evalf(8)) if roots and not roots[0].is_Rational else (roots[0] if roots else None)


def _sampled_zero(D: sp.Expr, x: sp.Symbol, low: sp.Rational, high: sp.Rational) -> sp.Expr | None:
    value = sp.lambdify(x, D, "math")
    grid = [float(low + (high - low) * k / SAMPLES) for k in range(SAMPLES + 1)]
    values = [value(u) for u in grid]
    threshold = NEGLIGIBLE * max(abs(v) for v in values)
    return next((sp.Float(u, 6) for u, v in zip(grid, values, strict=True) if v <= threshold), None)
