"""From an update rule to a stochastic differential equation, by matching the conditional moments of one step."""

import sympy as sp

from eyring.errors import DerivationError, ParameterError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics.contract import (
    DT,
    GRADIENT,
    PARAMETER,
    WHITE_NOISE,
    Dynamics,
    PhaseSpace,
    buffer_of,
    gradient_noise,
    one_step_map,
    stable_curvature,
    white_noise,
)
from eyring.theory.effective_loss import effective_loss
from eyring.theory.landscape import Landscape
from eyring.theory.matching.running_average import forget_the_start
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["match_moments", "velocity"]


def velocity(coordinate: sp.Symbol) -> sp.Symbol:
    """Return the velocity's symbol for one coordinate, such as v_x."""
    return sp.Symbol(f"v_{coordinate}", real=True)


def match_moments(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None) -> SDE:
    """Derive the SDE whose drift and diffusion are the conditional mean and covariance of one step, per unit of time.

    The clock dt goes to zero while C dt, the strength of the noise, is held fixed; for momentum the friction (1 - mu)/dt is held fixed as well.
    For Adam and RMSprop dt is eta^2 here, so that the noise outweighs the slope and the running average of g^2 becomes C; see ``RMSprop``.

    Args:
        dynamics: The optimizer; only its update rule is used.
        loss: The landscape.
        noise: The gradient noise; None for full batches, which needs an optimizer that injects noise of its own.

    Returns:
        The Ito SDE with its derivation. No step of it is cited, but one where there is a running average: that a slow average stays at its mean.
        Its ``landscape`` is the loss that its drift descends, where one is known: with weight decay, L + lambda |x|^2/2.

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
    start = Derivation(title) if not space.averages else _average_at_its_mean(generic, title)
    smallness = _smallness(space)
    mean = (
        _one_step(generic, f"{title}: drift")
        .apply(_MEAN, "conditional mean of the change (the batch noise has mean zero), per unit of time", step=generic)
        .apply(_LIMIT, "small steps at fixed noise strength" + (" and friction" if space.velocity is not None else ""), needs=smallness)
        .apply(_INSERT, "insert the gradient and the hyperparameters", values=values)
    )
    spread = (
        _one_step(generic, f"{title}: diffusion")
        .apply(_COVARIANCE, "half the conditional covariance of the change, per unit of time", step=generic)
        .apply(_LIMIT, "small steps at fixed noise strength")
        .apply(_INSERT, "insert the covariance of the minibatch gradient and the hyperparameters", values=values)
    )
    if space.scaling_clock != space.clock:
        factor = space.scaling_clock / space.clock
        mean, spread = (d.apply(_CLOCK, f"count time so that one iteration is {space.clock}", factor=factor) for d in (mean, spread))
    return SDE(
        mean.expression, spread.expression, generic.coordinates, "ito", space.clock,
        landscape=loss if space.velocity is not None else effective_loss(loss, mean.expression, spread.expression),
        derivation=start.follow(mean).follow(spread), stable_curvature=stable_curvature(dynamics),
    )  # fmt: skip


def _one_step(step: "_Step", title: str) -> Derivation:
    derivation = Derivation(title).define("one step of the update rule: the change of the state", step.change, rule="update rule")
    if not step.means:
        return derivation
    return derivation.apply(
        _SETTLE, "after many steps, the running average held at its mean", step=step,
        needs="1 - beta_2 is small, so that one step hardly moves the running average, and many steps have been taken",
    )  # fmt: skip


def _average_at_its_mean(step: "_Step", title: str) -> Derivation:
    """Derive what the running averages settle at, coordinate by coordinate."""
    stays = sp.ImmutableMatrix([step.means[v] for v in step.means])
    return (
        Derivation(title)
        .define("one step of the update rule: what the running average takes in", sp.ImmutableMatrix(step.intake), rule="update rule")
        .apply(_MEAN_SQUARE, "its conditional mean, to which the running average tends; Cov zeta = N/dt", step=step)
        .claim("written with the slope and the strength of the noise", stays)
        .cite(
            "a slow running average stays at its mean, and follows it from place to place",
            stays,
            source="pavliotis2008",
            needs="1 - beta_2 is small, yet large against the relaxation of the parameters in one step",
        )
    )


class _Step:
    """One step of the optimizer with symbols for the gradient, the noise strength and the hyperparameters."""

    def __init__(self, dynamics: Dynamics, loss: Landscape, *, noisy: bool) -> None:
        self.dynamics, n = dynamics, loss.dim
        self.slopes = [sp.Symbol(f"L'_{x}", real=True) for x in loss.coordinates]
        self.zeta = [gradient_noise(x) for x in loss.coordinates] if noisy else []
        self.xi = [white_noise(x) for x in loss.coordinates]
        self.strength = sp.Matrix(n, n, lambda i, j: _strength(min(i, j), max(i, j)))  # N = C dt
        gradients = [g + (self.zeta[i] if noisy else 0) for i, g in enumerate(self.slopes)]
        space = dynamics.phase_space
        self.intake, self.means = self._averages(loss, gradients)
        after = one_step_map(dynamics, loss.coordinates, gradients)
        state = {x: x for x in loss.coordinates}
        if space.velocity is not None:
            state |= {buffer_of(space.velocity, x): velocity(x) / space.velocity_scale for x in loss.coordinates}
        changes = [_place(space.place, x, dynamics, after) - _place(space.place, x, dynamics, {}) for x in loss.coordinates]
        if space.velocity is not None:
            changes += [space.velocity_scale * (after[b] - b) for b in (buffer_of(space.velocity, x) for x in loss.coordinates)]
        self.coordinates = (*loss.coordinates, *((velocity(x) for x in loss.coordinates) if space.velocity is not None else ()))
        if self.means:  # simplified once the averages are held
            self.change = sp.ImmutableMatrix(changes)
        else:
            change = [c.subs(state) for c in changes]
            self.change = sp.ImmutableMatrix([sp.powdenest(sp.expand(c.subs(space.limit)), force=True) for c in change]).applyfunc(sp.simplify)

    def settle(self, change: sp.MatrixBase) -> sp.ImmutableMatrix:
        """Forget the start, hold the running averages at their means, and write the hyperparameters as functions of the clock."""
        space = self.dynamics.phase_space
        late = [forget_the_start(c, space.counter and buffer_of(space.counter, x)) for c, x in zip(change, self.coordinates, strict=True)]
        return sp.ImmutableMatrix([sp.simplify(c.subs(space.limit).subs(self.means)) for c in late])

    def _averages(self, loss: Landscape, gradients: list[sp.Expr]) -> tuple[list[sp.Expr], dict[sp.Symbol, sp.Expr]]:
        """Return what each running average takes in, and its mean, by the average's symbol."""
        intake, means = [], {}
        for i, x in enumerate(loss.coordinates):
            for buffer, what in self.dynamics.phase_space.averages.items():
                here = what.xreplace({PARAMETER: x, GRADIENT: gradients[i]})
                intake.append(here)
                quiet = here.subs(dict.fromkeys(self.zeta, 0))
                means[buffer_of(buffer, x)] = (self.strength[i, i] + DT * quiet) / DT
        return intake, means

    def mean_square(self, intake: sp.MatrixBase) -> sp.ImmutableMatrix:
        """Return E[intake], a polynomial of second degree in the noise, with Cov[zeta] = N/dt."""
        quiet = dict.fromkeys(self.zeta, 0)
        spread = [sum((sp.diff(e, z, 2) * self.strength[i, i] / DT / 2 for i, z in enumerate(self.zeta)), e.subs(quiet)) for e in intake]
        return sp.ImmutableMatrix(spread)

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


