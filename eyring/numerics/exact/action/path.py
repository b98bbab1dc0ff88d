"""The cheapest path to full accuracy: elements split where the path bends, ends drawn out, and the error that is left."""

from dataclasses import dataclass, replace

import numpy as np

from eyring.numerics.exact.action.elements import DEGREE, Elements, _modes, basis, lobatto
from eyring.numerics.exact.action.newton import Pin, Trajectory, relaxed

__all__ = ["Instanton", "refined", "roughness"]

WANTED = 1e-11  # of the action, before the last halving
ROUNDS = 12
MOST = 3000  # elements
SAFETY = 2.0
ROUNDING = 2e-13


@dataclass(frozen=True)
class Instanton:
    """The cheapest path as it runs in time.

    Attributes:
        times: (points,), increasing; the attractor itself is at minus infinity, a saddle at infinity.
        points: (points, n), from near the attractor to near the saddle, or to the given point.
        momenta: p = D^-1 (x' - f)/2, the gradient of the quasipotential, (points, n).
    """

    times: np.ndarray
    points: np.ndarray
    momenta: np.ndarray

    def __repr__(self) -> str:
        return f"instanton of {len(self.times)} points, {self.times[-1] - self.times[0]:.4g} units of time from near the attractor to the end"

    @classmethod
    def of(cls, path: Trajectory, per_element: int = 2 * DEGREE) -> "Instanton":
        """Sample every element at ``per_element`` places."""
        at = np.append(-np.cos(np.pi * np.arange(per_element) / per_element), 1.0)
        values, slopes = basis(at)
        mesh, pieces = path.mesh, path.mesh.pieces(path.x)
        x = np.einsum("qi,eia->eqa", values, pieces)
        v = np.einsum("qi,eia->eqa", slopes, pieces) / (mesh.durations / 2)[:, None, None]
        p = mesh.momenta(x.reshape(-1, x.shape[2]), v.reshape(-1, x.shape[2])).reshape(x.shape)
        starts = np.concatenate([[0.0], np.cumsum(mesh.durations)])
        times = starts[:-1, None] + (at + 1) / 2 * mesh.durations[:, None]
        p[1:, 0] = (p[1:, 0] + p[:-1, -1]) / 2
        keep = slice(0, per_element)
        n = x.shape[2]
        return cls(
            np.append(times[:, keep].ravel(), starts[-1]),
            np.concatenate([x[:, keep].reshape(-1, n), x[-1, -1:]]),
            np.concatenate([p[:, keep].reshape(-1, n), p[-1, -1:]]),
        )


def refined(path: Trajectory) -> tuple[Trajectory, float]:
    """Return the path on a mesh fine enough for the action to eleven digits or more, and an estimate of the action's error.

    Raises:
        AccuracyError: If Newton's method does not settle.
    """
    path = relaxed(path)
    for _ in range(ROUNDS):
        longer = _drawn_out(path)
        wrong = _indicator(longer)
        marked = wrong > WANTED * longer.action / len(wrong)
        if (longer is path and np.sum(wrong) <= WANTED * longer.action) or len(wrong) + np.sum(marked) > MOST:
            break
        path = relaxed(_split(longer, np.where(marked, np.where(wrong > 1e4 * WANTED * longer.action / len(wrong), 3, 2), 1)))
    finer = relaxed(_split(path, np.full(len(path.mesh.durations), 2)))
    return finer, _error(path, finer)


def _error(coarse: Trajectory, fine: Trajectory) -> float:
    """Return the error of the finer action: by halving, by the ends' neglected terms, and by how far its energy is from zero."""
    halving = abs(fine.action - coarse.action)
    ends = fine.start.neglected(fine.mesh.field, fine.x[0]) + (fine.end.neglected(fine.mesh.field, fine.x[-1]) if fine.end else 0.0)
    spring = fine.pin.cost(fine.x) if fine.pin else 0.0
    return SAFETY * (halving + ends + _waiting(fine)) + 10 * spring + ROUNDING * fine.action


