"""The continuous limit: drift, diffusion, calculus and clock of a stochastic differential equation."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.definite import demand_covariance
from eyring.theory.landscape import Landscape
from eyring.theory.symbols import exact_number

if TYPE_CHECKING:
    from eyring.theory.derivation import Derivation

__all__ = ["CALCULI", "SDE"]

CALCULI = {"ito": sp.Integer(0), "stratonovich": sp.Rational(1, 2), "anti-ito": sp.Integer(1)}


@dataclass(frozen=True)
class SDE:
    """d(theta) = drift dt + sqrt(2 D) dW, the drift written in the named calculus.

    Args:
        drift: One expression per coordinate (a bare expression in one dimension), in length/time.
        diffusion: The matrix D (a bare expression in one dimension), in length^2/time; D = eta C/2 for SGD.
        coordinates: Sympy symbols.
        calculus: "ito", "stratonovich" or "anti-ito": where in a step the noise strength is evaluated (start, middle, end).
        clock: Continuous time of one iteration.
        landscape: The loss whose gradient drives it, where known.
        derivation: How drift and diffusion were derived, where they were.
        stable_curvature: The curvature beyond which the optimizer's own steps run away, where it is known.

    Raises:
        EyringError: If shapes do not fit, D is not symmetric, or the calculus is unknown.
    """

    drift: sp.ImmutableMatrix
    diffusion: sp.ImmutableMatrix
    coordinates: tuple[sp.Symbol, ...]
    calculus: str
    clock: sp.Expr
    landscape: Landscape | None = field(compare=False)
    derivation: "Derivation | None" = field(compare=False, repr=False)
    stable_curvature: sp.Expr | None = field(compare=False, repr=False)

    def __init__(
        self,
        drift: sp.Expr | Iterable[sp.Expr],
        diffusion: sp.Expr | sp.MatrixBase,
        coordinates: Iterable[sp.Symbol],
        calculus: str = "ito",
        clock: sp.Expr | float = 1,
        *,
        landscape: Landscape | None = None,
        derivation: "Derivation | None" = None,
        stable_curvature: sp.Expr | None = None,
    ) -> None:
        symbols = (coordinates,) if isinstance(coordinates, sp.Symbol) else tuple(coordinates)
        column = _matrix(drift, column=True)
        matrix = _matrix(diffusion, column=False)
        n = len(symbols)
        if column.shape != (n, 1) or matrix.shape != (n, n):
            raise EyringError(
                f"{n} coordinates need a drift of {n} components and a {n} x {n} diffusion matrix, got shapes {column.shape} and {matrix.shape}"
            )
        demand_covariance(matrix, "a diffusion matrix")
        if column.has(sp.nan, sp.zoo, sp.oo, sp.I):
            raise EyringError(f"a drift must be real and finite, got {column.tolist()}")
        if exact_number(clock).is_positive is False:
            raise EyringError(f"the clock, the time of one iteration, must be positive, got {clock}")
        if calculus not in CALCULI:
            raise EyringError(f"calculus must be one of {', '.join(CALCULI)}, got {calculus!r}")
        for name, value in {
            "drift": column, "diffusion": matrix, "coordinates": symbols, "calculus": calculus,
            "clock": exact_number(clock), "landscape": landscape, "derivation": derivation, "stable_curvature": stable_curvature,
        }.items():  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.coordinates)

    @property
    def calculus_weight(self) -> sp.Rational:
        """q: 0 for Ito, 1/2 for Stratonovich, 1 for anti-Ito; the Ito drift is drift + q D' in one dimension."""
        return CALCULI[self.calculus]

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The free symbols that are not coordinates, by name."""
        return tuple(sorted((self.drift.free_symbols | self.diffusion.free_symbols) - set(self.coordinates), key=str))

    def ito(self) -> "SDE":
        """Return the same process with its drift written in Ito's calculus.

        Anti-Ito adds div D; Stratonovich adds half of it, which holds for a diagonal D whose entries depend on their own coordinate.

        Raises:
            NotApplicable: For Stratonovich with another D, where the drift depends on the root of D that is meant.
        """
        if self.calculus == "ito":
            return self
        if self.diffusion.has(sp.Piecewise):
            raise NotApplicable(
                f"the noise jumps from one piece to the next, and in the {self.calculus} calculus the jump pushes walkers like a delta function, "
                "which no drift can write; exact_escape_time and escape_time take such noise as it is, or write the Ito drift and use calculus='ito'"
            )
        divergence = sp.Matrix([sum(sp.diff(self.diffusion[i, j], self.coordinates[j]) for j in range(self.dim)) for i in range(self.dim)])
        if self.calculus == "stratonovich" and not self._is_diagonal_and_local():
            raise NotApplicable(
                "in Stratonovich's calculus the drift depends on which root of D multiplies the noise, and D here is not diagonal with each entry "
                "depending on its own coordinate alone; write the Ito drift and use calculus='ito'"
            )
        return self.with_(drift=self.drift + self.calculus_weight * divergence, calculus="ito")

    def subs(self, values: dict[sp.Symbol, sp.Expr]) -> "SDE":
        """Return the SDE with numbers (or expressions) in place of parameters."""
        landscape = None
        if self.landscape is not None and type(self.landscape) is Landscape:
            landscape = Landscape(self.landscape.expression.subs(values), self.landscape.coordinates, domain=self.landscape.domain)
        return self.with_(
            drift=self.drift.subs(values),
            diffusion=self.diffusion.subs(values),
            clock=self.clock.subs(values),
            landscape=landscape,
            stable_curvature=self.stable_curvature.subs(values) if self.stable_curvature is not None else None,
        )

    def with_(self, **changes: object) -> "SDE":
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]

    def _is_diagonal_and_local(self) -> bool:
        D, xs = self.diffusion, self.coordinates
        off = all(sp.simplify(D[i, j]) == 0 for i in range(self.dim) for j in range(self.dim) if i != j)
        return off and all(sp.simplify(sp.diff(D[i, i], x)) == 0 for i in range(self.dim) for k, x in enumerate(xs) if k != i)

    def __str__(self) -> str:
        rows = [f"d{x} = ({f}) dt + noise" for x, f in zip(self.coordinates, self.drift, strict=True)]
        if self.dim == 1:
            rows = [f"d{self.coordinates[0]} = ({self.drift[0]}) dt + sqrt(2 D) dW, D = {self.diffusion[0]}"]
        else:
            rows.append(f"noise: sqrt(2 D) dW, D = {self.diffusion.tolist()}")
        return "\n".join([*rows, f"calculus: {self.calculus}; one iteration = {self.clock} units of time"])

    def _repr_latex_(self) -> str:
        names = sp.latex(sp.Matrix(self.coordinates)) if self.dim > 1 else sp.latex(self.coordinates[0])
        drift, D = (sp.latex(m if self.dim > 1 else m[0, 0]) for m in (self.drift, self.diffusion))
        return rf"$d{names} = {drift}\,dt + \sqrt{{2D}}\,dW,\quad D = {D}$ ({self.calculus})"


def _matrix(given: object, *, column: bool) -> sp.ImmutableMatrix:
    if isinstance(given, sp.MatrixBase):
        return sp.ImmutableMatrix(given)
    if isinstance(given, list | tuple):
        return sp.ImmutableMatrix([exact_number(g) for g in given]) if column else sp.ImmutableMatrix(given).applyfunc(exact_number)
    return sp.ImmutableMatrix([[exact_number(given)]])
