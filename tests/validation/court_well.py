"""A double well as a torch module and a finite sum: curvature 2 and a barrier of 1/4 at scale one, and a covariance of 9 in every place."""

from dataclasses import replace

import torch

from eyring.validation.court.setting import Ground


class Well(torch.nn.Module):
    """Sample losses x^4/4 - x^2/2 +- 3 x at x = sqrt(k) theta."""

    def __init__(self, k):
        super().__init__()
        self.k, self.theta = k, torch.nn.Parameter(torch.tensor([-(k**-0.5)], dtype=torch.float64))

    def forward(self, signs):
        x = self.k**0.5 * self.theta
        return x**4 / 4 - x**2 / 2 + 3 * signs[:, 0] * x


def mean(losses, targets):
    return losses.mean()


def total(losses, targets):
    return losses.sum()


def problem(k):
    """L_k(theta) = L(sqrt(k) theta)."""
    signs = torch.tensor([[-1.0], [1.0]], dtype=torch.float64).repeat(64, 1)
    start, over, beyond = (torch.tensor([x * k**-0.5], dtype=torch.float64) for x in (-1.0, 0.0, 1.0))
    return Ground(Well(k), mean, (signs, signs[:, 0]), start=start, over=over, beyond=beyond)


def summed(k):
    """A loss that grows with the batch."""
    return replace(problem(k), loss_fn=total)
