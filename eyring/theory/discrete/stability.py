"""When the linear steps of an optimizer contract, as inequalities in their symbols: Hurwitz' criterion for the eigenvalues of one step.

z = (w + 1)/(w - 1) takes the unit disc to the left half plane; an eigenvalue of one step at 1, at -1 or elsewhere on the circle breaks an
inequality.
"""

from typing import NamedTuple

import sympy as sp

from eyring.theory.regime import Condition, greater, less

__all__ = ["Demands", "contraction_conditions", "contraction_demands"]

HELD = "the loss holds the parameters in every direction (a positive definite Hessian, any weight decay included)"
SHORT = "a step does not overshoot the minimum"
FORGETS = "no oscillation of the buffers grows"
LEAVE_OUT = "Expand around a minimum, and leave flat directions out"
LOWER = "Lower the learning rate (plain SGD and heavy ball: below 2 (1 + mu)/curvature)"
DAMP = "Lower the momentum, below 1, or the learning rate"


class Demands(NamedTuple):
    """What must be positive for every eigenvalue of one step to lie within the unit circle.

    Attributes:
        held: det(1 - A); zero where an eigenvalue is 1.
        short: det(1 + A); zero where an eigenvalue is -1.
        forgets: Hurwitz' determinants between the two; none for a single number.
    """

    held: sp.Expr
    short: sp.Expr
    forgets: tuple[sp.Expr, ...]


def contraction_demands(step: sp.MatrixBase) -> Demands:
    """Return them for one step z' = ``step`` z.

    >>> k = sp.Symbol("k")
    >>> contraction_demands(sp.Matrix([[1 - k]]))
    Demands(held=k, short=2 - k, forgets=())
    """
    w, n = sp.Dummy("w"), step.rows
    coefficients = sp.Matrix(step).charpoly(sp.Dummy("z")).all_coeffs()
    turned = sum((c * (w + 1) ** (n - i) * (w - 1) ** i for i, c in enumerate(coefficients)), sp.Integer(0))
    b = [sp.expand(turned).coeff(w, n - i) for i in range(n + 1)]
    table = sp.Matrix(n, n, lambda i, j: b[2 * j + 1 - i] if 0 <= 2 * j + 1 - i <= n else sp.Integer(0))
    minors = (table[:i, :i].det(method="berkowitz") for i in range(1, n))
    return Demands(sp.factor(b[0]), sp.factor(b[n]), tuple(sp.factor(m) for m in minors))


def contraction_conditions(demands: Demands) -> tuple[Condition, ...]:
    """Return them as hard conditions; those that hold by the signs of their symbols are left out."""
    said = ((demands.held, HELD, LEAVE_OUT), (demands.short, SHORT, LOWER), *((d, FORGETS, DAMP) for d in demands.forgets))
    conditions = (Condition(_positive(value), sentence, hard=True, remedy=remedy) for value, sentence, remedy in said)
    return tuple(c for c in conditions if c.relation != sp.true)


def _positive(value: sp.Expr) -> sp.Basic:
    """Return value > 0 without the factors that are positive anyway, the terms with a minus on the other side."""
    rest = sp.expand(sp.Mul(*(f for f in sp.Mul.make_args(sp.factor(value)) if not f.is_positive)))
    lost = [term for term in sp.Add.make_args(rest) if term.could_extract_minus_sign()]
    gained = rest - sp.Add(*lost)
    content = sp.gcd_terms(rest).as_coeff_Mul()[0]
    scale = 1 / abs(content) if content.is_Rational and content != 0 else sp.Integer(1)
    if not lost:
        return greater(gained * scale, sp.Integer(0))
    return less(-sp.Add(*lost) * scale, gained * scale)
