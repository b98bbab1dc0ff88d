"""What all runs of splitting share: the step, how high a place is, the borders of the well, and the levels from its rim to the event."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eyring.numerics.simulation.kernel.problem import Problem
from eyring.numerics.simulation.kernel.step import Program, Step
from eyring.numerics.simulation.splitting.reaction import Height

__all__ = ["PRECISION", "Course", "with_height"]

PRECISION = "float64"
LEVELS = 500
ROOM = 2**24  # numbers that the written-down states of one run may take
NEAR, FAR = 3.0, 100.0  # levels whose end is unknown: NEAR sinh(k/FAR) widths of the well above its rim, 500 of them to 220 widths


@dataclass(frozen=True, eq=False)
class Course:
    """What all runs share.

    Attributes:
        program: The step, its height last in the state.
        start: A fresh walker's state.
        copies: Of a batch: how many samples of each kind, running.
        batch: Examples in a batch.
        relaxation: Steps after which a walker has forgotten where it began.
        top: The height at which the event happens; None where that is not known.
        particles: Excursions kept alive at once.
        killed: How many of them are replaced at each level, at least.
        most: Steps that a run may take.
        low: The height below which an excursion ends.
        rim: The height over which one begins.
        patience: Steps for which each of 64 walkers is watched in the well.
    """

    program: Program
    start: np.ndarray
    copies: np.ndarray
    batch: int
    relaxation: int
    top: float | None
    particles: int
    killed: int
    most: int
    low: float = -math.inf
    rim: float = math.inf
    patience: int = 0

    @classmethod
    def of(cls, problem: Problem, height: Height, *, particles: int, killed: float, most: float) -> "Course":
        """Return the course before the borders of its well are known; ``problem.relaxation`` must be."""
        step = with_height(problem.step, height)
        return cls(
            program=step.program(),
            start=np.array(step.start),
            copies=np.array(step.batch.copies if step.batch else (1,), dtype=np.int64),
            batch=step.batch.size if step.batch else 0,
            relaxation=max(1, math.ceil((problem.relaxation or 0.0) / problem.tick)),
            top=height.top,
            particles=particles,
            killed=max(1, int(killed * particles)),
            most=int(most),
        )

    @property
    def given(self) -> tuple[Any, ...]:
        """What every kernel takes of the step: numbers, kinds of samples, batch."""
        return np.array(self.program.numbers or (0.0,)), self.copies, self.batch

    @property
    def heights(self) -> np.ndarray:
        """The levels, the rim first: evenly up to the event, or ever wider where its height is not known."""
        count = max(16, min(LEVELS, ROOM // (self.particles * len(self.start))))
        if self.top is not None and self.top > self.rim:
            return np.linspace(self.rim, self.top, count)
        return self.rim + (self.rim - self.low) * NEAR * np.sinh(np.arange(count) / FAR)


def with_height(step: Step, height: Height) -> Step:
    """Return the step with the height of the walker's place last in its state."""
    after = dict(zip(step.state, step.after, strict=True))
    statements = tuple((name, value.xreplace(after)) for name, value in height.statements)
    value = height.value.xreplace(after)
    begin = height.at(dict(zip(step.state, step.start, strict=True)))
    return replace(
        step, state=(*step.state, height.name), statements=(*step.statements, *statements), after=(*step.after, value), start=(*step.start, begin)
    )
