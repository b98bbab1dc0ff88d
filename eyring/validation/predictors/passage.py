"""The exact mean time along a measured way, from its minimum to its saddle or to the next minimum: as a diffusion, and as the chain of steps."""

from dataclasses import dataclass

import numpy as np

from eyring.numerics.exact.chain.eigenvalue import passage_steps
from eyring.numerics.exact.chain.momentum import momentum_passage_steps
from eyring.numerics.exact.chain.step_law import StepLaw
from eyring.numerics.exact.line import Line
from eyring.numerics.exact.passage.panels import Route
from eyring.numerics.exact.passage.sums import TIME, Plan
from eyring.numerics.exact.tails import far_edges
from eyring.validation.predictors.profile import Profile

__all__ = ["LogTime", "chain_time", "ito_time", "momentum_time"]

STEEPEST = 4.0  # change of the potential over the noise that a panel may hold
MOST_CUTS = 64


@dataclass(frozen=True)
class LogTime:
    """The logarithm of a number of iterations, with its numerical error."""

    value: float
    error: float


def ito_time(profile: Profile, *, step: float, per_sample: float, target: float) -> LogTime:
    """Return ln of the iterations of ds = -L'(s) dt + sqrt(2 D(s)) dW in Ito's calculus, D = step C/2, until it first reaches the target.

    Args:
        profile: Loss and noise.
        step: Time of one iteration.
        per_sample: C over G.
        target: The arc length to reach.
    """

    def coefficients(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        diffusion = step * per_sample * profile.noise_at(s) / 2
        return profile.slope_at(s) / diffusion, diffusion

    line = Line(coefficients, (), 0.0, shape=(1,))
    edges = _panels(line, profile, target)
    plan = Plan(line, Route(0.0, target), edges, np.ones(len(edges) - 1, dtype=bool))
    mantissa, shift, error = (float(part[0]) for part in plan.settled(np.ones(1), TIME))
    return LogTime(float(np.log(mantissa)) + shift - float(np.log(step)), error)


def _panels(line: Line, profile: Profile, target: float) -> np.ndarray:
    """Return panel edges at the points of the path, between which all is smooth, cut where the potential over the noise changes much."""
    knots = profile.arc[profile.arc < target * (1 - 1e-12)]
    edges = np.unique(np.concatenate([far_edges(line, 0.0, target), knots, [target]]))
    ends = np.abs(line(edges)[0][0])
    steep = np.diff(edges) * np.maximum(ends[1:], ends[:-1])
    parts = np.clip(np.ceil(steep / STEEPEST), 1, MOST_CUTS).astype(int)
    return np.unique(np.concatenate([np.linspace(a, b, n + 1) for a, b, n in zip(edges[:-1], edges[1:], parts, strict=True)]))


def chain_time(profile: Profile, *, learning_rate: float, per_sample: float, target: float) -> LogTime:
    """Return ln of the mean number of steps s' = s - eta L'(s) + eta sqrt(C(s)) xi until it first reaches or passes the target.

    Raises:
        ParameterError: If the learning rate is too large for the minimum to hold a walker.
        AccuracyError: If the steps are too small against the way.
    """
    law = StepLaw(
        centre=lambda s: s - learning_rate * profile.slope_at(s),
        offsets=lambda s: np.zeros((1, *np.shape(s))),
        variance_within=lambda s: learning_rate**2 * per_sample * profile.noise_at(s),
        probabilities=np.ones(1),
        kinks=(),  # a step spreads over several points of the path, and smooths what is left at them
        clock=learning_rate,
    )
    steps, error = passage_steps(law, 0.0, target)
    return LogTime(float(np.log(steps)), error)


def momentum_time(profile: Profile, *, learning_rate: float, momentum: float, per_sample: float, target: float) -> LogTime:
    """Return ln of the mean number of steps v' = mu v - eta (L'(s) + sqrt(C(s)) xi), s' = s + v' until s first passes the target.

    Raises:
        AccuracyError: If a grid of place and velocity cannot resolve the way.
    """
    steps, error = momentum_passage_steps(
        profile.slope_at, lambda s: per_sample * profile.noise_at(s), learning_rate=learning_rate, momentum=momentum,
        curvature=float(profile.curvature[0]), start=0.0, target=target,
    )  # fmt: skip
    return LogTime(float(np.log(steps)), error)
