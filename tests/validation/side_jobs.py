"""Stand-ins for experiments that other processes import: two that end with a report, one that fails, one that takes its process along."""

import os
import time

from eyring.validation.reproduce.report import Report

NAMES = ("xie-logistic", "ziyin-tail", "xie-networks")


def stand_in(name, directory, *, quick, data=None, progress=None):
    """Return a report at once, the first later than the others; the experiment called ziyin-tail fails."""
    if name == "ziyin-tail":
        return "AccuracyError: the tail was not there"
    time.sleep(0.5 * (name == NAMES[0]))
    return Report(name, "xie2021", "none", f"Stand-in for {name}", "", "", "", quick, 1.0, (), {})


def fatal(name, directory, *, quick, data=None, progress=None):
    """End the process."""
    os._exit(1)
