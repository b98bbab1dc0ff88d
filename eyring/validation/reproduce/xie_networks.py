"""Xie, Sato & Sugiyama's small networks: how long minibatch SGD stays within a valley, against 1/k, B and 1/eta."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eyring.validation.court.shards import Job
from eyring.validation.reproduce.contract import Finding, Reproduction
from eyring.validation.reproduce.valley import Network
from eyring.validation.reproduce.valley_rows import judge_valley, valley_plan

__all__ = ["REPRODUCTION"]

NETWORKS = (Network("wine", (3,), 0.01, exits=1200), Network("breast-cancer", (3, 3), 0.01, exits=1800))
ORIGINAL = "banknote.csv"


def networks(data: Path | None) -> tuple[Network, ...]:
    """Return the problems: wine and breast_cancer, or the paper's banknotes from a folder."""
    return NETWORKS if data is None else (Network(ORIGINAL, (3,), 0.01, data, exits=1200), Network(ORIGINAL, (3, 3), 0.01, data, exits=1800))


def plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    """Return all trainings."""
    return valley_plan(networks(data), quick)


def judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    """Judge them."""
    original = any(ORIGINAL in name for name in results)
    return judge_valley(networks(Path() if original else None), results, quick, "Networks leave their valleys along the sharpest direction")


REPRODUCTION = Reproduction(
    name="xie-networks",
    paper="xie2021",
    figure="networks of two and three layers: -ln gamma against 1/k, B and 1/eta",
    title="Networks of two and three layers: leaving the valley",
    setting=(
        "torch.optim.SGD, momentum 0, 0.5 and 0.9, on minibatches of 128 samples of wine (two tanh layers) and "
        "breast_cancer (three), four principal components, with an L2 term; the event is a distance along the sharpest direction. "
        "k rescales the loss to L(sqrt(k) theta)."
    ),
    claims=("-ln gamma is linear in 1/k, B and 1/eta", "the exponent is 2 B dL/(eta h)"),
    plan=plan,
    judge=judge,
    originals=(ORIGINAL,),
)
