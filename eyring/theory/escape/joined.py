"""Several escape times in one derivation: what they share is derived once."""

from collections.abc import Iterable, Sequence
from itertools import takewhile

from eyring.errors import EyringError
from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula

__all__ = ["demand_next_well", "demand_one_clock", "joined"]


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
    strangers = [f for f in formulas if not isinstance(f, Formula)]
    if strangers:
        raise EyringError(f"{asked_by} takes formulas, as escape_time returns them; got {strangers[0]!r}")
    units = {(f.unit, f.clock) for f in formulas}
    if len(units) > 1 or formulas[0].unit not in ("time", "iterations"):
        given = ", ".join(f"{f.unit} (one iteration is {f.clock})" for f in formulas)
        raise EyringError(f"{asked_by} needs mean times in one unit and on one clock, got {given}; convert with .per_time or .per_iteration")


def demand_next_well(formulas: Iterable[Formula], *, asked_by: str) -> None:
    """Refuse times that end at the saddle, where half of the walkers fall back: their rates are not rates of hopping.

    Raises:
        EyringError: If the event of one is known and is another.
    """
    other = next((f.event for f in formulas if f.event not in ("", "next well")), None)
    if other is not None:
        raise EyringError(f'{asked_by} needs times that end in the next well, got one {other}; derive it with event="next well"')
