"""The command ``eyring``: derive, compute exactly, simulate and validate from a terminal.

Exit status: 0 agrees or done, 1 disagrees, 2 undecided, 3 out of regime, 64 misuse.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from eyring.cli.parser import MISUSE, parse
from eyring.errors import AccuracyError, NotApplicable

__all__ = ["main"]

UNDECIDED, OUT_OF_REGIME, INTERRUPTED = 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    Args:
        argv: The words after ``eyring``; those of the process if left out.
    """
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        status: int = import_module(f"eyring.cli.{arguments.verb}").run(arguments)
        sys.stdout.flush()
    except SystemExit as end:  # argparse, after --help or misuse
        return int(end.code or 0)
    except NotApplicable as refusal:
        return _refused(refusal, OUT_OF_REGIME)
    except AccuracyError as refusal:
        return _refused(refusal, UNDECIDED)
    except KeyboardInterrupt:
        print("eyring: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, ArithmeticError, OSError) as refusal:
        return _refused(refusal, MISUSE)
    return status


def _refused(refusal: Exception, status: int) -> int:
    print("eyring: " + (" ".join(str(refusal).split()) or type(refusal).__name__), file=sys.stderr)
    return status
