"""The exact stationary covariance of an optimizer at finite step size, on a quadratic loss with constant noise."""

from typing import NamedTuple

import mpmath
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from eyring.errors import EyringError, NotApplicable
from eyring.theory.definite import demand_covariance
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics
from eyring.theory.formula import Formula
from eyring.theory.stationary.lyapunov import solve_together
from eyring.theory.symbols import exact_number
from eyring.theory.symbols import learning_rate as ETA

__all__ = ["discrete_covariance", "discrete_law"]


class _Step(NamedTuple):
    """One step z' = A z + K zeta of z = (parameters, buffers), with Cov zeta = C."""

    A: sp.ImmutableMatrix
    K: sp.ImmutableMatrix
    C: sp.ImmutableMatrix

    def after(self, S: sp.MatrixBase) -> sp.MatrixBase:
        """Return the covariance of z' where that of z is S."""
        return self.A * S * self.A.T + self.K * self.C * self.K.T

    @property
    def axes_apart(self) -> bool:
        """Say whether no coordinate's step knows of another's."""
        n = self.C.rows
        return all(m[i, j] == 0 for m in (self.A, self.K) for i in range(m.rows) for j in range(m.cols) if (i - j) % n)


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
    step = _read(dynamics, hessian, covariance)
    n = step.C.rows
    return _stationary(step)[:n, :n]


def discrete_law(dynamics: Dynamics, *, hessian: sp.MatrixBase, covariance: sp.MatrixBase) -> Formula:
    """Return the same covariance with its derivation: one step, the law of parameters and buffers that it leaves as it is, its first block.

    Arguments, refusals and source are those of ``discrete_covariance``.

    >>> from eyring.theory.dynamics import MomentumSGD
    >>> h, c = sp.symbols("h c", positive=True)
    >>> law = discrete_law(MomentumSGD(momentum=sp.Rational(1, 2)), hessian=sp.Matrix([[h]]), covariance=sp.Matrix([[c]]))
    >>> sp.factor(law.expression)
    Matrix([[-3*c*eta/(h*(eta*h - 3))]])
    """
    step = _read(dynamics, hessian, covariance)
    derivation = (
        Derivation("stationary covariance of an optimizer on a parabola")
        .define(
            "one step takes z = (parameters, buffers) to A z + K zeta; the columns of A, then those of K",
            sp.ImmutableMatrix(sp.Matrix.hstack(step.A, step.K)),
            rule="update rule",
            needs="the noise of a batch has mean zero whatever came before, and a constant covariance",
        )
        .claim(
            "the covariance of z that one step leaves as it is",
            _stationary(step),
            residual=lambda S, _: (step.after(S) - S).applyfunc(sp.cancel),
            rule="insertion",
        )
        .apply(_PARAMETERS, "that of the parameters", dim=step.C.rows)
    )
    return Formula(derivation, "length^2", sp.Integer(1), name="discrete-law")


def _read(dynamics: Dynamics, hessian: sp.MatrixBase, covariance: sp.MatrixBase) -> _Step:
    H, C = (sp.ImmutableMatrix(m if isinstance(m, sp.MatrixBase) else [[m]]).applyfunc(exact_number) for m in (hessian, covariance))
    n = H.rows
    if H.shape != (n, n) or C.shape != (n, n) or H != H.T:
        raise EyringError(f"hessian and covariance must be symmetric matrices of one shape, got {H.shape} and {C.shape}")
    demand_covariance(C, "the covariance of the minibatch gradient")
    step = _linear_step(dynamics, H, C)
    _demand_contraction(step.A)
    return step


def _linear_step(dynamics: Dynamics, H: sp.ImmutableMatrix, C: sp.ImmutableMatrix) -> _Step:
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
        if any(c.free_symbols & set(place) for c in coefficients.values()):
            raise NotApplicable(
                f"one step of {type(dynamics).__name__} is not linear in gradient and buffers (it divides by the root of a running average), so that "
                "its stationary law is not a Gaussian fixed by a linear equation; see the results rmsprop-stationary-variance and "
                "adam-stationary-variance"
            )
        weights = {s: sp.eye(n) * c.coeff(ETA, 0) + step * c.coeff(ETA, 1) for s, c in coefficients.items()}
        place[target] = sum((w * place[s] for s, w in weights.items()), sp.zeros(n, size))
        noise[target] = sum((w * noise[s] for s, w in weights.items()), sp.zeros(n, n))
    order = (PARAMETER, *buffers)
    A, K = (sp.ImmutableMatrix(sp.Matrix.vstack(*(m[s] for s in order))) for m in (place, noise))
    return _Step(A, K, C)


def _stationary(step: _Step) -> sp.ImmutableMatrix:
    """Return S = A S A^T + K C K^T, pair by pair of coordinates where they do not mix."""
    if step.axes_apart:
        return _pair_by_pair(step)
    return solve_together(lambda S: S - step.A * S * step.A.T, step.K * step.C * step.K.T)


def _pair_by_pair(step: _Step) -> sp.ImmutableMatrix:
    """Solve s = A_i s A_j^T + C_ij K_i K_j^T for coordinates i and j, A_i being the step of one coordinate: 1 x 1, or 2 x 2 with a buffer."""
    n = step.C.rows
    states = step.A.rows // n
    places = [range(i, step.A.rows, n) for i in range(n)]  # of each coordinate's parameter and buffer in z
    pairs = {}
    for i in range(n):
        for j in range(i, n):
            one, other = (sp.Matrix(step.A.extract(places[k], places[k])) for k in (i, j))
            kicks = step.K.extract(places[i], [i]), step.K.extract(places[j], [j])
            system = (sp.eye(states**2) - sp.kronecker_product(one, other)).row_join(step.C[i, j] * sp.kronecker_product(*kicks))
            field = DomainMatrix.from_Matrix(system.applyfunc(sp.expand)).to_field()
            pair = field[:, :-1].lu_solve(field[:, -1:]).to_Matrix()
            pairs[i, j] = pair.reshape(states, states).applyfunc(sp.factor)
            pairs[j, i] = pairs[i, j].T
    return sp.ImmutableMatrix(*step.A.shape, lambda row, column: pairs[row % n, column % n][row // n, column // n])


def _block(S: sp.MatrixBase, *, dim: int) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(S[:dim, :dim])


_PARAMETERS = Rule("block of a matrix", _block, lambda S, block, *, dim: all(block[i, j] == S[i, j] for i in range(dim) for j in range(dim)))


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
