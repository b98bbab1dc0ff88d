"""The random streams: normal, exponential and batch numbers against their laws, tails included, and streams against each other.

Seeds are fixed; statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from eyring.numerics.simulation.kernel.cache import library
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.words import restart_keys, stream_words

KINDS = {"float32": np.float32, "float64": np.float64}


def drawn(precision, rows, *, seed=3, what="normals"):
    """Return rows of numbers, (rows, 64), of one block."""
    words = stream_words(seed, LANES, precision)[0]
    out = np.empty(rows * LANES, KINDS[precision])
    library(precision)[f"fill_{what}"](words, out, 0, rows // 2 if what == "normals" else rows)
    return out.reshape(rows, LANES).astype(float)


def rotated(word, k, bits):
    return ((word << k) | (word >> (bits - k))) & (2**bits - 1)


def xoshiro(state, bits):
    """Blackman and Vigna's generators in Python's whole numbers: xoshiro128++ and xoshiro256+."""
    s, (shift, turn) = list(state), (9, 11) if bits == 32 else (17, 45)
    while True:
        total = (s[0] + s[3]) % 2**bits
        yield (rotated(total, 7, 32) + s[0]) % 2**32 if bits == 32 else total
        t = (s[1] << shift) % 2**bits
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], turn, bits)


def test_the_reference_generator_is_the_published_one():
    """xoshiro256+ and 128++ from state (1, 2, 3, 4): the first words by hand; rotl(5, 7) + 1 = 641."""
    assert next(xoshiro((1, 2, 3, 4), 32)) == 641
    assert next(xoshiro((1, 2, 3, 4), 64)) == 5


@pytest.mark.parametrize(("precision", "bits", "exact"), [("float32", 32, 3e-6), ("float64", 64, 2e-14)])
def test_normal_numbers_are_box_and_mullers_of_the_published_generator(precision, bits, exact):
    """Words by whole-number arithmetic, the map with the machine's own logarithm, sine and cosine; also exponential numbers."""
    words = stream_words(11, LANES, precision)[0].reshape(4, LANES)
    normal, exponential = drawn(precision, 20, seed=11), drawn(precision, 20, seed=11, what="exponentials")
    for lane in (0, 17, 63):
        stream = xoshiro([int(w) for w in words[:, lane]], bits)
        raw = [next(stream) for _ in range(20)]
        for pair in range(10):
            a, b = raw[2 * pair : 2 * pair + 2]
            u = Fraction((a >> 1) * 2 + 1, 2**32) if bits == 32 else Fraction((a >> 12) * 2 + 1, 2**53)
            t = ((b + 2**31) % 2**32 - 2**31) / 2**32 if bits == 32 else (b >> 12) / 2**52 - 0.5
            sign = -1 if (a & 1 if bits == 32 else (a >> 11) & 1) else 1
            r = math.sqrt(-2 * math.log(u))
            assert normal[2 * pair, lane] == pytest.approx(r * math.sin(math.pi * t), abs=exact)
            assert normal[2 * pair + 1, lane] == pytest.approx(sign * r * math.cos(math.pi * t), abs=exact)
        for k, a in enumerate(raw):
            u = Fraction((a >> 1) * 2 + 1, 2**32) if bits == 32 else Fraction((a >> 12) * 2 + 1, 2**53)
            assert exponential[k, lane] == pytest.approx(-math.log(u), rel=exact, abs=1e-7 if bits == 32 else 1e-15)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_normal_numbers_have_the_moments_and_the_law(precision):
    """2^21 numbers: mean, variance, skewness, kurtosis and sixth moment within 5 standard errors; Kolmogorov and Smirnov below 2.67 (6e-7)."""
    z = drawn(precision, 2**15).ravel()
    for power, known, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10395 - 225)):
        assert np.mean(z**power) == pytest.approx(known, abs=5 * math.sqrt(variance / z.size))
    assert stats.kstest(z, "norm").statistic * math.sqrt(z.size) < 2.67
    for beyond in (2.0, 3.0, 4.0):
        expected = 2 * stats.norm.sf(beyond) * z.size
        assert np.sum(np.abs(z) > beyond) == pytest.approx(expected, abs=5 * math.sqrt(expected))


