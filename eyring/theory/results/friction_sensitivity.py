"""How the escape time with momentum answers to friction and to the sharpness of the saddle: one square root governs both."""

import sympy as sp

from eyring.theory.basins.two_minima import OTHER_NAMES
from eyring.theory.escape.kramers_langer import general_law
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.sensitivity import sensitivity
from eyring.theory.symbols import det_saddle, escape_curvature, friction, learning_rate

__all__ = ["FrictionSensitivity", "KramersLangerSharpness"]

ACROSS = sp.Symbol("b_2", positive=True)  # the saddle's curvature across the way
RATIO = friction / sp.sqrt(friction**2 - 4 * escape_curvature)


class KramersLangerSharpness(Result):
    """d ln tau/d ln|lambda_b| = -gamma/(2 sqrt(gamma^2 + 4 |lambda_b|)): -1/2 at strong friction (Kramers), 0 at weak.

    The other curvatures of the saddle are held fixed, so that its determinant grows with lambda_b; at weak friction
    the saddle is crossed at once, whatever its shape.
    """

    name = "kramers-langer-sharpness"
    title = "Sensitivity of the escape time with momentum to the saddle's curvature along the way out"
    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Write the determinant as lambda_b times the other curvature, differentiate, and simplify."""
        law = general_law(2, "next well").apply(OTHER_NAMES, "det H_b = lambda_b b_2", names={det_saddle: escape_curvature * ACROSS})
        return _stated(self, sensitivity(Formula(law, "time", sp.sqrt(learning_rate)), escape_curvature), -RATIO / 2)


class FrictionSensitivity(Result):
    """d ln tau/d ln gamma = gamma/sqrt(gamma^2 + 4 |lambda_b|): 1 at strong friction, where tau ~ gamma, and 0 at weak."""

    name = "kramers-langer-friction"
    title = "Sensitivity of the escape time with momentum to the friction, at one temperature"
    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Differentiate the Kramers-Langer law, and simplify."""
        return _stated(self, sensitivity(Formula(general_law(2, "next well"), "time", sp.sqrt(learning_rate)), friction), RATIO)


def _stated(result: Result, slope: Formula, expression: sp.Expr) -> Formula:
    derivation = slope.derivation.claim("by friction and curvature", expression, residual=_with_friction_from_rates)
    return Formula(derivation, slope.unit, slope.clock, slope.conditions, name=result.name)


def _with_friction_from_rates(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    """Write friction and curvature by the two rates at the saddle, gamma = q - p and |lambda_b| = p q, where the root is p + q."""
    p, q = sp.symbols("p q", positive=True)
    values = {sp.sqrt(friction**2 - 4 * escape_curvature): p + q, friction: q - p, escape_curvature: -p * q}
    return sp.simplify(sum(sign * sp.factor(_rooted(e.subs(values))) for sign, e in ((1, stated), (-1, before))))


def _rooted(expression: sp.Expr) -> sp.Expr:
    """Take the roots of squares."""
    return expression.replace(lambda e: isinstance(e, sp.Pow) and not e.exp.is_Integer, lambda e: sp.sqrt(sp.factor(e.base)) ** (2 * e.exp))
