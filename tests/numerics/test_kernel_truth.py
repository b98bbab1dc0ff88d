"""Simulated escape times against answers without noise: passage-time integrals, the optimizer's own chain, spectra; and what intervals cover.

Seeds are fixed. What must lie in its 99 % interval has a false alarm of 1 % each for a fresh seed, what must lie within 5 standard errors one of 6e-7.
"""

import math

import numpy as np
import pytest
import sympy as sp

from eyring.numerics.exact import exact_chain_time, exact_escape_time, relaxation_rates
from eyring.numerics.exact.relaxation.quasi import quasi_stationary
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.sde import euler_maruyama
from eyring.numerics.simulation.kernel.walkers import Walkers
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance, FiniteSum
from eyring.theory.sde import SDE

x, y, v = sp.symbols("x y v", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
TILTED = Landscape(QUARTIC.expression + x / 20, [x])
BATCHES = FiniteSum([QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x], copies=(8, 8))
WALKS = {
    "double well": SDE(x - x**3, sp.Rational(1, 5), [x]),
    "tilted": SDE(x - x**3 - sp.Rational(1, 20), sp.Rational(1, 5), [x], landscape=TILTED),
    "noise that grows outward": SDE(x - x**3, (1 + x**2) / 8, [x], landscape=QUARTIC),
    "the same, anti-Ito": SDE(x - x**3, (1 + x**2) / 8, [x], "anti-ito", landscape=QUARTIC),
}
OPTIMIZERS = {"batches": BATCHES, "noise that grows outward": Covariance(1 + x**2)}


def walk_misses(name, steps, seed):
    """Return the distance from the exact mean time to the next well, in half widths of the 99 % interval, and the number of events."""
    walk = WALKS[name]
    low, _, high = (p.position[0] for p in sorted((TILTED if name == "tilted" else QUARTIC).critical_points, key=lambda p: float(p.position[0])))
    exits = simulate_escapes(walk, start=low, event="next well", walkers=2048, iterations=steps, time_step=0.005, seed=seed, precision="float32")
    measured = exits.mean_time(level=0.99)
    exact = exact_escape_time(walk, start=low, target=high).value
    return (measured.value / exact - 1) / measured.relative_half_width, exits.events


def chain_misses(name, steps, seed):
    """The same for SGD with eta = 0.1, against its own chain."""
    noise = OPTIMIZERS[name]
    dynamics = SGD(learning_rate=0.1, batch_size=4)
    exits = simulate_escapes(dynamics, QUARTIC, noise, start=-1, event="next well", walkers=2048, iterations=steps, seed=seed)
    measured = exits.mean_time(level=0.99)
    return (measured.value / exact_chain_time(dynamics, QUARTIC, noise, start=-1, target=1).value - 1) / measured.relative_half_width, exits.events


@pytest.mark.parametrize("name", WALKS)
def test_walkers_of_an_sde_take_the_exact_time(name):
    """Some ten thousand events, a 99 % half width of some 2 per cent."""
    miss, events = walk_misses(name, 15_000, seed=21)
    assert events > 4000
    assert abs(miss) < 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_walkers_of_an_optimizer_take_the_chains_time(name):
    miss, events = chain_misses(name, 6_000, seed=22)
    assert events > 5000
    assert abs(miss) < 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", WALKS)
def test_a_hundred_thousand_exits_of_an_sde_take_the_exact_time(name):
    miss, events = walk_misses(name, 340_000, seed=23)
    assert events > 100_000
    assert abs(miss) < 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_hundred_thousand_exits_of_an_optimizer_take_the_chains_time(name):
    miss, events = chain_misses(name, 100_000, seed=24)
    assert events > 100_000
    assert abs(miss) < 1


def kinetic(friction):
    return SDE([v, -friction * v + x - x**3], sp.diag(0, friction * sp.Rational(1, 25)), [x, v])


GAPS = {0.1: 4.926670199135584e-04, 1: 5.152017307306827e-04, 10: 8.019047490219392e-05}  # relaxation_rates(kinetic(gamma))[0]


@pytest.mark.parametrize(("friction", "steps"), [(1, 200_000), *(pytest.param(g, 1_500_000, marks=pytest.mark.exhaustive) for g in (0.1, 1, 10))])
def test_momentum_switches_wells_at_half_the_kinetic_gap(friction, steps):
    """Barrier 6 T, settled after three relaxation times beyond: a walker that goes back meanwhile, of 1.5 % at gamma = 0.1, is not counted."""
    step = 0.05 if friction < 5 else 0.02
    options = {"start": -1, "event": "next well", "time_step": step, "walkers": 1024, "seed": 25, "precision": "float32"}
    exits = simulate_escapes(kinetic(sp.nsimplify(friction)), iterations=int(steps * 0.05 / step), **options)
    measured = exits.rate()
    assert measured.relative_half_width < 0.06
    settling = 3 * exits.relaxation * measured.value
    assert abs(measured.value / (GAPS[friction] / 2) - 1) < settling + 0.01 + 5 * measured.relative_half_width / 1.96


def test_the_kinetic_gap_is_the_one_quoted():
    assert relaxation_rates(kinetic(1))[0].value == pytest.approx(GAPS[1], rel=1e-8)


def test_restarts_from_the_quasi_stationary_law_leave_no_entry_transient():
    """D = 0.3, barrier 0.8 D: naive events over exposure from the minimum are 12 % below the rate of those that have forgotten; then no longer."""
    walk = SDE(x - x**3, sp.Rational(3, 10), [x])
    rate = quasi_stationary(walk, start=-1, exits=1).rate.value
    naive = 1 / exact_escape_time(walk, start=-1, target=1).value
    assert naive / rate - 1 == pytest.approx(-0.119, abs=0.001)
    options = {"start": -1, "event": "next well", "time_step": 0.01, "walkers": 2048, "iterations": 20_000, "seed": 26, "precision": "float32"}
    exits = simulate_escapes(walk, **options)
    assert exits.events > 20_000
    assert abs(exits.rate(0.0).value / naive - 1) < 5 / math.sqrt(exits.events)
    assert abs(exits.rate().value / rate - 1) < 5 / math.sqrt(exits.rate().events)
    forgotten = simulate_escapes(walk, **options, restart="quasi-stationary")
    assert forgotten.rate().events == forgotten.events
    assert forgotten.exposure == pytest.approx(2048 * 20_000 * 0.01, rel=1e-12)
    assert abs(forgotten.rate().value / rate - 1) < 5 / math.sqrt(forgotten.events)
    assert abs(forgotten.rate().value / naive - 1) > 5 / math.sqrt(forgotten.events)


def test_the_mean_of_a_multiplicative_walk_is_wrong_in_proportion_to_the_step():
    """dx = x/2 dt + x/2 dW from x = 1: E x^2 = exp(5/4) at t = 1; Euler and Maruyama give (1 + 5 dt/4 + dt^2/4)^(1/dt), weak order 1.

    65536 walkers; a standard error is below 0.8 %, and the errors at dt = 1/4 and 1/16 are 15 and 4 %.
    """
    walk = SDE(x / 2, x**2 / 8, [x])
    errors = {}
    for parts in (4, 8, 16):
        step = euler_maruyama(walk, [1.0], Goal(np.array([1.0]), (x,), -1 - x**2), time_step=1 / parts, correction="none")
        team = Walkers.of(step, 2**16, seed=27, precision="float64")
        team.advance(parts)
        squares = team.rows**2
        discrete = (1 + 1.25 / parts + 0.25 / parts**2) ** parts
        assert abs(squares.mean() - discrete) < 5 * squares.std() / 256
        errors[parts] = squares.mean() / math.exp(1.25) - 1
    assert math.log2(errors[4] / errors[16]) / 2 == pytest.approx(1, abs=0.2)


def excess(step, steps, correction):
    """Return by how much the mean time to the saddle is too long at D = 0.2, relative, and its standard error."""
    walk = SDE(x - x**3, sp.Rational(1, 5), [x])
    options = {"start": -1, "event": "to the saddle", "walkers": 2048, "seed": 28, "precision": "float32"}
    measured = simulate_escapes(walk, time_step=step, iterations=steps, correction=correction, **options).mean_time()
    return measured.value / exact_escape_time(walk, start=-1, target=0).value - 1, measured.relative_half_width / 1.96


@pytest.mark.long
def test_bridged_exit_times_are_wrong_in_proportion_to_the_step():
    """Weak order 1: a dt + b dt^2 through the errors at dt = 0.08 and 0.04 gives those at 0.02 and 0; what the bridge takes away is of order 1/2."""
    coarse, middle, fine = (excess(dt, int(8000 / dt), "bridge") for dt in (0.08, 0.04, 0.02))
    slope = (4 * middle[0] - coarse[0]) / 0.08
    curve = (coarse[0] - 0.08 * slope) / 0.08**2
    assert fine[0] == pytest.approx(0.02 * slope + 0.02**2 * curve, abs=5 * math.hypot(fine[1], middle[1]))
    assert abs(0.02 * slope) > 5 * fine[1]
    late, less_late = excess(0.08, 50_000, "none")[0] - coarse[0], excess(0.02, 200_000, "none")[0] - fine[0]
    assert math.log2(late / less_late) / 2 == pytest.approx(0.5, abs=0.03)


def covered(repetitions, seed, *, restart):
    """Return how often the 95 % interval of the rate holds the exact one: one run of many walkers, each block of 64 a repetition of its own."""
    walk = SDE(x - x**3, sp.Rational(3, 10), [x])
    rate, hits, few = quasi_stationary(walk, start=-1, exits=1).rate.value, 0, []
    options = {"start": -1, "event": "next well", "time_step": 0.01, "walkers": 64, "iterations": 3400, "precision": "float32", "threads": 1}
    for repetition in range(repetitions):
        exits = simulate_escapes(walk, **options, seed=seed + repetition, restart=restart)
        estimate = exits.rate()
        hits += estimate.low <= rate <= estimate.high
        few.append(estimate.events)
    assert np.mean(few) > 100
    return hits / repetitions


@pytest.mark.parametrize("restart", ["start", "quasi-stationary"])
def test_intervals_cover_what_they_should_in_a_small_sample(restart):
    """40 repetitions at 95 %: fewer than 30 hits have a chance of 1e-5."""
    assert covered(40, 29, restart=restart) > 29.5 / 40


@pytest.mark.exhaustive
@pytest.mark.parametrize("restart", ["start", "quasi-stationary"])
def test_intervals_cover_between_93_and_97_per_cent(restart):
    assert 0.93 <= covered(1000, 1000, restart=restart) <= 0.97
