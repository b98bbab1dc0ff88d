"""What is exactly the same on a rescaled landscape, at every noise strength and at every step size."""

from collections.abc import Mapping

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.symbols import learning_rate, plain_time, scale

__all__ = ["LandscapeScaling", "StepScaling"]

X, Y = sp.symbols("x y", real=True)
LOSS, DIFFUSION, BATCH_LOSS, PLAIN = (sp.Function(name, real=True) for name in ("L", "D", "ell", "w"))


class LandscapeScaling(Result):
    """tau_k = tau/k for L_k(x) = L(sqrt(k) x), at every noise strength.

    Under white noise tau is the time at k = 1 and the same temperature: gamma(k) = k gamma(1), so a plot of the rate over k tests nothing beyond this
    identity. Under minibatch noise, whose covariance is k C(sqrt(k) x), tau is that at k = 1 and the learning rate k eta.
    """

    name = "landscape-scaling"
    title = "Mean escape time on the landscape L(sqrt(k) x), exactly, at every noise strength"
    chapter = "What they mean"
    sources = ("xie2021",)
    cited_at_most = 1

    def derive(self) -> Formula:
        """Change variables in the backward equation."""
        u, root = sp.Function("u", real=True)(X), sp.sqrt(scale)
        backward = DIFFUSION(root * X) * sp.diff(u, X, 2) - sp.diff(LOSS(root * X), X) * sp.diff(u, X)
        derivation = (
            Derivation("mean escape time on a rescaled landscape")
            .cite(
                "the mean time u(x) to reach the target solves the backward equation; D(sqrt(k) x) is the temperature, or eta k C(sqrt(k) x)/2",
                sp.Eq(backward, -1),
                source="gardiner2009",
                needs="the target is rescaled with the landscape",
            )
            .claim(
                "solved by w(sqrt(k) x)/k, where w is the mean time for k = 1: D(y) w'' - L'(y) w' = -1",
                PLAIN(root * X) / scale,
                residual=_backward_residual,
                rule="insertion in the backward equation",
            )
            .apply(_NAMED, "at the start w is the time on the landscape as it was", names={PLAIN(root * X): plain_time})
        )
        return Formula(derivation, "time", sp.Integer(1), name=self.name)


class StepScaling(Result):
    """k eta: one step of SGD on L(sqrt(k) x) at the learning rate eta is, in y = sqrt(k) x, one step on L(y) at k eta.

    So every law counted in iterations depends on k and eta by their product alone, at finite steps and for any batches.
    """

    name = "step-scaling"
    title = "Learning rate on L(x) that does, step by step, what eta does on L(sqrt(k) x)"
    chapter = "What they mean"

    def derive(self) -> Formula:
        """Write one step in the stretched coordinate y = sqrt(k) x, and read the learning rate off."""
        step = X - learning_rate * sp.diff(BATCH_LOSS(sp.sqrt(scale) * X), X)
        derivation = (
            Derivation("one step on a rescaled landscape")
            .define("one step on the loss ell(sqrt(k) x) of a batch", step, rule="update rule")
            .claim(
                "in y = sqrt(k) x",
                Y - scale * learning_rate * sp.diff(BATCH_LOSS(Y), Y),
                residual=lambda stated, before: sp.expand(_stretched(sp.sqrt(scale) * before) - stated),
                rule="change of variables",
            )
            .apply(_RATE, "what multiplies the slope of ell(y)")
        )
        return Formula(derivation, "length^2/loss", learning_rate, name=self.name)


def _stretched(expression: sp.Expr) -> sp.Expr:
    """Write x = y/sqrt(k)."""
    return expression.doit().subs(X, Y / sp.sqrt(scale)).doit()


def _backward_residual(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    u = sp.Function("u", real=True)(X)
    equation = before.lhs.subs(u, stated).doit() - before.rhs
    bend = (sp.diff(LOSS(Y), Y) * sp.diff(PLAIN(Y), Y) - 1) / DIFFUSION(Y)
    return sp.simplify(_stretched(equation).subs(sp.diff(PLAIN(Y), Y, 2), bend))


def _named(expression: sp.Expr, *, names: Mapping[sp.Expr, sp.Symbol]) -> sp.Expr:
    return expression.subs(dict(names))


def _same_at_constants(before: sp.Expr, after: sp.Expr, *, names: Mapping[sp.Expr, sp.Symbol]) -> bool:
    """Let each function be the number that its name stands for."""
    constant = before
    for applied, name in names.items():
        constant = constant.replace(applied.func, lambda *_, name=name: name)
    return agree_in_numbers(constant, after)


def _rate(step: sp.Expr) -> sp.Expr:
    return -sp.expand(step).coeff(sp.diff(BATCH_LOSS(Y), Y))


def _moves_by(step: sp.Expr, rate: sp.Expr) -> bool:
    """On the loss ell = 3 y the step goes down by three times the rate."""
    return agree_in_numbers(Y - step.subs(BATCH_LOSS(Y), 3 * Y).doit(), 3 * rate)


_NAMED = Rule("naming", _named, _same_at_constants)
_RATE = Rule("coefficient of the slope", _rate, _moves_by)
