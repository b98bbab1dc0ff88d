"""Linear regression of real labels, trained while learning rate and batch size grow alike, and the exact law of its steps with momentum."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.regression_law import LeastSquares
from eyring.validation.reproduce.jastrzebski_training import Cell, train_cells

if TYPE_CHECKING:
    import torch

__all__ = ["BATCH", "FIRST_STEP", "WITH", "WITHOUT", "cancer_regression", "exact_ratio", "grown_rate", "stationary_squares"]

COMPONENTS, BATCH, FIRST_STEP = 4, 8, 0.1  # FIRST_STEP: eta/(1 - mu) times the largest curvature, before anything grows
LOOK_EVERY = 4
MOST_STEPS, SETTLED = 100_000, 1e-10
WITH, WITHOUT = "with replacement", "without replacement"


def cancer_regression(samples: int) -> LeastSquares:
    """Return the linear regression of scikit-learn's breast_cancer labels (+1, -1) on four principal components, scaled to <|x|^2> = 1."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    features = (found.data - found.data.mean(0)) / found.data.std(0)
    left, sizes, _ = np.linalg.svd(features, full_matrices=False)
    components = left[:, :COMPONENTS] * sizes[:COMPONENTS]
    chosen = np.random.default_rng(3).permutation(len(features))[:samples] if samples < len(features) else np.arange(len(features))
    scale = np.sqrt(np.mean(np.sum(components**2, axis=1)))
    return LeastSquares(components[chosen] / scale, 2.0 * found.target[chosen] - 1)


def stationary_squares(
    *, samples: int, growth: int, momenta: Sequence[float], sampler: str, replicas: int, burn_in: int, steps: int, seed: int
) -> dict[str, np.ndarray]:
    """Train the regression at eta and S grown alike; time average of the squared distance along each eigenvector, sharpest first, (M, R, d)."""
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    data = cancer_regression(samples)
    model = torch.nn.Linear(data.dim, 1, bias=False, dtype=torch.float64)
    inputs, targets = torch.from_numpy(data.inputs), torch.from_numpy(data.targets)[:, None]
    problem = TrainingProblem(model, lambda guess, wanted: (guess - wanted).square().mean() / 2, (inputs, targets))
    rest, directions = torch.from_numpy(data.minimum), torch.from_numpy(data.directions[:, ::-1].copy())
    total = torch.zeros((len(momenta), replicas, data.dim), dtype=torch.float64)
    looks = 0

    def look(step: int, thetas: "torch.Tensor") -> None:
        nonlocal looks
        if step > burn_in:
            total.add_(((thetas - rest) @ directions).square())
            looks += 1

    cells = [Cell(grown_rate(data, growth, mu), mu) for mu in momenta]
    start = rest.expand(replicas, -1)
    train_cells(
        problem, cells, start=start, batch_size=BATCH * growth, steps=burn_in + steps, seed=seed, sampler=sampler, look=look, look_every=LOOK_EVERY
    )
    return {"squares": (total / looks).numpy()}


def grown_rate(data: LeastSquares, growth: int, mu: float) -> float:
    """Return the learning rate after growth, eta = growth (1 - mu) FIRST_STEP/H, H the largest curvature."""
    return growth * FIRST_STEP * (1 - mu) / float(data.curvatures[-1])


def exact_ratio(data: LeastSquares, *, growth: int, mu: float, sampler: str) -> float:
    """Return the variance along the sharpest direction after growth over that before, from the exact second moments of parameters and buffer."""
    grown, first = (_settled(data, grown_rate(data, r, mu), BATCH * r, mu, sampler) for r in (growth, 1))
    e = data.directions[:, -1]
    return float((e @ grown @ e) / (e @ first @ e))


def _settled(data: LeastSquares, eta: float, S: int, mu: float, sampler: str) -> np.ndarray:
    """Carry <d d^T>, <d m^T> and <m m^T> over one step, m' = mu m + g, d' = d - eta m', until they no longer change."""
    x, N, H = data.inputs, data.samples, data.hessian
    factor = 1 / S if sampler == WITH else (N - S) / ((N - 1) * S)
    fourth = np.einsum("ni,nj,nk,nl->ijkl", x, x, x, x, optimize=True) / N
    fixed = (x.T * data.residuals**2) @ x / N
    spread = np.zeros_like(H)
    cross, buffer = spread, spread
    for _ in range(MOST_STEPS):
        noise = factor * (fixed + np.tensordot(fourth, spread) - H @ spread @ H)
        new_buffer = mu**2 * buffer + mu * (cross.T @ H + H @ cross) + H @ spread @ H + noise
        new_cross = mu * cross + spread @ H
        after = spread - eta * (new_cross + new_cross.T) + eta**2 * new_buffer
        settled = np.abs(after - spread).max() <= SETTLED * np.abs(after).max()
        spread, cross, buffer = (after + after.T) / 2, new_cross - eta * new_buffer, (new_buffer + new_buffer.T) / 2
        if settled:
            return spread
    raise AccuracyError(f"the second moments have not settled within {MOST_STEPS} steps at learning rate {eta:.4g}: it is too close to instability")
