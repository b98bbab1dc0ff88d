"""The stationary covariance about a point of rest in hundreds of dimensions: of an SDE, of an optimizer's own steps, of a linear process."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.covariance.axes import axes_covariance
from eyring.numerics.exact.covariance.axis import axis_of
from eyring.numerics.exact.covariance.lyapunov_schur import Solution, continuous_covariance
from eyring.numerics.exact.covariance.numbers import float_covariance, float_matrix, float_symmetric
from eyring.numerics.exact.covariance.rates import rates_covariance
from eyring.numerics.exact.covariance.sde import linearised
from eyring.numerics.exact.values import exact_value, known_clock, matched_values
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import learning_rate as ETA

__all__ = ["stationary_covariance"]

WORST = 1e-3
FORMS = (
    "stationary_covariance takes an SDE with at=, or an optimizer with hessian= and covariance=, or drift_matrix= and diffusion= of a linear process"
)


def stationary_covariance(
    process: SDE | Dynamics | None = None,
    *,
    at: CriticalPoint | Sequence[Any] | float | None = None,
    values: Mapping[Any, Any] | None = None,
    hessian: Any = None,
    covariance: Any = None,
    continuous: bool = False,
    drift_matrix: Any = None,
    diffusion: Any = None,
) -> Number:
    r"""Return the stationary covariance about a point of rest, in up to hundreds of dimensions.

    Three ways to ask, all in float64 with an error that covers the rounding of the numbers given:

    - ``stationary_covariance(sde, at=minimum, values=...)``: the process made linear there, A S + S A^T = 2 D(at), A = -df/dx. Exact for a linear
      drift and constant D; else the leading order in the noise. In phase space positions and velocities both appear.
    - ``stationary_covariance(optimizer, hessian=H, covariance=C, values=...)``: the optimizer's own steps on a parabola, nothing taken as small
      (``discrete_covariance`` in floating-point numbers). The learning rate may be a matrix, as ``values={"eta": matrix}``.
      ``continuous=True``: its continuous limit instead, for SGD H S + S H = eta C.
    - ``stationary_covariance(drift_matrix=-A, diffusion=D)``: dx = -A x dt + sqrt(2 D) dW.

    Args:
        process: A process in any number of coordinates (its drift is read in Ito's calculus), or an optimizer.
        at: The point of rest, usually a minimum: a critical point or one number a coordinate (the velocities may be left out).
        values: One number for each symbol, by symbol or printed name.
        hessian: H, (n, n), symmetric and positive definite.
        covariance: C of the minibatch gradient, (n, n), already divided by the batch size.
        continuous: The optimizer's continuous limit instead of its steps.
        drift_matrix: df/dx, (n, n); every eigenvalue has a negative real part.
        diffusion: D, (n, n).

    Returns:
        The covariance in ``.value``: (n, n), of the parameters, or of all coordinates of an SDE. The relative error is that of its largest entry.

    Raises:
        NotApplicable: If nothing brings walkers back, or steps overshoot: with the curvature and the limit.
        ParameterError: If a value is missing, unknown or not real and finite, or a matrix has the wrong shape.
        AccuracyError: If rounding of the numbers given moves the answer by more than a thousandth: so near the limit of stability.

    Source: Liu, Ziyin & Ueda 2021 for the steps of heavy ball; here the equation is read off the update rule.

    >>> x, y = sp.symbols("x y", real=True)
    >>> stationary_covariance(SDE([-2 * x, -y], sp.Matrix([[2, 3], [3, 5]]), [x, y]), at=(0, 0)).value.round(12).tolist()
    [[1.0, 2.0], [2.0, 5.0]]
    >>> from eyring.theory.dynamics import SGD
    >>> stationary_covariance(SGD(), hessian=np.eye(2), covariance=3 * np.eye(2), values={"eta": 0.5}).value.tolist()    # eta C/(2 - eta)
    [[1.0, 0.0], [0.0, 1.0]]
    """
    asked = {
        "at": at,
        "values": values,
        "hessian": hessian,
        "covariance": covariance,
        "continuous": continuous or None,
        "drift_matrix": drift_matrix,
        "diffusion": diffusion,
    }
    given = {name for name, value in asked.items() if value is not None}
    clock = None
    if isinstance(process, SDE):
        _demand(given, needed={"at"}, allowed={"values"}, who="of an SDE")
        numbers = _single(values, process.parameters, process.clock.free_symbols, "stationary_covariance of this SDE")
        found, clock = _linear(*linearised(process, at, numbers)), known_clock(process.clock, numbers)
    elif isinstance(process, Dynamics):
        _demand(given, needed={"hessian", "covariance"}, allowed={"values", "continuous"}, who="of an optimizer")
        found = _of_optimizer(process, hessian, covariance, values, continuous=continuous)
    elif process is None:
        _demand(given, needed={"drift_matrix", "diffusion"}, allowed=set(), who="of a linear process")
        A = -float_matrix(drift_matrix, "drift_matrix, the derivative of the drift,")
        found = _linear(A, 2 * float_covariance(diffusion, "the diffusion D", size=len(A)))
    else:
        raise ParameterError(f"{FORMS}; got {process!r}")
    return _answer(found, clock)


def _demand(given: set[str], *, needed: set[str], allowed: set[str], who: str) -> None:
    missing, unknown = sorted(needed - given), sorted(given - needed - allowed)
    if missing or unknown:
        parts = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"it has no use for {', '.join(unknown)}"] * bool(unknown)
        raise ParameterError(f"the stationary covariance {who} needs {', '.join(sorted(needed))}; {'; '.join(parts)}. {FORMS}")


def _single(values: Any, needed: Any, allowed: Any, asked_by: str) -> dict[sp.Symbol, Any]:
    numbers = matched_values(values, needed, asked_by=asked_by, allowed=allowed)
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("a covariance is computed at one set of values; give single numbers")
    return numbers


def _linear(A: np.ndarray, noise: np.ndarray) -> Solution:
    growing = np.linalg.eigvals(A).real.min()
    if growing <= 0:
        raise NotApplicable(
            f"the drift does not bring walkers back: its matrix has an eigenvalue with real part {growing:.3g}; leave flat directions out"
        )
    size = float(np.max(np.abs(noise))) or 1.0
    found = continuous_covariance(A, noise / size)
    return Solution(found.covariance * size, found.error)


def _of_optimizer(dynamics: Dynamics, hessian: Any, covariance: Any, values: Any, *, continuous: bool) -> Solution:
    H = float_symmetric(hessian, "the Hessian")
    C = float_covariance(covariance, "the covariance of the minibatch gradient", size=len(H))
    known, rates = _hyperparameters(dynamics, values)
    size = float(np.max(np.abs(C))) or 1.0
    if rates is None:
        return axes_covariance(axis_of(known, continuous=continuous), H, C, continuous=continuous)
    if continuous:
        raise NotApplicable("the continuous limit is taken with one learning rate; give a number instead of a matrix, or leave continuous=True out")
    found = rates_covariance(known, float_matrix(rates, "the learning rate", size=len(H)), H, C / size)
    return Solution(found.covariance * size, found.error)


def _hyperparameters(dynamics: Dynamics, values: Any) -> tuple[Dynamics, Any]:
    """Return the optimizer with numbers for its symbols, and the learning rate where it is a matrix (the optimizer then keeps the symbol)."""
    given = dict(values) if isinstance(values, Mapping) else values
    rates = None
    own = dynamics.hyperparameters["learning_rate"]
    if isinstance(own, sp.MatrixBase):
        rates, dynamics = own, type(dynamics)(**{**_fields(dynamics), "learning_rate": ETA})
    elif isinstance(given, dict):
        for key in [k for k in given if str(k) == ETA.name and np.ndim(given[k])]:
            rates = given.pop(key)
    symbols = {s for v in dynamics.hyperparameters.values() for s in v.free_symbols} - {B, *([ETA] if rates is not None else [])}
    numbers = _single(given, sorted(symbols, key=str), [B], "stationary_covariance of this optimizer")
    return dynamics.with_values({s.name: exact_value(v) for s, v in numbers.items() if s != B}), rates


def _fields(dynamics: Dynamics) -> dict[str, Any]:
    from dataclasses import fields

    return {f.name: getattr(dynamics, f.name) for f in fields(dynamics)}  # type: ignore[arg-type]


def _answer(found: Solution, clock: Any) -> Number:
    if not np.all(np.isfinite(found.covariance)):
        raise AccuracyError("the covariance is beyond what float64 can hold at these numbers")
    if not found.error < WORST:
        raise AccuracyError(
            f"rounding of the numbers given moves the covariance by a factor up to 1 +- {found.error:.1g}: a curvature lies too near the limit of "
            "stability, or is flat against the sharpest. Move away from the limit, or leave flat directions out",
            error=found.error,
        )
    return Number(found.covariance, 0.0, max(found.error, len(found.covariance) * 1e-16) if np.any(found.covariance) else 0.0, "length^2", clock)
