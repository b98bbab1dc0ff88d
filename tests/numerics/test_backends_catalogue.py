"""Every formula of the catalogue on every backend, at drawn values, against 30 digits."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

from eyring.errors import AccuracyError, BeyondFloat64, EyringError, NotApplicable
from eyring.numerics.compiled import compile_formula
from eyring.theory.results import results
from eyring.theory.symbols import GLOSSARY

NAMES = list(results())
UNITS_OF_TIME = {"time", "iterations", "1/time"}
WITH_TIMES = {
    "adam-escape-time", "convergence-to-gibbs", "eyring-kramers", "finite-step-rate", "kinetic-convergence", "kinetic-harmonic-gap", "kramers",
    "kramers-first-correction", "kramers-langer", "kramers-second-correction", "kramers-state-dependent", "landscape-scaling", "levy-exit", "mori-1d",
    "mori-nd", "overdamped-friction", "parallel-paths", "prefactor-by-transport", "spectral-gap", "three-basin-forgetting-time", "to-the-saddle",
    "turnover-friction", "two-basin-forgetting-time", "valley-prefactor", "xie",
}  # fmt: skip
QUICK = {"kramers-state-dependent", "melnikov-meshkov", "mori-nd", "parallel-paths"}  # looked at always
WITHOUT_BALLS = {"kesten-moment", "melnikov-meshkov", "melnikov-meshkov-single-exit"}  # integrals over an infinite range
WITHOUT_MACHINE_CODE = WITHOUT_BALLS | {"levy-exit"}
TRIES = 300
SAMPLE = 16  # every sixteenth result is looked at always, all of them with -m exhaustive


def sampled(names):
    """Return the names as parameters: a sample, and the rest marked exhaustive."""
    return [n if i % SAMPLE == 0 else pytest.param(n, marks=pytest.mark.exhaustive) for i, n in enumerate(names)]


def as_parameters(names):
    """Return quick results as parameters, and the rest marked exhaustive."""
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.exhaustive) for n in names]


@cache
def derived(name):
    """Derive once."""
    return results()[name].derive()


def entries(name):
    """Return the scalar formulas of a result: itself, or the first entries of its matrix."""
    formula = derived(name)
    return [e for e in formula.expression if e != 0][:2] if isinstance(formula.expression, sp.MatrixBase) else [formula]


def points(f, count: int):
    """Yield values, drawn from the typical ranges, at which the judge has a number."""
    random, found = np.random.default_rng(5), 0
    for _ in range(TRIES):
        ranges = {p.name: GLOSSARY[p.name].typical if p.name in GLOSSARY else (-2.5, -0.3) if p.need == "negative" else (0.3, 2.5) for p in f.parameters}
        values = {n: float(f"{random.uniform(*r):.8g}") for n, r in ranges.items()}
        try:
            exact = f(**{n: mpmath.mpf(v) for n, v in values.items()})
        except EyringError:
            continue
        yield values, exact
        found += 1
        if found == count:
            return
    assert found, "no values could be drawn at which the conditions hold"


def condition(f, values: dict[str, float]) -> float:
    """Return by how many of its own units the value moves if each number moves by one of its own: no float64 road can do better."""
    if not values:
        return 0.0
    names, step = list(values), 1e-6
    moved = {n: np.array([v, *(v * (1 + step * (n == m)) for m in names)]) for n, v in values.items()}
    try:
        here, *beside = f(**moved)
    except (AccuracyError, BeyondFloat64, NotApplicable):
        return 1e3
    return float(sum(abs(b / here - 1) for b in beside) / step) if here else 0.0


@pytest.mark.parametrize("name", sampled(NAMES))
def test_every_backend_gives_every_result(name):
    """numpy, machine code and torch: within 16 half units of the last place times (1 + the value's own condition number); the flint ball holds the 30 digits."""
    assert (derived(name).unit in UNITS_OF_TIME) == (name in WITH_TIMES)
    for formula in entries(name):
        judge = compile_formula(formula, "mpmath")
        roads = {b: compile_formula(formula, b) for b in ("numpy", "torch")}
        if name not in WITHOUT_MACHINE_CODE:
            roads["fused"] = compile_formula(formula, "fused")
        for values, exact in points(judge, 1):
            allowed = 16 * (1 + condition(roads["numpy"], values)) * 2.0**-53
            for backend, f in roads.items():
                try:
                    got = mpmath.mpf(float(f(**values)))
                except BeyondFloat64:
                    assert not 1e-307 < abs(exact) < 1e308
                    continue
                except AccuracyError:  # a singular end of an integral, which the panels notice
                    assert name in WITHOUT_BALLS
                    continue
                assert abs(got - exact) <= allowed * abs(exact), f"{backend}: {float(abs(got / exact - 1)) * 2**53:.3g} units, allowed {allowed * 2**53:.3g}"
            if name not in WITHOUT_BALLS:
                with mpmath.workdps(70):
                    ball = compile_formula(formula, "flint", digits=40)(**{n: mpmath.mpf(v) for n, v in values.items()})
                    assert ball.lower - abs(exact) * mpmath.mpf(10) ** -29 <= exact <= ball.upper + abs(exact) * mpmath.mpf(10) ** -29
                    assert ball.upper - ball.lower <= abs(exact) * mpmath.mpf(10) ** -39


@pytest.mark.parametrize("name", as_parameters(sorted(WITHOUT_MACHINE_CODE)))
def test_what_a_backend_lacks_is_said(name):
    """Integrals over an infinite range have no ball, and neither they nor the gamma function machine code."""
    with pytest.raises(NotApplicable, match=r"the fused backend has no machine code for .*; use compile\('numpy'\)"):
        derived(name).compile("fused")
    if name in WITHOUT_BALLS:
        with pytest.raises(NotApplicable, match=r"the flint backend bounds integrals between finite limits, not .*; use compile\('mpmath'\)"):
            derived(name).compile("flint")


@pytest.mark.parametrize("name", as_parameters(sorted(WITH_TIMES)))
def test_ln_tau_keeps_eight_units_of_its_largest_term(name):
    """Every time and rate of the catalogue over the typical ranges, on numpy, machine code and torch."""
    formula = derived(name)
    judge = compile_formula(formula, "mpmath")
    roads = {b: compile_formula(formula, b) for b in ("numpy", "fused", "torch") if b != "fused" or name not in WITHOUT_MACHINE_CODE}
    parts = [compile_formula(t, "mpmath") for t in sp.Add.make_args(formula.log)]
    for values, _ in points(judge, 2 if name in QUICK else 12):
        exact = judge.log(**{n: mpmath.mpf(v) for n, v in values.items()})
        largest = float(max(abs(p(**{q.name: mpmath.mpf(values[q.name]) for q in p.parameters})) for p in parts))
        for backend, f in roads.items():
            error = abs(mpmath.mpf(float(f.log(**values))) - exact)
            assert error <= 8 * math.ulp(largest), f"{backend}: {float(error) / math.ulp(largest):.1f} units at {values}"


@pytest.mark.parametrize("name", as_parameters(sorted(WITH_TIMES)))
def test_torch_differentiates_every_escape_time(name):
    """Each derivative of ln tau by autograd is the symbolic one, in 30 digits, to 1e-12 of the largest |v d(ln tau)/dv|; vmap gives the same."""
    formula = derived(name)
    f, names = compile_formula(formula, "torch"), [q.name for q in compile_formula(formula, "torch").parameters]
    symbols = {s.name: s for s in formula.log.free_symbols}
    values, _ = next(points(compile_formula(formula, "mpmath"), 1))
    slopes = [compile_formula(sp.diff(formula.log, symbols[n]).rewrite(sp.Heaviside, sp.Piecewise), "mpmath") if n in symbols else None for n in names]
    want = [0.0 if s is None else float(s(**{q.name: mpmath.mpf(values[q.name]) for q in s.parameters})) for s in slopes]

    def log(numbers):
        return f.log(**dict(zip(names, numbers, strict=True)))

    here = torch.tensor([values[n] for n in names], dtype=torch.float64)
    several = torch.stack([here, here * (1 + 1e-4), here])
    elasticities = torch.func.grad(log)(here) * here
    largest = max(abs(w * values[n]) for n, w in zip(names, want, strict=True))
    assert largest > 1e-3
    for n, got, w in zip(names, elasticities.tolist(), want, strict=True):
        assert abs(got - w * values[n]) <= 1e-12 * largest, f"d/d{n}: {got / values[n]} for {w}"
    under_vmap = torch.func.vmap(torch.func.grad(log))(several) * several
    assert (under_vmap[2] - elasticities).abs().max() <= 1e-13 * largest
    assert torch.allclose(torch.func.vmap(log)(several), torch.stack([log(v) for v in several]), rtol=1e-14, atol=1e-14)


def test_a_wrong_ball_would_be_seen():
    """A ball that does not hold the value: 2 pi in place of pi sqrt(2) leaves the interval by half of it, and 10^-29 of itself does too."""
    a = sp.Symbol("a", positive=True)
    with mpmath.workdps(60):
        exact = compile_formula(sp.pi * sp.sqrt(2) * sp.exp(a), "mpmath", digits=50)(a=1.5)
        ball = compile_formula(sp.pi * sp.sqrt(2) * sp.exp(a), "flint", digits=40)(a=1.5)
        assert ball.lower < exact < ball.upper
        assert not ball.lower < exact * (1 + mpmath.mpf(10) ** -39) < ball.upper
        assert ball.certified


def test_zero_that_is_not_known_to_be_zero_is_refused():
    """(x + 1)^2 - x^2 - 2x - 1 at x = 0.3: no precision parts the ball from zero, and the message carries the ball."""
    x = sp.Symbol("x", real=True)
    with pytest.raises(AccuracyError, match=r"30 certified digits were asked for and the value lies in \[\+/- .*\]; it may be zero"):
        compile_formula((x + 1) ** 2 - x**2 - 2 * x - 1, "flint")(x=0.3)
