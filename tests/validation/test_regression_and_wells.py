"""The trainings behind the experiments of Ziyin et al. and of Dai & Zhu, held against laws written down by hand. Fixed seeds, 5 standard errors: 6e-7 each."""

import numpy as np
import pytest
from scipy.integrate import quad

from eyring.numerics.exact import relaxation_rates
from eyring.validation.reproduce import dai_zhu_crossover, dai_zhu_wells, ziyin_tail
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
    """Weights on either side of the saddle, integrated without eyring, are equal at the noise strength that the experiment is judged by."""
    n, saddle = dai_zhu_crossover._exact_crossing(), dai_zhu_crossover._saddle()

    def weight(x):
        return np.exp(-dai_zhu_wells.loss(x, dai_zhu_crossover.DEPTH) / n)

    assert quad(weight, -3, saddle)[0] == pytest.approx(quad(weight, saddle, 3)[0], rel=1e-9)
    assert dai_zhu_crossover._published_crossing() == pytest.approx(0.2 / np.log(7.99 / 2.89), rel=1e-6)


def test_the_wells_of_the_training_are_those_of_the_theory():
    """Equal depths, curvatures 7.84 and 3.04; from the sharp well the flat one fills to share (1 - 1/e) in one relaxation time, at B = 1.

    Twice the batch relaxes in five times as long. Room: 5 standard errors, and a tenth for the finite step and for what relaxes faster.
    """
    for depth, place, height in ((0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.1, 1.0, 0.1)):
        assert dai_zhu_wells.loss(place, depth) == pytest.approx(height, abs=1e-15)
    for place, curvature in ((-1.0, 7.84), (1.0, 3.04)):
        bend = (dai_zhu_wells.loss(place + 1e-4, 0.0) + dai_zhu_wells.loss(place - 1e-4, 0.0)) / 1e-8
        assert bend == pytest.approx(curvature, rel=1e-5)
    n = dai_zhu_wells.noise_strength(1)
    left, right = (quad(lambda x: np.exp(-dai_zhu_wells.loss(x, 0.0) / n), *ends)[0] for ends in ((-3, dai_zhu_wells.TOP), (dai_zhu_wells.TOP, 3)))
    steps = round(1 / (float(relaxation_rates(dai_zhu_wells.walk(0.0), values={"n": n})[0]) * dai_zhu_wells.LEARNING_RATE))
    found = dai_zhu_wells.populations(depth=0.0, begin=(-1.0, -1.0), batch_size=1, momentum=0.0, replicas=3200, steps=steps, looks=1, seed=2)
    expected = right / (left + right) * (1 - np.exp(-1))
    assert found["shares"][-1].mean() == pytest.approx(expected, abs=5 * np.sqrt(0.25 / 3200) + 0.1 * expected)
