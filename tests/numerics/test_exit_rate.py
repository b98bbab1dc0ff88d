"""Rates and mean times from censored exits, against laws known exactly."""

import math

import numpy as np
import pytest

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.estimators.exit_rate import poisson_interval
from eyring.numerics.simulation import Exits


def renewals(draw, walkers, horizon, generator):
    """Watch walkers that begin afresh after every exit; return the exits and what was still waiting at the horizon."""
    times, censored = [], []
    for _ in range(walkers):
        clock = 0.0
        while clock < horizon:
            wait = draw(generator)
            if clock + wait > horizon:
                censored.append(horizon - clock)
            else:
                times.append(wait)
            clock += wait
    return np.array(times), np.array(censored)


def test_no_event_leaves_an_upper_end_of_minus_ln_of_a_fortieth_over_the_exposure():
    low, high = poisson_interval(0, 100.0)
    assert (low, high) == (0.0, pytest.approx(math.log(40) / 100, rel=1e-12))


@pytest.mark.parametrize("events", [1, 7, 300])
def test_the_ends_of_the_interval_leave_a_fortieth_on_either_side(events):
    low, high = poisson_interval(events, 10.0)
    at_least = 1 - sum(math.exp(-10 * low + k * math.log(10 * low) - math.lgamma(k + 1)) for k in range(events))
    at_most = sum(math.exp(-10 * high + k * math.log(10 * high) - math.lgamma(k + 1)) for k in range(events + 1))
    assert (at_least, at_most) == (pytest.approx(0.025, rel=1e-8), pytest.approx(0.025, rel=1e-8))


def test_without_censoring_the_mean_time_is_the_plain_mean():
    times = np.random.default_rng(5).gamma(3.0, 10.0, size=500)
    exits = Exits(times=times, censored=np.empty(0), unit="time")
    for transient in (0.0, 5.0, 30.0):
        assert exits.mean_time(transient).value == pytest.approx(times.mean(), rel=1e-12)


def test_without_censoring_the_interval_is_that_of_the_plain_mean():
    """Four fifths of the waits end before the transient; 1.96 s/sqrt(n), the Poisson part being exact and a little wider."""
    times = np.random.default_rng(5).exponential(10.0, size=2000)
    estimate = Exits(times=times, censored=np.empty(0), unit="time").mean_time(float(np.quantile(times, 0.8)))
    assert estimate.relative_half_width == pytest.approx(1.96 * times.std() / times.mean() / math.sqrt(2000), rel=0.05)


def test_censored_waiting_is_not_forgotten():
    """Of 4000 exponential waits, watched for 1.5 mean times, the seen exits alone average 0.57 of the truth; exposure gives the truth."""
    waits = np.random.default_rng(6).exponential(1.0, size=4000)
    exits = Exits(times=waits[waits < 1.5], censored=np.full(int(np.sum(waits >= 1.5)), 1.5), unit="time")
    assert exits.times.mean() == pytest.approx(0.57, abs=0.03)
    assert exits.mean_time(0.0).value == pytest.approx(1.0, abs=0.08)


def test_the_interval_of_a_censored_exponential_covers_its_rate():
    """40 walkers watched for 1.5 mean times, 4000 repetitions; an exact interval covers at least 95 %.

    False alarm: coverage of 95 % seen below 0.95 - 5 sigma (sigma = 0.0034), probability 3e-7; nothing wider than needed: below 0.975.
    """
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(4000):
        waits = generator.exponential(50.0, size=40)
        exits = Exits(times=waits[waits < 75], censored=np.full(int(np.sum(waits >= 75)), 75.0), unit="time")
        estimate = exits.rate(0.0)
        covered += estimate.low <= 1 / 50 <= estimate.high
    assert 0.95 - 5 * 0.0034 < covered / 4000 < 0.975


