"""Which law of stationary SGD holds for which sampler, direction by direction: measured variances beside the laws, with intervals."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

__all__ = ["RegressionResult", "RegressionRow"]


@dataclass(frozen=True, kw_only=True)
class RegressionRow:
    """The variance of w along one eigenvector of the Hessian, under one sampler and batch size.

    Attributes:
        sampler: How batches were drawn.
        batch_size: S.
        direction: Number of the eigenvector, 0 the flattest.
        curvature: Its eigenvalue.
        measured: Measured stationary variance.
        low: Lower end of its simultaneous interval.
        high: Upper end.
        standard_error: Of ``measured``, from the spread of the replicas' time averages.
        exact: The exact discrete law for this sampler; None for epoch shuffling, where none is known.
        continuous: The law of the continuous limit, with the one-step covariance of this sampler (for epoch shuffling, that of a random subset).
        law_without_factor: The exact discrete law of draws with replacement.
        law_with_factor: The exact discrete law with the factor (N-S)/(N-1), that of a fresh subset each step.
    """

    sampler: str
    batch_size: int
    direction: int
    curvature: float
    measured: float
    low: float
    high: float
    standard_error: float
    exact: float | None
    continuous: float
    law_without_factor: float
    law_with_factor: float

    @property
    def ratio_to_exact(self) -> float | None:
        """Measured over the exact law of this sampler."""
        return None if self.exact is None else self.measured / self.exact

    @property
    def ratio_interval(self) -> tuple[float, float] | None:
        """Simultaneous interval of measured over exact."""
        return None if self.exact is None else (self.low / self.exact, self.high / self.exact)

    @property
    def ratio_to_continuous(self) -> float:
        """Measured over the continuous-time law."""
        return self.measured / self.continuous

    @property
    def ratio_without_factor(self) -> float:
        """Measured over the exact law of draws with replacement."""
        return self.measured / self.law_without_factor

    @property
    def ratio_with_factor(self) -> float:
        """Measured over the exact law with the factor (N-S)/(N-1)."""
        return self.measured / self.law_with_factor

    @property
    def holds(self) -> bool | None:
        """Whether the exact law of this sampler lies in the simultaneous interval; None where there is none."""
        return None if self.exact is None else self.low <= self.exact <= self.high

    def sigmas(self, law: float) -> float:
        """Return (measured - law) / standard error."""
        return (self.measured - law) / self.standard_error

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the row, ratios and z-scores too, as plain JSON types."""
        interval = self.ratio_interval
        return {
            **asdict(self),
            "ratio_to_exact": self.ratio_to_exact,
            "ratio_interval": None if interval is None else list(interval),
            "ratio_to_continuous": self.ratio_to_continuous,
            "ratio_without_factor": self.ratio_without_factor,
            "ratio_with_factor": self.ratio_with_factor,
            "holds": self.holds,
            "z_exact": None if self.exact is None else self.sigmas(self.exact),
            "z_continuous": self.sigmas(self.continuous),
            "z_without_factor": self.sigmas(self.law_without_factor),
            "z_with_factor": self.sigmas(self.law_with_factor),
        }


