"""Eyring's own prediction: the best road along the way and the best across it, put together."""

from math import log
from typing import ClassVar

from eyring.errors import AccuracyError, EyringError, NotApplicable
from eyring.validation.predictors.across import across_the_way
from eyring.validation.predictors.assumptions import gaussian_steps, one_temperature, parabolic_well
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Law, Row
from eyring.validation.predictors.formulas import logarithm_of
from eyring.validation.predictors.friction import log_friction
from eyring.validation.predictors.laws.ito_path import in_the_valley, neglected_across, on_the_way
from eyring.validation.predictors.passage import LogTime, ito_time
from eyring.validation.predictors.tails import tail_exponent_shift

__all__ = ["Own"]

STEPS = "by finite steps"


class Own(Law):
    """Along the way the chain of steps (of place and velocity with momentum); across it the sharp prefactor where drift and
    noise are known around the way, else the widening of the valley; and what the batches' whole law adds to their variance, where it was measured.
    """

    name = "eyring"
    title = "Eyring's own: finite steps along the way, all directions across it, the whole law of a batch"
    source: ClassVar[str] = ""
    place = 70

    def predict(self, case: Case) -> Row:
        """Add the parts of ln tau."""
        along, how = _along(case)
        across, error, where, valley = _across(case)
        tails, told = tail_exponent_shift(case)
        kept = (*on_the_way(case), *(in_the_valley(case) if valley else parabolic_well(case)), *(() if told is None else (gaussian_steps(case),)))
        kept += () if how == STEPS else one_temperature(case)
        words = [f"along the way {how} {along.value:.6g}", f"across it {where} {across:+.4g}"]
        words += [f"whole law of a batch {tails:+.4g}"] if told is None else [told]
        spread = along.error + error + neglected_across(case) + abs(tails) * _share_unknown(case)
        return self.time(case, along.value + across + tails, spread, *kept, note="ln tau: " + ", ".join(words))


def _along(case: Case) -> tuple[LogTime, str]:
    try:
        return case.finite_steps, STEPS
    except (AccuracyError, NotApplicable):  # the steps are too small to be told from a diffusion, or the gradient is taken ahead
        pass
    training = case.training
    ito = ito_time(case.pushed, step=training.step, per_sample=training.per_sample, target=case.target)
    if not training.momentum:
        return ito, "as a diffusion"
    missed = training.rate * (case.well_curvature - case.top_curvature) / 4  # the chain's own correction, not had here
    return LogTime(ito.value + log_friction(case), ito.error + missed), "as a diffusion with the friction at the saddle"


def _share_unknown(case: Case) -> float:
    """Return the share of what a batch's whole law adds that is not known: it is an exponent, without its prefactor, of walkers without inertia."""
    steepest = max(case.well_curvature, -case.top_curvature)
    inertia = steepest / case.training.friction**2 if case.training.momentum else 0.0
    return min(1.0, 1 / case.exponent + inertia)


def _across(case: Case) -> tuple[float, float, str, bool]:
    """Return what to add for the directions across, its error, by which road, and whether that assumes a narrow valley."""
    valley = across_the_way(case)
    if case.surroundings is not None:
        try:
            return case.sharp.value - _laplace(case) - valley.along + valley.steps, case.sharp.error, "by the sharp prefactor", False
        except EyringError:
            pass
    return valley.value - valley.along + valley.steps, valley.error, "by the valley's widening", True


def _laplace(case: Case) -> float:
    """Return ln of the iterations along the way to leading order: what the exact answer along it stands for in the sharp one."""
    T, loss = case.temperature_along, case.losses()
    numbers = {"D_a": float(T[0]), "D_b": float(T[case.path.saddle_at]), "E": case.exponent, "H_a": loss["H_a"], "H_b": loss["H_b"]}
    return logarithm_of("kramers-state-dependent", numbers) - log(case.training.step)
