"""When a walker counts as escaped: at the saddle, or at the minimum beyond, along the direction in which the saddle descends; or out of a region."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.values import exact_value
from eyring.numerics.simulation.kernel.step import Step
from eyring.theory.escape.descent import ends_of_descent, escape_direction
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["EVENTS", "Goal", "check_event", "margin_of"]

EVENTS = ("next well", "to the saddle", "cross and stay")
REGIONS = (sp.core.relational.Relational, sp.And, sp.Or)


@dataclass(frozen=True)
class Goal:
    """Escaped means margin >= 0, for as long as ``stay`` says.

    Attributes:
        start: Where walkers begin, (n,).
        coordinates: Symbols of their place.
        margin: A function of the place: direction . x - level, or how far outside a region the place is.
        stay: How long a walker must have been there without a break, in the unit of the run; 0 if the first visit counts.
        saddle: The place of the saddle to cross, (n,); None for a region.
    """

    start: np.ndarray
    coordinates: tuple[sp.Symbol, ...]
    margin: sp.Expr
    stay: float = 0.0
    saddle: np.ndarray | None = None

    @classmethod
    def of(cls, loss: Landscape, numbers: Mapping[sp.Symbol, Any], *, start: Any, event: Any, over: Any, inertia: bool = False) -> "Goal":
        """Place the goal on a landscape whose parameters have numbers.

        Args:
            loss: The landscape.
            numbers: Numbers for the parameters in start and over.
            start: A minimum; with a region, any place inside.
            event: What counts as escaped.
            over: The saddle to cross.
            inertia: Whether walkers have a velocity: beyond the saddle they are then not yet settled, nor at the minimum's coordinate.

        Raises:
            ParameterError: If the event is missing or unknown, or walkers begin outside a region.
            NotApplicable: If start is no minimum, over is no saddle next to it, or no minimum lies beyond.
            EyringError: If start or over is no critical point.
        """
        check_event(event)
        if isinstance(event, REGIONS):
            return cls._out_of(event, loss, numbers, start)
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
        kind = str(event).replace("-", " ")
        if kind == "next well" and beyond is None:
            raise NotApplicable(f"no minimum lies beyond the {saddle}, so event='next well' has no meaning there; use event='to the saddle'")
        level = direction @ (_floats(beyond) if kind == "next well" and beyond is not None and not inertia else top)
        margin = sum((_neat(d) * x for d, x in zip(direction, loss.coordinates, strict=True)), -_neat(level))
        return cls(begin, tuple(loss.coordinates), margin, saddle=top)

    @classmethod
    def _out_of(cls, event: Any, loss: Landscape, numbers: Mapping[sp.Symbol, Any], start: Any) -> "Goal":
        place = _position(start, numbers, role="start")
        outside = margin_of(event.subs({s: exact_value(v) for s, v in numbers.items()}))
        unknown = sorted(map(str, outside.free_symbols - set(loss.coordinates)))
        if unknown or len(place) != loss.dim:
            raise ParameterError(
                f"a region needs one starting number for each of {', '.join(map(str, loss.coordinates))}"
                + (f", and numbers for {', '.join(unknown)}" if unknown else "")
            )
        begin = np.array([float(c) for c in place])
        at_start = float(outside.subs(dict(zip(loss.coordinates, begin, strict=True))))
        if not at_start < 0:
            raise ParameterError(f"walkers must begin inside: at the start {begin.tolist()} the event {event} has already happened")
        return cls(begin, tuple(loss.coordinates), outside)

    def watched(self, step: Step, tick: float) -> Step:
        """Return the step with a counter of how long a walker has been beyond, where it must stay there."""
        if not self.stay:
            return step
        stayed, longer, needed = sp.Dummy("stayed", real=True), sp.Dummy("longer", real=True), math.ceil(self.stay / tick - 1e-9)
        count = (longer, sp.Piecewise((stayed + 1, step.margin >= 0), (0, True)))
        return replace(
            step, state=(*step.state, stayed), statements=(*step.statements, count), after=(*step.after, longer), start=(*step.start, 0.0),
            margin=longer - needed,
        )  # fmt: skip


def margin_of(event: Any) -> sp.Expr:
    """Return what is not negative where the relation holds; "and" takes the least, "or" the greatest of its parts.

    >>> x = sp.Symbol("x", real=True)
    >>> outside = margin_of(sp.Or(x > 2, x < -1))
    >>> [outside.subs(x, place) for place in (3, -3, 0)]
    [1, 2, -1]
    """
    if isinstance(event, sp.And | sp.Or):
        chosen, *others = map(margin_of, event.args)
        for other in others:  # a Piecewise, whose slope is that of the part that holds
            first = chosen < other if isinstance(event, sp.And) else chosen > other
            chosen = sp.Piecewise((chosen, first), (other, True))
        return chosen
    if isinstance(event, sp.Gt | sp.Ge | sp.Lt | sp.Le):
        return event.gts - event.lts
    raise ParameterError(f"a region is left where an inequality such as x > 2 holds, or several joined by And and Or; got {event}")


def check_event(event: Any) -> None:
    """Refuse an event that is missing or unknown.

    Raises:
        ParameterError: With the choices.
    """
    if not isinstance(event, REGIONS) and (event is None or str(event).replace("-", " ") not in EVENTS):
        raise ParameterError(
            "event must say what counts as escaped: 'to the saddle' (reach the saddle's coordinate), 'next well' (reach the coordinate of the "
            "minimum beyond it; with momentum, cross the saddle and settle), 'cross and stay' (be beyond the saddle for stay=...), or an "
            f"inequality of the coordinates; got {event!r}"
        )


def _neat(number: float) -> sp.Expr:
    """Return a whole number where the float is one."""
    return sp.Integer(round(number)) if float(number).is_integer() else sp.Float(float(number), 17)


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
