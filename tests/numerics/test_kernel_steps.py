"""Steps as statements: roots of covariances, the splitting of a particle, regions, what is refused, and how fast it all runs.

Seeds are fixed; statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import math
import os
import stat
import time

import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_escape_time
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.exit_event import Goal
from eyring.numerics.simulation.kernel.cache import cache_folder, kernel_module, library
from eyring.numerics.simulation.kernel.noise import kick_of
from eyring.numerics.simulation.kernel.sde import euler_maruyama
from eyring.numerics.simulation.kernel.step import Step
from eyring.numerics.simulation.kernel.walkers import Trouble, Walkers
from eyring.numerics.simulation.streams.words import stream_words
from eyring.theory.dynamics import SGD, Adam, MomentumSGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance, Isotropic
from eyring.theory.sde import SDE

x, y, z, v = sp.symbols("x y z v", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
FAR = Goal(np.zeros(3), (x, y, z), x - 10**9)


def one_step(matrix, place, precision, walkers=2**16):
    """Return where walkers at ``place`` are after a step of pure noise with this covariance, (n, walkers), relative to it."""
    symbols = (x, y, z)[: matrix.rows]
    walk = SDE([0] * matrix.rows, matrix / 2, symbols)
    step = euler_maruyama(walk, place, Goal(np.array(place), symbols, x - 10**9), time_step=1.0, correction="none")
    team = Walkers.of(step, walkers, seed=31, precision=precision)
    team.advance(1)
    rows = team.rows.reshape(len(team.done), len(step.state), -1)
    return rows.transpose(1, 0, 2).reshape(len(step.state), -1)[: matrix.rows] - np.array(place)[:, None]


@pytest.mark.parametrize(
    ("matrix", "precision"),
    [
        pytest.param(sp.Matrix([[2, -1], [-1, 3]]), "float64", id="constant"),
        pytest.param(sp.Matrix([[1 + x**2, x], [x, 1]]), "float32", id="full"),
        pytest.param(sp.diag(1 + x**2, 2 + x * y), "mixed", id="diagonal"),
        pytest.param(sp.Matrix([[4, 2 * x, x], [2 * x, x**2 + 1, y], [x, y, 9]]), "float64", id="three"),
        pytest.param(sp.Matrix([[x, y]]).T * sp.Matrix([[x, y]]), "float32", id="of rank one"),
    ],
)
def test_noise_has_its_covariance(matrix, precision):
    """65536 draws at (2, 1/2, 0): entries within 5 standard errors, sqrt((C_ii C_jj + C_ij^2)/n)."""
    place = [2.0, 0.5, 0.0][: matrix.rows]
    drawn = one_step(matrix, place, precision)
    known = np.array(matrix.subs({x: 2, y: sp.Rational(1, 2), z: 0}).tolist(), dtype=float)
    error = np.sqrt((np.outer(np.diag(known), np.diag(known)) + known**2) / drawn.shape[1])
    assert np.all(np.abs(drawn @ drawn.T / drawn.shape[1] - known) < 5 * error)
    assert np.all(np.abs(drawn.mean(axis=1)) < 5 * np.sqrt(np.diag(known) / drawn.shape[1]))


def test_noise_that_is_no_covariance_is_refused():
    with pytest.raises(ParameterError, match="negative variance, -1 along some direction"):
        kick_of(sp.Matrix([[1, 2], [2, 1]]), [x, y])
    with pytest.raises(ParameterError, match="negative variance, -3;"):
        kick_of(sp.Matrix([[1, 0], [0, -3]]), [x, y])
    dip = Covariance(1 - x**2 + x / 2)
    with pytest.raises(ParameterError, match=r"negative variance there.*walker \d+ has left all bounds at step 1: .*was it|negative variance there"):
        simulate_escapes(SGD(learning_rate=0.1, batch_size=1), QUARTIC, dip, start=-1, event="next well", walkers=4, iterations=50, seed=0)


def test_steps_that_differ_in_numbers_alone_share_one_kernel():
    def program(strength, step):
        walk = SDE(x - strength * x**3, strength / 3, [x])
        return euler_maruyama(walk, [-1.0], Goal(np.array([-1.0]), (x,), x - 1), time_step=step, correction="bridge").program()

    one, other = program(sp.Rational(1, 7), 0.01), program(sp.Rational(2, 9), 0.03)
    assert one == other
    assert hash(one) == hash(other)
    assert one.numbers != other.numbers
    assert all(set(value.free_symbols) <= {*one.state, *one.draws, *one.parameters, *(t for t, _ in one.statements)} for _, value in one.statements)


def test_each_statement_is_assigned_once_and_before_it_is_used():
    walk = SDE([x * y - x, sp.exp(-x * y)], sp.Matrix([[1 + x**2, x], [x, 1 + y**2]]), [x, y])
    program = euler_maruyama(walk, [0.0, 0.0], Goal(np.zeros(2), (x, y), x - 3), time_step=0.1, correction="bridge").program()
    known = {*program.state, *program.draws, *program.parameters}
    for target, value in program.statements:
        assert target not in known
        assert value.free_symbols <= known
        known.add(target)
    assert program.margin.free_symbols <= known
    assert not any(number.is_Float for _, value in program.statements for number in value.atoms(sp.Number))


def test_the_splitting_keeps_the_parabolas_temperature_where_euler_does_not():
    """dv = -v - x + sqrt(2 T) xi, dt = 0.4: BAOAB's <x^2> is T exactly; Euler and Maruyama's is 1.5 T or more. 65536 walkers, 5 standard errors."""
    bowl = SDE([v, -v - x], sp.diag(0, 1), [x, v], landscape=Landscape(x**2 / 2, [x]))
    from eyring.numerics.simulation.kernel.sde import splitting
    from eyring.theory.kinetic import kinetic_form

    step = splitting(kinetic_form(bowl), [0.0, 0.0], Goal(np.zeros(1), (x,), x - 10**9), time_step=0.4)
    team = Walkers.of(step, 2**16, seed=32, precision="float64")
    team.advance(80)
    squares = team.rows.reshape(-1, 2, 64)[:, 0].ravel() ** 2
    assert abs(squares.mean() - 1) < 5 * squares.std() / 256


def test_a_disc_is_left_at_the_known_time():
    """Brownian motion with D = 1/2 leaves a disc of radius 1 from its centre after 1/2 on average (in d dimensions 1/(2 d D)); from 1/2, 3/8."""
    walk, disc = SDE([0, 0], sp.eye(2) / 2, [x, y]), x**2 + y**2 > 1
    for start, known in (((0, 0), 0.5), ((0.5, 0), 0.375)):
        exits = simulate_escapes(walk, start=start, event=disc, walkers=1024, iterations=8000, time_step=0.002, seed=33, precision="float32")
        assert exits.events > 20_000
        assert exits.mean_time(1.0).value == pytest.approx(known, rel=0.005 + 5 / math.sqrt(exits.events))


def test_an_interval_is_left_on_both_sides_and_a_corner_on_either():
    walk = SDE(0 * x, 1, [x])
    exits = simulate_escapes(walk, start=0, event=sp.Or(x > 1, x < -1), walkers=512, iterations=20_000, time_step=0.002, seed=34)
    assert exits.mean_time(1.0).value == pytest.approx(0.5, rel=0.005 + 5 / math.sqrt(exits.events))
    with pytest.raises(ParameterError, match="already happened"):
        simulate_escapes(walk, start=2, event=x > 1, walkers=1, iterations=1, time_step=0.1, seed=0)
    with pytest.raises(ParameterError, match="numbers for y"):
        simulate_escapes(walk, start=0, event=x > y, walkers=1, iterations=1, time_step=0.1, seed=0)
    with pytest.raises(ParameterError, match="relaxation time at the start"):
        simulate_escapes(walk, start=0, event=x > 1, walkers=1, iterations=1, time_step=0.1, seed=0, restart="quasi-stationary")


def test_crossing_and_staying_takes_as_much_longer_as_it_lasts():
    """From the saddle half of the walkers fall back: staying beyond takes about twice as long as the first visit, and the stay itself."""
    walk = SDE(x - x**3, sp.Rational(3, 20), [x])
    options = {"start": -1, "walkers": 1024, "iterations": 60_000, "time_step": 0.01, "seed": 35, "precision": "float32"}
    stay = simulate_escapes(walk, event="cross and stay", stay=4.0, **options)
    visit = exact_escape_time(walk, start=-1, target=0).value
    well = exact_escape_time(walk, start=-1, target=1).value
    assert stay.times.min() > 4.0
    assert visit * 1.8 < well < stay.mean_time().value < 1.2 * well + 5
    with pytest.raises(ParameterError, match="go together"):
        simulate_escapes(walk, event="cross and stay", **options)
    with pytest.raises(ParameterError, match="go together"):
        simulate_escapes(walk, event="next well", stay=1.0, **options)


def test_adam_escapes_from_a_well():
    """A rule with a square root, a step count and powers of it: compiled as it stands."""
    values = {"eta": 0.05, "beta_1": 0.5, "beta_2": 0.9, "eps": 0.1, "B": 1, "sigma": 5}
    exits = simulate_escapes(Adam(), QUARTIC, Isotropic(), values=values, start=-1, event="next well", walkers=256, iterations=4000, seed=36)
    assert exits.events > 100


def test_an_event_that_never_happens_ends_with_the_run():
    exits = simulate_escapes(SDE(-x, 1, [x]), start=0, event=x > 50, walkers=10, iterations=5000, seed=0)
    assert exits.events == 0
    assert exits.exposure == pytest.approx(10 * 5000 * 0.01)
    assert exits.rate().low == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"walkers": 0}, "walkers must be a whole number from 1"),
        ({"threads": 0}, "threads must be a whole number from 1"),
        ({"precision": "half"}, "precision must be one of 'float32'"),
        ({"restart": "anywhere"}, "restart must be one of 'start'"),
        ({"correction": "exact"}, "correction must be one of 'bridge'"),
        ({"seconds": 0}, "seconds must be a positive"),
        ({"time_step": 3.0}, "time_step must be positive and below"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        simulate_escapes(SDE(x - x**3, 1, [x]), **{"start": -1, "event": "next well", "walkers": 2, "iterations": 2, "seed": 0} | options)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_functions_of_the_drift_are_the_ones_meant(precision):
    """One step without noise of every function that a step may use, at x = 0.3, against sympy's own digits."""
    drift = sp.exp(x) + sp.log(1 + x) + sp.sin(sp.cos(2 * x)) + sp.tanh(x) * sp.sqrt(x) + sp.Abs(x - 1) ** 3 + sp.atan(x) + sp.Max(x, x**2) + 1 / (1 + x) ** 2
    drift += sp.Piecewise((x, x < 1), (7, True)) + sp.sign(x - 1) + sp.erf(x) + (1 + x) ** sp.Rational(5, 2) + 2**x + sp.cosh(x)
    step = euler_maruyama(SDE(drift, 0, [x]), [0.3], Goal(np.array([0.3]), (x,), x - 10**9), time_step=0.5, correction="none")
    team = Walkers.of(step, 1, seed=0, precision=precision)
    team.advance(1)
    known = float((x + drift / 2).subs(x, sp.Rational(3, 10)).evalf(20))
    assert team.rows[0, 0] == pytest.approx(known, rel=2e-15 if precision == "float64" else 5e-7)


