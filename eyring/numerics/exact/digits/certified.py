r"""The mean first-passage time inside a ball that is proved to contain it: truncation, the infinite tail and rounding are all in its radius.

The way is cut into panels. On each, Phi', e^Phi D^-q and e^-Phi D^(q-1) are power series about its middle; on a disc of ``REACH`` half widths around
it they are bounded by complex balls, so that Cauchy's estimate bounds every coefficient left out. The far tail is bounded by the speed density
divided by the smallest rate at which it falls, and that rate is proved by counting the roots of a polynomial.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import mpmath
import sympy as sp
from sympy.polys.polyerrors import DomainError

from eyring.errors import AccuracyError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.walk import passage, wall_behind, way
from eyring.numerics.exact.digits.balls import NotAnalytic, largest_on_disc, number_ball, series_about, working
from eyring.numerics.exact.line import symbolic_slope
from eyring.numerics.exact.values import exact_value
from eyring.theory.sde import SDE

__all__ = ["certified_passage_time"]

REACH = 4  # radius of the disc in half widths of the panel: a term left out is 4 times smaller than the one before
STEEPEST = 12  # largest rise of Phi from a panel's middle to the edge of its disc
NARROWEST = 1e-9  # panels are not cut below this width: a pole lies on the way
MOST_PANELS = 20_000
ATTEMPTS = 6
FEWEST_TERMS = 4  # the bound on what is left out of an integral needs as many
SAME_ROOT = 1e-25


@dataclass(frozen=True)
class _Way:
    """The walk, mirrored so that it goes up: Phi', D, q, its wall or the cut of its tail, and the points between which both are analytic."""

    slope: sp.Expr
    diffusion: sp.Expr
    x: sp.Symbol
    weight: sp.Rational
    start: sp.Expr
    target: sp.Expr
    far: sp.Expr
    walled: bool
    breaks: tuple[sp.Expr, ...]


def certified_passage_time(
    sde: SDE,
    start: Any,
    ends: tuple[Any, ...],
    numbers: Mapping[sp.Symbol, Any],
    digits: int,
    *,
    reflecting: Any = None,
    terms: int | None = None,
) -> Number:
    """Return the mean first-passage time with a certified error below 10^-digits.

    Args:
        sde: A process in one coordinate.
        start: Where the walk begins.
        ends: Where it ends; one point, or one on each side of the start.
        reflecting: A wall behind the start.
        numbers: A single number for every parameter; decimals mean themselves.
        digits: Digits wanted.
        terms: Terms of each series; chosen from the digits if left out. Fewer widen the ball and never make it wrong.

    Raises:
        NotAnalytic: If drift or diffusion cannot be bounded (an unknown function, a kink at an unknown place), or the tail cannot.
        AccuracyError: If the ball stays wider than asked.
    """
    exact = {s: exact_value(v) for s, v in numbers.items()}
    behind = [reflecting] if len(ends) == 1 else [start, start]  # out of an interval: two walks with a wall at the start
    walks = [_way_of(sde, exact, start, end, wall, numbers, digits) for end, wall in zip(ends, behind, strict=True)]
    for attempt in range(ATTEMPTS):
        with working(int((digits + 15) * 3.33 * 1.5**attempt) + 64, max(terms or int(1.7 * digits * 1.3**attempt) + 14, FEWEST_TERMS)):
            ball = _first_of([_time(walk) for walk in walks])
            if ball.is_finite() and (terms or ball.rad() < abs(ball.mid()) * _tenth(digits)):
                return _number(ball, sde.clock.subs(exact), digits)
    raise AccuracyError(
        f"{digits} certified digits were asked for and the ball stays as wide as {ball.str(8)}; ask for fewer digits", float(ball.mid())
    )


def _tenth(digits: int) -> Any:
    import flint

    return flint.arb(10) ** -digits


def _way_of(sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], start: Any, end: Any, wall: Any, numbers: Mapping[sp.Symbol, Any], digits: int) -> _Way:
    walk = passage(sde, start, end, wall, numbers)
    begin, stop = (_polished(point, sde, exact, digits) for point in way(start, end, numbers))
    x, side = sde.coordinates[0], (1 if stop > begin else -1)
    slope, diffusion = (e.subs(exact).subs(x, side * x) for e in symbolic_slope(sde))
    outermost = walk.edges(drop=(digits + 8) * 2.303)[0]
    far = sp.Rational(float(outermost)) if wall is None else side * wall_behind(wall, begin, side, numbers)
    breaks = tuple(sorted({b for e in (slope, diffusion) for b in _breaks(e, x)}, key=float))
    return _Way(side * slope, diffusion, x, sde.calculus_weight, side * begin, side * stop, far, wall is not None, breaks)


