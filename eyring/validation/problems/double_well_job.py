"""The double well as a problem of the main job: four trainings, their verdicts, tables and picture."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.outcome import Arrays, Outcome, Part, Problem, Table
from eyring.validation.problems.double_well import EXPERIMENTS, QUICK, Experiment, train
from eyring.validation.problems.double_well_verdicts import Comparison, judge_momentum, judge_sgd, judge_step_size, judge_white_noise
from eyring.validation.training import as_exits
from eyring.validation.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["double_well"]

SETTING = (
    "Loss L = x^4/4 - x^2/2; replicas start in the minimum at -1 and have left when they reach the minimum at +1; each is then put back. "
    "The first two are torch.optim.SGD on minibatches of 256 samples, drawn with replacement, with per-sample losses L + e_i g, e_i = +-1 "
    "equally often, so that C(x) = g'(x)^2/B; the same eta/B, hence the same SDE, at two learning rates. The third has momentum and g "
    "linear. The fourth is stepped by "
    "SymbolicOptimizer with the white-noise rule on the full gradient. Parameters are float32."
)


def double_well(*, seed: int, device: str = "cpu", quick: bool = False) -> Problem:
    """Return the plan: four trainings and how to judge them.

    Args:
        seed: Of batches and noise.
        device: "cpu" or "cuda".
        quick: Fewer exits: enough to see differences of 20 %.
    """
    experiments = QUICK if quick else EXPERIMENTS
    parts = tuple(_part(e, seed + index, device) for index, e in enumerate(experiments))
    return Problem("double-well", parts, lambda raw: _outcome(experiments, raw))


def _part(experiment: Experiment, seed: int, device: str) -> Part:
    def run(progress: Callable[[int, int], None]) -> Arrays:
        exits = train(experiment, seed=seed, device=device, progress=progress)
        return {"times": exits.times.astype(np.int32), "censored": exits.censored.astype(np.int32)}

    settings = {
        "optimizer": str(experiment.dynamics), "tilt": str(experiment.well and experiment.well.tilt), "replicas": experiment.replicas,
        "iterations": experiment.iterations, "seed": seed, "device": device,
    }  # fmt: skip
    return Part(experiment.name, experiment.title, settings, run)


def _outcome(experiments: tuple[Experiment, ...], raw: Mapping[str, Arrays]) -> Outcome:
    roads = {"sgd-0.02": judge_sgd, "sgd-0.04": judge_sgd, "momentum": judge_momentum, "white-noise": judge_white_noise}
    exits = {name: as_exits(part["times"], part["censored"]) for name, part in raw.items()}
    found = {e.name: roads[e.name](e, exits[e.name]) for e in experiments}
    steps = judge_step_size(found["sgd-0.02"], found["sgd-0.04"])
    verdicts = (*(v for c in found.values() for v in c.verdicts), steps)
    return Outcome(
        name="double-well",
        title="Escape from a double well",
        setting=SETTING,
        verdicts=verdicts,
        tables=tuple(_table(c) for c in found.values()),
        formulas=tuple(found[name].formula for name in ("sgd-0.02", "momentum", "white-noise")),
        draw=lambda: _picture(found, raw, verdicts),
        raw={f"{name}/{key}": values for name, part in raw.items() for key, values in part.items()},
    )


def _table(comparison: Comparison) -> Table:
    measured, e = comparison.measured, comparison.experiment
    rate = measured.unit == "1/iteration"
    rows = [
        (
            "measured",
            _number(measured.value),
            f"[{_number(measured.low)}, {_number(measured.high)}]",
            "1",
            f"{measured.events} exits; {measured.method}",
        )
    ]
    rows += [(road, _number(value), "", f"{measured.value / value:.4f}", remark) for road, value, _, remark in comparison.rows]
    what = "exits per iteration" if rate else "iterations"
    remark = f"{e.replicas} replicas, {e.iterations} steps each; interval of {measured.level:.0%}"
    return Table(
        f"{e.title}: {'rate' if rate else 'mean time'} to the other minimum",
        ("road", what, "interval", "measured / road", "remark"),
        tuple(rows),
        remark,
    )


def _number(value: float) -> str:
    return f"{value:.6g}"


def _picture(found: Mapping[str, Comparison], raw: Mapping[str, Arrays], verdicts: Sequence[Verdict]) -> "Figure":
    from eyring.validation.pictures import Escapes, StepSize, double_well_picture

    escapes = [Escapes(c.experiment.title, raw[name]["times"], raw[name]["censored"], _mean_time(c.measured)) for name, c in found.items()]
    steps, exact = [], {}
    for name in ("sgd-0.02", "sgd-0.04"):
        comparison, clock = found[name], float(found[name].experiment.sde.clock)
        verdict = comparison.verdicts[0]
        chain = verdict.predicted.value * clock
        steps.append(StepSize(clock, (chain * verdict.ratio.value, chain * verdict.ratio.low, chain * verdict.ratio.high), chain))
        exact = {road.removeprefix("exact SDE, "): value * clock for road, value, _, _ in comparison.rows if road.startswith("exact SDE")}
    return double_well_picture(escapes, steps, exact, verdicts)


def _mean_time(measured: Estimate) -> float:
    return 1 / measured.value if measured.unit == "1/iteration" else measured.value
