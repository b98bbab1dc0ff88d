"""One dimension, any landscape, any D(x) > 0, three calculi: the mean escape time by Laplace's method, step by step."""

import random
from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Residual, Rule
from eyring.theory.derivation.laplace import LAPLACE, SMALL, Peak
from eyring.theory.derivation.proof import draw
from eyring.theory.escape.jets import DIFFUSION, LOSS, Jet, X, jet_at
from eyring.theory.symbols import noise_exponent

__all__ = ["EXPONENT", "general_mean_time"]

Y, Z, FROM, TO = sp.symbols("y z x_a x_c", real=True)
PHI = sp.Function("Phi", real=True)
PHI_A, PHI_B = sp.symbols("Phi_a Phi_b", real=True)
EXPONENT = noise_exponent  # Phi_b - Phi_a
_TINY = mpmath.mpf(10) ** -24
_QUIET = {PHI_A: 0, PHI_B: 0, EXPONENT: 0, SMALL: _TINY}
AT_WELL, AT_SADDLE = sp.Symbol("I_a", positive=True), sp.Symbol("I_b", positive=True)


@cache
def general_mean_time(calculus_weight: sp.Rational, event: str, order: int, uniform: bool = False) -> tuple[Derivation, tuple[sp.Expr, ...]]:
    """Derive the mean time of dx = -L' dt + sqrt(2 D) dW for undetermined L and D.

    Args:
        calculus_weight: q of the calculus in which the drift is written: 0, 1/2 or 1.
        event: "next well" or "to the saddle"; the latter is reached from x < x_b.
        order: How many powers of D beyond the leading term the last line keeps.
        uniform: Whether D is known to be one number near either point, so that its derivatives there are left out.

    Returns:
        The derivation, whose last line is in terms of E = Phi_b - Phi_a and the derivatives at minimum and saddle; and the relative
        coefficients of the neglected terms up to the next power of D, lowest first (for "to the saddle" in powers of sqrt(D)).
    """
    q, half = calculus_weight, event == "to the saddle"
    well, saddle = (jet.without_gradients() if uniform else jet for jet in (jet_at("a", order + 1), jet_at("b", order + 1)))
    highest = 2 * (order + 1)
    start = (
        Derivation("mean escape time in one dimension")
        .cite(
            "the mean time tau(x) to reach x_c solves the backward equation",
            sp.Eq(_backward(sp.Function("tau")(X), q), -1),
            source="gardiner2009",
            needs="the loss confines walkers on the far side of the minimum",
        )
        .claim("its solution, with Phi' = L'/D", _solution(q), residual=_residual_of(q), rule="insertion in the backward equation")
        .cite(
            "for weak noise, D -> epsilon D, the weight sits at the saddle (y) and at the minimum (z), and the integrals part",
            AT_SADDLE * AT_WELL / SMALL,
            source="wong2001",
            needs="the barrier is high against the noise, and one saddle separates the wells",
        )
    )
    at_saddle = Peak(_phase(saddle, -1, -PHI_B, highest), saddle.derivatives(DIFFUSION ** (-q), highest), half=half)
    at_well = Peak(_phase(well, 1, PHI_A, highest), well.derivatives(DIFFUSION ** (q - 1), highest))
    expanded = start.apply(
        LAPLACE,
        "I_b, the integral of D^-q exp(Phi/epsilon) about the saddle",
        integral=AT_SADDLE,
        peak=at_saddle,
        terms=highest if half else order + 1,
    ).apply(LAPLACE, "I_a, the integral of D^(q-1) exp(-Phi/epsilon) about the minimum", integral=AT_WELL, peak=at_well, terms=order + 1)
    collected = expanded.apply(_COLLECT, "multiply, and keep powers of the noise strength up to the next", highest=highest)
    _, relative = _split(collected.expression)
    neglected = tuple(_half_power(relative, k) for k in range(2 * order + 1, highest + 1))
    final = collected.apply(
        _TRUNCATE,
        "drop the next power, set epsilon = 1 and write E = Phi_b - Phi_a",
        needs="the first neglected term is small",
        keep=2 * order,
        noise=tuple(d for d in (*well.diffusion, *saddle.diffusion) if d != 0),
    )
    return final, neglected


def _backward(tau: sp.Expr, q: sp.Rational) -> sp.Expr:
    drift = -sp.diff(LOSS, X) + q * sp.diff(DIFFUSION, X)
    return DIFFUSION * sp.diff(tau, X, 2) + drift * sp.diff(tau, X)


def _solution(q: sp.Rational) -> sp.Expr:
    D = sp.Function("D", positive=True)
    inner = sp.Integral(D(Z) ** (q - 1) * sp.exp(-PHI(Z)), (Z, -sp.oo, Y))
    return sp.Integral(D(Y) ** (-q) * sp.exp(PHI(Y)) * inner, (Y, X, TO))


