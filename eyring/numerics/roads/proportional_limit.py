"""Data sets drawn and solved: the exact second moments of SGD on each, averaged over the labels exactly and over a few draws of the inputs."""

from collections.abc import Sequence

import numpy as np

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["DrawnDataSets"]

DRAWS = 24
SEED = 2102
ROUNDING = 1e-14
MEASURED = 0.03  # the error of the formula at these sizes


class DrawnDataSets(Road):
    """The fixed point of the second moments, all pairs of coordinates, fourth moments over the samples drawn."""

    result = "proportional-limit"
    method = "exact second moments on 24 drawn data sets of 16 to 32 weights"

    def trials(self) -> Sequence[Trial]:
        """Up to four samples per weight, and one problem with fewer samples than weights, whose excess is zero."""
        cases = [(0.5, 2.0, 24, 48, 0.8, 1.3), (0.4, 3.0, 32, 32, 0.6, 0.7), (0.3, 4.0, 24, 40, 1.7, 1.6), (0.45, 0.5, 16, 24, 0.7, 1.2)]
        return [self._trial(*case) for case in cases]

    def _trial(self, eta: float, alpha: float, n: int, size: int, a: float, deviation: float) -> Trial:
        generator = np.random.default_rng(SEED)
        draws = [_excess(np.sqrt(a) * generator.normal(size=(round(alpha * n), n)), eta, size, deviation**2) for _ in range(DRAWS)]
        values = {"eta": eta, "alpha": alpha, "n": n, "B": size, "a": a, "sigma_y": deviation}
        mean = float(np.mean(draws))
        return Trial(values, mean if mean > ROUNDING else 0.0, MEASURED)


def _excess(inputs: np.ndarray, eta: float, size: int, label_variance: float) -> float:
    """Return Tr[A Sigma] on one data set, batches drawn with replacement, averaged over the labels: residual^2 = variance times (1 - leverage)."""
    samples = len(inputs)
    leverage = np.einsum("ij,ji->i", inputs, np.linalg.pinv(inputs))
    curvatures, directions = np.linalg.eigh(inputs.T @ inputs / samples)
    kept = curvatures > 1e-12 * curvatures[-1]  # along the others nothing moves
    h, x = curvatures[kept], inputs @ directions[:, kept]
    i, j = np.triu_indices(len(h))
    pairs = x[:, i] * x[:, j] * np.where(i == j, 1.0, np.sqrt(2.0))
    decay = np.diag(h[i] + h[j] - eta * (1 - 1 / size) * h[i] * h[j]) - eta / size * pairs.T @ pairs / samples
    spread = np.linalg.solve(decay, eta / size * label_variance * pairs.T @ (1 - leverage) / samples)
    return float((h[i] * spread)[i == j].sum())
