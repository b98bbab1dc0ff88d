"""An SDE made linear about a point of rest, in numbers: the matrices A and 2 D of dx = -A x dt + sqrt(2 D) dW."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.values import coordinate_of, exact_value
from eyring.theory.landscape import CriticalPoint
from eyring.theory.sde import SDE

__all__ = ["linearised"]

AT_REST = 1e-6  # the drift at a point of rest, over the norm of its derivative


def linearised(sde: SDE, at: Any, numbers: Mapping[sp.Symbol, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return A = -df/dx and 2 D at a point of rest.

    Raises:
        NotApplicable: If the drift does not vanish there.
        ParameterError: If the point has the wrong number of coordinates, or drift or diffusion is no number there.
    """
    ito, exact = sde.ito(), {s: exact_value(v) for s, v in numbers.items()}
    place = dict(zip(sde.coordinates, _place(sde, at), strict=True))
    rows = [_value_and_slopes(f.xreplace(exact) if exact else f, place) for f in ito.drift]
    drift, A = np.array([value for value, _ in rows]), -np.array([slopes for _, slopes in rows])
    everything = {**exact, **place}
    noise = 2 * np.array([[_number(d, everything) for d in row] for row in ito.diffusion.tolist()])
    if not (np.all(np.isfinite(drift)) and np.all(np.isfinite(A)) and np.all(np.isfinite(noise))):
        raise ParameterError(f"drift, its slopes and the diffusion must be real and finite at {tuple(map(str, place.values()))}; some are not")
    lowest = float(np.linalg.eigvalsh((noise + noise.T) / 4)[0])
    if lowest < -1e-12 * len(noise) * float(np.max(np.abs(noise))):
        raise ParameterError(f"the diffusion D must not be negative in any direction; at the point given it has the eigenvalue {lowest:.6g}")
    if np.max(np.abs(drift)) > AT_REST * max(np.max(np.abs(A)), 1e-300):
        raise NotApplicable(
            f"the drift does not vanish at {tuple(map(str, place.values()))}: it is {drift.tolist()}; give a minimum, where walkers rest"
        )
    return A, noise


def _value_and_slopes(expression: sp.Expr, place: Mapping[sp.Symbol, sp.Expr]) -> tuple[float, list[float]]:
    """Return value and derivatives at a place, term by term: of a linear drift in hundreds of coordinates they are read off."""
    value, slopes = 0.0, dict.fromkeys(place, 0.0)
    for term in sp.Add.make_args(expression):
        factor, rest = term.as_coeff_Mul()
        if rest in slopes:
            slopes[rest] += float(factor)
            value += float(factor * place[rest]) if place[rest] else 0.0
        else:
            value += _number(term, place)
            for symbol in term.free_symbols:
                slopes[symbol] += _number(sp.diff(term, symbol), place)
    return value, list(slopes.values())


def _number(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> float:
    number = expression if expression.is_Number else expression.xreplace(values)
    try:
        return float(number)
    except TypeError:
        raise ParameterError(f"{expression} is no real number at {', '.join(f'{s} = {v}' for s, v in values.items())}: it is {number}") from None


def _place(sde: SDE, at: Any) -> tuple[sp.Expr, ...]:
    """Return one number a coordinate; velocities left out are zero."""
    given = at.position if isinstance(at, CriticalPoint) else at if isinstance(at, list | tuple | np.ndarray | sp.MatrixBase) else (at,)
    numbers = [coordinate_of(g, {}, role="at") for g in given]
    if sde.landscape is not None and len(numbers) == sde.landscape.dim < sde.dim:
        numbers += [sp.Integer(0)] * (sde.dim - len(numbers))
    if len(numbers) != sde.dim:
        raise ParameterError(f"at needs {sde.dim} coordinates ({', '.join(map(str, sde.coordinates))}), got {len(numbers)}")
    return tuple(numbers)
