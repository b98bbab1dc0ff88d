"""The path probe on landscapes whose saddles, paths and noise are known, and on a network."""

import math

import numpy as np
import pytest
import torch

from eyring.errors import NotApplicable, ParameterError
from eyring.validation.probes.path import NoBarrier, measured_path
from eyring.validation.probes.path_noise import path_noise
from eyring.validation.problems.small_network import L2, OUTPUT, small_network
from eyring.validation.replicas.problem import TrainingProblem

TURN = torch.tensor([[math.cos(0.4), math.sin(0.4)], [-math.sin(0.4), math.cos(0.4)]], dtype=torch.float64)


class FiniteSum(torch.nn.Module):
    """Per-sample losses L(theta) + e_i . h(theta), the e_i being the inputs."""

    def __init__(self, loss, tilt, dimension):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.zeros(dimension, dtype=torch.float64))
        self.loss, self.tilt = loss, tilt

    def forward(self, inputs):
        return self.loss(self.theta) + inputs @ self.tilt(self.theta)


def finite_sum(loss, tilt, dimension, signs):
    inputs = torch.as_tensor(signs, dtype=torch.float64)
    return TrainingProblem(FiniteSum(loss, tilt, dimension), lambda prediction, _: prediction.mean(), (inputs, torch.zeros(len(inputs))))


def quartic(theta):
    u, v = TURN @ theta
    return u**4 / 4 - u**2 / 2 + 3 * v**2 / 2


def rising(theta):
    """h = (u + u^3/3, v/2): G = diag((1 + u^2)^2, 1/4) in the turned frame."""
    u, v = TURN @ theta
    return torch.stack([u + u**3 / 3, v / 2])


FOUR = [[1, 1], [-1, -1], [1, -1], [-1, 1]]
R = TURN.numpy()


@pytest.fixture(scope="module")
def well():
    return finite_sum(quartic, rising, 2, FOUR)


@pytest.mark.parametrize(
    "target",
    [pytest.param([1, 0], id="the other minimum", marks=pytest.mark.exhaustive), pytest.param([0, 0], id="the saddle"), pytest.param(None, id="nothing", marks=pytest.mark.exhaustive)],
)
def test_double_well_path_is_straight_with_known_slope_curvature_and_noise(well, target):
    """L = u^4/4 - u^2/2 + 3 v^2/2 with noise (1 + u^2)^2 along: everything along the path is a polynomial of u = s - 1."""
    path = measured_path(well, R.T @ [-1, 0], None if target is None else R.T @ target, points=101)
    forth = np.sign((R @ path.points[-1])[0] + 1)
    u = forth * path.arc - 1
    assert path.barrier == pytest.approx(0.25, abs=1e-15)
    np.testing.assert_allclose(path.points @ R.T, np.stack([u, 0 * u], axis=1), atol=2e-8)
    np.testing.assert_allclose(path.tangents @ R.T, np.tile([forth, 0], (101, 1)), atol=1e-7)
    np.testing.assert_allclose(path.loss, u**4 / 4 - u**2 / 2, atol=1e-12)
    np.testing.assert_allclose(path.slope, u**3 - u, atol=1e-7)
    np.testing.assert_allclose(path.curvature, 3 * u**2 - 1, atol=1e-6)
    np.testing.assert_allclose(path.noise, (1 + u**2) ** 2, rtol=1e-6)
    assert path.arc[path.saddle_at] == pytest.approx(1, abs=1e-9) and path.arc[-1] == pytest.approx(2, abs=1e-9)
    for probe, values, noise, index in (
        (path.minimum, [2, 3], [4, 0.25], 0),
        (path.saddle, [-1, 3], [1, 0.25], 1),
        (path.beyond, [2, 3], [4, 0.25], 0),
    ):
        np.testing.assert_allclose(probe.eigenvalues, values, rtol=1e-12)
        np.testing.assert_allclose(probe.noise, np.diag(noise), atol=1e-12)
        assert probe.index == index and probe.flat == 0 and probe.discarded < 1e-14


