"""How fast the law of SGD, with and without momentum, tends to Gibbs's law: at the slowest rate, exponentially slowly in B/eta."""

import sympy as sp

from eyring.theory.basins.two_minima import OTHER_NAMES
from eyring.theory.derivation import Derivation, Residual
from eyring.theory.escape.kramers_langer import general_law
from eyring.theory.escape.saddle_flux import GAUSSIAN, gaussian_integral
from eyring.theory.escape.two_wells import gap_derivation
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    curvature_beyond,
    curvature_min,
    curvature_saddle,
    det_min,
    det_saddle,
    diffusion,
    escape_curvature,
    friction,
    gradient_std,
    learning_rate,
    loss_beyond,
    loss_min,
    loss_saddle,
    momentum,
    temperature,
    tolerated,
)

__all__ = ["ConvergenceToGibbs", "KineticConvergence"]

X, U, V = sp.symbols("x u v", real=True)
LOSS = sp.Function("L", real=True)(X)
EXCESS = sp.Function("h", real=True)(X)  # p/p_inf - 1
KINETIC_EXCESS = sp.Function("h", real=True)(X, V)
GAP = sp.Symbol("lambda_1", positive=True)
STRENGTH = learning_rate * gradient_std**2 / (2 * batch_size)  # D of SGD
FASTER = Condition(less(tolerated, sp.Integer(1)), "the distance shrinks", hard=True)


class ConvergenceToGibbs(Result):
    """t = 2 pi ln(1/err)/(sqrt|H_b| [sqrt(H_a) e^{-(L_b - L_a)/D} + sqrt(H_c) e^{-(L_b - L_c)/D}]), D = eta sigma^2/(2 B).

    The distance is |p_t - p_inf| in L2(1/p_inf); at late times every law decays as the slowest mode does, at the spectral gap.
    """

    name = "convergence-to-gibbs"
    title = "Time in which SGD's law comes nearer to Gibbs's by a given factor, two wells"
    chapter = "Escape"
    sources = ("daizhu2018", "daizhu2021")
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Differentiate the distance, and take the least ratio of its decay to itself, between two Gaussian wells."""
        kramers = sp.sqrt(-curvature_saddle) * _over_either(diffusion) / (2 * sp.pi)
        derivation = (
            _distance()
            .cite(
                "the slowest h is constant in either well and climbs over the saddle as e^{L/D}: D over its integral, times 1/Z_a + 1/Z_c",
                _least_ratio(),
                source="bovier2004",
                needs="the noise is weak against both barriers; one saddle separates two wells",
            )
            .apply(GAUSSIAN, "do the Gaussian integrals")
            .claim("the sum of the two escape rates", kramers, residual=lambda stated, before: sp.simplify(sp.expand(stated / before)) - 1)
            .apply(OTHER_NAMES, "the noise of SGD, D = eta C/2 with C = sigma^2/B", names={diffusion: STRENGTH})
            .claim(
                "e^{-lambda_1 t} = err", -sp.log(tolerated) / kramers.subs(diffusion, STRENGTH), residual=_not_yet(sp.Integer(1)), rule="insertion"
            )
        )
        return Formula(derivation, "time", learning_rate, (*_high(STRENGTH), FASTER), name=self.name)


class KineticConvergence(Result):
    """n = ln(1/err)/(lambda_1 sqrt(eta)), lambda_1 = lambda_+ [sqrt(H_a) e^{-(L_b - L_a)/T} + sqrt(H_c) e^{-(L_b - L_c)/T}]/(2 pi sqrt|H_b|).

    T = eta sigma^2/(2 B (1 - mu)), gamma = (1 - mu)/sqrt(eta), lambda_+^2 + gamma lambda_+ = |H_b|: exponential in (1 - mu) B/eta.
    That every law tends to Gibbs's exponentially (hypocoercivity) is assumed, after Villani; only the rate of its slowest mode is derived.
    """

    name = "kinetic-convergence"
    title = "Iterations in which the law of SGD with momentum comes nearer to Gibbs's by a given factor, two wells (hypocoercivity assumed)"
    chapter = "Escape"
    sources = ("daizhu2018", "daizhu2021", "villani2009")
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Show that noise acts on the velocities alone, then add the Kramers-Langer rates there and back."""
        law = general_law(1, "next well")
        there, back = (
            law.apply(OTHER_NAMES, f"one coordinate, from the minimum {place}", names=names)
            for place, names in (
                ("a", {det_min: curvature_min, det_saddle: curvature_saddle, escape_curvature: curvature_saddle}),
                ("c", {det_min: curvature_beyond, det_saddle: curvature_saddle, escape_curvature: curvature_saddle, loss_min: loss_beyond}),
            )
        )
        heat = STRENGTH / (1 - momentum)
        resisted = 1 - momentum + sp.sqrt((1 - momentum) ** 2 - 4 * learning_rate * curvature_saddle)
        iterations = sp.pi * -sp.log(tolerated) * resisted / (learning_rate * sp.sqrt(-curvature_saddle) * _over_either(heat))
        heavy_ball = {friction: (1 - momentum) / sp.sqrt(learning_rate), temperature: heat}
        derivation = (
            _kinetic_distance()
            .follow(gap_derivation(there, back))
            .apply(OTHER_NAMES, "heavy ball: gamma = (1 - mu)/sqrt(eta), T = eta sigma^2/(2 B (1 - mu))", names=heavy_ball)
            .claim("e^{-lambda_1 sqrt(eta) n} = err", iterations, residual=_not_yet(sp.sqrt(learning_rate)), rule="insertion")
        )
        return Formula(derivation, "iterations", sp.sqrt(learning_rate), (*_high(heat), FASTER), name=self.name)


