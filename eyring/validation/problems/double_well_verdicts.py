"""What theory says about each way of training in the double well, and the verdicts: exact chain, exact SDE in three calculi, formulas, momentum."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from scipy.special import ndtri

from eyring.numerics.answer import Estimate
from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.exact.relaxation.spectrum import relaxation_rates
from eyring.numerics.simulation import Exits
from eyring.theory.dynamics import SGD, MomentumSGD, WhiteNoiseGD
from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula
from eyring.theory.sde import CALCULI, SDE
from eyring.validation.problems.double_well import LOSS, SADDLE, START, TARGET, Experiment
from eyring.validation.verdict import Choice, MeasuredCondition, Prediction, Verdict, judge, tell_apart

__all__ = ["Comparison", "judge_momentum", "judge_sgd", "judge_step_size", "judge_white_noise"]

NAMES = {"ito": "Ito", "stratonovich": "Stratonovich", "anti-ito": "anti-Ito"}
WRONG = "Ito with D wrong by 10 %"


@dataclass(frozen=True)
class Comparison:
    """One experiment's verdicts, with the table behind them.

    Attributes:
        experiment: What was trained.
        measured: The measured quantity.
        verdicts: Eyring's own predictions and their rivals.
        rows: Predicted numbers: (road, value, unit, remark).
        formula: The formula whose derivation belongs to it.
    """

    experiment: Experiment
    measured: Estimate
    verdicts: tuple[Verdict, ...]
    rows: tuple[tuple[str, float, str, str], ...]
    formula: Formula


@dataclass(frozen=True)
class _Trial:
    """A measured quantity of one experiment, ready to be held against predictions."""

    experiment: Experiment
    measured: Estimate
    conditions: tuple[MeasuredCondition, ...]

    def judge(self, claim: str, prediction: Prediction, *, own: bool = True, note: str = "") -> Verdict:
        claim, resolution = f"{self.experiment.title}: {claim}", self.experiment.resolution
        return judge(claim, self.measured, prediction, conditions=self.conditions, resolution=resolution, own=own, note=note)

    def tell_apart(self, rivals: Mapping[str, Prediction], *, claim: str) -> Choice:
        claim, resolution = f"{self.experiment.title}: {claim}", self.experiment.resolution
        return tell_apart(self.measured, rivals, claim=claim, conditions=self.conditions, resolution=resolution)


def judge_sgd(experiment: Experiment, exits: Exits) -> Comparison:
    """Compare minibatch SGD with its exact chain, with the exact SDE in each calculus, and with Kramers' three prefactors."""
    formulas = {c: kramers(SGD(), experiment.noise, c) for c in CALCULI}
    conditions = (*_conditions(formulas["ito"], experiment), memoryless(exits, experiment))
    trial = _Trial(experiment, exits.mean_time(transient=experiment.transient), conditions)
    chain, times = _chain(experiment), _exact_in_three_calculi(experiment.sde)
    shift = chain / times["ito"] - 1
    choice = trial.tell_apart(_rival_times(experiment, times, abs(shift)), claim="the exact time of {}")
    seen = choice.verdicts["Ito"].ratio
    note = f"measured/Ito - 1 = {seen.value - 1:+.2%} [{seen.low - 1:+.2%}, {seen.high - 1:+.2%}], computed shift of the finite step {shift:+.2%}"
    verdicts = (
        trial.judge("the exact chain of this optimizer with these batches", Prediction.within(chain, 1e-4, "exact discrete chain"), note=note),
        choice.verdict(f"{experiment.title}: Ito's calculus, told from the others", expected="Ito"),
        *(verdict for name, verdict in choice.verdicts.items() if name != "Ito"),
        *_prefactors(trial, formulas, times, abs(shift)),
    )
    rows = [("exact discrete chain", chain, "iterations", f"{shift:+.2%} from Ito")]
    rows += [(f"exact SDE, {NAMES[c]}", t, "iterations", "no small parameter") for c, t in times.items()]
    leading = {c: numbers(f, experiment)["value"] for c, f in formulas.items()}
    rows += [(f"Kramers, {NAMES[c]} prefactor", p, "iterations", f"exact / formula = {times[c] / p:.3f}") for c, p in leading.items()]
    return Comparison(experiment, trial.measured, verdicts, tuple(rows), formulas["ito"])


