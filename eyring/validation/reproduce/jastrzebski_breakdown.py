"""Jastrzebski et al.: growing learning rate and batch size together changes nothing, until a step is no longer small or the data run out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.numerics.exact.regression_law import LeastSquares
from eyring.theory.results import result
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, worst_ratio_row
from eyring.validation.reproduce.jastrzebski_regression import (
    BATCH,
    FIRST_STEP,
    WITH,
    WITHOUT,
    cancer_regression,
    exact_ratio,
    grown_rate,
    stationary_squares,
)
from eyring.validation.reproduce.jastrzebski_training import Cell, curvatures, digits_problem, starts, train_cells
from eyring.validation.reproduce.ladder import ladder, settings
from eyring.validation.reproduce.pictures import COLOURS, blank_figure
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "network_widths"]

MOMENTA = (0.0, 0.5, 0.9)
GROWTHS = (1, 2, 4, 8, 16)
FEW = 64  # samples of the small training set
GROUPS = 16  # of replicas, whose averages are compared
SAMPLES, HIDDEN, NETWORK_BATCH, NETWORK_RATE = 600, 8, 8, 1 / 8


def network_widths(*, growth: int, epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train the digits network at eta and S grown alike; largest eigenvalue, trace and norm of its Hessian, (3, 1, R)."""
    problem = digits_problem(SAMPLES, HIDDEN)
    S = NETWORK_BATCH * growth
    start = starts(problem, replicas, seed)
    thetas = train_cells(problem, [Cell(NETWORK_RATE * growth)], start=start, batch_size=S, steps=epochs * SAMPLES // S, seed=seed + S)
    return {"width": curvatures(problem, thetas)}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    run = {"replicas": 64 if quick else 128, "burn_in": 250 if quick else 400, "steps": 400 if quick else 1600}
    jobs = {}
    for seed, r in enumerate(_growths(quick)):
        each = {**run, "samples": 569, "growth": r, "momenta": list(MOMENTA), "sampler": WITH, "seed": 100 + seed}
        jobs[f"all data x{r}"] = Job(stationary_squares, each)
    for samples in (FEW, 569):
        for seed, r in enumerate((1, 4)):
            name = f"{samples} without replacement x{r}"
            each = {**run, "samples": samples, "growth": r, "momenta": [0.0], "sampler": WITHOUT, "seed": 200 + samples + seed}
            jobs[name] = Job(stationary_squares, each)
    for r in _growths(quick):
        jobs[f"network x{r}"] = Job(network_widths, {"growth": r, "epochs": 10 if quick else 20, "replicas": 8 if quick else 16, "seed": 31})
    return jobs


def _growths(quick: bool) -> tuple[int, ...]:
    return GROWTHS[::2] if quick else GROWTHS


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    growths = _growths(quick)
    data = cancer_regression(569)
    h = float(data.curvatures[-1])
    formula = _growth_formula()
    rows = []
    for m, mu in enumerate(MOMENTA):
        for r in growths[1:]:
            found = _ratio(*(results[f"all data x{g}"]["squares"][m, :, 0] for g in (r, 1)))
            predicted = formula(grown_rate(data, 1, mu), h, mu, r)
            error = abs(predicted / exact_ratio(data, growth=r, mu=mu, sampler=WITH) - 1)
            rows.append(_own_row(f"eta H = {grown_rate(data, r, mu) * h:.3g} after growth by {r}, momentum {mu:g}", found, predicted, error, quick))
    rows.append(_tenth_row(results, growths, [formula(grown_rate(data, 1, 0.0), h, 0.0, r) for r in growths], quick))
    last = growths[-1]
    for m, mu in enumerate(MOMENTA):
        logs = _logs(*(results[f"all data x{g}"]["squares"][m, :, 0] for g in (last, 1)))
        claim = f"eta and S grown {last}-fold leave the law as it is: variance along the sharpest direction, momentum {mu:g}"
        rows.append(worst_ratio_row(claim, logs[None], margin=0.05, resolution=0.1, note=f"here eta H = {grown_rate(data, last, mu) * h:.2g}"))
    rows += _data_rows(results, quick)
    rows += _network_rows(results, growths)
    return Finding(tuple(rows), lambda: _picture(results, growths, formula, data))


def _tenth_row(results: Mapping[str, Mapping[str, Any]], growths: Sequence[int], predicted: Sequence[float], quick: bool) -> Row:
    """Compare where the variance has grown by a tenth, read off the measured and the predicted growth by the same straight lines in logarithms."""
    first = results["all data x1"]["squares"][0, :, 0]
    logs = np.array([_logs(results[f"all data x{r}"]["squares"][0, :, 0], first) if r > 1 else np.zeros(GROUPS) for r in growths])

    def reached(curve: np.ndarray) -> float:
        rising = np.maximum.accumulate(curve) + 1e-12 * np.arange(len(curve))
        return FIRST_STEP * float(np.exp(np.interp(np.log(1.1), rising, np.log(growths))))

    found = mean_estimate(np.log([reached(column) for column in logs.T]))
    ends = np.exp([found.value, found.low, found.high])
    at = Estimate(float(ends[0]), float(ends[1]), float(ends[2]), found.events, "eta H", "1", found.level)
    expected = reached(np.log(predicted))
    claim = f"without momentum the rule is off by a tenth at eta H = {expected:.3g}, the largest curvature's"
    own = Prediction(expected, expected, expected, "finite step")
    return Row.of(judge(claim, at, own, resolution=0.5 if quick else 0.3, note=f"measured {at.value:.3g}"))


def _growth_formula() -> Callable[[float, float, float, float], float]:
    """Return variance(r eta, C/r)/variance(eta, C) of heavy ball, from the catalogue's formula, as a function of (eta, H, mu, r)."""
    variance = result("heavy-ball-variance").derive().compile("numpy")

    def ratio(eta: float, H: float, mu: float, r: float) -> float:
        return float(variance(eta=r * eta, C=1 / r, H=H, mu=mu) / variance(eta=eta, C=1.0, H=H, mu=mu))

    return ratio


def _logs(grown: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the logarithm of the ratio of two mean squares for each group of replicas, (GROUPS,)."""
    return np.log(grown.reshape(GROUPS, -1).mean(1) / first.reshape(GROUPS, -1).mean(1))


def _ratio(grown: np.ndarray, first: np.ndarray) -> Estimate:
    found = mean_estimate(_logs(grown, first))
    ends = np.exp([found.value, found.low, found.high])
    return Estimate(float(ends[0]), float(ends[1]), float(ends[2]), found.events, "ratio of mean squares", "1", found.level)


def _own_row(where: str, found: Estimate, predicted: float, error: float, quick: bool) -> Row:
    claim = f"variance along the sharpest direction grows {predicted:.4g}-fold at {where}"
    own = Prediction.within(predicted, error, "finite step")
    note = f"measured {found.value:.4g}; the formula's own error, from noise that depends on the place, is {error:.1%}"
    return Row.of(judge(claim, found, own, resolution=0.15 if quick else 0.1, note=note))


def _data_rows(results: Mapping[str, Mapping[str, Any]], quick: bool) -> list[Row]:
    rows, sizes = [], []
    for samples in (FEW, 569):
        pair = [results[f"{samples} without replacement x{r}"]["squares"][0, :, 0] for r in (4, 1)]
        data = cancer_regression(samples)
        exact = exact_ratio(data, growth=4, mu=0.0, sampler=WITHOUT)
        sizes.append(_logs(pair[0], pair[1]))
        part = (samples - 4 * BATCH) / (samples - BATCH)
        claim = f"{samples} samples without replacement: a 4-fold growth leaves {part:.3g} of the noise, and the variance is {exact:.4g}-fold"
        own = Prediction(exact, exact, exact, "exact law of the finite data")
        rows.append(Row.of(judge(claim, _ratio(pair[0], pair[1]), own, resolution=0.15 if quick else 0.1)))
    claim = f"the smaller the data, the earlier it breaks: |ln ratio| at {FEW} samples exceeds that at 569"
    return [*rows, sign_row(claim, mean_estimate(np.abs(sizes[0]) - np.abs(sizes[1])), sign=1)]


def _network_rows(results: Mapping[str, Mapping[str, Any]], growths: Sequence[int]) -> list[Row]:
    logs = np.stack([np.log(results[f"network x{r}"]["width"][:, 0]) for r in growths], axis=1)  # (3, growths, R)
    sharpest = np.exp(logs[0].mean(1))
    small = [k for k in range(1, len(growths)) if NETWORK_RATE * growths[k] <= 0.5]
    steps = ", ".join(f"{NETWORK_RATE * growths[k] * sharpest[k]:.2g}" for k in small)
    rows = [
        worst_ratio_row(
            f"network, equal eta/S: the trace of the Hessian is that of the smallest step up to eta = {NETWORK_RATE * growths[small[-1]]:g}",
            np.array([logs[1, k] - logs[1, 0] for k in small]),
            margin=0.1,
            resolution=0.25,
            note=f"eta times the largest eigenvalue = {steps}",
        )
    ]
    step = NETWORK_RATE * growths[-1]
    claim = f"network, equal eta/S: the rule breaks at eta = {step:g}, where the largest eigenvalue cannot stay (eta times it < 2): ln ratio < 0"
    note = f"eta times the largest eigenvalue: {NETWORK_RATE * sharpest[0]:.2g} at first, {step * sharpest[-1]:.2g} after {growths[-1]}-fold growth"
    return [*rows, sign_row(claim, mean_estimate(logs[0, -1] - logs[0, 0]), sign=-1, note=note)]


def _picture(
    results: Mapping[str, Mapping[str, Any]], growths: Sequence[int], formula: Callable[[float, float, float, float], float], data: LeastSquares
) -> "Figure":
    figure = blank_figure(11, 4.8)
    left, right = figure.subplots(1, 2)
    h = float(data.curvatures[-1])
    fine = np.geomspace(1, growths[-1], 100)
    for m, mu in enumerate(MOMENTA):
        values = np.stack([_logs(*(results[f"all data x{g}"]["squares"][m, :, 0] for g in (r, 1))) for r in growths[1:]])
        ladder(left, np.array(growths[1:]), values, COLOURS[m], label=f"measured, momentum {mu:g} (99 %)")
        left.plot(fine, [formula(grown_rate(data, 1, mu), h, mu, r) for r in fine], color=COLOURS[m], lw=1.2)
        exact = [exact_ratio(data, growth=r, mu=mu, sampler=WITH) for r in growths[1:]]
        left.plot(growths[1:], exact, "k_", ms=16, label="exact moments of the steps" if m == 0 else None)
    left.axhline(1, color="0.4", ls=":", label="the rule (continuous time)")
    left.set(xlabel="growth r of eta and S", ylabel="variance along the sharpest direction, over that at r = 1")
    left.set_title("linear regression (lines: the formula)")
    settings(left, growths, [str(r) for r in growths])
    left.legend(fontsize=8)
    logs = np.stack([np.log(results[f"network x{r}"]["width"][:, 0]) for r in growths], axis=1)
    etas = NETWORK_RATE * np.array(growths)
    for k, name in enumerate(("largest Hessian eigenvalue", "trace of the Hessian")):
        ladder(right, etas, logs[k] - logs[k, :1].mean(), COLOURS[k], marker="os"[k], label=name)
    right.axhline(1, color="0.4", ls=":")
    right.set(xlabel="eta, at eta/S = 1/64", ylabel="over the mean at the smallest eta", title="digits network, equal epochs")
    settings(right, etas, [f"{eta:g}" for eta in etas])
    right.legend(fontsize=8)
    figure.suptitle("Where learning rate and batch size can no longer grow together (small-scale analogue)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="jastrzebski-breakdown",
    paper="jastrzebski2017",
    figure="Fig. 6: breakdown of the invariance at large learning rates and small data sets",
    title="Where learning rate and batch size can no longer grow together",
    setting=(
        "Linear regression of scikit-learn's breast_cancer labels on four principal components, trained by torch.optim.SGD from its minimum, eta "
        "and S grown by the same factor: the stationary variance along the sharpest direction against eyring's formulas. Then the 16-8-10 digits "
        "network at eta/S = 1/64 for equal epochs: its Hessian."
    ),
    claims=("equal eta/S, equal law", "the rule breaks at large learning rates", "the rule breaks earlier for smaller training sets"),
    plan=_plan,
    judge=_judge,
)
