"""Many walkers, each an optimizer: its own update rule, the law of real batches, a fresh buffer after every exit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.simulation.noise_root import array_function, noise_root
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Dynamics, buffer_of
from eyring.theory.landscape import Landscape
from eyring.theory.matching.running_average import settled
from eyring.theory.noise import FiniteSum
from eyring.theory.noise.contract import GradientNoise

__all__ = ["UpdateRule", "batch_gradient", "step_jacobian"]

Gradient = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass
class UpdateRule:
    """The walkers' state and their next step.

    Attributes:
        gradient: (x, generator) -> minibatch gradient, (n, walkers).
        lines: For each line of the rule its target, what it becomes, and what it becomes at a walker's first step if that differs.
        kicked: Whether the rule injects white noise of its own.
        generator: Source of randomness.
        state: Parameter and buffers by symbol, each (n, walkers).
        fresh: Walkers whose next step is their first, (walkers,).
    """

    gradient: Gradient
    lines: list[tuple[sp.Symbol, Callable[..., Any], Callable[..., Any] | None]]
    kicked: bool
    generator: np.random.Generator
    state: dict[sp.Symbol, np.ndarray]
    fresh: np.ndarray

    @classmethod
    def of(cls, dynamics: Dynamics, gradient: Gradient, start: np.ndarray, walkers: int, generator: np.random.Generator) -> "UpdateRule":
        """Place the walkers of an optimizer with numbers for its hyperparameters."""
        arguments = [PARAMETER, *dynamics.buffers, GRADIENT, WHITE_NOISE]
        zero = dict.fromkeys(dynamics.buffers, 0)
        lines = []
        for target, value in dynamics.rule:
            first = dynamics.first_step.get(target)
            differs = first is not None and sp.simplify(first - value.subs(zero)) != 0
            lines.append((target, sp.lambdify(arguments, value, "numpy"), sp.lambdify(arguments, first, "numpy") if differs else None))
        state = {PARAMETER: np.tile(start[:, None], walkers), **{b: np.zeros((len(start), walkers)) for b in dynamics.buffers}}
        kicked = any(a.value.has(WHITE_NOISE) for a in dynamics.rule)
        return cls(gradient, lines, kicked, generator, state, np.ones(walkers, dtype=bool))

    @property
    def position(self) -> np.ndarray:
        """Where the walkers are, (n, walkers)."""
        return self.state[PARAMETER]

    def step(self) -> None:
        """Take one step with every walker."""
        x = self.position
        slope = self.gradient(x, self.generator)
        kick = self.generator.standard_normal(x.shape) if self.kicked else 0.0
        for target, rule, first in self.lines:
            new = rule(*self.state.values(), slope, kick)
            if first is not None and np.any(self.fresh):
                new = np.where(self.fresh, first(*self.state.values(), slope, kick), new)
            self.state[target] = new
        self.fresh[:] = False

    def restart(self, walkers: np.ndarray, start: np.ndarray) -> None:
        """Put some walkers back to the start, with empty buffers."""
        for symbol, array in self.state.items():
            array[:, walkers] = start[:, None] if symbol == PARAMETER else 0.0
        self.fresh[walkers] = True


def batch_gradient(
    loss: Landscape, noise: GradientNoise | None, covariance: sp.MatrixBase | None, batch_size: int | None, insert: dict[sp.Symbol, sp.Expr]
) -> Gradient:
    """Return the minibatch gradient as a function: real batches where the noise has a batch law, else a Gaussian with its covariance.

    Args:
        loss: The landscape with numbers for its parameters.
        noise: The gradient noise; None for the full gradient.
        covariance: C(theta) with numbers, for noises without a batch law.
        batch_size: B, for noises with one.
        insert: Numbers for the symbols in the noise.
    """
    if isinstance(noise, FiniteSum) and batch_size is not None:
        return _sampled(loss, noise, batch_size, insert)
    full = array_function(loss.coordinates, list(loss.gradient))
    if covariance is None:
        return lambda x, generator: full(x)
    root = noise_root(covariance, loss.coordinates)
    return lambda x, generator: full(x) + root(x, generator.standard_normal(x.shape))


def _sampled(loss: Landscape, noise: FiniteSum, batch_size: int, insert: dict[sp.Symbol, sp.Expr]) -> Gradient:
    noise.covariance(loss, sp.Integer(batch_size))  # refuses a batch larger than the data without replacement
    kinds, n = len(noise.losses), loss.dim
    slopes = array_function(loss.coordinates, [sp.diff(sample.subs(insert), c) for sample in noise.losses for c in loss.coordinates])
    share = np.array(noise.copies) / noise.samples

    def counts(walkers: int, generator: np.random.Generator) -> np.ndarray:
        if noise.replacement and kinds == 2:
            first = generator.binomial(batch_size, share[0], size=walkers)
            return np.stack([first, batch_size - first])
        if noise.replacement:
            return generator.multinomial(batch_size, share, size=walkers).T
        return generator.multivariate_hypergeometric(noise.copies, batch_size, size=walkers, method="marginals").T

    def gradient(x: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        drawn = counts(x.shape[1], generator) / batch_size
        return np.einsum("knw,kw->nw", slopes(x).reshape(kinds, n, -1), drawn)

    return gradient


def step_jacobian(dynamics: Dynamics, loss: Landscape, start: np.ndarray, covariance: sp.MatrixBase | None = None) -> np.ndarray:
    """Return the derivative of one noiseless step at the start, with respect to parameters and buffers, running averages held at their means.

    Args:
        dynamics: The optimizer, with numbers.
        loss: The landscape, with numbers.
        start: The place, (n,).
        covariance: C(theta) of the minibatch gradient, with numbers; needed where there is a running average of its square.

    Raises:
        ParameterError: If that step is unstable: the learning rate times the curvature is too large.
    """
    late = settled(dynamics)
    after = late.update(loss)
    here = {s: 0 for s in after} | dict(zip(loss.coordinates, [sp.Float(float(c), 30) for c in start], strict=True))
    for i, x in enumerate(loss.coordinates):
        for buffer, what in late.phase_space.averages.items():
            spread = 0 if covariance is None else covariance[i, i]
            here[buffer_of(buffer, x)] = (what.subs({PARAMETER: x, GRADIENT: loss.gradient[i]}, simultaneous=True) + spread).subs(here)
    held = {buffer_of(b, x) for b in late.phase_space.averages for x in loss.coordinates}
    state = [s for s in after if s not in held]
    quiet = {s: 0 for expression in after.values() for s in expression.free_symbols - set(after)}
    matrix = sp.Matrix([after[s].subs(quiet) for s in state]).jacobian(state).subs(here)
    jacobian = np.array(matrix.evalf().tolist(), dtype=float)
    if np.max(np.abs(np.linalg.eigvals(jacobian))) >= 1:
        curvature = np.max(np.linalg.eigvalsh(np.array(loss.hessian.subs(here).evalf().tolist(), dtype=float)))
        raise ParameterError(
            f"the optimizer does not settle at the start: the largest curvature there is {curvature:.6g}, and the learning rate times it must "
            "stay below 2 (2 (1 + momentum) with momentum). Lower the learning rate"
        )
    return jacobian
