"""A run that survives being killed: its walkers, streams and exits in one file, written whole or not at all, that only the same run reads back."""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eyring.errors import ParameterError
from eyring.numerics.simulation.kernel.printer import kernel_source
from eyring.numerics.simulation.kernel.walkers import Walkers

__all__ = ["EVERY", "Checkpoint", "keep", "kept", "read_npz"]

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
        found = read_npz(path)
        _require(found, ["run"])
        said = json.loads(str(found["run"]))
        if not isinstance(said, dict) or said.get("run") != run:
            raise _another(path)
        _require(found, names)
    except ParameterError:
        raise
    except (OSError, ValueError) as error:
        raise ParameterError(f"{path} is no checkpoint of a simulation ({error}); give another name, or remove it") from error
    return {name: found[name] for name in names}


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an NPZ file.

    Raises:
        OSError: If it cannot be opened.
        ValueError: If it is no NPZ file, damaged, or holds pickled objects, which are never loaded; the message says which.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError("it is no NPZ file, or it was cut off")
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        except (EOFError, KeyError, OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"it is damaged: {error}") from error
        except ValueError as error:
            if "pickle" in str(error):
                raise ValueError("it holds pickled objects, which are never loaded") from None
            raise ValueError(f"it is damaged: {error}") from error


def _require(found: dict[str, np.ndarray], names: Sequence[str]) -> None:
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"it holds no {', '.join(missing)}")


def _another(path: Path) -> ParameterError:
    return ParameterError(
        f"{path} belongs to another run: optimizer, loss, numbers, walkers, seed and precision must be the same to go on with it. "
        "Give another name, or remove it"
    )
