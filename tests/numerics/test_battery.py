"""Batteries of tests on the words that walkers are driven by: step by step, lane by lane, and the first of every walker.

Always: five classical tests of 2^20 words of five sources (with -m long, of eleven); 55 p values, each outside (1e-7, 1 - 1e-7) with a chance of 2e-7 for a fresh seed, 1e-5 in all.
With ``pytest -m exhaustive tests/numerics/test_battery.py``, where TestU01 is installed: its batteries SmallCrush and Rabbit, some fifteen minutes
on one core.
"""

import math

import numpy as np
import pytest
from battery import HOW_TO_INSTALL, SOURCES, p_values, program, randu  # noqa: F401 - a condition below, in words
from scipy import stats


def pairs_of_bytes(words):
    """Return chi^2's p value of the counts of (highest byte, lowest byte of the next word)."""
    cells = (words[:-1] >> 24 << 8) | (words[1:] & 255)
    return float(stats.chisquare(np.bincount(cells, minlength=2**16)).pvalue)


def birthdays(words):
    """Return the p value of repeated spacings: 512 years of 2048 birthdays in 2^31 days (the upper bits) have Poisson(1) each."""
    days = np.sort((words >> 1).reshape(-1, 2048).astype(np.int64), axis=1)
    spacings = np.sort(np.diff(days, axis=1), axis=1)
    seen, expected = int((np.diff(spacings, axis=1) == 0).sum()), len(days) * 2048**3 / (4 * 2**31)
    return float(stats.poisson.sf(seen - 1, expected))


def ranks(words):
    """Return chi^2's p value of the ranks over two elements of 32 x 32 matrices of bits."""
    rows, rank = words.reshape(-1, 32).copy(), np.zeros(words.size // 32, dtype=int)
    every = np.arange(len(rows))
    for bit in range(32):
        here = (rows >> np.uint32(bit)) & 1 == 1
        usable = here & (np.arange(32) >= rank[:, None])
        pivot, found = usable.argmax(axis=1), usable.any(axis=1)
        lead = rows[every, pivot] * found
        swap = rows[every, np.minimum(rank, 31)]
        rows[every[found], pivot[found]] = swap[found]
        rows[every[found], rank[found]] = lead[found]
        below = ((rows >> np.uint32(bit)) & 1 == 1) & (np.arange(32) > rank[:, None]) & found[:, None]
        rows ^= np.where(below, lead[:, None], 0).astype(np.uint32)
        rank += found
    law = [full_rank(k) for k in (32, 31, 30)]
    counts = [int((rank == k).sum()) for k in (32, 31, 30)]
    return float(stats.chisquare([*counts, rank.size - sum(counts)], [rank.size * p for p in (*law, 1 - sum(law))]).pvalue)


def full_rank(k, n=32):
    """Return the chance of rank k of an n x n matrix of random bits."""
    return 2.0 ** (k * (2 * n - k) - n * n) * math.prod((1 - 2.0 ** (i - n)) ** 2 / (1 - 2.0 ** (i - k)) for i in range(k))


def weights(words):
    """Return the p value of the correlation of the numbers of ones of neighbouring words."""
    ones = np.bitwise_count(words).astype(float) - 16
    return float(2 * stats.norm.sf(abs((ones[1:] * ones[:-1]).sum()) / 8 / math.sqrt(words.size - 1)))


def gaps(words):
    """Return chi^2's p value of the lengths of the gaps between words below 2^27 (one in 32), up to 127 and beyond."""
    places = np.flatnonzero(words < 2**27)
    lengths = np.minimum(np.diff(places) - 1, 128)
    law = stats.geom(1 / 32).pmf(np.arange(1, 129))
    return float(stats.chisquare(np.bincount(lengths, minlength=129), lengths.size * np.append(law, 1 - law.sum())).pvalue)


SHORT = ("xoshiro128++, one lane", "xoshiro128++, first words", "xoshiro256+, bits 11 to 42, one lane", "Philox, all lanes", "normal numbers, single")
LIGHT = {"pairs of bytes": pairs_of_bytes, "birthdays": birthdays, "ranks": ranks, "weights": weights, "gaps": gaps}


@pytest.mark.parametrize("name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in SOURCES])
def test_words_pass_five_classical_tests(name):
    source = SOURCES[name]()
    next(source)  # the first piece of a generator is no better than any other
    words = next(source)
    found = {test: value(words) for test, value in LIGHT.items()}
    assert all(1e-7 < p < 1 - 1e-7 for p in found.values()), found


def test_a_bad_generator_fails_them():
    """RANDU; a stream of which every eighth word takes its upper half from its neighbour; and words in order, coarse."""
    found = {test: value(next(randu())) for test, value in LIGHT.items()}
    assert sum(p < 1e-7 for p in found.values()) >= 3, found
    words = next(SOURCES["xoshiro128++, all lanes"]()).copy()
    words[1::8] = words[::8] ^ (words[1::8] & 0xFFFF)
    assert weights(words) < 1e-7
    words = np.sort(words.reshape(-1, 2048) >> 12 << 12, axis=1).ravel()
    assert birthdays(words) < 1e-7
    assert gaps(words) < 1e-7


def test_the_law_of_ranks_is_the_published_one():
    """Marsaglia's 0.2888, 0.5776, 0.1284 for 32 x 32; and all 16 matrices of two rows: 1 of rank 0, 9 of rank 1, 6 of rank 2."""
    assert [full_rank(k) for k in (32, 31, 30)] == pytest.approx([0.2888, 0.5776, 0.1284], abs=5e-5)
    assert [16 * full_rank(k, 2) for k in (0, 1, 2)] == pytest.approx([1, 9, 6], rel=1e-12)


needs_testu01 = pytest.mark.skipif("program() is None", reason=HOW_TO_INSTALL)


@pytest.mark.exhaustive
@needs_testu01
@pytest.mark.parametrize("battery", ["SmallCrush", "Rabbit"])
@pytest.mark.parametrize("name", SOURCES)
def test_words_pass_the_batteries_of_testu01(name, battery):
    """15 or some 40 p values for each of 11 sources, none below 1e-6 (nor above 1 - 1e-6, in SmallCrush): a false alarm of 1e-3 in all."""
    found = p_values(SOURCES[name](), battery)
    print(f"\n{battery}, {name}: " + ", ".join(f"{test} {p:.3g}" for test, p in found))
    assert len(found) >= 15
    assert all(1e-6 < p < 1 - 1e-6 for _, p in found), found


@pytest.mark.exhaustive
@needs_testu01
def test_testu01_rejects_a_bad_generator():
    assert sum(not 1e-6 < p < 1 - 1e-6 for _, p in p_values(randu(), "SmallCrush")) > 8
