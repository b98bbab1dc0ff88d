"""A result held against its second roads: how many digits each confirms, and by how much the form in print misses."""

from dataclasses import dataclass

from eyring.errors import EyringError
from eyring.numerics.roads import Judgement, Limit, Road, roads_to
from eyring.theory.formula import Formula
from eyring.theory.results import Result, result

__all__ = ["Confirmation", "confirm"]


@dataclass(frozen=True)
class Confirmation:
    """What the second roads say of a result.

    Attributes:
        result: The line of the catalogue.
        formula: What it derives.
        roads: Each road with its judgement on the formula.
        published: The judgements on the form in print, by road; empty where it does not differ.
    """

    result: Result
    formula: Formula
    roads: tuple[tuple[Road, Judgement], ...]
    published: tuple[Judgement, ...]

    @property
    def agrees(self) -> bool:
        """Every road confirms the formula."""
        return all(judgement.agrees for _, judgement in self.roads)

    def __str__(self) -> str:
        lines = [f"{self.result.name}: {'confirmed' if self.agrees else 'REJECTED'}"]
        lines += [f"  {road.method}: {digits_text(road, judgement)}" for road, judgement in self.roads]
        if self.published:
            stands = all(j.agrees for j in self.published)
            lines.append("  the form in print: " + ("stands too" if stands else f"off by {misses(self.published):.3g} (relative)"))
        return "\n".join(lines)


def confirm(which: Result | str) -> Confirmation:
    """Derive a result and show it, and the form in print, to its roads.

    Raises:
        EyringError: If there is no such result, or no road to it.
    """
    chosen = which if isinstance(which, Result) else result(which)
    formula, judges = chosen.derive(), roads_to(chosen.name)
    printed = chosen.published()
    judged = tuple((road, road.judge(formula.expression)) for road in judges)
    if any(judgement.trials == 0 for _, judgement in judged):
        raise EyringError(f"a road to {chosen.name} tries nothing")
    return Confirmation(chosen, formula, judged, () if printed is None else tuple(road.judge(printed.expression) for road in judges))


def misses(judgements: tuple[Judgement, ...]) -> float:
    """Return the largest relative difference."""
    return max(j.worst for j in judgements)


def digits_text(road: Road, judgement: Judgement) -> str:
    """Say how far a road confirms the formula, in words."""
    if not judgement.agrees:
        return f"differs by {judgement.worst:.2g} (relative)"
    what = "digits of the limit" if isinstance(road, Limit) else "digits"
    if judgement.digits < 2:
        return f"within {judgement.worst:.1%} in {judgement.trials} trials"
    return f"{int(judgement.digits)} {what}, {judgement.trials} trials"
