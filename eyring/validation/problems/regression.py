"""Least squares on real data, trained by torch.optim.SGD: where it settles, under three samplers, beside the laws that predict it."""

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
import torch

from eyring.errors import EyringError, ParameterError
from eyring.numerics.exact.regression_law import (
    LeastSquares,
    continuous_regression_covariance,
    largest_stable_learning_rate,
    regression_covariance,
)
from eyring.validation.problems.regression_table import RegressionResult, RegressionRow
from eyring.validation.problems.regression_training import time_averages
from eyring.validation.samplers import SAMPLERS, Sampler, make_sampler

__all__ = ["FULL", "QUICK", "RegressionPlan", "diabetes", "run_regression"]

CONFIDENCE = 0.99


@dataclass(frozen=True, kw_only=True)
class RegressionPlan:
    """How much is trained and measured.

    Args:
        learning_rate: eta.
        batch_sizes: The batch sizes.
        replicas: R.
        burn_in: Relaxation times of the flattest direction before the first measured step.
        measured: Relaxation times of the flattest direction that are averaged over, by sampler.
    """

    learning_rate: float = 0.25
    batch_sizes: tuple[int, ...] = (8, 64)
    replicas: int = 256
    burn_in: float = 10.0
    measured: dict[str, float] = field(default_factory=lambda: {"with replacement": 105.0, "without replacement": 25.0, "epoch shuffling": 20.0})


FULL = RegressionPlan()
QUICK = RegressionPlan(replicas=96, measured=dict.fromkeys(SAMPLERS, 6.0))


def run_regression(
    *,
    seed: int,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
    quick: bool = False,
    plan: RegressionPlan | None = None,
) -> RegressionResult:
    """Train and measure the stationary variance along every eigenvector of the Hessian, for every sampler and batch size.

    Args:
        seed: A whole number from 0; fixes every batch, on every device.
        device: "cpu" or "cuda": where parameters and data live.
        progress: Called now and then with the steps done and the steps in all.
        quick: Run the smaller plan ``QUICK``.
        plan: Another plan; overrides ``quick``.

    Raises:
        ParameterError: If the plan's learning rate is unstable, a batch does not fit the data, or the device is missing.
        AccuracyError: If a replica diverges; the message names it and the step.
    """
    plan = plan or (QUICK if quick else FULL)
    started = time.perf_counter()
    data = diabetes()
    _require_device(device)
    limits = {size: largest_stable_learning_rate(data, batch_size=size, sampler="with replacement") for size in plan.batch_sizes}
    laws = {size: _laws(data, plan.learning_rate, size) for size in plan.batch_sizes}
    runs = _planned_runs(data, plan, seed, device)
    _train_all(data, runs, progress or (lambda done, total: None))
    rows = tuple(row for run in runs for row in _rows(run, data, laws[run.sampler.batch_size], comparisons=len(runs) * data.dim))
    return RegressionResult(
        rows=rows,
        confidence=CONFIDENCE,
        samples=data.samples,
        learning_rate=plan.learning_rate,
        replicas=plan.replicas,
        relaxation_steps=1 / (plan.learning_rate * data.curvatures[0]),
        burn_in={run.key: run.burn_in for run in runs},
        steps={run.key: run.steps for run in runs},
        largest_stable=limits,
        seed=seed,
        device=device,
        seconds=time.perf_counter() - started,
        time_means={run.key: run.means for run in runs},
        time_squares={run.key: run.squares for run in runs},
        curvatures=data.curvatures,
        directions=data.directions,
        minimum=data.minimum,
    )


def diabetes() -> LeastSquares:
    """Return scikit-learn's diabetes data, N = 442 and d = 10: features and target with mean 0 and variance 1, so no intercept is left."""
    from sklearn.datasets import load_diabetes

    inputs, targets = load_diabetes(return_X_y=True)
    return LeastSquares((inputs - inputs.mean(0)) / inputs.std(0), (targets - targets.mean()) / targets.std())


@dataclass(kw_only=True)
class _Run:
    """One sampler at one batch size: what to do, and then what was measured."""

    sampler: Sampler
    learning_rate: float
    burn_in: int
    steps: int
    device: str
    means: np.ndarray = field(default_factory=lambda: np.empty(0))
    squares: np.ndarray = field(default_factory=lambda: np.empty(0))
    done: int = 0

    @property
    def key(self) -> tuple[str, int]:
        return self.sampler.name, self.sampler.batch_size

    def train(self, data: LeastSquares, stop: threading.Event) -> None:
        def tick(steps: int) -> None:
            self.done += steps
            if stop.is_set():
                raise EyringError("training was stopped because another run failed or was interrupted")

        self.means, self.squares = time_averages(
            data, sampler=self.sampler, learning_rate=self.learning_rate, burn_in=self.burn_in, steps=self.steps, device=self.device, tick=tick
        )


