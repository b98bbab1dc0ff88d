"""How the finite step of white-noise gradient descent shifts its escape time: the chain's own modified equation, put into Kramers' formula."""

from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.laplace import gaussian_moment
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics.white_noise import WhiteNoiseGD
from eyring.theory.escape.jets import DIFFUSION, LOSS, X, jet_at
from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.escape.problem import Place, pose
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.regime import Condition, greater, less
from eyring.theory.symbols import curvature_min, curvature_saddle, exact_number, learning_rate, loss_min, loss_saddle, temperature

__all__ = ["finite_step_derivation", "finite_step_escape_time"]

XI = sp.Symbol("xi", real=True)
ETA, T = learning_rate, temperature
HIGHEST_MOMENT = 4


def finite_step_escape_time(
    loss: Landscape, *, start: Place, over: Place, learning_rate: sp.Expr | float = ETA, temperature: sp.Expr | float = T
) -> Formula:
    r"""Return the mean escape time of x' = x - eta L'(x) + sqrt(2 T eta) xi, correct to first order in the step eta.

    tau = 2 pi/sqrt(H_a |H_b|) e^{(L_b - L_a)/T} [1 + (eta/4)(|H_b| - H_a)], to leading order in T: a finite step speeds the escape from a well that
    is sharper than its barrier's top. It holds for eta^2 << T; at fixed eta and T -> 0 the barrier itself shifts (``discrete_barrier``).

    Args:
        loss: A landscape of one coordinate.
        start: The minimum, a critical point or a number near it.
        over: The saddle.
        learning_rate: eta, in length^2/loss.
        temperature: T, in units of the loss.

    Returns:
        The time to the next well, in units of time; ``.per_iteration`` divides by eta.

    Raises:
        NotApplicable: If start is no minimum, over is no saddle, or the loss has several coordinates.
        EyringError: If start or over is no critical point.
    """
    sde = WhiteNoiseGD(learning_rate=learning_rate, temperature=temperature).sde(loss)
    problem = pose(sde, start=start, over=over, event="next well")
    _demand_one_coordinate(loss)
    values = {
        loss_min: problem.start.value,
        loss_saddle: problem.over.value,
        curvature_min: problem.start.hessian[0, 0],
        curvature_saddle: problem.over.hessian[0, 0],
        ETA: exact_number(learning_rate),
        T: exact_number(temperature),
    }
    derivation = finite_step_derivation().apply(_LOCAL, "insert minimum, saddle and hyperparameters", values=values)
    return Formula(derivation, "time", values[ETA], _regime(values), name="finite-step-rate")


@cache
def finite_step_derivation() -> Derivation:
    """Derive the escape time from the moments of one step, in terms of L_a, L_b, H_a, H_b, eta and T."""
    slope = sp.diff(LOSS, X)
    drift = -slope - ETA / 2 * (slope * sp.diff(LOSS, X, 2) - T * sp.diff(LOSS, X, 3))
    spread = T * (1 + ETA * sp.diff(LOSS, X, 2))
    potential = LOSS / T - ETA * slope**2 / (4 * T) - ETA * sp.diff(LOSS, X, 2) / 2
    general, _ = general_mean_time(sp.Integer(0), "next well", 0)
    return (
        Derivation("escape time of white-noise gradient descent at a finite step")
        .define("one step of the update rule, xi standard normal", sp.ImmutableMatrix([-ETA * slope + sp.sqrt(2 * T * ETA) * XI]), rule="update rule")
        .apply(_MOMENTS, "the first four moments of the step")
        .claim(
            "drift and diffusion of the Ito equation that has the same moments after the time eta, through order eta^2",
            sp.ImmutableMatrix([drift, spread]),
            residual=_moments_differ,
            rule="moments of the diffusion after the time eta, by its generator",
            needs="the loss is smooth on the scale of one step",
        )
        .claim("its potential, Phi' = -drift/diffusion, to first order in eta", potential, residual=_slope_differs, rule="differentiation")
        .follow(general)
        .apply(
            _MODIFIED,
            "insert the modified drift and diffusion, to first order in eta and leading order in T",
            drift=drift,
            spread=spread,
            potential=potential,
            needs="eta^2 is small against T, and T against the barrier",
        )
    )


