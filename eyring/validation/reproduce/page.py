"""The page of the papers: every experiment with its claims, verdicts, picture, command and run time, made from stored reports."""

import os
from pathlib import Path

from eyring.errors import ParameterError
from eyring.theory.sources import SOURCES
from eyring.validation.reproduce.registry import reproductions
from eyring.validation.reproduce.report import Report

__all__ = ["papers_page", "stored_reports"]

HEAD = """# The papers' experiments, run here

Each experiment is a small-scale analogue: the same optimizer and the same question on a loss or a data set that fits on a laptop, trained by torch.
*Measured* is the number that the claim or the note names, with its 99 % interval. A claim *agrees*, *disagrees* (it lies more than 5 standard errors
away), is *out of regime* (a condition of the theory, measured here, fails), or is *undecided*. Claims in italics are the papers', the others eyring's
own. `eyring reproduce --list` names the experiments; `--quick` is a run of seconds that sees only larger differences, `--all --quick` one of
a few minutes; `--data-dir` takes a paper's own data where somebody has them. Run times are wall times on two processor cores.
This page: `eyring reproduce --markdown docs/papers > docs/papers.md`."""


def stored_reports(folder: Path) -> list[Report]:
    """Return the reports in a folder, in the order of the listing.

    Raises:
        ParameterError: If there are none, or one is of an experiment that is no longer known.
    """
    reports = {path.parent.name: Report.read(path) for path in sorted(folder.glob("*/report.json"))}
    if not reports:
        raise ParameterError(f"{folder} holds no report (NAME/report.json); run `eyring reproduce NAME --directory {folder}` first")
    unknown = sorted(set(reports) - set(reproductions()))
    if unknown:
        raise ParameterError(f"{folder} holds reports of {', '.join(unknown)}, which no experiment is called; remove them, or run them anew")
    return [reports[name] for name in reproductions() if name in reports]


def papers_page(folder: Path) -> str:
    """Return the page as Markdown; pictures are linked from the folder above.

    Args:
        folder: Holds NAME/report.json and NAME/picture.png.

    Raises:
        ParameterError: As ``stored_reports``.
    """
    reports = stored_reports(folder)
    summary = [f"| [{r.name}](#{r.name}) | {_paper(r)} | {r.figure} | {_verdicts(r)} | `{r.command}` | {_duration(r.seconds)} |" for r in reports]
    lines = [HEAD, "", "| experiment | paper | stands for | verdicts | command | run time |", "|---|---|---|---|---|---|", *summary, *_whole(reports)]
    for report in reports:
        lines += ["", *_section(report, os.path.basename(os.path.normpath(folder)))]
    return "\n".join(lines)


def _whole(reports: list[Report]) -> list[str]:
    """Return the table's last line: what all of it takes, where all of it was run."""
    if [r.name for r in reports] != list(reproductions()) or not all(r.seconds for r in reports):
        return []
    verdicts = _counted([row.verdict for report in reports for row in report.rows])
    return [f"| all {len(reports)} | | | {verdicts} | `eyring reproduce --all` | {_duration(sum(r.seconds for r in reports))} |"]


def _section(report: Report, folder: str) -> list[str]:
    lines = [f"## {report.name}", "", f"{report.title}. {report.setting} ({report.label}; {_paper(report)}: {report.figure})", ""]
    lines += ["| claim | measured | 99 % interval | verdict | note |", "|---|---|---|---|---|"]
    for row in report.rows:
        interval = "" if row.low is None else f"[{row.low:.4g}, {row.high:.4g}]"
        claim = _cell(row.claim) if row.own else f"*{_cell(row.claim)}*"
        lines.append(f"| {claim} | {row.measured:.4g} | {interval} | {row.verdict} | {_cell(row.note)} |")
    return [*lines, "", f"![{report.title}]({folder}/{report.name}/picture.png)"]


def _paper(report: Report) -> str:
    source = SOURCES[report.paper]
    families = [name.split(",")[0] for name in source.authors.split(" and ")]
    who = families[0] if len(families) == 1 else " & ".join(families) if len(families) == 2 else f"{families[0]} et al."
    return f"{who} {source.year}"


def _verdicts(report: Report) -> str:
    return _counted([row.verdict for row in report.rows])


def _counted(verdicts: list[str]) -> str:
    return ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))


def _duration(seconds: float) -> str:
    if not seconds:
        return "not timed"
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
