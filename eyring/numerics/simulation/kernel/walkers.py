"""Many walkers in blocks of 64, taken to a given step by a compiled kernel on one or several threads; every block answers for itself alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from eyring.numerics.simulation.kernel.printer import compiled_kernel, steps_at_once
from eyring.numerics.simulation.kernel.step import Program, Step
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.philox import philox_words
from eyring.numerics.simulation.streams.words import restart_keys, stream_words

__all__ = ["PRECISIONS", "STREAMS", "Trouble", "Walkers"]

PRECISIONS = ("float32", "float64", "mixed")
STREAMS = ("xoshiro", "philox")
ROOM = 8192  # events that a call hands back at most


class Trouble(Exception):
    """A walker whose state is no longer finite.

    Attributes:
        walker: Which.
        step: At which step.
        before: Its state before that step.
    """

    def __init__(self, walker: int, step: int, before: np.ndarray) -> None:
        super().__init__(walker, step, before)
        self.walker, self.step, self.before = walker, step, before


@dataclass
class Walkers:
    """Blocks of walkers.

    Attributes:
        step: What they do.
        program: The same, ready to be printed.
        precision: "float32", "float64" or "mixed".
        words: States of the generators, (blocks, 4 * 64), or (blocks, 6 * 64) for Philox.
        rows: States of the walkers, (blocks, len(state) * 64).
        born: The step at which each last began afresh, (blocks, 64).
        done: Steps taken, (blocks,).
        keys: For choosing donors, (blocks, 64).
        donors: Whether a walker that has escaped goes on from the place of another of its block instead of the start.
        stream: "xoshiro" or "philox".
    """

    step: Step
    program: Program
    precision: str
    words: np.ndarray
    rows: np.ndarray
    born: np.ndarray
    done: np.ndarray
    keys: np.ndarray
    donors: bool = False
    stream: str = "xoshiro"

    @classmethod
    def of(cls, step: Step, walkers: int, *, seed: int, precision: str, donors: bool = False, stream: str = "xoshiro") -> "Walkers":
        """Place the walkers at the start."""
        words = philox_words(seed, walkers) if stream == "philox" else stream_words(seed, walkers, precision)
        kind = np.float32 if precision == "float32" else np.float64
        rows = np.tile(np.repeat(np.array(step.start, dtype=kind), LANES), (len(words), 1))
        born, done = np.zeros((len(words), LANES), dtype=np.int64), np.zeros(len(words), dtype=np.int64)
        return cls(step, step.program(), precision, words, rows, born, done, restart_keys(seed, walkers), donors, stream)

    @property
    def chunk(self) -> int:
        """Steps for which random numbers are drawn together: a run may only be cut at multiples of it."""
        return steps_at_once(self.program, self.stream)

    def advance(self, last: int, *, pieces: int = 1, apply: Callable[..., Iterable[Any]] = map) -> np.ndarray:
        """Take every block to step ``last``, a multiple of ``chunk`` unless it is the very last; return the events.

        Args:
            last: The step.
            pieces: Into how many parts to cut the blocks.
            apply: Calls a function on each part: ``map``, or that of a pool of threads.

        Returns:
            One line an event, ordered by block and step: walker, step at which it had begun, step at which it escaped.

        Raises:
            Trouble: If a state is no longer finite.
        """
        before = replace(self, words=self.words.copy(), rows=self.rows.copy(), born=self.born.copy(), done=self.done.copy())
        parts = self._parts(pieces)
        found = list(apply(lambda part: part._run(last), parts))
        first = 0
        for part, (events, trouble) in zip(parts, found, strict=True):
            if trouble is not None:
                before._locate(first + trouble[0], trouble[1], last)
            events[:, 0] += first
            first += len(part.done)
        events = np.concatenate([events for events, _ in found])
        return np.stack([events[:, 0] * LANES + events[:, 1], events[:, 2], events[:, 3]], axis=1)

    def _parts(self, pieces: int) -> list["Walkers"]:
        cuts = np.linspace(0, len(self.done), min(len(self.done), pieces) + 1).astype(int)
        return [self[a:b] for a, b in pairwise(cuts)]

    def __getitem__(self, blocks: slice) -> "Walkers":
        parts: dict[str, Any] = {name: getattr(self, name)[blocks] for name in ("words", "rows", "born", "done", "keys")}
        return replace(self, **parts)

    def _run(self, last: int) -> tuple[np.ndarray, tuple[int, int] | None]:
        """Return the events of these blocks, or the first block and lane in trouble."""
        batch = self.step.batch
        copies = np.array(batch.copies if batch else (1,), dtype=np.int64)
        numbers = np.array(self.program.numbers or (0.0,), dtype=self.rows.dtype)
        fresh = np.array(self.step.start, dtype=self.rows.dtype)
        run = compiled_kernel(self.program, self.precision, self.stream)
        trouble = np.full(3, -1, dtype=np.int64)
        events = np.empty((ROOM, 4), dtype=np.int64)
        seen = [events[:0]]
        while np.any(self.done < last):
            found = run(self.words, self.rows, self.born, self.done, fresh, numbers, copies, batch.size if batch else 0, last, self.donors,
                        self.keys, events, trouble)  # fmt: skip
            seen.append(events[:found].copy())
            if trouble[0] >= 0:
                return np.concatenate(seen), (int(trouble[0]), int(trouble[1]))
        wild = np.argwhere(~np.isfinite(self.rows.reshape(len(self.done), -1, LANES)).all(axis=1))
        return np.concatenate(seen), (int(wild[0, 0]), int(wild[0, 1])) if len(wild) else None

    def _locate(self, block: int, lane: int, last: int) -> None:
        """Find by bisection the step at which a walker's state stops being finite, from the states before it did.

        Raises:
            Trouble: Always.
        """
        low, high = int(self.done[block]), last
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._finite_until(block, lane, middle) is not None else (low, middle)
        state = self._finite_until(block, lane, low)
        raise Trouble(block * LANES + lane, high, np.asarray(state))

    def _finite_until(self, block: int, lane: int, step: int) -> np.ndarray | None:
        """Return the walker's state at this step, None if it is not finite by then."""
        one = self[block : block + 1]
        parts: dict[str, Any] = {name: getattr(one, name).copy() for name in ("words", "rows", "born", "done")}
        trial = replace(one, **parts)
        _, trouble = trial._run(step)
        state = trial.rows.reshape(-1, LANES)[:, lane]
        return None if trouble is not None and trouble[1] == lane else state
