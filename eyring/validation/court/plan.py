"""What fixes the numbers of a sweep: its jobs, told apart by everything that goes into them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from eyring.errors import ParameterError
from eyring.validation.identity import Teller, digest_of, kind_of, name_of

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

    A function or class counts with its code, without comments and docstrings, and with all code of one's own that it calls. Of what it calls in
    eyring and in installed packages the versions in the manifest tell.

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
    teller = _Teller()
    return {name: _told_job(teller, name, job) for name, job in jobs.items()}


def plan_digest(plan: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan.

    >>> plan_digest({"a": 1})[:8]
    'f9d86028'
    """
    return digest_of(plan)


def _told_job(teller: "_Teller", name: str, job: Job) -> dict[str, Any]:
    if not isinstance(job, Job):
        raise ParameterError(f"job {name!r} is a {type(job).__name__}; give Job(function, arguments)")
    where = f"job {name!r}"
    _require_importable(job.function, where)
    arguments = {key: teller.tell(value, f"{where}, {key}") for key, value in job.arguments.items()}
    return {"function": name_of(job.function), "source": teller.code(job.function), "arguments": arguments}


class _Teller(Teller):
    """Refuses what another process could not be given, or what hides its content."""

    def function(self, value: Any, where: str) -> dict[str, Any]:
        """Tell a function that other processes can import."""
        if not self.within_code:
            _require_importable(value, where)
        return super().function(value, where)

    def unknown(self, value: Any, where: str) -> Any:
        """Refuse an argument of a kind that is not known."""
        if self.within_code:
            return super().unknown(value, where)
        raise ParameterError(
            f"{where} is a {kind_of(value)}, and what it holds cannot be written into a plan; give numbers, text, arrays, tensors, torch modules, "
            "dataclasses or functions of a module, and build the rest inside the job's function"
        )

    def objects(self, array: np.ndarray, where: str) -> Any:
        """Refuse an array of objects."""
        if self.within_code:
            return super().objects(array, where)
        raise ParameterError(f"{where} is an array of Python objects; give one of numbers or text")


def _require_importable(function: Any, where: str) -> None:
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