def _strength(i: int, j: int) -> sp.Symbol:
    return sp.Symbol(f"N_{i}{j}", positive=True) if i == j else sp.Symbol(f"N_{i}{j}", real=True)


def _place(place: sp.Expr, x: sp.Symbol, dynamics: Dynamics, values: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Return the SDE's coordinate belonging to parameter ``x``, from the optimizer's state."""
    state = {PARAMETER: x, **{b: buffer_of(b, x) for b in dynamics.buffers}}
    return place.xreplace({s: values.get(own, own) for s, own in state.items()})


def _noise_values(step: _Step, dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None) -> dict[sp.Symbol, sp.Expr]:
    if noise is None:
        return {}
    covariance, clock = dynamics.covariance(loss, noise), dynamics.phase_space.scaling_clock
    return {step.strength[i, j]: clock * covariance[i, j] for i in range(loss.dim) for j in range(i, loss.dim)}


def _hyperparameter_values(generic: Dynamics, actual: Dynamics) -> dict[sp.Symbol, sp.Expr]:
    pairs = ((generic.hyperparameters[name], value) for name, value in actual.hyperparameters.items())
    return {symbol: value for symbol, value in pairs if isinstance(symbol, sp.Symbol) and symbol != value}


def _smallness(space: PhaseSpace) -> str:
    if space.averages:
        return "the step is small against the landscape, and the noise large against the slope: eta^2 C stays finite, so that C outweighs L'^2"
    return "the step is small against the landscape" + (", and momentum is near 1: (1 - mu)/clock stays finite" if space.velocity is not None else "")


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


def _same_but(before: sp.MatrixBase, after: sp.MatrixBase, factor: sp.Expr) -> bool:
    from eyring.theory.derivation.proof import agree_in_numbers

    return agree_in_numbers(sp.ImmutableMatrix(factor * before), sp.ImmutableMatrix(after))


def _mean_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Average the change over a symmetric pair of noises; a linear rule leaves the mean."""
    from eyring.theory.derivation.proof import agree_in_numbers

    random = [*step.zeta, *step.xi]
    flipped = before.subs({s: -s for s in random}, simultaneous=True)
    return agree_in_numbers(sp.ImmutableMatrix((before + flipped) / 2 / DT), sp.ImmutableMatrix(after))


def _mean_square_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Average over two values of the noise, plus and minus its standard deviation: a square asks for no more."""
    from eyring.theory.derivation.proof import agree_in_numbers

    kick = {z: sp.sqrt(step.strength[i, i] / DT) for i, z in enumerate(step.zeta)}
    both = before.subs(kick) + before.subs({z: -size for z, size in kick.items()})
    return agree_in_numbers(sp.ImmutableMatrix(both / 2), sp.ImmutableMatrix(after))


def _settled_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Take step number 10^24 of a running average that remembers 10^20 steps."""
    from eyring.theory.derivation.proof import agree_in_numbers

    space = step.dynamics.phase_space
    nearly = {s: v - sp.Rational(1, 10**20) if v == 1 else v for s, v in space.limit.items()}
    counts = {} if space.counter is None else {buffer_of(space.counter, x): sp.Float(10**24, 60) for x in step.coordinates}
    late = before.subs(nearly).subs(step.means).subs(counts)
    return agree_in_numbers(sp.ImmutableMatrix(late), sp.ImmutableMatrix(after), tolerance=1e-15)


def _covariance_in_numbers(before: sp.MatrixBase, after: sp.MatrixBase, *, step: _Step) -> bool:
    """Sum the change's square over noises of the same covariance: one column of a root of it at a time."""
    from eyring.theory.derivation.proof import agree_in_numbers

    random = [*step.zeta, *step.xi]
    quiet = before.subs(dict.fromkeys(random, 0))
    variances = {z: sp.sqrt(step.strength[i, i] / DT) for i, z in enumerate(step.zeta)} | dict.fromkeys(step.xi, sp.Integer(1))
    diagonal = {step.strength[i, j]: 0 for i in range(len(step.slopes)) for j in range(i + 1, len(step.slopes))}
    total = sp.zeros(*(before * before.T).shape)
    for symbol, size in variances.items():
        kick = before.subs({s: (size if s == symbol else 0) for s in random}, simultaneous=True) - quiet
        total += kick * kick.T
    return agree_in_numbers(sp.ImmutableMatrix(total / (2 * DT)), sp.ImmutableMatrix(after.subs(diagonal)))


_MEAN = Rule("conditional mean", lambda change, *, step: step.mean(change), _mean_in_numbers)
_COVARIANCE = Rule("conditional covariance", lambda change, *, step: step.covariance(change), _covariance_in_numbers)
_MEAN_SQUARE = Rule("conditional mean of a square", lambda intake, *, step: step.mean_square(intake), _mean_square_in_numbers)
_SETTLE = Rule("running average at its mean", lambda change, *, step: step.settle(change), _settled_in_numbers)
_CLOCK = Rule(
    "clock",
    lambda rate, *, factor: rate.applyfunc(lambda e: sp.simplify(factor * e)),
    lambda before, after, *, factor: _same_but(before, after, factor),
)
_LIMIT = Rule("limit of small steps", _limit, _limit_is_near)
_INSERT = Rule("insertion", _insert, _inserted_in_numbers)