@pytest.mark.parametrize("quantity", ["rate", "mean_time"])
def test_the_intervals_cover_a_law_with_an_entry_transient_and_restarts(quantity):
    """Two stages in a row, mean 3 and mean 50: mean time 53, rate 1/50 once the first is over. 30 walkers, horizon 150, 1500 repetitions.

    Transient 30: ten relaxation times, what is left of the first stage shifts the rate by 5e-5. False alarm: coverage below 0.95 - 5 sigma
    (sigma = 0.0056), probability 3e-7 if the coverage is 95 %.
    """
    generator = np.random.default_rng(2)
    truth = {"rate": 1 / 50, "mean_time": 53.0}[quantity]
    covered = 0
    for _ in range(1500):
        times, censored = renewals(lambda g: g.exponential(3.0) + g.exponential(50.0), 30, 150.0, generator)
        estimate = getattr(Exits(times=times, censored=censored, unit="time"), quantity)(30.0)
        covered += estimate.low <= truth <= estimate.high
    assert 0.95 - 5 * 0.0056 < covered / 1500 < 0.985


def test_the_rate_from_the_start_and_the_rate_after_the_transient_are_different_quantities():
    generator = np.random.default_rng(4)
    times, censored = renewals(lambda g: g.exponential(10.0) + g.exponential(50.0), 400, 500.0, generator)
    exits = Exits(times=times, censored=censored, unit="time")
    assert exits.rate(0.0).high < 1 / 50 < exits.rate(80.0).high
    assert exits.rate(80.0).low < 1 / 50
    assert "quasi-stationary rate" in exits.rate(80.0).method
    assert "mean time from the starting point" in exits.mean_time(80.0).method


def test_whole_numbers_of_steps_need_no_correction():
    """Exits with probability 1/20 a step: mean 20 steps; 20000 walkers, one standard error 0.14, tolerance 5 of them (false alarm 6e-7)."""
    steps = np.random.default_rng(8).geometric(1 / 20, size=20000)
    exits = Exits(times=np.minimum(steps, 45)[steps <= 45], censored=np.full(int(np.sum(steps > 45)), 45), unit="iterations", clock=0.1)
    for transient in (0.0, 7.0):
        assert exits.mean_time(transient).value == pytest.approx(20, abs=0.7)
        assert exits.rate(transient).value == pytest.approx(1 / 20, abs=0.0018)
    assert exits.rate(0.0).unit == "1/iteration"
    assert exits.mean_time(0.0).per_time.value == pytest.approx(2.0, abs=0.07)


def test_a_higher_level_gives_a_wider_interval():
    exits = Exits(times=np.linspace(1, 30, 30), censored=np.full(10, 30.0), unit="time")
    assert exits.mean_time(0.0, level=0.99).relative_half_width > 1.25 * exits.mean_time(0.0).relative_half_width
    assert exits.rate(0.0, level=0.99).level == 0.99


def test_the_default_transient_is_ten_relaxation_times():
    exits = Exits(times=np.linspace(1, 30, 30), censored=np.full(10, 30.0), unit="time", relaxation=0.5)
    assert exits.rate().value == exits.rate(5.0).value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unit": "seconds"}, "'iterations' or 'time'"),
        ({"times": np.array([1.0, -1.0])}, "times must be one row of positive"),
        ({"times": np.array([1.0, math.nan])}, "times must be one row of positive"),
        ({"censored": np.ones((2, 2))}, "censored must be one row"),
    ],
)
def test_waiting_times_that_are_none_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        Exits(**{"times": np.array([1.0]), "censored": np.array([2.0]), "unit": "time", **options})


def test_estimates_that_cannot_be_had_say_why():
    exits = Exits(times=np.array([1.0, 2.0]), censored=np.array([3.0]), unit="time")
    with pytest.raises(ParameterError, match=r"transient=\.\.\."):
        exits.rate()
    with pytest.raises(ParameterError, match="from 0 on"):
        exits.rate(-1.0)
    with pytest.raises(ParameterError, match="between 0 and 1"):
        exits.rate(0.0, level=95)
    with pytest.raises(AccuracyError, match="no walker was watched beyond"):
        exits.rate(4.0)
    with pytest.raises(AccuracyError, match=r"no exit was seen after.*Watch longer"):
        exits.mean_time(2.5)
