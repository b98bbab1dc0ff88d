"""Several escape times in one derivation: what they share is derived once."""

from collections.abc import Sequence
from itertools import takewhile

from eyring.errors import EyringError
from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula

__all__ = ["demand_one_clock", "joined"]


def joined(derivations: Sequence[Derivation]) -> Derivation:
    """Return the first derivation followed by what is new in each of the others, which start from the last line that they share with it."""
    first, *others = derivations
    whole = first
    for other in others:
        shared = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(first.steps, other.steps, strict=False))))
        if shared:
            whole = whole.define("the law once more, for the next way", other.steps[shared - 1].expression, rule="as above")
        whole = whole.follow(Derivation(other.title, other.steps[shared:]))
    return whole


def demand_one_clock(formulas: Sequence[Formula], *, asked_by: str) -> None:
    """Refuse escape times that cannot be added up.

    Raises:
        EyringError: If one is no time, or units or clocks differ.
    """
    units = {(f.unit, f.clock) for f in formulas}
    if len(units) > 1 or formulas[0].unit not in ("time", "iterations"):
        given = ", ".join(f"{f.unit} (one iteration is {f.clock})" for f in formulas)
        raise EyringError(f"{asked_by} needs mean times in one unit and on one clock, got {given}; convert with .per_time or .per_iteration")
