"""Walkers with heavy-tailed kicks: their jumps against the stable law, their exits against Getoor's closed form and the nonlocal equation.

Seeds are fixed; statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from cuda_emulation import Emulation, needs_a_compiler
from scipy import integrate, stats

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_levy_exit_time
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.cuda.walkers import CudaWalkers
from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.levy import border_shift, levy_step
from eyring.numerics.simulation.kernel.walkers import Walkers
from eyring.theory.landscape import Landscape
from eyring.theory.levy_flight import LevyFlight
from eyring.theory.noise import Isotropic

x, y = sp.symbols("x y", real=True)
FLAT = Landscape(0 * x, [x])
WELL = Landscape(sp.Rational(13, 20) * x**2 + sp.Rational(2, 15) * x**3 + x**4 / 8, [x])
INSIDE = sp.Or(x > 1, x < -1)


def free(alpha, *, parts=1, scale=1.0, walkers=2**19, seed=1):
    """Return where free walkers are after a unit of time in equal parts."""
    flight = LevyFlight(FLAT, stability=alpha, scale=scale)
    step = levy_step(flight, Goal(np.zeros(1), (x,), sp.S.NegativeOne), time_step=1 / parts, correction=None)
    team = Walkers.of(step, walkers, seed=seed, precision="float64")
    team.advance(parts)
    return team.rows.ravel()


def assert_stable(jumps, alpha, scale=1.0):
    """cos(uX) has mean exp(-|eps u|^alpha) and the variance (1 + exp(-|2 eps u|^alpha))/2 - its square; sin(uX) has mean zero."""
    for u in (0.03, 0.2, 1.0, 2.5):
        mean, twice = (math.exp(-((scale * k * u) ** alpha)) for k in (1, 2))
        assert abs(np.cos(u * jumps).mean() - mean) < 5 * math.sqrt(((1 + twice) / 2 - mean**2) / jumps.size)
        assert abs(np.sin(u * jumps).mean()) < 5 * math.sqrt((1 - twice) / 2 / jumps.size)


LONG = pytest.mark.long


@pytest.mark.parametrize("alpha", [0.3, 0.8, 1, 1.7, *(pytest.param(a, marks=LONG) for a in (0.5, 1.3, 1.95))])
def test_jumps_have_the_characteristic_function_of_the_stable_law(alpha):
    assert_stable(free(alpha), alpha)


@pytest.mark.parametrize("alpha", [0.8, 1.7])
def test_a_time_in_many_parts_is_the_same_time_at_once(alpha):
    """Steps of dt jump by dt^(1/alpha): sixteen of them are one of sixteen times the length, which a root of dt would miss by far."""
    assert_stable(free(alpha, parts=16, scale=0.7, walkers=2**17), alpha, scale=0.7)


@pytest.mark.parametrize("alpha", [0.8, 1, *(pytest.param(a, marks=LONG) for a in (0.5, 1.7, 1.9))])
def test_jumps_are_distributed_as_scipy_says_and_their_tails_fall_by_the_power(alpha):
    """Shares beyond 1/10 to 30 against levy_stable; of those beyond 10^4 half are to either side, as many as 2 c/(alpha y^alpha), c of the theory."""
    jumps = free(alpha, seed=2)
    for level in (0.1, 1.0, 4.0, 30.0):
        share = 2 * stats.levy_stable.sf(level, alpha, 0)
        assert abs(np.mean(np.abs(jumps) > level) - share) < 5 * math.sqrt(share / jumps.size) + 1e-9
    level = 10.0 ** (3 / alpha)
    expected = jumps.size * 2 * math.gamma(alpha) * math.sin(math.pi * alpha / 2) / math.pi * level**-alpha
    beyond = jumps[np.abs(jumps) > level]
    assert abs(beyond.size - expected) < 5 * math.sqrt(expected)
    assert abs(np.sign(beyond).sum()) < 5 * math.sqrt(beyond.size)
    if alpha == 1:
        assert stats.kstest(jumps, "cauchy").statistic * math.sqrt(jumps.size) < 2.67


def excess(flight, exact, start, step, *, seed, correction=None, span=120.0, event=INSIDE, walkers=1024):
    """Return by how much the mean time is too long, relative, and its standard error."""
    run = {"walkers": walkers, "iterations": int(span / step), "time_step": step, "seed": seed, "threads": 1}
    measured = simulate_escapes(flight, start=start, event=event, correction=correction, **run).mean_time(8 * exact)
    return measured.value / exact - 1, measured.relative_half_width / 1.96


def getoor(alpha, place):
    """Return the mean time to leave (-1, 1), E exp(iuL_t) = exp(-t |u|^alpha)."""
    return (1 - place**2) ** (alpha / 2) / math.gamma(1 + alpha)


@pytest.mark.parametrize(
    ("alpha", "place"), [(1.7, 0.5), *(pytest.param(a, p, marks=LONG) for a, p in ((0.5, 0), (0.9, 0.5), (1, 0), (1.1, 0), (1.5, 0.5), (1.9, 0)))]
)
def test_free_walkers_leave_an_interval_at_getoors_time(alpha, place):
    """What steps of 1/50 and 1/200 leave in proportion to them is taken away; the standard error is below 0.4 %, the largest excess at 1/50 3 %."""
    flight = LevyFlight(FLAT, stability=alpha, scale=1)
    coarse, fine = (excess(flight, getoor(alpha, place), place, 1 / parts, seed=3) for parts in (50, 200))
    error = math.hypot(4 * fine[1], coarse[1]) / 3
    assert error < 0.004
    assert abs(coarse[0]) < 0.04
    assert abs((4 * fine[0] - coarse[0]) / 3) < 5 * error


@pytest.mark.parametrize("alpha", [1.3, *(pytest.param(a, marks=LONG) for a in (0.7, 1.7))])
def test_walkers_in_a_well_leave_it_when_the_nonlocal_equation_says(alpha):
    """A lopsided well and interval, noise of moderate strength: slope, jumps and border together, to 1 %."""
    flight = LevyFlight(WELL, stability=alpha, scale=0.5)
    exact = exact_levy_exit_time(WELL, stability=alpha, scale=0.5, interval=(-0.9, 1.3), start=0.0)
    assert exact.relative_error < 1e-3
    event = sp.Or(x > sp.Rational(13, 10), x < -sp.Rational(9, 10))
    late, error = excess(flight, exact.value, 0, 0.004, seed=4, span=250.0, event=event)
    assert error < 0.006
    assert abs(late) < 5 * error + 0.003


@pytest.mark.long
def test_uncorrected_exits_come_late_by_the_step_to_the_power_one_over_alpha():
    """alpha = 3/2: 9.4 and 3.7 % at steps of 1/50 and 1/200, a power of 2/3; moved borders leave less than 1 %."""
    flight, exact = LevyFlight(FLAT, stability=1.5, scale=1), getoor(1.5, 0)
    coarse, fine = (excess(flight, exact, 0, 1 / parts, seed=5, correction="none") for parts in (50, 200))
    power = math.log(coarse[0] / fine[0], 4)
    assert power == pytest.approx(2 / 3, abs=5 * (fine[1] / fine[0] + coarse[1] / coarse[0]) / math.log(4) * 0.6)
    assert coarse[0] > 0.08
    assert abs(excess(flight, exact, 0, 1 / 50, seed=5, correction="shift")[0]) < 0.01


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
def test_the_border_is_moved_by_what_a_walk_overshoots(alpha):
    """By the Wiener-Hopf factor, -(1/pi) int ln[(1 - exp(-u^alpha))/u^alpha] du/u^2; by Spitzer's sum of E X_k^+/k; and at alpha = 2 the known 0.5826."""
    def held(u):
        return u / 2 - u**2 / 24 if u < 1e-3 else -math.log(-math.expm1(-u) / u)

    integral = sum(
        integrate.quad(lambda s: held(math.exp(alpha * s)) * math.exp(-s), low, high)[0] for low, high in pairwise((-150, -30, -8, 0, 8, 30, 60))
    )
    assert border_shift(alpha) == pytest.approx(integral / math.pi, rel=1e-6)
    n, one = 10**5, math.gamma(1 - 1 / alpha) / math.pi
    walk = one * (np.arange(1, n + 1) ** (1 / alpha - 1)).sum()
    assert border_shift(alpha) == pytest.approx(one * alpha * n ** (1 / alpha) - walk + one * n ** (1 / alpha - 1) / 2, rel=1e-4)
    assert border_shift(2) == pytest.approx(0.5825971579390106 * math.sqrt(2), rel=1e-12)
    assert float(mpmath.zeta(0.5)) == pytest.approx(-1.4603545, rel=1e-7)