def _rival_times(experiment: Experiment, times: Mapping[str, float], shift: float) -> dict[str, Prediction]:
    """Return the exact times of the three calculi, and Ito's with a D that is wrong by 10 % on purpose."""
    wrong = _exact(experiment.sde.with_(diffusion=experiment.sde.diffusion * sp.Rational(11, 10)))
    named = {NAMES[c]: t for c, t in times.items()} | {WRONG: wrong}
    return {name: Prediction.within(t, shift, f"exact SDE, {name}; +- the shift of the finite step") for name, t in named.items()}


def _prefactors(trial: _Trial, formulas: Mapping[str, Formula], times: Mapping[str, float], shift: float) -> list[Verdict]:
    source = "leading-order Kramers; its own error read off the exact time"
    values = {c: numbers(f, trial.experiment)["value"] for c, f in formulas.items()}
    return [trial.judge(f"Kramers' formula, {NAMES[c]} prefactor", _between(v, times[c], shift, source), own=False) for c, v in values.items()]


def judge_step_size(slow: Comparison, fast: Comparison) -> Verdict:
    """Extrapolate two learning rates with the same eta/B, hence the same SDE, to eta = 0 and compare with exact Ito; the rest is O(eta^2)."""
    pair = (slow, fast)
    clocks = [float(c.experiment.sde.clock) for c in pair]
    outer = clocks[1] / (clocks[1] - clocks[0])
    weights = [outer * clocks[0], (1 - outer) * clocks[1]]
    value = sum(w * c.measured.value for w, c in zip(weights, pair, strict=True))
    reach = ndtri(0.975) * math.hypot(*(w * _standard_error(c.measured) for w, c in zip(weights, pair, strict=True)))
    events = sum(c.measured.events for c in pair)
    estimate = Estimate(value, value - reach, value + reach, events, "two learning rates extrapolated to 0", "time")
    ito = _exact_in_three_calculi(slow.experiment.sde)["ito"] * clocks[0]
    rest = sum(w * _chain(c.experiment) for w, c in zip(weights, pair, strict=True)) / ito - 1
    prediction = Prediction.within(ito, abs(rest), "exact Ito SDE, +- what the chains leave after the same extrapolation")
    claim = "SGD extrapolated to eta = 0 at fixed eta/B: the exact Ito time"
    return judge(claim, estimate, prediction, resolution=slow.experiment.resolution, note=f"the chains extrapolate to {rest:+.2%}")


def judge_momentum(experiment: Experiment, exits: Exits) -> Comparison:
    """Compare the quasi-stationary rate with the kinetic spectrum and with Kramers-Langer; the overdamped rule eta/(1 - mu) must fail."""
    formula = kramers(MomentumSGD(), experiment.noise, "ito")
    conditions = (*_conditions(formula, experiment), memoryless(exits, experiment))
    trial = _Trial(experiment, exits.rate(transient=experiment.transient), conditions)
    rate, error = _kinetic_rate(experiment)
    langer, rule = 1 / numbers(formula, experiment)["value"], _overdamped_rate(experiment)
    spectrum = Prediction.within(rate, error, "half the first kinetic eigenvalue; +- O(sqrt(eta)) of the step and the slide to the minimum")
    overdamped = Prediction.within(rule, error, "exact overdamped SDE at eta/(1 - mu)")
    choice = trial.tell_apart({"momentum": spectrum, "the rule eta/(1 - mu)": overdamped}, claim="the rate by {}")
    verdicts = (
        trial.judge("the kinetic Fokker-Planck spectrum", spectrum),
        trial.judge("Kramers-Langer", _between(langer, rate, error, "Kramers-Langer; its own error read off the spectrum")),
        choice.verdict(f"{experiment.title}: momentum, told from SGD at eta/(1 - mu)", expected="momentum"),
        choice.verdicts["the rule eta/(1 - mu)"],
    )
    rows = (
        ("kinetic Fokker-Planck spectrum", rate, "1/iteration", f"own error +-{error:.1%}"),
        ("Kramers-Langer", langer, "1/iteration", f"exact / formula = {rate / langer:.3f}"),
        ("SGD at eta/(1 - mu)", rule, "1/iteration", f"{rule / rate - 1:+.0%} from the spectrum"),
    )
    return Comparison(experiment, trial.measured, verdicts, rows, formula)


