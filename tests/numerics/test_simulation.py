"""Simulated escapes, against the exact chain, the exact passage time and the kinetic spectrum.

Seeds are fixed; statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import math

import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_chain_time, exact_escape_time, relaxation_rates
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.optimizer import optimizer_step
from eyring.numerics.simulation.kernel.walkers import Walkers
from eyring.numerics.simulation.relaxation import drift_rates
from eyring.theory.dynamics import SGD, MomentumSGD, WhiteNoiseGD
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import local
from eyring.theory.noise import Covariance, FiniteSum, Isotropic
from eyring.theory.sde import SDE

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
KINDS = [QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x]
STEEP = Landscape(QUARTIC.expression + y**4 / 4 + y**2 / 2, [x, y])
PUSH = FiniteSum(KINDS, copies=(8, 8))
HALF_BATCH = SGD(learning_rate=0.1, batch_size=4)
SHORT = {"start": -1, "event": "next well", "walkers": 500, "iterations": 6000, "seed": 1}


def deviation(estimate, known):
    """Return the distance from a known number in standard errors of the estimate."""
    return (estimate.value / known - 1) / (estimate.relative_half_width / 1.96)


SKEWED = FiniteSum([QUARTIC.expression - 6 * x, QUARTIC.expression + 2 * x], copies=(4, 12))


@pytest.mark.parametrize(
    "noise", [PUSH, SKEWED, FiniteSum(KINDS, copies=(8, 8), replacement=False), FiniteSum([*KINDS, QUARTIC.expression], copies=(4, 4, 2))]
)
def test_real_batches_escape_as_the_exact_chain_says(noise):
    exits = simulate_escapes(HALF_BATCH, QUARTIC, noise, **SHORT)
    measured = exits.mean_time()
    assert exits.unit == "iterations"
    assert exits.exposure == 500 * 6000
    assert measured.relative_half_width < 0.05
    assert abs(deviation(measured, exact_chain_time(HALF_BATCH, QUARTIC, noise, start=-1, target=1).value)) < 5


def test_the_right_well_is_left_towards_the_left():
    measured = simulate_escapes(HALF_BATCH, QUARTIC, SKEWED, **{**SHORT, "start": 1}).mean_time()
    assert abs(deviation(measured, exact_chain_time(HALF_BATCH, QUARTIC, SKEWED, start=1, target=-1).value)) < 5


def test_the_wrong_sampler_is_told_apart():
    rare = FiniteSum(KINDS, copies=(8, 8), replacement=False)
    measured = simulate_escapes(HALF_BATCH, QUARTIC, rare, **SHORT).mean_time()
    assert abs(deviation(measured, exact_chain_time(HALF_BATCH, QUARTIC, PUSH, start=-1, target=1).value)) > 15


def test_to_the_saddle_takes_about_half_as_long_as_to_the_next_well():
    to_the_saddle = simulate_escapes(HALF_BATCH, QUARTIC, PUSH, **{**SHORT, "event": "to the saddle"}).mean_time()
    exact = exact_chain_time(HALF_BATCH, QUARTIC, PUSH, start=-1, target=0)
    assert abs(deviation(to_the_saddle, exact.value)) < 5
    assert exact.value / exact_chain_time(HALF_BATCH, QUARTIC, PUSH, start=-1, target=1).value == pytest.approx(0.54, abs=0.01)


@pytest.mark.parametrize("noise", [None, Covariance(1 + x**2)])
def test_gaussian_and_injected_noise_escape_as_the_exact_chain_says(noise):
    dynamics = WhiteNoiseGD(batch_size=4)
    values = {"eta": 0.1, "T": 0.08 if noise is None else 0.02}
    measured = simulate_escapes(dynamics, QUARTIC, noise, values=values, **SHORT).mean_time()
    assert abs(deviation(measured, exact_chain_time(dynamics, QUARTIC, noise, start=-1, target=1, values=values).value)) < 5


def test_momentum_escapes_at_half_the_kinetic_gap_and_not_at_the_rate_of_its_effective_learning_rate():
    """eta = 0.01, mu = 0.9: friction 1, T = eta C/(2 (1-mu)) = 0.08. The step adds O(eta |H_b|) to the rate; eta/(1-mu) is off by the Kramers factor."""
    dynamics, noise = MomentumSGD(learning_rate=0.01, momentum=0.9), Covariance(sp.Rational(8, 5))
    sde = dynamics.sde(QUARTIC, noise)
    gap = relaxation_rates(sde)[0].per_iteration
    measured = simulate_escapes(dynamics, QUARTIC, noise, **{**SHORT, "iterations": 20_000}).rate()
    assert abs(measured.value / (gap.value / 2) - 1) < 0.01 + 5 * measured.relative_half_width / 1.96
    overdamped = relaxation_rates(SDE(x - x**3, sp.Rational(8, 100), [x]))[0].value / 2 * 0.01 / (1 - 0.9)
    assert abs(deviation(measured, overdamped)) > 15


def test_euler_and_maruyama_come_late_by_the_root_of_the_step_unless_corrected():
    """The barrier is seen only at steps: late by about 0.58 sqrt(2 D dt) in position, most of a per cent at dt = 0.01, here to the saddle.

    Corrected, what is left is of order dt: some per cent at dt = 0.04, a quarter of it at 0.01.
    """
    sde = SDE(x - x**3, D, [x])
    exact = exact_escape_time(sde, start=-1, target=0, values={D: 0.2}).value
    excess = {}
    for correction in ("none", "shift", "bridge"):
        for step in (0.04, 0.01):
            options = {**SHORT, "event": "to the saddle", "walkers": 1024, "iterations": int(1200 / step), "precision": "float32"}
            measured = simulate_escapes(sde, values={D: 0.2}, time_step=step, correction=correction, **options).mean_time()
            assert measured.unit == "time"
            assert measured.relative_half_width / 1.96 < 0.003
            excess[correction, step] = measured.value / exact - 1
    assert excess["none", 0.04] == pytest.approx(0.58 * math.sqrt(2 * 0.2 * 0.04) * math.sqrt(2 / (math.pi * 0.2)), abs=0.05)
    assert excess["none", 0.04] / excess["none", 0.01] == pytest.approx(2, abs=0.4)
    for correction in ("shift", "bridge"):
        assert abs(excess[correction, 0.04]) < 0.035
        assert abs(excess[correction, 0.01]) < 0.018


def test_the_escape_direction_is_that_of_the_saddle_however_the_axes_lie():
    """x^4/4 - x^2/2 + 3 y^2/2, turned by 30 degrees: white noise in y changes nothing, so the exact 1-D chain answers."""
    c, s = sp.sqrt(3) / 2, sp.Rational(1, 2)
    u, w = c * x + s * y, -s * x + c * y
    turned = Landscape(sp.expand(u**4 / 4 - u**2 / 2 + 3 * w**2 / 2), [x, y])
    dynamics = WhiteNoiseGD(learning_rate=0.1, temperature=0.08)
    measured = simulate_escapes(dynamics, turned, **{**SHORT, "start": (-c, -s), "iterations": 3000}).mean_time()
    assert abs(deviation(measured, exact_chain_time(dynamics, QUARTIC, start=-1, target=1).value)) < 5


def test_a_start_that_does_not_hold_is_refused():
    with pytest.raises(ParameterError, match="does not bring a walker back"):
        drift_rates(SDE(x - x**3, 1, [x]), np.array([0.0]))


@pytest.mark.parametrize(("dampening", "nesterov"), [(0, False), (0.4, False), (0, True)])
def test_one_walker_steps_as_torch_does_and_starts_afresh_after_an_exit(dampening, nesterov):
    """torch.optim.SGD: the buffer starts at the first gradient, without dampening; here along L' = 2 x, out of x > -0.05 and so again and again."""
    dynamics = MomentumSGD(learning_rate=0.1, momentum=0.7, dampening=dampening, nesterov=nesterov, batch_size=1)
    bowl = Landscape(x**2, [x])
    goal = Goal.of(bowl, {}, start=1, event=x < -0.05, over=None)
    path, parameter, buffer = [], 1.0, None
    while not path or path[-1] >= -0.05:
        gradient = 2 * parameter
        buffer = gradient if buffer is None else 0.7 * buffer + (1 - dampening) * gradient
        parameter -= 0.1 * (gradient + 0.7 * buffer if nesterov else buffer)
        path.append(parameter)
    assert len(path) > 3
    walkers = Walkers.of(optimizer_step(dynamics, bowl, goal, insert={}), 1, seed=0, precision="float64")
    for steps, place in enumerate(path[:-1], start=1):
        still = Walkers.of(walkers.step, 1, seed=0, precision="float64")
        still.advance(steps)
        assert still.rows[0, 0] == pytest.approx(place, rel=1e-14)
    events = walkers.advance(10 * len(path))
    assert np.array_equal(events[events[:, 0] == 0, 1:], [(k * len(path), (k + 1) * len(path)) for k in range(10)])


