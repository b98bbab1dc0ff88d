"""The chain of white-noise gradient descent, solved as it stands: its escape time to first order in the step, then at ever weaker noise."""

from collections.abc import Iterator, Sequence

import numpy as np
import sympy as sp

from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.roads.contract import Limit, Trial
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.landscape import CriticalPoint, Landscape

__all__ = ["FiniteStepChain"]

STEPS = (0.8, 1.6, 3.2)  # in units of T: the chain's own expansion is in eta^2/T
SHOWN_AT = 0.3  # the step at which the first-order law is compared: so large that the correction is felt
X = sp.Symbol("x", real=True)


class FiniteStepChain(Limit):
    """Let eta -> 0 in (tau_chain/tau_SDE - 1)/eta first, by three steps; then T -> 0, by four temperatures."""

    result = "finite-step-rate"
    method = "transfer operator of the chain, eta -> 0 at fixed T by three steps, then T -> 0"
    tolerance = 3e-3

    def trials(self) -> Sequence[Trial]:
        """Two lopsided double wells: one sharper at its minimum than at its saddle, one flatter."""
        sharp = Landscape(X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5), [X])
        flat = Landscape(X**6 / 40 + sp.exp(-3 * (X - sp.Rational(1, 10)) ** 2) / 2, [X], domain=[(-3, 3)])
        (low, high), (left, right) = sharp.minima(), flat.minima()
        return [
            *_group("sharp", sharp, start=high, end=low, temperatures=(0.025, 0.02, 0.015, 0.012)),
            *_group("flat", flat, start=left, end=right, temperatures=(0.03, 0.024, 0.019, 0.015)),
        ]


def _group(name: str, loss: Landscape, *, start: CriticalPoint, end: CriticalPoint, temperatures: Sequence[float]) -> Iterator[Trial]:
    (saddle,) = loss.saddles()
    local = {"L_a": float(start.value), "L_b": float(saddle.value), "H_a": float(start.hessian[0, 0]), "H_b": float(saddle.hessian[0, 0])}
    optimizer = WhiteNoiseGD()
    for t in temperatures:
        continuous = float(exact_escape_time(optimizer.sde(loss), start=start, target=end, values={"T": t}))
        steps = [share * t for share in STEPS]
        chain = [float(exact_chain_time(optimizer, loss, start=start, target=end, values={"T": t, "eta": eta}).per_time) for eta in steps]
        slope = _at_zero([(c / continuous - 1) / eta for c, eta in zip(chain, steps, strict=True)])
        values = {**local, "T": t, "eta": SHOWN_AT}
        yield Trial(values, continuous * (1 + SHOWN_AT * slope), smallness=t, group=name)


def _at_zero(slopes: Sequence[float]) -> float:
    """Return the value at step zero of the polynomial through the steps."""
    return float(np.linalg.solve(np.vander(STEPS, increasing=True), slopes)[0])
