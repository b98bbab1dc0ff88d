"""Escape along a valley under the noise of its own minimum: the path of least action in the plane, in ever narrower valleys."""

from collections.abc import Iterator, Sequence

import sympy as sp

from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.sde import SDE

__all__ = ["LeastActionUnderFrozenNoise"]

X, Y = sp.symbols("x y", real=True)
WIDTHS = (0.02, 0.035, 0.055)  # one over the curvature across the valley


class LeastActionUnderFrozenNoise(Limit):
    """A lopsided double well along y = m x; the walls grow steeper, and with them the noise across."""

    result = "frozen-curvature-barrier"
    method = "path of least action in the plane (string of points, Newton's method), D = eta H/(2 B) of the minimum, narrower and narrower valleys"
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Slopes of either sign, the sharper and the flatter minimum, small and large batches."""
        return [*_group(0.6, eta=0.3, batch=5.0, well=1), *_group(-0.8, eta=0.11, batch=3.0, well=0)]


def _group(m: float, *, eta: float, batch: float, well: int) -> Iterator[Trial]:
    slope = sp.Rational(str(m))
    floor = X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5)
    minimum = sp.real_roots(sp.diff(floor, X))[2 * well].evalf(30)
    for width in WIDTHS:
        loss = floor + (Y - slope * X) ** 2 / (2 * sp.Rational(str(width)))
        H = sp.hessian(loss, [X, Y]).subs(X, minimum)
        sde = SDE([-sp.diff(loss, X), -sp.diff(loss, Y)], sp.Rational(str(eta)) / (2 * sp.Rational(str(batch))) * H, [X, Y])
        phi = quasipotential(sde, start=(minimum, slope * minimum), end=(0, 0), through=[(minimum / 2, slope * minimum / 2)]).value
        values = {"L_a": floor.subs(X, minimum), "L_b": 0.6, "m": m, "eta": eta, "B": batch, "H_11": H[0, 0], "H_12": H[0, 1], "H_22": H[1, 1]}
        yield Trial(values, phi, smallness=width, group=str(m))