def test_the_same_seed_gives_the_same_exits_and_another_seed_others():
    runs = [simulate_escapes(HALF_BATCH, QUARTIC, PUSH, **{**SHORT, "iterations": 500, "seed": seed}) for seed in (7, 7, 8)]
    assert np.array_equal(runs[0].times, runs[1].times)
    assert not np.array_equal(runs[0].times, runs[2].times)


def test_walkers_still_waiting_are_kept_and_progress_is_told():
    told = []
    exits = simulate_escapes(HALF_BATCH, QUARTIC, PUSH, **{**SHORT, "iterations": 1000}, progress=lambda done, total: told.append((done, total)))
    assert exits.times.sum() + exits.censored.sum() == 500 * 1000
    assert len(exits.censored) > 480
    assert told[-1] == (1000, 1000)


def test_the_default_transient_is_ten_relaxation_times_of_the_well():
    """One step of SGD at curvature 2 and eta = 0.1 leaves 0.8 of a deviation; of the SDE, the rate is 2."""
    of_sgd = simulate_escapes(HALF_BATCH, QUARTIC, PUSH, **{**SHORT, "iterations": 10})
    assert of_sgd.relaxation == pytest.approx(-1 / math.log(0.8))
    of_sde = simulate_escapes(SDE(x - x**3, 0.1, [x]), **{**SHORT, "iterations": 10})
    assert of_sde.relaxation == pytest.approx(0.5)
    assert of_sde.censored == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("subject", "options", "kind", "words"),
    [
        ((HALF_BATCH, QUARTIC, PUSH), {"event": None}, ParameterError, "'to the saddle'.*'next well'"),
        ((HALF_BATCH, QUARTIC, PUSH), {"event": "saddle"}, ParameterError, "got 'saddle'"),
        ((HALF_BATCH, QUARTIC, PUSH), {"start": 0}, NotApplicable, "start must be a minimum"),
        ((HALF_BATCH, QUARTIC, PUSH), {"start": 0.3}, EyringError, "not a critical point.*nearest"),
        ((HALF_BATCH, QUARTIC, PUSH), {"start": "left"}, ParameterError, "start must be a number, a critical point"),
        ((HALF_BATCH, QUARTIC, PUSH), {"over": 1}, NotApplicable, "over must be a saddle next to"),
        ((HALF_BATCH, QUARTIC, PUSH), {"walkers": 0}, ParameterError, "walkers must be a whole number from 1"),
        ((HALF_BATCH, QUARTIC, PUSH), {"iterations": 1.5}, ParameterError, "iterations must be a whole number"),
        ((HALF_BATCH, QUARTIC, PUSH), {"seed": -1}, ParameterError, "seed must be a whole number"),
        ((HALF_BATCH, QUARTIC, PUSH), {"device": "abacus"}, ParameterError, "device must be one of 'cpu', 'cuda', got 'abacus'"),
        ((HALF_BATCH, QUARTIC, PUSH), {"time_step": 0.1}, ParameterError, "without time_step"),
        ((HALF_BATCH, None, PUSH), {}, ParameterError, "needs its loss"),
        ((HALF_BATCH, QUARTIC, None), {}, ParameterError, "never escapes"),
        ((HALF_BATCH, QUARTIC, PUSH), {"values": {"q": 1}}, ParameterError, "unknown: q"),
        ((SGD(learning_rate=0.1), QUARTIC, PUSH), {}, ParameterError, "missing: B"),
        ((SGD(learning_rate=0.1), QUARTIC, PUSH), {"values": {"B": [2, 4]}}, ParameterError, "single numbers for B"),
        ((SGD(learning_rate=0.1), QUARTIC, PUSH), {"values": {"B": 2.5}}, ParameterError, "whole positive number"),
        ((SGD(learning_rate=1.1, batch_size=4), QUARTIC, PUSH), {}, ParameterError, "stay below 2"),
        ((SGD(learning_rate=0.1, batch_size=17), QUARTIC, FiniteSum(KINDS, copies=(8, 8), replacement=False)), {}, EyringError, "without replacement"),
        ((SGD(learning_rate=0.3, batch_size=1), STEEP, Isotropic(5)), {"start": (-1, 0)}, AccuracyError, r"walker \d+ has left all bounds at step \d+: its state is"),
        ((HALF_BATCH, QUARTIC, Covariance(x)), {}, ParameterError, "negative variance"),
        ((HALF_BATCH, Landscape(x**3 / 3 - x, [x]), Isotropic(1)), {"start": 1}, NotApplicable, "no minimum lies beyond"),
        ((HALF_BATCH, Landscape((x**2 - 1) ** 2 * (x**2 - 9) ** 2 / 100, [x]), Isotropic(1)), {"start": -1}, ParameterError, "over must say which saddle"),
        ((HALF_BATCH, local(), Isotropic(1)), {"values": {}}, NotApplicable, "known only by its values"),
        ((SDE(x - x**3, 0.1, [x]), QUARTIC), {}, ParameterError, "leave loss and noise out"),
        ((SDE(x - x**3, 0.1, [x]),), {"time_step": 1.5}, ParameterError, "time_step must be positive and below 1"),
        ((SDE([y - x, -x - y], sp.eye(2), [x, y]),), {"start": (0, 0)}, NotApplicable, "not the gradient of a loss"),
        (("sgd",), {}, ParameterError, "takes an optimizer or an SDE"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused_with_the_reason(subject, options, kind, words):
    with pytest.raises(kind, match=words):
        simulate_escapes(*subject, **{**SHORT, **options})


def test_a_batch_larger_than_the_data_is_refused_by_the_simulation():
    """Without replacement a batch of 20 cannot be drawn from 16 samples."""
    noise = FiniteSum(KINDS, copies=(8, 8), replacement=False)
    with pytest.raises(EyringError, match="a batch of 20 cannot be drawn without replacement from 16 samples"):
        simulate_escapes(SGD(), QUARTIC, noise, start=-1, event="next well", values={"eta": 0.1, "B": 20}, walkers=4, iterations=4, seed=0)


def test_a_batch_larger_than_the_data_cannot_be_drawn_without_replacement():
    noise = FiniteSum([x**4 / 4 - x**2 / 2 + x, x**4 / 4 - x**2 / 2 - x], copies=[2, 2], replacement=False)
    with pytest.raises(EyringError, match="a batch of 10 cannot be drawn without replacement from 4 samples"):
        simulate_escapes(
            SGD(), noise.landscape([x]), noise, start=-1, event="next well", values={"eta": 0.1, "B": 10}, walkers=2, iterations=2, seed=0
        )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": None}, "start must be a number, a critical point, or one number a coordinate; got None"),
        ({"over": object()}, "over must be a number, a critical point"),
        ({"values": {"D": None}}, "D must be a real, finite number, got None"),
        ({"values": [("D", 0.1)]}, "values must give numbers by name or symbol"),
    ],
)
def test_what_is_no_number_starts_no_simulation(given, message):
    sde = SDE(x - x**3, sp.Symbol("D", positive=True), [x])
    with pytest.raises(ParameterError, match=message):
        simulate_escapes(sde, **({"start": -1, "event": "next well", "values": {"D": 0.1}, "walkers": 2, "iterations": 2, "seed": 0} | given))
