"""The exponent of SGD's escape time with Gaussian noise of fixed strength, as the learning rate goes to zero: that of the SDE, chain and all."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.jets import LOSS, X
from eyring.theory.formula import Formula
from eyring.theory.rare_events.large_deviations import CUMULANTS, SAMPLE, rare_path_derivation
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, curvature_min, gradient_variance, learning_rate, loss_min, loss_saddle

__all__ = ["GaussianExponent"]


class GaussianExponent(Result):
    """ln(tau) ~ 2 (L_b - L_a)/(eta C) for x' = x - eta (L' + zeta), zeta normal with variance C; the invariant density is exp(-2 L/(eta C))."""

    name = "gaussian-exponent"
    title = "Exponent of SGD's escape time with Gaussian noise of fixed strength"
    chapter = "Escape"
    sources = ("azizian2024", "ibayashi2021")
    kind = "leading order"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Take the cumulants of a normal law; the root is linear in the slope."""
        slope, per_sample = sp.diff(LOSS, X), batch_size * gradient_variance
        derivation: Derivation = (
            rare_path_derivation()
            .apply(_NORMAL, "a normal gradient with mean L' and variance B C, C that of the batch")
            .claim("the root beside q = 0", 2 * slope / per_sample, residual=_not_a_root, rule="insertion")
            .apply(_CLIMB, "integrate W' = B q from minimum to saddle, and divide by eta")
        )
        stable = Condition(less(learning_rate * curvature_min, 2), "a step does not overshoot the minimum", hard=True)
        return Formula(derivation, "1", learning_rate, (stable,), name=self.name)


def _normal(equation: sp.Basic) -> sp.Basic:
    law = -SAMPLE * sp.diff(LOSS, X) + batch_size * gradient_variance * SAMPLE**2 / 2
    return sp.Eq(equation.lhs.subs(CUMULANTS(SAMPLE), law), 0)


def _normal_by_three_values(before: sp.Basic, after: sp.Basic) -> bool:
    """Average exp(-q g) over three values with the first five moments of the normal law; the sixth power of a tiny q is left."""
    q, mean, variance = sp.Rational(1, 10**4), sp.Rational(3, 5), sp.Rational(9, 7)
    values = ((mean, sp.Rational(2, 3)), *((mean + sign * sp.sqrt(3 * variance), sp.Rational(1, 6)) for sign in (1, -1)))
    law = sp.log(sum(share * sp.exp(-SAMPLE * value) for value, share in values))
    stated = after.lhs.subs({sp.diff(LOSS, X): mean, gradient_variance: variance / batch_size})
    return bool(abs((before.lhs.replace(CUMULANTS, sp.Lambda(SAMPLE, law)) - stated).subs(SAMPLE, q).evalf(40)) < q**5)


def _not_a_root(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    return sp.expand((previous.lhs / SAMPLE).subs(SAMPLE, stated))


def _climb(root: sp.Expr) -> sp.Expr:
    return batch_size / learning_rate * root.coeff(sp.diff(LOSS, X), 1) * (loss_saddle - loss_min)


def _climb_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Integrate over one polynomial."""
    loss = X**2 - X**3 / 3 + X / 7 + sp.Rational(3, 5)
    whole = sp.integrate((batch_size / learning_rate * before).subs(LOSS, loss).doit(), (X, 0, 2))
    return agree_in_numbers(whole, after.subs({loss_min: loss.subs(X, 0), loss_saddle: loss.subs(X, 2)}))


_NORMAL = Rule("cumulants of a normal law", _normal, _normal_by_three_values)
_CLIMB = Rule("integration", _climb, _climb_in_numbers)
