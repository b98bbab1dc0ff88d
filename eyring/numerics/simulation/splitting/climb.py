"""The chance to go on from the rim of the well to the event: the lowest excursions are replaced by copies of others until all get over."""

import numpy as np

from eyring.numerics.simulation.splitting.course import PRECISION, Course
from eyring.numerics.simulation.splitting.kernel import HOME, OVER, splitting_kernels
from eyring.numerics.simulation.splitting.well import demand_room, lost

__all__ = ["climb"]


def climb(course: Course, words: np.ndarray, entries: np.ndarray, generator: np.random.Generator, used: int) -> tuple[float, int]:
    """Return the probability of going on from the rim to the event before falling back.

    Those whose greatest height is among the lowest ``killed`` are begun anew, each in the state in which another, chosen at random among the rest,
    was first seen above; the share that was left alone is a factor of the answer.

    Args:
        course: What all runs share.
        words: States of 64 generators; taken along.
        entries: States at the rim, (entries, state).
        generator: Chooses who is copied.
        used: Steps that the run has taken before.

    Returns:
        The probability, without bias, and the steps that the run has then taken.

    Raises:
        AccuracyError: If they become too many, or a state is no longer finite.
    """
    n, heights = course.particles, course.heights
    top = len(heights)
    records = np.empty((n, top, len(course.start)))
    reached, ends = np.zeros(n, dtype=np.int64), np.full(n, HOME, dtype=np.int64)
    follow = splitting_kernels(course.program, PRECISION).excursions

    def followed(paths: np.ndarray, begins: np.ndarray) -> int:
        if not len(paths):
            return 0
        steps = follow(words, begins, paths, *course.given, course.low, heights, records, reached, ends, course.most)
        if steps < 0:
            raise lost()
        demand_room(course, used + steps)
        return int(steps)

    records[:, 0] = entries[np.resize(generator.permutation(len(entries)), n)]
    used += followed(np.arange(n), records[:, 0].copy())
    weight = 1.0
    while True:
        highest = np.where(ends == OVER, top, reached)
        floor = int(np.partition(highest, course.killed - 1)[course.killed - 1])
        if floor >= top - 1:
            return weight * float(np.mean(ends == OVER)), used
        dead, alive = np.flatnonzero(highest <= floor), np.flatnonzero(highest > floor)
        if not len(alive):
            return 0.0, used
        weight *= len(alive) / n
        parents = alive[generator.integers(len(alive), size=len(dead))]
        passed = reached[parents] > floor  # the others got over in one step from below the new floor
        ends[dead], again = np.where(passed, HOME, OVER), dead[passed]
        reached[again] = floor + 1
        records[again, floor + 1] = records[parents[passed], floor + 1]
        used += followed(again, records[again, floor + 1])
