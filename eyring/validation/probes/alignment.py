"""Whether the noise of a network has the shape and the size of its curvature: C against H in the Hessian's eigendirections."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from eyring.errors import NotApplicable
from eyring.validation.probes.critical import FLAT
from eyring.validation.probes.full_batch import FullBatch
from eyring.validation.probes.gradient_covariance import minibatch_covariance, projected_gradients
from eyring.validation.probes.hessian import as_point
from eyring.validation.probes.lanczos import eigenpairs
from eyring.validation.replicas.problem import TrainingProblem

__all__ = ["Alignment", "alignment"]

FEWEST = 4  # directions that a slope with an interval needs
Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Alignment:
    """C_ii = v_i^T C v_i against lambda_i over the directions of positive curvature. "C = H/B" says slope 1, correlation 1 and ratio 1/B.

    Attributes:
        curvatures: lambda_i, ascending, (k,).
        noise: C_ii, (k,).
        slope: Of ln C_ii against ln lambda_i, by least squares.
        slope_interval: Student's, from the scatter of the directions around the line.
        correlation: Of ln C_ii and ln lambda_i.
        correlation_interval: Fisher's.
        ratio: sum C_ii / sum lambda_i; tr C/tr H where every direction was measured and none is flat or negative.
        ratio_interval: From the scatter of the samples' squared gradients, H taken as known.
        off_diagonal: Share of |C|^2 (Frobenius) off the diagonal: 0 where C and H commute.
        left_out: Directions without positive curvature or without noise.
        confidence: Of the intervals.
    """

    curvatures: np.ndarray
    noise: np.ndarray
    slope: float
    slope_interval: Interval
    correlation: float
    correlation_interval: Interval
    ratio: float
    ratio_interval: Interval
    off_diagonal: float
    left_out: int
    confidence: float

    def __str__(self) -> str:
        def written(value: float, interval: Interval) -> str:
            return f"{value:.4g} [{interval[0]:.4g}, {interval[1]:.4g}]"

        return (
            f"C against H in {len(self.noise)} directions: slope {written(self.slope, self.slope_interval)}, correlation "
            f"{written(self.correlation, self.correlation_interval)}, tr C/tr H {written(self.ratio, self.ratio_interval)}"
        )


def alignment(
    problem: TrainingProblem, theta: torch.Tensor, *, batch_size: int, sampler: str, directions: int = 50, confidence: float = 0.95
) -> Alignment:
    """Compare the covariance of the minibatch gradient with the Hessian along its leading eigenvectors.

    Args:
        problem: The network and its data.
        theta: Parameters, (n,).
        batch_size: B.
        sampler: As in ``minibatch_covariance``.
        directions: How many leading eigenvectors; at most n.
        confidence: Of the intervals.

    Raises:
        NotApplicable: If fewer than four directions have both curvature and noise.

    Source: Xie, Sato & Sugiyama 2021, section 3 [recalled].
    """
    from scipy import stats

    point = as_point(problem, theta)
    values, vectors = eigenpairs(FullBatch.of(problem), point, leading=min(directions, problem.dimension), lowest=0)
    around = projected_gradients(problem, theta, vectors)
    around = around - around.mean(0)
    C = minibatch_covariance(around.T @ around / len(around), samples=problem.samples, batch_size=batch_size, sampler=sampler)
    noise = np.diag(C)
    kept = (values > FLAT * np.max(np.abs(values))) & (noise > FLAT * FLAT * np.max(noise, initial=0.0))
    if kept.sum() < FEWEST:
        raise NotApplicable(
            f"{kept.sum()} of {len(values)} directions have positive curvature and noise (curvatures {values[0]:.3g} to {values[-1]:.3g}, tr C "
            f"{noise.sum():.3g}); a slope of C against H needs {FEWEST}: take more directions, or a point where samples disagree"
        )
    line = stats.linregress(np.log(values[kept]), np.log(noise[kept]))
    wide = float(stats.t.ppf((1 + confidence) / 2, kept.sum() - 2)) * line.stderr
    z, spread = math.atanh(min(line.rvalue, 1 - 1e-15)), float(stats.norm.ppf((1 + confidence) / 2))
    away = spread / math.sqrt(kept.sum() - 3)
    ratio = float(noise[kept].sum() / values[kept].sum())
    squares = (around[:, kept] ** 2).sum(1)
    error = spread * float(squares.std(ddof=1)) / math.sqrt(len(squares)) / float(squares.mean())
    return Alignment(
        curvatures=values[kept],
        noise=noise[kept],
        slope=float(line.slope),
        slope_interval=(line.slope - wide, line.slope + wide),
        correlation=float(line.rvalue),
        correlation_interval=(math.tanh(z - away), math.tanh(z + away)),
        ratio=ratio,
        ratio_interval=(ratio * max(1 - error, 0.0), ratio * (1 + error)),
        off_diagonal=1 - float(np.sum(noise**2) / np.sum(C**2)),
        left_out=int(np.sum(~kept)),
        confidence=confidence,
    )
