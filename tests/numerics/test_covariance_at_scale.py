"""The covariance that an optimizer's own steps leave, in hundreds of dimensions: against exact fractions, recursions, published equations."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import AccuracyError, NotApplicable, ParameterError

R = sp.Rational
H = sp.Matrix([[1, R(3, 10)], [R(3, 10), R(1, 2)]])
C = sp.Matrix([[R(7, 10), -R(2, 5)], [-R(2, 5), R(9, 10)]])
RATES = sp.Matrix([[R(1, 5), R(1, 20)], [R(1, 20), R(3, 10)]])
PRINT = np.array([[1.0, 0.3], [0.3, 0.5]]), np.array([[0.7, -0.4], [-0.4, 0.9]])


def drawn(n, seed):
    """Return a Hessian with curvatures from 0.1 to about 4, and a covariance that does not commute with it."""
    generator = np.random.default_rng(seed)
    one, other = generator.normal(size=(2, n, n))
    return one @ one.T / n + 0.1 * np.eye(n), other @ other.T / n


@pytest.mark.parametrize(
    "optimizer",
    [
        ey.SGD(learning_rate=0.4),
        ey.SGD(learning_rate=RATES),
        ey.MomentumSGD(learning_rate=0.4, momentum=0.9),
        ey.MomentumSGD(learning_rate=0.4, momentum=0.9, nesterov=True),
        ey.MomentumSGD(learning_rate=0.4, momentum=0.5, dampening=0.3),
        ey.MomentumSGD(learning_rate=RATES, momentum=0.9, dampening=0.3),
        ey.Nesterov(learning_rate=0.1, momentum=0.9),
        ey.Nesterov(learning_rate=RATES, momentum=0.7),
        ey.WeightDecaySGD(learning_rate=0.1, weight_decay=0.3),
        ey.WeightDecaySGD(learning_rate=RATES, weight_decay=0.3),
    ],
    ids=lambda o: f"{type(o).__name__}{' with a matrix' if o.learning_rate is RATES else ''}",
)
def test_every_optimizer_has_the_covariance_of_exact_fractions(optimizer):
    """Two dimensions in which nothing commutes: fourteen digits, and no more error than stated."""
    exact = np.array(ey.discrete_covariance(optimizer, hessian=H, covariance=C).tolist(), dtype=float)
    found = ey.stationary_covariance(optimizer, hessian=PRINT[0], covariance=PRINT[1])
    assert np.max(np.abs(found.value / exact - 1)) < 1e-14
    assert found.relative_error < 3e-13


def test_injected_noise_adds_its_own():
    """White noise of temperature T adds 2 T/eta to the covariance of the batches' gradient."""
    found = ey.stationary_covariance(ey.WhiteNoiseGD(), hessian=PRINT[0], covariance=PRINT[1], values={"eta": 0.2, "T": 0.3})
    plain = ey.discrete_covariance(ey.SGD(learning_rate=R(1, 5)), hessian=H, covariance=C + 3 * sp.eye(2))
    assert np.max(np.abs(found.value / np.array(plain.tolist(), dtype=float) - 1)) < 1e-14


def test_moments_carried_from_step_to_step_settle_there():
    """The recursion of <m m>, <m w> and <w w> over one step of heavy ball, written out and made symmetric at each step."""
    eta, mu, n = 0.3, 0.8, 3
    hessian, noise = drawn(n, 5)
    M, X, S = np.zeros((3, n, n))
    for _ in range(6000):
        M = mu**2 * M + mu * (X.T @ hessian + hessian @ X) + hessian @ S @ hessian + noise
        X = mu * X + S @ hessian
        S = S - eta * (X + X.T) + eta**2 * M
        X, S, M = X - eta * M, (S + S.T) / 2, (M + M.T) / 2
    found = ey.stationary_covariance(ey.MomentumSGD(), hessian=hessian, covariance=noise, values={"eta": eta, "mu": mu})
    assert np.max(np.abs(found.value - S)) < 1e-13 * np.max(S)


def test_commuting_matrices_have_a_closed_form():
    """eta C/((1 - mu) H) (2 - eta H/(1 + mu))^-1 in 200 dimensions, C = H/8 + H^2."""
    hessian, _ = drawn(200, 6)
    noise, eta, mu = hessian / 8 + hessian @ hessian, 0.05, 0.9
    curvatures, axes = np.linalg.eigh(hessian)
    expected = axes * (eta * (1 / 8 + curvatures) / ((1 - mu) * (2 - eta * curvatures / (1 + mu)))) @ axes.T
    found = ey.stationary_covariance(ey.MomentumSGD(), hessian=hessian, covariance=noise, values={"eta": eta, "mu": mu})
    assert np.max(np.abs(found.value - expected)) < 1e-14 * np.max(expected) < found.relative_error * np.max(expected)


