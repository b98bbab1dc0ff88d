"""How Gaussian the noise of a minibatch is: skewness and excess kurtosis of the projected gradient, exactly, and a test on drawn batches."""

from dataclasses import dataclass

import numpy as np
import torch

from eyring.errors import NotApplicable, ParameterError
from eyring.validation.probes.gradient_covariance import projected_gradients
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import make_sampler

__all__ = ["Gaussianity", "batch_cumulants", "gaussianity"]

FEWEST = 20  # batches that the test needs


@dataclass(frozen=True, eq=False)
class Gaussianity:
    """The law of v . (minibatch gradient) for k directions v.

    Attributes:
        skewness: Third cumulant over variance^(3/2), exact, (k,).
        excess_kurtosis: Fourth cumulant over variance^2, exact, (k,).
        p_values: Of D'Agostino and Pearson's test on drawn batches, (k,).
        p_value: The smallest of them times k (Bonferroni), at most 1: below 0.05 the batches drawn show that the noise is not Gaussian.
        batches: How many were drawn.
    """

    skewness: np.ndarray
    excess_kurtosis: np.ndarray
    p_values: np.ndarray
    p_value: float
    batches: int

    def __str__(self) -> str:
        return (
            f"skewness up to {np.max(np.abs(self.skewness)):.3g}, excess kurtosis up to {np.max(np.abs(self.excess_kurtosis)):.3g} in "
            f"{len(self.skewness)} directions; p = {self.p_value:.3g} from {self.batches} batches"
        )


def gaussianity(
    problem: TrainingProblem, theta: torch.Tensor, directions: np.ndarray, *, batch_size: int, sampler: str, batches: int, seed: int
) -> Gaussianity:
    """Measure how far the noise of one step is from Gaussian, along ``directions``.

    The cumulants are those of the finite data, with no sampling error. The test draws minibatches and asks whether so many steps would show it.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).
        directions: V, (n, k).
        batch_size: B.
        sampler: How one batch is drawn; batches of "epoch shuffling" are drawn singly, without replacement.
        batches: Drawn for the test.
        seed: Of the batches.

    Raises:
        NotApplicable: If a direction has no noise.
        ParameterError: If fewer than 20 batches are asked for, or the sampler does not take these numbers.

    Source: D'Agostino & Pearson 1973 for the test [recalled].
    """
    from scipy import stats

    if batches < FEWEST:
        raise ParameterError(f"the test of Gaussianity needs at least {FEWEST} batches, got {batches}")
    gradients = projected_gradients(problem, theta, directions)
    around = gradients - gradients.mean(0)
    if not np.all(np.ptp(gradients, axis=0) > 0):
        raise NotApplicable(f"{int(np.sum(np.ptp(gradients, axis=0) == 0))} of {around.shape[1]} directions have no gradient noise; leave them out")
    skewness, kurtosis = batch_cumulants(around, batch_size=batch_size, sampler=sampler)
    singly = "without replacement" if sampler == "epoch shuffling" else sampler
    source = make_sampler(singly, samples=len(around), batch_size=batch_size, replicas=1, seed=seed)
    drawn = np.stack([around[batch].mean(0) for batch in source.draw(batches)[:, 0]])
    p = np.atleast_1d(stats.normaltest(drawn).pvalue)
    return Gaussianity(skewness, kurtosis, p, min(1.0, float(p.min()) * len(p)), batches)


def batch_cumulants(values: np.ndarray, *, batch_size: int, sampler: str) -> tuple[np.ndarray, np.ndarray]:
    """Return skewness and excess kurtosis of the mean of a minibatch of N numbers (N, k), exactly: g_1/sqrt(B) and g_2/B with replacement.

    Without replacement they follow from the moments of four distinct draws.

    >>> skewness, kurtosis = batch_cumulants(np.array([[0.0], [0.0], [3.0]]), batch_size=2, sampler="with replacement")
    >>> round(float(skewness[0]), 12), round(float(kurtosis[0]), 12)
    (0.5, -0.75)
    """
    N, B = len(values), batch_size
    around = values - values.mean(0)
    m2, m3, m4 = (np.mean(around**power, axis=0) for power in (2, 3, 4))
    if make_sampler(sampler, samples=N, batch_size=B, replicas=1, seed=0).covariance_factor == 1.0:
        return m3 / m2**1.5 / np.sqrt(B), (m4 / m2**2 - 3) / B
    if B == N or N < 4:
        raise NotApplicable(f"batches of {B} out of {N} samples without replacement leave no noise to speak of; take a smaller batch or more data")
    skewness = m3 / m2**1.5 * (N - 2 * B) / (N - 2) * np.sqrt((N - 1) / (B * (N - B)))
    two, three, four = B * (B - 1), B * (B - 1) * (B - 2), B * (B - 1) * (B - 2) * (B - 3)
    fourth = B * m4 - 4 * two * m4 / (N - 1) + 3 * two * (N * m2**2 - m4) / (N - 1)
    fourth += 6 * three * (2 * m4 - N * m2**2) / ((N - 1) * (N - 2)) + four * (3 * N * m2**2 - 6 * m4) / ((N - 1) * (N - 2) * (N - 3))
    variance = B * m2 * (N - B) / (N - 1)
    return skewness, fourth / variance**2 - 3
