"""The least action of one coordinate: an integral, exact whatever the ends."""

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.action.field import Field

__all__ = ["action_on_line"]

NODES = 20
HALVINGS = 12
WANTED = 1e-14
LOOSEST = 1e-6


def action_on_line(field: Field, a: float, b: float) -> tuple[float, float]:
    """Return -int_a^b f/D dx and its error, by Gauss-Legendre panels whose number is doubled until it rests.

    Raises:
        NotApplicable: If the noise is not positive on the way, or the drift leads away from ``a`` somewhere on it.
        AccuracyError: If the integral does not settle.
    """
    before, change = np.nan, np.inf
    for halving in range(HALVINGS):
        now = _panels(field, a, b, 4 * 2**halving)
        change = abs(now - before)
        if change <= WANTED * abs(now):
            break
        before = now
    if not change <= LOOSEST * abs(now):
        raise AccuracyError(f"the least action settled only to {change / abs(now):.1g} (relative), at {now:.6g}", now, change / abs(now))
    return now, 2 * change + WANTED * now


def _panels(field: Field, a: float, b: float, count: int) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(a, b, count + 1)
    x = (edges[:-1, None] + (nodes + 1) / 2 * np.diff(edges)[:, None]).ravel()
    f, D = field.drift(x[:, None])[:, 0], field.diffusion(x[:, None])[:, 0, 0]
    if not (np.all(np.isfinite(f)) and np.all(np.isfinite(D))):
        raise NotApplicable(f"the drift or the diffusion is not finite on the way, at {x[~(np.isfinite(f) & np.isfinite(D))][0]:.6g}")
    if np.min(D) <= 0:
        raise NotApplicable(f"the diffusion is not positive definite on the way: D = {np.min(D):.3g} at {x[np.argmin(D)]:.6g}")
    uphill = f * np.sign(a - b)
    if np.min(uphill) < 0:
        raise NotApplicable(
            f"end {b:.10g} does not lie in the basin of start {a:.10g}: at {x[np.argmin(uphill)]:.6g} the drift leads away from start. The way "
            "beyond the saddle costs nothing more: end at the saddle"
        )
    return float(np.sum(np.tile(weights, count) * -f / D) * (b - a) / (2 * count))
