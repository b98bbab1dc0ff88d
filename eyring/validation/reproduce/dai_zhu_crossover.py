"""Dai & Zhu: of two minima of unequal depth the flatter, higher one is preferred above a noise strength n = Delta L/ln sqrt(det ratio)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.dai_zhu_chain import chain_law
from eyring.validation.reproduce.dai_zhu_wells import LEARNING_RATE, RANGE, jackknife, noise_strength, populations, saddle, settled_share, walk
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION"]

DEPTH, MOMENTA, SIGMA = 0.1, (0.0, 0.5, 0.9), 19.5
BATCHES = (6, 8, 9, 10, 12)
NEAR = (8, 9, 10)  # so near to the flip that the log of the ratio is straight in between
SHORT = (6, 9)  # of the quick form
LENGTH, LOOKS = 12.0, 40  # relaxation times watched, and how often one looks
OWN_ERROR = 5e-3  # of the line through the places next to the flip; the chain's own is smaller


def _odds(noise: float) -> float:
    """Return ln(P_flat/P_sharp) by quadrature of the stationary density."""
    from eyring.numerics.exact import stationary_probability

    share = float(stationary_probability(walk(DEPTH), region=(saddle(DEPTH), RANGE), values={"n": noise}))
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


def _noise(batch_size: int) -> float:
    return noise_strength(batch_size, SIGMA)


def _name(batch_size: int, mu: float) -> str:
    return f"S={batch_size} mu={mu}"


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    from eyring.numerics.exact import relaxation_rates

    jobs = {}
    for k, b in enumerate(SHORT if quick else BATCHES):
        rate = float(relaxation_rates(walk(DEPTH), values={"n": _noise(b)})[0])
        size = {"replicas": 4096 if quick else 32_768 if b in NEAR else 8192, "looks": LOOKS}
        steps = math.ceil((LENGTH / 3 if quick else LENGTH) / (rate * LEARNING_RATE))
        for j, mu in enumerate(MOMENTA):
            cell = {"sigma": SIGMA, "batch_size": b, "momentum": mu, "steps": steps, "seed": 200 + 10 * k + j}
            jobs[_name(b, mu)] = Job(populations, {**size, **cell, "depth": DEPTH, "top": saddle(DEPTH), "begin": (-1.0, 1.0)})
    return jobs


def _log_odds(share: Any) -> Any:
    return np.log(share / (1 - share))


def _late(found: Mapping[str, Any]) -> np.ndarray:
    return np.asarray(found["shares"])[LOOKS // 2 :].mean(0)


def _flip(batches: Sequence[int], share: np.ndarray) -> float:
    """Return where the log of the ratio is zero on the straight line through it against 1/n."""
    slope, at_zero = np.polyfit([1 / _noise(b) for b in batches], _log_odds(share), 1)
    return float(-slope / at_zero)


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    batches, near, rows = (SHORT, SHORT, []) if quick else (BATCHES, NEAR, [])
    options: dict[str, Any] = {"resolution": 0.2 if quick else 0.03}
    for mu in MOMENTA:
        law = {b: chain_law(DEPTH, SIGMA, b, mu) for b in batches}
        for b in batches:
            told = Prediction.within(law[b].share, OWN_ERROR, "stationary law of the steps")
            claim = f"S = {b}, mu = {mu:g}, n = {_noise(b):.3g}: the share of the flatter, higher well is {law[b].share:.4f}"
            rows.append(Row.of(judge(claim, settled_share(np.asarray(results[_name(b, mu)]["shares"])), told, comparisons=15, **options)))
        late = np.stack([_late(results[_name(b, mu)]) for b in near])
        seen = jackknife(late, lambda share: _flip(near, share), "noise strength at which both are occupied equally", "loss")
        rows += _flip_rows(mu, seen, _flip(near, np.array([law[b].share for b in near])), options)
    return Finding(tuple(rows), lambda: _picture(results, batches))


def _flip_rows(mu: float, seen: Estimate, own: float, options: Mapping[str, Any]) -> list[Row]:
    """Judge the flip against that of the steps themselves, and the published one after what the finite step, of which it does not speak, shifts."""
    exact, published = _exact_crossing(), _published_crossing()
    predicted = Prediction.within(own, OWN_ERROR, "stationary law of the steps")
    mine = judge(f"mu = {mu:g}: the preference flips at n = {own:.4g} (the steps' own law)", seen, predicted, **options)
    told = Prediction.within(published * own / exact, OWN_ERROR, "leading order in n")
    claim = f"mu = {mu:g}: the preference flips at n = Delta L/ln sqrt(det ratio) = {published:.4g} (leading order)"
    note = f"allowed: {own / exact - 1:+.1%} by finite steps and the line; the continuous limit flips at {exact:.4g} (quadrature)"
    return [Row.of(mine), Row.of(judge(claim, seen, told, own=False, note=note, **options))]


def _picture(results: Mapping[str, Mapping[str, Any]], batches: Sequence[int]) -> "Figure":
    from eyring.validation.reproduce.pictures import COLOURS, panels_in_a_row, with_intervals

    figure, (panel,) = panels_in_a_row(1)
    for mu, colour in zip(MOMENTA, COLOURS, strict=False):
        apart = [(1 + 0.005 * MOMENTA.index(mu)) / _noise(b) for b in batches]
        seen = [jackknife(_late(results[_name(b, mu)]), lambda s: float(_log_odds(s)), "log of the ratio of populations", "1") for b in batches]
        with_intervals(panel, apart, seen, colour, f"momentum {mu:g}")
    grid = np.linspace(0.95 / _noise(batches[0]), 1.05 / _noise(batches[-1]), 40)
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
    setting=f"Two wells on a line, the flatter one higher by {DEPTH}, samples +-{SIGMA:g} x, torch.optim.SGD with momentum 0, 0.5 and 0.9, "
    f"eta/(1 - mu) = {LEARNING_RATE}.",
    claims=("the flatter, higher minimum is preferred above n = Delta L/ln sqrt(det ratio), and the deeper one below",),
    plan=_plan,
    judge=_judge,
)
