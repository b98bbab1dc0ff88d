"""The regression on real data as a problem of the main job: verdicts that hold for all directions at once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.outcome import Arrays, Outcome, Part, Problem, Table
from eyring.validation.problems.regression import FULL, QUICK, run_regression
from eyring.validation.problems.regression_table import RegressionResult, RegressionRow
from eyring.validation.verdict import MeasuredCondition, Prediction, Verdict, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["regression"]

SETTING = (
    "Least squares on scikit-learn's diabetes data (442 samples, 10 features, standardised), trained by torch.optim.SGD; stationary variance of the "
    "weights along each eigenvector of the Hessian, from time averages of independent replicas. Three samplers: with replacement, without "
    "replacement (a fresh subset at every step), and epoch shuffling, which drops the incomplete last batch (drop_last)."
)
RELAXATIONS = 10.0


def regression(*, seed: int, device: str = "cpu", quick: bool = False) -> Problem:
    """Return the plan: one training of all samplers and batch sizes, and how to judge it.

    Args:
        seed: Of the batches.
        device: "cpu" or "cuda".
        quick: Shorter averages: enough to see differences of 50 %.
    """
    plan = QUICK if quick else FULL

    def run(progress: Callable[[int, int], None]) -> Arrays:
        result = run_regression(seed=seed, device=device, quick=quick, progress=progress)
        return {**result.arrays(), "table": np.array(json.dumps(_plain(result)))}

    part = Part("regression", "least squares on diabetes", {"plan": asdict(plan), "seed": seed, "device": device}, run)
    return Problem("regression", (part,), lambda raw: _outcome(raw["regression"], resolution=0.5 if quick else 0.1))


def _plain(result: RegressionResult) -> dict[str, Any]:
    return {
        "rows": [asdict(row) for row in result.rows],
        "learning_rate": result.learning_rate,
        "replicas": result.replicas,
        "relaxation_steps": result.relaxation_steps,
        "runs": [[sampler, size, result.burn_in[sampler, size], steps] for (sampler, size), steps in result.steps.items()],
        "seconds": result.seconds,
    }


def _outcome(raw: Arrays, *, resolution: float) -> Outcome:
    table = json.loads(str(raw["table"]))
    replicas = int(table["replicas"])
    rows = [RegressionRow(**row) for row in table["rows"]]
    conditions = {(sampler, size): _conditions(table, burn_in) for sampler, size, burn_in, _ in table["runs"]}
    verdicts = tuple(
        v
        for key in conditions
        for v in _verdicts([r for r in rows if (r.sampler, r.batch_size) == key], _Together(len(rows), replicas, conditions[key], resolution))
    )
    return Outcome(
        name="regression",
        title="Where SGD settles on real data",
        setting=f"{SETTING} Learning rate {table['learning_rate']}, {table['replicas']} replicas.",
        verdicts=verdicts,
        tables=tuple(_table([r for r in rows if (r.sampler, r.batch_size) == key]) for key in conditions),
        formulas=(),
        draw=lambda: _picture(rows),
        raw={name: values for name, values in raw.items() if name != "table"},
    )


def _conditions(table: Mapping[str, Any], burn_in: int) -> tuple[MeasuredCondition, ...]:
    waited = burn_in / table["relaxation_steps"]
    return (
        MeasuredCondition(
            "replicas ran at least 10 relaxation times of the flattest direction before they were measured", waited, waited >= RELAXATIONS - 1e-9
        ),
    )


@dataclass(frozen=True)
class _Together:
    """What all rows of one sampler and batch size are judged with."""

    comparisons: int
    replicas: int
    conditions: tuple[MeasuredCondition, ...]
    resolution: float

    def judge(self, claim: str, row: RegressionRow, law: float, source: str, *, own: bool, note: str) -> Verdict:
        level = 1 - 0.01 / self.comparisons
        measured = Estimate(row.measured, row.low, row.high, self.replicas, "time averages of independent replicas", "variance", level)
        return judge(
            claim,
            measured,
            Prediction.within(law, 0.0, source),
            conditions=self.conditions,
            resolution=self.resolution,
            comparisons=self.comparisons,
            own=own,
            note=f"{note}: number {row.direction}, curvature {row.curvature:.3g}",
        )


def _verdicts(rows: Sequence[RegressionRow], together: _Together) -> list[Verdict]:
    """Judge every direction of one sampler and batch size; the worst direction speaks, for a law must hold in all of them.

    For the wrong factor (N-S)/(N-1) the note also gives the direction that rejects it least.
    """
    sampler, size = rows[0].sampler, rows[0].batch_size
    name = f"{sampler}, S = {size}"

    def all_directions(claim: str, laws: Sequence[float], *, own: bool = False, every: bool = False) -> Verdict:
        note = f"worst of {len(rows)} directions"
        seen = [together.judge(claim, row, law, "second-moment fixed point", own=own, note=note) for row, law in zip(rows, laws, strict=True)]
        worst = max(seen, key=_badness)
        if not every:
            return worst
        least = min(range(len(seen)), key=lambda k: seen[k].sigma)
        return replace(worst, note=f"{worst.note}; least rejected: number {rows[least].direction}, at {seen[least].sigma:.1f} sigma")

    iid = rows[0].exact is not None
    verdicts = []
    if iid:
        verdicts.append(all_directions(f"{name}: the exact law of this data set and sampler", [r.exact or 0.0 for r in rows], own=True))
    if sampler != "with replacement":
        verdicts.append(all_directions(f"{name}: the law of draws with replacement", [r.law_without_factor for r in rows], every=iid))
    if sampler != "without replacement":
        verdicts.append(all_directions(f"{name}: the law with the factor (N-S)/(N-1)", [r.law_with_factor for r in rows], every=iid))
    worst = max(rows, key=lambda r: abs(r.sigmas(r.continuous)))
    verdicts.append(
        together.judge(f"{name}: the continuous-time law", worst, worst.continuous, "Lyapunov equation", own=False, note="worst direction")
    )
    return verdicts


def _badness(verdict: Verdict) -> tuple[int, float]:
    return (["agrees", "undecided", "disagrees", "out of regime"].index(verdict.status), verdict.sigma)


def _table(rows: Sequence[RegressionRow]) -> Table:
    def against(row: RegressionRow, law: float | None) -> str:
        return "-" if law is None else f"{row.measured / law:.3f} [{row.low / law:.3f}, {row.high / law:.3f}]"

    cells = tuple(
        (
            str(r.direction),
            f"{r.curvature:.4g}",
            f"{r.measured:.5g}",
            against(r, r.exact),
            against(r, r.law_without_factor),
            against(r, r.law_with_factor),
            against(r, r.continuous),
        )
        for r in rows
    )
    columns = ("direction", "curvature", "measured variance", "/ exact law", "/ with-replacement law", "/ law with (N-S)/(N-1)", "/ continuous time")
    return Table(f"Sampler {rows[0].sampler}, S = {rows[0].batch_size}", columns, cells, "intervals hold for all rows of all tables at once (99 %)")


def _picture(rows: Sequence[RegressionRow]) -> "Figure":
    from eyring.validation.pictures import regression_picture

    return regression_picture(rows)
