"""The three ways to draw a minibatch, each exactly what it says."""

import numpy as np
import pytest
from scipy.stats import chi2

from eyring.errors import ParameterError
from eyring.validation.samplers import SAMPLERS, make_sampler

N, S, R = 23, 5, 40


def drawn(name, steps=400, *, samples=N, batch_size=S, replicas=R, seed=7):
    return make_sampler(name, samples=samples, batch_size=batch_size, replicas=replicas, seed=seed).draw(steps)


@pytest.mark.parametrize("name", SAMPLERS)
def test_batches_hold_indices_of_the_data(name):
    batches = drawn(name)
    assert batches.shape == (400, R, S) and batches.dtype == np.int64
    assert batches.min() == 0 and batches.max() == N - 1


@pytest.mark.parametrize("name", ["without replacement", "epoch shuffling"])
def test_no_sample_is_twice_in_a_batch(name):
    ordered = np.sort(drawn(name), axis=2)
    assert (np.diff(ordered, axis=2) > 0).all()


def test_with_replacement_a_sample_is_repeated_as_often_as_the_birthday_rule_says():
    """The share of batches without a repeat is 23 22 21 20 19/23^5 = 0.6275; 5 sigma of 16000 batches, false alarm 6e-7."""
    ordered = np.sort(drawn("with replacement"), axis=2)
    distinct = (np.diff(ordered, axis=2) > 0).all(2).mean()
    expected = np.prod((N - np.arange(S)) / N)
    assert abs(distinct - expected) < 5 * np.sqrt(expected * (1 - expected) / (400 * R))


def test_an_epoch_uses_each_sample_at_most_once_and_drops_the_last_incomplete_batch():
    per_epoch = N // S
    batches = drawn("epoch shuffling", steps=50 * per_epoch)
    epochs = batches.reshape(50, per_epoch, R, S).transpose(0, 2, 1, 3).reshape(50, R, per_epoch * S)
    ordered = np.sort(epochs, axis=2)
    assert (np.diff(ordered, axis=2) > 0).all()
    left_out = [set(range(N)) - set(e) for e in epochs[:, 0]]
    assert all(len(rest) == N % S for rest in left_out) and len(set().union(*left_out)) > N % S  # not always the same ones


def test_an_epoch_that_fits_uses_every_sample():
    batches = drawn("epoch shuffling", steps=4, samples=20, replicas=1)
    assert sorted(batches.ravel()) == list(range(20))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("place", [0, S - 1])
def test_every_sample_is_equally_likely_at_every_place_of_a_batch(name, place):
    """Chi-square over the N samples; false alarm 1e-6 each. For epoch shuffling, every 4th step is the first of an epoch."""
    seen = drawn(name, steps=4000)[::4, :, place]
    counts = np.bincount(seen.ravel(), minlength=N)
    statistic = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    assert chi2.ppf(1e-6, N - 1) < statistic < chi2.ppf(1 - 1e-6, N - 1)


@pytest.mark.parametrize("name", ["with replacement", "without replacement"])
def test_the_batch_mean_has_the_covariance_factor_it_states(name):
    """Variance of the batch mean over G/S is 1 or (N-S)/(N-1) = 0.818, to 5 sigma of 80000 batches = 2.5 %; false alarm 6e-7."""
    values = np.random.default_rng(0).standard_normal(N)
    means = values[drawn(name, steps=2000)].mean(2)
    measured = ((means - values.mean()) ** 2).mean() / (values.var() / S)
    stated = make_sampler(name, samples=N, batch_size=S, replicas=1, seed=0).covariance_factor
    assert stated == {"with replacement": 1, "without replacement": (N - S) / (N - 1)}[name]
    assert abs(measured / stated - 1) < 5 * np.sqrt(2 / means.size)
    assert make_sampler("epoch shuffling", samples=N, batch_size=S, replicas=1, seed=0).covariance_factor is None


@pytest.mark.parametrize("name", SAMPLERS)
def test_successive_batches_share_as_many_samples_as_the_sampler_says(name):
    """Independent subsets share S^2/N on average, batches of one epoch none; 5 sigma, false alarm 6e-7. Replicas share S^2/N as well."""
    batches = drawn(name, steps=2000)
    shared = (batches[:-1, :, :, None] == batches[1:, :, None, :]).sum((2, 3))
    if name == "epoch shuffling":
        within = np.arange(len(shared)) % (N // S) != N // S - 1
        assert shared[within].max() == 0 and shared[~within].max() > 0
    else:
        assert abs(shared.mean() - S**2 / N) < 5 * shared.std() / np.sqrt(shared.size)
    across = (batches[:, :-1, :, None] == batches[:, 1:, None, :]).sum((2, 3))
    assert abs(across.mean() - S**2 / N) < 5 * across.std() / np.sqrt(across.size)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_seed_alone_fixes_the_batches_however_they_are_asked_for(name):
    whole = drawn(name, steps=30)
    sampler = make_sampler(name, samples=N, batch_size=S, replicas=R, seed=7)
    np.random.default_rng().random(3)
    parts = np.concatenate([sampler.draw(k) for k in (1, 7, 22)])
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, drawn(name, steps=30, seed=8))
    assert not np.array_equal(whole[:, 0], whole[:, 1])


def test_a_seed_sequence_is_a_seed():
    a, b = (drawn("with replacement", steps=3, seed=s) for s in np.random.SeedSequence(1).spawn(2))
    assert np.array_equal(a, drawn("with replacement", steps=3, seed=np.random.SeedSequence(1).spawn(1)[0])) and not np.array_equal(a, b)


@pytest.mark.parametrize("name", ["without replacement", "epoch shuffling"])
def test_a_batch_larger_than_the_data_is_refused_without_replacement(name):
    with pytest.raises(
        ParameterError, match=rf"a batch of 24 cannot be drawn from 23 samples by the sampler '{name}'.*at most 23, or draw with replacement"
    ):
        drawn(name, batch_size=24)
    assert sorted(drawn(name, steps=1, batch_size=23)[0, 0]) == list(range(23))
    assert drawn("with replacement", batch_size=24).shape[2] == 24


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 0}, "the batch size must be a whole number from 1, got 0"),
        ({"batch_size": 2.0}, "the batch size must be a whole number from 1, got 2.0"),
        ({"samples": 0}, "the number of samples must be a whole number from 1, got 0"),
        ({"replicas": True}, "the number of replicas must be a whole number from 1, got True"),
        ({"samples": 2**31}, "the number of samples must be below 2\\^31"),
        ({"seed": -1}, "the seed must be a whole number from 0, got -1"),
        ({"seed": 0.5}, "the seed must be a whole number from 0, got 0.5"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        drawn("with replacement", **changes)


def test_an_unknown_sampler_is_refused_with_the_known_ones():
    with pytest.raises(ParameterError, match="unknown sampler 'sorted'; known: 'with replacement', 'without replacement', 'epoch shuffling'"):
        drawn("sorted")
