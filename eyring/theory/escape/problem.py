"""Turn a start, a saddle and an event into a well-posed escape problem, or say why it is none."""

from collections.abc import Sequence
from typing import TypeAlias

import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.escape.contract import EVENTS, EscapeProblem
from eyring.theory.escape.descent import ends_of_descent
from eyring.theory.kinetic import kinetic_form
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.potential import landscape_of
from eyring.theory.sde import SDE

__all__ = ["Place", "pose"]

Place: TypeAlias = CriticalPoint | float | sp.Expr | Sequence


def pose(sde: SDE, *, start: Place, over: Place, event: str | None) -> EscapeProblem:
    """Return the problem, its points located and its barrier found positive.

    Raises:
        EyringError: If the event is missing or unknown, or start or over is no critical point.
        NotApplicable: If start is no minimum, over is no saddle, there is no barrier, or another barrier stands on the way.
    """
    if not isinstance(event, str) or event.replace("-", " ") not in EVENTS:
        raise EyringError(
            f"event must say what counts as escaped: {' or '.join(map(repr, EVENTS))} "
            f"(a walker at the saddle has escaped only half the time); got {event!r}"
        )
    if sde.diffusion.is_zero_matrix:
        raise NotApplicable(
            "there is no noise: the diffusion matrix is zero, and nothing lifts a walker over the barrier. Use a smaller batch, or add noise"
        )
    kinetic = kinetic_form(sde)
    landscape = kinetic.landscape if kinetic else landscape_of(sde)
    if landscape is None:
        raise NotApplicable(
            f"the drift {sde.drift.tolist()} is not the gradient of a loss, so minimum, saddle and barrier have no meaning; "
            "its quasipotential takes their place: sharp_escape_time(sde, start=..., over=..., values=...) has the time if every direction has noise"
        )
    a, b = (_as_seen_by(landscape, landscape.locate(place, role=role)) for place, role in ((start, "start"), (over, "over")))
    _check_roles(a, b)
    _check_barrier(a, b)
    _check_way(landscape, a, b)
    return EscapeProblem(sde, landscape, a, b, event.replace("-", " "), kinetic)


def _as_seen_by(landscape: Landscape, point: CriticalPoint) -> CriticalPoint:
    """Return the point with value and curvature of this landscape: weight decay or a mobility may change those of the training loss."""
    own = next((p for p in landscape.critical_points if p.position == point.position), None) if isinstance(landscape, LocalLandscape) else None
    if own is not None or isinstance(landscape, LocalLandscape):
        return own or point
    here = dict(zip(landscape.coordinates, point.position, strict=True))
    off = (landscape.hessian.subs(here) - point.hessian).evalf(15)
    largest = max(1.0, *(abs(float(h)) for h in point.hessian)) if not point.hessian.free_symbols else 1.0
    same = all(abs(float(e)) <= 1e-9 * largest if e.is_number else sp.simplify(e) == 0 for e in off)
    return point if same else landscape.at(point.position)


def _check_roles(a: CriticalPoint, b: CriticalPoint) -> None:
    if a.index != 0:
        raise NotApplicable(f"start must be a minimum of the loss, got the {a}: nothing holds a walker there. Start from one of Landscape.minima()")
    if b.index != 1:
        raise NotApplicable(f"over must be a saddle with one descending direction, got the {b}. Choose one of Landscape.saddles()")


def _check_barrier(a: CriticalPoint, b: CriticalPoint) -> None:
    barrier = sp.simplify(b.value - a.value)
    if barrier.is_nonpositive:
        raise NotApplicable(
            f"there is no barrier: the saddle's loss {b.value} is not above the minimum's {a.value}, so walkers roll down "
            "and no escape formula applies. "
            "Ask exact_escape_time for the time of the descent"
        )


def _check_way(landscape: Landscape, a: CriticalPoint, b: CriticalPoint) -> None:
    if landscape.parameters or landscape.expression.has(sp.core.function.AppliedUndef):
        return
    if landscape.dim == 1:
        _check_line(landscape, a, b)
    else:
        _check_descent(landscape, a, b)


def _check_line(landscape: Landscape, a: CriticalPoint, b: CriticalPoint) -> None:
    low, high = sorted((a.position[0], b.position[0]), key=float)
    between = [p for p in landscape.critical_points if bool(low < p.position[0]) and bool(p.position[0] < high)]
    if between:
        highest = max(between, key=lambda p: float(p.value))
        higher = " and is higher" if float(highest.value) > float(b.value) else ""
        nearest = min((p for p in between if p.index == 1), key=lambda p: abs(float(p.position[0] - a.position[0])))
        raise NotApplicable(
            f"over = the {b} is not the next saddle: the {highest} stands on the way from the {a}{higher}. "
            f"Ask for the escape over the {nearest}, or for the whole way: exact_escape_time(sde, start=..., target=...)"
        )


def _check_descent(landscape: Landscape, a: CriticalPoint, b: CriticalPoint) -> None:
    ends = ends_of_descent(landscape, b)
    reached = [landscape.locate(end, role="end of descent") for end in ends if end is not None]
    if ends and all(end is not None for end in ends) and a not in reached:
        where = " and ".join(str(p) for p in reached)
        raise NotApplicable(
            f"the {b} does not border the basin of the {a}: steepest descent from it ends in the {where}. Start from one of "
            "those, or choose another saddle"
        )
