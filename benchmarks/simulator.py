"""Walkers in a double well, D = 0.1, dt = 0.01, every one checked at every step: the simulator against its own noise, numpy, torch and the like."""

import ctypes
import math
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import sympy as sp

from benchmarks.harness import Race
from eyring.numerics.exact import exact_escape_time
from eyring.numerics.simulation import simulate_escapes
from eyring.numerics.simulation.kernel.cache import kernel_module, library
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.words import stream_words
from eyring.theory.sde import SDE

__all__ = ["races"]

D, DT, MANY, LONG = 0.1, 0.01, 4096, 400_000
X = sp.Symbol("x", real=True)
WALK = SDE(X - X**3, sp.Rational(1, 10), [X])
KNOWN = {"start": -1, "event": "next well", "time_step": DT, "correction": "none", "seed": 1}
SUM = '''
import numpy as np


@njit(**options)
def consume(words, chunks, noise):
    """Draw normal numbers as the kernels do, and add them up: what a simulator cannot beat."""
    draws, total = np.empty(8 * {lanes}, noise.dtype), np.zeros({lanes}, noise.dtype)
    for block in range(len(words)):
        for _ in range(chunks):
            fill_normals(words[block], draws, 0, 4)
            for row in range(8):
                here = draws[row * {lanes} : (row + 1) * {lanes}]
                for lane in range({lanes}):
                    total[lane] += here[lane]
    return total.sum()
'''


def races() -> list[Race]:
    """Return the races; each simulator's exposure over exits is first checked against the exact 66.27."""
    single = _ours("float32", 1)
    found = [
        Race("double well, float32", single, _normals("float32"), "its own normal numbers alone, added up", 0.75, _steps(LONG), _steps(LONG)),
        Race("double well, float32", single, _numpy(), "numpy, idiomatic", 30, _steps(LONG), _steps(2000)),
        Race("double well, float64", _ours("float64", 1), single, "the same in float32", 0.35, _steps(LONG), _steps(LONG)),
        Race("double well, bridged", _bridged(), single, "the same without bridge, float32", None, _steps(LONG), _steps(LONG)),
    ]
    if len(os.sched_getaffinity(0)) > 1:
        found.append(Race("two threads", _ours("float32", 2), single, "one thread", 1.6, _steps(LONG), _steps(LONG)))
    found.append(Race("from the second call to the first step", _again(), lambda: time.sleep(0.05), "a pause of 50 ms", 1))
    return found + _others(single)


def _steps(each: int) -> int:
    return MANY * each


def _check(exposure_over_exits: float, tolerance: float, who: str) -> None:
    exact = float(exact_escape_time(WALK, start=-1, target=1))
    if abs(exposure_over_exits / exact - 1) > tolerance:
        raise AssertionError(f"{who}: mean time {exposure_over_exits:.5g}, exactly {exact:.5g}")


def _ours(precision: str, threads: int):
    """Return 400 000 steps of 4096 walkers through the public door, from the symbolic SDE on."""
    exits = simulate_escapes(WALK, **KNOWN, walkers=MANY, iterations=LONG, precision=precision)
    _check(exits.exposure / exits.events, 0.03, f"simulate_escapes, {precision}")
    return lambda: simulate_escapes(WALK, **KNOWN, walkers=MANY, iterations=LONG, precision=precision, threads=threads)


def _bridged():
    return lambda: simulate_escapes(WALK, **KNOWN | {"correction": "bridge"}, walkers=MANY, iterations=LONG, precision="float32", threads=1)


