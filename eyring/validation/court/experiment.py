"""An experiment: training swept over learning rate, batch size, momentum and the landscape's scale, and every law of escape judged by it."""

import itertools
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.simulation import Exits
from eyring.validation.court.comparisons import Cell
from eyring.validation.court.ruling import Ruling, rule
from eyring.validation.court.setting import Ground, Measure, Predict, Problem, Setting
from eyring.validation.court.shard_files import shard_file
from eyring.validation.court.shards import Job, Progress, run_shards
from eyring.validation.court.trainable import require_trainable
from eyring.validation.court.training import ask_laws, measured_escape, predicted_laws, train_cell
from eyring.validation.samplers import SAMPLERS

__all__ = ["Experiment", "Ground", "Results", "Setting"]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A frozen plan: every combination of the values given is one cell, trained and predicted.

    Args:
        problem: A function of a module from the scale k to a ``Ground``: L_k(theta) = L(sqrt(k) theta) has curvatures k times as large and the same
            barrier. ``functools.partial`` of one carries what it needs.
        learning_rates: Values of eta.
        batch_sizes: Values of B.
        momenta: Values of mu.
        scales: Values of k.
        only: Combinations to keep: (eta, B), (eta, B, mu) or (eta, B, mu, k) each. Momentum mu makes the noise 1/(1 - mu) times as large.
        sampler: "with replacement", "without replacement" or "epoch shuffling".
        event: "next well" or "to the saddle".
        replicas: How many at once.
        iterations: Steps of each replica: a number, or a function of a module from the ``Setting`` to one (long where exits are rare).
        seed: A whole number from 0; every cell draws from a stream of its own.
        transient: Iterations left out at the beginning of every wait; left out, ten relaxation times at the minimum.
        device: "cpu" or "cuda".
        measure: How a cell is measured; ``measure_escape`` if left out.
        predict: What every law says; ``predict_escape`` if left out.

    Raises:
        ParameterError: If a list is empty, a number is out of range or occurs twice.
    """

    problem: Problem
    learning_rates: Sequence[float]
    batch_sizes: Sequence[int]
    momenta: Sequence[float]
    scales: Sequence[float]
    sampler: str
    event: str
    replicas: int
    iterations: int | Callable[[Setting], int]
    seed: int
    only: Sequence[tuple[float, ...]] | None = None
    transient: float | None = None
    device: str = "cpu"
    measure: Measure = measured_escape
    predict: Predict = predicted_laws

    def __post_init__(self) -> None:
        for name, positive in (("learning_rates", True), ("batch_sizes", True), ("momenta", False), ("scales", True)):
            given = getattr(self, name)
            values = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else None
            if values is None:
                raise ParameterError(f"{name} takes a list or tuple of numbers, even of one as in {name}=({given!r},), got {type(given).__name__}")
            object.__setattr__(self, name, values)
            fit = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) and (v > 0 or not positive) for v in values)
            if not values or not fit or len(set(values)) < len(values):
                raise ParameterError(f"{name} takes {'positive' if positive else 'finite'} numbers, each once and at least one, got {values}")
        if not all(0 <= mu < 1 for mu in self.momenta) or not all(isinstance(b, int) for b in self.batch_sizes):
            raise ParameterError(f"momenta lie in [0, 1) and batch sizes are whole numbers, got {self.momenta} and {self.batch_sizes}")
        if self.sampler not in SAMPLERS:
            raise ParameterError(f"sampler is one of {', '.join(SAMPLERS)}, got {self.sampler!r}")
        for name in ("replicas", "seed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < (name == "replicas"):
                raise ParameterError(f"{name} must be a whole number{' from 1' if name == 'replicas' else ' from 0'}, got {value!r}")
        if not callable(self.problem):
            raise ParameterError(f"problem must be a function of a module from the scale k to a Ground, got {type(self.problem).__name__}")
        if self.only is not None:
            if not isinstance(self.only, Sequence) or not all(isinstance(values, Sequence) and not isinstance(values, str) for values in self.only):
                raise ParameterError(f"only takes a list of combinations such as [(eta, B)], got {self.only!r}")
            object.__setattr__(self, "only", tuple(tuple(values) for values in self.only))
        if not self.settings:
            raise ParameterError("none of the combinations in only= is made of the values given, so nothing is left to train")

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every cell, in the order of the plan."""
        return tuple(self._setting(i, *values) for i, values in enumerate(self._grid()))

    def jobs(self) -> dict[str, Job]:
        """Return what is to be run: the laws once for every k, a training for every cell."""
        common = {"problem": self.problem}
        asked = {k: tuple(_predicted(s) for s in self.settings if s.scale == k) for k in self.scales}
        laws = {f"laws k={k:.9g}": Job(ask_laws, {**common, "predict": self.predict, "settings": settings}) for k, settings in asked.items()}
        return laws | {s.name: Job(train_cell, {**common, "measure": self.measure, **asdict(s)}) for s in self.settings}

    def run(
        self, directory: str | os.PathLike[str], resume: bool = True, executor: Any = None, progress: Progress | None = None
    ) -> "Results":
        """Train and predict what is not in the folder yet, and return everything; arguments and errors as ``run_shards`` has them.

        Raises:
            ParameterError: Before anything is trained, if a network, its loss, its data or a batch size cannot be trained.
        """
        waiting = [s for s in self.settings if not resume or not shard_file(Path(directory), s.name).exists()]
        if self.measure is measured_escape:
            require_trainable(self.problem, waiting)
        return Results.of(self, run_shards(self.jobs(), directory, resume=resume, executor=executor, progress=progress))

    def _grid(self) -> list[tuple[float, int, float, float]]:
        every = itertools.product(self.learning_rates, self.batch_sizes, self.momenta, self.scales)
        return [values for values in every if self.only is None or any(values[: len(kept)] == kept for kept in self.only)]

    def _setting(self, index: int, eta: float, size: int, mu: float, k: float) -> Setting:
        seed = int(np.random.SeedSequence([self.seed, index]).generate_state(1)[0])
        setting = Setting(
            learning_rate=float(eta), batch_size=size, momentum=float(mu), scale=float(k), sampler=self.sampler, event=self.event,
            replicas=self.replicas, seed=seed, device=self.device,
        )  # fmt: skip
        steps = self.iterations(setting) if callable(self.iterations) else self.iterations
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise ParameterError(f"iterations must be a whole number of steps from 1, got {steps!r} for {setting.name}")
        return replace(setting, iterations=steps)


