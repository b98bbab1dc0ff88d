"""Heavy ball in a well, step by step: the linear recursion of position and velocity, its stationary covariance and its slow decay."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import mpmath

from eyring.numerics.roads.contract import Limit, Road, Trial

__all__ = ["DampenedRecursion", "NesterovRecursion", "PhaseSpaceRecursion", "SlowestDecay"]

DIGITS = 90
F = Fraction
STEP = F(1, 10**20)  # sqrt of the learning rate: so small that only the limit is left


class PhaseSpaceRecursion(Road):
    """Friction from the contraction of areas in phase space, temperature from the velocity's stationary variance, at a step of 1e-20."""

    result = "momentum-phase-space"
    method = "contraction and stationary covariance of the recursion of position and velocity, at a tiny step"
    dampening: tuple[Fraction, Fraction] | None = None
    nesterov = False

    def trials(self) -> Sequence[Trial]:
        """Two frictions, curvatures and temperatures."""
        damped = self.dampening or (F(0), F(0))
        return [
            self._trial(F(9, 10), F(7, 5), F(3, 5), damped[0]),
            self._trial(F(12, 5), F(3, 10), F(17, 10), damped[1]),
        ]

    def _trial(self, friction: Fraction, curvature: Fraction, strength: Fraction, damped: Fraction) -> Trial:
        """The noise of one step grows as its size falls, ``strength``/step: its sum over a time stays."""
        eta, mu, noise = STEP**2, 1 - friction * STEP, strength / STEP
        with mpmath.workdps(DIGITS):
            recursion, kick, clock = _recursion(eta, mu, damped, curvature, nesterov=self.nesterov)
            contraction = -mpmath.log(mpmath.det(recursion)) / clock
            variance = _stationary(recursion, kick, _number(noise))[1, 1]
            values: dict[str, Any] = {"eta": eta, "mu": mu, "C": noise, **({"dampening": damped} if self.dampening else {})}
            return Trial(values, [contraction, variance], 1e-15)


class DampenedRecursion(PhaseSpaceRecursion):
    """The same with torch's dampening."""

    result = "dampening"
    dampening = (F(3, 10), F(13, 20))


class NesterovRecursion(PhaseSpaceRecursion):
    """The same with the step along g + mu m."""

    result = "nesterov"
    nesterov = True


class SlowestDecay(Limit):
    """The slowest eigenvalue of heavy ball in a well, -ln of it over the curvature, as the learning rate goes to zero at fixed momentum."""

    result = "momentum-overdamped"
    method = "slowest eigenvalue of the recursion, extrapolated in the learning rate"
    tolerance = 1e-6

    def trials(self) -> Sequence[Trial]:
        """Two momenta and curvatures, four learning rates each."""
        cases = [(F(3, 10), F(7, 5)), (F(4, 5), F(3, 5))]
        return [_decay(mu, h, F(n, 10**5)) for mu, h in cases for n in (2, 3, 5, 8)]


def _decay(mu: Fraction, curvature: Fraction, eta: Fraction) -> Trial:
    with mpmath.workdps(DIGITS):
        recursion, _, _ = _recursion(eta, mu, F(0), curvature, nesterov=False)
        slowest = max(mpmath.eig(recursion, left=False, right=False), key=lambda e: mpmath.re(e))
        reference = -mpmath.log(mpmath.re(slowest)) / _number(curvature)
    return Trial({"eta": eta, "mu": mu}, reference, smallness=float(eta), group=f"mu={mu}")


def _recursion(eta: Fraction, mu: Fraction, damped: Fraction, curvature: Fraction, *, nesterov: bool) -> tuple[Any, Any, Any]:
    """Return the matrix of one step in (x, v), where the noise enters, and the time of a step, reading v as the buffer's step over that time."""
    e, m, d, h = (_number(f) for f in (eta, mu, damped, curvature))
    clock = mpmath.sqrt(e * (1 - d))
    buffer = mpmath.matrix([[(1 - d) * h, -m * clock / e]])  # of (x, v), v = -eta buffer/clock
    look = mpmath.matrix([[h, 0]]) if nesterov else mpmath.matrix([[0, 0]])
    move = -e * (look + m * buffer) if nesterov else -e * buffer
    velocity, position = -e / clock * buffer, mpmath.matrix([[1, 0]]) + move
    recursion = mpmath.matrix([[position[0], position[1]], [velocity[0], velocity[1]]])
    kick = mpmath.matrix([-e * (1 + m) if nesterov else -e * (1 - d), -e * (1 - d) / clock])
    return recursion, kick, clock


def _stationary(A: Any, kick: Any, noise: Any) -> Any:
    """Solve S = A S A^T + noise kick kick^T for its three entries."""
    pairs = [(0, 0), (0, 1), (1, 1)]
    columns = []
    for p, q in pairs:
        unit = mpmath.zeros(2)
        unit[p, q] = unit[q, p] = 1
        left = unit - A * unit * A.T
        columns.append([left[i, j] for i, j in pairs])
    right = kick * kick.T * noise
    solution = mpmath.lu_solve(mpmath.matrix(columns).T, mpmath.matrix([right[i, j] for i, j in pairs]))
    return mpmath.matrix([[solution[0], solution[1]], [solution[1], solution[2]]])


def _number(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator
