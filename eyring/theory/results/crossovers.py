"""Where one regime goes over into another: friction, momentum, noise strength, batch size."""

import sympy as sp

from eyring.theory.basins.chain import forgetting_derivation
from eyring.theory.basins.local_escape import loss_noise_time, white_noise_time
from eyring.theory.basins.two_minima import OTHER_NAMES
from eyring.theory.derivation import Derivation
from eyring.theory.escape import kramers_langer
from eyring.theory.escape.jets import jet_at
from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.sensitivity import LOGARITHM
from eyring.theory.symbols import (
    barrier_height,
    batch_size,
    curvature_1,
    curvature_2,
    curvature_min,
    curvature_saddle,
    det_min,
    det_saddle,
    escape_curvature,
    friction,
    gradient_std,
    hop_12,
    hop_21,
    learning_rate,
    loss_min,
    loss_saddle,
    momentum,
    parameter_count,
    temperature,
    time,
    tolerated,
)

__all__ = ["BatchSizeOfSelection", "FirstCorrectionNoise", "LossNoiseShortfall", "OverdampedFriction", "OverdampedMomentum", "RiskAfterTime"]


class _Crossover(Result):
    """A boundary between two regimes."""

    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2


class OverdampedFriction(_Crossover):
    """gamma = sqrt(|lambda_b|/(err (1 + err))): below it the escape takes longer than the overdamped time by the fraction err or more."""

    name = "overdamped-friction"
    title = "Friction at which the escape time exceeds the overdamped one by a given fraction"

    def derive(self) -> Formula:
        """Divide the Kramers-Langer time by its limit of strong friction and solve."""
        return Formula(_overdamped(), "1/time", sp.sqrt(learning_rate), name=self.name)


class OverdampedMomentum(_Crossover):
    """mu = 1 - sqrt(eta |lambda_b|/(err (1 + err))): beyond it "momentum is SGD at eta/(1 - mu)" is off by the fraction err or more."""

    name = "overdamped-momentum"
    title = "Momentum up to which SGD with momentum escapes like SGD at the learning rate eta/(1 - mu), within a given fraction"

    def derive(self) -> Formula:
        """Insert gamma = (1 - mu)/sqrt(eta), the friction of heavy ball."""
        stated = 1 - sp.sqrt(-learning_rate * escape_curvature / (tolerated * (1 + tolerated)))
        derivation = _overdamped().claim(
            "gamma = (1 - mu)/sqrt(eta), the friction of heavy ball",
            stated,
            residual=lambda stated, before: sp.simplify((1 - momentum) / sp.sqrt(learning_rate) - before).subs(momentum, stated).simplify(),
            rule="insertion",
        )
        return Formula(derivation, "1", sp.sqrt(learning_rate), name=self.name)


class LossNoiseShortfall(_Crossover):
    """(B/(eta H_a)) [L_b/L_a - 1 - ln(L_b/L_a)]: how much smaller ln tau is than with the noise of the minimum all the way.

    For barriers low against L_a it is (B/(2 eta H_a)) ((L_b - L_a)/L_a)^2, and the power law is an exponential of the barrier; where it passes 1 the
    escape is faster by e, and it is a power law.
    """

    name = "loss-noise-shortfall"
    title = "By how much noise that grows with the loss lowers ln tau, against the noise of the minimum"

    def derive(self) -> Formula:
        """Take what multiplies B/eta in ln tau from the barrier over the noise of the minimum."""
        unit = batch_size / learning_rate
        exponent = unit * sp.log(loss_saddle / loss_min) / curvature_min
        frozen = unit * (loss_saddle - loss_min) / (loss_min * curvature_min)
        shortfall = unit / curvature_min * (loss_saddle / loss_min - 1 - sp.log(loss_saddle / loss_min))
        derivation = (
            loss_noise_time()
            .derivation.apply(LOGARITHM, "take the logarithm")
            .claim("what is left of it at small eta/B", exponent, residual=_weak_noise_differs, rule="limit")
            .claim(
                "below the barrier over the noise D = eta H_a L_a/B of the minimum by",
                shortfall,
                residual=lambda stated, before: sp.simplify(sp.expand(frozen - before - stated)),
            )
        )
        return Formula(derivation, "1", learning_rate, loss_noise_time().conditions, name=self.name)


class FirstCorrectionNoise(_Crossover):
    """T = err/(c_a + c_b): the temperature at which the first correction to Kramers' time is the fraction err of it.

    c_a + c_b = -L4_a/(8 H_a^2) + 5 L3_a^2/(24 H_a^3) + L4_b/(8 H_b^2) + 5 L3_b^2/(24 |H_b|^3).
    """

    name = "first-correction-noise"
    title = "White-noise strength at which the first correction to Kramers' time is a given fraction of it"

    def derive(self) -> Formula:
        """Expand the mean time to the first correction, for constant noise, and solve."""
        general, _ = general_mean_time(sp.Integer(0), "next well", 1, uniform=True)
        well, saddle = (jet_at(place, 2).without_gradients() for place in ("a", "b"))
        names = {well.diffusion[0]: temperature, saddle.diffusion[0]: temperature}
        (bend_a, third_a, fourth_a), (bend_b, third_b, fourth_b) = well.loss[:3], saddle.loss[:3]
        leading = 2 * sp.pi / sp.sqrt(-bend_a * bend_b) * sp.exp(EXPONENT)
        c = sp.Rational(1, 8) * (fourth_b / bend_b**2 - fourth_a / bend_a**2) + sp.Rational(5, 24) * (third_a**2 / bend_a**3 - third_b**2 / bend_b**3)
        derivation = (
            general.apply(OTHER_NAMES, "the noise is constant", names=names)
            .claim("Kramers' time with its first correction", leading * (1 + c * temperature), residual=_ratio_minus_one)
            .claim("the correction, relative", c * temperature, residual=lambda stated, before: sp.simplify(before / leading - 1 - stated))
            .claim("T where it is err", tolerated / c, residual=lambda stated, before: sp.simplify(before.subs(temperature, stated) - tolerated))
        )
        return Formula(derivation, "loss", sp.Integer(1), name=self.name)


class BatchSizeOfSelection(_Crossover):
    """B = (eta sigma^2/(2 dL)) ln[t sqrt|H_b| (sqrt H_1 + sqrt H_2)/(2 pi)]: with larger batches the start is not forgotten within the time t.

    Dai & Zhu's "the flatter of two equally deep minima wins at any batch size" is a statement about times that grow exponentially with B/eta.
    """

    name = "batch-size-of-selection"
    title = "Largest batch with which training of a given time chooses between two equally deep minima"

    def derive(self) -> Formula:
        """Set the forgetting time of the two basins to t and solve for the batch size."""
        strength = learning_rate * gradient_std**2 / (2 * batch_size)
        hurry = time * sp.sqrt(-curvature_saddle) * (sp.sqrt(curvature_1) + sp.sqrt(curvature_2)) / (2 * sp.pi)
        derivation = _forgetting(strength).claim(
            "it is t where the batch size is",
            learning_rate * gradient_std**2 / (2 * barrier_height) * sp.log(hurry),
            residual=lambda stated, before: _logged(before.subs(batch_size, stated) / time),
            rule="insertion",
        )
        return Formula(derivation, "1", learning_rate, (_later_than_one(hurry),), name=self.name)


