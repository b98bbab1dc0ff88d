"""A run of replicas on disk: what identifies it, so that only the same run goes on from its file."""

import hashlib
from copy import copy, deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eyring.errors import StorageError
from eyring.numerics.simulation.checkpoint import EVERY, keep, kept
from eyring.validation.identity import Teller, digest_of, name_of
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.optimizers import Rule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import Sampler

__all__ = ["EVERY", "RunFile"]

POINTS = 3  # around the start
SAMPLES = 64


@dataclass(frozen=True)
class RunFile:
    """Where a run's state is kept, written whole or not at all.

    Attributes:
        path: The file, NPZ: arrays and one line of JSON, no pickles.
        run: A hash of what decides the run's numbers: the code of model, loss function and event with all that they hold or enclose, the data, and
            the gradients that replicas take near the start.
    """

    path: Path
    run: str

    @classmethod
    def of(cls, path: Path, problem: TrainingProblem, rule: Rule, event: Event, start: torch.Tensor, sampler: Sampler) -> "RunFile":
        """Return the file of a run that has not begun."""
        said = [
            _Shapes().tell(problem.model),
            Teller().tell([problem.loss_fn, event.outside]),
            [name_of(type(rule)), repr(rule), problem.weight_decay, event.name, event.stay, sampler.name, sampler.batch_size],
        ]
        digest = hashlib.sha256(digest_of(said).encode())
        constants = [value for name, value in problem.model.state_dict().items() if name not in problem.shapes]
        for part in (problem.inputs, problem.targets, start, *constants, *sampler.state().values(), _gradients_near(problem, start)):
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


class _Shapes(Teller):
    """Of parameters only the shapes count: the start says where they are, and constants are read from the state."""

    def parameters(self, module: Any, where: str) -> Any:
        """Tell the shapes."""
        return {name: None if value is None else list(value.shape) for name, value in module._parameters.items()}


def _gradients_near(problem: TrainingProblem, start: torch.Tensor) -> np.ndarray:
    """Return minibatch gradients at the start and around it, on one thread of the processor; empty where the network cannot be asked there."""
    chosen = torch.linspace(0, problem.samples - 1, min(problem.samples, SAMPLES)).long().to(problem.inputs.device)
    kicks = torch.from_numpy(np.random.default_rng(0).standard_normal((POINTS, problem.dimension)))
    kicks *= torch.logspace(0, -POINTS + 1, POINTS, dtype=kicks.dtype).unsqueeze(1)
    thetas = (start.detach().double().cpu() + torch.cat([0 * kicks[:1], kicks])).to(problem.dtype)
    asked = copy(problem)
    asked.model = deepcopy(problem.model).cpu()
    asked.loss_fn = deepcopy(problem.loss_fn).cpu() if isinstance(problem.loss_fn, torch.nn.Module) else problem.loss_fn
    batch = [part[chosen].cpu().expand(len(thetas), *part[chosen].shape) for part in (problem.inputs, problem.targets)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return asked.gradients_on(thetas, *batch).double().numpy()
    except (RuntimeError, ValueError, ArithmeticError):  # a tensor hidden on another device, a point where the loss has no meaning
        return np.empty(0)
    finally:
        torch.set_num_threads(threads)
