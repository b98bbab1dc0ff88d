"""Escape with momentum at any friction, weak friction included: the energy lost in one orbit limits it (Mel'nikov & Meshkov 1986)."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import mpmath
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import draw
from eyring.theory.escape.contract import EscapeProblem, EscapeTheory, regime_of
from eyring.theory.escape.kramers_langer import KramersLanger
from eyring.theory.formula import Formula
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.regime import Condition

__all__ = ["MelnikovMeshkov"]

LOST_HERE, LOST_BEYOND = sp.symbols("Delta_1 Delta_2", positive=True)  # energy lost in one orbit at the barrier's energy, over T
_L = sp.Dummy("lambda", positive=True)
_U = sp.Dummy("u", positive=True)
GRID = 2000
LEVEL = 1e-12


class MelnikovMeshkov(EscapeTheory):
    """tau = tau_KramersLanger Y(D_1 + D_2)/[Y(D_1) Y(D_2)], D_i = gamma S_i/T, S_i the action of the orbit at barrier energy on side i.

    Y(D) = exp[(1/pi) int_0^oo ln(1 - e^{-D (l^2 + 1/4)})/(l^2 + 1/4) dl] is the depopulation factor: about D at weak friction, 1 at strong.
    A walker that never returns from beyond (single exit) takes tau_KramersLanger/Y(D_1). Ask for it by name: theory="melnikov-meshkov".
    """

    name = "melnikov-meshkov"
    source = "melnikov1986"
    speciality = 1  # below kramers-langer, which applies wherever this does
    published_note = (
        "Published form (recalled; melnikov1986): the derived one, with ln(1 - u) in place of -2 artanh(u/(2 - u)); published/derived = 1."
    )

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need the Kramers-Langer conditions, one coordinate, a known loss, and an orbit at barrier energy that turns behind the minimum."""
        langer = KramersLanger().objection(problem)
        if langer is not None:
            return langer
        if problem.landscape.dim != 1:
            return f"the loss has {problem.landscape.dim} coordinates, the formula one"
        if isinstance(problem.landscape, LocalLandscape):
            return "the action of the orbit at barrier energy needs the whole loss, and only its values and curvatures at two points are known"
        if problem.event != "next well":
            return "at weak friction the first visit to the saddle is not half of an escape; the law counts settled escapes, event='next well'"
        try:
            _turning_points(problem)
        except NotApplicable as refusal:
            return str(refusal)
        return None

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Continue the Kramers-Langer derivation by the depopulation factor, then insert the two actions."""
        strong = KramersLanger().derive(problem, order)
        kinetic = problem.kinetic
        assert kinetic is not None  # objection() has seen to it
        T, gamma = kinetic.isotropic_temperature, kinetic.friction
        here, beyond = _turning_points(problem)
        actions = {LOST_HERE: _action(problem, here)} | ({} if beyond is None else {LOST_BEYOND: _action(problem, beyond)})
        derivation = (
            strong.derivation.cite(
                "at weak friction those who cross with little energy fall back or never were replaced: the Wiener-Hopf solution for the energy "
                "lost in one orbit at barrier energy, Delta T on average, multiplies tau by "
                + ("1/Y(D_1)" if beyond is None else "Y(D_1 + D_2)/[Y(D_1) Y(D_2)]"),
                strong.expression * sp.exp(-_depopulation(_published, single=beyond is None)),
                source="melnikov1986",
                needs=f"at barrier energy a walker turns at {here} and "
                + ("never returns from beyond the saddle" if beyond is None else f"at {beyond}"),
            )
            .claim(
                "ln(1 - u) = -2 artanh(u/(2 - u)), which keeps its digits where u is tiny",
                strong.expression * sp.exp(-_depopulation(_without_cancellation, single=beyond is None)),
                residual=_same_logarithm,
                rule="equal slopes, and equal values at u = 0",
            )
            .apply(
                _ORBIT,
                "Delta = gamma S/T, S = 2 int sqrt(2 (L_b - L)) dx from turning point to saddle",
                actions=actions,
                ratio=gamma / T,
                problem=problem,
            )
        )
        damped = Condition(gamma > 0, "momentum is below 1, so that there is friction", hard=True)
        conditions = tuple(c for c in (*regime_of(problem, problem.barrier / T), damped) if c.relation is not sp.true)
        return replace(strong, derivation=derivation, conditions=conditions, name=self.name)


def _depopulation(ln_Y: Callable[[sp.Expr], sp.Expr], *, single: bool) -> sp.Expr:
    """Return ln of Y(D_1), or of Y(D_1) Y(D_2)/Y(D_1 + D_2)."""
    return ln_Y(LOST_HERE) if single else ln_Y(LOST_HERE) + ln_Y(LOST_BEYOND) - ln_Y(LOST_HERE + LOST_BEYOND)


def _boltzmann(lost: sp.Expr) -> sp.Expr:
    """Return e^{-Delta (l^2 + 1/4)}."""
    return sp.exp(-lost * (_L**2 + sp.Rational(1, 4)))


def _published(lost: sp.Expr) -> sp.Expr:
    """Return ln Y(Delta) as published; the integrand is even in l."""
    return sp.Integral(4 * sp.log(1 - _boltzmann(lost)) / (4 * _L**2 + 1), (_L, 0, sp.oo)) / sp.pi


def _without_cancellation(lost: sp.Expr) -> sp.Expr:
    """Return ln Y(Delta) without the logarithm of nearly 1, which costs digits at large Delta."""
    return sp.Integral(4 * _log_of_rest(_boltzmann(lost)) / (4 * _L**2 + 1), (_L, 0, sp.oo)) / sp.pi


def _log_of_rest(u: sp.Expr) -> sp.Expr:
    """Return ln(1 - u) in a form that is exact for tiny u."""
    return -2 * sp.atanh(u / (2 - u))


def _same_logarithm(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """See that the two logarithms have one slope and one value at u = 0, then exchange them in the line before."""
    u = sp.Dummy("u", positive=True)
    gap = sp.log(1 - u) - _log_of_rest(u)
    rest = sp.simplify(sp.diff(gap, u)) + gap.subs(u, 0)
    exchanged = previous.replace(lambda e: isinstance(e, sp.log) and e.has(_L), lambda e: _log_of_rest(1 - e.args[0]))
    ratio = sp.powsimp(stated / exchanged)
    same = ratio == 1 or (ratio.is_Float and abs(ratio - 1) < sp.Float(10) ** -25)  # 30-digit curvatures leave 1.0
    return rest if same else rest + ratio - 1


def _turning_points(problem: EscapeProblem) -> tuple[sp.Expr, sp.Expr | None]:
    """Return where the orbit at barrier energy turns: behind the minimum, and beyond the saddle (None if it never does).

    Raises:
        NotApplicable: If it does not turn behind the minimum, runs into another saddle, or cannot be followed.
    """
    a, b = problem.start.position[0], problem.over.position[0]
    points = _crossings(problem)
    signs = [(t, _sign(t - b)) for t in points]
    inward = _sign(a - b)
    behind = _nearest([t for t, sign in signs if sign == inward], b)
    beyond = _nearest([t for t, sign in signs if sign == -inward], b)
    if behind is None:
        raise NotApplicable("at barrier energy the walker does not turn behind the minimum: the well has another exit that is no higher")
    return behind, beyond


def _crossings(problem: EscapeProblem) -> list[sp.Expr]:
    """Return the other points where the loss equals that of the saddle."""
    x, loss = problem.landscape.coordinates[0], problem.landscape.expression
    level = [p for p in problem.landscape.critical_points if p.position != problem.over.position and _is_nought(p.value - problem.over.value)]
    if level:
        raise NotApplicable(f"at barrier energy the walker comes to rest at the {level[0]}, which is as high: it has no turning point there")
    if loss.is_polynomial(x):
        return _polynomial_crossings(problem)
    if problem.landscape.domain is None or problem.landscape.parameters:
        raise NotApplicable(
            f"where the loss {loss} equals that of the saddle is not known in closed form; insert numbers for "
            "its parameters and give the landscape a domain to search: Landscape(..., domain=[(low, high)])"
        )
    return _searched_crossings(problem)


def _is_nought(height: sp.Expr) -> bool:
    return bool(abs(sp.N(height)) < LEVEL) if height.is_number else sp.simplify(height) == 0


def _polynomial_crossings(problem: EscapeProblem) -> list[sp.Expr]:
    rest = _rest(problem)
    if problem.landscape.parameters:
        roots = sp.roots(rest)
        if sum(roots.values()) != rest.degree() or any(r.is_real is None for r in roots):
            raise NotApplicable("where the loss equals that of the saddle depends on parameters in no closed form; insert numbers for them")
        return [r for r in roots if r.is_real]
    if all(c.is_Rational for c in rest.all_coeffs()) and rest.degree() <= 2:
        return sp.real_roots(rest)
    return [sp.re(r) for r in rest.nroots(n=30, maxsteps=200) if abs(sp.im(r)) < 1e-15]


def _rest(problem: EscapeProblem) -> sp.Poly:
    """Return R of L_b - L(x) = (x - b)^2 R(x)."""
    x, b = problem.landscape.coordinates[0], problem.over.position[0]
    return sp.div(sp.Poly(problem.over.value - problem.landscape.expression, x), sp.Poly((x - b) ** 2, x))[0]


def _searched_crossings(problem: EscapeProblem) -> list[sp.Expr]:
    assert problem.landscape.domain is not None  # _crossings() has seen to it
    (low, high), b = problem.landscape.domain[0], float(problem.over.position[0])
    with mpmath.workdps(40):
        below = _numerical_depth(problem, {})
        grids = ([b + (end - b) * k / GRID for k in range(1, GRID + 1)] for end in (low, high))
        found = [next(((p, q) for p, q in pairwise(grid) if below(p) > 0 >= below(q)), None) for grid in grids]
        return [sp.Float(mpmath.findroot(below, pair, solver="anderson", tol=1e-60), 30) for pair in found if pair is not None]


def _numerical_depth(problem: EscapeProblem, point: dict) -> Callable:
    """Return L_b - L(x) as a function of numbers."""
    depth = problem.over.value - problem.landscape.expression
    return sp.lambdify(problem.landscape.coordinates[0], depth.subs(point), "mpmath")


def _sign(distance: sp.Expr) -> int:
    if distance.is_positive or distance.is_negative:
        return 1 if distance.is_positive else -1
    raise NotApplicable(f"on which side of the saddle the walker turns depends on the sign of {distance}; insert numbers")


def _nearest(points: list[sp.Expr], b: sp.Expr) -> sp.Expr | None:
    nearest = points[0] if points else None
    for t in points[1:]:
        nearest = t if _sign(abs(nearest - b) - abs(t - b)) > 0 else nearest
    return nearest


def _action(problem: EscapeProblem, turn: sp.Expr) -> sp.Expr:
    """Return S = 2 int sqrt(2 (L_b - L)) dx between saddle and turning point: closed, or 30 digits, or an integral of parameters.

    In the integral x = t + (b - t) u^2, which takes the square root out of the turning point.
    """
    x, b = problem.landscape.coordinates[0], problem.over.position[0]
    polynomial = problem.landscape.expression.is_polynomial(x)
    closed = _closed_action(_rest(problem).as_expr(), x, b, turn) if polynomial and not (turn - b).has(sp.Float) else None
    if closed is not None:
        return closed
    if not problem.landscape.parameters:
        with mpmath.workdps(40):
            return sp.Float(_numerical_action(problem, turn, {}), 30)
    fall = sp.quo(_rest(problem), sp.Poly(x - turn, x)).as_expr() * (b - turn)  # R = u^2 times this
    speed = sp.sqrt(sp.expand(2 * fall).subs(x, turn + (b - turn) * _U**2))
    return sp.Integral(4 * (b - turn) ** 2 * (1 - _U**2) * _U**2 * speed, (_U, 0, 1))


def _closed_action(rest: sp.Expr, x: sp.Symbol, b: sp.Expr, turn: sp.Expr) -> sp.Expr | None:
    """Integrate 2 y sqrt(2 R), R = p + q y + r y^2, over y = |x - b| from 0 to the root m of R; None for another R.

    int y sqrt(R) = -p^(3/2)/(3 r) - q/(2 r) int sqrt(R), and (4/15) sqrt(p) m^2 for r = 0.
    """
    y = sp.Dummy("y", positive=True)
    coefficients = sp.Poly(rest.subs(x, b + _sign(turn - b) * y), y).all_coeffs()
    r, q, p = ([sp.Integer(0)] * 2 + coefficients)[-3:]
    if len(coefficients) <= 2:
        return sp.simplify(sp.sqrt(2 * p) * sp.Rational(8, 15) * (turn - b) ** 2)
    if len(coefficients) > 3 or not r.is_negative:
        return None
    square = sp.simplify(q**2 - 4 * p * r)
    area = -q * sp.sqrt(p) / (4 * r) - square / (8 * r) * (sp.pi / 2 + sp.asin(q / sp.sqrt(square))) / sp.sqrt(-r)
    return sp.simplify(2 * sp.sqrt(2) * (-(p ** sp.Rational(3, 2)) / (3 * r) - q / (2 * r) * area))


def _numerical_action(problem: EscapeProblem, turn: sp.Expr, point: dict) -> mpmath.mpf:
    """Integrate the momentum on the loss itself, x = t + (b - t) sin^2, by quadrature.

    Raises:
        NotApplicable: If the loss rises above that of the saddle on the way.
    """
    below = _numerical_depth(problem, point)
    t, b = (mpmath.mpf(e.subs(point).evalf(40)) for e in (turn, problem.over.position[0]))

    def slope(angle: mpmath.mpf) -> mpmath.mpf:
        depth = below(t + (b - t) * mpmath.sin(angle) ** 2)
        return mpmath.sqrt(2 * max(depth, mpmath.mpf(0))) * mpmath.sin(2 * angle)

    return 2 * abs(b - t) * mpmath.quad(slope, mpmath.linspace(0, mpmath.pi / 2, 5))


def _insert(expression: sp.Expr, *, actions: dict, ratio: sp.Expr, problem: EscapeProblem) -> sp.Expr:
    return expression.subs({lost: ratio * S for lost, S in actions.items()}, simultaneous=True)


def _numbers_confirm(before: sp.Expr, after: sp.Expr, *, actions: dict, ratio: sp.Expr, problem: EscapeProblem) -> bool:
    """Find the actions by quadrature over the loss, and the logarithm of Y by its series -sum_n erfc(sqrt(n Delta)/2)/n."""
    generator = random.Random(17)
    point = {s: draw(s, generator) for s in sorted(after.free_symbols | set(problem.landscape.parameters), key=str)}
    turns = dict(zip((LOST_HERE, LOST_BEYOND), _turning_points(problem), strict=True))
    with mpmath.workdps(40):
        lost = {D: sp.Float(_numerical_action(problem, turns[D], point), 30) * ratio.subs(point) for D in actions}
        series = _depopulation(lambda D: sp.Float(_series(D.subs(lost)), 30), single=LOST_BEYOND not in actions)
        left = {i: sp.Dummy(positive=True) for S in actions.values() for i in S.atoms(sp.Integral)}
        known = point | {symbol: sp.Float(_evaluated(integral, point), 30) for integral, symbol in left.items()}
        gain = (after / before.replace(sp.Integral, lambda *_: sp.Integer(0))).xreplace(left)
        same_orbits = _match(_decays(gain, known), _decays(before, lost))
        return same_orbits and bool(abs(mpmath.log(_evaluated(gain, known)) + series) < 1e-10 * (1 + abs(series)))


def _decays(line: sp.Expr, point: dict) -> list[float]:
    """Return every Delta in the exponentials e^{-Delta (l^2 + 1/4)} of a line."""
    rates = [-e.args[0].subs(_L, sp.sqrt(3) / 2) for e in line.atoms(sp.exp) if e.has(_L) and not e.has(sp.Integral)]
    return [float(rate.subs(point)) for rate in rates]


def _match(found: list[float], expected: list[float]) -> bool:
    """Say whether each number of one list is one of the other's, to ten digits."""
    return all(any(abs(a - b) <= 1e-10 * b for b in expected) for a in found) and all(any(abs(a - b) <= 1e-10 * b for a in found) for b in expected)


def _evaluated(expression: sp.Expr, point: dict) -> mpmath.mpf:
    return sp.lambdify(list(point), expression, "mpmath")(*(mpmath.mpf(value.evalf(40)) for value in point.values()))


def _series(lost: sp.Expr) -> mpmath.mpf:
    delta = mpmath.mpf(lost.evalf(40))
    return mpmath.nsum(lambda n: -mpmath.erfc(mpmath.sqrt(n * delta) / 2) / n, [1, mpmath.inf])


_ORBIT = Rule("insertion of the orbit's action", _insert, _numbers_confirm)
