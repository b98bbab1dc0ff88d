"""The mean number of steps with momentum along one coordinate, against walkers and against what a diffusion with inertia takes."""

import math

import numpy as np
import pytest

from eyring.errors import AccuracyError
from eyring.numerics.exact.chain.eigenvalue import passage_steps
from eyring.numerics.exact.chain.momentum import momentum_passage_steps
from eyring.numerics.exact.chain.step_law import StepLaw


def walked(slope, variance, *, eta, mu, start, target, walkers, steps, seed):
    """Return the mean number of steps of walkers that begin afresh at rest, and how many of them arrived."""
    rng = np.random.default_rng(seed)
    s, v, arrived = np.full(walkers, start), np.zeros(walkers), 0
    for _ in range(steps):
        v = mu * v - eta * (slope(s) + np.sqrt(variance(s)) * rng.normal(size=walkers))
        s = s + v
        there = s > target
        arrived += int(there.sum())
        s[there], v[there] = start, 0.0
    return walkers * steps / arrived, arrived


QUARTIC = lambda s: s**3 - s  # noqa: E731


@pytest.mark.parametrize(("mu", "eta", "T"), [(0.5, 0.1, 0.08), (0.9, 0.02, 0.09)])
def test_walkers_take_as_many_steps_where_the_noise_varies(mu, eta, T):
    """6000 to 8000 arrivals, 3 standard errors of 1.1 to 1.2 %: a false alarm in 400 seeds."""
    variance = lambda s: 2 * T * (1 - mu) / eta * np.exp(0.7 * s)  # noqa: E731
    steps, error = momentum_passage_steps(QUARTIC, variance, learning_rate=eta, momentum=mu, curvature=2.0, start=-1.0, target=1.0)
    seen, arrived = walked(QUARTIC, variance, eta=eta, mu=mu, start=-1.0, target=1.0, walkers=8000, steps=4500, seed=3)
    assert arrived > 5000
    assert error < 4e-3
    assert abs(math.log(steps / seen)) < 3 / math.sqrt(arrived) + error < 0.045


def test_without_momentum_it_is_the_chain_of_one_coordinate():
    """mu = 1e-9 on the grid of place and velocity, against the integral equation in place alone: to the grid's own error."""
    eta, variance = 0.1, lambda s: 0.9 * np.exp(0.5 * s)
    steps, error = momentum_passage_steps(QUARTIC, variance, learning_rate=eta, momentum=1e-9, curvature=2.0, start=-1.0, target=1.0)
    law = StepLaw(
        centre=lambda s: s - eta * QUARTIC(s), offsets=lambda s: np.zeros((1, *np.shape(s))), variance_within=lambda s: eta**2 * variance(s),
        probabilities=np.ones(1), kinks=(), clock=eta,
    )  # fmt: skip
    expected, _ = passage_steps(law, -1.0, 1.0)
    assert abs(steps / expected - 1) < error < 4e-3


def test_a_boundary_where_walkers_are_lost_at_once_is_known_to_its_stated_error():
    """A harmonic well, two standard deviations out; 20 000 walkers, 0.2 %."""
    target, harmonic = 0.6325, lambda s: s
    steps, error = momentum_passage_steps(harmonic, np.ones_like, learning_rate=0.1, momentum=0.5, curvature=1.0, start=0.0, target=target)
    seen, arrived = walked(harmonic, np.ones_like, eta=0.1, mu=0.5, start=0.0, target=target, walkers=20_000, steps=1500, seed=4)
    assert abs(steps / seen - 1) < error + 3 / math.sqrt(arrived) < 0.06


def test_a_way_too_long_for_a_grid_is_refused():
    with pytest.raises(AccuracyError, match="too long against the noise"):
        momentum_passage_steps(QUARTIC, lambda s: 1e-6 + 0 * s, learning_rate=0.1, momentum=0.5, curvature=2.0, start=-1.0, target=1.0)
