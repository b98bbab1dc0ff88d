"""Random streams keyed by seed and walker: a walker's numbers do not depend on how many others run, nor on which thread runs it."""

import numpy as np

from eyring.numerics.simulation.streams.normals import LANES

__all__ = ["restart_keys", "stream_words"]

RESTARTS = 1  # words of this counter block choose donors; block 0 seeds the generators


def stream_words(seed: int, walkers: int, precision: str) -> np.ndarray:
    """Return the generators' first states, (blocks, 4 * 64): walker w takes counter w of Philox 4x64-10 (Salmon et al. 2011) keyed by the seed.

    Args:
        seed: Any whole number from 0 on.
        walkers: How many; rounded up to whole blocks of 64.
        precision: "float32" and "mixed" use four words of 32 bits, "float64" four of 64.

    >>> few, many = (stream_words(7, walkers, "float32") for walkers in (64, 6400))
    >>> bool(np.all(few[0] == many[0])), many.shape
    (True, (100, 256))
    """
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    blocks = -(-walkers // LANES)
    words = np.random.Philox(key=key).random_raw(4 * blocks * LANES).reshape(blocks, LANES, 4)
    if precision != "float64":
        words = (words >> np.uint64(32)).astype(np.uint32)
    return np.ascontiguousarray(words.transpose(0, 2, 1)).reshape(blocks, 4 * LANES)


def restart_keys(seed: int, walkers: int) -> np.ndarray:
    """Return one 64-bit key a walker, (blocks, 64), for choosing the donor of a restart; independent of the generators' words."""
    key = np.random.SeedSequence(seed, spawn_key=(RESTARTS,)).generate_state(2, np.uint64)
    blocks = -(-walkers // LANES)
    return np.random.Philox(key=key).random_raw(blocks * LANES).reshape(blocks, LANES)
