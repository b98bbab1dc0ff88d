"""Momentum in a parabola: the backward operator as a matrix on polynomials, diagonalised."""

from collections.abc import Sequence

import numpy as np

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["KineticPolynomials"]

DEGREE = 5


class KineticPolynomials(Road):
    """The operator maps polynomials of a degree in x and v to themselves; the gap is the smallest non-zero real part."""

    result = "kinetic-harmonic-gap"
    method = "eigenvalues of the backward operator on all polynomials up to degree 5 in x and v"

    def trials(self) -> Sequence[Trial]:
        """Overdamped, nearly critical, and swinging."""
        cases = [(2.3, 0.7), (1.9, 0.85), (0.6, 1.7), (7.1, 0.3)]
        return [Trial({"gamma": g, "H": h}, _gap(g, h), 1e-11) for g, h in cases]


def _gap(friction: float, curvature: float, temperature: float = 0.4) -> float:
    powers = [(i, j) for total in range(DEGREE + 1) for i in range(total + 1) for j in [total - i]]
    place = {p: k for k, p in enumerate(powers)}
    operator = np.zeros((len(powers), len(powers)))
    for (i, j), k in place.items():  # on x^i v^j: v d/dx - (h x + g v) d/dv + g T d^2/dv^2
        operator[k, k] -= friction * j
        for target, weight in (((i - 1, j + 1), i), ((i + 1, j - 1), -curvature * j), ((i, j - 2), friction * temperature * j * (j - 1))):
            if weight:
                operator[place[target], k] += weight
    rates = -np.linalg.eigvals(operator).real
    return float(np.sort(rates)[1])
