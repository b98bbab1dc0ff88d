"""Watch walkers until their steps or the time are used up: in slices, between which progress is told and the state is kept."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from eyring.numerics.simulation import checkpoint
from eyring.numerics.simulation.kernel.walkers import Walkers

__all__ = ["usable_cores", "watch"]

SLICE = 0.2  # seconds
FIRST = 64  # chunks in the first slice
PIECES = 4  # for each thread, so that one that is held up leaves its share to the others

Progress = Callable[[int, int], None]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def watch(
    walkers: Walkers, iterations: int, *, threads: int, seconds: float | None, progress: Progress | None, kept: checkpoint.Checkpoint | None
) -> tuple[np.ndarray, int]:
    """Take the walkers to step ``iterations``, or as far as ``seconds`` allow.

    Returns:
        The events (walker, begun, escaped), and the step at which the watch ended.

    Raises:
        Trouble: If a walker's state is no longer finite.
    """
    begun = saved = time.monotonic()
    events = [kept.load(walkers) if kept is not None else np.empty((0, 3), dtype=np.int64)]
    done, whole = int(walkers.done[0]), iterations - iterations % walkers.chunk
    length = FIRST * walkers.chunk
    with ThreadPoolExecutor(threads) as pool:
        work: dict[str, Any] = {"pieces": PIECES * threads, "apply": pool.map} if threads > 1 else {}
        while done < iterations:
            before, start = done, time.monotonic()
            done = min(done + length, whole) if done < whole else iterations
            events.append(walkers.advance(done, **work))
            now = time.monotonic()
            if progress is not None:
                progress(done, iterations)
            if kept is not None and done <= whole and (now - saved > checkpoint.EVERY or done == whole):
                events = [np.concatenate(events)]
                kept.save(walkers, events[0])
                saved = time.monotonic()
            if seconds is not None and now - begun > seconds:
                break
            pace = (done - before) / max(now - start, 1e-4) * min(SLICE, (seconds or np.inf) / 4)
            length = max(1, int(min(pace, 8 * length) // walkers.chunk)) * walkers.chunk
    return np.concatenate(events), done