def judge_white_noise(experiment: Experiment, exits: Exits) -> Comparison:
    """Compare gradient descent with white noise with its exact chain, the exact SDE, and Kramers with its first correction."""
    formula = kramers(WhiteNoiseGD(), None, "ito", order=1)
    conditions = (*_conditions(formula, experiment), memoryless(exits, experiment))
    trial = _Trial(experiment, exits.mean_time(transient=experiment.transient), conditions)
    chain, exact = _chain(experiment), _exact(experiment.sde)
    shift, found = chain / exact - 1, numbers(formula, experiment)
    corrected = _between(found["value"], exact, abs(shift), "Kramers (1 + c T); its own error read off the exact time")
    verdicts = (
        trial.judge("the exact chain", Prediction.within(chain, 1e-6, "exact discrete chain")),
        trial.judge("the exact SDE", Prediction.within(exact, abs(shift), "exact SDE, +- the shift of the finite step")),
        trial.judge("Kramers with its first correction", corrected),
    )
    remark = f"exact / formula = {exact / found['value']:.3f}; next term {found['next']:.1%}"
    rows = (
        ("exact discrete chain", chain, "iterations", f"{shift:+.2%} from the SDE"),
        ("exact SDE", exact, "iterations", "no small parameter"),
        ("Kramers with its first correction", found["value"], "iterations", remark),
    )
    return Comparison(experiment, trial.measured, verdicts, rows, formula)


@cache
def kramers(dynamics: Any, noise: Any, calculus: str, order: int = 0) -> Formula:
    """Derive the escape formula in iterations from the update rule, its hyperparameters left as symbols."""
    sde = dynamics.sde(LOSS, noise)
    return escape_time(sde.with_(calculus=calculus), start=START, over=SADDLE, event="next well", order=order).per_iteration


def numbers(formula: Formula, experiment: Experiment) -> Mapping[str, float]:
    """Return the formula's value and the size of its first neglected term at the experiment's hyperparameters."""
    at = _values(formula, experiment)
    neglected = math.nan if formula.next_order is None else abs(float(formula.next_order.subs(at)))
    return {"value": float(formula.compile("numpy")(**{s.name: float(v) for s, v in at.items()})), "next": neglected}


def memoryless(exits: Exits, experiment: Experiment) -> MeasuredCondition:
    """Test that walkers do not age: exits per step waited, late over early, is 1 within 5 standard errors.

    Early begins after the entry transient; late begins at the median age of an exit.
    """
    ages = exits.times[exits.times > experiment.transient]
    if len(ages) < 20:
        return MeasuredCondition("the run is long enough to see whether walkers age: at least 20 exits", len(ages), False)
    middle = float(np.median(ages))
    counts, exposures = [], []
    for low, high in ((experiment.transient, middle), (middle, math.inf)):
        counts.append(int(np.sum((exits.times > low) & (exits.times <= high))))
        exposures.append(float(sum(np.clip(np.minimum(t, high) - low, 0, None).sum() for t in (exits.times, exits.censored))))
    ratio = counts[1] * exposures[0] / (counts[0] * exposures[1])
    error = math.sqrt(1 / counts[0] + 1 / counts[1])
    return MeasuredCondition("walkers do not age: late over early exit rate is 1 within 5 sigma", ratio, abs(math.log(ratio)) < 5 * error)


