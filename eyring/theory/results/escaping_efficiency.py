"""How the loss of SGD grows out of a minimum: at all times, and Zhu et al.'s escaping efficiency as its beginning."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.sde import SDE
from eyring.theory.stationary.second_moments import MOMENT_RATE, moment_symbols
from eyring.theory.symbols import covariance_11, covariance_12, covariance_22, curvature_1, curvature_2, learning_rate, time

__all__ = ["EscapingEfficiency"]

X, Y = sp.symbols("x y", real=True)
CURVATURES = (curvature_1, curvature_2)
NOISE = sp.ImmutableMatrix([[covariance_11, covariance_12], [covariance_12, covariance_22]])


class EscapingEfficiency(Result):
    """E[L(t) - L*] = (eta/4) sum_i C_ii (1 - exp(-2 H_i t)) from the minimum, in the Hessian's eigenbasis; (eta t/2) Tr(H C) at first."""

    name = "escaping-efficiency"
    title = "Growth of the mean loss of the SDE of SGD started at a minimum, at all times"
    chapter = "Stationary laws"
    sources = ("zhu2019",)
    published_note = (
        "Published: (eta t/2) Tr(H C), the first term in t. It is above the mean loss by the factor (1 + H t) to first order, "
        "grows without bound, and misses the limit (eta/4) Tr C."
    )

    def derive(self) -> Formula:
        """Let the second moments grow from zero by their exact rate."""
        return Formula(growth_of_moments().apply(_LOSS, "the mean excess loss is Tr(H S)/2"), "loss", learning_rate, name=self.name)

    def published(self) -> Formula:
        """Keep the first term in the time."""
        beginning = (
            growth_of_moments().apply(_LOSS, "the mean excess loss is Tr(H S)/2").apply(_BEGINNING, "keep the first power of t", needs="H t << 1")
        )
        return Formula(beginning, "loss", learning_rate, name=self.name, note=self.published_note)


def growth_of_moments() -> Derivation:
    """Derive the second moments at time t of SGD started at the minimum, in the eigenbasis of the Hessian."""
    here = sp.Matrix([X, Y])
    sde = SDE([-h * x for h, x in zip(CURVATURES, here, strict=True)], learning_rate * NOISE / 2, [X, Y], clock=learning_rate)

    def stated_at(i: int, j: int) -> sp.Expr:
        decay = CURVATURES[i] + CURVATURES[j]
        return learning_rate * NOISE[i, j] * (1 - sp.exp(-decay * time)) / decay

    def equation(stated: sp.Basic, rates: sp.Basic) -> sp.Basic:
        """dS/dt - rate(S), and S at the start."""
        values = dict(zip(moment_symbols(2), stated, strict=True))
        rest = (stated.diff(time) - rates.xreplace(values)).applyfunc(sp.simplify)
        return sp.ImmutableMatrix.vstack(rest, stated.subs(time, 0))

    return (
        Derivation("second moments of SGD started at a minimum")
        .define("the products of coordinates", sp.ImmutableMatrix(here * here.T))
        .apply(MOMENT_RATE, "their mean rate of change, with S for the second moments", sde=sde)
        .claim("the moments at time t, zero at the start", sp.ImmutableMatrix(2, 2, stated_at), residual=equation, rule="insertion in the rate")
    )


def _mean_loss(moments: sp.MatrixBase) -> sp.Expr:
    return sp.Add(*(sp.simplify(h * moments[i, i] / 2) for i, h in enumerate(CURVATURES)))


def _loss_by_trace(moments: sp.MatrixBase, loss: sp.Expr) -> bool:
    return agree_in_numbers((sp.diag(*CURVATURES) * moments).trace() / 2, loss)


def _beginning(loss: sp.Expr) -> sp.Expr:
    return sp.factor(time * sp.diff(loss, time).subs(time, 0))


def _tangent(loss: sp.Expr, beginning: sp.Expr) -> bool:
    """At a tiny time the ratio is one."""
    early = {time: sp.Rational(1, 10**25)}
    return agree_in_numbers((beginning / loss).subs(early), sp.Integer(1), tolerance=1e-12)


_LOSS = Rule("mean of a quadratic form", _mean_loss, _loss_by_trace)
_BEGINNING = Rule("first power of the time", _beginning, _tangent)
