"""Leaving the valley of a network's minimum: the settings, the trainings, and the rows that hold them against the chain and the paper."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Row
from eyring.validation.reproduce.escape_rows import AXES, Rival, Seen, along, own_rows, rival_rows, straight_rows
from eyring.validation.reproduce.fits import mean_exit_time
from eyring.validation.reproduce.pictures import Series, sweep_picture
from eyring.validation.reproduce.signed_sum import Run
from eyring.validation.reproduce.valley import MEASURED, STEP, Network, Valley, valley_of
from eyring.validation.reproduce.valley_chain import chain_time, exponent, train, transient

__all__ = ["judge_valley", "valley_plan"]

MOMENTA = (0.0, 0.5, 0.9)
SETTINGS = ((1.0, 16, 1.0), (0.9, 16, 1.0), (0.8, 16, 1.0), (1.0, 18, 1.0), (1.0, 20, 1.0), (1.0, 16, 0.9), (1.0, 16, 0.8))  # eta in units, B, k
OWN = "the chain along the line, averaged over the other directions"


def runs(network: Network, valley: Valley, quick: bool) -> dict[str, Run]:
    """Return the settings by name."""
    unit, found = valley.unit, {}
    for mu in MOMENTA:
        for index, (eta, size, k) in enumerate(SETTINGS[: 1 if mu else 2] if quick else SETTINGS[: 3 if mu else None]):
            run = Run(eta * unit * (1 - mu), size, mu, k, 256 if quick else 2048, 1, 100 * int(10 * mu) + index)
            height = exponent(valley, run)
            expected = 4 * (1 + 2 * mu) * math.exp(height) / (STEP * eta * k) / math.sqrt(height)
            steps = transient(run, valley) + math.ceil((30 if quick else network.exits) * expected / run.replicas)
            found[f"{network.name}, eta {eta:g}, B {size}, k {k:g}, mu {mu:g}"] = replace(run, iterations=steps)
    return found


def valley_plan(networks: tuple[Network, ...], quick: bool) -> Mapping[str, Job]:
    """Return a training and a chain for every network and setting."""
    jobs: dict[str, Job] = {}
    for network in networks:
        if network.folder is not None:
            jobs[f"valley {network.name}"] = Job(measured_valley, {"network": network})
        for name, run in runs(network, valley_of(network), quick).items():
            jobs[f"train {name}"] = Job(train, {"network": network, "run": run})
            jobs[f"chain {name}"] = Job(chain_time, {"network": network, "run": run, "quick": quick})
    return jobs


def measured_valley(network: Network) -> dict[str, Any]:
    """Return what judging needs to know of a valley, so that the data need not be read again."""
    found = vars(valley_of(network))
    return {name: found[name] for name in MEASURED}


def _valley(network: Network, results: Mapping[str, Mapping[str, Any]]) -> Valley:
    kept = results.get(f"valley {network.name}")
    if kept is None:
        return valley_of(network)
    numbers: dict[str, Any] = {name: kept[name] if np.ndim(kept[name]) else float(kept[name]) for name in MEASURED}
    return Valley(problem=None, minimum=None, direction=None, **numbers)


def judge_valley(networks: tuple[Network, ...], results: Mapping[str, Mapping[str, Any]], quick: bool, title: str) -> Finding:
    """Hold every network's measured times against the chain along its line, the straight lines, and C = H/B.

    Args:
        networks: As they were planned; where the data were a folder's, their valleys are among the results.
        results: By job.
        quick: Whether the run was the short one.
        title: Of the picture.
    """
    rows: list[Row] = []
    drawn: list[Series] = []
    for network in networks:
        valley = _valley(network, results)
        groups = _seen(network, valley, results, quick)
        found = [row for group in groups for row in own_rows(group, OWN, quick=quick, least_barrier=0.0, coarser=5.0)]
        found += _published(network, valley, groups[0], quick)
        rows += [replace(row, claim=f"{network.name}: {row.claim}") for row in found]
        drawn += _series(network, groups)
    return Finding(tuple(rows), lambda: sweep_picture(title, drawn))


def _seen(network: Network, valley: Valley, results: Mapping[str, Mapping[str, Any]], quick: bool) -> list[list[Seen]]:
    found = []
    for name, run in runs(network, valley, quick).items():
        measured, chain = mean_exit_time(results[f"train {name}"], transient(run, valley)), results[f"chain {name}"]
        found.append(Seen(run, measured, float(chain["time"]), float(chain["error"]), exponent(valley, run)))
    return [[s for s in found if s.run.momentum == mu] for mu in MOMENTA]


def _published(network: Network, valley: Valley, plain: list[Seen], quick: bool) -> list[Row]:
    ratio = float(np.interp(0.0, valley.s, valley.noise)) / valley.curvature
    law = Rival(
        "Xie et al.: the exponent is 2 B dL/(eta h), which is C = H/B", f"v^T G v/h = {ratio:.3g} at the minimum",
        lambda s: math.exp(exponent(valley, s.run, published=True)) / (s.run.learning_rate * s.run.scale), 0.1, slope=True,
    )  # fmt: skip
    rows = rival_rows(plain, [law], quick=quick)
    if not network.hidden:
        rows.append(
            Row(
                "Xie et al., theorem 3.2: an escape over a saddle", valley.lowest, None, None, "out of regime",
                note="no barrier: the loss is convex; measured: the smallest eigenvalue of H. The event is a distance along the sharpest direction",
            )
        )  # fmt: skip
    return rows + ([] if quick else straight_rows(plain, "Xie et al."))


def _series(network: Network, groups: list[list[Seen]]) -> "list[Series]":
    series = []
    for axis, read in AXES.items():
        for group in groups:
            chosen = along(group, axis)
            name = f"{network.name}, mu = {group[0].run.momentum:g}"
            series.append(Series(axis, name, [read(s.run) for s in chosen], [s.measured for s in chosen], {OWN: [s.predicted for s in chosen]}))
    return series
