"""The mean first-passage time to as many digits as are asked for: certified by balls where that can be, else by panels in mpmath arithmetic."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.walk import Passage, way
from eyring.numerics.exact.digits.balls import NotAnalytic
from eyring.numerics.exact.digits.certified import certified_passage_time
from eyring.numerics.exact.line import line_of, symbolic_slope
from eyring.numerics.exact.quadrature import halved
from eyring.numerics.exact.stability import demand_stable_steps
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["estimated_passage_time", "passage_time_to_digits"]

GUARD = 12
MOST_EDGES = 20_000

Slope = Callable[[Any], tuple[Any, Any]]


def passage_time_to_digits(
    sde: SDE, start: Any, ends: tuple[Any, ...], numbers: Mapping[sp.Symbol, Any], digits: int, *, reflecting: float | None = None
) -> Number:
    """Return the mean first-passage time to ``digits`` digits; decimals given as floats mean themselves, 0.1 = 1/10.

    Raises:
        ParameterError: If a value is an array.
        AccuracyError: If neither road reaches the digits.
    """
    if any(np.ndim(v) for v in numbers.values()):
        raise ParameterError("more than 15 digits are computed one point at a time; give single numbers in values, or digits=15")
    if find_spec("flint") is not None:
        with suppress(NotAnalytic):
            return certified_passage_time(sde, start, ends, numbers, digits, reflecting=reflecting)
    if reflecting is not None or len(ends) > 1:
        raise NotApplicable(
            "more than 15 digits behind a wall or out of an interval are certified by ball arithmetic, which needs python-flint "
            "(pip install 'eyring[flint]') and drift and diffusion made of elementary functions; ask for digits=15"
        )
    return estimated_passage_time(sde, start, ends[0], numbers, digits)


def estimated_passage_time(sde: SDE, start: Any, target: Any, numbers: Mapping[sp.Symbol, Any], digits: int) -> Number:
    """Return the mean first-passage time by panels in mpmath arithmetic; the error is the difference between two panel sizes, not certified.

    Raises:
        AccuracyError: If halving the panels does not make two answers agree.
    """
    exact = {s: exact_value(v) for s, v in numbers.items()}
    begin, end = way(start, target, numbers)
    demand_stable_steps(sde, begin, end, numbers)
    line = line_of(sde, numbers)
    side = 1 if end > begin else -1
    walk = Passage(line if side == 1 else line.mirrored(), float(side * begin), float(side * end))
    edges = walk.edges(drop=(digits + 8) * 2.303, steepest=4.0)
    with mpmath.workdps(digits + GUARD):
        coefficients = _coefficients(sde, exact, side)
        anchors = _anchors(sde, exact, side, walk, edges, begin, end)
        value, error = _settled(coefficients, float(sde.calculus_weight), edges, anchors, digits)
    clock = sde.clock.subs(exact)
    return Number(value, 0.0, error, "time", clock if clock.is_number else None, digits)


def _coefficients(sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], side: int) -> Slope:
    pair = [e.subs(exact) for e in symbolic_slope(sde)]
    function = sp.lambdify(sde.coordinates, pair, "mpmath", cse=True)

    def along(y: Any) -> tuple[Any, Any]:
        slope, diffusion = function(side * y)
        return side * slope, diffusion

    return along


def _anchors(
    sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], side: int, walk: Passage, edges: np.ndarray, begin: sp.Expr, end: sp.Expr
) -> dict[float, Any]:
    """Return the edges that must be known to all digits: start, target, and points where the coefficients are not smooth."""
    exactly = {walk.start: side * begin, walk.target: side * end}
    anchors = {edge: mpmath.mpf(sp.N(point, mpmath.mp.dps + 5)) for edge, point in exactly.items()}
    for kink in walk.line.symbolic_kinks:
        function = sp.lambdify(sde.coordinates, kink.subs(exact), "mpmath")
        for edge in edges[np.isin(edges, list(anchors), invert=True)].tolist():
            if abs(function(side * mpmath.mpf(edge))) < 1e-12 * (1 + abs(edge)):
                anchors[edge] = side * mpmath.findroot(function, side * mpmath.mpf(edge))
    return anchors


def _settled(coefficients: Slope, weight: float, edges: np.ndarray, anchors: Mapping[float, Any], digits: int) -> tuple[Any, float]:
    order = max(16, digits // 2 + 8)
    value = _passage(coefficients, weight, edges, anchors, order)
    error = mpmath.inf
    while len(edges) < MOST_EDGES:
        edges = halved(edges)
        finer = _passage(coefficients, weight, edges, anchors, order)
        error = abs(value / finer - 1)
        value = finer
        if error < mpmath.mpf(10) ** (-digits):
            return value, float(error)
    raise AccuracyError(
        f"{digits} digits were asked for and the panels settled only to a relative error of {mpmath.nstr(error, 2)}; ask for fewer digits",
        estimate=float(value),
        error=float(error),
    )


def _passage(coefficients: Slope, weight: float, edges: np.ndarray, anchors: Mapping[float, Any], order: int) -> Any:
    """Return int_start e^Phi D^-q int e^-Phi D^(q-1), panel by panel."""
    nodes, weights, running = _rule(order, mpmath.mp.dps)
    points = [anchors.get(edge, mpmath.mpf(edge)) for edge in edges.tolist()]
    start = min(anchors)
    potential, population, total = mpmath.mpf(0), mpmath.mpf(0), mpmath.mpf(0)
    for edge, low, high in zip(edges.tolist(), points, points[1:], strict=False):
        half = (high - low) / 2
        slopes, diffusions = zip(*[coefficients(low + half * (s + 1)) for s in nodes], strict=True)
        phi = [potential + half * mpmath.fdot(row, slopes) for row in running]
        weighted = [mpmath.exp(p) for p in phi]
        speed = [1 / (w * d) if weight == 0 else d ** (weight - 1) / w for w, d in zip(weighted, diffusions, strict=True)]
        if edge >= start:
            inner = [population + half * mpmath.fdot(row, speed) for row in running]
            scale = weighted if weight == 0 else [w * d**-weight for w, d in zip(weighted, diffusions, strict=True)]
            total += half * mpmath.fsum(w * s * i for w, s, i in zip(weights, scale, inner, strict=True))
        population += half * mpmath.fdot(weights, speed)
        potential += half * mpmath.fdot(weights, slopes)
    return total


@lru_cache(maxsize=16)
def _rule(order: int, precision: int) -> tuple[list[Any], list[Any], list[list[Any]]]:
    """Return Gauss-Legendre nodes and weights, and the matrix of running integrals, at this precision."""
    with mpmath.workdps(precision + 5):
        nodes = [_node(order, float(s)) for s in np.polynomial.legendre.leggauss(order)[0]]
        tables = [_legendre(order, s) for s in nodes]
        weights = [2 * (1 - s**2) / (order * t[order - 1]) ** 2 for s, t in zip(nodes, tables, strict=True)]
        running = [[_primitive(t, [u[k] for k in range(order)]) * w for u, w in zip(tables, weights, strict=True)] for t in tables]
        for row, s in zip(running, nodes, strict=True):
            for j, w in enumerate(weights):
                row[j] += (s + 1) * w / 2
    return nodes, weights, running


def _primitive(at: list[Any], values: list[Any]) -> Any:
    """Return sum over k >= 1 of P_k(s_j) (P_{k+1} - P_{k-1})(s_i) / 2, the running integral without its constant part."""
    return mpmath.fsum(values[k] * (at[k + 1] - at[k - 1]) for k in range(1, len(values))) / 2


def _legendre(order: int, s: Any) -> list[Any]:
    table = [mpmath.mpf(1), s]
    for k in range(1, order):
        table.append(((2 * k + 1) * s * table[k] - k * table[k - 1]) / (k + 1))
    return table


def _node(order: int, guess: float) -> Any:
    """Return the root of P_order near the guess, by Newton's method."""
    s = mpmath.mpf(guess)
    for _ in range(mpmath.mp.prec.bit_length() + 2):
        table = _legendre(order, s)
        slope = order * (table[order - 1] - s * table[order]) / (1 - s**2)
        s -= table[order] / slope
    return s