@pytest.mark.long
def test_coordinates_jump_each_by_itself():
    """Two free coordinates: |X| > 1 for both as often as the square of for one; and an interval in one is left at its own time."""
    both = LevyFlight(Landscape(sp.Integer(0), [x, y]), stability=0.8, scale=1)
    step = levy_step(both, Goal(np.zeros(2), (x, y), sp.S.NegativeOne), time_step=1.0, correction=None)
    team = Walkers.of(step, 2**18, seed=6, precision="float64")
    team.advance(1)
    far = np.abs(team.rows.reshape(-1, 2, 64)) > 1
    share = 2 * stats.levy_stable.sf(1.0, 0.8, 0)
    assert abs((far[:, 0] & far[:, 1]).mean() - share**2) < 5 * share / math.sqrt(2**18)
    late, error = excess(both, getoor(0.8, 0), (0, 0), 0.01, seed=7, span=60.0)
    assert abs(late) < 5 * error + 0.01


def test_a_flat_border_in_the_plane_is_moved_by_the_scale_across_it():
    flight = LevyFlight(Landscape(sp.Integer(0), [x, y]), stability=1.5, scale=2)
    goal = Goal(np.zeros(2), (x, y), 3 * x - 4 * y - 10)
    moved, bare = (levy_step(flight, goal, time_step=0.5, correction=c).margin for c in ("shift", "none"))
    added = moved.subs({s: 0 for s in moved.free_symbols}) - bare.subs({s: 0 for s in bare.free_symbols})
    assert float(added) == pytest.approx(border_shift(1.5) * 2 * 0.5 ** (2 / 3) * (3**1.5 + 4**1.5) ** (2 / 3), rel=1e-12)


