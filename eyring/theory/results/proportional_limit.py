"""Linear regression trained on a finite data set with many weights: samples, weights and batch all large, in proportion."""

import random

import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.discrete.moment_balance import COVARIANCE, HESSIAN, NOISE, RATE, moment_balance
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size, input_variance, label_std, learning_rate, momentum, parameter_count, samples_per_weight

__all__ = ["FIT", "RESIDUAL", "ProportionalLimit"]

eta, B, a, n, alpha = learning_rate, batch_size, input_variance, parameter_count, samples_per_weight
EIGENVALUE, TRACE, RESIDUAL = (sp.Symbol(name, positive=True) for name in ("x", "t", "r"))  # of the samples' covariance; Tr[A Sigma]; <residual^2>
TRANSFORM, SCALE = sp.Symbol("g", real=True), sp.Symbol("z", positive=True)  # g = mean of 1/(x/a - z) over the eigenvalues x


class ProportionalLimit(Result):
    """Tr[A Sigma] = sigma_y^2 max(0, 1 - 1/alpha) phi/(1 - phi), A the samples' own covariance; with more weights than samples it is zero.

    phi = n alpha/(2 B) (z - 1 - 1/alpha - sqrt((z - 1 - 1/alpha)^2 - 4/alpha)), z = 2/(eta a), is the share of the noise that the weights' own
    spread feeds back. In print eta (1 - 1/B) stands for eta in one place: a difference of the order of what is neglected,
    and smaller than what the second road can tell apart.
    """

    name = "proportional-limit"
    title = "Excess training loss of linear regression, twice, with as many samples and as large a batch per weight"
    chapter = "Stationary laws"
    sources = ("ziyin2022",)
    kind = "approximation"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Solve the balance along an eigenvector, sum with the eigenvalues' known law, and close over the trace."""
        law = sp.Eq(SCALE * TRANSFORM**2 / alpha + (SCALE + 1 / alpha - 1) * TRANSFORM + 1, 0)
        gap = SCALE - 1 - 1 / alpha
        transform = (sp.sqrt(gap**2 - 4 / alpha) + 1 - SCALE - 1 / alpha) * alpha / (2 * SCALE)
        derivation = (
            moment_balance()
            .claim(
                "along an eigenvector of the samples' covariance, eigenvalue x: the spread, the noise being (t + r) x/B, without momentum",
                eta * (TRACE + RESIDUAL) / (B * (2 - eta * EIGENVALUE)),
                residual=_along_eigenvector,
                rule="insertion",
                needs="samples, weights and batch are large: every sample has the same mean square error t and mean square residual r",
            )
            .claim(
                "x times the spread, by the resolvent 1/(x/a - z) at z = 2/(eta a)",
                (TRACE + RESIDUAL) / B * (-1 - SCALE / (EIGENVALUE / a - SCALE)),
                residual=lambda stated, spread: sp.simplify(stated.subs(SCALE, 2 / (eta * a)) - EIGENVALUE * spread),
                rule="algebra",
            )
            .cite(
                "the mean g of the resolvent over the eigenvalues",
                law,
                source="marchenko1967",
                needs="inputs are independent, samples and weights many",
            )
            .claim(
                "its root that decays as 1/z",
                transform,
                residual=lambda g, equation: sp.ImmutableMatrix([sp.expand(equation.lhs.subs(TRANSFORM, g)), sp.limit(SCALE * g, SCALE, sp.oo) + 1]),
                rule="insertion",
            )
            .claim(
                "t is n times the mean of x times the spread",
                RESIDUAL * self._share() / (1 - self._share()),
                residual=_closes,
                rule="insertion",
            )
            .apply(
                FIT,
                "the fit takes up as many of the N directions of the label noise as the inputs have rank, N or n: r = sigma_y^2 max(0, 1 - 1/alpha)",
                needs="labels are linear in the inputs but for independent noise of variance sigma_y^2",
            )
        )
        stable = Condition(less(self._share(), sp.Integer(1)), "the weights' own spread feeds back less noise than there is", hard=True)
        return Formula(derivation, "loss", eta, (stable,), name=self.name)

    def _share(self) -> sp.Expr:
        gap = 2 / (eta * a) - 1 - 1 / alpha
        return n * alpha / (2 * B) * (gap - sp.sqrt(gap**2 - 4 / alpha))


def _along_eigenvector(stated: sp.Basic, balance: sp.Basic) -> sp.Expr:
    """Every matrix is a function of the samples' covariance, so that the letters commute; n weights share one trace."""
    noise = (TRACE + RESIDUAL) * EIGENVALUE / B
    numbers = {RATE: eta, HESSIAN: EIGENVALUE, COVARIANCE: stated, NOISE: noise, momentum: 0}
    return sp.simplify((balance.lhs - balance.rhs).subs(numbers))


def _closes(stated: sp.Basic, transform: sp.Basic) -> sp.Expr:
    """Return t - (t + r) (n/B) (-1 - z g) at the stated t."""
    share = n / B * (-1 - SCALE * transform).subs(SCALE, 2 / (eta * a))
    return sp.simplify(stated * (1 - share) / RESIDUAL - share)


def _fit(trace: sp.Expr) -> sp.Expr:
    """Put the share of the label noise that least squares leave: 1 less the rank of the inputs over the number of samples."""
    return trace.subs(RESIDUAL, label_std**2 * sp.Max(0, 1 - 1 / alpha))


def _by_hat_matrix(before: sp.Expr, after: sp.Expr) -> bool:
    """Draw inputs of several shapes; the residual of labels y is (I - P) y, P the projector on the columns, and its mean square Tr(I - P)/N."""
    generator = random.Random(5)
    for samples, weights in ((6, 3), (5, 2), (3, 4), (3, 3)):
        inputs = sp.Matrix(samples, weights, lambda _i, _j: generator.randint(-9, 9))
        columns = sp.Matrix.hstack(*inputs.columnspace())
        hat = columns * (columns.T * columns).inv() * columns.T
        left = label_std**2 * (sp.eye(samples) - hat).trace() / samples
        shape = {alpha: sp.Rational(samples, weights)}
        if not agree_in_numbers(before.subs({RESIDUAL: left} | shape), after.subs(shape)):
            return False
    return True


FIT = Rule("trace of the hat matrix", _fit, _by_hat_matrix)
