"""Minibatch noise of a likelihood that is right: the gradients' covariance is the Hessian (Bartlett's identity)."""

import itertools
from collections.abc import Callable
from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import HESSIAN
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import gradient_moment_11, gradient_moment_12, gradient_moment_22, learning_rate

__all__ = ["FisherCovariance"]

OUTCOME = sp.Symbol("y", real=True)
PARAMETERS = sp.symbols("theta_1 theta_2", real=True)
SURPRISE = sp.Function("ell", real=True)(OUTCOME, *PARAMETERS)
MOMENTS = sp.Matrix([[gradient_moment_11, gradient_moment_12], [gradient_moment_12, gradient_moment_22]])
PLACES = list(itertools.product((0, 1), repeat=2))


class FisherCovariance(Result):
    """C = H/B for the loss -ln p(y) of a model that holds the data's own law, at the parameters of that law."""

    name = "fisher-covariance"
    title = "Minibatch covariance of a well-specified likelihood at the true parameters"
    chapter = "Minibatch noise"
    sources = ("xie2021", "jastrzebski2017")

    def derive(self) -> Formula:
        """Differentiate the normalisation of the likelihood twice."""
        derivation = (
            Derivation("covariance of the minibatch gradient of a likelihood")
            .define("normalisation of exp(-l): one at all parameters", sp.Integral(sp.exp(-SURPRISE), (OUTCOME, -sp.oo, sp.oo)))
            .apply(_TWICE, "its second derivatives, which vanish since it is one everywhere", needs="differentiation and integration commute")
            .apply(
                _AVERAGES,
                "as averages over the data: of the products of the gradient, less those of the second derivatives",
                needs="the data's law is the model's",
            )
            .claim(
                "the averages are equal; the mean gradient vanishes by one differentiation, so that C is the first of them over B",
                sp.ImmutableMatrix(HESSIAN / B),
                residual=lambda stated, before: sp.Matrix(before).subs({MOMENTS[p]: B * stated[p] for p in PLACES}),
                rule="insertion",
            )
        )  # fmt: skip
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


def _second_derivatives(normalisation: sp.Expr) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(2, 2, lambda a, b: sp.diff(normalisation, PARAMETERS[a], PARAMETERS[b]))


def _differences_agree(before: sp.Expr, after: sp.MatrixBase) -> bool:
    """Take second differences of the integral of a law that is known, and integrate the derivative of that law."""
    with mpmath.workdps(40):
        step = mpmath.mpf(10) ** -9
        for a, b in PLACES:
            corners = [(s, t) for s in (1, -1) for t in (1, -1)]
            total = mpmath.fsum(s * t * _integral(before, _moved(a, s * step, b, t * step)) for s, t in corners)
            if abs(total / (4 * step**2) - _integral(after[a, b], _moved(0, 0, 0, 0))) > 1e-14:
                return False
    return True


def _as_averages(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(2, 2, lambda a, b: _as_average(matrix[a, b], a, b))


def _as_average(integral: sp.Expr, a: int, b: int) -> sp.Expr:
    integrand = sp.expand(integral.args[0] / sp.exp(-SURPRISE))
    slopes, bend = sp.diff(SURPRISE, PARAMETERS[a]) * sp.diff(SURPRISE, PARAMETERS[b]), sp.diff(SURPRISE, PARAMETERS[a], PARAMETERS[b])
    return integrand.subs(bend, HESSIAN[a, b]).subs(slopes, MOMENTS[a, b])


def _averages_agree(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Integrate products and second derivatives apart."""
    with mpmath.workdps(40):
        here = _moved(0, 0, 0, 0)
        values = {}
        for a, b in PLACES:
            slopes, bend = sp.diff(SURPRISE, PARAMETERS[a]) * sp.diff(SURPRISE, PARAMETERS[b]), sp.diff(SURPRISE, PARAMETERS[a], PARAMETERS[b])
            for symbol, integrand in ((MOMENTS[a, b], slopes), (HESSIAN[a, b], bend)):
                values[symbol] = sp.Float(_integral(sp.Integral(integrand * sp.exp(-SURPRISE), OUTCOME), here), 40)
        return all(abs(sp.Float(_integral(before[p], here), 40) - after[p].subs(values)) < 1e-25 for p in PLACES)


def _moved(a: int, by: mpmath.mpf, b: int, then_by: mpmath.mpf) -> list[mpmath.mpf]:
    point = [mpmath.mpf(3) / 10, mpmath.mpf(-1) / 5]
    point[a] += by
    point[b] += then_by
    return point


def _integral(integral: sp.Integral, point: list[mpmath.mpf]) -> mpmath.mpf:
    """Integrate with l = y^2 + theta_1 y + theta_2 y^2/(1 + theta_1^2) + theta_1 theta_2 by the trapezoidal rule, to 30 digits."""
    integrand = _integrand(integral.args[0])
    step = mpmath.mpf(1) / 4
    return step * mpmath.fsum(integrand(k * step, *point) for k in range(-64, 65))


@cache
def _integrand(expression: sp.Expr) -> Callable[..., mpmath.mpf]:
    one, two = PARAMETERS
    known = OUTCOME**2 + one * OUTCOME + two * OUTCOME**2 / (1 + one**2) + one * two
    return sp.lambdify([OUTCOME, one, two], expression.subs(SURPRISE, known).doit(), "mpmath")


_TWICE = Rule("differentiation under the integral", _second_derivatives, _differences_agree)
_AVERAGES = Rule("averages by name", _as_averages, _averages_agree)