@pytest.mark.parametrize("matrix", [False, True], ids=["one learning rate", "a matrix"])
def test_the_published_equation_holds_in_two_hundred_dimensions(matrix):
    """Liu, Ziyin & Ueda's equation for heavy ball, inserted: residual 1e-13 of its terms. The code solves the joint law of w and m."""
    n, mu = 200, 0.9
    hessian, noise = drawn(n, 7)
    rates = 0.1 * np.eye(n) + (0.02 * drawn(n, 8)[0] if matrix else 0)
    found = ey.stationary_covariance(ey.MomentumSGD(momentum=mu), hessian=hessian, covariance=noise, values={"eta": rates if matrix else 0.1})
    S, LH = found.value, rates @ hessian
    left = (1 - mu) * (LH @ S + S @ LH.T) - (1 + mu**2) / (1 - mu**2) * LH @ S @ LH.T + mu / (1 - mu**2) * (LH @ LH @ S + S @ LH.T @ LH.T)
    assert np.max(np.abs(left - rates @ noise @ rates)) < 1e-13 * np.max(np.abs(LH @ S))
    assert found.relative_error < 1e-11


def test_the_mean_loss_of_the_continuous_limit_knows_no_hessian():
    """E[L] = Tr(H S)/2 = eta Tr C/4 for any H and C (the trace of the Lyapunov equation); the steps themselves lie above it."""
    hessian, noise = drawn(300, 9)
    limit = ey.stationary_covariance(ey.SGD(learning_rate=0.1), hessian=hessian, covariance=noise, continuous=True).value
    assert np.sum(hessian * limit) / 2 == pytest.approx(0.1 * np.trace(noise) / 4, rel=1e-14)
    steps = ey.stationary_covariance(ey.SGD(learning_rate=0.1), hessian=hessian, covariance=noise).value
    assert 1.01 < np.sum(hessian * steps) / np.sum(hessian * limit) < 1.2


def test_the_continuous_limit_is_that_of_the_sde():
    """Heavy ball in phase space on a 2-D parabola, through symbols and through numbers."""
    x, y = sp.symbols("x y", real=True)
    loss = ey.Landscape((sp.Matrix([[x, y]]) * H * sp.Matrix([x, y]))[0] / 2, [x, y])
    optimizer = ey.MomentumSGD(learning_rate=R(1, 10), momentum=R(4, 5))
    symbols = ey.stationary_covariance(optimizer.sde(loss, ey.noise.Covariance(C)), at=(0, 0)).value
    numbers = ey.stationary_covariance(optimizer, hessian=PRINT[0], covariance=PRINT[1], continuous=True).value
    assert np.max(np.abs(symbols[:2, :2] / numbers - 1)) < 1e-13


def test_flat_directions_keep_their_digits():
    """Curvatures from 1e-12 to 1, heavy ball: each variance to fourteen digits, although 1 - eta h/(1 - mu) rounds to 1."""
    curvatures = np.logspace(-12, 0, 25)
    found = ey.stationary_covariance(ey.MomentumSGD(learning_rate=0.1, momentum=0.9), hessian=np.diag(curvatures), covariance=np.eye(25)).value
    assert np.max(np.abs(np.diag(found) * (0.1 * curvatures * (2 - 0.1 * curvatures / 1.9)) / 0.1 - 1)) < 1e-14


@pytest.mark.parametrize("left", [1e-3, 1e-6, 1e-9])
def test_near_the_limit_of_stability_the_error_says_so(left):
    """The sharpest curvature at (1 - left) 2 (1 + mu)/eta: the variance against 40 digits errs by less than is stated, and that grows as 1/left."""
    eta, mu = 0.1, 0.9
    h = (1 - left) * 2 * (1 + mu) / eta
    found = ey.stationary_covariance(ey.MomentumSGD(learning_rate=eta, momentum=mu), hessian=np.diag([1.0, h]), covariance=np.eye(2))
    with mpmath.workdps(40):
        rate, momentum = mpmath.mpf(1) / 10, mpmath.mpf(9) / 10
        exact = rate / ((1 - momentum) * h * (2 - rate * mpmath.mpf(h) / (1 + momentum)))
    assert abs(found.value[1, 1] / float(exact) - 1) < found.relative_error
    assert 1e-16 / left < found.relative_error < 3e-13 / left


