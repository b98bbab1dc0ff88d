"""The trial: theory against real torch training. Names load when first used, so that torch loads where it trains."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyring.validation.main_job import run_validation
    from eyring.validation.problems.regression import run_regression
    from eyring.validation.symbolic_optimizer import SymbolicOptimizer
    from eyring.validation.training import train_until_escape
    from eyring.validation.verdict import Verdict, judge

_HOMES = {
    "SymbolicOptimizer": "eyring.validation.symbolic_optimizer",
    "Verdict": "eyring.validation.verdict",
    "judge": "eyring.validation.verdict",
    "run_regression": "eyring.validation.problems.regression",
    "run_validation": "eyring.validation.main_job",
    "train_until_escape": "eyring.validation.training",
}

__all__ = ["SymbolicOptimizer", "Verdict", "judge", "run_regression", "run_validation", "train_until_escape"]


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
