"""A finite sum with a flat, higher and a sharp, deeper minimum and declared noise: what to train, and how often each minimum should be occupied."""

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from eyring.theory.results import result

if TYPE_CHECKING:
    from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["ARMS", "SADDLE", "chain_log_odds", "gibbs_log_odds", "published_log_odds", "wells_problem"]

SIGMA = 9.8  # of the first kind's per-sample slope: D = eta sigma^2/(2 S) = 0.09 at eta = 0.015, S = 8
TILT = 0.1
ARMS = {  # per-sample slopes a sigma p + b sigma q(x), a and b = +1 or -1: (p, q as coefficients of 1 and x)
    "plain": (1.0, (0.0, 0.0)),
    "labels' noise doubled": (1.0, (1.0, 0.0)),
    "inputs scaled by 1.5": (1.5, (0.0, 0.0)),
    "more noise at the sharp minimum": (1.0, (0.0, 1.0)),
    "more noise at the flat minimum": (1.0, (1.0, -1.0)),
}
LOW, HIGH = -0.7, 1.75
NARROW = 0.5  # grid spacing over the width of one step's kick


def height(x: np.ndarray) -> np.ndarray:
    """Return L(x) = 4 x^2 (x - 1)^2 (1 + x^2) - 0.1 x."""
    return 4 * x**2 * (x - 1) ** 2 * (1 + x**2) - TILT * x


def slope(x: np.ndarray) -> np.ndarray:
    """Return L'(x)."""
    return 8 * x * (x - 1) * (2 * x - 1) * (1 + x**2) + 8 * x**3 * (x - 1) ** 2 - TILT


def curvature(x: float) -> float:
    """Return L''(x) by a central difference of the slope."""
    return float((slope(np.array(x + 1e-5)) - slope(np.array(x - 1e-5))) / 2e-5)


FLAT, SADDLE, SHARP = 0.01299822, 0.53205594, 1.00608196


def wells_problem() -> "TrainingProblem":
    """Return the sum over the kinds of noise of their losses, one coordinate a kind; a sample is a pair (a, b)."""
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    p = torch.tensor([arm[0] for arm in ARMS.values()], dtype=torch.float64)
    q = torch.tensor([arm[1] for arm in ARMS.values()], dtype=torch.float64)

    class Wells(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = torch.nn.Parameter(torch.zeros(len(ARMS), dtype=torch.float64))

        def forward(self, signs: torch.Tensor) -> torch.Tensor:
            x = self.place
            well = 4 * x.square() * (x - 1).square() * (1 + x.square()) - TILT * x
            tilt = signs[:, :1] * (p * x) + signs[:, 1:] * (q[:, 0] * x + q[:, 1] * x.square() / 2)
            return (well + SIGMA * tilt).sum(1)

    signs = torch.tensor([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)], dtype=torch.float64)
    return TrainingProblem(Wells(), lambda prediction, target: prediction.mean(), (signs, torch.zeros(len(signs), dtype=torch.float64)))


def covariance(arm: int, x: np.ndarray) -> np.ndarray:
    """Return the variance of one sample's slope at x."""
    p, q = list(ARMS.values())[arm]
    return SIGMA**2 * (p**2 + (q[0] + q[1] * x) ** 2)


@cache
def chain_log_odds(arm: int, eta: float, batch_size: int) -> float:
    """Return ln(left/right of the saddle) in the stationary law of the steps themselves, with normal noise: no small parameter.

    The fixed point of the one-step kernel on a grid finer than the narrowest kick.
    """
    kick = eta * float(np.sqrt(covariance(arm, np.linspace(LOW, HIGH, 50)).min() / batch_size))
    grid = np.arange(LOW, HIGH, NARROW * kick)
    width = eta * np.sqrt(covariance(arm, grid) / batch_size)
    landed = grid - eta * slope(grid)
    kernel = np.exp(-((grid[:, None] - landed) ** 2) / (2 * width**2)) / width  # to, from
    kernel /= kernel.sum(0)
    system = kernel - np.eye(len(grid))
    system[0] = 1.0  # one equation follows from the others: the total weight takes its place
    weight = np.linalg.solve(system, np.eye(len(grid))[0])
    steps = np.clip((grid + NARROW * kick / 2 - SADDLE) / (NARROW * kick), 0, 1)  # the saddle's own cell is shared
    right = float(weight @ steps)
    return float(np.log((1 - right) / right))


@cache
def gibbs_log_odds(arm: int, eta: float, batch_size: int) -> float:
    """Return ln(left/right) in the exact stationary law of the Ito equation with D(x) = eta G(x)/(2 S)."""
    import sympy as sp

    from eyring.numerics.exact.stationary import stationary_probability
    from eyring.theory.sde import SDE

    x = sp.Symbol("x", real=True)
    well = 4 * x**2 * (x - 1) ** 2 * (1 + x**2) - sp.Rational(str(TILT)) * x
    p, q = list(ARMS.values())[arm]
    noise = sp.Rational(str(p)) ** 2 + (sp.Rational(str(q[0])) + sp.Rational(str(q[1])) * x) ** 2
    strength = sp.Rational(str(eta)) * sp.Rational(str(SIGMA)) ** 2 * noise / (2 * batch_size)
    left = float(stationary_probability(SDE(-sp.diff(well, x), strength, [x]), region=(-sp.oo, SADDLE)))
    return float(np.log(left / (1 - left)))


def published_log_odds(arm: int, eta: float, batch_size: int) -> float:
    """Return ln of Theorem 2: sqrt(H_B/H_A) exp((L_B - L_A)/n) for equal noise, and the published form with n_A and n_B where it differs."""
    n_a, n_b = (float(eta * covariance(arm, np.array(x)) / (2 * batch_size)) for x in (FLAT, SHARP))
    levels = {"L_A": float(height(np.array(FLAT))), "L_B": float(height(np.array(SHARP)))}
    bends = {"H_A": curvature(FLAT), "H_B": curvature(SHARP)}
    published = result("basin-ratio-varying-noise").published()
    assert published is not None
    formula = published.compile("numpy")
    return float(np.log(formula(**levels, **bends, D_A=n_a, D_B=n_b)))
