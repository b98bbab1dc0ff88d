"""Descent with heavy-tailed kicks: a walker slides down its loss and jumps, each coordinate by a symmetric stable law of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp

from eyring.errors import EyringError, ParameterError
from eyring.theory.landscape import Landscape
from eyring.theory.symbols import exact_number

__all__ = ["LevyFlight"]


@dataclass(frozen=True)
class LevyFlight:
    r"""d(theta_i) = -dL/d(theta_i) dt + eps dL_i, L_i independent and symmetric stable: E exp(iuL_i(t)) = exp(-t |u|^alpha).

    SGD with step eta whose gradient noise is stable with scale sigma is this walk at time steps eta, with eps = eta^(1 - 1/alpha) sigma.

    Args:
        loss: The landscape.
        stability: alpha, between 0 and 2.
        scale: eps, in length/time^(1/alpha).

    Raises:
        ParameterError: If alpha is not between 0 and 2, or eps not positive.
        EyringError: If the loss is no landscape.

    >>> x = sp.Symbol("x", real=True)
    >>> print(LevyFlight(Landscape(x**2 / 2, [x]), stability=1.5, scale=0.1))
    dx = (-x) dt + eps dL, eps = 1/10, L symmetric stable with alpha = 3/2
    """

    loss: Landscape
    stability: sp.Expr
    scale: sp.Expr

    def __init__(self, loss: Landscape, *, stability: sp.Expr | float, scale: sp.Expr | float) -> None:
        if not isinstance(loss, Landscape):
            raise EyringError(f"a Levy flight needs a loss, ey.Landscape(...), got {loss!r}")
        alpha, eps = exact_number(stability), exact_number(scale)
        if alpha.is_number and not (alpha.is_real and 0 < alpha < 2):
            raise ParameterError(f"stability must be between 0 and 2: at 2 the noise is Gaussian, an SDE; got {alpha}")
        if eps.is_number and not (eps.is_real and eps.is_finite and eps > 0):
            raise ParameterError(f"scale must be positive, got {eps}")
        for name, value in {"loss": loss, "stability": alpha, "scale": eps}.items():
            object.__setattr__(self, name, value)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """The free symbols that are not coordinates, by name."""
        return tuple(sorted(set(self.loss.parameters) | self.stability.free_symbols | self.scale.free_symbols, key=str))

    def subs(self, values: Mapping[sp.Symbol, sp.Expr]) -> "LevyFlight":
        """Return the walk with numbers (or expressions) in place of parameters; refuses numbers out of range as the constructor does."""
        loss = Landscape(self.loss.expression.subs(values), self.loss.coordinates, domain=self.loss.domain)
        return LevyFlight(loss, stability=self.stability.subs(values), scale=self.scale.subs(values))

    def __str__(self) -> str:
        rows = [f"d{x} = ({-g}) dt + eps dL" for x, g in zip(self.loss.coordinates, self.loss.gradient, strict=True)]
        return "\n".join(rows) + f", eps = {self.scale}, L symmetric stable with alpha = {self.stability}"
