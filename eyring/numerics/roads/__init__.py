"""Second roads: for every result of the catalogue, numbers had without its formula."""

from functools import cache

from eyring.errors import EyringError
from eyring.numerics.roads.contract import Judgement, Limit, Road, Trial
from eyring.theory.catalog import catalog

__all__ = ["Judgement", "Limit", "Road", "Trial", "roads", "roads_to"]


@cache
def roads() -> dict[str, tuple[Road, ...]]:
    """Return all roads by the name of the result that they judge."""
    found: dict[str, tuple[Road, ...]] = {}
    for member in catalog(Road, __name__).values():
        road = member()
        found[road.result] = (*found.get(road.result, ()), road)
    return found


def roads_to(name: str) -> tuple[Road, ...]:
    """Return the roads to one result.

    Raises:
        EyringError: If there is none.
    """
    if name not in roads():
        raise EyringError(f"no second road leads to {name!r}; add one in eyring/numerics/roads")
    return roads()[name]
