"""Which reproductions there are: every file of this folder that defines one."""

import pkgutil
from functools import cache
from importlib import import_module

from eyring.errors import ParameterError
from eyring.validation.reproduce.contract import Reproduction

__all__ = ["reproduction", "reproductions"]

PACKAGE = "eyring.validation.reproduce"


@cache
def reproductions() -> dict[str, Reproduction]:
    """Return all reproductions by name, in alphabetical order; torch is not loaded by asking.

    Raises:
        ParameterError: If two of them share a name.
    """
    found: dict[str, Reproduction] = {}
    for entry in pkgutil.iter_modules(import_module(PACKAGE).__path__, f"{PACKAGE}."):
        member = getattr(import_module(entry.name), "REPRODUCTION", None)
        if member is None:
            continue
        if member.name in found:
            raise ParameterError(f"two reproductions are called {member.name!r}, one of them in {entry.name}; give each a name of its own")
        found[member.name] = member
    return dict(sorted(found.items()))


def reproduction(name: str) -> Reproduction:
    """Return the reproduction of that name.

    Raises:
        ParameterError: If there is none; the message lists those there are.
    """
    known = reproductions()
    if name not in known:
        raise ParameterError(f"no reproduction is called {name!r}; known: {', '.join(known)}")
    return known[name]
