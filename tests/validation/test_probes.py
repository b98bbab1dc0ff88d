"""The probes against what is known exactly: a plain loop, linear regression, enumeration of all minibatches."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.validation.probes import full_batch, gradient_covariance, memory
from eyring.validation.probes.alignment import alignment
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.gaussianity import batch_cumulants, gaussianity
from eyring.validation.probes.gradient_covariance import gradient_noise, minibatch_covariance, projected_gradients
from eyring.validation.probes.hessian import dense_hessian, hessian_products
from eyring.validation.probes.lanczos import eigenpairs, extreme_eigenpairs
from eyring.validation.probes.minimum import polished_minimum, require_minimum
from eyring.validation.replicas.problem import TrainingProblem

ROUNDING = 2e-15
pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script.*:DeprecationWarning")  # of torch's own forward derivatives, taken for comparison


def classifier(dtype=torch.float64, *, samples=30):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 3)).to(dtype)
    inputs, targets = torch.randn(samples, 4, dtype=dtype), torch.randint(0, 3, (samples,))
    problem = TrainingProblem(model, torch.nn.functional.cross_entropy, (inputs, targets))
    return model, problem, problem.pack(model.state_dict())


def regression(inputs, targets, *, l2=0.0):
    model = torch.nn.Linear(inputs.shape[1], 1, bias=False, dtype=torch.float64)
    data = torch.from_numpy(inputs), torch.from_numpy(targets)[:, None]
    return TrainingProblem(model, lambda prediction, target: (prediction - target).square().mean() / 2, data)


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 5)) * [3, 1, 1, 0.5, 0.2]
    return inputs, inputs @ rng.normal(size=5) + rng.normal(size=40)


def looped_gradients(model, problem):
    """Every sample's gradient by a plain loop of backward passes through the module itself."""
    rows = []
    for x, y in zip(problem.inputs, problem.targets, strict=True):
        model.zero_grad()
        problem.loss_fn(model(x[None]), y[None]).backward()
        rows.append(torch.cat([p.grad.reshape(-1) for p in model.parameters()]).double().numpy())
    return np.array(rows)


@pytest.mark.parametrize("chunk", [0.25, 1e-6], ids=["one chunk", "four samples a chunk"])
def test_covariance_equals_a_plain_loop(chunk, monkeypatch):
    """G, tr G, the mean and V^T G V to float64 rounding, however the samples are cut."""
    monkeypatch.setattr(memory, "CHUNK", chunk)
    model, problem, theta = classifier()
    rows = looped_gradients(model, problem)
    G = np.cov(rows.T, bias=True)
    V = np.linalg.qr(np.random.default_rng(2).normal(size=(problem.dimension, 4)))[0]
    whole, seen = gradient_noise(problem, theta), gradient_noise(problem, theta, directions=V)
    size = np.abs(G).max()
    np.testing.assert_allclose(whole.covariance, G, rtol=0, atol=ROUNDING * size)
    np.testing.assert_allclose(seen.covariance, V.T @ G @ V, rtol=0, atol=5 * ROUNDING * size)
    np.testing.assert_allclose(seen.mean, rows.mean(0) @ V, rtol=0, atol=ROUNDING)
    assert seen.trace == pytest.approx(np.trace(G), rel=1e-14)
    assert seen.discarded == pytest.approx(1 - np.trace(V.T @ G @ V) / np.trace(G), rel=1e-12)
    np.testing.assert_allclose(projected_gradients(problem, theta, V), rows @ V, rtol=0, atol=ROUNDING)


