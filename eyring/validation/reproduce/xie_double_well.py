"""Escape from a two-dimensional anisotropic double well as a finite sum: curvature and noise across the way change from minimum to saddle.

L = c (x^4/4 - x^2/2 + (1 + 2 x^2) y^2/2) on four samples L +- g_x(x) +- g_y y with g_x' = sqrt(c)(1 - (sqrt 2 - 1) x), g_y' = sqrt(3 c): G equals the
Hessian at the minimum (-1, 0), and |H_b| along the way at the saddle (0, 0). Noise and curvature do not change in the same way, so there is no
potential, and the prefactors of Eyring-Kramers and of Xie et al. both miss.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import sympy as sp

from eyring.numerics.exact.chain.survival import Box
from eyring.validation.reproduce.chain_across import Across, Along, rate_across
from eyring.validation.reproduce.contract import Reproduction
from eyring.validation.reproduce.escape_rows import Rival, Seen
from eyring.validation.reproduce.signed_escape import SignedEscape
from eyring.validation.reproduce.signed_predict import predict_signed
from eyring.validation.reproduce.signed_sum import Run, SignedSum

__all__ = ["REPRODUCTION"]

C, TILT = 0.13, math.sqrt(2) - 1
G_Y = math.sqrt(3 * C)
GONE = 0.9
H_A, H_B = 2 * C, -C
SETTINGS = ((0.33, 7, 1.0), (0.36, 7, 1.0), (0.33, 6, 1.0), (0.33, 7, 1.1), (0.30, 7, 1.0), (0.33, 8, 1.0), (0.33, 7, 0.9))


def loss(theta: Any) -> Any:
    """L, (R,) from (R, 2)."""
    x, y = theta[..., 0], theta[..., 1]
    return C * (x**4 / 4 - x**2 / 2 + (1 + 2 * x**2) * y**2 / 2)


def tilts(theta: Any) -> Any:
    """(g_x, g_y), (R, 2)."""
    x, y = theta[..., 0], theta[..., 1]
    return _columns(theta, math.sqrt(C) * (x - TILT * x**2 / 2), G_Y * y)


def gradient(theta: Any) -> Any:
    """grad L, (R, 2)."""
    return _columns(theta, *slope(theta[..., 0], theta[..., 1]))


def slopes(theta: Any) -> Any:
    """(g_x', g_y'), (R, 2)."""
    x = theta[..., 0]
    return _columns(theta, math.sqrt(C) - math.sqrt(C) * TILT * x, G_Y + 0 * x)


def exited(theta: Any) -> Any:
    """Whether a replica is well beyond the saddle, (R,)."""
    return theta[..., 0] > GONE


def slope(x: Any, y: Any) -> tuple[Any, Any]:
    """grad L by components."""
    return C * x * (x * x + 2 * y * y - 1), C * y * (2 * x * x + 1)


def _columns(theta: Any, first: Any, second: Any) -> Any:
    if isinstance(theta, np.ndarray):
        return np.stack([first, second], axis=-1)
    import torch

    return torch.stack([first, second]).movedim(0, -1)  # a column lies in one piece of memory


def chain_time(run: Run, quick: bool) -> dict[str, float]:
    """Return the mean exit time in iterations and its relative error, from the chain of both coordinates and both velocities."""
    eta, mu = run.learning_rate * run.scale, run.momentum
    reach = 7 * eta * math.sqrt(C) * (1 + 1.6 * TILT) / math.sqrt(run.batch_size * (1 - mu**2))
    box = Box((-2.5, -reach), (1.0, reach), (72, 30) if quick else (105, 42))
    along = Along(lambda x, y: slope(x, y)[0], lambda x: math.sqrt(C) * (1 - TILT * x), GONE, box)
    across = Across(lambda x: C * (1 + 2 * x * x), G_Y, 2 * C, 6 if quick else 8)
    rate, error = rate_across(along, across, learning_rate=eta, momentum=mu, batch_size=run.batch_size)
    return {"time": 1 / rate, "error": error}


@cache
def sharp(noise: float) -> tuple[float, float]:
    """Return the exponent and the sharp leading-order time of the SDE at eta k/((1 - mu) B), in units of eta k/(1 - mu)."""
    from eyring.numerics.exact import sharp_escape_time
    from eyring.theory.sde import SDE

    x, y = sp.symbols("x y", real=True)
    height = C * (x**4 / 4 - x**2 / 2 + (1 + 2 * x**2) * y**2 / 2)
    diffusion = sp.diag(sp.Float(noise * C / 2) * (1 - sp.Float(TILT) * x) ** 2, sp.Float(noise * 3 * C / 2))
    tau = sharp_escape_time(SDE([-sp.diff(height, q) for q in (x, y)], diffusion, [x, y]), start=(-1, 0), over=(0, 0), event="next well")
    nodes, weights = np.polynomial.legendre.leggauss(40)
    way = (nodes - 1) / 2
    exponent = float(np.sum(weights * (way**3 - way) / (1 - TILT * way) ** 2)) / noise
    return exponent, float(tau)


def predict(run: Run) -> dict[str, float]:
    """Return what ``predict_escape`` says, which is told the formulas around the way: its prefactor then knows that there is no potential."""
    from eyring.theory.landscape import Landscape
    from eyring.theory.noise.finite_sum import FiniteSum
    from eyring.validation.predictors.surroundings import KnownLandscape

    x, y = sp.symbols("x y", real=True)
    height = sp.Float(C) * (x**4 / 4 - x**2 / 2 + (1 + 2 * x**2) * y**2 / 2)
    along, across = sp.Float(math.sqrt(C)) * (x - sp.Float(TILT) * x**2 / 2), sp.Float(G_Y) * y
    samples = FiniteSum([height + a * along + b * across for a in (1, -1) for b in (1, -1)])
    known = KnownLandscape(Landscape(height, [x, y]), samples)
    return predict_signed(loss, tilts, minimum=(-1.0, 0.0), saddle=(0.0, 0.0), run=run, surroundings=known)


def leading(run: Run) -> tuple[float, float]:
    """Return the exponent along the way and the sharp leading-order time, iterations; momentum by the rule eta/(1 - mu)."""
    exponent, time = sharp(round(run.effective, 12))
    return exponent, time * (1 - run.momentum) / (run.learning_rate * run.scale)


def rivals(plain: Sequence[Seen]) -> list[Rival]:
    """Return the published laws: their prefactors with the exact exponent, and Eyring-Kramers with the noise of the minimum."""
    exponent, time = sharp(round(plain[0].run.effective, 12))
    mine = time / math.exp(exponent)
    own = max(abs(s.predicted / leading(s.run)[1] - 1) for s in plain)
    truth = f"the sharp prefactor, from the flux along the least path, is {mine:.3g}; held against the chain's time times the ratio of the prefactors"

    def with_prefactor(prefactor: float) -> Callable[[Seen], float]:
        return lambda s: s.predicted * prefactor / mine

    anti_ito = "it is anti-Ito's, and has no ratio of the curvatures across the way"
    constant = "it is that of constant isotropic noise; here C falls along the way, and across it the walkers are hotter than along it"
    return [
        Rival("the sharp weak-noise limit (leading order)", "its own error is read off the chain", lambda s: leading(s.run)[1], own),
        Rival("Xie et al., theorem 3.2: prefactor 2 pi/|H_b|", f"{anti_ito}; {truth}", with_prefactor(2 * math.pi / -H_B), own),
        Rival(
            "Eyring-Kramers (Jastrzebski et al.; Dai & Zhu; Xie et al., theorem 3.1): prefactor 2 pi sqrt(|det H_b|/det H_a)/|H_b|",
            f"{constant}; {truth}", with_prefactor(2 * math.pi * math.sqrt(C * C / (2 * C * 3 * C)) / C), own,
        ),
        Rival(
            "Kramers with the noise of the minimum everywhere: exponent 2 B dL/(eta G_a)", "G along the way halves from minimum to saddle",
            lambda s: math.exp(C / 4 / (H_A * s.run.effective / 2)) / (s.run.learning_rate * s.run.scale), 0.0, slope=True,
        ),
    ]  # fmt: skip


EXPERIMENT = SignedEscape(
    title="Escape from the two-dimensional anisotropic double well",
    landscape=SignedSum(loss, tilts, gradient, slopes, exited, (-1.0, 0.0)),
    settings=SETTINGS,
    with_momentum=4,
    short=2,
    replicas=65536,
    work=4e8,
    share=0.25,
    chain_time=chain_time,
    leading=leading,
    relaxation=1 / H_A,
    rivals=rivals,
    drawn={"the sharp weak-noise limit": 0, "Xie: 2 pi/|H_b|": 1, "Eyring-Kramers": 2},
    predict=predict,
)


REPRODUCTION = Reproduction(
    name="xie-double-well",
    paper="xie2021",
    figure="escape in two dimensions: theorems 3.1 and 3.2",
    title="Escape from a two-dimensional anisotropic double well",
    setting=(
        "torch.optim.SGD, momentum 0, 0.5 and 0.9, on four samples with declared gradients: G equals the Hessian at the minimum, and its absolute "
        "value along the way at the saddle; the curvature across the way falls to a third. k rescales the loss to L(sqrt(k) theta)."
    ),
    claims=("tau = 2 pi sqrt(|det H_b|/det H_a)/|H_b| exp(dL/D)", "tau = 2 pi/|H_b| exp(2 B dL/eta (s/H_a + (1 - s)/|H_b|))"),
    plan=EXPERIMENT.plan,
    judge=EXPERIMENT.judge,
)
