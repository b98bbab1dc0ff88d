"""The page of formulas: for every result its formula, sources, conditions, grades of its steps, second road and the digits confirmed."""

from collections.abc import Iterable

from eyring.theory.sources import SOURCES
from eyring.theory.writing.latex import expression_latex
from eyring.validation.confirmation import Confirmation, digits_text, misses

__all__ = ["formula_entry", "formula_page"]

LONGEST_FORMULA = 900  # longer ones are left to `eyring derive NAME`


def formula_page(confirmations: Iterable[Confirmation]) -> str:
    """Return the page as Markdown, results in the order given."""
    rows = list(confirmations)
    head = [
        "# Formulas", "",
        "Every result of the catalogue: derived step by step, then held against a second road that sees numbers only. "
        "This page is what `eyring check --markdown` prints; a test keeps it current. `eyring derive NAME` prints a derivation, "
        "`eyring drill NAME` plants every small error in the formula and counts those that the road rejects.", "",
        "*Computed* steps were done by a rule whose witness looks at numbers, *checked* ones stated and then shown to follow, "
        "*cited* ones taken from the literature. Sources marked \"not verified\" are recalled, the others were read.", "",
    ]  # fmt: skip
    lines, chapter = head, ""
    for row in rows:
        if row.result.chapter != chapter:
            chapter = row.result.chapter
            lines += [f"## {chapter}", ""]
        lines += [*formula_entry(row), ""]
    return "\n".join(lines)


def formula_entry(row: Confirmation) -> list[str]:
    """Return the lines of one result."""
    result, formula, steps = row.result, row.formula, row.formula.derivation
    latex = expression_latex(formula.expression)
    shown = f"$$ {latex} $$" if len(latex) <= LONGEST_FORMULA else f"*(a long sum: `eyring derive {result.name}` prints it)*"
    lines = [f"### `{result.name}`: {result.title}", "", shown, ""]
    grades = f"{len(steps.computed)} computed, {len(steps.checked)} checked, {len(steps.cited)} cited"
    lines.append(f"- {result.kind}; unit: {formula.unit}; steps: {grades}")
    keys = dict.fromkeys((*result.sources, *steps.sources))
    lines.append("- source: " + ("; ".join(str(SOURCES[k]) for k in keys) if keys else "derived here"))
    needs = [f"${expression_latex(c.relation)}$ ({c.sentence})" for c in formula.conditions] + list(steps.assumptions)
    lines += [f"- needs: {need}" for need in needs]
    if formula.next_order is not None and len(neglected := expression_latex(formula.next_order)) <= LONGEST_FORMULA:
        lines.append(f"- first neglected term, relative: ${neglected}$")
    lines += [f"- second road: {road.method}: {digits_text(road, judgement)}" for road, judgement in row.roads]
    if row.published:
        lines.append(f"- in print: {result.published_note} The second road finds it off by {misses(row.published):.3g} (relative).")
    elif result.published_note:
        lines.append(f"- in print: {result.published_note}")
    return lines