def test_regression_has_the_covariance_and_curvature_of_the_textbook(line):
    """At any w: g_i = (w.x_i - y_i) x_i and H = <x x^T>."""
    inputs, targets = line
    w = np.arange(5.0)
    rows = (inputs @ w - targets)[:, None] * inputs
    problem, theta = regression(inputs, targets), torch.from_numpy(w)
    np.testing.assert_allclose(gradient_covariance.gradient_covariance(problem, theta), np.cov(rows.T, bias=True), rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(dense_hessian(problem, theta), inputs.T @ inputs / 40, rtol=1e-14, atol=1e-15)


def test_minibatch_covariance_by_enumeration():
    """All 4^2 batches with replacement, all 20 subsets of 3 out of 6 without."""
    rows = np.random.default_rng(3).normal(size=(6, 2))
    for size, batch, every, sampler in (
        (4, 2, itertools.product(range(4), repeat=2), "with replacement"),
        (6, 3, itertools.combinations(range(6), 3), "without replacement"),
    ):
        means = np.array([rows[list(b)].mean(0) for b in every])
        G = np.cov(rows[:size].T, bias=True)
        np.testing.assert_allclose(minibatch_covariance(G, samples=size, batch_size=batch, sampler=sampler), np.cov(means.T, bias=True), rtol=1e-13)
    with pytest.raises(NotApplicable, match="depend on one another"):
        minibatch_covariance(np.eye(2), samples=6, batch_size=3, sampler="epoch shuffling")


def test_hessian_by_two_backward_passes_equals_forward_over_reverse():
    """Dense, projected, for one point and side by side, against torch.func.hessian."""
    _, problem, theta = classifier()
    H = torch.func.hessian(problem.loss)(theta).numpy()
    V = np.random.default_rng(4).normal(size=(problem.dimension, 3))
    size = np.abs(H).max()
    np.testing.assert_allclose(dense_hessian(problem, theta), H, rtol=0, atol=ROUNDING * size)
    np.testing.assert_allclose(hessian_products(problem, theta, V), H @ V, rtol=0, atol=10 * ROUNDING * size)
    pair = np.stack([theta.numpy(), 2 * theta.numpy()])
    surface = FullBatch.of(problem)
    np.testing.assert_allclose(surface.curvature(pair), [surface.curvature(p[None])[0] for p in pair], rtol=0, atol=ROUNDING * size)


def test_products_in_pieces_are_the_same(monkeypatch):
    _, problem, theta = classifier()
    whole = dense_hessian(problem, theta)
    monkeypatch.setattr(full_batch, "CHUNK", 2e-5)
    np.testing.assert_allclose(dense_hessian(problem, theta), whole, rtol=0, atol=ROUNDING)


def test_lanczos_finds_the_ends_of_the_spectrum():
    """Against the dense eigenvalues to 1e-9, with eigenvectors that are."""
    _, problem, theta = classifier()
    values, vectors = eigenpairs(FullBatch.of(problem), theta.numpy(), leading=3, lowest=2, dense=0)
    H = torch.func.hessian(problem.loss)(theta).numpy()
    np.testing.assert_allclose(values, np.linalg.eigvalsh(H)[[0, 1, -3, -2, -1]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(H @ vectors, vectors * values, rtol=0, atol=1e-8)
    cut, _ = extreme_eigenpairs(problem, theta, leading=3, lowest=2)
    np.testing.assert_allclose(cut, values, rtol=0, atol=1e-9)
    with pytest.raises(ParameterError, match="of 27"):
        extreme_eigenpairs(problem, theta, leading=20, lowest=20)


def test_a_float32_network_is_probed_in_float64():
    """Curvature and noise are those of the same numbers in float64: nearer than float32 could be."""
    model, problem, theta = classifier(torch.float32)
    data = problem.inputs.double(), problem.targets
    exact = TrainingProblem(model.double(), problem.loss_fn, data)
    np.testing.assert_allclose(dense_hessian(problem, theta), dense_hessian(exact, theta.double()), rtol=0, atol=ROUNDING)


def test_what_does_not_fit_is_refused_with_the_gigabytes(monkeypatch):
    monkeypatch.setattr(memory, "available_gigabytes", lambda: 1e-6)
    _, problem, theta = classifier()
    with pytest.raises(NotApplicable, match=r"dense Hessian of 27 parameters would need 2.33e-05 GB, 1e-06 GB may be taken; take extreme_eigenpairs"):
        dense_hessian(problem, theta)
    with pytest.raises(NotApplicable, match=r"1.17e-05 GB.*directions=V"):
        gradient_noise(problem, theta)
    assert gradient_noise(problem, theta, directions=np.eye(27)[:, :2]).covariance.shape == (2, 2)


def test_a_minimum_is_told_from_other_places(line):
    """Regression's minimum is that of lstsq; off it the gradient and the excess loss are in the message; a maximum is refused as such."""
    inputs, targets = line
    problem = regression(inputs, targets)
    best = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    probe = require_minimum(problem, torch.from_numpy(best))
    assert probe.index == 0
    assert probe.discarded == pytest.approx(0, abs=1e-14)
    assert probe.loss == pytest.approx(np.mean((inputs @ best - targets) ** 2) / 2, rel=1e-14)
    off = best + 0.3
    shift = np.full(5, 0.3)
    excess = shift @ inputs.T @ inputs @ shift / 80
    with pytest.raises(ParameterError, match=f"not at rest: .*lies about {excess:.3g} lower"):
        require_minimum(problem, off)
    np.testing.assert_allclose(polished_minimum(problem, off).numpy(), best, rtol=0, atol=1e-13)
    hill = TrainingProblem(torch.nn.Linear(5, 1, bias=False, dtype=torch.float64), lambda p, t: -(p - t).square().mean() / 2, problem_data(problem))
    with pytest.raises(ParameterError, match="no minimum: 5 of 5 curvatures measured are negative"):
        require_minimum(hill, best)


def problem_data(problem):
    return problem.inputs, problem.targets


def test_a_loss_without_a_minimum_is_said_so():
    """Separable logistic regression falls for ever."""
    model = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    inputs = torch.tensor([[1.0], [2.0], [-1.0]], dtype=torch.float64)
    problem = TrainingProblem(model, lambda p, t: torch.nn.functional.softplus(-p * t).mean(), (inputs, inputs.sign()))
    with pytest.raises(AccuracyError, match=r"no minimum was reached.*L2 term"):
        polished_minimum(problem, torch.ones(1, dtype=torch.float64), iterations=5)


def test_noise_made_equal_to_curvature_is_found_so():
    """Every x with the residuals +s and -s: G = s^2 H exactly, so slope 1, ratio s^2/B, nothing off the diagonal."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(30, 6)) * [5, 3, 2, 1, 0.5, 0.2]
    w, s, B = rng.normal(size=6), 0.7, 4
    problem = regression(np.concatenate([x, x]), np.concatenate([x @ w + s, x @ w - s]))
    seen = alignment(problem, torch.from_numpy(w), batch_size=B, sampler="with replacement")
    assert seen.slope == pytest.approx(1, abs=1e-12)
    assert seen.correlation == pytest.approx(1, abs=1e-12)
    assert seen.ratio == pytest.approx(s**2 / B, rel=1e-12)
    assert seen.off_diagonal == pytest.approx(0, abs=1e-12)
    squares = s**2 * (np.concatenate([x, x]) ** 2).sum(1)
    half = stats.norm.ppf(0.975) * squares.std(ddof=1) / np.sqrt(60) / squares.mean()
    assert seen.ratio_interval == pytest.approx((seen.ratio * (1 - half), seen.ratio * (1 + half)), rel=1e-10)
    assert len(seen.noise) == 6 and seen.left_out == 0


def test_cumulants_of_a_batch_by_enumeration():
    """Skewness and excess kurtosis of the mean over all 5^3 batches with replacement, and over all 35 subsets of 3 (and 4) out of 7 without."""
    values = np.random.default_rng(6).exponential(size=(7, 2))
    for size, batch, every, sampler in (
        (5, 3, itertools.product(range(5), repeat=3), "with replacement"),
        (7, 3, itertools.combinations(range(7), 3), "without replacement"),
        (7, 4, itertools.combinations(range(7), 4), "without replacement"),
    ):
        means = np.array([values[list(b)].mean(0) for b in every])
        skewness, kurtosis = batch_cumulants(values[:size], batch_size=batch, sampler=sampler)
        np.testing.assert_allclose(skewness, stats.skew(means), rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(kurtosis, stats.kurtosis(means), rtol=1e-11, atol=1e-12)


def test_the_test_of_gaussianity_sees_small_batches_and_passes_large_ones(line):
    """B = 1: the law of the samples themselves. B = 4000: kurtosis some 1e-3, which 500 batches cannot see (false alarm 1e-3, fixed seed)."""
    problem = regression(*line)
    theta, V = torch.zeros(5, dtype=torch.float64), np.eye(5)[:, :2]
    small, large = (gaussianity(problem, theta, V, batch_size=B, sampler="with replacement", batches=500, seed=0) for B in (1, 4000))
    rows = (-line[1])[:, None] * line[0][:, :2]
    np.testing.assert_allclose(small.excess_kurtosis, stats.kurtosis(rows), rtol=1e-11)
    np.testing.assert_allclose(large.excess_kurtosis, small.excess_kurtosis / 4000, rtol=1e-11)
    np.testing.assert_allclose(large.skewness, stats.skew(rows) / np.sqrt(4000), rtol=1e-10)
    assert small.p_value < 1e-6
    assert large.p_value > 1e-3
    assert large.p_value == min(1, 2 * large.p_values.min())