class RiskAfterTime(_Crossover):
    """E[L] - L_min = (n/2) dL/ln[t sqrt|det H_b| ...]: a larger eta/B settles sooner and wider; this is the narrowest law that settles within t.

    In one direction out, A = sqrt|H_b| (sqrt H_1 + sqrt H_2)/(2 pi): the forgetting time is t at D = dL/ln(A t), and the excess risk n D/2.
    """

    name = "risk-after-time"
    title = "Smallest excess risk to which two equally deep minima can settle within a given time"

    def derive(self) -> Formula:
        """Solve the forgetting time for the noise strength, and insert it in the equipartition n D/2."""
        hurry = time * sp.sqrt(-curvature_saddle) * (sp.sqrt(curvature_1) + sp.sqrt(curvature_2)) / (2 * sp.pi)
        derivation = (
            _forgetting(temperature)
            .claim(
                "it is t where the noise strength is",
                barrier_height / sp.log(hurry),
                residual=lambda stated, before: _logged(before.subs(temperature, stated) / time),
                rule="insertion",
            )
            .claim(
                "each of n stable directions holds D/2 in the well",
                parameter_count * barrier_height / (2 * sp.log(hurry)),
                residual=lambda stated, before: sp.simplify(stated - parameter_count * before * _equipartition()),
                rule="Gaussian integral of the energy",
                needs="the loss is quadratic in the wells; for n > 1, equal curvatures across the way out in both wells and at the saddle",
            )
        )
        return Formula(derivation, "loss", sp.Integer(1), (_later_than_one(hurry),), name=self.name)


def _overdamped() -> Derivation:
    """Derive the friction at which the Kramers-Langer time is 1 + err times the overdamped one."""
    growth = (sp.sqrt(friction**2 - 4 * escape_curvature) + friction) / 2
    plain = 2 * sp.pi * friction / (-escape_curvature) * sp.sqrt(-det_saddle / det_min) * sp.exp((loss_saddle - loss_min) / temperature)

    def over_strong_friction(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
        x = sp.Dummy("x", positive=True)
        limit = sp.simplify((before / plain).subs(friction, 1 / x))
        return sp.simplify(before / plain - stated) + sp.simplify(sp.limit(limit, x, 0) - 1)

    return (
        kramers_langer.general_law(2, "next well")
        .claim("over its limit of strong friction, the overdamped time", growth / friction, residual=over_strong_friction, rule="limit")
        .claim(
            "where it is 1 + err",
            sp.sqrt(-escape_curvature / (tolerated * (1 + tolerated))),
            residual=lambda stated, before: sp.expand(_roots_taken(sp.simplify(before.subs(friction, stated))) - 1 - tolerated),
            rule="insertion",
        )
    )


def _forgetting(strength: sp.Expr) -> Derivation:
    """Derive the forgetting time of two equally deep wells from Kramers' times over the same saddle."""
    kramers = white_noise_time()
    rates = [
        1 / kramers.expression.subs({loss_saddle: barrier_height, loss_min: 0, curvature_min: H, temperature: strength})
        for H in (curvature_1, curvature_2)
    ]
    stated = 2 * sp.pi * sp.exp(barrier_height / strength) / (sp.sqrt(-curvature_saddle) * (sp.sqrt(curvature_1) + sp.sqrt(curvature_2)))
    return (
        kramers.derivation.follow(forgetting_derivation(2))
        .apply(OTHER_NAMES, "rates are the inverse of Kramers' times, the barrier dL for both", names={hop_12: rates[0], hop_21: rates[1]})
        .claim("tidy", stated, residual=lambda stated, before: sp.simplify(stated / before - 1))
    )


def _equipartition() -> sp.Expr:
    """Return the mean of H u^2/2 over exp(-H u^2/(2 D)), in units of D."""
    u = sp.Symbol("u", real=True)
    weight = sp.exp(-(u**2) / 2)
    return sp.integrate(u**2 / 2 * weight, (u, -sp.oo, sp.oo)) / sp.integrate(weight, (u, -sp.oo, sp.oo))


def _later_than_one(hurry: sp.Expr) -> Condition:
    return Condition(greater(hurry, 1), "the time is longer than the relaxation inside a well", hard=True)


def _roots_taken(expression: sp.Expr) -> sp.Expr:
    """Take the roots of squares."""
    rooted = expression.replace(lambda e: isinstance(e, sp.Pow) and e.exp == sp.Rational(1, 2), lambda e: sp.sqrt(sp.factor(e.base)))
    return sp.expand(rooted)


def _logged(ratio: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.powsimp(sp.expand(ratio), force=True) - 1)


def _ratio_minus_one(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    return sp.simplify(stated / before - 1)


def _weak_noise_differs(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    unit = batch_size / learning_rate
    return sp.simplify(sp.expand_log(unit * sp.expand(before).coeff(unit) - stated, force=True))
