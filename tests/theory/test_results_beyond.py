"""Adam, RMSprop, Nesterov and weight decay: their SDEs, their spread and their escape, against roads of their own."""

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import DerivationError, EyringError, NotApplicable, ParameterError
from eyring.numerics.roads import roads_to
from eyring.theory.dynamics import Adam, AdamW, MomentumSGD, Nesterov, RMSprop, WeightDecaySGD
from eyring.theory.dynamics.contract import stable_curvature
from eyring.theory.results import result

x, y = sp.symbols("x y", real=True)
eta, B, mu, sigma, eps, H, C, beta_1 = (ey.GLOSSARY[n].symbol for n in ("eta", "B", "mu", "sigma", "eps", "H", "C", "beta_1"))
WELL = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
ISOTROPIC = ey.noise.Isotropic()


@pytest.mark.parametrize("dynamics", [RMSprop(), Adam()])
def test_adaptive_steps_divide_drift_by_the_noise_and_leave_d_of_order_eta(dynamics):
    """Drift -L'/(sqrt(C) + eps), D = eta C/(2 (sqrt(C) + eps)^2), one cited step; momentum has no part in it."""
    sde = dynamics.sde(WELL, ISOTROPIC)
    size = sigma / sp.sqrt(B) + eps
    assert sp.simplify(sde.drift[0] - (x - x**3) / size) == 0
    assert sp.simplify(sde.diffusion[0] - eta * sigma**2 / B / (2 * size**2)) == 0
    assert sde.clock == eta
    assert [s.source for s in sde.derivation.cited] == ["pavliotis2008"]
    sde.derivation.verify()


def test_decoupled_decay_is_not_divided_by_the_noise():
    """Adam with weight_decay: -(L' + lambda x)/(sqrt(C) + eps); AdamW: -L'/(sqrt(C) + eps) - lambda x."""
    coupled, decoupled = (d(weight_decay=sp.Rational(1, 10), eps=0).sde(WELL, ey.noise.Covariance(4)).drift[0] for d in (Adam, AdamW))
    assert sp.expand(coupled - (x - x**3 - x / 10) / 2) == 0
    assert sp.expand(decoupled - (x - x**3) / 2 + x / 10) == 0


def test_a_full_noise_matrix_keeps_its_correlations_through_the_division():
    """D_ij = eta C_ij/(2 sqrt(C_ii C_jj)): what is left is the matrix of correlations."""
    matrix = sp.Matrix([[4, 1], [1, 9]])
    sde = Adam(eps=0).sde(ey.Landscape(x**2 / 2 + y**2, [x, y]), ey.noise.Covariance(matrix))
    assert sde.diffusion == eta / 2 * sp.Matrix([[1, sp.Rational(1, 6)], [sp.Rational(1, 6), 1]])
    assert sde.landscape.expression == x**2 / 4 + y**2 / 3


def test_an_altered_average_is_found_by_its_witness():
    """The mean of the squared gradient, doubled, does not pass."""
    derivation = Adam().sde(WELL, ISOTROPIC).derivation
    steps = list(derivation.steps)
    place = next(i for i, s in enumerate(steps) if s.rule == "conditional mean of a square")
    with pytest.raises(DerivationError, match="numbers do not confirm"):
        steps[place].check(steps[place - 1].expression, 2 * steps[place].expression)
    place = next(i for i, s in enumerate(steps) if s.rule == "running average at its mean")
    with pytest.raises(DerivationError, match="numbers do not confirm"):
        steps[place].check(steps[place - 1].expression, 2 * steps[place].expression)


def test_weight_decay_is_sgd_on_the_decayed_loss():
    """Drift, landscape, escape and stability are those of L + lambda x^2/2; a minimum of L alone is refused."""
    decayed = ey.Landscape(WELL.expression + x**2 / 20, [x])
    sde, plain = WeightDecaySGD(weight_decay=sp.Rational(1, 10)).sde(WELL, ISOTROPIC), ey.SGD().sde(decayed, ISOTROPIC)
    assert sp.expand(sde.drift[0] - plain.drift[0]) == 0
    assert sp.expand(sde.landscape.expression - decayed.expression) == 0
    assert sde.stable_curvature == plain.stable_curvature == 2 / eta
    with pytest.raises(EyringError, match="belongs to another one"):
        ey.escape_time(sde, start=WELL.minima()[0], over=0, event="next well")


def test_a_point_of_the_training_loss_is_seen_through_the_mobility():
    """Given as a critical point of L or as a number, start and saddle have the curvatures of what Adam descends."""
    sde = Adam(eps=0).sde(WELL, ey.noise.Covariance(4))
    by_number = ey.escape_time(sde, start=-1, over=0, event="next well").expression
    by_point = ey.escape_time(sde, start=WELL.minima()[0], over=WELL.saddles()[0], event="next well").expression
    assert sp.simplify(by_number - by_point) == 0
    exact = float(ey.exact_escape_time(sde, start=-1, target=1, values={"eta": 0.01}))
    assert abs(float(by_number.subs(eta, sp.Rational(1, 100))) / exact - 1) < 0.1


