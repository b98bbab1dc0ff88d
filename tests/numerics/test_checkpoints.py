"""The same answer, bit for bit: on any number of threads, cut into any slices, interrupted, killed and resumed."""

import os
import signal
import time
import warnings

import numpy as np
import pytest
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.simulation import checkpoint, simulate_escapes
from eyring.numerics.simulation.kernel import watch
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import FiniteSum, Isotropic
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
WALK = SDE(x - x**3, sp.Rational(1, 5), [x])
SHORT = {"start": -1, "event": "next well", "walkers": 300, "iterations": 5003, "seed": 4}
RUNS = {
    "sde": ((WALK,), {}),
    "sde, quasi-stationary": ((WALK,), {"restart": "quasi-stationary", "precision": "float32"}),
    "batches": ((SGD(learning_rate=0.1, batch_size=4), QUARTIC, FiniteSum([QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x])), {}),
    "momentum": ((MomentumSGD(learning_rate=0.05, momentum=0.5), QUARTIC, Isotropic(2)), {"values": {"B": 1}, "precision": "mixed"}),
}


def same(one, other):
    return np.array_equal(one.times, other.times) and np.array_equal(one.censored, other.censored)


@pytest.mark.parametrize("name", RUNS)
def test_threads_and_slices_change_no_bit(name, monkeypatch):
    given, options = RUNS[name]
    plain = simulate_escapes(*given, **SHORT, **options, threads=1)
    assert plain.events > 50
    assert same(plain, simulate_escapes(*given, **SHORT, **options, threads=2))
    monkeypatch.setattr(watch, "FIRST", 3)
    monkeypatch.setattr(watch, "SLICE", 1e-9)
    assert same(plain, simulate_escapes(*given, **SHORT, **options, threads=5))


def test_a_walker_does_not_know_how_many_others_run():
    alone, crowd = (simulate_escapes(WALK, **{**SHORT, "walkers": walkers, "iterations": 20_000}) for walkers in (64, 1000))
    assert alone.events > 100
    assert np.all(np.isin(alone.times, crowd.times))
    assert crowd.times.sum() + crowd.censored.sum() == pytest.approx(1000 * 20_000 * 0.005, rel=1e-12)


@pytest.mark.parametrize("name", ["sde, quasi-stationary", "batches"])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(name, tmp_path, monkeypatch):
    given, options = RUNS[name]
    whole = simulate_escapes(*given, **SHORT, **options)
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(watch, "FIRST", 10)
    kept, parts = tmp_path / "run.npz", []
    while not parts or parts[-1].exposure < whole.exposure * (1 - 1e-12):
        parts.append(simulate_escapes(*given, **SHORT, **options, seconds=1e-9, checkpoint=kept))
    assert len(parts) > 3
    assert parts[0].events < whole.events
    assert same(parts[-1], whole)
    assert same(simulate_escapes(*given, **SHORT, **options, checkpoint=kept), whole)


def killed_runs(tmp_path, monkeypatch, kills):
    """Kill a run at random moments after it has kept its state anew, then let it finish; return it and how many runs had been killed before their end."""
    options = {**SHORT, "iterations": 1_000_000 * kills, "walkers": 128, "precision": "float32", "threads": 1}
    kept = tmp_path / "run.npz"
    whole = simulate_escapes(WALK, **options)
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(watch, "SLICE", 0.01)
    generator, killed = np.random.default_rng(kills), 0
    for _ in range(kills):
        before = kept.stat().st_mtime_ns if kept.exists() else 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads that wait for nothing do not mind
            child = os.fork()
        if child == 0:
            try:
                simulate_escapes(WALK, **options, checkpoint=kept)
            finally:
                os._exit(0)
        patience = time.monotonic() + 60
        while (kept.stat().st_mtime_ns if kept.exists() else 0) == before and time.monotonic() < patience:
            time.sleep(0.001)
        time.sleep(generator.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        killed += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    steps = []
    resumed = simulate_escapes(WALK, **options, checkpoint=kept, progress=lambda done, total: steps.append(done))
    return whole, resumed, killed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_run_counts_nothing_twice_and_loses_nothing(tmp_path, monkeypatch):
    whole, resumed, killed = killed_runs(tmp_path, monkeypatch, 4)
    assert killed >= 2
    assert whole.events > 1000
    assert same(whole, resumed)


@pytest.mark.exhaustive
def test_twenty_kills_at_random_moments_change_no_bit(tmp_path, monkeypatch):
    whole, resumed, killed = killed_runs(tmp_path, monkeypatch, 20)
    assert killed >= 10
    assert same(whole, resumed)


def test_a_checkpoint_of_another_run_or_of_nothing_is_refused(tmp_path):
    kept = tmp_path / "run.npz"
    simulate_escapes(WALK, **SHORT, checkpoint=kept)
    for other in ({"seed": 5}, {"walkers": 301}, {"precision": "mixed"}, {"time_step": 0.004}, {"event": "to the saddle"}, {"correction": "none"}):
        with pytest.raises(ParameterError, match="belongs to another run"):
            simulate_escapes(WALK, **{**SHORT, **other}, checkpoint=kept)
    for bad in (b"", b"no archive", kept.read_bytes()[:-40]):
        kept.write_bytes(bad)
        with pytest.raises(ParameterError, match="is no checkpoint"):
            simulate_escapes(WALK, **SHORT, checkpoint=kept)
    np.savez(kept, run=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ParameterError, match="is no checkpoint"):
        simulate_escapes(WALK, **SHORT, checkpoint=kept)


def test_the_budget_of_time_ends_a_run_with_what_was_seen(monkeypatch):
    """A run of centuries, ended after a fifth of a second: as much exposure as steps taken, the same for every walker."""
    told = []
    begun = time.monotonic()
    exits = simulate_escapes(WALK, **{**SHORT, "iterations": 10**15}, seconds=0.2, progress=lambda done, total: told.append((done, total)))
    assert time.monotonic() - begun < 30
    assert told[-1][1] == 10**15
    assert exits.exposure == pytest.approx(300 * told[-1][0] * 0.005, rel=1e-9)
    assert len(exits.censored) > 0
