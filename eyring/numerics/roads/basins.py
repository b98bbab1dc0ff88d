"""Weights of basins by quadrature of the whole stationary density, no peak assumed, at ever weaker noise."""

from collections.abc import Callable, Iterator, Sequence

import mpmath
import numpy as np
import sympy as sp
from scipy.optimize import brentq

from eyring.numerics.exact.quadrature import Panels
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.landscape import Landscape

__all__ = ["BasinsInThePlane", "BasinsOnALine", "EqualWeights"]

X, Y = sp.symbols("x y", real=True)
GRID = np.linspace(-4.0, 4.0, 161)
DIGITS = 25


class BasinsInThePlane(Limit):
    """Integrate exp(-L/T) over the plane on either side of the ridge through the saddle, at four temperatures."""

    result = "basin-ratio"
    method = "two-dimensional quadrature of exp(-L/D) on either side of the ridge, D -> 0"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """Two pairs of lopsided, unlike valleys."""
        steep = X**4 / 4 - X**2 / 2 + X / 50 + (2 + X) * Y**2 / 2 + X * Y**3 / 10 + Y**4 / 5
        soft = X**4 / 3 - 2 * X**2 / 3 - X**3 / 40 + (3 - X - X**2 / 3) * Y**2 / 2 + Y**4 / 4
        return [*_plane("steep", steep, 3, 1.3), *_plane("soft", soft, 7, 0.6)]


class BasinsOnALine(Limit):
    """Integrate D^-1 exp(-int L'/D) over the line on either side of the saddle, at four noise strengths."""

    result = "basin-ratio-varying-noise"
    method = "quadrature of the stationary density on either side of the saddle, D -> 0"
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """A tilted double well under noise that rises, and a lopsided one under noise that waves."""
        tilted, lopsided = X**4 / 4 - X**2 / 2 + X / 20 + 1, X**4 / 4 - X**3 / 12 - 2 * X**2 / 3 - sp.Rational(1, 3)
        return [*_line("rising", tilted, (5 + 2 * sp.tanh(X)) / 5), *_line("waving", lopsided, (3 + sp.sin(X)) / 2)]


class EqualWeights(Limit):
    """Find by bisection the temperature at which the quadratures over both basins are equal, at ever smaller differences in loss."""

    result = "flat-basin-crossover"
    method = "temperature at which the quadratures of exp(-L/T) over both basins are equal, by root search, L_A - L_B -> 0"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """Two pairs of a flat and a sharp well, tilted by four small amounts."""
        square = (X**2 - 1) ** 2
        return [*_tilted("straight", square * (3 + X) / 4), *_tilted("bent", square * (2 + X / 2 + X**2 / 3) / 5)]


def _plane(name: str, loss: sp.Expr, batch: int, sigma: float) -> Iterator[Trial]:
    landscape = Landscape(loss, [X, Y])
    left, right, saddle = (landscape.at(tuple(sp.nsolve(landscape.gradient, (X, Y), start, prec=30))) for start in ((-1, 0), (1, 0), (0, 0)))
    ridge = float(saddle.position[0])
    function = sp.lambdify((X, Y), loss, "numpy")
    across = Panels(np.linspace(-3.0, 3.0, 81)).points.ravel()
    for noise in (0.01, 0.014, 0.019, 0.025):
        weights = [
            _plane_weight(function, np.linspace(min(ridge, far), max(ridge, far), 61), across, noise, low=float(min(left.value, right.value)))
            for far in (-3.0, 3.0)
        ]
        values = {
            "L_A": _float(left.value),
            "L_B": _float(right.value),
            "det_H_A": _float(left.hessian.det()),
            "det_H_B": _float(right.hessian.det()),
        }
        step = sp.Rational(repr(noise)) * 2 * batch / sp.Rational(repr(sigma)) ** 2
        yield Trial({**values, "eta": step, "B": batch, "sigma": sigma}, weights[0] / weights[1], smallness=noise, group=name)


