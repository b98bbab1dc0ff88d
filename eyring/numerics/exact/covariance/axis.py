"""What one axis of a parabola does under an optimizer: its step or its continuous limit, read off the update rule, and the curvatures it bears."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.discrete.stability import contraction_demands
from eyring.theory.dynamics.contract import PARAMETER, Dynamics, one_step_map, white_noise
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance

__all__ = ["NOT_LINEAR", "Axis", "axis_of"]

K = sp.Symbol("k", positive=True)
ZETA = sp.Symbol("zeta", real=True)
COVARIANCE = sp.Symbol("c", positive=True)
NOT_LINEAR = (
    "one step of {} is not linear in gradient and buffers (it divides by the root of a running average), so that its stationary law is not a "
    "Gaussian fixed by a linear equation; see the results rmsprop-stationary-variance and adam-stationary-variance"
)


@dataclass(frozen=True)
class Axis:
    """z' = (1 + E(k)) z + noise, or dz = E(k) z dt + noise, of one axis of curvature k.

    Attributes:
        generator: E, (s, s), in the symbol k.
        felt: What a unit of C adds to the covariance of z, (s, s).
        own: What the optimizer's own noise adds, (s, s).
        demands: What must be positive for the law to exist, in k; the first fails where the loss does not hold the walker.
    """

    generator: sp.ImmutableMatrix
    felt: np.ndarray
    own: np.ndarray
    demands: tuple[sp.Expr, ...]

    def at(self, curvatures: np.ndarray) -> np.ndarray:
        """Return E for each curvature, (n, s, s)."""
        rows = [[np.broadcast_to(entry, curvatures.shape) for entry in row] for row in sp.lambdify(K, self.generator.tolist(), "numpy")(curvatures)]
        return np.moveaxis(np.array(rows, dtype=float), 2, 0)

    def bounds(self) -> tuple[float, float]:
        """Return the curvatures between which a law exists; the upper one may be infinite.

        Raises:
            NotApplicable: If there are none.
        """
        roots = sorted(float(r) for demand in self.demands for r in _real_roots(demand))
        edges = [-np.inf, *roots, np.inf]
        for low, high in pairwise(edges):
            between = sp.Float(_between(low, high))
            if low < high and all(float(d.subs(K, between)) > 0 for d in self.demands):
                return low, high
        raise NotApplicable("no curvature at all is held by these steps: lower the momentum")


def _between(low: float, high: float) -> float:
    if np.isfinite(low) and np.isfinite(high):
        return low / 2 + high / 2
    return low + 1 + abs(low) if np.isfinite(low) else high - 1 - abs(high)


def axis_of(dynamics: Dynamics, *, continuous: bool = False) -> Axis:
    """Return what a single axis does, with numbers for every hyperparameter but the batch size.

    Raises:
        NotApplicable: If a step is not linear in gradient and buffers.
    """
    return _continuous_axis(dynamics) if continuous else _stepping_axis(dynamics)


def _stepping_axis(dynamics: Dynamics) -> Axis:
    after = one_step_map(dynamics, (PARAMETER,), (K * PARAMETER + ZETA,))
    state, step = list(after), sp.Matrix(list(after.values()))
    A, felt, own = step.jacobian(state).applyfunc(sp.expand), step.diff(ZETA), step.diff(white_noise(PARAMETER))
    if (A.free_symbols | felt.free_symbols | own.free_symbols) & {*state, ZETA}:
        raise NotApplicable(NOT_LINEAR.format(type(dynamics).__name__))
    demands = contraction_demands(A)
    generator = sp.ImmutableMatrix((A - sp.eye(len(state))).applyfunc(sp.expand))
    return Axis(generator, _floats(felt * felt.T), _floats(own * own.T), (demands.held, demands.short, *demands.forgets))


def _continuous_axis(dynamics: Dynamics) -> Axis:
    x = sp.Symbol("x", real=True)
    sde = dynamics.sde(Landscape(K * x**2 / 2, [x]), Covariance(sp.Matrix([[COVARIANCE]])))
    generator, noise = sp.ImmutableMatrix(sde.drift.jacobian(sde.coordinates)), 2 * sde.diffusion
    felt = noise.diff(COVARIANCE)
    if (generator.free_symbols | felt.free_symbols) & {*sde.coordinates, COVARIANCE}:
        raise NotApplicable(NOT_LINEAR.format(type(dynamics).__name__))
    falling = (-generator).charpoly().all_coeffs()  # their signs alternate where every eigenvalue has a negative real part
    demands = tuple(sp.expand(c * (-1) ** i) for i, c in enumerate(falling))[:0:-1]
    return Axis(generator, _floats(felt), _floats(noise.subs(COVARIANCE, 0)), demands)


def _floats(matrix: sp.MatrixBase) -> np.ndarray:
    return np.array(matrix.tolist(), dtype=float)


def _real_roots(demand: sp.Expr) -> list[sp.Expr]:
    return [r for r in sp.Poly(demand, K).nroots(n=20, maxsteps=200) if sp.im(r) == 0] if demand.has(K) else []