def _demand_one_coordinate(loss: Landscape) -> None:
    from eyring.errors import NotApplicable

    if loss.dim != 1:
        raise NotApplicable(
            f"the finite-step correction is derived for one coordinate, and the loss has {loss.dim}; use escape_time for eta -> 0, or simulate_escapes"
        )


def _regime(values: dict[sp.Symbol, sp.Expr]) -> tuple[Condition, ...]:
    eta, noise, sharp = values[ETA], values[T], values[curvature_min]
    conditions = (
        Condition(less(eta * sharp, sp.Integer(2)), "a step does not overshoot the minimum: the optimizer is stable", hard=True),
        Condition(greater((values[loss_saddle] - values[loss_min]) / noise, sp.Integer(3)), "the barrier is high against the noise"),
        Condition(less(eta**2 * sharp**2 * (values[loss_saddle] - values[loss_min]), noise), "the step is small against the noise, eta^2 << T"),
    )
    return tuple(c for c in conditions if c.relation != sp.true)


def _moments(change: sp.ImmutableMatrix) -> sp.ImmutableMatrix:
    """Return E[step^k], k = 1..4, for a step that is linear in a standard normal xi."""
    normal = [gaussian_moment(k, sp.Integer(1), half=False) / sp.sqrt(2 * sp.pi) for k in range(HIGHEST_MOMENT + 1)]
    powers = [sp.Poly(sp.expand(change[0] ** k), XI).all_coeffs()[::-1] for k in range(1, HIGHEST_MOMENT + 1)]
    return sp.ImmutableMatrix([sp.expand(sum(c * normal[n] for n, c in enumerate(row))) for row in powers])


def _moments_by_points(before: sp.ImmutableMatrix, after: sp.ImmutableMatrix) -> bool:
    """Average over three points that share the first five moments of a standard normal."""
    points = ((sp.sqrt(3), sp.Rational(1, 6)), (-sp.sqrt(3), sp.Rational(1, 6)), (sp.Integer(0), sp.Rational(2, 3)))
    sums = [sum(w * before[0].subs(XI, point) ** k for point, w in points) for k in range(1, HIGHEST_MOMENT + 1)]
    flat = {sp.diff(LOSS, X): sp.Symbol("L'", real=True)}
    return agree_in_numbers(sp.ImmutableMatrix(sums).subs(flat), after.subs(flat))


def _moments_differ(stated: sp.Basic, previous: sp.Basic) -> sp.ImmutableMatrix:
    """Return the moments of the stated diffusion after the time eta, minus those of the step, both through order eta^2."""
    drift, spread = stated[0], stated[1]
    start = sp.Symbol("x_0", real=True)
    rest = []
    for k in range(1, HIGHEST_MOMENT + 1):
        once = _generated((X - start) ** k, drift, spread)
        twice = _generated(once, drift, spread)
        moment = (ETA * once + ETA**2 * twice / 2).subs(start, X)
        rest.append(_through(sp.expand(moment.doit()) - previous[k - 1], 2))
    return sp.ImmutableMatrix(rest)


def _generated(function: sp.Expr, drift: sp.Expr, spread: sp.Expr) -> sp.Expr:
    return drift * sp.diff(function, X) + spread * sp.diff(function, X, 2)


def _through(expression: sp.Expr, order: int) -> sp.Expr:
    """Return the terms of a polynomial in eta up to the given power."""
    expanded = sp.expand(expression)
    return sp.expand(sum(expanded.coeff(ETA, k) * ETA**k for k in range(order + 1)))


