"""An escape experiment on a signed sum: sweeps of 1/k, B and 1/eta at three momenta, trained, predicted and judged in one way."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Row
from eyring.validation.reproduce.escape_rows import AXES, SINGLE, Rival, Seen, along, own_rows, rival_rows, straight_rows
from eyring.validation.reproduce.fits import mean_exit_time
from eyring.validation.reproduce.pictures import Series, sweep_picture
from eyring.validation.reproduce.signed_sum import Run, SignedSum, train_exits
from eyring.validation.verdict import MeasuredCondition, Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SignedEscape"]

MOMENTA = (0.0, 0.5, 0.9)
OWN = "the optimizer's own chain"


@dataclass(frozen=True)
class SignedEscape:
    """What differs from one such experiment to the next.

    Attributes:
        title: Above the picture.
        landscape: Trained on.
        settings: (eta at momentum 0, B, k); the first is the one that the sweeps share. At momentum mu the learning rate is eta (1 - mu).
        with_momentum: How many of them are trained with momentum.
        short: How many of them a quick run takes at momentum 0; at other momenta it takes the first.
        replicas: Trained at once; half of them, and at most 8192, in a quick run.
        work: Replica-steps of each setting.
        share: Of the work, for a setting with momentum.
        chain_time: The mean exit time by the optimizer's own chain and its relative error, a function of a module.
        leading: (exponent, leading-order mean time in iterations) at a setting.
        relaxation: Relaxation times of the minimum, in units of eta k/(1 - mu) iterations.
        rivals: The published laws, from the settings at momentum 0.
        drawn: Names of the laws that the picture shows, by their place among the rivals.
        predict: What ``predict_escape`` says of a setting (``predict_signed``), a function of a module.
    """

    title: str
    landscape: SignedSum
    settings: tuple[tuple[float, int, float], ...]
    with_momentum: int
    short: int
    replicas: int
    work: float
    share: float
    chain_time: Callable[..., Mapping[str, float]]
    leading: Callable[[Run], tuple[float, float]]
    relaxation: float
    rivals: Callable[[Sequence[Seen]], list[Rival]]
    drawn: Mapping[str, int]
    predict: Callable[..., Mapping[str, float]]

    def runs(self, quick: bool) -> dict[str, Run]:
        """Return the settings by name: the same work for each, a part of it with momentum; in a quick run, for about 400 exits."""
        replicas = min(self.replicas // 2, 8192) if quick else self.replicas
        found = {}
        for mu in MOMENTA:
            chosen = self.settings[: (1 if mu else self.short) if quick else self.with_momentum if mu else None]
            for index, (eta, size, k) in enumerate(chosen):
                run = Run(eta * (1 - mu), size, mu, k, replicas, 1, 100 * int(10 * mu) + index)
                work = 400 * self.leading(run)[1] if quick else self.share * self.work if mu else self.work
                steps = self.transient(run) + math.ceil(work / replicas)
                found[f"eta {eta:g}(1-mu), B {size}, k {k:g}, mu {mu:g}"] = replace(run, iterations=steps)
        return found

    def transient(self, run: Run) -> int:
        """Return the iterations after which a walker has forgotten its start: ten relaxation times of the minimum."""
        return math.ceil(10 * self.relaxation * (1 - run.momentum) / (run.scale * run.learning_rate) + 5 / (1 - run.momentum))

    def plan(self, quick: bool, data: Path | None) -> Mapping[str, Job]:
        """Return a training and a chain for every setting, and what ``predict_escape`` says of the first at every momentum."""
        runs = self.runs(quick)
        first = {run.momentum: run for run in reversed(runs.values())}
        return {f"train {name}": Job(train_exits, {"landscape": self.landscape, "run": run}) for name, run in runs.items()} | {
            f"chain {name}": Job(self.chain_time, {"run": run, "quick": quick}) for name, run in runs.items()
        } | {f"predict mu {mu:g}": Job(self.predict, {"run": run}) for mu, run in first.items() if not (quick and mu)}

    def seen(self, results: Mapping[str, Mapping[str, Any]], quick: bool) -> list[list[Seen]]:
        """Return measured and predicted times, a list a momentum."""
        found = []
        for name, run in self.runs(quick).items():
            measured, chain = mean_exit_time(results[f"train {name}"], self.transient(run)), results[f"chain {name}"]
            found.append(Seen(run, measured, float(chain["time"]), float(chain["error"]), self.leading(run)[0]))
        return [[s for s in found if s.run.momentum == mu] for mu in MOMENTA]

    def judge(self, results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
        """Hold the measured times against the chain, the three slopes, the published laws and the momentum rule."""
        groups = self.seen(results, quick)
        plain = groups[0]
        rows = [row for group in groups for row in own_rows(group, OWN, quick=quick)]
        rows += rival_rows(plain, self.rivals(plain), quick=quick)
        rows += [] if quick else straight_rows(plain, "Xie et al.")
        rows += [predicted_row(group[0], results[name]) for group in groups if (name := f"predict mu {group[0].run.momentum:g}") in results]
        for group in groups[1:]:
            rows += rival_rows(group, [momentum_rule(plain, group[0].run.momentum)], quick=quick)
        return Finding(tuple(rows), lambda: self.picture(groups))

    def picture(self, groups: Sequence[Sequence[Seen]]) -> "Figure":
        """Draw ln tau along the three sweeps."""
        laws = self.rivals(groups[0])
        series = []
        for axis, read in AXES.items():
            for group in groups:
                chosen = along(group, axis)
                drawn = {OWN: [s.predicted for s in chosen]}
                if group is groups[0]:
                    drawn |= {name: [laws[place].time(s) for s in chosen] for name, place in self.drawn.items()}
                name = f"mu = {group[0].run.momentum:g}"
                series.append(Series(axis, name, [read(s.run) for s in chosen], [s.measured for s in chosen], drawn))
        return sweep_picture(self.title, series)


def predicted_row(seen: Seen, said: Mapping[str, float]) -> Row:
    """Return the row of ``predict_escape``'s own law at a setting, which knows the module, the samples and the optimizer, and nothing else."""
    value, low, high = (math.exp(float(said[name])) for name in ("log", "low", "high"))
    claim = f"mu = {seen.run.momentum:g}: predict_escape, eyring's own law, {seen.run.words}: tau = {value:.4g} [{low:.4g}, {high:.4g}]"
    violated = int(said["violated"])
    held = MeasuredCondition(f"all {int(said['assumptions'])} assumptions hold: number of those violated", violated, violated == 0)
    verdict = judge(claim, seen.measured, Prediction(value, low, high, "predict_escape"), conditions=(held,), resolution=SINGLE)
    return Row.of(verdict)


def momentum_rule(plain: Sequence[Seen], mu: float) -> Rival:
    """Return the rule that momentum is plain SGD at eta/(1 - mu)."""
    times = {_key(s.run): s.predicted for s in plain}
    return Rival(f"momentum {mu:g} is SGD at eta/(1 - mu)", "the rule holds for |H_b| eta << (1 - mu)^2", lambda s: times[_key(s.run)], 0.0)


def _key(run: Run) -> tuple[float, int, float]:
    return round(run.learning_rate / (1 - run.momentum), 9), run.batch_size, run.scale
