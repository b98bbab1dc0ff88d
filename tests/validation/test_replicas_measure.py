"""Escapes of a network are those of its optimizer on its data: a landscape that is a finite sum, iterated by hand, is the judge."""

import functools
import math

import numpy as np
import pytest
import torch

from eyring.errors import AccuracyError, NotApplicable, ParameterError, StorageError
from eyring.validation import measure_escape
from eyring.validation.probes import memory
from eyring.validation.probes.critical import probe_critical
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.path import MeasuredPath
from eyring.validation.replicas import checkpoint
from eyring.validation.replicas.events import Across, Event, OutOfBox, event_from
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import make_sampler

TILTS = torch.tensor([[-2.1], [0.7], [1.4]], dtype=torch.float64)
SGD = torch.optim.SGD
R, STEPS = 60, 160
PLAIN = functools.partial(SGD, lr=0.2)


class Wells(torch.nn.Module):
    """x^4/4 - x^2/2 + a tilt of each sample x; the prediction is the sample's loss."""

    def __init__(self, x):
        super().__init__()
        self.x = torch.nn.Parameter(torch.tensor([x], dtype=torch.float64))

    def forward(self, tilt):
        return self.x**4 / 4 - self.x**2 / 2 + tilt * self.x


def mean(prediction, target):
    return prediction.mean()


def measured(*, start=-1.0, optimizer=PLAIN, event="to the saddle", model=None, data=(TILTS, TILTS), **changed):
    settings = {"over": {"x": torch.zeros(1)}, "batch_size": 1, "sampler": "with replacement", "replicas": R, "iterations": STEPS, "seed": 11} | changed
    return measure_escape(model or Wells(start), mean, data, optimizer, Wells(start).state_dict(), event, **settings)


def by_hand(*, lr, mu, left, stay=1):
    """Iterate m <- mu m + g, x <- x - lr m in numpy, one replica at a time."""
    batches = make_sampler("with replacement", samples=3, batch_size=1, replicas=R, seed=11).draw(STEPS)
    times, waiting = [], []
    for r in range(R):
        x, m, began, outside = -1.0, 0.0, 0, 0
        for step in range(1, STEPS + 1):
            m = mu * m + x**3 - x + float(TILTS[batches[step - 1, r, 0], 0])
            x -= lr * m
            outside = outside + 1 if left(x) else 0
            if outside == stay:
                times.append((step, r, step - began))
                x, m, began, outside = -1.0, 0.0, step, 0
        waiting.append(STEPS - began)
    return [t for _, _, t in sorted(times)], [w for w in waiting if w]


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(
    ("event", "more", "left", "stay"),
    [
        ("to the saddle", {}, lambda x: x >= 0, 1),
        ("next-well", {"beyond": torch.ones(1)}, lambda x: x >= 1, 1),
        ("cross and stay", {"stay": 7}, lambda x: x >= 0, 7),
        (OutOfBox(-1.4, math.inf), {}, lambda x: x <= -1.4, 1),
        (lambda thetas: thetas[:, 0].abs() < 0.1, {"stay": 2}, lambda x: abs(x) < 0.1, 2),
        (Event(Across(torch.tensor([-1.0]), 1.3), "left of -1.3"), {}, lambda x: x <= -1.3, 1),
    ],
)
def test_each_escape_comes_at_the_step_at_which_the_iterated_rule_escapes(event, more, left, stay, mu):
    """Every waiting time, and every one that had not ended, is the same whole number.

    With momentum "next well" is to be beyond the saddle for three relaxation times; underdamped, a deviation shrinks by sqrt(mu) a step.
    """
    if event == "next-well" and mu:
        left, stay = (lambda x: x >= 0), math.ceil(-6 / math.log(mu))
    exits = measured(event=event, optimizer=functools.partial(SGD, lr=0.2 * (1 - mu), momentum=mu), **more)
    times, waiting = by_hand(lr=0.2 * (1 - mu), mu=mu, left=left, stay=stay)
    assert exits.times.tolist() == times and exits.censored.tolist() == waiting and exits.unit == "iterations"
    assert exits.events > 15 and exits.exposure == R * STEPS


