"""The trial: theory against real torch training. Names load when first used, so that torch loads where it trains."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyring.validation.court.experiment import Experiment
    from eyring.validation.court.setting import Ground
    from eyring.validation.main_job import run_validation
    from eyring.validation.predictors.along import predict_along
    from eyring.validation.predictors.escape import predict_escape
    from eyring.validation.predictors.table import Predictions, parallel_exits
    from eyring.validation.probes.minimum import polished_minimum
    from eyring.validation.probes.path import measured_path
    from eyring.validation.problems.regression import run_regression
    from eyring.validation.replicas.measure import measure_escape
    from eyring.validation.symbolic_optimizer import SymbolicOptimizer
    from eyring.validation.training import train_until_escape
    from eyring.validation.verdict import Verdict, judge

_HOMES = {
    "Experiment": "eyring.validation.court.experiment",
    "Ground": "eyring.validation.court.setting",
    "Predictions": "eyring.validation.predictors.table",
    "SymbolicOptimizer": "eyring.validation.symbolic_optimizer",
    "Verdict": "eyring.validation.verdict",
    "judge": "eyring.validation.verdict",
    "measure_escape": "eyring.validation.replicas.measure",
    "measured_path": "eyring.validation.probes.path",
    "parallel_exits": "eyring.validation.predictors.table",
    "polished_minimum": "eyring.validation.probes.minimum",
    "predict_along": "eyring.validation.predictors.along",
    "predict_escape": "eyring.validation.predictors.escape",
    "run_regression": "eyring.validation.problems.regression",
    "run_validation": "eyring.validation.main_job",
    "train_until_escape": "eyring.validation.training",
}

__all__ = [
    "Experiment",
    "Ground",
    "Predictions",
    "SymbolicOptimizer",
    "Verdict",
    "judge",
    "measure_escape",
    "measured_path",
    "parallel_exits",
    "polished_minimum",
    "predict_along",
    "predict_escape",
    "run_regression",
    "run_validation",
    "train_until_escape",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"eyring.validation has no name {name!r}; it has {', '.join(__all__)}")
    try:
        value = getattr(import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if error.name in {"torch", "sklearn"}:
            message = f"eyring.validation trains with {error.name}, which is not installed: pip install 'eyring[validate]'"
            raise ModuleNotFoundError(message, name=error.name) from error
        raise
    globals()[name] = value
    return value
