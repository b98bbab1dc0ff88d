"""Formulas at a million points in float64, on one core: the public call, with all its checks, against the usual ways."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import sympy as sp

from benchmarks.harness import Race
from eyring.numerics.compiled import compile_formula
from eyring.theory import symbols as s
from eyring.theory.symbols import GLOSSARY

POINTS = 1_000_000
AGREEMENT = 1e-12
RANGES = {"L_a": (-0.1, 0.1), "L_b": (0.4, 0.7), "T": (0.05, 0.2), "eta": (0.05, 0.2), "B": (2, 8), "sigma": (0.8, 1.2), "mu": (0.5, 0.9)}


def races() -> list[Race]:
    """Return the races; each formula is checked against the other way first."""
    return [race for name, expression, claim in _formulas() for race in _of_formula(name, expression, claim)]


def _formulas() -> Iterator[tuple[str, sp.Expr, float | None]]:
    H_a, H_b, L_a, L_b, T = s.curvature_min, s.curvature_saddle, s.loss_min, s.loss_saddle, s.temperature
    yield "Kramers' turnover, 11 parameters", turnover(), 6.0
    yield "Kramers and Langer with SGD's own symbols, 8 parameters", momentum_time(), 6.0
    kramers = 2 * sp.pi / sp.sqrt(-H_a * H_b) * sp.exp((L_b - L_a) / T)
    yield "Kramers, 5 parameters", kramers, None  # no claim: reading five arrays and writing one takes half of the time


def momentum_time() -> sp.Expr:
    """Return the escape time over a saddle under momentum and isotropic noise, in iterations."""
    eta, mu, B = s.learning_rate, s.momentum, s.batch_size
    friction = (1 - mu) / sp.sqrt(eta)
    growth = sp.sqrt(friction**2 / 4 - s.curvature_saddle) - friction / 2
    barrier = (s.loss_saddle - s.loss_min) * 2 * B * (1 - mu) / (eta * s.gradient_std**2)
    return 2 * sp.pi / (growth * sp.sqrt(eta)) * sp.sqrt(-s.curvature_saddle / s.curvature_min) * sp.exp(barrier)


def turnover() -> sp.Expr:
    """Return Kramers and Langer's time in iterations, corrected for finite steps, finite barriers and weak friction (energy lost in a round)."""
    eta, mu, B, H_a, H_b = s.learning_rate, s.momentum, s.batch_size, s.curvature_min, s.curvature_saddle
    action, c_1, c_2 = sp.symbols("S c_1 c_2", positive=True)
    friction = (1 - mu) / sp.sqrt(eta)
    temperature = eta * s.gradient_std**2 / (2 * B * (1 - mu))
    high = (s.loss_saddle - s.loss_min) / temperature
    loss = friction * action / temperature
    corrections = (1 + c_1 / high + c_2 / high**2) * (1 - eta * (H_a + H_b) / 4)
    weak_friction = 1 + sp.log(1 + 1 / loss) / (1 - sp.exp(-loss))
    return momentum_time() * corrections * weak_friction


def _of_formula(name: str, expression: sp.Expr, claim: float | None) -> Iterator[Race]:
    symbols = sorted(expression.free_symbols, key=str)
    random = np.random.default_rng(3)
    values = {x.name: random.uniform(*RANGES.get(x.name, _typical(x.name)), POINTS) for x in symbols}
    f = compile_formula(expression)
    answer = f(**values)
    for against, theirs, least in _others(expression, symbols, list(values.values()), claim):
        difference = np.max(np.abs(np.asarray(theirs()) / answer - 1))
        if not difference < AGREEMENT:
            raise ArithmeticError(f"{name}: {against} differs by {difference}")
        note = f"differ by {difference:.0e}"
        yield Race(f"{name}, 1e6 points", lambda: f(**values), theirs, against, least, per=POINTS, theirs_per=POINTS, note=note)


def _typical(name: str) -> tuple[float, float]:
    return GLOSSARY[name].typical if name in GLOSSARY else (0.3, 1.5)


def _others(
    expression: sp.Expr, symbols: list[sp.Symbol], arrays: list[np.ndarray], claim: float | None
) -> Iterator[tuple[str, Callable[[], Any], float | None]]:
    plain = sp.lambdify(symbols, expression, "numpy", cse=True)
    yield "lambdify(cse=True), numpy", lambda: plain(*arrays), claim
    if find_spec("numexpr"):
        import numexpr

        numexpr.set_num_threads(1)
        text, names = str(expression), {x.name: a for x, a in zip(symbols, arrays, strict=True)}
        text = text.replace("pi", repr(float(np.pi)))
        yield "numexpr, one thread", lambda: numexpr.evaluate(text, names), None
    else:
        print("numexpr is not installed: its race is left out")
    if find_spec("symengine"):
        import symengine

        quick = symengine.Lambdify(list(map(symengine.sympify, symbols)), [symengine.sympify(expression)], backend="llvm", cse=True)
        columns = np.ascontiguousarray(np.stack(arrays, axis=-1))
        yield "symengine's LLVM", lambda: quick(columns)[..., 0], None
    else:
        print("symengine is not installed: its race is left out")