@dataclass(frozen=True, kw_only=True)
class RegressionResult:
    """All rows of one run, and the answers they give.

    Attributes:
        rows: One per sampler, batch size and direction; the confidence holds for all of them at once.
        confidence: Simultaneous confidence of the intervals (Bonferroni).
        samples: N.
        learning_rate: eta.
        replicas: Optimizers trained at once, for every sampler and batch size.
        relaxation_steps: 1/(eta times the smallest curvature): steps in which the flattest direction relaxes.
        burn_in: Steps before the first measured one, by sampler and batch size.
        steps: Measured steps, by sampler and batch size.
        largest_stable: Largest stable learning rate, by batch size, for draws with replacement.
        seed: The seed.
        device: Where parameters and data lived.
        seconds: Wall-clock time.
        time_means: Per (sampler, batch size): time average of each replica's coordinate from w*, shape (R, d), in the Hessian's eigenbasis.
        time_squares: The same of its square.
        curvatures: Eigenvalues of the Hessian, ascending, shape (d,).
        directions: Its eigenvectors as columns, shape (d, d).
        minimum: w*, shape (d,).
    """

    rows: tuple[RegressionRow, ...]
    confidence: float
    samples: int
    learning_rate: float
    replicas: int
    relaxation_steps: float
    burn_in: dict[tuple[str, int], int]
    steps: dict[tuple[str, int], int]
    largest_stable: dict[int, float]
    seed: int
    device: str
    seconds: float
    time_means: dict[tuple[str, int], np.ndarray]
    time_squares: dict[tuple[str, int], np.ndarray]
    curvatures: np.ndarray
    directions: np.ndarray
    minimum: np.ndarray

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes, ascending."""
        return tuple(sorted({row.batch_size for row in self.rows}))

    def select(self, *, sampler: str, batch_size: int | None = None) -> tuple[RegressionRow, ...]:
        """Return the rows of one sampler, at one batch size or at all."""
        return tuple(row for row in self.rows if row.sampler == sampler and batch_size in (None, row.batch_size))

    def exact_law_holds(self, *, sampler: str = "with replacement") -> bool:
        """Say whether the exact discrete law lies in the simultaneous interval of every direction and batch size.

        False for epoch shuffling, which has no such law.
        """
        return all(row.holds is True for row in self.select(sampler=sampler))

    def widest_interval(self, *, sampler: str = "with replacement") -> float:
        """Return the largest relative width (high - low)/exact over the sampler's rows."""
        return max((row.high - row.low) / (row.exact or row.law_with_factor) for row in self.select(sampler=sampler))

    def wrong_factor_sigmas(self) -> dict[str, float]:
        """Return, per i.i.d. sampler at the larger batch, by how many standard errors the *other* sampler's law is missed.

        The direction that misses it least is given: every direction rejects the wrong law at least as strongly.
        """
        batch = self.batch_sizes[-1]
        drawn_again = [abs(row.sigmas(row.law_with_factor)) for row in self.select(sampler="with replacement", batch_size=batch)]
        subsets = [abs(row.sigmas(row.law_without_factor)) for row in self.select(sampler="without replacement", batch_size=batch)]
        return {"with replacement": min(drawn_again), "without replacement": min(subsets)}

    def wrong_factor_rejected(self, *, sigmas: float = 5.0) -> bool:
        """Say whether the factor (N-S)/(N-1) is rejected for the wrong sampler in every direction at the larger batch."""
        return min(self.wrong_factor_sigmas().values()) > sigmas

    def shuffling_ratios(self, *, batch_size: int) -> np.ndarray:
        """Return measured / exact law of a fresh subset each step, under epoch shuffling, flattest direction first, shape (d,)."""
        return np.array([row.ratio_with_factor for row in self.select(sampler="epoch shuffling", batch_size=batch_size)])

    def to_dict(self) -> dict[str, Any]:
        """Return the table and how it was had, as plain JSON types."""
        runs = [
            {"sampler": sampler, "batch_size": size, "burn_in": self.burn_in[sampler, size], "steps": steps}
            for (sampler, size), steps in self.steps.items()
        ]
        return {
            "problem": "least squares on the diabetes data of scikit-learn, features and target standardised",
            "optimizer": "torch.optim.SGD",
            "note": "epoch shuffling drops the incomplete last batch of each epoch (drop_last)",
            "samples": self.samples,
            "dim": len(self.curvatures),
            "learning_rate": self.learning_rate,
            "replicas": self.replicas,
            "relaxation_steps": self.relaxation_steps,
            "confidence": self.confidence,
            "largest_stable_learning_rate": {str(size): limit for size, limit in self.largest_stable.items()},
            "seed": self.seed,
            "device": self.device,
            "seconds": self.seconds,
            "runs": runs,
            "answers": {
                "exact_law_holds_with_replacement": self.exact_law_holds(),
                "exact_law_holds_without_replacement": self.exact_law_holds(sampler="without replacement"),
                "widest_interval_with_replacement": self.widest_interval(),
                "wrong_factor_sigmas": self.wrong_factor_sigmas(),
                "wrong_factor_rejected": self.wrong_factor_rejected(),
                "shuffling_ratios": {str(size): self.shuffling_ratios(batch_size=size).tolist() for size in self.batch_sizes},
            },
            "rows": [row.to_dict() for row in self.rows],
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the raw numbers by name, ready for ``numpy.savez``; sampler and batch size are part of the name."""
        named = {"curvatures": self.curvatures, "directions": self.directions, "minimum": self.minimum}
        for (sampler, size), means in self.time_means.items():
            key = f"{sampler.replace(' ', '_')}_{size}"
            named[f"time_means_{key}"], named[f"time_squares_{key}"] = means, self.time_squares[sampler, size]
        return named
