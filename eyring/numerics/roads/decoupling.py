"""The noise of a small network on drawn data, sample by sample, at its minimum and beside it."""

from collections.abc import Sequence

import numpy as np

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["DrawnNetwork"]

SAMPLES = 4000


class DrawnNetwork(Road):
    """One tanh unit with two weights, correlated inputs, noisy labels; the tolerance is what decoupling is measured to be off by."""

    result = "mori-decoupling"
    method = "covariance over all samples of drawn data sets, at the minimum of a tanh unit and beside it"

    def trials(self) -> Sequence[Trial]:
        """At the minimum the approximation is best; 5 and 10 percent above its loss it still serves."""
        return [
            _trial(1, noise=0.5, correlation=0.7, away=(0.0, 0.0), batch=3),
            _trial(2, noise=0.7, correlation=-0.6, away=(0.15, 0.2), batch=7),
            _trial(3, noise=0.3, correlation=0.6, away=(-0.12, 0.1), batch=5),
        ]


def _trial(seed: int, *, noise: float, correlation: float, away: tuple[float, float], batch: int) -> Trial:
    generator = np.random.default_rng(seed)
    inputs = generator.multivariate_normal([0.0, 0.0], [[0.5, 0.4 * correlation], [0.4 * correlation, 0.32]], size=SAMPLES)
    labels = np.tanh(inputs @ [0.6, -0.4]) + noise * generator.normal(size=SAMPLES)
    minimum = np.zeros(2)
    for _ in range(50):
        gradient, _, hessian = _sample_gradients(inputs, labels, minimum)
        minimum = minimum - np.linalg.solve(hessian, gradient.mean(axis=0))
    gradients, loss, _ = _sample_gradients(inputs, labels, minimum + np.array(away))
    *_, hessian = _sample_gradients(inputs, labels, minimum)
    values = {"L": loss, "H_11": hessian[0, 0], "H_12": hessian[0, 1], "H_22": hessian[1, 1], "B": batch, "N": SAMPLES}
    return Trial(values, np.cov(gradients.T, bias=True) / batch, tolerance=0.15)


def _sample_gradients(inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Return each sample's gradient, the loss, and its Hessian."""
    output = np.tanh(inputs @ weights)
    miss, slope = output - labels, 1 - output**2
    bend = slope**2 - 2 * miss * output * slope
    return (miss * slope)[:, None] * inputs, float((miss**2).mean() / 2), (inputs * bend[:, None]).T @ inputs / len(labels)
