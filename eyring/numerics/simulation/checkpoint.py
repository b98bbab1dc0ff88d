"""A run that survives being killed: its walkers, streams and exits in one file, written whole or not at all, that only the same run reads back."""

import hashlib
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eyring.errors import ParameterError
from eyring.numerics.simulation.kernel.printer import kernel_source
from eyring.numerics.simulation.kernel.walkers import Walkers

__all__ = ["EVERY", "Checkpoint", "keep", "kept"]

EVERY = 10.0  # seconds between two writings
ARRAYS = ("words", "rows", "born", "done")


@dataclass(frozen=True)
class Checkpoint:
    """Where a run's state is kept.

    Attributes:
        path: The file, NPZ: arrays and one line of JSON, no pickles.
        run: What identifies the run: its walkers, seed, precision and every statement and number of their step.
    """

    path: Path
    run: str

    @classmethod
    def of(cls, path: str | os.PathLike[str], walkers: Walkers, *, count: int, seed: int) -> "Checkpoint":
        """Return the checkpoint of walkers that have not begun."""
        batch = walkers.step.batch
        text = kernel_source(walkers.program, walkers.precision, walkers.stream)
        said = [text, walkers.program.numbers, walkers.step.start, count, seed, walkers.donors, (batch.copies, batch.size) if batch else None]
        return cls(Path(path), hashlib.sha256(repr(said).encode()).hexdigest())

    def save(self, walkers: Walkers, events: np.ndarray) -> None:
        """Write state and events beside the file, then put them in its place."""
        keep(self.path, self.run, events=events, **{name: getattr(walkers, name) for name in ARRAYS})

    def load(self, walkers: Walkers) -> np.ndarray:
        """Put the walkers where the file left them, and return the events until then; an absent file leaves them at their start.

        Raises:
            ParameterError: If the file is none of this run's.
        """
        arrays = kept(self.path, self.run, (*ARRAYS, "events"))
        if arrays is None:
            return np.empty((0, 3), dtype=np.int64)
        if any(arrays[n].shape != getattr(walkers, n).shape for n in ARRAYS):
            raise _another(self.path)
        for name in ARRAYS:
            getattr(walkers, name)[...] = arrays[name]
        return arrays["events"]


def keep(path: Path, run: str, **arrays: np.ndarray) -> None:
    """Write a run's arrays and its name beside the file, then put them in its place."""
    beside = path.with_name(f"{path.name}.part")  # one name, so that what a killed run leaves is overwritten
    with beside.open("wb") as file:
        np.savez(file, run=np.array(json.dumps({"eyring": "checkpoint", "run": run})), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def kept(path: Path, run: str, names: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Return the arrays that a run has kept, None if there is no file.

    Raises:
        ParameterError: If the file is no checkpoint, or another run's.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            said = json.loads(str(found["run"]))
            arrays = {name: found[name] for name in names} if said.get("run") == run else None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ParameterError(f"{path} is no checkpoint of a simulation ({error}); give another name, or remove it") from error
    if arrays is None:
        raise _another(path)
    return arrays


def _another(path: Path) -> ParameterError:
    return ParameterError(
        f"{path} belongs to another run: optimizer, loss, numbers, walkers, seed and precision must be the same to go on with it. "
        "Give another name, or remove it"
    )
