"""One run of adaptive multilevel splitting: how often walkers come over the rim of their well, and how likely they go on from there."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError
from eyring.numerics.simulation.kernel.printer import steps_at_once
from eyring.numerics.simulation.kernel.step import Program, Step
from eyring.numerics.simulation.splitting.kernel import HOME, OVER, splitting_kernels
from eyring.numerics.simulation.streams.normals import LANES

__all__ = ["PRECISION", "Course", "Run", "bordered", "with_height"]

LOW, RIM = 0.7, 0.95  # parts of the time that a lingering walker spends below the two borders of its well
SNAPSHOTS = 64
FORGOTTEN = 10  # relaxation times
FEW = 64
PRECISION = "float64"


@dataclass(frozen=True)
class Course:
    """What all runs share.

    Attributes:
        program: The step, its height last in the state.
        start: A fresh walker's state.
        copies: Of a batch: how many samples of each kind, running.
        batch: Examples in a batch.
        relaxation: Steps after which a walker has forgotten where it began.
        low: The height below which an excursion ends.
        rim: The height over which one begins.
        top: The height at which the event happens; None where that is not known.
        particles: Excursions kept alive at once.
        killed: How many of them are replaced at each level, at least.
        levels: Heights at which states are written down.
        most: Steps that a run may take.
    """

    program: Program
    start: tuple[float, ...]
    copies: np.ndarray
    batch: int
    relaxation: int
    low: float
    rim: float
    top: float | None
    particles: int
    killed: int
    levels: int
    most: int


@dataclass(frozen=True)
class Run:
    """What a run found.

    Attributes:
        loops: How often a walker comes over the rim, per step.
        chance: The probability that it goes on to the event before it falls back.
        steps: Steps of single walkers that this took.
    """

    loops: float
    chance: float
    steps: int

    @classmethod
    def of(cls, course: Course, words: np.ndarray, generator: np.random.Generator) -> "Run":
        """Linger, then climb.

        Args:
            course: What to do.
            words: States of one block of 64 generators, (4 * 64,).
            generator: Chooses who is copied.
        """
        well = _Well.of(course, words)
        loops, entries = well.entries()
        chance, climbed = well.climb(entries, generator)
        return cls(loops, chance, well.used + climbed)

    @property
    def rate(self) -> float:
        """Events per step."""
        return self.loops * self.chance


def with_height(step: Step, height: sp.Expr) -> Step:
    """Return the step with the height of the walker's place last in its state."""
    after = dict(zip(step.state, step.after, strict=True))
    name = sp.Dummy("height", real=True)
    begin = float(height.subs(dict(zip(step.state, step.start, strict=True))))
    return replace(step, state=(*step.state, name), after=(*step.after, height.xreplace(after)), start=(*step.start, begin))


def bordered(course: Course, words: np.ndarray) -> Course:
    """Return the course with the borders of the well where 64 lingering walkers put them: 70 and 95 % of their time they are below.

    Raises:
        AccuracyError: If they all stay at one height.
    """
    well = _Well.of(replace(course, low=-np.inf, rim=np.inf), words)
    heights = []
    for _ in range(SNAPSHOTS):
        well.linger(course.relaxation)
        heights.append(well.rows[-LANES:].copy())
    low, rim = map(float, np.quantile(np.concatenate(heights), [LOW, RIM]))
    if not low < rim:
        raise AccuracyError("walkers in the well stay at one height; choose a reaction coordinate that grows on the way to the event")
    return replace(course, low=low, rim=rim)


