"""Jastrzebski et al.: with random labels in the data, does a larger eta/S memorise less of them, and test better where it has memorised as much?"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, slopes, worst_ratio_row
from eyring.validation.reproduce.jastrzebski_training import Cell, accuracies, digits_problem, digits_split, starts, train_cells
from eyring.validation.reproduce.pictures import COLOURS, blank_figure

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "memories"]

SAMPLES, HIDDEN = 400, 32
MOMENTA = (0.0, 0.5, 0.9)
RATIOS = tuple(2.0**-k for k in (8, 7, 6, 5))  # eta/(S (1 - mu))
BATCHES = (8, 32)
SHARES = (0.25, 0.5)
HALF = 0.5  # memorised share at which test accuracies are compared
LOOK = 4  # epochs between two looks


def memories(*, share: float, batch_size: int, ratios: Sequence[float], epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train on digits of which this share has a random label; the accuracy on random labels, true labels and test data, (3, looks, mu, ratios, R)."""
    import torch

    (inputs, digits), test = digits_split(SAMPLES, coarse=False)
    rng = np.random.default_rng(1)
    wrong = torch.from_numpy(rng.permutation(SAMPLES) < share * SAMPLES)
    labels = torch.where(wrong, torch.from_numpy(rng.integers(0, 10, SAMPLES)), digits)
    problem = digits_problem(SAMPLES, HIDDEN, coarse=False, labels=labels)
    cells = [Cell(ratio * batch_size * (1 - mu), mu) for mu in MOMENTA for ratio in ratios]
    sets = (inputs[wrong], labels[wrong]), (inputs[~wrong], labels[~wrong]), test
    seen: list[np.ndarray] = []

    def look(step: int, thetas: "torch.Tensor") -> None:
        seen.append(np.stack([accuracies(problem, thetas, data)[0] for data in sets]))

    each = LOOK * SAMPLES // batch_size
    start = starts(problem, replicas, seed)
    train_cells(problem, cells, start=start, batch_size=batch_size, steps=epochs // LOOK * each, seed=seed + batch_size, look=look, look_every=each)
    return {"accuracy": np.stack(seen, axis=1).reshape(3, len(seen), len(MOMENTA), len(ratios), replicas)}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    shares, batches, ratios = _sizes(quick)
    run = {"ratios": list(ratios), "epochs": 32 if quick else 64, "replicas": 8 if quick else 10, "seed": 51}
    return {_name(share, S): Job(memories, {**run, "share": share, "batch_size": S}) for share in shares for S in batches}


def _sizes(quick: bool) -> tuple[tuple[float, ...], tuple[int, ...], tuple[float, ...]]:
    return (SHARES[1:], (16, 32), RATIOS[1:]) if quick else (SHARES, BATCHES, RATIOS)


def _name(share: float, batch_size: int) -> str:
    return f"{100 * share:g} percent random, batches of {batch_size}"


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    shares, batches, ratios = _sizes(quick)
    rows: list[Row] = []
    for share in shares:
        found = np.stack([results[_name(share, S)]["accuracy"] for S in batches], axis=4)  # (3, looks, mu, ratios, S, R)
        for m, mu in enumerate(MOMENTA):
            rows += _rows(found[:, :, m], share, mu, ratios)
    first = {share: results[_name(share, batches[-1])]["accuracy"] for share in shares}
    return Finding(tuple(rows), lambda: _picture(first, ratios, batches[-1]))


def _rows(found: np.ndarray, share: float, mu: float, ratios: Sequence[float]) -> list[Row]:
    """Return the claims on one share of random labels and one momentum, from (3, looks, ratios, S, R)."""
    where = f"{share:.0%} random labels, momentum {mu:g}"
    learned = found[0]
    logs = np.log(ratios)
    timed = np.stack([learned[_look_at_equal_time(k, ratios, len(learned)), k] for k in range(len(ratios))])
    tested = np.stack([_test_at_half(found[0, :, k], found[2, :, k]) for k in range(len(ratios))])
    pairs = [(k, i, j) for k in range(len(ratios)) for i, j in combinations(range(learned.shape[2]), 2)]
    averaged = np.log(learned.mean(0))
    return [
        sign_row(f"{where}: larger eta/S memorises less in equal epochs (slope of the share memorised, averaged over training, < 0)",
                 mean_estimate(slopes(logs, learned.mean((0, 2)))), sign=-1),
        sign_row(f"{where}: larger eta/S memorises less in equal training time eta x steps (slope < 0)",
                 mean_estimate(slopes(logs, timed.mean(1))), sign=-1, note="asked here: equal epochs train longer at larger eta/S"),
        sign_row(f"{where}: where {HALF:.0%} of the random labels are memorised, larger eta/S tests better (slope of the test accuracy > 0)",
                 mean_estimate(slopes(logs, tested.mean(1))), sign=1),
        worst_ratio_row(f"{where}: equal eta/S memorises equally (share averaged over training)",
                        np.array([averaged[k, j] - averaged[k, i] for k, i, j in pairs]), margin=0.1, resolution=0.25),
    ]  # fmt: skip


def _look_at_equal_time(k: int, ratios: Sequence[float], looks: int) -> int:
    """Return the look at which eta x steps is what the smallest ratio has at the end."""
    return round(looks * min(ratios) / ratios[k]) - 1


def _test_at_half(learned: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Return the test accuracy where half of the random labels are first memorised, between two looks by a straight line; (S, R) from (looks, S, R).

    A replica that never gets there counts with its last test accuracy, one that began beyond with its first.
    """
    result = np.empty(learned.shape[1:])
    for place in np.ndindex(*result.shape):
        so_far = np.maximum.accumulate(learned[(slice(None), *place)]) + 1e-9 * np.arange(len(learned))
        result[place] = np.interp(HALF, so_far, tested[(slice(None), *place)])
    return result


def _picture(found: Mapping[float, np.ndarray], ratios: Sequence[float], batch_size: int) -> "Figure":
    figure = blank_figure(8.5, 3.0 * len(found))
    panels = np.atleast_2d(figure.subplots(len(found), 2))
    for (share, accuracy), (left, right) in zip(found.items(), panels, strict=True):
        epochs = LOOK * np.arange(1, accuracy.shape[1] + 1)
        for k, ratio in enumerate(ratios):
            learned, _, tested = accuracy[:, :, 0, k].mean(-1)
            with_momentum = accuracy[:, :, 2, k].mean(-1)
            left.plot(epochs, learned, color=COLOURS[k], lw=1.4, label=f"eta/(S (1 - mu)) = 1/{1 / ratio:.0f}")
            left.plot(epochs, with_momentum[0], "x", color=COLOURS[k], ms=3.5)
            right.plot(learned, tested, color=COLOURS[k], lw=1.4)
            right.plot(with_momentum[0], with_momentum[2], "x", color=COLOURS[k], ms=3.5)
        left.set(xlabel="epochs", ylabel="memorised", title=f"{share:.0%} random labels")
        right.set(xlabel="share of random labels memorised", ylabel="test accuracy", title="crosses: momentum 0.9")
        right.axvline(HALF, color="0.6", lw=0.8, ls=":")
    panels[0, 0].legend(fontsize=8)
    figure.suptitle(f"Memorising random labels: digits, 64-{HIDDEN}-10 network, S = {batch_size} (small-scale analogue; means)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="jastrzebski-memorisation",
    paper="jastrzebski2017",
    figure="Fig. 5: memorisation under 25 % and 50 % random labels",
    title="Memorising random labels against eta/S",
    setting=(
        f"A 64-{HIDDEN}-10 ReLU network with cross-entropy on {SAMPLES} of scikit-learn's digits, a quarter or half of them with random labels, "
        "trained by torch.optim.SGD for equal epochs; memorised is the share of random labels that the network returns. The test data have true "
        "labels."
    ),
    claims=(
        "larger eta/S memorises less",
        "at the same level of memorisation, larger eta/S generalises better [recalled]",
        "equal eta/S memorises equally",
    ),
    plan=_plan,
    judge=_judge,
)
