"""Find the members of a family by looking into its folder: a new file is a member from the day it appears."""

import inspect
import pkgutil
from functools import cache
from importlib import import_module
from typing import TypeVar

__all__ = ["catalog"]

T = TypeVar("T")


@cache
def catalog(family: type[T], package: str) -> dict[str, type[T]]:
    """Return the concrete subclasses of ``family`` defined in the modules of ``package``, by class name.

    Args:
        family: The abstract class that the folder's ``contract.py`` defines.
        package: Its dotted name, such as "eyring.theory.noise".
    """
    folder = import_module(package)
    members: dict[str, type[T]] = {}
    for entry in pkgutil.iter_modules(folder.__path__, f"{package}."):
        module = import_module(entry.name)
        for name, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, family) and not inspect.isabstract(found) and found.__module__ == entry.name:
                members[name] = found
    return dict(sorted(members.items()))
