"""When a formula holds: a sympy relation with a sentence that says what it means."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

__all__ = ["Condition", "greater", "less"]


def greater(large: sp.Expr, small: sp.Expr) -> sp.Basic:
    """Return large > small; a comparison of numbers that fails is kept as it stands, so that a report can show the numbers."""
    relation = sp.Gt(large, small)
    return sp.Gt(large, small, evaluate=False) if relation == sp.false else relation


def less(small: sp.Expr, large: sp.Expr) -> sp.Basic:
    """Return small < large, kept as it stands where numbers break it."""
    relation = sp.Lt(small, large)
    return sp.Lt(small, large, evaluate=False) if relation == sp.false else relation


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
        decided = self.relation.subs(dict(values)).doit()
        return bool(decided) if decided in (sp.true, sp.false) else None

    def __str__(self) -> str:
        return f"{self.relation}  ({self.sentence})"
