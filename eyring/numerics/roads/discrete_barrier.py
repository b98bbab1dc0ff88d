"""The barrier at a finite step: the path of least action of the chain itself, found by Newton's method."""

from collections.abc import Sequence

import mpmath
import sympy as sp

from eyring.numerics.exact.chain.action import chain_barrier
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.landscape import Landscape

__all__ = ["LeastAction"]

X = sp.Symbol("x", real=True)
STEPS = (0.03, 0.05, 0.08, 0.12)


class LeastAction(Limit):
    """Shrink the step on two lopsided wells; the integral of L' L''^2 is had by quadrature."""

    result = "discrete-barrier"
    method = "path of least action of the chain, by Newton's method, eta -> 0"
    kept = 2
    tolerance = 2e-4

    def trials(self) -> Sequence[Trial]:
        """One way to the right and one to the left."""
        lopsided = Landscape(X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5), [X])
        bump = Landscape(X**6 / 40 + sp.exp(-3 * (X - sp.Rational(1, 10)) ** 2) / 2, [X], domain=[(-3, 3)])
        return [*_group("quartic", lopsided, well=1), *_group("bump", bump, well=0)]


def _group(name: str, loss: Landscape, *, well: int) -> list[Trial]:
    start, (over,) = loss.minima()[well], loss.saddles()
    slope, bend = (sp.lambdify(X, sp.diff(loss.expression, X, k), "mpmath") for k in (1, 2))
    a, b = (mpmath.mpf(sp.N(p.position[0], 30)) for p in (start, over))
    known = {"L_a": sp.N(start.value, 30), "L_b": sp.N(over.value, 30), "A_12": mpmath.quad(lambda u: slope(u) * bend(u) ** 2, [a, b])}
    known = {k: mpmath.mpf(v) for k, v in known.items()}
    barriers = [float(chain_barrier(loss, start=start, over=over, values={"eta": eta})) for eta in STEPS]
    return [Trial({**known, "eta": eta}, barrier, smallness=eta, group=name) for eta, barrier in zip(STEPS, barriers, strict=True)]
