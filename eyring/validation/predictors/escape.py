"""Escape times of a network predicted by every law: the way out is measured, and all that the laws assume with it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eyring.errors import NotApplicable, ParameterError
from eyring.validation.predictors.along import predictions_for
from eyring.validation.predictors.case import Case, event_called
from eyring.validation.predictors.measured import measured_along
from eyring.validation.predictors.setting import Training
from eyring.validation.predictors.surroundings import Surroundings
from eyring.validation.predictors.table import Predictions, parallel_exits
from eyring.validation.predictors.ways import ways_out
from eyring.validation.replicas.optimizers import SGDRule
from eyring.validation.replicas.problem import Data, LossFunction, TrainingProblem
from eyring.validation.replicas.reading import read_optimizer
from eyring.validation.replicas.refusals import batch_refusal, model_refusal

if TYPE_CHECKING:
    import torch

__all__ = ["predict_escape"]


def predict_escape(
    model: "torch.nn.Module",
    loss_fn: LossFunction,
    data: Data,
    optimizer: Any,
    *,
    start: Any,
    over: Any = None,
    event: str,
    batch_size: int,
    sampler: str = "with replacement",
    surroundings: Surroundings | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Predictions:
    """Return what every law predicts for the escape of a network from a minimum, with the law's assumptions measured on the network.

    The way over the saddle is measured on all data (weight decay counts as part of the loss), with the exact covariance of per-sample gradients.

    Args:
        model: A torch.nn.Module, in eval mode if it has BatchNorm or dropout.
        loss_fn: ``loss_fn(prediction, target)``, the mean over the batch.
        data: ``(inputs, targets)``, one row per sample.
        optimizer: ``torch.optim.SGD`` on the model's parameters, with any momentum, dampening, nesterov and weight decay; or what builds one.
        start: The minimum: a state dict, or the flat parameters (n,).
        over: The saddle, likewise; or a ``MeasuredPath`` over it, which is then not measured again. A list of them: parallel exits, whose rates add.
            Left out, the lowest saddle that is found by climbing from the minimum.
        event: "next well" (or "cross and stay", settled beyond the saddle) or "to the saddle"; it has no default.
        batch_size: B, at most the number of samples; below it unless drawn with replacement, for all data at once make no noise.
        sampler: "with replacement", "without replacement" or "epoch shuffling".
        surroundings: ``NetworkSurroundings(problem)`` for the least action in all directions, in networks of a few parameters; minutes, once for
            all learning rates and batch sizes if the same object is passed again. Left out, that row has no answer.
        progress: Called with (what is being done, fraction done).

    Returns:
        One row a law: ln tau in iterations and in time, its interval, and its assumptions; it prints as a table.

    Raises:
        ParameterError: If the start is no minimum, the data are fewer than the batch, or a number is out of range.
        NotApplicable: If the optimizer is none of SGD's kind, or there is no barrier.
    """
    if refusal := model_refusal(model):
        raise ParameterError(refusal)
    rule = read_optimizer(optimizer, model)
    if not isinstance(rule, SGDRule):
        raise NotApplicable(
            f"the laws of escape here are those of SGD with or without momentum, got {type(rule).__name__.removesuffix('Rule')}; for an adaptive "
            "optimizer derive its SDE, dynamics.sde(loss, noise), and ask escape_time"
        )
    called = event_called(event)
    problem = TrainingProblem(model, loss_fn, data, weight_decay=rule.weight_decay)
    if refusal := batch_refusal(batch_size, samples=problem.samples, sampler=sampler):
        raise ParameterError(refusal)
    training = Training(rule.lr, int(batch_size), rule.momentum, rule.dampening, rule.nesterov, sampler, problem.samples)
    show = progress or (lambda what, fraction: None)
    paths = ways_out(problem, start, over, show)
    tables: list[Predictions] = []
    for done, path in enumerate(paths):
        show("noise and walls along the way, and the laws", done / len(paths))
        flanks, slopes = measured_along(problem, path)
        tables.append(predictions_for(Case(path, training, called, surroundings, flanks, slopes)))
    show("noise and walls along the way, and the laws", 1.0)
    return parallel_exits(*tables) if len(tables) > 1 else tables[0]