@dataclass
class _Well:
    """One block of walkers in their well, and the excursions that leave it."""

    course: Course
    words: np.ndarray
    rows: np.ndarray
    away: np.ndarray
    used: int = 0

    @classmethod
    def of(cls, course: Course, words: np.ndarray) -> "_Well":
        """Let 64 walkers forget where they began."""
        well = cls(course, words.copy(), np.repeat(np.array(course.start), LANES), np.zeros(LANES, dtype=bool))
        well.linger(FORGOTTEN * course.relaxation)
        return well

    def entries(self) -> tuple[float, np.ndarray]:
        """Return how often walkers come over the rim, per step, and their states there."""
        kept = np.empty((8 * self.course.particles, len(self.course.start)))
        found, steps = 0, FORGOTTEN * self.course.relaxation
        while found < FEW:
            steps *= 2
            found = self.linger(steps, kept)
            self._demand_room()
        before = self.used
        found = self.linger(int(steps * max(1.0, self.course.particles / found)), kept)
        if not found:
            raise AccuracyError("no walker came over the rim of its well in the time in which many should have")
        return found / (self.used - before), kept[: min(found, len(kept))]

    def climb(self, entries: np.ndarray, generator: np.random.Generator) -> tuple[float, int]:
        """Return the probability of going on from the rim to the event, by killing the lowest and copying others, and the steps it took."""
        course, n = self.course, self.course.particles
        per_height = self._levels_per_height()
        records = np.empty((n, course.levels, len(course.start)))
        records[:, 0] = entries[generator.integers(len(entries), size=n)]
        reached, ends = np.zeros(n, dtype=np.int64), np.full(n, HOME, dtype=np.int64)
        used = self._follow(np.arange(n), np.zeros(n, dtype=np.int64), per_height, records, reached, ends)
        weight = 1.0
        while True:
            heights = np.where(ends == OVER, course.levels, reached)
            floor = int(np.partition(heights, course.killed - 1)[course.killed - 1])
            if floor >= course.levels - 1:
                return weight * float(np.mean(ends == OVER)), used
            dead, alive = np.flatnonzero(heights <= floor), np.flatnonzero(heights > floor)
            if not len(alive):
                return 0.0, used
            weight *= len(alive) / n
            parents = alive[generator.integers(len(alive), size=len(dead))]
            records[dead], reached[dead], ends[dead] = records[parents], reached[parents], ends[parents]
            again = reached[parents] > floor  # the others got over in one step from below the new floor
            reached[dead[again]], ends[dead[again]] = floor + 1, HOME
            used += self._follow(dead[again], np.full(int(again.sum()), floor + 1), per_height, records, reached, ends)
            self._demand_room(used)

    def _levels_per_height(self) -> float:
        """Spread the levels from the rim to the event; where that is not known, sixteen to the width of the well's upper part."""
        if self.course.top is not None and self.course.top > self.course.rim:
            return (self.course.levels - 1) / (self.course.top - self.course.rim)
        return 16 / (self.course.rim - self.course.low)

    def _follow(self, paths: np.ndarray, levels: np.ndarray, per_height: float, records: np.ndarray, reached: np.ndarray, ends: np.ndarray) -> int:
        if not len(paths):
            return 0
        run = splitting_kernels(self.course.program, PRECISION).excursions
        begins = records[paths, levels]
        borders = (self.course.low, self.course.rim, per_height)
        return self._sound(run(self.words, begins, paths, *self._given, *borders, records, reached, ends, self.course.most))

    def linger(self, steps: int, entries: np.ndarray | None = None) -> int:
        """Walk on; return how often walkers came over the rim, and write their states into ``entries``."""
        kept = np.empty((0, len(self.course.start))) if entries is None else entries
        together = steps_at_once(self.course.program)
        chunked = -(-steps // together) * together
        run = splitting_kernels(self.course.program, PRECISION).linger
        found = run(self.words, self.rows, self.away, np.array(self.course.start), *self._given, chunked, self.course.low, self.course.rim, kept)
        self.used += chunked * LANES
        return self._sound(found)

    @property
    def _given(self) -> tuple[Any, ...]:
        return np.array(self.course.program.numbers or (0.0,)), self.course.copies, self.course.batch

    def _sound(self, answer: int) -> int:
        if answer < 0:
            raise AccuracyError(
                f"walker {-1 - answer} has left all bounds: its state is no longer finite. The steps are too large for the slope far from the "
                "start; lower the learning rate or the time step"
            )
        return int(answer)

    def _demand_room(self, more: int = 0) -> None:
        if self.used + more > self.course.most:
            raise AccuracyError(
                f"a run of splitting took more than {self.course.most:.3g} steps; the reaction coordinate may not lead to the event. Choose another, "
                "or raise most_steps"
            )
