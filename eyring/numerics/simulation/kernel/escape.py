"""What is done in the one branch of a kernel: who has escaped is written down and begins afresh; who is lost stops the run."""

from math import isfinite

import numpy as np

from eyring.numerics.simulation.streams.normals import LANES

__all__ = ["donor_of", "record"]

u64 = np.uint64


def donor_of(key, step, lane, margins):  # type: ignore[no-untyped-def]
    """Return a lane that is still inside, each as likely as any other (SplitMix64 of key and step); ``lane`` itself if there is no other."""
    z = u64(key + u64(step) * u64(0x9E3779B97F4A7C15))
    z = u64(u64(z ^ u64(z >> u64(30))) * u64(0xBF58476D1CE4E5B9))
    z = u64(u64(z ^ u64(z >> u64(27))) * u64(0x94D049BB133111EB))
    z = u64(z ^ u64(z >> u64(31)))
    inside = 0
    for other in range(LANES):
        inside += 1 if margins[other] < 0 else 0
    if inside == 0:
        return lane
    chosen = int(z % u64(inside))
    for other in range(LANES):
        if margins[other] < 0:
            if chosen == 0:
                return other
            chosen -= 1
    return lane


def record(block, step, rows, margins, born, fresh, restart, keys, events, found, trouble):  # type: ignore[no-untyped-def]
    """Go through the lanes of a block after a step in which somebody's margin was not negative.

    Args:
        block: Which block.
        step: The step just taken.
        rows: Its walkers' states, one row of 64 for each symbol.
        margins: Their margins.
        born: When each last began.
        fresh: The state of a fresh walker.
        restart: Whether to go on from the place of another walker instead.
        keys: For choosing that one.
        events: Written to: block, lane, begun, escaped.
        found: Events already there.
        trouble: Block, lane and step of a walker whose margin or state is not finite.

    Returns:
        The number of events.
    """
    for lane in range(LANES):
        if margins[lane] < 0:
            continue
        bounded = isfinite(margins[lane])
        for i in range(len(fresh)):
            bounded &= isfinite(rows[i * LANES + lane])
        if not bounded:
            trouble[0], trouble[1], trouble[2] = block, lane, step
            return found
        events[found, 0], events[found, 1], events[found, 2], events[found, 3] = block, lane, born[lane], step
        found += 1
        born[lane] = step
        donor = donor_of(keys[lane], step, lane, margins) if restart else lane
        for i in range(len(fresh)):
            rows[i * LANES + lane] = fresh[i] if donor == lane else rows[i * LANES + donor]
    return found
