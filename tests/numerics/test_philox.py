"""The counter-based stream: its words are the published ones, and a walker on the processor sees what the card's sees, exit by exit.

Seeds are fixed; statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import math

import numpy as np
import pytest
import sympy as sp
from cuda_emulation import Emulation, needs_a_compiler
from philox_by_hand import KNOWN, philox
from scipy import stats

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact import exact_escape_time
from eyring.numerics.simulation import checkpoint, simulate_escapes
from eyring.numerics.simulation.cuda.walkers import CudaWalkers
from eyring.numerics.simulation.kernel import watch
from eyring.numerics.simulation.kernel.cache import library
from eyring.numerics.simulation.kernel.problem import optimizer_problem, sde_problem
from eyring.numerics.simulation.kernel.walkers import Walkers
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.philox import philox_words
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance, FiniteSum
from eyring.theory.sde import SDE

x, v = sp.symbols("x v", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
WALK = SDE(x - x**3, sp.Rational(1, 5), [x])
BATCHES = [QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x, QUARTIC.expression]
WHERE = {"values": None, "start": -1, "event": "next well", "over": None, "stay": None}
STEPS = {
    "bridge": lambda: sde_problem(WALK, time_step=0.01, correction="bridge", **WHERE).step,
    "particle": lambda: sde_problem(SDE([v, -v + x - x**3], sp.diag(0, sp.Rational(1, 10)), [x, v]), time_step=0.05, correction=None, **WHERE).step,
    "momentum": lambda: optimizer_problem(MomentumSGD(learning_rate=0.1, momentum=0.5, batch_size=2), QUARTIC, Covariance(1 + x**2), **WHERE).step,
    "batches": lambda: optimizer_problem(SGD(learning_rate=0.1, batch_size=5), QUARTIC, FiniteSum(BATCHES, copies=(6, 6, 4)), **WHERE).step,
    "batches without replacement": lambda: optimizer_problem(
        SGD(learning_rate=0.15, batch_size=6), QUARTIC, FiniteSum(BATCHES, copies=(6, 6, 4), replacement=False), **WHERE
    ).step,
}  # fmt: skip


def words_of(counter, key):
    """Return the four words of the processor's stream for this counter (fours of steps in two words, walker, call), (4,)."""
    state = philox_words(0, LANES)[0]
    state[0], state[LANES : LANES + 2] = counter[2], key
    functions = library("float32", "philox")
    functions["turn_to"](state, np.uint64(counter[0] + (counter[1] << 32)))
    state[LANES + 4] = counter[3]
    functions["call_words"](state)
    return tuple(int(w) for w in state.reshape(6, LANES)[2:, 0])


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_the_words_are_the_published_ones(counter, key, answer):
    assert words_of(counter, key) == answer == philox(counter, key)


def test_the_reference_is_numpys_generator_with_words_half_as_long():
    """The same ten rounds with the constants for 64 bits: numpy's Philox, whose first counter is 1."""
    key = (0x0123456789ABCDEF, 0xFEDCBA9876543210)
    assert philox((1, 0, 0, 0), key, bits=64) == tuple(int(w) for w in np.random.Philox(key=np.array(key, dtype=np.uint64)).random_raw(4))


def test_every_walker_and_four_of_steps_has_words_of_its_own():
    """Random counters beyond 2^32 fours, every lane of a distant block, calls in order; against whole numbers."""
    state, functions = philox_words(9, 10 * LANES)[7], library("float32", "philox")
    key = tuple(int(k) for k in np.random.SeedSequence(9).generate_state(2, np.uint32))
    functions["turn_to"](state, 2**32 * 5 + 77)
    for call in range(3):
        functions["call_words"](state)
        for lane in (0, 31, 63):
            assert tuple(int(w) for w in state.reshape(6, LANES)[2:, lane]) == philox((77, 5, 7 * LANES + lane, call), key)


def drawn(precision, rows, *, seed=3, what="normals", fours=0):
    words, functions = philox_words(seed, LANES)[0], library(precision, "philox")
    functions["turn_to"](words, fours)
    out = np.empty(rows * LANES, np.float64 if precision == "float64" else np.float32)
    functions[f"fill_{what}"](words, out, 0, rows // 2 if what == "normals" else rows)
    return out.reshape(rows, LANES).astype(float), tuple(int(w) for w in words[LANES : LANES + 2])


@pytest.mark.parametrize(("precision", "exact"), [("float32", 3e-6), ("float64", 2e-14)])
def test_numbers_are_box_and_mullers_of_the_words(precision, exact):
    (normal, key), width = drawn(precision, 12, fours=6), 1 if precision == "float32" else 2
    exponential, _ = drawn(precision, 12, what="exponentials", fours=6)
    for lane in (0, 17, 63):
        raw = [w for call in range(12) for w in philox((6, 0, lane, call), key)]
        units = [raw[i] if width == 1 else (raw[2 * i] << 32) + raw[2 * i + 1] for i in range(12)]
        full = 2 ** (32 * width)
        for pair in range(6):
            r, angle = math.sqrt(-2 * math.log((units[2 * pair] + 0.5) / full)), 2 * math.pi * units[2 * pair + 1] / full
            assert normal[2 * pair, lane] == pytest.approx(r * math.sin(angle), abs=exact)
            assert normal[2 * pair + 1, lane] == pytest.approx(r * math.cos(angle), abs=exact)
        for i in range(12):
            assert exponential[i, lane] == pytest.approx(-math.log((units[i] + 0.5) / full), rel=exact, abs=exact / 10)


@pytest.mark.parametrize("precision", ["float32", pytest.param("float64", marks=pytest.mark.long)])
def test_normal_numbers_have_the_moments_the_law_and_no_memory(precision):
    """2^21 numbers, lags 1 to 8 and all pairs of lanes; Kolmogorov and Smirnov below 2.67 (6e-7), the largest of 2016 correlations below 6."""
    z, _ = drawn(precision, 2**15)
    for power, known, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)):
        assert np.mean(z**power) == pytest.approx(known, abs=5 * math.sqrt(variance / z.size))
    assert stats.kstest(z.ravel(), "norm").statistic * math.sqrt(z.size) < 2.67
    for numbers in (z, (z**2 - 1) / math.sqrt(2)):
        for lag in range(1, 9):
            assert abs(np.mean(numbers[lag:] * numbers[:-lag])) * math.sqrt(numbers[lag:].size) < 5
        between = numbers.T @ numbers / math.sqrt(len(numbers))
        assert np.max(np.abs(between[np.triu_indices(LANES, 1)])) < 6


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return Emulation(tmp_path_factory.mktemp("card"))


