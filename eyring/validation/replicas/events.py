"""What counts as escaped in parameter space, asked of all replicas after every step, on their device."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from eyring.errors import NotApplicable, ParameterError

__all__ = ["EVENTS", "Across", "Event", "OutOfBox", "event_from", "oriented"]

EVENTS = ("to the saddle", "next well", "cross and stay")


@dataclass(frozen=True, eq=False)
class Event:
    """A replica has escaped once it has been outside for ``stay`` steps on end; the time is that of the last of them.

    Attributes:
        outside: Says of each row of (R, n) whether it is outside, (R,).
        name: What identifies the event in a checkpoint and in messages.
        stay: Steps outside, from 1.
    """

    outside: Callable[[torch.Tensor], torch.Tensor]
    name: str
    stay: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.stay, bool) or not isinstance(self.stay, int) or self.stay < 1:
            raise ParameterError(f"stay must be a whole number of steps from 1, got {self.stay!r}")

    def memory(self, thetas: torch.Tensor) -> torch.Tensor | None:
        """Return the count of steps outside for replicas that begin inside, (R,), or None where none is needed."""
        return torch.zeros(len(thetas), dtype=torch.int64, device=thetas.device) if self.stay > 1 else None

    def reached(self, thetas: torch.Tensor, memory: torch.Tensor | None) -> torch.Tensor:
        """Return who has escaped, (R,); the memory is counted on."""
        outside = self.outside(thetas)
        if memory is None:
            return outside
        memory.add_(1).mul_(outside)
        return memory >= self.stay


@dataclass(frozen=True, eq=False)
class Across:
    """Beyond the plane u . theta = level.

    Attributes:
        direction: u, (n,).
        level: Of the plane.

    >>> beyond = Across(torch.tensor([1.0, 0.0]), 0.5)
    >>> beyond(torch.tensor([[0.4, 9.0], [0.6, 0.0]]))
    tensor([False,  True])
    """

    direction: torch.Tensor
    level: float

    def __call__(self, thetas: torch.Tensor) -> torch.Tensor:
        """Return who is beyond, (R,)."""
        return thetas @ self.direction.to(thetas) >= self.level


@dataclass(frozen=True, eq=False)
class OutOfBox:
    """The first coordinate has left: any theta_i at or below lower_i, or at or above upper_i; an infinite bound is never left.

    Attributes:
        lower: A number, or (n,).
        upper: A number, or (n,).

    >>> left = OutOfBox(-math.inf, torch.tensor([1.0, 2.0]))
    >>> left(torch.tensor([[0.9, 1.9], [0.0, 2.5]]))
    tensor([False,  True])
    """

    lower: Any
    upper: Any

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            object.__setattr__(self, name, torch.as_tensor(getattr(self, name)))
        if not (self.lower < self.upper).all():
            raise ParameterError("each lower bound must be below its upper bound")

    def __call__(self, thetas: torch.Tensor) -> torch.Tensor:
        """Return who has left, (R,)."""
        return ((thetas <= self.lower.to(thetas)) | (thetas >= self.upper.to(thetas))).any(1)


def oriented(direction: torch.Tensor, start: torch.Tensor, saddle: torch.Tensor) -> torch.Tensor:
    """Return the unit vector of the saddle's unstable direction that points away from the start.

    Raises:
        ParameterError: If it is no direction, or the start lies in the plane through the saddle across it.
    """
    length = float(direction.norm())
    if not (math.isfinite(length) and length > 0):
        raise ParameterError(f"the saddle's unstable direction must be a vector that is not zero, got one of length {length}")
    unit = direction / length
    along = float(unit @ (saddle - start))
    if abs(along) < 1e-6 * float((saddle - start).norm()) or along == 0:
        raise NotApplicable(
            "the start lies in the plane through the saddle across its unstable direction, so the direction does not say which side is out; "
            "give the event as a callable on (R, n) that is true outside"
        )
    return unit if along > 0 else -unit


def event_from(
    event: Any,
    *,
    start: torch.Tensor,
    saddle: torch.Tensor | None = None,
    direction: torch.Tensor | None = None,
    beyond: torch.Tensor | None = None,
    stay: int | None = None,
) -> Event:
    """Return the event that a user means.

    The ridge is taken as the plane through the saddle across its unstable direction u: "to the saddle" is u . (theta - saddle) >= 0, "next well"
    is to come as far along u as the minimum beyond, "cross and stay" is to be beyond the ridge for ``stay`` steps on end.

    Args:
        event: One of ``EVENTS``; a callable on (R, n) that is true outside; or an Event.
        start: Where replicas begin, (n,).
        saddle: The saddle, (n,), for the named events.
        direction: Its unstable direction, (n,), of either sign.
        beyond: The minimum beyond, (n,), for "next well".
        stay: Steps, for "cross and stay" or a callable.

    Raises:
        ParameterError: If the event is missing or unknown, or what it needs is missing.
        NotApplicable: If the start is outside already.
    """
    if isinstance(event, Event):
        made = event
    elif callable(event):
        made = Event(event, getattr(event, "__qualname__", type(event).__name__), 1 if stay is None else stay)
    else:
        made = _named(event, start, saddle, direction, beyond, stay)
    seen = made.outside(start.unsqueeze(0))
    if not isinstance(seen, torch.Tensor) or seen.shape != (1,) or seen.dtype != torch.bool:
        got = f"{tuple(seen.shape)} {seen.dtype}" if isinstance(seen, torch.Tensor) else type(seen).__name__
        raise ParameterError(f"the event must return one truth value a replica, a bool tensor (R,) for parameters (R, n); got {got} for one")
    if seen.item():
        raise NotApplicable(f"replicas must begin inside: at the start the event {made.name!r} has already happened")
    return made


def _named(
    event: Any, start: torch.Tensor, saddle: torch.Tensor | None, direction: torch.Tensor | None, beyond: torch.Tensor | None, stay: int | None
) -> Event:
    kind = str(event).replace("-", " ")
    if event is None or kind not in EVENTS:
        raise ParameterError(
            "event must say what counts as escaped: 'to the saddle' (cross the ridge; half of them fall back), 'next well' (come as far as the "
            "minimum beyond), 'cross and stay' (be beyond the ridge for stay=... steps on end), or a callable, true of parameters (R, n) outside; "
            f"got {event!r}"
        )
    if saddle is None or direction is None:
        raise ParameterError(f"event {kind!r} needs the saddle that is crossed: give over=, its parameters or a measured path")
    if (stay is None) != (kind != "cross and stay"):
        raise ParameterError("stay, a number of steps, belongs to 'cross and stay' (and to callables), which needs it")
    unit = oriented(direction, start, saddle)
    ridge = float(unit @ saddle)
    if kind != "next well":
        return Event(Across(unit, ridge), kind, 1 if stay is None else stay)
    if beyond is None:
        raise ParameterError("event 'next well' needs the minimum beyond the saddle: give beyond=, or a measured path as over=")
    level = float(unit @ beyond)
    if level <= ridge:
        raise NotApplicable(
            f"the minimum given as beyond lies {ridge - level:.4g} on the start's side of the saddle, along its unstable direction; give the minimum "
            "on the other side, or event='cross and stay'"
        )
    return Event(Across(unit, level), kind)
