"""The slowest relaxation rates of a process: the smallest non-zero eigenvalues of its Fokker-Planck operator."""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.kinetic import kinetic_of, kinetic_rates
from eyring.numerics.exact.line import Line, check_diffusion, line_of, stable_points, symbolic_slope
from eyring.numerics.exact.modes import Modes
from eyring.numerics.exact.quadrature import Panels, halved
from eyring.numerics.exact.stability import demand_stable_minima
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.numerics.exact.values import known_clock, matched_values, swept
from eyring.theory.sde import SDE

__all__ = ["relaxation_rates"]

DROP = 60.0
MOST_RATES = 12


def relaxation_rates(sde: SDE, *, values: Mapping[Any, Any] | None = None, count: int = 1) -> list[Number]:
    """Return the smallest non-zero eigenvalues of the Fokker-Planck operator, smallest first.

    For two wells the first is the sum of the two escape rates. In one dimension any D(x) > 0 in any calculus is allowed; of the kinetic
    equation dx = v dt, dv = -gamma v dt - V'(x) dt + sqrt(2 gamma T) dW the real parts of the eigenvalues are returned.

    Args:
        sde: A process in one coordinate, or the kinetic process of momentum in (x, v).
        values: Numbers (or arrays, which broadcast) by symbol or printed name.
        count: How many; at most 12.

    Returns:
        Rates per unit of time; ``.per_iteration`` converts.

    Raises:
        NotApplicable: If the SDE is neither, does not confine, or D vanishes between the wells.
        ParameterError: If a value is missing, unknown or not real and finite, or count is out of range.
        AccuracyError: If two resolutions disagree.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_RATES:
        raise ParameterError(f"count must be a whole number from 1 to {MOST_RATES}, got {count!r}")
    kinetic = kinetic_of(sde)
    if kinetic is None:
        _check_one_dimensional(sde)

    def all_rates(given: Mapping[Any, Any] | None) -> list[tuple[float, float, float, float]]:
        numbers = matched_values(given, sde.parameters, asked_by="relaxation_rates of this SDE", allowed=sde.clock.free_symbols)
        demand_stable_minima(sde, numbers)
        parts = kinetic_rates(kinetic, numbers, count) if kinetic else _line_rates(line_of(sde, numbers), count)
        clock = known_clock(sde.clock, numbers)
        return [(*part, clock) for part in parts]

    return _columns(all_rates, values, count)


def _columns(all_rates: Callable[[Any], list[tuple[float, float, float, float]]], values: Mapping[Any, Any] | None, count: int) -> list[Number]:
    """Return one Number a rate, each point of the values computed once."""
    computed: dict[tuple[str, ...], Any] = {}

    def one(k: int, given: Mapping[Any, Any] | None) -> tuple[float, float, float, float]:
        key = tuple(f"{name}={value!r}" for name, value in (given or {}).items())
        if key not in computed:
            computed[key] = all_rates(given)
        return computed[key][k]

    return [swept(partial(one, k), values, unit="1/time") for k in range(count)]


def _check_one_dimensional(sde: SDE) -> None:
    if sde.dim == 2:
        raise NotApplicable(
            f"this SDE in {', '.join(map(str, sde.coordinates))} is not the kinetic equation of momentum (dx = v dt exactly, dv = -gamma v - "
            "V'(x) with constant noise on v alone), and spectra of two overdamped coordinates are not computed; use escape_time for a formula "
            "or simulate_escapes"
        )
    symbolic_slope(sde)


def _line_rates(line: Line, count: int) -> list[tuple[float, float, float]]:
    """Return (mantissa, shift, relative error) of the smallest rates."""
    edges = _both_sides(line)
    modes = Modes.on(line, edges)
    coarse = modes.smallest(count)
    for _ in range(4):
        modes = Modes.on(line, halved(modes.panels.edges))
        fine = modes.smallest(count)
        errors = [abs(a[0] * math.exp(a[1] - b[1]) / b[0] - 1) for a, b in zip(coarse, fine, strict=True)]
        coarse = fine
        if max(errors) < 1e-12:
            break
    if max(errors) > 1e-6:
        raise AccuracyError(
            f"the relaxation rates settled only to a relative error of {max(errors):.1g}",
            estimate=fine[0][0] * math.exp(fine[0][1]),
            error=max(errors),
        )
    return [(mantissa, shift, max(error, 1e-15 * (10 + abs(shift)))) for (mantissa, shift), error in zip(fine, errors, strict=True)]


def _both_sides(line: Line) -> np.ndarray:
    """Return panel edges from far tail to far tail."""
    wells = stable_points(line)
    curvature = line(wells[:1] + 1e-4)[0] - line(wells[:1] - 1e-4)[0]
    scale = max(float(np.ptp(wells)), 4 / math.sqrt(float(curvature[0]) / 2e-4))
    left, right = far_edges(line, wells[0], scale, drop=DROP), -far_edges(line.mirrored(), -wells[-1], scale, drop=DROP)
    edges = np.unique(np.concatenate([left, right, wells, np.linspace(wells[0], wells[-1], 65)]))
    everywhere = Panels(edges).points.ravel()
    check_diffusion(line, everywhere, where="between the two far sides")
    return resolved_edges(line, np.unique(np.concatenate([left, right, wells, line.breaks(everywhere)])))
