"""The mean excess loss at a minimum: a quarter of eta Tr C for any Hessian and noise of any dimension, by a trace that needs no commutation."""

import random
from collections.abc import Callable

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, covariance_trace, hessian_trace, learning_rate

__all__ = ["MeanLoss", "MeanLossHessianNoise"]

N = sp.Symbol("n", integer=True, positive=True)
H, S, C = (sp.MatrixSymbol(letter, N, N) for letter in "HSC")
SIZES = (2, 3, 4)  # of the matrices that the witnesses draw


class MeanLoss(Result):
    """E[L - L*] = (eta/4) Tr C: exact for the Ornstein-Uhlenbeck SDE, whatever the Hessian and whether or not it commutes with C."""

    name = "mean-loss"
    title = "Mean excess loss of the SDE of SGD at a minimum, any Hessian and any noise"
    chapter = "Stationary laws"

    def derive(self) -> Formula:
        """Take the trace of the Lyapunov equation."""
        return Formula(mean_loss(), "loss", learning_rate, name=self.name)


class MeanLossHessianNoise(Result):
    """E[L - L*] = (eta/(4 B)) Tr H for C = H/B: exact for the SDE; discrete-expected-loss has that of the steps."""

    name = "mean-loss-hessian-noise"
    title = "Mean excess loss of the SDE of SGD at a minimum under noise in proportion to the Hessian"
    chapter = "Stationary laws"
    sources = ("jastrzebski2017",)

    def derive(self) -> Formula:
        """Insert C = H/B in the law for any C."""
        derivation = mean_loss().apply(_PROPORTIONAL, "C = H/B, so Tr C = Tr H/B", needs="the noise is in proportion to the Hessian")
        return Formula(derivation, "loss", learning_rate, name=self.name)


def mean_loss() -> Derivation:
    """Derive (eta/4) Tr C for n x n matrices H, S, C, n undetermined."""
    return (
        Derivation("mean excess loss at a minimum")
        .define("the second moments S stand still where H S + S H = eta C", sp.Eq(H * S + S * H, learning_rate * C))
        .apply(_TRACE, "take the trace")
        .apply(_CYCLE, "the trace is cyclic: Tr(S H) = Tr(H S)")
        .apply(_LOSS, "the mean excess loss is E[x^T H x]/2 = Tr(H S)/2")
    )


def _trace(equation: sp.Equality) -> sp.Equality:
    left = sp.Add(*(sp.Trace(term) for term in equation.lhs.args))
    return sp.Eq(left, learning_rate * sp.Trace(C), evaluate=False)


def _cycle(equation: sp.Equality) -> sp.Equality:
    return equation.xreplace({sp.Trace(S * H): sp.Trace(H * S)})


def _loss(equation: sp.Equality) -> sp.Expr:
    factor = equation.lhs / sp.Trace(H * S)  # a number: how often Tr(H S) stands on the left
    return (equation.rhs / factor / 2).xreplace({sp.Trace(C): covariance_trace})


def _proportional(loss: sp.Expr) -> sp.Expr:
    return loss.xreplace({covariance_trace: hessian_trace / batch_size})


def _balanced(line: sp.Basic, check: Callable[[sp.Basic, sp.Matrix, sp.Matrix, sp.Matrix], bool]) -> bool:
    """Draw H, S and C = (H S + S H)/eta as explicit matrices that do not commute, of several sizes."""
    generator = random.Random(4)
    for n in SIZES:
        h, s = (_symmetric(n, generator) for _ in range(2))
        if not check(line, h, s, (h * s + s * h) / learning_rate):
            return False
    return True


def _symmetric(n: int, generator: random.Random) -> sp.ImmutableMatrix:
    root = sp.ImmutableMatrix(n, n, lambda i, j: sp.Rational(generator.randint(-9, 9), 7))
    return root * root.T


def _equation_holds(line: sp.Basic, h: sp.Matrix, s: sp.Matrix, c: sp.Matrix) -> bool:
    left, right = (_explicit(side, h, s, c) for side in (line.lhs, line.rhs))
    return sp.expand(left - right) == 0


def _explicit(expression: sp.Expr, h: sp.Matrix, s: sp.Matrix, c: sp.Matrix) -> sp.Expr:
    values = {sp.Trace(H * S): (h * s).trace(), sp.Trace(S * H): (s * h).trace(), sp.Trace(C): c.trace()}
    return expression.xreplace(values)


def _loss_is(line: sp.Basic, h: sp.Matrix, s: sp.Matrix, c: sp.Matrix) -> bool:
    return sp.expand(line.xreplace({covariance_trace: c.trace()}) - (h * s).trace() / 2) == 0


def _isotropic_spread(line: sp.Expr) -> bool:
    """With C = H/B the moments S = eta/(2 B) I balance, and their loss Tr(H S)/2 is the one stated."""
    h = _symmetric(3, random.Random(8))
    s = learning_rate / (2 * batch_size) * sp.eye(3)
    balance = h * s + s * h - learning_rate * h / batch_size
    return balance.expand().is_zero_matrix and sp.expand(line.xreplace({hessian_trace: h.trace()}) - (h * s).trace() / 2) == 0


_TRACE = Rule("trace", _trace, lambda before, after, **_: _balanced(after, _equation_holds))
_CYCLE = Rule("cyclicity of the trace", _cycle, lambda before, after, **_: _balanced(after, _equation_holds))
_LOSS = Rule("mean of a quadratic form", _loss, lambda before, after, **_: _balanced(after, _loss_is))
_PROPORTIONAL = Rule("insertion of the noise", _proportional, lambda before, after, **_: _isotropic_spread(after))
