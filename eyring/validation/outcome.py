"""What every validation problem hands to the main job: parts that run and can be saved, and an outcome that they decide."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.theory.formula import Formula
from eyring.validation.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Outcome", "Part", "Problem", "Table"]

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Part:
    """A piece of training whose raw numbers are saved as soon as it is done.

    Attributes:
        name: As in file names.
        title: For people.
        settings: Everything that fixes its numbers; saved numbers with other settings are not used.
        run: Does the work and returns raw numbers; told (steps done, steps in all) through its argument.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    run: Callable[[Callable[[int, int], None]], Arrays]


@dataclass(frozen=True)
class Table:
    """A table of the report: one title, column heads, rows of text, and a line below."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    remark: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a problem's raw numbers say.

    Attributes:
        name: Of the problem.
        title: For people.
        setting: What was trained, in a few sentences.
        verdicts: All comparisons.
        tables: The numbers behind them.
        formulas: Formulas whose derivations the report prints.
        draw: Draws the picture.
        raw: The raw numbers.
    """

    name: str
    title: str
    setting: str
    verdicts: tuple[Verdict, ...]
    tables: tuple[Table, ...]
    formulas: tuple[Formula, ...]
    draw: "Callable[[], Figure]" = field(repr=False)
    raw: Arrays = field(repr=False)


@dataclass(frozen=True)
class Problem:
    """A plan: the parts to run, and how to judge their raw numbers.

    Attributes:
        name: As on the command line.
        parts: The pieces of training.
        judge: From the raw numbers of every part, by its name, to the outcome.
    """

    name: str
    parts: tuple[Part, ...]
    judge: Callable[[Mapping[str, Arrays]], Outcome]
