"""Laplace's method: an integral of exp(-phase/epsilon) expanded about the point where the phase is least.

The rule needs only the derivatives of phase and amplitude at that point (their jets), so one expansion serves every landscape.
Its witness integrates numerically and demands that the error fall as the power of epsilon that was left out.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import mpmath
import sympy as sp

from eyring.theory.derivation.proof import draw
from eyring.theory.derivation.steps import Rule

__all__ = ["LAPLACE", "SMALL", "Peak", "expand"]

SMALL = sp.Symbol("epsilon", positive=True)  # counts powers of the noise; set to 1 at the end
_U = sp.Symbol("u", real=True)
_ROOT = sp.Symbol("rho", positive=True)  # sqrt(epsilon)


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

    With x = x0 + sqrt(epsilon) u: sqrt(epsilon) e^{-phase/epsilon} times the sum of Gaussian moments of u.
    """
    phase, amplitude, generic = _generic(terms, peak.half)
    values = dict(zip(phase, peak.phase[1:], strict=False)) | dict(zip(amplitude, peak.amplitude, strict=False))
    leading = generic.subs(SMALL, 0)
    bracket = sp.expand(generic / leading)
    return sp.sqrt(SMALL) * sp.exp(-peak.phase[0] / SMALL) * sp.Mul(*(e.subs(values, simultaneous=True) for e in (leading, bracket)))


@lru_cache
def _generic(terms: int, half: bool) -> tuple[tuple[sp.Symbol, ...], tuple[sp.Symbol, ...], sp.Expr]:
    """Expand once for symbols: phase derivatives from the second on, amplitude derivatives from the zeroth on."""
    highest = terms if half else 2 * terms
    phase = (sp.Symbol("p2", positive=True), *(sp.Symbol(f"p{k}", real=True) for k in range(3, highest + 3)))
    amplitude = tuple(sp.Symbol(f"A{k}", real=True) for k in range(highest + 1))
    excess = -sum(p * _U**k * _ROOT ** (k - 2) / sp.factorial(k) for k, p in enumerate(phase[1:], 3))
    prefactor = sum(a * _U**k * _ROOT**k / sp.factorial(k) for k, a in enumerate(amplitude))
    exponential = sum((excess**k / sp.factorial(k) for k in range(highest + 1)), sp.Integer(0))
    series = sp.Poly(sp.expand(prefactor * exponential), _ROOT, _U)
    value = sum(
        coefficient * _ROOT**power * gaussian_moment(degree, phase[0], half=half)
        for (power, degree), coefficient in series.terms()
        if power <= highest
    )
    return phase, amplitude, sp.expand(value).subs(_ROOT, sp.sqrt(SMALL))


def gaussian_moment(degree: int, curvature: sp.Expr, *, half: bool) -> sp.Expr:
    """Return the integral of u^degree exp(-curvature u^2 / 2) over the line, or over u < 0."""
    if half:
        return (-1) ** degree * sp.gamma(sp.Rational(degree + 1, 2)) * (2 / curvature) ** sp.Rational(degree + 1, 2) / 2
    return sp.Integer(0) if degree % 2 else sp.factorial2(degree - 1) * sp.sqrt(2 * sp.pi) / curvature ** sp.Rational(degree + 1, 2)


def _replace_integral(expression: sp.Expr, *, integral: sp.Expr, peak: Peak, terms: int) -> sp.Expr:
    return expression.subs(integral, expand(peak, terms))


def _error_falls_as_it_should(before: sp.Expr, after: sp.Expr, *, integral: sp.Expr, peak: Peak, terms: int) -> bool:
    """Compare with quadrature at two small epsilons: the error must fall by 4^(terms + 1) from one to the next."""
    factor = after / before.subs(integral, 1)
    generator = random.Random(terms)
    jets = [*peak.phase[1:], *peak.amplitude]
    point = {s: draw(s, generator) for s in sorted({s for e in jets for s in sp.sympify(e).free_symbols}, key=str)}
    phase = [sp.sympify(p).subs(point) for p in peak.phase[1:]]
    amplitude = [sp.sympify(a).subs(point) for a in peak.amplitude]
    if not phase[0].is_positive or any(e.free_symbols for e in (*phase, *amplitude)):
        return False
    local = (factor * sp.exp(peak.phase[0] / SMALL)).subs(point)
    errors = [_relative_error(local, phase, amplitude, epsilon, half=peak.half) for epsilon in _scales(phase)]
    order = (terms + 1) / 2 if peak.half else terms + 1
    if max(errors) < 1e-20:
        return True
    return all(e > 0 for e in errors) and abs(math.log(errors[0] / errors[1], 16) - order) < 0.25


def _scales(phase: Sequence[sp.Expr]) -> tuple[mpmath.mpf, mpmath.mpf]:
    """Choose epsilons so small that every higher derivative of the phase is felt weakly; the second is 16 times smaller."""
    reach = (
        min((abs(phase[0]) ** sp.Rational(k, 2) / (1 + abs(p))) ** sp.Rational(2, k - 2) for k, p in enumerate(phase[1:], 3))
        if len(phase) > 1
        else sp.Integer(1)
    )
    largest = mpmath.mpf(min(float(reach), 1.0)) / 2000
    return largest, largest / 16


def _relative_error(local: sp.Expr, phase: Sequence[sp.Expr], amplitude: Sequence[sp.Expr], epsilon: mpmath.mpf, *, half: bool) -> float:
    with mpmath.workdps(40):
        p = [mpmath.mpf(e.evalf(45)) / mpmath.factorial(k) for k, e in enumerate(phase, 2)]
        a = [mpmath.mpf(e.evalf(45)) / mpmath.factorial(k) for k, e in enumerate(amplitude)]

        def integrand(u: mpmath.mpf) -> mpmath.mpf:
            x = mpmath.sqrt(epsilon) * u
            rise = sum(c * x**k for k, c in enumerate(p, 2)) / epsilon
            return sum(c * x**k for k, c in enumerate(a)) * mpmath.exp(-rise)

        reach = 14 / mpmath.sqrt(2 * p[0])
        exact = mpmath.sqrt(epsilon) * mpmath.quad(integrand, mpmath.linspace(-reach, 0 if half else reach, 9))
        stated = mpmath.mpf(local.subs(SMALL, sp.Float(epsilon, 45)).evalf(45))
        return float(abs(stated / exact - 1))


LAPLACE = Rule("Laplace expansion", _replace_integral, _error_falls_as_it_should)
