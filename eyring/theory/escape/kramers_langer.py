"""Escape with momentum at moderate to strong friction: Kramers 1940, Langer 1969, in n dimensions."""

from functools import cache

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers, difference
from eyring.theory.escape.contract import Assumption, EscapeProblem, EscapeTheory, regime_of
from eyring.theory.escape.saddle_data import DETERMINANTS, INSERT_SADDLE, determinants_for, spectral_values
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.escape.signing import strength_on_the_way_out
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.symbols import escape_curvature, friction, loss_min, loss_saddle, temperature

__all__ = ["KramersLanger"]

U, V = sp.symbols("u v", real=True)
GROWTH = sp.Symbol("lambda_plus", positive=True)  # the rate at which walkers leave the saddle's neighbourhood


class KramersLanger(EscapeTheory):
    """tau = (2 pi/lambda_+) sqrt(|det H_b|/det H_a) e^{(L_b - L_a)/T}, lambda_+^2 + gamma lambda_+ = |lambda_b|.

    gamma = (1 - mu)/sqrt(eta) and T = eta C/(2 (1 - mu)) for SGD with momentum, in time units of sqrt(eta).
    """

    name = "kramers-langer"
    source = "langer1969"
    signable = "one temperature"
    speciality = 2

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need momentum with one temperature in every direction and place."""
        if problem.kinetic is None:
            return "the walker has no momentum"
        if problem.kinetic.isotropic_temperature is None:
            return "the temperature matrix eta C/(2 (1 - mu)) is not one number: it depends on direction or place"
        return None

    def assumption(self, problem: EscapeProblem) -> Assumption | None:
        """Return one temperature, that of the saddle's descending direction."""
        kinetic = problem.kinetic
        if kinetic is None:
            return None
        T = strength_on_the_way_out(kinetic.temperature, kinetic.positions, problem.over)
        if T is None:
            return None
        n = len(kinetic.positions)
        noise = sp.ImmutableMatrix(sp.diag(sp.zeros(n, n), kinetic.friction * T * sp.eye(n)))
        return Assumption(self.signable, noise, "that of the saddle's descending direction")

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive the general law in phase space, then insert the landscape, the friction and the temperature."""
        if order:
            raise NotApplicable("the Kramers-Langer law is derived to leading order; leave order out")
        kinetic = problem.kinetic
        assert kinetic is not None  # objection() has seen to it
        T = kinetic.isotropic_temperature
        values = spectral_values(problem) | {temperature: T, friction: kinetic.friction}
        derivation = general_law(len(kinetic.positions), problem.event).apply(
            INSERT_SADDLE, "insert the landscape, friction (1 - mu)/sqrt(eta) and temperature", values=values, problem=problem
        )
        strong = Condition(
            greater(kinetic.friction, sp.sqrt(-values[escape_curvature]) / 2),
            "friction is not weak against the saddle's curvature (else energy diffusion limits the escape)",
        )
        damped = Condition(greater(kinetic.friction, sp.Integer(0)), "momentum is below 1, so that there is friction", hard=True)
        conditions = (*regime_of(problem, problem.barrier / T), damped, strong)
        return Formula(derivation, "time", problem.sde.clock, tuple(c for c in conditions if c.relation != sp.true), name=self.name)


@cache
def general_law(n: int, event: str) -> Derivation:
    """Derive the law for undetermined curvatures in the eigenbasis of the saddle's Hessian."""
    T, lam, g = temperature, escape_curvature, friction
    wells = [sp.Symbol(f"a_{i}", positive=True) for i in range(1, n + 1)]
    sides = [sp.Symbol(f"b_{i}", positive=True) for i in range(2, n + 1)]
    q = sp.Function("q")(U, V)
    backward = V * q.diff(U) - (lam * U + g * V) * q.diff(V) + g * T * q.diff(V, 2)
    growth = (sp.sqrt(g**2 - 4 * lam) - g) / 2
    share = sp.Integer(1) if event == "next well" else sp.Rational(1, 2)
    line = _crossing_line(share, T, lam, wells, sides)
    product_a, product_b = sp.Mul(*wells), sp.Mul(lam, *sides)
    tidy = share * 2 * sp.pi / GROWTH * sp.sqrt(-product_b / product_a) * sp.exp((loss_saddle - loss_min) / T)
    friendly = 2 * (-lam) / (g + sp.sqrt(g**2 - 4 * lam))
    return (
        Derivation("Kramers-Langer law" + (" to the saddle: half of the time" if event == "to the saddle" else ""))
        .cite(
            "the committor q(u, v) near the quadratic saddle solves the kinetic backward equation; u the descending direction, v its velocity",
            sp.Eq(backward, 0),
            source="kramers1940",
            needs="every curvature at minimum and saddle is non-zero, and one saddle separates the wells",
        )
        .claim(
            "q depends on w = v + (gamma + lambda_+) u alone, with q' ~ exp(-lambda_+ w^2/(2 gamma T)), and lambda_+^2 + "
            "gamma lambda_+ + lambda_b = 0",
            growth,
            residual=_unstable_direction,
            rule="insertion in the kinetic backward equation",
        )
        .cite(
            "tau = population/flux: the flux through u = 0 of the weight e^{-(L + v^2/2)/T} carried by the committor, by parts in v",
            line,
            source="langer1969",
            needs="the barrier is high against the temperature, and friction keeps the well in equilibrium",
        )
        .apply(GAUSSIAN, "do the Gaussian integrals")
        .claim("tidy, by lambda_+ (lambda_+ + gamma) = |lambda_b|", tidy, residual=_equal_on_shell, rule="algebra, with the equation of lambda_+")
        .apply(_ROOT, "insert lambda_+, written so that strong friction cancels no digits", growth=growth, friendly=friendly)
        .apply(DETERMINANTS, "products of curvatures are determinants", **determinants_for(wells, sides))
    )


