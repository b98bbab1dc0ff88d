"""The exact stationary covariance of an optimizer at finite step size, on a quadratic loss with constant noise."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import mpmath
import sympy as sp
from sympy.polys.matrices import DomainMatrix

from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.theory.definite import demand_covariance
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.discrete.matrix_reader import exact_matrix, exact_scalar, square_matrix
from eyring.theory.discrete.stability import Demands, contraction_conditions, contraction_demands
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition
from eyring.theory.stationary.lyapunov import solve_together
from eyring.theory.symbols import learning_rate as ETA

__all__ = ["discrete_covariance", "discrete_law"]

Matrix: TypeAlias = sp.MatrixBase | Sequence | sp.Expr | float  # or a numpy array; read by exact_matrix


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


def discrete_covariance(dynamics: Dynamics, *, hessian: Matrix, covariance: Matrix) -> sp.ImmutableMatrix:
    """Return the stationary covariance of the parameters under the optimizer's own steps, nothing taken as small.

    One step is linear, z' = A z + K zeta with z = (parameters, buffers) and Cov[zeta] = C, so S = A S A^T + K C K^T. Hessian, noise and a matrix
    learning rate need not commute. For plain SGD in one dimension S = eta C/(h (2 - eta h)); exact rationals in give exact rationals out.

    Args:
        dynamics: The optimizer; its learning rate may be a matrix (preconditioned steps).
        hessian: H of L = x^T H x/2, (n, n): a sympy matrix, nested lists or a numpy array; a decimal 0.1 means 1/10.
        covariance: C of the minibatch gradient, (n, n), already divided by the batch size.

    Returns:
        The (n, n) covariance.

    Raises:
        EyringError: If the shapes differ or the dynamics injects noise of its own.
        ParameterError: If the dynamics is no optimizer, or an entry no real, finite number or expression.
        NotApplicable: If the steps do not contract: the learning rate is beyond 2 (1 + mu)/curvature, or a direction is flat or a saddle's.

    Source: Liu, Ziyin & Ueda 2021 give the equation for heavy ball; here it is solved from the update rule.

    >>> from eyring.theory.dynamics import SGD
    >>> discrete_covariance(SGD(learning_rate=sp.Rational(1, 2)), hessian=sp.Matrix([[1]]), covariance=sp.Matrix([[3]]))
    Matrix([[1]])
    """
    step, _ = _read(dynamics, hessian, covariance)
    n = step.C.rows
    return _stationary(step)[:n, :n]


def discrete_law(dynamics: Dynamics, *, hessian: Matrix, covariance: Matrix) -> Formula:
    """Return the same covariance with its derivation: one step, the law of parameters and buffers that it leaves as it is, its first block.

    Arguments, refusals and source are those of ``discrete_covariance``. The formula's conditions say when the steps contract, exactly.

    >>> from eyring.theory.dynamics import MomentumSGD
    >>> h, c = sp.symbols("h c", positive=True)
    >>> law = discrete_law(MomentumSGD(momentum=sp.Rational(1, 2)), hessian=sp.Matrix([[h]]), covariance=sp.Matrix([[c]]))
    >>> sp.factor(law.expression)
    Matrix([[-3*c*eta/(h*(eta*h - 3))]])
    >>> [c.relation for c in law.conditions]
    [eta*h < 3]
    """
    step, conditions = _read(dynamics, hessian, covariance)
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
    return Formula(derivation, "length^2", sp.Integer(1), conditions, name="discrete-law")


def _read(dynamics: Dynamics, hessian: Matrix, covariance: Matrix) -> tuple[_Step, tuple[Condition, ...]]:
    if not isinstance(dynamics, Dynamics):
        raise ParameterError(f"the dynamics must be an optimizer such as ey.SGD(), got {dynamics!r}")
    H = square_matrix(hessian, "the Hessian")
    C = square_matrix(covariance, "the covariance of the minibatch gradient")
    if H.shape != C.shape:
        raise EyringError(f"hessian and covariance must be symmetric matrices of one shape, got {H.shape} and {C.shape}")
    demand_covariance(C, "the covariance of the minibatch gradient")
    step = _linear_step(dynamics, H, C)
    _demand_contraction(step.A)
    conditions = _conditions(dynamics, H, step) if step.A.free_symbols else ()
    broken = [c for c in conditions if c.holds({}) is False]
    if broken:
        raise NotApplicable(f"these steps have no stationary law, which needs that {broken[0].sentence}. {broken[0].remedy}")
    return step, conditions


def _conditions(dynamics: Dynamics, H: sp.ImmutableMatrix, step: _Step) -> tuple[Condition, ...]:
    """Say when the steps contract: axis by axis, or for one learning rate through the eigenvalues of the Hessian, or for the whole step."""
    found = (c for demands in _demands(dynamics, H, step) for c in contraction_conditions(demands))
    return tuple({c.relation: c for c in found}.values())


def _demands(dynamics: Dynamics, H: sp.ImmutableMatrix, step: _Step) -> Iterator[Demands]:
    n = H.rows
    if step.axes_apart:
        yield from (contraction_demands(step.A.extract(_places(step, i), _places(step, i))) for i in range(n))
    elif isinstance(dynamics.hyperparameters["learning_rate"], sp.MatrixBase):
        yield contraction_demands(step.A)
    else:
        k = sp.Dummy("k", real=True)
        one = contraction_demands(_linear_step(dynamics, sp.ImmutableMatrix([[k]]), sp.ImmutableMatrix([[1]])).A)
        held, short, *forgets = (_leading_minors(d, k, H) for d in (one.held, one.short, *one.forgets))
        yield from (Demands(held[i], short[i], tuple(m[i] for m in forgets)) for i in range(n))


def _leading_minors(demand: sp.Expr, k: sp.Symbol, H: sp.ImmutableMatrix) -> list[sp.Expr]:
    """Return what must be positive for a polynomial of k to be so at every eigenvalue of H: the leading minors of the polynomial of H."""
    if not demand.has(k):
        return [demand] * H.rows
    value = sp.zeros(*H.shape)
    for coefficient in sp.Poly(demand, k).all_coeffs():
        value = value * H + coefficient * sp.eye(H.rows)
    return [sp.factor(value[:i, :i].det(method="berkowitz")) for i in range(1, H.rows + 1)]


def _places(step: _Step, axis: int) -> list[int]:
    """Return where one coordinate's parameter and buffers stand in z."""
    return list(range(axis, step.A.rows, step.C.rows))


def _linear_step(dynamics: Dynamics, H: sp.ImmutableMatrix, C: sp.ImmutableMatrix) -> _Step:
    """Read A and K off the update rule: each line is linear in parameter, buffers and gradient, and the gradient is H x + zeta."""
    n, generic = H.rows, dynamics.symbolic()
    buffers = generic.buffers
    rate = exact_matrix(dynamics.hyperparameters["learning_rate"], "the learning rate")
    step = rate if rate.shape != (1, 1) else sp.eye(n) * rate[0, 0]
    if step.shape != (n, n):
        raise EyringError(f"a matrix learning rate must have the shape of the Hessian, {(n, n)}, got {step.shape}")
    values = {
        s: exact_scalar(dynamics.hyperparameters[name], name) for name, s in generic.hyperparameters.items() if isinstance(s, sp.Symbol) and s != ETA
    }
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
    places = [_places(step, i) for i in range(n)]
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
