"""Densities at two places without the Gibbs formula: Gaussian laws by linear algebra, and the zero-flux equation integrated along a line."""

from collections.abc import Sequence

import mpmath

from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.linear_process import DIGITS, covariance, drawn, number, positive

__all__ = ["GaussianInPhaseSpace", "GaussianOrLine"]


class GaussianOrLine(Road):
    """On quadratic losses of three coordinates the Gaussian of the solved covariance; on lopsided wells the integral of (ln p)' = f/D."""

    result = "gibbs-law"
    method = "Gaussian of the solved covariance in three dimensions; integrated zero-flux equation on lopsided wells"

    def trials(self) -> Sequence[Trial]:
        """Two Gaussians and two lines."""
        with mpmath.workdps(DIGITS):
            return [_gaussian(1), _gaussian(2), _line(3), _line(4)]


class GaussianInPhaseSpace(Road):
    """Solve the 4 x 4 problem of positions and velocities and compare the Gaussian at a moving and at a resting state."""

    result = "kinetic-gibbs-law"
    method = "Gaussian of the covariance of positions and velocities, solved in four dimensions"

    def trials(self) -> Sequence[Trial]:
        """Three sets of numbers."""
        with mpmath.workdps(DIGITS):
            return [_moving(seed) for seed in (5, 6, 7)]


def _log_ratio(covariances: mpmath.matrix, here: mpmath.matrix, there: mpmath.matrix) -> mpmath.mpf:
    precision = mpmath.inverse(covariances)
    return ((there.T * precision * there)[0] - (here.T * precision * here)[0]) / 2


def _gaussian(seed: int) -> Trial:
    eta, sigma, *place = drawn(seed, 8)
    batch, H = 3 + seed, positive(seed, 3)
    here, there = (mpmath.matrix([number(p) / 4 for p in part]) for part in (place[:3], place[3:]))
    S = covariance(H, number(eta) * number(sigma) ** 2 / batch * mpmath.eye(3))
    low, high = ((x.T * H * x)[0] / 2 for x in (there, here))
    values = {"eta": eta, "sigma": sigma, "B": batch, "L_a": low, "L_b": high}
    return Trial(values, mpmath.exp(_log_ratio(S, here, there)), 1e-25)


def _line(seed: int) -> Trial:
    eta, sigma, tilt = drawn(seed, 3)
    batch, start, end = 4 + seed, number("-11/10"), number("3/10")

    def loss(x: mpmath.mpf) -> mpmath.mpf:
        return x**4 / 4 - x**2 / 2 + number(tilt) * x**3 / 9

    def log_slope(x: mpmath.mpf) -> mpmath.mpf:
        return -(x**3 - x + number(tilt) * x**2 / 3) / (number(eta) * number(sigma) ** 2 / batch / 2)

    values = {"eta": eta, "sigma": sigma, "B": batch, "L_a": loss(start), "L_b": loss(end)}
    return Trial(values, mpmath.exp(mpmath.quad(log_slope, [start, end])), 1e-25)


def _moving(seed: int) -> Trial:
    """Velocity m/sqrt(eta), clock sqrt(eta): dv = -gamma v dt - H x dt + noise of variance sqrt(eta) C dt."""
    eta, sigma, speed, *place = drawn(seed, 7)
    batch, H, mu = 3 + seed, positive(seed, 2), number("3/10") + mpmath.mpf(seed) / 20
    root = mpmath.sqrt(number(eta))
    A, Q = mpmath.zeros(4), mpmath.zeros(4)
    for i in range(2):
        A[i, i + 2], A[i + 2, i + 2] = -1, (1 - mu) / root
        Q[i + 2, i + 2] = root * number(sigma) ** 2 / batch
        for j in range(2):
            A[i + 2, j] = H[i, j]
    here, there = (mpmath.matrix([number(p) / 4 for p in part]) for part in (place[:2], place[2:]))
    low, high = ((x.T * H * x)[0] / 2 for x in (there, here))
    moving, resting = mpmath.matrix([*here, number(speed) / 4, 0]), mpmath.matrix([*there, 0, 0])
    values = {"eta": eta, "sigma": sigma, "B": batch, "mu": mu, "v": number(speed) / 4, "L_a": low, "L_b": high}
    return Trial(values, mpmath.exp(_log_ratio(covariance(A, Q), moving, resting)), 1e-25)
