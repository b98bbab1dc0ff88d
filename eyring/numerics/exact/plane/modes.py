r"""How a process in two coordinates relaxes, mode by mode: rates, and both eigenfunctions of the Fokker-Planck operator on spectral elements."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.plane.box import domain_of
from eyring.numerics.exact.plane.coefficients import plane_of
from eyring.numerics.exact.plane.elements import Elements, lobatto
from eyring.numerics.exact.plane.krylov import slowest
from eyring.numerics.exact.plane.rates import compared_rates, on_elements
from eyring.numerics.exact.plane.rest import attractors
from eyring.theory.sde import SDE

__all__ = ["PlaneMode", "Sheet", "as_places", "plane_modes"]

CLOSEST = 1e-6


@dataclass(frozen=True)
class Sheet:
    """A function on spectral elements.

    Attributes:
        elements: The elements.
        values: On their nodes, (nodes,).
    """

    elements: Elements
    values: np.ndarray

    def inside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Whether points lie on the elements."""
        (a, b), (c, d) = (edges[[0, -1]] for edges in self.elements.edges)
        return (x >= a) & (x <= b) & (y >= c) & (y <= d)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the polynomials' values at points on the elements, (points,)."""
        p = self.elements.degree
        (i, along_x), (j, along_y) = (self._basis(edges, c) for edges, c in zip(self.elements.edges, (x, y), strict=True))
        grid, local = self.values.reshape(self.elements.shape), np.arange(p + 1)
        pieces = grid[(i[:, None] * p + local)[:, :, None], (j[:, None] * p + local)[:, None, :]]
        return np.einsum("ki,kij,kj->k", along_x, pieces, along_y)

    def _basis(self, edges: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each point's element along an axis, and the nodal polynomials there."""
        k = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, len(edges) - 2)
        place, nodes = 2 * (at - edges[k]) / np.diff(edges)[k] - 1, lobatto(self.elements.degree)[0]
        legendre = np.polynomial.legendre.legvander
        return k, legendre(place, len(nodes) - 1) @ np.linalg.inv(legendre(nodes, len(nodes) - 1))


@dataclass(frozen=True)
class PlaneMode:
    """One mode of a process in two coordinates, phi of the backward and p of the forward equation, with int p phi dx dy = 1.

    With p_0 the stationary density, int p_0 |phi|^2 dx dy = 1; phi is positive at the point where it is largest.

    Attributes:
        rate: The real part of the eigenvalue, per unit of time.
        frequency: Its imaginary part: the mode turns as e^(-i frequency t); modes that turn come in pairs, and their values are complex.
        right: phi on its elements.
        left: p on its elements.
        stationary: p_0 on its elements.
    """

    rate: Number
    frequency: float
    right: Sheet = field(repr=False)
    left: Sheet = field(repr=False)
    stationary: Sheet = field(repr=False)

    def backward(self, x: Any, y: Any) -> Any:
        """Return phi(x, y): e^(-lambda t) phi is the mean of phi over the places of a walker at time t.

        Args:
            x: A number or an array; a length.
            y: A number or an array, which broadcasts; a length.

        Raises:
            ParameterError: If a point lies outside the box in which the process is found.
        """
        a, b = as_places(x, y)
        if not np.all(self.right.inside(a, b)):
            (left, right), (bottom, top) = (edges[[0, -1]] for edges in self.right.elements.edges)
            raise ParameterError(
                f"the mode is known for the first coordinate from {left:.6g} to {right:.6g} and the second from {bottom:.6g} to {top:.6g}, where the "
                "process is found; asked for a point beyond"
            )
        return self.right(a.ravel(), b.ravel()).reshape(a.shape)[()]

    def density(self, x: Any, y: Any) -> Any:
        """Return p(x, y), per unit of area; zero outside the box in which the process is found.

        Args:
            x: A number or an array; a length.
            y: A number or an array, which broadcasts; a length.
        """
        a, b = as_places(x, y)
        inside = self.left.inside(a, b)
        result = np.zeros(a.shape, dtype=self.left.values.dtype)
        result[inside] = self.left(a[inside], b[inside])
        return result[()]


def plane_modes(sde: SDE, numbers: Mapping[sp.Symbol, Any], count: int, clock: Any) -> list[PlaneMode]:
    """Return the slowest modes, slowest first.

    Raises:
        AccuracyError: If the discretisations disagree, or two rates are so close that their modes mix.
    """
    plane = plane_of(sde, numbers)
    wells = attractors(plane)
    box, top = domain_of(plane, wells)
    rates, number = compared_rates(plane, box, top, wells, count)
    green = on_elements(plane, box, wells, number)
    found, right = slowest(green, count + 1)
    ahead, left = slowest(green, count + 1, adjoint=True)
    for k in range(count):
        others = np.abs(np.delete(found, k) - found[k]) / np.abs(found[k])
        if others.min() < CLOSEST:
            raise AccuracyError(
                f"two rates near {found[k].real:.6g} agree to a relative {others.min():.1g}: any mixture of their modes is a mode to that accuracy; "
                f"ask for at most {k} modes"
            )
    elements, mass = green.operator.elements, green.operator.mass  # type: ignore[attr-defined]
    stationary = Sheet(elements, green.weight / mass)
    modes = []
    for k, part in enumerate(rates):
        phi, p = right[k], left[np.argmin(np.abs(ahead - found[k]))]
        phi = phi / phi[np.argmax(np.abs(phi) * np.sqrt(np.maximum(green.weight, 0)))]
        phi = phi / np.sqrt(np.sum(green.weight * np.abs(phi) ** 2))
        p = p / np.sum(mass * p * phi)
        turns = abs(found[k].imag) > 1e-9 * abs(found[k])
        phi, p = (phi, p) if turns else (phi.real, p.real)
        turning = float(found[k].imag) if turns else 0.0
        modes.append(PlaneMode(Number(*part, "1/time", clock), turning, Sheet(elements, phi), Sheet(elements, p), stationary))
    return modes


def as_places(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return two broadcast arrays of finite floats.

    Raises:
        ParameterError: If one is not real and finite.
    """
    a, b = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise ParameterError("a point must be given by finite real numbers")
    return a, b
