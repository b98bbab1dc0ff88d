"""A run that survives being killed: its walkers, streams and exits in one file, written whole or not at all, that only the same run reads back."""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eyring.errors import ParameterError
from eyring.numerics.simulation.kernel.printer import kernel_source
from eyring.numerics.simulation.kernel.walkers import Walkers

__all__ = ["EVERY", "Checkpoint"]

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
        said = [kernel_source(walkers.program, walkers.precision), walkers.program.numbers, walkers.step.start, count, seed, walkers.donors,
                (batch.copies, batch.size) if batch else None]  # fmt: skip
        return cls(Path(path), hashlib.sha256(repr(said).encode()).hexdigest())

    def save(self, walkers: Walkers, events: np.ndarray) -> None:
        """Write state and events beside the file, then put them in its place."""
        beside = self.path.with_name(f"{self.path.name}.part")  # one name, so that what a killed run leaves is overwritten
        with beside.open("wb") as file:
            arrays = {name: getattr(walkers, name) for name in ARRAYS}
            np.savez(file, run=np.array(json.dumps({"eyring": "checkpoint", "run": self.run})), events=events, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self.path)

    def load(self, walkers: Walkers) -> np.ndarray:
        """Put the walkers where the file left them, and return the events until then; an absent file leaves them at their start.

        Raises:
            ParameterError: If the file is none of this run's.
        """
        if not self.path.exists():
            return np.empty((0, 3), dtype=np.int64)
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                said = json.loads(str(kept["run"]))
                arrays = {name: kept[name] for name in (*ARRAYS, "events")}
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ParameterError(f"{self.path} is no checkpoint of a simulation ({error}); give another name, or remove it") from error
        if said.get("run") != self.run or any(arrays[n].shape != getattr(walkers, n).shape for n in ARRAYS):
            raise ParameterError(
                f"{self.path} belongs to another run: optimizer, loss, numbers, walkers, seed and precision must be the same to go on with it. "
                "Give another name, or remove it"
            )
        for name in ARRAYS:
            getattr(walkers, name)[...] = arrays[name]
        return arrays["events"]
