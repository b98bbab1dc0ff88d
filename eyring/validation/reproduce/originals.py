"""The papers' own data sets, where somebody has them: CSV files in a folder, read as they are or refused with the reason.

One file a data set: no header, numbers separated by commas, one sample a line, its class (a whole number from 0 or 1) in the last column.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eyring.errors import ParameterError

__all__ = ["demand_files", "read_csv"]

FORM = "a CSV file without header, one sample a line, numbers separated by commas, the class (a whole number) in the last column"


def demand_files(folder: Path, names: Sequence[str]) -> Path:
    """Return the folder if it holds every file named.

    Raises:
        ParameterError: Naming what is missing, and the form it must have.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ParameterError(f"{folder} has no {', '.join(missing)}; needed is {', '.join(names)}, each {FORM}")
    return folder


def read_csv(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs (N, d), each column of mean 0 and standard deviation 1, and the classes (N,), counted from 0.

    Raises:
        ParameterError: If a line is not numbers, lines differ in length, a class is not a whole number, or there are fewer than two classes.
    """
    with path.open(newline="") as stream:
        lines = [line for line in csv.reader(stream) if line]
    if len({len(line) for line in lines}) != 1 or len(lines[0]) < 2:
        raise ParameterError(f"{path} has lines of {sorted({len(line) for line in lines})} columns; needed is {FORM}")
    try:
        table = np.array(lines, dtype=float)
    except ValueError as error:
        raise ParameterError(f"{path} holds something that is not a number ({error}); needed is {FORM}") from None
    inputs, labels = table[:, :-1], table[:, -1]
    if not np.all(np.isfinite(table)) or np.any(labels != np.round(labels)):
        raise ParameterError(f"{path} holds a number that is not finite or a class that is not a whole number; needed is {FORM}")
    classes, targets = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ParameterError(f"{path} holds one class only, {labels[0]:g}; a classifier needs at least two")
    spread = inputs.std(axis=0)
    return (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0), targets.astype(np.int64)