def test_a_saddle_is_taken_from_a_probe_or_measured_here_and_its_direction_turned_outward():
    problem = TrainingProblem(Wells(-1.0), mean, (TILTS, TILTS))
    probe = probe_critical(FullBatch.of(problem), np.zeros(1))
    assert measured(over=probe).times.tolist() == measured().times.tolist() == measured(over=np.zeros(1)).times.tolist()
    well, next_well = (probe_critical(FullBatch.of(problem), np.array([x])) for x in (-1.0, 1.0))
    path = MeasuredPath(*(np.zeros((2, 1)) for _ in range(7)), saddle_at=1, minimum=well, saddle=probe, beyond=next_well)
    assert measured(event="next well", over=path).times.tolist() == measured(event="next well", beyond=torch.ones(1)).times.tolist()
    for sign in (1.0, -1.0):
        event = event_from("to the saddle", start=torch.tensor([3.0, 0]), saddle=torch.tensor([1.0, 0]), direction=torch.tensor([sign, sign / 4]))
        assert event.outside(torch.tensor([[0.9, 0], [1.1, 0], [1.1, -1.0]])).tolist() == [True, False, True]


def test_the_relaxation_time_is_that_of_the_curvature_along_the_way_out():
    """1 - 2 lr a step for the curvature 2 of the well."""
    assert measured().relaxation == pytest.approx(-1 / math.log(1 - 0.2 * 2), rel=1e-9)
    assert measured(event=OutOfBox(-1.4, math.inf)).relaxation is None
    assert measured(event=OutOfBox(-1.4, math.inf), relaxation=3.0).relaxation == 3.0


def test_weight_decay_moves_the_minimum_at_which_a_run_may_begin():
    """x^3 - (1 - d) x = 0 at x = -sqrt(1 - d)."""
    decayed = functools.partial(SGD, lr=0.2, weight_decay=0.19)
    assert measured(start=-0.9, optimizer=decayed).events > 15
    for start, optimizer in ((-1.0, decayed), (-0.9, PLAIN)):
        with pytest.raises(ParameterError, match="not at rest"):
            measured(start=start, optimizer=optimizer)
    decoupled = functools.partial(torch.optim.AdamW, lr=1e-3, weight_decay=0.19)
    assert measured(optimizer=decoupled, event=OutOfBox(-1.4, 0.0), iterations=2).events == 0


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"start": 0.0}, ParameterError, "no minimum: 1 of 1 curvatures.*-1"),
        ({"start": -0.9}, ParameterError, r"not at rest: its full-batch gradient is 0\.171"),
        ({"batch_size": 4}, ParameterError, "a batch of 4 is larger than the data, 3 samples"),
        ({"batch_size": "8"}, ParameterError, "batch size must be a whole number from 1, got '8'"),
        ({"batch_size": 3, "sampler": "without replacement"}, ParameterError, "all data at every step: gradient descent without noise"),
        ({"batch_size": 3, "sampler": "epoch shuffling"}, ParameterError, "all data at every step: gradient descent without noise"),
        ({"sampler": "shuffled"}, ParameterError, "unknown sampler 'shuffled'"),
        ({"event": None}, ParameterError, "event must say what counts as escaped.*got None"),
        ({"event": "over"}, ParameterError, "got 'over'"),
        ({"over": None}, ParameterError, "needs the saddle"),
        ({"over": {"x": torch.ones(1)}}, NotApplicable, "one descending direction, got a minimum"),
        ({"event": "next well"}, ParameterError, "give beyond="),
        ({"event": "next well", "beyond": torch.tensor([-1.0])}, NotApplicable, "1 on the start's side of the saddle"),
        ({"event": "cross and stay"}, ParameterError, "stay, a number of steps"),
        ({"event": "cross and stay", "stay": 0}, ParameterError, "whole number of steps from 1, got 0"),
        ({"event": lambda thetas: thetas < 0}, ParameterError, r"one truth value a replica.*got \(1, 1\) torch.bool"),
        ({"event": lambda thetas: thetas[:, 0] < 0}, NotApplicable, "already happened"),
        ({"optimizer": functools.partial(SGD, lr=1.01)}, NotApplicable, r"grows by 1\.02 a step.*below 1\)"),
        ({"replicas": 0}, ParameterError, "replicas must be a whole number from 1"),
        ({"seed": -1}, ParameterError, "seed must be"),
        ({"seconds": 0}, ParameterError, "positive wall time"),
        ({"seconds": "a"}, ParameterError, "positive wall time, got 'a'"),
        ({"model": mean}, ParameterError, r"must be a torch\.nn\.Module, got function"),
        ({"device": "cpu", "data": None}, ParameterError, "two tensors with one row per sample, got NoneType"),
        ({"device": "cpu", "data": [TILTS, 1]}, ParameterError, "got list of Tensor, int"),
        ({"optimizer": functools.partial(SGD, lr=math.nan)}, ParameterError, "lr must be a finite number, got nan"),
        ({"optimizer": functools.partial(SGD, lr=-1)}, ParameterError, "optimizer cannot be built: .*ValueError: Invalid learning rate"),
        ({"checkpoint": "no such folder/run.npz"}, StorageError, "there is no folder no such folder. Make it"),
        ({"checkpoint": "."}, StorageError, "it is a folder"),
        ({"checkpoint": 3}, ParameterError, "path of a file, got int"),
        pytest.param({"device": "cuda"}, NotApplicable, "needs an NVIDIA", marks=pytest.mark.skipif(torch.cuda.is_available(), reason="has one")),
        ({"device": "tpu"}, ParameterError, "'cpu' or 'cuda'"),
    ],
)
def test_a_run_that_means_nothing_is_refused_before_it_begins(changed, error, message):
    with pytest.raises(error, match=message):
        measured(**changed)


