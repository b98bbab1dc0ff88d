"""The ends of a cheapest path: near an attractor and near a saddle the action is a quadratic form, and the path an exponential of time."""

from dataclasses import dataclass

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.exact.action.field import Field

__all__ = ["End", "attractor_end", "rates_at", "saddle_end", "written"]

FLAT = 1e-9
LASTING = 4.0


@dataclass(frozen=True)
class End:
    """A fixed point at which a path begins or ends, an infinite time away.

    Attributes:
        point: Where, (n,).
        form: The action between the point and x near it is (1/2) y.form.y, with y = x - point.
        flow: y' = flow y on the cheapest path near it.
        rate: The slowest of its exponentials.
        sign: The momentum on the path is sign * form y: 1 at the attractor, -1 at the saddle.
    """

    point: np.ndarray
    form: np.ndarray
    flow: np.ndarray
    rate: float
    sign: int

    @property
    def turning(self) -> float:
        """How fast the path turns around the point: the angular frequency of the exponentials that last."""
        values = np.linalg.eigvals(self.flow)
        return float(np.max(np.abs(values.imag[np.abs(values.real) <= LASTING * self.rate]), initial=0.0))

    def cost(self, x: np.ndarray) -> float:
        """Return the action between the point and ``x``."""
        return float((x - self.point) @ self.form @ (x - self.point)) / 2

    def neglected(self, field: Field, x: np.ndarray) -> float:
        """Estimate the error of ``cost``: what the Hamilton-Jacobi equation H(x, grad) = 0 lacks, over the slowest rate."""
        y = x - self.point
        shares = np.array([1.0, -1.0, 0.7, -0.7])[:, None]
        left = field.energy(self.point + shares * y, self.sign * shares * (self.form @ y))
        return float(np.max(np.abs(left))) / self.rate

    def continued(self, x: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Return the path ``times`` further from x towards the point, (times, n)."""
        values, vectors = np.linalg.eig(self.flow)
        if np.linalg.cond(vectors) < 1e8:
            inside = np.linalg.solve(vectors, (x - self.point).astype(complex))
            y = (np.exp(-self.sign * np.outer(times, values)) * inside) @ vectors.T
            return self.point + y.real
        from scipy.linalg import expm

        return self.point + np.stack([expm(-self.sign * t * self.flow) @ (x - self.point) for t in times])


def rates_at(field: Field, point: np.ndarray, role: str) -> np.ndarray:
    """Return the eigenvalues of the drift's Jacobian at a zero of the drift.

    Raises:
        NotApplicable: If one of them is zero to rounding: the cheapest path is then not an exponential of time.
    """
    rates = np.linalg.eigvals(field.jacobian(point[None])[0])
    if np.min(np.abs(rates.real)) <= FLAT * np.max(np.abs(rates)):
        raise NotApplicable(
            f"the drift is flat to first order in some direction at the {role} {written(point)} (its rates there are {_listed(rates)}); "
            "the least action of several coordinates is found here between points where every rate is non-zero"
        )
    return rates


def attractor_end(field: Field, point: np.ndarray) -> End:
    """Return the end at an attractor: form = S^-1 with J S + S J^T = -2 D.

    Raises:
        NotApplicable: If the point repels in some direction.
    """
    from scipy.linalg import solve_continuous_lyapunov

    rates = rates_at(field, point, "start")
    if np.max(rates.real) > 0:
        raise NotApplicable(
            f"start {written(point)} does not attract: the drift grows away from it at the rates {_listed(rates[rates.real > 0])}; start from an "
            "attractor, such as a minimum of the loss"
        )
    J, D = field.jacobian(point[None])[0], field.diffusion(point[None])[0]
    form = np.linalg.inv(solve_continuous_lyapunov(J, -2 * D))
    form = (form + form.T) / 2
    return End(point, form, J + 2 * D @ form, float(np.min(-rates.real)), 1)


def saddle_end(field: Field, point: np.ndarray) -> End:
    """Return the end at a saddle: form = U P^-1 U^T, with J^T U = U T the directions that it expels and T^T P + P T = 2 U^T D U."""
    from scipy.linalg import schur, solve_continuous_lyapunov

    rates = rates_at(field, point, "end")
    J, D = field.jacobian(point[None])[0], field.diffusion(point[None])[0]
    T, U, count = schur(J.T, output="real", sort=lambda re, im=0.0: re > 0)
    T, U = T[:count, :count], U[:, :count]
    P = solve_continuous_lyapunov(T.T, 2 * U.T @ D @ U)
    form = U @ np.linalg.solve(P, U.T)
    form = (form + form.T) / 2
    return End(point, form, J - 2 * D @ form, float(np.min(np.abs(rates.real))), -1)


def written(point: np.ndarray) -> str:
    """Return a point as people write it."""
    return "(" + ", ".join(f"{c:.10g}" for c in point) + ")"


def _listed(rates: np.ndarray) -> str:
    return ", ".join(f"{r.real:.3g}" if abs(r.imag) < 1e-12 * abs(r) else f"{r:.3g}" for r in rates)
