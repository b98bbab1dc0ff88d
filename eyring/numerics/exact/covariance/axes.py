"""The law of an optimizer near a minimum of a network's size: with one learning rate, axis by axis in the eigenbasis of the Hessian."""

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.covariance.axis import Axis
from eyring.numerics.exact.covariance.lyapunov_pairs import pair_covariance, pair_rounding
from eyring.numerics.exact.covariance.lyapunov_schur import ROUNDING, Solution

__all__ = ["axes_covariance"]


def axes_covariance(axis: Axis, hessian: np.ndarray, noise: np.ndarray, *, continuous: bool) -> Solution:
    """Return the stationary covariance of the parameters.

    The eigenvalues of the Hessian are known to 2^-52 of the largest, and the law to that over the distance of the curvatures from the ends of
    the range in which a law exists; that and the rounding of the small equations are the error given.

    Args:
        axis: What one axis does.
        hessian: H, (n, n), symmetric.
        noise: C, (n, n), symmetric.
        continuous: The continuous limit instead of the steps.

    Raises:
        NotApplicable: If a curvature is not held, or too sharp for the steps.
    """
    if not np.any(axis.felt):
        raise AccuracyError("the learning rate is so small that its square is beyond what float64 can hold; choose other units of length or loss")
    curvatures, directions = np.linalg.eigh(hessian)
    low, high = axis.bounds()
    _demand_held(curvatures, low, high)
    turned = directions.T @ noise @ directions
    generators = axis.at(curvatures)
    found = pair_covariance(generators, (turned + turned.T) / 2, felt=axis.felt, own=axis.own, stepwise=not continuous)
    S = directions @ found @ directions.T
    spread = float(np.max(np.abs(curvatures)) / min(curvatures[0] - low, high - curvatures[-1]))
    rounding = pair_rounding(generators, felt=axis.felt, stepwise=not continuous)
    return Solution((S + S.T) / 2, ROUNDING * (np.sqrt(len(S)) + 4 * spread + rounding))


def _demand_held(curvatures: np.ndarray, low: float, high: float) -> None:
    flattest, sharpest = float(curvatures[0]), float(curvatures[-1])
    if flattest <= low:
        count = int(np.sum(curvatures <= low))
        raise NotApplicable(
            f"the loss does not hold the parameters: {count} of {len(curvatures)} curvatures, from {flattest:.6g}, do not exceed {low:.6g}, so that "
            "walkers drift away and no stationary law exists. Expand around a minimum, and leave flat directions out"
        )
    if sharpest >= high:
        count = int(np.sum(curvatures >= high))
        raise NotApplicable(
            f"the steps overshoot and grow: {count} of {len(curvatures)} curvatures, up to {sharpest:.6g}, are not below {high:.6g}, "
            "the largest that this optimizer bears (2/eta for plain SGD, 2 (1 + mu)/eta for heavy ball). Lower the learning rate"
        )
