"""The law of an optimizer whose learning rate is a matrix: one step of parameters and buffers together, as floating-point matrices."""

from typing import NamedTuple

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.exact.covariance.axis import NOT_LINEAR
from eyring.numerics.exact.covariance.lyapunov_doubling import Growing, stepwise_covariance
from eyring.numerics.exact.covariance.lyapunov_schur import Solution
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics
from eyring.theory.symbols import learning_rate as ETA

__all__ = ["rates_covariance"]


class _Step(NamedTuple):
    """z' - z = change z + kick zeta, z = (parameters, buffers)."""

    change: np.ndarray
    kick: np.ndarray


def rates_covariance(dynamics: Dynamics, rates: np.ndarray, hessian: np.ndarray, noise: np.ndarray) -> Solution:
    """Return the stationary covariance of the parameters; Hessian, noise and learning rates need not commute.

    Args:
        dynamics: The optimizer with the symbol eta for its learning rate, and numbers for all else.
        rates: Lambda, (n, n).
        hessian: H, (n, n).
        noise: C, (n, n).

    Raises:
        NotApplicable: If the steps do not contract, or are not linear.
    """
    n = len(hessian)
    step = _linear_step(dynamics, rates, hessian)
    found = stepwise_covariance(step.change, step.kick @ noise @ step.kick.T)
    if isinstance(found, Growing):
        pulls = np.linalg.eigvals(rates @ hessian).real
        raise NotApplicable(
            f"the steps do not contract: the spectral radius of one step is {found.radius:.6g}, and a stationary law needs less than 1. The learning "
            f"rates times the Hessian have eigenvalues from {pulls.min():.6g} to {pulls.max():.6g}, which must lie above 0 and, for plain SGD and "
            "heavy ball, below 2 (1 + mu). Lower the learning rates, and leave flat directions out"
        )
    return Solution(found.covariance[:n, :n], found.error)


def _linear_step(dynamics: Dynamics, rates: np.ndarray, hessian: np.ndarray) -> _Step:
    """Carry the state through the lines of the rule: each is linear in parameter, buffers and gradient, and of degree one in the learning rate."""
    n, state = len(hessian), (PARAMETER, *dynamics.buffers)
    unit = np.eye(n * len(state))
    now = {s: unit[k * n : (k + 1) * n] for k, s in enumerate(state)}
    kick = {s: np.zeros((n, n)) for s in state}
    change = {s: np.zeros((n, len(unit))) for s in state}
    now[GRADIENT], kick[GRADIENT] = hessian @ now[PARAMETER], np.eye(n)
    for target, value in dynamics.rule:
        weights = _weights(dynamics, value, now)
        kick[target] = sum((_times(rates, *w, kick[s]) for s, w in weights.items()), np.zeros((n, n)))
        kept, moved = weights.get(target, (0.0, 0.0))
        others = (_times(rates, *w, now[s]) for s, w in weights.items() if s != target)
        added = sum(others, _times(rates, kept - 1.0, moved, now[target]))
        now[target], change[target] = now[target] + added, change[target] + added
    return _Step(np.vstack([change[s] for s in state]), np.vstack([kick[s] for s in state]))


def _weights(dynamics: Dynamics, value: sp.Expr, known: dict[sp.Symbol, np.ndarray]) -> dict[sp.Symbol, tuple[float, float]]:
    """Return (constant, coefficient of eta) of every symbol in one line."""
    if WHITE_NOISE in value.free_symbols:
        raise NotApplicable("white noise of its own is defined for one learning rate; give a number instead of a matrix")
    slopes = {s: sp.expand(sp.diff(value, s)) for s in known if s in value.free_symbols}
    if any(c.free_symbols - {ETA} or not c.is_polynomial(ETA) or sp.degree(c, ETA) > 1 for c in slopes.values()):
        raise NotApplicable(NOT_LINEAR.format(type(dynamics).__name__))
    return {s: (float(c.coeff(ETA, 0)), float(c.coeff(ETA, 1))) for s, c in slopes.items()}


def _times(rates: np.ndarray, constant: float, slope: float, matrix: np.ndarray) -> np.ndarray:
    """Return (constant + slope Lambda) matrix."""
    return constant * matrix + (slope * (rates @ matrix) if slope else 0.0)
