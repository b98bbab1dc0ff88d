"""The law about a minimum by linear algebra in turned coordinates, where Hessian and noise are full matrices that do not commute."""

from collections.abc import Iterator, Sequence

import mpmath

from eyring.numerics.roads.contract import Road, Trial
from eyring.numerics.roads.linear_process import DIGITS, covariance, drawn, number, positive, turned

__all__ = ["CurrentByFlux", "EigenbasisBack", "HessianNoiseSolved", "PlaneSolved"]


class EigenbasisBack(Road):
    """Turn H and C, solve the n^2 linear equations there, and turn the covariance back."""

    result = "ou-covariance"
    method = "linear equations in turned coordinates, turned back"

    def trials(self) -> Sequence[Trial]:
        """Three sets of curvatures, noise and step."""
        with mpmath.workdps(DIGITS):
            return [_turned_back(seed) for seed in (1, 2, 3)]


class PlaneSolved(Road):
    """Random matrices that do not commute, and the linear equations."""

    result = "ou-covariance-2d"
    method = "linear equations for the second moments, random matrices that do not commute"

    def trials(self) -> Sequence[Trial]:
        """Three pairs of a Hessian and a noise."""
        with mpmath.workdps(DIGITS):
            return list(self._pairs())

    @staticmethod
    def _pairs() -> Iterator[Trial]:
        for seed in (11, 12, 13):
            H, C, (eta,) = positive(seed, 2), positive(seed + 50, 2), drawn(seed, 1)
            entries = {f"{letter}_{i + 1}{j + 1}": m[i, j] for letter, m in (("H", H), ("C", C)) for i in range(2) for j in range(i, 2)}
            yield Trial({"eta": eta, **entries}, covariance(H, number(eta) * C).tolist(), 1e-25)


class HessianNoiseSolved(Road):
    """Solve with C = H/B for Hessians of which the answer must not know."""

    result = "ou-covariance-hessian-noise"
    method = "linear equations for the second moments with C = H/B, random Hessians"

    def trials(self) -> Sequence[Trial]:
        """Three Hessians, batch sizes and steps."""
        with mpmath.workdps(DIGITS):
            return [
                Trial({"eta": eta, "B": batch}, covariance(H, number(eta) / batch * H).tolist(), 1e-25)
                for H, batch, eta in ((positive(seed, 2), 5 * seed, drawn(seed, 1)[0]) for seed in (3, 4, 7))
            ]


class CurrentByFlux(Road):
    """Integrate (x_1 J_2 - x_2 J_1)/2 over the Gaussian, J = f p - D grad p, by Gauss-Hermite sums in turned coordinates."""

    result = "stationary-current"
    method = "the flux of the Gaussian law integrated by Gauss-Hermite sums, coordinates turned"

    def trials(self) -> Sequence[Trial]:
        """Both signs of the current."""
        with mpmath.workdps(DIGITS):
            return [_swept(seed) for seed in (21, 22, 23)]


def _turned_back(seed: int) -> Trial:
    *curvatures, eta = drawn(seed, 4)
    C, (rotation, H) = positive(seed + 50, 3), turned([number(h) for h in curvatures], seed + 90)
    S = rotation.T * covariance(H, number(eta) * (rotation * C * rotation.T)) * rotation
    values = {
        "eta": eta,
        **{f"H_{i}": h for i, h in enumerate(curvatures, 1)},
        **{f"C_{i + 1}{j + 1}": C[i, j] for i in range(3) for j in range(i, 3)},
    }
    return Trial(values, S.tolist(), 1e-25)


def _swept(seed: int) -> Trial:
    *curvatures, eta = drawn(seed, 3)
    C, (rotation, H) = positive(seed + 50, 2), turned([number(h) for h in curvatures], seed + 90)
    D = number(eta) / 2 * (rotation * C * rotation.T)
    S = covariance(H, 2 * D)
    precision, root = mpmath.inverse(S), mpmath.cholesky(S)
    area = mpmath.mpf(0)
    for a in (-1, 0, 1):  # nodes 0, +-sqrt(3) with weights 2/3, 1/6 are exact for quadratic functions
        for b in (-1, 0, 1):
            x = root * mpmath.matrix([a * mpmath.sqrt(3), b * mpmath.sqrt(3)])
            flux_over_density = -H * x + D * (precision * x)
            weight = mpmath.mpf(2 if a == 0 else mpmath.mpf(1) / 2) / 3 * (2 if b == 0 else mpmath.mpf(1) / 2) / 3
            area += weight * (x[0] * flux_over_density[1] - x[1] * flux_over_density[0]) / 2
    turn = mpmath.det(rotation)  # an area changes sign in a mirror
    return Trial({"eta": eta, "H_1": curvatures[0], "H_2": curvatures[1], "C_12": C[0, 1]}, turn * area, 1e-25)
