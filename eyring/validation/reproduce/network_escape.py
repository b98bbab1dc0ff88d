"""Escape of a small network trained on real data: predicted and measured ln tau side by side, and which assumption of the laws fails there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Reproduction
from eyring.validation.reproduce.network_training import TRANSIENT, cheapest_ways, experiment, walkers_seen

__all__ = ["REPRODUCTION"]


def plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    """Return the cells of the sweep, the laws, where replicas go and stay, and the cheapest way for batches' whole law."""
    watched = {"learning_rate": 0.2, "batch_size": _looked_at(quick), "replicas": 128 if quick else 2048, "steps": 1500 if quick else 4000, "seed": 9}
    jobs = experiment(quick).jobs() | {"walkers": Job(walkers_seen, watched), "cheapest ways": Job(cheapest_ways, {"quick": quick})}
    return dict(sorted(jobs.items(), key=lambda job: -job[1].arguments.get("iterations", 0)))  # the longest first


def judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    """Hold every law against the court's cells, and the assumptions one by one against what was measured of each."""
    from eyring.validation.court.experiment import Results
    from eyring.validation.reproduce.fits import mean_exit_time
    from eyring.validation.reproduce.network_assumptions import assumption_rows
    from eyring.validation.reproduce.network_picture import network_picture
    from eyring.validation.reproduce.network_rows import cell_rows, law_rows, sweep_rows

    ruling = Results.of(experiment(quick), results).verdict()
    times = {cell.setting.name: mean_exit_time(results[cell.setting.name], TRANSIENT) for cell in ruling.cells}
    rows = cell_rows(ruling.cells, times, resolution=0.4 if quick else 0.2) + sweep_rows(ruling.cells, times, quick=quick) + law_rows(ruling)
    rows += assumption_rows(ruling.cells, times, results["walkers"], results["cheapest ways"], size=_looked_at(quick))
    return Finding(tuple(rows), lambda: network_picture(ruling.cells, times))


def _looked_at(quick: bool) -> int:
    """Return the batch size at which replicas are looked at."""
    return 2 if quick else 4


REPRODUCTION = Reproduction(
    name="network-escape",
    paper="xie2021",
    figure="escape of a network on real data",
    title="Escape of a small network on real data from a minimum with a barrier",
    setting=(
        "Two tanh units (8 parameters) that single out one of three iris species, torch.optim.SGD with momentum 0, 0.5 and 0.9, batches drawn with "
        "replacement; the probes find a barrier of 0.00345. The laws take loss, gradients and covariance of the 150 samples; nothing is fitted."
    ),
    claims=("the laws of escape give ln tau of a network on real data, or the assumption that fails there can be named with its number",),
    plan=plan,
    judge=judge,
)
