"""How a minibatch is drawn, which decides the noise: with replacement, without, or by shuffling once an epoch; for many replicas at once."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numba
import numpy as np

from eyring.errors import ParameterError

__all__ = ["SAMPLERS", "EpochShuffling", "Sampler", "WithReplacement", "WithoutReplacement", "make_sampler"]


class Sampler(ABC):
    """Minibatch indices for independent replicas, each with a random stream of its own.

    The streams (xoshiro256++, one per replica) belong to the sampler: the order of the data depends on ``seed`` alone, not on torch's
    or numpy's generators, and is the same on every device.

    Args:
        samples: N, the number of samples in the data.
        batch_size: S, from 1.
        replicas: R, the number of optimizers trained at once.
        seed: A whole number from 0, or a numpy SeedSequence.

    Raises:
        ParameterError: If a number is out of range, or the batch is larger than the data without replacement.
    """

    name: ClassVar[str]

    def __init__(self, *, samples: int, batch_size: int, replicas: int, seed: int | np.random.SeedSequence) -> None:
        self.samples = _whole("the number of samples", samples)
        self.batch_size = _whole("the batch size", batch_size)
        self.replicas = _whole("the number of replicas", replicas)
        self._streams = _seeded_streams(seed, self.replicas)

    @property
    @abstractmethod
    def covariance_factor(self) -> float | None:
        """Covariance of the minibatch gradient over G/S: 1, or (N-S)/(N-1); None where batches depend on one another."""

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass over the data, floor(N/S), at least 1."""
        return max(self.samples // self.batch_size, 1)

    def draw(self, steps: int) -> np.ndarray:
        """Return the sample indices of the next ``steps`` steps, int64 of shape (steps, replicas, batch_size)."""
        indices = np.empty((steps, self.replicas, self.batch_size), dtype=np.int64)
        self._fill(indices)
        return indices

    def state(self) -> dict[str, np.ndarray]:
        """Return a copy of everything that the next draws depend on: streams, and the decks and position of those that have them."""
        return {name: np.array(vars(self)[name]) for name in ("_streams", "_decks", "_position") if name in vars(self)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go on as the sampler did whose state this is; it must have been made with the same arguments."""
        for name, value in state.items():
            vars(self)[name] = int(value) if name == "_position" else value.copy()

    @abstractmethod
    def _fill(self, indices: np.ndarray) -> None:
        """Write the next batches into ``indices`` and move the streams on."""


class WithReplacement(Sampler):
    """Every sample of every batch is drawn afresh from all the data: the sampler of the i.i.d. theories."""

    name = "with replacement"

    @property
    def covariance_factor(self) -> float:
        """1."""
        return 1.0

    def _fill(self, indices: np.ndarray) -> None:
        _draw_with_replacement(self._streams, self.samples, indices)


class WithoutReplacement(Sampler):
    """A fresh random subset at every step: no sample twice in one batch, batches independent of one another."""

    name = "without replacement"

    def __init__(self, *, samples: int, batch_size: int, replicas: int, seed: int | np.random.SeedSequence) -> None:
        super().__init__(samples=samples, batch_size=batch_size, replicas=replicas, seed=seed)
        _require_batch_within_data(self)
        self._decks = _ordered_decks(self)

    @property
    def covariance_factor(self) -> float:
        """(N-S)/(N-1)."""
        return (self.samples - self.batch_size) / max(self.samples - 1, 1)

    def _fill(self, indices: np.ndarray) -> None:
        _draw_subsets(self._streams, self._decks, indices)


class EpochShuffling(Sampler):
    """A new random order each epoch, cut into consecutive batches, as ``DataLoader(shuffle=True, drop_last=True)``.

    The N mod S samples at the end of each order are dropped (drop_last), so every batch has exactly S samples.
    """

    name = "epoch shuffling"

    def __init__(self, *, samples: int, batch_size: int, replicas: int, seed: int | np.random.SeedSequence) -> None:
        super().__init__(samples=samples, batch_size=batch_size, replicas=replicas, seed=seed)
        _require_batch_within_data(self)
        self._decks = _ordered_decks(self)
        self._position = 0  # steps taken in the present epoch

    @property
    def covariance_factor(self) -> None:
        """None: within an epoch a batch excludes the samples of those before it."""
        return

    def _fill(self, indices: np.ndarray) -> None:
        _deal_epochs(self._streams, self._decks, self._position, self.steps_per_epoch, indices)
        self._position = (self._position + len(indices)) % self.steps_per_epoch


SAMPLERS: dict[str, type[Sampler]] = {kind.name: kind for kind in (WithReplacement, WithoutReplacement, EpochShuffling)}


def make_sampler(name: str, *, samples: int, batch_size: int, replicas: int, seed: int | np.random.SeedSequence) -> Sampler:
    """Return the sampler called ``name``; see ``Sampler`` for the arguments.

    Raises:
        ParameterError: If there is no such sampler, or an argument is out of range.
    """
    if name not in SAMPLERS:
        raise ParameterError(f"unknown sampler {name!r}; known: {', '.join(map(repr, SAMPLERS))}")
    return SAMPLERS[name](samples=samples, batch_size=batch_size, replicas=replicas, seed=seed)


def _whole(what: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ParameterError(f"{what} must be a whole number from 1, got {value!r}")
    if value >= 2**31:
        raise ParameterError(f"{what} must be below 2^31, got {value}")
    return int(value)


def _seeded_streams(seed: int | np.random.SeedSequence, replicas: int) -> np.ndarray:
    if not isinstance(seed, np.random.SeedSequence):
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
            raise ParameterError(f"the seed must be a whole number from 0, got {seed!r}")
        seed = np.random.SeedSequence(int(seed))
    return seed.generate_state(4 * replicas, np.uint64).reshape(replicas, 4)


def _require_batch_within_data(sampler: Sampler) -> None:
    if sampler.batch_size > sampler.samples:
        raise ParameterError(
            f"a batch of {sampler.batch_size} cannot be drawn from {sampler.samples} samples by the sampler {sampler.name!r}, "
            f"which never takes a sample twice; take a batch of at most {sampler.samples}, or draw with replacement"
        )


def _ordered_decks(sampler: Sampler) -> np.ndarray:
    return np.tile(np.arange(sampler.samples, dtype=np.int32), (sampler.replicas, 1))


@numba.njit(cache=True, nogil=True)
def _bits(stream: np.ndarray) -> np.uint64:
    """Advance xoshiro256++ (Blackman & Vigna 2019) by one and return 64 random bits."""
    total = stream[0] + stream[3]
    result = ((total << np.uint64(23)) | (total >> np.uint64(41))) + stream[0]
    shifted = stream[1] << np.uint64(17)
    stream[2] ^= stream[0]
    stream[3] ^= stream[1]
    stream[1] ^= stream[2]
    stream[0] ^= stream[3]
    stream[2] ^= shifted
    stream[3] = (stream[3] << np.uint64(45)) | (stream[3] >> np.uint64(19))
    return result


@numba.njit(cache=True, nogil=True)
def _below(stream: np.ndarray, bound: int) -> np.int64:
    """Draw exactly uniformly from 0 .. bound - 1 (Lemire 2019: multiply, and reject the few products that would favour a value)."""
    width = np.uint64(bound)
    product = (_bits(stream) >> np.uint64(32)) * width
    if (product & np.uint64(0xFFFFFFFF)) < width:
        threshold = (np.uint64(0x100000000) - width) % width
        while (product & np.uint64(0xFFFFFFFF)) < threshold:
            product = (_bits(stream) >> np.uint64(32)) * width
    return np.int64(product >> np.uint64(32))


@numba.njit(cache=True, nogil=True)
def _shuffle_front(stream: np.ndarray, deck: np.ndarray, count: int) -> None:
    """Bring a uniformly random subset, in random order, to the first ``count`` places (Fisher-Yates, cut short)."""
    size = len(deck)
    for i in range(count):
        j = i + _below(stream, size - i)
        deck[i], deck[j] = deck[j], deck[i]


@numba.njit(cache=True, nogil=True)
def _draw_with_replacement(streams: np.ndarray, samples: int, out: np.ndarray) -> None:
    steps, replicas, size = out.shape
    for r in range(replicas):
        stream = streams[r]
        for k in range(steps):
            for b in range(size):
                out[k, r, b] = _below(stream, samples)


@numba.njit(cache=True, nogil=True)
def _draw_subsets(streams: np.ndarray, decks: np.ndarray, out: np.ndarray) -> None:
    steps, replicas, size = out.shape
    for r in range(replicas):
        for k in range(steps):
            _shuffle_front(streams[r], decks[r], size)
            for b in range(size):
                out[k, r, b] = decks[r, b]


@numba.njit(cache=True, nogil=True)
def _deal_epochs(streams: np.ndarray, decks: np.ndarray, position: int, steps_per_epoch: int, out: np.ndarray) -> None:
    steps, replicas, size = out.shape
    for r in range(replicas):
        for k in range(steps):
            place = (position + k) % steps_per_epoch
            if place == 0:
                _shuffle_front(streams[r], decks[r], decks.shape[1])
            for b in range(size):
                out[k, r, b] = decks[r, place * size + b]
