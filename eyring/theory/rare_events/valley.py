"""Escape along a narrow valley with anisotropic noise: the fast direction across is eliminated, and the noise along the valley alone counts."""

import random
from collections.abc import Sequence
from functools import cache

import mpmath
import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.definite import demand_covariance
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers, draw
from eyring.theory.escape.problem import Place
from eyring.theory.formula import Formula
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.regime import Condition, greater
from eyring.theory.symbols import covariance_11, covariance_12, covariance_22, learning_rate, loss_min, loss_saddle, valley_slope

__all__ = ["along_valley", "straight_valley", "valley_exponent"]

S, N = sp.symbols("s n", real=True)  # along the valley, and across
STIFF = sp.Symbol("h", positive=True)
FLOOR, TILT = sp.Function("U", real=True)(S), sp.Function("V", real=True)(S)  # the loss on the floor, and its slope across there
D_SS, D_NN = sp.symbols("D_ss D_nn", positive=True)
D_SN = sp.Symbol("D_sn", real=True)
ALONG = sp.Symbol("u", real=True)
W = sp.Function("W", real=True)(S, N)
PIECES = 2000


def valley_exponent(
    loss: Landscape, diffusion: sp.MatrixBase, *, start: Place, over: Place, valley: Sequence[sp.Expr] | None = None, parameter: sp.Symbol = ALONG
) -> Formula:
    r"""Return ln(tau) to leading order for a walker that follows a narrow valley: int dL/(e^T D e), e the unit tangent of the valley.

    It holds where the loss is much steeper across the valley than along it (relative error of order (along/across)^2 for a straight one);
    ``quasipotential`` has the number without that condition. For SGD the diffusion is eta C/2; with noise C = H/B frozen at the minimum,
    e^T H e takes the place of the curvature H_a along the escape.

    Args:
        loss: A landscape of several coordinates.
        diffusion: D, (n, n), in length^2/time; it may depend on the coordinates.
        start: The minimum.
        over: The saddle.
        valley: The floor of the valley, one expression of ``parameter`` a coordinate, the minimum at 0 and the saddle at 1; left out, a line.
        parameter: The symbol along the valley.

    Raises:
        NotApplicable: If the loss has one coordinate, start is no minimum, or over is no saddle.
        EyringError: If D is not a covariance of the right shape, or the valley does not join the two points.
    """
    if loss.dim < 2:
        raise NotApplicable("a valley needs at least two coordinates; in one dimension escape_time has the exponent, D(x) and all")
    D = sp.ImmutableMatrix(diffusion)
    if D.shape != (loss.dim, loss.dim):
        raise EyringError(f"{loss.dim} coordinates need a {loss.dim} x {loss.dim} diffusion matrix, got {D.shape}")
    demand_covariance(D, "a diffusion matrix")
    a, b = loss.locate(start, role="start"), loss.locate(over, role="over")
    if a.index != 0 or b.index != 1:
        raise NotApplicable(f"a valley leads from a minimum to a saddle; got the {a} and the {b}")
    way = sp.Matrix(valley) if valley is not None else sp.Matrix(a.position) + parameter * (sp.Matrix(b.position) - sp.Matrix(a.position))
    _demand_ends(way, parameter, a, b)
    derivation = along_valley().apply(_FOLLOW, "follow the valley of this loss", loss=loss, diffusion=D, way=way, parameter=parameter)
    return Formula(derivation, "1", sp.Integer(1), _narrow(b.hessian), name="anisotropic-barrier")


@cache
def along_valley() -> Derivation:
    """Derive the exponent along a narrow straight valley, (L_b - L_a)/D_ss, s along it and n across."""
    noise = sp.Matrix([[D_SS, D_SN], [D_SN, D_NN]])
    loss = FLOOR + N * TILT + STIFF * N**2 / 2
    p, slope = (sp.Matrix([sp.diff(e, S), sp.diff(e, N)]) for e in (W, loss))
    cheapest = FLOOR / D_SS + N * (TILT - 2 * D_SN * sp.diff(FLOOR, S) / D_SS) / D_NN + STIFF * N**2 / (2 * D_NN)
    return (
        Derivation("exponent of the escape along a narrow valley")
        .cite(
            "ln(tau) tends to W(b) - W(a), and p = grad W obeys p.D p = p.grad L (Hamilton-Jacobi); across the valley the loss is stiff",
            sp.Eq((p.T * noise * p - p.T * slope)[0], 0),
            source="freidlin2012",
            needs="the noise is weak",
        )
        .claim(
            "W near the floor, n of order 1/h",
            cheapest,
            residual=_hamilton_jacobi,
            rule="insertion, all powers of h at fixed h n that do not vanish as h grows",
            needs="the loss is much steeper across the valley than along it",
        )
        .apply(_ON_FLOOR, "on the floor, from minimum to saddle")
    )


@cache
def straight_valley() -> Derivation:
    """Derive the exponent along y = m x in terms of L_a, L_b, m, eta and the entries of C."""
    return along_valley().apply(_ROTATE, "D_ss is e^T D e with D = eta C/2 and e the unit vector along (1, m)")


