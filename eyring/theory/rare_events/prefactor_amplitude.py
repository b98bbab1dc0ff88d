"""The amplitudes of the density at minimum and saddle, K_a and K_b, held against a numerical integration of their transport."""

from collections.abc import Callable

import mpmath
import sympy as sp

from eyring.theory.derivation import Rule

__all__ = ["AMPLITUDES", "AMPLITUDE_A", "AMPLITUDE_B", "Transport"]

Transport = Callable[[], tuple[mpmath.mpf, dict[sp.Symbol, mpmath.mpf]]]  # ln(K_b/K_a), and the numbers for which it holds
AMPLITUDE_A, AMPLITUDE_B = sp.symbols("K_a K_b", positive=True)


def _with_amplitudes(expression: sp.Expr, *, values: dict, transport: Transport) -> sp.Expr:
    return expression.subs(values)


def _transported(before: sp.Expr, after: sp.Expr, *, values: dict, transport: Transport) -> bool:
    """Compare the two lines where K was had by integrating its transport numerically."""
    with mpmath.workdps(40):
        gain, known = transport()
        numbers = {s: sp.Float(v, 30) for s, v in known.items()}
        ratio = sp.log(after.subs(numbers) / before.subs({AMPLITUDE_A: 1, AMPLITUDE_B: sp.Float(mpmath.exp(gain), 30)}).subs(numbers))
        return bool(abs(sp.simplify(ratio).evalf(20)) < 1e-12)


AMPLITUDES = Rule("transport of K", _with_amplitudes, _transported)
