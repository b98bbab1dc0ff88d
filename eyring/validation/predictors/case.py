"""One escape to be predicted: a measured way out, how it is trained, and the numbers that every law takes from the two."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eyring.errors import NotApplicable, ParameterError
from eyring.theory.escape.contract import EVENTS
from eyring.validation.predictors.profile import Profile, profile_of
from eyring.validation.predictors.setting import Training

if TYPE_CHECKING:
    from eyring.validation.predictors.flanks import Flanks
    from eyring.validation.predictors.passage import LogTime
    from eyring.validation.predictors.surroundings import Sharp, Surroundings
    from eyring.validation.predictors.tails import SampleSlopes
    from eyring.validation.probes.critical import CriticalProbe
    from eyring.validation.probes.path import MeasuredPath

__all__ = ["Case", "Pairs", "event_called"]

FLAT = 1e-6  # of the largest curvature: what is flatter has no width of its own


@dataclass(frozen=True, eq=False)
class Pairs:
    """The directions across the way, each at the minimum with the one at the saddle that it turns into.

    Attributes:
        wells: Curvatures at the minimum, (p,).
        walls: At the saddle, (p,).
        noise_wells: G in them at the minimum, (p,).
        noise_walls: At the saddle, (p,).
        overlap: The smallest squared overlap of a pair; 1 where no direction turns.
        flat: How many directions are too flat at one of the two to be counted.
    """

    wells: np.ndarray
    walls: np.ndarray
    noise_wells: np.ndarray
    noise_walls: np.ndarray
    overlap: float
    flat: int


@dataclass(frozen=True, eq=False)
class Case:
    """A way out and its training.

    Attributes:
        path: Measured.
        training: How walkers are trained.
        event: "next well" or "to the saddle".
        surroundings: Drift and noise around the way, where they are known; else None.
        flanks: Curvature and noise across the way at each of its points, where measured; else None.
        sample_slopes: The slope of every sample's loss along the way, where measured; else None.

    Raises:
        ParameterError: If the event is unknown, or path arrays do not belong together.
        NotApplicable: If there is no barrier or no noise on the way.
    """

    path: "MeasuredPath"
    training: Training
    event: str
    surroundings: "Surroundings | None" = None
    flanks: "Flanks | None" = None
    sample_slopes: "SampleSlopes | None" = None

    def __post_init__(self) -> None:
        event_called(self.event)
        _ = self.profile

    @cached_property
    def profile(self) -> Profile:
        """Loss and noise along the way."""
        return profile_of(self.path)

    @cached_property
    def pushed(self) -> Profile:
        """The same with the push that the walkers' spread across the way gives along it, where the flanks were measured."""
        if self.flanks is None:
            return self.profile
        ends = self.flanks.arc[[0, -1]]
        if not np.allclose(ends, self.path.arc[[0, -1]], atol=1e-9 * self.path.arc[-1]):
            whole = f"0 to {self.path.arc[-1]:.6g}"
            raise ParameterError(f"flanks reach from one end of the path to the other, {whole}, got {ends[0]:.6g} to {ends[1]:.6g}")
        return replace(self.profile, push=self.training.step * self.training.per_sample * self.flanks.widening(self.path.arc))

    @property
    def minimum(self) -> "CriticalProbe":
        """Where the way begins."""
        return self.path.minimum

    @property
    def saddle(self) -> "CriticalProbe":
        """What it crosses."""
        return self.path.saddle

    @property
    def barrier(self) -> float:
        """L_b - L_a."""
        return float(self.saddle.loss - self.minimum.loss)

    @property
    def well_curvature(self) -> float:
        """H_a, along the way."""
        return float(self.path.curvature[0])

    @property
    def top_curvature(self) -> float:
        """lambda_b < 0, the saddle's negative eigenvalue."""
        return float(self.saddle.eigenvalues[0])

    @property
    def noise_along(self) -> np.ndarray:
        """C = t^T C t of a minibatch along the way, (m,)."""
        return self.training.per_sample * np.asarray(self.path.noise, dtype=float)

    @property
    def temperature_along(self) -> np.ndarray:
        """T = eta C/(2 (1 - mu)) along the way, (m,)."""
        return self.training.temperature_per_covariance * self.noise_along

    @property
    def mean_noise(self) -> float:
        """tr C/n of a minibatch at the minimum, all n directions counted."""
        return self.training.per_sample * _whole_trace(self.minimum) / len(self.minimum.position)

    @property
    def mean_temperature(self) -> float:
        """eta tr C/(2 n (1 - mu)) at the minimum."""
        return self.training.temperature_per_covariance * self.mean_noise

    @cached_property
    def exponent(self) -> float:
        """int L'/T ds from minimum to saddle."""
        s = np.linspace(0, self.profile.saddle, 2001)
        rate = self.profile.slope_at(s) / (self.training.temperature_per_covariance * self.training.per_sample * self.profile.noise_at(s))
        return float(np.sum((rate[1:] + rate[:-1]) / 2 * np.diff(s)))

    @cached_property
    def escape_at_minimum(self) -> int:
        """Which eigenvector of the minimum's Hessian the way leaves along."""
        return int(np.argmax(np.abs(self.minimum.eigenvectors.T @ self.path.tangents[0])))

    @cached_property
    def pairs(self) -> Pairs:
        """The directions across, paired by their overlap."""
        from scipy.optimize import linear_sum_assignment

        a, b = self.minimum, self.saddle
        at_a, at_b = np.delete(np.arange(len(a.eigenvalues)), self.escape_at_minimum), np.arange(1, len(b.eigenvalues))
        overlap = (a.eigenvectors[:, at_a].T @ b.eigenvectors[:, at_b]) ** 2
        rows, columns = linear_sum_assignment(-overlap)
        one, other = at_a[rows], at_b[columns]
        wells, walls = a.eigenvalues[one], b.eigenvalues[other]
        steep = (wells > FLAT * np.max(np.abs(a.eigenvalues))) & (walls > FLAT * np.max(np.abs(b.eigenvalues)))
        diagonals = np.diag(a.noise)[one][steep], np.diag(b.noise)[other][steep]
        least = float(np.min(overlap[rows, columns][steep], initial=1.0))
        return Pairs(wells[steep], walls[steep], *diagonals, least, int(np.sum(~steep)))

    @property
    def log_determinants(self) -> float:
        """ln(|det H_b|/det H_a), over the directions that are not flat."""
        across = float(np.sum(np.log(self.pairs.walls)) - np.sum(np.log(self.pairs.wells)))
        return across + float(np.log(-self.top_curvature)) - float(np.log(self.well_curvature))

    @cached_property
    def sharp(self) -> "Sharp":
        """The sharp escape time by the least action.

        Raises:
            NotApplicable: If the surroundings of the way are not known.
        """
        if self.surroundings is None:
            raise NotApplicable(
                "a measured path does not say what drift and noise are beside it, and the most likely way runs beside it; give the surroundings: "
                "surroundings=KnownLandscape(loss, noise) where both are formulas, or NetworkSurroundings(problem) for a network of few parameters"
            )
        return self.surroundings.sharp(self)

    @cached_property
    def finite_steps(self) -> "LogTime":
        """ln of the mean number of the optimizer's own steps along the way, momentum and the push across included.

        Raises:
            AccuracyError: If the steps are too small, or the way is too long, for a chain to be solved.
            NotApplicable: If the gradient is taken ahead (nesterov).
        """
        from eyring.validation.predictors.passage import chain_time, momentum_time

        training = self.training
        if training.nesterov:
            raise NotApplicable("the chain of steps is the heavy ball's; with nesterov the gradient is taken ahead: the row 'path' has the diffusion")
        numbers = {"learning_rate": training.rate, "per_sample": training.per_sample, "target": self.target}
        if training.momentum:
            return momentum_time(self.pushed, momentum=training.momentum, **numbers)
        return chain_time(self.pushed, **numbers)

    @property
    def share(self) -> float:
        """The time to this event over that to the next well, to leading order."""
        from eyring.numerics.exact.prefactor.time import SHARES

        return SHARES[self.event]

    @property
    def target(self) -> float:
        """The arc length whose first passage is the event."""
        return self.profile.end if self.event == "next well" else self.profile.saddle

    def losses(self) -> dict[str, Any]:
        """Return L_a, L_b and the curvatures along the way under the catalogue's names."""
        return {"L_a": float(self.minimum.loss), "L_b": float(self.saddle.loss), "H_a": self.well_curvature, "H_b": self.top_curvature}

    def determinants(self) -> dict[str, float]:
        """Return det H_a = 1, det H_b with the measured ratio, and lambda_b: only the ratio counts, and neither overflows."""
        return {"det_H_a": 1.0, "det_H_b": -float(np.exp(self.log_determinants)), "lambda_b": self.top_curvature}


def event_called(event: str) -> str:
    """Return the event's name here: who has crossed the saddle and stays beyond has settled in the next well.

    Raises:
        ParameterError: If it is missing or unknown.
    """
    name = event.replace("-", " ") if isinstance(event, str) else event
    name = EVENTS[0] if name == "cross and stay" else name
    if name not in EVENTS:
        raise ParameterError(
            f"event must say what counts as escaped: {' or '.join(map(repr, EVENTS))} (of the walkers at the saddle half fall back), got {event!r}"
        )
    return name


def _whole_trace(probe: "CriticalProbe") -> float:
    """Return tr G in all directions, from the share of it that the probe did not look at."""
    if not 0 <= probe.discarded < 1:
        raise ParameterError(f"the discarded share of tr G must be at least 0 and below 1, got {probe.discarded}; probe more directions")
    return float(np.trace(probe.noise)) / (1 - probe.discarded)
