"""How fast walkers come back to the start: the eigenvalues of the drift, or of one step of the optimizer, linear around it."""

from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, Dynamics, buffer_of
from eyring.theory.landscape import Landscape
from eyring.theory.matching.running_average import settled
from eyring.theory.sde import SDE

__all__ = ["drift_rates", "step_jacobian"]


def drift_rates(sde: SDE, start: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of the drift's derivative at the start: the rates of relaxation, negative.

    Raises:
        ParameterError: If one is not negative: the start is not a point of rest.
    """
    here: dict[Any, Any] = dict(zip(sde.coordinates, [sp.Float(float(c), 30) for c in start], strict=True))
    matrix = sp.Matrix(sde.drift).jacobian(list(sde.coordinates)).subs(here)
    rates = np.linalg.eigvals(np.array(matrix.evalf().tolist(), dtype=float))
    if np.max(rates.real) >= 0:
        raise ParameterError(f"the drift does not bring a walker back to the start {start.tolist()}; start from a minimum")
    return rates


def step_jacobian(dynamics: Dynamics, loss: Landscape, start: np.ndarray, covariance: sp.MatrixBase | None = None) -> np.ndarray:
    """Return the derivative of one noiseless step at the start, with respect to parameters and buffers, running averages held at their means.

    Args:
        dynamics: The optimizer, with numbers.
        loss: The landscape, with numbers.
        start: The place, (n,).
        covariance: C(theta) of the minibatch gradient, with numbers; needed where there is a running average of its square.

    Raises:
        ParameterError: If that step is unstable: the learning rate times the curvature is too large.
    """
    late = settled(dynamics)
    after = late.update(loss)
    here = {s: 0 for s in after} | dict(zip(loss.coordinates, [sp.Float(float(c), 30) for c in start], strict=True))
    for i, x in enumerate(loss.coordinates):
        for buffer, what in late.phase_space.averages.items():
            spread = 0 if covariance is None else covariance[i, i]
            here[buffer_of(buffer, x)] = (what.subs({PARAMETER: x, GRADIENT: loss.gradient[i]}, simultaneous=True) + spread).subs(here)
    held = {buffer_of(b, x) for b in late.phase_space.averages for x in loss.coordinates}
    state = [s for s in after if s not in held]
    quiet = {s: 0 for expression in after.values() for s in expression.free_symbols - set(after)}
    matrix = sp.Matrix([after[s].subs(quiet) for s in state]).jacobian(state).subs(here)
    jacobian = np.array(matrix.evalf().tolist(), dtype=float)
    if np.max(np.abs(np.linalg.eigvals(jacobian))) >= 1:
        curvature = np.max(np.linalg.eigvalsh(np.array(loss.hessian.subs(here).evalf().tolist(), dtype=float)))
        raise ParameterError(
            f"the optimizer does not settle at the start: the largest curvature there is {curvature:.6g}, and the learning rate times it must "
            "stay below 2 (2 (1 + momentum) with momentum). Lower the learning rate"
        )
    return jacobian
