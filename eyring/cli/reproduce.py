"""The verb ``reproduce``: the papers' experiments, run here and judged, and the page that shows them all."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from eyring.cli.progress import progress_bar
from eyring.errors import ParameterError

if TYPE_CHECKING:
    from eyring.validation.reproduce.report import Report

__all__ = ["run"]

FAILED = 1
WORST_FIRST = (FAILED, 3, 2, 0)


def run(arguments: argparse.Namespace) -> int:
    """List, run or print; the status is the worst verdict on eyring's own claims, and 1 if one of several experiments failed.

    Raises:
        ParameterError: If nothing was asked for, a name is unknown, or torch or scikit-learn is not installed.
    """
    from eyring.validation.reproduce.registry import reproduction, reproductions

    if arguments.list:
        return _list(arguments)
    if arguments.markdown:
        from eyring.validation.reproduce.page import papers_page

        print(papers_page(arguments.markdown))
        return 0
    if arguments.all and arguments.names:
        raise ParameterError("give names or --all, not both")
    if arguments.all and arguments.data_dir:
        raise ParameterError("--data-dir goes with the one experiment whose data it holds; name it")
    chosen = [reproduction(name).name for name in (reproductions() if arguments.all else dict.fromkeys(arguments.names))]
    if not chosen:
        raise ParameterError(f"name an experiment, or say --all or --list; known: {', '.join(reproductions())}")
    reports, statuses = [], set()
    for name, outcome in _outcomes(chosen, arguments):
        if isinstance(outcome, str):
            statuses.add(FAILED)
            print(f"eyring: {name} failed: {outcome}", file=sys.stderr, flush=True)
            continue
        statuses.add(outcome.exit_status)
        reports.append(outcome)
        if not arguments.json:
            _print(outcome)
    if arguments.json:
        value: Any = [report.to_dict() for report in reports]
        print(json.dumps({"value": value, "unit": None, "error": None, "conditions": []}, indent=2))
    return next(status for status in WORST_FIRST if status in statuses)


def _outcomes(names: Sequence[str], arguments: argparse.Namespace) -> "Iterator[tuple[str, Report | str]]":
    """Yield each experiment's report in the order of the names; of one among several that fails, what it said."""
    from eyring.validation.reproduce.side_by_side import run_side_by_side

    options = {"quick": arguments.quick, "data": arguments.data_dir}
    with progress_bar() as progress:
        try:
            yield from run_side_by_side(names, arguments.directory, workers=arguments.workers, progress=progress, **options)
        except ModuleNotFoundError as missing:
            raise ParameterError(f"this needs {missing.name}, which is not installed: pip install 'eyring[validate,plots]'") from missing


def _list(arguments: argparse.Namespace) -> int:
    from eyring.validation.reproduce.registry import reproductions

    known = reproductions()
    if arguments.json:
        value = {name: what.to_dict() for name, what in known.items()}
        print(json.dumps({"value": value, "unit": None, "error": None, "conditions": []}, indent=2))
        return 0
    width = max(map(len, known), default=0)
    for name, what in known.items():
        print(f"{name:{width}}  {what.title} ({what.paper}, {what.figure})")
    return 0


def _print(report: "Report") -> None:
    from textwrap import fill

    print(f"{report.title} ({report.label}; {report.seconds:.0f} s)")
    for row in report.rows:
        interval = "" if row.low is None else f" [{row.low:.4g}, {row.high:.4g}]"
        print(fill(f"{row.verdict:13}  {row.claim}: {row.measured:.4g}{interval}", 150, subsequent_indent=" " * 15))
        if row.note:
            print(fill(row.note, 150, initial_indent=" " * 15, subsequent_indent=" " * 15))
    print(flush=True)
