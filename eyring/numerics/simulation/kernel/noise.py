"""Noise of a given covariance as scalar statements: a root of the matrix, times fresh normal numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.simulation.kernel.step import Statement

__all__ = ["Kick", "kick_of", "smallest_variance"]

ROUNDING = 1e-5  # a pivot this much smaller than its diagonal entry is zero: rounding of the single-precision subtraction that left it


@dataclass(frozen=True)
class Kick:
    """A random vector with mean zero.

    Attributes:
        statements: Assignments that come first.
        vector: One expression a component.
        normals: Standard normal numbers it takes.
    """

    statements: tuple[Statement, ...]
    vector: tuple[sp.Expr, ...]
    normals: tuple[sp.Symbol, ...]


def kick_of(covariance: sp.MatrixBase, coordinates: Sequence[sp.Symbol], name: str = "z") -> Kick:
    """Return a random vector whose covariance, given where the walker is, is ``covariance``: L z with L L^T the covariance.

    A constant matrix gets its symmetric root's factors as numbers, a diagonal one its roots; any other is factored at every step by Cholesky's
    recursion, in which a pivot that vanishes leaves its column empty.

    Raises:
        ParameterError: If a constant covariance is negative along some direction.
    """
    n = covariance.rows
    if not covariance.free_symbols & set(coordinates):
        return _constant(covariance, name)
    normals = [sp.Dummy(f"{name}{i}", real=True) for i in range(n)]
    if covariance.is_diagonal():
        used = [z for i, z in enumerate(normals) if covariance[i, i] != 0]
        return Kick((), tuple(sp.sqrt(covariance[i, i]) * z for i, z in enumerate(normals)), tuple(used))
    statements: list[Statement] = []
    root = sp.zeros(n)
    for j in range(n):
        pivot, diagonal = sp.Dummy(f"pivot{j}", real=True), covariance[j, j]
        statements.append((pivot, diagonal - sum(root[j, k] ** 2 for k in range(j))))
        empty = sp.Abs(pivot) <= ROUNDING * sp.Abs(diagonal)
        root[j, j] = sp.Dummy(f"root{j}{j}", real=True)
        statements.append((root[j, j], sp.Piecewise((0, empty), (sp.sqrt(pivot), True))))
        for i in range(j + 1, n):
            root[i, j] = sp.Dummy(f"root{i}{j}", real=True)
            above = covariance[i, j] - sum(root[i, k] * root[j, k] for k in range(j))
            statements.append((root[i, j], sp.Piecewise((0, empty), (above / root[j, j], True))))
    return Kick(tuple(statements), tuple(root * sp.Matrix(normals)), tuple(normals))


def _constant(covariance: sp.MatrixBase, name: str) -> Kick:
    if covariance.is_diagonal():
        variances = [covariance[i, i] for i in range(covariance.rows)]
        _refuse_negative(min(map(float, variances)), "")
        roots = sp.diag(*map(sp.sqrt, variances))
    else:
        values, vectors = np.linalg.eigh(np.array(covariance.evalf().tolist(), dtype=float))
        _refuse_negative(float(values.min()) if values.min() < -1e-10 * np.abs(values).max() else 0.0, " along some direction")
        roots = sp.Matrix(vectors * np.sqrt(np.clip(values, 0, None)))
    columns = [roots[:, j] for j in range(roots.cols) if any(roots[:, j])]
    normals = [sp.Dummy(f"{name}{j}", real=True) for j in range(len(columns))]
    return Kick((), tuple(sum((c[i] * z for c, z in zip(columns, normals, strict=True)), sp.S.Zero) for i in range(roots.rows)), tuple(normals))


def _refuse_negative(smallest: float, where: str) -> None:
    if smallest < 0:
        raise ParameterError(f"the noise has a negative variance, {smallest:.6g}{where}; check the covariance or diffusion")


def smallest_variance(covariance: sp.MatrixBase, coordinates: Sequence[sp.Symbol], place: Sequence[float]) -> float:
    """Return the least eigenvalue of the covariance at a place, over its largest; negative where it is none; velocities may follow the place."""
    here = covariance.subs(dict(zip(coordinates, map(float, place), strict=False))).evalf()
    values = np.linalg.eigvalsh(np.array(here.tolist(), dtype=float))
    return float(values.min() / max(np.abs(values).max(), 1e-300))
