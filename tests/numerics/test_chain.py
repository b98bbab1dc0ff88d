"""The discrete optimizer's own chain, against exact rationals, published eigenvalues, laws known in closed form and a second discretisation."""

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import spsolve
from scipy.stats import norm

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.exact import chain_relaxation_rate, exact_chain_time, exact_escape_time
from eyring.numerics.exact.chain.matrix import GaussianOperator
from eyring.numerics.exact.chain.step_law import step_law
from eyring.numerics.exact.elimination import Elimination
from eyring.theory.dynamics import SGD, MomentumSGD, WhiteNoiseGD
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, Assignment
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import styblinski_tang
from eyring.theory.noise import Covariance, FiniteSum, Hessian, Isotropic, Loss
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
CASES = {case["name"]: case for case in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
PUSH = FiniteSum([QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x], copies=(8, 8))
HALF_BATCH = SGD(learning_rate=0.1, batch_size=4)


def growing_noise(eta, batch=16):
    """Per-sample losses L +- g with g'^2 = k (1 + 2 x^2), k chosen so that D = eta C/2 = 0.035 (1 + 2 x^2) at this learning rate."""
    k = sp.Rational(70, 1000) * batch / sp.Rational(str(eta))
    g = sp.sqrt(k) * (x * sp.sqrt(1 + 2 * x**2) / 2 + sp.asinh(sp.sqrt(2) * x) / (2 * sp.sqrt(2)))
    return FiniteSum([QUARTIC.expression + g, QUARTIC.expression - g], copies=(8, 8))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("sgld_chain_rate")])
def test_the_relaxation_rate_of_white_noise_descent_agrees_with_the_reference_to_nine_digits(name):
    given = CASES[name]["inputs"]
    rate = chain_relaxation_rate(WhiteNoiseGD(), QUARTIC, values={"eta": given["eta"], "T": given["D"]})
    assert rate.value == pytest.approx(float(CASES[name]["value"]), rel=1e-9)
    assert rate.relative_error < 1e-9
    assert rate.unit == "1/time"


@pytest.mark.parametrize("eta", [0.1, 0.7, 1.2])
@pytest.mark.parametrize("noise", [None, FiniteSum([x**2 / 2 + x, x**2 / 2 - x], copies=(5, 5))])
def test_in_a_parabola_the_second_eigenvalue_is_one_minus_eta_h_whatever_the_noise(eta, noise):
    parabola = Landscape(x**2 / 2, [x])
    dynamics = WhiteNoiseGD(learning_rate=eta, temperature=0.3) if noise is None else SGD(learning_rate=eta, batch_size=3)
    rate = chain_relaxation_rate(dynamics, parabola, noise).value
    assert rate == pytest.approx(-math.log(abs(1 - eta)) / eta, rel=1e-9 if noise is None else 1e-4)


def test_the_step_size_slows_the_chain_by_a_quarter_of_the_curvature_difference():
    """lambda/lambda_chain = 1 + (eta/4)(|H_b| - H_a) + O(eta^2, D eta): slope -0.2535 at D = 0.05, extrapolated from two learning rates elsewhere."""
    gap = float(CASES["fp_gap_quartic_D0.05"]["value"])
    rates = chain_relaxation_rate(WhiteNoiseGD(), QUARTIC, values={"eta": [0.025, 0.0125, 0.00625], "T": 0.05}).value
    slopes = (gap / rates - 1) / np.array([0.025, 0.0125, 0.00625])
    once = 2 * slopes[1:] - slopes[:-1]
    assert (4 * once[1] - once[0]) / 3 == pytest.approx(-0.2535, abs=0.001)


def test_the_chain_time_tends_to_the_exact_ito_time():
    """Monte Carlo elsewhere: 334.2 +- 6.0 and 315.3 +- 5.6 at eta = 0.01 and 0.02; exact Ito 326.11, Stratonovich 509.28, anti-Ito 821.16."""
    ito = exact_escape_time(SDE(x - x**3, sp.Rational(35, 1000) * (1 + 2 * x**2), [x]), start=-1, target=1).value
    assert ito == pytest.approx(326.11, abs=0.005)
    shifts = []
    for eta in (0.01, 0.02):
        tau = exact_chain_time(SGD(learning_rate=eta, batch_size=16), QUARTIC, growing_noise(eta), start=-1, target=1)
        shifts.append(tau.per_time.value / ito - 1)
        assert tau.relative_error < 1e-4
    assert shifts[0] == pytest.approx(-0.0073, abs=0.0002)
    assert shifts[1] / shifts[0] == pytest.approx(2, abs=0.2)