def _conditions(formula: Formula, experiment: Experiment) -> tuple[MeasuredCondition, ...]:
    at = _values(formula, experiment)
    return tuple(
        MeasuredCondition(f"{c.sentence} ({sp.sstr(c.relation)})", float(c.relation.lhs.subs(at)), bool(c.relation.subs(at)))
        for c in formula.conditions
    )


def _values(formula: Formula, experiment: Experiment) -> dict[sp.Symbol, sp.Expr]:
    known = {**_symbols_of(experiment.dynamics)}
    wanted = formula.expression.free_symbols.union(*(c.relation.free_symbols for c in formula.conditions))
    if formula.next_order is not None:
        wanted |= formula.next_order.free_symbols
    return {s: known[s.name] for s in wanted}


def _symbols_of(dynamics: Any) -> dict[str, sp.Expr]:
    blank = type(dynamics)().hyperparameters
    return {str(blank[name]): value for name, value in dynamics.hyperparameters.items() if isinstance(blank[name], sp.Symbol)}


def _between(value: float, exact: float, shift: float, source: str) -> Prediction:
    """Return a formula whose own error reaches to the exact answer, and the finite step's shift beyond."""
    low, high = min(value, exact) * (1 - shift), max(value, exact) * (1 + shift)
    return Prediction(value, low, high, source)


@cache
def _chain(experiment: Experiment) -> float:
    return float(exact_chain_time(experiment.dynamics, LOSS, experiment.noise, start=START, target=TARGET))


@cache
def _exact(sde: SDE) -> float:
    return float(exact_escape_time(sde, start=START, target=TARGET).per_iteration)


def _exact_in_three_calculi(sde: SDE) -> dict[str, float]:
    return {calculus: _exact(sde.with_(calculus=calculus)) for calculus in CALCULI}


@cache
def _kinetic_rate(experiment: Experiment) -> tuple[float, float]:
    """Return half the first eigenvalue per iteration, and its relative error as the rate of this optimizer reaching the next minimum.

    Heavy ball is a leapfrog scheme of mass (1 + mu)/2: with the clock sqrt(2 eta/(1 + mu)) the O(sqrt(eta)) error of the step is gone, and the
    difference measures it. Reaching the minimum takes a slide of ln(sqrt(|H_b|/T))/lambda_+ beyond the saddle, rate times slide relative.
    """
    sde, clock = experiment.sde, float(experiment.sde.clock)
    plain = float(relaxation_rates(sde)[0]) / 2 * clock
    stretch = math.sqrt(2 / (1 + float(experiment.dynamics.hyperparameters["momentum"])))
    friction, temperature = _friction_and_temperature(experiment)
    v = sde.coordinates[1]
    centred = sde.with_(
        drift=[v, sde.drift[1] + (friction - sp.Float(friction * stretch)) * v], diffusion=sp.diag(0, sp.Float(friction * stretch * temperature))
    )
    shift = float(relaxation_rates(centred)[0]) / 2 * clock * stretch / plain - 1
    growth = -friction / 2 + math.sqrt(friction**2 / 4 + 1)
    slide = math.log(math.sqrt(1 / temperature)) / growth
    return plain, abs(shift) + plain / clock * slide


def _friction_and_temperature(experiment: Experiment) -> tuple[float, float]:
    v = experiment.sde.coordinates[1]
    friction = -float(sp.diff(experiment.sde.drift[1], v))
    return friction, float(experiment.sde.diffusion[1, 1]) / friction


def _overdamped_rate(experiment: Experiment) -> float:
    """Return 1/time per iteration of plain SGD at the learning rate eta/(1 - mu)."""
    h = experiment.dynamics.hyperparameters
    rule = SGD(learning_rate=h["learning_rate"] / (1 - h["momentum"]), batch_size=h["batch_size"])
    return 1 / _exact(rule.sde(LOSS, experiment.noise))


def _standard_error(estimate: Estimate) -> float:
    return (estimate.high - estimate.low) / (2 * float(ndtri((1 + estimate.level) / 2)))
