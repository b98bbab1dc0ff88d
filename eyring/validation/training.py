"""Watch replicas of a model escape while a real torch optimizer trains them all at once.

The replicas are the rows of one parameter tensor. An optimizer that acts on every number by itself (SGD, momentum, any SymbolicOptimizer) then
trains independent replicas, each on minibatches of its own.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.simulation import Exits

if TYPE_CHECKING:
    import torch

__all__ = ["train_until_escape"]

LOOK_EVERY = 256  # steps between two looks from the host


def train_until_escape(
    *,
    loss: "Callable[[torch.Tensor, Any], torch.Tensor]",
    draw: "Callable[[torch.Generator], Any]",
    optimizer: "Callable[[list[torch.Tensor]], torch.optim.Optimizer]",
    start: float | Sequence[float],
    reached: "Callable[[torch.Tensor], torch.Tensor]",
    replicas: int,
    iterations: int,
    seed: int,
    device: str = "cpu",
    dtype: "torch.dtype | None" = None,
    progress: Callable[[int, int], None] | None = None,
) -> Exits:
    """Train replicas for a fixed number of steps; each that reaches the target is recorded and put back to the start, its momentum too.

    Args:
        loss: Minibatch loss of every replica, (R,), or the sum of all, from the parameters, (R,) or (R, n), and a batch.
        draw: One fresh batch for every replica.
        optimizer: Builds the optimizer on the list with the one parameter tensor; it must act elementwise.
        start: Where every replica begins: a number, or n of them.
        reached: Says for every replica whether it has arrived, (R,), from the parameters after a step.
        replicas: Number R of replicas.
        iterations: Steps of training; what has not arrived by then is kept as censored.
        seed: Of the batches.
        device: "cpu" or "cuda"; on cuda the host waits for the device once in 256 steps, not at every step.
        dtype: Of the parameters; float32 if left out. A step eta g that is not much larger than 6e-8 of the parameter needs float64.
        progress: Called with (steps done, steps in all) once in 256 steps.

    Returns:
        The exits: waiting times, censored times and exposure, in iterations.

    Raises:
        ParameterError: If replicas or iterations is not a positive number.
        NotApplicable: If the optimizer keeps a state that cannot be put back for one replica alone.
        AccuracyError: If a parameter is no longer finite; the message names the replica and the step.
    """
    import torch

    if replicas < 1 or iterations < 1:
        raise ParameterError(f"training needs at least one replica and one iteration, got {replicas} and {iterations}")
    origin = torch.as_tensor(start, dtype=dtype or torch.float32, device=device)
    parameters = origin[..., None].expand(*origin.shape, replicas).clone().movedim(-1, 0).requires_grad_()  # a column lies in one piece of memory
    trainer = optimizer([parameters])
    generator = torch.Generator(device=device).manual_seed(seed)
    watch = EscapeWatch(parameters.detach(), origin, reached)
    for step in range(1, iterations + 1):
        trainer.zero_grad()
        loss(parameters, draw(generator)).sum().backward()
        trainer.step()
        watch.look(step, _buffers(trainer, parameters) if step == 1 else None)
        if step % LOOK_EVERY == 0 or step == iterations:
            watch.report(step)
            if progress is not None:
                progress(step, iterations)
    return watch.exits(iterations)


class EscapeWatch:
    """Who has arrived, when, and who is put back; all of it on the device of the parameters.

    Args:
        parameters: The tensor that the optimizer changes in place, (R,) or (R, n).
        origin: Where a replica is put back to.
        reached: Says who has arrived.
        host_looks: Whether the host may look at every step (it may where it is the device itself).
    """

    def __init__(
        self, parameters: "torch.Tensor", origin: "torch.Tensor", reached: "Callable[[torch.Tensor], torch.Tensor]", *, host_looks: bool | None = None
    ) -> None:
        import torch

        self.parameters, self.origin, self.reached = parameters, origin, reached
        self.host_looks = parameters.device.type == "cpu" if host_looks is None else host_looks
        whole = {"dtype": torch.int64, "device": parameters.device}
        self.started = torch.zeros(len(parameters), **whole)
        self.buffers: list[torch.Tensor] = []
        self.seen: list[torch.Tensor] = []
        self.last_report = 0
        if not self.host_looks:
            self.pending = torch.empty(LOOK_EVERY * len(parameters) + 1, **whole)  # the last place takes what is not an exit
            self.count = torch.zeros((), **whole)

    def look(self, step: int, buffers: "list[torch.Tensor] | None" = None) -> None:
        """Record and put back whoever has arrived after this step."""
        if buffers is not None:
            self.buffers = buffers
        hit = self.reached(self.parameters)
        if self.host_looks:
            if hit.any():
                who = hit.nonzero().squeeze(1)
                if not self.parameters[who].isfinite().all():  # what has diverged has not escaped
                    self.report(step)
                self._record_now(step, who)
        else:
            self._record_on_device(step, hit)

    def _record_now(self, step: int, who: "torch.Tensor") -> None:
        self.seen.append(step - self.started[who])
        self.started[who] = step
        self.parameters[who] = self.origin
        for buffer in self.buffers:
            buffer[who] = 0

    def _record_on_device(self, step: int, hit: "torch.Tensor") -> None:
        import torch

        hit = hit & torch.isfinite(self.parameters.reshape(len(self.parameters), -1)).all(1)  # what has diverged has not escaped
        place = torch.where(hit, self.count + torch.cumsum(hit, 0) - 1, len(self.pending) - 1)
        self.pending.scatter_(0, place, step - self.started)
        self.count += hit.sum()
        self.started.masked_fill_(hit, step)
        rows = hit.view(-1, *[1] * (self.parameters.dim() - 1))
        self.parameters.copy_(torch.where(rows, self.origin, self.parameters))
        for buffer in self.buffers:
            buffer.masked_fill_(hit.view(-1, *[1] * (buffer.dim() - 1)), 0)

    def report(self, step: int) -> None:
        """Bring home what was recorded, and refuse to go on with parameters that are not finite.

        Raises:
            AccuracyError: Naming the replica and the step.
        """
        import torch

        finite = torch.isfinite(self.parameters.reshape(len(self.parameters), -1)).all(1)
        if not finite.all():
            lost = int((~finite).nonzero()[0])
            raise AccuracyError(
                f"replica {lost} has parameters that are not finite at step {step} (they were finite at step {self.last_report}): "
                "the training diverged. Use a smaller learning rate, or start nearer to the minimum"
            )
        if not self.host_looks:
            self.seen.append(self.pending[: int(self.count)].clone())
            self.count.zero_()
        self.last_report = step

    def times(self) -> np.ndarray:
        """Return the waiting times brought home so far, in the order of the exits."""
        import torch

        return torch.cat(self.seen).cpu().numpy() if self.seen else np.empty(0, dtype=np.int64)

    def exits(self, iterations: int) -> Exits:
        """Return everything seen in this many steps."""
        return as_exits(self.times(), (iterations - self.started).cpu().numpy())


def as_exits(times: np.ndarray, censored: np.ndarray, *, relaxation: float | None = None) -> Exits:
    """Return observed and censored waiting times in iterations as Exits; a replica put back at the last step has waited for nothing yet."""
    times, waiting = np.asarray(times, dtype=float), np.asarray(censored, dtype=float)
    return Exits(times=times, censored=waiting[waiting > 0], unit="iterations", relaxation=relaxation)


def _buffers(optimizer: "torch.optim.Optimizer", parameters: "torch.Tensor") -> "list[torch.Tensor]":
    """Return the state tensors with one row per replica, which are zero in a fresh optimizer."""
    import torch

    from eyring.validation.symbolic_optimizer import TAKEN

    state = {name: value for name, value in optimizer.state.get(parameters, {}).items() if name != TAKEN}  # a count that no rule uses
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    odd = [name for name, value in state.items() if value is not None and (name not in tensors or value.shape != parameters.shape)]
    if odd:
        raise NotApplicable(
            f"{type(optimizer).__name__} keeps {', '.join(map(repr, odd))} for all replicas together, so one replica alone cannot be put back "
            "to the start; use an optimizer whose state has one number for every parameter, such as torch.optim.SGD"
        )
    if any(tensors and group.get("dampening") for group in optimizer.param_groups):
        raise NotApplicable(
            "torch starts a momentum buffer without dampening, and a replica put back to the start would be dampened at once; use dampening=0 "
            "(the same dynamics: learning rate times (1 - dampening))"
        )
    return list(tensors.values())