def linear_interpolation_time(outcomes, probabilities, low, target, start, points):
    """Solve h = 1 + P h with piecewise linear h: a Markov chain on a grid, of second order."""
    grid = np.linspace(low, target, points)
    matrix = csr_matrix((points, points))
    for outcome, probability in zip(outcomes(grid), probabilities, strict=True):
        inside = outcome < target
        place = (np.clip(outcome, low, target) - low) / (target - low) * (points - 1)
        left = np.minimum(place.astype(int), points - 2)
        for column, weight in ((left, left + 1 - place), (left + 1, place - left)):
            matrix = matrix + csr_matrix((probability * weight * inside, (np.arange(points), column)), shape=(points, points))
    return np.interp(start, grid, spsolve((identity(points) - matrix).tocsc(), np.ones(points)))


@pytest.mark.parametrize(("target", "tolerance"), [(1.0, 2e-4), (0.0, 5e-3)])
@pytest.mark.parametrize(("pushes", "copies"), [((3, -3), (8, 8)), ((-6, 2), (4, 12))])
def test_real_batches_agree_with_a_grid_of_second_order(target, tolerance, pushes, copies):
    counts, share = np.arange(5), copies[0] / 16
    probabilities = [math.comb(4, k) * share**k * (1 - share) ** (4 - k) for k in counts]

    def outcomes(y):
        return [y - 0.1 * (y**3 - y) - 0.1 * (pushes[0] * k + pushes[1] * (4 - k)) / 4 for k in counts]

    known = linear_interpolation_time(outcomes, probabilities, -2.2, target, -1.0, 4001)
    noise = FiniteSum([QUARTIC.expression + push * x for push in pushes], copies=copies)
    tau = exact_chain_time(HALF_BATCH, QUARTIC, noise, start=-1, target=target)
    assert tau.value == pytest.approx(known, rel=tolerance)
    assert tau.relative_error < 5e-3
    assert tau.unit == "iterations"


def test_the_exponent_of_single_coin_flips_is_that_of_large_deviations_and_not_the_gaussian_one():
    """d ln(eta tau)/d(1/eta) -> 0.537587 for noise +-1 (minimum action elsewhere), against 1/2 for Gaussian noise of the same variance."""
    etas = np.array([0.05, 0.025])
    coin, gauss = FiniteSum([QUARTIC.expression + x, QUARTIC.expression - x]), Covariance(sp.Integer(1))
    exponents = []
    for law in (coin, gauss):
        tau = exact_chain_time(SGD(batch_size=1), QUARTIC, law, start=-1, target=1, values={"eta": etas})
        exponents.append(np.diff(tau.log + np.log(etas))[0] / np.diff(1 / etas)[0])
    assert exponents[0] == pytest.approx(float(CASES["ldp_exponent_rademacher_sigma1"]["value"]), abs=1e-3)
    assert exponents[1] == pytest.approx(0.5, abs=4e-3)


@pytest.mark.parametrize(("batch", "tolerance"), [(8, 0.02), (32, 0.01)])
def test_the_law_of_larger_batches_shifts_the_exponent_by_their_kurtosis(batch, tolerance):
    """eta ln(tau/tau_Gauss) = -(2 kappa_4/3) int_a^b V'^3 dx = 1/(30 B) for B coin flips with kappa_4 = -2/B, V' = x^3 - x, unit variance."""
    push = sp.sqrt(batch)
    noise = FiniteSum([QUARTIC.expression + push * x, QUARTIC.expression - push * x])
    dynamics = SGD(learning_rate=0.025, batch_size=batch)
    laws = (noise, Covariance(noise.covariance(QUARTIC, sp.Integer(batch))))
    logs = [exact_chain_time(dynamics, QUARTIC, law, start=-1, target=1).log for law in laws]
    assert (logs[0] - logs[1]) * 0.025 * batch == pytest.approx(1 / 30, rel=tolerance)


def test_without_replacement_the_walker_waits_longer():
    rare = FiniteSum(PUSH.losses, copies=(8, 8), replacement=False)
    with_, without = (exact_chain_time(HALF_BATCH, QUARTIC, law, start=-1, target=1).value for law in (PUSH, rare))
    gaussian = [
        exact_chain_time(HALF_BATCH, QUARTIC, Covariance(n.covariance(QUARTIC, sp.Integer(4))), start=-1, target=1).value for n in (PUSH, rare)
    ]
    assert without / with_ == pytest.approx(gaussian[1] / gaussian[0], rel=0.1)
    assert without > 1.5 * with_


