"""Formulas of the catalogue as functions of numbers, derived once a process, and their conditions held against numbers."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.formula import Formula
from eyring.theory.results import result
from eyring.validation.predictors.assumption import Assumption

__all__ = ["catalogued", "compiled", "conditions_at", "logarithm_of"]


@cache
def catalogued(name: str, *, published: bool = False) -> Formula:
    """Return a formula of the catalogue, or the form in print.

    Raises:
        EyringError: If there is no such result, or no form in print that differs.
    """
    entry = result(name)
    formula = entry.published() if published else entry.derive()
    if formula is None:
        raise EyringError(f"{name} has no form in print that differs from the derived one")
    return formula


@cache
def compiled(name: str, *, published: bool = False) -> Any:
    """Return a catalogued formula as a function of numbers or arrays, by the printed names of its symbols."""
    return catalogued(name, published=published).compile("numpy")


def logarithm_of(name: str, numbers: Mapping[str, float], *, published: bool = False) -> float:
    """Return ln of a catalogued quantity at numbers, by the printed names of its symbols."""
    return float(compiled(name, published=published).log(**numbers))


def conditions_at(name: str, numbers: Mapping[str, float], *, published: bool = False) -> tuple[Assumption, ...]:
    """Return the conditions that the catalogue states for a formula, each with its two sides at these numbers."""
    formula = catalogued(name, published=published)
    found = []
    for condition in formula.conditions:
        relation = condition.relation
        if not isinstance(relation, sp.core.relational._Inequality):
            continue
        values = {s: numbers[s.name] for s in relation.free_symbols if s.name in numbers}
        sides = [sp.N(side.subs(values)) for side in (relation.gts, relation.lts)]
        if all(side.is_real and side.is_finite for side in sides):
            large, small = map(float, sides)
            over = relation.lhs == relation.gts
            measured, threshold = (large, small) if over else (small, large)
            found.append(Assumption(condition.sentence, measured, threshold, ">" if over else "<"))
    return tuple(found)