def _residual_of(q: sp.Rational) -> Residual:
    def residual(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
        """Insert tau in the backward equation, with Phi' = L'/D, and tau(x_c) = 0 at the target."""
        slope = {sp.diff(PHI(X), X): sp.diff(LOSS, X) / DIFFUSION}
        equation = previous.lhs.subs(sp.Function("tau")(X), stated).doit(integrals=False).subs(slope)
        at_target = stated.subs(X, TO).doit(integrals=False)
        at_target = sp.Integer(0) if isinstance(at_target, sp.Integral) and at_target.limits[0][1] == at_target.limits[0][2] else at_target
        return sp.simplify(sp.expand(equation - previous.rhs)) + at_target

    return residual


def _phase(jet: Jet, sign: int, value: sp.Expr, highest: int) -> tuple[sp.Expr, ...]:
    """Return the jet of sign * Phi: its value, then its derivatives from the second on."""
    slopes = jet.derivatives(sp.diff(LOSS, X) / DIFFUSION, highest + 1)
    return (value, *(sign * s for s in slopes[1:]))


def _collect(expression: sp.Expr, *, highest: int) -> sp.Expr:
    """Write leading * (1 + c_1 sqrt(epsilon) + c_2 epsilon + ...), the bracket cut after epsilon^(highest/2)."""
    exponential = sp.exp((PHI_B - PHI_A) / SMALL)
    factors = sp.Mul.make_args(expression)
    brackets = [f for f in factors if isinstance(f, sp.Add) and f.has(SMALL)]
    leading = sp.powsimp(sp.Mul(*(f for f in factors if f not in brackets)) / exponential)
    relative = [sp.Integer(1)] + [sp.Integer(0)] * highest
    for bracket in brackets:
        terms = [_half_power(bracket, k) for k in range(highest + 1)]
        relative = [sp.Add(*(relative[i] * terms[k - i] for i in range(k + 1))) for k in range(highest + 1)]
    return sp.Mul(leading * exponential, sp.Add(*(c * SMALL ** sp.Rational(k, 2) for k, c in enumerate(relative))), evaluate=False)


def _half_power(bracket: sp.Expr, power: int) -> sp.Expr:
    """Return the coefficient of epsilon^(power/2) in a sum of such powers."""
    wanted = SMALL ** sp.Rational(power, 2)
    parts = (term.as_independent(SMALL, as_Add=False) for term in sp.Add.make_args(bracket))
    return sp.Add(*(coefficient for coefficient, epsilon in parts if epsilon == wanted))


def _split(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    *leading, bracket = expression.args
    return sp.Mul(*leading), bracket


def _collected_in_numbers(before: sp.Expr, after: sp.Expr, *, highest: int) -> bool:
    """At a tiny epsilon the two sides differ by the first power left out."""
    return _same_at_tiny_noise(before, after, dropped=highest + 1)


def _truncate(expression: sp.Expr, *, keep: int, noise: tuple[sp.Symbol, ...]) -> sp.Expr:
    leading, relative = _split(expression)
    bracket = sp.Add(*(_half_power(relative, k) for k in range(keep + 1)))
    return leading.subs({SMALL: 1}).subs(PHI_B, EXPONENT + PHI_A) * bracket


def _truncated_in_numbers(before: sp.Expr, after: sp.Expr, *, keep: int, noise: tuple[sp.Symbol, ...]) -> bool:
    """Scaling the noise in the line without epsilon must do what epsilon did in the line before, up to the dropped power."""
    return _same_at_tiny_noise(before, after, dropped=keep + 1, scaled=noise)


def _same_at_tiny_noise(before: sp.Expr, after: sp.Expr, *, dropped: int, scaled: tuple[sp.Symbol, ...] = ()) -> bool:
    """Compare at random derivatives, epsilon = 1e-12 and equal Phi_a and Phi_b; ``scaled`` symbols are multiplied by epsilon on the right."""
    generator = random.Random(20_002)
    symbols = sorted((before.free_symbols | after.free_symbols) - set(_QUIET), key=str)
    sides = [sp.lambdify([*symbols, *_QUIET], side, "mpmath") for side in (before, after)]
    with mpmath.workdps(80):
        for _ in range(3):
            drawn = {s: draw(s, generator) for s in symbols}
            left, right = ({s: mpmath.mpf(v.p) / v.q * (_TINY if s in hushed else 1) for s, v in drawn.items()} for hushed in ((), scaled))
            quiet = [mpmath.mpf(v) for v in _QUIET.values()]
            ratio = sides[1](*right.values(), *quiet) / sides[0](*left.values(), *quiet)
            if abs(ratio - 1) > _TINY ** (dropped / 2) * 10**6:
                return False
    return True


_COLLECT = Rule("powers of the noise strength", _collect, _collected_in_numbers)
_TRUNCATE = Rule("truncation", _truncate, _truncated_in_numbers)