def _hamilton_jacobi(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    scaled = sp.Symbol("z", real=True)  # h n
    left = sp.expand(previous.lhs.subs(W, stated).doit().subs(N, scaled / STIFF))
    return sp.Add(*(sp.simplify(left.coeff(STIFF, k)) * STIFF**k for k in range(3)))


def _on_floor(cheapest: sp.Expr) -> sp.Expr:
    floor = cheapest.subs(N, 0)
    return sp.factor(floor.subs(FLOOR, loss_saddle) - floor.subs(FLOOR, loss_min))


def _difference_by_slope(before: sp.Expr, after: sp.Expr) -> bool:
    """Integrate the slope of W along the floor of one loss."""
    floor = S**2 - S**3 / 3 + S / 7 + sp.Rational(3, 5)
    along = sp.integrate(sp.diff(before.subs(FLOOR, floor).doit(), S).subs(N, 0), (S, 0, 2))
    return agree_in_numbers(along, after.subs({loss_min: floor.subs(S, 0), loss_saddle: floor.subs(S, 2)}))


def _rotate(exponent: sp.Expr) -> sp.Expr:
    m = valley_slope
    along = learning_rate * (covariance_11 + 2 * m * covariance_12 + m**2 * covariance_22) / (2 * (1 + m**2))
    return sp.factor(exponent.subs(D_SS, along))


def _rotated_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Turn one matrix by the angle of the valley and read its first entry."""
    m, eta = sp.Rational(3, 4), sp.Rational(2, 7)  # the angle has cosine 4/5 and sine 3/5
    turn = sp.Matrix([[4, 3], [-3, 4]]) / 5
    C = sp.Matrix([[sp.Rational(9, 5), sp.Rational(1, 3)], [sp.Rational(1, 3), sp.Rational(5, 2)]])
    turned = turn * (eta * C / 2) * turn.T
    values = {valley_slope: m, learning_rate: eta, covariance_11: C[0, 0], covariance_12: C[0, 1], covariance_22: C[1, 1]}
    return agree_in_numbers(before.subs(D_SS, turned[0, 0]), after.subs(values))


def _follow(exponent: sp.Expr, *, loss: Landscape, diffusion: sp.MatrixBase, way: sp.Matrix, parameter: sp.Symbol) -> sp.Expr:
    place = dict(zip(loss.coordinates, way, strict=True))
    tangent = sp.diff(way, parameter)
    noise = (tangent.T * diffusion.subs(place) * tangent)[0]
    climb = sp.diff(loss.expression.subs(place), parameter)
    if parameter not in noise.free_symbols and parameter not in (tangent.T * tangent)[0].free_symbols:
        rise = loss.expression.subs(place)
        return sp.simplify((rise.subs(parameter, 1) - rise.subs(parameter, 0)) * (tangent.T * tangent)[0] / noise)
    integrand = sp.cancel(climb * (tangent.T * tangent)[0] / noise)
    if integrand.is_polynomial(parameter):
        return sp.integrate(integrand, (parameter, 0, 1))
    return sp.Integral(integrand, (parameter, 0, 1))  # closed forms are long, and slow to find


def _followed_in_pieces(before: sp.Expr, after: sp.Expr, *, loss: Landscape, diffusion: sp.MatrixBase, way: sp.Matrix, parameter: sp.Symbol) -> bool:
    """Cut the valley into short straight pieces and pay each at its own e^T D e."""
    generator = random.Random(3)
    free = (loss.expression.free_symbols | diffusion.free_symbols | way.free_symbols) - {*loss.coordinates, parameter}
    point = {s: draw(s, generator) for s in sorted(free, key=str)}
    place = sp.lambdify(parameter, way.subs(point), "mpmath")
    height = sp.lambdify(loss.coordinates, loss.expression.subs(point), "mpmath")
    noise = sp.lambdify(loss.coordinates, sp.Matrix(diffusion).subs(point), "mpmath")
    total = mpmath.mpf(0)
    here = place(mpmath.mpf(0))
    for k in range(PIECES):
        there = place(mpmath.mpf(k + 1) / PIECES)
        step, middle = there - here, (there + here) / 2
        along = (step.T * noise(*middle) * step)[0] / (step.T * step)[0]
        total += (height(*there) - height(*here)) / along
        here = there
    return bool(abs(mpmath.mpf(sp.Float(after.subs(point).evalf(20), 20)._mpf_) / total - 1) < 1e-5)


def _demand_ends(way: sp.Matrix, parameter: sp.Symbol, a: CriticalPoint, b: CriticalPoint) -> None:
    ends = ((sp.Integer(0), a, "minimum"), (sp.Integer(1), b, "saddle"))
    for value, point, name in ends:
        off = [sp.simplify(c.subs(parameter, value) - x) for c, x in zip(way, point.position, strict=True)]
        if len(way) != len(point.position) or any(abs(sp.N(d)) > 1e-6 if d.is_number else d != 0 for d in off):
            raise EyringError(f"the valley must lie at the {name} for {parameter} = {value}; it is at {[str(c.subs(parameter, value)) for c in way]}")


def _narrow(hessian: sp.MatrixBase) -> tuple[Condition, ...]:
    if hessian.free_symbols:
        return ()
    curvatures = sorted(float(e) for e in mpmath.eigsy(mpmath.matrix(hessian.evalf(20).tolist()), eigvals_only=True))
    relation = greater(sp.Float(curvatures[1], 6), sp.Float(5 * abs(curvatures[0]), 6))
    narrow = Condition(
        relation, "the valley is narrow: steeper across than along, at the saddle five times", remedy="Take quasipotential(sde, start=..., end=...)."
    )
    return () if relation == sp.true else (narrow,)


_ON_FLOOR = Rule("difference along the floor", _on_floor, _difference_by_slope)
_ROTATE = Rule("rotation", _rotate, _rotated_in_numbers)
_FOLLOW = Rule("insertion of the valley", _follow, _followed_in_pieces)