def _normals(precision: str):
    words, kind = stream_words(1, MANY, precision), np.zeros(1, np.float32 if precision == "float32" else np.float64)
    consume = kernel_module(SUM.format(lanes=LANES), **library(precision)).consume
    total = consume(words, 128, kind)
    if abs(total) > 5 * math.sqrt(MANY * 1024):
        raise AssertionError(f"normal numbers add up to {total}")
    return lambda: consume(words, LONG // 8, kind)


def _numpy():
    """Return 2000 steps of 4096 walkers as one writes them with numpy, in its own float64; checked over a longer run."""
    generator = np.random.default_rng(1)
    x = np.full(MANY, -1.0)
    exits = 0

    def run(steps: int = 2000) -> int:
        nonlocal x, exits
        for _ in range(steps):
            x = x + DT * (x - x**3) + math.sqrt(2 * D * DT) * generator.standard_normal(MANY)
            out = x >= 1
            exits += int(out.sum())
            x[out] = -1
        return exits

    _check(MANY * 20_000 * DT / run(20_000), 0.04, "numpy")
    return run


def _again():
    def call() -> object:
        return simulate_escapes(WALK, **KNOWN, walkers=MANY, iterations=1, precision="float32", threads=1)

    call()
    return call


def _others(single) -> list[Race]:
    rows = []
    for name, least, build in (
        ("C by hand, the processor's own vectors", None, _by_hand),
        ("torch, in place", 10, _torch),
        ("JAX, jit and fori_loop", 12 if _wide() else 7, _jax),
        ("diffrax, Euler, vmap, unsafe Brownian path", 60 if _wide() else 30, _diffrax),
        ("torchsde, Euler", 1000, _torchsde),
    ):
        try:
            with _one_core():
                theirs, per = build()
        except ImportError as error:
            print(f"simulator: no row against {name}: {error}")
            continue
        rows.append(Race("double well, float32", single, theirs, name, least, _steps(LONG), per))
    return rows


def _wide() -> bool:
    """Return whether numbers go sixteen at a time, which halves our time and nobody else's: we wait for arithmetic, they for memory and calls."""
    from numba.core.codegen import get_host_cpu_features

    return "+avx512f" in get_host_cpu_features()


@contextmanager
def _one_core() -> Iterator[None]:
    """Let threads that are born meanwhile, XLA's among them, see one core alone."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _by_hand():
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise ImportError("no C compiler is installed")
    with tempfile.TemporaryDirectory() as folder:
        made, flags = Path(folder) / "by_hand.so", ["-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"]
        subprocess.run([compiler, *flags, "-shared", "-fPIC", str(Path(__file__).with_name("hand_written.c")), "-o", str(made)], check=True)
        step = ctypes.CDLL(str(made)).run
    step.restype, step.argtypes = ctypes.c_int64, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_float, ctypes.c_float]
    words, x = np.random.default_rng(1).integers(2**32, size=(MANY, 4), dtype=np.uint32), np.full(MANY, -1, np.float32)

    def run(steps: int = LONG) -> int:
        return step(words.ctypes.data, x.ctypes.data, MANY, steps, DT, math.sqrt(2 * D * DT))

    _check(MANY * LONG * DT / run(), 0.03, "C by hand")
    return run, _steps(LONG)


def _torch():
    import torch

    torch.set_num_threads(1)
    x, z, y, hit = (torch.full((MANY,), -1.0), torch.empty(MANY), torch.empty(MANY), torch.empty(MANY, dtype=torch.bool))
    root, start, exits = math.sqrt(2 * D * DT), torch.tensor(-1.0), torch.zeros((), dtype=torch.int64)

    def run(steps: int = 400) -> int:
        for _ in range(steps):
            z.normal_()
            torch.mul(x, x, out=y).mul_(x).neg_().add_(x)
            x.add_(y, alpha=DT).add_(z, alpha=root)
            torch.ge(x, 1.0, out=hit)
            exits.add_(hit.sum())
            torch.where(hit, start, x, out=x)
        return int(exits)

    _check(MANY * 20_000 * DT / run(20_000), 0.04, "torch")
    return run, _steps(400)


def _jax():
    import jax
    import jax.numpy as jnp

    root = math.sqrt(2 * D * DT)

    def step(_, carried):
        x, key, exits = carried
        key, own = jax.random.split(key)
        x = x + DT * (x - x * x * x) + root * jax.random.normal(own, (MANY,))
        out = x >= 1
        return jnp.where(out, -1.0, x), key, exits + out.sum()

    many = jax.jit(lambda carried: jax.lax.fori_loop(0, 2000, step, carried))
    state = (jnp.full(MANY, -1.0), jax.random.PRNGKey(1), jnp.zeros((), jnp.int32))
    for _ in range(10):
        state = many(state)
    _check(MANY * 20_000 * DT / int(state[2]), 0.04, "JAX")
    return lambda: jax.block_until_ready(many(state)), _steps(2000)


def _diffrax():
    """Return the path alone: diffrax has no first passage that is checked at every step and goes on."""
    import diffrax
    import jax
    import jax.numpy as jnp

    drift = diffrax.ODETerm(lambda t, y, args: y - y**3)

    def walk(key):
        path = diffrax.UnsafeBrownianPath(shape=(), key=key)
        terms = diffrax.MultiTerm(drift, diffrax.ControlTerm(lambda t, y, args: jnp.float32(math.sqrt(2 * D)), path))
        solved = diffrax.diffeqsolve(terms, diffrax.Euler(), 0.0, 2000 * DT, DT, jnp.float32(-1), adjoint=diffrax.DirectAdjoint(), max_steps=2048)
        return solved.ys[-1]

    many, keys = jax.jit(jax.vmap(walk)), jax.random.split(jax.random.PRNGKey(1), MANY)
    ends = jax.block_until_ready(many(keys))
    if not bool(jnp.isfinite(ends).all()):
        raise AssertionError("diffrax: walkers left the numbers")
    return lambda: jax.block_until_ready(many(keys)), _steps(2000)


def _torchsde():
    import torch
    import torchsde

    class Walk(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t, y):
            return y - y * y * y

        def g(self, t, y):
            return torch.full_like(y, math.sqrt(2 * D))

    torch.set_num_threads(1)
    times, begin = torch.tensor([0.0, 1.0]), torch.full((MANY, 1), -1.0)
    return lambda: torchsde.sdeint(Walk(), begin, times, dt=DT, method="euler"), _steps(100)