def test_beside_the_limit_no_number_is_given():
    """Within rounding of 2/eta the answer would have no digits; at it there is none."""
    with pytest.raises(AccuracyError, match="too near the limit of stability") as caught:
        ey.stationary_covariance(ey.SGD(learning_rate=0.5), hessian=[[4 - 1e-13]], covariance=[[1.0]])
    assert caught.value.error > 1e-3
    with pytest.raises(NotApplicable, match="1 of 1 curvatures, up to 4, are not below 4"):
        ey.stationary_covariance(ey.SGD(learning_rate=0.5), hessian=[[4.0]], covariance=[[1.0]])


def test_a_linear_process_in_three_hundred_dimensions():
    """A nonsymmetric drift: the residual of A S + S A^T = 2 D, and S = 2 int e^(-A t) D e^(-A^T t) dt summed by Simpson's rule for five."""
    generator = np.random.default_rng(11)
    n = 300
    A, D = np.eye(n) + 0.5 * generator.normal(size=(n, n)) / np.sqrt(n), drawn(n, 12)[1]
    found = ey.stationary_covariance(drift_matrix=-A, diffusion=D)
    assert np.max(np.abs(A @ found.value + found.value @ A.T - 2 * D)) < 1e-13 * np.max(D)
    assert found.relative_error < 1e-12
    even, rough = (A + A.T) / 2, D[::-1, ::-1]
    symmetric = ey.stationary_covariance(drift_matrix=-even, diffusion=rough).value
    assert np.max(np.abs(even @ symmetric + symmetric @ even - 2 * rough)) < 1e-13 * np.max(rough)
    small, noise = A[:5, :5], D[:5, :5]
    step, weights = 0.005, np.tile([4.0, 2.0], 4000)
    one = sum(np.linalg.matrix_power(-small * step, k) / float(sp.factorial(k)) for k in range(9))
    now, total = np.eye(5), noise.copy()
    for weight in weights:
        now = one @ now
        total = total + weight * now @ noise @ now.T
    exact = ey.stationary_covariance(drift_matrix=-small, diffusion=noise).value
    assert np.max(np.abs(2 * total * step / 3 - exact)) < 1e-8 * np.max(exact)


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: ey.stationary_covariance(ey.SGD(), hessian=[[1]], covariance=[[1]]), ParameterError, "missing: eta"),
        (lambda: ey.stationary_covariance(ey.SGD(), hessian=[[1]], covariance=[[1]], values={"eta": 1, "nu": 2}), ParameterError, "unknown: nu"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[1]]), ParameterError, "missing: covariance"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[1]], covariance=[[1]], at=0), ParameterError, "no use for at"),
        (lambda: ey.stationary_covariance(3), ParameterError, "takes an SDE with at=, or an optimizer .* got 3"),
        (lambda: ey.stationary_covariance(), ParameterError, "missing: diffusion, drift_matrix"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[1, 2], [3, 4]], covariance=1), ParameterError, "differ by up to 1"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[1, 2], covariance=1), ParameterError, r"got shape \(2,\)"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian="H", covariance=1), ParameterError, "real, finite numbers, got 'H'"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[["a"]], covariance=1), ParameterError, "real, finite numbers"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[1j]], covariance=1), ParameterError, "real, finite numbers"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[np.nan]], covariance=1), ParameterError, "real, finite numbers"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=np.zeros((0, 0)), covariance=1), ParameterError, r"got shape \(0, 0\)"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[1]], covariance=[[-1]]), ParameterError, "eigenvalue -1"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=np.eye(2), covariance=np.eye(3)), ParameterError, "as the other matrix"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[0]], covariance=1), NotApplicable, "leave flat directions out"),
        (lambda: ey.stationary_covariance(ey.SGD(learning_rate=1), hessian=[[3]], covariance=1), NotApplicable, "up to 3, are not below 2"),
        (lambda: ey.stationary_covariance(ey.SGD(), hessian=[[3]], covariance=1, values={"eta": [[1]]}), NotApplicable, "radius of one step is 2"),
        (lambda: ey.stationary_covariance(ey.SGD(), hessian=[[-3]], covariance=1, values={"eta": [[1]]}), NotApplicable, "eigenvalues from -3 to -3"),
        (lambda: ey.stationary_covariance(ey.Adam(), hessian=[[3]], covariance=1, values={"eta": 1}), ParameterError, "missing: beta_1"),
        (
            lambda: ey.stationary_covariance(ey.RMSprop(learning_rate=0.1, beta_2=0.9, eps=0.1), hessian=[[3]], covariance=1),
            NotApplicable,
            "not linear in gradient and buffers",
        ),
        (lambda: ey.stationary_covariance(drift_matrix=[[1]], diffusion=1), NotApplicable, "eigenvalue with real part -1"),
    ],
)
def test_what_has_no_law_is_refused(ask, error, message):
    """Missing and unknown names, matrices of the wrong kind, flat directions, steps that overshoot."""
    with pytest.raises(error, match=message):
        ask()
