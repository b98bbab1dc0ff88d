"""The second-order modified equation: the SDE whose moments agree with the update rule through one more power of the step.

With k a free vector, exp(k.(y - x)) generates every moment of a change y - x. A process with drift b and diffusion D has

    ln E exp(k.change) = h l + h^2/2 (b.grad l + 2 k.D grad l + D:grad grad l) + O(h^3),    l(x, k) = k.b + k.D k,

so that l = l0 + h l1 is read off the update rule: l0 is the first order of its own logarithm, and l1 what its second order has beyond that of l0.
The covariance C of the batch noise, the injected temperature and the friction are held fixed while the step h goes to zero; of the batch noise
nothing but mean and covariance enters then, whatever its law, and C may depend on the place.
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.polys.rings import PolyElement, PolyRing, ring

from eyring.errors import NotApplicable, ParameterError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics.contract import DT, WHITE_NOISE, Dynamics, buffer_of, gradient_noise, one_step_map, stable_curvature, white_noise
from eyring.theory.landscape import Landscape
from eyring.theory.matching.moments import velocity
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.sde import SDE

__all__ = ["modified_equation"]

TINY = sp.Rational(1, 10**14)


def modified_equation(dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None = None) -> SDE:
    """Derive the SDE of weak order 2: its moments over one step differ from those of the update rule by the third power of the clock.

    For SGD: drift -grad(L + eta/4 |grad L|^2), D = eta C/2. With white noise of temperature T besides: drift
    -grad(L + eta/4 |grad L|^2 - eta T/2 Laplacian L), D = T (1 + eta Hessian) + eta C/2. For momentum see the result ``momentum-second-order``.

    What it gets right: averages at a time of order 1, to O(eta^2). What it does not: the *stationary* variance of SGD, which is itself of order
    eta, so that its relative error asks for terms of D of order eta^2; there the second order is worse than the first (result
    ``sgd-variance-errors``). With injected noise of fixed temperature the stationary law is right to O(eta) relative; SGD whose noise is Gaussian
    with C = c I everywhere takes the same steps as ``WhiteNoiseGD(temperature=eta c/2)``, and has its law from there.

    Args:
        dynamics: The optimizer; only its update rule is used.
        loss: The landscape, (n,) coordinates, three times differentiable.
        noise: The gradient noise, with any C(theta), (n, n); None for full batches, which needs an optimizer that injects noise of its own.

    Returns:
        The Ito SDE with its derivation, no step of which is cited.

    Raises:
        ParameterError: If nothing makes the dynamics random.
        NotApplicable: If the rule is not linear in the noise, a hyperparameter varies with the place, or the state is more than the parameters
            and one velocity.

    Source: Li, Tai & E 2019 (SGD and momentum); Zygalakis 2011 (white noise); derived here from the update rule.
    """
    if not isinstance(loss, Landscape):
        raise ParameterError(f"the loss must be a Landscape, got {loss!r}; write ey.Landscape(expression, coordinates)")
    if noise is None and not any(WHITE_NOISE in value.free_symbols for _, value in dynamics.rule):
        raise ParameterError(f"{type(dynamics).__name__} without a noise model is deterministic and has no diffusion; give the gradient noise")
    step = _Step(dynamics, loss, noisy=noise is not None)
    title = f"second-order modified equation of {type(dynamics).__name__}"
    held = "C, the injected temperature and the friction are held fixed while the step goes to zero; the batch noise has a third moment"
    derivation = (
        Derivation(title)
        .define("one step of the update rule: the change of the state, h = dt", step.change, rule="update rule")
        .apply(_CUMULANTS, "ln E exp(k.change) through the second power of dt", step=step, needs=held)
        .apply(_GENERATOR, "the generator k.b + k.D k of the SDE with the same logarithm through the second power of dt", step=step)
        .apply(_INSERT, "insert the gradient, its covariance and the hyperparameters", values=step.values(dynamics, loss, noise))
    )
    drift, diffusion = _read_off(derivation.expression, step.k)
    derivation = derivation.claim(
        "read off the drift (first column) and the diffusion matrix",
        sp.ImmutableMatrix(sp.Matrix.hstack(drift, diffusion)),
        residual=lambda columns, symbol: sp.expand(_symbol(columns[:, 0], columns[:, 1:], step.k) - symbol),
        rule="comparison of powers of k",
    )
    clock, limit = dynamics.phase_space.clock, stable_curvature(dynamics)
    surface = None if step.velocities else _modified_landscape(loss, drift, clock, step.injected(derivation.steps[1].expression, dynamics))
    raised_limit = None if surface is None or limit is None else limit + clock * limit**2 / 2  # H + eta H^2/2 is the curvature of the surface
    return SDE(drift, diffusion, step.state, "ito", clock, landscape=surface, derivation=derivation, stable_curvature=raised_limit)


class _Step:
    """One step of the optimizer, with undetermined functions of the place for the slope of the loss and the covariance of the noise."""

    def __init__(self, dynamics: Dynamics, loss: Landscape, *, noisy: bool) -> None:
        xs, n, space = loss.coordinates, loss.dim, dynamics.phase_space
        if any(e.free_symbols & set(xs) for e in dynamics.hyperparameters.values()):
            raise NotApplicable(
                "a hyperparameter depends on the place. Injected noise of fixed strength D(x) leaves a third derivative, D D' d^3/dx^3, in the "
                "second order, which no SDE has; leave order out, or let the batch noise C(x) vary instead"
            )
        if set(dynamics.buffers) - {space.velocity}:
            raise NotApplicable(
                f"the second order is derived for parameters and one velocity; {type(dynamics).__name__} has the buffers "
                f"{', '.join(map(str, dynamics.buffers))}: leave order out"
            )
        self.generic = dynamics.symbolic()
        self.slopes = [sp.Function(f"L'_{x}", real=True)(*xs) for x in xs]
        self.covariance = sp.Matrix(n, n, lambda i, j: sp.Function(f"C_{min(i, j) + 1}{max(i, j) + 1}", real=True)(*xs))
        self.zeta, self.xi = [gradient_noise(x) for x in xs] if noisy else [], [white_noise(x) for x in xs]
        self.velocities = tuple(velocity(x) for x in xs) if space.velocity is not None else ()
        self.state = (*xs, *self.velocities)
        self.k = sp.symbols(f"k_1:{len(self.state) + 1}", real=True)
        self.change = self._changes(xs, noisy=noisy)
        self.generic_parameters = self.change.free_symbols - {DT, *self.state, *self.zeta, *self.xi}
        self.noises = [*self.zeta, *self.xi]
        if self.change.jacobian(self.noises).free_symbols & set(self.noises):
            raise NotApplicable(
                f"the noise does not enter the rule of {type(dynamics).__name__} linearly, so that mean and covariance do not fix its moments"
            )

    def _changes(self, xs: tuple[sp.Symbol, ...], *, noisy: bool) -> sp.ImmutableMatrix:
        space = self.generic.phase_space
        scale = space.velocity_scale
        after = one_step_map(self.generic, xs, [s + (gradient_noise(x) if noisy else 0) for s, x in zip(self.slopes, xs, strict=True)])
        rows = [after[x] - x for x in xs]
        if space.velocity is not None:
            buffers = [buffer_of(space.velocity, x) for x in xs]
            rows = [*rows, *(scale * (after[m] - m) for m in buffers)]
            rows = [r.subs({m: v / scale for m, v in zip(buffers, self.velocities, strict=True)}) for r in rows]
        return sp.ImmutableMatrix([sp.expand(sp.powdenest(sp.expand(r.subs(space.limit)), force=True)) for r in rows])

    def values(self, dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None) -> dict[sp.Basic, sp.Expr]:
        """Return what stands for the undetermined functions and symbols."""
        pairs = ((symbol, dynamics.hyperparameters[name]) for name, symbol in self.generic.hyperparameters.items())
        known = {s: value for s, value in pairs if isinstance(s, sp.Symbol) and s != value}
        known |= {DT: dynamics.phase_space.clock, **dynamics.phase_space.fixed}
        slopes = dict(zip(self.slopes, loss.gradient, strict=True))
        if noise is None:
            return {**slopes, **known}
        C = dynamics.covariance(loss, noise)
        return {**slopes, **{self.covariance[i, j]: C[i, j] for i in range(C.rows) for j in range(i, C.cols)}, **known}

    def injected(self, logarithm: sp.Expr, dynamics: Dynamics) -> sp.Matrix:
        """Return the diffusion matrix at zero step: the injected noise."""
        _, diffusion = _read_off(logarithm.coeff(DT, 1), self.k)
        names = {s: dynamics.hyperparameters[name] for name, s in self.generic.hyperparameters.items() if isinstance(s, sp.Symbol)}
        return diffusion.subs(names)


def _cumulants(change: sp.MatrixBase, *, step: _Step) -> sp.Expr:
    """Return k.(quiet change) + half k.Cov k; third cumulants of the batch noise come with the third power of dt."""
    k = sp.Matrix(step.k)
    kick = (k.T * change.jacobian(step.noises)).applyfunc(sp.expand)
    n = len(step.zeta)
    spread = (kick[:, :n] * step.covariance * kick[:, :n].T if n else sp.zeros(1, 1)) + kick[:, n:] * kick[:, n:].T
    total = sp.expand((k.T * change.subs(dict.fromkeys(step.noises, 0)))[0] + spread[0] / 2)
    return sum((total.coeff(DT, power) * DT**power for power in (1, 2)), sp.Integer(0))


def _cumulants_in_numbers(before: sp.MatrixBase, after: sp.Expr, *, step: _Step) -> bool:
    """Average exp(k.change) over noises of three values each, with the moments of a normal number through the fifth, at a tiny step."""
    n = len(step.zeta)
    root = sp.Matrix(n, n, lambda i, j: sp.Rational(3 + 2 * i - j, 4 + i) if j <= i else 0)
    covariance = root * root.T
    numbers = {s: sp.Rational(7 - 3 * i, 5) for i, s in enumerate(step.slopes)}
    numbers |= {step.covariance[i, j]: covariance[i, j] for i in range(n) for j in range(i, n)}
    change = sp.Matrix(step.k).T * before.subs(numbers)
    quiet = change.subs(dict.fromkeys(step.noises, 0))[0]
    directions = [dict(zip(step.zeta, root[:, j], strict=True)) for j in range(n)] + [{x: sp.Integer(1)} for x in step.xi]
    total = quiet
    for direction in directions:
        kick = change[0].subs({**dict.fromkeys(step.noises, 0), **direction}, simultaneous=True) - quiet
        total += sp.log(sp.Rational(2, 3) + sp.cosh(sp.sqrt(3) * kick) / 3)
    second = (total - after.subs(numbers)) / DT**2
    return agree_in_numbers(second.subs(DT, TINY), sp.Integer(0), samples=1, tolerance=1e-6)


def _generator(logarithm: sp.Expr, *, step: _Step) -> sp.Expr:
    first, second = logarithm.coeff(DT, 1), logarithm.coeff(DT, 2)
    drift, diffusion = _read_off(first, step.k)
    k = sp.Matrix(step.k)
    slope = sp.Matrix([sp.diff(first, x) for x in step.state])
    bends = (diffusion[i, j] * sp.diff(s, y) for i, s in enumerate(slope) for j, y in enumerate(step.state) if diffusion[i, j] != 0)
    own = (drift.T * slope + 2 * k.T * diffusion * slope)[0] + sum(bends, sp.Integer(0))
    symbol = sp.expand(first + DT * (second - own / 2))
    beyond = sp.expand(symbol - _symbol(*_read_off(symbol, step.k), step.k))
    if beyond != 0:
        raise NotApplicable(
            f"the second order of this rule has derivatives beyond the second, {beyond} with k for a derivative, and no SDE has them: injected noise "
            "whose strength varies with the place does this. Leave order out"
        )
    return symbol


def _generator_in_numbers(before: sp.Expr, after: sp.Expr, *, step: _Step) -> bool:
    """Let the generator act twice on a polynomial that has the derivatives of exp(k.y) at the origin, in exact rationals; compare powers of dt."""
    generator = random.Random(2019)
    stated, used = (_in_rationals(e, step, generator.getstate()) for e in (before, after))
    if sp.expand(used - _symbol(*_read_off(used, step.k), step.k)) != 0:
        return False  # derivatives beyond the second
    room = ring(list(step.state), sp.QQ)[0]
    direction = {k: sp.Rational(generator.randint(-9, 9), 7) for k in step.k}
    phase = sum((room(sp.QQ(c.p, c.q)) * x for c, x in zip(direction.values(), room.gens, strict=True)), room(0))
    wave = sum((phase**power / math.factorial(power) for power in range(5)), room(0))
    operators = [_operator(used.coeff(DT, power), step, room) for power in (0, 1)]
    once = operators[0](wave)
    grown = (_at_origin(once), _at_origin(operators[1](wave)) + _at_origin(operators[0](once)) / 2)
    first, second = (stated.coeff(DT, power).subs({**direction, **dict.fromkeys(step.state, 0)}) for power in (1, 2))
    return grown == (first, second + first**2 / 2)


def _in_rationals(expression: sp.Expr, step: _Step, seed: tuple[Any, ...]) -> sp.Expr:
    """Return the expression with quadratic polynomials of the coordinates for its undetermined functions, and rationals for its parameters."""
    generator = random.Random()
    generator.setstate(seed)
    functions = [*step.slopes, *(step.covariance[i, j] for i in range(step.covariance.rows) for j in range(i, step.covariance.cols))]

    def number() -> sp.Rational:
        return sp.Rational(generator.randint(1, 9), generator.randint(2, 9))

    def shape(places: tuple[sp.Symbol, ...]) -> sp.Expr:
        pairs = [*zip(places, places, strict=True), *pairwise(places)]
        return number() + sum((number() * a for a in places), sp.Integer(0)) + sum((number() * a * b for a, b in pairs), sp.Integer(0))

    shapes = {f: shape(f.args) for f in functions}
    parameters = sorted(step.generic_parameters, key=str)
    return sp.expand(expression.subs({p: number() ** 2 for p in parameters}).subs(shapes).doit())


def _operator(symbol: sp.Expr, step: _Step, room: PolyRing) -> Callable[[PolyElement], PolyElement]:
    drift, diffusion = _read_off(symbol, step.k)
    places = list(zip(range(len(step.k)), room.gens, strict=True))
    pushes = [(room.from_expr(drift[i]), x) for i, x in places if drift[i] != 0]
    spreads = [(room.from_expr(diffusion[i, j]), x, y) for i, x in places for j, y in places if diffusion[i, j] != 0]

    def act(f: PolyElement) -> PolyElement:
        return sum((b * f.diff(x) for b, x in pushes), room(0)) + sum((d * f.diff(x).diff(y) for d, x, y in spreads), room(0))

    return act


def _at_origin(polynomial: PolyElement) -> sp.Rational:
    constant = polynomial.const()
    return sp.Rational(int(constant.numerator), int(constant.denominator))


def _read_off(symbol: sp.Expr, k: tuple[sp.Symbol, ...]) -> tuple[sp.Matrix, sp.Matrix]:
    """Return the drift and the diffusion matrix of k.b + k.D k."""
    factors: dict[sp.Expr, list[sp.Expr]] = defaultdict(list)
    for term in sp.Add.make_args(sp.expand(symbol)):
        factor, powers = term.as_independent(*k, as_Add=False)
        factors[powers].append(factor)
    drift = sp.Matrix([sp.Add(*factors[a]) for a in k])
    return drift, sp.Matrix(len(k), len(k), lambda i, j: sp.Add(*factors[k[i] * k[j]]) / (1 if i == j else 2))


def _symbol(drift: sp.MatrixBase, diffusion: sp.MatrixBase, k: tuple[sp.Symbol, ...]) -> sp.Expr:
    vector = sp.Matrix(k)
    return sp.expand((vector.T * drift + vector.T * diffusion * vector)[0])


def _insert(expression: sp.Expr, *, values: Mapping[sp.Basic, sp.Expr]) -> sp.Expr:
    return sp.expand(expression.subs(values, simultaneous=True).doit())


def _inserted(before: sp.Expr, after: sp.Expr, *, values: Mapping[sp.Basic, sp.Expr]) -> bool:
    """Insert the symbols, then the functions one after the other, without multiplying out."""
    one = before.subs({s: v for s, v in values.items() if isinstance(s, sp.Symbol)}, simultaneous=True)
    for function, value in values.items():
        one = one if isinstance(function, sp.Symbol) else one.subs(function, value)
    return agree_in_numbers(one.doit(), after)


def _modified_landscape(loss: Landscape, drift: sp.MatrixBase, clock: sp.Expr, injected: sp.MatrixBase) -> Landscape | None:
    """Return L + h/4 |grad L|^2 - h/2 D0:Hessian, if its gradient is the drift."""
    xs = loss.coordinates
    bend = sum((injected[i, j] * loss.hessian[i, j] for i in range(loss.dim) for j in range(loss.dim)), sp.Integer(0))
    raised = sp.expand(loss.expression + clock * (sum(g**2 for g in loss.gradient) / 4 - bend / 2))
    fits = all(sp.expand(b + sp.diff(raised, x)) == 0 for b, x in zip(drift, xs, strict=True))
    return Landscape(raised, xs, domain=loss.domain) if fits else None


_CUMULANTS = Rule("generating function", _cumulants, _cumulants_in_numbers)
_GENERATOR = Rule("matching", _generator, _generator_in_numbers)
_INSERT = Rule("insertion", _insert, _inserted)
