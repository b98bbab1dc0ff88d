"""Exit under stable noise: the nonlocal backward equation solved on a grid, at ever weaker noise."""

from collections.abc import Iterator, Sequence

import sympy as sp

from eyring.numerics.exact.levy_exit import exact_levy_exit_time
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.landscape import Landscape

__all__ = ["JumpsBetweenCells"]

X = sp.Symbol("x", real=True)
WEAKNESS = (0.02, 0.01, 0.005)  # eps^alpha


class JumpsBetweenCells(Limit):
    """A lopsided well in lopsided intervals, at three stability indices."""

    result = "levy-exit"
    method = "nonlocal backward equation as jumps between the cells of a grid, weaker and weaker noise"
    tolerance = 1e-3

    def trials(self) -> Sequence[Trial]:
        """Below, near and above alpha = 1."""
        return [*_group(0.7, 0.8, 1.3), *_group(1.1, 0.5, 0.9), *_group(1.5, 1.4, 0.6)]


def _group(alpha: float, left: float, right: float) -> Iterator[Trial]:
    loss = Landscape(sp.Rational(13, 20) * X**2 + sp.Rational(2, 15) * X**3 + X**4 / 8, [X])
    for weakness in WEAKNESS:
        eps = weakness ** (1 / alpha)
        time = exact_levy_exit_time(loss, stability=alpha, scale=eps, interval=(-left, right), start=0.0).value
        yield Trial({"alpha_s": alpha, "eps_L": eps, "d_1": left, "d_2": right}, time, smallness=weakness, group=str(alpha))
