"""The balance of second moments that a stationary run of heavy ball keeps, for matrices none of which need commute.

(1 - mu) (Lambda H Sigma + Sigma H Lambda) - (1 + mu^2)/(1 - mu^2) Lambda H Sigma H Lambda
    + mu/(1 - mu^2) (Lambda H Lambda H Sigma + Sigma H Lambda H Lambda) = Lambda C Lambda

with the learning rate Lambda, the Hessian H, the covariance C of the minibatch gradient and Sigma of the parameters (Liu, Ziyin & Ueda 2021).
"""

import random
from collections.abc import Mapping
from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation, Residual, Rule
from eyring.theory.discrete.matrix_words import insert, matrix_symbol, transposed, without_common_words
from eyring.theory.symbols import momentum as mu

__all__ = ["COVARIANCE", "HESSIAN", "NOISE", "RATE", "moment_balance", "solved_by"]

RATE, HESSIAN, NOISE, COVARIANCE = (matrix_symbol(name) for name in ("Lambda", "H", "C", "Sigma"))
PLACE, PLACE_T, BEFORE, BEFORE_T = (matrix_symbol(name) for name in ("w", "w^T", "p", "p^T"))  # now, and one step ago
KICK, KICK_T, BUFFER = (matrix_symbol(name) for name in ("zeta", "zeta^T", "m"))
LAGGED, LAGGED_T = (matrix_symbol(name) for name in ("X", "X^T"))  # <w p^T> and its transpose
PARTNERS = {PLACE: PLACE_T, BEFORE: BEFORE_T, KICK: KICK_T, LAGGED: LAGGED_T}
PARTNERS |= {b: a for a, b in PARTNERS.items()}

AVERAGES = {
    PLACE * PLACE_T: COVARIANCE,
    BEFORE * BEFORE_T: COVARIANCE,
    PLACE * BEFORE_T: LAGGED,
    BEFORE * PLACE_T: LAGGED_T,
    KICK * KICK_T: NOISE,
    **{product: 0 for other in (PLACE, BEFORE) for product in (KICK * PARTNERS[other], other * KICK_T)},
}


@cache
def moment_balance() -> Derivation:
    """Derive the balance from the update rule; its last line is the equation above, an equality of words."""
    eliminated = PLACE + mu * (PLACE - BEFORE) - RATE * HESSIAN * PLACE - RATE * KICK
    return (
        Derivation("stationary second moments of heavy ball")
        .define("one step of heavy ball on a parabola", PLACE - RATE * (mu * BUFFER + HESSIAN * PLACE + KICK), rule="update rule")
        .claim("the buffer is the last step, Lambda m = p - w", eliminated, residual=_without_buffer, rule="elimination")
        .apply(
            _STANDS_STILL,
            "changes of <w w^T> and of X = <w p^T> over one step, which are zero",
            needs="the run is stationary with finite second moments; the noise of a batch has mean zero whatever came before",
        )
        .claim("eliminate X", sp.Eq(balance_of(COVARIANCE), RATE * NOISE * RATE), residual=_eliminated, rule="elimination")
    )


def balance_of(covariance: sp.Expr) -> sp.Expr:
    """Return the left side of the balance."""
    once, twice = RATE * HESSIAN, RATE * HESSIAN * RATE * HESSIAN
    sides = [word * covariance + covariance * transposed(word, {}) for word in (once, twice)]
    return (1 - mu) * sides[0] - (1 + mu**2) / (1 - mu**2) * once * covariance * transposed(once, {}) + mu / (1 - mu**2) * sides[1]


def solved_by(matrices: Mapping[sp.Symbol, sp.MatrixBase], numbers: Mapping[sp.Symbol, sp.Expr] | None = None) -> Residual:
    """Return the check that a stated covariance solves the previous line, an equality of words, for explicit matrices.

    Args:
        matrices: What the letters other than Sigma are.
        numbers: What the scalars in it are, such as the momentum.
    """

    def residual(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
        balance = (previous.lhs - previous.rhs).xreplace(dict(numbers or {}))
        return insert(balance, {**matrices, COVARIANCE: stated}).applyfunc(_numerator)

    return residual


def _numerator(entry: sp.Expr) -> sp.Expr:
    """Return what must vanish for a ratio of polynomials to do so."""
    return sp.expand(sp.fraction(sp.together(entry))[0])


def _without_buffer(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    return without_common_words(stated - sp.expand(previous).subs(RATE * BUFFER, BEFORE - PLACE))


def _eliminated(stated: sp.Basic, previous: sp.Basic) -> sp.ImmutableMatrix:
    """X + mu X^T = A Sigma with A = 1 + mu - Lambda H gives X = (A Sigma - mu Sigma A^T)/(1 - mu^2); put it into both lines."""
    step = (1 + mu) - RATE * HESSIAN
    lagged = (step * COVARIANCE - mu * COVARIANCE * transposed(step, {})) / (1 - mu**2)
    place, delayed = (e.subs({LAGGED: lagged, LAGGED_T: transposed(lagged, {})}) for e in previous)
    return sp.ImmutableMatrix([without_common_words(e) for e in (place + stated.lhs - stated.rhs, delayed)])


def _changes(step: sp.Expr) -> sp.ImmutableMatrix:
    square, along = (sp.expand(step * other) for other in (transposed(step, PARTNERS), PLACE_T))
    return sp.ImmutableMatrix([square.subs(AVERAGES) - COVARIANCE, along.subs(AVERAGES) - LAGGED])


def _on_a_closed_orbit(step: sp.Expr, after: sp.MatrixBase) -> bool:
    """Average over five random places visited in turn, which leaves <w w^T> as it is, each with a kick and its opposite."""
    generator = random.Random(2012)

    def drawn(rows: int, columns: int) -> sp.Matrix:
        return sp.Matrix(rows, columns, lambda i, j: sp.Rational(generator.randint(-20, 20), 7))

    places, kicks = [drawn(2, 1) for _ in range(5)], [drawn(2, 1) for _ in range(5)]
    symmetric = {symbol: m + m.T for symbol, m in ((RATE, drawn(2, 2)), (HESSIAN, drawn(2, 2)))}
    number = {mu: sp.Rational(3, 7)}
    orbit = [(places[i], places[i - 1], sign * kicks[i]) for i in range(5) for sign in (1, -1)]
    new = [insert(step.xreplace(number), {**symmetric, PLACE: w, BEFORE: p, KICK: z}) for w, p, z in orbit]
    moments = {
        COVARIANCE: _mean([w * w.T for w, _, _ in orbit]),
        LAGGED: _mean([w * p.T for w, p, _ in orbit]),
        LAGGED_T: _mean([p * w.T for w, p, _ in orbit]),
    }
    square, along = (insert(e.xreplace(number), {**symmetric, **moments, NOISE: _mean([z * z.T for _, _, z in orbit])}) for e in after)
    measured = (
        _mean([n * n.T for n in new]) - moments[COVARIANCE],
        _mean([n * w.T for n, (w, _, _) in zip(new, orbit, strict=True)]) - moments[LAGGED],
    )
    return (square, along) == tuple(sp.ImmutableMatrix(m) for m in measured)


def _mean(matrices: list[sp.Matrix]) -> sp.Matrix:
    return sum(matrices[1:], matrices[0]) / len(matrices)


_STANDS_STILL = Rule("average over one step", _changes, _on_a_closed_orbit)
