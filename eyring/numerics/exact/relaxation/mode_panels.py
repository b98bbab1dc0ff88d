r"""The eigenvalues of a one-dimensional process from panels: how a mode and its flow pass each of them, as power series in the rate.

On a panel u = u_0 - int s j and j = j_0 + lambda int m u, Phi counted from its left end. Repeated insertion gives series in lambda that converge
like those of cos and sin, whatever the potential does; panels are cut until lambda int s int m < 1.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.exact.line import Line
from eyring.numerics.exact.quadrature import ORDER, RUNNING, WEIGHTS, Panels, halved
from eyring.numerics.exact.relaxation.mode_kernel import MOST_SWEEPS, machine
from eyring.numerics.exact.relaxation.terrain import Ground

__all__ = ["Passes", "Rate", "settled", "settled_rates"]

Rate = tuple[float, float]  # mantissa, shift: mantissa * e^shift
COLLECTING = np.column_stack([RUNNING.T, WEIGHTS])
DROP, DROP_A_MODE, WIDER = 40.0, 3.6, 1.4  # higher modes reach further out
SPARE = 1 - 1 / WIDER  # of the panels outside the wells, left out the first time
SETTLED, LOOSEST, ROUNDING = 1e-12, 1e-6, 1e-15
LARGEST_ARGUMENT = 1.0
CLOSER, ROUGH = 1e-13, 0.1
LARGEST = 1e100  # of weights on a panel: their products stay within floats


@dataclass(frozen=True)
class Passes:
    """A process on panels between two ends that reflect or absorb.

    Attributes:
        line: The process.
        panels: The panels.
        walls: Whether the left and the right end absorb.
        scale: s = e^Phi D^-q at the nodes, Phi from each panel's left end.
        speed: m = e^-Phi D^(q-1) at the nodes.
        rise: Phi over each panel.
    """

    line: Line
    panels: Panels
    walls: tuple[bool, bool]
    scale: np.ndarray
    speed: np.ndarray
    rise: np.ndarray

    @classmethod
    def of(cls, line: Line, edges: np.ndarray, walls: tuple[bool, bool] = (False, False)) -> "Passes":
        """Read the coefficients on these panels."""
        panels, q = Panels(edges), line.weight
        slope, diffusion = line(panels.points)
        up = np.exp(panels.running(slope))
        scale, speed = (up, 1 / (up * diffusion)) if q == 0 else (up * diffusion**-q, diffusion ** (q - 1) / up)
        if not (0 < scale.sum() < LARGEST and 0 < speed.sum() < LARGEST):
            raise AccuracyError(
                "drift or diffusion is too large or too small between the far sides for floating-point numbers; measure length and time in units "
                "in which the wells are of order one"
            )
        return cls(line, panels, walls, scale, speed, panels.whole(slope))

    def nested(self, times: int) -> list[np.ndarray]:
        """Return the integrals nested 0, ..., times - 1 times, each (2, panels, 17): at the nodes and, last, over the whole panel.

        The weights alternate; m is innermost in the first, s in the second.
        """
        weights = (self.speed, self.scale)
        result = [np.ones((2, len(self.rise), ORDER + 1))]
        for done in range(times - 1):
            inner = np.stack([weights[done % 2], weights[1 - done % 2]]) * result[-1][..., :ORDER]
            result.append((inner @ COLLECTING) * self.panels.half)
        return result

    @cached_property
    def leading(self) -> np.ndarray:
        """The first two powers: resistance and content of each panel, and the times to cross it."""
        return self._series(2)

    def chain(self) -> np.ndarray:
        """Return the series of the coarsest picture, all probability of a panel at its left end: its eigenvalues are right to a factor."""
        series = np.zeros_like(self.leading)
        series[:, 0] = self.leading[:, 0]
        series[3, 1] = self.leading[1, 0] * self.leading[2, 0]
        return series

    def series(self, terms: int) -> np.ndarray:
        """Return the coefficients of a, b, c, d in powers of -lambda, (4, terms, panels)."""
        return self.leading if terms == 2 else self._series(terms)

    def _series(self, terms: int) -> np.ndarray:
        nodewise = (np.ascontiguousarray(weight.T) for weight in (self.scale, self.speed))
        return np.asarray(machine().ladder(*nodewise, self.panels.half[:, 0], terms))

    def terms(self, largest: float) -> int:
        """Return how many powers of a rate up to the largest make the series exact to rounding."""
        z = math.log(max(2 * largest * float(self.crossing_times.max()), 1e-300))
        return next(k for k in range(2, 60) if k * z - math.lgamma(2 * k + 1) < -37)

    @cached_property
    def crossing_times(self) -> np.ndarray:
        """The larger of int s int m and int m int s over each panel."""
        return np.maximum(self.leading[0, 1], self.leading[3, 1])

    def resolved(self, largest: float) -> "Passes":
        """Return panels short against the wave length of a rate."""
        parts = np.ceil(np.sqrt(self.crossing_times * largest / LARGEST_ARGUMENT)).astype(int)
        if np.all(parts <= 1):
            return self
        edges = self.panels.edges
        cut = [np.linspace(a, b, max(n, 1), endpoint=False) for a, b, n in zip(edges[:-1], edges[1:], parts.tolist(), strict=True)]
        return Passes.of(self.line, np.append(np.concatenate(cut), edges[-1]), self.walls)

    def eigenvalue(self, index: int, series: np.ndarray, guess: float, *, close: float = CLOSER) -> Rate:
        """Return the eigenvalue that ``index`` eigenvalues lie below (the stationary one counted), as (mantissa, shift).

        Raises:
            AccuracyError: If the sweeps do not settle.
        """
        left, right = np.zeros((2, len(self.rise) + 1, 4))
        mantissa, logarithm, low, high = machine().find(index, guess, close, self.rise, series, np.array(self.walls), left, right)
        if mantissa > 0:
            return mantissa, logarithm
        raise AccuracyError(
            f"the sweeps for the rate number {index} did not settle within {MOST_SWEEPS}; its logarithm lies between {low:.9g} and {high:.9g}",
            estimate=math.exp(min(logarithm, 700)),
            error=min(high - low, 1.0),
        )

    def smallest(self, indices: range) -> tuple["Passes", list[Rate]]:
        """Return the eigenvalues with these indices, and the panels that were fine enough for the largest."""
        rough, chain, guess = [], self.chain(), -self.bottleneck()
        for index in indices:
            guess = self.eigenvalue(index, chain, guess, close=ROUGH)[1]
            rough.append(guess)
        largest = 2 * math.exp(rough[-1])
        fine = self.resolved(largest)
        return fine, fine.from_guesses(indices, rough)

    def bottleneck(self) -> float:
        """Return the barrier that has to be climbed from both sides, in Phi."""
        base = np.concatenate([[0.0], np.cumsum(self.rise)])
        climbs = base - np.minimum.accumulate(base), base - np.minimum.accumulate(base[::-1])[::-1]
        return float(np.minimum(*climbs).max())

    def from_guesses(self, indices: range, guesses: list[float]) -> list[Rate]:
        """Return the eigenvalues with these indices, close to guesses of their logarithms."""
        series = self.series(self.terms(2 * math.exp(guesses[-1])))
        return [self.eigenvalue(index, series, guess) for index, guess in zip(indices, guesses, strict=True)]


def settled_rates(ground: Ground, count: int) -> list[tuple[float, float, float]]:
    """Return (mantissa, shift, relative error) of the smallest non-zero rates; two resolutions and two cuts of the far sides tell the error.

    Raises:
        AccuracyError: If the rates do not settle to six digits.
    """
    drop = WIDER * (DROP + DROP_A_MODE * count)
    wide = ground.edges(drop)
    first, last = np.searchsorted(wide, ground.terrain.wells[[0, -1]]).tolist()
    edges = wide[int(SPARE * first) : len(wide) - int(SPARE * (len(wide) - last))]

    def wider(more: int) -> np.ndarray:
        return wide if more == 1 else ground.edges(drop * WIDER**more)

    _, rates, errors = settled(Passes.of(ground.line, edges), range(1, count + 1), wider)
    return [(*rate, error) for rate, error in zip(rates, errors, strict=True)]


def settled(passes: Passes, indices: range, wider: Callable[[int], np.ndarray]) -> tuple[Passes, list[Rate], list[float]]:
    """Halve the panels, and go further out, until two answers agree; return the finer panels, the rates and their relative errors.

    Args:
        passes: Coarse panels.
        indices: Which eigenvalues.
        wider: From 1, 2, ... to edges that reach further and further out, where there are such.

    Raises:
        AccuracyError: If they do not agree to six digits.
    """
    passes, coarse = passes.smallest(indices)
    for more in range(1, 5):
        inner, beyond = halved(passes.panels.edges), wider(more)
        edges = np.concatenate([beyond[beyond < inner[0]], inner, beyond[beyond > inner[-1]]])
        passes = Passes.of(passes.line, edges, passes.walls).resolved(2 * math.exp(coarse[-1][1]))
        fine = passes.from_guesses(indices, [shift for _, shift in coarse])
        errors = [abs(math.expm1(math.log(a / b) + x - y)) for (a, x), (b, y) in zip(coarse, fine, strict=True)]
        coarse = fine
        if max(errors) < SETTLED:
            break
    if max(errors) > LOOSEST:
        raise AccuracyError(
            f"the relaxation rates settled only to a relative error of {max(errors):.1g}: either drift or diffusion jumps or oscillates at a point "
            "that is not written as Piecewise or Abs, or walkers far out come back so slowly that fewer rates belong to bound modes; ask for fewer",
            estimate=fine[-1][0] * math.exp(min(fine[-1][1], 700)),
            error=max(errors),
        )
    return passes, fine, [max(error, ROUNDING * (10 + abs(shift))) for (_, shift), error in zip(fine, errors, strict=True)]
