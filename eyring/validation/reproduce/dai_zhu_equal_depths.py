"""Dai & Zhu: of two equally deep minima the flatter is occupied more at every batch size; the relaxation rate falls exponentially in S/eta."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.dai_zhu_chain import chain_law
from eyring.validation.reproduce.dai_zhu_wells import (
    LEARNING_RATE,
    RANGE,
    jackknife,
    loss,
    noise_strength,
    populations,
    saddle,
    walk,
)
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

BATCHES, MOMENTA, SIGMA = (2, 3, 4), (0.0, 0.5, 0.9), 9.5
LENGTH, LOOKS = 4.0, 40  # relaxation times watched, and how often one looks
FIRST = 2  # look by which all that relaxes faster than the exchange between the wells has gone
OWN_ERROR = 0.01  # of one exponential for what follows; the chain's own is smaller


def _rate(batch_size: int) -> float:
    from eyring.numerics.exact import relaxation_rates

    return float(relaxation_rates(walk(0.0), values={"n": noise_strength(batch_size, SIGMA)})[0])


def _share(batch_size: int) -> float:
    from eyring.numerics.exact import stationary_probability

    return float(stationary_probability(walk(0.0), region=(saddle(0.0), RANGE), values={"n": noise_strength(batch_size, SIGMA)}))


def _name(batch_size: int, mu: float) -> str:
    return f"B={batch_size} mu={mu}"


def _cells(quick: bool) -> list[tuple[int, float]]:
    return [(b, mu) for mu in MOMENTA for b in ((1, 2) if quick else BATCHES)]


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    jobs = {}
    for seed, (b, mu) in enumerate(_cells(quick)):
        steps = math.ceil(LENGTH / (_rate(b) * LEARNING_RATE))
        size = {"replicas": 4096 if quick else 32_768, "steps": steps, "looks": LOOKS}
        cell = {"sigma": SIGMA, "batch_size": b, "momentum": mu, "seed": 100 + seed}
        jobs[_name(b, mu)] = Job(populations, {**size, **cell, "depth": 0.0, "top": saddle(0.0), "begin": (-1.0, -1.0)})
    return dict(sorted(jobs.items(), key=lambda job: -job[1].arguments["steps"]))  # the longest first: none is waited for alone


def _fitted(found: Mapping[str, Any], guess: float) -> tuple[Estimate, Estimate]:
    """Return the flat well's final share and the relaxation rate per unit of time, by least squares on the growth of its population."""
    from scipy.optimize import curve_fit

    time, shares = np.asarray(found["steps"])[FIRST:] * LEARNING_RATE, np.asarray(found["shares"])[FIRST:]

    def growth(t: np.ndarray, share: float, rate: float, missing: float) -> np.ndarray:
        return share - missing * np.exp(-rate * t)

    def fit(mean: np.ndarray) -> np.ndarray:
        return curve_fit(growth, time, mean, p0=(mean[-1], guess, mean[-1]), sigma=np.sqrt(mean * (1 - mean)))[0]

    method = "growth of the flat well's population"
    return jackknife(shares, lambda s: float(fit(s)[0]), method, "1"), jackknife(shares, lambda s: float(fit(s)[1]), method, "1/time")


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    rows: list[Row] = []
    cells = _cells(quick)
    options: dict[str, Any] = {"resolution": 0.2 if quick else 0.1, "comparisons": len(cells)}
    for b, mu in cells:
        law, where = chain_law(0.0, SIGMA, b, mu), f"S = {b}, mu = {mu:g}"
        share, rate = _fitted(results[_name(b, mu)], law.rate)
        told = Prediction.within(law.share, OWN_ERROR, "stationary law of the steps")
        rows.append(Row.of(judge(f"{where}: the flat well's share is {law.share:.4f}", share, told, **options)))
        verdict = "agrees" if share.low > 0.5 else "disagrees" if share.high < 0.5 else "undecided"
        rows.append(Row(f"{where}: the flatter of two equally deep minima is occupied more", share.value, share.low, share.high, verdict))
        told = Prediction.within(law.rate, OWN_ERROR, "second eigenvalue of the steps")
        note = f"the continuous limit without momentum relaxes at {_rate(b):.4g}"
        rows.append(Row.of(judge(f"{where}: the relaxation rate is {law.rate:.4g} per unit of time", rate, told, note=note, **options)))
    return Finding((*rows, *(row for mu in MOMENTA for row in _slope_rows(results, mu, quick))), lambda: _picture(results, quick))


