"""SGD with Gaussian noise that is not weak: its chain solved at small learning rates, and the part of ln(tau) that grows like 1/eta."""

from collections.abc import Sequence

import sympy as sp

from eyring.numerics.estimators.leading_exponent import leading_exponent
from eyring.numerics.exact import exact_chain_time
from eyring.numerics.roads.contract import Road, Trial
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance

__all__ = ["GaussianChain"]

X = sp.Symbol("x", real=True)
RATES = (0.075, 0.062, 0.05, 0.04, 0.032)
SHOWN_AT = 0.03


class GaussianChain(Road):
    """Fit ln(tau) = S/eta + alpha ln(eta) + c_0 + c_1 eta + c_2 eta^2 through five learning rates."""

    result = "gaussian-exponent"
    method = "mean escape time of the chain at five learning rates; the part of ln(tau) that grows like 1/eta"

    def trials(self) -> Sequence[Trial]:
        """A lopsided double well, left from either side at two strengths of the noise."""
        loss = Landscape(X**4 / 4 - X**3 / 10 - X**2 / 2 + sp.Rational(3, 5), [X])
        (left, right), (saddle,) = loss.minima(), loss.saddles()
        found = []
        for start, end, strength in ((right, left, 0.7), (left, right, 0.4)):
            logs = [
                exact_chain_time(SGD(), loss, Covariance(sp.Rational(str(strength))), start=start, target=end, values={"eta": eta}).log
                for eta in RATES
            ]
            values = {"L_a": float(start.value), "L_b": float(saddle.value), "C": strength, "eta": SHOWN_AT}
            found.append(Trial(values, leading_exponent(RATES, logs) / SHOWN_AT, 1e-3))
        return found
