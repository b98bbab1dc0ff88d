"""Standard landscapes: the double well, test functions of optimisation, and one known only by its local data."""

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.sde import SDE
from eyring.theory.symbols import curvature_min, curvature_saddle, exact_number, loss_min, loss_saddle, temperature

__all__ = ["LocalLandscape", "double_well", "local", "maier_stein", "mueller_brown", "styblinski_tang"]


def double_well(h: float | sp.Expr = 1) -> Landscape:
    """Return L = h (x^2 - 1)^2: minima at -1 and 1, barrier h at 0, curvatures 8 h and -4 h.

    >>> double_well().saddles()[0].value
    1
    """
    x = sp.Symbol("x", real=True)
    return Landscape(exact_number(h) * (x**2 - 1) ** 2, [x])


def styblinski_tang(dim: int = 2) -> Landscape:
    """Return L = (1/2) sum_i (x_i^4 - 16 x_i^2 + 5 x_i), with 2^dim minima.

    Raises:
        EyringError: If dim is not a positive integer.
    """
    if not (isinstance(dim, int) and dim >= 1):
        raise EyringError(f"dim must be a positive integer, got {dim!r}")
    coordinates = sp.symbols(f"x1:{dim + 1}", real=True)
    return Landscape(sum(x**4 - 16 * x**2 + 5 * x for x in coordinates) / 2, coordinates, domain=[(-5, 5)] * dim)


def mueller_brown() -> Landscape:
    """Return the Mueller-Brown surface (Theor. Chim. Acta 53, 75, 1979): three minima, two saddles, in (x, y)."""
    x, y = sp.symbols("x y", real=True)
    rows = [  # height, a, b, c, x0, y0
        (-200, -1, 0, -10, 1, 0),
        (-100, -1, 0, -10, 0, sp.Rational(1, 2)),
        (-170, sp.Rational(-13, 2), 11, sp.Rational(-13, 2), sp.Rational(-1, 2), sp.Rational(3, 2)),
        (15, sp.Rational(7, 10), sp.Rational(3, 5), sp.Rational(7, 10), -1, 1),
    ]
    bumps = [k * sp.exp(a * (x - p) ** 2 + b * (x - p) * (y - q) + c * (y - q) ** 2) for k, a, b, c, p, q in rows]
    return Landscape(sum(bumps), [x, y], domain=[(-1.5, 1.2), (-0.2, 2.0)])


def maier_stein(beta: float | sp.Expr = 10) -> SDE:
    """Return the Maier-Stein process (SIAM J. Appl. Math. 57, 752, 1997): no gradient drift unless beta = 1.

    dx = (x - x^3 - beta x y^2) dt + sqrt(2 T) dW, dy = -(1 + x^2) y dt + sqrt(2 T) dW.
    """
    x, y = sp.symbols("x y", real=True)
    return SDE([x - x**3 - exact_number(beta) * x * y**2, -(1 + x**2) * y], temperature * sp.eye(2), [x, y])


class LocalLandscape(Landscape):
    """A loss of which only the values and curvatures at one minimum and one saddle are known: what a network gives us."""

    @property
    def critical_points(self) -> tuple[CriticalPoint, ...]:  # type: ignore[override]
        """The minimum at ``x_a`` and the saddle at ``x_b``."""
        x_a, x_b = sp.symbols("x_a x_b", real=True)
        return (
            CriticalPoint((x_a,), loss_min, sp.ImmutableMatrix([[curvature_min]]), 0),
            CriticalPoint((x_b,), loss_saddle, sp.ImmutableMatrix([[curvature_saddle]]), 1),
        )


def local() -> LocalLandscape:
    """Return the landscape known by L_a, L_b, H_a and H_b alone, as symbols.

    >>> [str(p.value) for p in local().critical_points]
    ['L_a', 'L_b']
    """
    x = sp.Symbol("x", real=True)
    return LocalLandscape(sp.Function("L", real=True)(x), [x])