def _slope_rows(results: Mapping[str, Mapping[str, Any]], mu: float, quick: bool) -> list[Row]:
    """Judge the slope of -ln(rate) over S/eta against that of the steps themselves, and against the barrier: 2 Delta L/sigma^2."""
    batches = [b for b, m in _cells(quick) if m == mu]
    x, known = np.array(batches) / LEARNING_RATE, [chain_law(0.0, SIGMA, b, mu).rate for b in batches]
    seen = [_fitted(results[_name(b, mu)], guess)[1] for b, guess in zip(batches, known, strict=True)]
    weights = np.array([s.relative_half_width for s in seen]) ** -2.0
    slope = _slope(x, -np.log([s.value for s in seen]), weights)
    error = 1 / math.sqrt(float(weights @ (x - np.average(x, weights=weights)) ** 2))
    measured = Estimate(slope, slope - error, slope + error, seen[0].events, "slope of -ln(rate) over S/eta", "loss", seen[0].level)
    exact, barrier = _slope(x, -np.log(known), weights), 2 * loss(saddle(0.0), 0.0) / SIGMA**2
    options: dict[str, Any] = {"resolution": 0.2 if quick else 0.05}
    own = judge(f"mu = {mu:g}: slope {exact:.4g} of the steps' own rates", measured, Prediction.within(exact, OWN_ERROR, "chain"), **options)
    paper = judge(
        f"mu = {mu:g}: slope {barrier:.4g}, twice the barrier over sigma^2: the rate falls exponentially in S/eta",
        measured,
        Prediction.within(barrier, abs(exact / barrier - 1), "leading exponent; allowed: what stands before it varies over these batches"),
        own=False,
        **options,
    )
    return [Row.of(own), Row.of(paper)]


def _slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> float:
    away = x - np.average(x, weights=weights)
    return float((weights * away) @ y / (weights @ away**2))


def _picture(results: Mapping[str, Mapping[str, Any]], quick: bool) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (left, right) = panels_in_a_row(2)
    cells = _cells(quick)
    for mu, colour in zip(MOMENTA, COLOURS, strict=False):
        batches = [b for b, m in cells if m == mu]
        apart = [b * (1 + 0.01 * MOMENTA.index(mu)) for b in batches]
        found = [_fitted(results[_name(b, mu)], _rate(b)) for b in batches]
        with_intervals(left, apart, [share for share, _ in found], colour, f"momentum {mu:g}")
        with_intervals(right, apart, [rate for _, rate in found], colour, f"momentum {mu:g}")
    grid = sorted({b for b, _ in cells})
    left.plot(grid, [_share(b) for b in grid], color="#666666", lw=1, label="quadrature")
    left.axhline(0.5, color="#666666", lw=1, ls=":")
    right.plot(grid, [_rate(b) for b in grid], color="#666666", lw=1, label="Fokker-Planck, no momentum")
    left.set(xlabel="batch size", ylabel="share of the flat well, 99 %", title="Equal depths: the flatter minimum is occupied more")
    right.set(yscale="log", xlabel="batch size", ylabel="relaxation rate, 99 %", title="... and reached exponentially later")
    for panel in (left, right):
        panel.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="dai-zhu-equal-depths",
    paper="daizhu2018",
    figure="stationary weight of the flatter minimum and rate of convergence, against batch size",
    title="Two equally deep minima: which is occupied, and how soon",
    setting=f"Two wells on a line of curvatures 7.84 and 3.04, samples +-{SIGMA:g} x, torch.optim.SGD with momentum 0, 0.5 and 0.9, eta/(1 - mu) = "
    f"{LEARNING_RATE}, tens of thousands of replicas from the sharp minimum.",
    claims=(
        "at equal depths the flatter minimum has the larger stationary weight at every batch size",
        "the relaxation rate falls exponentially in S/eta",
    ),
    plan=_plan,
    judge=_judge,
)
