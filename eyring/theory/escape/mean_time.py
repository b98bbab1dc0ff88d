"""One dimension, any landscape, any D(x) > 0, three calculi: the mean escape time by Laplace's method, step by step."""

from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation, Residual, Rule
from eyring.theory.derivation.laplace import LAPLACE, SMALL, Peak
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.jets import DIFFUSION, LOSS, Jet, X, jet_at

__all__ = ["EXPONENT", "general_mean_time"]

Y, Z, FROM, TO = sp.symbols("y z x_a x_c", real=True)
PHI = sp.Function("Phi", real=True)
PHI_A, PHI_B = sp.symbols("Phi_a Phi_b", real=True)
EXPONENT = sp.Symbol("E", positive=True)  # Phi_b - Phi_a, the integral of L'/D from the minimum to the saddle
_ROOT = sp.Symbol("rho", positive=True)  # sqrt(epsilon)
AT_WELL, AT_SADDLE = sp.Symbol("I_a", positive=True), sp.Symbol("I_b", positive=True)


@cache
def general_mean_time(calculus_weight: sp.Rational, event: str, order: int) -> tuple[Derivation, tuple[sp.Expr, ...]]:
    """Derive the mean time of dx = -L' dt + sqrt(2 D) dW for undetermined L and D.

    Args:
        calculus_weight: q of the calculus in which the drift is written: 0, 1/2 or 1.
        event: "next well" or "to the saddle"; the latter is reached from x < x_b.
        order: How many powers of D beyond the leading term the last line keeps.

    Returns:
        The derivation, whose last line is in terms of E = Phi_b - Phi_a and the derivatives at minimum and saddle; and the relative
        coefficients of the neglected terms up to the next power of D, lowest first (for "to the saddle" in powers of sqrt(D)).
    """
    q, half = calculus_weight, event == "to the saddle"
    well, saddle = jet_at("a", order + 1), jet_at("b", order + 1)
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
        noise=(*well.diffusion, *saddle.diffusion),
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
    leading, bracket = sp.Integer(1), [sp.Integer(1)] + [sp.Integer(0)] * highest
    for factor in sp.Mul.make_args(sp.powsimp(expression / exponential).subs(SMALL, _ROOT**2)):
        powers = sp.collect(sp.expand(factor), _ROOT, evaluate=False)
        terms = [powers.get(_ROOT**k if k else sp.Integer(1), sp.Integer(0)) for k in range(highest + 1)]
        if terms[0] == 0:
            leading *= factor
            continue
        leading *= terms[0]
        ratios = [sp.expand(t / terms[0]) for t in terms]
        bracket = [sp.expand(sum(bracket[i] * ratios[k - i] for i in range(k + 1))) for k in range(highest + 1)]
    relative = sum((c * SMALL ** sp.Rational(k, 2) for k, c in enumerate(bracket)), sp.Integer(0))
    return sp.Mul(sp.powsimp(leading) * exponential, sp.expand(relative), evaluate=False)


def _half_power(bracket: sp.Expr, power: int) -> sp.Expr:
    """Return the coefficient of epsilon^(power/2)."""
    return bracket.subs(SMALL, _ROOT**2).coeff(_ROOT, power)


def _split(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    factors = expression.args
    bracket = factors[-1]
    return sp.Mul(*factors[:-1]), sp.expand(bracket)


def _collected_in_numbers(before: sp.Expr, after: sp.Expr, *, highest: int) -> bool:
    """At a tiny epsilon the two sides differ by the first power left out."""
    tiny = sp.Rational(1, 10**12)
    quiet = {PHI_A: 0, PHI_B: 0}
    ratio = (after / before).subs(quiet).subs(SMALL, tiny)
    return agree_in_numbers(ratio, sp.Integer(1), tolerance=float(tiny) ** ((highest + 1) / 2) * 1e6)


def _truncate(expression: sp.Expr, *, keep: int, noise: tuple[sp.Symbol, ...]) -> sp.Expr:
    leading, relative = _split(expression)
    bracket = sum((_half_power(relative, k) for k in range(keep + 1)), sp.Integer(0))
    return (leading * bracket).subs(SMALL, 1).subs(PHI_B, EXPONENT + PHI_A)


def _truncated_in_numbers(before: sp.Expr, after: sp.Expr, *, keep: int, noise: tuple[sp.Symbol, ...]) -> bool:
    """Scaling the noise in the line without epsilon must do what epsilon did in the line before, up to the dropped power."""
    tiny = sp.Rational(1, 10**12)
    with_epsilon = before.subs({PHI_B: 0, PHI_A: 0}).subs(SMALL, tiny)
    with_scaled_noise = after.subs(EXPONENT, 0).subs({d: tiny * d for d in noise}, simultaneous=True)
    return agree_in_numbers(with_scaled_noise / with_epsilon, sp.Integer(1), tolerance=float(tiny) ** ((keep + 1) / 2) * 1e6)


_COLLECT = Rule("powers of the noise strength", _collect, _collected_in_numbers)
_TRUNCATE = Rule("truncation", _truncate, _truncated_in_numbers)
