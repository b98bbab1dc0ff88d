"""Escape along a valley with anisotropic noise: the path of least action in the plane, in ever narrower valleys."""

from collections.abc import Iterator, Sequence

import sympy as sp

from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.sde import SDE

__all__ = ["LeastActionInValley"]

X, Y = sp.symbols("x y", real=True)
WIDTHS = (0.02, 0.035, 0.055)  # curvature along the valley over that across


class LeastActionInValley(Limit):
    """A lopsided double well along y = m x; the curvature across it grows."""

    result = "anisotropic-barrier"
    method = "path of least action in the plane (string of points, Newton's method), narrower and narrower valleys"
    kept = 1
    tolerance = 1e-4

    def trials(self) -> Sequence[Trial]:
        """Noise that is strong across the valley, and noise that is weak across it; slopes of either sign."""
        return [*_group("strong", 0.6, (1.7, 0.5, 2.9), well=1), *_group("weak", -0.8, (2.6, 0.7, 1.6), well=0)]


def _group(name: str, m: float, noise: tuple[float, float, float], *, well: int) -> Iterator[Trial]:
    slope, eta = sp.Rational(str(m)), sp.Rational(3, 10)
    c11, c12, c22 = (sp.Rational(str(c)) for c in noise)
    floor = X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5)
    D = eta / 2 * sp.Matrix([[c11, c12], [c12, c22]])
    minimum = sp.real_roots(sp.diff(floor, X))[2 * well]
    known = {"L_a": float(floor.subs(X, minimum)), "L_b": 0.6, "m": m, "eta": 0.3, "C_11": noise[0], "C_12": noise[1], "C_22": noise[2]}
    for width in WIDTHS:
        loss = floor + (Y - slope * X) ** 2 / (2 * sp.Rational(str(width)))
        sde = SDE([-sp.diff(loss, X), -sp.diff(loss, Y)], D, [X, Y])
        phi = quasipotential(sde, start=(minimum, slope * minimum), end=(0, 0), through=[(minimum / 2, slope * minimum / 2)]).value
        yield Trial(known, phi, smallness=width, group=name)
