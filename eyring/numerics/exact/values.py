"""Numbers for the symbols of a model: each one named, real and finite, or an error that says which is not."""

from collections.abc import Callable, Iterable, Mapping
from numbers import Number as AnyNumber
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE
from eyring.theory.symbols import GLOSSARY, exact_number

__all__ = ["coordinate_of", "demand_sde", "exact_value", "known_clock", "matched_values", "ordinary", "swept"]

LARGEST = 1e100


def matched_values(
    values: Mapping[Any, Any] | None, needed: Iterable[sp.Symbol], *, asked_by: str, allowed: Iterable[sp.Symbol] = ()
) -> dict[sp.Symbol, Any]:
    """Return a number (or array) for every needed symbol, by name.

    Args:
        values: Numbers by symbol or printed name.
        needed: Symbols that must have a number.
        asked_by: Who asks, for the message.
        allowed: Symbols that may have one.

    Raises:
        ParameterError: If one is missing or unknown, or a value is not real and finite.
    """
    needed, allowed = list(needed), list(allowed)
    given = {key.name if isinstance(key, sp.Symbol) else str(key): value for key, value in _mapping(values).items()}
    names = {s.name for s in needed}
    missing, unknown = sorted(names - set(given)), sorted(set(given) - names - {s.name for s in allowed})
    if missing or unknown:
        parts = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"unknown: {', '.join(unknown)}"] * bool(unknown)
        raise ParameterError(f"{asked_by} takes values for {', '.join(sorted(names)) or 'no parameter'}; {'; '.join(parts)}")
    return {s: _within(s, _real(given[s.name], s.name)) for s in dict.fromkeys([*needed, *allowed]) if s.name in given}


def _within(symbol: sp.Symbol, value: Any) -> Any:
    """Return the value if the glossary's hard limits of its symbol allow it, such as 0 <= mu < 1."""
    entry = GLOSSARY.get(symbol.name)
    if entry is None or not entry.bounds or entry.symbol != symbol:
        return value
    numbers = np.asarray(value, dtype=float)
    outside = [entry.least is not None and np.any(numbers < entry.least), entry.below is not None and np.any(numbers >= entry.below)]
    if any(outside) or (entry.most is not None and np.any(numbers > entry.most)):
        raise ParameterError(f"{symbol.name}, the {entry.meaning}, must be {entry.bounds}, got {value}")
    return value


def _mapping(values: Mapping[Any, Any] | None) -> Mapping[Any, Any]:
    if values is None or isinstance(values, Mapping):
        return values or {}
    raise ParameterError(f"values must give numbers by name or symbol, such as {{'D': 0.1}}; got {values!r}")


def ordinary(value: Any) -> bool:
    """Return whether a value is a plain float of a size that products of it can be held."""
    return type(value) is float and (1 / LARGEST < abs(value) < LARGEST or value == 0.0)


def demand_sde(sde: Any) -> None:
    """Refuse what is no SDE.

    Raises:
        ParameterError: With what was given.
    """
    if not isinstance(sde, SDE):
        raise ParameterError(f"an SDE is needed, from dynamics.sde(loss, noise) or ey.SDE(...); got {sde!r}")


def _as_array(value: Any, name: str) -> np.ndarray:
    try:
        return np.asarray(value)
    except ValueError:
        raise ParameterError(f"{name} must be a number or an array of numbers of one shape, got {value!r}") from None


def _real(value: Any, name: str) -> Any:
    if isinstance(value, sp.Expr):
        number = value
    elif isinstance(value, AnyNumber | np.ndarray | list | tuple | np.generic):
        array = _as_array(value, name)
        if array.dtype.kind not in "iuf" or not np.all(np.isfinite(array)):
            raise ParameterError(f"{name} must be a real, finite number, got {value}")
        if not array.size:
            raise ParameterError(f"{name} is an empty array; give at least one number")
        size = np.abs(array.astype(float))
        if np.any((size > LARGEST) | ((size < 1 / LARGEST) & (size > 0))):
            raise ParameterError(
                f"{name} = {value} lies outside the sizes 1e-100 to 1e100 whose products floating-point numbers can hold; choose other units"
            )
        return value if array.ndim == 0 else array
    else:
        number = _exact_or_nan(value)
    if not (number.is_number and number.is_real and number.is_finite):
        raise ParameterError(f"{name} must be a real, finite number, got {value!r}")
    return number


