"""Put a landscape and its noise into the general 1-D formula: curvatures, diffusion coefficients and the exponent."""

import random

import mpmath
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import draw
from eyring.theory.escape.contract import EscapeProblem
from eyring.theory.escape.jets import Jet, jet_at
from eyring.theory.escape.mean_time import EXPONENT
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.quadrature import definite
from eyring.theory.symbols import curvature_min, curvature_saddle, loss_min, loss_saddle, switch_fraction

__all__ = ["INSERT", "diffusion_near", "local_values", "two_pieces"]


def local_values(problem: EscapeProblem, order: int) -> dict[sp.Symbol, sp.Expr]:
    """Return what the general formula's symbols are for this problem, up to ``order`` corrections.

    The exponent is E = int_a^b L'/D dx. Derivatives of odd order change sign where the saddle lies to the left, as if the axis were turned.
    """
    if isinstance(problem.landscape, LocalLandscape):
        return _values_of_unknown_loss(problem)
    x, loss = problem.landscape.coordinates[0], problem.landscape.expression
    values: dict[sp.Symbol, sp.Expr] = {}
    turn = 1 if _saddle_is_right(problem) else -1
    for place, point in (("a", problem.start), ("b", problem.over)):
        jet = jet_at(place, order)
        here = {x: point.position[0]}
        noise = diffusion_near(problem, place)
        values |= {s: _tidy(turn**k * sp.diff(loss, x, k).subs(here)) for k, s in enumerate(jet.loss, 2)}
        values |= {s: _tidy(turn**k * sp.diff(noise, x, k).subs(here)) for k, s in enumerate(jet.diffusion)}
    return values | {EXPONENT: exponent(problem)}


def diffusion_near(problem: EscapeProblem, place: str) -> sp.Expr:
    """Return D(x) as it reads near the minimum ("a") or the saddle ("b"): the right piece of a switched noise."""
    D = problem.sde.diffusion[0]
    pieces = two_pieces(problem)
    return D if pieces is None else pieces[0 if place == "a" else 1]


def exponent(problem: EscapeProblem) -> sp.Expr:
    """Return E = int_a^b L'/D dx; a noise that switches at c from one constant to another splits it there."""
    x, loss = problem.landscape.coordinates[0], problem.landscape.expression
    a, b = problem.start.position[0], problem.over.position[0]
    pieces = two_pieces(problem)
    if pieces is not None:
        at_switch = loss.subs(x, pieces[2])
        return _tidy(at_switch - problem.start.value) / pieces[0] + _tidy(problem.over.value - at_switch) / pieces[1]
    D = problem.sde.diffusion[0]
    if x not in D.free_symbols:
        return _tidy(problem.barrier) / D
    return definite(sp.together(problem.landscape.gradient[0] / D) if D.is_rational_function(x) else problem.landscape.gradient[0] / D, x, a, b)


def two_pieces(problem: EscapeProblem) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """Return (D on the minimum's side, D on the saddle's side, switch point) of a noise made of two constants, or None."""
    D, x = sp.piecewise_fold(problem.sde.diffusion[0]), problem.sde.coordinates[0]
    if not isinstance(D, sp.Piecewise) or len(D.args) != 2 or any(x in e.free_symbols for e, _ in D.args):
        return None
    condition = D.args[0][1]
    point = condition.lhs if condition.rhs == x else condition.rhs
    first_is_left = condition in (sp.Lt(x, point), sp.Le(x, point), sp.Gt(point, x), sp.Ge(point, x))
    left, right = (D.args[0][0], D.args[1][0]) if first_is_left else (D.args[1][0], D.args[0][0])
    if point.is_number and not isinstance(problem.landscape, LocalLandscape) and not problem.landscape.parameters:
        low, high = sorted((problem.start.position[0], problem.over.position[0]), key=float)
        if not (bool(low < point) and bool(point < high)):
            return _constant_on_the_way(problem, left, right, point)
    return (left, right, point) if _saddle_is_right(problem) else (right, left, point)


