"""A run of replicas on disk: what identifies it, so that only the same run goes on from its file."""

import hashlib
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
import torch

from eyring.errors import StorageError
from eyring.numerics.simulation.checkpoint import EVERY, keep, kept
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.optimizers import Rule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import Sampler

__all__ = ["EVERY", "RunFile"]


@dataclass(frozen=True)
class RunFile:
    """Where a run's state is kept, written whole or not at all.

    Attributes:
        path: The file, NPZ: arrays and one line of JSON, no pickles.
        run: A hash of what decides the run's numbers.
    """

    path: Path
    run: str

    @classmethod
    def of(cls, path: Path, problem: TrainingProblem, rule: Rule, event: Event, start: torch.Tensor, sampler: Sampler) -> "RunFile":
        """Return the file of a run that has not begun; of a loss function, or an event that is a function, only the name enters the hash."""
        digest = hashlib.sha256()
        loss = getattr(problem.loss_fn, "__qualname__", None) or repr(problem.loss_fn)
        said = [repr(problem.model), problem.weight_decay, loss, repr(rule), event.name, event.stay, sampler.name, sampler.batch_size]
        digest.update(repr(said).encode())
        boundary = [getattr(event.outside, field.name) for field in fields(event.outside)] if is_dataclass(event.outside) else []
        constants = [value for name, value in problem.model.state_dict().items() if name not in problem.shapes]
        for part in (problem.inputs, problem.targets, start, *boundary, *constants, *sampler.state().values()):
            array = part.detach().cpu().numpy() if isinstance(part, torch.Tensor) else np.asarray(part)
            digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return cls(path, digest.hexdigest())

    def save(self, state: dict[str, np.ndarray]) -> None:
        """Write the state beside the file, then put it in its place.

        Raises:
            StorageError: If it cannot be written; what was there before is left whole.
        """
        try:
            keep(self.path, self.run, **state)
        except OSError as error:
            self.path.with_name(f"{self.path.name}.part").unlink(missing_ok=True)
            there = f"{self.path} still holds an earlier step, and the same call goes on from there" if self.path.exists() else "nothing is kept"
            step = int(state["step"])
            raise StorageError(f"the replicas at step {step} could not be kept ({error}); {there}. Make room, or name another file") from error

    def load(self, names: list[str]) -> dict[str, np.ndarray] | None:
        """Return the state in the file, None if there is none.

        Raises:
            ParameterError: If it is no checkpoint, or another run's.
        """
        return kept(self.path, self.run, names)
