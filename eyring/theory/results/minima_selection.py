"""Which minimum is occupied, and how long that takes to be settled: the chain of hops between basins."""

import sympy as sp

from eyring.theory.basins.chain import forgetting_derivation, occupation_derivation, stationary_derivation
from eyring.theory.basins.two_minima import OTHER_NAMES, RATIO
from eyring.theory.derivation import Derivation
from eyring.theory.escape import eyring_kramers
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    basin_time_1,
    basin_time_2,
    det_1,
    det_2,
    det_min,
    hop_12,
    hop_21,
    loss_1,
    loss_2,
    loss_min,
    loss_saddle,
    start_occupation,
    temperature,
    time,
)

__all__ = ["FlatVersusDeep", "ThreeBasins", "ThreeBasinsForget", "TwoBasinForgettingTime", "TwoBasinOccupation", "WhiteNoiseSelection"]

BY_TIMES = {hop_12: 1 / basin_time_1, hop_21: 1 / basin_time_2}
U = sp.Symbol("u", real=True)


class TwoBasinOccupation(Result):
    """P_1(t) = P_1(oo) + (P_0 - P_1(oo)) e^{-(1/tau_1 + 1/tau_2) t}, P_1(oo) = tau_1/(tau_1 + tau_2)."""

    name = "two-basin-occupation"
    title = "Occupation of one of two basins after the time t"
    chapter = "What they mean"
    sources = ("xie2021",)

    def derive(self) -> Formula:
        """Solve the balance of hops, and write rates as inverse escape times."""
        tau_1, tau_2 = basin_time_1, basin_time_2
        settled = tau_1 / (tau_1 + tau_2)
        derivation = (
            occupation_derivation()
            .apply(OTHER_NAMES, "rates are inverse escape times", names=BY_TIMES)
            .claim("tidy", settled + (start_occupation - settled) * sp.exp(-time * (tau_1 + tau_2) / (tau_1 * tau_2)))
        )
        return Formula(derivation, "1", sp.Integer(1), name=self.name)


class TwoBasinForgettingTime(Result):
    """t = tau_1 tau_2/(tau_1 + tau_2): the faster escape sets it."""

    name = "two-basin-forgetting-time"
    title = "Time in which two basins forget the start"
    chapter = "What they mean"

    def derive(self) -> Formula:
        """Take the smallest eigenvalue of the generator, and write rates as inverse escape times."""
        derivation = (
            forgetting_derivation(2)
            .apply(OTHER_NAMES, "rates are inverse escape times", names=BY_TIMES)
            .claim("tidy", basin_time_1 * basin_time_2 / (basin_time_1 + basin_time_2))
        )
        return Formula(derivation, "time", sp.Integer(1), name=self.name)


class ThreeBasins(Result):
    """P_i in proportion to the sum over spanning trees directed towards i of the product of their rates."""

    name = "three-basin-stationary"
    title = "Stationary occupation of three basins, by spanning trees"
    chapter = "What they mean"

    def derive(self) -> Formula:
        """Take cofactors of the generator."""
        return Formula(stationary_derivation(3), "1", sp.Integer(1), name=self.name)


class ThreeBasinsForget(Result):
    """1/lambda with lambda = (S - sqrt(S^2 - 4 P))/2, S the sum of all rates and P that of all spanning trees."""

    name = "three-basin-forgetting-time"
    title = "Time in which three basins forget the start"
    chapter = "What they mean"

    def derive(self) -> Formula:
        """Solve the characteristic polynomial of the generator."""
        rates = -stationary_derivation(3).steps[0].expression.trace()
        trees = sum((sp.fraction(e)[0] for e in stationary_derivation(3).expression), sp.Integer(0))
        real = Condition(greater(rates**2, 4 * trees), "walkers do not go round in a circle: the occupation settles without swings", hard=True)
        return Formula(forgetting_derivation(3), "time", sp.Integer(1), (real,), name=self.name)


class WhiteNoiseSelection(Result):
    """P_1/P_2 = tau_1/tau_2 = sqrt(det H_2/det H_1) e^{(L_2 - L_1)/T}: the saddle drops out, and Gibbs' weights remain."""

    name = "white-noise-selection"
    title = "Occupation of two minima under white noise, from their escape times"
    chapter = "What they mean"
    sources = ("jastrzebski2017", "daizhu2018")
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Divide the two Eyring-Kramers times, and see that the weights of the minima come out: detailed balance."""
        return Formula(_white_noise_ratio(), "1", sp.Integer(1), _barriers(), name=self.name)


class FlatVersusDeep(Result):
    """L_1 - L_2 = T ln sqrt(det H_2/det H_1): the flatter minimum 1 wins if it lies higher by less.

    So it wins above T = (L_1 - L_2)/ln sqrt(det H_2/det H_1), the deeper one below.
    """

    name = "flat-versus-deep-crossover"
    title = "How much higher the flatter of two minima may lie and still be occupied more, from the escape times"
    chapter = "What they mean"
    sources = ("jastrzebski2017",)
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Set the ratio of the two escape times to one."""
        ratio = _white_noise_ratio()
        logged = (loss_2 - loss_1) / temperature + sp.log(det_2 / det_1) / 2
        derivation = (
            ratio.claim("its logarithm", logged, residual=lambda stated, before: sp.simplify(sp.expand_log(stated - logarithm(before), force=True)))
            .claim("zero where T is", (loss_1 - loss_2) / (sp.log(det_2 / det_1) / 2), residual=_is_root)
            .claim("so L_1 - L_2 is", temperature * sp.log(det_2 / det_1) / 2, residual=_same_line, rule="algebra")
        )
        return Formula(derivation, "loss", sp.Integer(1), _barriers(), name=self.name)


def _is_root(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    return sp.cancel(sp.expand_log(before.subs(temperature, stated), force=True))


def _same_line(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    """Give T its value in the statement: L_1 - L_2 must come out."""
    return sp.cancel(stated.subs(temperature, before) - (loss_1 - loss_2))


def _white_noise_ratio() -> Derivation:
    """Divide the Eyring-Kramers times out of two minima over the same saddle."""
    share_of = [sp.exp(-loss / temperature) * sp.sqrt((2 * sp.pi * temperature) ** 2 / det) for loss, det in ((loss_1, det_1), (loss_2, det_2))]
    names = [{loss_min: loss, det_min: det} for loss, det in ((loss_1, det_1), (loss_2, det_2))]
    return (
        eyring_kramers.general_law(2, "next well")
        .apply(RATIO, "P_1/P_2 = tau_1/tau_2: the two times over the same saddle, divided", first=names[0], second=names[1])
        .claim(
            "the same as the weights of the two minima, Gaussian integrals of e^{-L/T}: detailed balance",
            share_of[0] / share_of[1],
            rule="algebra of the logarithms",
        )
        .claim("tidy", sp.sqrt(det_2 / det_1) * sp.exp((loss_2 - loss_1) / temperature))
    )


def _barriers() -> tuple[Condition, ...]:
    return tuple(Condition(greater((loss_saddle - loss) / temperature, 3), "the barrier is high against the noise") for loss in (loss_1, loss_2))
