"""The exact Ito time along the measured way, as a diffusion, with the widening or narrowing of the valley across it."""

from typing import ClassVar

from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.across import across_the_way
from eyring.validation.predictors.assumption import Assumption
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.friction import log_friction
from eyring.validation.predictors.passage import ito_time

__all__ = ["ItoAlongTheWay", "in_the_valley", "neglected_across", "on_the_way"]


class ItoAlongTheWay(Law):
    """The double integral of scale and speed densities along the way with the measured D(s) = eta C/2, no small parameter along it."""

    name = "path"
    title = "Exact Ito time along the way with its measured noise, and the valley's widening across"
    source: ClassVar[str] = ""
    place = 60

    def predict(self, case: Case) -> Row:
        """Walk along the way; what is neglected across it is of the order of noise over barrier."""
        along = ito_time(case.pushed, step=case.training.step, per_sample=case.training.per_sample, target=case.target)
        across, friction = across_the_way(case), log_friction(case)
        spread = along.error + across.error + neglected_across(case)
        value = along.value + across.value - across.along + across.steps + friction
        return self.time(case, value, spread, *on_the_way(case), *measured.one_temperature(case), measured.gaussian_steps(case), *in_the_valley(case))


def neglected_across(case: Case) -> float:
    """Return the size of the first neglected term, noise over barrier, where there are directions across."""
    return 1 / case.exponent if len(case.pairs.wells) else 0.0


def in_the_valley(case: Case) -> tuple[Assumption, ...]:
    """What eliminating the directions across the way assumes."""
    turns = Assumption(
        "the directions across turn little: smallest squared overlap of a direction at the minimum with its own at the saddle",
        case.pairs.overlap,
        0.8,
        ">",
    )
    return measured.narrow_valley(case), measured.straight_way(case), measured.detailed_balance(case), turns, measured.curvatures_counted(case)


def on_the_way(case: Case) -> tuple[Assumption, ...]:
    """What walking along the way assumes, whatever happens across it."""
    return (
        measured.high_barrier(case),
        measured.smooth_path(case),
        measured.one_way_down(case),
        measured.at_rest(case),
        measured.small_steps(case),
        measured.independent_batches(case),
    )
