"""The optimizer that a user passes, read as the rule that all replicas take: torch's own, or eyring's SGD and MomentumSGD."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from eyring.errors import NotApplicable, ParameterError
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.dynamics.contract import Dynamics
from eyring.validation.replicas.optimizers import AdamRule, Rule, SGDRule

__all__ = ["read_optimizer"]

HOW_NOT_WHAT = {"params", "param_names", "foreach", "fused", "capturable", "differentiable", "maximize"}  # settings that change no number, or refused
RENAMED = {"decoupled_weight_decay": "decoupled"}
RULES: dict[type, Callable[..., Rule]] = {torch.optim.SGD: SGDRule, torch.optim.Adam: AdamRule, torch.optim.AdamW: AdamRule}
KNOWN = "torch.optim.SGD, Adam and AdamW, and eyring's SGD and MomentumSGD"


def read_optimizer(optimizer: Any, model: torch.nn.Module) -> Rule:
    """Return the rule of an optimizer; its own buffers are left aside, since every replica begins afresh.

    Args:
        optimizer: A torch optimizer on the model's parameters; or what builds one from a list of parameters, such as
            ``functools.partial(torch.optim.SGD, lr=0.1)``; or ``ey.SGD`` or ``ey.MomentumSGD`` with numbers.
        model: The network whose parameters it trains.

    Raises:
        NotApplicable: If its rule is not known here, or is not the same for all parameters at all times.
        ParameterError: If it is no optimizer, trains other parameters, or a setting is out of range.

    >>> read_optimizer(lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9), torch.nn.Linear(1, 1))
    SGDRule(lr=0.1, weight_decay=0.0, momentum=0.9, dampening=0.0, nesterov=False)
    """
    if isinstance(optimizer, Dynamics):
        return _of_dynamics(optimizer)
    if isinstance(optimizer, type):
        raise ParameterError(f"the class {optimizer.__name__} says no learning rate: pass {optimizer.__name__}(model.parameters(), lr=...)")
    if not isinstance(optimizer, torch.optim.Optimizer) and callable(optimizer):
        optimizer = _built(optimizer, model)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ParameterError(f"the optimizer must be one of {KNOWN}, got {type(optimizer).__name__}")
    if type(optimizer) not in RULES:
        raise NotApplicable(f"replicas cannot be trained by {type(optimizer).__name__}: its step is not known here. Known: {KNOWN}")
    _require_all_parameters(optimizer, model)
    return RULES[type(optimizer)](**_settings(optimizer))


def _settings(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the settings that all parameter groups share, by the names of the rule."""
    groups = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    differing = sorted({name for group in groups for name in group if not _same(group[name], groups[0].get(name))} - {"param_names"})
    if differing:
        raise NotApplicable(
            f"the parameter groups differ in {', '.join(differing)}; the laws of escape know one {differing[0]} for all parameters. Use one group"
        )
    group = groups[0]
    if group.get("maximize"):
        raise NotApplicable("maximize=True climbs the loss, and no minimum holds a replica there; use maximize=False")
    if "initial_lr" in group:
        raise NotApplicable(
            "a scheduler changes the learning rate, and an escape time belongs to a constant one: build the optimizer without a scheduler, and "
            "measure at each of its learning rates"
        )
    settings = {RENAMED.get(name, name): value for name, value in group.items() if name not in HOW_NOT_WHAT}
    if "betas" in settings:
        settings["beta1"], settings["beta2"] = settings.pop("betas")
    return settings


def _built(build: Callable[..., Any], model: torch.nn.Module) -> Any:
    """Return what the user's function makes of the parameters."""
    try:
        return build([value for value in model.parameters() if value.requires_grad])
    except Exception as error:
        raise ParameterError(
            f"the optimizer cannot be built: {build!r}, called with a list of parameters, raised {type(error).__name__}: {error}. Pass an optimizer, "
            "or a function of the parameters such as functools.partial(torch.optim.SGD, lr=0.1)"
        ) from error


def _same(one: Any, other: Any) -> bool:
    """Whether two settings are equal; a number that is none equals itself, so that the rule can refuse it by name."""
    return bool(one == other or (one != one and other != other))


def _require_all_parameters(optimizer: torch.optim.Optimizer, model: torch.nn.Module) -> None:
    trained = {id(value) for group in optimizer.param_groups for value in group["params"]}
    missed = [name for name, value in model.named_parameters() if value.requires_grad and id(value) not in trained]
    strange = len(trained - {id(value) for value in model.parameters()})
    if missed or strange:
        what = f"it leaves out {', '.join(missed)}" if missed else f"{strange} of its tensors are none of the model's"
        raise ParameterError(
            f"the optimizer does not train this model's parameters: {what}. Build it on model.parameters(), and freeze what shall stay"
        )


def _of_dynamics(dynamics: Dynamics) -> Rule:
    if type(dynamics) not in (SGD, MomentumSGD):
        raise NotApplicable(f"replicas cannot be trained by {type(dynamics).__name__} yet; known: {KNOWN}")
    names = {"learning_rate": "lr", "momentum": "momentum", "dampening": "dampening"}
    symbols = [name for name in names if name in dynamics.hyperparameters and not dynamics.hyperparameters[name].is_number]
    if symbols:
        raise ParameterError(f"training needs numbers, and {', '.join(symbols)} of the {type(dynamics).__name__} is still a symbol; give it")
    numbers: Mapping[str, float] = {new: float(dynamics.hyperparameters[old]) for old, new in names.items() if old in dynamics.hyperparameters}
    return SGDRule(**numbers, nesterov=getattr(dynamics, "nesterov", False))