RUN = {"start": 0, "event": sp.Or(x > sp.Rational(13, 10), x < -sp.Rational(9, 10)), "walkers": 100, "iterations": 400, "time_step": 0.01, "seed": 8}


@pytest.mark.parametrize("stream", ["xoshiro", pytest.param("philox", marks=LONG)])
def test_threads_change_no_bit_and_a_run_goes_on(stream, tmp_path):
    flight = LevyFlight(WELL, stability=1.3, scale=1)
    one, two = (simulate_escapes(flight, **RUN, stream=stream, threads=n) for n in (1, 2))
    simulate_escapes(flight, **RUN | {"iterations": 200}, stream=stream, checkpoint=tmp_path / "kept")
    resumed = simulate_escapes(flight, **RUN, stream=stream, checkpoint=tmp_path / "kept")
    assert one.events > 100
    for other in (two, resumed):
        np.testing.assert_array_equal(one.times, other.times)
        np.testing.assert_array_equal(one.censored, other.censored)


@pytest.mark.long
@needs_a_compiler
def test_a_card_sees_the_same_exits(tmp_path):
    step = levy_step(LevyFlight(WELL, stability=1.3, scale=1), Goal(np.zeros(1), (x,), sp.Abs(x) - 1), time_step=0.01, correction=None)
    here = Walkers.of(step, 512, seed=8, precision="float64", stream="philox")
    there = CudaWalkers.of(step, 512, seed=8, precision="float64", machine=Emulation(tmp_path))
    ours = here.advance(1003)
    assert len(ours) > 1000
    np.testing.assert_array_equal(ours, there.advance(1003))


@pytest.mark.parametrize(
    ("make", "options", "kind", "words"),
    [
        (lambda: LevyFlight(FLAT, stability=2, scale=1), {}, ParameterError, "stability must be between 0 and 2: at 2 the noise is Gaussian"),
        (lambda: LevyFlight(FLAT, stability=1.5, scale=-1), {}, ParameterError, "scale must be positive, got -1"),
        (lambda: LevyFlight(x**2, stability=1.5, scale=1), {}, EyringError, "needs a loss, ey.Landscape"),
        (lambda: LevyFlight(FLAT, stability=sp.Symbol("a"), scale=1), {"values": {"a": 2.5}}, ParameterError, "stability must be between 0 and 2"),
        (lambda: LevyFlight(FLAT, stability=sp.Symbol("a"), scale=1), {}, ParameterError, "missing: a"),
        (lambda: LevyFlight(FLAT, stability=1.5, scale=1), {"precision": "float32"}, NotApplicable, "orders of magnitude than single precision holds"),
        (lambda: LevyFlight(FLAT, stability=1.5, scale=1), {"correction": "bridge"}, ParameterError, "no bridge is known between two ends"),
        (lambda: LevyFlight(FLAT, stability=0.9, scale=1), {"correction": "shift"}, NotApplicable, "known for 1 < alpha < 2"),
        (lambda: LevyFlight(FLAT, stability=1.5, scale=1), {"time_step": None}, ParameterError, "time_step must be positive"),
        (lambda: LevyFlight(FLAT, stability=1.5, scale=1), {"noise": Isotropic(1)}, ParameterError, "leave loss and noise out"),
        (lambda: LevyFlight(WELL, stability=1.5, scale=1), {"time_step": 3.0}, ParameterError, "time_step must be positive and below 1.53"),
    ],
)
def test_what_means_nothing_is_refused(make, options, kind, words):
    with pytest.raises(kind, match=words):
        simulate_escapes(make(), **RUN | options)


def test_a_jump_that_the_slope_throws_back_too_far_is_an_error_with_walker_and_state():
    """Only the right side counts as outside: a jump far to the left meets a slope of x^3, and the explicit step leaves all bounds."""
    with pytest.raises(AccuracyError, match=r"walker \d+ has left all bounds at step \d+: its state is not finite, one step earlier it was \[.*\]"):
        simulate_escapes(LevyFlight(WELL, stability=0.8, scale=1), **RUN | {"event": x > 5, "iterations": 20_000})
