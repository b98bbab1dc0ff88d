"""Jastrzebski et al.: besides learning rate and batch size, the covariance of one sample's gradient decides which minimum training prefers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, slopes, worst_ratio_row
from eyring.validation.reproduce.jastrzebski_training import Cell, digits_split, starts, train_cells
from eyring.validation.reproduce.jastrzebski_two_wells import ARMS, SADDLE, chain_log_odds, gibbs_log_odds, published_log_odds, wells_problem
from eyring.validation.reproduce.ladder import ladder, settings
from eyring.validation.reproduce.pictures import COLOURS, blank_figure
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

    from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["REPRODUCTION", "label_noise_traces", "occupations"]

ARM_NAMES = tuple(ARMS)
MOMENTA = (0.0, 0.5, 0.9)
RATE, BATCH = 0.015, 8  # of the two wells; eta/(1 - mu)
GROUPS, EQUAL_NOISE = 16, 3  # groups of replicas; the first three kinds have the same noise everywhere
SAMPLES, HIDDEN, NETWORK_BATCH = 300, 16, 8
NOISES = (0.5, 1.0, 2.0)  # standard deviation of the labels' noise; labels are 0 and 1
NETWORK_RATES = (0.01, 0.04)
SWAPS = ((0.5, 1.0), (1.0, 2.0))  # (noise at four times eta, twice that noise at eta)


def occupations(*, batch_size: int, momenta: Sequence[float], replicas: int, burn_in: int, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Train walkers in two wells under every kind of noise at once; the share of time left of the saddle, (momenta, R, arms)."""
    import torch

    problem = wells_problem()
    total = torch.zeros((len(momenta), replicas, problem.dimension), dtype=torch.float64)
    looks = 0

    def look(step: int, thetas: "torch.Tensor") -> None:
        nonlocal looks
        if step > burn_in:
            total.add_(thetas < SADDLE)
            looks += 1

    start = (torch.arange(replicas) % 2).double()[:, None].expand(-1, problem.dimension)  # as many in one well as in the other
    cells = [Cell(RATE * (1 - mu), mu) for mu in momenta]
    train_cells(problem, cells, start=start, batch_size=batch_size, steps=burn_in + steps, seed=seed, look=look, look_every=10)
    return {"left": (total / looks).numpy()}


def label_noise_traces(
    *, rate: float, noise: float, momenta: Sequence[float], training_time: float, replicas: int, seed: int
) -> dict[str, np.ndarray]:
    """Fit noisy labels of the digits; <|grad f|^2>, the trace of the Gauss-Newton Hessian, (momenta, R), at eta x steps/(1 - mu) = training_time.

    Every sample is there twice, its label with the noise added and with the noise taken away: the mean loss is that of clean labels plus a constant.
    """
    import torch

    problem = _noisy_problem(noise)
    start = starts(problem, replicas, seed)
    cells = [Cell(rate * (1 - mu), mu) for mu in momenta]
    thetas = train_cells(problem, cells, start=start, batch_size=NETWORK_BATCH, steps=round(training_time / rate), seed=seed + 1)
    inputs = problem.inputs[:SAMPLES]

    def output(theta: "torch.Tensor", row: "torch.Tensor") -> "torch.Tensor":
        return torch.func.functional_call(problem.model, problem.pieces(theta), (row,))

    jacobian = torch.func.vmap(torch.func.jacrev(output), (None, 0))
    traces = [[float(jacobian(theta, inputs).square().sum()) / SAMPLES for theta in cell] for cell in thetas]
    return {"trace": np.array(traces)}


