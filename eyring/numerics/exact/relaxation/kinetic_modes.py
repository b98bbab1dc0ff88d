r"""Modes of the kinetic equation in phase space: sums of Hermite polynomials of v times polynomials of x.

Turning all velocities round makes a backward mode phi(x, v) the forward one, p(x, v) = p_0(x, v) phi(x, -v).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.relaxation.kinetic import POSITIONS, Hierarchy, Positions, numeric_kinetic, resolved
from eyring.numerics.exact.relaxation.mode_curve import as_points, lagrange
from eyring.theory.kinetic import Kinetic

__all__ = ["KineticMode", "kinetic_modes"]

SHOWN = 40.0
FINER = 1.25
DEFECTIVE = 1e-6


@dataclass(frozen=True)
class KineticMode:
    """One mode of momentum in phase space, phi of the backward and p = p_0(x, v) phi(x, -v) of the forward equation, with int p phi dx dv = 1.

    Attributes:
        rate: The real part of the eigenvalue, per unit of time.
        frequency: Its imaginary part: the mode turns as e^(-i frequency t); modes that turn come in pairs, and their values are complex.
        error: Estimated error of phi in the mean square over the stationary state, from a coarser basis.
        temperature: T.
        positions: The polynomials of x.
        coefficients: phi in Hermite polynomials of v and polynomials of x, (orders, positions).
        sign: That of int p_0 phi(x, -v) phi(x, v) before it is normalised.
    """

    rate: Number
    frequency: float
    error: float
    temperature: float
    positions: Positions = field(repr=False)
    coefficients: np.ndarray = field(repr=False)
    sign: float = field(repr=False)

    def backward(self, x: Any, v: Any) -> Any:
        """Return phi(x, v): e^(-lambda t) phi is the mean of phi over the places of a walker at time t. Absolute errors grow as 1/sqrt(p_0).

        Args:
            x: A number or an array; a length.
            v: A number or an array, which broadcasts; length/time.

        Raises:
            ParameterError: If a point lies where p_0 is below e^-40 of its largest value on the x axis, or |v| is above 9 sqrt(T).
        """
        places, speeds = np.broadcast_arrays(as_points(x), as_points(v, "v"))
        if not np.all(self._found(places, speeds)):
            low, high = self._ends()
            raise ParameterError(
                f"the mode is known for x between {low:.6g} and {high:.6g} and |v| up to {self._fastest():.6g}, where the process is found; asked "
                "for a point beyond"
            )
        return self._sum(places, speeds)[()]

    def density(self, x: Any, v: Any) -> Any:
        """Return p(x, v) = p_0(x, v) phi(x, -v), per unit of length and velocity; zero where the process is not found.

        Args:
            x: A number or an array; a length.
            v: A number or an array, which broadcasts; length/time.
        """
        places, speeds = np.broadcast_arrays(as_points(x), as_points(v, "v"))
        found = self._found(places, speeds)
        result = np.zeros(places.shape, dtype=self.coefficients.dtype)
        here, fast = places[found], -speeds[found]
        gauss = np.exp(-(fast**2) / (2 * self.temperature)) / math.sqrt(2 * math.pi * self.temperature)
        result[found] = self.sign * self._sum(here, fast) * gauss * np.exp(-self._potential(here)) / self.positions.content
        return result[()]

    def _found(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        low, high = self._ends()
        return np.asarray((x >= low) & (x <= high) & (np.abs(v) <= self._fastest()))

    def _ends(self) -> tuple[float, float]:
        inside = self.positions.panels.points[self.positions.potential < SHOWN]
        return float(inside.min()), float(inside.max())

    def _fastest(self) -> float:
        return 9 * math.sqrt(self.temperature)

    def _potential(self, x: np.ndarray) -> np.ndarray:
        edges = self.positions.panels.edges
        panel = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
        basis = lagrange(2 * (x - edges[panel]) / np.diff(edges)[panel] - 1)
        return np.asarray(np.sum(basis * self.positions.potential[panel], axis=1))

    def _sum(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return sum_nj c_nj He_n(v/sqrt T)/sqrt(n!) p_j(x), both by their recurrences of three terms."""
        orders, size = self.coefficients.shape
        flat, speed = x.ravel() - self.positions.centre, v.ravel() / math.sqrt(self.temperature)
        polynomials = np.empty((size, len(flat)))
        polynomials[0] = 1.0
        jacobi = self.positions.jacobi
        for j in range(size - 1):
            before = jacobi[j, j - 1] * polynomials[j - 1] if j else 0.0
            polynomials[j + 1] = ((flat - jacobi[j, j]) * polynomials[j] - before) / jacobi[j, j + 1]
        older, old, total = np.zeros(len(flat)), np.ones(len(flat)), np.zeros(len(flat), dtype=self.coefficients.dtype)
        for n in range(orders):
            total = total + old * (self.coefficients[n] @ polynomials)
            older, old = old, (speed * old - math.sqrt(n) * older) / math.sqrt(n + 1)
        return total.reshape(x.shape)


def kinetic_modes(kinetic: Kinetic, numbers: Mapping[sp.Symbol, Any], count: int, clock: Any) -> list[KineticMode]:
    """Return the slowest modes of the kinetic equation, by their real parts.

    Raises:
        AccuracyError: If the rates do not settle, or a mode coincides with another (critical damping), so that no pair of modes is normalised.
    """
    slope, friction, temperature = numeric_kinetic(kinetic, numbers)
    positions = Positions.of(slope, temperature, POSITIONS[-1])
    _, error, size, orders = resolved(positions.derivative, friction, temperature, count)
    sizes = (size, orders), (min(int(FINER * size), POSITIONS[-1]), int(FINER * orders))
    coarse, fine = (Hierarchy.of(positions.derivative[:n, :n], friction, m).slowest(count) for n, m in sizes)
    modes = []
    for k in range(count):
        (vector, sign), (rough, _) = _normalised(fine[1][k], fine[0][k]), _normalised(coarse[1][k], coarse[0][k])
        padded = np.zeros_like(vector)
        padded[: len(rough), : rough.shape[1]] = rough
        wrong = min(float(np.linalg.norm(vector - s * padded)) for s in (1, -1, 1j, -1j))
        rate = Number(float(fine[0][k].real), 0.0, max(error, 1e-12), "1/time", clock)
        modes.append(KineticMode(rate, float(fine[0][k].imag), max(wrong, 1e-12), temperature, positions, vector, sign))
    return modes


def _normalised(vector: np.ndarray, rate: complex) -> tuple[np.ndarray, float]:
    """Return c with |sum_n (-1)^n c_n^2| = 1, real where the rate is real and mostly positive on the right, and the sum's sign."""
    flips = (-1.0) ** np.arange(len(vector))[:, None]
    if abs(rate.imag) < 1e-9 * abs(rate):
        leading = vector.ravel()[np.argmax(np.abs(vector))]
        vector = (vector * (abs(leading) / leading)).real
    bilinear = np.sum(flips * vector**2)
    if abs(bilinear) < DEFECTIVE * np.sum(np.abs(vector) ** 2):
        raise AccuracyError(
            f"the mode with rate {rate.real:.6g} coincides with another one (critical damping): it has no partner that it could be normalised with; "
            "change the friction a little"
        )
    if np.isrealobj(vector):
        return vector / math.sqrt(abs(bilinear)), float(np.sign(bilinear))
    return vector / np.sqrt(bilinear), 1.0
