"""The catalogue: every result of the field that eyring derives, one file an idea; each is judged by a second road in ``eyring.numerics.roads``."""

from difflib import get_close_matches
from functools import cache

from eyring.errors import EyringError
from eyring.theory.catalog import catalog
from eyring.theory.results.contract import CHAPTERS, KINDS, Result

__all__ = ["CHAPTERS", "KINDS", "Result", "result", "results"]


@cache
def results() -> dict[str, Result]:
    """Return every result by name, in the order of the chapters."""
    members = [member() for member in catalog(Result, __name__).values()]
    return {r.name: r for r in sorted(members, key=lambda r: (CHAPTERS.index(r.chapter), r.name))}


def result(name: str) -> Result:
    """Return one result of the catalogue.

    Args:
        name: As ``eyring list`` prints it.

    Raises:
        EyringError: If there is none of this name; it names the nearest ones.

    >>> result("sgd-variance").derive().expression
    C*eta/(H*(-H*eta + 2))
    """
    known = results()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.6)
        raise EyringError(f"no result is called {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else ".") + " `eyring list` prints all.")
    return known[name]
