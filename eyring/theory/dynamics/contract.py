"""What every optimizer promises: an update rule for one parameter, from which everything else is derived."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import sympy as sp

from eyring.errors import ParameterError
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number

__all__ = ["DT", "GRADIENT", "PARAMETER", "WHITE_NOISE", "Assignment", "Dynamics", "PhaseSpace"]

PARAMETER = sp.Symbol("theta", real=True)
GRADIENT = sp.Symbol("g", real=True)
WHITE_NOISE = sp.Symbol("xi", real=True)  # a standard normal number, fresh for every parameter and step
DT = sp.Symbol("dt", positive=True)  # continuous time of one iteration


class Assignment(NamedTuple):
    """One line of an update rule: ``target`` becomes ``value``, in which earlier lines' targets are already new."""

    target: sp.Symbol
    value: sp.Expr


@dataclass(frozen=True)
class PhaseSpace:
    """How the optimizer's state is read in continuous time.

    Attributes:
        clock: Continuous time of one iteration, as a function of the hyperparameters.
        limit: Hyperparameters as functions of the clock ``dt`` and of quantities held fixed while it goes to zero.
        fixed: Those quantities, as functions of the hyperparameters.
        velocity: The buffer whose rescaling is the velocity, or None if the parameters alone are the state.
        velocity_scale: velocity = velocity_scale * buffer.
        averages: Running averages over many steps, and what they average, as functions of ``theta`` and ``g``.
        counter: The buffer that counts steps, of which only powers such as ``beta**t`` enter; None if steps are not counted.
        place: What the SDE's coordinate is: the parameter, moved by what its buffers still owe it (which vanishes with the clock).
        natural_clock: Time of one iteration in the scaling in which the limit is taken, where that is not ``clock``.
    """

    clock: sp.Expr
    limit: Mapping[sp.Symbol, sp.Expr]
    fixed: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    velocity: sp.Symbol | None = None
    velocity_scale: sp.Expr = sp.Integer(1)
    averages: Mapping[sp.Symbol, sp.Expr] = field(default_factory=dict)
    counter: sp.Symbol | None = None
    place: sp.Expr = PARAMETER
    natural_clock: sp.Expr | None = None

    @property
    def scaling_clock(self) -> sp.Expr:
        """Time of one iteration while it goes to zero."""
        return self.clock if self.natural_clock is None else self.natural_clock


class Dynamics(ABC):
    """An optimizer, defined by what one step does to one parameter.

    A subclass is a frozen dataclass whose fields are its hyperparameters; it states ``rule`` and ``phase_space``.
    """

    @property
    @abstractmethod
    def rule(self) -> tuple[Assignment, ...]:
        """The update of one parameter ``theta`` with gradient ``g`` and fresh normal number ``xi``, line by line."""

    @property
    @abstractmethod
    def phase_space(self) -> PhaseSpace:
        """The reading of the state in continuous time."""

    @property
    def first_step(self) -> dict[sp.Symbol, sp.Expr]:
        """What replaces a line of the rule at the first step, as in torch.optim."""
        return {}

    @property
    def buffers(self) -> tuple[sp.Symbol, ...]:
        """The state besides the parameter, zero before the first step."""
        return tuple(a.target for a in self.rule if a.target != PARAMETER)

    @property
    def hyperparameters(self) -> dict[str, sp.Expr]:
        """Every field by name, as an exact sympy number or symbol (booleans left out)."""
        values = ((f.name, getattr(self, f.name)) for f in fields(self))  # type: ignore[arg-type]
        return {name: exact_number(value) for name, value in values if not isinstance(value, bool)}

    def update(self, loss: Landscape, noise: GradientNoise | None = None) -> dict[sp.Symbol, sp.Expr]:
        """Return the one-step map: each state symbol's next value in terms of the present ones.

        The gradient is ``dL/dx + zeta_x``; ``zeta`` has mean zero and covariance C (the noise model's), ``xi_x`` is a standard normal number.

        Args:
            loss: The landscape.
            noise: The gradient noise; left out, batches are the whole data and ``zeta`` is absent.
        """
        noisy = [g + (gradient_noise(x) if noise is not None else 0) for x, g in zip(loss.coordinates, loss.gradient, strict=True)]
        return one_step_map(self, loss.coordinates, noisy)

    def sde(self, loss: Landscape, noise: GradientNoise | None = None, *, order: int = 1) -> SDE:
        """Derive the stochastic differential equation whose conditional moments match the update rule.

        Args:
            loss: The landscape.
            noise: The gradient noise.
            order: Weak order: 1, or 2 for the second-order modified equation; see ``eyring.theory.matching.modified_equation``.

        Returns:
            The SDE in Ito form, with its derivation.

        Raises:
            ParameterError: If the dynamics needs a noise model and got none, or order is neither 1 nor 2.
            NotApplicable: If the second order is asked for where it is not derived.
        """
        if noise is not None and not isinstance(noise, GradientNoise):
            raise ParameterError(f"the noise must be a noise model such as ey.noise.Isotropic(), got {noise!r}")
        from eyring.theory.matching.modified_equation import modified_equation
        from eyring.theory.matching.moments import match_moments

        if order not in (1, 2):
            raise ParameterError(f"order={order} was asked for; the SDE is derived to weak order 1 or 2")
        return match_moments(self, loss, noise) if order == 1 else modified_equation(self, loss, noise)

    def covariance(self, loss: Landscape, noise: GradientNoise) -> sp.ImmutableMatrix:
        """Return the minibatch gradient's covariance C(theta) at this batch size."""
        return noise.covariance(loss, self.hyperparameters.get("batch_size", B))

    def symbolic(self) -> "Dynamics":
        """Return the same optimizer with its hyperparameters left as symbols; switches keep their setting, an absent option stays absent."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), bool) or f.name in self.optional}  # type: ignore[arg-type]
        return type(self)(**kept)

    @property
    def optional(self) -> tuple[str, ...]:
        """Hyperparameters that are numbers unless given, and kept as they are in derivations."""
        return ()

    def with_values(self, values: dict[str, sp.Expr]) -> "Dynamics":
        """Return the same optimizer with numbers for its symbols."""
        replaced = {f.name: _substituted(getattr(self, f.name), values) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**replaced)


def one_step_map(dynamics: Dynamics, coordinates: Iterable[sp.Symbol], gradients: Iterable[sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """Write the rule of one parameter for every coordinate, with the gradient given for each; see ``Dynamics.update``."""
    result: dict[sp.Symbol, sp.Expr] = {}
    for coordinate, gradient in zip(coordinates, gradients, strict=True):
        present = {PARAMETER: coordinate, **{b: buffer_of(b, coordinate) for b in dynamics.buffers}}
        current: dict[sp.Symbol, sp.Expr] = {**present, GRADIENT: gradient, WHITE_NOISE: white_noise(coordinate)}
        for target, value in dynamics.rule:
            current[target] = value.xreplace(current)
        result |= {present[symbol]: current[symbol] for symbol in present}
    return result


def buffer_of(buffer: sp.Symbol, coordinate: sp.Symbol) -> sp.Symbol:
    """Return the buffer's symbol for one coordinate, such as m_x."""
    return sp.Symbol(f"{buffer}_{coordinate}", real=True)


