"""The exponent of SGD's escape time at a fixed batch, as the learning rate goes to zero, for any law of the batches."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.answer import Number
from eyring.numerics.exact.quadrature import Panels, halved
from eyring.numerics.exact.values import exact_value, matched_values
from eyring.theory.escape.problem import Place
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import GradientNoise
from eyring.theory.rare_events.climb import climb_of
from eyring.theory.rare_events.large_deviations import MOMENTUM, hamiltonian
from eyring.theory.symbols import batch_size, learning_rate

__all__ = ["large_deviation_exponent"]

Function = Callable[..., np.ndarray]
MOST_HALVINGS = 7
DOUBLINGS = 60
BISECTIONS = 80


def large_deviation_exponent(
    loss: Landscape, noise: GradientNoise | sp.Lambda, *, start: Place, over: Place, values: Mapping[Any, Any] | None = None
) -> Number:
    r"""Return S = lim eta ln(tau) of x' = x - eta g as eta -> 0 at a fixed batch: S = int_a^b p dx, with ln E exp(-p g) = 0 and p beside zero.

    g is the gradient of a batch. For Gaussian noise of covariance C this is int 2 L'/C dx, the exponent of the SDE; for real batches it is not,
    unless |L'| is small against the noise on the whole way: the SDE is then exponentially wrong.

    Args:
        loss: A landscape of one coordinate.
        noise: A gradient noise (``ey.noise.FiniteSum`` has the law of real batches, others are Gaussian), or ``sp.Lambda(p, K)`` with
            K(p) = ln E exp(-p zeta) of the noise zeta of a batch; K may hold the coordinate.
        start: The minimum, a critical point or a number near it.
        over: The saddle.
        values: Numbers by symbol or printed name for the parameters and, unless a Lambda is given, ``B``.

    Returns:
        S, in units of the learning rate (length^2/loss): tau is exp(S/eta) to leading order. The error is estimated from two resolutions.

    Raises:
        NotApplicable: If the loss has several coordinates, start is no minimum, over is no saddle, or no sequence of batches climbs the slope.
        ParameterError: If a value is missing or unknown.
        AccuracyError: If the integral does not settle.

    Source: Freidlin & Wentzell, ch. 4-6; Azizian et al. 2024 for SGD.

    >>> from eyring.theory.noise import Isotropic
    >>> x = sp.Symbol("x", real=True)
    >>> quartic = Landscape(x**4/4 - x**2/2, [x])
    >>> round(large_deviation_exponent(quartic, Isotropic(), start=-1, over=0, values={"sigma": 1, "B": 1}).value, 12)
    0.5
    """
    given = {k if isinstance(k, str) else k.name: v for k, v in (values or {}).items()}
    size = exact_value(given["B"]) if "B" in given else batch_size
    H = hamiltonian(loss, noise, batch_size=size)
    x = loss.coordinates[0]
    free = sorted((H.free_symbols | loss.expression.free_symbols) - {x, MOMENTUM}, key=str)
    numbers = matched_values(values, free, asked_by="large_deviation_exponent of this noise", allowed=(batch_size, learning_rate))
    exact = {s: exact_value(v) for s, v in numbers.items()}
    climb = climb_of(Landscape(loss.expression.subs(exact), loss.coordinates, domain=loss.domain), start=start, over=over)
    a, b = (float(e) for e in climb.ends)
    H = H.subs(exact)
    variance = _variance(H)
    if variance == 0:
        raise NotApplicable("the batch is the whole data and has no noise: the escape time is infinite. Use a smaller batch")
    gaussian = 2 * climb.loss.gradient[0] / variance
    functions = tuple(sp.lambdify((x, MOMENTUM), e, "numpy") for e in (H, sp.diff(H, MOMENTUM), gaussian))
    value, error = _integrated(functions, a, b)
    return Number.of(value, error=error, unit="units of the learning rate")


def _variance(H: sp.Expr) -> sp.Expr:
    """Return the variance of the batch's gradient; a law written as a ratio, such as sinh(p)/p, is expanded about p = 0."""
    curved = sp.diff(H, MOMENTUM, 2)
    plain = curved.subs(MOMENTUM, 0)
    return sp.limit(curved, MOMENTUM, 0) if plain.has(sp.nan, sp.zoo, sp.oo) else plain


def _integrated(functions: tuple[Function, Function, Function], a: float, b: float) -> tuple[float, float]:
    edges, before = np.linspace(a, b, 5), np.inf
    for _ in range(MOST_HALVINGS):
        panels = Panels(edges)
        points = panels.points.ravel()
        value = float(np.sum(panels.whole(_roots(functions, points).reshape(panels.points.shape))))
        if abs(value - before) <= 1e-13 * abs(value):
            break
        edges, before = _finer(edges), value
    error = max(abs(value - before), 1e-14 * abs(value))
    if not error <= 1e-6 * value:
        raise AccuracyError(f"the exponent settled only to {error / abs(value):.1g} (relative): the noise jumps or vanishes on the way", value, error)
    return value, error


def _finer(edges: np.ndarray) -> np.ndarray:
    """Halve panels that may run either way."""
    return halved(edges) if edges[-1] > edges[0] else -halved(-edges)


def _roots(functions: tuple[Function, Function, Function], x: np.ndarray) -> np.ndarray:
    """Return the root p beside zero of H(x, p) at every x: H is convex in p and falls at zero, seen towards the saddle."""
    energy, slope, gaussian = functions
    scale = np.broadcast_to(gaussian(x, np.zeros_like(x)), x.shape)
    low, high = 0.5 * scale, scale.copy()
    with np.errstate(all="ignore"):
        for _ in range(DOUBLINGS):
            low = np.where(energy(x, low) > 0, low / 2, low)
            high = np.where(~(energy(x, high) >= 0), 2 * high, high)
        at_high = energy(x, high)
        if not np.all(at_high >= 0):
            where = float(x[np.argmax(~(at_high >= 0))])
            raise NotApplicable(
                f"no sequence of batches climbs past {where:.6g}: there even the most favourable batch points back, so the escape time is infinite "
                "(Gaussian noise of the same covariance would cross). Use a smaller batch or noisier samples"
            )
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            above = energy(x, middle) > 0
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        root = (low + high) / 2
        polished = root - energy(x, root) / slope(x, root)
    return np.where(np.isfinite(polished) & (np.abs(polished - root) < 1e-6 * np.abs(root)), polished, root)
