"""Dai & Zhu: of two minima of unequal depth the flatter, higher one is preferred above a noise strength n = Delta L/ln sqrt(det ratio)."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.dai_zhu_wells import LEARNING_RATE, RANGE, TILT, jackknife, noise_strength, populations, settled_share, walk
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

DEPTH, MOMENTA, BATCHES = 0.1, (0.0, 0.5, 0.9), (1, 2, 3)
LENGTH, LOOKS = 6.0, 40
OWN_ERROR = 0.04


def _saddle() -> float:
    from eyring.theory.landscape import Landscape

    sde = walk(DEPTH)
    landscape = Landscape(-sde.drift[0].integrate(sde.coordinates[0]), sde.coordinates)
    return float(landscape.saddles()[0].position[0])


def _odds(noise: float) -> float:
    """Return ln(P_flat/P_sharp) by quadrature of the stationary density."""
    from eyring.numerics.exact import stationary_probability

    share = float(stationary_probability(walk(DEPTH), region=(_saddle(), RANGE), values={"n": noise}))
    return math.log(share / (1 - share))


def _exact_crossing() -> float:
    from scipy.optimize import brentq

    return float(brentq(_odds, 0.05, 0.6))


def _published_crossing() -> float:
    """Return n = Delta L/ln sqrt(H_sharp/H_flat), from the catalogue."""
    from eyring.theory.landscape import Landscape
    from eyring.validation.reproduce.ziyin_training import formula

    sde = walk(DEPTH)
    minima = Landscape(-sde.drift[0].integrate(sde.coordinates[0]), sde.coordinates).minima()
    sharp, flat = sorted(minima, key=lambda p: float(p.position[0]))
    law = formula("flat-basin-crossover")
    return float(law(L_A=float(flat.value), L_B=float(sharp.value), det_H_A=float(flat.hessian[0, 0]), det_H_B=float(sharp.hessian[0, 0])))


def _name(batch_size: int, mu: float) -> str:
    return f"S={batch_size} mu={mu}"


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    from eyring.numerics.exact import relaxation_rates

    jobs = {}
    for k, b in enumerate(BATCHES[:2] if quick else BATCHES):
        rate = float(relaxation_rates(walk(DEPTH), values={"n": noise_strength(b)})[0])
        size = {"replicas": 1024 if quick else 8192, "steps": math.ceil(LENGTH / (rate * LEARNING_RATE)), "looks": LOOKS}
        for j, mu in enumerate(MOMENTA):
            cell = {"batch_size": b, "momentum": mu, "seed": 200 + 10 * k + j}
            jobs[_name(b, mu)] = Job(populations, {**size, **cell, "depth": DEPTH, "begin": (-1.0, 1.0)})
    return jobs


def _measured_odds(found: Mapping[str, Any]) -> Estimate:
    late = np.asarray(found["shares"])[LOOKS // 2 :].mean(0)
    return jackknife(late, lambda share: float(np.log(share / (1 - share))), "log of the ratio of populations", "1")


def _measured_crossing(results: Mapping[str, Mapping[str, Any]], batches: list[int], mu: float) -> Estimate:
    """Return where the log of the ratio, interpolated between batch sizes against 1/n by a polynomial through all of them, is zero."""
    late = np.stack([np.asarray(results[_name(b, mu)]["shares"])[LOOKS // 2 :].mean(0) for b in batches])
    inverse = np.array([1 / noise_strength(b) for b in batches])

    def crossing(share: np.ndarray) -> float:
        roots = np.roots(np.polyfit(inverse, np.log(share / (1 - share)), len(batches) - 1))
        real = roots[np.abs(roots.imag) < 1e-9].real
        middle = float(np.median(inverse))
        return 1 / float(real[np.argmin(np.abs(real - middle))])

    return jackknife(late, crossing, "noise strength at which both are occupied equally", "loss")


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    batches, rows = list(BATCHES[:2] if quick else BATCHES), []
    options: dict[str, Any] = {"resolution": 0.2 if quick else 0.06}
    exact, published = _exact_crossing(), _published_crossing()
    for mu in MOMENTA:
        for b in batches:
            seen, law = settled_share(np.asarray(results[_name(b, mu)]["shares"])), 1 / (1 + math.exp(-_odds(noise_strength(b))))
            told = Prediction.within(law, OWN_ERROR, "quadrature of the stationary density")
            claim = f"S = {b}, mu = {mu:g}, n = {noise_strength(b):.3g}: the share of the flatter, higher well is {law:.4f}"
            rows.append(Row.of(judge(claim, seen, told, comparisons=len(batches) * len(MOMENTA), **options)))
        seen = _measured_crossing(results, batches, mu)
        own = Prediction.within(exact, OWN_ERROR + 0.04, "quadrature; interpolated between batch sizes")
        rows.append(Row.of(judge(f"mu = {mu:g}: the preference flips at n = {exact:.4g} (quadrature)", seen, own, **options)))
        leading = Prediction.within(published, OWN_ERROR, "leading order")
        claim = f"mu = {mu:g}: the preference flips at n = Delta L/ln sqrt(det ratio) = {published:.4g} (leading order)"
        rows.append(Row.of(judge(claim, seen, leading, own=False, **options)))
    return Finding(tuple(rows), lambda: _picture(results, batches))


def _picture(results: Mapping[str, Mapping[str, Any]], batches: list[int]) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (panel,) = panels_in_a_row(1)
    for mu, colour in zip(MOMENTA, COLOURS, strict=False):
        apart = [(1 + 0.01 * MOMENTA.index(mu)) / noise_strength(b) for b in batches]
        with_intervals(panel, apart, [_measured_odds(results[_name(b, mu)]) for b in batches], colour, f"momentum {mu:g}")
    grid = np.linspace(0.8 / noise_strength(batches[0]), 1.1 / noise_strength(batches[-1]), 40)
    panel.plot(grid, [_odds(1 / g) for g in grid], color="#666666", lw=1, label="quadrature")
    panel.axhline(0, color="#666666", lw=1, ls=":")
    panel.axvline(1 / _published_crossing(), color="#b2182b", lw=1, ls="--", label="crossover, leading order")
    title = "Unequal depths: the preference flips with the noise"
    panel.set(xlabel="1/n = 2 (1 - mu) S/(eta sigma^2)", ylabel="ln(P_flat/P_sharp), 99 %", title=title)
    panel.legend(frameon=False)
    return figure


REPRODUCTION = Reproduction(
    name="dai-zhu-crossover",
    paper="daizhu2018",
    figure="preference between a deep and a flat minimum, against batch size",
    title="Where the preference between a deeper and a flatter minimum flips",
    setting=f"Two wells on a line, the flatter one higher by {DEPTH}, samples +-{TILT:g} x, torch.optim.SGD with momentum 0, 0.5 and 0.9, "
    f"eta/(1 - mu) = {LEARNING_RATE}.",
    claims=("the flatter, higher minimum is preferred above n = Delta L/ln sqrt(det ratio), and the deeper one below",),
    plan=_plan,
    judge=_judge,
)
