"""Means of batches of signs, seen in one step of training, against the binomial law."""

import math
from dataclasses import replace

import numpy as np
import torch
from scipy.stats import chi2

from eyring.numerics.exact.chain.survival import sign_batches
from eyring.validation.reproduce.signed_sum import Run, train_exits

REPLICAS = 16_384
FALSE_ALARM = 1e-7  # of one coordinate's chi^2


def seen_means_are_binomial(landscape, size):
    """Take one step of learning rate 1 from the start and assert that start - theta - g = g' m, with m the mean of ``size`` independent signs.

    Each value is as often as the binomial says (chi^2, one false alarm in ten million a coordinate), and no two coordinates go together
    (5.5 standard deviations, four in a hundred million a pair).
    """
    moved = []

    def watched(theta):
        moved.append(theta.clone())
        return torch.zeros(len(theta), dtype=torch.bool)

    train_exits(replace(landscape, exited=watched), Run(1.0, size, 0.0, 1.0, REPLICAS, 1, 3))
    start = torch.tensor([landscape.start])
    means = ((start - moved[0] - landscape.gradient(start)) / landscape.slopes(start)).numpy()
    heads = np.rint((means + 1) * size / 2).astype(int)
    np.testing.assert_allclose(means, 2 * heads / size - 1, atol=1e-5)
    _, chances = sign_batches(size)
    for coordinate in heads.T:
        counts = np.bincount(coordinate, minlength=size + 1)
        assert np.sum((counts - REPLICAS * chances) ** 2 / (REPLICAS * chances)) < chi2.isf(FALSE_ALARM, size)
    together = np.corrcoef(means.T) - np.eye(heads.shape[1])
    assert np.abs(together).max() < 5.5 / math.sqrt(REPLICAS)
