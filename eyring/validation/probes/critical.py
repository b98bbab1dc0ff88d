"""A minimum or a saddle of a network's loss as the laws of escape need it: loss, curvatures and gradient noise in their eigenbasis."""

from dataclasses import dataclass

import numpy as np

from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.gradient_covariance import gradient_noise
from eyring.validation.probes.lanczos import DENSE, eigenpairs

__all__ = ["FLAT", "CriticalProbe", "probe_critical"]

FLAT = 1e-7  # of the largest curvature: what is less in size is no curvature
DIRECTIONS = 50  # of a network too large for its Hessian: the noise is projected on the lowest and the leading ones
LOWEST = 10


@dataclass(frozen=True, eq=False)
class CriticalProbe:
    """A critical point of the full-batch loss, measured.

    Attributes:
        position: theta, (n,).
        loss: L there.
        gradient_norm: |grad L| left by the search.
        eigenvalues: Of the Hessian, ascending, (k,); k = n where the Hessian is dense, else the lowest and the leading ones.
        eigenvectors: Their unit vectors as columns, (n, k).
        noise: Covariance G of one sample's gradient in these directions, V^T G V, (k, k); a minibatch of B has C = G/B.
        discarded: Share of tr G outside the k directions, 0 to 1.
        index: Number of negative eigenvalues beyond their tolerance: 0 at a minimum, 1 at a saddle that escape goes over.
    """

    position: np.ndarray
    loss: float
    gradient_norm: float
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray
    noise: np.ndarray
    discarded: float
    index: int

    @property
    def flat(self) -> int:
        """Number of directions without curvature, |lambda| <= 1e-7 of the largest."""
        return int(np.sum(np.abs(self.eigenvalues) <= FLAT * np.max(np.abs(self.eigenvalues))))

    def __str__(self) -> str:
        kind = {0: "minimum", 1: "saddle"}.get(self.index, f"saddle of index {self.index}")
        k, n = len(self.eigenvalues), len(self.position)
        curvatures = f"curvatures {self.eigenvalues[0]:.4g} to {self.eigenvalues[-1]:.4g}" + (f" ({k} of {n})" if k < n else "")
        return f"{kind}: loss {self.loss:.8g}, |gradient| {self.gradient_norm:.2g}, {curvatures}, tr G {np.trace(self.noise):.4g}"


def probe_critical(surface: FullBatch, point: np.ndarray) -> CriticalProbe:
    """Measure a point of the surface, whatever it is: loss, gradient, curvatures, and the exact gradient noise in their directions.

    Args:
        surface: The loss on all data.
        point: theta, (n,).
    """
    n = surface.dimension
    leading, lowest = (n, 0) if n <= DENSE else (DIRECTIONS - LOWEST, LOWEST)
    values, vectors = eigenpairs(surface, point, leading=leading, lowest=lowest)
    noise = gradient_noise(surface.problem, surface.tensor(point), directions=vectors)
    tolerance = FLAT * float(np.max(np.abs(values)))
    return CriticalProbe(
        position=np.array(point, dtype=float),
        loss=float(surface.height(point[None])[0]),
        gradient_norm=float(np.linalg.norm(surface.slope(point[None])[0])),
        eigenvalues=values,
        eigenvectors=vectors,
        noise=noise.covariance,
        discarded=noise.discarded,
        index=int(np.sum(values < -tolerance)),
    )
