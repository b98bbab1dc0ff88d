"""Sharp escape times by the neighbours of the most likely way: an orbit of Hamilton's equations and the Riccati equation along it."""

from collections.abc import Iterator, Sequence

import mpmath
import sympy as sp

from eyring.numerics.exact.prefactor.time import sharp_escape_time
from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.theory.sde import SDE

__all__ = ["NeighboursInValley", "NeighboursOnLine"]

X, Y = sp.symbols("x y", real=True)
WIDTHS = (0.02, 0.04)  # curvature along the valley over that across


class NeighboursOnLine(Road):
    """Three lopsided double wells with noise that grows, falls and bends."""

    result = "prefactor-by-transport"
    method = "orbit of Hamilton's equations in time, and the Riccati equation of its neighbours, by collocation"

    def trials(self) -> Sequence[Trial]:
        """The exponent by quadrature."""
        cases = (("1/4 -1/10 -1/2", "1 1/3 1/2"), ("1/5 1/7 -2/3", "7/4 -1/4 -1/5"), ("1/3 1/9 -3/5", "1 -1/5 3/4"))
        return [_on_line(*([sp.Rational(c) for c in text.split()] for text in case)) for case in cases]


class NeighboursInValley(Limit):
    """Valleys that narrow and widen towards the saddle, with more and with less noise across; the curvature across grows."""

    result = "valley-prefactor"
    method = "orbit and Riccati equation of its neighbours in the plane, narrower and narrower valleys"
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """Both wells of one lopsided floor."""
        return [*_in_valley("narrowing", (1.2, 2.9), "1 1/2 1/3", well=0), *_in_valley("widening", (2.4, 1.1), "1 2/5 1/2", well=2)]


def _on_line(loss: Sequence[sp.Rational], noise: Sequence[sp.Rational]) -> Trial:
    quartic, cubic, square = loss
    L = quartic * X**4 + cubic * X**3 + square * X**2
    D = (noise[0] + noise[1] * X + noise[2] * X**2) / 30
    a = sp.real_roots(sp.diff(L, X))[0]
    slope = sp.lambdify(X, sp.diff(L, X) / D, "mpmath")
    with mpmath.workdps(30):
        climb = mpmath.quad(slope, [mpmath.mpf(sp.N(a, 30)), 0])
    local = {f"{s}_{w}": float(e.subs(X, at)) for s, e in (("D", D), ("H", sp.diff(L, X, 2))) for w, at in (("a", a), ("b", 0))}
    time = sharp_escape_time(SDE(-sp.diff(L, X), D, X), start=float(a), over=0, event="next well")
    return Trial({**local, "E": float(climb)}, float(time), tolerance=1e-9)


def _in_valley(name: str, noise: tuple[float, float], walls: str, *, well: int) -> Iterator[Trial]:
    eta = sp.Rational(1, 20) if well else sp.Rational(3, 50)
    floor = X**4 / 4 - X**3 / 10 - (X**2 * 3 / 5 if well else X**2 * 2 / 5) + (sp.Rational(3, 5) if well else sp.Rational(2, 5))
    a = sp.real_roots(sp.diff(floor, X))[well]
    k = sum(sp.Rational(c) * X**i for i, c in enumerate(walls.split()))
    D = eta / 2 * sp.diag(*(sp.Rational(str(c)) for c in noise))
    at = {f"{s}_{w}": float(e.subs(X, p)) for s, e in (("L", floor), ("H", sp.diff(floor, X, 2))) for w, p in (("a", a), ("b", 0))}
    for width in WIDTHS:
        loss = floor + k * Y**2 / (2 * sp.Rational(str(width)))
        sde = SDE([-sp.diff(loss, X), -sp.diff(loss, Y)], D, [X, Y])
        time = sharp_escape_time(sde, start=(float(a), 0), over=(0, 0), event="next well")
        steep = {f"k_{w}": float(k.subs(X, p)) / width for w, p in (("a", a), ("b", 0))}
        known = {**at, **steep, "eta": float(eta), "C_11": noise[0], "C_22": noise[1]}
        yield Trial(known, float(time), smallness=width, group=name)