def _slope_differs(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    """Return diffusion times Phi' plus drift, through first order in eta."""
    return _through(previous[1] * sp.diff(stated, X) + previous[0], 1)


def _insert_modified(expression: sp.Expr, *, drift: sp.Expr, spread: sp.Expr, potential: sp.Expr) -> sp.Expr:
    """Put the modified curvatures, diffusion coefficients and exponent into the general formula."""
    values: dict[sp.Symbol, sp.Expr] = {}
    ends = []
    for place, level in (("a", loss_min), ("b", loss_saddle)):
        jet = jet_at(place, 1)
        values[jet.loss[0]] = jet.of(-sp.diff(drift, X)).subs(T, 0)
        values[jet.diffusion[0]] = jet.of(spread)
        ends.append(jet.of(potential.subs(LOSS.diff(X), sp.diff(LOSS, X))).subs(LOSS, level))
    rise = sp.expand(ends[1] - ends[0])
    prefactor = expression.subs(EXPONENT, 0).subs(values, simultaneous=True)
    relative = sp.series(sp.expand_log(sp.log(prefactor), force=True) + rise.coeff(ETA, 1) * ETA, ETA, 0, 2).removeO().coeff(ETA, 1)
    return prefactor.subs(ETA, 0) * sp.exp(rise.subs(ETA, 0).factor()) * (1 + ETA * sp.simplify(relative))


def _inserted_in_numbers(before: sp.Expr, after: sp.Expr, *, drift: sp.Expr, spread: sp.Expr, potential: sp.Expr) -> bool:
    """For one lopsided well: find the zeros of the modified drift and integrate drift/diffusion by quadrature, at a tiny eta and T."""
    loss = X**2 * (sp.Rational(7, 10) - X * sp.Rational(3, 10) - X**2 * sp.Rational(11, 100))
    eta, noise = sp.Rational(1, 10**12), sp.Rational(1, 10**7)
    tiny = {ETA: eta, T: noise}
    force, width, plain = (e.subs(LOSS, loss).doit().subs(tiny) for e in (-drift, spread, sp.diff(LOSS, X)))
    with mpmath.workdps(50):
        f, d, g = (sp.lambdify(X, e, "mpmath") for e in (force, width, plain))
        true_a, true_b = (mpmath.findroot(g, guess) for guess in (0, 1.2))
        a, b = (mpmath.findroot(f, guess) for guess in (true_a, true_b))
        modified = {jet_at(p, 1).loss[0]: sp.Float(mpmath.diff(f, u), 50) for p, u in (("a", a), ("b", b))}
        modified |= {jet_at(p, 1).diffusion[0]: sp.Float(d(u), 50) for p, u in (("a", a), ("b", b))}
        expected = before.subs({**modified, EXPONENT: sp.Float(mpmath.quad(lambda u: f(u) / d(u), [a, b]), 50)})
        level, bend = (sp.lambdify(X, e, "mpmath") for e in (loss, sp.diff(loss, X, 2)))
        places = ((loss_min, level, true_a), (loss_saddle, level, true_b), (curvature_min, bend, true_a), (curvature_saddle, bend, true_b))
        found = after.subs({**tiny, **{s: sp.Float(h(u), 50) for s, h, u in places}})
        off = mpmath.mpf((sp.log(found) - sp.log(expected)).evalf(40))
        return bool(abs(off / eta) < 1e-3)


def _local(expression: sp.Expr, *, values: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    return expression.subs(values, simultaneous=True)


def _local_in_numbers(before: sp.Expr, after: sp.Expr, *, values: dict[sp.Symbol, sp.Expr]) -> bool:
    """Insert one symbol after the other instead of all at once: the order must not matter."""
    one_by_one = sp.log(before.subs({s: sp.Dummy(s.name, **s.assumptions0) for s in ()}))
    for symbol, value in values.items():
        one_by_one = one_by_one.subs(symbol, value)
    return agree_in_numbers(one_by_one, sp.log(after), tolerance=1e-15)


_MOMENTS = Rule("Gaussian moments", _moments, _moments_by_points)
_MODIFIED = Rule("insertion of the modified equation", _insert_modified, _inserted_in_numbers)
_LOCAL = Rule("insertion", _local, _local_in_numbers)
