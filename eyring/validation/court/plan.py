"""What fixes the numbers of a sweep: its jobs, told apart by everything that goes into them."""

import ast
import enum
import hashlib
import inspect
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from importlib import import_module
from os import PathLike, fspath
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError

__all__ = ["Job", "plan_digest", "plan_of"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._=,+()-]{0,119}")


@dataclass(frozen=True)
class Job:
    """One piece of work: a function of a module, and what it is called with.

    Args:
        function: Called as ``function(**arguments)``; returns a mapping of names to arrays, numbers or text. It stands in a module, so that another
            process can import it, and takes all its randomness from a seed among its arguments.
        arguments: Numbers, text, arrays, tensors, torch modules, sympy expressions, dataclasses, functions of a module; lists or mappings of them.
    """

    function: Callable[..., Mapping[str, Any]]
    arguments: Mapping[str, Any]


def plan_of(jobs: Mapping[str, Job]) -> dict[str, Any]:
    """Return the jobs as plain data for JSON: two plans are equal if and only if their jobs would compute the same.

    A function counts with its own source, without comments; what it calls does not.

    Raises:
        ParameterError: If there is no job, a name is no file name, or a function or an argument cannot be told apart from others.

    >>> import math
    >>> plan_of({"half": Job(math.cos, {"x": 0.5})})["half"]
    {'function': 'math:cos', 'source': None, 'arguments': {'x': 0.5}}
    """
    if not jobs:
        raise ParameterError("a sweep without a job has nothing to compute; give at least one")
    bad = [name for name in jobs if not isinstance(name, str) or not NAME.fullmatch(name) or name.endswith((" ", "."))]
    if bad or len({name.casefold() for name in jobs}) < len(jobs):
        raise ParameterError(
            f"each job's name becomes a file's, so it takes letters, digits and any of ' ._=,+()-', and two names differ by more than capitals; "
            f"got {bad or sorted(jobs)}"
        )
    return {name: _told_job(name, job) for name, job in jobs.items()}


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan.

    >>> plan_digest({"a": 1})[:8]
    'f9d86028'
    """
    return hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()


def _told_job(name: str, job: Job) -> dict[str, Any]:
    if not isinstance(job, Job):
        raise ParameterError(f"job {name!r} is a {type(job).__name__}; give Job(function, arguments)")
    where = f"job {name!r}"
    function = _told_function(job.function, where)
    arguments = {key: _told(value, f"{where}, {key}") for key, value in job.arguments.items()}
    return {"function": function, "source": _source(job.function), "arguments": arguments}


def _source(function: Callable[..., Any]) -> str | None:
    """Return the digest of a function's text without comments and layout; None where there is no text."""
    try:
        text = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except (OSError, TypeError, SyntaxError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def _told_function(function: Any, where: str) -> str:
    module, path = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    try:
        found: Any = import_module(module) if module else None
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError):
        found = None
    if found is None or found is not function:
        raise ParameterError(
            f"{where}: {function!r} cannot be imported by another process; give a function that stands in a module (no lambda, none within another)"
        )
    return f"{module}:{path}"


def _told(value: Any, where: str) -> Any:
    """Return plain data that differs wherever the values differ."""
    if value is None or (isinstance(value, bool | int | str | float) and not isinstance(value, np.generic | enum.Enum)):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return _told_array(np.asarray(value), where)
    if isinstance(value, Mapping):
        return {"mapping": sorted(([_told(k, where), _told(v, f"{where}[{k!r}]")] for k, v in value.items()), key=json.dumps)}
    if isinstance(value, list | tuple):
        return [_told(v, f"{where}[{i}]") for i, v in enumerate(value)]
    if isinstance(value, enum.Enum | complex):
        return {type(value).__qualname__: str(value)}
    if isinstance(value, PathLike):
        return {"path": str(fspath(value))}
    if isinstance(value, sp.Basic):
        return {"sympy": sp.srepr(value)}
    if isinstance(value, sp.MatrixBase):
        return {"sympy": [_told(entry, where) for entry in value], "shape": list(value.shape)}
    if isinstance(value, partial):
        return {"partial": _told_function(value.func, where), "args": _told(value.args, where), "keywords": _told(value.keywords, where)}
    if is_dataclass(value) and not isinstance(value, type):
        return {_kind(value): {f.name: _told(getattr(value, f.name), f"{where}.{f.name}") for f in fields(value)}}
    if (told := _told_torch(value, where)) is not None:
        return told
    if callable(value) and hasattr(value, "__qualname__"):
        return {"function": _told_function(value, where)}
    raise ParameterError(
        f"{where} is a {_kind(value)}, and what it holds cannot be written into a plan; give numbers, text, arrays, tensors, torch modules, "
        "dataclasses or functions of a module, and build the rest inside the job's function"
    )


def _told_array(array: np.ndarray, where: str) -> dict[str, Any]:
    if array.dtype.hasobject:
        raise ParameterError(f"{where} is an array of Python objects; give one of numbers or text")
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return {"array": digest, "dtype": array.dtype.str, "shape": list(array.shape)}


def _told_torch(value: Any, where: str) -> Any:
    """Return a tensor's or a module's content; None for what is neither. A module counts with all it was given, not with its tensors alone."""
    if not any(kind.__module__.split(".")[0] == "torch" for kind in type(value).__mro__):
        return None
    import torch

    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        content = plain.flatten().view(torch.uint8).numpy() if plain.numel() else np.empty(0)
        return {"tensor": _told_array(content, where)["array"], "dtype": str(value.dtype), "shape": list(value.shape), "device": value.device.type}
    if isinstance(value, torch.nn.Module):
        own = {k: v for k, v in vars(value).items() if k not in vars(torch.nn.Module())}
        parts = {"training": value.training, "own": own, "parameters": value._parameters, "buffers": value._buffers, "modules": value._modules}
        return {_kind(value): {k: _told(v, f"{where}.{k}") for k, v in parts.items()}}
    if isinstance(value, torch.dtype | torch.device):
        return {"torch": str(value)}
    return None


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"
