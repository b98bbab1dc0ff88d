"""A walk compiled once and asked often: mean time, variance and side of exit as functions of the noise and of whatever else is left open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.walk import way
from eyring.numerics.exact.line import check_diffusion, lines_of, symbolic_slope
from eyring.numerics.exact.passage.answers import out_of_interval, second_moment, time_to_target, upper_first
from eyring.numerics.exact.passage.places import free_symbols_of, routes, written
from eyring.numerics.exact.passage.shape import Shape, shape_of
from eyring.numerics.exact.passage.sums import MOMENT, TIME, Sums, Walk
from eyring.numerics.exact.stability import stable_steps
from eyring.numerics.exact.values import coordinate_of, demand_sde, matched_values, ordinary
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE
from eyring.theory.symbols import GLOSSARY

__all__ = ["EscapeTime", "compile_escape_time", "compiled_escape"]

SMALLEST, LARGEST = 1e-140, 1e140  # of a strength, so that no square of it leaves the floats

End = CriticalPoint | float


def compile_escape_time(sde: SDE, *, start: End, target: End | Sequence[End], reflecting: float | None = None) -> "EscapeTime":
    r"""Return the mean time to reach ``target`` from ``start`` as a function of the SDE's parameters, for inner loops and whole arrays of values.

    As ``exact_escape_time``, with everything done beforehand that does not depend on the values.

    Args:
        sde: A process in one coordinate.
        start: Where the walker begins, a number or critical point; a length.
        target: The point whose first passage ends the walk; two points, one on each side of the start: either ends it. Lengths.
        reflecting: A wall behind the start that throws walkers back; left out, the far side is as the drift makes it.

    Returns:
        A function of numbers, or arrays that broadcast, by name: f(D=0.05), or f({"D": [0.05, 0.1]}).

    Raises:
        NotApplicable: If the SDE is not one-dimensional.
        ParameterError: If start equals target, is not between two targets, or lies behind the wall.

    >>> x, D = sp.symbols("x D", real=True)
    >>> f = compile_escape_time(SDE(0, D, [x]), start=0, target=1, reflecting=0)     # free diffusion: 1/(2 D)
    >>> f
    EscapeTime(D) from 0 to 1, reflecting wall at 0: dx = (0) dt + sqrt(2 D) dW, D = D
    >>> f(D=[1, 4]).value.round(12)
    array([0.5  , 0.125])
    """
    symbolic_slope(sde)
    ends = tuple(target) if isinstance(target, list | tuple) else (target,)
    compiled = EscapeTime(sde, start, ends, reflecting)
    if not compiled.moving:
        _ = compiled.walks
    return compiled


def compiled_escape(sde: SDE, start: Any, ends: tuple[Any, ...], reflecting: Any) -> "EscapeTime":
    """Return the compiled walk, kept from the last time it was asked for."""
    demand_sde(sde)
    try:
        return _kept(sde, sde.landscape, sde.stable_curvature, start, ends, reflecting)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return EscapeTime(sde, start, ends, reflecting)


@lru_cache(maxsize=256)
def _kept(sde: SDE, landscape: Any, stable_curvature: Any, start: Any, ends: tuple[Any, ...], reflecting: Any) -> "EscapeTime":
    symbolic_slope(sde)
    return EscapeTime(sde, start, ends, reflecting)


@dataclass(frozen=True, repr=False)
class EscapeTime:
    """The exact mean time of a walk, a function of the SDE's parameters; made by ``compile_escape_time``.

    Attributes:
        sde: The process.
        start: Where the walk begins.
        ends: Where it ends, one point or two.
        reflecting: The wall behind the start, if any.
    """

    sde: SDE
    start: Any
    ends: tuple[Any, ...]
    reflecting: Any = None

    def __call__(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Number:
        """Return the mean time, in the SDE's unit; ``.log``, ``.per_iteration`` and the estimated error are the Number's.

        Args:
            values: Numbers or arrays, by symbol or printed name.
            **named: The same, by name.

        Raises:
            NotApplicable: If the far side does not confine, or D vanishes on the way.
            ParameterError: If a value is missing, unknown, or not real and finite, or D is not positive.
            AccuracyError: If the panels do not converge; it carries the estimate.
        """
        given = self._given(values, named)
        if len(self.ends) == 2:
            return self._number(given, out_of_interval, "time", -1)
        return self._once(given, TIME, "time", -1) or self._number(given, time_to_target, "time", -1)

    def variance(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Number:
        """Return the variance of the time to the only target, in the SDE's unit squared.

        Args:
            values: As for the mean.
            **named: As for the mean.

        Raises:
            NotApplicable: If there are two targets; and as for the mean.
        """
        if len(self.ends) == 2:
            raise NotApplicable("the variance is that of the passage to one target; give one target, or ask for the mean time out of the interval")
        given = self._given(values, named)
        return self._once(given, MOMENT, "time^2", -2) or self._number(given, second_moment, "time^2", -2)

    def committor(self, values: Mapping[Any, Any] | None = None, /, **named: Any) -> Number:
        """Return the probability to leave the interval at its upper end.

        Args:
            values: As for the mean.
            **named: As for the mean.

        Raises:
            NotApplicable: If there are not two targets; and as for the mean.
        """
        if len(self.ends) != 2:
            raise NotApplicable("a committor needs two ends: give target=(left, right), one on each side of the start")
        return self._number(self._given(values, named), upper_first, "probability", 0)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters, by name."""
        return tuple(p.name for p in self.sde.parameters)

    @cached_property
    def moving(self) -> bool:
        """Whether start, target or wall depend on parameters."""
        return any(free_symbols_of(point) for point in (self.start, *self.ends, self.reflecting))

    @cached_property
    def shape(self) -> Shape:
        """The process without its strengths."""
        return shape_of(self.sde)

    @cached_property
    def walks(self) -> tuple[Walk, ...]:
        """The walk to the only target; or up and down from the start, each with a wall there."""
        return tuple(Walk(self.shape, route) for route in routes(self.start, self.ends, self.reflecting, {}))

    @cached_property
    def _unstable(self) -> Callable[[Mapping[str, Any]], None] | None:
        places = [way(self.start, end, {}) for end in self.ends]
        return stable_steps(self.sde, [(float(begin), float(end)) for begin, end in places])

    @cached_property
    def _unlimited(self) -> bool:
        """Whether no parameter has hard limits in the glossary, such as 0 <= mu < 1."""
        return not any(p.name in GLOSSARY and GLOSSARY[p.name].bounds for p in self.sde.parameters)

    @cached_property
    def _clock(self) -> tuple[tuple[str, ...], Callable[..., Any]]:
        symbols = sorted(self.sde.clock.free_symbols, key=str)
        return tuple(s.name for s in symbols), sp.lambdify(symbols, self.sde.clock, "numpy")

    def _given(self, values: Mapping[Any, Any] | None, named: Mapping[str, Any]) -> dict[str, Any]:
        """Return a float or an array for every parameter, by name, and for the clock's symbols where they are given."""
        if isinstance(values, Mapping) and values and named and {getattr(k, "name", k) for k in values} & set(named):
            raise ParameterError("a value is given twice, once in the mapping and once by name")
        plain = self._unlimited
        if plain and values is None and len(named) == len(self.names) and all(ordinary(named.get(n)) for n in self.names):
            return dict(named)
        if values is not None and not isinstance(values, Mapping):
            raise ParameterError(f"values must give numbers by name or symbol, such as {{'D': 0.1}}; got {values!r}")
        both = {**({} if values is None else values), **named}
        if plain and len(both) == len(self.names) and all(ordinary(both.get(n)) for n in self.names):
            return both
        numbers = matched_values(both, self.sde.parameters, asked_by="the exact time of this SDE", allowed=self.sde.clock.free_symbols)
        return {s.name: float(v) if np.ndim(v) == 0 else np.asarray(v, dtype=float) for s, v in numbers.items()}

    def _once(self, given: dict[str, Any], column: int, unit: str, power: int) -> Number | None:
        """Return the Number at single values where all goes well at once: what an inner loop sees."""
        columns = [given[n] for n in self.names]
        if self.moving or any(type(v) is not float for v in columns):
            return None
        if self._unstable is not None:
            self._unstable(given)
        try:
            push, strength = map(float, self.shape.strengths(*columns))
        except (ArithmeticError, ValueError):
            return None
        if not (SMALLEST < strength < LARGEST and abs(push) < LARGEST):
            return None
        parts = self.walks[0].sums_at_once(push, [columns[i] for i in self.shape.bends], column)
        return None if parts is None else Number(parts[0] * strength**power, parts[1], parts[2], unit, self._clock_of(given))

    def _number(self, given: dict[str, Any], asked: Callable[..., Sums], unit: str, power: int) -> Number:
        try:
            shape = np.broadcast_shapes(*[np.shape(v) for v in given.values()])
        except ValueError:
            shapes = ", ".join(f"{n}: {np.shape(v)}" for n, v in given.items() if np.ndim(v))
            raise ParameterError(f"the arrays of values do not broadcast to one shape; they have shapes {shapes}") from None
        if 0 in shape:
            raise ParameterError(f"an empty array of values was given, of shape {shape}; give at least one value")
        if self.moving:
            mantissa, shift, error = self._moved(given, shape, asked, power)
        else:
            mantissa, shift, error = self._sums(given, shape, asked, power)
        clock = self._clock_of(given)
        if not shape:
            return Number(float(mantissa[0]), float(shift[0]), float(error[0]), unit, clock)
        return Number(mantissa.reshape(shape), shift.reshape(shape), error.reshape(shape), unit, clock)

    def _clock_of(self, given: Mapping[str, Any]) -> Any:
        names, clock = self._clock
        return clock(*[given[n] for n in names]) if all([n in given for n in names]) else None

    def _sums(self, given: Mapping[str, Any], shape: tuple[int, ...], asked: Callable[..., Sums], power: int) -> Sums:
        walks = self.walks
        if self._unstable is not None:
            self._unstable(given)
        columns = [given[n] for n in self.names]
        push, strength = self._strengths(columns, shape)
        bent = [np.ravel(np.broadcast_to(columns[i], shape)) for i in self.shape.bends]
        bends = np.stack(bent, axis=-1) if bent else np.empty((1, 0))
        bends = bends[:1] if np.all(bends == bends[:1]) else bends
        mantissa, shift, error = asked(walks, push, bends)
        return mantissa * strength**power, shift, error

    def _strengths(self, columns: list[Any], shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return c and d of Phi' = c g and D = d h, refusing what is no diffusion."""
        with np.errstate(all="ignore"):
            pair = self.shape.strengths(*[np.asarray(c, dtype=float) for c in columns])
        push, strength = (np.ravel(np.broadcast_to(np.asarray(f, dtype=float), shape)) for f in pair)
        fit = (strength > SMALLEST) & (strength < LARGEST) & (np.abs(push) < LARGEST)
        if not np.all(fit):
            bad = int(np.argmin(fit))
            self._refuse({n: float(np.ravel(np.broadcast_to(c, shape))[bad]) for n, c in zip(self.names, columns, strict=True)})
        return push, strength

    def _refuse(self, values: Mapping[str, float]) -> None:
        """Raise what is wrong with the diffusion at these values."""
        line = lines_of(self.sde, np.array([[values[p] for p in self.names]])).one(0)
        places = sorted(float(p) for end in self.ends for p in way(self.start, end, {}))
        on_the_way = np.linspace(places[0], places[-1], 1025)
        if not np.all(line(on_the_way)[1] > 0):
            check_diffusion(line, on_the_way, where="on the way from start to target")
        shown = ", ".join(f"{n} = {v:.6g}" for n, v in values.items())
        raise ParameterError(f"at {shown} drift over diffusion, or the diffusion, is outside 1e-140 to 1e140; give other values or other units")

    def _moved(self, given: dict[str, Any], shape: tuple[int, ...], asked: Callable[..., Sums], power: int) -> Sums:
        """Return the sums where the ends depend on values: one compiled walk for each different place of them."""
        needed = {s for p in (self.start, *self.ends, self.reflecting) for s in free_symbols_of(p)}
        if unknown := sorted(s.name for s in needed if s.name not in given):
            raise ParameterError(f"start, target or wall hold symbols without a value: {', '.join(unknown)}")
        flat = {n: np.ravel(np.broadcast_to(v, shape)) for n, v in given.items()}
        rows = np.stack([flat[s.name] for s in sorted(needed, key=str)], axis=-1)
        places, which = np.unique(rows, axis=0, return_inverse=True)
        result = np.empty((3, len(rows)))
        for i, place in enumerate(places.tolist()):
            some = np.flatnonzero(which.ravel() == i)
            values = dict(zip(sorted(needed, key=str), place, strict=True))
            begin, *ends = (coordinate_of(p, values, role=r) for p, r in ((self.start, "start"), *((e, "target") for e in self.ends)))
            wall = None if self.reflecting is None else coordinate_of(self.reflecting, values, role="reflecting")
            here = compiled_escape(self.sde, begin, tuple(ends), wall)
            result[:, some] = here._sums({n: v[some] for n, v in flat.items()}, some.shape, asked, power)
        return result[0], result[1], result[2]

    def __repr__(self) -> str:
        ends = " or ".join(written(e) for e in self.ends)
        wall = "" if self.reflecting is None else f", reflecting wall at {written(self.reflecting)}"
        law = str(self.sde).split("\n")[0]
        return f"EscapeTime({', '.join(self.names)}) from {written(self.start)} to {ends}{wall}: {law}"