@pytest.mark.parametrize(
    ("optimizer", "sampler", "bytes_each"),
    [
        (functools.partial(SGD, lr=0.1), "with replacement", 8 + 16 + 32),
        (functools.partial(SGD, lr=0.1, momentum=0.5), "with replacement", 16 + 16 + 32),
        (functools.partial(torch.optim.Adam, lr=0.1), "epoch shuffling", 24 + 16 + 32 + 3 * 4),
    ],
)
def test_replicas_that_no_memory_holds_are_refused_with_what_they_would_need(optimizer, sampler, bytes_each, monkeypatch):
    """Bytes a replica: a float64 parameter and the optimizer's buffers, two indices of int64, a stream of 32, and three cards of int32."""
    monkeypatch.setattr(memory, "_free", lambda: 2e9)
    with pytest.raises(NotApplicable, match=f"100000000 replicas of 1 parameters .* need {bytes_each / 10:.3g} GB, 1 GB may be taken; take fewer replicas"):
        measured(optimizer=optimizer, sampler=sampler, replicas=10**8, batch_size=2)


def test_a_checkpoint_that_is_no_archive_is_called_so_and_never_unpickled(tmp_path):
    file = tmp_path / "run.npz"
    for junk in (b"", b"no archive at all", b"\x80\x04K\x01.", np.lib.format.magic(1, 0)):
        file.write_bytes(junk)
        with pytest.raises(ParameterError, match=r"is no checkpoint of a simulation \(it is no NPZ file, or it was cut off\)"):
            measured(checkpoint=file)
    np.savez(file, run=np.array("[]"))
    with pytest.raises(ParameterError, match="belongs to another run"):
        measured(checkpoint=file)
    np.savez(file, run=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ParameterError, match=r"simulation \(it holds pickled objects, which are never loaded\)"):
        measured(checkpoint=file)


def test_a_replica_that_diverges_is_named_with_its_step():
    """From the minimum a learning rate of 0.9 is stable, but a walker thrown beyond sqrt(1 + 2/0.9) = 1.8 does not come back."""
    with pytest.raises(AccuracyError, match=r"replica \d+ has parameters that are not finite at step \d+"):
        measured(optimizer=functools.partial(SGD, lr=0.9), event=lambda thetas: thetas[:, 0] > math.inf)
    with pytest.raises(AccuracyError, match=r"replica \d+ has parameters that are not finite at step \d+"):
        measured(optimizer=functools.partial(SGD, lr=0.9), event=lambda thetas: thetas[:, 0].abs() == math.inf)  # infinity is no place to escape to


def test_a_run_that_runs_out_of_time_gives_what_it_saw_and_goes_on_later(tmp_path):
    seen = []
    settings = {"checkpoint": tmp_path / "run.npz", "iterations": STEPS}
    some = measured(seconds=1e-9 + 1e-6, progress=lambda done, total: seen.append((done, total)), **settings)
    steps = seen[-1][0] if seen else 0
    assert steps < STEPS and some.exposure == R * steps
    assert measured(**settings).times.tolist() == measured().times.tolist()


def test_a_full_disk_is_said_with_what_is_kept(tmp_path, monkeypatch):
    file = tmp_path / "run.npz"
    measured(checkpoint=file, iterations=100)
    before = file.read_bytes()

    def full(*_args, **_arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "keep", full)
    with pytest.raises(StorageError, match=r"replicas at step 160 could not be kept .*No space.*still holds an earlier step"):
        measured(checkpoint=file)
    assert file.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["run.npz"]


def test_a_network_in_half_precision_is_refused():
    with pytest.raises(NotApplicable, match=r"torch\.bfloat16 parameters lose in rounding"):
        measure_escape(
            Wells(-1.0).bfloat16(), mean, (TILTS.bfloat16(), TILTS), PLAIN, Wells(-1.0).state_dict(), "to the saddle",
            replicas=1, iterations=1, seed=0, batch_size=1, sampler="with replacement",
        )  # fmt: skip


