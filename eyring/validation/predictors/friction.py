"""What momentum does beyond rescaling the learning rate: walkers leave the saddle more slowly than without inertia."""

from eyring.validation.predictors.case import Case
from eyring.validation.predictors.formulas import logarithm_of

__all__ = ["log_friction"]


def log_friction(case: Case) -> float:
    """Return ln of Kramers and Langer's time over that of SGD at eta/(1 - mu); zero without momentum."""
    if not case.training.momentum:
        return 0.0
    numbers = {"L_a": 0.0, "L_b": 1.0, "T": 1.0, "gamma": case.training.friction, **case.determinants()}
    return logarithm_of("kramers-langer", numbers) - logarithm_of("kramers-langer", numbers, published=True)