def _polished(point: sp.Expr, sde: SDE, exact: Mapping[sp.Symbol, sp.Expr], digits: int) -> sp.Expr:
    """Return a point of rest that is known to thirty digits, such as a critical point, to as many as are needed; others as they are."""
    drift = sde.drift[0].subs(exact)
    if not point.is_Float or drift.free_symbols - set(sde.coordinates):
        return point
    with mpmath.workdps(digits + 40):
        try:
            root = mpmath.findroot(sp.lambdify(sde.coordinates[0], drift, "mpmath"), mpmath.mpf(point._mpf_))
        except (ValueError, ZeroDivisionError):
            return point
        near = abs(root - mpmath.mpf(point._mpf_)) < SAME_ROOT * (1 + abs(root))
        return sp.Float(root, digits + 30) if near else point


def _breaks(expression: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """Yield where the cases of an expression change.

    Raises:
        NotAnalytic: If a case is not a comparison of x with a number, or there are other kinks.
    """
    if expression.has(sp.Abs, sp.sign, sp.Max, sp.Min, sp.Heaviside):
        raise NotAnalytic("kinks are handled where they are written as Piecewise")
    for piecewise in expression.atoms(sp.Piecewise):
        for _, condition in piecewise.args:
            for relation in condition.atoms(sp.core.relational.Relational):
                gap = sp.Poly(relation.lhs - relation.rhs, x) if (relation.lhs - relation.rhs).is_polynomial(x) else None
                if gap is None or gap.degree() != 1 or gap.free_symbols_in_domain:
                    raise NotAnalytic(f"the cases of {relation} change at a place that is not known exactly")
                yield -gap.coeff_monomial(1) / gap.coeff_monomial(x)


def _case_at(expression: sp.Expr, x: sp.Symbol, middle: sp.Expr) -> sp.Expr:
    def chosen(piecewise: sp.Piecewise) -> sp.Expr:
        return next(e for e, condition in piecewise.args if condition == sp.true or condition.subs(x, middle) == sp.true)

    return expression.replace(lambda e: isinstance(e, sp.Piecewise), chosen)


def _first_of(walks: list[tuple[Any, Any]]) -> Any:
    """Return the time of the only walk; of two away from the start, that of whichever ends first: each weighted by the other's scale.

    Out of (l, r): h T_r + (1 - h) T_l with h = S(l, x)/S(l, r) the probability to leave at r, T_r and T_l the times with a wall at the start.
    """
    if len(walks) == 1:
        return walks[0][0]
    (one, scale_one), (other, scale_other) = walks
    return (one * scale_other + other * scale_one) / (scale_one + scale_other)


def _time(walk: _Way) -> tuple[Any, Any]:
    """Return the balls of the passage time and of the scale int s' from start to target, at the present precision."""
    import flint

    population, height, total, scale = flint.arb(0) if walk.walled else _tail(walk), flint.arb(0), flint.arb(0), flint.arb(0)
    for low, high, bounds, slope, diffusion, counted in _panels(walk):
        panel = _Panel.of(slope, diffusion, walk, low, high, bounds)
        middle = height + panel.rise_to_middle
        lift = middle.exp()
        if counted:
            total += lift * population * panel.scale + panel.nested
            scale += lift * panel.scale
        population += panel.speed / lift
        height = middle + panel.rise_from_middle
    return total, scale


def _tail(walk: _Way) -> Any:
    """Return the ball of int_{-inf}^{far} e^-Phi D^(q-1) with Phi(far) = 0: between zero and the density there over the rate at which it falls.

    Raises:
        NotAnalytic: If the density's logarithmic slope is not a ratio of polynomials with rational coefficients, or is not positive beyond.
    """
    import flint

    x, w = walk.x, sp.Symbol("w")
    slope, diffusion = (_case_at(e, x, walk.far - 1) for e in (walk.slope, walk.diffusion))
    if any(b < walk.far for b in walk.breaks):
        raise NotAnalytic("the coefficients change beyond the point where the tail is cut")
    growth = sp.together((-slope + (walk.weight - 1) * sp.diff(diffusion, x) / diffusion).subs(x, walk.far - w))
    if not growth.is_rational_function(w) or growth.free_symbols - {w} or not all(n.is_Rational for n in growth.atoms(sp.Number)):
        raise NotAnalytic("the tail is bounded where drift and diffusion are ratios of polynomials")
    slowest = growth.subs(w, 0)
    if not (slowest.is_Rational and slowest > 0):
        raise NotAnalytic("the density does not fall beyond the cut")
    numerator, denominator = sp.fraction(sp.cancel(growth - slowest / 2))
    if any(_changes_sign(sp.Poly(part, w)) for part in (numerator, denominator)):
        raise NotAnalytic("the density does not fall fast everywhere beyond the cut")
    density = number_ball(diffusion.subs(x, walk.far) ** (walk.weight - 1))
    most = density / number_ball(slowest / 2)
    return most * flint.arb("0.5", "0.5")


def _changes_sign(polynomial: sp.Poly) -> bool:
    try:
        return bool(polynomial.count_roots(0, sp.oo))
    except (sp.PolynomialError, DomainError) as error:
        raise NotAnalytic(f"the tail's rate {polynomial.as_expr()} is not a ratio of polynomials with rational coefficients") from error


def _panels(walk: _Way) -> Iterator[tuple[Any, Any, tuple[Any, ...], sp.Expr, sp.Expr, bool]]:
    """Yield panels from the cut of the tail to the target, each so short that Phi rises little on the disc around it, and the bounds there.

    Raises:
        NotAnalytic: If panels would have to be too many or too short.
    """
    marks = sorted({walk.far, walk.start, walk.target, *(b for b in walk.breaks if walk.far < b < walk.target)}, key=float)
    if any(number_ball(high - low).contains(0) or float(high) == float(low) for low, high in pairwise(marks)):
        raise NotAnalytic("two of start, target, wall and the places where the coefficients change are too close to be told apart")
    count = 0
    for low, high in pairwise(marks):
        counted, middle = bool(float(low) >= float(walk.start)), (low + high) / 2
        slope, diffusion = _case_at(walk.slope, walk.x, middle), _case_at(walk.diffusion, walk.x, middle)
        weights = (diffusion**-walk.weight, diffusion ** (walk.weight - 1))
        pending = [(number_ball(low), number_ball(high))]
        while pending:
            a, b = pending.pop()
            if bounds := _bounds_if_short((slope, *weights), walk.x, a, b):
                count += 1
                yield a, b, bounds, slope, diffusion, counted
            elif count + len(pending) > MOST_PANELS or float(b - a) < NARROWEST:
                raise NotAnalytic(f"drift or diffusion cannot be bounded near {walk.x} = {float(a):.6g}")
            else:
                cut = ((a + b) / 2).mid()
                pending += [(cut, b), (a, cut)]


def _bounds_if_short(functions: tuple[sp.Expr, ...], x: sp.Symbol, low: Any, high: Any) -> tuple[Any, ...] | None:
    """Return bounds of Phi', D^-q and D^(q-1) on the disc around a panel, if they can be had and Phi rises little there."""
    centre, radius = (low + high) / 2, ((high - low) / 2).abs_upper() * REACH
    try:
        bounds = tuple(largest_on_disc(function, x, centre, radius) for function in functions)
    except NotAnalytic:
        return None
    return bounds if bounds[0] * radius < STEEPEST else None


@dataclass(frozen=True)
class _Panel:
    """Integrals over one panel, Phi measured from its middle.

    Attributes:
        rise_to_middle: Phi(middle) - Phi(low).
        rise_from_middle: Phi(high) - Phi(middle).
        scale: int e^Phi D^-q.
        speed: int e^-Phi D^(q-1).
        nested: int e^Phi D^-q(y) int_low^y e^-Phi D^(q-1).
    """

    rise_to_middle: Any
    rise_from_middle: Any
    scale: Any
    speed: Any
    nested: Any

    @classmethod
    def of(cls, slope: sp.Expr, diffusion: sp.Expr, walk: _Way, low: Any, high: Any, bounds: tuple[Any, ...]) -> "_Panel":
        """Integrate the series term by term, and widen by what the terms left out can be."""
        import flint

        x, q = walk.x, walk.weight
        centre, half = (low + high) / 2, ((high - low) / 2).abs_upper()
        radius, terms = half * REACH, flint.ctx.cap
        steep, weight_s, weight_m = bounds
        left_out = flint.arb(REACH) ** -terms / (1 - flint.arb(1) / REACH)  # Cauchy: of a function bounded by 1 on the disc
        growth = (steep * radius).exp()
        left, right = low - centre, high - centre

        def widened(ball: Any, bound: Any) -> Any:
            return ball + flint.arb(0, (bound * left_out * half).abs_upper())

        potential = series_about(slope, x, centre).integral()
        scale = potential.exp() * series_about(diffusion**-q, x, centre)
        speed = (-potential).exp() * series_about(diffusion ** (q - 1), x, centre)
        inner = speed.integral()
        nested = (scale * inner).integral()
        bound_s, bound_m = growth * weight_s, growth * weight_m
        (phi_left, phi_right), (s_left, s_right), (m_left, m_right), (n_left, n_right) = (
            _values(series, left, right) for series in (potential, scale.integral(), inner, nested)
        )
        before = widened(m_left, bound_m)
        whole = widened(s_right - s_left, 2 * bound_s)
        return cls(
            widened(-phi_left, steep),
            widened(phi_right, steep),
            whole,
            widened(m_right, bound_m) - before,
            widened(n_right - n_left, 2 * bound_s * bound_m * radius) - before * whole,
        )


def _values(series: Any, *places: Any) -> tuple[Any, ...]:
    """Return the truncated series at places."""
    import flint

    polynomial = flint.arb_poly(series.coeffs())
    return tuple(polynomial(place) for place in places)


def _number(ball: Any, clock: sp.Expr, digits: int) -> Number:
    middle, radius = _mpf(ball.mid()), _mpf(ball.rad())
    relative = float(radius / middle) * (1 + 1e-12)
    return Number(middle, 0.0, relative, "time", clock if clock.is_number else None, digits, certified=True)


def _mpf(exact: Any) -> Any:
    mantissa, exponent = exact.man_exp()
    with mpmath.workprec(max(53, int(mantissa).bit_length() + 2)):
        return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))
