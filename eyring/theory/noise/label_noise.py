"""The gradient noise of linear regression on fresh Gaussian inputs with noisy labels and weight decay, exact at every point (Ziyin et al. 2022)."""

from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number

__all__ = ["LabelNoise", "symmetric_matrix"]


@dataclass(frozen=True)
class LabelNoise(GradientNoise):
    """C(w) = (2 L(w) A + grad L grad L^T)/B for inputs x ~ N(0, A), labels y = u.x + noise of variance sigma^2, loss (w.x - y)^2/2.

    L(w) = ((w - u)^T A (w - u) + sigma^2)/2. A sample's gradient is x (x.(w - u) - noise), and Isserlis' theorem gives its covariance
    ((w - u)^T A (w - u) + sigma^2) A + A (w - u)(w - u)^T A: the sign of the second term is **plus**. Ziyin et al. 2022, Theorem 5 (eq. 14),
    print **minus**; averaged over the stationary law their Lemma 1 has the plus of Gaussian inputs.

    With weight decay the loss has w^T Gamma w/2 added. Every sample has the same penalty, so C(w) is as before, with L and grad L those of the data
    alone; at the penalised minimum grad L = -Gamma w is not zero.

    Args:
        input_covariance: A, an (n, n) symmetric matrix, or an expression in one dimension. Left out together with the label variance,
            both are read from the loss: A is its Hessian.
        label_variance: sigma^2, the variance of one label, in units of loss; not negative.
        target: u, one expression per coordinate; left out, the origin.
        weight_decay: Gamma, an expression (the same for all weights) or an (n, n) symmetric matrix; it may be negative.
        published: Take the sign printed in Theorem 5 instead of the exact one, to try it against data.

    Raises:
        EyringError: If only one of A and sigma^2 is given, A or Gamma is not symmetric, sigma^2 is negative, or target or Gamma do not fit
            the inputs.
    """

    input_covariance: sp.ImmutableMatrix | sp.Expr | None = None
    label_variance: sp.Expr | None = None
    target: tuple[sp.Expr, ...] | None = None
    published: bool = False
    weight_decay: sp.ImmutableMatrix | sp.Expr = sp.Integer(0)

    def __post_init__(self) -> None:
        if (self.input_covariance is None) != (self.label_variance is None) or (self.target is not None and self.input_covariance is None):
            raise EyringError(
                "label noise is fixed by the inputs' covariance A and the labels' variance sigma^2; give both (and the target, if it "
                "is not the origin), or none: they are then read from the loss"
            )
        decay = self.weight_decay if isinstance(self.weight_decay, sp.MatrixBase | list | tuple) else exact_number(self.weight_decay)
        object.__setattr__(self, "weight_decay", symmetric_matrix(decay, "the weight decay") if not isinstance(decay, sp.Expr) else decay)
        if self.input_covariance is None:
            return
        A, variance = symmetric_matrix(self.input_covariance, "the covariance of the inputs"), exact_number(self.label_variance)
        target = (sp.Integer(0),) * A.rows if self.target is None else tuple(exact_number(u) for u in _listed(self.target))
        if variance.is_negative:
            raise EyringError(f"the variance of a label is not negative, got {variance}")
        if len(target) != A.rows:
            raise EyringError(f"the target has one entry for each of {A.rows} inputs, got {len(target)}")
        for name, value in {"input_covariance": A, "label_variance": variance, "target": target}.items():
            object.__setattr__(self, name, value)

    def landscape(self, coordinates: Iterable[sp.Symbol]) -> Landscape:
        """Return the loss ((w - u)^T A (w - u) + sigma^2 + w^T Gamma w)/2, its expectation over fresh data.

        Raises:
            EyringError: If A and sigma^2 were not given, or the number of coordinates is not that of the inputs.
        """
        if self.input_covariance is None:
            raise EyringError("the loss of linear regression needs the inputs' covariance and the labels' variance: LabelNoise(A, sigma2)")
        names = tuple(coordinates)
        if len(names) != self.input_covariance.rows:
            raise EyringError(f"the inputs have {self.input_covariance.rows} components and as many weights, got {len(names)} coordinates")
        away = sp.Matrix(names) - sp.Matrix(self.target)
        data = sp.expand((away.T * self.input_covariance * away)[0] + self.label_variance) / 2
        return Landscape(data + self._penalty(names), names)

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the covariance of the minibatch gradient, each batch drawn afresh.

        Raises:
            EyringError: If the loss is not the one of this regression, or not that of any.
        """
        penalty = self._penalty(landscape.coordinates)
        data = Landscape(sp.expand(landscape.expression - penalty), landscape.coordinates) if penalty != 0 else landscape
        self._check(landscape, data)
        sign = -1 if self.published else 1
        per_sample = 2 * data.expression * data.hessian + sign * data.gradient * data.gradient.T
        return sp.ImmutableMatrix(per_sample.applyfunc(sp.expand) / batch_size)

    def _penalty(self, coordinates: tuple[sp.Symbol, ...]) -> sp.Expr:
        """Return w^T Gamma w/2."""
        n, decay = len(coordinates), self.weight_decay
        matrix = decay if isinstance(decay, sp.MatrixBase) else decay * sp.eye(n)
        if matrix.rows != n:
            raise EyringError(f"the weight decay is that of {matrix.rows} weights, and there are {n}; give a number or an {n} x {n} matrix")
        w = sp.Matrix(coordinates)
        return sp.expand((w.T * matrix * w)[0] / 2)

    def _check(self, landscape: Landscape, data: Landscape) -> None:
        if self.input_covariance is None:
            _check_quadratic(data)
            return
        own = self.landscape(landscape.coordinates).expression
        if sp.simplify(own - landscape.expression) != 0:
            raise EyringError(
                f"the loss of this regression is {own}, not {landscape.expression} (the constant sigma^2/2 belongs to it); "
                "use LabelNoise(...).landscape(coordinates)"
            )


def _check_quadratic(landscape: Landscape) -> None:
    """Demand a quadratic loss whose least value, half the labels' variance, is not negative."""
    A = landscape.hessian.applyfunc(sp.simplify)
    if A.free_symbols & set(landscape.coordinates):
        raise EyringError(
            f"label noise is that of linear regression, whose loss is quadratic; the Hessian of {landscape.expression} depends on the place. "
            "For other losses give ey.noise.Loss(), ey.noise.FiniteSum(losses) or ey.noise.Covariance(matrix)"
        )
    if sp.simplify(A.det()) == 0:
        return
    origin = dict.fromkeys(landscape.coordinates, 0)
    pull = landscape.gradient.subs(origin)
    least = sp.simplify(landscape.expression.subs(origin) - (pull.T * A.LUsolve(pull))[0] / 2)
    if least.is_negative:
        raise EyringError(f"the least loss of a regression is half the variance of its labels, which is not negative; here it is {least}")


def symmetric_matrix(given: object, what: str) -> sp.ImmutableMatrix:
    """Return a number or a matrix as a square, symmetric matrix; refuse others."""
    matrix = sp.ImmutableMatrix(given) if isinstance(given, sp.MatrixBase | list | tuple) else sp.ImmutableMatrix([[given]])
    if matrix.rows != matrix.cols:
        raise EyringError(f"{what} is square; the matrix given is {matrix.rows} x {matrix.cols}")
    matrix = matrix.applyfunc(exact_number)
    if (matrix - matrix.T).applyfunc(sp.simplify) != sp.zeros(matrix.rows):
        raise EyringError(f"{what} is symmetric; the matrix given is not")
    return matrix


def _listed(target: object) -> Iterable:
    return target if isinstance(target, sp.MatrixBase | list | tuple) else (target,)