DAILY = ("batches without replacement",)


@pytest.mark.parametrize("name", [n if n in DAILY else pytest.param(n, marks=pytest.mark.long) for n in STEPS])
@needs_a_compiler
def test_processor_and_card_see_the_same_exits(card, name):
    """2048 walkers, 4003 steps in double precision: every exit at the same step, every walker in the same place to rounding."""
    step = STEPS[name]()
    here = Walkers.of(step, 2048, seed=8, precision="float64", stream="philox")
    there = CudaWalkers.of(step, 2048, seed=8, precision="float64", machine=card)
    ours, theirs = here.advance(4003), there.advance(4003)
    assert len(ours) > 300
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(here.rows, there.rows, rtol=0, atol=1e-9)


@needs_a_compiler
@pytest.mark.parametrize("precision", ["float32", pytest.param("mixed", marks=pytest.mark.long)])
def test_in_single_precision_they_part_by_rounding_only(card, precision):
    """Of some 1500 exits fewer than one in a hundred is at another step: a margin within 1e-6 of the border decides otherwise."""
    step = STEPS["bridge"]()
    here = Walkers.of(step, 2048, seed=8, precision=precision, stream="philox")
    there = CudaWalkers.of(step, 2048, seed=8, precision=precision, machine=card)
    ours, theirs = ({tuple(e) for e in team.advance(4003).tolist()} for team in (here, there))
    assert len(ours) > 800
    assert len(ours ^ theirs) < len(ours) / 50
    assert np.mean(np.abs(here.rows - there.rows) < 1e-4) > 0.99


def same(one, other):
    return np.array_equal(one.times, other.times) and np.array_equal(one.censored, other.censored)


SHORT = {"start": -1, "event": "next well", "walkers": 300, "iterations": 5003, "seed": 4, "stream": "philox"}


@pytest.mark.parametrize("options", [{"restart": "quasi-stationary", "precision": "float32"}, pytest.param({}, marks=pytest.mark.long)])
def test_threads_slices_and_interruptions_change_no_bit(options, monkeypatch, tmp_path):
    plain = simulate_escapes(WALK, **SHORT, **options, threads=1)
    assert plain.events > 50
    monkeypatch.setattr(watch, "FIRST", 3)
    monkeypatch.setattr(watch, "SLICE", 1e-9)
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    assert same(plain, simulate_escapes(WALK, **SHORT, **options, threads=5))
    kept, parts = tmp_path / "run.npz", []
    while not parts or parts[-1].exposure < plain.exposure * (1 - 1e-12):
        monkeypatch.setattr(watch, "FIRST", 40 * (1 + len(parts)))
        parts.append(simulate_escapes(WALK, **SHORT, **options, seconds=1e-9, checkpoint=kept))
    assert len(parts) > 3
    assert same(parts[-1], plain)
    with pytest.raises(ParameterError, match="belongs to another run"):
        simulate_escapes(WALK, **{**SHORT, "stream": "xoshiro"}, **options, checkpoint=kept)


def test_a_walker_does_not_know_how_many_others_run():
    step = STEPS["bridge"]()
    few, many = (Walkers.of(step, n, seed=4, precision="float64", stream="philox").advance(4000) for n in (128, 1024))
    np.testing.assert_array_equal(few, many[many[:, 0] < 128])


@pytest.mark.long
def test_walkers_take_the_exact_time():
    """Some six thousand events; and not those of the other stream."""
    run = {"start": -1, "event": "next well", "walkers": 2048, "iterations": 12_000, "time_step": 0.005, "seed": 31, "precision": "float32"}
    exits, others = (simulate_escapes(WALK, **run, stream=stream) for stream in ("philox", None))
    measured = exits.mean_time()
    assert exits.events > 5000
    assert not same(exits, others)
    assert abs(measured.value / exact_escape_time(WALK, start=-1, target=1).value - 1) < 5 * measured.relative_half_width / 1.96 < 0.08


def test_a_stream_that_is_not_there_is_refused():
    with pytest.raises(ParameterError, match="stream must be one of 'xoshiro', 'philox', got 'dice'"):
        simulate_escapes(WALK, **{**SHORT, "stream": "dice"})
    with pytest.raises(NotApplicable, match="a graphics card draws from the stream 'philox', got stream='xoshiro'"):
        simulate_escapes(WALK, **{**SHORT, "stream": "xoshiro"}, device="cuda")