def _unstable_direction(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Insert q' = exp(-lambda_+ w^2/(2 gamma T)), w = v + (gamma + lambda_+) u, in the backward equation."""
    w = V + (friction + stated) * U
    slope = sp.exp(-stated * w**2 / (2 * friction * temperature))
    q = sp.Function("q")(U, V)
    by_u, by_v = (friction + stated) * slope, slope
    equation = previous.lhs.subs({q.diff(V, 2): sp.diff(by_v, V), q.diff(U): by_u, q.diff(V): by_v})
    return sp.simplify(sp.expand(sp.simplify(equation / slope)))


def _crossing_line(share: sp.Expr, T: sp.Expr, lam: sp.Expr, wells: list, sides: list) -> sp.Expr:
    """Write population/flux.

    At u = 0, q = int^v q' with normalised q', and int v e^{-v^2/2T} q dv = T int e^{-v^2/2T} q' dv; with q' of width gamma T/lambda_+,
    the exponents add up to (1 + lambda_+/gamma) v^2/(2 T).
    """
    population = sp.Mul(*(gaussian_integral(a, T, U) for a in wells)) * gaussian_integral(sp.Integer(1), T, V) * sp.exp(-loss_min / T)
    norm = gaussian_integral(GROWTH / friction, T, V)
    crossing = T * gaussian_integral(1 + GROWTH / friction, T, V) / norm
    flux = crossing * sp.Mul(*(gaussian_integral(b, T, U) for b in sides)) * sp.exp(-loss_saddle / T)
    return share * population / flux


def _equal_on_shell(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Compare with the friction eliminated by the equation that lambda_+ solves."""
    eliminated = {friction: (-escape_curvature - GROWTH**2) / GROWTH}
    return difference(stated, sp.powdenest(sp.simplify(previous.subs(eliminated)), force=True))


def _insert_root(expression: sp.Expr, *, growth: sp.Expr, friendly: sp.Expr) -> sp.Expr:
    return expression.subs(GROWTH, friendly)


def _same_root(before: sp.Expr, after: sp.Expr, *, growth: sp.Expr, friendly: sp.Expr) -> bool:
    return agree_in_numbers(before.subs(GROWTH, growth), after)


_ROOT = Rule("root of the characteristic equation", _insert_root, _same_root)