def _constant_on_the_way(problem: EscapeProblem, left: sp.Expr, right: sp.Expr, point: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    piece = left if bool(problem.start.position[0] < point) else right
    return piece, piece, problem.over.position[0]


def _values_of_unknown_loss(problem: EscapeProblem) -> dict[sp.Symbol, sp.Expr]:
    """For a loss known by L_a, L_b, H_a and H_b: D may be constant, switch once, or be a function of the loss."""
    x, loss = problem.landscape.coordinates[0], problem.landscape.expression
    at_minimum, at_saddle = jet_at("a", 0), jet_at("b", 0)
    curvatures = {at_minimum.loss[0]: problem.start.hessian[0, 0], at_saddle.loss[0]: problem.over.hessian[0, 0]}
    pieces = two_pieces(problem)
    if pieces is not None:
        climbed = switch_fraction * problem.barrier
        total = climbed / pieces[0] + (1 - switch_fraction) * problem.barrier / pieces[1]
        return curvatures | {at_minimum.diffusion[0]: pieces[0], at_saddle.diffusion[0]: pieces[1], EXPONENT: total}
    level = sp.Symbol("ell", positive=True)
    D = problem.sde.diffusion[0].subs(loss, level)
    if D.has(sp.core.function.AppliedUndef) or x in D.free_symbols:
        raise NotApplicable(
            f"the diffusion {problem.sde.diffusion[0]} depends on x in a way that L_a, L_b, H_a and H_b do not fix; give the "
            "whole loss as a Landscape, or noise that is constant, "
            "switches once, or depends on the loss alone"
        )
    total = _tidy(problem.barrier) / D if level not in D.free_symbols else sp.integrate(1 / D, (level, loss_min, loss_saddle))
    return curvatures | {at_minimum.diffusion[0]: D.subs(level, loss_min), at_saddle.diffusion[0]: D.subs(level, loss_saddle), EXPONENT: total}


def _saddle_is_right(problem: EscapeProblem) -> bool:
    return (problem.over.position[0] - problem.start.position[0]).is_negative is not True


def _tidy(expression: sp.Expr) -> sp.Expr:
    """Simplify what is algebraic; simplifying transcendental numbers takes long and gains little."""
    return expression if expression.is_Rational or expression.has(sp.Float, sp.Function) else sp.simplify(expression)


def _insert(expression: sp.Expr, *, values: dict, problem: EscapeProblem) -> sp.Expr:
    return expression.subs(values, simultaneous=True)


def _numbers_confirm(before: sp.Expr, after: sp.Expr, *, values: dict, problem: EscapeProblem) -> bool:
    """Evaluate the general formula with derivatives and exponent found numerically, and the inserted one as it stands.

    A loss known at two points alone is replaced by a polynomial drawn at random: what holds for every loss holds for it.
    """
    generator = random.Random(11)
    if isinstance(problem.landscape, LocalLandscape):
        return _confirmed_by_a_drawn_loss(before, after, problem, generator)
    parameters = sorted(
        (problem.landscape.expression.free_symbols | problem.sde.diffusion.free_symbols) - set(problem.landscape.coordinates), key=str
    )
    point = {s: _inside(s, draw(s, generator), problem) for s in parameters}
    jets = [j for j in (jet_at("a", 0), jet_at("b", 0))]
    with mpmath.workdps(30):
        numbers = _numerical_values(problem, point, jets, before)
        expected = before.subs(numbers, simultaneous=True).evalf(30)
        found = after.subs(point).evalf(30)
    return bool(abs(found / expected - 1) < 1e-9)


def _confirmed_by_a_drawn_loss(before: sp.Expr, after: sp.Expr, problem: EscapeProblem, generator: random.Random) -> bool:
    """Integrate -drift/D of the SDE over a lopsided polynomial, and compare with the inserted line at that polynomial's L_a, L_b, H_a, H_b and s."""
    (drift,), (D, *_), x = problem.sde.drift, problem.sde.diffusion, problem.sde.coordinates[0]
    loss, a, b, point = _drawn_loss(problem, generator)
    force, noise = (e.subs(problem.landscape.expression, loss).doit().subs(point) for e in (-drift, D))
    breaks = [a, *sorted(p.subs(point) for p in _switch_points(problem)), b]
    slope, strength = (sp.lambdify(x, e, "mpmath") for e in (force, noise))
    with mpmath.workdps(30):
        ends = [mpmath.mpf(sp.Rational(p).p) / sp.Rational(p).q for p in breaks]
        numbers: dict[sp.Symbol, sp.Expr] = {EXPONENT: sp.Float(mpmath.quad(lambda u: slope(u) / strength(u), ends, method="gauss-legendre"), 30)}
        for symbol in before.free_symbols - {EXPONENT}:
            of_loss, place = symbol.name[0] in "LH", ends[0] if symbol.name.endswith("_a") else ends[-1]
            value = mpmath.diff(slope, place, _order_of(symbol) - 1) if of_loss else mpmath.diff(strength, place, _order_of(symbol))
            numbers[symbol] = sp.Float(value, 30)
        inserted = {s: sp.Float(value, 40) for s, value in point.items()}  # fractions would be raised to long powers exactly
        expected, found = before.subs(numbers, simultaneous=True).evalf(30), after.subs(inserted, simultaneous=True).evalf(30)
    return bool(abs(found / expected - 1) < 1e-9)


def _drawn_loss(problem: EscapeProblem, generator: random.Random) -> tuple[sp.Expr, sp.Rational, sp.Rational, dict[sp.Symbol, sp.Expr]]:
    """Return a quintic with its minimum a and its saddle b > a, and values for all symbols: L_a, L_b, H_a, H_b and s are those of the quintic."""
    x, up = problem.sde.coordinates[0], sp.Symbol("u", positive=True)
    given = problem.sde.drift.free_symbols | problem.sde.diffusion.free_symbols
    point = {p: draw(p, generator) for p in sorted(given - {x}, key=str)}
    width, k, lean, bend, bottom, part = (draw(sp.Symbol(n, positive=True), generator) for n in ("width", "k", "lean", "bend", "bottom", "part"))
    switch = next((sp.nsimplify(p.subs(point), rational=True) for p in _switch_points(problem)), sp.Integer(0))
    a = switch - width * part / 3
    b = a + width
    loss = bottom + sp.integrate(sp.expand(k * up * (width - up) * (1 + lean * up + bend * up**2)), up).subs(up, x - a)
    at_a, at_b, at_switch = (loss.subs(x, p) for p in (a, b, switch))
    curvatures = {h: sp.diff(loss, x, 2).subs(x, p) for h, p in ((curvature_min, a), (curvature_saddle, b))}
    return loss, a, b, point | curvatures | {loss_min: at_a, loss_saddle: at_b, switch_fraction: (at_switch - at_a) / (at_b - at_a)}


def _switch_points(problem: EscapeProblem) -> list[sp.Expr]:
    """Return where noise or mobility changes from one value to another."""
    x = problem.sde.coordinates[0]
    relations = (problem.sde.drift.atoms(sp.core.relational.Relational), problem.sde.diffusion.atoms(sp.core.relational.Relational))
    return sorted({side for r in set().union(*relations) if x in r.args for side in r.args if side != x}, key=str)


def _inside(symbol: sp.Symbol, value: sp.Expr, problem: EscapeProblem) -> sp.Expr:
    """Keep a drawn switch point between minimum and saddle."""
    pieces = two_pieces(problem)
    if pieces is None or pieces[2] != symbol:
        return value
    a, b = (sp.nsimplify(sp.N(p.position[0], 20)) for p in (problem.start, problem.over))
    return a + (b - a) / 3


def _numerical_values(problem: EscapeProblem, point: dict, jets: list[Jet], general: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
    x = problem.landscape.coordinates[0]
    loss = sp.lambdify(x, problem.landscape.expression.subs(point), "mpmath")
    D = sp.lambdify(x, problem.sde.diffusion[0].subs(point), "mpmath")
    a, b = (mpmath.mpf(p.position[0].subs(point).evalf(30)) for p in (problem.start, problem.over))
    breaks = [a, b]
    pieces = two_pieces(problem)
    if pieces is not None:
        breaks = sorted([a, mpmath.mpf(pieces[2].subs(point).evalf(30)), b], reverse=bool(a > b))
    kinks = {
        p for c in problem.landscape.expression.atoms(sp.core.relational.Relational) for p in (c.lhs, c.rhs) if not p.has(x)
    }  # of a switched mobility
    inside = [k for k in (mpmath.mpf(p.subs(point).evalf(30)) for p in kinks) if min(a, b) < k < max(a, b)]
    breaks = sorted({*breaks, *inside}, reverse=bool(a > b))
    total = mpmath.quad(lambda u: mpmath.diff(loss, u) / D(u), breaks)
    turn = 1 if a < b else -1
    numbers: dict[sp.Symbol, sp.Expr] = {EXPONENT: sp.Float(total, 30)}
    for symbol in general.free_symbols - {EXPONENT}:
        function, order, place = (loss if symbol.name[0] in "LH" else D), _order_of(symbol), (a if symbol.name.endswith("_a") else b)
        numbers[symbol] = sp.Float(turn**order * mpmath.diff(function, place, order), 30)
    return numbers


def _order_of(symbol: sp.Symbol) -> int:
    head = symbol.name.split("_")[0]
    return 2 if head == "H" else int(head[1:] or 0)


INSERT = Rule("insertion of landscape and noise", _insert, _numbers_confirm)