@pytest.mark.long
def test_a_curved_path_follows_the_gradient():
    """L = (x^2 - 1)^2/4 + 2 (y - x^2)^2: the path bends through (0, 0) and the gradient points along it; its loss is the integral of its slope."""

    def bent(theta):
        x, y = theta
        return (x**2 - 1) ** 2 / 4 + 2 * (y - x**2) ** 2

    problem = finite_sum(bent, lambda theta: 3 * theta, 2, FOUR)
    path = measured_path(problem, np.array([-1.0, 1.0]), np.array([1.0, 1.0]))
    x, y = path.points.T
    gradient = np.stack([x**3 - x - 8 * x * (y - x**2), 4 * (y - x**2)], axis=1)
    size = np.linalg.norm(gradient, axis=1)
    across = np.abs(gradient[:, 0] * path.tangents[:, 1] - gradient[:, 1] * path.tangents[:, 0])
    assert path.barrier == pytest.approx(0.25, abs=1e-14)
    steep = size > 0.02 * size.max()
    assert np.max(across[steep] / size[steep]) < 8e-3  # the steps downhill are right to 1e-4 of the way
    rise = np.concatenate([[0], np.cumsum((path.slope[1:] + path.slope[:-1]) / 2 * np.diff(path.arc))])
    np.testing.assert_allclose(rise, path.loss - path.loss[0], atol=2e-5)
    np.testing.assert_allclose(path.noise, 9, rtol=1e-13)
    H = np.array([[3 * x**2 - 1 - 8 * (y - x**2) + 16 * x**2, -8 * x], [-8 * x, 4 + 0 * x]])
    np.testing.assert_allclose(path.curvature, np.einsum("mi,ijm,mj->m", path.tangents, H, path.tangents), atol=1e-12)


def test_styblinski_tang_in_ten_dimensions():
    """One coordinate leaves: minimum, saddle and next minimum are the roots of 4 x^3 - 32 x + 5; the noise is sigma^2 everywhere."""
    n, sigma = 10, 3.0
    low, top, high = np.sort(np.roots([4, 0, -32, 5]).real)

    def height(x):
        return (x**4 - 16 * x**2 + 5 * x) / 2

    signs = sigma * math.sqrt(n) * np.concatenate([np.eye(n), -np.eye(n)])
    problem = finite_sum(lambda theta: (theta**4 - 16 * theta**2 + 5 * theta).sum() / 2, lambda theta: theta, n, signs)
    saddle = np.full(n, low)
    saddle[3] = top
    path = measured_path(problem, np.full(n, low), saddle + 1e-4, points=101)
    assert path.barrier == pytest.approx(height(top) - height(low), abs=1e-12)
    assert path.beyond.position[3] == pytest.approx(high, abs=1e-12)
    np.testing.assert_allclose(np.delete(path.points, 3, axis=1), low, atol=1e-9)
    np.testing.assert_allclose(path.noise, sigma**2, rtol=1e-12)
    np.testing.assert_allclose(path.minimum.eigenvalues, 6 * low**2 - 16, rtol=1e-12)
    np.testing.assert_allclose(path.saddle.eigenvalues, [6 * top**2 - 16] + 9 * [6 * low**2 - 16], rtol=1e-12)
    np.testing.assert_allclose(path.slope, (4 * path.points[:, 3] ** 3 - 32 * path.points[:, 3] + 5) / 2, atol=1e-8)


@pytest.mark.long
def test_a_saddle_of_styblinski_tang_is_found_from_the_minimum_alone():
    """In two dimensions; four saddles look alike by symmetry."""
    low, top, _ = np.sort(np.roots([4, 0, -32, 5]).real)
    problem = finite_sum(lambda theta: (theta**4 - 16 * theta**2 + 5 * theta).sum() / 2, lambda theta: theta, 2, FOUR)
    found = measured_path(problem, np.full(2, low), points=11)
    barrier = (top**4 - 16 * top**2 + 5 * top) / 2 - (low**4 - 16 * low**2 + 5 * low) / 2
    assert found.barrier == pytest.approx(barrier, abs=1e-12)


def double(theta):
    return (theta**4 / 4 - theta**2 / 2).sum()


