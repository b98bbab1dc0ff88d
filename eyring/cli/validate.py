"""The verb ``validate``: train with torch, compare with the theory, write the report."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from eyring.cli.progress import progress_bar
from eyring.errors import ParameterError

if TYPE_CHECKING:
    from eyring.validation.main_job import ValidationResult

__all__ = ["run"]

PROBLEMS = ("double-well", "regression")


def run(arguments: argparse.Namespace) -> int:
    """Run the problems and print their tables; the status is the verdict on eyring's own predictions.

    Raises:
        ParameterError: If a problem is unknown, or torch or scikit-learn is not installed.
    """
    unknown = [p for p in arguments.problems if p not in PROBLEMS]
    if unknown:
        raise ParameterError(f"unknown problem {', '.join(unknown)}; known: {', '.join(PROBLEMS)}")
    from rich.console import Console

    try:
        report = _validated(arguments)
    except ModuleNotFoundError as missing:
        raise ParameterError(f"validation needs {missing.name}, which is not installed: pip install 'eyring[validate,plots]'") from missing
    if arguments.json:
        found = report.to_dict()
        print(json.dumps({"value": found.get("result"), "unit": None, "error": None, "conditions": []} | found, indent=2))
    else:
        report.print(Console(file=sys.stdout))
    return int(report.exit_status)


def _validated(arguments: argparse.Namespace) -> "ValidationResult":
    from eyring.validation.main_job import run_validation

    problems = tuple(arguments.problems) or PROBLEMS
    with progress_bar() as progress:
        return run_validation(problems, device=arguments.device, seed=arguments.seed, out=arguments.out, quick=arguments.quick, progress=progress)
