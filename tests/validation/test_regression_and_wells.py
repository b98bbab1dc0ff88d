"""The trainings behind the experiments of Ziyin et al. and of Dai & Zhu, held against laws written down by hand. Fixed seeds, 5 standard errors: 6e-7 each."""

import numpy as np
import pytest
from scipy.integrate import quad

from eyring.numerics.exact import relaxation_rates
from eyring.validation.reproduce import dai_zhu_crossover, dai_zhu_wells, ziyin_tail
from eyring.validation.reproduce.dai_zhu_chain import chain_law
from eyring.validation.reproduce.ziyin_training import growth_map, settled


@pytest.mark.parametrize("width", [1, 5])
def test_one_step_multiplies_the_second_moment_as_fourth_moments_of_normal_inputs_say(width):
    """E|w'|^2/|w|^2 = (1 - eta)^2 + eta^2 (n + 1)/B without momentum; with it, 1 - 2 eta + eta^2 (1 + (n + 1)/B) is still the first column's first entry."""
    eta, batch = 0.7, 4
    law = (1 - eta) ** 2 + eta**2 * (width + 1) / batch
    for mu in (0.0, 0.9):
        size = {"width": width, "learning_rate": eta, "batch_size": batch, "momentum": mu, "decay": 0.0, "replicas": 40_000, "seed": 3}
        found = growth_map(**size)["map"][:, 0, 0]
        assert abs(found.mean() - law) < 5 * found.std() / 200 < 0.1 * eta**2 * (width + 1) / batch


def test_one_weight_settles_at_the_variance_of_the_balance():
    """(1 - eta)^2 s + eta^2 ((2 s + sigma^2) / B) = s: s = eta sigma^2/(2 B - eta (B + 2)); the batch's own loss is on average (s + sigma^2)/2."""
    eta, batch, std = 0.5, 4, 1.5
    size = {"replicas": 400, "burn_in": 60, "steps": 600, "seed": 5}
    found = settled(curvatures=[1.0], target=[2.0], label_std=std, learning_rate=eta, batch_size=batch, momentum=0.0, decay=0.0, **size)
    law = eta * std**2 / (2 * batch - eta * (batch + 2))
    for samples, told in ((found["squares"][:, 0], law), (found["test"], law / 2), (found["train"], (law + std**2) / 2)):
        assert abs(samples.mean() - told) < 5 * samples.std() / 20 < 0.1 * told


def test_the_tail_counts_are_those_of_the_weights():
    """Far down the law is known: with eta a = 1 and B = 2 the variance is infinite to logarithms, so counts fall as x^-2 within a fifth."""
    found = ziyin_tail.tail_counts(batch_size=2, learning_rate=1.0, replicas=20_000, looks=10, seed=1)
    survival = found["beyond"].sum(0) / (ziyin_tail.GROUPS * found["samples"][0])
    assert survival[0] < 1
    assert (np.diff(survival) <= 0).all()
    first, last = np.searchsorted(-survival, [-1e-2, -1e-3])
    slope = np.log(survival[first] / survival[last]) / np.log(ziyin_tail.THRESHOLDS[last] / ziyin_tail.THRESHOLDS[first])
    assert slope == pytest.approx(2, abs=0.4)


def test_the_preference_flips_where_plain_quadrature_says():
    """Weights on either side of the saddle, integrated without eyring, are equal at the noise strength of the continuous limit.

    The steps' own flip, by a line through three batch sizes, tends to it as momentum shortens the step: 2 % away, then 0.2 %, which is the line's.
    """
    n, depth = dai_zhu_crossover._exact_crossing(), dai_zhu_crossover.DEPTH
    left, right = weights(depth, n)
    assert left == pytest.approx(right, rel=1e-9)
    assert dai_zhu_crossover._published_crossing() == pytest.approx(0.2 / np.log(7.99 / 2.89), rel=1e-6)
    batches = dai_zhu_crossover.NEAR
    plain, pushed = (
        dai_zhu_crossover._flip(batches, np.array([chain_law(depth, dai_zhu_crossover.SIGMA, b, mu).share for b in batches])) for mu in (0.0, 0.9)
    )
    assert -0.03 < plain / n - 1 < -0.015
    assert pushed == pytest.approx(n, rel=3e-3)


def weights(depth, n):
    """Return the integrals of exp(-L/n) on either side of the saddle."""
    top = dai_zhu_wells.saddle(depth)
    return tuple(quad(lambda x: np.exp(-dai_zhu_wells.loss(x, depth) / n), *ends)[0] for ends in ((-3, top), (top, 3)))