def test_functions_without_arithmetic_are_named():
    with pytest.raises(NotApplicable, match="besselj"):
        simulate_escapes(SDE(-x + sp.besselj(0, x) / 10, 1, [x]), start=0, event=x > 1, walkers=2, iterations=2, time_step=0.1, seed=0)


def test_a_walker_that_is_lost_is_named_with_its_step_and_state():
    """x' = -3 x from 1 doubles and more: |x| = 3^k, beyond the 3.4e38 of single precision at k = 81."""
    flip = sp.Dummy("flip", real=True)
    step = Step((x,), ((flip, -3 * x),), (flip,), sp.S.NegativeOne, (1.0,))
    with pytest.raises(Trouble) as caught:
        Walkers.of(step, 100, seed=0, precision="float32").advance(4000)
    assert caught.value.step == 81 == int(np.floor(np.log(np.finfo("float32").max) / np.log(3))) + 1
    assert caught.value.before[0] == pytest.approx(3.0**80, rel=1e-5)


def test_a_diverging_chain_is_no_escape_but_an_error():
    steep = Landscape(QUARTIC.expression + y**4 / 4 + y**2 / 2, [x, y])
    with pytest.raises(AccuracyError, match=r"walker \d+ has left all bounds at step \d+: its state is not finite, one step earlier it was \[.*\]"):
        simulate_escapes(SGD(learning_rate=0.5, batch_size=1), steep, Isotropic(4), start=(-1, 0), event="next well", walkers=256, iterations=2000, seed=0)


