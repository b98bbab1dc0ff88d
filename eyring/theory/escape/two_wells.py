"""Two wells: the slowest relaxation rate is the sum of the escape rates, there and back."""

from dataclasses import replace

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.derivation import Derivation
from eyring.theory.escape.joined import demand_next_well, demand_one_clock, joined
from eyring.theory.formula import Formula

__all__ = ["gap_derivation", "spectral_gap"]

THERE, BACK = sp.symbols("tau_1 tau_2", positive=True)
RATE = sp.Symbol("lambda", positive=True)


def spectral_gap(there: Formula, back: Formula) -> Formula:
    """Return the slowest relaxation rate of two wells, lambda_1 = 1/tau_1 + 1/tau_2.

    It is the smallest non-zero eigenvalue of the Fokker-Planck operator to leading order in the noise, and the rate at which any law tends to
    the stationary one. Between two equal wells it is twice the escape rate.

    Args:
        there: Mean escape time from one well into the other.
        back: The same for the way back.

    Returns:
        The formula, in 1/time (or 1/iteration).

    Raises:
        EyringError: If the times have different units or clocks, end at the saddle, or start in one well.

    Source: Dai & Zhu 2018, 2021 [recalled]; the two-state master equation.

    >>> from eyring.theory.escape import escape_time
    >>> from eyring.theory.sde import SDE
    >>> x = sp.Symbol("x", real=True)
    >>> sde = SDE(x - x**3, sp.Symbol("T", positive=True), [x])
    >>> there, back = (escape_time(sde, start=a, over=0, event="next well") for a in (-1, 1))
    >>> sp.simplify(spectral_gap(there, back).expression)
    sqrt(2)*exp(-1/(4*T))/pi
    """
    demand_one_clock((there, back), asked_by="spectral_gap")
    demand_next_well((there, back), asked_by="spectral_gap")
    if there.start is not None and there.start == back.start:
        raise EyringError(f"spectral_gap needs the times from both wells, there and back; both given start at {there.start}")
    conditions = tuple(dict.fromkeys((*there.conditions, *back.conditions)))
    unit = {"time": "1/time", "iterations": "1/iteration"}[there.unit]
    derivation = gap_derivation(there.derivation, back.derivation)
    return replace(there, derivation=derivation, unit=unit, conditions=conditions, next_order=None, note="", name="spectral-gap")


def gap_derivation(there: Derivation, back: Derivation) -> Derivation:
    """Add the rates of the two ways."""
    generator = sp.ImmutableMatrix([[-1 / THERE, 1 / BACK], [1 / THERE, -1 / BACK]])
    total = 1 / THERE + 1 / BACK
    values = {THERE: there.expression, BACK: back.expression}
    return (
        joined((there, back))
        .define(
            "at times long against the settling within a well the occupations p obey dp/dt = M p",
            generator,
            needs="the wells are far better mixed within than between: escape is slow against every other relaxation",
        )
        .claim("its eigenvalues are 0 and minus the sum of the rates", total, residual=_not_an_eigenvalue, rule="characteristic polynomial")
        .claim(
            "insert the times",
            total.subs(values, simultaneous=True),
            residual=lambda stated, before: sp.expand(stated - before.subs(values, simultaneous=True)),
            rule="insertion",
        )
    )


def _not_an_eigenvalue(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    polynomial = (previous + RATE * sp.eye(2)).det()
    return sp.simplify(sp.expand(polynomial - RATE * (RATE - stated)))
