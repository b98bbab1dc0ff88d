"""An optimizer after many steps, its slow running averages held where they stand: what is left of its rule is linear in the gradient."""

from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from eyring.theory.dynamics.contract import Assignment, Dynamics, PhaseSpace

__all__ = ["forget_the_start", "settled"]


def settled(dynamics: Dynamics) -> Dynamics:
    """Return the optimizer with powers of the decays gone and every running average held: a symbol that a step leaves as it is.

    An optimizer without running averages is returned as it is.
    """
    return _Settled(dynamics) if dynamics.phase_space.averages else dynamics


def forget_the_start(expression: sp.Expr, counter: sp.Symbol | None) -> sp.Expr:
    """Drop beta^t, t the number of steps: what a running average still remembers of the zeros that it began with."""
    return expression if counter is None else expression.replace(lambda e: e.is_Pow and e.exp.has(counter), lambda e: sp.Integer(0))


@dataclass(frozen=True)
class _Settled(Dynamics):
    """The optimizer ``inner`` late in its run."""

    inner: Dynamics

    @cached_property
    def rule(self) -> tuple[Assignment, ...]:  # type: ignore[override]
        """The lines for parameters and fast buffers."""
        space = self.phase_space
        quick = (a for a in self.inner.rule if a.target not in {*space.averages, space.counter})
        return tuple(Assignment(target, forget_the_start(value, space.counter)) for target, value in quick)

    @property
    def phase_space(self) -> PhaseSpace:
        """That of the optimizer."""
        return self.inner.phase_space

    @property
    def buffers(self) -> tuple[sp.Symbol, ...]:
        """All but the step count."""
        return tuple(b for b in self.inner.buffers if b != self.phase_space.counter)

    @property
    def hyperparameters(self) -> dict[str, sp.Expr]:
        """Those of the optimizer."""
        return self.inner.hyperparameters

    def symbolic(self) -> Dynamics:
        """Return the settled optimizer with its hyperparameters left as symbols."""
        return _Settled(self.inner.symbolic())

    def with_values(self, values: dict[str, sp.Expr]) -> Dynamics:
        """Return the settled optimizer with numbers for its symbols."""
        return _Settled(self.inner.with_values(values))
