"""The graphics card's random numbers on the processor: Philox words that depend on seed, walker and step alone, 64 walkers side by side.

A walker's four words are Philox 4x32-10 (Salmon et al. 2011) of the counter (steps/4, walker, call) under the seed's key; nothing of a generator is
carried from step to step. Normal numbers are r sin(2 pi t) and r cos(2 pi t), r = sqrt(-2 ln u), u the first word and t in [-1/2, 1/2) the second,
in double precision pairs of words: the maps of ``cuda.draws``, so that processor and card differ by rounding only.

What is drawn for four steps begins with ``turn_to``. A block's state, ``words``, is six rows: the walkers' numbers; two words of the key, two of the
counter of fours and the number of the next call; the four words of the last call.
"""

from math import sqrt

import numpy as np

from eyring.numerics.simulation.streams.normals import LANES, cosine_double, cosine_single, log_double, log_single, sine_double, sine_single

__all__ = ["FOURS", "philox_words"]

FOURS = 4  # steps for which random numbers are drawn together: one call gives four words
u32, i32, f32, u64, i64, f64 = np.uint32, np.int32, np.float32, np.uint64, np.int64, np.float64


def philox_words(seed: int, walkers: int) -> np.ndarray:
    """Return the state of the streams before their first step, (blocks, 6 * 64).

    Args:
        seed: Any whole number from 0 on.
        walkers: How many; rounded up to whole blocks of 64.

    >>> few, many = (philox_words(7, walkers) for walkers in (64, 6400))
    >>> bool(np.all(few[0] == many[0])), many.shape
    (True, (100, 384))
    """
    blocks = -(-walkers // LANES)
    words = np.zeros((blocks, 6, LANES), dtype=np.uint32)
    words[:, 0] = np.arange(blocks * LANES, dtype=np.uint32).reshape(blocks, LANES)
    words[:, 1, :2] = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    return words.reshape(blocks, 6 * LANES)


def turn_to(words, fours):  # type: ignore[no-untyped-def]
    """Make the next call the first of the four steps that follow ``fours`` fours."""
    words[LANES + 2] = u32(u64(fours) & u64(0xFFFFFFFF))
    words[LANES + 3] = u32(u64(fours) >> u64(32))
    words[LANES + 4] = u32(0)


def call_words(words):  # type: ignore[no-untyped-def]
    """Write the four words of the next call for each lane; in 64 bits all through, where a product of two words needs no rearranging of vectors."""
    low32 = u64(0xFFFFFFFF)
    key, other = u64(words[LANES]), u64(words[LANES + 1])
    low, high, call = u64(words[LANES + 2]), u64(words[LANES + 3]), u64(words[LANES + 4])
    for lane in range(LANES):
        a, b, c, d, k, m = low, high, u64(words[lane]), call, key, other
        for _ in range(10):
            p, q = u64(u64(0xD2511F53) * u64(a & low32)), u64(u64(0xCD9E8D57) * u64(c & low32))
            a, b = u64(u64(u64(q >> u64(32)) ^ b) ^ k), q
            c, d = u64(u64(u64(p >> u64(32)) ^ d) ^ m), p
            k, m = u64(u64(k + u64(0x9E3779B9)) & low32), u64(u64(m + u64(0xBB67AE85)) & low32)
        words[2 * LANES + lane], words[3 * LANES + lane] = u32(a), u32(b)
        words[4 * LANES + lane], words[5 * LANES + lane] = u32(c), u32(d)
    words[LANES + 4] = u32(call + u64(1))


def fill_words_philox(words, out, draw):  # type: ignore[no-untyped-def]
    """Write word ``draw`` of a row of words for each lane; word 0 begins a call, and every fourth thereafter."""
    if draw % 4 == 0:
        call_words(words)
    here = words[(2 + draw % 4) * LANES : (3 + draw % 4) * LANES]
    for lane in range(LANES):
        out[lane] = here[lane]


def fill_normals_philox_single(words, out, first, pairs):  # type: ignore[no-untyped-def]
    """Write ``pairs`` pairs of rows of standard normal numbers, a row holding one number for each lane, from row ``first`` on."""
    for pair in range(pairs):
        if pair % 2 == 0:
            call_words(words)
        half, row = (2 + 2 * (pair % 2)) * LANES, (first + 2 * pair) * LANES
        lengths, turns = words[half : half + LANES], words[half + LANES : half + 2 * LANES]
        sines, cosines = out[row : row + LANES], out[row + LANES : row + 2 * LANES]
        for lane in range(LANES):
            r = sqrt(f32(-2) * log_single(f32(f32(lengths[lane]) * f32(2.0**-32) + f32(2.0**-33))))
            turn = turns[lane]
            twice = u32(turn << u32(1))
            flip = u32(u32(turn ^ twice) & u32(0x80000000))  # sine and cosine of more than a quarter turn are those of half a turn less, negative
            v = f32(i32(twice)) * f32(2.0**-32)
            q = v * v
            sines[lane] = u32(f32(r * sine_single(q) * v).view(u32) ^ flip).view(f32)
            cosines[lane] = u32(f32(r * cosine_single(q)).view(u32) ^ flip).view(f32)


def fill_exponentials_philox_single(words, out, first, rows):  # type: ignore[no-untyped-def]
    """Write rows of exponential numbers of mean 1."""
    for i in range(rows):
        if i % 4 == 0:
            call_words(words)
        drawn, here = words[(2 + i % 4) * LANES : (3 + i % 4) * LANES], out[(first + i) * LANES : (first + i + 1) * LANES]
        for lane in range(LANES):
            here[lane] = -log_single(f32(f32(drawn[lane]) * f32(2.0**-32) + f32(2.0**-33)))


def fill_normals_philox_double(words, out, first, pairs):  # type: ignore[no-untyped-def]
    """Write pairs of rows of standard normal numbers in double precision."""
    for pair in range(pairs):
        call_words(words)
        row, w = (first + 2 * pair) * LANES, words[2 * LANES : 6 * LANES]
        sines, cosines = out[row : row + LANES], out[row + LANES : row + 2 * LANES]
        for lane in range(LANES):
            length = u64(u64(u64(w[lane]) << u64(32)) | u64(w[LANES + lane]))
            turn = u64(u64(u64(w[2 * LANES + lane]) << u64(32)) | u64(w[3 * LANES + lane]))
            r = sqrt(f64(-2) * log_double(f64(f64(length) * f64(2.0**-64) + f64(2.0**-65))))
            twice = u64(turn << u64(1))
            flip = u64(u64(turn ^ twice) & u64(0x8000000000000000))
            v = f64(i64(twice)) * f64(2.0**-64)
            q = v * v
            sines[lane] = u64(f64(r * sine_double(q) * v).view(u64) ^ flip).view(f64)
            cosines[lane] = u64(f64(r * cosine_double(q)).view(u64) ^ flip).view(f64)


def fill_exponentials_philox_double(words, out, first, rows):  # type: ignore[no-untyped-def]
    """Write rows of exponential numbers of mean 1 in double precision."""
    for i in range(rows):
        if i % 2 == 0:
            call_words(words)
        half, here = (2 + 2 * (i % 2)) * LANES, out[(first + i) * LANES : (first + i + 1) * LANES]
        upper, lower = words[half : half + LANES], words[half + LANES : half + 2 * LANES]
        for lane in range(LANES):
            length = u64(u64(u64(upper[lane]) << u64(32)) | u64(lower[lane]))
            here[lane] = -log_double(f64(f64(length) * f64(2.0**-64) + f64(2.0**-65)))