def test_a_diverging_chain_with_momentum_is_an_error_with_place_and_velocity():
    """Its state has a buffer behind the place, which the check of the noise there must not take for a coordinate."""
    dynamics = MomentumSGD(learning_rate=0.5, momentum=0.5, batch_size=1)
    with pytest.raises(AccuracyError, match=r"walker \d+ has left all bounds at step \d+: .* one step earlier it was \[\S+, \S+(, \S+)?\]\. The steps are too large"):
        simulate_escapes(dynamics, QUARTIC, Isotropic(9), start=-1, event="next well", walkers=64, iterations=3000, seed=1)


@pytest.mark.parametrize("correction", ["bridge", "shift", "none"])
def test_steps_that_leap_over_the_well_are_an_error_and_no_escape(correction):
    """dt = 0.45 is stable at the minimum (0.9 < 2) and not beyond |x| = 1.35, where 3 x^2 - 1 > 2/dt; walkers get there, and would leap to the other side."""
    walk = SDE(x - x**3, sp.Rational(1, 5), [x])
    options = {"start": -1, "event": "next well", "walkers": 64, "seed": 3, "correction": correction}
    with pytest.raises(AccuracyError, match=r"walker \d+ .* at step \d+: .* one step earlier it was \[-?\d\.\d+\]\. The steps are too large") as told:
        simulate_escapes(walk, time_step=0.45, iterations=2000, **options)
    place = float(str(told.value).split("[")[1].split("]")[0])
    assert 3 * place**2 - 1 > 2 / 0.45
    assert simulate_escapes(walk, time_step=0.05, iterations=2000, **options).events > 10


