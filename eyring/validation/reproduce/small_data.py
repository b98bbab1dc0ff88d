"""Small classification problems for the networks of this room: data that ship with scikit-learn, or the papers' own from a folder."""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import ParameterError
from eyring.validation.reproduce.originals import read_csv

if TYPE_CHECKING:
    from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["COLUMNS", "classification_data", "small_problem"]

COLUMNS = 16  # inputs kept: the leading principal components, in units of their common spread
SAMPLES = 500


def classification_data(name: str, folder: Path | None = None, *, columns: int = COLUMNS, samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """Return at most ``samples`` inputs, reduced to their leading principal components, (N, columns), and classes (N,); always the same ones.

    Args:
        name: "breast-cancer", "wine", "digits", or a CSV file in ``folder``.
        folder: Where a CSV file is.
        columns: Inputs kept.
        samples: Kept.

    Raises:
        ParameterError: If there is no such data set.
    """
    loaders = {"breast-cancer": "load_breast_cancer", "wine": "load_wine", "digits": "load_digits"}
    if name in loaders:
        from sklearn import datasets

        found = getattr(datasets, loaders[name])()
        inputs, targets = np.asarray(found.data, dtype=float), np.asarray(found.target)
        spread = inputs.std(axis=0) if name != "digits" else np.full(inputs.shape[1], inputs.std())
        inputs = (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    elif folder is not None:
        inputs, targets = read_csv(folder / name)
    else:
        raise ParameterError(f"no data set is called {name!r}; known: {', '.join(loaders)}, or a CSV file in the folder --data-dir names")
    order = np.random.default_rng(0).permutation(len(inputs))[:samples]
    inputs, targets = inputs[order], targets[order]
    if inputs.shape[1] > columns:
        centred = inputs - inputs.mean(axis=0)
        inputs = centred @ np.linalg.svd(centred, full_matrices=False)[2][:columns].T
    return inputs / inputs.std(), targets


def small_problem(
    data: str, hidden: tuple[int, ...], loss: str, folder: Path | None = None, *, columns: int = COLUMNS, samples: int = SAMPLES, decay: float = 0.0
) -> "TrainingProblem":
    """Return a fully connected tanh network on a data set, float64.

    Args:
        data: As ``classification_data`` names it.
        hidden: Widths of the hidden layers; none for logistic regression.
        loss: "cross-entropy", or "squared error" against the class as a number.
        folder: Where a CSV file is.
        columns: Inputs kept.
        samples: Kept.
        decay: L2 term.
    """
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    inputs, targets = classification_data(data, folder, columns=columns, samples=samples)
    squared = loss == "squared error"
    widths = [inputs.shape[1], *hidden, 1 if squared else int(targets.max()) + 1]
    layers: list[torch.nn.Module] = []
    for narrow, wide in pairwise(widths):
        layers += [torch.nn.Linear(narrow, wide, dtype=torch.float64), torch.nn.Tanh()]
    labels = torch.tensor(targets, dtype=torch.float64)[:, None] if squared else torch.tensor(targets, dtype=torch.int64)
    criterion: torch.nn.Module = torch.nn.MSELoss() if squared else torch.nn.CrossEntropyLoss()
    return TrainingProblem(torch.nn.Sequential(*layers[:-1]), criterion, (torch.tensor(inputs, dtype=torch.float64), labels), weight_decay=decay)
