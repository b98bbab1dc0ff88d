"""How the finite step of white-noise gradient descent shifts its escape time: the chain's own modified equation, put into Kramers' formula."""

from functools import cache

import mpmath
import sympy as sp

from eyring.errors import DerivationError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics.white_noise import WhiteNoiseGD
from eyring.theory.escape.jets import LOSS, X, jet_at
from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.escape.problem import Place
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.matching.modified_equation import modified_equation
from eyring.theory.rare_events.climb import Climb, climb_of
from eyring.theory.regime import Condition, greater, less
from eyring.theory.symbols import curvature_min, curvature_saddle, exact_number, learning_rate, loss_min, loss_saddle, temperature

__all__ = ["finite_step_conditions", "finite_step_derivation", "finite_step_escape_time"]

ETA, T = learning_rate, temperature


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
    climb = climb_of(loss, start=start, over=over)
    derivation = climb.insert(finite_step_derivation(), {ETA: learning_rate, T: temperature})
    eta = exact_number(learning_rate)
    return Formula(derivation, "time", eta, _regime(climb, eta, exact_number(temperature)), name="finite-step-rate")


@cache
def finite_step_derivation() -> Derivation:
    """Derive the escape time from the moments of one step, in terms of L_a, L_b, H_a, H_b, eta and T."""
    modified = modified_equation(WhiteNoiseGD(), Landscape(LOSS, [X]))
    drift, spread = modified.drift[0], modified.diffusion[0]
    potential = LOSS / T - ETA * sp.diff(LOSS, X) ** 2 / (4 * T) - ETA * sp.diff(LOSS, X, 2) / 2
    if modified.derivation is None:
        raise DerivationError("the modified equation comes without its derivation")
    general, _ = general_mean_time(sp.Integer(0), "next well", 0)
    return (
        Derivation("escape time of white-noise gradient descent at a finite step")
        .follow(modified.derivation)
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


def _regime(climb: Climb, eta: sp.Expr, noise: sp.Expr) -> tuple[Condition, ...]:
    sharp, barrier = climb.start.hessian[0, 0], climb.over.value - climb.start.value
    conditions = finite_step_conditions(eta, noise, sharp, barrier)
    return tuple(c for c in conditions if c.relation != sp.true)


def finite_step_conditions(eta: sp.Expr, noise: sp.Expr, sharp: sp.Expr, barrier: sp.Expr) -> tuple[Condition, ...]:
    """Return when the first-order law holds: stable steps, a high barrier, and eta^2 << T."""
    return (
        Condition(less(eta * sharp, sp.Integer(2)), "a step does not overshoot the minimum: the optimizer is stable", hard=True),
        Condition(greater(barrier / noise, sp.Integer(3)), "the barrier is high against the noise"),
        Condition(less((eta * sharp) ** 2 * barrier, noise), "the finite step does not shift the barrier, eta^2 << T"),
    )


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
        ends.append(jet.of(potential).subs(LOSS, level))
    rise = sp.expand(ends[1] - ends[0])
    prefactor = expression.subs(EXPONENT, 0).subs(values, simultaneous=True)
    relative = sp.series(sp.expand_log(sp.log(prefactor), force=True) + rise.coeff(ETA, 1) * ETA, ETA, 0, 2).removeO().coeff(ETA, 1)
    return prefactor.subs(ETA, 0) * sp.exp(rise.subs(ETA, 0).factor()) * (1 + ETA * sp.simplify(relative))


def _inserted_in_numbers(before: sp.Expr, after: sp.Expr, *, drift: sp.Expr, spread: sp.Expr, potential: sp.Expr) -> bool:
    """For one lopsided well: find the zeros of the modified drift and integrate drift/diffusion by quadrature, at a tiny eta and T."""
    loss = sp.Rational(3, 5) + X**2 * (sp.Rational(7, 10) - X * sp.Rational(3, 10) - X**2 * sp.Rational(11, 100))
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


_MODIFIED = Rule("insertion of the modified equation", _insert_modified, _inserted_in_numbers)
