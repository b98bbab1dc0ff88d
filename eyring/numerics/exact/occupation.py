"""The occupation of any number of basins at any time: the exponential of the generator of their hops."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp
from scipy.linalg import expm

from eyring.errors import ParameterError
from eyring.numerics.exact.values import matched_values
from eyring.theory.basins.chain import BasinChain

__all__ = ["basin_occupation"]


def basin_occupation(chain: BasinChain, *, start: str | Mapping[str, float], at: Any, values: Mapping[Any, Any] | None = None) -> np.ndarray:
    """Return the probability of being in each basin, P(t) = P(0) exp(Q t).

    Args:
        chain: The basins and their rates.
        start: The basin from which all walkers start, or the probability of each basin, by name, adding up to 1.
        at: The time or an array of times, in the chain's unit.
        values: Numbers for the symbols of the rates, by symbol or printed name.

    Returns:
        An array of the shape of ``at``, with one more axis for the basins in the order of ``chain.basins``.

    Raises:
        ParameterError: If a value is missing, a time is negative, or the start is no distribution over the basins.

    >>> chain = BasinChain({("a", "b"): 1.0, ("b", "c"): 2.0, ("c", "a"): 3.0}, unit="time")
    >>> basin_occupation(chain, start="a", at=[0.0, 50.0]).round(6)
    array([[1.      , 0.      , 0.      ],
           [0.545455, 0.272727, 0.181818]])
    """
    symbols = sorted(chain.generator.free_symbols, key=str)
    numbers = matched_values(values, symbols, asked_by="basin_occupation of this chain")
    generator = np.array(chain.generator.subs({s: sp.sympify(v) for s, v in numbers.items()}).evalf(20).tolist(), dtype=float)
    try:
        times = np.asarray(at)
        times = times.astype(float) if times.dtype.kind in "iuf" and times.size else np.array(np.nan)
    except (TypeError, ValueError):
        times = np.array(np.nan)
    if not (np.all(np.isfinite(times)) and np.all(times >= 0)):
        raise ParameterError(f"a time must be finite and not negative, got {at!r}")
    begins = _distribution(chain, start)
    late = 60 / max(np.min(np.abs(np.sort(np.linalg.eigvals(generator).real)[:-1])), np.finfo(float).tiny)  # nothing changes any more
    occupied = [begins @ expm(generator * min(t, late)) for t in times.ravel()]
    return np.clip(np.array(occupied), 0, 1).reshape(*times.shape, len(begins))


def _distribution(chain: BasinChain, start: str | Mapping[str, float]) -> np.ndarray:
    if not isinstance(start, str | Mapping):
        raise ParameterError(f"start must be the name of a basin or a probability for each of {', '.join(chain.basins)}, got {start!r}")
    given = {start: 1.0} if isinstance(start, str) else dict(start)
    unknown = [name for name in given if name not in chain.basins]
    begins = np.array([float(given.get(name, 0.0)) for name in chain.basins])
    if unknown or not np.all(begins >= 0) or abs(begins.sum() - 1) > 1e-9:
        raise ParameterError(f"start must be a basin or a probability for each of {', '.join(chain.basins)}, adding up to 1; got {start!r}")
    return begins
