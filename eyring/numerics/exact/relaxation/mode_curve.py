"""A mode of a one-dimensional process as a function of the coordinate, its sizes kept as logarithms panel by panel."""

import math
from dataclasses import dataclass

import numpy as np

from eyring.errors import BeyondFloat64, ParameterError
from eyring.numerics.exact.quadrature import NODES, ORDER, running_sum
from eyring.numerics.exact.relaxation.mode_kernel import machine
from eyring.numerics.exact.relaxation.mode_panels import Passes, Rate

__all__ = ["Curve", "as_points", "lagrange"]

LARGEST_LOG = 700.0
BARYCENTRIC = np.array([1 / np.prod([a - b for b in NODES if a != b]) for a in NODES])


def as_points(x: object, name: str = "x") -> np.ndarray:
    """Return places as an array.

    Raises:
        ParameterError: If one is not a real, finite number.
    """
    points = np.asarray(x)
    if points.dtype.kind not in "iuf" or not np.all(np.isfinite(points)):
        raise ParameterError(f"{name} must be real, finite numbers, got {x!r}")
    return points.astype(float)


@dataclass(frozen=True)
class Curve:
    """A backward mode u on panels, u = e^size shape, beside the weights that make a density of it.

    Attributes:
        passes: The panels.
        size: ln |u| at one end of each panel, (panels,).
        shape: u without that, at the nodes, (panels, 16).
        height: Phi at each panel's left end, (panels,).
    """

    passes: Passes
    size: np.ndarray
    shape: np.ndarray
    height: np.ndarray

    @classmethod
    def of(cls, passes: Passes, rate: Rate) -> "Curve":
        """Follow the mode of an eigenvalue from where the two sweeps meet."""
        logarithm = math.log(rate[0]) + rate[1]
        terms = passes.terms(2 * math.exp(logarithm))
        panels = len(passes.rise)
        left, right = np.zeros((2, panels + 1, 4))
        _, _, k = machine().meet(logarithm, passes.rise, passes.series(terms), np.array(passes.walls), left, right)
        powers = (-math.exp(logarithm)) ** np.arange(terms)
        nested = passes.nested(2 * terms)
        whole = sum(power * nested[2 * i][0, :, :ORDER] for i, power in enumerate(powers))
        drop = sum(power * nested[2 * i + 1][1] for i, power in enumerate(powers))
        flow = np.concatenate([left[:k, 0] * np.exp(left[:k, 1]), -right[k:panels, 0] * np.exp(right[k:panels, 1])])
        shape = whole - drop[:, :ORDER] * flow[:, None]
        ratios = np.concatenate([1 / left[1 : k + 1, 3], 1 / right[k:panels, 3]])  # each end of a panel against the one nearer to the meeting
        size = np.concatenate([_outwards(np.log(np.abs(ratios[:k])), back=True), _outwards(np.log(np.abs(ratios[k:])), back=False)])
        sign = np.concatenate([_outwards(np.sign(ratios[:k]), back=True, product=True), _outwards(np.sign(ratios[k:]), back=False, product=True)])
        if passes.walls[0]:
            shape[0] = drop[0, :ORDER] / drop[0, -1]
        height = running_sum(passes.rise)[:-1]
        return cls(passes, size, shape * sign[:, None], height - height.min())

    def content(self, power: int) -> tuple[float, float]:
        """Return (mantissa, shift) of the integral of m u^power."""
        parts = self.passes.panels.whole(self.passes.speed * self.shape**power)
        exponents = power * self.size - self.height
        shift = float(exponents.max())
        return float(np.sum(parts * np.exp(exponents - shift))), shift

    def values(self, x: np.ndarray, *, scale: tuple[float, float], weighted: bool) -> np.ndarray:
        """Return scale u, or scale m u, at points between the outermost edges.

        Args:
            x: Points.
            scale: (mantissa, shift) of the factor.
            weighted: Whether m multiplies.

        Raises:
            BeyondFloat64: If a value is too large for a float.
        """
        flat = x.ravel()
        edges = self.passes.panels.edges
        panel = np.clip(np.searchsorted(edges, flat, side="right") - 1, 0, len(edges) - 2)
        local = 2 * (flat - edges[panel]) / np.diff(edges)[panel] - 1
        basis = lagrange(local)
        exponent = self.size[panel] + scale[1]
        result = np.sum(basis * self.shape[panel], axis=1) * scale[0]
        if weighted:
            slope, _ = self.passes.line(self.passes.panels.points)
            exponent = exponent - self.height[panel] - np.sum(basis * self.passes.panels.running(slope)[panel], axis=1)
            result = result * self.passes.line(flat)[1] ** (self.passes.line.weight - 1)
        if len(flat) and exponent.max() > LARGEST_LOG:
            raise BeyondFloat64(
                f"the mode is too large for a floating-point number at {flat[np.argmax(exponent)]:.6g}: its natural logarithm there is about "
                f"{exponent.max():.6g}; the wells differ in depth by more than floats can show"
            )
        return (result * np.exp(exponent)).reshape(x.shape)


def _outwards(steps: np.ndarray, *, back: bool, product: bool = False) -> np.ndarray:
    """Return, for each panel, the sum (or product) of steps between its left end and the meeting edge."""
    gather = np.cumprod if product else np.cumsum
    if back:
        return np.asarray(gather(steps[::-1])[::-1])
    return np.concatenate([[1.0 if product else 0.0], gather(steps)[:-1]])


def lagrange(local: np.ndarray) -> np.ndarray:
    """Return the Lagrange polynomials of the nodes at points of -1 to 1, (points, 16)."""
    distance = local[:, None] - NODES
    hit = distance == 0
    with np.errstate(divide="ignore"):
        parts = BARYCENTRIC / distance
    parts[hit.any(axis=1)] = hit[hit.any(axis=1)]
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))
