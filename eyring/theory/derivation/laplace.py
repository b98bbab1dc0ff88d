"""Laplace's method: an integral of exp(-phase/epsilon) expanded about the point where the phase is least.

The rule needs only the derivatives of phase and amplitude at that point (their jets), so one expansion serves every landscape.
Its witness integrates numerically and demands that the error fall as the power of epsilon that was left out.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from eyring.theory.derivation.proof import draw
from eyring.theory.derivation.steps import Rule

__all__ = ["LAPLACE", "SMALL", "Peak", "expand"]

SMALL = sp.Symbol("epsilon", positive=True)  # counts powers of the noise; set to 1 at the end
_U = sp.Symbol("u", real=True)


@dataclass(frozen=True)
class Peak:
    """Where an integral of amplitude * exp(-phase/epsilon) gets its weight.

    Attributes:
        phase: phase(x0), phase''(x0), phase'''(x0), ...: the first derivative is zero and left out.
        amplitude: amplitude(x0), amplitude'(x0), ...
        half: Whether only x < x0 is integrated.
    """

    phase: tuple[sp.Expr, ...]
    amplitude: tuple[sp.Expr, ...]
    half: bool = False


def expand(peak: Peak, terms: int) -> sp.Expr:
    """Return the integral of amplitude * exp(-phase/epsilon) with ``terms`` correction terms in powers of epsilon (of sqrt(epsilon) for a half line).

    With x = x0 + sqrt(epsilon) u: sqrt(epsilon) e^{-phase/epsilon} times the sum of Gaussian moments of u, the bracket after the leading one.
    """
    curvature = peak.phase[1]
    leading = peak.amplitude[0] * gaussian_moment(0, curvature, half=peak.half)
    relative = _relative_terms(peak, terms if peak.half else 2 * terms)
    bracket = sp.Add(*(c * SMALL ** sp.Rational(k, 2) for k, c in enumerate(relative)))
    return sp.Mul(sp.sqrt(SMALL) * sp.exp(-peak.phase[0] / SMALL), leading, bracket, evaluate=False)


def _relative_terms(peak: Peak, highest: int) -> list[sp.Expr]:
    """Return the coefficients of epsilon^(k/2) relative to the leading one, k = 0, ..., highest.

    The phase beyond its curvature is -f, f = sum f_k epsilon^(k/2); e = exp(f) has the coefficients n e_n = sum k f_k e_(n-k), polynomials in u.
    """
    curvature = peak.phase[1]
    slopes = [-sp.expand(p) / sp.factorial(k + 2) for k, p in enumerate(peak.phase[2 : highest + 2], 1)]
    weights = [sp.expand(a / peak.amplitude[0]) / sp.factorial(k) for k, a in enumerate(peak.amplitude[: highest + 1])]
    ring, elements = sp.sring([sp.expand(e) for e in (*slopes, *weights)], _U)
    u = ring(_U)
    f = [ring(0), *(e * u ** (k + 2) for k, e in enumerate(elements[: len(slopes)], 1))]
    f += [ring(0)] * (highest + 1 - len(f))
    amplitude = [e * u**k for k, e in enumerate(elements[len(slopes) :])]
    exponential = [ring(1)]
    for n in range(1, highest + 1):
        exponential.append(sum((f[k] * exponential[n - k] * sp.Rational(k, n) for k in range(1, n + 1)), ring(0)))
    products = [sum((amplitude[k] * exponential[n - k] for k in range(min(n + 1, len(amplitude)))), ring(0)) for n in range(highest + 1)]
    whole = gaussian_moment(0, curvature, half=peak.half)
    moments = [gaussian_moment(degree, curvature, half=peak.half) / whole for degree in range(3 * highest + 1)]
    place = ring.symbols.index(_U)
    return [_averaged(product, place, moments) for product in products]


def _averaged(polynomial: Any, place: int, moments: Sequence[sp.Expr]) -> sp.Expr:
    """Replace the powers of u, generator number ``place``, by their Gaussian moments."""
    by_degree: dict[int, list[sp.Expr]] = {}
    generators = polynomial.ring.symbols
    for exponents, coefficient in polynomial.terms():
        rest = sp.Mul(*(g**e for k, (g, e) in enumerate(zip(generators, exponents, strict=True)) if e and k != place))
        by_degree.setdefault(exponents[place], []).append(polynomial.ring.domain.to_sympy(coefficient) * rest)
    return sp.Add(*(sp.expand(sp.Add(*terms) * moments[degree]) for degree, terms in by_degree.items() if moments[degree] != 0))


def gaussian_moment(degree: int, curvature: sp.Expr, *, half: bool) -> sp.Expr:
    """Return the integral of u^degree exp(-curvature u^2 / 2) over the line, or over u < 0."""
    if half:
        return (-1) ** degree * sp.gamma(sp.Rational(degree + 1, 2)) * sp.sqrt(2) ** (degree + 1) / curvature ** sp.Rational(degree + 1, 2) / 2
    return sp.Integer(0) if degree % 2 else sp.factorial2(degree - 1) * sp.sqrt(2 * sp.pi) / curvature ** sp.Rational(degree + 1, 2)


def _replace_integral(expression: sp.Expr, *, integral: sp.Expr, peak: Peak, terms: int) -> sp.Expr:
    return expression.subs(integral, expand(peak, terms))


def _error_falls_as_it_should(before: sp.Expr, after: sp.Expr, *, integral: sp.Expr, peak: Peak, terms: int) -> bool:
    """Compare with quadrature at two small epsilons: the error must fall by 4^(terms + 1) from one to the next."""
    factor = after / before.subs(integral, 1) * sp.exp(peak.phase[0] / SMALL)
    generator = random.Random(terms)
    jets = [*peak.phase[1:], *peak.amplitude]
    point = {s: draw(s, generator) for s in sorted({s for e in jets for s in sp.sympify(e).free_symbols}, key=str)}
    if factor.free_symbols - {SMALL} - set(point):
        return False
    local = sp.lambdify([*point, SMALL], factor, "mpmath")
    known = sp.lambdify(list(point), jets, "mpmath")
    with mpmath.workdps(40):
        numbers = [mpmath.mpf(value.p) / value.q for value in point.values()]
        values = known(*numbers)
        phase, amplitude = values[: len(peak.phase) - 1], values[len(peak.phase) - 1 :]
        if not phase[0] > 0:
            return False
        errors = [float(abs(local(*numbers, e) / _integral(phase, amplitude, e, half=peak.half) - 1)) for e in _scales(phase)]
    order = (terms + 1) / 2 if peak.half else terms + 1
    if max(errors) < 1e-20:
        return True
    return all(e > 0 for e in errors) and abs(math.log(errors[0] / errors[1], 16) - order) < 0.25


def _scales(phase: Sequence[mpmath.mpf]) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Choose epsilons so small that every higher derivative of the phase is felt weakly; the second is 16 times smaller."""
    reaches = (mpmath.power(phase[0] ** (mpmath.mpf(k) / 2) / (1 + abs(p)), mpmath.mpf(2) / (k - 2)) for k, p in enumerate(phase[1:], 3))
    largest = min(mpmath.mpf(1), *reaches) / 2000 if len(phase) > 1 else mpmath.mpf(1) / 2000
    return largest, largest / 16


def _integral(phase: Sequence[mpmath.mpf], amplitude: Sequence[mpmath.mpf], epsilon: mpmath.mpf, *, half: bool) -> mpmath.mpf:
    """Integrate by the trapezoidal rule, after u = -exp(s - e^-s) on the half line: either way its error falls exponentially in the step."""
    p = [e / mpmath.factorial(k) for k, e in enumerate(phase, 2)]
    a = [e / mpmath.factorial(k) for k, e in enumerate(amplitude)]

    def integrand(u: mpmath.mpf) -> mpmath.mpf:
        x = mpmath.sqrt(epsilon) * u
        return mpmath.polyval(a[::-1], x) * mpmath.exp(-mpmath.polyval(p[::-1], x) * x**2 / epsilon)

    width = 1 / mpmath.sqrt(p[0])
    if not half:
        step = width * 3 / 10
        return mpmath.sqrt(epsilon) * step * mpmath.fsum(integrand(k * step) for k in range(-34, 35))
    step = mpmath.mpf(1) / 24
    nodes = [(mpmath.exp(-k * step), k * step) for k in range(-110, 60)]
    return mpmath.sqrt(epsilon) * step * width * mpmath.fsum(integrand(-width * mpmath.exp(s - e)) * mpmath.exp(s - e) * (1 + e) for e, s in nodes)


LAPLACE = Rule("Laplace expansion", _replace_integral, _error_falls_as_it_should)
