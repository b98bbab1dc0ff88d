"""What a run of replicas needs of the machine, asked before it begins: memory for all of them, and a place where its state can be kept."""

import os
from pathlib import Path

import torch

from eyring.errors import ParameterError, StorageError
from eyring.validation.probes.memory import SHARE, gigabytes, require_memory
from eyring.validation.replicas.optimizers import Rule
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.samplers import WithReplacement

__all__ = ["place_of", "require_room"]

INDEX, STREAM = 4, 32  # bytes of a card in a sampler's deck, and of a replica's random stream


def require_room(problem: TrainingProblem, rule: Rule, *, replicas: int, batch_size: int, sampler: str) -> None:
    """Refuse more replicas than the memory holds: their parameters, what their optimizers remember, and the samplers' decks.

    What a step needs besides is not counted, so that nothing is refused that would have fitted.

    Raises:
        NotApplicable: With the gigabytes needed and those that there are.
    """
    on_card = problem.device.type == "cuda"
    copies = 1 + rule.buffers + on_card  # a card makes all gradients at once
    rows = gigabytes(replicas, problem.dimension, copies=copies, item=problem.dtype.itemsize)
    drawn = gigabytes(replicas, batch_size) + gigabytes(replicas, item=STREAM)
    decks = gigabytes(replicas, problem.samples, item=INDEX) if sampler != WithReplacement.name else 0.0
    what = f"{replicas} replicas of {problem.dimension} parameters"
    instead = "take fewer replicas, several times with seeds of their own"
    if on_card:
        free = SHARE * torch.cuda.mem_get_info(problem.device)[0] / 1e9
        require_memory(rows, for_what=f"{what} with {rule.buffers} buffers on the card", instead=instead, budget=free)
    held = "with their minibatches" if on_card else f"with {rule.buffers} optimizer buffers and their minibatches"
    order = f", drawn {sampler!r} from {problem.samples} samples," if decks else ""
    require_memory(drawn + decks + (0.0 if on_card else rows), for_what=f"{what} {held}{order}", instead=instead)


def place_of(checkpoint: str | os.PathLike[str]) -> Path:
    """Return the path of a checkpoint, refused now if nothing could be written there later.

    Raises:
        ParameterError: If it is no path.
        StorageError: If its folder is not there or cannot be written, or it is a folder itself.

    >>> place_of("no such folder/run.npz")
    Traceback (most recent call last):
        ...
    eyring.errors.StorageError: the checkpoint no such folder/run.npz cannot be kept: there is no folder no such folder. Make it, or name another file
    """
    if not isinstance(checkpoint, str | os.PathLike):
        raise ParameterError(f"checkpoint must be the path of a file, got {type(checkpoint).__name__}")
    path = Path(checkpoint)
    if not path.parent.is_dir():
        raise StorageError(f"the checkpoint {path} cannot be kept: there is no folder {path.parent}. Make it, or name another file")
    if path.is_dir():
        raise StorageError(f"the checkpoint {path} cannot be kept: it is a folder. Name a file in it")
    if not os.access(path.parent, os.W_OK):
        raise StorageError(f"the checkpoint {path} cannot be kept: {path.parent} cannot be written. Make it writable, or name another file")
    return path
