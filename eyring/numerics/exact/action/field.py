"""Drift and noise as a Hamiltonian H(x, p) = p.f + p.D.p, with its derivatives at many points at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.theory.sde import SDE

__all__ = ["Entries", "Field", "field_of"]

Place = tuple[int, ...]


@dataclass(frozen=True)
class Entries:
    """The entries of an array that are not zero everywhere, as one compiled function of points.

    Attributes:
        shape: Of the array.
        places: (entry, axes of the array) for every entry, shared ones twice.
        run: Compiled function of the arguments' columns.
    """

    shape: Place
    places: tuple[tuple[int, Place], ...]
    run: Callable[..., Any]

    @classmethod
    def of(cls, arguments: Sequence[sp.Symbol], shape: Place, entries: Mapping[Place, sp.Expr], *, symmetric: bool = False) -> "Entries":
        """Compile the entries; a symmetric matrix is given by its upper half."""
        smooth = {place: e.replace(sp.DiracDelta, lambda *_: sp.Integer(0)) if e.has(sp.DiracDelta) else e for place, e in entries.items()}
        kept = {place: e for place, e in smooth.items() if e != 0}
        places = [(k, place) for k, place in enumerate(kept)]
        places += [(k, place[::-1]) for k, place in places if symmetric and place != place[::-1]]
        return cls(shape, tuple(places), sp.lambdify(arguments, list(kept.values()), "numpy", cse=True))

    def at(self, columns: Sequence[Any], count: int) -> np.ndarray:
        """Return the array at ``count`` points, (count, *shape)."""
        result = np.zeros((count, *self.shape))
        columnwise = np.moveaxis(result, 0, -1)
        with np.errstate(all="ignore"):
            found = self.run(*columns)
        for k, place in self.places:
            columnwise[place] = found[k]
        return result


@dataclass(frozen=True)
class Field:
    """f, D and the derivatives of H at points (k, n), for one set of parameters.

    Attributes:
        dim: n.
        compiled: Entries by name: drift, diffusion, jacobian; slope, mixed and curvature of H, which also take momenta.
        numbers: The parameters, in the order of the compiled functions.
    """

    dim: int
    compiled: Mapping[str, Entries]
    numbers: tuple[float, ...]

    def drift(self, x: np.ndarray) -> np.ndarray:
        """Return f, (k, n)."""
        return self._at("drift", x)

    def diffusion(self, x: np.ndarray) -> np.ndarray:
        """Return D, (k, n, n)."""
        return self._at("diffusion", x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """Return df_i/dx_j, (k, n, n)."""
        return self._at("jacobian", x)

    def energy(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return H, (k,)."""
        return np.einsum("ki,ki->k", p, self.drift(x) + np.einsum("kij,kj->ki", self.diffusion(x), p))

    def slope(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return dH/dx, (k, n)."""
        return self._at("slope", x, p)

    def mixed(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return d2H/dp_i dx_j, (k, n, n)."""
        return self._at("mixed", x, p)

    def curvature(self, x: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Return d2H/dx_i dx_j, (k, n, n)."""
        return self._at("curvature", x, p)

    def _at(self, name: str, x: np.ndarray, p: np.ndarray | None = None) -> np.ndarray:
        columns = [*x.T, *(() if p is None else p.T), *self.numbers]
        return self.compiled[name].at(columns, len(x))


def field_of(sde: SDE, numbers: Mapping[sp.Symbol, Any]) -> Field:
    """Return the field of an SDE with a number for each of its parameters; compiled once for all numbers."""
    return Field(sde.dim, _compiled(sde.drift, sde.diffusion, sde.coordinates, sde.parameters), tuple(float(numbers[s]) for s in sde.parameters))


@lru_cache(maxsize=32)
def _compiled(drift: sp.Matrix, diffusion: sp.Matrix, xs: tuple[sp.Symbol, ...], parameters: tuple[sp.Symbol, ...]) -> Mapping[str, Entries]:
    n, moving = len(xs), set(xs)
    ps = [sp.Dummy(f"p{i}", real=True) for i in range(n)]
    terms: list[tuple[sp.Expr, Place, sp.Expr]] = [(f, (i,), p) for i, (f, p) in enumerate(zip(drift, ps, strict=True))]
    for i in range(n):
        for j in range(i, n):
            terms.append((diffusion[i, j], (i, j), ps[i] * ps[j] * (1 if i == j else 2)))
    slope: dict[Place, list[sp.Expr]] = {}
    mixed: dict[Place, list[sp.Expr]] = {}
    curvature: dict[Place, list[sp.Expr]] = {}
    for expression, owners, weight in terms:
        present = sorted(xs.index(s) for s in expression.free_symbols & moving)
        for k, a in enumerate(present):
            first = sp.diff(expression, xs[a])
            slope.setdefault((a,), []).append(first * weight)
            for owner in set(owners):
                mixed.setdefault((owner, a), []).append(first * sp.diff(weight, ps[owner]))
            for b in present[k:]:
                curvature.setdefault((a, b), []).append(sp.diff(first, xs[b]) * weight)
    jacobian: dict[Place, sp.Expr] = {(i, j): sp.diff(f, x) for i, f in enumerate(drift) for j, x in enumerate(xs) if x in f.free_symbols}
    places, both = [*xs, *parameters], [*xs, *ps, *parameters]
    upper: dict[Place, sp.Expr] = {(i, j): diffusion[i, j] for i in range(n) for j in range(i, n)}
    return {
        "drift": Entries.of(places, (n,), {(i,): f for i, f in enumerate(drift)}),
        "diffusion": Entries.of(places, (n, n), upper, symmetric=True),
        "jacobian": Entries.of(places, (n, n), jacobian),
        "slope": Entries.of(both, (n,), _sums(slope)),
        "mixed": Entries.of(both, (n, n), _sums(mixed)),
        "curvature": Entries.of(both, (n, n), _sums(curvature), symmetric=True),
    }


def _sums(parts: Mapping[Place, list[sp.Expr]]) -> dict[Place, sp.Expr]:
    return {place: sp.Add(*terms) for place, terms in parts.items()}
