"""Where a walk begins, ends and is thrown back: numbers, critical points, or expressions in the parameters that they move with."""

from collections.abc import Iterable, Mapping
from typing import Any

import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.exact.chain.walk import wall_behind, way
from eyring.numerics.exact.passage.panels import Route
from eyring.theory.landscape import CriticalPoint

__all__ = ["free_symbols_of", "routes", "written"]


def routes(start: Any, ends: tuple[Any, ...], reflecting: Any, numbers: Mapping[sp.Symbol, Any]) -> Iterable[Route]:
    """Yield the route to the only target, or up and down to the ends of an interval.

    Raises:
        ParameterError: If the places make no walk.
    """
    if len(ends) == 1:
        yield _route(*way(start, ends[0], numbers), reflecting, numbers)
        return
    if reflecting is not None:
        raise ParameterError("a walk that ends on both sides has no far side for a reflecting wall; give one target, or leave the wall out")
    if len(ends) != 2:
        raise ParameterError(f"an interval has two ends, got {len(ends)}: give one target, or (left, right)")
    places = [way(start, end, numbers) for end in ends]
    begin, (low, high) = places[0][0], sorted((place[1] for place in places), key=float)
    if not float(low) < float(begin) < float(high):
        raise ParameterError(f"start = {sp.N(begin, 6)} must lie between the ends {float(low):.6g} and {float(high):.6g}")
    yield _route(begin, high, begin, numbers)
    yield _route(begin, low, begin, numbers)


def _route(begin: sp.Expr, end: sp.Expr, reflecting: Any, numbers: Mapping[sp.Symbol, Any]) -> Route:
    side = 1 if float(end) > float(begin) else -1
    wall = None if reflecting is None else side * float(wall_behind(reflecting, begin, side, numbers))
    return Route(side * float(begin), side * float(end), wall, side)


def free_symbols_of(point: Any) -> set[sp.Symbol]:
    """Return the symbols that a place depends on."""
    position = point.position[0] if isinstance(point, CriticalPoint) and len(point.position) == 1 else point
    return position.free_symbols if isinstance(position, sp.Expr) else set()


def written(point: Any) -> str:
    """Return a place as text."""
    position = point.position[0] if isinstance(point, CriticalPoint) else point
    return f"{float(position):.6g}" if not free_symbols_of(point) else str(position)