def _waiting(path: Trajectory) -> float:
    """Return what more time would save: dS/dt = -H, over the time that is left out where the path passes near another fixed point."""
    places, velocities, weights = path.mesh.states(path.x)
    energies = path.mesh.field.energy(places, path.mesh.momenta(places, velocities))
    slowest = min(e.rate for e in (path.start, path.end) if e)
    return float(np.abs(np.sum(weights * energies)) / np.sum(weights)) / slowest


def _indicator(path: Trajectory) -> np.ndarray:
    """Estimate what every element adds to the action's error: that of its quadrature, and the energy of the modes that it lacks."""
    quadrature = np.abs(path.mesh.costs(path.x, DEGREE + 3) - path.mesh.costs(path.x))
    modes = np.einsum("mi,eia->ema", _modes(DEGREE), path.mesh.pieces(path.x))
    D = path.mesh.field.diffusion(path.x[::DEGREE][:-1])
    whitened = np.linalg.solve(np.linalg.cholesky(D)[:, None], modes[..., None])[..., 0]
    energy = np.sum(whitened**2, axis=2) * DEGREE**3 / path.mesh.durations[:, None]
    last, before = energy[:, -1], energy[:, -2]
    ratio = np.minimum(last / np.maximum(before, 1e-300), 1.0)
    return np.minimum(quadrature, energy[:, 1:].sum(axis=1)) + last * ratio


def _split(path: Trajectory, parts: np.ndarray) -> Trajectory:
    """Return the same path with each element in so many equal parts."""
    pieces, durations, x = path.mesh.pieces(path.x), np.repeat(path.mesh.durations / parts, parts), [path.x[:1]]
    tables = {int(k): basis(np.concatenate([(2 * j + 1 + lobatto(DEGREE)[1:]) / k - 1 for j in range(int(k))]))[0] for k in np.unique(parts)}
    x += [tables[int(k)] @ piece for k, piece in zip(parts, pieces, strict=True)]
    split = replace(path, mesh=Elements(path.mesh.field, durations), x=np.concatenate(x))
    return _pinned(split)


def _pinned(path: Trajectory) -> Trajectory:
    """Pin the path anew at its fastest place, across its motion there."""
    if path.pin is None:
        return path
    tangent = np.gradient(path.x[::DEGREE], axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-300
    drift = np.linalg.norm(path.mesh.field.drift(path.vertices[1:-1]), axis=1)
    node = 1 + int(np.argmax(drift))
    along = path.x[(node + 1) * DEGREE] - path.x[(node - 1) * DEGREE]
    return replace(path, pin=Pin(node * DEGREE, path.x[node * DEGREE].copy(), along / np.linalg.norm(along), path.pin.stiffness))


def _drawn_out(path: Trajectory) -> Trajectory:
    """Return the path with elements added where its ends are not yet near enough to their fixed points."""
    for end, last in ((path.start, 0), (path.end, -1)):
        if end is None:
            continue
        wrong = end.neglected(path.mesh.field, path.x[last]) / (1e-3 * WANTED * path.action)
        if wrong > 1:
            path = _extended(path, last, min(np.log(wrong) / (2 * end.rate) + 0.5 / end.rate, 6 / end.rate))
    return path


def _extended(path: Trajectory, last: int, duration: float) -> Trajectory:
    end = path.start if last == 0 else path.end
    assert end is not None
    count = int(np.ceil(duration * max(end.rate, end.turning)))
    added = np.full(count, duration / count)
    nodes = Elements(path.mesh.field, added).nodes
    tail = end.continued(path.x[last], nodes[1:])
    if last == 0:
        mesh = Elements(path.mesh.field, np.concatenate([added, path.mesh.durations]))
        pin = None if path.pin is None else replace(path.pin, node=path.pin.node + count * DEGREE)
        return replace(path, mesh=mesh, x=np.concatenate([tail[::-1], path.x]), pin=pin)
    mesh = Elements(path.mesh.field, np.concatenate([path.mesh.durations, added]))
    return replace(path, mesh=mesh, x=np.concatenate([path.x, tail]))


def roughness(path: Trajectory) -> float:
    """Return the relative error of a coarse path's action: of its elements and of its ends."""
    ends = sum(e.neglected(path.mesh.field, x) for e, x in ((path.start, path.x[0]), (path.end, path.x[-1])) if e)
    return (float(np.sum(_indicator(path))) + ends) / path.action
