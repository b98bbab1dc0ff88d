"""Whether a network is at a minimum of its loss: gradient against the noise in it, negative curvature; and the way down into the minimum."""

import math

import numpy as np
import torch

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact.action.flow import fixed_point
from eyring.validation.probes.critical import CriticalProbe, probe_critical
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.hessian import as_point
from eyring.validation.probes.lanczos import DENSE
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["polished_minimum", "require_minimum", "settled"]

AT_REST = 0.1  # of the gradient's own standard error over the N samples
EXACT = 1e-9  # of the largest curvature times 1 + |theta|: rest where the gradient has no noise
NEWTON = 60
ROUNDING = 1e-12
NEAR = 1e-4


def require_minimum(problem: TrainingProblem, theta: torch.Tensor | np.ndarray) -> CriticalProbe:
    """Measure a point and refuse what is no minimum of the loss on all data.

    The gradient is held against its standard error over the samples, sqrt(tr G/N), the least that any minibatch's noise can be: a tenth of it
    is at rest. Curvatures of less than 1e-7 of the largest count as flat and are not refused here.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).

    Raises:
        ParameterError: With the figures, if a curvature is negative or the gradient too large.
    """
    surface = FullBatch.of(problem)
    probe = probe_critical(surface, as_point(problem, theta))
    if probe.index > 0:
        raise ParameterError(
            f"the start is no minimum: {probe.index} of {len(probe.eigenvalues)} curvatures measured are negative, the lowest "
            f"{probe.eigenvalues[0]:.4g} against the largest {probe.eigenvalues[-1]:.4g} (|gradient| {probe.gradient_norm:.3g}); train on, "
            "or take polished_minimum"
        )
    noise = math.sqrt(float(np.trace(probe.noise)) / (1 - probe.discarded) / problem.samples) if probe.discarded < 1 else 0.0
    exact = EXACT * float(probe.eigenvalues[-1]) * (1 + float(np.linalg.norm(probe.position)))
    if probe.gradient_norm > max(AT_REST * noise, exact):
        raise ParameterError(
            f"the start is not at rest: its full-batch gradient is {probe.gradient_norm:.4g}, the standard error of that gradient over "
            f"{problem.samples} samples is {noise:.4g}, and at a minimum it is below a tenth of it; the minimum lies about "
            f"{_excess(surface, probe):.3g} lower in loss: train on, or take polished_minimum"
        )
    return probe


def polished_minimum(problem: TrainingProblem, theta: torch.Tensor | np.ndarray, *, iterations: int = 5000) -> torch.Tensor:
    """Go down from a point on the loss on all data until the gradient is rounding, and return that minimum, (n,), float64.

    L-BFGS first, then Newton's method (by the dense Hessian, or by conjugate gradients on its products above some hundred parameters).

    Args:
        problem: The network and its data.
        theta: Parameters near the minimum, (n,).
        iterations: Of L-BFGS.

    Raises:
        AccuracyError: With the gradient reached, if the descent does not end at a minimum: the loss may fall for ever (no regularisation).
    """
    surface = FullBatch.of(problem)
    return surface.tensor(settled(surface, as_point(problem, theta), iterations=iterations))


def settled(surface: FullBatch, begin: np.ndarray, *, iterations: int = 5000) -> np.ndarray:
    """Return the minimum below a point of the surface; see ``polished_minimum``."""
    from scipy.optimize import minimize

    to_rest = {"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 0, "gtol": 1e-9}
    x = minimize(surface.fall, begin, jac=True, method="L-BFGS-B", options=to_rest).x
    method, curvature = (
        ("trust-exact", {"hess": lambda x: surface.curvature(x[None])[0]})
        if surface.dimension <= DENSE
        else ("trust-krylov", {"hessp": lambda x, v: surface.products(x, v[:, None])[:, 0]})
    )
    x = minimize(surface.fall, x, jac=True, method=method, options={"maxiter": NEWTON, "gtol": 1e-13}, **curvature).x
    rest = _at_rest(surface, x)
    if rest is None:
        g, first = (float(np.linalg.norm(surface.fall(point)[1])) for point in (x, begin))
        raise AccuracyError(
            f"no minimum was reached: after {iterations} iterations of L-BFGS and {NEWTON} of Newton's method the gradient is {g:.3g} (it began at "
            f"{first:.3g}), Newton's next step is no small one, and |theta| has gone from {np.linalg.norm(begin):.4g} to {np.linalg.norm(x):.4g}; if "
            "it grows for ever, the loss has no minimum: add an L2 term to the loss",
            estimate=g,
        )
    return rest


def _at_rest(surface: FullBatch, x: np.ndarray) -> np.ndarray | None:
    """Return the critical point that Newton's method finds right here, or None: where a loss falls for ever, its steps stay long."""
    near = NEAR * (1 + float(np.linalg.norm(x)))
    if surface.dimension <= DENSE:  # the loss itself cannot be resolved as finely as its gradient
        exact = fixed_point(surface, x)
        return exact if exact is not None and np.linalg.norm(exact - x) < near else None
    g = surface.fall(x)[1]
    size = float(np.linalg.norm(g))
    return x if size == 0 or size**3 < near * float(g @ surface.products(x, g[:, None])[:, 0]) else None


def _excess(surface: FullBatch, probe: CriticalProbe) -> float:
    """Return Newton's estimate of how far the loss lies above its minimum, g H^-1 g/2, in the directions that were measured."""
    along = probe.eigenvectors.T @ surface.slope(probe.position[None])[0]
    return float(np.sum(along**2 / np.maximum(probe.eigenvalues, ROUNDING * probe.eigenvalues[-1]))) / 2
