"""Walkers on a graphics card, played by a processor that runs the printed kernel word for word: against exact times, and against themselves.

Seeds are fixed; what must lie in its 99 % interval has a false alarm of 1 % for a fresh seed.
"""

import numpy as np
import pytest
import sympy as sp
from cuda_emulation import Emulation, needs_a_compiler

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.cuda import device as cuda_device
from eyring.numerics.simulation.cuda import walkers as cuda_walkers
from eyring.numerics.simulation.cuda.device import Card
from eyring.numerics.simulation.cuda.walkers import CudaWalkers
from eyring.numerics.simulation.kernel.problem import sde_problem
from eyring.numerics.simulation.kernel.step import Step
from eyring.numerics.simulation.kernel.walkers import Trouble
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import FiniteSum
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
WALK = SDE(x - x**3, sp.Rational(1, 5), [x])
OPTIMIZER = SGD(learning_rate=0.1, batch_size=4)
BATCHES = FiniteSum([QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x], copies=(8, 8))
STEP = sde_problem(WALK, values=None, time_step=0.005, start=-1, event="next well", over=None, stay=None, correction="bridge").step


@pytest.fixture(scope="module")
def emulation(tmp_path_factory):
    return Emulation(tmp_path_factory.mktemp("card"))


@pytest.fixture
def on_the_card(monkeypatch, emulation):
    """What ``simulate_escapes`` finds when it looks for a card."""
    monkeypatch.setattr(cuda_walkers, "card", lambda: emulation)


@needs_a_compiler
@pytest.mark.parametrize("precision", ["float32", "mixed"])
def test_walkers_of_an_sde_take_the_exact_time(on_the_card, precision):
    """Some six thousand events, a 99 % half width of some 3 per cent."""
    exits = simulate_escapes(WALK, start=-1, event="next well", walkers=2048, iterations=12_000, time_step=0.005, seed=31, precision=precision, device="cuda")
    measured, exact = exits.mean_time(level=0.99), exact_escape_time(WALK, start=-1, target=1).value
    assert exits.events > 5000
    assert abs(measured.value / exact - 1) < measured.relative_half_width < 0.04


@needs_a_compiler
def test_walkers_of_an_optimizer_take_the_chains_time(on_the_card):
    exits = simulate_escapes(OPTIMIZER, QUARTIC, BATCHES, start=-1, event="next well", walkers=2048, iterations=3000, seed=32, device="cuda")
    measured, exact = exits.mean_time(level=0.99), exact_chain_time(OPTIMIZER, QUARTIC, BATCHES, start=-1, target=1).value
    assert exits.events > 3000
    assert abs(measured.value / exact - 1) < measured.relative_half_width < 0.05


