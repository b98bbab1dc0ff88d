"""The verb ``check``: hold the results of the catalogue against their second roads."""

import argparse
import json
import sys

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print what each road confirms; 1 if one rejects a formula."""
    from eyring.theory.results import results
    from eyring.validation.confirmation import confirm, digits_text
    from eyring.validation.formula_table import formula_page

    done = []
    for name in arguments.names or results():
        done.append(confirm(name))
        print(done[-1], file=sys.stderr if arguments.json or arguments.markdown else sys.stdout, flush=True)
    if arguments.markdown:
        print(formula_page(done))
    if arguments.json:
        rows = {c.result.name: {r.method: digits_text(r, j) for r, j in c.roads} | {"agrees": c.agrees} for c in done}
        print(json.dumps({"value": rows, "unit": "digits", "error": None, "conditions": []}, indent=2))
    return 0 if all(c.agrees for c in done) else 1