def _noisy_problem(noise: float) -> "TrainingProblem":
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    (inputs, digits), _ = digits_split(SAMPLES)
    labels = torch.nn.functional.one_hot(digits, 10).float()
    added = noise * torch.randn(labels.shape, generator=torch.Generator().manual_seed(0))
    network = torch.nn.Sequential(torch.nn.Linear(inputs.shape[1], HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 10))
    data = torch.cat([inputs, inputs]), torch.cat([labels + added, labels - added])
    return TrainingProblem(network, lambda guess, wanted: (guess - wanted).square().sum(-1).mean() / 2, data)


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    run = {"replicas": 128 if quick else 256, "burn_in": 1200 if quick else 4000, "steps": 1500 if quick else 11000}
    jobs = {"wells": Job(occupations, {**run, "batch_size": BATCH, "momenta": list(MOMENTA), "seed": 5})}
    if not quick:
        jobs["wells, half the batch"] = Job(occupations, {**run, "batch_size": BATCH // 2, "momenta": [0.0], "seed": 6})
    common = {"momenta": list(MOMENTA), "training_time": 5.0 if quick else 20.0, "replicas": 12, "seed": 21}
    for rate, noise in _network_cells(quick):
        jobs[_network(rate, noise)] = Job(label_noise_traces, {**common, "rate": rate, "noise": noise})
    return jobs


def _network_cells(quick: bool) -> list[tuple[float, float]]:
    """Return (eta, noise) of the networks: all noises at the smaller eta, and what is compared with them at the larger."""
    small, large = NETWORK_RATES
    swaps = SWAPS[1:] if quick else SWAPS
    return [(small, noise) for noise in (NOISES[1:] if quick else NOISES)] + [(large, noise) for noise, _ in swaps]


def _network(rate: float, noise: float) -> str:
    return f"network, eta {rate:g}, noise {noise:g}"


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    left = results["wells"]["left"]
    odds = {(m, k): _log_odds(left[m, :, k]) for m in range(len(MOMENTA)) for k in range(len(ARMS))}
    rows = _arm_rows(odds, quick)
    if not quick:
        swapped = _log_odds(results["wells, half the batch"]["left"][0, :, 0]) - odds[0, 1]
        claim = "two wells: half the batch, or twice the covariance of a gradient, select alike: ratio of the odds"
        rows.append(worst_ratio_row(claim, swapped[None], margin=0.05, resolution=0.2))
    traces = {cell: np.log(results[_network(*cell)]["trace"]) for cell in _network_cells(quick)}
    rows += _network_rows(traces)
    return Finding(tuple(rows), lambda: _picture(odds, traces))


def _arm_rows(odds: Mapping[tuple[int, int], np.ndarray], quick: bool) -> list[Row]:
    rows = []
    for k, name in enumerate(ARM_NAMES):
        found = mean_estimate(odds[0, k], method="ln(left/right)")
        exact, continuous, published = chain_log_odds(k, RATE, BATCH), gibbs_log_odds(k, RATE, BATCH), published_log_odds(k, RATE, BATCH)
        note = f"ln odds measured {found.value:.3f}; exact chain {exact:.3f}, exact SDE {continuous:.3f}"
        rows.append(_odds_row(f"odds of the flat over the sharp minimum, {name}: exact law of the steps", found, exact, 0.02, True, note, quick))
        equal = k < EQUAL_NOISE
        note = "leading order: its own error is taken from the exact chain" if equal else "the published form for unequal noise"
        margin = abs(float(np.expm1(exact - published))) if equal else 0.05
        rows.append(_odds_row(f"odds, {name}: Theorem 2 as published", found, published, margin, False, note, quick))
    for m, mu in enumerate(MOMENTA[1:], start=1):
        for k in (0, 1):
            found = mean_estimate(odds[m, k], method="ln(left/right)")
            margin = abs(np.expm1(chain_log_odds(k, RATE, BATCH) - gibbs_log_odds(k, RATE, BATCH)))
            claim = f"odds of the flat over the sharp minimum, {ARM_NAMES[k]}, momentum {mu:g}: Gibbs at eta C/(2 (1 - mu))"
            rows.append(_odds_row(claim, found, gibbs_log_odds(k, RATE, BATCH), margin, True, "own error: that of the steps without momentum", quick))
    claim = "two wells, fixed eta/S: twice the covariance of the gradient (label noise) moves ln odds towards the flat minimum"
    rows.append(sign_row(claim, mean_estimate(odds[0, 1] - odds[0, 0]), sign=1))
    claim = "two wells, fixed eta/S: inputs of the noise scaled by 1.5 move ln odds towards the flat minimum"
    rows.append(sign_row(claim, mean_estimate(odds[0, 2] - odds[0, 0]), sign=1))
    return rows


def _odds_row(claim: str, found: Estimate, predicted: float, margin: float, own: bool, note: str, quick: bool) -> Row:
    low, value, high = (float(np.exp(v)) for v in (found.low, found.value, found.high))
    measured = Estimate(value, low, high, found.events, "odds", "1", found.level)
    resolution = 0.4 if quick else 0.2
    return Row.of(judge(claim, measured, Prediction.within(float(np.exp(predicted)), margin, claim), resolution=resolution, own=own, note=note))


def _log_odds(left: np.ndarray) -> np.ndarray:
    """Return ln(left/right) of each group of replicas, (GROUPS,)."""
    share = left.reshape(GROUPS, -1).mean(1)
    return np.log(share / (1 - share))


def _network_rows(traces: Mapping[tuple[float, float], np.ndarray]) -> list[Row]:
    rows = []
    for m, mu in enumerate(MOMENTA):
        noises = [noise for noise in NOISES if (NETWORK_RATES[0], noise) in traces]
        logs = np.stack([traces[NETWORK_RATES[0], noise][m] for noise in noises])
        claim = f"network, fixed eta/S, momentum {mu:g}: noisier labels end in a wider minimum, slope of ln trace against ln sigma^2 < 0"
        rows.append(sign_row(claim, mean_estimate(slopes(2 * np.log(noises), logs)), sign=-1))
    for m, mu in enumerate(MOMENTA):
        pairs = [traces[NETWORK_RATES[1], a][m] - traces[NETWORK_RATES[0], b][m] for a, b in SWAPS if (NETWORK_RATES[1], a) in traces]
        claim = f"network, equal time, momentum {mu:g}: four times eta/S, or four times sigma^2, end in the same width: ratio of the traces"
        rows.append(worst_ratio_row(claim, np.array(pairs), margin=0.1, resolution=0.25, note="the labels' noise is not all of the noise"))
    return rows


def _picture(odds: Mapping[tuple[int, int], np.ndarray], traces: Mapping[tuple[float, float], np.ndarray]) -> "Figure":
    figure = blank_figure(12, 4.8)
    left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
    x = range(len(ARMS))
    for m, mu in enumerate(MOMENTA):
        arms = [k for k in x if m == 0 or k in (0, 1, 2)]
        found = [mean_estimate(odds[m, k]) for k in arms]
        middle, low, high = (np.array([getattr(e, end) for e in found]) for end in ("value", "low", "high"))
        at = np.array(arms) + 0.12 * (m - 1)
        left.errorbar(at, middle, [middle - low, high - middle], fmt="o^s"[m], color=COLOURS[m], capsize=3, label=f"measured, momentum {mu:g} (99 %)")
    left.plot(x, [chain_log_odds(k, RATE, BATCH) for k in x], "k_", ms=26, mew=1.6, ls="", label="exact law of the steps")
    left.plot(x, [published_log_odds(k, RATE, BATCH) for k in x], "x", color="#b2182b", ms=9, mew=1.6, ls="", label="Theorem 2 as published")
    left.set_xticks(x, [fill(name, 14) for name in ARM_NAMES], fontsize=8)
    left.set(ylabel="ln(time in the flat / in the sharp minimum)", title="two wells, fixed eta/S")
    left.grid(alpha=0.25)
    left.legend(fontsize=8)
    for k, rate in enumerate(NETWORK_RATES):
        noises = [noise for noise in NOISES if (rate, noise) in traces]
        for m, mu in enumerate(MOMENTA):
            at = rate * np.array(noises) ** 2 / NETWORK_BATCH * 1.05 ** (m - 1)
            ladder(
                right, at, np.stack([traces[rate, n][m] for n in noises]), COLOURS[m], marker="os"[k], label=f"eta {rate:g}, momentum {mu:g}",
                filled=k == 0,
            )  # fmt: skip
    right.set(xlabel="eta sigma^2/(S (1 - mu)), sigma the labels' noise", ylabel="trace of the Gauss-Newton Hessian")
    right.set_title("digits network, equal time")
    products = sorted({rate * noise**2 / NETWORK_BATCH for rate, noise in traces})
    settings(right, products, [f"{value:.2g}" for value in products])
    right.legend(fontsize=8)
    figure.suptitle("The third factor: the gradient's covariance (small-scale analogue)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="jastrzebski-third-factor",
    paper="jastrzebski2017",
    figure="Theorem 2: the gradient's covariance as the third factor",
    title="The covariance of one sample's gradient shifts the chosen minimum",
    setting=(
        "A finite sum with a flat, higher and a sharp, deeper minimum, whose per-sample slopes are declared: at fixed eta/S the labels' noise is "
        "doubled, the inputs are scaled, or the noise is larger at one minimum. Then a 16-16-10 ReLU network with squared loss on the digits, whose "
        "labels carry noise of mean zero, so that the loss keeps its shape."
    ),
    claims=(
        "at fixed eta/S, a larger gradient covariance prefers wider minima",
        "Theorem 2 gives the odds of two minima, also where their noise differs",
        "eta/S and the covariance enter as one product",
    ),
    plan=_plan,
    judge=_judge,
)
