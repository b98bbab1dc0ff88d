"""Whether the cells of a sweep can be trained at all, asked once a scale before the first of them is."""

from collections.abc import Sequence

from eyring.errors import ParameterError
from eyring.validation.court.setting import Ground, Problem, Setting

__all__ = ["require_trainable"]


def require_trainable(problem: Problem, settings: Sequence[Setting]) -> None:
    """Refuse networks, losses, data and batch sizes that every cell would refuse by itself, after others had been trained.

    A problem that cannot be made, or is no ``Ground``, is left to the cells, which say why.

    Raises:
        ParameterError: With what is wrong, and in which settings.
    """
    if not settings:
        return
    from eyring.validation.replicas.problem import TrainingProblem
    from eyring.validation.replicas.refusals import batch_refusal

    for k in dict.fromkeys(setting.scale for setting in settings):
        try:
            ground = problem(k)
        except Exception:  # the cells of this scale say it, each in its own shard
            continue
        if not isinstance(ground, Ground):
            continue
        samples = TrainingProblem(ground.model, ground.loss_fn, ground.data).samples
        for setting in settings:
            refusal = batch_refusal(setting.batch_size, samples=samples, sampler=setting.sampler)
            if setting.scale == k and refusal:
                raise ParameterError(f"{setting.name}: {refusal}")
