"""Print which eyring this is."""

import argparse
import sys

import eyring
from eyring.cli.parser import MISUSE

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Print the version; without ``--version`` no verb was given, which is misuse."""
    if not arguments.version:
        print("eyring: a verb is missing: derive, exact, simulate, validate, check, drill, list, cite or symbols; see eyring --help", file=sys.stderr)
        return MISUSE
    print(f"eyring {eyring.__version__}")
    return 0
