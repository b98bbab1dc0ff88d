"""The elastic band, which asks for no Hessian: against saddles known by hand, against the road with Hessians, and on a network of 408 parameters."""

import math

import numpy as np
import pytest
import torch

from eyring.errors import NotApplicable
from eyring.numerics.exact.saddles.string import legs_between
from eyring.validation.probes.along import arc_and_tangents, evenly
from eyring.validation.probes.band import leg_by_band, leg_through, refined_saddle
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.path import measured_path
from eyring.validation.problems.small_network import COMPONENTS, L2, OUTPUT, Committee, halved_squares, small_network
from eyring.validation.replicas.problem import TrainingProblem

N = 5
STIFF = torch.linspace(2, 10, N - 1, dtype=torch.float64)
BEND = torch.sin(torch.arange(1.0, N, dtype=torch.float64)) / 4
SADDLE, LEFT, RIGHT = np.zeros(N), np.r_[-1, BEND], np.r_[1, BEND]


class Given(torch.nn.Module):
    """A loss of the parameters alone, with samples that pull the first of them to and fro."""

    def __init__(self, loss, dimension):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.zeros(dimension, dtype=torch.float64))
        self.loss = loss

    def forward(self, pull):
        return self.loss(self.theta) + pull * self.theta[0]


def problem_of(loss, dimension):
    pull = torch.tensor([1.0, -1.0], dtype=torch.float64)
    return TrainingProblem(Given(loss, dimension), lambda prediction, _: prediction.mean(), (pull, pull))


def valley(theta):
    """A double well in u, (u^2 - 1)^2/4, in a valley y = BEND u^2 with walls of curvatures 2 to 10: barrier 1/4 at the origin."""
    u, y = theta[0], theta[1:]
    return (u**2 - 1) ** 2 / 4 + (STIFF * (y - BEND * u**2) ** 2).sum() / 2


@pytest.fixture(scope="module")
def surface():
    return FullBatch.of(problem_of(valley, N))


def test_the_band_falls_into_the_way_that_hessians_find(surface):
    """The saddle to 1e-9; length and loss along the arc to half a per cent of length and barrier; the gradient along the way where it is steep."""
    band = leg_by_band(surface, LEFT, RIGHT)
    (dense,) = legs_between(surface, np.array([LEFT, RIGHT]), 2.0)
    np.testing.assert_allclose(band.saddle, SADDLE, atol=1e-9)
    points = [evenly(leg, 201)[0] for leg in (band, dense)]
    arcs, tangents = zip(*map(arc_and_tangents, points), strict=True)
    assert arcs[0][-1] == pytest.approx(arcs[1][-1], rel=5e-3)
    losses = [np.interp(np.linspace(0, 1, 101), arc / arc[-1], surface.height(x)) for arc, x in zip(arcs, points, strict=True)]
    np.testing.assert_allclose(losses[0], losses[1], atol=0.005 / 4)
    g = surface.slope(points[0])
    along = np.sum(g * tangents[0], axis=1)
    steep = np.abs(along) > 0.1 * np.max(np.abs(along))
    assert np.max(np.linalg.norm(g - along[:, None] * tangents[0], axis=1)[steep] / np.abs(along[steep])) < 0.1


def test_a_straight_line_is_not_the_way(surface):
    """What the comparison above would not let pass: between the minima the straight line rises to 1/4 plus what the bend costs."""
    straight = LEFT + np.linspace(0, 1, 101)[:, None] * (RIGHT - LEFT)
    assert np.max(surface.height(straight)) > 0.25 * 1.5


def test_a_known_saddle_is_left_on_both_sides_and_another_ones_is_none(surface):
    leg = leg_through(surface, RIGHT, SADDLE)
    np.testing.assert_allclose(leg.points[[0, -1]], [RIGHT, LEFT], atol=1e-6)
    assert leg_through(surface, np.r_[3.0, BEND], SADDLE) is None


def test_the_first_of_two_saddles_is_crossed_where_a_minimum_lies_between():
    """u^2 (u^2 - 1)^2 has minima at -1, 0, 1 and tops of 4/27 at u = -+ 1/sqrt 3."""
    surface = FullBatch.of(problem_of(lambda theta: theta[0] ** 2 * (theta[0] ** 2 - 1) ** 2 + (theta[1:] - theta[0] ** 2).square().sum(), 3))
    leg = leg_by_band(surface, np.array([-1.0, 1, 1]), np.array([1.0, 1, 1]))
    np.testing.assert_allclose(leg.saddle, [-1 / math.sqrt(3), 1 / 3, 1 / 3], atol=1e-8)
    np.testing.assert_allclose(leg.points[-1], 0, atol=1e-6)
    assert surface.height(leg.saddle[None])[0] == pytest.approx(4 / 27, abs=1e-14)


def test_a_saddle_of_index_two_is_none():
    surface = FullBatch.of(problem_of(lambda theta: ((theta**2 - 1) ** 2).sum() / 4, 2))
    assert refined_saddle(surface, np.full(2, 0.01), within=0.5) is None
    np.testing.assert_allclose(refined_saddle(surface, np.array([0.05, 0.98]), within=0.5), [0, 1], atol=1e-9)


def widened(problem, more):
    """The committee of two units with so many further inputs, all zero: an L2 term is all that its further weights feel."""
    inputs = torch.cat([problem.inputs, torch.zeros(problem.samples, more, dtype=torch.float64)], dim=1)
    return TrainingProblem(Committee(COMPONENTS + more, OUTPUT, L2), halved_squares, (inputs, problem.targets))


def carried(theta, more):
    """Parameters of the committee as those of the widened one: two rows of weights, two biases."""
    rows = torch.cat([theta[: 2 * COMPONENTS].reshape(2, COMPONENTS), torch.zeros(2, more, dtype=torch.float64)], dim=1)
    return torch.cat([rows.reshape(-1), theta[2 * COMPONENTS :]])


@pytest.mark.exhaustive
def test_a_network_of_408_parameters_has_the_way_of_its_eight_that_matter():
    """Barrier, saddle's curvature and noise, and the profile along the way are those of the small network, whose Hessians are known."""
    small, more = small_network(), 200
    large = widened(small.problem, more)
    assert large.dimension == 408
    dense = measured_path(small.problem, small.minimum, small.beyond)
    with pytest.raises(NotApplicable, match="up to 400 parameters, this network has 408: give a minimum beyond"):
        measured_path(large, carried(small.minimum, more))
    path = measured_path(large, carried(small.minimum, more), carried(small.beyond, more))
    assert path.barrier == pytest.approx(dense.barrier, rel=1e-9)
    assert path.saddle.eigenvalues[0] == pytest.approx(dense.saddle.eigenvalues[0], rel=1e-6)
    assert path.saddle.index == 1 and path.minimum.index == 0
    assert path.arc[path.saddle_at] == pytest.approx(dense.arc[dense.saddle_at], rel=5e-3)
    climb = np.linspace(0.1, 1, 50) * dense.arc[dense.saddle_at]
    for name, tolerance in (("loss", 0.01 * dense.barrier), ("noise", 0.05 * np.max(dense.noise[: dense.saddle_at]))):
        got, want = (np.interp(climb, way.arc, getattr(way, name)) for way in (path, dense))
        np.testing.assert_allclose(got, want, atol=tolerance)