def test_batches_and_injected_noise_together_are_a_mixture_of_normal_laws():
    """With batches almost silent the mixture is white-noise descent; with white noise almost silent it is the batch chain."""
    quiet = FiniteSum([QUARTIC.expression + x / 1000, QUARTIC.expression - x / 1000])
    both = exact_chain_time(WhiteNoiseGD(learning_rate=0.1, temperature=0.05, batch_size=2), QUARTIC, quiet, start=-1, target=1).value
    assert both == pytest.approx(exact_chain_time(WhiteNoiseGD(learning_rate=0.1, temperature=0.05), QUARTIC, start=-1, target=1).value, rel=1e-5)
    loud = exact_chain_time(WhiteNoiseGD(learning_rate=0.1, temperature=1e-4, batch_size=4), QUARTIC, PUSH, start=-1, target=1).value
    assert loud == pytest.approx(exact_chain_time(HALF_BATCH, QUARTIC, PUSH, start=-1, target=1).value, rel=0.02)


@pytest.mark.parametrize("noise", [PUSH, Isotropic(), Hessian(switch=-0.5)])
def test_the_mirror_image_takes_as_many_steps(noise):
    mirror = Landscape(QUARTIC.expression + x / 10, [x]), Landscape(QUARTIC.expression - x / 10, [x])
    values = {"sigma": 2} if isinstance(noise, Isotropic) else {}
    times = []
    for loss, side in zip(mirror, (1, -1), strict=True):
        if isinstance(noise, FiniteSum):
            law = FiniteSum([loss.expression + 3 * x, loss.expression - 3 * x])
        else:
            law = Hessian(switch=-0.5 * side) if isinstance(noise, Hessian) else noise
        left, right = sorted(loss.minima(), key=lambda p: side * p.position[0])
        times.append(exact_chain_time(SGD(learning_rate=0.3, batch_size=4), loss, law, start=left, target=right, values=values).value)
    assert times[0] == pytest.approx(times[1], rel=1e-9)


def test_arrays_of_values_broadcast_and_the_clock_is_the_learning_rate():
    tau = exact_chain_time(SGD(), QUARTIC, PUSH, start=-1, target=1, values={"eta": [[0.1], [0.2]], "B": np.array([2, 4])})
    assert tau.value.shape == (2, 2)
    assert tau.value[0, 1] == exact_chain_time(HALF_BATCH, QUARTIC, PUSH, start=-1, target=1).value
    assert tau.per_time.value[1, 0] == pytest.approx(0.2 * tau.value[1, 0])


def test_every_walker_stays_or_leaves():
    """The normal laws on the points and the chance to step past the target add up to one."""
    law = step_law(WhiteNoiseGD(learning_rate=0.1, temperature=0.05), QUARTIC, Covariance(1 + x**2), None, asked_by="a test")
    operator = GaussianOperator.between(law, -3.0, 0.0, resolution=4.0, absorbing=True)
    inside = operator.points > -1.6
    assert np.abs(operator.rows(operator.points).sum(axis=1) + operator.exits() - 1)[inside].max() < 1e-12


def test_white_noise_reaches_the_saddle_as_a_grid_of_second_order_says():
    """The normal law on 301 equally spaced values."""
    shares = np.linspace(-6, 6, 301)

    def outcomes(y):
        return [y - 0.1 * (y**3 - y) + math.sqrt(2 * 0.1 * 0.1) * share for share in shares]

    known = linear_interpolation_time(outcomes, norm.pdf(shares) * 0.04, -2.3, 0.0, -1.0, 601)
    tau = exact_chain_time(WhiteNoiseGD(learning_rate=0.1, temperature=0.1), QUARTIC, start=-1, target=0)
    assert tau.value == pytest.approx(known, rel=5e-3)


def test_elimination_gives_the_exact_mean_time_of_ten_to_the_seventeen_steps():
    """A walk on 0..29 that steps up with probability 1/10 and down with 2/5: the exact rational by the recursion of birth and death."""
    n, up, down = 30, Fraction(1, 10), Fraction(2, 5)
    total = step = Fraction(0)
    for i in range(n):
        step = 1 / up + (down / up * step if i else 0)
        total += step
    transitions = np.diag(np.full(n - 1, 0.1), 1) + np.diag(np.full(n - 1, 0.4), -1)
    exits = np.zeros(n)
    exits[-1] = 0.1
    assert total > 10**17
    assert Elimination.of(transitions, exits).solve(np.ones(n))[0] == pytest.approx(float(total), rel=1e-14)


