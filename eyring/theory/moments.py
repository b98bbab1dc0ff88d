"""From an update rule to a stochastic differential equation, by matching the conditional moments of one step."""

import sympy as sp

from eyring.errors import DerivationError, ParameterError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics.contract import DT, WHITE_NOISE, Dynamics, buffer_of, gradient_noise, one_step_map, stable_curvature, white_noise
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["match_moments", "velocity"]


def velocity(coordinate: sp.Symbol) -> sp.Symbol:
    """Return the velocity's symbol for one coordinate, such as v_x."""
    return sp.Symbol(f"v_{coordinate}", real=True)


def match_moments(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None) -> SDE:
    """Derive the SDE whose drift and diffusion are the conditional mean and covariance of one step, per unit of time.

    The clock dt goes to zero while C dt, the strength of the noise, is held fixed; for momentum the friction (1 - mu)/dt is held fixed as well.

    Args:
        dynamics: The optimizer; only its update rule is used.
        loss: The landscape.
        noise: The gradient noise; None for full batches, which needs an optimizer that injects noise of its own.

    Returns:
        The Ito SDE with its derivation; no step of it is cited.

    Raises:
        ParameterError: If nothing makes the dynamics random.
    """
    if not isinstance(loss, Landscape):
        raise ParameterError(f"the loss must be a Landscape, got {loss!r}; write ey.Landscape(expression, coordinates)")
    if noise is None and not any(WHITE_NOISE in value.free_symbols for _, value in dynamics.rule):
        raise ParameterError(
            f"{type(dynamics).__name__} without a noise model is deterministic and has no diffusion; give the gradient noise, "
            "as in sde(loss, ey.noise.Isotropic()), or use ey.WhiteNoiseGD()"
        )
    generic = _Step(dynamics.symbolic(), loss, noisy=noise is not None)
    space = dynamics.phase_space
    values = {
        **dict(zip(generic.slopes, loss.gradient, strict=True)),
        **dict(space.fixed),
        **_noise_values(generic, dynamics, loss, noise),
        **_hyperparameter_values(generic.dynamics, dynamics),
    }
    title = f"SDE of {type(dynamics).__name__}"
    mean = (
        Derivation(f"{title}: drift")
        .define("one step of the update rule: the change of the state", generic.change, rule="update rule")
        .apply(_MEAN, "conditional mean of the change (the batch noise has mean zero), per unit of time", step=generic)
        .apply(_LIMIT, "small steps at fixed noise strength" + (" and friction" if space.fixed else ""), needs=_smallness(space.fixed))
        .apply(_INSERT, "insert the gradient and the hyperparameters", values=values)
    )
    spread = (
        Derivation(f"{title}: diffusion")
        .define("one step of the update rule: the change of the state", generic.change, rule="update rule")
        .apply(_COVARIANCE, "half the conditional covariance of the change, per unit of time", step=generic)
        .apply(_LIMIT, "small steps at fixed noise strength")
        .apply(_INSERT, "insert the covariance of the minibatch gradient and the hyperparameters", values=values)
    )
    return SDE(
        mean.expression, spread.expression, generic.coordinates, "ito", space.clock,
        landscape=loss, derivation=Derivation(title).follow(mean).follow(spread), stable_curvature=stable_curvature(dynamics),
    )  # fmt: skip


class _Step:
    """One step of the optimizer with symbols for the gradient, the noise strength and the hyperparameters."""

    def __init__(self, dynamics: Dynamics, loss: Landscape, *, noisy: bool) -> None:
        self.dynamics, n = dynamics, loss.dim
        self.slopes = [sp.Symbol(f"L'_{x}", real=True) for x in loss.coordinates]
        self.zeta = [gradient_noise(x) for x in loss.coordinates] if noisy else []
        self.xi = [white_noise(x) for x in loss.coordinates]
        self.strength = sp.Matrix(n, n, lambda i, j: sp.Symbol(f"N_{min(i, j)}{max(i, j)}", real=True))  # N = C dt
        gradients = [g + (self.zeta[i] if noisy else 0) for i, g in enumerate(self.slopes)]
        space = dynamics.phase_space
        after = one_step_map(dynamics, loss.coordinates, gradients)
        state = {x: x for x in loss.coordinates}
        if space.velocity is not None:
            state |= {buffer_of(space.velocity, x): velocity(x) / space.velocity_scale for x in loss.coordinates}
        scale = [sp.Integer(1)] * n + ([space.velocity_scale] * n if space.velocity is not None else [])
        change = [s * after[key].subs(state) - s * state[key] for key, s in zip(_state_keys(dynamics, loss), scale, strict=True)]
        self.coordinates = (*loss.coordinates, *((velocity(x) for x in loss.coordinates) if space.velocity is not None else ()))
        self.change = sp.ImmutableMatrix([sp.powdenest(sp.expand(c.subs(space.limit)), force=True) for c in change]).applyfunc(sp.simplify)

    def mean(self, change: sp.MatrixBase) -> sp.ImmutableMatrix:
        """Return E[change]/dt; the noise has mean zero and enters linearly."""
        self._demand_linear(change)
        return sp.ImmutableMatrix(change.subs(dict.fromkeys([*self.zeta, *self.xi], 0)) / DT).applyfunc(sp.expand)

    def covariance(self, change: sp.MatrixBase) -> sp.ImmutableMatrix:
        """Return Cov[change]/(2 dt) with Cov[zeta] = N/dt and Cov[xi] = 1."""
        self._demand_linear(change)
        white = change.jacobian(self.xi)
        total = white * white.T
        if self.zeta:
            kick = change.jacobian(self.zeta)
            total += kick * (self.strength / DT) * kick.T
        return sp.ImmutableMatrix(total / (2 * DT)).applyfunc(sp.simplify)

    def _demand_linear(self, change: sp.MatrixBase) -> None:
        random = [*self.zeta, *self.xi]
        if change.jacobian(random).free_symbols & set(random):
            raise DerivationError(
                "the noise does not enter the update rule linearly, so its mean and covariance alone do not fix the moments of a step"
            )


