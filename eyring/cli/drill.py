"""The verb ``drill``: plant every small error in every formula, and see whether the second roads catch it."""

import argparse
import json
import sys

from eyring.errors import ParameterError

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print "caught k of n" for each result and in all; 1 if one got through."""
    if arguments.sample is not None and arguments.sample < 1:
        raise ParameterError(f"--sample N plants at most N errors in each formula; N must be at least 1, got {arguments.sample}")
    from eyring.validation.drill import Drilled, drill_all

    def progress(done: Drilled) -> None:
        print(done, file=sys.stderr if arguments.json else sys.stdout, flush=True)

    done = drill_all(arguments.names or None, sample=arguments.sample, progress=progress)
    caught, planted = sum(d.caught for d in done), sum(d.planted for d in done)
    if arguments.json:
        survivors = [{"result": d.name, "error": m.error, "expression": str(m.expression)} for d in done for m in d.survivors]
        report = {"value": caught, "unit": "errors caught", "error": None, "conditions": [], "planted": planted, "survivors": survivors}
        print(json.dumps(report, indent=2))
    else:
        print(f"caught {caught} of {planted}")
    return 0 if caught == planted else 1