def test_elimination_gives_the_stationary_weights_of_a_dense_chain():
    generator = np.random.default_rng(3)
    matrix = generator.random((20, 20)) ** 3
    matrix /= matrix.sum(axis=1, keepdims=True)
    weights = Elimination.of(matrix.copy(), np.zeros(20)).stationary()
    assert np.abs(weights @ matrix - weights).max() < 1e-16


@pytest.mark.parametrize(
    ("dynamics", "loss", "noise", "options", "kind", "words"),
    [
        (SGD(), QUARTIC, PUSH, {"values": {"eta": 0.1}}, ParameterError, "missing: B"),
        (SGD(), QUARTIC, PUSH, {"values": {"eta": 0.1, "B": 1.5}}, ParameterError, "whole positive number"),
        (SGD(), QUARTIC, PUSH, {"values": {"eta": 0.1, "B": 4, "q": 1}}, ParameterError, "unknown: q"),
        (SGD(learning_rate=0.1), QUARTIC, Isotropic(), {"values": {"B": 4}}, ParameterError, "missing: sigma"),
        (HALF_BATCH, QUARTIC, None, {}, ParameterError, "never escapes"),
        (MomentumSGD(), QUARTIC, PUSH, {}, NotApplicable, "keeps a velocity.*simulate_escapes"),
        (HALF_BATCH, styblinski_tang(2), Isotropic(), {}, NotApplicable, "one coordinate"),
        (SGD(learning_rate=1.1, batch_size=4), QUARTIC, Isotropic(2), {}, ParameterError, "2.2 at the minimum.*lower the learning rate"),
        (HALF_BATCH, QUARTIC, Loss(), {}, ParameterError, "variance of a step must be positive"),
        (SGD(learning_rate=0.1, batch_size=16), QUARTIC, FiniteSum([QUARTIC.expression + x / 4, QUARTIC.expression - x / 4]), {}, NotApplicable, "no sequence of batches"),
        (SGD(learning_rate=0.1, batch_size=17), QUARTIC, FiniteSum(PUSH.losses, copies=(8, 8), replacement=False), {}, EyringError, "without replacement"),
        (SGD(learning_rate=1e-5, batch_size=1), QUARTIC, Isotropic(100), {}, AccuracyError, "exact_escape_time"),
        (SGD(learning_rate=1e-5, batch_size=1000), QUARTIC, FiniteSum([QUARTIC.expression + 1000 * x, QUARTIC.expression - 1000 * x]), {}, AccuracyError, "Covariance"),
        (WhiteNoiseGD(learning_rate=0.1, temperature=0.1), Landscape(x**3 / 3 - x, [x]), None, {"start": 1, "target": 2}, NotApplicable, "no confinement"),
        (HALF_BATCH, QUARTIC, PUSH, {"target": -1}, ParameterError, "same point"),
        (HALF_BATCH, QUARTIC, PUSH, {"start": math.inf}, ParameterError, "start must be a real, finite number"),
        (HALF_BATCH, QUARTIC, Covariance(x**2), {"target": 1}, ParameterError, "noise of a step vanishes"),
    ],
)  # fmt: skip
def test_what_the_chain_cannot_answer_is_refused_with_the_reason(dynamics, loss, noise, options, kind, words):
    with pytest.raises(kind, match=words):
        exact_chain_time(dynamics, loss, noise, **{"start": -1, "target": 1, **options})


@dataclass(frozen=True)
class Squashed(SGD):
    """theta <- theta - eta tanh(g): the noise does not enter linearly."""

    @property
    def rule(self):
        return (Assignment(PARAMETER, PARAMETER - sp.sympify(self.learning_rate) * sp.tanh(GRADIENT)),)


def test_a_step_that_is_not_linear_in_the_noise_is_refused():
    with pytest.raises(NotApplicable, match=r"not linear in the noise.*simulate_escapes"):
        exact_chain_time(Squashed(learning_rate=0.1, batch_size=4), QUARTIC, PUSH, start=-1, target=1)


def test_a_chain_about_to_lose_its_walkers_is_refused():
    with pytest.raises(AccuracyError, match=r"changes by .* between two resolutions"):
        chain_relaxation_rate(WhiteNoiseGD(learning_rate=1.9, temperature=1), Landscape(x**2 / 2, [x]))


def test_a_loss_without_a_minimum_has_no_relaxation_rate():
    with pytest.raises(NotApplicable, match="no point of rest"):
        chain_relaxation_rate(WhiteNoiseGD(learning_rate=0.1, temperature=1), Landscape(-(x**2) / 2, [x]))
