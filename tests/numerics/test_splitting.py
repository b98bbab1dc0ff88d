"""Splitting: the rate of escapes too rare to wait for, against exact answers; what it costs; who is copied does not depend on threads."""

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import AccuracyError, ParameterError

x, y = sp.symbols("x y", real=True)
STEP = 0.01


def quartic(diffusion):
    return ey.SDE(x - x**3, diffusion, [x])


def split(sde, **options):
    return ey.split_escapes(sde, **{"start": -1, "event": sp.Gt(x, 0.9), "time_step": STEP, "seed": 3, "particles": 300, "runs": 20, **options})


def exact(diffusion):
    return float(ey.exact_escape_time(quartic(diffusion), start=-1, target=0.9))


@pytest.mark.parametrize(("diffusion", "half_width"), [(1 / 40, 0.25), (1 / 80, 0.35)])
def test_mean_time_over_a_high_barrier_is_the_exact_one(diffusion, half_width):
    """exp(10) and exp(20) relaxation times; false alarm 0.1 %, and intervals in which no factor 1.5 hides."""
    seen = split(quartic(diffusion)).mean_time(level=0.999)
    assert seen.low < exact(diffusion) < seen.high
    assert seen.relative_half_width < half_width


def test_a_poor_reaction_coordinate_is_unbiased():
    """By the loss, which is as high on the outer wall as at the saddle; false alarm 0.1 %."""
    seen = split(quartic(1 / 40), reaction="loss", event="to the saddle").mean_time(level=0.999)
    assert seen.low < float(ey.exact_escape_time(quartic(1 / 40), start=-1, target=0)) < seen.high


def test_a_growing_function_of_the_coordinate_is_as_good_as_the_coordinate():
    """Only the order of heights decides who is copied; false alarm 0.1 %."""
    seen = split(quartic(1 / 40), reaction=sp.exp(x)).mean_time(level=0.999)
    assert seen.low < exact(1 / 40) < seen.high
    assert seen.relative_half_width < 0.25


def test_in_ten_dimensions_transverse_directions_change_nothing():
    """Nine springs of their own beside the double well; false alarm 0.1 %."""
    others = sp.symbols("y1:10", real=True)
    sde = ey.SDE([x - x**3, *(-k * s for k, s in enumerate(others, start=1))], sp.eye(10) / 40, [x, *others])
    seen = split(sde, start=[-1] + [0] * 9).mean_time(level=0.999)
    assert seen.low < exact(1 / 40) < seen.high
    assert seen.relative_half_width < 0.25


def test_discrete_optimizer_against_its_own_chain():
    """The steps are the truth: SGD at eta = 0.1 over a barrier of 12.5, whose chain needs no small parameter; false alarm 0.1 %.

    A step leaps over many levels at once. A copy that does not count as having been where it begins is killed again and again for it, which doubles
    the spread of the runs. Brute force would take 100 waiting times for 10 %.
    """
    loss = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
    noise, values = ey.noise.Covariance([[sp.Rational(2, 5)]]), {"eta": 0.1}
    tau = float(ey.exact_chain_time(ey.SGD(), loss, noise, start=-1, target=1, values=values).per_iteration)
    seen = ey.split_escapes(ey.SGD(), loss, noise, start=-1, event="next well", values=values, seed=5, runs=60)
    rate = seen.rate(level=0.999)
    assert rate.low < 1 / tau < rate.high
    assert rate.relative_half_width < 0.1 and seen.spread < 0.22
    assert 100 * tau > 300 * seen.steps / 60 * (seen.spread / 0.1) ** 2


def test_one_thread_or_two_give_the_same_bits():
    """Each run has streams of its own."""
    one, two = (split(quartic(1 / 20), threads=n, runs=4, particles=64) for n in (1, 2))
    assert np.array_equal(one.rates, two.rates) and one.steps == two.steps > 0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"runs": 1}, ParameterError, "runs >= 2"),
        ({"killed": 1.0}, ParameterError, "0 < killed < 1"),
        ({"reaction": y}, ParameterError, "no number for"),
        ({"reaction": "loss"}, ParameterError, "event='to the saddle'"),
        ({"reaction": "height"}, ParameterError, "'loss', or left out"),
        ({"reaction": sp.Integer(0) * x + 3}, AccuracyError, "stay at one height"),
        ({"particles": 0}, ParameterError, "particles must be a whole number"),
        ({"most_steps": 1e4}, AccuracyError, "most_steps"),
        ({"start": 0.5}, ParameterError, "relaxation time"),
    ],
)
def test_refusals_say_what_is_needed(options, error, words):
    with pytest.raises(error, match=words):
        split(quartic(1 / 40), **options)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("height", "times_fewer", "bias"), [(10, 300, 0.02), (15, 2e4, 0.02), (20, 2e6, 0.04)])
def test_steps_against_brute_force(height, times_fewer, bias):
    """400 runs: steps to 10 % error against 100 waiting times, and the 99 % interval of the bias."""
    diffusion = 1 / (4 * height)
    seen = split(quartic(diffusion), particles=1000, runs=400)
    alone = seen.steps / 400 * (seen.spread / 0.1) ** 2
    assert 100 * exact(diffusion) / STEP / alone > times_fewer
    rate = seen.rate(level=0.99)
    truth = 1 / exact(diffusion)
    print(f"\nbarrier/D {height}: {100 * exact(diffusion) / STEP / alone:.4g} times fewer steps; rate/exact {rate.value / truth:.4f}"
          f" [{rate.low / truth:.4f}, {rate.high / truth:.4f}] (99 %)")
    assert abs(rate.low / truth - 1) < bias and abs(rate.high / truth - 1) < bias


@pytest.mark.exhaustive
def test_coverage_of_the_intervals():
    """1000 repetitions: between 93 and 97 % of the 95 % intervals hold the exact rate of this step (from 40 times as many runs)."""
    inside, truth = 0, split(quartic(1 / 24), seed=10**6, particles=200, runs=4000).rate().value
    for seed in range(1000):
        seen = split(quartic(1 / 24), seed=seed, particles=100, runs=20).rate()
        inside += seen.low <= truth <= seen.high
    assert 930 <= inside <= 970
