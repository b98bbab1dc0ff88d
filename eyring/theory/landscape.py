"""A loss as a function of its coordinates: gradient, Hessian, minima and saddles."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.critical_points import position_order, stationary_positions
from eyring.theory.parsing import parse_expression
from eyring.theory.symbols import exact_number

__all__ = ["CriticalPoint", "Landscape"]

SNAP = 1e-6
MOST_POINTS = 100_000


@dataclass(frozen=True)
class CriticalPoint:
    """A point where the gradient vanishes.

    Attributes:
        position: One sympy expression a coordinate; exact where sympy can, else 30 digits.
        value: The loss there.
        hessian: The Hessian there, (n, n).
        index: Number of negative eigenvalues of the Hessian: 0 at a minimum, 1 at a saddle over which walkers escape.
    """

    position: tuple[sp.Expr, ...]
    value: sp.Expr
    hessian: sp.ImmutableMatrix
    index: int

    @property
    def kind(self) -> str:
        """Say "minimum", "saddle" or "maximum"; a 1-D maximum is the saddle of its line and is called so."""
        if self.index == 0:
            return "minimum"
        return "saddle" if self.index == 1 else "maximum" if self.index == len(self.position) else f"saddle of index {self.index}"

    def __str__(self) -> str:
        where = ", ".join(str(_short(x)) for x in self.position)
        return f"{self.kind} at ({where}) with loss {_short(self.value)}"


@dataclass(frozen=True)
class Landscape:
    """A loss L(x) with named coordinates.

    Args:
        expression: A sympy expression, or text such as ``"x**4/4 - x**2/2"`` (read by a whitelist, never evaluated).
        coordinates: Sympy symbols or names; the other free symbols are parameters.
        domain: One (low, high) per coordinate, where critical points are searched if no exact solution is found.

    Raises:
        EyringError: If a coordinate is missing from the call, repeated, or the expression is not real-valued.

    >>> x = sp.Symbol("x", real=True)
    >>> [p.position for p in Landscape(x**4/4 - x**2/2, [x]).minima()]
    [(-1,), (1,)]
    """

    expression: sp.Expr
    coordinates: tuple[sp.Symbol, ...]
    domain: tuple[tuple[float, float], ...] | None = field(default=None, kw_only=True)

    def __init__(
        self,
        expression: sp.Expr | str,
        coordinates: Iterable[sp.Symbol | str],
        *,
        domain: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        names = [coordinates] if isinstance(coordinates, str | sp.Symbol) else list(coordinates)
        symbols = tuple(sp.Symbol(c, real=True) if isinstance(c, str) else c for c in names)
        if not symbols or len(set(symbols)) != len(symbols) or not all(isinstance(c, sp.Symbol) for c in symbols):
            raise EyringError(f"a landscape needs distinct coordinates such as ['x'], got {names}")
        parsed = parse_expression(expression, symbols) if isinstance(expression, str) else _with_named(exact_number(expression), names, symbols)
        if not isinstance(parsed, sp.Expr) or parsed.has(sp.nan, sp.zoo, sp.oo, sp.I):
            raise EyringError(f"a loss must be a real, finite expression, got {expression}")
        if domain is not None and len(domain) != len(symbols):
            raise EyringError(f"domain needs one (low, high) for each of {len(symbols)} coordinates, got {len(domain)}")
        object.__setattr__(self, "expression", _exact_floats(parsed))
        object.__setattr__(self, "coordinates", symbols)
        object.__setattr__(self, "domain", None if domain is None else tuple((float(a), float(b)) for a, b in domain))

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.coordinates)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The free symbols that are not coordinates, by name."""
        return tuple(sorted(self.expression.free_symbols - set(self.coordinates), key=str))

    @cached_property
    def gradient(self) -> sp.ImmutableMatrix:
        """The gradient, an (n, 1) matrix."""
        return sp.ImmutableMatrix([sp.diff(self.expression, c) for c in self.coordinates])

    @cached_property
    def hessian(self) -> sp.ImmutableMatrix:
        """The Hessian, an (n, n) matrix."""
        return sp.ImmutableMatrix(sp.hessian(self.expression, self.coordinates))

    @cached_property
    def critical_points(self) -> tuple[CriticalPoint, ...]:
        """All critical points found, ordered by position."""
        if self.axes is None:
            return tuple(self.at(position) for position in stationary_positions(self))
        count = math.prod(len(axis.critical_points) for axis in self.axes)
        if count > MOST_POINTS:
            raise EyringError(f"the loss has {count} critical points; ask for its minima() or saddles(), or name the ones you mean")
        return _listed(itertools.product(*(axis.critical_points for axis in self.axes)))

    @cached_property
    def axes(self) -> "tuple[Landscape, ...] | None":
        """The loss along each coordinate, if it is written as a sum of such (a constant goes to the first); else None."""
        terms = sp.Add.make_args(sp.expand(self.expression))
        owners = [[i for i, c in enumerate(self.coordinates) if c in t.free_symbols] for t in terms]
        if self.dim == 1 or any(len(o) > 1 for o in owners):
            return None
        parts = [sp.Add(*(t for t, o in zip(terms, owners, strict=True) if (o or [0]) == [i])) for i in range(self.dim)]
        domains = self.domain or (None,) * self.dim
        axes = zip(parts, self.coordinates, domains, strict=True)
        return tuple(Landscape(part, [c], domain=None if d is None else [d]) for part, c, d in axes)

    def minima(self) -> list[CriticalPoint]:
        """Return the minima."""
        return self._of_index(0)

    def saddles(self) -> list[CriticalPoint]:
        """Return the saddles of index 1: in one dimension, the maxima between wells."""
        return self._of_index(1)

    def _of_index(self, index: int) -> list[CriticalPoint]:
        """Return the critical points of one index; those of a separable loss are put together from the points of its axes."""
        if self.axes is None:
            return [p for p in self.critical_points if p.index == index]
        by_index = [[[p for p in axis.critical_points if p.index == k] for k in (0, 1)] for axis in self.axes]
        descending = itertools.combinations(range(self.dim), index)
        choices = (itertools.product(*(axis[int(i in chosen)] for i, axis in enumerate(by_index))) for chosen in descending)
        return list(_listed(itertools.chain.from_iterable(choices)))

    def at(self, position: Sequence[sp.Expr]) -> CriticalPoint:
        """Return value, Hessian and index at ``position``, taken to be a critical point.

        Raises:
            EyringError: If a Hessian eigenvalue vanishes or has no definite sign.
        """
        point = dict(zip(self.coordinates, position, strict=True))
        hessian = self.hessian.subs(point).applyfunc(_tidy)
        value = _tidy(self.expression.subs(point))
        return CriticalPoint(tuple(position), value, sp.ImmutableMatrix(hessian), _morse_index(hessian, tuple(position)))

    def locate(self, point: "CriticalPoint | float | sp.Expr | Sequence", *, role: str) -> CriticalPoint:
        """Return the critical point that ``point`` names: itself, or a number within 1e-6 of it.

        Args:
            point: A CriticalPoint, a number, or one number a coordinate.
            role: What it is for, such as "start"; used in the message.

        Raises:
            EyringError: If no critical point lies that near; the message names the nearest one.
        """
        if point is None or isinstance(point, str):
            raise EyringError(f"{role} must be a critical point of the loss or a number, got {point!r}")
        if isinstance(point, CriticalPoint):
            return self._own(point, role)
        try:
            wanted = tuple(exact_number(c) for c in (point if isinstance(point, Iterable) else (point,)))
        except (sp.SympifyError, TypeError):
            wanted = (None,)
        if not all(isinstance(c, sp.Expr) for c in wanted):
            raise EyringError(f"{role} must be a critical point of the loss or a number, got {point!r}")
        if len(wanted) != self.dim:
            raise EyringError(f"{role} needs {self.dim} coordinates ({', '.join(map(str, self.coordinates))}), got {len(wanted)}")
        if any(c.is_real is False or c.is_finite is False or c is sp.nan for c in wanted):
            raise EyringError(f"{role} must be real and finite, got {', '.join(map(str, wanted))}")
        candidates = self._near(wanted)
        if not candidates:
            raise EyringError(f"{role}: the loss {self.expression} has no critical point, so there is no well to start from and no saddle to cross")
        distances = [(self._distance(p, wanted), p) for p in candidates]
        nearest_distance, nearest = min(distances, key=lambda pair: pair[0])
        if nearest_distance > SNAP:
            raise EyringError(f"{role} = {', '.join(map(str, wanted))} is not a critical point of the loss; the nearest is the {nearest}")
        return nearest

    def _near(self, wanted: Sequence[sp.Expr]) -> Sequence[CriticalPoint]:
        """Return the critical points among which the nearest one is; of a separable loss it is put together from the nearest of each axis."""
        if self.axes is None:
            return self.critical_points
        points = [axis.critical_points for axis in self.axes]
        if not all(points):
            return []
        nearest = [min(own, key=lambda p, w=w: self._distance(p, (w,))) for own, w in zip(points, wanted, strict=True)]  # type: ignore[misc]
        return [_combined(nearest)]

    def _own(self, point: CriticalPoint, role: str) -> CriticalPoint:
        if len(point.position) != self.dim:
            raise EyringError(f"{role}: the {point} has {len(point.position)} coordinates, and this loss has {self.dim}")
        slope = self.gradient.subs(dict(zip(self.coordinates, point.position, strict=True)))
        if slope.is_zero_matrix is not True and not slope.free_symbols and not slope.has(sp.core.function.AppliedUndef):
            steepness = max(abs(float(g)) for g in slope)
            if steepness > 1e-6 * max(1.0, *(abs(float(c)) for c in point.hessian)):
                raise EyringError(
                    f"{role}: the {point} is not a critical point of this loss (its slope there is {steepness:.3g}); it belongs to another one"
                )
        return point

    @staticmethod
    def _distance(point: CriticalPoint, wanted: tuple[sp.Expr, ...]) -> float:
        offset = [sp.N(a - b) for a, b in zip(point.position, wanted, strict=True)]
        if all(sp.simplify(a - b) == 0 for a, b in zip(point.position, wanted, strict=True)):
            return 0.0
        return max(abs(float(c)) if c.is_number else float("inf") for c in offset)

    def __str__(self) -> str:
        return f"L({', '.join(map(str, self.coordinates))}) = {self.expression}"

    def _repr_latex_(self) -> str:
        return f"$L({', '.join(map(sp.latex, self.coordinates))}) = {sp.latex(self.expression)}$"


