"""An assumption of a law of escape, measured: a sentence in physics, the number found, and the number it may not pass."""

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from eyring.errors import ParameterError

__all__ = ["Assumption"]


@dataclass(frozen=True)
class Assumption:
    """One assumption, held against what was measured.

    Args:
        sentence: The assumption in words.
        measured: The number found.
        threshold: What it must lie above or below.
        relation: ">" or "<".

    Raises:
        ParameterError: If a number is not finite, or the relation unknown.

    >>> print(Assumption("the barrier is high against the noise", 2.5, 3.0, ">"))
    VIOLATED by a factor 1.2: the barrier is high against the noise (2.5, needs > 3)
    """

    sentence: str
    measured: float
    threshold: float
    relation: str

    def __post_init__(self) -> None:
        if self.relation not in ("<", ">"):
            raise ParameterError(f"an assumption bounds a number by '<' or '>', got {self.relation!r}")
        if not (isfinite(self.measured) and isfinite(self.threshold)):
            raise ParameterError(f"an assumption needs finite numbers, got {self.measured} and {self.threshold} for {self.sentence!r}")

    @property
    def holds(self) -> bool:
        """Whether it holds."""
        return self.measured < self.threshold if self.relation == "<" else self.measured > self.threshold

    @property
    def excess(self) -> str:
        """By how much it is violated: a factor, or a difference where a sign or a zero allows none; empty if it holds."""
        if self.holds:
            return ""
        small, large = sorted((self.measured, self.threshold))
        return f"a factor {large / small:.3g}" if small > 0 else f"{large - small:.3g}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text, as JSON can hold them."""
        return {**asdict(self), "holds": self.holds}

    def __str__(self) -> str:
        numbers = f"({self.measured:.4g}, needs {self.relation} {self.threshold:.4g})"
        return f"holds: {self.sentence} {numbers}" if self.holds else f"VIOLATED by {self.excess}: {self.sentence} {numbers}"
