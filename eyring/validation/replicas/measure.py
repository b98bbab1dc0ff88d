"""How long a network stays in a minimum: many replicas in real training, from the minimum until they have left it."""

import math
import os
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.simulation import Exits
from eyring.numerics.simulation.escapes import check_counts
from eyring.numerics.simulation.kernel.problem import SETTLED
from eyring.validation.probes.critical import CriticalProbe, probe_critical
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.minimum import require_minimum
from eyring.validation.probes.path import MeasuredPath
from eyring.validation.replicas.events import EVENTS, event_from
from eyring.validation.replicas.optimizers import Rule, SGDRule
from eyring.validation.replicas.problem import Data, LossFunction, TrainingProblem
from eyring.validation.replicas.reading import read_optimizer
from eyring.validation.replicas.refusals import batch_refusal, model_refusal, pair_refusal
from eyring.validation.replicas.room import place_of, require_room
from eyring.validation.replicas.train import train_replicas
from eyring.validation.samplers import make_sampler

__all__ = ["measure_escape", "position_of"]

DTYPES = (torch.float32, torch.float64)


def measure_escape(
    model: torch.nn.Module,
    loss_fn: LossFunction,
    data: Data,
    optimizer: Any,
    start: Any,
    event: Any = None,
    *,
    replicas: int,
    iterations: int,
    seed: int | np.random.SeedSequence,
    batch_size: int,
    sampler: str,
    over: Any = None,
    beyond: Any = None,
    stay: int | None = None,
    device: str | None = None,
    seconds: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
    relaxation: float | None = None,
) -> Exits:
    """Train replicas of a network from a minimum, with real minibatches and torch's own step; each that escapes is recorded and begins afresh.

    Every replica draws its own minibatches and begins with a fresh optimizer. The noise is what the data make of it: nothing is modelled.

    Args:
        model: A torch.nn.Module, in eval mode if it has BatchNorm or dropout.
        loss_fn: ``loss_fn(prediction, target)``, the mean over the batch.
        data: ``(inputs, targets)``, one row per sample.
        optimizer: ``torch.optim.SGD``, ``Adam`` or ``AdamW`` on the model's parameters; what builds one from a list of parameters; or ``ey.SGD`` or
            ``ey.MomentumSGD`` with numbers.
        start: A minimum of the loss on all data (weight decay included): a state dict, the flat parameters (n,), or a probe.
        event: "to the saddle", "next well" (as far as the minimum beyond; with momentum, three relaxation times beyond the ridge on end) or "cross
            and stay" over the saddle ``over``; a callable that is true of parameters (R, n) outside; or an ``Event``. It has no default.
        replicas: How many at once.
        iterations: Steps of each; who is still inside then is censored.
        seed: Of the minibatches.
        batch_size: B, at most the number of samples; below it unless drawn with replacement, for all data at once make no noise.
        sampler: "with replacement", "without replacement" or "epoch shuffling".
        over: The saddle: a measured path, a probe, a state dict or flat parameters.
        beyond: The minimum beyond it, likewise, for "next well"; a measured path knows it.
        stay: Steps beyond the ridge on end, for "cross and stay" or a callable.
        device: "cpu" or "cuda"; left out, where the model is.
        seconds: Wall time after which the run ends with what was seen.
        checkpoint: A file that keeps the run's state every ten seconds; the same call goes on from it, to the same bits.
        progress: Called with (steps done, steps in all).
        relaxation: Relaxation time at the start in iterations: ten of them are the entry transient of ``Exits.rate()``. Left out, that of SGD along
            the saddle's unstable direction; unknown for Adam, and for events that are callables.

    Returns:
        The exits in iterations.

    Raises:
        ParameterError: If the start is no minimum, the data are fewer than the batch, or an argument is missing or out of range.
        NotApplicable: If the optimizer or the event has no meaning here, the optimizer is unstable at the start, or the memory holds fewer replicas.
        AccuracyError: If a replica diverges; the message names it and the step.
        StorageError: If the checkpoint cannot be written.

    >>> class Well(torch.nn.Module):  # x^2/2, tilted up or down by each sample
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.x = torch.nn.Parameter(torch.zeros(1))
    ...     def forward(self, tilt):
    ...         return self.x**2 / 2 + tilt * self.x
    >>> tilts, model = torch.tensor([[1.0], [-1.0]]), Well()
    >>> exits = measure_escape(
    ...     model, lambda prediction, target: prediction.mean(), (tilts, tilts), torch.optim.SGD(model.parameters(), lr=0.5), model.state_dict(),
    ...     event=lambda thetas: thetas[:, 0] > 0.6, replicas=1000, iterations=2, seed=1, batch_size=1, sampler="with replacement",
    ... )
    >>> 200 < exits.events < 300, set(exits.times.tolist())  # two steps of 0.5 and 0.25, both to the right: a quarter
    (True, {2.0})
    """
    check_counts(replicas=replicas, iterations=iterations)
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0):
        raise ParameterError(f"seconds must be a positive wall time, got {seconds!r}")
    if refusal := model_refusal(model):
        raise ParameterError(refusal)
    rule = read_optimizer(optimizer, model)
    file = None if checkpoint is None else place_of(checkpoint)
    problem = _placed(model, loss_fn, data, device)
    if refusal := batch_refusal(batch_size, samples=problem.samples, sampler=sampler):
        raise ParameterError(refusal)
    require_room(problem, rule, replicas=replicas, batch_size=batch_size, sampler=sampler)
    batches = make_sampler(sampler, samples=problem.samples, batch_size=batch_size, replicas=replicas, seed=seed)
    origin = position_of(problem, start, role="start")
    landscape = _with_decay(problem, rule)
    minimum = require_minimum(landscape, origin)
    _require_stable(rule, minimum)
    saddle, direction = _saddle(landscape, over, event)
    if beyond is None and isinstance(over, MeasuredPath):
        beyond = over.beyond
    relaxation = relaxation if relaxation is not None else _relaxation(rule, minimum, direction)
    if getattr(rule, "momentum", 0) and stay is None and str(event).replace("-", " ") == "next well":
        if relaxation is None:
            raise ParameterError("with momentum 'next well' means to stay beyond for three relaxation times, not known here: give relaxation=")
        event, stay = "cross and stay", math.ceil(SETTLED * relaxation)
    chosen = event_from(
        event,
        start=origin,
        saddle=saddle,
        direction=direction,
        beyond=None if beyond is None else position_of(problem, beyond, role="beyond"),
        stay=stay,
    )
    return train_replicas(
        problem,
        rule=rule,
        event=chosen,
        start=origin,
        sampler=batches,
        iterations=iterations,
        seconds=seconds,
        checkpoint=file,
        progress=progress,
        relaxation=relaxation,
    )


