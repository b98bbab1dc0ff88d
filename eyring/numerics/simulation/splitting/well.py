"""Walkers that linger in their well: how often they come over its rim, and in which states."""

import math
from dataclasses import dataclass, replace

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.simulation.kernel.printer import steps_at_once
from eyring.numerics.simulation.splitting.course import PRECISION, Course
from eyring.numerics.simulation.splitting.kernel import splitting_kernels
from eyring.numerics.simulation.streams.normals import LANES

__all__ = ["Entries", "Well", "bordered", "demand_room", "lost"]

LOW, RIM = 0.9, 0.975  # parts of the time that a lingering walker spends below the two borders of its well
SNAPSHOTS = 64
FORGOTTEN = 10  # relaxation times
ENOUGH = 256  # excursions from which their rate is guessed
BEGUN = 0.5  # excursions watched as they begin, in units of those kept alive: fewer cost less, and leave their rate known less well
SPARE = 4


@dataclass(frozen=True, eq=False)
class Entries:
    """How excursions begin.

    Attributes:
        rate: How many a step of a walker, the waiting times of those that reach the event included.
        direct: Events a step of walkers that came from below the rim to the event at once.
        states: Their first states, (entries, state).
    """

    rate: float
    direct: float
    states: np.ndarray


@dataclass
class Well:
    """One block of 64 walkers that begin afresh at the start after the event.

    Attributes:
        course: What all runs share.
        words: States of their generators; taken along.
        rows: Their own states.
        away: Who has come over the rim and has not fallen below the lower border since.
        used: Steps taken.
    """

    course: Course
    words: np.ndarray
    rows: np.ndarray
    away: np.ndarray
    used: int = 0

    @classmethod
    def of(cls, course: Course, words: np.ndarray) -> "Well":
        """Let walkers forget where they began."""
        well = cls(course, words, np.repeat(course.start, LANES), np.zeros(LANES, dtype=bool))
        well.linger(FORGOTTEN * course.relaxation)
        return well

    def entries(self) -> Entries:
        """Watch for as long as the course says."""
        kept = np.empty((SPARE * self.course.particles, len(self.course.start)))
        before = self.used
        found, direct = self.linger(self.course.patience, kept)
        if not found:
            raise AccuracyError("no walker came over the rim of its well in the time in which many should have; splitting needs more particles")
        steps = self.used - before
        return Entries(found / steps, direct / steps, kept[: min(found, len(kept))])

    def linger(self, steps: int, entries: np.ndarray | None = None) -> tuple[int, int]:
        """Walk on; return how many came over the rim and how many got to the event without, and write the former's states into ``entries``."""
        course, together = self.course, steps_at_once(self.course.program)
        steps, seen = -(-steps // together) * together, np.zeros(2, dtype=np.int64)
        kept = np.empty((0, len(course.start))) if entries is None else entries
        demand_room(course, self.used + steps * LANES)
        walk = splitting_kernels(course.program, PRECISION).linger
        lane = walk(self.words, self.rows, self.away, course.start, *course.given, steps, course.low, course.rim, kept, seen)
        if lane >= 0:
            raise lost(self.rows.reshape(-1, LANES)[:-1, lane].tolist())
        self.used += steps * LANES
        return int(seen[0]), int(seen[1])


def bordered(course: Course, words: np.ndarray) -> Course:
    """Return the course with the borders of the well where 64 lingering walkers put them: 90 and 97.5 % of their time they are below.

    Raises:
        AccuracyError: If they all stay at one height.
    """
    well = Well.of(course, words)
    heights = []
    for _ in range(SNAPSHOTS):
        well.linger(course.relaxation)
        heights.append(well.rows[-LANES:].copy())
    low, rim = map(float, np.quantile(np.concatenate(heights), [LOW, RIM]))
    if not low < rim:
        raise AccuracyError("walkers in the well stay at one height; choose a reaction coordinate that grows on the way to the event")
    well.course = course = replace(course, low=low, rim=rim)
    found, steps = 0, course.relaxation
    while found < ENOUGH:
        steps *= 2
        found, _ = well.linger(steps)
    return replace(course, patience=math.ceil(BEGUN * steps * course.particles / found))


def demand_room(course: Course, used: int) -> None:
    """Refuse a run that has taken too many steps.

    Raises:
        AccuracyError: With what to do.
    """
    if used > course.most:
        raise AccuracyError(
            f"a run of splitting needs more than {course.most:.3g} steps; the reaction coordinate may not lead to the event. Choose another, take "
            "fewer particles, or raise most_steps"
        )


def lost(state: list[float] | None = None) -> AccuracyError:
    """Return the error that says that a walker has left all bounds."""
    where = "" if state is None else f", {state}"
    return AccuracyError(
        f"a walker has left all bounds: its state is no longer finite{where}. The steps are too large for the slope far from the start; lower the "
        "learning rate or the time step"
    )