@needs_a_compiler
def test_the_answer_depends_neither_on_cuts_nor_on_company_nor_on_room(emulation, monkeypatch):
    """1003 steps at once, or after 400; 512 walkers among 1024; room for 8 events, the launch then repeated: the same bits."""
    first, second, many, cramped = (CudaWalkers.of(STEP, n, seed=5, precision="float32", machine=emulation) for n in (512, 512, 1024, 512))
    whole = first.advance(1003)
    parts = np.concatenate([second.advance(400), second.advance(1003)])
    others = many.advance(1003)
    monkeypatch.setattr(cuda_walkers, "ROOM", 8)
    again = cramped.advance(1003)
    assert len(whole) > 50
    assert np.all(whole[:, 2] <= 1003)
    np.testing.assert_array_equal(whole, parts[np.lexsort((parts[:, 0] % 64, parts[:, 2], parts[:, 0] // 64))])
    np.testing.assert_array_equal(whole, others[others[:, 0] < 512])
    np.testing.assert_array_equal(whole, again)
    for rows in (second.rows, many.rows[:8], cramped.rows):
        np.testing.assert_array_equal(first.rows, rows)


@needs_a_compiler
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_walker_that_climbs_a_step_at_a_time_leaves_when_it_must(emulation, precision):
    """x -> x + 1 from 0 is beyond 10.5 at its 11th step, and so at every 11th, whatever its place among four; at step 61 it stands at 6."""
    walkers = CudaWalkers.of(Step((x,), (), (x + 1,), x + 1 - sp.Rational(21, 2), (0.0,)), 64, seed=1, precision=precision, machine=emulation)
    events = walkers.advance(61)
    np.testing.assert_array_equal(events[events[:, 0] == 9], [[9, 11 * k, 11 * (k + 1)] for k in range(5)])
    assert np.all(walkers.rows == 6)
    assert np.all(walkers.born == 55)


@needs_a_compiler
def test_fours_of_steps_are_counted_beyond_32_bits(emulation):
    """Walkers that begin three fours before 2^32 of them: the launch is cut there, and every step still has numbers of its own."""
    walkers = CudaWalkers.of(STEP, 4096, seed=6, precision="float32", machine=emulation)
    begin = 4 * (2**32 - 100)
    walkers.done[:], walkers.born[:] = begin, begin
    events = walkers.advance(begin + 1200)
    assert np.all((events[:, 1] >= begin) & (events[:, 2] > begin + 50) & (events[:, 2] <= begin + 1200))
    usual = len(CudaWalkers.of(STEP, 4096, seed=7, precision="float32", machine=emulation).advance(1200))
    assert abs(len(events) - usual) < 5 * np.sqrt(len(events) + usual)


LOST = {
    "far away": (x * sp.Abs(x), x - 2, -10.0, 6, -1e32),
    "no number": (sp.sqrt(x), x - 2, -4.0, 1, -4.0),
    "a margin whose cases leave a place out": (3 * x / 2, sp.Piecewise((x - 2, x > -6)), -1.0, 6, -7.59375),
}


@needs_a_compiler
@pytest.mark.parametrize("name", LOST)
def test_a_walker_that_is_lost_is_named(emulation, name):
    """x -> x |x| from -10 leaves single precision at step 6, which the kernel does not see and bisection finds; x -> sqrt(x) at once, which it sees."""
    rule, margin, begin, step, before = LOST[name]
    walkers = CudaWalkers.of(Step((x,), (), (rule,), margin, (0.5,)), 256, seed=5, precision="float32", machine=emulation)
    walkers.rows[2, 17] = begin
    with pytest.raises(Trouble) as lost:
        walkers.advance(403)
    assert (lost.value.walker, lost.value.step) == (2 * 64 + 17, step)
    assert abs(lost.value.before[0] / before - 1) < 1e-5


@needs_a_compiler
def test_a_run_goes_on_from_its_checkpoint_and_not_from_a_processors(on_the_card, tmp_path):
    run = {"start": -1, "event": "next well", "walkers": 64, "time_step": 0.005, "seed": 5, "precision": "float32"}
    whole = simulate_escapes(WALK, iterations=4000, device="cuda", **run)
    simulate_escapes(WALK, iterations=2000, device="cuda", checkpoint=tmp_path / "kept", **run)
    resumed = simulate_escapes(WALK, iterations=4000, device="cuda", checkpoint=tmp_path / "kept", **run)
    np.testing.assert_array_equal(whole.times, resumed.times)
    with pytest.raises(ParameterError, match="belongs to another run"):
        simulate_escapes(WALK, iterations=4000, checkpoint=tmp_path / "kept", **run)


@needs_a_compiler
def test_the_driver_is_called_as_its_functions_want(emulation, monkeypatch):
    """A library with the driver's names that checks what it is given and has this kernel as its only function: the same events, bit for bit."""
    walkers = CudaWalkers.of(STEP, 512, seed=5, precision="float32", machine=emulation)
    source = cuda_walkers.cuda_source(walkers.program, "float32")
    monkeypatch.setattr(cuda_device, "DRIVER", emulation.library(source)._name)
    monkeypatch.setattr(cuda_device, "machine_code", lambda source, architecture: architecture.encode())
    there = Card()
    assert there.architecture == "sm_90"
    np.testing.assert_array_equal(
        walkers.advance(1003), CudaWalkers.of(STEP, 512, seed=5, precision="float32", machine=there).advance(1003)
    )
    monkeypatch.setattr(cuda_device, "machine_code", lambda source, architecture: b"of another card")
    with pytest.raises(NotApplicable, match=r"driver says to cuModuleLoadData: invalid argument \(1\)"):
        there.run("another kernel", 1, [])


def test_without_a_card_one_is_told_so(monkeypatch):
    monkeypatch.setattr(cuda_device, "DRIVER", "libcuda-is-not-here.so.1")
    cuda_device.card.cache_clear()
    with pytest.raises(NotApplicable, match="needs an NVIDIA graphics card and its driver, and the driver's library libcuda-is-not-here"):
        simulate_escapes(WALK, start=-1, event="next well", walkers=64, iterations=10, time_step=0.005, seed=1, device="cuda")
    with pytest.raises(ParameterError, match="device must be one of 'cpu', 'cuda', got 'tpu'"):
        simulate_escapes(WALK, start=-1, event="next well", walkers=64, iterations=10, time_step=0.005, seed=1, device="tpu")


def test_restarts_at_other_walkers_places_are_refused(on_the_card):
    with pytest.raises(NotApplicable, match="restart='quasi-stationary' takes another walker's place"):
        simulate_escapes(WALK, start=-1, event="next well", walkers=64, iterations=10, time_step=0.005, seed=1, device="cuda", restart="quasi-stationary")


@needs_a_compiler
def test_a_card_where_there_is_one_gives_the_emulations_walkers(emulation):
    """Only the intrinsic logarithm, sine and cosine differ, by 1e-6: after a hundred steps the walkers are within 1e-3 of each other, but for a few."""
    try:
        there = Card()
    except NotApplicable as no_card:
        pytest.skip(str(no_card))
    real, played = (CudaWalkers.of(STEP, 4096, seed=5, precision="float32", machine=machine) for machine in (there, emulation))
    for walkers in (real, played):
        walkers.advance(100)
    assert np.mean(np.abs(real.rows - played.rows) < 1e-3) > 0.999
