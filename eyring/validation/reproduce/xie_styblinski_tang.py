"""Xie, Sato & Sugiyama's escape from a well of the ten-dimensional Styblinski-Tang function: the first coordinate to leave ends it.

L(theta) = sum_i f(theta_i), f = (x^4 - 16 x^2 + 5 x)/800, and 1024 samples l_n = L + sum_i e_ni g(theta_i), g' = (3.9 + 0.55 x)/20: G is diagonal,
equals the Hessian at the minimum and its absolute value at the saddle to 0.3 %, which is what the paper assumes, and is positive in between. Every
coordinate is a chain of its own, so ten parallel exits add their rates.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eyring.numerics.answer import Estimate
from eyring.numerics.exact.chain.survival import Box, chain_rate, sign_batches
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.escape_rows import AXES, Rival, Seen, along, in_time
from eyring.validation.reproduce.fits import slope_of
from eyring.validation.reproduce.signed_escape import SignedEscape
from eyring.validation.reproduce.signed_predict import predict_signed
from eyring.validation.reproduce.signed_sum import Run, SignedSum, polynomial

__all__ = ["REPRODUCTION"]

DIMENSION = 10
F = (1 / 800, 0.0, -16 / 800, 5 / 800, 0.0)
SLOPE = (4 / 800, 0.0, -32 / 800, 5 / 800)
TILT = (0.55 / 40, 3.9 / 20, 0.0)
TILT_SLOPE = (0.55 / 20, 3.9 / 20)
MINIMUM, SADDLE, GONE = 2.746802770990837, 0.1567312567803401, -1.5
H_A, H_B = 12 / 800 * MINIMUM**2 - 32 / 800, 12 / 800 * SADDLE**2 - 32 / 800
SETTINGS = (
    (2.0, 6, 1.0), (2.2, 6, 1.0), (1.8, 6, 1.0), (2.0, 7, 1.0), (2.0, 6, 0.9), (1.6, 6, 1.0), (2.0, 8, 1.0), (2.0, 6, 1.1), (2.0, 6, 0.8)
)  # fmt: skip


def loss(theta: Any) -> Any:
    """L, (R,) from (R, 10)."""
    return polynomial(F, theta).sum(-1)


def tilts(theta: Any) -> Any:
    """g(theta_i), (R, 10)."""
    return polynomial(TILT, theta)


def gradient(theta: Any) -> Any:
    """f'(theta_i), (R, 10)."""
    return polynomial(SLOPE, theta)


def slopes(theta: Any) -> Any:
    """g'(theta_i), (R, 10)."""
    return polynomial(TILT_SLOPE, theta)


def exited(theta: Any) -> Any:
    """Whether some coordinate is well beyond its saddle, (R,)."""
    return theta.amin(1) < GONE


