"""How much more often a walker is found in one basin than in another: the weights of two minima by Laplace's method."""

import random
from functools import cache

import mpmath
import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.laplace import LAPLACE, SMALL, Peak
from eyring.theory.derivation.proof import agree_in_numbers, draw
from eyring.theory.escape.problem import Place
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.formula import Formula, logarithm
from eyring.theory.kinetic import kinetic_form
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.potential import landscape_of
from eyring.theory.quadrature import definite
from eyring.theory.sde import SDE
from eyring.theory.stationary.gibbs import isotropic_constant
from eyring.theory.stationary.tails import demand_noise_everywhere
from eyring.theory.symbols import (
    curvature_one,
    curvature_other,
    det_one,
    det_other,
    diffusion_one,
    diffusion_other,
    loss_one,
    loss_other,
    phase_difference,
    temperature,
)

__all__ = ["basin_ratio", "constant_noise_ratio", "varying_noise_ratio"]

U = sp.Symbol("u", real=True)
WEIGHT = sp.Symbol("I_A", positive=True)
PHASE = sp.Symbol("Phi_A", real=True)
WEAK = "the noise is weak: each basin's weight sits at its minimum"


def basin_ratio(sde: SDE, *, one: Place, other: Place) -> Formula:
    """Derive the stationary probability of the basin of ``one`` over that of ``other``, to leading order in the noise.

    In one dimension, for any D(x) > 0 and calculus of weight q,
        P_A/P_B = (D_A/D_B)^(q - 1/2) sqrt(H_B/H_A) exp(-int_B^A L'/D),
    whatever barriers lie between. In n dimensions, for isotropic constant noise T (also with momentum),
        P_A/P_B = sqrt(det H_B/det H_A) exp((L_B - L_A)/T).

    Args:
        sde: The process, overdamped or with momentum.
        one: The minimum A: a CriticalPoint, or a number within 1e-6 of one (one number a coordinate).
        other: The minimum B.

    Returns:
        The ratio, a pure number.

    Raises:
        EyringError: If a place is no critical point.
        NotApplicable: If a place is no minimum, the noise vanishes, or in several dimensions it is not isotropic and constant: a current then
            circulates, and the weights have no closed form.

    Source: Jastrzebski et al. 2017, Theorem 2, for constant noise; their form for varying noise does not hold (basin-ratio-varying-noise).

    >>> from eyring.theory.symbols import temperature as T
    >>> x = sp.Symbol("x", real=True)
    >>> basin_ratio(SDE(-sp.diff(x**4 / 4 - x**3 / 3 - x**2, x), T, [x]), one=2, other=-1).expression
    sqrt(2)*exp(9/(4*T))/2
    """
    kinetic = kinetic_form(sde)
    landscape = kinetic.landscape if kinetic else landscape_of(sde)
    if landscape is None:
        raise NotApplicable(f"the drift {sde.drift.tolist()} is not the gradient of a loss, so there are no basins whose weights could be compared")
    a, b = _minimum(landscape, one, "one"), _minimum(landscape, other, "other")
    if kinetic is None and sde.dim == 1:
        return _on_a_line(sde, landscape, a, b)
    T = kinetic.isotropic_temperature if kinetic else isotropic_constant(sde)
    if T is None:
        raise NotApplicable(
            "the noise is not one constant strength in every direction: in two or more dimensions a current circulates and weights of basins have "
            "no closed form; simulate, or compare the escape times both ways: P_A/P_B = tau_A/tau_B"
        )
    if T == 0:
        raise NotApplicable("there is no noise: a walker stays in the basin in which it starts")
    values = {temperature: T, loss_one: a.value, loss_other: b.value, det_one: _determinant(a), det_other: _determinant(b)}
    derivation = constant_noise_ratio(landscape.dim).apply(_INSERT, "insert the landscape and the noise", values=values)
    return Formula(derivation, "1", sde.clock, name="basin-ratio")


@cache
def constant_noise_ratio(n: int) -> Derivation:
    """Derive sqrt(det H_B/det H_A) exp((L_B - L_A)/T) in n dimensions, for undetermined curvatures."""
    curvatures = [sp.Symbol(f"a_{i}", positive=True) for i in range(1, n + 1)]
    weight = sp.Mul(*(gaussian_integral(a, temperature, U) for a in curvatures)) * sp.exp(-loss_one / temperature)
    return (
        Derivation("weights of two basins under isotropic noise")
        .define("the weight of basin A: the Gibbs density exp(-L/T) over its quadratic bottom, along the eigenvectors of H", weight, needs=WEAK)
        .apply(GAUSSIAN, "do the Gaussian integrals")
        .apply(_DETERMINANT, "the product of the curvatures is the determinant", curvatures=tuple(curvatures))
        .apply(_RATIO, "divide by the same for basin B", other={loss_one: loss_other, det_one: det_other})
    )


@cache
def varying_noise_ratio(calculus_weight: sp.Rational) -> Derivation:
    """Derive (D_A/D_B)^(q - 1/2) sqrt(H_B/H_A) exp(-Phi_AB) in one dimension, for any noise in the calculus of weight q."""
    peak = Peak((PHASE, curvature_one / diffusion_one), (diffusion_one ** (calculus_weight - 1),))
    other = {PHASE: PHASE - phase_difference, curvature_one: curvature_other, diffusion_one: diffusion_other}
    return (
        Derivation("weights of two basins in one dimension, any noise")
        .define("the weight of basin A: the integral over it of D^(q - 1) exp(-Phi/epsilon), Phi' = L'/D, for noise epsilon D", WEIGHT, needs=WEAK)
        .apply(LAPLACE, "expand about the minimum, where Phi'' = H_A/D_A", integral=WEIGHT, peak=peak, terms=0)
        .apply(_RATIO, "divide by the same for basin B, with Phi_AB = Phi_A - Phi_B", other=other)
        .apply(_FULL_NOISE, "set epsilon = 1")
    )


