"""The slowest relaxation rates of a process: the smallest non-zero eigenvalues of its Fokker-Planck operator."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.continuum import demand_below_continuum
from eyring.numerics.exact.line import symbolic_slope
from eyring.numerics.exact.plane.coefficients import plane_of
from eyring.numerics.exact.plane.rates import plane_rates
from eyring.numerics.exact.relaxation.kinetic import kinetic_of, kinetic_rates
from eyring.numerics.exact.relaxation.mode_panels import settled_rates
from eyring.numerics.exact.relaxation.tables import family_of
from eyring.numerics.exact.relaxation.terrain import ground_of
from eyring.numerics.exact.stability import demand_stable_minima
from eyring.numerics.exact.values import demand_sde, known_clock, matched_values
from eyring.theory.sde import SDE

__all__ = ["relaxation_rates"]

MOST_RATES = 12


def relaxation_rates(sde: SDE, *, values: Mapping[Any, Any] | None = None, count: int = 1) -> list[Number]:
    """Return the smallest non-zero eigenvalues of the Fokker-Planck operator, smallest first.

    For two wells the first is the sum of the two escape rates. In one dimension any D(x) > 0 in any calculus is allowed, and every rate keeps
    its relative accuracy however high the barriers. In two coordinates the drift need not be a gradient and D(x, y) may be any positive definite
    matrix; spectral elements and finite volumes must agree, and their difference is the error. Of complex eigenvalues the real parts are
    returned, and so of the kinetic equation dx = v dt, dv = -gamma v dt - V'(x) dt + sqrt(2 gamma T) dW. In one dimension wells and far sides
    are looked for once; other strengths of the noise then take less than a millisecond.

    Args:
        sde: A process in one or two coordinates, or the kinetic process of momentum in (x, v).
        values: Numbers (or arrays, which broadcast) by symbol or printed name.
        count: How many; at most 12.

    Returns:
        Rates per unit of time; ``.per_iteration`` converts, ``.log`` holds what is too small for a float.

    Raises:
        NotApplicable: If the SDE is none of these, does not confine or has no attractor, or D vanishes between the wells.
        ParameterError: If a value is missing, unknown or not real and finite, or count is out of range.
        AccuracyError: If two resolutions disagree.

    >>> x = sp.Symbol("x", real=True)
    >>> [round(float(rate), 12) for rate in relaxation_rates(SDE(-3 * x, 0.1, [x]), count=3)]    # a parabola: multiples of its curvature
    [3.0, 6.0, 9.0]
    """
    demand_sde(sde)
    check_count(count)
    if found := _at_once(sde, values, count):
        return found
    numbers = matched_values(values, _parameters(sde), asked_by="relaxation_rates of this SDE", allowed=sde.clock.free_symbols)
    clock = known_clock(sde.clock, numbers)
    shape = np.broadcast_shapes(*[np.shape(v) for v in numbers.values()])
    if not shape:
        return [Number(*part, "1/time", clock) for part in _rates(sde, numbers, count)]
    columns = {s: np.broadcast_to(np.asarray(v, dtype=float), shape).ravel() for s, v in numbers.items()}
    mantissa, shift, error = _many(sde, columns, count).transpose(2, 1, 0).reshape(3, count, *shape)
    return [Number(mantissa[k], shift[k], error[k], "1/time", clock) for k in range(count)]


def _at_once(sde: SDE, values: Any, count: int) -> list[Number] | None:
    """Return the rates of one coordinate at plain floats where a table holds them: what an inner loop sees."""
    family = family_of(sde)
    columns = None if family is None else family.columns(values)
    if family is None or columns is None:
        return None
    if sde.stable_curvature is not None:
        demand_stable_minima(sde, dict(zip(sde.parameters, columns, strict=True)))
    rates = family.rates(columns, count)
    return None if rates is None else [Number(*rate, "1/time", family.clock) for rate in rates]


def _many(sde: SDE, columns: Mapping[sp.Symbol, np.ndarray], count: int) -> np.ndarray:
    """Return (mantissa, shift, relative error) of each rate at each point of columns of values, (n, count, 3)."""
    points = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    family = family_of(sde)
    if family is None:
        return np.array([_rates(sde, point, count) for point in points])
    if sde.stable_curvature is not None:
        for point in points:
            demand_stable_minima(sde, point)
    result = family.many(np.column_stack([columns[p] for p in _parameters(sde)]), count)
    for i in np.flatnonzero(np.isinf(result[:, :, 2]).any(axis=1)).tolist():
        result[i] = _rates(sde, points[i], count)
    return result


@lru_cache(maxsize=256)
def _parameters(sde: SDE) -> tuple[sp.Symbol, ...]:
    return sde.parameters


def check_count(count: int) -> None:
    """Refuse what is no small number of rates.

    Raises:
        ParameterError: If it is not a whole number from 1 to 12.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_RATES:
        raise ParameterError(f"count must be a whole number from 1 to {MOST_RATES}, got {count!r}")


def _rates(sde: SDE, numbers: Mapping[sp.Symbol, Any], count: int) -> list[tuple[float, float, float]]:
    """Return (mantissa, shift, relative error) of each rate, at one set of values."""
    demand_stable_minima(sde, numbers)
    kinetic = kinetic_of(sde)
    if kinetic is not None:
        return kinetic_rates(kinetic, numbers, count)
    if in_the_plane(sde):
        return plane_rates(plane_of(sde, numbers), count)
    check_one_dimensional(sde)
    family = family_of(sde)
    found = family and family.rates([float(numbers[p]) for p in _parameters(sde)], count)
    return found or _searched(sde, numbers, count)


def _searched(sde: SDE, numbers: Mapping[sp.Symbol, Any], count: int) -> list[tuple[float, float, float]]:
    """Return the rates of one coordinate, panels cut and rates looked for at these values alone."""
    try:
        ground = ground_of(sde, numbers)
    except EyringError:
        demand_below_continuum(sde, numbers, 0.0)
        raise
    if ground.terrain.steep:
        return settled_rates(ground, count)
    demand_below_continuum(sde, numbers, 0.0)
    found = settled_rates(ground, count)
    mantissa, shift, _ = found[-1]
    demand_below_continuum(sde, numbers, float(mantissa * np.exp(min(shift, 700.0))))
    return found


def in_the_plane(sde: SDE) -> bool:
    """Whether the process has two coordinates and noise in both directions."""
    return sde.dim == 2 and _noise_in_both(sde.diffusion)


@lru_cache(maxsize=32)
def _noise_in_both(diffusion: sp.Matrix) -> bool:
    return not sp.expand(diffusion.det()).is_zero


def check_one_dimensional(sde: SDE) -> None:
    """Refuse what is neither one-dimensional nor kinetic.

    Raises:
        NotApplicable: With the roads that work.
    """
    if sde.dim == 2:
        raise NotApplicable(
            f"this SDE in {', '.join(map(str, sde.coordinates))} is not the kinetic equation of momentum (dx = v dt exactly, dv = -gamma v - "
            "V'(x) with constant noise on v alone), and its diffusion matrix is singular everywhere: spectra in two coordinates need noise in both "
            "directions; use escape_time for a formula or simulate_escapes"
        )
    symbolic_slope(sde)
