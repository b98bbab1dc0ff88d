"""Runs of splitting: the same bits on any threads and after a stop, written-down states on their levels, budgets, progress and refusals."""

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.simulation.kernel.problem import sde_problem
from eyring.numerics.simulation.splitting.course import PRECISION, Course
from eyring.numerics.simulation.splitting.kernel import HOME, splitting_kernels
from eyring.numerics.simulation.splitting.reaction import height_of
from eyring.numerics.simulation.splitting.well import Well, bordered
from eyring.numerics.simulation.streams.words import stream_words

x, y = sp.symbols("x y", real=True)
WALK = ey.SDE(x - x**3, sp.Rational(1, 40), [x])
BASIC = {"start": -1, "event": sp.Gt(x, 0.9), "time_step": 0.01, "seed": 3, "particles": 64, "runs": 6}


def split(**options):
    return ey.split_escapes(WALK, **{**BASIC, **options})


def same(one, other):
    return np.array_equal(one.rates, other.rates) and one.steps == other.steps > 0


def test_one_thread_or_two_and_more_runs_give_the_same_bits():
    """Each run has streams of its own, which know its number alone."""
    one, two, more = split(threads=1), split(threads=2), split(runs=9)
    assert same(one, two)
    assert np.array_equal(more.rates[:6], one.rates) and len(set(more.rates)) == 9


class Stopped(Exception):
    """What a user does who has waited enough."""


def test_an_interrupted_calculation_goes_on_with_its_finished_runs(tmp_path):
    kept, told = tmp_path / "runs.npz", []

    def stop(done, total):
        told.append((done, total))
        if done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        split(checkpoint=kept, progress=stop, threads=2)
    assert told == [(k, 6) for k in range(4)]
    told.clear()
    resumed = split(checkpoint=kept, progress=lambda *how: told.append(how))
    assert told == [(k, 6) for k in range(3, 7)]
    assert same(resumed, split())
    assert same(split(checkpoint=kept, runs=9), split(runs=9))
    assert same(split(checkpoint=kept), split())


def test_a_checkpoint_of_other_runs_is_refused(tmp_path):
    kept = tmp_path / "runs.npz"
    split(checkpoint=kept)
    for options in ({"seed": 4}, {"particles": 65}, {"time_step": 0.02}, {"killed": 0.2}, {"event": sp.Gt(x, 0.8)}):
        with pytest.raises(ParameterError, match="another run"):
            split(checkpoint=kept, **options)
    kept.write_bytes(kept.read_bytes()[:200])
    with pytest.raises(ParameterError, match="is no checkpoint"):
        split(checkpoint=kept)


def test_when_the_time_is_used_up_no_run_begins():
    """Two are made in any case, and they are the first two."""
    few = split(seconds=1e-9, runs=50)
    assert np.array_equal(few.rates, split().rates[:2])


def test_states_are_written_down_on_their_own_level_and_begin_there_again():
    """Heights and levels are of one precision: in single, many a state that stands on its level would count as not having got there."""
    problem = sde_problem(WALK, values=None, time_step=0.01, start=-1, event=sp.Gt(x, 0.9), over=None, stay=None, correction=None)
    words = stream_words(1, 64 * 2, PRECISION)
    course = bordered(Course.of(problem, height_of(None, problem, sp.Gt(x, 0.9)), particles=300, killed=0.1, most=1e8), words[0])
    heights = course.heights

    def climbed(begins, most):
        records, reached, ends = np.full((len(begins), len(heights), 2), np.nan), np.zeros(len(begins), dtype=np.int64), np.full(len(begins), HOME)
        records[:, 0] = begins
        follow = splitting_kernels(course.program, PRECISION).excursions
        follow(words[1], begins, np.arange(len(begins)), *course.given, course.low, heights, records, reached, ends, most)
        return records, reached

    records, reached = climbed(Well.of(course, words[1]).entries().states, course.most)
    seen = [(records[path, level, 1], heights[level]) for path in range(len(reached)) for level in range(1, reached[path] + 1)]
    assert len(seen) > 1000 and all(height >= level for height, level in seen)
    assert np.array_equal(np.isfinite(records[:, :, 1]).sum(axis=1), reached + 1)
    tops = records[np.arange(64), reached[:64]]  # as many as begin before the first step
    assert np.array_equal(climbed(tops, -1)[1], reached[:64])
    levels = np.arange(0, len(heights), 8)
    standing = np.column_stack([heights[levels] + 0.9, heights[levels]])
    assert np.array_equal(climbed(standing, -1)[1], levels)
    fallen = climbed(standing.astype(np.float32).astype(float), -1)[1] < levels
    assert np.mean(fallen) > 0.1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"runs": 1}, ParameterError, "runs >= 2"),
        ({"killed": 1.0}, ParameterError, "0 < killed < 1"),
        ({"killed": float("nan")}, ParameterError, "0 < killed < 1"),
        ({"reaction": y}, ParameterError, "no number for"),
        ({"reaction": "loss"}, ParameterError, "event='to the saddle'"),
        ({"reaction": "energy"}, ParameterError, "the event is a region"),
        ({"reaction": "energy", "event": "next well"}, ParameterError, "with momentum"),
        ({"reaction": "committor"}, ParameterError, "the event is a region"),
        ({"reaction": "height"}, ParameterError, "'committor', or left out"),
        ({"reaction": sp.Integer(0) * x + 3}, ParameterError, "the same everywhere"),
        ({"particles": 0}, ParameterError, "particles must be a whole number"),
        ({"most_steps": 1e4}, AccuracyError, "most_steps"),
        ({"most_steps": 0}, ParameterError, "most_steps must be a positive number"),
        ({"seconds": -1}, ParameterError, "seconds must be a positive number"),
        ({"start": 0.5}, ParameterError, "relaxation time"),
        ({"time_step": 1.5}, ParameterError, "unstable at the start"),
    ],
)
def test_refusals_say_what_is_needed(options, error, words):
    with pytest.raises(error, match=words):
        split(**options)