@dataclass(frozen=True, eq=False)
class Results:
    """What an experiment found.

    Attributes:
        experiment: The plan.
        cells: Each setting with its rate and every law's row.
        no_barrier: By k, why there is no escape over a barrier.
    """

    experiment: Experiment
    cells: tuple[Cell, ...]
    no_barrier: Mapping[float, str]

    @classmethod
    def of(cls, experiment: Experiment, shards: Mapping[str, Mapping[str, np.ndarray]]) -> "Results":
        """Read the shards of an experiment."""
        told = {k: json.loads(str(shards[f"laws k={k:.9g}"]["laws"])) for k in experiment.scales}
        rows = {k: dict(zip((s.name for s in experiment.settings if s.scale == k), found["rows"], strict=False)) for k, found in told.items()}
        cells = [_cell(s, shards[s.name], rows[s.scale].get(s.name, []), experiment.transient) for s in experiment.settings]
        unasked = {k: f"no law can be asked: {found['refused']}" for k, found in told.items() if found["refused"] and found["barrier"]}
        cells = [replace(cell, trouble=cell.trouble or unasked.get(cell.setting.scale, "")) for cell in cells]
        return cls(experiment, tuple(cells), {k: found["refused"] for k, found in told.items() if not found["barrier"]})

    def verdict(self, *, resolution: Mapping[str, float] | None = None) -> Ruling:
        """Judge every law.

        Args:
            resolution: The difference that matters in "slope", "prefactor" and "time" (relative) and in the exponent "curvature" (absolute).
        """
        return rule(self.cells, self.no_barrier, resolution=resolution)


def _predicted(setting: Setting) -> Setting:
    """Return the setting without what does not matter to a law."""
    return replace(setting, replicas=1, iterations=0, seed=0, device="cpu")


def _cell(setting: Setting, found: Mapping[str, np.ndarray], rows: Sequence[Mapping[str, Any]], transient: float | None) -> Cell:
    by_law = {row["name"]: row for row in rows}
    if str(found["trouble"]):
        return Cell(setting, None, by_law, str(found["trouble"]))
    relaxation = float(found["relaxation"]) if "relaxation" in found else None
    exits = Exits(times=found["times"], censored=found["censored"], unit="iterations", relaxation=relaxation)
    try:
        return Cell(setting, exits.rate(transient), by_law)
    except (ParameterError, AccuracyError) as reason:
        return Cell(setting, None, by_law, str(reason))


