"""A derivation: an immutable list of graded steps in which a false one cannot be written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import sympy as sp

from eyring.errors import DerivationError
from eyring.theory.derivation.proof import agree_in_numbers, difference
from eyring.theory.sources import SOURCES

__all__ = ["Derivation", "Grade", "Residual", "Rule", "Step"]

Residual = Callable[[sp.Basic, sp.Basic], sp.Basic]  # (stated line, previous line) -> what must vanish


class Grade(StrEnum):
    """How a step is known."""

    COMPUTED = "computed"
    CHECKED = "checked"
    CITED = "cited"
    ASSUMED = "assumed"


@dataclass(frozen=True)
class Rule:
    """A named rewriting of one expression into the next, with a witness that looks at the numbers alone.

    Attributes:
        name: What the report prints.
        transform: ``transform(expression, **arguments)`` returns the next expression.
        witness: ``witness(before, after, **arguments)`` says whether numbers confirm it; by default both sides are evaluated at random points.
    """

    name: str
    transform: Callable[..., sp.Basic]
    witness: Callable[..., bool] = lambda before, after, **_: agree_in_numbers(before, after)


@dataclass(frozen=True)
class Step:
    """One line of a derivation.

    Attributes:
        statement: What is done, in words.
        expression: The line.
        grade: computed (by a rule), checked (stated, then shown to follow), cited (taken from the literature) or assumed (signed for by the user).
        rule: The name of the rule, or of the check.
        assumption: What must hold for the step, in words; None if nothing.
        source: Key of the reference; None unless cited.
        check: ``check(previous, line)`` raises if the line does not follow from the previous one.
    """

    statement: str
    expression: sp.Basic
    grade: Grade
    rule: str
    assumption: str | None = None
    source: str | None = None
    check: Callable[[sp.Basic, sp.Basic], None] = field(default=lambda previous, line: None, repr=False, compare=False)


@dataclass(frozen=True)
class Derivation:
    """An immutable list of steps; each method returns a longer one, or raises.

    >>> x = sp.Symbol("x", positive=True)
    >>> d = Derivation("square of a sum").define("start", (x + 1) ** 2)
    >>> d.claim("expanded", x**2 + 2 * x + 1).expression
    x**2 + 2*x + 1
    >>> d.claim("forgot the 2", x**2 + x + 1)
    Traceback (most recent call last):
        ...
    eyring.errors.DerivationError: step 2 of 'square of a sum' (forgot the 2) does not follow:
      stated minus derived = -x
    """

    title: str
    steps: tuple[Step, ...] = ()

    @property
    def expression(self) -> sp.Basic:
        """The last line."""
        if not self.steps:
            raise DerivationError(f"the derivation {self.title!r} has no step yet")
        return self.steps[-1].expression

    @property
    def cited(self) -> tuple[Step, ...]:
        """The steps that no machine checked: the honest measure of what is taken on trust."""
        return self._graded(Grade.CITED)

    @property
    def computed(self) -> tuple[Step, ...]:
        """The steps that sympy did."""
        return self._graded(Grade.COMPUTED)

    @property
    def checked(self) -> tuple[Step, ...]:
        """The steps stated first and then shown to follow."""
        return self._graded(Grade.CHECKED)

    @property
    def assumed(self) -> tuple[Step, ...]:
        """The steps that do not follow but were signed for by the user."""
        return self._graded(Grade.ASSUMED)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What must hold, in the order in which it entered."""
        return tuple(dict.fromkeys(s.assumption for s in self.steps if s.assumption))

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the references used."""
        return tuple(dict.fromkeys(s.source for s in self.steps if s.source))

    def define(self, statement: str, expression: sp.Basic, *, rule: str = "definition", needs: str | None = None) -> "Derivation":
        """Write down the object from which the derivation starts; nothing is asserted about it."""
        return self._with(Step(statement, expression, Grade.COMPUTED, rule, needs))

    def cite(self, statement: str, expression: sp.Basic, *, source: str, needs: str | None = None) -> "Derivation":
        """Take a statement from the literature.

        Raises:
            DerivationError: If the source is not in the bibliography.
        """
        if source not in SOURCES:
            raise DerivationError(f"unknown source {source!r}; add it to eyring/theory/sources.py first")
        return self._with(Step(statement, expression, Grade.CITED, "literature", needs, source))

    def assume(self, statement: str, expression: sp.Basic, *, needs: str) -> "Derivation":
        """Put something in place of the last line that does not follow from it; the derivation keeps saying so."""
        return self._with(Step(statement, expression, Grade.ASSUMED, "signed for", needs))

    def apply(self, rule: Rule, statement: str, *, needs: str | None = None, **arguments: Any) -> "Derivation":
        """Let a rule compute the next line, and let its witness look at the numbers.

        Raises:
            DerivationError: If the numbers do not bear the rule out.
        """
        result = rule.transform(self.expression, **arguments)

        def check(previous: sp.Basic, line: sp.Basic) -> None:
            if not rule.witness(previous, line, **arguments):
                raise DerivationError(f"{statement!r} in {self.title!r}: numbers do not confirm the rule {rule.name!r}; the line is\n  {line}", line)

        return self._with(Step(statement, result, Grade.COMPUTED, rule.name, needs, None, check))

    def claim(
        self,
        statement: str,
        expression: sp.Basic,
        *,
        residual: Residual = difference,
        rule: str = "algebra",
        needs: str | None = None,
    ) -> "Derivation":
        """State the next line, then check it.

        Args:
            statement: What is claimed.
            expression: The line.
            residual: ``residual(stated, previous)`` must simplify to zero; by default their difference.
            rule: The name of the check, for the report.
            needs: The assumption made.

        Raises:
            DerivationError: If the residual is not zero; it carries the difference.
        """
        number = len(self.steps) + 1

        def check(previous: sp.Basic, line: sp.Basic) -> None:
            rest = residual(line, previous)
            if not _vanishes(rest):
                raise DerivationError(f"step {number} of {self.title!r} ({statement}) does not follow:\n  stated minus derived = {rest}", rest)

        return self._with(Step(statement, expression, Grade.CHECKED, rule, needs, None, check))

    def follow(self, other: "Derivation") -> "Derivation":
        """Return this derivation continued by the steps of another one."""
        return replace(self, steps=self.steps + other.steps)

    def verify(self) -> None:
        """Replay every check on the lines as they stand.

        Raises:
            DerivationError: At the first line that does not follow from the one before it.
        """
        for before, step in zip(self.steps, self.steps[1:], strict=False):
            step.check(before.expression, step.expression)

    def verify_last(self) -> None:
        """Replay the check of the last line alone.

        Raises:
            DerivationError: If it does not follow.
        """
        if len(self.steps) > 1:
            self.steps[-1].check(self.steps[-2].expression, self.expression)

    def _with(self, step: Step) -> "Derivation":
        if self.steps:
            step.check(self.expression, step.expression)
        return replace(self, steps=(*self.steps, step))

    def _graded(self, grade: Grade) -> tuple[Step, ...]:
        return tuple(s for s in self.steps if s.grade is grade)

    def to_dict(self) -> Mapping[str, Any]:
        """Return the derivation as plain text objects, for JSON."""
        return {
            "title": self.title,
            "steps": [
                {
                    "statement": s.statement,
                    "expression": str(s.expression),
                    "grade": str(s.grade),
                    "rule": s.rule,
                    "assumption": s.assumption,
                    "source": s.source,
                }
                for s in self.steps
            ],
        }

    def __str__(self) -> str:
        lines = [self.title]
        for number, step in enumerate(self.steps, 1):
            origin = f": {step.source}" if step.source else ""
            lines.append(f"  {number}. {step.statement}  [{step.grade}{origin}]")
            if step.assumption:
                lines.append(f"       needs: {step.assumption}")
            lines.append(f"       {step.expression}")
        return "\n".join(lines)


def _vanishes(rest: sp.Basic) -> bool:
    if isinstance(rest, sp.MatrixBase):
        return all(entry == 0 for entry in rest)
    return rest == 0
