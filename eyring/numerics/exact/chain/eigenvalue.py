"""The discrete optimizer in one dimension without a small parameter: its mean escape time and its relaxation rate, step size and all."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from eyring.errors import AccuracyError
from eyring.numerics.answer import Number
from eyring.numerics.exact.chain.matrix import BatchOperator, GaussianOperator
from eyring.numerics.exact.chain.step_law import StepLaw, step_law
from eyring.numerics.exact.chain.walk import way
from eyring.numerics.exact.elimination import Elimination
from eyring.numerics.exact.line import stable_points
from eyring.numerics.exact.tails import far_edges
from eyring.numerics.exact.values import swept
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.noise.contract import GradientNoise

__all__ = ["chain_relaxation_rate", "exact_chain_time", "passage_steps"]

COARSE, FINE = 4.0, 3.0  # standard deviations of one step on a panel of 16 points
POINTS_A_STEP = 24.0  # collocation points on the standard deviation of one step
FEWEST_POINTS = 800
CUTS = (50.0, 64.0)  # how far out, in ln of probability, the far side is cut
LOOSEST = 1e-2
SMALL_GAP = 0.02


def exact_chain_time(
    dynamics: Dynamics,
    loss: Landscape,
    noise: GradientNoise | None = None,
    *,
    start: CriticalPoint | float,
    target: CriticalPoint | float,
    values: Mapping[Any, Any] | None = None,
) -> Number:
    r"""Return the mean number of steps until the optimizer, from ``start``, first reaches or passes ``target``.

    h(x) = 1 + sum over outcomes of p(x -> y) h(y) for y short of the target. Normal steps are solved by Nystrom's method, real batches
    (``FiniteSum``) by collocation with their whole law. No continuous limit is taken.

    Args:
        dynamics: SGD or WhiteNoiseGD.
        loss: A landscape of one coordinate.
        noise: The gradient noise; may be left out for WhiteNoiseGD.
        start: Where the walker begins, a number or critical point.
        target: The point to reach or pass.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.

    Returns:
        The time in iterations; ``.per_time`` multiplies by the clock. The error is estimated from two resolutions and two cuts of the far side.

    Raises:
        NotApplicable: If the optimizer keeps a velocity, the loss has several coordinates or does not confine.
        ParameterError: If a value is missing, unknown or out of range, eta L'' >= 2 at a minimum on the way, or start equals target.
        AccuracyError: If the two resolutions disagree.
    """

    def one(given: Mapping[Any, Any] | None) -> tuple[float, float, float, float]:
        law = step_law(dynamics, loss, noise, given, asked_by="exact_chain_time of this optimizer")
        begin, end = (float(p) for p in way(start, target, _by_symbol(given, loss)))
        if end < begin:
            law, begin, end = law.mirrored(), -begin, -end
        value, error = passage_steps(law, begin, end)
        return value, 0.0, error, law.clock

    return swept(one, values, unit="iterations")


def chain_relaxation_rate(
    dynamics: Dynamics, loss: Landscape, noise: GradientNoise | None = None, *, values: Mapping[Any, Any] | None = None
) -> Number:
    r"""Return the slowest relaxation rate of the discrete optimizer, -ln(lambda_2) / eta, per unit of time.

    lambda_2 is the second eigenvalue of the transfer operator, the largest but the stationary one.

    Args:
        dynamics: SGD or WhiteNoiseGD.
        loss: A landscape of one coordinate.
        noise: The gradient noise; may be left out for WhiteNoiseGD.
        values: Numbers (or arrays, which broadcast) by symbol or printed name.

    Raises:
        NotApplicable: If the optimizer keeps a velocity, the loss has several coordinates or does not confine.
        ParameterError: If a value is missing, unknown or out of range, or eta L'' >= 2 at a minimum.
        AccuracyError: If two resolutions disagree.
    """

    def one(given: Mapping[Any, Any] | None) -> tuple[float, float, float, float]:
        law = step_law(dynamics, loss, noise, given, asked_by="chain_relaxation_rate of this optimizer")
        rate, error = _relaxation(law)
        return rate / law.clock, 0.0, error, law.clock

    return swept(one, values, unit="1/time")


def _by_symbol(given: Mapping[Any, Any] | None, loss: Landscape) -> dict[Any, Any]:
    named = {k if isinstance(k, str) else k.name: v for k, v in (given or {}).items()}
    return {p: named[p.name] for p in loss.parameters if p.name in named}


def passage_steps(law: StepLaw, begin: float, end: float) -> tuple[float, float]:
    """Return the mean number of steps and its relative error."""
    line = law.as_line()
    law.is_smooth(begin, end)
    near, far = (float(far_edges(line, begin, end - begin, drop=drop)[0]) for drop in CUTS)
    law.check_stable(near, end)
    if not law.is_smooth(near, end):
        law.check_can_cross(near, begin, end)
        return _settled([_by_collocation(law, far, begin, end, refinement) for refinement in (1.0, 2.0**0.5, 2.0)])
    return _settled([_by_quadrature(law, low, begin, end, width) for low, width in ((near, COARSE), (far, FINE))])


def _settled(answers: list[float]) -> tuple[float, float]:
    error = max(abs(a / answers[-1] - 1) for a in answers[:-1]) if answers[-1] else math.inf
    if not error < LOOSEST or answers[-1] <= 0:
        raise AccuracyError(
            f"the chain's answer changes by {error:.1g} (relative) between two resolutions: real batches are solved up to about 10^14 steps, and "
            "a very large learning rate or noise throws walkers out of every range",
            estimate=answers[-1],
            error=error,
        )
    return answers[-1], max(error, 1e-13)


def _by_quadrature(law: StepLaw, low: float, begin: float, end: float, width: float) -> float:
    operator = GaussianOperator.between(law, low, end, resolution=width, absorbing=True)
    steps = Elimination.of(operator.rows(operator.points), operator.exits()).solve(np.ones(len(operator.points)))
    return float(1 + operator.rows(np.array([begin]))[0] @ steps)


def _by_collocation(law: StepLaw, low: float, begin: float, end: float, refinement: float) -> float:
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    operator = _batch_operator(law, low, end, begin, refinement, absorbing=True)
    matrix = identity(len(operator.points)) - operator.rows(operator.points)
    steps = splu(matrix.tocsc(), permc_spec="NATURAL").solve(np.ones(len(operator.points)))
    return float(1 + (operator.rows(np.array([begin])) @ steps)[0])


def _batch_operator(law: StepLaw, low: float, high: float, begin: float, refinement: float, *, absorbing: bool) -> BatchOperator:
    one_step = math.sqrt(float(law.variance(np.array([begin]))[0]))
    points = int(max(FEWEST_POINTS, POINTS_A_STEP * (high - low) / one_step) * refinement)
    return BatchOperator.between(law, low, high, points=points, absorbing=absorbing)


def _relaxation(law: StepLaw) -> tuple[float, float]:
    """Return the relaxation rate per step and its relative error."""
    line = law.as_line()
    wells = stable_points(line)
    scale = max(float(np.ptp(wells)), 4 * math.sqrt(float(law.variance(wells[:1])[0])))
    cuts = [(float(far_edges(line, wells[0], scale, drop=d)[0]), -float(far_edges(line.mirrored(), -wells[-1], scale, drop=d)[0])) for d in CUTS]
    law.check_stable(*cuts[0])
    if law.is_smooth(*cuts[0]):
        operators: list[Any] = [GaussianOperator.between(law, *c, resolution=w, absorbing=False) for c, w in zip(cuts, (COARSE, FINE), strict=True)]
        return _settled([_second_rate(o, _eliminated) for o in operators])
    return _settled([_second_rate(_batch_operator(law, *cuts[0], wells[0], r, absorbing=False), _factored) for r in (1.0, 2.0**0.5, 2.0)])


Grounded = tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]


def _second_rate(operator: Any, grounded: Callable[[Any, int], Grounded]) -> float:
    """Return -ln(lambda_2) by inverse iteration on I - P, the heaviest point held at zero."""
    line = operator.law.as_line()
    wells = stable_points(line)
    points = operator.points
    transitions = operator.rows(points)
    ground = int(np.argmin(np.abs(points - wells[len(wells) // 2])))
    stationary, solve = grounded(transitions, ground)
    mode = points - stationary @ points
    gap = math.inf
    for _ in range(400):
        image = solve(mode)
        image = image - stationary @ image
        previous, gap = gap, float((stationary @ (mode * mode)) / (stationary @ (mode * image)))
        mode = image / np.max(np.abs(image))
        if abs(gap - previous) <= 1e-15 * abs(gap):
            break
    if gap < SMALL_GAP:
        return -math.log1p(-gap)
    return -math.log(_second_modulus(transitions))


def _second_modulus(transitions: Any) -> float:
    """Return the second largest modulus of the eigenvalues: it may belong to a walker that jumps across the minimum at every step."""
    from scipy.sparse.linalg import eigs

    start = np.random.default_rng(0).random(transitions.shape[0])
    return float(np.sort(np.abs(eigs(transitions, k=4, which="LM", v0=start, tol=0, return_eigenvectors=False)))[-2])


def _eliminated(transitions: np.ndarray, ground: int) -> Grounded:
    order = np.concatenate([np.arange(ground), np.arange(len(transitions) - 1, ground, -1), [ground]])
    chain = Elimination.of(transitions[np.ix_(order, order)], np.zeros(len(order)))
    back = np.argsort(order)
    return chain.stationary()[back], lambda source: chain.solve(source[order])[back]


def _factored(transitions: Any, ground: int) -> Grounded:
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    n = transitions.shape[0]
    rest = np.delete(np.arange(n), ground)
    factor = splu((identity(n - 1) - transitions[rest][:, rest]).tocsc(), permc_spec="NATURAL")
    weights = np.ones(n)
    weights[rest] = factor.solve(transitions[ground, rest].toarray()[0], trans="T")

    def solve(source: np.ndarray) -> np.ndarray:
        result = np.zeros(n)
        result[rest] = factor.solve(source[rest])
        return result

    return weights / weights.sum(), solve