def test_the_tails_are_right_to_six_standard_deviations():
    """Exactly, not by sampling: of 2^31 radii in single precision, each with its share of angles beyond the level. The sum misses by under 2 %."""
    for level, error in ((4.0, 1e-4), (5.0, 1e-3), (6.0, 0.02)):
        k = np.arange(min(2**31, int(2**31 * math.exp(-(level**2) / 2)) + 2))
        r = np.sqrt(-2 * np.log((k + 0.5) * 2.0**-31))
        share = np.arccos(np.minimum(level / r, 1)) / math.pi
        assert share.sum() * 2.0**-31 == pytest.approx(stats.norm.sf(level), rel=error)


def test_the_radius_of_the_smallest_words_is_right():
    """The logarithm of single precision at the ends of its range: u = 2^-32 gives 6.66 standard deviations, and the largest word gives zero."""
    words = np.zeros(4 * LANES, np.uint32)
    words[0] = 0  # s0 = s3 = 0: the word is 0
    words[1] = 2**32 - 1  # rotl(s0 + s3, 7) + s0 = 2^32 - 2 for s3 = 0
    out = np.empty(LANES, np.float32)
    library("float32")["fill_exponentials"](words, out, 0, 1)
    assert out[0] == pytest.approx(32 * math.log(2), rel=1e-6)
    assert 0 <= out[1] < 1e-7


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_streams_do_not_know_of_each_other_nor_of_their_past(precision):
    """Correlations of z and of z^2 between neighbours in time (lags 1 to 16) and between lanes (all 2016 pairs): below 5 (6 for the largest of many)."""
    z = drawn(precision, 2**13, seed=9)
    for numbers in (z, (z**2 - 1) / math.sqrt(2)):
        for lag in range(1, 17):
            assert abs(np.mean(numbers[lag:] * numbers[:-lag])) * math.sqrt(numbers[lag:].size) < 5
        between = numbers.T @ numbers / math.sqrt(len(numbers))
        assert np.max(np.abs(between[np.triu_indices(LANES, 1)])) < 6


def test_a_walkers_stream_depends_on_seed_and_walker_alone():
    few, many = stream_words(5, 100, "float64"), stream_words(5, 10_000, "float64")
    assert np.array_equal(few, many[:2])
    everyone = stream_words(5, 2**17, "float32").reshape(-1, 4, LANES).transpose(0, 2, 1).reshape(-1, 4)
    assert len(np.unique(everyone, axis=0)) == 2**17
    assert not np.array_equal(stream_words(6, 64, "float64"), few[:1])
    assert not np.intersect1d(restart_keys(5, 10_000), many).size


@pytest.mark.parametrize(
    ("precision", "copies", "size", "replacement"),
    [("float32", (8, 8), 4, True), ("float64", (4, 12), 4, True), ("float32", (4, 3, 2), 5, False), ("float64", (5, 2, 9), 6, True)],
)
def test_batches_hold_their_examples_as_often_as_they_should(precision, copies, size, replacement):
    """65536 batches: the counts of each outcome against the multinomial (or hypergeometric) law, chi^2 below its quantile of 6e-7."""
    words, cumulative = stream_words(2, LANES, precision)[0], np.cumsum(copies)
    kinds, rounds = len(copies) - 1, 1024
    raw, taken, out = np.empty(LANES, np.uint32), np.empty(kinds * LANES, np.uint32), np.empty(kinds * LANES, KINDS[precision])
    drawn_batches = []
    for _ in range(rounds):
        library(precision)["fill_counts"](words, raw, taken, out, 0, kinds, cumulative, size, replacement)
        running = np.vstack([np.zeros(LANES), out.reshape(kinds, LANES), np.full(LANES, size)])
        drawn_batches.append(np.diff(running, axis=0).T.astype(int))
    outcomes, times = np.unique(np.concatenate(drawn_batches), axis=0, return_counts=True)
    seen = {tuple(counts): int(n) for counts, n in zip(outcomes.tolist(), times, strict=True)}
    law = stats.multinomial(size, np.array(copies) / sum(copies)) if replacement else stats.multivariate_hypergeom(copies, size)
    expected = {counts: rounds * LANES * law.pmf(counts) for counts in seen}
    assert sum(expected.values()) > 0.999 * rounds * LANES
    common = [c for c in seen if expected[c] > 10]
    chi2 = sum((seen[c] - expected[c]) ** 2 / expected[c] for c in common)
    assert chi2 < stats.chi2.isf(6e-7, len(common))
