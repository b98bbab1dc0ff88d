"""Dai & Zhu: of two equally deep minima the flatter is occupied more at every batch size; the relaxation rate falls exponentially in S/eta."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.dai_zhu_wells import (
    LEARNING_RATE,
    RANGE,
    TILT,
    TOP,
    jackknife,
    noise_strength,
    population,
    populations,
    walk,
)
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

BATCHES, MOMENTA = (2, 3, 4), (0.0, 0.5, 0.9)
LENGTH, LOOKS = 5.0, 40  # relaxation times watched, and how often one looks
OWN_ERROR = 0.06  # of order eta times the larger curvature


def _rate(batch_size: int) -> float:
    from eyring.numerics.exact import relaxation_rates

    return float(relaxation_rates(walk(0.0), values={"n": noise_strength(batch_size)})[0])


def _share(batch_size: int) -> float:
    from eyring.numerics.exact import stationary_probability

    return float(stationary_probability(walk(0.0), region=(TOP, RANGE), values={"n": noise_strength(batch_size)}))


def _name(batch_size: int, mu: float) -> str:
    return f"B={batch_size} mu={mu}"


def _cells(quick: bool) -> list[tuple[int, float]]:
    return [(b, mu) for mu in MOMENTA for b in ((1, 2) if quick else BATCHES)]


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    jobs = {}
    for seed, (b, mu) in enumerate(_cells(quick)):
        steps = math.ceil(LENGTH / (_rate(b) * LEARNING_RATE))
        size = {"replicas": 1024 if quick else 8192, "steps": steps, "looks": LOOKS}
        jobs[_name(b, mu)] = Job(populations, {**size, "depth": 0.0, "begin": (-1.0, -1.0), "batch_size": b, "momentum": mu, "seed": 100 + seed})
    return jobs


def _fitted(found: Mapping[str, Any], guess: float) -> tuple[Estimate, Estimate]:
    """Return the flat well's final share and the relaxation rate per unit of time, by least squares on the growth of its population."""
    from scipy.optimize import curve_fit

    time, shares = np.asarray(found["steps"]) * LEARNING_RATE, np.asarray(found["shares"])

    def fit(mean: np.ndarray) -> np.ndarray:
        return curve_fit(population, time, mean, p0=(mean[-1], guess))[0]

    method = "growth of the flat well's population"
    return jackknife(shares, lambda s: float(fit(s)[0]), method, "1"), jackknife(shares, lambda s: float(fit(s)[1]), method, "1/time")


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    rows: list[Row] = []
    cells, resolution = _cells(quick), 0.2 if quick else 0.07
    for b, mu in cells:
        found, where = results[_name(b, mu)], f"S = {b}, mu = {mu:g}"
        expected, law = _rate(b), _share(b)
        seen, rate = _fitted(found, expected)
        told = Prediction.within(law, OWN_ERROR / 2, "quadrature of the stationary density")
        rows.append(Row.of(judge(f"{where}: the flat well's share is {law:.4f}", seen, told, resolution=resolution, comparisons=len(cells))))
        verdict = "agrees" if seen.low > 0.5 else "disagrees" if seen.high < 0.5 else "undecided"
        rows.append(Row(f"{where}: the flatter of two equally deep minima is occupied more", seen.value, seen.low, seen.high, verdict))
        told = Prediction.within(expected, OWN_ERROR, "Fokker-Planck spectrum")
        claim = f"{where}: the relaxation rate is {expected:.4g} per unit of time"
        rows.append(Row.of(judge(claim, rate, told, resolution=resolution, comparisons=len(cells))))
    return Finding((*rows, *(row for mu in MOMENTA for row in _slope_rows(results, mu, quick))), lambda: _picture(results, quick))


def _slope_rows(results: Mapping[str, Mapping[str, Any]], mu: float, quick: bool) -> list[Row]:
    """Judge the slope of -ln(rate) over S/eta against the barrier: 2 Delta L/sigma^2."""
    from eyring.theory.landscape import Landscape

    batches = [b for b, m in _cells(quick) if m == mu]
    x = np.array(batches) / LEARNING_RATE
    seen = [_fitted(results[_name(b, mu)], _rate(b))[1] for b in batches]
    weights = np.array([s.relative_half_width for s in seen]) ** -2.0
    slope = _slope(x, -np.log([s.value for s in seen]), weights)
    error = 1 / math.sqrt(float(weights @ (x - np.average(x, weights=weights)) ** 2))
    measured = Estimate(slope, slope - error, slope + error, len(seen), "slope of -ln(rate) over S/eta", "loss", seen[0].level)
    exact = _slope(x, -np.log([_rate(b) for b in batches]), weights)
    sde = walk(0.0)
    wells = sorted(Landscape(-sde.drift[0].integrate(sde.coordinates[0]), sde.coordinates).critical_points, key=lambda p: float(p.position[0]))
    barrier = 2 * float(wells[1].value - wells[0].value) / TILT**2
    options: dict[str, Any] = {"resolution": 0.2 if quick else 0.05}
    own = judge(f"mu = {mu:g}: slope {exact:.4g} of the exact spectrum", measured, Prediction.within(exact, OWN_ERROR / 2, "spectrum"), **options)
    paper = judge(
        f"mu = {mu:g}: slope {barrier:.4g}, twice the barrier over sigma^2: the rate falls exponentially in S/eta",
        measured,
        Prediction.within(barrier, 0.1, "leading exponent; what stands before it varies by some ten per cent over these batches"),
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
    right.plot(grid, [_rate(b) for b in grid], color="#666666", lw=1, label="Fokker-Planck spectrum")
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
    setting=f"Two wells on a line of curvatures 7.84 and 3.04, samples +-{TILT:g} x, torch.optim.SGD with momentum 0, 0.5 and 0.9, eta/(1 - mu) = "
    f"{LEARNING_RATE}, thousands of replicas from the sharp minimum.",
    claims=(
        "at equal depths the flatter minimum has the larger stationary weight at every batch size",
        "the relaxation rate falls exponentially in S/eta",
    ),
    plan=_plan,
    judge=_judge,
)
