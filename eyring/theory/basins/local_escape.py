"""Escape times of a loss known by its values and curvatures at one minimum and one saddle, for the noises of the literature."""

from functools import cache

import sympy as sp

from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula
from eyring.theory.landscapes import local
from eyring.theory.noise import Hessian, Loss
from eyring.theory.sde import SDE
from eyring.theory.symbols import learning_rate, temperature

__all__ = ["hessian_noise_time", "loss_noise_time", "white_noise_time"]


@cache
def white_noise_time() -> Formula:
    """Derive Kramers' time to the next well, D = T."""
    return _time(temperature, "kramers")


@cache
def hessian_noise_time(*, published: bool = False) -> Formula:
    """Derive Xie, Sato & Sugiyama's time to the next well, C = |H|/B frozen at the minimum and then at the saddle."""
    return _time(learning_rate / 2 * Hessian().covariance(local())[0], "xie", published=published)


@cache
def loss_noise_time() -> Formula:
    """Derive Mori, Ziyin, Liu & Ueda's time to the next well, C = 2 L(x) H_a/B."""
    return _time(learning_rate / 2 * Loss().covariance(local())[0], "mori")


def _time(diffusion: sp.Expr, theory: str, *, published: bool = False) -> Formula:
    loss = local()
    minimum, saddle = loss.critical_points
    clock = learning_rate if diffusion != temperature else sp.Integer(1)
    sde = SDE(-loss.gradient, diffusion, loss.coordinates, clock=clock, landscape=loss)
    return escape_time(sde, start=minimum, over=saddle, event="next well", theory=theory, published=published)
