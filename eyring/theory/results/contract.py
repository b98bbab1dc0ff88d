"""What every line of the catalogue promises: a derived formula, where it is stated, how exact it is, and the form in print."""

from abc import ABC, abstractmethod
from functools import cache
from typing import ClassVar

import sympy as sp

from eyring.theory.formula import Formula

__all__ = ["CHAPTERS", "KINDS", "Result"]

CHAPTERS = ("From algorithm to SDE", "Minibatch noise", "Stationary laws", "Escape", "What they mean", "Beyond the papers")
KINDS = ("exact", "leading order", "approximation")


class Result(ABC):
    """One result of the field in its general form, derived from symbols.

    A file in this folder holds one result, or a few of one idea. Its second road, which sees numbers only, is in ``eyring.numerics.roads``.

    Attributes:
        name: How ``eyring derive NAME`` and the roads call it: words joined by hyphens.
        title: One line for people.
        chapter: One of ``CHAPTERS``.
        sources: Keys of the bibliography where the result is stated; empty if it is new here.
        kind: "exact", "leading order" (in the noise strength or the step), or "approximation" (its error is measured, not known).
        cited_at_most: How many steps of its derivation may be taken from the literature.
        published_note: Where and by how much the form in print differs; empty if it does not.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    chapter: ClassVar[str]
    sources: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[str] = "exact"
    cited_at_most: ClassVar[int] = 0
    published_note: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        """Let each result be derived once a process: the same symbols lead to the same lines every time."""
        super().__init_subclass__()
        for name in {"derive", "published"} & set(vars(cls)):
            setattr(cls, name, cache(vars(cls)[name]))

    @abstractmethod
    def derive(self) -> Formula:
        """Derive the formula; its expression is a number or a matrix."""

    def published(self) -> Formula | None:
        """Return the form in print where it differs from the derived one; else None."""
        return None

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """Return what the formula would be had the noise been read in another calculus, by calculus; empty where it makes no difference."""
        return {}

    def __repr__(self) -> str:
        return f"{self.name}: {self.title}"
