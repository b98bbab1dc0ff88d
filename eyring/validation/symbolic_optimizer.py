"""Train a network by the very update rule that the theory derives from: a torch optimizer compiled from the symbols."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

import sympy as sp
import torch

from eyring.errors import ParameterError
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Assignment, Dynamics
from eyring.theory.symbols import GLOSSARY, exact_number

__all__ = ["SymbolicOptimizer"]

LEARNING_RATE_FIELD = "learning_rate"
TAKEN = "steps_taken"
BOOKKEEPING = {"params", "param_names", "name", "initial_lr"}  # what torch and its schedulers may put beside hyperparameters
SCALARS: dict[str, Callable[[float], float]] = {
    name: getattr(math, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh", "erf", "erfc")
}


class SymbolicOptimizer(torch.optim.Optimizer):
    """Step every parameter element by ``dynamics.rule``, theta, g and xi being the parameter, its gradient and a fresh normal number.

    Hyperparameters live in ``param_groups`` under their printed names ("mu", "dampening", "T"), the learning rate as "lr", so that torch's
    learning-rate schedulers work. For long runs of plain or momentum SGD, ``torch.optim.SGD`` is faster and takes the same path.

    Args:
        params: Parameters, or groups of them as in any torch optimizer; a group may override hyperparameters.
        dynamics: The optimizer's symbolic definition, such as ``ey.MomentumSGD()``.
        values: Numbers for the symbols left in the dynamics, by symbol or printed name.
        generator: Where xi is drawn from; left out, torch's default generator. With a generator, its state is part of ``state_dict``, so
            that a resumed run draws what the uninterrupted one would have drawn.

    Raises:
        ParameterError: If a value is missing, unknown, complex, not finite or outside its range, or the rule uses a function torch lacks.

    >>> theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    >>> from eyring.theory.dynamics import SGD
    >>> optimizer = SymbolicOptimizer([theta], SGD(), values={"eta": 0.25})
    >>> theta.grad = torch.tensor([2.0], dtype=torch.float64)
    >>> optimizer.step()
    >>> theta.item()
    0.5
    """

    def __init__(
        self,
        params: Iterable[Any],
        dynamics: Dynamics,
        *,
        values: Mapping[sp.Symbol | str, float] | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        numeric = _with_numbers(dynamics, values or {})
        symbolic, names = _with_symbols(dynamics, numeric)
        self.dynamics, self.generator = numeric, generator
        self._names = names
        known = {PARAMETER, GRADIENT, WHITE_NOISE, *symbolic.buffers, *names.values()}
        self._lines = tuple(_compiled(line, known) for line in symbolic.rule)
        self._first_lines = tuple(_compiled(Assignment(t, symbolic.first_step.get(t, value)), known) for t, value in symbolic.rule)
        self._buffers = symbolic.buffers
        self._draws = any(WHITE_NOISE in line.arguments for line in (*self._lines, *self._first_lines))
        super().__init__(params, {key: float(getattr(numeric, field)) for field, key in _keys(names).items()})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Take one step; with a closure, evaluate it first (with gradients) and return its loss.

        Raises:
            ParameterError: If a hyperparameter has become NaN, infinite or complex, or a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            numbers = {symbol: _finite(key, group[key]) for symbol, key in self._group_symbols().items()}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._advance(parameter, numbers)
        return loss

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyperparameters of their own; see ``torch.optim.Optimizer.add_param_group``.

        Raises:
            ParameterError: If the group names a hyperparameter that the rule does not have, or gives one outside its range.
        """
        keys = _keys(self._names)
        unknown = set(param_group) - set(keys.values()) - BOOKKEEPING
        if unknown:
            raise ParameterError(
                f"unknown hyperparameter {', '.join(sorted(unknown))} in a parameter group; this rule has {', '.join(keys.values()) or 'none'}"
            )
        given = {field: _finite(key, param_group[key]) for field, key in keys.items() if key in param_group}
        replace(self.dynamics, **given)  # type: ignore[type-var]  # the dynamics checks the ranges
        super().add_param_group(param_group)
        for parameter in self.param_groups[-1]["params"]:
            if not parameter.is_floating_point():
                raise ParameterError(
                    f"parameters must be real floating-point tensors, got dtype {parameter.dtype}; train real and imaginary parts as two parameters"
                )

    def state_dict(self) -> dict[str, Any]:
        """Return torch's state dict, with the generator's state if there is a generator."""
        state = super().state_dict()
        return state if self.generator is None else {**state, "generator": self.generator.get_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned; training goes on bit by bit as if it had not stopped.

        Raises:
            ParameterError: If the state was saved with a generator and this optimizer has none, or belongs to another rule.
        """
        saved = dict(state_dict)
        stream = saved.pop("generator", None)
        if stream is not None and self.generator is None:
            raise ParameterError("the saved state holds a generator's state, and this optimizer has no generator; pass generator=torch.Generator()")
        wanted = set(_keys(self._names).values())
        if any(not wanted <= set(group) for group in saved["param_groups"]):
            raise ParameterError(f"the saved state belongs to another update rule: its parameter groups lack one of {', '.join(sorted(wanted))}")
        super().load_state_dict(saved)
        if stream is not None and self.generator is not None:
            self.generator.set_state(stream)

    def _group_symbols(self) -> dict[sp.Symbol, str]:
        return {symbol: _key(field, symbol) for field, symbol in self._names.items()}

    def _advance(self, parameter: torch.Tensor, numbers: dict[sp.Symbol, float]) -> None:
        if parameter.grad is None or parameter.grad.is_sparse:
            raise ParameterError("the update rule needs a dense gradient, got a sparse one; build the embedding with sparse=False")
        state = self.state[parameter]
        lines = self._lines if state else self._first_lines
        now: dict[sp.Symbol, Any] = {**numbers, PARAMETER: parameter, GRADIENT: parameter.grad}
        for buffer in self._buffers:
            now[buffer] = state[buffer.name] if state else torch.zeros_like(parameter)
        if self._draws:
            now[WHITE_NOISE] = self._white_noise(parameter)
        for line in lines:
            now[line.target] = line.function(*(now[symbol] for symbol in line.arguments))
        parameter.copy_(now[PARAMETER])
        for buffer in self._buffers:  # cloned, because a first step may leave the gradient itself here
            state[buffer.name] = torch.as_tensor(now[buffer], dtype=parameter.dtype, device=parameter.device).expand_as(parameter).clone()
        state[TAKEN] = state.get(TAKEN, 0) + 1

    def _white_noise(self, parameter: torch.Tensor) -> torch.Tensor:
        device = parameter.device if self.generator is None else self.generator.device
        drawn = torch.randn(parameter.shape, generator=self.generator, dtype=parameter.dtype, device=device)
        return drawn.to(parameter.device)


class _Line(NamedTuple):
    """One line of the rule as a function of numbers and tensors."""

    target: sp.Symbol
    arguments: tuple[sp.Symbol, ...]
    function: Callable[..., Any]


def _compiled(line: Assignment, known: set[sp.Symbol]) -> _Line:
    strangers = line.value.free_symbols - known
    if strangers:
        raise ParameterError(
            f"the line for {line.target} uses {', '.join(sorted(map(str, strangers)))}, which is no hyperparameter, buffer, theta, g or xi"
        )
    functions = {type(call).__name__ for call in line.value.atoms(sp.Function)} - {"Abs"}
    if functions - set(SCALARS):
        raise ParameterError(
            f"the line for {line.target} uses {', '.join(sorted(functions - set(SCALARS)))}; "
            f"update rules may use {', '.join(sorted({*SCALARS, 'Abs'}))}"
        )
    arguments = tuple(sorted(line.value.free_symbols, key=str))
    return _Line(line.target, arguments, sp.lambdify(arguments, line.value, modules=[{name: _on_both(name) for name in SCALARS}, "math"]))


def _on_both(name: str) -> Callable[[Any], Any]:
    """Return the function of that name, of torch for tensors and of math for numbers."""
    scalar, tensor = SCALARS[name], getattr(torch, name)
    return lambda value: tensor(value) if isinstance(value, torch.Tensor) else scalar(value)


def _with_numbers(dynamics: Dynamics, values: Mapping[sp.Symbol | str, float]) -> Dynamics:
    """Return the dynamics with ``values`` put in; every symbol of its rule must then be a number."""
    hyperparameters = dynamics.hyperparameters
    accepted = {symbol.name for value in hyperparameters.values() for symbol in value.free_symbols}
    used = {symbol.name for expression in _expressions(dynamics) for symbol in expression.free_symbols} & accepted
    given = {str(name): exact_number(_finite(str(name), value)) for name, value in values.items()}
    missing, unknown = sorted(used - set(given)), sorted(set(given) - accepted)
    if missing or unknown:
        fixed = ", ".join(f"{name} = {value}" for name, value in hyperparameters.items() if value.is_number)
        raise ParameterError(
            f"{type(dynamics).__name__} takes values for {', '.join(sorted(accepted)) or 'nothing'}"
            + (f"; missing: {', '.join(missing)}" if missing else "")
            + (f"; unknown: {', '.join(unknown)}" if unknown else "")
            + (f" (already fixed: {fixed})" if fixed else "")
        )
    return dynamics.with_values(given)


def _with_symbols(dynamics: Dynamics, numeric: Dynamics) -> tuple[Dynamics, dict[str, sp.Symbol]]:
    """Return the rule's dynamics with a symbol for every hyperparameter that may be one, and those its rule uses, by field."""
    symbolic, names = numeric, dict[str, sp.Symbol]()
    for field in fields(numeric):  # type: ignore[arg-type]
        if isinstance(getattr(numeric, field.name), bool):
            continue
        own = getattr(dynamics, field.name)
        symbol = own if isinstance(own, sp.Symbol) and own not in names.values() else field.default
        if not isinstance(symbol, sp.Symbol):
            symbol = GLOSSARY[field.name].symbol if field.name in GLOSSARY else sp.Symbol(field.name, real=True)
        try:
            symbolic = replace(symbolic, **{field.name: symbol})  # type: ignore[type-var]
        except ParameterError:  # the dynamics insists on a number here, as nesterov on dampening 0
            continue
        names[field.name] = symbol
    used = set[sp.Symbol]().union(*(expression.free_symbols for expression in _expressions(symbolic)))
    return symbolic, {field: symbol for field, symbol in names.items() if symbol in used}


def _expressions(dynamics: Dynamics) -> list[sp.Expr]:
    return [*(line.value for line in dynamics.rule), *dynamics.first_step.values()]


def _key(field: str, symbol: sp.Symbol) -> str:
    return "lr" if field == LEARNING_RATE_FIELD else symbol.name


def _keys(names: Mapping[str, sp.Symbol]) -> dict[str, str]:
    return {field: _key(field, symbol) for field, symbol in names.items()}


def _finite(name: str, value: Any) -> float:
    """Return ``value`` as a float, if it is a real, finite number (a zero-dimensional tensor or array too)."""
    try:
        number = math.nan if isinstance(value, str | bytes | bool) else complex(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number.real) and number.imag == 0):
        raise ParameterError(f"{name} must be a real, finite number, got {value!r}")
    return number.real