def test_nesterov_has_one_law_in_either_form_and_its_own_limit_of_stability():
    """The velocity's form and torch's buffer give one covariance; it is finite below 2 (1 + mu)/((1 + 2 mu) eta) and refused above."""
    law = [ey.discrete_covariance(d, hessian=sp.Matrix([[H]]), covariance=sp.Matrix([[C]])) for d in (Nesterov(), MomentumSGD(nesterov=True))]
    assert sp.simplify(law[0] - law[1]) == sp.zeros(1, 1)
    assert sp.simplify(stable_curvature(Nesterov()) - 2 * (1 + mu) / ((1 + 2 * mu) * eta)) == 0
    numbers = Nesterov(learning_rate=1, momentum=sp.Rational(1, 2))
    assert ey.discrete_covariance(numbers, hessian=sp.Matrix([[1.49]]), covariance=sp.eye(1))[0] > 0
    with pytest.raises(NotApplicable, match="do not contract"):
        ey.discrete_covariance(numbers, hessian=sp.Matrix([[1.51]]), covariance=sp.eye(1))


def spread(*, rate, curvature, decay_1, decay_2, walkers=4000, steps=3000):
    """Return the mean square of many Adam walkers (RMSprop at decay_1 = 0) on a parabola under unit noise, late in their run."""
    generator = np.random.default_rng(7)
    at, mean, square = np.zeros(walkers), np.zeros(walkers), np.ones(walkers)
    total = 0.0
    for step in range(steps):
        gradient = curvature * at + generator.standard_normal(walkers)
        mean = decay_1 * mean + (1 - decay_1) * gradient
        square = decay_2 * square + (1 - decay_2) * gradient**2
        at = at - rate * mean / np.sqrt(square)
        total += float(np.mean(at**2)) if step >= steps // 2 else 0.0
    return total / (steps - steps // 2)


@pytest.mark.parametrize(("name", "decay_1"), [("rmsprop-stationary-variance", 0.0), ("adam-stationary-variance", 0.8)])
def test_walkers_with_a_real_running_average_spread_as_derived(name, decay_1):
    """At 1 - beta_2 = 1/1000 a running average is off by 3 %, which moves the spread by 0.1 %; the statistical error is 0.2 %: false alarm below 1e-20."""
    values = {"eta": sp.Rational(3, 10), "H": 1, "C": 1, "beta_1": sp.Rational(4, 5)}
    formula = result(name).derive().expression
    predicted = float(formula.subs({s: values[s.name] for s in formula.free_symbols}))
    assert abs(spread(rate=0.3, curvature=1.0, decay_1=decay_1, decay_2=0.999) / predicted - 1) < 0.02


def test_rmsprop_outlives_the_learning_rate_at_which_sgd_with_its_first_step_would_not():
    """At eta H = 5 sqrt(C) the steps alternate and hold each other: Sigma -> eta^2/4 for large eta."""
    formula = result("rmsprop-stationary-variance").derive().expression
    assert sp.limit(formula / eta**2, eta, sp.oo) == sp.Rational(1, 4)


def test_momentum_of_one_third_makes_the_first_correction_of_adam_vanish():
    """And without momentum it is that of RMSprop."""
    adam, rmsprop = (result(f"{n}-stationary-variance").derive().expression for n in ("adam", "rmsprop"))
    assert sp.simplify(adam.subs(beta_1, sp.Rational(1, 3)) - eta * sp.sqrt(C) / (2 * H)) == 0
    assert sp.simplify(sp.series(rmsprop, eta, 0, 3).removeO() - adam.subs(beta_1, 0)) == 0


def test_the_recalled_prefactor_of_adam_is_off_by_the_mobility_at_the_saddle():
    """published/derived = sqrt(B/|H_b|), and the exact passage times reject it."""
    entry = result("adam-escape-time")
    saddle = ey.GLOSSARY["H_b"].symbol
    ratio = entry.published().expression / entry.derive().expression
    assert sp.simplify(ratio**2 * -saddle / B) == 1
    assert not any(road.judge(entry.published().expression).agrees for road in roads_to("adam-escape-time"))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: ey.discrete_covariance(Adam(), hessian=sp.eye(1), covariance=sp.eye(1)), "divides by the root of a running average"),
        (lambda: Adam().sde(WELL, ISOTROPIC, order=2), "has the buffers"),
        (lambda: ey.chain_relaxation_rate(Adam(), WELL, ISOTROPIC, values={}), "keeps a velocity besides the parameter"),
        (lambda: ey.escape_time(Adam().sde(WELL, ey.noise.Covariance(1 + x**2)), start=-1, over=0, event="next well"), "not the gradient of a loss"),
    ],
)
def test_what_is_not_derived_for_adam_is_refused(ask, message):
    with pytest.raises(NotApplicable, match=message):
        ask()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Adam(beta_1=1), "beta_1 must be a real number at least 0 and below 1, got 1"),
        (lambda: RMSprop(beta_2=-0.1), "beta_2 must be a real number at least 0 and below 1, got -1/10"),
        (lambda: AdamW(weight_decay=-1), "weight_decay must be a real number at least 0, got -1"),
        (lambda: Adam(eps=float("nan")), "eps must be a real number at least 0, got nan"),
        (lambda: WeightDecaySGD(learning_rate=0), "learning_rate must be a real number above 0, got 0"),
        (lambda: Nesterov(momentum=1), "momentum must be a real number at least 0 and below 1, got 1"),
        (lambda: Adam().sde(WELL), "is deterministic and has no diffusion"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(build, message):
    with pytest.raises(ParameterError, match=message):
        build()
