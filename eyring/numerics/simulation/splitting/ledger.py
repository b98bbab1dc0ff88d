"""Runs that survive being killed: what the finished ones found, in one file that only the same runs read back."""

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eyring.numerics.simulation import checkpoint
from eyring.numerics.simulation.splitting.course import Course
from eyring.numerics.simulation.splitting.run import Run

__all__ = ["Ledger"]


@dataclass
class Ledger:
    """Finished runs by number; a run's streams depend on the seed and its number alone, so more can be added later.

    Attributes:
        path: The file; None keeps nothing.
        name: What identifies the runs: every statement and number of their step, the borders of the well, particles and seed.
        runs: What they found.
        saved: When the file was last written, in seconds.
    """

    path: Path | None
    name: str
    runs: dict[int, Run] = field(default_factory=dict)
    saved: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, path: str | os.PathLike[str] | None, course: Course, seed: int) -> "Ledger":
        """Return the runs that the file holds, none if there is no file.

        Raises:
            ParameterError: If the file is no checkpoint, or other runs'.
        """
        said = [course.program, course.program.numbers, course.start.tolist(), course.copies.tolist(), course.batch, course.low, course.rim,
                course.top, course.patience, course.particles, course.killed, seed]  # fmt: skip
        name = hashlib.sha256(repr(said).encode()).hexdigest()
        found = checkpoint.kept(Path(path), name, ("rates", "chances", "steps")) if path is not None else None
        ledger = cls(None if path is None else Path(path), name)
        if found is not None:
            for number, (rate, chance, steps) in enumerate(zip(*found.values(), strict=True)):
                ledger.runs[number] = Run(float(rate), float(chance), int(steps))
        return ledger

    def add(self, run: Run) -> None:
        """Write down the next run, and every ten seconds the file."""
        self.runs[len(self.runs)] = run
        if time.monotonic() - self.saved > checkpoint.EVERY:
            self.save()

    def save(self) -> None:
        """Write the file whole or not at all."""
        if self.path is not None and self.runs:
            found = list(self.runs.values())
            columns = {"rates": [r.rate for r in found], "chances": [r.chance for r in found], "steps": [r.steps for r in found]}
            checkpoint.keep(self.path, self.name, **{name: np.array(column) for name, column in columns.items()})
        self.saved = time.monotonic()
