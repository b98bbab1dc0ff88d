"""The exact stationary covariance of an optimizer at finite step size, on a quadratic loss with constant noise."""

import mpmath
import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.definite import demand_covariance
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics
from eyring.theory.symbols import exact_number
from eyring.theory.symbols import learning_rate as ETA

__all__ = ["discrete_covariance"]


def discrete_covariance(dynamics: Dynamics, *, hessian: sp.MatrixBase, covariance: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Return the stationary covariance of the parameters under the optimizer's own steps, nothing taken as small.

    One step is linear, z' = A z + K zeta with z = (parameters, buffers) and Cov[zeta] = C, so S = A S A^T + K C K^T. Hessian, noise and a matrix
    learning rate need not commute. For plain SGD in one dimension S = eta C/(h (2 - eta h)); exact rationals in give exact rationals out.

    Args:
        dynamics: The optimizer; its learning rate may be a matrix (preconditioned steps).
        hessian: H of L = x^T H x/2, (n, n).
        covariance: C of the minibatch gradient, (n, n), already divided by the batch size.

    Returns:
        The (n, n) covariance.

    Raises:
        EyringError: If the shapes differ or the dynamics injects noise of its own.
        NotApplicable: If the steps do not contract: the learning rate is beyond 2 (1 + mu)/curvature, or a direction is flat.

    Source: Liu, Ziyin & Ueda 2021 give the equation for heavy ball; here it is solved from the update rule.

    >>> from eyring.theory.dynamics import SGD
    >>> discrete_covariance(SGD(learning_rate=sp.Rational(1, 2)), hessian=sp.Matrix([[1]]), covariance=sp.Matrix([[3]]))
    Matrix([[1]])
    """
    H, C = (sp.ImmutableMatrix(m if isinstance(m, sp.MatrixBase) else [[m]]).applyfunc(exact_number) for m in (hessian, covariance))
    n = H.rows
    if H.shape != (n, n) or C.shape != (n, n) or H != H.T:
        raise EyringError(f"hessian and covariance must be symmetric matrices of one shape, got {H.shape} and {C.shape}")
    demand_covariance(C, "the covariance of the minibatch gradient")
    A, K = _linear_step(dynamics, H)
    _demand_contraction(A)
    return sp.ImmutableMatrix(_solve_stein(A, K * C * K.T)[:n, :n])


def _linear_step(dynamics: Dynamics, H: sp.ImmutableMatrix) -> tuple[sp.Matrix, sp.Matrix]:
    """Read A and K off the update rule: each line is linear in parameter, buffers and gradient, and the gradient is H x + zeta."""
    n, generic = H.rows, dynamics.symbolic()
    buffers = generic.buffers
    rate = exact_number(dynamics.hyperparameters["learning_rate"])
    step = rate if isinstance(rate, sp.MatrixBase) else sp.eye(n) * rate
    values = {s: dynamics.hyperparameters[name] for name, s in generic.hyperparameters.items() if isinstance(s, sp.Symbol) and s != ETA}
    size = n * (1 + len(buffers))
    place = {symbol: sp.eye(size)[k * n : (k + 1) * n, :] for k, symbol in enumerate((PARAMETER, *buffers))}
    noise = {symbol: sp.zeros(n, n) for symbol in place}
    place[GRADIENT], noise[GRADIENT] = sp.Matrix(H) * place[PARAMETER], sp.eye(n)
    for target, value in generic.rule:
        if WHITE_NOISE in value.free_symbols:
            raise EyringError(
                "the exact discrete law is solved for batch noise alone; for injected white noise add 2 T/eta I to the covariance of plain SGD"
            )
        coefficients = {s: sp.expand(sp.diff(value, s)).subs(values) for s in place if s in value.free_symbols}
        weights = {s: sp.eye(n) * c.coeff(ETA, 0) + step * c.coeff(ETA, 1) for s, c in coefficients.items()}
        place[target] = sum((w * place[s] for s, w in weights.items()), sp.zeros(n, size))
        noise[target] = sum((w * noise[s] for s, w in weights.items()), sp.zeros(n, n))
    order = (PARAMETER, *buffers)
    return sp.Matrix.vstack(*(place[s] for s in order)), sp.Matrix.vstack(*(noise[s] for s in order))


def _solve_stein(A: sp.Matrix, Q: sp.Matrix) -> sp.Matrix:
    """Return S = A S A^T + Q by its n (n + 1)/2 linear equations."""
    n = A.rows
    unknown = {(i, j): sp.Dummy(f"S{i}{j}") for i in range(n) for j in range(i, n)}
    S = sp.Matrix(n, n, lambda i, j: unknown[min(i, j), max(i, j)])
    balance = S - A * S * A.T - Q
    equations = [sp.expand(balance[i, j]) for i in range(n) for j in range(i, n)]
    matrix, right = sp.linear_eq_to_matrix(equations, list(unknown.values()))
    solution = matrix.LUsolve(right).applyfunc(sp.cancel)
    return S.subs(dict(zip(unknown.values(), solution, strict=True)))


def _demand_contraction(A: sp.Matrix) -> None:
    if A.free_symbols:
        return
    with mpmath.workdps(20):
        eigenvalues = mpmath.eig(mpmath.matrix(A.evalf(20).tolist()), left=False, right=False) if A.rows > 1 else [mpmath.mpmathify(A[0, 0])]
        radius = max(abs(e) for e in eigenvalues)
    if radius >= 1:
        raise NotApplicable(
            f"the steps do not contract: the spectral radius of one step is {float(radius):.6g}, and a stationary law needs less than 1. "
            "Lower the learning rate (plain SGD and heavy ball: below 2 (1 + mu)/curvature), and leave flat directions out"
        )