def _listed(combinations: Iterable[Sequence[CriticalPoint]]) -> tuple[CriticalPoint, ...]:
    return tuple(sorted(map(_combined, combinations), key=lambda p: position_order(p.position)))


def _combined(points: Sequence[CriticalPoint]) -> CriticalPoint:
    """Return the critical point of a separable loss at one critical point of each axis."""
    value = sp.Add(*(p.value for p in points))
    curvatures = sp.ImmutableMatrix(sp.diag(*(p.hessian[0, 0] for p in points)))
    return CriticalPoint(tuple(p.position[0] for p in points), _tidy(value), curvatures, sum(p.index for p in points))


def _with_named(expression: sp.Expr, names: Sequence[sp.Symbol | str], symbols: Sequence[sp.Symbol]) -> sp.Expr:
    """Let a coordinate given by name stand for the expression's symbol of that name, whatever its assumptions."""
    wanted = {s.name: s for n, s in zip(names, symbols, strict=True) if isinstance(n, str)}
    return (
        expression.xreplace({s: wanted[s.name] for s in expression.free_symbols if s.name in wanted})
        if isinstance(expression, sp.Expr)
        else expression
    )


def _exact_floats(expression: sp.Expr) -> sp.Expr:
    return expression.xreplace({f: exact_number(float(f)) for f in expression.atoms(sp.Float) if f._prec <= 53})


