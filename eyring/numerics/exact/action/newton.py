"""The cheapest path on one mesh: Newton's method on its nodes, which leaves a path that is only a saddle of the action."""

from dataclasses import dataclass, replace

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.action.elements import DEGREE, Bands, Elements
from eyring.numerics.exact.action.ends import End

__all__ = ["Pin", "Trajectory", "relaxed"]

ROUNDS = 80
SETTLED = 1e-15  # of the action: what the next step would still save
NEAR = 1e-3
KICKS = 12


@dataclass(frozen=True)
class Pin:
    """Which of the paths that differ by a shift in time is meant: the node ``node`` lies in the plane through ``place`` across ``along``.

    Attributes:
        node: Number of the node.
        place: A point of the plane.
        along: Its unit normal.
        stiffness: Of the spring that holds the node there.
    """

    node: int
    place: np.ndarray
    along: np.ndarray
    stiffness: float

    def cost(self, x: np.ndarray) -> float:
        """Return the energy of the spring; zero on the cheapest path."""
        return self.stiffness * float(self.along @ (x[self.node] - self.place)) ** 2 / 2


@dataclass(frozen=True)
class Trajectory:
    """A path in time from the neighbourhood of the attractor to that of the saddle, or to a given point.

    Attributes:
        mesh: Elements of time.
        x: Nodes, (K DEGREE + 1, n).
        start: The attractor.
        end: The saddle; None where the last node is held.
        pin: What fixes the shift in time; None where the last node does.
    """

    mesh: Elements
    x: np.ndarray
    start: End
    end: End | None
    pin: Pin | None

    @property
    def action(self) -> float:
        """The action with that of both ends."""
        return self.objective(self.x) - (self.pin.cost(self.x) if self.pin else 0.0)

    def objective(self, x: np.ndarray) -> float:
        """Return what is minimised over the nodes."""
        parts = float(np.sum(self.mesh.costs(x))) + self.start.cost(x[0])
        return parts + (self.end.cost(x[-1]) if self.end else 0.0) + (self.pin.cost(x) if self.pin else 0.0)

    def slope(self) -> np.ndarray:
        """Return the derivative by the free coordinates of the nodes, flat."""
        g = self.mesh.slope(self.x)
        g[0] += self.start.form @ (self.x[0] - self.start.point)
        if self.end:
            g[-1] += self.end.form @ (self.x[-1] - self.end.point)
        if self.pin:
            g[self.pin.node] += self.pin.stiffness * self.pin.along * float(self.pin.along @ (self.x[self.pin.node] - self.pin.place))
        return g.ravel() if self.end else g[:-1].ravel()

    def curvature(self, *, exact: bool) -> Bands:
        """Return the second derivative by the free coordinates, or its part that is never negative."""
        n, bands = self.x.shape[1], self.mesh.curvature(self.x, exact=exact)
        bands.add(0, self.start.form)
        if self.pin:
            bands.add(self.pin.node * n, self.pin.stiffness * np.outer(self.pin.along, self.pin.along))
        if self.end:
            bands.add(bands.lower.shape[1] - n, self.end.form)
        return bands if self.end else Bands(bands.lower[:, :-n])

    def moved(self, step: np.ndarray) -> "Trajectory":
        """Return the path with its free coordinates moved."""
        x = self.x.copy()
        x.ravel()[: len(step)] += step
        return replace(self, x=x)

    @property
    def vertices(self) -> np.ndarray:
        """The ends of the elements, (K + 1, n)."""
        return self.x[::DEGREE]


def relaxed(path: Trajectory, *, settled: float = SETTLED, rounds: int = ROUNDS, finish: bool = True) -> Trajectory:
    """Return the path at a minimum of the discrete action.

    Args:
        path: Where to begin.
        settled: The step that would save less than this part of the action is the last.
        rounds: Most steps.
        finish: Whether a path that has not settled after them is an error, or is returned as it is.

    Raises:
        AccuracyError: If Newton's method does not settle; it carries the action reached and what the next step would have saved.
    """
    cost, damping, saving, kicks = path.objective(path.x), 0.0, np.inf, 0
    for _ in range(rounds):
        slope = path.slope()
        factor, exact = path.curvature(exact=True).factor() if damping == 0 else None, True
        if factor is None:
            exact, safe = False, path.curvature(exact=False)
            near = _saving(safe, slope) if damping == 0 else np.inf
            if near < NEAR * cost and kicks < KICKS:
                left = _kicked(path, path.curvature(exact=True), safe, cost)
                if left is not None:
                    path, cost, kicks = left, left.objective(left.x), kicks + 1
                    continue
                if near <= settled * cost:
                    return path
            factor = safe.shifted((damping or 1e-6) * safe.lower[0]).factor()
        if factor is None:
            damping = max(10 * damping, 1e-6)
            continue
        step = -_solved(factor, slope)
        saving = -float(slope @ step) / 2
        if exact and saving <= settled * cost:
            return path.moved(step) if saving > 0 else path
        trial = path.moved(step)
        reached = trial.objective(trial.x)
        if reached <= cost - 1e-4 * saving + 1e-15 * abs(cost):
            if exact and cost - reached <= 1e-15 * abs(cost):
                return trial
            path, cost, damping = trial, reached, 0.0 if damping < 1e-5 else damping / 30
        else:
            damping = max(10 * damping, 1e-6)
            if damping > 1e12:
                break
    if not finish:
        return path
    raise AccuracyError(
        f"the path of least action did not settle: its action is {cost:.6g}, and one more Newton step would change it by {saving:.2g}; a first guess "
        "nearer to it helps: through=[points on the way]",
        cost,
        saving / cost if cost else None,
    )


def _solved(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    from scipy.linalg import cho_solve_banded

    return np.asarray(cho_solve_banded((factor, True), right))


def _saving(safe: Bands, slope: np.ndarray) -> float:
    factor = safe.shifted(1e-12 * safe.lower[0]).factor()
    return np.inf if factor is None else float(slope @ _solved(factor, slope)) / 2


def _kicked(path: Trajectory, full: Bands, safe: Bands, cost: float) -> Trajectory | None:
    """Return a cheaper path along the direction of most negative curvature, or None if there is none."""
    scale, shift, factor = safe.lower[0], 1e-10, None
    while factor is None:
        shift *= 10
        if shift > 1e6:
            return None
        factor = full.shifted(shift * scale).factor()
    direction = np.cos(np.arange(1, len(scale) + 1) * 1.7) / np.sqrt(scale)  # in no symmetry class
    for _ in range(30):
        direction = _solved(factor, scale * direction)
        direction /= np.sqrt(float(direction @ (scale * direction)))
    size = float(np.ptp(path.x, axis=0).max()) / float(np.max(np.abs(direction)))
    trials = [path.moved(sign * share * size * direction) for share in (0.3, 0.1, 0.03, 0.01, 1e-3) for sign in (1, -1)]
    costs = [t.objective(t.x) for t in trials]
    best = int(np.argmin(costs))
    return trials[best] if costs[best] < cost * (1 - 1e-14) else None
