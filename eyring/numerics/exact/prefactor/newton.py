"""Newton's method for the orbit: each piece is solved for its own neighbours, then the pieces are joined between well and saddle."""

from dataclasses import dataclass, replace

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.prefactor.ends import Saddle, Well
from eyring.numerics.exact.prefactor.motion import Motion, turned
from eyring.numerics.exact.prefactor.orbit import STAGES, Orbit, gauss

__all__ = ["settled"]

ROUNDS = 40
SETTLED = 1e-11
LONGEST = 0.3  # step, of the orbit's size


def settled(motion: Motion, well: Well, saddle: Saddle, orbit: Orbit) -> Orbit:
    """Return the orbit next to a guess.

    Raises:
        AccuracyError: If Newton's method does not settle.
    """
    problem = _Problem.of(motion, well, saddle, orbit)
    leak = 0.0
    for _ in range(ROUNDS):
        orbit, leak = problem.improved(orbit, leak)
        if orbit.moved < SETTLED:
            return problem.improved(orbit, leak)[0]
    moves = f"Newton's method still moves it by {orbit.moved:.1g} of its size"
    raise AccuracyError(f"the most likely way uphill did not settle: {moves}", error=orbit.moved)


@dataclass(frozen=True)
class _Problem:
    """What the orbit obeys; it may be shifted in time, and the shift of one node along its velocity is held at zero."""

    motion: Motion
    well: Well
    saddle: Saddle
    size: np.ndarray
    node: int
    velocity: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, motion: Motion, well: Well, saddle: Saddle, orbit: Orbit) -> "_Problem":
        velocities, n = turned(motion.slopes(orbit.nodes)), motion.dim
        node = int(np.argmax(np.linalg.norm(velocities[:, :n], axis=1)))
        size = np.repeat([np.max(np.abs(orbit.nodes[:, :n] - well.place)), np.max(np.abs(orbit.nodes[:, n:]))], n)
        return cls(motion, well, saddle, size, node, velocities[node] / np.linalg.norm(velocities[node]), orbit.nodes[node])

    def improved(self, orbit: Orbit, leak: float) -> tuple[Orbit, float]:
        """Take a step for z' = J grad H + leak grad H; the leak ends at zero, and stands for the energy, which both ends fix."""
        inside, end = self._pieces(orbit, leak)
        width = orbit.nodes.shape[1]
        shift, leak_shift = self._joined(orbit, end)
        stage_shift = np.einsum("kiab,kb->kia", inside[..., :width], shift[:-1]) + inside[..., width] + leak_shift * inside[..., width + 1]
        moved = float(max(np.max(np.abs(shift) / self.size), np.max(np.abs(stage_shift) / self.size)))
        step = 1.0 if moved <= LONGEST else LONGEST / moved
        nodes, stages = orbit.nodes + step * shift, orbit.stages + step * stage_shift
        known = replace(orbit, nodes=nodes, stages=stages, transfer=end[:, :, :width], inside=inside[..., :width], moved=moved)
        return known, leak + step * leak_shift

    def _pieces(self, orbit: Orbit, leak: float) -> tuple[np.ndarray, np.ndarray]:
        """Return how stages and end of each piece answer to its beginning (2n columns), to what is missing (one), and to the leak (one)."""
        weights, shares, _ = gauss()
        pieces, _, width = orbit.stages.shape
        h = orbit.durations[:, None, None]
        flat = orbit.stages.reshape(-1, width)
        slopes = self.motion.slopes(flat).reshape(orbit.stages.shape)
        curvatures = self.motion.curvatures(flat).reshape(pieces, STAGES, width, width)
        if not (np.all(np.isfinite(slopes)) and np.all(np.isfinite(curvatures))):
            raise AccuracyError("the most likely way uphill ran into a place where drift or diffusion is not finite")
        field, jacobian = turned(slopes) + leak * slopes, turned(curvatures, axis=2) + leak * curvatures
        matrix = -h[..., None, None] * np.einsum("ij,kjab->kiajb", weights, jacobian)
        matrix[:, np.arange(STAGES), :, np.arange(STAGES), :] += np.eye(width)
        missing = orbit.nodes[:-1, None] + h * np.einsum("ij,kja->kia", weights, field) - orbit.stages
        by_leak = h * np.einsum("ij,kja->kia", weights, slopes)
        begin = np.broadcast_to(np.tile(np.eye(width), (STAGES, 1)), (pieces, STAGES * width, width))
        right = np.concatenate([begin, missing.reshape(pieces, -1, 1), by_leak.reshape(pieces, -1, 1)], axis=2)
        inside = np.linalg.solve(matrix.reshape(pieces, STAGES * width, -1), right).reshape(pieces, STAGES, width, width + 2)
        end = h * np.einsum("j,kjab,kjbc->kac", shares, jacobian, inside, optimize=True)
        end[:, :, :width] += np.eye(width)
        end[:, :, width] += orbit.nodes[:-1] - orbit.nodes[1:] + h[:, 0] * np.einsum("j,kja->ka", shares, field)
        end[:, :, width + 1] += h[:, 0] * np.einsum("j,kja->ka", shares, slopes)
        return inside, end

    def _joined(self, orbit: Orbit, end: np.ndarray) -> tuple[np.ndarray, float]:
        """Solve for the shifts of nodes and leak: pieces join, and the ends lie on the manifolds of well and saddle."""
        from scipy.sparse import bmat, bsr_matrix, csc_matrix, csr_matrix
        from scipy.sparse.linalg import splu

        n, (pieces, width) = self.motion.dim, end.shape[:2]
        unknowns, count = width * (pieces + 1), width * pieces
        blocks = np.stack([-end[:, :, :width], np.broadcast_to(np.eye(width), (pieces, width, width))], axis=1).reshape(-1, width, width)
        columns = np.stack([np.arange(pieces), np.arange(1, pieces + 1)], axis=1).ravel()
        joints = bsr_matrix((blocks, columns, np.arange(0, 2 * pieces + 1, 2)), shape=(count, unknowns))
        first, last = np.hstack([-self.well.hessian, np.eye(n)]), self.saddle.arrival()
        ends = np.zeros((width + 1, unknowns))
        ends[:n, :width], ends[n:width, -width:] = first, last
        ends[width, self.node * width : (self.node + 1) * width] = self.velocity
        rest = np.zeros(n)
        off = [
            end[:, :, width].ravel(),
            -first @ (orbit.nodes[0] - np.concatenate([self.well.place, rest])),
            -last @ (orbit.nodes[-1] - np.concatenate([self.saddle.place, rest])),
            [-self.velocity @ (orbit.nodes[self.node] - self.place)],
        ]
        leak = np.concatenate([-end[:, :, width + 1].ravel(), np.zeros(width + 1)])[:, None]
        system = bmat([[joints, csr_matrix(leak[:count])], [csr_matrix(ends), csr_matrix(leak[count:])]])
        solution = splu(csc_matrix(system)).solve(np.concatenate(off))
        if not np.all(np.isfinite(solution)):
            raise AccuracyError("the most likely way uphill could not be followed: the equations of its neighbours have no solution")
        return solution[:-1].reshape(pieces + 1, width), float(solution[-1])
