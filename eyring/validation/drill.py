"""The planted-error drill: every mutant of every formula is shown to the second roads, which see numbers only and must reject it."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sympy as sp

from eyring.numerics.roads import Road, roads_to
from eyring.theory.derivation.proof import difference
from eyring.theory.results import Result, result, results
from eyring.validation.mutants import Mutant, mutants

__all__ = ["Drilled", "drill", "drill_all"]


@dataclass(frozen=True)
class Drilled:
    """How the roads to one result took the errors planted in it.

    Attributes:
        name: The result.
        planted: How many mutants differ from the formula.
        survivors: Those that no road rejected.
        equivalent: Those that are the same formula written differently, as algebra proves; not counted as planted.
    """

    name: str
    planted: int
    survivors: tuple[Mutant, ...]
    equivalent: tuple[Mutant, ...]

    @property
    def caught(self) -> int:
        """How many were rejected."""
        return self.planted - len(self.survivors)

    def __str__(self) -> str:
        lines = [f"{self.name}: caught {self.caught} of {self.planted}"]
        lines += [f"  not caught: {m.error}: {m.expression}" for m in self.survivors]
        return "\n".join([*lines, *(f"  the same formula: {m.error}" for m in self.equivalent)])


def drill(which: Result | str, *, sample: int | None = None) -> Drilled:
    """Plant every error in one result and show it to its roads.

    Args:
        which: The result, or its name.
        sample: Try that many mutants, drawn with a fixed seed, instead of all.

    Raises:
        EyringError: If the result has no road.
    """
    chosen = which if isinstance(which, Result) else result(which)
    formula = chosen.derive()
    tried = mutants(formula.expression, chosen.in_other_calculi())
    if sample is not None and sample < len(tried):
        tried = tuple(random.Random(2021).sample(tried, sample))
    judges = roads_to(chosen.name)
    left = [m for m in tried if not _rejected(m, judges)]
    equivalent = tuple(m for m in left if _same(m.expression, formula.expression))
    survivors = tuple(m for m in left if m not in equivalent)
    return Drilled(chosen.name, len(tried) - len(equivalent), survivors, equivalent)


def drill_all(
    names: Iterable[str] | None = None, *, sample: int | None = None, progress: Callable[[Drilled], None] = lambda done: None
) -> list[Drilled]:
    """Drill the named results, or the whole catalogue; ``progress`` is called after each."""
    done = []
    for name in names if names is not None else results():
        done.append(drill(name, sample=sample))
        progress(done[-1])
    return done


def _rejected(mutant: Mutant, judges: tuple[Road, ...]) -> bool:
    return any(not road.judge(mutant.expression).agrees for road in judges)


def _same(one: sp.Basic, other: sp.Basic) -> bool:
    rest = difference(one, other)
    return all(e == 0 for e in rest) if isinstance(rest, sp.MatrixBase) else rest == 0