def exact_value(value: Any) -> sp.Expr:
    """Return a scalar as sympy holds it exactly; a decimal 0.1 means 1/10.

    Raises:
        ParameterError: If it is neither a number nor an expression.
    """
    try:
        number = exact_number(value.item() if isinstance(value, np.generic | np.ndarray) else value)
    except (sp.SympifyError, ValueError, TypeError):
        number = None
    if not isinstance(number, sp.Expr):
        raise ParameterError(f"a number is needed, got {value!r}")
    return number


def _exact_or_nan(value: Any) -> sp.Expr:
    try:
        return sp.nan if isinstance(value, str) else exact_value(value)
    except ParameterError:
        return sp.nan


def coordinate_of(point: Any, values: Mapping[sp.Symbol, Any], *, role: str) -> sp.Expr:
    """Return the one coordinate of a critical point or number, as an exact number.

    Raises:
        ParameterError: If it has several coordinates, holds symbols without values, or is not real and finite.
    """
    position = point.position if isinstance(point, CriticalPoint) else point
    if isinstance(position, tuple | list | sp.MatrixBase | np.ndarray) and np.ndim(position):
        if len(position) != 1:
            raise ParameterError(f"{role} has {len(position)} coordinates; one is needed here")
        position = position[0]
    if isinstance(position, str):
        raise ParameterError(f"{role} must be a number or a critical point, got the text {position!r}")
    number = _exact_or_nan(position).subs({s: exact_value(v) for s, v in values.items() if np.ndim(v) == 0})
    if not (number.is_number and number.is_real and number.is_finite):
        raise ParameterError(f"{role} must be a real, finite number or a critical point, got {position!r}")
    if abs(number) > LARGEST:
        raise ParameterError(f"{role} = {float(number):.3g} lies beyond 1e100, where floating-point numbers know no neighbours; choose other units")
    return number


def known_clock(clock: sp.Expr, values: Mapping[sp.Symbol, Any]) -> Any:
    """Return the clock as a float or array, or None where symbols of it have no value."""
    if not clock.free_symbols:
        return float(clock)
    if not clock.free_symbols <= set(values):
        return None
    symbols = sorted(clock.free_symbols, key=str)
    result = sp.lambdify(symbols, clock, "numpy")(*[np.asarray(values[s], dtype=float) for s in symbols])
    return result if np.ndim(result) else float(result)


def _shape_of(arrays: Mapping[Any, np.ndarray]) -> tuple[int, ...]:
    try:
        shape = np.broadcast_shapes(*[a.shape for a in arrays.values()])
    except ValueError:
        shapes = ", ".join(f"{k} {a.shape}" for k, a in arrays.items())
        raise ParameterError(f"arrays of values must broadcast against each other; their shapes are {shapes}") from None
    if 0 in shape:
        raise ParameterError(f"an empty array of values was given, of shape {shape}; give at least one value")
    return shape


def swept(one: Callable[[Mapping[Any, Any] | None], tuple[float, float, float, float]], values: Mapping[Any, Any] | None, *, unit: str) -> Number:
    """Return a Number from a function of single values, called at every point of the arrays that ``values`` may hold.

    Args:
        one: values -> (mantissa, shift, relative error, clock).
        values: Numbers or arrays, by symbol or name.
        unit: Unit of the result.
    """
    given = dict(_mapping(values))
    arrays = {k: np.asarray(v) for k, v in given.items() if isinstance(v, np.ndarray | list | tuple) and np.ndim(v)}
    if not arrays:
        mantissa, shift, error, clock = one(values)
        return Number(mantissa, shift, error, unit, clock)
    shape = _shape_of(arrays)
    columns = {k: np.broadcast_to(a, shape) for k, a in arrays.items()}
    parts = np.array([one({**given, **{k: c[index].item() for k, c in columns.items()}}) for index in np.ndindex(shape)])
    mantissas, shifts, errors, clocks = (parts[:, i].reshape(shape) for i in range(4))
    return Number(mantissas, shifts, errors, unit, clocks)
