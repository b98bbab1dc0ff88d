"""Does a larger eta/S generalise better, as Jastrzebski et al. say, or converge faster to a wider law with a worse risk, as Dai & Zhu say?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.numerics.exact.regression_law import LeastSquares, regression_covariance
from eyring.validation.court.plan import Job
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.intervals import mean_estimate, sign_row, slopes
from eyring.validation.reproduce.jastrzebski_regression import cancer_regression
from eyring.validation.reproduce.jastrzebski_training import Cell, accuracies, digits_problem, digits_split, starts, train_cells
from eyring.validation.reproduce.ladder import ladder, settings
from eyring.validation.reproduce.pictures import COLOURS, blank_figure
from eyring.validation.verdict import Prediction, judge

if TYPE_CHECKING:
    import torch
    from matplotlib.figure import Figure

__all__ = ["REPRODUCTION", "network_risks", "regression_risks"]

MOMENTA = (0.0, 0.5, 0.9)
SAMPLES, HIDDEN, BATCH = 300, 24, 16
RATIOS = tuple(2.0**-k for k in (8, 7, 6, 5, 4))  # of the network: eta/(S (1 - mu))
FITTED = 0.5  # training loss at which the speed is read
LOOK = 2  # epochs between two looks
LINEAR_SAMPLES, LINEAR_BATCH = 284, 8
STEPS = (0.025, 0.05, 0.1, 0.2)  # of the regression: eta/(1 - mu) times the largest curvature
GROUPS = 16
MEASURES = ("test accuracy", "test loss", "training loss")


def network_risks(*, ratios: Sequence[float], epochs: int, replicas: int, seed: int) -> dict[str, np.ndarray]:
    """Train on few digits; test accuracy, test loss and training loss at every look, (3, looks, mu, ratios, R)."""
    problem = digits_problem(SAMPLES, HIDDEN, coarse=False)
    training, test = digits_split(SAMPLES, coarse=False)
    cells = [Cell(ratio * BATCH * (1 - mu), mu) for mu in MOMENTA for ratio in ratios]
    seen: list[np.ndarray] = []

    def look(step: int, thetas: "torch.Tensor") -> None:
        seen.append(np.concatenate([accuracies(problem, thetas, test), accuracies(problem, thetas, training)[1:]]))

    each = LOOK * SAMPLES // BATCH
    start = starts(problem, replicas, seed)
    train_cells(problem, cells, start=start, batch_size=BATCH, steps=epochs // LOOK * each, seed=seed + 1, look=look, look_every=each)
    return {"risk": np.stack(seen, axis=1).reshape(3, len(seen), len(MOMENTA), len(ratios), replicas)}


def regression_risks(*, steps_at: Sequence[float], replicas: int, burn_in: int, steps: int, seed: int) -> dict[str, np.ndarray]:
    """Train the regression from its minimum; time average of the risk over the least possible, on training and on all data, (2, mu, rates, R)."""
    import torch

    from eyring.validation.replicas.problem import TrainingProblem

    fit, everything = cancer_regression(LINEAR_SAMPLES), cancer_regression(569)
    inputs, targets = torch.from_numpy(fit.inputs), torch.from_numpy(fit.targets)[:, None]
    model = torch.nn.Linear(fit.dim, 1, bias=False, dtype=torch.float64)
    problem = TrainingProblem(model, lambda guess, wanted: (guess - wanted).square().mean() / 2, (inputs, targets))
    wells = [(torch.from_numpy(data.hessian), torch.from_numpy(data.minimum)) for data in (fit, everything)]
    total = torch.zeros((2, len(MOMENTA) * len(steps_at), replicas), dtype=torch.float64)
    looks = 0

    def look(step: int, thetas: "torch.Tensor") -> None:
        nonlocal looks
        if step > burn_in:
            total.add_(torch.stack([((thetas - rest) @ H * (thetas - rest)).sum(-1) / 2 for H, rest in wells]))
            looks += 1

    cells = [Cell(at * (1 - mu) / float(fit.curvatures[-1]), mu) for mu in MOMENTA for at in steps_at]
    start = wells[0][1].expand(replicas, -1)
    train_cells(problem, cells, start=start, batch_size=LINEAR_BATCH, steps=burn_in + steps, seed=seed, look=look, look_every=4)
    return {"excess": (total / looks).reshape(2, len(MOMENTA), len(steps_at), replicas).numpy()}


def _plan(quick: bool, data: Path | None) -> Mapping[str, Job]:
    length = {"burn_in": 600 if quick else 1000, "steps": 800 if quick else 2000}
    linear = {"steps_at": list(STEPS), "replicas": 32 if quick else 64, **length, "seed": 62}
    network = {"ratios": list(RATIOS), "epochs": 30 if quick else 60, "replicas": 10 if quick else 64, "seed": 61}
    return {"network": Job(network_risks, network), "regression": Job(regression_risks, linear)}


def _judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    risk, excess = results["network"]["risk"], results["regression"]["excess"]
    logs = np.log(RATIOS)
    rows: list[Row] = []
    for m, mu in enumerate(MOMENTA):
        end = risk[:, -1, m]
        better = mean_estimate(slopes(logs, end[0]))
        where = f"network, momentum {mu:g}"
        note = f"mean test accuracy {', '.join(f'{v:.3f}' for v in end[0].mean(-1))} at eta/S = {', '.join(f'1/{1 / r:.0f}' for r in RATIOS)}"
        claim = f"Jastrzebski et al.: {where}: larger eta/S generalises better, slope of the test accuracy > 0"
        rows.append(sign_row(claim, better, sign=1, note=note))
        fast = np.stack([_epochs_to_fit(risk[2, :, m, k]) for k in range(len(RATIOS))])
        claim = f"Dai & Zhu: {where}: larger eta/S converges faster, slope of ln(epochs to a training loss of {FITTED:g}) < 0"
        rows.append(sign_row(claim, mean_estimate(slopes(logs, np.log(fast))), sign=-1))
        claim = f"Dai & Zhu: {where}: larger eta/S has the worse risk, slope of ln(test loss) > 0"
        note = f"mean test loss {', '.join(f'{v:.3f}' for v in end[1].mean(-1))}, training loss {', '.join(f'{v:.3f}' for v in end[2].mean(-1))}"
        rows.append(sign_row(claim, mean_estimate(slopes(logs, np.log(end[1]))), sign=1, note=note))
    rows += _linear_rows(excess, quick)
    return Finding(tuple(rows), lambda: _picture(risk, excess))


def _linear_rows(excess: np.ndarray, quick: bool) -> list[Row]:
    fit = cancer_regression(LINEAR_SAMPLES)
    rates = np.array(STEPS) / float(fit.curvatures[-1])
    rows = []
    for m, mu in enumerate(MOMENTA):
        training, everything = np.log(_grouped(excess[:, m]))
        claim = f"Dai & Zhu: regression, momentum {mu:g}: the settled law is wider at larger eta/S, slope of ln(excess training risk) > 0"
        rows.append(sign_row(claim, mean_estimate(slopes(np.log(rates), training)), sign=1))
        claim = f"Jastrzebski et al.: regression, momentum {mu:g}: larger eta/S generalises better, slope of ln(excess risk on all data) < 0"
        rows.append(sign_row(claim, mean_estimate(slopes(np.log(rates), everything)), sign=-1))
    grouped = np.log(_grouped(excess[:1, 0]))[0]
    for k, eta in enumerate(rates):
        found, predicted = mean_estimate(grouped[k], method="excess risk"), _exact_excess(fit, eta)
        ends = np.exp([found.value, found.low, found.high])
        measured = Estimate(float(ends[0]), float(ends[1]), float(ends[2]), found.events, found.method, "1", found.level)
        claim = f"regression: excess training risk at eta H = {STEPS[k]:g}, S = {LINEAR_BATCH}, is tr(H Sigma)/2 of the exact law"
        own = Prediction(predicted, predicted, predicted, "exact law of the finite data")
        rows.append(Row.of(judge(claim, measured, own, resolution=0.15 if quick else 0.1)))
    return rows


def _exact_excess(data: LeastSquares, eta: float) -> float:
    covariance = regression_covariance(data, learning_rate=float(eta), batch_size=LINEAR_BATCH, sampler="with replacement")
    return float(np.trace(data.hessian @ covariance)) / 2


def _grouped(values: np.ndarray) -> np.ndarray:
    """Return the means of GROUPS groups of replicas, (..., GROUPS)."""
    return values.reshape(*values.shape[:-1], GROUPS, -1).mean(-1)


def _epochs_to_fit(losses: np.ndarray) -> np.ndarray:
    """Return when the training loss, (looks, R), first falls to FITTED, between two looks by a straight line; the last look if it never does."""
    epochs = LOOK * np.arange(1, len(losses) + 1)
    lowest = np.minimum.accumulate(losses, axis=0) - 1e-9 * np.arange(len(losses))[:, None]
    return np.array([np.interp(-FITTED, -column, epochs) for column in lowest.T])


def _picture(risk: np.ndarray, excess: np.ndarray) -> "Figure":
    figure = blank_figure(12.2, 4.4)
    panels = figure.subplots(1, 3)
    x = np.array(RATIOS)
    for m, mu in enumerate(MOMENTA):
        shift = 1.06 ** (m - 1)
        ladder(panels[0], x * shift, risk[0, -1, m], COLOURS[m], marker="o^s"[m], label=f"momentum {mu:g}", log=False)
        ladder(panels[1], x * shift, np.log(risk[1, -1, m]), COLOURS[m], marker="o^s"[m], label=f"test, momentum {mu:g}")
        ladder(panels[1], x * shift, np.log(risk[2, -1, m]), COLOURS[m], marker="o^s"[m], filled=False, label=f"training, momentum {mu:g}")
    for panel, name in zip(panels, ("test accuracy", "loss"), strict=False):
        panel.set(xlabel="eta/(S (1 - mu))", ylabel=name, title="digits network, equal epochs")
        settings(panel, RATIOS, [f"1/{1 / r:.0f}" for r in RATIOS])
        panel.legend(fontsize=8, loc="best" if panel is panels[0] else "lower left")
    fit = cancer_regression(LINEAR_SAMPLES)
    for m, mu in enumerate(MOMENTA):
        at = np.array(STEPS) * 1.05 ** (m - 1)
        ladder(panels[2], at, np.log(_grouped(excess[0, m])), COLOURS[m], marker="o^s"[m], label=f"training, momentum {mu:g}")
        ladder(panels[2], at, np.log(_grouped(excess[1, m])), COLOURS[m], marker="o^s"[m], filled=False, label=f"all data, momentum {mu:g}")
    panels[2].plot(STEPS, [_exact_excess(fit, s / float(fit.curvatures[-1])) for s in STEPS], "k-", lw=1, label="exact law, training")
    panels[2].set(xlabel="eta H/(1 - mu), at S = 8", ylabel="excess risk over the minimum's", title="linear regression, settled")
    settings(panels[2], STEPS, [f"{s:g}" for s in STEPS])
    panels[2].legend(fontsize=8)
    figure.suptitle("Generalisation against eta/S (small-scale analogue; 99 % intervals)", fontsize=11)
    return figure


REPRODUCTION = Reproduction(
    name="generalisation",
    paper="daizhu2018",
    figure="the opposite claims of Jastrzebski et al. 2017 and Dai & Zhu on generalisation",
    title="Generalisation against eta/S: better or worse",
    setting=(
        f"A 64-{HIDDEN}-10 ReLU network with cross-entropy on {SAMPLES} of scikit-learn's digits for equal epochs, S = {BATCH}, momentum 0, 0.5 and "
        "0.9; and linear regression of breast_cancer on four principal components of half of the data, settled about its minimum, tested on all of "
        "them."
    ),
    claims=(
        "Jastrzebski et al.: larger eta/S generalises better",
        "Dai & Zhu: larger eta/S converges faster, to a wider law with a worse risk [recalled]",
    ),
    plan=_plan,
    judge=_judge,
)
