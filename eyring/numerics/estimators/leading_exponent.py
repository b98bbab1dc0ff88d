"""The exponent hidden in a few escape times: the part of ln(tau) that grows like one over the learning rate."""

from collections.abc import Sequence

import numpy as np

__all__ = ["leading_exponent"]


def leading_exponent(rates: Sequence[float], logs: Sequence[float]) -> float:
    """Return S of ln(tau) = S/eta + alpha ln(eta) + c_0 + c_1 eta + c_2 eta^2 + ..., fitted exactly through as many learning rates as unknowns."""
    eta = np.asarray(rates, dtype=float)
    columns = [1 / eta, np.log(eta), *(eta**k for k in range(len(eta) - 2))]
    return float(np.linalg.solve(np.stack(columns, axis=1), np.asarray(logs, dtype=float))[0])
