"""The barrier that weak noise must climb when steps are finite: least action of the chain, expanded in the step."""

from functools import cache

import mpmath
import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.escape.jets import LOSS, X
from eyring.theory.escape.problem import Place
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.rare_events.climb import climb_of
from eyring.theory.regime import Condition, less
from eyring.theory.symbols import climb_12, exact_number, learning_rate, loss_min, loss_saddle

__all__ = ["discrete_barrier", "discrete_barrier_derivation"]

ETA = learning_rate
NEXT = sp.Symbol("y", real=True)
W = sp.Function("W", real=True)


def discrete_barrier(loss: Landscape, *, start: Place, over: Place, learning_rate: sp.Expr | float = ETA) -> Formula:
    r"""Return the barrier of x' = x - eta L'(x) + sqrt(2 T eta) xi as T -> 0 at a fixed step: T ln tau -> L_b - L_a - (eta^2/6) int_a^b L' L''^2 dx.

    The first order in eta is absent; the next is of order eta^3.

    Args:
        loss: A landscape of one coordinate.
        start: The minimum, a critical point or a number near it.
        over: The saddle.
        learning_rate: eta, in length^2/loss.

    Returns:
        The barrier, in units of the loss.

    Raises:
        NotApplicable: If start is no minimum, over is no saddle, or the loss has several coordinates.
        EyringError: If start or over is no critical point.
    """
    climb = climb_of(loss, start=start, over=over)
    derivation = climb.insert(discrete_barrier_derivation(), {ETA: learning_rate})
    eta = exact_number(learning_rate)
    stable = Condition(less(eta * climb.start.hessian[0, 0], sp.Integer(2)), "a step does not overshoot the minimum", hard=True)
    return Formula(derivation, "loss", eta, () if stable.relation == sp.true else (stable,), name="discrete-barrier")


@cache
def discrete_barrier_derivation() -> Derivation:
    """Derive the barrier in terms of L_a, L_b, eta and A_12, the integral of L' L''^2 from minimum to saddle."""
    slope, bend, third = (sp.diff(LOSS, X, k) for k in (1, 2, 3))
    action = (NEXT - X + ETA * slope) ** 2 / (4 * ETA)
    return (
        Derivation("barrier of the chain of white-noise gradient descent")
        .cite(
            "for weak noise T ln(tau) tends to W(b) - W(a), W the least action: the best way to y costs the way to x and one step",
            sp.Eq(W(NEXT), W(X) + action),
            source="freidlin2012",
            needs="T goes to zero at a fixed step, and the way over the saddle is the cheapest",
        )
        .claim(
            "x is the best last stop: the slopes of W there and at y",
            sp.ImmutableMatrix([(NEXT - X + ETA * slope) * (1 - ETA * bend) / (2 * ETA), (NEXT - X + ETA * slope) / (2 * ETA)]),
            residual=_slopes_differ,
            rule="stationarity in x, derivative in y",
        )
        .claim(
            "the slope of W through order eta^2",
            slope - ETA * slope * bend / 2 + ETA**2 * slope**2 * third / 12,
            residual=_one_step_differs,
            rule="insertion in both slopes, powers of eta through eta^3",
            needs="W is smooth at the minimum",
        )
        .apply(_INTEGRATE, "integrate from minimum to saddle by parts; L' vanishes at both, and A_12 is the integral of L' L''^2")
    )


def _slopes_differ(stated: sp.Basic, previous: sp.Basic) -> sp.ImmutableMatrix:
    cost = previous.rhs - W(X)
    return sp.ImmutableMatrix([sp.simplify(stated[0] + sp.diff(cost, X)), sp.simplify(stated[1] - sp.diff(cost, NEXT))])


def _one_step_differs(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
    """Return W'(y) - p through eta^3, with p from W'(x) = p (1 - eta L'') and y from p."""
    order = 3
    force = previous[1]  # p as a function of x and y
    factor = sp.cancel(previous[0] / force)
    p = sum(sp.diff(stated / factor, ETA, k).subs(ETA, 0) * ETA**k / sp.factorial(k) for k in range(order + 1))
    (reached,) = sp.solve(force - sp.Symbol("p"), NEXT)
    ahead = sp.expand(reached.subs(sp.Symbol("p"), p) - X)
    there = sum(sp.diff(stated, X, k) * ahead**k / sp.factorial(k) for k in range(order + 1))
    difference = sp.expand(there - p)
    return sp.expand(sum(difference.coeff(ETA, k) * ETA**k for k in range(order + 1)))


def _integrate(slope: sp.Expr) -> sp.Expr:
    """Integrate by parts: L' L'' is half the derivative of L'^2, and L'^2 L''' turns into -2 L' L''^2."""
    first, bend, third = (sp.diff(LOSS, X, k) for k in (1, 2, 3))
    terms = {first: loss_saddle - loss_min, first * bend: sp.Integer(0), first**2 * third: -2 * climb_12}
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(slope)):
        number, shape = term.subs(ETA, 1).as_coeff_Mul()
        total += number * terms[shape] * ETA ** sp.degree(term, ETA)
    return total


def _integrated_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """Integrate for one well by quadrature."""
    loss = sp.Rational(3, 5) + X**2 * (sp.Rational(7, 10) - X * sp.Rational(3, 10) - X**2 * sp.Rational(11, 100))
    with mpmath.workdps(30):
        lines = (before, LOSS, sp.diff(LOSS, X) * sp.diff(LOSS, X, 2) ** 2)
        concrete = [sp.lambdify((X, ETA), e.subs(LOSS, loss).doit(), "mpmath") for e in lines]
        slope = sp.lambdify(X, sp.diff(loss, X), "mpmath")
        top, eta = mpmath.findroot(slope, 1.2), mpmath.mpf("0.37")
        expected = mpmath.quad(lambda u: concrete[0](u, eta), [0, top])
        bent = mpmath.quad(lambda u: concrete[2](u, eta), [0, top])
        found = after.subs(
            {loss_min: loss.subs(X, 0), loss_saddle: sp.Float(concrete[1](top, eta), 30), climb_12: sp.Float(bent, 30), ETA: sp.Float(eta, 30)}
        )
        return bool(abs(mpmath.mpf(found._mpf_) / expected - 1) < 1e-20)


_INTEGRATE = Rule("integration by parts", _integrate, _integrated_in_numbers)