def _on_a_line(sde: SDE, landscape: Landscape, a: CriticalPoint, b: CriticalPoint) -> Formula:
    x, D = sde.coordinates[0], sde.diffusion[0]
    if D == 0:
        raise NotApplicable("there is no noise: a walker stays in the basin in which it starts")
    demand_noise_everywhere(D, x)
    slope = sp.together(landscape.gradient[0] / D) if D.is_rational_function(x) else landscape.gradient[0] / D
    climbed = definite(slope, x, b.position[0], a.position[0]) if x in D.free_symbols else sp.simplify(a.value - b.value) / D
    values = {
        curvature_one: a.hessian[0, 0], curvature_other: b.hessian[0, 0], phase_difference: climbed,
        diffusion_one: sp.simplify(D.subs(x, a.position[0])), diffusion_other: sp.simplify(D.subs(x, b.position[0])),
    }  # fmt: skip
    way = sp.Integral(landscape.gradient[0] / D, (x, b.position[0], a.position[0]))
    derivation = varying_noise_ratio(sde.calculus_weight).apply(_INSERT, "insert the landscape and the noise", values=values, way=way)
    return Formula(derivation, "1", sde.clock, name="basin-ratio-varying-noise" if x in D.free_symbols else "basin-ratio")


def _minimum(landscape: Landscape, place: Place, role: str) -> CriticalPoint:
    point = landscape.locate(place, role=role)
    if point.index != 0:
        raise NotApplicable(f"{role} must be a minimum of the loss, got the {point}: it has no basin. Choose one of Landscape.minima()")
    return point


def _determinant(point: CriticalPoint) -> sp.Expr:
    hessian = point.hessian
    if not hessian.has(sp.Float):
        return sp.simplify(hessian.det())
    with mpmath.workdps(35):
        return sp.Float(mpmath.det(mpmath.matrix(hessian.evalf(35).tolist())), 30)


def _insert(ratio: sp.Expr, *, values: dict[sp.Symbol, sp.Expr], way: sp.Integral | None = None) -> sp.Expr:
    return ratio.subs(values, simultaneous=True)


def _inserted(before: sp.Expr, after: sp.Expr, *, values: dict[sp.Symbol, sp.Expr], way: sp.Integral | None = None) -> bool:
    """Add up the logarithm's terms in numbers, the integral over the way from B to A by quadrature."""
    generator = random.Random(17)
    named = sorted({s for v in values.values() for s in v.free_symbols}, key=str)
    point = {s: draw(s, generator) for s in named}
    numbers = {s: _by_quadrature(sp.sympify(v), point) for s, v in values.items()}
    if way is not None:
        numbers[phase_difference] = _by_quadrature(way, point)
    expected = logarithm(before).subs(numbers).evalf(30)
    found = logarithm(after.replace(lambda e: isinstance(e, sp.Integral), lambda e: _by_quadrature(e, point))).subs(point).evalf(30)
    return bool(abs(found - expected) < 1e-12 * (1 + abs(expected)))


def _by_quadrature(expression: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    if not isinstance(expression, sp.Integral):
        return expression.subs(point).evalf(30)
    x, low, high = expression.limits[0]
    with mpmath.workdps(30):
        function = sp.lambdify(x, expression.function.subs(point), "mpmath")
        ends = [mpmath.mpf(sp.N(end.subs(point), 30)) for end in (low, high)]
        return sp.Float(mpmath.quad(function, mpmath.linspace(*ends, 9)), 30)


def _divide(weight: sp.Expr, *, other: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    ratio = sp.powsimp(weight / weight.subs(other, simultaneous=True))
    return ratio.replace(sp.exp, lambda exponent: sp.exp(sp.factor(sp.expand(exponent))))


def _logarithms_differ(weight: sp.Expr, ratio: sp.Expr, *, other: dict[sp.Symbol, sp.Expr]) -> bool:
    return agree_in_numbers(logarithm(weight) - logarithm(weight).subs(other, simultaneous=True), logarithm(ratio))


def _to_determinant(weight: sp.Expr, *, curvatures: tuple[sp.Symbol, ...]) -> sp.Expr:
    """Write a_1 = det/(a_2 ... a_n)."""
    return sp.powdenest(sp.powsimp(weight.subs(curvatures[0], det_one / sp.Mul(*curvatures[1:])), force=True), force=True)


def _same_with_product(before: sp.Expr, after: sp.Expr, *, curvatures: tuple[sp.Symbol, ...]) -> bool:
    return not after.free_symbols & set(curvatures) and agree_in_numbers(before, after.subs(det_one, sp.Mul(*curvatures)))


def _full_noise(ratio: sp.Expr) -> sp.Expr:
    return ratio.subs(SMALL, 1)


def _noise_back(before: sp.Expr, after: sp.Expr) -> bool:
    """Noise epsilon D has Phi/epsilon: putting it back gives the line before, the powers of epsilon cancelling in the ratio."""
    scaled = {diffusion_one: SMALL * diffusion_one, diffusion_other: SMALL * diffusion_other, phase_difference: phase_difference / SMALL}
    return agree_in_numbers(before, after.subs(scaled, simultaneous=True))


_RATIO = Rule("ratio of weights", _divide, _logarithms_differ)
_DETERMINANT = Rule("determinant", _to_determinant, _same_with_product)
_FULL_NOISE = Rule("full noise", _full_noise, _noise_back)
_INSERT = Rule("insertion of landscape and noise", _insert, _inserted)
