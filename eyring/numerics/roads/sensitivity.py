"""Sensitivities judged by differences: the exact passage time of a landscape that is changed in one respect alone."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import sympy as sp

from eyring.numerics.exact import exact_escape_time
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.sde import SDE

__all__ = [
    "BatchSizeDifferences",
    "HessianNoiseDifferences",
    "HessianNoiseLimit",
    "InverseRateDifferences",
    "InverseScaleDifferences",
    "LossNoiseDifferences",
    "WhiteNoiseDifferences",
]

X = sp.Symbol("x", real=True)
NOISE, BEND, SCALE = sp.symbols("noise bend scale", positive=True)
STEP = 1e-4  # relative
WEAK = (0.012, 0.009, 0.0065, 0.0045)
WEAK_BY_CURVATURE = (0.0018, 0.0013, 0.0009, 0.0006)


@dataclass(frozen=True)
class _Well:
    """V = 4 x^2 (x - 1)^2 (1 + p x^2) - q x + r, whose curvature at the start can be changed while levels, saddle and switch stay as they are."""

    p: float
    q: float
    lift: float
    switch: float
    from_right: bool

    @cached_property
    def plain(self) -> sp.Expr:
        """The landscape as it is."""
        p, q, lift = (sp.Rational(repr(v)) for v in (self.p, self.q, self.lift))
        return 4 * X**2 * (X - 1) ** 2 * (1 + p * X**2) - q * X + lift

    @cached_property
    def places(self) -> tuple[sp.Float, sp.Float, sp.Float]:
        """Return start, saddle and target."""
        slope = sp.diff(self.plain, X)
        left, saddle, right = (sp.nsolve(slope, X, guess, prec=30) for guess in (0.02, 0.48, 1.0))
        return (right, saddle, left) if self.from_right else (left, saddle, right)

    @cached_property
    def bent(self) -> sp.Expr:
        """The landscape with bend times its curvature at the start."""
        a, b, _ = self.places
        c = sp.Rational(repr(self.switch))
        shape = (X - a) ** 2 * (X - b) ** 3 * (X - c) / ((a - b) ** 3 * (a - c))
        return self.plain + (BEND - 1) * self.local["H_a"] / 2 * shape

    @cached_property
    def local(self) -> dict[str, sp.Float]:
        """Levels, curvatures and the share of the barrier below the switch."""
        a, b, _ = self.places
        low, high, between = (self.plain.subs(X, u) for u in (a, b, sp.Rational(repr(self.switch))))
        bends = {"H_a": sp.diff(self.plain, X, 2).subs(X, a), "H_b": sp.diff(self.plain, X, 2).subs(X, b)}
        return {"L_a": low, "L_b": high, "s": (between - low) / (high - low), **bends}

    def white(self) -> SDE:
        """White noise of one strength."""
        return SDE(-sp.diff(self.bent, X), NOISE, [X])

    def frozen(self) -> SDE:
        """Noise times |H|: at the start up to the switch, at the saddle beyond; on the landscape V(sqrt(scale) x)."""
        root, c = sp.sqrt(SCALE), sp.Rational(repr(self.switch))
        at_start, at_saddle = NOISE * SCALE * BEND * self.local["H_a"], -NOISE * SCALE * self.local["H_b"]
        left, right = (at_saddle, at_start) if self.from_right else (at_start, at_saddle)
        return SDE(-root * sp.diff(self.bent, X).subs(X, root * X), sp.Piecewise((left, root * X < c), (right, True)), [X])

    def by_loss(self) -> SDE:
        """Noise times the curvature at the start times the loss."""
        return SDE(-sp.diff(self.bent, X), NOISE * BEND * self.local["H_a"] * self.bent, [X])

    def log_time(self, sde: SDE, **values: float) -> float:
        """Return ln of the exact passage time from the start to the well beyond."""
        root = values.get("scale", 1.0) ** 0.5
        start, _, target = self.places
        given = {s.name: values.get(s.name, 1.0) for s in sde.parameters}
        return float(exact_escape_time(sde, start=float(start) / root, target=float(target) / root, values=given).log)


WELLS = {"right": _Well(0.6, 0.05, 0.3, 0.24, from_right=False), "left": _Well(0.9, -0.06, 0.2, 0.76, from_right=True)}
BATCHES = {"right": 3, "left": 5}


def _by_bend(well: _Well, sde: SDE, noise: float, bend: float) -> float:
    return well.log_time(sde, noise=noise, bend=bend)


def _by_batch(well: _Well, sde: SDE, eta: float, batch: float) -> float:
    return well.log_time(sde, noise=eta / (2 * batch))


def _by_rate(well: _Well, sde: SDE, batch: float, eta: float) -> float:
    """Return ln of the number of iterations."""
    return well.log_time(sde, noise=eta / (2 * batch)) - math.log(eta)


def _by_scale(well: _Well, sde: SDE, noise: float, scale: float) -> float:
    return well.log_time(sde, noise=noise, scale=scale)


def _slope(function: Callable[[float], float], at: float) -> float:
    """Return df/d ln(argument) by symmetric differences, the error of second order taken out."""
    coarse, fine = ((function(at * (1 + h)) - function(at * (1 - h))) / (2 * h) for h in (10 * STEP, 5 * STEP))
    return (4 * fine - coarse) / 3


def _elasticities(build: Callable[[_Well], SDE], noises: Sequence[float]) -> Iterator[tuple[str, _Well, float, float]]:
    """Yield group, landscape, noise strength and the difference quotient of ln tau in ln H_a."""
    for name, well in WELLS.items():
        sde = build(well)
        for noise in noises:
            yield name, well, noise, _slope(partial(_by_bend, well, sde, noise), 1.0)


class WhiteNoiseDifferences(Limit):
    """Change the curvature at the minimum alone, T -> 0."""

    result = "white-noise-sharpness"
    method = "differences of the exact passage time in the minimum's curvature, T -> 0"

    def trials(self) -> Sequence[Trial]:
        """A way to the right and one to the left."""
        return [Trial({}, slope, smallness=noise, group=name) for name, _, noise, slope in _elasticities(_Well.white, WEAK)]


class HessianNoiseDifferences(Limit):
    """Change the curvature at the minimum, and with it the noise there, eta/B -> 0."""

    result = "sgd-sharpness"
    method = "differences of the exact passage time in the minimum's curvature, eta/B -> 0"
    kept = 1
    tolerance = 5e-2  # of the next order; the -1 alone would leave 10

    def trials(self) -> Sequence[Trial]:
        """A way to the right and one to the left; noise = eta/(2 B)."""
        return [
            Trial({**well.local, "B": BATCHES[name], "eta": 2 * BATCHES[name] * noise}, slope, smallness=noise, group=name)
            for name, well, noise, slope in _elasticities(_Well.frozen, WEAK_BY_CURVATURE)
        ]


class HessianNoiseLimit(Limit):
    """The same differences, times the noise strength, as it goes to zero."""

    result = "exponential-in-sharpness"
    method = "(eta/B) times differences of the exact passage time, eta/B -> 0"

    def trials(self) -> Sequence[Trial]:
        """A way to the right and one to the left; noise = eta/(2 B)."""
        return [
            Trial(well.local, 2 * noise * slope, smallness=noise, group=name)
            for name, well, noise, slope in _elasticities(_Well.frozen, WEAK_BY_CURVATURE)
        ]


class LossNoiseDifferences(Limit):
    """Change the curvature at the minimum, and with it the noise everywhere, eta/B -> 0."""

    result = "loss-noise-sharpness"
    method = "differences of the exact passage time in the minimum's curvature, eta/B -> 0"
    kept = 1
    tolerance = 5e-2

    def trials(self) -> Sequence[Trial]:
        """A way to the right and one to the left; noise = eta/B."""
        return [
            Trial({**well.local, "B": BATCHES[name], "eta": BATCHES[name] * noise}, slope, smallness=noise, group=name)
            for name, well, noise, slope in _elasticities(_Well.by_loss, (0.0025, 0.0018, 0.0013, 0.0009))
        ]


class BatchSizeDifferences(Limit):
    """Change the batch size alone."""

    result = "slope-in-batch-size"
    method = "differences of the exact passage time in the batch size, eta -> 0"

    def trials(self) -> Sequence[Trial]:
        """Batches of 3; noise = eta/(2 B)."""
        rows = []
        for name, well in WELLS.items():
            sde = well.frozen()
            for noise in WEAK_BY_CURVATURE:
                eta = 6 * noise
                slope = _slope(partial(_by_batch, well, sde, eta), 3.0) / 3
                rows.append(Trial({**well.local, "eta": eta}, slope, smallness=noise, group=name))
        return rows


class InverseRateDifferences(Limit):
    """Change the learning rate alone, and count iterations."""

    result = "slope-in-inverse-rate"
    method = "differences of the exact passage time in the learning rate, eta -> 0"
    kept = 1
    tolerance = 2e-2

    def trials(self) -> Sequence[Trial]:
        """Batches of 0.4 and 0.7, so small that the eta of the clock is felt."""
        rows = []
        for (name, well), B in zip(WELLS.items(), (0.4, 0.7), strict=True):
            sde = well.frozen()
            for noise in WEAK_BY_CURVATURE:
                eta = 2 * B * noise
                by_log = _slope(partial(_by_rate, well, sde, B), eta)
                rows.append(Trial({**well.local, "B": B, "eta": eta}, -eta * by_log, smallness=noise, group=name))
        return rows


class InverseScaleDifferences(Limit):
    """Change the scale of the landscape alone."""

    result = "slope-in-inverse-scale"
    method = "differences of the exact passage time in the scale of the landscape, eta -> 0"
    kept = 1
    tolerance = 5e-2

    def trials(self) -> Sequence[Trial]:
        """Scales of 1.7 and 0.6."""
        rows = []
        for (name, well), k in zip(WELLS.items(), (1.7, 0.6), strict=True):
            sde = well.frozen()
            for noise in WEAK_BY_CURVATURE:
                by_log = _slope(partial(_by_scale, well, sde, noise), k)
                values = {"k": k, **well.local, "B": BATCHES[name], "eta": 2 * BATCHES[name] * noise}
                rows.append(Trial(values, -k * by_log, smallness=noise, group=name))
        return rows
