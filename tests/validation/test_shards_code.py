"""A sweep goes on only with the code that began it: what a job's functions and classes rest on counts, what they say about themselves does not."""

import functools
import importlib
import subprocess
import sys

import numpy as np
import pytest

from eyring.errors import ParameterError
from eyring.validation.court.plan import Job, plan_digest, plan_of
from eyring.validation.court.shards import run_shards
from eyring.validation.court.training import measured_escape, train_cell

SHAPES = """
SLOPE = 1.0

def tilt(x):
    return SLOPE * x

def add(kick, x):
    return kick * x
"""
WELL = '''
"""A double well."""
import functools
import enum
import torch
import dented_shapes
from eyring.validation.court.setting import Ground

NOISE = 3.0
SEEN = {}
UNUSED = 1

def half(x):
    """Half of x."""
    return x / 2

def with_kick(size):
    def kicked(function):
        @functools.wraps(function)
        def wrapper(x):
            return function(x) + dented_shapes.add(size, x)
        return wrapper
    return kicked

@with_kick(0.0)
def square(x):
    return half(2 * x * x)

class Depth(enum.Enum):
    DEEP = 1.0

class Wells(torch.nn.Module):
    """Sample losses."""
    lift = 0.0

    def barrier(self, x):
        # x^4/4 - x^2/2
        return square(x) * (square(x) - 2 + self.lift) / 4

class Well(Wells):
    def __init__(self):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor([-1.0], dtype=torch.float64))

    def forward(self, signs):
        """The loss."""
        return 1 * Depth.DEEP.value * self.barrier(self.theta) + NOISE * signs[:, 0] * dented_shapes.tilt(self.theta)

def mean(losses, targets):
    return losses.mean()

def problem(k, more=0):
    SEEN[k] = True
    signs = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(8, 1)
    at = lambda x: torch.tensor([x], dtype=torch.float64)
    return Ground(Well(), mean, (signs, signs[:, 0]), start=at(-1.0), over=at(0.0), beyond=at(1.0))
'''
SETTING = {"learning_rate": 0.05, "batch_size": 3, "momentum": 0.0, "scale": 1.0, "sampler": "with replacement", "event": "to the saddle"}
COUNT = {
    "the network's forward": ("return 1 * Depth", "return 3 * Depth"),
    "its base class": ("square(x) - 2", "square(x) - 3"),
    "an attribute of the class": ("lift = 0.0", "lift = 0.1"),
    "a function that it calls": ("return half(2 * x * x)", "return half(3 * x * x)"),
    "a function called by that": ("return x / 2", "return x / 3"),
    "a number that a decorator encloses": ("@with_kick(0.0)", "@with_kick(0.5)"),
    "the text of a decorator": ("add(size, x)", "add(x, size)"),
    "a constant": ("NOISE = 3.0", "NOISE = 4.0"),
    "a member of an enumeration": ("DEEP = 1.0", "DEEP = 2.0"),
    "the loss function": ("losses.mean()", "losses.sum()"),
    "a default": ("more=0", "more=1"),
    "a function of another module": ("SLOPE * x", "SLOPE * 2 * x"),
    "a function named as what fills a list": ("return kick * x", "return kick + x"),
    "a constant of another module": ("SLOPE = 1.0", "SLOPE = 2.0"),
}  # fmt: skip
DO_NOT = {
    "a comment": ("# x^4/4 - x^2/2", "# the double well"),
    "docstrings": ('"""Half of x."""', '"""What is left of x."""'),
    "a docstring less": ('        """The loss."""\n', ""),
    "layout": ("SEEN[k] = True\n", "SEEN[ k ] = True\n\n"),
    "what nobody calls": ("UNUSED = 1", "UNUSED = 2"),
}  # fmt: skip


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Return what writes the two modules with an edit, and imports them."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(old="", new=""):
        for name, text in (("dented_shapes", SHAPES), ("dented_well", WELL)):
            (tmp_path / f"{name}.py").write_text(text.replace(old, new) if old else text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        assert not old or WELL.count(old) + SHAPES.count(old) == 1
        importlib.invalidate_caches()
        return importlib.import_module("dented_well")

    return write


def digest(well):
    return plan_digest(plan_of({"cell": Job(train_cell, {"problem": functools.partial(well.problem, more=1), "optimizer": well.Well})}))


@pytest.mark.parametrize("what", COUNT)
def test_code_that_changes_a_number_makes_another_plan(what, written):
    assert digest(written()) != digest(written(*COUNT[what]))


@pytest.mark.parametrize("what", DO_NOT)
def test_what_changes_no_number_makes_the_same_plan(what, written):
    assert digest(written()) == digest(written(*DO_NOT[what]))


def test_what_code_remembers_for_itself_does_not_count(written):
    well = written()
    before = digest(well)
    well.problem(2.0)
    assert well.SEEN and digest(well) == before


def test_an_instance_counts_with_its_class(written):
    def told(well):
        return plan_of({"cell": Job(train_cell, {"model": well.Well()})})

    first = told(written())
    assert first == told(written())
    assert first != told(written(*COUNT["the network's forward"]))


def test_another_process_tells_the_same(written, tmp_path):
    said = digest(written())
    code = (
        "import functools, dented_well as well\nfrom eyring.validation.court.plan import Job, plan_digest, plan_of\n"
        "from eyring.validation.court.training import train_cell\n"
        'print(plan_digest(plan_of({"cell": Job(train_cell, {"problem": functools.partial(well.problem, more=1), "optimizer": well.Well})})))\n'
    )
    path = [str(tmp_path), *sys.path]
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {path}\n{code}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def test_a_folder_of_another_barrier_is_refused(written, tmp_path):
    """Three times the barrier behind the same names: the exits of the lower one are not handed out for it."""

    def train(well):
        more = {"replicas": 20, "iterations": 200, "seed": 1}
        job = Job(train_cell, {"problem": well.problem, "measure": measured_escape, **SETTING, **more})
        return run_shards({"cell": job}, tmp_path / "sweep")["cell"]

    exits = train(written())
    assert np.array_equal(train(written(*DO_NOT["a comment"]))["times"], exits["times"]) and len(exits["times"])
    with pytest.raises(ParameterError, match="belongs to another plan: job 'cell' differs in problem: "):
        train(written(*COUNT["the network's forward"]))
