"""A checkpoint goes on with its own run alone: whatever makes a network, a loss function or an event another one is seen, however it is hidden."""

import functools

import numpy as np
import pytest
import torch

from eyring.errors import ParameterError
from eyring.validation import measure_escape
from eyring.validation.replicas.checkpoint import RunFile
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.optimizers import SGDRule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import make_sampler

TILTS = torch.tensor([[-1.5], [0.5], [1.0]], dtype=torch.float64)
HEIGHT = 1.0


class Wells(torch.nn.Module):
    """h (x^4/4 - x^2/2) and a tilt of each sample; h is a plain attribute, and ``shape`` a function."""

    def __init__(self, h=1.0, shape=None):
        super().__init__()
        self.h, self.shape, self.x = h, shape, torch.nn.Parameter(torch.tensor([-1.0], dtype=torch.float64))

    def forward(self, tilt):
        barrier = self.h * (self.x**4 / 4 - self.x**2 / 2)
        return (barrier if self.shape is None else self.shape(barrier)) + tilt * self.x


class Weighted:
    """A loss function that is an object."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, prediction, target):
        return self.weight * prediction.mean()

    def loss(self, prediction, target):
        return self.weight * prediction.mean()


def mean(prediction, target):
    return prediction.mean()


def weighted(prediction, target, weight=1.0):
    return weight * prediction.mean()


def raised(prediction, target):
    return HEIGHT * prediction.mean()


def enclosing(h):
    return lambda prediction, target: h * prediction.mean()


def deeper(h):
    inner = enclosing(h)
    return lambda prediction, target: inner(prediction, target)


def beyond(c):
    return lambda thetas: thetas[:, 0] > c


def from_default(c):
    return lambda thetas, c=c: thetas[:, 0] > c


def times(h):
    return lambda barrier: h * barrier


def digest(model=None, loss_fn=mean, event=None, start=-1.0, data=(TILTS, TILTS)):
    problem = TrainingProblem(model or Wells(), loss_fn, data)
    sampler = make_sampler("with replacement", samples=len(TILTS), batch_size=1, replicas=3, seed=1)
    at = torch.tensor([start], dtype=torch.float64)
    return RunFile.of(None, problem, SGDRule(lr=0.2), Event(event or beyond(0.0), "out"), at, sampler).run


def bent(x):
    """A loss that differs from ``mean``'s beyond x = 3 alone, where nobody is asked."""
    return lambda prediction, target: torch.where(prediction > x, 2 * prediction, prediction).mean()


def trained():
    model = Wells()
    with torch.no_grad():
        model.x.fill_(5.0)
    return model


def hooked():
    model = Wells()
    model.register_forward_hook(lambda module, inputs, output: 2 * output)
    return model


PAIRS = {
    "a plain attribute of the network": ({"model": Wells(1.0)}, {"model": Wells(3.0)}),
    "a value enclosed in it": ({"model": Wells(shape=times(1.0))}, {"model": Wells(shape=times(3.0))}),
    "a hook": ({}, {"model": hooked()}),
    "a value that the loss encloses": ({"loss_fn": enclosing(1.0)}, {"loss_fn": enclosing(3.0)}),
    "a value that what it encloses encloses": ({"loss_fn": deeper(1.0)}, {"loss_fn": deeper(3.0)}),
    "a partial loss": ({"loss_fn": functools.partial(weighted, weight=1.0)}, {"loss_fn": functools.partial(weighted, weight=3.0)}),
    "an object's attribute": ({"loss_fn": Weighted(1.0)}, {"loss_fn": Weighted(3.0)}),
    "a method's object": ({"loss_fn": Weighted(1.0).loss}, {"loss_fn": Weighted(3.0).loss}),
    "a loss that differs far away": ({"loss_fn": bent(1e6)}, {"loss_fn": bent(2e6)}),
    "a threshold of the event": ({"event": beyond(0.0)}, {"event": beyond(0.5)}),
    "a threshold that is a default": ({"event": from_default(0.0)}, {"event": from_default(0.5)}),
    "a tensor that it encloses": ({"event": beyond(torch.tensor(0.0))}, {"event": beyond(torch.tensor(0.5))}),
    "the start": ({"start": -1.0}, {"start": -0.9}),
    "the data": ({}, {"data": (2 * TILTS, TILTS)}),
}  # fmt: skip


@pytest.mark.parametrize("what", PAIRS)
def test_what_changes_a_number_makes_another_run(what):
    one, other = PAIRS[what]
    assert digest(**one) == digest(**one)
    assert digest(**one) != digest(**other)


def test_a_constant_that_a_loss_reads_counts(monkeypatch):
    one = digest(loss_fn=raised)
    monkeypatch.setitem(globals(), "HEIGHT", 3.0)
    assert digest(loss_fn=raised) != one


def test_gradients_tell_what_no_text_does(monkeypatch):
    """With nothing told of the code, a loss or a network a thousandth steeper is seen all the same."""
    monkeypatch.setattr("eyring.validation.replicas.checkpoint.Teller.tell", lambda self, value, where="": None)
    one = digest(loss_fn=enclosing(1.0))
    assert one == digest(loss_fn=enclosing(1.0))
    assert one not in (digest(loss_fn=enclosing(1.001)), digest(model=Wells(1.001)))


def test_what_changes_no_number_makes_the_same_run():
    """The parameters that the network happens to have, and the number of threads."""
    assert digest() == digest(model=trained())
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert torch.get_num_threads() == 2
        assert digest() == digest(model=Wells())
    finally:
        torch.set_num_threads(threads)
    one, same = (digest(loss_fn=loss) for loss in twice())
    assert one == same


def twice():
    """Return two losses that differ in what they say about themselves."""

    def loss(prediction, target):
        """The mean."""
        return prediction.mean()  # over the batch

    first = loss

    def loss(prediction, target):
        # over all samples of the batch
        return prediction.mean()

    return first, loss


@pytest.mark.parametrize(
    ("one", "other"),
    [({}, {"h": 3.0}), ({}, {"loss": 3.0}), ({"event": 0.0}, {"event": 0.6})],
    ids=["a plain attribute", "an enclosed height", "an enclosed threshold"],
)
def test_another_problems_exits_are_not_handed_out(one, other, tmp_path):
    def run(iterations, checkpoint=None, h=1.0, loss=1.0, event=0.0):
        model = Wells(h)
        return measure_escape(
            model, enclosing(loss), (TILTS, TILTS), torch.optim.SGD(model.parameters(), lr=0.2), model.state_dict(), beyond(event), replicas=30,
            iterations=iterations, seed=5, batch_size=1, sampler="with replacement", checkpoint=checkpoint,
        )  # fmt: skip

    file = tmp_path / "run.npz"
    run(60, file, **one)
    assert run(100, **one).events != run(100, **other).events
    with pytest.raises(ParameterError, match="belongs to another run"):
        run(100, file, **other)
    assert np.array_equal(run(100, file, **one).times, run(100, **one).times)
