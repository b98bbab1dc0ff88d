"""Two plans are the same if and only if they would compute the same: whatever changes a number changes the digest."""

import functools
import math
from dataclasses import dataclass

import court_jobs
import numpy as np
import pytest
import sympy as sp
import torch

from eyring.errors import ParameterError
from eyring.validation.court.plan import Job, plan_digest, plan_of


class Well(torch.nn.Module):
    """A landscape whose scale is a plain attribute: neither a parameter nor in its repr."""

    def __init__(self, k, layers=1):
        super().__init__()
        self.k, self.x = k, torch.nn.Parameter(torch.zeros(2))
        self.inner = torch.nn.Sequential(*(torch.nn.Linear(2, 2) for _ in range(layers)))
        for parameter in self.inner.parameters():
            torch.nn.init.constant_(parameter, 0.5)


@dataclass(frozen=True)
class Number:
    """A number with a name."""

    value: float


def digest(argument):
    return plan_digest(plan_of({"job": Job(court_jobs.broken, {"seed": argument})}))


x = sp.Symbol("x", real=True)
PAIRS = {
    "numbers": (1.0, 1.0 + 1e-16 * 4),
    "a whole number and a float": (1, 1.0),
    "truth and one": (True, 1),
    "a text and a number": ("1", 1),
    "none and zero": (None, 0),
    "lists": ([1, 2], [2, 1]),
    "arrays": (np.array([1.0, 2.0]), np.array([1.0, 2.0 + 1e-15])),
    "shapes": (np.zeros((2, 3)), np.zeros((3, 2))),
    "dtypes": (np.zeros(3, np.float32), np.zeros(6, np.float16)),
    "tensors": (torch.tensor([1.0]), torch.tensor([1.0 + 1e-6])),
    "low precision": (torch.tensor([1.0], dtype=torch.bfloat16), torch.tensor([1.0], dtype=torch.float16)),
    "a module's plain attribute": (Well(1.0), Well(2.0)),
    "a module's layers": (Well(1.0), Well(1.0, layers=2)),
    "train and eval mode": (Well(1.0), Well(1.0).eval()),
    "dataclasses": (Number(1.0), Number(2.0)),
    "formulas": (x**2, x**3),
    "formulas of other symbols": (x, sp.Symbol("x")),
    "functions": (math.sin, math.cos),
    "partial functions": (functools.partial(Number, 1.0), functools.partial(Number, 2.0)),
    "mappings": ({"a": 1}, {"a": 2}),
}  # fmt: skip


@pytest.mark.parametrize("what", PAIRS)
def test_what_differs_makes_another_plan(what):
    one, other = PAIRS[what]
    assert digest(one) != digest(other)


def test_what_is_equal_makes_the_same_plan():
    assert digest(Well(1.0)) == digest(Well(1.0))
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(np.array([[1.0, 2.0], [3.0, 4.0]]).T) == digest(np.array([[1.0, 3.0], [2.0, 4.0]]))


def test_what_hides_its_content_is_refused():
    """An optimizer, a generator of random numbers, an open object: the message says where it is."""
    for hidden in (torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1), np.random.default_rng(0), object()):
        with pytest.raises(ParameterError, match=r"job 'job', seed\['inside'\] is a .* cannot be written into a plan"):
            digest({"inside": hidden})