def stable_curvature(dynamics: Dynamics) -> sp.Expr | None:
    """Return the curvature beyond which the steps on a quadratic loss alternate and grow: an eigenvalue of one step passes -1.

    2/eta for SGD, 2 (1 + mu)/eta for heavy ball, 2 (1 + mu)/(eta (1 + 2 mu)) for Nesterov. The curvature is that of the loss which the SDE's drift
    descends: with weight decay lambda included, with Adam and RMSprop divided by sqrt(v) + eps, the running average v held where it stands.
    None if the rule has no such limit.
    """
    from eyring.theory.matching.running_average import settled

    late, curvature = settled(dynamics), sp.Symbol("k", positive=True)
    state = (PARAMETER, *late.buffers)
    current: dict[sp.Symbol, sp.Expr] = {**{s: s for s in state}, GRADIENT: curvature * PARAMETER, WHITE_NOISE: sp.Integer(0)}
    for target, value in late.rule:
        current[target] = value.xreplace(current)
    moving = [s for s in state if s not in late.phase_space.averages]
    step = sp.Matrix([current[s] for s in moving]).jacobian(moving)
    limits = [root for root in sp.solve((sp.eye(len(moving)) + step).det(), curvature) if root.is_nonpositive is not True]
    if not limits or late.phase_space.velocity is not None:
        return sp.factor(limits[0]) if limits else None
    place = late.phase_space.place
    moved = (place.xreplace(current) - place).subs(dict.fromkeys((s for s in moving if s != PARAMETER), 0))
    drop = -sp.diff(moved, PARAMETER) / late.phase_space.clock  # the drift's slope where the loss has curvature k
    return sp.factor(sp.simplify(drop.subs(curvature, limits[0])))


def gradient_noise(coordinate: sp.Symbol) -> sp.Symbol:
    """Return the symbol zeta of the gradient noise in one coordinate."""
    return sp.Symbol(f"zeta_{coordinate}", real=True)


def white_noise(coordinate: sp.Symbol) -> sp.Symbol:
    """Return the symbol xi of the injected standard normal number in one coordinate."""
    return sp.Symbol(f"xi_{coordinate}", real=True)


def check_hyperparameter(name: str, value: object, *, low: float, below: float | None = None, closed: bool = False) -> None:
    """Refuse a number outside [low, below) (or (low, below)); symbols pass.

    Raises:
        ParameterError: If the number is outside, complex or NaN.
    """
    try:
        number = None if isinstance(value, bool) else exact_number(value)
    except (sp.SympifyError, TypeError):
        number = None
    if isinstance(number, sp.MatrixBase):
        return
    if not isinstance(number, sp.Expr):
        raise ParameterError(f"{name} must be a number or a symbol, got {value!r}")
    if not number.is_number:
        return
    shown = f"{name} must be a real number {'at least' if closed else 'above'} {low}" + (f" and below {below}" if below is not None else "")
    if not (number.is_real and number.is_finite):
        raise ParameterError(f"{shown}, got {value}")
    if number < low or (number == low and not closed) or (below is not None and number >= below):
        raise ParameterError(f"{shown}, got {value}")


def _substituted(value: object, values: dict[str, sp.Expr]) -> object:
    if isinstance(value, bool):
        return value
    expression = exact_number(value)
    return expression.xreplace({s: values[s.name] for s in expression.free_symbols if s.name in values})
