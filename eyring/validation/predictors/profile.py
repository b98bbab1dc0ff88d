"""Loss and noise along a measured way as smooth functions of arc length, and a little way behind the minimum, where half of the walkers are."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from eyring.errors import NotApplicable, ParameterError

if TYPE_CHECKING:
    from scipy.interpolate import BPoly, CubicSpline

    from eyring.validation.probes.path import MeasuredPath

__all__ = ["Profile", "profile_of"]

NEAR = 6  # points whose curvatures tell how the loss bends at the minimum
FEWEST = 8


@dataclass(frozen=True, eq=False)
class Profile:
    """A process along one coordinate s: the minimum at 0, the saddle, the next minimum at the end.

    On a way of steepest ascent the tangent lies along the gradient, so that t^T H t is the second derivative of L(s): between two points the loss
    is the quintic with its values, slopes and curvatures. Behind the minimum it goes on as the quartic of its derivatives there.

    Attributes:
        arc: The points, (m,).
        loss: L there.
        slope: dL/ds; zero at minimum, saddle and end.
        curvature: d2L/ds2.
        noise: G along the way, one sample's; positive.
        saddle_at: Index of the saddle.
        push: A further slope at the points, as small as the noise, (m,); None if there is none.
    """

    arc: np.ndarray
    loss: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    noise: np.ndarray
    saddle_at: int
    push: np.ndarray | None = None

    @property
    def saddle(self) -> float:
        """Where the saddle lies."""
        return float(self.arc[self.saddle_at])

    @property
    def end(self) -> float:
        """Where the next minimum lies."""
        return float(self.arc[-1])

    def loss_at(self, s: np.ndarray) -> np.ndarray:
        """Return L(s)."""
        return np.where(s < 0, self.loss[0] + self._behind(s, 0), self._quintic(np.clip(s, 0, self.end)))

    def slope_at(self, s: np.ndarray) -> np.ndarray:
        """Return dL/ds, the push included; behind the minimum that levels off."""
        bare = np.where(s < 0, self._behind(s, 1), self._quintic(np.clip(s, 0, self.end), 1))
        return bare if self.push is None else bare + self._levelled(self._push_spline, s)

    def noise_at(self, s: np.ndarray) -> np.ndarray:
        """Return G(s), the exponential of a spline; behind the minimum it levels off."""
        return np.exp(self._levelled(self._log_noise, s))

    def _levelled(self, spline: "CubicSpline", s: np.ndarray) -> np.ndarray:
        reach = self.saddle / 4
        behind = spline(0.0) + spline(0.0, 1) * reach * np.tanh(np.minimum(s, 0) / reach)
        return np.where(s < 0, behind, spline(np.clip(s, 0, self.end)))

    @property
    def inflection(self) -> float:
        """Where the curvature changes its sign last before the saddle."""
        from scipy.optimize import brentq

        k = int(np.flatnonzero(self.curvature[: self.saddle_at + 1] > 0)[-1])
        return float(brentq(self._quintic.derivative(2), self.arc[k], self.arc[k + 1]))

    @cached_property
    def _quintic(self) -> "BPoly":
        from scipy.interpolate import BPoly

        return BPoly.from_derivatives(self.arc, np.stack([self.loss, self.slope, self.curvature], axis=1))

    @cached_property
    def _log_noise(self) -> "CubicSpline":
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.arc, np.log(self.noise))

    @cached_property
    def _push_spline(self) -> "CubicSpline":
        from scipy.interpolate import CubicSpline

        return CubicSpline(self.arc, self.push)

    @cached_property
    def _bend(self) -> tuple[float, float]:
        """L''' and L'''' at the minimum, the latter no smaller than keeps the far side convex."""
        near = slice(0, min(NEAR, self.saddle_at + 1))
        fit = np.polynomial.Polynomial.fit(self.arc[near], self.curvature[near], min(4, len(self.arc[near]) - 1)).convert().coef
        third, fourth = float(fit[1]), float(2 * fit[2])
        return third, max(fourth, 0.6 * third**2 / float(self.curvature[0]) if third > 0 else 0.0)

    def _behind(self, s: np.ndarray, order: int) -> np.ndarray:
        third, fourth = self._bend
        return np.polynomial.Polynomial([0, 0, self.curvature[0] / 2, third / 6, fourth / 24]).deriv(order)(np.minimum(s, 0))


def profile_of(path: "MeasuredPath") -> Profile:
    """Return the profile of a measured path.

    Raises:
        ParameterError: If its arrays do not belong together, or it has too few points.
        NotApplicable: If it has no barrier, minimum or saddle are none along it, or there is no noise along it somewhere.
    """
    m, k = len(path.arc), path.saddle_at
    arrays = {name: np.asarray(getattr(path, name), dtype=float) for name in ("arc", "loss", "slope", "curvature", "noise")}
    if any(a.shape != (m,) for a in arrays.values()) or m < FEWEST or not 2 < k < m - 1:
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ParameterError(
            f"a path needs at least {FEWEST} points, numbers at each of them and its saddle inside, got {shapes} and saddle_at = {k}; measure it "
            "again with more points"
        )
    if any(not np.all(np.isfinite(a)) for a in arrays.values()) or not np.all(np.diff(arrays["arc"]) > 0) or arrays["arc"][0] != 0:
        raise ParameterError("a path's arc must ascend from 0 and its numbers be finite; measure the path again")
    barrier = path.saddle.loss - path.minimum.loss
    if not barrier > 0:
        raise NotApplicable(f"no barrier found: the saddle lies {-barrier:.4g} below the minimum, so escape theory does not apply")
    if not (arrays["curvature"][0] > 0 > arrays["curvature"][k]):
        raise NotApplicable(
            f"the way does not lead out of a minimum over a saddle: its curvatures there are {arrays['curvature'][0]:.4g} and "
            f"{arrays['curvature'][k]:.4g}, and the first must be positive, the second negative"
        )
    dead = np.flatnonzero(~(arrays["noise"] > 0))
    if len(dead):
        raise NotApplicable(
            f"there is no gradient noise along the way at arc length {arrays['arc'][dead[0]]:.4g} (point {dead[0]} of {m}): no walker is carried "
            "over the barrier there, and the escape time is infinite. Every sample's loss has the same slope: is the data a single sample?"
        )
    slope = arrays["slope"].copy()
    slope[[0, k, -1]] = 0.0
    return Profile(arrays["arc"], arrays["loss"], slope, arrays["curvature"], arrays["noise"], k)
