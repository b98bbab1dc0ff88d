"""One run of adaptive multilevel splitting: how often walkers come over the rim of their well, and how likely they go on from there."""

from dataclasses import dataclass

import numpy as np

from eyring.numerics.simulation.splitting.climb import climb
from eyring.numerics.simulation.splitting.course import Course
from eyring.numerics.simulation.splitting.well import Well

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """What a run found.

    Attributes:
        rate: Events per step of a walker that begins afresh at the start after each: one over the mean number of steps from there.
        chance: The probability of going on from the rim of the well to the event before falling back.
        steps: Steps of single walkers that this took.
    """

    rate: float
    chance: float
    steps: int

    @classmethod
    def of(cls, course: Course, words: np.ndarray, generator: np.random.Generator) -> "Run":
        """Linger, then climb.

        Args:
            course: What all runs share.
            words: States of one block of 64 generators, (4 * 64,).
            generator: Chooses who is copied.
        """
        mine = words.copy()
        well = Well.of(course, mine)
        entries = well.entries()
        chance, steps = climb(course, mine, entries.states, generator, well.used)
        return cls(entries.rate * chance + entries.direct, chance, steps)