def chain_time(run: Run, quick: bool) -> dict[str, float]:
    """Return the mean time to the first of ten exits, in iterations, from the chain of one coordinate with its momentum, and its relative error."""
    eta, mu = run.learning_rate * run.scale, run.momentum
    means, chances = sign_batches(run.batch_size)
    reach = 7 * eta * polynomial(TILT_SLOPE, 3.5) / math.sqrt(run.batch_size * (1 - mu**2))

    def step(x: np.ndarray, v: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = mu * v - eta * (polynomial(SLOPE, x) + noise[0] * polynomial(TILT_SLOPE, x))
        return x + moved, moved

    box = Box((GONE - 0.1, -reach), (4.4, reach), (90 if quick else 140, (36 if quick else 48) if mu else 9))
    batches = [(m, 0.0, p) for m, p in zip(means, chances, strict=True)]
    rate, error = chain_rate(step, batches, box, exited=lambda x, v: x < GONE, start=(MINIMUM, 0.0))
    return {"time": 1 / (DIMENSION * rate), "error": error}


def predict(run: Run) -> dict[str, float]:
    """Return what ``predict_escape`` says of one coordinate, ten times as often: parallel exits add their rates."""
    said = predict_signed(loss, tilts, minimum=(MINIMUM,), saddle=(SADDLE,), run=run)
    return said | {name: said[name] - math.log(DIMENSION) for name in ("log", "low", "high")}


def exponent(run: Run, *, frozen: bool = False) -> float:
    """Return the integral of 2 L'/(eta k C) from minimum to saddle, C = G/((1 - mu) B), by Gauss-Legendre; ``frozen`` takes G from the minimum."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    half = (SADDLE - MINIMUM) / 2
    x = MINIMUM + half * (nodes + 1)
    variance = polynomial(TILT_SLOPE, np.full_like(x, MINIMUM) if frozen else x) ** 2
    return float(half * np.sum(weights * 2 * polynomial(SLOPE, x) / variance)) / run.effective


def leading(run: Run) -> tuple[float, float]:
    """Return the exponent and Ito's leading-order time to the first of ten exits, iterations; momentum by the rule eta/(1 - mu)."""
    height = exponent(run)
    return height, 2 * math.pi * (1 - run.momentum) / (H_A * run.scale * run.learning_rate) * math.exp(height) / DIMENSION


def rivals(plain: Sequence[Seen]) -> list[Rival]:
    """Return the published laws: three prefactors with the exact exponent, and the exponent of noise frozen at the minimum."""
    ito, own = 2 * math.pi / H_A, max(abs(s.predicted / leading(s.run)[1] - 1) for s in plain)
    drop = f"C falls from minimum to saddle in proportion to the curvature: Ito's prefactor is 2 pi/H_a = {ito:.3g}"
    same = "held against the chain's time times the ratio of the prefactors, so with the exact exponent; allowed: what Ito's formula itself is off"

    def with_prefactor(prefactor: float) -> Callable[[Seen], float]:
        return lambda s: s.predicted * prefactor / ito

    return [
        Rival("Ito, leading order: tau = 2 pi/H_a exp(integral of 2 L'/(eta C))", "", lambda s: leading(s.run)[1], own),
        Rival("Xie et al., theorem 3.2: prefactor 2 pi/|H_b|", f"it is anti-Ito's; {drop}; {same}", with_prefactor(2 * math.pi / -H_B), own),
        Rival(
            "Kramers (Jastrzebski et al.; Dai & Zhu): prefactor 2 pi/sqrt(H_a |H_b|)", f"it is that of constant noise; {drop}; {same}",
            with_prefactor(2 * math.pi / math.sqrt(-H_A * H_B)), own,
        ),
        Rival(
            "Kramers with the noise of the minimum everywhere: exponent 2 B dL/(eta G_a)", "G at the saddle is half of that at the minimum",
            lambda s: math.exp(exponent(s.run, frozen=True)) / (s.run.learning_rate * s.run.scale), 0.0, slope=True,
        ),
    ]  # fmt: skip


def path_parameter(seen: Sequence[Seen]) -> Row:
    """Return Xie's s, read off the slope against 1/eta: exponent 2 B dL/eta (s/H_a + (1 - s)/|H_b|)."""
    barrier = polynomial(F, SADDLE) - polynomial(F, MINIMUM)
    slope: Estimate = slope_of([AXES["1/eta"](s.run) for s in seen], [in_time(s) for s in seen], "s")
    inner, outer = 1 / H_A, -1 / H_B
    s, low, high = ((outer - value / (2 * seen[0].run.batch_size * barrier)) / (outer - inner) for value in (slope.value, slope.high, slope.low))
    expected = (outer - seen[0].barrier * seen[0].run.effective / (2 * barrier)) / (outer - inner)
    verdict = "agrees" if low > 0 and high < 1 else "disagrees" if high < 0 or low > 1 else "undecided"
    return Row(
        "Xie et al., theorem 3.2: exponent 2 B dL/eta (s/H_a + (1 - s)/|H_b|) with some s in (0, 1)", s, low, high, verdict,
        note=f"measured: s, from the slope against 1/eta; it is not free: the integral along the path gives {expected:.3f}",
    )  # fmt: skip


EXPERIMENT = SignedEscape(
    title="First exit of ten coordinates from a well of the Styblinski-Tang function",
    landscape=SignedSum(loss, tilts, gradient, slopes, exited, (MINIMUM,) * DIMENSION),
    settings=SETTINGS,
    with_momentum=5,
    short=2,
    replicas=4096,
    work=3e7,
    share=0.1,
    chain_time=chain_time,
    leading=leading,
    relaxation=1 / H_A,
    rivals=rivals,
    drawn={"Xie: 2 pi/|H_b|": 1, "Kramers: 2 pi/sqrt(H_a |H_b|)": 2},
    predict=predict,
)


def judge(results: Mapping[str, Mapping[str, Any]], quick: bool) -> Finding:
    """Return the rows of the experiment, with Xie's s measured in the whole run."""
    finding = EXPERIMENT.judge(results, quick)
    extra = () if quick else (path_parameter(along(EXPERIMENT.seen(results, quick)[0], "1/eta")),)
    return Finding((*finding.rows, *extra), finding.draw)


REPRODUCTION = Reproduction(
    name="xie-styblinski-tang",
    paper="xie2021",
    figure="escape from Styblinski-Tang: -ln gamma against 1/k, B and 1/eta",
    title="Escape from a well of the ten-dimensional Styblinski-Tang function",
    setting=(
        "torch.optim.SGD, momentum 0, 0.5 and 0.9, on 1024 samples with declared gradients whose covariance equals the Hessian at the minimum and "
        "its absolute value at the saddle; the first of ten coordinates beyond its saddle ends a wait. k rescales the loss to L(sqrt(k) theta)."
    ),
    claims=(
        "-ln gamma is linear in 1/k, B and 1/eta",
        "tau = 2 pi/|H_b| exp(2 B dL/eta (s/H_a + (1 - s)/|H_b|))",
        "parallel exits add their rates",
    ),
    plan=EXPERIMENT.plan,
    judge=judge,
)
