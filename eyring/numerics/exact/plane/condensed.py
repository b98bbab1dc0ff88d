"""Spectral elements with their inner nodes eliminated element by element, and a sparse factor of what is left."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from eyring.numerics.exact.plane.elements import Elements

__all__ = ["Condensed", "factored"]


def factored(matrix: Any) -> Any:
    """Return the sparse factors of a matrix with symmetric pattern."""
    from scipy.sparse.linalg import splu

    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.001, options={"SymmetricMode": True})


@dataclass(frozen=True)
class Condensed:
    """The backward operator K in weak form, with some nodes (one in each well) held.

    Attributes:
        elements: The elements.
        held: Grid indices of the held nodes; they lie at elements' corners.
    """

    elements: Elements
    held: np.ndarray

    @property
    def mass(self) -> np.ndarray:
        """The weight of every node, (nodes,)."""
        return self.elements.mass

    @property
    def axes(self) -> tuple[np.ndarray, np.ndarray]:
        """The coordinates of the nodes along x and along y."""
        return self.elements.axes

    @cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return the inverse of the inner block, K_ri, inverse K_ir, and the condensed block, by element."""
        blocks = self.elements.blocks
        _, rim, inner = self.elements.numbering
        inverse = np.linalg.inv(blocks[:, inner[:, None], inner])
        outward = blocks[:, rim[:, None], inner]
        inward = inverse @ blocks[:, inner[:, None], rim]
        return inverse, outward, inward, blocks[:, rim[:, None], rim] - outward @ inward

    @cached_property
    def _frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the grid indices of the nodes that are solved for together, and the position of each in their list (-1 for others)."""
        index, rim, _ = self.elements.numbering
        frame = np.setdiff1d(np.unique(index[:, rim]), self.held)
        place = np.full(len(self.mass), -1)
        place[frame] = np.arange(len(frame))
        return frame, place

    @cached_property
    def _factor(self) -> Any:
        from scipy.sparse import csc_matrix

        index, rim, _ = self.elements.numbering
        frame, place = self._frame
        at = place[index[:, rim]]
        rows, columns = np.broadcast_arrays(at[:, :, None], at[:, None, :])
        kept = (rows >= 0) & (columns >= 0)
        return factored(csc_matrix((self._parts[3][kept], (rows[kept], columns[kept])), shape=(len(frame), len(frame))))

    def apply(self, u: np.ndarray) -> np.ndarray:
        """Return K u from differences of u inside each element, so that a plateau gives zero and not its rounding error."""
        index = self.elements.numbering[0]
        local = u[index]
        found = np.matmul(self.elements.blocks, (local - local[:, :1])[..., None])[..., 0]
        return np.bincount(index.ravel(), found.ravel(), len(u))

    def apply_transposed(self, p: np.ndarray) -> np.ndarray:
        """Return K^T p."""
        index = self.elements.numbering[0]
        found = np.matmul(p[index][:, None, :], self.elements.blocks)[:, 0, :]
        return np.bincount(index.ravel(), found.ravel(), len(p))

    def solve(self, b: np.ndarray) -> np.ndarray:
        """Return u with u = 0 where it is held and K u = b elsewhere; b is a vector or columns."""
        return self._solved(b, transposed=False)

    def solve_transposed(self, b: np.ndarray) -> np.ndarray:
        """Return p with p = 0 where it is held and K^T p = b elsewhere."""
        return self._solved(b, transposed=True)

    def _solved(self, b: np.ndarray, *, transposed: bool) -> np.ndarray:
        index, rim, inner = self.elements.numbering
        inverse, outward, inward, _ = self._parts
        frame, _ = self._frame
        columns = b.reshape(len(b), -1)
        inside = columns[index[:, inner]]
        if transposed:
            own = np.matmul(np.swapaxes(inverse, 1, 2), inside)
            sent = np.matmul(np.swapaxes(inward, 1, 2), inside)
        else:
            own = np.matmul(inverse, inside)
            sent = np.matmul(outward, own)
        right = columns - _gathered(index[:, rim], sent, len(b))
        u = np.zeros_like(columns)
        u[frame] = self._factor.solve(right[frame], "T" if transposed else "N")
        around = u[index[:, rim]]
        if transposed:
            own = own - np.matmul(np.swapaxes(inverse, 1, 2), np.matmul(np.swapaxes(outward, 1, 2), around))
        else:
            own = own - np.matmul(inward, around)
        u[index[:, inner]] = own
        return u.reshape(b.shape)


def _gathered(index: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    """Return the sums of columns of values that belong to the same node, (count, columns)."""
    return np.stack([np.bincount(index.ravel(), column.ravel(), count) for column in np.moveaxis(values, -1, 0)], axis=1)