def test_mixed_precision_is_noise_in_single_and_state_in_double():
    """Three steps of pure noise: the normal numbers of the single stream, bit for bit, added up in double."""
    step = euler_maruyama(SDE(0 * x, sp.Rational(1, 2), [x]), [0.0], Goal(np.zeros(1), (x,), x - 10**9), time_step=1.0, correction="none")
    team = Walkers.of(step, 64, seed=5, precision="mixed")
    team.advance(3)
    numbers = np.empty(8 * 64, np.float32)
    library("mixed")["fill_normals"](stream_words(5, 64, "float32")[0], numbers, 0, 4)
    assert team.rows.dtype == np.float64
    assert np.array_equal(team.rows[0], numbers.reshape(8, 64)[:3].astype(np.float64).cumsum(axis=0)[-1])


def test_the_folder_of_kernels_belongs_to_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("EYRING_KERNELS", str(tmp_path / "kernels"))
    assert stat.S_IMODE(os.stat(cache_folder()).st_mode) == 0o700
    text = "@njit(**options)\ndef twice(x):\n    return 2 * x\n"
    assert kernel_module(text).twice(21) == 42
    assert any(p.suffix == ".nbi" for p in (tmp_path / "kernels").rglob("*"))
    (tmp_path / "kernels").chmod(0o777)
    with pytest.raises(ParameterError, match="closed to others"):
        cache_folder()
    monkeypatch.setenv("EYRING_KERNELS", "off")
    assert cache_folder() is None
    assert kernel_module(text + "\n").twice(4) == 8


def fastest(*calls, rounds=9):
    """Return the shortest time of each, taken in turns: other work on the machine comes and goes."""
    spans = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, spans, strict=True):
            begin = time.process_time()
            call()
            taken.append(time.process_time() - begin)
    return [min(taken) for taken in spans]


def test_a_kernel_runs_at_the_speed_of_its_random_numbers():
    """Guards against silent losses of ten times: a step may take thrice the time of its normal numbers alone (1.2 on an idle machine), those a fifth of numpy's."""
    walk = SDE(x - x**3, sp.Rational(1, 10), [x])
    step = euler_maruyama(walk, [-1.0], Goal(np.array([-1.0]), (x,), x - 1), time_step=0.01, correction="none")
    team = Walkers.of(step, 4096, seed=37, precision="float32")
    team.advance(8)
    words, out, fill = stream_words(1, 64, "float32")[0], np.empty(64 * 1024, np.float32), library("float32")["fill_normals"]
    generator, there = np.random.default_rng(1), np.empty(64 * 1024)

    def ours():
        for _ in range(32):
            fill(words, out, 0, 512)

    ours()
    steps, normals, theirs = fastest(lambda: team.advance(int(team.done[0]) + 512), ours, lambda: generator.standard_normal(out=there))
    assert steps < 3 * normals
    assert normals < 32 * theirs / 5
