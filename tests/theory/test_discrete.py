"""The exact stationary covariance at finite step size."""

import random

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError, NotApplicable, ParameterError

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
        (lambda: ey.discrete_law(ey.SGD(), hessian=sp.diag(2, -1), covariance=sp.eye(2)), NotApplicable, "positive definite Hessian"),
        (lambda: ey.discrete_covariance(ey.SGD(), hessian=[[1, 2], [2, 1]], covariance=sp.eye(2)), NotApplicable, "positive definite Hessian"),
        (lambda: ey.discrete_law(ey.SGD, hessian=H, covariance=C), ParameterError, "must be an optimizer such as ey.SGD\\(\\), got <class"),
        (lambda: ey.discrete_covariance("sgd", hessian=H, covariance=C), ParameterError, "must be an optimizer such as ey.SGD\\(\\), got 'sgd'"),
        (lambda: ey.discrete_law(ey.SGD(), hessian=[[1, 2], [3]], covariance=C), ParameterError, "rows of one length"),
        (lambda: ey.discrete_law(ey.SGD(), hessian=[[None]], covariance=1), ParameterError, "numbers or sympy expressions, got None"),
        (lambda: ey.discrete_law(ey.SGD(), hessian=[[float("inf")]], covariance=1), ParameterError, "real and finite"),
        (lambda: ey.discrete_covariance(ey.WhiteNoiseGD(), hessian=H, covariance=C), EyringError, "solved for batch noise alone"),
    ],
)
def test_runs_that_never_settle_are_refused(build, error, message):
    """With the spectral radius measured."""
    with pytest.raises(error, match=message):
        build()


def test_a_compiled_law_refuses_steps_that_overshoot():
    """Beyond eta h = 2 the expression is a negative variance."""
    law = ey.discrete_law(ey.SGD(), hessian=sp.Matrix([[2]]), covariance=sp.Matrix([[1]]))
    compiled = law.compile("numpy")
    assert compiled(eta=0.5) == pytest.approx(0.25)
    with pytest.raises(NotApplicable, match=r"eta < 1; not so for eta = 1\.5\. Lower the learning rate"):
        compiled(eta=1.5)


@pytest.mark.parametrize("optimizer", [ey.SGD, ey.MomentumSGD, ey.Nesterov])
@pytest.mark.parametrize("hessian", [sp.diag(2, R(1, 2)), H])
def test_conditions_hold_exactly_where_the_steps_contract(optimizer, hessian):
    """Against the spectral radius that the law in numbers measures, at drawn learning rates and momenta."""
    generator = random.Random(7)
    momenta = [R(0)] if optimizer is ey.SGD else [R(1, 5), R(9, 10)]
    for momentum in momenta:
        fixed = {} if optimizer is ey.SGD else {"momentum": momentum}
        conditions = ey.discrete_law(optimizer(**fixed), hessian=hessian, covariance=sp.eye(2)).conditions
        assert all(c.hard for c in conditions)
        for _ in range(8):
            rate = R(generator.randint(1, 400), 100)
            holds = all(c.relation.subs({s: rate for s in c.relation.free_symbols}) == sp.true for c in conditions)
            try:
                ey.discrete_covariance(optimizer(learning_rate=rate, **fixed), hessian=hessian, covariance=sp.eye(2))
            except NotApplicable:
                assert not holds
            else:
                assert holds


def test_a_matrix_learning_rate_has_its_conditions():
    """One Hurwitz test of the whole step, where no two matrices commute; [[eta, 1/20], [1/20, 3/10]] needs a positive determinant."""
    eta = sp.Symbol("eta", positive=True)
    steps = sp.Matrix([[eta, R(1, 20)], [R(1, 20), R(3, 10)]])
    conditions = ey.discrete_law(ey.SGD(learning_rate=steps), hessian=H, covariance=C).conditions
    held = [all(c.holds({eta: value}) for c in conditions) for value in (R(1, 200), R(1, 100), R(1, 2), R(5, 2))]
    assert held == [False, True, True, False]


@pytest.mark.parametrize("wrap", [sp.Matrix, list, np.array])
def test_decimals_lists_and_arrays_are_read_exactly(wrap):
    """A decimal 0.3 means 3/10 wherever it stands."""
    law = ey.discrete_law(ey.SGD(learning_rate=0.4), hessian=wrap([[1, 0.3], [0.3, 0.5]]), covariance=wrap([[0.7, -0.4], [-0.4, 0.9]]))
    assert law.expression == ey.discrete_covariance(ey.SGD(learning_rate=R(2, 5)), hessian=H, covariance=C)
    mixed = ey.discrete_law(ey.SGD(), hessian=sp.diag(2, 1), covariance=wrap([[1, 0.5], [0.5, 1]]))
    assert not mixed.expression.has(sp.Float)