REFUSALS = {
    "a saddle of index 2": (double, [-1, -1], [0, 0], NotApplicable, r"index 2 \(negative curvatures -1, -1, loss 0\)"),
    "a saddle of another basin": (double, [-1, -1], [0, 1], NotApplicable, r"does not lead down to this minimum \(loss -0.5\)"),
    "one minimum alone": (lambda t: (t**2).sum(), [0, 0], None, NoBarrier, "no barrier was found around this minimum: .* met 0 saddles"),
    "the same minimum twice": (double, [-1, -1], [-1.01, -0.99], ParameterError, "lead to the same minimum"),
    "a flat direction": (lambda t: (t[0] ** 2 - 1) ** 2 + 0 * t[1], [-1, 0], [1, 0], NotApplicable, "1 flat directions of 2"),
    "no minimum": (double, [-1, 0], [0, 0], ParameterError, "1 of 2 curvatures measured are negative, the lowest -1 "),
    "not at rest": (double, [-1.2, -1], [0, -1], ParameterError, "its full-batch gradient is 0.528"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_carry_the_figures(name):
    loss, start, goal, error, message = REFUSALS[name]
    problem = finite_sum(loss, lambda theta: theta, 2, FOUR)
    with pytest.raises(error, match=message):
        measured_path(problem, np.array(start, dtype=float), None if goal is None else np.array(goal, dtype=float))


def test_a_network_too_large_to_climb_from_needs_a_second_point():
    problem = TrainingProblem(torch.nn.Linear(401, 1, bias=False), torch.nn.MSELoss(), (torch.randn(3, 401), torch.zeros(3, 1)))
    with pytest.raises(NotApplicable, match="up to 400 parameters, this network has 401: give a minimum beyond, or the saddle"):
        measured_path(problem, torch.zeros(401))


@pytest.fixture(scope="module")
def network():
    return small_network()


def sample_gradients_by_hand(network, theta):
    """d/dtheta of (p - y)^2/2 with p = tanh(a) - 0.8 tanh(a'), written out; the L2 term is the same for all."""
    x, y = network.problem.inputs.numpy(), network.problem.targets.numpy()
    weights, biases = theta[:6].reshape(2, 3), theta[6:]
    t = np.tanh(x @ weights.T + biases)
    back = (t @ np.array(OUTPUT) - y)[:, None] * (1 - t**2) * np.array(OUTPUT)
    return np.concatenate([back[:, 0:1] * x, back[:, 1:2] * x, back], axis=1) + L2 * theta


@pytest.mark.long
def test_the_network_has_a_barrier_of_index_one(network):
    """Minima, saddle, noise and slope against gradients written out by hand; figures found with another program."""
    path = measured_path(network.problem, network.minimum, network.beyond, points=121)
    assert path.barrier == pytest.approx(0.00345023, abs=1e-8)
    assert (path.minimum.index, path.saddle.index, path.beyond.index) == (0, 1, 0)
    np.testing.assert_allclose(path.minimum.eigenvalues, [0.029596, 0.070652, 0.106782, 0.139017, 0.721046, 0.827009, 1.11005, 1.125509], atol=1e-6)
    np.testing.assert_allclose(path.beyond.position, network.beyond.numpy(), atol=1e-9)
    for k in (0, path.saddle_at, 90):
        rows = sample_gradients_by_hand(network, path.points[k])
        assert path.slope[k] == pytest.approx(rows.mean(0) @ path.tangents[k], abs=1e-13)
        assert path.noise[k] == pytest.approx(np.var(rows @ path.tangents[k]), rel=1e-12)
    for probe in (path.minimum, path.saddle):
        rows = sample_gradients_by_hand(network, probe.position)
        assert np.linalg.norm(rows.mean(0)) < 1e-14
        np.testing.assert_allclose(probe.noise, np.cov((rows @ probe.eigenvectors).T, bias=True), atol=1e-14)
    rise = np.sum(((path.slope[1:] + path.slope[:-1]) / 2 * np.diff(path.arc))[: path.saddle_at])
    assert rise == pytest.approx(path.barrier, rel=2e-3)
    ahead = path.curvature[path.saddle_at]
    assert ahead == pytest.approx(path.saddle.eigenvalues[0], rel=1e-3)
    along = path_noise(network.problem, path, every=60)
    np.testing.assert_allclose(np.einsum("mi,mij,mj->m", path.tangents[::60], along.noise, path.tangents[::60]), path.noise[::60], rtol=1e-12)
    np.testing.assert_allclose(np.einsum("mi,mij,mj->m", path.tangents[::60], along.curvature, path.tangents[::60]), path.curvature[::60], atol=1e-13)
    few = path_noise(network.problem, path, directions=3, every=60)
    np.testing.assert_allclose(few.discarded, 1 - np.trace(few.noise, axis1=1, axis2=2) / np.trace(along.noise, axis1=1, axis2=2), rtol=1e-10)
    np.testing.assert_allclose(few.directions.T @ few.directions, np.eye(3), atol=1e-14)