def _tidy(expression: sp.Expr) -> sp.Expr:
    if expression.is_Rational or expression.has(sp.Float):
        return expression
    return sp.simplify(expression)


def _short(expression: sp.Expr) -> sp.Expr:
    return expression.evalf(8) if expression.has(sp.Float) else expression


def _morse_index(hessian: sp.Matrix, position: tuple[sp.Expr, ...]) -> int:
    where = ", ".join(str(_short(x)) for x in position)
    if hessian.free_symbols:
        signs = [_sign(value, where) for value, count in hessian.eigenvals().items() for _ in range(count)]
        return signs.count(-1)
    import mpmath

    with mpmath.workdps(30):
        eigenvalues = mpmath.eigsy(mpmath.matrix(hessian.evalf(30).tolist()), eigvals_only=True)
        scale = max(abs(e) for e in eigenvalues)
        if scale == 0 or min(abs(e) for e in eigenvalues) <= 1e-12 * scale:
            raise NotApplicable(
                f"the Hessian at ({where}) is singular (a flat direction): curvatures {[float(e) for e in eigenvalues]}. Kramers-type formulas need "
                "every curvature at the minimum and the saddle to be non-zero; use exact_escape_time in one dimension, or remove the flat direction"
            )
        return sum(1 for e in eigenvalues if e < 0)


def _sign(value: sp.Expr, where: str) -> int:
    value = sp.simplify(value)
    if value.is_zero:
        raise NotApplicable(f"the Hessian at ({where}) is singular (a flat direction); Kramers-type formulas need non-zero curvatures")
    if value.is_positive or value.is_negative:
        return 1 if value.is_positive else -1
    raise EyringError(
        f"the sign of the curvature {value} at ({where}) is not known; declare the parameters' signs, as in "
        "sp.Symbol('a', positive=True), or insert numbers"
    )
