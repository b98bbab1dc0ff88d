"""The verbs ``list``, ``cite`` and ``symbols``: what the house holds."""

import argparse
import json

from eyring.errors import ParameterError

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print what was asked for."""
    {"list": _list, "cite": _cite, "symbols": _symbols}[arguments.word](arguments)
    return 0


def _list(arguments: argparse.Namespace) -> None:
    from eyring.cli.parser import members
    from eyring.numerics.backends import backend_names

    rooms = {
        "results (eyring derive NAME)": _results(),
        "escape theories": _theories(),
        "stationary laws": _laws(),
        "dynamics": _summaries("dynamics", members("dynamics")),
        "noise": _summaries("noise", members("noise")),
        "backends": {name: "" for name in backend_names()},
        "problems": {"double-well": "escape of a finite-sum loss, three ways", "regression": "stationary law of least squares on the diabetes data"},
    }
    if arguments.json:
        print(json.dumps({"value": rooms, "unit": None, "error": None, "conditions": []}, indent=2))
        return
    for room, entries in rooms.items():
        print(f"{room}:")
        width = max(18, *(len(name) for name in entries))
        for name, summary in entries.items():
            print(f"  {name:<{width}} {summary}".rstrip())


def _results() -> dict[str, str]:
    from eyring.theory.results import results

    return {name: f"{result.title} ({result.kind})" for name, result in results().items()}


def _theories() -> dict[str, str]:
    from eyring.theory.escape import escape_theories

    return {theory.name: _first_line(type(theory)) for theory in escape_theories()}


def _laws() -> dict[str, str]:
    from eyring.theory.stationary import stationary_theories

    return {law.name: _first_line(type(law)) for law in stationary_theories()}


def _summaries(folder: str, names: tuple[str, ...]) -> dict[str, str]:
    from importlib import import_module

    return {name: (import_module(f"eyring.theory.{folder}.{name.replace('-', '_')}").__doc__ or "").splitlines()[0] for name in names}


def _first_line(member: type) -> str:
    return (member.__doc__ or "").splitlines()[0]


def _cite(arguments: argparse.Namespace) -> None:
    from eyring.theory.sources import SOURCES, bibtex

    if arguments.all == bool(arguments.keys):
        raise ParameterError(f"cite takes the key of a source, or --all; known: {', '.join(SOURCES)}")
    keys = list(SOURCES) if arguments.all else arguments.keys
    text = bibtex(*keys)
    print(json.dumps({"value": text, "unit": None, "error": None, "conditions": [], "keys": keys}, indent=2) if arguments.json else text)


def _symbols(arguments: argparse.Namespace) -> None:
    from eyring.theory.symbols import GLOSSARY

    rows = {name: {"latex": e.latex, "meaning": e.meaning, "unit": e.unit, "typical": [str(t) for t in e.typical]} for name, e in GLOSSARY.items()}
    if arguments.json:
        print(json.dumps({"value": rows, "unit": None, "error": None, "conditions": []}, indent=2))
        return
    for name, row in rows.items():
        print(f"{name:<10} {row['meaning']}; unit {row['unit']}; typically {' to '.join(row['typical'])}")