def _distance() -> Derivation:
    """Differentiate int h^2 p_inf, h = p/p_inf - 1, and bound its decay."""
    weight = sp.exp(-LOSS / diffusion)
    law = weight * (1 + EXCESS)
    flow = sp.diff(sp.diff(LOSS, X) * law + diffusion * sp.diff(law, X), X)
    decay = -2 * diffusion * sp.diff(EXCESS, X) ** 2 * weight
    return (
        Derivation("decay of the distance from Gibbs's law")
        .define(
            "p = p_inf (1 + h) with p_inf ~ e^{-L/D}; d/dt of (p - p_inf)^2/p_inf, dp/dt by the Fokker-Planck equation",
            2 * EXCESS * flow,
            rule="Fokker-Planck equation",
        )
        .claim(
            "but for a derivative in x, which integrates to zero",
            decay,
            residual=lambda stated, before: _same_up_to(before - stated, 2 * diffusion * EXCESS * sp.diff(EXCESS, X) * weight, X),
            rule="integration by parts",
        )
        .cite(
            "the least of D int h'^2 p_inf/int h^2 p_inf over h of mean zero is lambda_1; every law tends to the h that attains it",
            sp.exp(-GAP * sp.Symbol("t", positive=True)),
            source="bakry2014",
            needs="the loss confines",
        )
    )


def _kinetic_distance() -> Derivation:
    """Show how the distance decays with momentum: by friction on the velocities alone."""
    g, T, h = friction, temperature, KINETIC_EXCESS
    weight = sp.exp(-(LOSS + V**2 / 2) / T)
    law = weight * (1 + h)
    flow = -V * sp.diff(law, X) + sp.diff(LOSS, X) * sp.diff(law, V) + g * sp.diff(V * law + T * sp.diff(law, V), V)
    by_friction, carried = 2 * g * T * h * sp.diff(h, V) * weight, h**2 * weight
    return (
        Derivation("decay of the distance from Gibbs's law, with momentum")
        .define(
            "f = f_inf (1 + h) with f_inf ~ e^{-(L + v^2/2)/T}; d/dt of (f - f_inf)^2/f_inf, df/dt by the kinetic Fokker-Planck equation",
            2 * h * flow,
            rule="kinetic Fokker-Planck equation",
        )
        .claim(
            "but for derivatives in x and v, which integrate to zero; h(x) does not decay at once, but what moves it turns it into h(x, v)",
            -2 * g * T * sp.diff(h, V) ** 2 * weight,
            residual=lambda stated, before: sp.simplify(
                sp.expand((before - stated - sp.diff(by_friction, V) + sp.diff(V * carried, X) - sp.diff(sp.diff(LOSS, X) * carried, V)) / weight)
            ),
            rule="integration by parts",
            needs="hypocoercivity (Villani 2009): the law tends to Gibbs's exponentially, at late times as its slowest mode",
        )
    )


def _least_ratio() -> sp.Expr:
    def content(bend: sp.Expr, level: sp.Expr) -> sp.Expr:
        return gaussian_integral(bend, diffusion, U) * sp.exp(-level / diffusion)

    climb = gaussian_integral(-curvature_saddle, diffusion, U) * sp.exp(loss_saddle / diffusion)
    return diffusion / climb * (1 / content(curvature_min, loss_min) + 1 / content(curvature_beyond, loss_beyond))


def _over_either(strength: sp.Expr) -> sp.Expr:
    """Return sqrt(H) e^{-barrier/strength}, summed over the two wells."""
    wells = ((curvature_min, loss_min), (curvature_beyond, loss_beyond))
    return sp.Add(*(sp.sqrt(bend) * sp.exp(-(loss_saddle - level) / strength) for bend, level in wells))


def _not_yet(clock: sp.Expr) -> Residual:
    """Return what must vanish for rate * clock * stated = ln(1/err)."""

    def residual(stated: sp.Basic, rate: sp.Basic) -> sp.Expr:
        return sp.simplify(sp.powsimp(sp.expand(rate * clock)) * stated / -sp.log(tolerated)) - 1

    return residual


def _same_up_to(difference: sp.Expr, whole: sp.Expr, variable: sp.Symbol) -> sp.Expr:
    return sp.simplify(sp.expand((difference - sp.diff(whole, variable)) * sp.exp(LOSS / diffusion)))


def _high(strength: sp.Expr) -> tuple[Condition, ...]:
    return (
        Condition(greater((loss_saddle - loss_min) / strength, sp.Integer(3)), "the barrier is high against the noise"),
        Condition(greater((loss_saddle - loss_beyond) / strength, sp.Integer(3)), "the barrier is high against the noise on the way back"),
    )