def position_of(problem: TrainingProblem, point: Any, *, role: str) -> torch.Tensor:
    """Return the flat parameters of a state dict, a vector or a probe, (n,).

    Raises:
        ParameterError: If it is none of them, or does not fit the network.
    """
    if isinstance(point, Mapping):
        return problem.pack(point)
    given = getattr(point, "position", point)
    if not isinstance(given, torch.Tensor | np.ndarray):
        raise ParameterError(f"{role} must be a state dict of the model, its flat parameters (n,), or a probe; got {type(point).__name__}")
    theta = torch.as_tensor(given, dtype=problem.dtype, device=problem.device).detach()
    if theta.shape != (problem.dimension,) or not theta.isfinite().all():
        raise ParameterError(f"{role} must be {problem.dimension} finite parameters, got the shape {tuple(theta.shape)}")
    return theta


def _placed(model: torch.nn.Module, loss_fn: LossFunction, data: Data, device: str | None) -> TrainingProblem:
    if device is not None and device not in ("cpu", "cuda"):
        raise ParameterError(f"device must be 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise NotApplicable("device='cuda' needs an NVIDIA graphics card and a torch built for it, and there is none here; use device='cpu'")
    if device is not None:
        if refusal := pair_refusal(data):
            raise ParameterError(refusal)
        model, data = deepcopy(model).to(device), (data[0].to(device), data[1].to(device))
    problem = TrainingProblem(model, loss_fn, data)
    if problem.dtype not in DTYPES:
        raise NotApplicable(f"{problem.dtype} parameters lose in rounding the small steps an escape is made of; use model.float() or model.double()")
    return problem


def _with_decay(problem: TrainingProblem, rule: Rule) -> TrainingProblem:
    """Return the problem whose loss the optimizer goes down: with its weight decay, unless that bypasses the gradient (AdamW)."""
    if not rule.weight_decay or getattr(rule, "decoupled", False):
        return problem
    model = deepcopy(problem.model)
    for name in problem.shapes:
        model.get_parameter(name).requires_grad_()
    return TrainingProblem(model, problem.loss_fn, (problem.inputs, problem.targets), weight_decay=rule.weight_decay)


def _require_stable(rule: Rule, minimum: CriticalProbe) -> None:
    steepest = float(minimum.eigenvalues[-1])
    radius = rule.spectral_radius(steepest - rule.weight_decay)
    if radius is not None and radius >= 1:
        raise NotApplicable(
            f"the optimizer is unstable at the start: along the largest curvature, {steepest:.4g}, a deviation grows by {radius:.4g} a step without "
            f"any noise, so leaving is no escape over a barrier. Lower the learning rate {rule.lr:g}"
            + (f" (without momentum it must be below {2 / steepest:.4g})" if isinstance(rule, SGDRule) else "")
        )


def _relaxation(rule: Rule, minimum: CriticalProbe, direction: torch.Tensor | None) -> float | None:
    """Return the iterations in which a deviation along the way out shrinks by e at the minimum, where its curvature is known."""
    if direction is None or minimum.eigenvectors.shape[1] < len(minimum.position):
        return None
    curvature = float(minimum.eigenvalues @ (minimum.eigenvectors.T @ direction.double().cpu().numpy()) ** 2)
    radius = rule.spectral_radius(curvature - rule.weight_decay)
    return None if radius is None or not 0 < radius < 1 else -1 / math.log(radius)


def _saddle(problem: TrainingProblem, over: Any, event: Any) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """Return the saddle and its unstable direction, measured here unless a probe brings them."""
    if over is None or str(event).replace("-", " ") not in EVENTS:
        return None, None
    probe = over.saddle if isinstance(over, MeasuredPath) else over
    if not isinstance(probe, CriticalProbe):
        probe = probe_critical(FullBatch.of(problem), position_of(problem, over, role="over").double().cpu().numpy())
    if probe.index != 1:
        raise NotApplicable(
            f"over must be a saddle with one descending direction, got a {probe}; take a saddle found by the probes, or give the event as a callable"
        )
    return position_of(problem, probe, role="over"), torch.as_tensor(probe.eigenvectors[:, 0], dtype=problem.dtype, device=problem.device)
