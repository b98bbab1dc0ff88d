"""How many samples of each kind a real batch holds: drawn example by example, 64 walkers side by side, with or without putting them back."""

import numpy as np

from eyring.numerics.simulation.streams.normals import LANES, turned_double, turned_single

__all__ = ["fill_counts", "fill_words_double", "fill_words_single"]

u32, u64 = np.uint32, np.uint64


def fill_words_single(words, out, draw):  # type: ignore[no-untyped-def]
    """Write one 32-bit word for each lane; ``words`` are the generators' four rows of uint32, ``draw`` is for streams that count."""
    for lane in range(LANES):
        s0, s1, s2, s3 = words[lane], words[LANES + lane], words[2 * LANES + lane], words[3 * LANES + lane]
        out[lane] = u32(turned_single(u32(s0 + s3), 7) + s0)
        t = u32(s1 << u32(9))
        s2, s3 = u32(s2 ^ s0), u32(s3 ^ s1)
        words[LANES + lane], words[lane] = u32(s1 ^ s2), u32(s0 ^ s3)
        words[2 * LANES + lane], words[3 * LANES + lane] = u32(s2 ^ t), turned_single(s3, 11)


def fill_words_double(words, out, draw):  # type: ignore[no-untyped-def]
    """Write the upper half of one 64-bit word for each lane; ``words`` are the generators' four rows of uint64."""
    for lane in range(LANES):
        s0, s1, s2, s3 = words[lane], words[LANES + lane], words[2 * LANES + lane], words[3 * LANES + lane]
        out[lane] = u32(u64(s0 + s3) >> u64(32))
        t = u64(s1 << u64(17))
        s2, s3 = u64(s2 ^ s0), u64(s3 ^ s1)
        words[LANES + lane], words[lane] = u64(s1 ^ s2), u64(s0 ^ s3)
        words[2 * LANES + lane], words[3 * LANES + lane] = u64(s2 ^ t), turned_double(s3, 45)


fill_words = fill_words_single


def fill_counts(words, raw, taken, out, first, kinds, copies, size, replacement):  # type: ignore[no-untyped-def]
    """Write, for all kinds of sample but the last, how many examples of the batch are of this kind or an earlier one; one row a kind.

    An example is number floor(u n/2^32) of the n that are left, u a 32-bit word: each is as likely as any other to n/2^32.

    Args:
        words: State of the generators.
        raw: Room for one word a lane.
        taken: Room for one row a kind, uint32.
        out: Rows.
        first: Row to begin at.
        kinds: Number of rows.
        copies: How many samples of this kind or an earlier one the data hold, int64; the last entry counts all.
        size: Examples in the batch.
        replacement: Whether an example is put back before the next is drawn.
    """
    samples = copies[kinds]
    for i in range(kinds * LANES):
        taken[i] = 0
    for draw in range(size):
        fill_words(words, raw, draw)
        left = u64(samples if replacement else samples - draw)
        for lane in range(LANES):
            raw[lane] = u32(u64(u64(raw[lane]) * left) >> u64(32))
        for kind in range(kinds):
            before = u32(copies[kind])
            here = taken[kind * LANES : (kind + 1) * LANES]
            if replacement:
                for lane in range(LANES):
                    here[lane] = u32(here[lane] + (u32(1) if raw[lane] < before else u32(0)))
            else:
                for lane in range(LANES):
                    here[lane] = u32(here[lane] + (u32(1) if raw[lane] < u32(before - here[lane]) else u32(0)))
    for kind in range(kinds):
        row, here = out[(first + kind) * LANES : (first + kind + 1) * LANES], taken[kind * LANES : (kind + 1) * LANES]
        for lane in range(LANES):
            row[lane] = here[lane]
