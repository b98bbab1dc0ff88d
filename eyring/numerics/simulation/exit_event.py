"""When a walker counts as escaped: it has reached the saddle, or the minimum beyond it, along the direction in which the saddle descends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.values import exact_value
from eyring.theory.escape.descent import ends_of_descent, escape_direction
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["EVENTS", "Goal"]

EVENTS = ("next well", "to the saddle")


@dataclass(frozen=True)
class Goal:
    """Escaped means direction . x >= level.

    Attributes:
        start: Where walkers begin, (n,).
        direction: Unit vector along which the saddle descends, away from the start, (n,).
        level: Its value at the saddle or at the minimum beyond.
    """

    start: np.ndarray
    direction: np.ndarray
    level: float

    @classmethod
    def of(cls, loss: Landscape, numbers: Mapping[sp.Symbol, Any], *, start: Any, event: str | None, over: Any) -> "Goal":
        """Place the goal on a landscape whose parameters have numbers.

        Raises:
            ParameterError: If the event is missing or unknown.
            NotApplicable: If start is no minimum, over is no saddle next to it, or no minimum lies beyond.
            EyringError: If start or over is no critical point.
        """
        check_event(event)
        a = loss.locate(_position(start, numbers, role="start"), role="start")
        if a.index != 0:
            raise NotApplicable(
                f"start must be a minimum of the loss, got the {a}: nothing holds a walker there. Start from one of Landscape.minima()"
            )
        saddle, beyond = _way_out(loss, a, over, numbers)
        direction = np.array(escape_direction(saddle)[0])
        begin, top = _floats(a), _floats(saddle)
        away = _floats(beyond) - top if beyond is not None else top - begin
        direction *= 1.0 if direction @ away > 0 else -1.0
        if str(event).replace("-", " ") == "to the saddle":
            return cls(begin, direction, float(direction @ top))
        if beyond is None:
            raise NotApplicable(f"no minimum lies beyond the {saddle}, so event='next well' has no meaning there; use event='to the saddle'")
        return cls(begin, direction, float(direction @ _floats(beyond)))


def check_event(event: str | None) -> None:
    """Refuse an event that is missing or unknown.

    Raises:
        ParameterError: With the choices.
    """
    if event is None or str(event).replace("-", " ") not in EVENTS:
        raise ParameterError(
            "event must say what counts as escaped: 'to the saddle' (reach the saddle's coordinate) or 'next well' (reach the coordinate of the "
            f"minimum beyond it); got {event!r}"
        )


def _position(point: Any, numbers: Mapping[sp.Symbol, Any], *, role: str) -> tuple[sp.Expr, ...]:
    given = point.position if isinstance(point, CriticalPoint) else point
    coordinates = given if isinstance(given, tuple | list | np.ndarray | sp.MatrixBase) else (given,)
    insert = {s: exact_value(v) for s, v in numbers.items()}
    try:
        if not any(isinstance(c, str) for c in coordinates):
            return tuple(exact_value(c).subs(insert) for c in coordinates)
    except ParameterError:
        pass
    raise ParameterError(f"{role} must be a number, a critical point, or one number a coordinate; got {point!r}")


def _floats(point: CriticalPoint) -> np.ndarray:
    return np.array([float(c) for c in point.position])


def _way_out(loss: Landscape, a: CriticalPoint, over: Any, numbers: Mapping[sp.Symbol, Any]) -> tuple[CriticalPoint, CriticalPoint | None]:
    """Return the saddle to cross and the minimum beyond it, if there is one."""
    ways = [(saddle, beyond) for saddle in loss.saddles() for beyond in _beyond(loss, a, saddle)]
    names = "; ".join(f"the {saddle}" for saddle, _ in ways) or "none"
    if over is None:
        if len(ways) != 1:
            raise ParameterError(f"over must say which saddle is crossed; saddles next to the {a}: {names}")
        return ways[0]
    wanted = loss.locate(_position(over, numbers, role="over"), role="over")
    chosen = [way for way in ways if way[0].position == wanted.position]
    if not chosen:
        raise NotApplicable(f"over must be a saddle next to the {a}, got the {wanted}; saddles next to it: {names}")
    return chosen[0]


def _beyond(loss: Landscape, a: CriticalPoint, saddle: CriticalPoint) -> list[CriticalPoint | None]:
    """Return the minimum beyond a saddle seen from ``a`` (None if there is none), or nothing if the saddle is not next to ``a``."""
    if loss.dim == 1:
        return _beyond_on_line(loss, a, saddle)
    ends = ends_of_descent(loss, saddle)
    if a.position not in ends:
        return []
    other = [end for end in ends if end != a.position]
    return [loss.at(other[0]) if other and other[0] is not None else None]


def _beyond_on_line(loss: Landscape, a: CriticalPoint, saddle: CriticalPoint) -> list[CriticalPoint | None]:
    at, top = float(a.position[0]), float(saddle.position[0])
    side = 1 if top > at else -1
    ahead = sorted((p for p in loss.critical_points if side * (float(p.position[0]) - at) > 0), key=lambda p: side * float(p.position[0]))
    if not ahead or ahead[0].position != saddle.position:
        return []
    return [ahead[1] if len(ahead) > 1 and ahead[1].index == 0 else None]
