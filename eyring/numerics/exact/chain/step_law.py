"""Where one step of a one-variable optimizer may lead: a mixture of normal laws (or of single points), read off its update rule."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.line import Line, kinks_of, zeros_on
from eyring.numerics.exact.values import exact_value, matched_values
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise

__all__ = ["StepLaw", "step_law"]

ZETA = sp.Symbol("zeta", real=True)
RAREST = 1e-30


@dataclass(frozen=True)
class StepLaw:
    """From y, one step leads to ``mean(y) + offset_k(y) + spread(y) * normal`` with probability p_k, in the coordinate y = side * x.

    Attributes:
        centre: x -> (n,): the mean of the next position.
        offsets: x -> (K, n): what the outcomes of a batch add to it, with mean zero.
        variance_within: x -> (n,): the square of ``spread``; zero where batches alone make the noise.
        probabilities: Shape (K,).
        kinks: Functions whose zeros are points where the law is not smooth.
        clock: Continuous time of one iteration.
        side: 1, or -1 to look in the mirror.
    """

    centre: Callable[[np.ndarray], np.ndarray]
    offsets: Callable[[np.ndarray], np.ndarray]
    variance_within: Callable[[np.ndarray], np.ndarray]
    probabilities: np.ndarray
    kinks: tuple[Callable[[np.ndarray], np.ndarray], ...]
    clock: float
    side: int = 1

    def means(self, y: np.ndarray) -> np.ndarray:
        """Return the centres of the mixture, shape (K, n)."""
        with np.errstate(all="ignore"):
            return self.side * (self.centre(self.side * y) + self.offsets(self.side * y))

    def spread(self, y: np.ndarray) -> np.ndarray:
        """Return the standard deviation of each normal law, shape (n,)."""
        return np.sqrt(self.variance_within(self.side * y))

    def mean(self, y: np.ndarray) -> np.ndarray:
        """Return the mean of the next position, shape (n,)."""
        with np.errstate(all="ignore"):
            return self.side * self.centre(self.side * y)

    def variance(self, y: np.ndarray) -> np.ndarray:
        """Return the variance of the next position, shape (n,)."""
        with np.errstate(all="ignore"):
            return self.probabilities @ self.offsets(self.side * y) ** 2 + self.variance_within(self.side * y)

    def mirrored(self) -> "StepLaw":
        """Return the same law seen in the mirror."""
        return replace(self, side=-self.side)

    def as_line(self) -> Line:
        """Return the diffusion with the same mean and variance, one step a unit of time: it tells how far out the chain can be found."""

        def coefficients(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            flat = np.ravel(x)
            half_variance = self.variance(flat) / 2
            slope = -(self.mean(flat) - flat) / half_variance
            return slope.reshape(np.shape(x)), half_variance.reshape(np.shape(x))

        mirrored = tuple(lambda y, k=k: k(self.side * y) for k in self.kinks)
        return Line(coefficients, mirrored, 0.0)

    def is_smooth(self, low: float, high: float) -> bool:
        """Say whether every step has a normal part between two points, or none has.

        Raises:
            ParameterError: If the noise is negative somewhere, or its normal part vanishes at some points only.
        """
        y = np.linspace(low, high, 513)
        within, total = self.variance_within(self.side * y), self.variance(y)
        bad = ~np.isfinite(total) | (within < 0)
        if np.any(bad):
            raise ParameterError(
                f"the variance of a step must be positive; at {self.side * y[bad][0]:.6g} it is {total[bad][0]:.6g}. Check the noise's covariance"
            )
        if np.all(within > 0):
            return True
        if np.any(within > 0) or not np.any(total > 0) or len(self.probabilities) == 1:
            where = self.side * y[np.argmin(within)]
            raise ParameterError(
                f"the noise of a step vanishes at {where:.6g}; the chain is solved only with noise at every point, as real batches have: "
                "ey.noise.FiniteSum(losses)"
            )
        return False

    def check_stable(self, low: float, high: float) -> None:
        """Refuse a learning rate at which gradient descent itself does not settle in a well between two points.

        Raises:
            ParameterError: If eta L'' >= 2 at a minimum.
        """
        grid = np.linspace(low, high, 2001)
        step = 1e-5 * (high - low)
        for y in zeros_on(lambda x: self.mean(x) - x, grid):
            here = np.array([y - step, y + step])
            slope = float(np.diff(self.mean(here))[0] / (2 * step))
            if slope <= -1:
                raise ParameterError(
                    f"the learning rate times the curvature is {1 - slope:.4g} at the minimum {self.side * y:.6g}, and gradient descent settles "
                    "only below 2; lower the learning rate"
                )

    def check_can_cross(self, low: float, begin: float, end: float) -> None:
        """Refuse batches whose noise is too weak to ever climb from ``begin`` to ``end``.

        Raises:
            NotApplicable: If no sequence of batches leads past some point on the way.
        """
        y = np.linspace(low, end, 4001)
        highest = np.maximum.accumulate(np.max(self.means(y), axis=0))
        stuck = y[(y > begin) & (highest <= y)]
        if len(stuck):
            raise NotApplicable(
                f"no sequence of batches leads past {self.side * stuck[0]:.6g}: the noise of a real batch is bounded, and there the gradient is "
                "stronger, so the escape time is infinite (Gaussian noise of the same covariance would cross). Use a smaller batch or noisier "
                "samples"
            )


class SymbolicStep(NamedTuple):
    """The same law as sympy expressions of the coordinate."""

    centre: sp.Expr
    offsets: tuple[sp.Expr, ...]
    probabilities: tuple[sp.Expr, ...]
    variance: sp.Expr
    clock: sp.Expr


def step_law(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None, values: Mapping[Any, Any] | None, *, asked_by: str) -> StepLaw:
    """Return the law of one step with numbers for every parameter.

    Raises:
        NotApplicable: If the optimizer keeps a velocity, the loss has several coordinates, or the step is not linear in the noise.
        ParameterError: If there is no noise, or a value is missing, unknown or not real and finite.
    """
    wanted = ((dynamics, Dynamics, "an optimizer such as ey.SGD()"), (loss, Landscape, "a loss, ey.Landscape(...)"))
    for given, kind, words in (*wanted, *([(noise, GradientNoise, "a noise model such as ey.noise.Isotropic()")] if noise is not None else [])):
        if not isinstance(given, kind):
            raise ParameterError(f"{asked_by} needs {words}, got {given!r}")
    if loss.dim != 1:
        raise NotApplicable(f"the chain is solved along one coordinate, and the loss has {loss.dim}; use simulate_escapes")
    if dynamics.buffers:
        raise NotApplicable(
            f"{type(dynamics).__name__} keeps a velocity besides the parameter, so its chain moves in two dimensions; use relaxation_rates of "
            "its SDE (the kinetic equation), or simulate_escapes"
        )
    if noise is None and not any(a.value.has(WHITE_NOISE) for a in dynamics.rule):
        raise ParameterError(
            f"{type(dynamics).__name__} without gradient noise is plain descent and never escapes; pass noise=..., for example "
            "ey.noise.FiniteSum(losses)"
        )
    symbolic = _symbolic_step(dynamics, loss, noise, _whole_batch(dynamics, noise, values, asked_by))
    free = sorted(set().union(*[e.free_symbols for e in (symbolic.centre, *symbolic.offsets, symbolic.variance)]) - set(loss.coordinates), key=str)
    known = set().union(*[h.free_symbols for h in dynamics.hyperparameters.values()])
    numbers = matched_values(values, free, asked_by=asked_by, allowed=known)
    return _numeric_step(symbolic, loss.coordinates[0], {s: exact_value(v) for s, v in numbers.items()})


def _whole_batch(dynamics: Dynamics, noise: GradientNoise | None, values: Mapping[Any, Any] | None, asked_by: str) -> sp.Expr | None:
    """Return the batch size as a number where the batch law needs it."""
    if noise is None or "batch_size" not in dynamics.hyperparameters:
        return None
    size = dynamics.hyperparameters["batch_size"]
    if noise.is_gaussian:
        return size
    named = {k.name if isinstance(k, sp.Symbol) else str(k): v for k, v in (values or {}).items()}
    numbers = matched_values({k: v for k, v in named.items() if k in {s.name for s in size.free_symbols}}, size.free_symbols, asked_by=asked_by)
    number = size.subs({s: exact_value(v) for s, v in numbers.items()})
    if not (number.is_Integer and number >= 1):
        raise ParameterError(f"the batch size must be a whole positive number, got {number}")
    return number


@lru_cache(maxsize=64)
def _symbolic_step(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None, batch_size: sp.Expr | None) -> SymbolicStep:
    rule = dynamics.rule[0].value
    x = loss.coordinates[0]
    step = sp.expand(rule.xreplace({PARAMETER: x, GRADIENT: loss.gradient[0] + ZETA}))
    by_batch, by_kick = sp.diff(step, ZETA), sp.diff(step, WHITE_NOISE)
    if (by_batch.free_symbols | by_kick.free_symbols) & {ZETA, WHITE_NOISE}:
        raise NotApplicable(
            f"the step of {type(dynamics).__name__} is not linear in the noise, so its law is not a mixture of normal laws; use simulate_escapes"
        )
    mean = step.subs({ZETA: 0, WHITE_NOISE: 0})
    clock = dynamics.phase_space.clock
    if noise is None:
        return SymbolicStep(mean, (sp.Integer(0),), (sp.Integer(1),), by_kick**2, clock)
    if noise.is_gaussian or batch_size is None:
        covariance = noise.covariance(loss, batch_size) if batch_size is not None else noise.covariance(loss)
        return SymbolicStep(mean, (sp.Integer(0),), (sp.Integer(1),), by_batch**2 * covariance[0, 0] + by_kick**2, clock)
    law = noise.batch_law(loss, int(batch_size))
    return SymbolicStep(mean, tuple(by_batch * atom.shift[0] for atom in law), tuple(atom.probability for atom in law), by_kick**2, clock)


def _numeric_step(symbolic: SymbolicStep, x: sp.Symbol, exact: Mapping[sp.Symbol, sp.Expr]) -> StepLaw:
    centre, *offsets, within = everything = [e.subs(exact) for e in (symbolic.centre, *symbolic.offsets, symbolic.variance)]
    probabilities = np.array([float(p) for p in symbolic.probabilities])
    likely = probabilities > RAREST
    mean, variance = (sp.lambdify(x, e, ["scipy", "numpy"]) for e in (centre, within))
    outcomes = sp.lambdify(x, [o for o, keep in zip(offsets, likely, strict=True) if keep], ["scipy", "numpy"], cse=True)
    return StepLaw(
        mean,
        lambda y: np.stack([np.broadcast_to(np.asarray(o, dtype=float), y.shape) for o in outcomes(y)]),
        lambda y: np.broadcast_to(np.asarray(variance(y), dtype=float), y.shape),
        probabilities[likely] / probabilities[likely].sum(),
        tuple(sp.lambdify(x, k, ["scipy", "numpy"]) for k in kinks_of(*everything)),
        float(symbolic.clock.subs(exact)),
    )
