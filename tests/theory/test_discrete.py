"""The exact stationary covariance at finite step size."""

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError, NotApplicable

R = sp.Rational
H = sp.Matrix([[1, R(3, 10)], [R(3, 10), R(1, 2)]])
C = sp.Matrix([[R(7, 10), -R(2, 5)], [-R(2, 5), R(9, 10)]])


@pytest.mark.parametrize(
    ("mu", "expected"),
    [
        (0, [R(337120, 1362553), -R(363320, 1362553), R(2256830, 4087659)]),
        (R(1, 2), [R(12137630, 26623883), -R(40830980, 79871649), R(29029210, 26623883)]),
        (R(9, 10), [R(280472490, 142983769), -R(990340420, 428951307), R(7290770630, 1286853921)]),
    ],
)
def test_heavy_ball_has_the_known_rationals(mu, expected):
    """Solved elsewhere from the joint equation of parameters and buffer; H and C do not commute."""
    S = ey.discrete_covariance(ey.MomentumSGD(learning_rate=R(2, 5), momentum=mu), hessian=H, covariance=C)
    assert [S[0, 0], S[0, 1], S[1, 1]] == expected


def test_a_matrix_learning_rate_solves_the_published_equation():
    """Liu, Ziyin & Ueda's equation, with a learning rate matrix that commutes with nothing: residual exactly zero."""
    step, mu = sp.Matrix([[R(1, 5), R(1, 20)], [R(1, 20), R(3, 10)]]), R(1, 3)
    S = ey.discrete_covariance(ey.MomentumSGD(learning_rate=step, momentum=mu), hessian=H, covariance=C)
    left = (1 - mu) * (step * H * S + S * H * step) - (1 + mu**2) / (1 - mu**2) * step * H * S * H * step
    left += mu / (1 - mu**2) * (step * H * step * H * S + S * H * step * H * step)
    assert left - step * C * step == sp.zeros(2, 2)


def test_small_steps_tend_to_the_lyapunov_law_from_above_by_half_eta_h():
    """One dimension: eta C/(h (2 - eta h)) is 1 + eta h/2 + ... times eta C/(2 h)."""
    eta, h, c = sp.symbols("eta h c", positive=True)
    S = ey.discrete_covariance(ey.SGD(), hessian=sp.Matrix([[h]]), covariance=sp.Matrix([[c]]))[0]
    assert sp.series(S / (eta * c / (2 * h)), eta, 0, 2).removeO() == 1 + eta * h / 2


def test_dampening_equal_to_momentum_scales_the_learning_rate():
    """m <- mu m + (1 - mu) g steps like heavy ball at eta (1 - mu)."""
    averaged = ey.discrete_covariance(ey.MomentumSGD(learning_rate=R(2, 5), momentum=R(1, 2), dampening=R(1, 2)), hessian=H, covariance=C)
    plain = ey.discrete_covariance(ey.MomentumSGD(learning_rate=R(1, 5), momentum=R(1, 2)), hessian=H, covariance=C)
    assert averaged == plain


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: ey.discrete_covariance(ey.SGD(learning_rate=2), hessian=H, covariance=C),
            NotApplicable,
            "do not contract: the spectral radius of one step is 1.28",
        ),
        (
            lambda: ey.discrete_covariance(ey.SGD(learning_rate=R(1, 2)), hessian=sp.zeros(2, 2), covariance=C),
            NotApplicable,
            "leave flat directions out",
        ),
        (lambda: ey.discrete_covariance(ey.SGD(), hessian=H, covariance=sp.eye(3)), EyringError, "symmetric matrices of one shape"),
        (lambda: ey.discrete_covariance(ey.WhiteNoiseGD(), hessian=H, covariance=C), EyringError, "solved for batch noise alone"),
    ],
)
def test_runs_that_never_settle_are_refused(build, error, message):
    """With the spectral radius measured."""
    with pytest.raises(error, match=message):
        build()
