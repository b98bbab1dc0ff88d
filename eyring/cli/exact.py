"""The verb ``exact``: the mean first-passage time in one dimension, without any small parameter."""

import argparse
import json
from typing import TYPE_CHECKING, Any

from eyring.cli.model import landscape_of, path_of, read, sde_of, values_of
from eyring.errors import ParameterError
from eyring.theory.sde import SDE

if TYPE_CHECKING:
    from eyring.numerics.answer import Number

__all__ = ["number_dict", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Compute the time and print it with its error."""
    from eyring.numerics.exact import exact_escape_time

    sde, values = _sde(arguments), values_of(arguments)
    start, target = (_place(arguments, name) for name in ("start", "target"))
    time = exact_escape_time(sde, start=start, target=target, values=values, digits=arguments.digits)
    time = time.per_iteration if arguments.per_iteration else time
    if arguments.json:
        asked = {"from": arguments.start, "to": arguments.target, "calculus": sde.calculus, "set": list(arguments.set)}
        print(json.dumps(number_dict(time) | asked, indent=2))
    else:
        print(time)
    return 0


def number_dict(number: "Number") -> dict[str, Any]:
    """Return a computed number for JSON, every digit in strings; the error is absolute, in the number's unit."""
    try:
        error = f"{float(number.error):.3g}"
    except OverflowError:
        error = None
    relative = f"{float(number.relative_error):.3g}"
    return {"value": number.text, "unit": number.unit, "error": error, "relative_error": relative, "log_value": str(number.log), "conditions": []}


def _sde(arguments: argparse.Namespace) -> SDE:
    if arguments.loss is None and arguments.sample is None:
        raise ParameterError("--loss must give the loss, such as 'x**4/4 - x**2/2': an exact time needs all of it")
    loss = landscape_of(arguments)
    if (arguments.diffusion is None) == (arguments.dynamics is None):
        raise ParameterError("give either --diffusion, the D(x) of dx = -L' dt + sqrt(2 D) dW, or --dynamics, the optimizer that makes it")
    if arguments.diffusion is None:
        return sde_of(arguments, loss)
    diffusion = read(arguments.diffusion, arguments)
    return SDE([-slope for slope in loss.gradient], diffusion, loss.coordinates, calculus=arguments.calculus, landscape=loss)


def _place(arguments: argparse.Namespace, name: str) -> Any:
    numbers = path_of(getattr(arguments, name))
    if len(numbers) != 1:
        raise ParameterError(f"--{'from' if name == 'start' else 'to'} is one number in one dimension, got {getattr(arguments, name)!r}")
    return numbers[0]
