r"""How a process relaxes, mode by mode: p(x, t | x_0) = p_0(x) + sum_k e^(-lambda_k t) p_k(x) phi_k(x_0)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.relaxation.kinetic import kinetic_of
from eyring.numerics.exact.relaxation.mode_curve import Curve, as_points
from eyring.numerics.exact.relaxation.mode_panels import Passes, settled
from eyring.numerics.exact.relaxation.spectrum import check_count, check_one_dimensional, in_the_plane
from eyring.numerics.exact.relaxation.terrain import ground_of
from eyring.numerics.exact.stability import demand_stable_minima
from eyring.numerics.exact.values import known_clock, matched_values
from eyring.theory.sde import SDE

if TYPE_CHECKING:
    from eyring.numerics.exact.plane.modes import PlaneMode
    from eyring.numerics.exact.relaxation.kinetic_modes import KineticMode

__all__ = ["RelaxationMode", "relaxation_modes", "single_values"]

DROP, DROP_A_MODE, SHOWN = 115.0, 2.75, 65.0
CLOSEST = 1e-8


@dataclass(frozen=True)
class RelaxationMode:
    """One mode of a one-dimensional process, phi of the backward and p = p_0 phi of the forward equation, with int p_0 phi^2 dx = 1.

    phi is positive at the right end; the integral of p_j phi_k is 1 for j = k and 0 otherwise.

    Attributes:
        rate: lambda, per unit of time.
        low: Where the left far side begins.
        high: Where the right far side begins; beyond these two the process is not found.
        curve: The mode on its panels.
        content: (mantissa, shift) of the integral of m.
        norm: (mantissa, shift) of the integral of m phi^2, with the sign that makes phi positive on the right.
    """

    rate: Number
    low: float
    high: float
    curve: Curve = field(repr=False)
    content: tuple[float, float] = field(repr=False)
    norm: tuple[float, float] = field(repr=False)

    def backward(self, x: Any) -> Any:
        """Return phi(x): how the mean of a walker from x differs, e^(-lambda t) phi(x) being the mean of phi over its places at time t.

        Args:
            x: A number or an array; a length.

        Raises:
            ParameterError: If a point lies beyond the far sides.
        """
        points = as_points(x)
        if np.any((points < self.low) | (points > self.high)):
            raise ParameterError(
                f"the mode is known between {self.low:.6g} and {self.high:.6g}, where the process is found; asked for "
                f"{points[(points < self.low) | (points > self.high)].ravel()[0]:.6g}"
            )
        factor = math.copysign(math.sqrt(self.content[0] / abs(self.norm[0])), self.norm[0])
        return self.curve.values(points, scale=(factor, (self.content[1] - self.norm[1]) / 2), weighted=False)[()]

    def density(self, x: Any) -> Any:
        """Return p(x) = p_0(x) phi(x), per unit of length; zero beyond the far sides.

        Args:
            x: A number or an array; a length.
        """
        points = as_points(x)
        inside = (points >= self.low) & (points <= self.high)
        factor = math.copysign(1 / math.sqrt(self.content[0] * abs(self.norm[0])), self.norm[0])
        result = np.zeros(points.shape)
        result[inside] = self.curve.values(points[inside], scale=(factor, -(self.content[1] + self.norm[1]) / 2), weighted=True)
        return result[()]


def relaxation_modes(
    sde: SDE, *, values: Mapping[Any, Any] | None = None, count: int = 1
) -> "list[RelaxationMode] | list[KineticMode] | list[PlaneMode]":
    r"""Return the slowest modes of a process: rates with right and left eigenfunctions of the Fokker-Planck operator.

    L p_k = -lambda_k p_k and L^+ phi_k = -lambda_k phi_k; p(x, t | x_0) = p_0(x) + sum_k e^(-lambda_k t) p_k(x) phi_k(x_0).

    Args:
        sde: A process in one or two coordinates, or the kinetic process of momentum in (x, v).
        values: One number for each symbol, by symbol or printed name.
        count: How many; at most 12.

    Returns:
        Modes with ``.rate``, ``.density(x)`` and ``.backward(x)``, slowest first; of two coordinates and of the kinetic equation
        ``.density(x, y)``, ``.backward(x, y)`` and ``.frequency``.

    Raises:
        NotApplicable: If the SDE is neither, does not confine, or D vanishes between the wells.
        ParameterError: If a value is missing, unknown, an array, or not real and finite, or count is out of range.
        AccuracyError: If two resolutions disagree, or two rates are so close that their modes mix.

    >>> x = sp.Symbol("x", real=True)
    >>> (mode,) = relaxation_modes(SDE(-x, 1, [x]))     # a parabola of unit width: phi_1 = x
    >>> round(float(mode.backward(0.5)), 12)
    0.5
    """
    check_count(count)
    numbers = single_values(sde, values, "relaxation_modes")
    demand_stable_minima(sde, numbers)
    kinetic, clock = kinetic_of(sde), known_clock(sde.clock, numbers)
    if kinetic is not None:
        from eyring.numerics.exact.relaxation.kinetic_modes import kinetic_modes

        return kinetic_modes(kinetic, numbers, count, clock)
    if in_the_plane(sde):
        from eyring.numerics.exact.plane.modes import plane_modes

        return plane_modes(sde, numbers, count, clock)
    check_one_dimensional(sde)
    ground = ground_of(sde, numbers)
    edges = ground.edges(DROP + DROP_A_MODE * count)
    passes, rates, errors = settled(Passes.of(ground.line, edges), range(1, count + 2), lambda _: edges)
    logs = np.array([math.log(mantissa) + shift for mantissa, shift in rates])
    close = np.diff(logs)
    if close.min() < CLOSEST:
        k = int(np.argmax(close < CLOSEST))
        raise AccuracyError(
            f"the rates number {k + 1} and {k + 2} agree to a relative {abs(close[k]):.1g}, as of two wells that hardly exchange walkers: any "
            f"mixture of their modes is a mode to that accuracy. Ask for at most {k} modes, or for quasi_stationary of each well"
        )
    shown = ground.edges(SHOWN)
    return [_mode(passes, rate, Number(*rate, error, "1/time", clock), shown) for rate, error in zip(rates[:count], errors, strict=False)]


def _mode(passes: Passes, rate: tuple[float, float], number: Number, shown: np.ndarray) -> RelaxationMode:
    curve = Curve.of(passes, rate)
    norm, shift = curve.content(2)
    mode = RelaxationMode(number, float(shown[0]), float(shown[-1]), curve, curve.content(0), (norm, shift))
    at_right = curve.values(shown[-1:], scale=(1.0, -float(curve.size.max())), weighted=False)[0]
    return mode if at_right > 0 else replace(mode, norm=(-norm, shift))


def single_values(sde: SDE, values: Mapping[Any, Any] | None, asked_by: str) -> dict[sp.Symbol, Any]:
    """Return one number for every parameter.

    Raises:
        ParameterError: If a value is missing, unknown, an array, or not real and finite.
    """
    numbers = matched_values(values, sde.parameters, asked_by=f"{asked_by} of this SDE", allowed=sde.clock.free_symbols)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError(f"{asked_by} gives functions of the coordinate at one set of values; give single numbers, not arrays")
    return numbers
