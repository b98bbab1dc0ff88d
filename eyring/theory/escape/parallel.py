"""Several ways out of one basin: independent exits, whose rates add."""

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.derivation import Derivation
from eyring.theory.escape.joined import demand_next_well, demand_one_clock, joined
from eyring.theory.formula import Formula

__all__ = ["parallel_derivation", "parallel_paths"]

HORIZON = sp.Symbol("t", positive=True)


def parallel_paths(first: Formula, *others: Formula) -> Formula:
    """Return the mean time to leave by any of several ways, 1/tau = 1/tau_1 + 1/tau_2 + ...

    Each way is a rare event with an exponential waiting time, independent of the others to leading order.

    Args:
        first: The mean time over one saddle, as ``escape_time`` returns it.
        *others: The times over the other saddles, from the same minimum, in the same unit.

    Returns:
        The formula; it holds where all of them do.

    Raises:
        EyringError: If there is only one way, or the times have different units, clocks or starts, or end at the saddle.

    Source: Rule 1 of Xie, Sato & Sugiyama 2021 [recalled]; competing exponential waiting times.

    >>> from eyring.theory.escape import escape_time
    >>> from eyring.theory.sde import SDE
    >>> x = sp.Symbol("x", real=True)
    >>> sde = SDE(-sp.diff(x**6 / 6 - 5 * x**4 / 4 + 2 * x**2, x), sp.Symbol("T", positive=True), [x])
    >>> left, right = (escape_time(sde, start=0, over=b, event="next well") for b in (-1, 1))
    >>> sp.simplify(right.expression / parallel_paths(left, right).expression)
    2
    """
    ways = (first, *others)
    if not others:
        raise EyringError("parallel_paths adds the rates of several ways out; give the escape times over two or more saddles")
    demand_one_clock(ways, asked_by="parallel_paths")
    demand_next_well(ways, asked_by="parallel_paths")
    starts = {w.start for w in ways if w.start is not None}
    if len(starts) > 1:
        raise EyringError(f"parallel_paths adds the ways out of one minimum, got times from {' and '.join(map(str, sorted(starts, key=str)))}")
    conditions = tuple(dict.fromkeys(c for w in ways for c in w.conditions if "on the other side is higher" not in c.sentence))
    derivation = parallel_derivation([w.derivation for w in ways])
    return replace(first, derivation=derivation, conditions=conditions, next_order=None, note="", name="parallel-paths")


def parallel_derivation(ways: Sequence[Derivation]) -> Derivation:
    """Add the rates of derived mean times."""
    symbols = sp.symbols(f"tau_1:{len(ways) + 1}", positive=True)
    values = dict(zip(symbols, (w.expression for w in ways), strict=True))
    total = 1 / sp.Add(*(1 / s for s in symbols))
    stays = sp.exp(-HORIZON * sp.Add(*(1 / s for s in symbols)))
    return (
        joined(ways)
        .define(
            "the chance that no way out was taken by the time t, each an exponential wait",
            stays,
            needs="exits over different saddles are rare and independent: a walker forgets its last attempt",
        )
        .claim("its integral over t is the mean time", total, residual=_not_the_mean, rule="integration")
        .claim(
            "insert the times",
            total.subs(values, simultaneous=True),
            residual=lambda stated, before: sp.expand(1 / stated - (1 / before).subs(values, simultaneous=True)),
            rule="insertion",
        )
    )


def _not_the_mean(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    return sp.simplify(sp.integrate(previous, (HORIZON, 0, sp.oo)) - stated)
