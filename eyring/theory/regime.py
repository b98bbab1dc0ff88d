"""When a formula holds: a sympy relation with a sentence that says what it means."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

__all__ = ["Condition"]


@dataclass(frozen=True)
class Condition:
    """One condition of a formula.

    Attributes:
        relation: A sympy relation, such as ``(L_b - L_a)/T > 3``.
        sentence: What it means in physics.
        remedy: What to do where it fails, as a sentence.
        hard: Whether the formula means nothing without it (a compiled formula then refuses); else it only loses accuracy.
    """

    relation: sp.Basic
    sentence: str
    hard: bool = False
    remedy: str = ""

    def holds(self, values: Mapping[sp.Symbol, object]) -> bool | None:
        """Say whether the relation is true at the values; None if they do not decide it."""
        decided = self.relation.subs(dict(values))
        return bool(decided) if decided in (sp.true, sp.false) else None

    def __str__(self) -> str:
        return f"{self.relation}  ({self.sentence})"
