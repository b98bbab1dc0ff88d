"""Where minibatch SGD settles in linear regression with noisy labels: exact at any learning rate, batch size and momentum."""

from collections.abc import Sequence

import sympy as sp

from eyring.theory.discrete.matrix_reader import demand_positive_definite, exact_scalar, square_matrix
from eyring.theory.regression.law import Regression, RegressionLaw
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import label_std
from eyring.theory.symbols import learning_rate as ETA
from eyring.theory.symbols import momentum as MU

__all__ = ["label_noise_law"]


def label_noise_law(
    *,
    input_covariance: sp.MatrixBase | Sequence | sp.Expr | float,
    label_variance: sp.Expr | float = label_std**2,
    learning_rate: sp.MatrixBase | Sequence | sp.Expr | float = ETA,
    batch_size: sp.Expr | int = B,
    momentum: sp.Expr | float = MU,
) -> RegressionLaw:
    r"""Return the stationary law of heavy ball on fresh Gaussian inputs with noisy labels; nothing is taken as small.

    Where the learning rate Lambda commutes with A,

        Sigma = sigma^2/(B (1 - q/B)) Lambda G^-1,   G = 2 (1 - mu) - ((1 - mu)/(1 + mu) + 1/B) Lambda A,   q = Tr[Lambda A G^-1];

    else the linear equations of the second moments are solved. The law exists for G > 0 and q < B, and only there: in one dimension at mu = 0 for
    eta a < 2 B/(B + 2). Exact rationals in give exact rationals out.

    Args:
        input_covariance: A of the inputs x, (n, n), or a number in one dimension. In units of loss/length^2. Matrices are sympy's,
            nested lists or numpy arrays; a decimal 0.1 means 1/10.
        label_variance: sigma^2 of the labels y = u.x + noise; left out, sigma_y^2. In units of loss.
        learning_rate: A number, or a matrix for preconditioned steps; left out, eta.
        batch_size: B; left out, the symbol.
        momentum: mu; left out, the symbol.

    Raises:
        EyringError: If A or the learning rate is not a symmetric matrix of fitting size, or A not positive definite.
        ParameterError: If a number is out of range, or an entry no real, finite number or expression.
        NotApplicable: If the numbers given do not settle.

    Source: Ziyin, Liu, Mori & Ueda 2022, Theorems 2 and 3; here solved from the update rule.

    >>> law = label_noise_law(input_covariance=1, label_variance=1, learning_rate=sp.Rational(1, 2), batch_size=1, momentum=0)
    >>> law.covariance.expression, law.test_loss.expression
    (Matrix([[1]]), 1/2)
    """
    A = square_matrix(input_covariance, "the covariance of the inputs")
    demand_positive_definite(A, "the covariance of the inputs")
    problem = Regression(
        inputs=A,
        hessian=A,
        offset=sp.ImmutableMatrix(sp.zeros(A.rows, 1)),
        rate=square_matrix(learning_rate, "the learning rate", A.rows),
        label_variance=exact_scalar(label_variance, "label_variance"),
        batch_size=exact_scalar(batch_size, "batch_size"),
        momentum=exact_scalar(momentum, "momentum"),
    )
    return RegressionLaw(problem, "label noise")