def test_the_wells_of_the_training_are_those_of_the_theory():
    """Equal depths, curvatures 7.84 and 3.04; the slope is the loss's, and the saddle is where it vanishes."""
    for depth, place, height in ((0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.1, 1.0, 0.1)):
        assert dai_zhu_wells.loss(place, depth) == pytest.approx(height, abs=1e-15)
    for place, curvature in ((-1.0, 7.84), (1.0, 3.04)):
        bend = (dai_zhu_wells.loss(place + 1e-4, 0.0) + dai_zhu_wells.loss(place - 1e-4, 0.0)) / 1e-8
        assert bend == pytest.approx(curvature, rel=1e-5)
    x = np.linspace(-2, 2, 9)
    difference = (dai_zhu_wells.loss(x + 1e-5, 0.1) - dai_zhu_wells.loss(x - 1e-5, 0.1)) / 2e-5
    np.testing.assert_allclose(dai_zhu_wells.slope(x, 0.1), difference, atol=1e-7)
    for depth in (0.0, 0.1):
        top = dai_zhu_wells.saddle(depth)
        assert abs(dai_zhu_wells.slope(top, depth)) < 1e-14
        assert dai_zhu_wells.loss(top, depth) > max(dai_zhu_wells.loss(top - 0.01, depth), dai_zhu_wells.loss(top + 0.01, depth))


def test_the_chain_without_momentum_is_that_of_a_kernel_with_normal_noise():
    """Sixteen signs are nearly normal: the one-step kernel on a grid, all its eigenvalues by LAPACK. Both numbers to 0.1 %, where the step itself changes
    the rate by 1 %.
    """
    sigma, batch, eta = 28.0, 16, dai_zhu_wells.LEARNING_RATE
    grid = np.linspace(-1.9, 2.3, 420)
    landed, width = grid - eta * dai_zhu_wells.slope(grid, 0.0), eta * sigma / np.sqrt(batch)
    kernel = np.exp(-((grid[:, None] - landed) ** 2) / (2 * width**2))
    values, vectors = np.linalg.eig(kernel / kernel.sum(0))
    first, second = np.argsort(-values.real)[:2]
    settled = vectors[:, first].real / vectors[:, first].real.sum()
    found = chain_law(0.0, sigma, batch, 0.0)
    past = np.clip((grid - dai_zhu_wells.saddle(0.0)) / (grid[1] - grid[0]) + 0.5, 0, 1)
    assert found.share == pytest.approx(settled @ past, rel=1e-3)
    assert found.rate == pytest.approx(-np.log(values[second].real) / eta, rel=1e-3)


def test_the_chain_with_momentum_is_the_kinetic_equation_as_the_step_shrinks():
    """x' = v, m v' = -L' - v + noise with m = 0.095 at mu = 0.9: its slowest rate, 11 % below that without inertia, to 0.5 %, the size of the step."""
    import sympy as sp

    from eyring.theory.sde import SDE

    sigma, batch, mu = 9.5, 2, 0.9
    mass = dai_zhu_wells.LEARNING_RATE * (1 + mu) / (2 * (1 - mu))
    x, v = sp.symbols("x v", real=True)
    n = dai_zhu_wells.noise_strength(batch, sigma)
    force = -dai_zhu_wells.walk(0.0).drift[0].subs(dai_zhu_wells.walk(0.0).coordinates[0], x)
    kinetic = SDE([v, (-force - v) / sp.nsimplify(mass)], [[0, 0], [0, sp.nsimplify(n / mass**2)]], [x, v])
    plain = float(relaxation_rates(dai_zhu_wells.walk(0.0), values={"n": n})[0])
    rate = float(relaxation_rates(kinetic)[0])
    assert rate / plain == pytest.approx(0.89, abs=0.02)
    assert chain_law(0.0, sigma, batch, mu).rate == pytest.approx(rate, rel=5e-3)


@pytest.mark.parametrize("mu", [0.0, 0.9])
def test_the_flat_well_fills_as_the_chain_says(mu):
    """From the sharp well at S = 1: share (1 - 1/e) after one relaxation time, that of the chain, which with momentum is a tenth longer.

    Room: 5 standard errors, and a twentieth for what relaxes faster.
    """
    sigma = 8.5
    law = chain_law(0.0, sigma, 1, mu)
    steps = round(1 / (law.rate * dai_zhu_wells.LEARNING_RATE))
    cell = {"depth": 0.0, "top": dai_zhu_wells.saddle(0.0), "begin": (-1.0, -1.0), "sigma": sigma, "batch_size": 1, "momentum": mu}
    found = dai_zhu_wells.populations(**cell, replicas=16_000, steps=steps, looks=1, seed=2)
    expected = law.share * (1 - np.exp(-1))
    assert found["shares"][-1].mean() == pytest.approx(expected, abs=5 * np.sqrt(0.25 / 16_000) + 0.05 * expected)
