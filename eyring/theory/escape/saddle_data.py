"""Curvatures and losses of one minimum and one saddle, put into an n-dimensional law."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
import sympy as sp

from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import agree_in_numbers, draw
from eyring.theory.escape.contract import EscapeProblem
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.symbols import det_min, det_saddle, escape_curvature, loss_min, loss_saddle

__all__ = ["DETERMINANTS", "INSERT_SADDLE", "determinants_for", "spectral_values"]


def spectral_values(problem: EscapeProblem) -> dict[sp.Symbol, sp.Expr]:
    """Return L_a, L_b, det H_a, det H_b and lambda_b of the problem."""
    H_a, H_b = problem.start.hessian, problem.over.hessian
    return {
        loss_min: problem.start.value,
        loss_saddle: problem.over.value,
        det_min: sp.simplify(H_a.det()),
        det_saddle: sp.simplify(H_b.det()),
        escape_curvature: lowest_curvature(H_b),
    }


def lowest_curvature(hessian: sp.MatrixBase) -> sp.Expr:
    """Return the negative eigenvalue of a saddle's Hessian: exact in one and two dimensions and for diagonal matrices, else 30 digits."""
    if hessian.is_diagonal():
        return next(e for e in hessian.diagonal() if e.is_negative)
    if hessian.rows == 2:
        half, det = hessian.trace() / 2, hessian.det()
        return sp.simplify(half - sp.sqrt(sp.simplify(half**2 - det)))
    if hessian.free_symbols:
        return next(e for e in hessian.eigenvals() if sp.simplify(e).is_negative)
    with mpmath.workdps(35):
        return sp.Float(mpmath.eigsy(mpmath.matrix(hessian.evalf(35).tolist()), eigvals_only=True)[0], 30)


def _insert(expression: sp.Expr, *, values: dict, problem: EscapeProblem) -> sp.Expr:
    return expression.subs(values, simultaneous=True)


def _numbers_confirm(before: sp.Expr, after: sp.Expr, *, values: dict, problem: EscapeProblem) -> bool:
    """Recompute the values from numerical eigenvalues of a numerically differentiated loss; parameters at typical values."""
    landscape = problem.landscape
    if isinstance(landscape, LocalLandscape):
        return sp.simplify(after - before.subs(values, simultaneous=True)) == 0
    generator = random.Random(13)
    point = {s: draw(s, generator) for s in sorted(after.free_symbols | set(landscape.parameters), key=str)}
    loss = sp.lambdify(landscape.coordinates, landscape.expression.subs(point), "mpmath")
    with mpmath.workdps(40):
        a, b = (_eigenvalues(loss, [mpmath.mpf(c.subs(point).evalf(40)) for c in p.position]) for p in (problem.start, problem.over))
    numbers = dict(values) | {loss_min: a[0], loss_saddle: b[0], det_min: sp.prod(a[1]), det_saddle: sp.prod(b[1]), escape_curvature: min(b[1])}
    ratio = after.subs(point) / before.subs(numbers, simultaneous=True).subs(point)
    return bool(abs(ratio.evalf(30) - 1) < 1e-8)


def _eigenvalues(loss: Callable, position: list[mpmath.mpf]) -> tuple[sp.Float, list[sp.Float]]:
    """Differentiate twice by central differences at 40 digits."""
    n, step = len(position), mpmath.mpf(10) ** -10

    def at(*moves: tuple[int, int]) -> mpmath.mpf:
        moved = list(position)
        for axis, sign in moves:
            moved[axis] += sign * step
        return loss(*moved)

    H = mpmath.matrix(n, n)
    for i in range(n):
        for j in range(n):
            H[i, j] = (at((i, 1), (j, 1)) - at((i, 1), (j, -1)) - at((i, -1), (j, 1)) + at((i, -1), (j, -1))) / (4 * step**2)
    eigenvalues = mpmath.eigsy((H + H.T) / 2, eigvals_only=True)
    return sp.Float(loss(*position), 30), [sp.Float(e, 30) for e in eigenvalues]


def determinants_for(wells: Sequence[sp.Symbol], sides: Sequence[sp.Symbol]) -> dict[str, Any]:
    """Return the arguments of the rule that turns products of curvatures a_i and lambda_b, b_i into det H_a and det H_b."""
    values = {wells[0]: det_min / sp.Mul(*wells[1:])}
    if sides:
        values[sides[0]] = det_saddle / sp.Mul(escape_curvature, *sides[1:])
    return {"values": values, "products": (sp.Mul(*wells), sp.Mul(escape_curvature, *sides))}


def _to_determinants(expression: sp.Expr, *, values: dict, products: tuple) -> sp.Expr:
    return sp.powsimp(expression.subs(values, simultaneous=True))


def _same_determinants(before: sp.Expr, after: sp.Expr, *, values: dict, products: tuple) -> bool:
    return agree_in_numbers(before, after.subs({det_min: products[0], det_saddle: products[1]}))


DETERMINANTS = Rule("determinants", _to_determinants, _same_determinants)
INSERT_SADDLE = Rule("insertion of landscape and noise", _insert, _numbers_confirm)
