"""A race: two ways to the same answer, timed in turns in one run, so that a busy machine slows both."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

__all__ = ["Outcome", "Race", "run"]

SHORTEST = 0.02
ROUNDS = 9


@dataclass(frozen=True)
class Race:
    """Two callables that give the same answers; that they do is checked where the race is written.

    Attributes:
        name: What is computed.
        ours: eyring's way, warm.
        theirs: The other way, warm.
        against: What the other way is.
        at_least: The ratio that eyring claims; None where it claims nothing.
        per: Answers in one call of ours.
        theirs_per: Answers in one call of theirs.
        note: The accuracy of both, or whatever else belongs beside the ratio.
    """

    name: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    against: str
    at_least: float | None = None
    per: int = 1
    theirs_per: int = 1
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a race gave.

    Attributes:
        race: The race.
        ratio: Their time over ours, per answer: the median over the rounds.
        low: Its first quartile.
        high: Its third quartile.
        seconds: Our median time per answer.
    """

    race: Race
    ratio: float
    low: float
    high: float
    seconds: float

    @property
    def stands(self) -> bool:
        """Whether the claim holds."""
        return self.race.at_least is None or self.ratio >= self.race.at_least


def run(race: Race, *, rounds: int = ROUNDS) -> Outcome:
    """Time both in turns, ``rounds`` times; each turn repeats a quick call until it fills 20 ms."""
    ours, theirs = _repeats(race.ours), _repeats(race.theirs)
    pairs = []
    for _ in range(rounds):
        mine = _seconds(race.ours, ours) / race.per
        other = _seconds(race.theirs, theirs) / race.theirs_per
        pairs.append((other / mine, mine))
    ratios = sorted(ratio for ratio, _ in pairs)
    return Outcome(race, median(ratios), ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4], median(mine for _, mine in pairs))


def _repeats(call: Callable[[], object]) -> int:
    call()
    return max(1, round(SHORTEST / max(_seconds(call, 1), 1e-9)))


def _seconds(call: Callable[[], object], repeats: int) -> float:
    """Return the time of one call, the garbage collector at rest."""
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - begin) / repeats
    finally:
        gc.enable()
