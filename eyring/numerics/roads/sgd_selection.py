"""Selection by SGD noise judged by the exact Ito density of a lopsided well under noise frozen in three pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mpmath

from eyring.numerics.roads.contract import Limit, Trial

__all__ = ["PiecewiseDensity", "PiecewiseEquality"]

TILTS = {(0.6, 0.2, 0.75): (0.1235, 0.125, 0.127), (1.1, 0.24, 0.8): (0.109, 0.111, 0.114)}
BATCHES = {"deep": 3, "high": 5}  # eta is what shrinks
BATCH = 3
NOISES = (0.0016, 0.0011, 0.0008)  # eta/(2 B)


@dataclass(frozen=True)
class _Wells:
    """Two wells near 0 and 1, V = 4 x^2 (x - 1)^2 (1 + a x^2) - b x, with noise eta |H|/(2 B) that switches twice on the way."""

    sharper: float
    tilt: float
    switches: tuple[float, float]

    def loss(self, x: mpmath.mpf) -> mpmath.mpf:
        """Return V(x)."""
        return 4 * x**2 * (x - 1) ** 2 * (1 + self.sharper * x**2) - self.tilt * x

    @cached_property
    def rests(self) -> list[mpmath.mpf]:
        """Return left minimum, saddle and right minimum."""
        return [mpmath.findroot(lambda u: mpmath.diff(self.loss, u), guess) for guess in (0.02, 0.48, 1.0)]

    def log_ratio(self, noise: mpmath.mpf) -> mpmath.mpf:
        """Return ln(P_1/P_2): the weight e^{-Phi}/D of either side of the saddle, Phi' = V'/D, by quadrature."""
        places = self.rests
        strengths = [abs(mpmath.diff(self.loss, u, 2)) * noise for u in places]
        edges = [mpmath.mpf(-1), places[0], *map(mpmath.mpf, self.switches), places[2], mpmath.mpf(2)]
        (left, right), saddle = self.switches, places[1]

        def phi(x: mpmath.mpf) -> mpmath.mpf:
            """Potential measured from the saddle."""
            inner = min(max(x, left), right)
            beyond = strengths[0] if x < left else strengths[2]
            return (self.loss(inner) - self.loss(saddle)) / strengths[1] + (self.loss(x) - self.loss(inner)) / beyond

        def weight(low: mpmath.mpf, high: mpmath.mpf, strength: mpmath.mpf, top: mpmath.mpf) -> mpmath.mpf:
            return mpmath.quad(lambda x: mpmath.exp(top - phi(x)) / strength, mpmath.linspace(low, high, 3), method="gauss-legendre")

        deep = [phi(places[0]), phi(places[2])]
        sides = [
            weight(edges[0], left, strengths[0], deep[0]) + weight(left, saddle, strengths[1], deep[0]),
            weight(right, edges[5], strengths[2], deep[1]) + weight(saddle, right, strengths[1], deep[1]),
        ]
        return mpmath.log(sides[0] / sides[1]) - deep[0] + deep[1]

    def balanced(self) -> mpmath.mpf:
        """Return the noise at which both sides hold the same weight, by secants in its inverse, of which ln(P_1/P_2) is nearly linear."""
        one, two = mpmath.mpf(1000), mpmath.mpf(800)
        at_one, at_two = (self.log_ratio(1 / u) for u in (one, two))
        for _ in range(3):
            one, two, at_one = two, two - at_two * (two - one) / (at_two - at_one), at_two
            at_two = self.log_ratio(1 / two)
        return 1 / two

    def values(self) -> dict[str, mpmath.mpf]:
        """Return levels, curvatures and shares, by numerical differentiation."""
        (one, saddle, two), (left, right) = self.rests, self.switches
        levels = {"L_1": one, "L_b": saddle, "L_2": two}
        bends = {"H_1": one, "H_b": saddle, "H_2": two}
        found = {k: self.loss(u) for k, u in levels.items()} | {k: mpmath.diff(self.loss, u, 2) for k, u in bends.items()}
        shares = ((mpmath.mpf(left), one), (mpmath.mpf(right), two))
        return found | {f"s_{i}": (self.loss(c) - self.loss(u)) / (self.loss(saddle) - self.loss(u)) for i, (c, u) in enumerate(shares, 1)}


class PiecewiseDensity(Limit):
    """Integrate the exact stationary density of the Ito equation on either side of the saddle."""

    result = "xie-selection"
    method = "exact Ito density under noise frozen in three pieces, eta/B -> 0"
    tolerance = 3e-3

    def trials(self) -> Sequence[Trial]:
        """The sharper minimum deeper, and the flatter one."""
        rows = []
        with mpmath.workdps(15):
            for name, wells in (("deep", _Wells(0.6, 0.05, (0.2, 0.75))), ("high", _Wells(1.1, -0.08, (0.24, 0.8)))):
                for noise in NOISES:
                    ratio = mpmath.exp(wells.log_ratio(mpmath.mpf(noise)))
                    rows.append(Trial(wells.values() | {"B": BATCHES[name], "eta": 2 * BATCHES[name] * noise}, ratio, smallness=noise, group=name))
        return rows


class PiecewiseEquality(Limit):
    """Find the batch size at which both sides of the saddle hold the same weight, for ever smaller learning rates."""

    result = "xie-selection-crossover"
    method = "root of the exact weights' ratio in the batch size, ever weaker noise"
    tolerance = 3e-3

    def trials(self) -> Sequence[Trial]:
        """Two shapes, each with tilts that bring the exponents ever closer to balance."""
        rows = []
        with mpmath.workdps(15):
            for (sharper, *switches), tilts in TILTS.items():
                for tilt in tilts:
                    wells = _Wells(sharper, tilt, (switches[0], switches[1]))
                    noise = wells.balanced()
                    values = wells.values() | {"eta": 2 * BATCH * noise}
                    rows.append(Trial(values, BATCH, smallness=float(noise), group=f"{sharper}"))
        return rows
