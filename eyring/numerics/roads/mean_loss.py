"""The mean loss about a minimum from the solved covariance of random Hessians and noises in two to five dimensions."""

from collections.abc import Sequence
from fractions import Fraction

import mpmath

from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.linear_process import DIGITS, covariance, covariance_at, drawn, number, positive, turned

__all__ = ["EfficiencyByExponentials", "HessianNoiseLoss", "LossByCovariance"]


class LossByCovariance(Road):
    """Solve the linear equations for S and take Tr(H S)/2; H and C do not commute."""

    result = "mean-loss"
    method = "Tr(H S)/2 of the solved covariance, random matrices of two to five dimensions"

    def trials(self) -> Sequence[Trial]:
        """Four dimensions."""
        with mpmath.workdps(DIGITS):
            return [Trial({"eta": eta, "tr_C": trace(C)}, loss(H, C, eta), 1e-25) for H, C, eta in map(problem, (2, 3, 4, 5))]


class HessianNoiseLoss(Road):
    """The same with C = H/B."""

    result = "mean-loss-hessian-noise"
    method = "Tr(H S)/2 of the covariance solved with C = H/B, random Hessians of two to four dimensions"

    def trials(self) -> Sequence[Trial]:
        """Three dimensions."""
        with mpmath.workdps(DIGITS):
            return [
                Trial({"eta": eta, "B": 7 * n, "tr_H": trace(H)}, loss(H, H / (7 * n), eta), 1e-25)
                for n, (H, _, eta) in ((n, problem(n)) for n in (2, 3, 4))
            ]


class EfficiencyByExponentials(Road):
    """Turn H and C, let the covariance grow by matrix exponentials, and take Tr(H S)/2."""

    result = "escaping-efficiency"
    method = "Tr(H S(t))/2 by matrix exponentials in turned coordinates"

    def trials(self) -> Sequence[Trial]:
        """From early to late times."""
        with mpmath.workdps(DIGITS):
            return [_grown(seed, time) for seed, time in ((31, "1/20"), (32, "1/3"), (33, "7/5"))]


def problem(n: int) -> tuple[mpmath.matrix, mpmath.matrix, Fraction]:
    """Return a Hessian, a noise and a step."""
    return positive(n, n), positive(n + 60, n), drawn(n, 1)[0]


def trace(matrix: mpmath.matrix) -> mpmath.mpf:
    """Return the sum of the diagonal."""
    return mpmath.fsum(matrix[i, i] for i in range(matrix.rows))


def loss(H: mpmath.matrix, C: mpmath.matrix, eta: Fraction) -> mpmath.mpf:
    """Return Tr(H S)/2."""
    return trace(H * covariance(H, number(eta) * C)) / 2


def _grown(seed: int, time: str) -> Trial:
    *curvatures, eta = drawn(seed, 3)
    C, (rotation, H) = positive(seed + 50, 2), turned([number(h) for h in curvatures], seed + 90)
    S = covariance_at(H, number(eta) * (rotation * C * rotation.T), number(time))
    values = {"eta": eta, "H_1": curvatures[0], "H_2": curvatures[1], "C_11": C[0, 0], "C_22": C[1, 1], "t": number(time)}
    return Trial(values, trace(H * S) / 2, 1e-25)
