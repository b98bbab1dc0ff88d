"""Where minibatch SGD settles in linear regression with weight decay, which may be negative: exact, whatever commutes with what."""

from collections.abc import Sequence

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.discrete.matrix_reader import demand_positive_definite, exact_matrix, exact_scalar, square_matrix
from eyring.theory.regression.law import Regression, RegressionLaw
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import label_std
from eyring.theory.symbols import learning_rate as ETA
from eyring.theory.symbols import momentum as MU
from eyring.theory.symbols import ridge as GAMMA

__all__ = ["weight_decay_law"]


def weight_decay_law(
    *,
    input_covariance: sp.MatrixBase | Sequence | sp.Expr | float,
    target: sp.MatrixBase | Sequence | sp.Expr | float,
    weight_decay: sp.MatrixBase | Sequence | sp.Expr | float = GAMMA,
    label_variance: sp.Expr | float = label_std**2,
    learning_rate: sp.MatrixBase | Sequence | sp.Expr | float = ETA,
    batch_size: sp.Expr | int = B,
    momentum: sp.Expr | float = MU,
) -> RegressionLaw:
    r"""Return the stationary law of heavy ball on (w.x - y)^2/2 + w^T Gamma w/2 with fresh Gaussian inputs x and labels y = u.x + noise.

    The weights settle around <w> = K^-1 A u, K = A + Gamma, off the target by f = -K^-1 Gamma u. In the common eigenbasis of A, Gamma and the
    learning rate, at mu = 0,

        Sigma_ij = (eta/B) (a_i a_j f_i f_j + (t + sigma^2) a_i delta_ij)/(k_i + k_j - eta k_i k_j - eta a_i a_j/B),   t = Tr[A (Sigma + f f^T)],

    with no condition on u. Matrices that do not commute are solved for by their linear equations. The test loss is that on clean labels, without
    the penalty. Exact rationals in give exact rationals out.

    Args:
        input_covariance: A of the inputs, (n, n), or a number in one dimension. Matrices are sympy's, nested lists or numpy arrays.
        target: u, the weights that made the labels, one entry for each weight.
        weight_decay: Gamma, a number or a symmetric matrix, which may be negative; left out, the symbol Gamma.
        label_variance: sigma^2 of the labels; left out, sigma_y^2. In units of loss.
        learning_rate: A number or a matrix; left out, eta.
        batch_size: B; left out, the symbol.
        momentum: mu; left out, the symbol.

    Raises:
        EyringError: If a matrix is not symmetric or of another size than the target, A not positive definite, or A + Gamma singular.
        ParameterError: If a number is out of range, or an entry no real, finite number or expression.
        NotApplicable: If the numbers given do not settle.

    Source: Ziyin, Liu, Mori & Ueda 2022, Theorem 4 (eq. 11), for momentum 0 and clean labels; here solved from the update rule.

    >>> half = sp.Rational(1, 2)
    >>> law = weight_decay_law(
    ...     input_covariance=1, target=1, weight_decay=half / 5, label_variance=0, learning_rate=half, batch_size=2, momentum=0
    ... )
    >>> law.test_loss.expression
    29/4818
    """
    A = square_matrix(input_covariance, "the covariance of the inputs")
    demand_positive_definite(A, "the covariance of the inputs")
    decay = square_matrix(weight_decay, "the weight decay", A.rows)
    u = sp.ImmutableMatrix(list(exact_matrix(target, "the target")))
    if u.rows != A.rows:
        raise EyringError(f"the target has one entry for each of {A.rows} weights, got {u.rows}")
    K = sp.ImmutableMatrix(A + decay)
    if K.det().equals(0):
        raise EyringError("the inputs' covariance plus the weight decay is singular: a direction in which nothing holds the weights")
    pull = decay * u
    offset = sp.Matrix([pull[i] / K[i, i] for i in range(A.rows)]) if K.is_diagonal() else K.LUsolve(sp.Matrix(pull))
    problem = Regression(
        inputs=A,
        hessian=K,
        offset=sp.ImmutableMatrix(-offset),
        rate=square_matrix(learning_rate, "the learning rate", A.rows),
        label_variance=exact_scalar(label_variance, "label_variance"),
        batch_size=exact_scalar(batch_size, "batch_size"),
        momentum=exact_scalar(momentum, "momentum"),
    )
    return RegressionLaw(problem, "weight decay")
