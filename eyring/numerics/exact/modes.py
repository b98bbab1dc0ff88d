r"""Eigenmodes of a one-dimensional process by its Green operator, u' = s' int m v, applied as an integral.

Nothing is subtracted that does not have to be, so that a rate of e^-5000 keeps its relative accuracy.
"""

import math
from dataclasses import dataclass

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.line import Line, stable_points
from eyring.numerics.exact.quadrature import Panels, running_sum

__all__ = ["Modes"]

QUICK = 40
SPARE = 3
MOST_ITERATIONS = 500
DEEPEST = 600.0
HIGHEST = 60.0


@dataclass(frozen=True)
class Modes:
    """Eigenmodes of the backward operator on panels, in the weight m.

    Attributes:
        panels: The panels, P of them.
        base: Phi at each panel's left end, zero at its lowest, (P,).
        scale: s' = e^Phi D^-q without e^base, (P, 16).
        speed: m = e^-Phi D^(q-1) without e^-base, (P, 16).
        top: The highest base.
        home: Index of the lowest panel.
    """

    panels: Panels
    base: np.ndarray
    scale: np.ndarray
    speed: np.ndarray
    top: float
    home: int

    @classmethod
    def on(cls, line: Line, edges: np.ndarray) -> "Modes":
        """Read the coefficients on these panels.

        Raises:
            AccuracyError: If two wells differ in depth by more than 600 times the noise.
        """
        panels = Panels(edges)
        slope, diffusion = line(panels.points)
        local = panels.running(slope)
        base = running_sum(panels.whole(slope))[:-1]
        base = base - base.min()
        wells = stable_points(line)
        depth = base[np.clip(np.searchsorted(edges, wells) - 1, 0, len(base) - 1)]
        if np.ptp(depth) > DEEPEST:
            raise AccuracyError(
                f"the wells differ in depth by {np.ptp(depth):.4g} times the noise; the upper one holds no probability that floating-point "
                "numbers can show"
            )
        q = line.weight
        inside = slice(*np.searchsorted(edges, [wells[0], wells[-1]]))
        top = float(base[inside].max()) if inside.stop > inside.start else 0.0
        return cls(panels, base, np.exp(local) * diffusion**-q, np.exp(-local) * diffusion ** (q - 1), top, int(np.argmin(base)))

    def smallest(self, count: int) -> list[tuple[float, float]]:
        """Return (mantissa, shift) of the smallest rates: slow modes one by one, each orthogonal to those before, the rest as a block.

        Raises:
            AccuracyError: If the modes do not settle.
        """
        if count > 1 and self.top > HIGHEST:
            raise AccuracyError(
                f"the barrier is {self.top:.4g} times the noise; only the slowest rate is computed above {HIGHEST:g}, for on such a barrier the "
                "faster modes hold no probability"
            )
        found: list[np.ndarray] = []
        rates: list[float] = []
        while len(rates) < count:
            mode, rate, settled = self._slowest(found)
            if not settled:
                rates += self._block(found, count - len(rates))
                break
            found.append(mode)
            rates.append(rate)
        return [(rate, -self.top) for rate in rates]

    def _slowest(self, found: list[np.ndarray]) -> tuple[np.ndarray, float, bool]:
        """Iterate one mode by the Green operator; say whether it settled."""
        mode = self._orthogonal(self._guess(2 * len(found)), found)
        rate = math.inf
        for _ in range(QUICK):
            image, flow, content = self.green(mode)
            previous, rate = rate, self.mean(mode * mode) / self.energy(flow, content)
            mode = self._orthogonal(image, found)
            if abs(rate / previous - 1) < 1e-15:
                return mode, rate, True
        return mode, rate, abs(rate / previous - 1) < 1e-14

    def _block(self, found: list[np.ndarray], need: int) -> list[float]:
        """Iterate a block of modes by the Green operator, with the Rayleigh-Ritz values of the block as rates."""
        modes = self._orthonormal([self._guess(k) for k in range(2 * (need + SPARE))], found)
        rates = np.full(need, math.inf)
        change, smallest_change = math.inf, math.inf
        for _ in range(MOST_ITERATIONS):
            images, flows, contents = zip(*[self.green(mode) for mode in modes], strict=True)
            gram = np.array([[self.energy(flow, content) for content in contents] for flow in flows])
            inverse, mixing = np.linalg.eigh((gram + gram.T) / 2)
            previous, rates = rates, 1 / inverse[::-1][:need]
            change = float(np.max(np.abs(rates / previous - 1)))
            if change < 1e-15 or (change < 1e-13 and change >= smallest_change):
                return [float(rate) for rate in rates]
            smallest_change = min(change, smallest_change)
            modes = self._orthonormal([sum(c * image for c, image in zip(column, images, strict=True)) for column in mixing.T[::-1]], found)
        raise AccuracyError(
            f"the relaxation rates settled only to a relative change of {change:.1g} a step; ask for fewer", estimate=float(rates[-1]), error=change
        )

    def _orthonormal(self, modes: list[np.ndarray], found: list[np.ndarray]) -> list[np.ndarray]:
        done: list[np.ndarray] = []
        for mode in modes:
            new = self._orthogonal(self._orthogonal(mode, [*found, *done]), [*found, *done])
            done.append(new / math.sqrt(self.mean(new * new)))
        return done

    def _guess(self, k: int) -> np.ndarray:
        """Return a trial mode: even k vary where the probability is, odd k on the barriers."""
        if k % 2 == 0:
            share = self._share(self.speed, -self.base) * 2 - 1
            return np.cos((k // 2 + 1) * np.arccos(np.clip(share, -1, 1)))
        committor = self._share(self.scale, np.where(self.base <= self.top, self.base - self.top, -math.inf))
        return np.sin(math.pi * committor) ** 2 * np.cos((k // 2) * math.pi * committor)

    def _share(self, local: np.ndarray, exponent: np.ndarray) -> np.ndarray:
        """Return the share of a density, local * e^exponent, that lies to the left of each node."""
        factor = np.exp(exponent)
        left = np.concatenate([[0.0], np.cumsum(self.panels.whole(local) * factor)])
        return np.clip((left[:-1, None] + self.panels.running(local) * factor[:, None]) / left[-1], 0, 1) if left[-1] else np.zeros_like(local)

    def _orthogonal(self, mode: np.ndarray, found: list[np.ndarray]) -> np.ndarray:
        for other in [np.ones_like(mode), *found]:
            mode = mode - other * (self.mean(mode * other) / self.mean(other * other))
        return mode / np.max(np.abs(mode))

    def mean(self, values: np.ndarray) -> float:
        """Return the integral of m times the values."""
        return float(np.sum(self.panels.whole(self.speed * values) * np.exp(-self.base)))

    def energy(self, flow: np.ndarray, content: np.ndarray) -> float:
        """Return the integral of s' Q_1 Q_2 over e^top."""
        return float(np.sum(self.panels.whole(flow * content)))

    def green(self, mode: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return u with u' = -s' Q, Q = int m v, zero at home; s' Q; and Q: the first two over e^top."""
        weight = np.exp(-self.base)
        whole, running = self.panels.whole(self.speed * mode) * weight, self.panels.running(self.speed * mode)
        size = self.panels.whole(self.speed * np.abs(mode)) * weight
        from_left = np.concatenate([[0.0], np.cumsum(whole)[:-1]])
        from_right = -np.cumsum(whole[::-1])[::-1]
        lighter_left = np.cumsum(size) < np.sum(size) / 2
        start = np.where(lighter_left, from_left, from_right)
        flow, content = self._lift(start, running)
        steps = -self.panels.whole(flow)
        before = -np.cumsum(steps[: self.home][::-1])[::-1]
        edges = np.concatenate([before, [0.0], np.cumsum(steps[self.home :])[:-1]])
        return edges[:, None] - self.panels.running(flow), flow, content

    def _lift(self, start: np.ndarray, running: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return s' Q / e^top and Q on the nodes, with Q = int m v = start + e^-base running."""
        with np.errstate(over="ignore", invalid="ignore"):
            raised = np.where(start == 0, 0.0, start * np.exp(self.base - self.top))
        content = start[:, None] + np.exp(-self.base)[:, None] * running
        flow = self.scale * (raised[:, None] + math.exp(-self.top) * running)
        return flow, content