def _planned_runs(data: LeastSquares, plan: RegressionPlan, seed: int, device: str) -> list[_Run]:
    relaxation = 1 / (plan.learning_rate * data.curvatures[0])
    cells = [(name, size) for size in sorted(plan.batch_sizes, reverse=True) for name in SAMPLERS]  # the longest first
    seeds = np.random.SeedSequence(_checked_seed(seed)).spawn(len(cells))
    runs = []
    for (name, size), child in zip(cells, seeds, strict=True):
        sampler = make_sampler(name, samples=data.samples, batch_size=size, replicas=plan.replicas, seed=child)
        epoch = sampler.steps_per_epoch  # whole epochs, so that no place in the epoch counts more than another
        burn_in, steps = (epoch * math.ceil(count * relaxation / epoch) for count in (plan.burn_in, plan.measured[name]))
        runs.append(_Run(sampler=sampler, learning_rate=plan.learning_rate, burn_in=burn_in, steps=steps, device=device))
    return runs


def _train_all(data: LeastSquares, runs: list[_Run], progress: Callable[[int, int], None]) -> None:
    """Train the runs, two at a time on a CPU: these tensors are too small to be shared out among threads."""
    total = sum(run.burn_in + run.steps for run in runs)
    workers = min(2, os.cpu_count() or 1) if runs[0].device == "cpu" else 1
    threads, stop = torch.get_num_threads(), threading.Event()
    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            futures = [pool.submit(run.train, data, stop) for run in runs]
            try:
                _watch(futures, lambda: progress(sum(run.done for run in runs), total))
            finally:
                stop.set()
    finally:
        torch.set_num_threads(threads)


def _watch(futures: list[Future[None]], report: Callable[[], None]) -> None:
    waiting = set(futures)
    while waiting:
        finished, waiting = wait(waiting, timeout=0.2)
        report()
        for future in finished:
            future.result()


@dataclass(frozen=True)
class _Laws:
    """Variances along the Hessian's eigenvectors, (d,) each, by sampler."""

    exact: dict[str, np.ndarray]
    continuous: dict[str, np.ndarray]


def _laws(data: LeastSquares, learning_rate: float, batch_size: int) -> _Laws:
    def along(law: Callable[..., np.ndarray], sampler: str) -> np.ndarray:
        covariance = law(data, learning_rate=learning_rate, batch_size=batch_size, sampler=sampler)
        return np.einsum("ik,ij,jk->k", data.directions, covariance, data.directions)

    again, subset = "with replacement", "without replacement"
    return _Laws(
        exact={name: along(regression_covariance, name) for name in (again, subset)},
        continuous={name: along(continuous_regression_covariance, again if name == again else subset) for name in SAMPLERS},
    )


def _rows(run: _Run, data: LeastSquares, laws: _Laws, *, comparisons: int) -> list[RegressionRow]:
    from scipy.special import stdtrit

    name, size = run.key
    variance, error = _variance(run.means, run.squares)
    reach = stdtrit(len(run.means) - 1, 1 - (1 - CONFIDENCE) / (2 * comparisons)) * error
    exact = laws.exact.get(name)
    return [
        RegressionRow(
            sampler=name,
            batch_size=size,
            direction=k,
            curvature=float(data.curvatures[k]),
            measured=float(variance[k]),
            low=float(variance[k] - reach[k]),
            high=float(variance[k] + reach[k]),
            standard_error=float(error[k]),
            exact=None if exact is None else float(exact[k]),
            continuous=float(laws.continuous[name][k]),
            law_without_factor=float(laws.exact["with replacement"][k]),
            law_with_factor=float(laws.exact["without replacement"][k]),
        )
        for k in range(data.dim)
    ]


def _variance(means: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return variance and standard error per direction from time averages (R, d); replicas are independent, so autocorrelation counts itself."""
    replicas = len(means)
    grand = means.mean(0)
    variance = squares.mean(0) - grand**2 + means.var(0, ddof=1) / replicas  # the last term undoes the bias of grand^2
    influence = squares - 2 * grand * means
    return variance, influence.std(0, ddof=1) / math.sqrt(replicas)


def _require_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise ParameterError(f"the device must be 'cpu' or 'cuda', got {device!r}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device 'cuda' was asked for, but this torch sees no GPU; use device='cpu', or install a CUDA build of torch")


def _checked_seed(seed: int) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"the seed must be a whole number from 0, got {seed!r}")
    return int(seed)
