"""The escape time of any smooth process with weak noise, prefactor and all: the least action and what stands before its exponential."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.answer import Number
from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.numerics.exact.prefactor.sharp import log_prefactor
from eyring.numerics.exact.values import known_clock, swept
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["sharp_escape_time"]

SHARES = {"next well": 1.0, "to the saddle": 0.5}


def sharp_escape_time(
    sde: SDE,
    *,
    start: CriticalPoint | Sequence[float] | float,
    over: CriticalPoint | Sequence[float] | float,
    event: str,
    values: Mapping[Any, Any] | None = None,
    correction: Sequence[sp.Expr] | None = None,
    through: Sequence[Sequence[float]] | None = None,
) -> Number:
    r"""Return tau = prefactor exp(phi) for dx = b dt + sqrt(2 D(x)) dW in any number of coordinates; b need not be a gradient.

    phi is the least action, the prefactor the flux over the saddle by the neighbours of the least path (a Riccati equation along it). It is sharp
    as the noise grows weak: tau/(prefactor exp(phi)) tends to 1, with corrections as small as the noise over the barrier. For b = -grad L and
    D = T it is the law of Eyring and Kramers; in one dimension 2 pi (D_b/D_a)^(1/2 - q)/sqrt(H_a |H_b|) exp(int L'/D), q that of the calculus.
    The drift as written decides where well and saddle are; what the calculus adds to it counts in the prefactor alone.

    Args:
        sde: drift (n,), diffusion D (n, n), positive definite and smooth on the way.
        start: The attractor, such as a minimum.
        over: The saddle. Several saddles: add their rates 1/tau.
        event: "next well" (settled beyond), or "to the saddle", half of it: from the saddle one walker in two falls back.
        values: Numbers by symbol or printed name; arrays broadcast.
        correction: A part of the Ito drift that is as small as the noise and is not in the drift as written, one expression for each coordinate.
        through: Points that the first guess of the path passes through.

    Returns:
        The time; ``.log`` where it overflows. Its relative error is that of the calculation, not of the theory.

    Raises:
        ParameterError: If the event or a value is unknown, or a point has the wrong number of coordinates.
        NotApplicable: If start does not attract, over is no saddle with one way down, noise is missing in some direction, or drift or noise is
            not smooth.
        AccuracyError: If path or prefactor do not settle.

    Source: Bouchet & Reygner 2016 for additive noise [recalled]; for D(x), see ``eyring derive transport-prefactor``.

    >>> x, y = sp.symbols("x y", real=True)
    >>> tau = sharp_escape_time(SDE([x - x**3, -y], sp.eye(2) / 4, [x, y]), start=(-1, 0), over=(0, 0), event="next well")
    >>> round(float(tau), 9) == round(float((sp.sqrt(2) * sp.pi * sp.exp(1)).n()), 9)
    True
    """
    if event not in SHARES:
        raise ParameterError(f'event must be "next well" (settled beyond the saddle) or "to the saddle" (half of it), got {event!r}')

    def one(point: Mapping[Any, Any] | None) -> tuple[float, float, float, float]:
        action = quasipotential(sde, start=start, end=over, values=point, through=through)
        assert action.process is not None
        log, error = log_prefactor(sde, action.process[1], action.path, action.instanton, correction)
        clock = known_clock(sde.clock, action.process[1])
        return SHARES[event], log + action.value, float(np.hypot(error, action.error)), clock

    return swept(one, values, unit="time")
