"""The court's own clerks: real training measures a cell, and every law says what it expects."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.simulation import Exits
from eyring.validation.court.setting import Ground, Measure, Predict, Problem, Setting

__all__ = ["ask_laws", "measured_escape", "predicted_laws", "train_cell"]


def ask_laws(*, problem: Problem, predict: Predict, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return what every law says in each setting, or why none can, as JSON."""
    rows: list[list[dict[str, Any]]] = []
    barrier, refused = True, ""
    try:
        rows = [[dict(row) for row in table] for table in predict(problem(settings[0].scale), settings)]
    except NotApplicable as reason:
        barrier, refused = not _without_barrier(reason), str(reason)
    return {"laws": json.dumps({"rows": rows, "refused": refused, "barrier": barrier}, allow_nan=False)}


def train_cell(*, problem: Problem, measure: Measure, **setting: Any) -> dict[str, Any]:
    """Return the exits of one cell, or why it cannot be trained."""
    try:
        exits = measure(problem(setting["scale"]), Setting(**setting))
    except (NotApplicable, AccuracyError) as reason:
        return {"times": np.empty(0), "censored": np.empty(0), "trouble": str(reason)}
    if exits.unit != "iterations":
        raise ParameterError(f"a cell is measured in iterations, and this one came in units of {exits.unit}")
    known = {} if exits.relaxation is None else {"relaxation": exits.relaxation}
    return {"times": exits.times, "censored": exits.censored, "trouble": "", **known}


def measured_escape(ground: Ground, setting: Setting) -> Exits:
    """Train replicas by ``measure_escape``: torch's own steps on real minibatches."""
    from eyring.validation.replicas.measure import measure_escape

    return measure_escape(
        ground.model,
        ground.loss_fn,
        ground.data,
        _optimizer(ground, setting),
        start=ground.start,
        event=setting.event,
        over=ground.over if ground.over is not None else _ways(ground)[0],
        beyond=ground.beyond,
        replicas=setting.replicas,
        iterations=setting.iterations,
        seed=setting.seed,
        batch_size=setting.batch_size,
        sampler=setting.sampler,
        device=setting.device,
    )


def predicted_laws(ground: Ground, settings: Sequence[Setting], surroundings: Any = None) -> list[list[dict[str, Any]]]:
    """Measure the way out once, and ask every law about every setting by ``predict_escape``, with the surroundings that it takes."""
    from eyring.validation.predictors.escape import predict_escape

    over = _ways(ground)
    found = []
    for setting in settings:
        table = predict_escape(
            ground.model,
            ground.loss_fn,
            ground.data,
            _optimizer(ground, setting),
            start=ground.start,
            over=over,
            event=setting.event,
            batch_size=setting.batch_size,
            sampler=setting.sampler,
            surroundings=surroundings,
        )
        found.append([row.to_dict() for row in table.rows])
    return found


def _without_barrier(reason: NotApplicable) -> bool:
    """Whether the search found no barrier, or the way out has none."""
    from eyring.validation.probes.saddle import NoBarrier

    return isinstance(reason, NoBarrier) or str(reason).startswith("no barrier")


def _ways(ground: Ground) -> list[Any]:
    """Return the measured way over the saddle given; where none is, over the lowest that is found."""
    from eyring.validation.predictors.ways import ways_out
    from eyring.validation.replicas.problem import TrainingProblem

    problem = TrainingProblem(ground.model, ground.loss_fn, ground.data)
    return list(ways_out(problem, ground.start, ground.over, lambda what, fraction: None))


def _optimizer(ground: Ground, setting: Setting) -> Any:
    import torch

    return torch.optim.SGD(ground.model.parameters(), lr=setting.learning_rate, momentum=setting.momentum)
