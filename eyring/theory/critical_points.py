"""Where a gradient vanishes: exactly where sympy can, else to 30 digits from many starts."""

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import mpmath
import sympy as sp

from eyring.errors import EyringError, NotApplicable

if TYPE_CHECKING:
    from eyring.theory.landscape import Landscape

__all__ = ["position_order", "stationary_positions"]

DIGITS = 30
MOST_POINTS = 100_000


def stationary_positions(landscape: "Landscape") -> list[tuple[sp.Expr, ...]]:
    """Return the real solutions of grad L = 0, ordered by their values.

    A gradient whose components share no coordinate is solved one coordinate at a time. Polynomials are solved exactly (radicals where they are
    short, else 30 digits); a polynomial system or a transcendental gradient is searched by Newton's method from a grid over ``landscape.domain``.

    Raises:
        EyringError: If there is no exact solution and no domain to search, or more than 100 000 solutions.
    """
    if landscape.hessian.has(sp.DiracDelta):
        raise NotApplicable(
            f"the loss {landscape.expression} has a kink (an absolute value), and minima and saddles here need two derivatives; "
            "round it off, as in sqrt(x**2 + 0.01)"
        )
    gradient = [sp.expand(g) if g.is_polynomial(*landscape.coordinates) else g for g in landscape.gradient]
    if _is_separable(landscape):
        axes = [_roots_on_a_line(g, c, landscape) for g, c in zip(gradient, landscape.coordinates, strict=True)]
        if sp.prod([len(a) for a in axes]) > MOST_POINTS:
            raise EyringError(f"the loss has {sp.prod([len(a) for a in axes])} critical points; name the ones you mean with Landscape.at(position)")
        return sorted(itertools.product(*axes), key=position_order)
    if landscape.parameters:
        return sorted(_symbolic_solutions(gradient, landscape), key=position_order)
    return sorted(_searched(gradient, landscape), key=position_order)


def _is_separable(landscape: "Landscape") -> bool:
    hessian = landscape.hessian
    return all(sp.expand(hessian[i, j]) == 0 for i in range(landscape.dim) for j in range(i))


def _roots_on_a_line(slope: sp.Expr, x: sp.Symbol, landscape: "Landscape") -> list[sp.Expr]:
    if slope.is_zero:
        raise EyringError(f"the loss {landscape.expression} does not depend on {x}: a flat direction has no critical point of its own")
    if not slope.is_polynomial(x):
        if slope.free_symbols - {x}:
            return _real(sp.solve(slope, x))
        index = landscape.coordinates.index(x)
        return [p[0] for p in _newton_search([slope], (x,), _box(landscape, index))]
    polynomial = sp.Poly(slope, x)
    if polynomial.free_symbols_in_domain:
        return _real(sp.roots(polynomial, multiple=False))
    if not (polynomial.domain.is_ZZ or polynomial.domain.is_QQ):
        return [sp.re(root) for root in polynomial.nroots(n=DIGITS) if abs(sp.im(root)) < 1e-20]
    return [_readable(root) for root in dict.fromkeys(sp.real_roots(polynomial))]


def _readable(root: sp.Expr) -> sp.Expr:
    """Keep rationals and single square roots exact; a root of higher degree is clearer as 30 digits."""
    if root.is_Rational or (not root.has(sp.CRootOf) and sp.count_ops(root) <= 12 and not root.has(sp.I)):
        return root
    return root.evalf(DIGITS)


def _real(solutions: Iterable[sp.Expr]) -> list[sp.Expr]:
    return [sp.simplify(s) for s in solutions if sp.simplify(s).is_real is not False]


def _symbolic_solutions(gradient: list[sp.Expr], landscape: "Landscape") -> list[tuple[sp.Expr, ...]]:
    solutions = sp.solve(gradient, landscape.coordinates, dict=True)
    complete = [s for s in solutions if len(s) == landscape.dim]
    return [tuple(sp.simplify(s[c]) for c in landscape.coordinates) for s in complete if all(v.is_real is not False for v in s.values())]


def _searched(gradient: list[sp.Expr], landscape: "Landscape") -> list[tuple[sp.Expr, ...]]:
    box = [b for i in range(landscape.dim) for b in _box(landscape, i)]
    return [tuple(_recognised(c) for c in p) for p in _newton_search(gradient, landscape.coordinates, box)]


def _recognised(value: sp.Expr) -> sp.Expr:
    """Return a short rational that the 30 digits spell, else the digits."""
    rational = sp.nsimplify(value, rational=True, tolerance=sp.Float(10) ** -25)
    return rational if abs(rational.q) <= 1000 else value


def _box(landscape: "Landscape", index: int) -> list[tuple[float, float]]:
    if landscape.domain is not None:
        return [landscape.domain[index]]
    return [(-5.0, 5.0)]


def _newton_search(gradient: list[sp.Expr], coordinates: tuple[sp.Symbol, ...], box: list[tuple[float, float]]) -> list[tuple[sp.Expr, ...]]:
    """Run Newton's method on grad L = 0 from a grid of starts; polish the distinct ends to 30 digits."""
    per_axis = max(3, round(2000 ** (1 / len(box)))) if len(box) > 1 else 400
    slope = sp.lambdify(coordinates, gradient, "math")
    jacobian = sp.lambdify(coordinates, sp.Matrix(gradient).jacobian(list(coordinates)).tolist(), "math")
    axes = [[low + (high - low) * (k + 0.5) / per_axis for k in range(per_axis)] for low, high in box]
    found: list[tuple[float, ...]] = []
    for start in itertools.product(*axes):
        end = _newton(slope, jacobian, start)
        if end is None or not all(low <= c <= high for c, (low, high) in zip(end, box, strict=True)):
            continue
        if all(max(abs(a - b) for a, b in zip(end, other, strict=True)) > 1e-7 for other in found):
            found.append(end)
    return [_polished(gradient, coordinates, point) for point in found]


def _newton(slope: Callable, jacobian: Callable, start: tuple[float, ...]) -> tuple[float, ...] | None:
    point = list(start)
    for _ in range(60):
        try:
            step = mpmath.fp.lu_solve(mpmath.fp.matrix(jacobian(*point)), mpmath.fp.matrix(slope(*point)))
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        point = [p - float(s) for p, s in zip(point, step, strict=True)]
        if not all(abs(p) < 1e6 for p in point):
            return None
        if max(abs(float(s)) for s in step) < 1e-12:
            return tuple(point)
    return None


def _polished(gradient: list[sp.Expr], coordinates: tuple[sp.Symbol, ...], point: tuple[float, ...]) -> tuple[sp.Expr, ...]:
    with mpmath.workdps(DIGITS + 5):
        root = mpmath.findroot(sp.lambdify(coordinates, gradient, "mpmath"), point)
        values = [root] if isinstance(root, mpmath.mpf) else list(root)
        return tuple(sp.Float(0) if abs(v) < 1e-25 else sp.Float(v, DIGITS) for v in values)


def position_order(position: tuple[sp.Expr, ...]) -> tuple[object, ...]:
    """Return the key by which critical points are listed: their coordinates as numbers, else as sympy sorts them."""
    numbers = [sp.N(c) for c in position]
    if all(n.is_number for n in numbers):
        return (0, *(float(n) for n in numbers))
    return (1, *(sp.default_sort_key(c) for c in position))
