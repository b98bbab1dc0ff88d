"""Many walkers on a graphics card, one thread each; their numbers are a function of (seed, walker, step), so nothing of a generator is kept."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.simulation.cuda.device import card
from eyring.numerics.simulation.cuda.printer import cuda_source
from eyring.numerics.simulation.kernel.step import Step
from eyring.numerics.simulation.kernel.walkers import Walkers
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.philox import FOURS, philox_words

__all__ = ["CudaWalkers", "Machine"]

ROOM = 1 << 16  # events that a launch hands back before it is repeated with room for more
LONGEST = (1 << 32) - 2  # the kernel counts fours of steps in 32 bits


class Machine(Protocol):
    """Where a kernel can run."""

    def run(self, source: str, blocks: int, arguments: Any) -> None:
        """Run it."""


@dataclass
class CudaWalkers(Walkers):
    """Blocks of 64 walkers, a thread each. ``words`` holds what keys their streams: the walker's number, and twice 32 bits of the seed.

    Attributes:
        machine: Where the kernel runs.
    """

    machine: Machine | None = None

    @classmethod
    def of(cls, step: Step, walkers: int, *, seed: int, precision: str, donors: bool = False, stream: str = "philox",
           machine: Machine | None = None) -> "CudaWalkers":  # fmt: skip
        """Place the walkers at the start.

        Raises:
            NotApplicable: If there is no card, the walkers are to begin again from each other's places, or the stream is none of a card's.
        """
        if stream != "philox":
            raise NotApplicable(f"a graphics card draws from the stream 'philox', got stream={stream!r}; leave it out, or use device='cpu'")
        if donors:
            raise NotApplicable("restart='quasi-stationary' takes another walker's place, which threads of a graphics card do not share; use "
                                "restart='start', or device='cpu'")  # fmt: skip
        blocks = -(-walkers // LANES)
        rows = np.tile(np.repeat(np.array(step.start, dtype=np.float32 if precision == "float32" else np.float64), LANES), (blocks, 1))
        words = np.zeros((blocks, 3, LANES), dtype=np.uint32)  # a checkpoint of four rows is none of ours
        given = philox_words(seed, walkers).reshape(blocks, -1, LANES)
        words[:, 0], words[:, 1], words[:, 2] = given[:, 0], given[:, 1, :1], given[:, 1, 1:2]
        born, done = np.zeros((blocks, LANES), dtype=np.int64), np.zeros(blocks, dtype=np.int64)
        keys = np.zeros((blocks, LANES), dtype=np.uint64)
        return cls(step, step.program(), precision, words.reshape(blocks, -1), rows, born, done, keys, stream=stream, machine=machine or card())

    @property
    def chunk(self) -> int:
        """Steps for which random numbers are drawn together."""
        return FOURS

    def _parts(self, pieces: int) -> list[Walkers]:
        return [self]

    def _run(self, last: int) -> tuple[np.ndarray, tuple[int, int] | None]:
        """Return the events of these blocks, or a block and lane in trouble."""
        seen = [np.empty((0, 4), dtype=np.int64)]
        while (done := int(self.done[0])) < last:
            high, low = divmod(done // FOURS, 1 << 32)
            until = min(last, done + FOURS * min(LONGEST, (1 << 32) - low))
            events, lost = self._launch(low, high, until - done)
            seen.append(events)
            if lost is not None:
                return np.concatenate(seen), lost
            self.done[:] = until
        wild = np.argwhere(~np.isfinite(self.rows.reshape(len(self.done), -1, LANES)).all(axis=1))
        return np.concatenate(seen), (int(wild[0, 0]), int(wild[0, 1])) if len(wild) else None

    def _launch(self, low: int, high: int, steps: int) -> tuple[np.ndarray, tuple[int, int] | None]:
        """Take all walkers some steps further; a launch that found more events than it had room for is done once more, from the same state."""
        assert self.machine is not None
        source = cuda_source(self.program, self.precision)
        blocks, room = len(self.done), ROOM
        walkers = np.ascontiguousarray(self.words.reshape(blocks, 3, LANES)[:, 0]).reshape(-1)
        fours, tail = divmod(steps, FOURS)
        while True:
            rows, born = np.ascontiguousarray(self.rows).copy(), self.born.copy()
            events, found, lost = np.zeros((room, 3), dtype=np.int64), np.zeros(1, dtype=np.uint32), np.full(1, 0xFFFFFFFF, dtype=np.uint32)
            values = [np.array(v, dtype=np.uint32) for v in (low, high, fours, tail)]
            self.machine.run(source, blocks, [walkers, rows, born, self._numbers(), *values, events, np.array(room, dtype=np.uint32), found, lost])
            if lost[0] != 0xFFFFFFFF:
                return np.empty((0, 4), dtype=np.int64), (int(lost[0]) // LANES, int(lost[0]) % LANES)
            if found[0] <= room:
                break
            room = int(found[0])
        self.rows[:], self.born[:] = rows, born
        events = events[: found[0]]
        events = events[np.lexsort((events[:, 0] % LANES, events[:, 2], events[:, 0] // LANES))]
        return np.column_stack([events[:, 0] // LANES, events[:, 0] % LANES, events[:, 1], events[:, 2]]), None

    def _numbers(self) -> np.ndarray:
        """Return what the kernel calls ``Numbers``: parameters, fresh state, batch and key, laid out as in C."""
        real, batch, n = self.rows.dtype, self.step.batch, len(self.program.state)
        fields: Any = [("p", real, max(1, len(self.program.numbers))), ("fresh", real, n), ("copies", np.uint32, len(self.program.counts) + 1),
                       ("batch", np.uint32), ("key", np.uint32, 2)]  # fmt: skip
        given = np.zeros((), dtype=np.dtype(fields, align=True))
        given["p"][: len(self.program.numbers)] = self.program.numbers
        given["fresh"] = self.step.start
        given["copies"] = batch.copies if batch else 1
        given["batch"] = batch.size if batch else 0
        given["key"] = self.words.reshape(len(self.done), 3, LANES)[0, 1:3, 0]
        return given
