"""The report of a validation run: Markdown for people, JSON and NPZ for machines, LaTeX for the derivations."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

import eyring
from eyring.numerics.answer import Estimate
from eyring.validation.outcome import Outcome, Table
from eyring.validation.saved_parts import write_whole
from eyring.validation.verdict import Verdict

__all__ = ["finding", "measured_text", "predicted_text", "versions", "write_report"]

PACKAGES = ("numpy", "scipy", "sympy", "numba", "torch", "scikit-learn", "matplotlib")
RULES = (
    "A prediction *disagrees* if it lies more than 5 standard errors beyond its own error; it *agrees* if the 99 % interval of the measurement "
    "meets it and both are narrower than the difference that matters; it is *out of regime* if one of its conditions failed, else *undecided*. "
    "A true prediction fails to agree in 1 of 100 comparisons and is rejected in fewer than 5 of a million. Rows marked rival are not "
    "eyring's own predictions: their rejection is a result."
)


def write_report(folder: Path, outcomes: Sequence[Outcome], run: Mapping[str, Any]) -> list[str]:
    """Write report.md, pictures, derivation.tex, results.json and results.npz into ``folder``; return what was left out, and why.

    Args:
        folder: Made if it does not exist.
        outcomes: One a problem.
        run: Command, seed, device and the like.
    """
    notices = []
    for outcome in outcomes:
        reason = _picture(folder / f"{outcome.name}.png", outcome)
        notices += [reason] if reason else []
    write_whole(folder / "derivation.tex", _derivations(outcomes).encode())
    write_whole(
        folder / "results.json", (json.dumps({**run, "problems": [outcome_dict(o) for o in outcomes]}, indent=2, default=_number) + "\n").encode()
    )
    buffer = BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{f"{o.name}/{name}": array for o in outcomes for name, array in o.raw.items()})
    write_whole(folder / "results.npz", buffer.getvalue())
    write_whole(folder / "report.md", _markdown(outcomes, run, notices).encode())
    return notices


def outcome_dict(outcome: Outcome) -> dict[str, Any]:
    """Return a problem's verdicts and tables as plain data."""
    return {
        "name": outcome.name,
        "title": outcome.title,
        "setting": outcome.setting,
        "verdicts": [v.to_dict() for v in outcome.verdicts],
        "tables": [{"title": t.title, "columns": t.columns, "rows": t.rows, "remark": t.remark} for t in outcome.tables],
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of every package that took part."""
    found = {"python": platform.python_version(), "eyring": eyring.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except ImportError:
            found[package] = "not installed"
    return found


def finding(verdict: Verdict) -> str:
    """Return measured / predicted with its interval and the distance."""
    r = verdict.ratio
    return f"{r.value:.4f} [{r.low:.4f}, {r.high:.4f}], {verdict.sigma:.1f} sigma"


def measured_text(estimate: Estimate) -> str:
    """Return a measured number with its interval."""
    return f"{estimate.value:.5g} [{estimate.low:.5g}, {estimate.high:.5g}]"


def predicted_text(verdict: Verdict) -> str:
    """Return a prediction with the theory's own error."""
    p = verdict.predicted
    if p.low is None or p.high is None:
        return f"{p.value:.5g}, own error unknown"
    return f"{p.value:.5g}" if p.low == p.high else f"{p.value:.5g} [{p.low:.5g}, {p.high:.5g}]"


def _picture(path: Path, outcome: Outcome) -> str:
    try:
        figure = outcome.draw()
    except ImportError as missing:
        return f"no picture of {outcome.name}: {missing.name} is not installed (pip install 'eyring[plots]')"
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
    return ""


def _derivations(outcomes: Sequence[Outcome]) -> str:
    from eyring.theory.writing.latex import document

    return document([f.derivation for o in outcomes for f in o.formulas], title="Derivations of the formulas validated here")


def _markdown(outcomes: Sequence[Outcome], run: Mapping[str, Any], notices: Sequence[str]) -> str:
    lines = [
        "# Validation of eyring against real training",
        "",
        f"**{run['result']}** (exit status {run['exit_status']})",
        "",
        f"    {run['command']}",
        "",
    ]
    lines += [f"Seed {run['seed']}, device {run['device']}. " + ", ".join(f"{name} {v}" for name, v in run["versions"].items()) + ".", "", RULES, ""]
    for notice in notices:
        lines += [f"Note: {notice}.", ""]
    for outcome in outcomes:
        lines += _section(outcome)
    lines += ["The derivations of the formulas are in derivation.tex, the raw numbers in results.json and results.npz.", ""]
    return "\n".join(lines)


def _section(outcome: Outcome) -> list[str]:
    lines = [f"## {outcome.title}", "", outcome.setting, "", f"![{outcome.title}]({outcome.name}.png)", "", "### Verdicts", ""]
    rows = [
        (_cell(v.claim), "own" if v.own else "rival", measured_text(v.measured), predicted_text(v), finding(v), f"**{v.status}**", _cell(v.note))
        for v in outcome.verdicts
    ]
    lines += _rows(("claim", "whose", "measured", "predicted", "measured / predicted", "verdict", "note"), rows)
    lines += ["", "### Conditions, measured", ""]
    conditions = {
        (v.claim.rpartition(": ")[0], _cell(c.sentence)): (f"{c.measured:.4g}", "holds" if c.holds else "**fails**")
        for v in outcome.verdicts
        for c in v.conditions
    }
    lines += _rows(("of", "condition", "measured", ""), [(*key, *value) for key, value in conditions.items()])
    for table in outcome.tables:
        lines += ["", *_table(table)]
    return [*lines, ""]


def _table(table: Table) -> list[str]:
    lines = [f"### {table.title}", "", *_rows(table.columns, [tuple(map(_cell, row)) for row in table.rows])]
    return [*lines, "", table.remark] if table.remark else lines


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(f"| {' | '.join(row)} |" for row in rows)]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
