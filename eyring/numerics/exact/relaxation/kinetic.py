r"""The spectrum of the kinetic equation of momentum: dx = v dt, dv = -gamma v dt - V'(x) dt + sqrt(2 gamma T) dW.

In Hermite polynomials of v the backward operator couples neighbouring orders only (Brinkman 1956; Risken, The Fokker-Planck Equation, ch. 10):

    -lambda c_n = -gamma n c_n + sqrt(n) d c_{n-1} - sqrt(n+1) d^T c_{n+1},   d = sqrt(T) d/dx.

Positions are expanded in the polynomials orthonormal in e^{-V/T}: the stationary state is then one basis vector, exactly,
and d is strictly upper triangular.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact.line import Line, stable_points
from eyring.numerics.exact.quadrature import WEIGHTS, Panels
from eyring.numerics.exact.tails import far_edges, resolved_edges
from eyring.numerics.exact.values import exact_value
from eyring.theory.kinetic import Kinetic, kinetic_form
from eyring.theory.sde import SDE

__all__ = ["Hierarchy", "Positions", "kinetic_of", "kinetic_rates", "lowering_matrix", "numeric_kinetic", "resolved"]

DROP = 90.0
POSITIONS = (48, 64, 80, 96, 112, 128, 144, 160)
ORDERS = (24, 32, 48, 64, 96, 144, 216, 324, 486, 729, 1094)
GOOD, LOOSEST = 1e-11, 1e-6
STALLED = 2  # finer bases that help no more: rounding, as near critical damping, where digits are lost by halves
HOPELESS, LOOSE = 300, 1e-2  # an answer that still moves this much at so many orders needs thousands


def kinetic_of(sde: SDE) -> Kinetic | None:
    """Return the kinetic reading of an SDE in one position, with the same noise everywhere, or None if it is something else."""
    form = kinetic_form(sde)
    if form is None or len(form.positions) != 1 or form.isotropic_temperature is None:
        return None
    return form


def numeric_kinetic(kinetic: Kinetic, numbers: Mapping[sp.Symbol, Any]) -> tuple[Callable[[np.ndarray], np.ndarray], float, float]:
    """Return V'(x) as a function, gamma and T.

    Raises:
        ParameterError: If friction or temperature is not positive.
    """
    exact = {s: exact_value(v) for s, v in numbers.items()}
    friction, temperature = float(kinetic.friction.subs(exact)), float(kinetic.temperature[0, 0].subs(exact))
    if not friction > 0 or not temperature > 0:
        raise ParameterError(f"friction and temperature must be positive, got gamma = {friction:.6g} and T = {temperature:.6g}")
    slope = sp.lambdify(kinetic.positions[0], kinetic.landscape.gradient[0].subs(exact), ["scipy", "numpy"])
    return lambda x: np.broadcast_to(slope(x), np.shape(x)), friction, temperature


def kinetic_rates(kinetic: Kinetic, numbers: Mapping[sp.Symbol, Any], count: int) -> list[tuple[float, float, float]]:
    """Return (value, 0, relative error) of the smallest real parts of the non-zero eigenvalues.

    Raises:
        AccuracyError: If more positions or velocity orders still change the answer.
    """
    slope, friction, temperature = numeric_kinetic(kinetic, numbers)
    rates, error, _, _ = resolved(lowering_matrix(slope, temperature, POSITIONS[-1]), friction, temperature, count)
    return [(float(rate), 0.0, max(error, 1e-12)) for rate in rates]


def resolved(lowering: np.ndarray, friction: float, temperature: float, count: int) -> tuple[np.ndarray, float, int, int]:
    """Return the smallest rates, their relative error, and the positions and velocity orders that were enough.

    Raises:
        AccuracyError: If more positions or velocity orders still change the answer.
    """
    _demand_enough_friction(friction, lowering)

    @cache
    def rates(position: int, order: int) -> np.ndarray:
        size = POSITIONS[position]
        return Hierarchy.of(lowering[:size, :size], friction, ORDERS[order]).smallest(count)

    position = order = stalled = 0
    least = math.inf
    while True:
        here = rates(position, order)
        wrong_x = float(np.max(np.abs(rates(position + 1, order) / here - 1)))
        wrong_v = float(np.max(np.abs(rates(position, order + 1) / here - 1)))
        error, last = wrong_x + wrong_v, (position == len(POSITIONS) - 2, order == len(ORDERS) - 2)
        if error < GOOD or ((last[0] or wrong_x < GOOD / 2) and (last[1] or wrong_v < GOOD / 2)):
            break
        stalled, least = stalled + (error > 0.7 * least), min(least, error)
        if (ORDERS[order] > HOPELESS and wrong_v > LOOSE) or (stalled == STALLED and error < LOOSEST):
            break
        position, order = position + (wrong_x >= GOOD / 2 and not last[0]), order + (wrong_v >= GOOD / 2 and not last[1])
    if error > LOOSEST:
        raise AccuracyError(
            f"the kinetic spectrum settled only to a relative error of {error:.1g} with {POSITIONS[position]} positions and {ORDERS[order]} "
            f"velocity orders; the friction gamma = {friction:.3g} or the temperature T = {temperature:.3g} is too small for this solver",
            estimate=float(here[0]),
            error=error,
        )
    return here, error, POSITIONS[position], ORDERS[order]


def _demand_enough_friction(friction: float, lowering: np.ndarray) -> None:
    """Refuse at once what would need thousands of velocity orders: about 100 swings per relaxation time.

    Raises:
        AccuracyError: If the friction is below 1/50 of the frequency in the wells.
    """
    frequency = max(abs(lowering[i, i + 1]) / math.sqrt(i + 1) for i in range(8))
    if friction < frequency / 50:
        raise AccuracyError(
            f"the friction gamma = {friction:.3g} is too small for this solver: at a frequency of about {frequency:.2g} in the wells it would need "
            f"about {100 * frequency / friction:.0f} velocity orders, and at most {ORDERS[-1]} are tried. "
            "Raise the friction, or simulate the optimizer itself"
        )


def lowering_matrix(slope: Callable[[np.ndarray], np.ndarray], temperature: float, size: int) -> np.ndarray:
    """Return d = sqrt(T) d/dx in the polynomials p_j orthonormal in e^{-V/T}, (size, size), strictly upper triangular."""
    return Positions.of(slope, temperature, size).derivative


@dataclass(frozen=True)
class Positions:
    """The polynomials p_j orthonormal in e^{-V/T}.

    Attributes:
        derivative: d = sqrt(T) d/dx, (size, size). Integrating by parts, the integral of p_i p_j' e^{-V/T} is that of p_i p_j V'/T for i < j, so
            no derivative is taken.
        centre: The polynomials are those of x - centre.
        jacobi: (x - centre) as a matrix, of which three diagonals are not zero.
        panels: Panels from far side to far side.
        potential: V/T at their nodes, zero at the lowest.
        content: The integral of e^{-V/T}.
    """

    derivative: np.ndarray
    centre: float
    jacobi: np.ndarray
    panels: Panels
    potential: np.ndarray
    content: float

    @classmethod
    def of(cls, slope: Callable[[np.ndarray], np.ndarray], temperature: float, size: int) -> "Positions":
        """Build them on panels that resolve the potential."""
        line = Line(lambda x: (slope(x) / temperature, np.full(np.shape(x), temperature)), (), 0.0)
        wells = stable_points(line)
        scale = max(float(np.ptp(wells)), math.sqrt(temperature))
        left, right = far_edges(line, wells[0], scale, drop=DROP), -far_edges(line.mirrored(), -wells[-1], scale, drop=DROP)
        panels = Panels(resolved_edges(line, np.unique(np.concatenate([left, wells, right]))))
        steepness = line(panels.points)[0]
        whole = panels.whole(steepness)
        potential = np.cumsum(whole)[:, None] - whole[:, None] + panels.running(steepness)
        potential = potential - potential.min()
        weight = (panels.half * WEIGHTS * np.exp(-potential)).ravel()
        centre = float(np.mean(wells))
        x = panels.points.ravel() - centre
        basis = _orthonormal(x, np.sqrt(weight), size)
        derivative = np.triu(math.sqrt(temperature) * (basis * steepness.ravel()) @ basis.T, 1)
        return cls(derivative, centre, (basis * x) @ basis.T, panels, potential, float(weight.sum()))


def _orthonormal(x: np.ndarray, root_weight: np.ndarray, size: int) -> np.ndarray:
    """Return the orthonormal polynomials times the root of the weight, (size, points), by Lanczos with full orthogonalisation."""
    basis = np.empty((size, len(x)))
    basis[0] = root_weight / np.linalg.norm(root_weight)
    for j in range(1, size):
        following = x * basis[j - 1]
        for _ in range(2):
            following = following - basis[:j].T @ (basis[:j] @ following)
        basis[j] = following / np.linalg.norm(following)
    return basis


@dataclass(frozen=True)
class Hierarchy:
    """The inverse of the kinetic operator, by elimination from the highest velocity order down.

    With K_n = gamma n + (n+1) d^T K_{n+1}^{-1} d, order n follows from order n-1: c_n = K_n^{-1} (sqrt(n) d c_{n-1} + ...). Order zero, without
    the stationary state, is left with d^T K_1^{-1} d, kept as a triangular root so that small rates keep their digits.

    Attributes:
        derivative: d, (positions, positions).
        factors: Cholesky factors of K_n, n = 1, 2, ...
        root: R with R^T R = d^T K_1^{-1} d on order zero.
    """

    derivative: np.ndarray
    factors: tuple[np.ndarray, ...]
    root: np.ndarray

    @classmethod
    def of(cls, derivative: np.ndarray, friction: float, orders: int) -> "Hierarchy":
        """Eliminate all velocity orders below ``orders``."""
        from scipy.linalg import cholesky, qr, solve_triangular

        factors: list[np.ndarray] = []
        lifted = np.zeros_like(derivative)
        for n in range(orders - 1, 0, -1):
            matrix = friction * n * np.eye(len(derivative)) + (n + 1) * lifted.T @ lifted
            factors.append(cholesky(matrix, lower=True, check_finite=False))
            lifted = solve_triangular(factors[-1], derivative, lower=True, check_finite=False)
        root = qr(lifted[:, 1:], mode="r", check_finite=False)[0][: len(derivative) - 1]
        return cls(derivative, tuple(reversed(factors)), root)

    @property
    def shape(self) -> tuple[int, int]:
        """Velocity orders, positions."""
        return len(self.factors) + 1, len(self.derivative)

    def inverse(self, source: np.ndarray) -> np.ndarray:
        """Return c with (minus the operator) c = source; both (orders * positions,), nothing in the stationary state."""
        from scipy.linalg import cho_solve, solve_triangular

        given = source.reshape(self.shape)
        result, d = np.zeros(self.shape), self.derivative
        waiting = given.copy()
        carried = np.zeros(len(d))
        for n in range(self.shape[0] - 1, 0, -1):
            waiting[n] -= carried
            carried = math.sqrt(n) * (d.T @ cho_solve((self.factors[n - 1], True), waiting[n], check_finite=False))
        rest = given[0, 1:] - carried[1:]
        result[0, 1:] = solve_triangular(self.root, solve_triangular(self.root, rest, trans="T"))
        for n in range(1, self.shape[0]):
            result[n] = cho_solve((self.factors[n - 1], True), waiting[n] + math.sqrt(n) * (d @ result[n - 1]), check_finite=False)
        return result.ravel()

    def smallest(self, count: int) -> np.ndarray:
        """Return the smallest real parts of the eigenvalues, in order.

        Raises:
            AccuracyError: If the iteration does not converge.
        """
        return np.sort((1 / self._iterated(count + 4, vectors=False)).real)[:count]

    def slowest(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return eigenvalues by their real parts, and their vectors, (count,) and (count, orders, positions).

        Raises:
            AccuracyError: If the iteration does not converge.
        """
        inverse, vectors = self._iterated(count + 4, vectors=True)
        rates = 1 / inverse
        first = np.lexsort((-rates.imag, np.round(rates.real, 12 - int(np.floor(np.log10(abs(rates.real).min()))))))[:count]
        return rates[first], vectors.T[first].reshape(-1, *self.shape)

    def _iterated(self, count: int, *, vectors: bool) -> Any:
        from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

        size = self.shape[0] * self.shape[1]
        start = np.random.default_rng(0).standard_normal(size)
        operator = LinearOperator((size, size), matvec=self.inverse, dtype=float)
        try:
            return eigs(operator, k=count, v0=self.inverse(start), which="LM", tol=0, return_eigenvectors=vectors)
        except ArpackError as error:
            raise AccuracyError(f"the iteration for the kinetic spectrum did not converge ({error}); ask for fewer rates") from None
