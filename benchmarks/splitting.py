"""Escapes too rare to wait for: splitting against brute force in steps, which do not depend on the machine, and in time."""

from functools import cache

import sympy as sp

from benchmarks.harness import Race
from eyring.numerics.exact import exact_escape_time
from eyring.numerics.simulation import SplitExits, simulate_escapes, split_escapes
from eyring.theory.sde import SDE

__all__ = ["races"]

X = sp.Symbol("x", real=True)
DT, RUNS, MANY, LONG = 0.01, 40, 4096, 20_000
CLAIMED = {10: (300, None), 15: (2e4, 100), 20: (2e6, 1e4)}  # barrier/D: times fewer steps, times faster
KNOWN = {"start": -1, "time_step": DT, "threads": 1}


def races() -> list[Race]:
    """Return a race a barrier, to an error of 10 %: brute force waits for 100 events, its pace times the exact waiting time."""
    return [_race(height, *claimed) for height, claimed in CLAIMED.items()]


def _race(height: int, fewer: float, faster: float | None) -> Race:
    walk = SDE(X - X**3, sp.Rational(1, 4 * height), [X])
    tau = float(exact_escape_time(walk, start=-1, target=0.9))

    def ours(runs: int = 10) -> SplitExits:
        return split_escapes(walk, event=sp.Gt(X, 0.9), runs=runs, seed=1, **KNOWN)

    seen = _checked(ours(RUNS), tau, height)
    steps, brute = seen.steps / RUNS * (seen.spread / 0.1) ** 2, 100 * tau / DT
    if brute < fewer * steps:
        raise AssertionError(f"barrier {height} D: {brute / steps:.3g} times fewer steps, claimed are {fewer:.3g}")
    note = f"{brute / steps:.3g} times fewer steps; {RUNS} runs, {seen.rate(level=0.99).value * tau:.3f} of the exact rate"
    answers = 10 * (0.1 / seen.spread) ** 2
    against = "brute force in float32" if height == 10 else "brute force in float32, extrapolated"
    return Race(f"rate to 10 %, barrier/D = {height}", ours, _brute(), against, faster, answers, MANY * LONG / brute, note)  # type: ignore[arg-type]


def _checked(seen: SplitExits, tau: float, height: int) -> SplitExits:
    rate = seen.rate(level=0.999)
    if not rate.low < 1 / tau < rate.high:
        raise AssertionError(f"barrier {height} D: rate {rate}, exactly {1 / tau:.5g}")
    return seen


@cache
def _brute():
    """Return walkers whose pace does not depend on how rarely they escape."""
    walk = SDE(X - X**3, sp.Rational(1, 40), [X])
    return lambda: simulate_escapes(walk, event=sp.Gt(X, 0.9), walkers=MANY, iterations=LONG, seed=1, precision="float32", correction="none", **KNOWN)
