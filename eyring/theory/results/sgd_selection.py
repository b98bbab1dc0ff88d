"""Which of two minima is occupied under noise in proportion to the Hessian: not Gibbs' weights, but another power and another exponent."""

import sympy as sp

from eyring.theory.basins.chain import crossover_derivation
from eyring.theory.basins.local_escape import hessian_noise_time
from eyring.theory.basins.two_minima import RATIO
from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition, greater
from eyring.theory.results.contract import Result
from eyring.theory.symbols import (
    batch_size,
    curvature_1,
    curvature_2,
    curvature_min,
    curvature_saddle,
    learning_rate,
    loss_1,
    loss_2,
    loss_min,
    loss_saddle,
    share_1,
    share_2,
    switch_fraction,
)

__all__ = ["XieSelection", "XieSelectionCrossover"]

FIRST = {loss_min: loss_1, curvature_min: curvature_1, switch_fraction: share_1}
SECOND = {loss_min: loss_2, curvature_min: curvature_2, switch_fraction: share_2}


class XieSelection(Result):
    """P_1/P_2 = (H_2/H_1) exp[(2 B/eta)(E_1 - E_2)], E_i = (L_b - L_i)(s_i/H_i + (1 - s_i)/|H_b|)."""

    name = "xie-selection"
    title = "Occupation of two minima under SGD noise C = H/B, from their escape times"
    chapter = "What they mean"
    sources = ("xie2021",)
    kind = "leading order"
    cited_at_most = 2
    published_note = (
        "With the published prefactor 2 pi/|H_b| (that of the anti-Ito calculus) the ratio has no H_2/H_1 in front: the flatter minimum is then "
        "occupied too little by the factor H_flat/H_sharp."
    )

    def derive(self) -> Formula:
        """Divide the times out of either minimum over the same saddle."""
        return Formula(_ratio(published=False), "1", learning_rate, _barriers(), name=self.name)

    def published(self) -> Formula:
        """Divide the published times."""
        return Formula(_ratio(published=True), "1", learning_rate, _barriers(), name=self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """In Stratonovich's calculus the power is 1/2, in anti-Ito 0."""
        bare = self.derive().expression * curvature_1 / curvature_2
        return {"stratonovich": bare * sp.sqrt(curvature_2 / curvature_1), "anti-ito": bare}


class XieSelectionCrossover(Result):
    """B/eta = ln(H_1/H_2)/(2 (E_1 - E_2)): the batch size, over the learning rate, at which both minima are occupied equally."""

    name = "xie-selection-crossover"
    title = "Batch size at which SGD noise C = H/B occupies two minima equally"
    chapter = "What they mean"
    kind = "leading order"
    cited_at_most = 2

    def derive(self) -> Formula:
        """Set the ratio of the two escape times to one and solve for the batch size."""
        ratio = _ratio(published=False)
        logged = sp.log(curvature_2) - sp.log(curvature_1) + 2 * batch_size / learning_rate * (_effort(1) - _effort(2))
        derivation = ratio.claim("its logarithm", logged, residual=lambda stated, before: sp.simplify(sp.expand(stated - logarithm(before))))
        value = learning_rate * sp.log(curvature_1 / curvature_2) / (2 * (_effort(1) - _effort(2)))
        derivation = derivation.follow(crossover_derivation(logged, batch_size)).claim("tidy", value, residual=_same_fraction)
        return Formula(derivation, "1", learning_rate, _barriers(), name=self.name)


def _same_fraction(stated: sp.Basic, before: sp.Basic) -> sp.Expr:
    return sp.simplify(sp.expand_log(stated, force=True) / sp.expand_log(before, force=True) - 1)


def _effort(i: int) -> sp.Expr:
    """Return E_i, the barrier over the curvatures whose noise climbs it."""
    loss, curvature, share = ((loss_1, curvature_1, share_1), (loss_2, curvature_2, share_2))[i - 1]
    return (loss_saddle - loss) * (share / curvature - (1 - share) / curvature_saddle)


def _ratio(*, published: bool) -> Derivation:
    power = 0 if published else 1
    stated = (curvature_2 / curvature_1) ** power * sp.exp(2 * batch_size / learning_rate * (_effort(1) - _effort(2)))
    return (
        hessian_noise_time(published=published)
        .derivation.apply(RATIO, "P_1/P_2 = tau_1/tau_2: the two times over the same saddle, divided", first=FIRST, second=SECOND)
        .claim("tidy", stated)
    )


def _barriers() -> tuple[Condition, ...]:
    return tuple(Condition(greater(2 * batch_size / learning_rate * _effort(i), 3), "the barrier is high against the noise") for i in (1, 2))
