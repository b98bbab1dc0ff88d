"""The loss that an optimizer's drift descends: the training loss, with weight decay, or seen through the mobility of an adaptive optimizer."""

import sympy as sp

from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.potential import potential
from eyring.theory.symbols import switch_fraction

__all__ = ["effective_loss"]


def effective_loss(loss: Landscape, drift: sp.MatrixBase, diffusion: sp.MatrixBase) -> Landscape | None:
    """Return U with drift = -grad U, or None where none is known.

    Args:
        loss: The training loss L, (n,) coordinates.
        drift: The drift, (n, 1): -grad L, or -grad L - lambda x, or -M grad L with one mobility M for all coordinates (in one dimension it may take
            one value up to a point and another beyond).
        diffusion: The diffusion matrix, (n, n). A loss known at two points alone is seen through a switched
            mobility only if the noise does not switch too.

    >>> x = sp.Symbol("x", real=True)
    >>> effective_loss(Landscape(x**4 / 4, [x]), sp.Matrix([-3 * x**3]), sp.eye(1)).expression
    3*x**4/4
    """
    if drift == -loss.gradient:
        return loss
    ratios = {sp.simplify(-f / g) for f, g in zip(drift, loss.gradient, strict=True) if g != 0}
    mobility = ratios.pop() if len(ratios) == 1 else sp.nan
    if mobility is sp.nan or mobility == 0:
        return potential(list(drift), loss.coordinates) if drift.is_zero_matrix is not True and _is_simple(drift, loss) else None
    if not mobility.free_symbols & set(loss.coordinates):
        return _UnknownLoss.through(loss, mobility, mobility) if isinstance(loss, LocalLandscape) else _scaled(loss, mobility * loss.expression)
    mobility = sp.piecewise_fold(mobility)
    if loss.dim == 1 and isinstance(mobility, sp.Piecewise) and len(mobility.args) == 2 and not _varies(mobility, loss):
        return None if isinstance(loss, LocalLandscape) and diffusion.free_symbols & {loss.coordinates[0]} else _through_a_switch(loss, mobility)
    return potential(list(drift), loss.coordinates) if _is_simple(drift, loss) else None


class _UnknownLoss(LocalLandscape):
    """A loss known at its minimum and saddle alone, seen through a mobility that is one number near the minimum and another near the saddle."""

    mobilities: tuple[sp.Expr, sp.Expr]

    @classmethod
    def through(cls, loss: LocalLandscape, at_minimum: sp.Expr, at_saddle: sp.Expr) -> "_UnknownLoss":
        """Return the landscape; the mobility changes when the share s of the barrier is climbed."""
        seen = cls(loss.expression, loss.coordinates)
        object.__setattr__(seen, "mobilities", (at_minimum, at_saddle))
        return seen

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # type: ignore[override]
        """The minimum and the saddle, at their old places, with values and curvatures as the drift knows them."""
        a, b = super().critical_points
        low, high = self.mobilities
        climb = (low * switch_fraction + high * (1 - switch_fraction)) if low != high else low
        return (
            CriticalPoint(a.position, low * a.value, low * a.hessian, 0),
            CriticalPoint(b.position, low * a.value + climb * (b.value - a.value), high * b.hessian, 1),
        )


def _through_a_switch(loss: Landscape, mobility: sp.Piecewise) -> Landscape | None:
    (first, condition), (second, _) = mobility.args
    x = loss.coordinates[0]
    switch = condition.lhs if condition.rhs == x else condition.rhs
    if isinstance(loss, LocalLandscape):
        return _UnknownLoss.through(loss, first, second)
    climbed = loss.expression - loss.expression.subs(x, switch)
    return _scaled(loss, sp.Piecewise((first * climbed, condition), (second * climbed, True)))


def _scaled(loss: Landscape, expression: sp.Expr) -> Landscape:
    return Landscape(expression, loss.coordinates, domain=loss.domain)


def _varies(mobility: sp.Piecewise, loss: Landscape) -> bool:
    return any(value.free_symbols & set(loss.coordinates) for value, _ in mobility.args)


def _is_simple(drift: sp.MatrixBase, loss: Landscape) -> bool:
    """Say whether the potential is found by integrating powers; other integrals may take for ever."""
    return all(f.is_polynomial(*loss.coordinates) for f in drift)
