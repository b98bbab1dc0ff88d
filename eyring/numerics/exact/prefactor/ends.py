"""Where the way uphill begins and ends: noise and drift balance in the well, and one direction runs away at the saddle."""

from dataclasses import dataclass

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.exact.action.ends import attractor_end, rates_at, written
from eyring.numerics.exact.prefactor.motion import Motion

__all__ = ["Saddle", "Well", "saddle_at", "well_at"]


@dataclass(frozen=True)
class Well:
    """The attractor: W'' = Z there, with S = 1/Z the covariance of the quadratic well, A S + S A^T + 2 D = 0.

    Attributes:
        place: Where the drift vanishes, (n,).
        hessian: Z, in units of 1/noise.
        flow: A + 2 D Z: how displacements grow on the way out.
        slowest: The smallest rate of them.
    """

    place: np.ndarray
    hessian: np.ndarray
    flow: np.ndarray
    slowest: float

    @property
    def plane(self) -> np.ndarray:
        """The tangent plane p = Z (x - a) of all ways out, (2n, n)."""
        return np.concatenate([np.eye(len(self.place)), self.hessian])

    def before(self, x: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return z on the way out, ``times`` before it passes x; (times, 2n)."""
        from scipy.linalg import expm

        y = expm(-times[:, None, None] * self.flow) @ (x - self.place)
        return np.concatenate([self.place + y, y @ self.hessian], axis=1)


@dataclass(frozen=True)
class Saddle:
    """The saddle: u = l.(x - b) grows as e^(rate t), everything across it decays; a way uphill arrives with p along l.

    Attributes:
        place: Where the drift vanishes, (n,).
        rate: lambda_+, the one positive eigenvalue of the drift's Jacobian.
        left: l, its unit left eigenvector.
        across: An orthonormal basis of the directions that decay, (n, n - 1).
        matrix: D, in units of the noise.
        flow: Of (c, y) on the stable manifold x - b = across c - (l.D l/rate) y l, p = y l.
        slowest: The smallest rate of it.
    """

    place: np.ndarray
    rate: float
    left: np.ndarray
    across: np.ndarray
    matrix: np.ndarray
    flow: np.ndarray
    slowest: float

    @property
    def noise(self) -> float:
        """l.D l: the noise along the unstable direction."""
        return float(self.left @ self.matrix @ self.left)

    @property
    def plane(self) -> np.ndarray:
        """The stable manifold's tangent plane, last the direction with p = l; (2n, n)."""
        n = len(self.place)
        aside, along = np.concatenate([self.across, np.zeros((n, n - 1))]), np.concatenate([-self.noise / self.rate * self.left, self.left])
        return np.hstack([aside, along[:, None]])

    def arrival(self) -> np.ndarray:
        """Return n rows that vanish on that plane, (n, 2n)."""
        aside = np.hstack([np.zeros_like(self.across.T), self.across.T])
        return np.vstack([aside, np.concatenate([self.rate * self.left, self.left @ self.matrix])])

    def after(self, x: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return z on the way in, ``times`` after it passed x; (times, 2n)."""
        from scipy.linalg import expm

        start = np.concatenate([self.across.T @ (x - self.place), [-self.rate / self.noise * float(self.left @ (x - self.place))]])
        n = len(x)
        return np.concatenate([self.place, np.zeros(n)]) + (expm(times[:, None, None] * self.flow) @ start) @ self.plane.T


def well_at(motion: Motion, place: np.ndarray) -> Well:
    """Return the attractor at a zero of the drift."""
    end = attractor_end(motion.field, place)
    return Well(place, motion.noise * end.form, end.flow, end.rate)


def saddle_at(motion: Motion, place: np.ndarray) -> Saddle:
    """Return the saddle at a zero of the drift.

    Raises:
        NotApplicable: If not exactly one direction runs away.
    """
    known = rates_at(motion.field, place, "end")
    if np.sum(known.real > 0) != 1:
        raise NotApplicable(
            f"the prefactor needs a saddle over which walkers leave in one direction; at the end {written(place)} {np.sum(known.real > 0)} of "
            f"{len(place)} rates of the drift's Jacobian are positive ({', '.join(f'{r:.3g}' for r in np.sort(known.real))})"
        )
    B, D = motion.field.jacobian(place[None])[0], motion.field.diffusion(place[None])[0] / motion.noise
    rates, vectors = np.linalg.eig(B.T)
    up = int(np.argmax(rates.real))
    rate, left = float(rates[up].real), vectors[:, up].real / np.linalg.norm(vectors[:, up].real)
    across = np.linalg.svd(left[None])[2][1:].T
    flow = np.zeros((len(place), len(place)))
    flow[:-1, :-1] = across.T @ B @ across
    flow[:-1, -1] = across.T @ (2 * D @ left - float(left @ D @ left) / rate * (B @ left))
    flow[-1, -1] = -rate
    return Saddle(place, rate, left, across, D, flow, float(np.min(np.abs(known.real))))