def _plane_weight(loss: Callable, edges: np.ndarray, across: np.ndarray, noise: float, *, low: float) -> float:
    panels, sides = Panels(edges), Panels(np.linspace(-3.0, 3.0, 81))
    values = np.exp(-(loss(panels.points.ravel()[:, None], across[None, :]) - low) / noise)
    inner = values.reshape(*panels.points.shape, *sides.points.shape)
    along = np.stack([sides.whole(row).sum() for row in inner.reshape(-1, *sides.points.shape)]).reshape(panels.points.shape)
    return float(panels.whole(along).sum())


def _line(name: str, loss: sp.Expr, shape: sp.Expr) -> Iterator[Trial]:
    landscape = Landscape(loss, [X])
    left, right = landscape.minima()
    (saddle,) = landscape.saddles()
    slope, spread = sp.lambdify(X, sp.diff(loss, X) / shape, "numpy"), sp.lambdify(X, shape, "numpy")
    edges = np.unique(np.concatenate([GRID, [float(saddle.position[0])]]))
    panels = Panels(edges)
    rise = panels.running(slope(panels.points)) + np.concatenate([[0.0], np.cumsum(panels.whole(slope(panels.points)))[:-1]])[:, None]
    exact_slope = sp.lambdify(X, sp.diff(loss, X) / shape, "mpmath")
    with mpmath.workdps(DIGITS):
        ends = [mpmath.mpf(p.position[0].evalf(DIGITS)) for p in (right, left)]
        climbed = mpmath.quad(exact_slope, mpmath.linspace(*ends, 5))
        at = [mpmath.mpf(shape.subs(X, p.position[0]).evalf(DIGITS)) for p in (left, right)]
    on_left = edges[:-1] < float(saddle.position[0])
    for noise in (0.012, 0.016, 0.021, 0.027):
        density = np.exp(-(rise - rise.min()) / noise) / spread(panels.points)
        weights = panels.whole(density)
        values = {"H_A": _float(left.hessian[0, 0]), "H_B": _float(right.hessian[0, 0]), "L_A": _float(left.value), "L_B": _float(right.value)}
        values |= {"D_A": noise * at[0], "D_B": noise * at[1], "Phi_AB": climbed / mpmath.mpf(repr(noise))}
        yield Trial(values, weights[on_left].sum() / weights[~on_left].sum(), smallness=noise, group=name)


def _tilted(name: str, loss: sp.Expr) -> Iterator[Trial]:
    for tilt in (0.002, 0.003, 0.004, 0.0055):
        landscape = Landscape(loss - sp.Rational(repr(tilt)) * (3 * X - X**3) / 2, [X])  # the wells stay at -1 (flat) and 1 (sharp)
        flat, sharp = (landscape.at((sp.Integer(end),)) for end in (-1, 1))
        ridge = float(sp.nsolve(landscape.gradient[0], X, 0))
        function = sp.lambdify(X, landscape.expression, "numpy")
        sides = [Panels(np.linspace(min(ridge, end), max(ridge, end), 161)) for end in (-1.8, 1.8)]
        losses = [function(p.points) for p in sides]

        def excess(T: float, sides: list = sides, losses: list = losses, low: float = float(sharp.value)) -> float:
            one, other = (p.whole(np.exp(-(v - low) / T)).sum() for p, v in zip(sides, losses, strict=True))
            return float(np.log(one / other))

        balance = brentq(excess, 4e-3, 0.2, xtol=1e-14, rtol=1e-13)
        values = {
            "L_A": _float(flat.value),
            "L_B": _float(sharp.value),
            "det_H_A": _float(flat.hessian[0, 0]),
            "det_H_B": _float(sharp.hessian[0, 0]),
        }
        yield Trial(values, balance, smallness=tilt, group=name)


def _float(value: sp.Expr) -> mpmath.mpf:
    return mpmath.mpf(sp.N(value, 30)._mpf_)
