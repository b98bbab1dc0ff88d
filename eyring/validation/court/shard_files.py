"""The finished pieces of a sweep on disk: one NPZ a job and one manifest, written whole or not at all, and read back only by the same plan."""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from eyring.errors import ParameterError, StorageError
from eyring.numerics.simulation.checkpoint import read_npz
from eyring.validation.court.manifest import MANIFEST, check_same_plan, manifest_of, read_manifest
from eyring.validation.court.plan import plan_digest
from eyring.validation.report import versions
from eyring.validation.saved_parts import write_whole

__all__ = ["Arrays", "ShardFolder", "shard_file"]

LABEL = "eyring shard"
Arrays = dict[str, np.ndarray]
FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True)
class ShardFolder:
    """The folder of one sweep.

    Attributes:
        path: The folder.
        plan: Its jobs as plain data, by name.
    """

    path: Path
    plan: Mapping[str, Any]

    @classmethod
    def opened(cls, path: Path, plan: Mapping[str, Any]) -> "ShardFolder":
        """Make the folder and its manifest, or check that those there belong to this plan.

        Raises:
            StorageError: If the folder cannot be made or written, or its manifest is damaged.
            ParameterError: If it holds another plan.
        """
        folder = cls(path, plan)
        with folder._told("the folder of a sweep cannot be written"):
            path.mkdir(parents=True, exist_ok=True)
            if (path / MANIFEST).exists():
                check_same_plan(path, plan)
            else:
                if any(path.glob("*.npz")):
                    raise ParameterError(f"{path} holds NPZ files and no {MANIFEST}, so nobody can say what they are; give an empty or a new folder")
                write_whole(path / MANIFEST, json.dumps(manifest_of(plan), indent=1).encode())
        return folder

    @classmethod
    def found(cls, path: Path) -> "ShardFolder":
        """Return the folder that a manifest describes.

        Raises:
            StorageError: If there is no readable manifest.
        """
        return cls(path, read_manifest(path)["plan"])

    @property
    def manifest(self) -> dict[str, Any]:
        """What is written in the manifest: plan, digest, versions, seed, device, machine."""
        return read_manifest(self.path)

    def finished(self) -> dict[str, Arrays]:
        """Return the results there are, by job, in the order of the plan.

        Raises:
            StorageError: If a shard is damaged, or of another plan.
        """
        return {name: self.read(name) for name in self.plan if self._file(name).exists()}

    def read(self, name: str) -> Arrays:
        """Return one job's results.

        Raises:
            StorageError: If the file is damaged or of another plan; all others stay as they are.
        """
        path = self._file(name)
        try:
            arrays = read_npz(path)
            if LABEL not in arrays:
                raise ValueError("it is no shard of a sweep: it has no label")
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the shard {path} is damaged ({error}); the other finished shards are kept. Remove this file and run again: it alone is computed"
            ) from error
        label = str(arrays.pop(LABEL))
        if label != self._label(name):
            raise StorageError(f"{path} is the shard of another job or plan ({label}); move it away and run again: it alone is computed anew")
        return arrays

    def write(self, name: str, results: Any) -> None:
        """Write one job's results.

        Raises:
            ParameterError: If they are no mapping of names to arrays, numbers or text.
            StorageError: If they cannot be written: a full disk, or a folder taken away.
        """
        buffer = BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{LABEL: np.array(self._label(name))}, **_arrays(name, results))
        with self._told(f"the results of job {name!r} cannot be written"):
            write_whole(self._file(name), buffer.getvalue())

    def forget(self) -> None:
        """Remove the shards of this plan's jobs."""
        for name in self.plan:
            self._file(name).unlink(missing_ok=True)

    def check_versions(self) -> None:
        """Refuse to mix numbers of two installations.

        Raises:
            ParameterError: If a package that computes has another version than when the sweep began.
        """
        began, now = self.manifest["versions"], versions()
        changed = [f"{name} {began[name]}, now {now.get(name)}" for name in began if began[name] != now.get(name) and name != "matplotlib"]
        if changed:
            raise ParameterError(
                f"the sweep in {self.path} began with {'; '.join(changed)}: its last shards would differ from its first in their last bits. "
                "Go on with the same versions, or begin in a new folder"
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for this process; the hold ends with the process, however it ends.

        Raises:
            ParameterError: If another process computes here.
        """
        try:
            import fcntl
        except ImportError:  # Windows: two runs at once would do the same work twice, and write the same bits
            yield
            return
        with self._told("the folder of a sweep cannot be written"):
            hold = (self.path / ".hold").open("w")
        with hold:
            try:
                fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ParameterError(f"another process computes in {self.path}; wait for it, or give another folder") from None
            for left in self.path.glob(".*.unfinished"):  # by a run that was killed while writing
                left.unlink(missing_ok=True)
            yield

    def _file(self, name: str) -> Path:
        return shard_file(self.path, name)

    def _label(self, name: str) -> str:
        return json.dumps({"job": name, "plan": plan_digest(self.plan)})

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (ParameterError, StorageError):
            raise
        except OSError as error:
            kept = 0
            with suppress(OSError):
                kept = sum(self._file(name).exists() for name in self.plan)
            cure = "make room" if error.errno in FULL else "name a folder that can be made and written"
            reason = "the disk is full" if error.errno in FULL else error.strerror or type(error).__name__
            shards = f"{kept} of {len(self.plan)} shards are kept"
            raise StorageError(f"{what}: {reason} ({self.path}); {shards}. To go on, {cure} and run again") from error


def shard_file(folder: Path, name: str) -> Path:
    """Return where a folder keeps the results of a job."""
    return folder / f"{name}.npz"


def _arrays(name: str, results: Any) -> Arrays:
    if not isinstance(results, Mapping) or not all(isinstance(key, str) and key != LABEL for key in results):
        raise ParameterError(f"job {name!r} returned a {type(results).__name__}; it must return a mapping of names to arrays, numbers or text")
    arrays = {key: np.asarray(value.detach().cpu() if hasattr(value, "detach") else value) for key, value in results.items()}
    unfit = [key for key, array in arrays.items() if array.dtype.hasobject]
    if unfit:
        raise ParameterError(f"job {name!r} returned {', '.join(unfit)}, which is neither an array of numbers or text nor one of them")
    return arrays
