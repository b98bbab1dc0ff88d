"""What every law of escape promises: a row with its number, its interval and its assumptions measured, or the reason why it has none."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import Any, ClassVar

from eyring.errors import EyringError, ParameterError
from eyring.validation.predictors.assumption import Assumption
from eyring.validation.predictors.case import Case

__all__ = ["Law", "Row"]

KINDS = ("time", "indicator", "none")


@dataclass(frozen=True)
class Row:
    """One law's answer.

    Args:
        name: Of the law.
        title: For people.
        source: Key of the bibliography; empty where it is eyring's own.
        kind: "time"; "indicator", a number that is no time; or "none", where the law has no answer.
        value: ln tau in iterations; or the indicator; None where there is no answer.
        low: Lower end of what the law's own error and its unknowns allow.
        high: Upper end.
        clock: Continuous time of one iteration.
        assumptions: What the law assumes, measured.
        note: What else must be known; the reason, where there is no answer.

    Raises:
        ParameterError: If a number is not finite or lies outside its interval.
    """

    name: str
    title: str
    source: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    clock: float
    assumptions: tuple[Assumption, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.kind == "none") != (self.value is None):
            raise ParameterError(f"a row is a time, an indicator, or none without a value; {self.name} is {self.kind!r} with {self.value!r}")
        numbers = [n for n in (self.value, self.low, self.high) if n is not None]
        if not all(isfinite(n) for n in numbers):
            raise ParameterError(f"the law {self.name} gives a number that is not finite: {self.value} in [{self.low}, {self.high}]")
        if self.low is not None and self.value is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ParameterError(f"the law {self.name} gives {self.value} outside its own interval [{self.low}, {self.high}]")

    @property
    def own(self) -> bool:
        """Whether it is eyring's own."""
        return not self.source

    @property
    def log_iterations(self) -> float:
        """ln tau, tau in iterations.

        Raises:
            EyringError: If the law gives no time here.
        """
        if self.kind != "time" or self.value is None:
            raise EyringError(f"the law {self.name} gives no escape time here: {self.note or self.title}")
        return self.value

    @property
    def log_time(self) -> float:
        """ln tau, tau in units of continuous time.

        Raises:
            EyringError: If the law gives no time here.
        """
        return self.log_iterations + log(self.clock)

    @property
    def iterations(self) -> float:
        """tau in iterations.

        Raises:
            EyringError: If the law gives no time here, or one that no float holds.
        """
        if self.log_iterations > 700:
            raise EyringError(f"the law {self.name} gives exp({self.log_iterations:.6g}) iterations, too many for a float; read .log_iterations")
        return exp(self.log_iterations)

    @property
    def violations(self) -> tuple[Assumption, ...]:
        """The assumptions that do not hold."""
        return tuple(a for a in self.assumptions if not a.holds)

    @property
    def in_regime(self) -> bool:
        """Whether every assumption holds."""
        return not self.violations

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text, as JSON can hold them."""
        plain = {f: getattr(self, f) for f in ("name", "title", "source", "kind", "value", "low", "high", "clock", "note")}
        return {**plain, "in_regime": self.in_regime, "assumptions": [a.to_dict() for a in self.assumptions]}

    def __str__(self) -> str:
        head = {
            "time": f"{self.name}: ln tau = {self.value} [{self.low}, {self.high}] iterations",
            "indicator": f"{self.name}: {self.value}, an indicator and no time",
            "none": f"{self.name}: no answer",
        }[self.kind]
        return "\n".join([f"{head} ({self.title})", *([f"  {self.note}"] if self.note else []), *(f"  {a}" for a in self.assumptions)])


class Law(ABC):
    """One law of escape.

    Attributes:
        name: How tables call it.
        title: One line for people.
        source: Where it is stated, a key of the bibliography; empty where it is eyring's own.
        place: Where its row stands in the table; the published laws come first.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str] = ""
    place: ClassVar[int]

    @abstractmethod
    def predict(self, case: Case) -> Row:
        """Return the row.

        Raises:
            EyringError: If the law has no answer here; ``row`` then says why.
        """

    def row(self, case: Case) -> Row:
        """Return the row; where the law has no answer, one that says why."""
        try:
            return self.predict(case)
        except (EyringError, ArithmeticError) as reason:
            return Row(self.name, self.title, self.source, "none", None, None, None, _clock(case), note=str(reason))

    def leading(self, case: Case, to_next_well: float, spread: float, *assumptions: Assumption, **others: Any) -> Row:
        """Return a row from ln of the iterations to the next well, to leading order: to the saddle it is half of that time."""
        shift = log(case.share)
        ends = {end: others.pop(end) + shift for end in ("low", "high") if end in others}
        return self.time(case, to_next_well + shift, spread, *assumptions, **ends, **others)

    def time(self, case: Case, value: float, spread: float, *assumptions: Assumption, **others: Any) -> Row:
        """Return a row from ln of the iterations to the case's event, with an error of ``spread`` on either side unless low and high are given."""
        low, high = others.pop("low", value - spread), others.pop("high", value + spread)
        return Row(self.name, self.title, self.source, "time", value, low, high, _clock(case), assumptions, **others)


def _clock(case: Case) -> float:
    return case.training.rate**0.5 if case.training.momentum else case.training.rate