def _state_keys(dynamics: Dynamics, loss: Landscape) -> list[sp.Symbol]:
    buffer = dynamics.phase_space.velocity
    return [*loss.coordinates, *((buffer_of(buffer, x) for x in loss.coordinates) if buffer is not None else ())]


def _noise_values(step: _Step, dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None) -> dict[sp.Symbol, sp.Expr]:
    if noise is None:
        return {}
    covariance, clock = dynamics.covariance(loss, noise), dynamics.phase_space.clock
    return {step.strength[i, j]: clock * covariance[i, j] for i in range(loss.dim) for j in range(i, loss.dim)}


def _hyperparameter_values(generic: Dynamics, actual: Dynamics) -> dict[sp.Symbol, sp.Expr]:
    pairs = ((generic.hyperparameters[name], value) for name, value in actual.hyperparameters.items())
    return {symbol: value for symbol, value in pairs if isinstance(symbol, sp.Symbol) and symbol != value}


def _smallness(fixed: object) -> str:
    return "the step is small against the landscape" + (", and momentum is near 1: (1 - mu)/clock stays finite" if fixed else "")


def _limit(expression: sp.MatrixBase) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(expression).applyfunc(lambda e: sp.limit(e, DT, 0, "+"))


def _limit_is_near(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Evaluate at a tiny clock: what was dropped must be of its order."""
    from eyring.theory.derivation.proof import agree_in_numbers

    tiny = sp.Rational(1, 10**18)
    return agree_in_numbers(sp.ImmutableMatrix(before.subs(DT, tiny)), sp.ImmutableMatrix(after), tolerance=1e-15)


def _insert(expression: sp.MatrixBase, *, values: dict) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(expression.subs(values, simultaneous=True)).applyfunc(_tidy)


def _tidy(expression: sp.Expr) -> sp.Expr:
    return (
        expression
        if expression.has(sp.Piecewise)
        else sp.powdenest(sp.simplify(expression) if expression.is_rational_function() is False else expression, force=True)
    )


def _inserted_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, values: dict) -> bool:
    from eyring.theory.derivation.proof import agree_in_numbers

    return agree_in_numbers(sp.ImmutableMatrix(before.subs(values, simultaneous=True)), sp.ImmutableMatrix(after))


def _mean_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Average the change over a symmetric pair of noises; a linear rule leaves the mean."""
    from eyring.theory.derivation.proof import agree_in_numbers

    random = [*step.zeta, *step.xi]
    flipped = before.subs({s: -s for s in random}, simultaneous=True)
    return agree_in_numbers(sp.ImmutableMatrix((before + flipped) / 2 / DT), sp.ImmutableMatrix(after))


def _covariance_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Sum the change's square over noises of the same covariance: one column of a root of it at a time."""
    from eyring.theory.derivation.proof import agree_in_numbers

    random = [*step.zeta, *step.xi]
    quiet = before.subs(dict.fromkeys(random, 0))
    variances = {z: sp.sqrt(step.strength[i, i] / DT) for i, z in enumerate(step.zeta)} | dict.fromkeys(step.xi, sp.Integer(1))
    diagonal = {step.strength[i, j]: 0 for i in range(len(step.slopes)) for j in range(i + 1, len(step.slopes))}
    positive = {step.strength[i, i]: sp.Symbol(f"N_{i}{i}", positive=True) for i in range(len(step.slopes))}
    total = sp.zeros(*(before * before.T).shape)
    for symbol, size in variances.items():
        kick = before.subs({s: (size if s == symbol else 0) for s in random}, simultaneous=True) - quiet
        total += kick * kick.T
    return agree_in_numbers(sp.ImmutableMatrix(total.subs(positive) / (2 * DT)), sp.ImmutableMatrix(after.subs(diagonal).subs(positive)))


_MEAN = Rule("conditional mean", lambda change, *, step: step.mean(change), _mean_in_numbers)
_COVARIANCE = Rule("conditional covariance", lambda change, *, step: step.covariance(change), _covariance_in_numbers)
_LIMIT = Rule("limit of small steps", _limit, _limit_is_near)
_INSERT = Rule("insertion", _insert, _inserted_in_numbers)
