"""The printed CUDA kernel: compiled without a graphics card, its instructions counted; its draws and steps against other roads on a processor.

Statistical tolerances are 5 standard errors, a false alarm of 6e-7 each for a fresh seed.
"""

import ctypes
import math
import struct
from functools import cache

import numpy as np
import pytest
import sympy as sp
from cuda_emulation import Emulation, needs_a_compiler
from philox_by_hand import KNOWN, philox

from eyring.errors import NotApplicable
from eyring.numerics.simulation.cuda import compiler as cuda_compiler
from eyring.numerics.simulation.cuda.compiler import compiler, machine_code
from eyring.numerics.simulation.cuda.printer import cuda_source
from eyring.numerics.simulation.cuda.walkers import CudaWalkers
from eyring.numerics.simulation.kernel.problem import optimizer_problem, sde_problem
from eyring.numerics.simulation.kernel.step import Step
from eyring.theory.dynamics import SGD, MomentumSGD
from eyring.theory.landscape import Landscape
from eyring.theory.noise import Covariance, FiniteSum
from eyring.theory.sde import SDE

x, y, z, e = sp.symbols("x y z e", real=True)
QUARTIC = Landscape(x**4 / 4 - x**2 / 2, [x])
FIFTH = sp.Rational(1, 5)
REAL = {"float32": np.float32, "float64": np.float64, "mixed": np.float64}
WHERE = {"values": None, "start": -1, "event": "next well", "over": None, "stay": None}


def batches(replacement):
    return FiniteSum([QUARTIC.expression + 3 * x, QUARTIC.expression - 3 * x, QUARTIC.expression], copies=(6, 6, 4), replacement=replacement)


def of_an_sde(correction="none", drift=x - x**3, diffusion=FIFTH):
    return sde_problem(SDE(drift, diffusion, [x], landscape=QUARTIC), time_step=0.005, correction=correction, **WHERE).step


def of_an_optimizer(dynamics, noise):
    return optimizer_problem(dynamics, QUARTIC, noise, **WHERE).step


def by_hand(slope, margin):
    return Step((x, y), (), (slope + y, x), margin, (0.5, 0.25), normals=(z,))


SGD4 = SGD(learning_rate=0.1, batch_size=4)
STEPS = {
    "double well": lambda: of_an_sde(),
    "bridge": lambda: of_an_sde("bridge"),
    "noise that grows outward": lambda: of_an_sde("bridge", diffusion=(1 + x**2) / 8),
    "Gaussian noise": lambda: of_an_optimizer(SGD4, Covariance(1 + x**2)),
    "batches": lambda: of_an_optimizer(SGD4, batches(True)),
    "batches without replacement": lambda: of_an_optimizer(SGD4, batches(False)),
    "momentum": lambda: of_an_optimizer(MomentumSGD(learning_rate=0.1, momentum=0.5, batch_size=4), Covariance(1)),
    "functions": lambda: by_hand(sp.exp(-(x**2)) * sp.sin(3 * y) + sp.sqrt(1 + x**2) ** 3 / (1 + y**4) + z * sp.tanh(x), sp.log(1 + x**2) - 4),
    "roots and pieces": lambda: by_hand(sp.Piecewise((x**2, x > y / 3), (sp.Abs(y) ** sp.Rational(1, 3), True)), sp.Max(x, -y) - 2 + sp.sign(z)),
}  # fmt: skip

SHARP = ("double well", "functions", "roots and pieces")
COMPILED_ONLY = ("double well", "batches without replacement", "Gaussian noise")


@cache
def step(name):
    return STEPS[name]()


def instructions(cubin):
    """Return the kernel's machine words: 16 bytes each, in the section .text.run of an ELF file."""
    (table,), (size, count, names) = struct.unpack_from("<Q", cubin, 0x28), struct.unpack_from("<HHH", cubin, 0x3A)
    heads = [struct.unpack_from("<IIQQQQ", cubin, table + i * size) for i in range(count)]
    for name, _, _, _, offset, length in heads:
        begin = heads[names][4] + name
        if cubin[begin : cubin.index(b"\0", begin)] == b".text.run":
            return [int.from_bytes(cubin[i : i + 16], "little") for i in range(offset, offset + length, 16)]
    raise AssertionError("no kernel")


def shortest_round(words):
    """Return how many instructions the shortest way round the kernel's loop takes: the way on which nobody escapes.

    A branch (operation 0x947) is relative to the next instruction, in units of 4 bytes: bits 16 to 23 and 34 on; bits 12 to 15 and 87 to 90 hold
    its conditions. The loop's last branch goes back furthest.
    """
    ways = []
    for i, word in enumerate(words):
        sure = (word >> 12 & 15) == 7
        jump = (word >> 34 & (1 << 48) - 1) << 8 | (word >> 16 & 255)
        target = i + 1 + (jump - (jump >> 55 << 56)) // 4
        if word & 0xFFF == 0x947:
            ways.append([target] if sure and (word >> 87 & 15) == 7 else [i + 1, target])
        else:
            ways.append([] if word & 0xFFF == 0x94D and sure else [i + 1])
    length, head = max((i - target, target) for i, targets in enumerate(ways) for target in targets if target < i)
    reached, queue = {head: 1}, [head]
    for here in queue:
        for there in ways[here]:
            if there not in reached and there < len(words):
                reached[there] = reached[here] + 1
                queue.append(there)
    return reached[head + length]


def needs_nvrtc():
    try:
        compiler()
    except NotApplicable:
        pytest.skip("NVIDIA's run-time compiler is not installed here (the extra eyring[cuda] brings it)")


def test_a_step_of_the_double_well_takes_at_most_26_instructions_in_single_precision():
    """Philox, four normal numbers, four steps and four looks at who has escaped: 97 on an H200 (sm_90) with NVRTC 12.9, as nvdisasm counts too."""
    needs_nvrtc()
    words = instructions(machine_code(cuda_source(step("double well").program(), "float32"), "sm_90"))
    assert 80 < shortest_round(words) <= 4 * 26
    assert len(words) < 500


@pytest.mark.parametrize("name", STEPS)
def test_every_step_compiles_for_a_card_and_single_precision_computes_nothing_in_double(name):
    """Operations on doubles are DMUL, DADD, DSETP and DFMA: 0x28 to 0x2b in the lowest 9 bits. CUDA's own sinf has two, for huge arguments."""
    needs_nvrtc()
    words = instructions(machine_code(cuda_source(step(name).program(), "float32"), "sm_90"))
    assert sum(0x28 <= word & 0x1FF <= 0x2B for word in words) <= (2 * 8 if name == "functions" else 0)


def test_state_in_double_computes_in_double():
    """And says that the last test would see it."""
    needs_nvrtc()
    words = instructions(machine_code(cuda_source(step("double well").program(), "mixed"), "sm_90"))
    assert any(0x28 <= word & 0x1FF <= 0x2B for word in words)


def test_double_precision_compiles_for_older_cards_too():
    needs_nvrtc()
    assert len(machine_code(cuda_source(step("bridge").program(), "float64"), "sm_80")) > 1000


def test_the_compilers_words_come_through():
    needs_nvrtc()
    with pytest.raises(NotApplicable, match=r"does not compile this step for sm_90:\n(.|\n)*identifier \"nonsense\" is undefined"):
        machine_code("int f() { return nonsense; }", "sm_90")
    with pytest.raises(NotApplicable, match="sm_1"):
        machine_code("", "sm_1")


def test_without_the_compiler_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(cuda_compiler.sys, "path", [])
    monkeypatch.setattr(cuda_compiler, "find_library", lambda name: None)
    with pytest.raises(NotApplicable, match=r"NVRTC, and none is installed: pip install 'eyring\[cuda\]'"):
        compiler.__wrapped__()


def test_a_function_that_a_card_does_not_know_is_refused():
    with pytest.raises(NotApplicable, match="besselj cannot be computed on a graphics card"):
        cuda_source(by_hand(sp.besselj(0, x), x).program(), "float32")


@pytest.fixture(scope="module")
def card(tmp_path_factory):
    return Emulation(tmp_path_factory.mktemp("card"))


@needs_a_compiler
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_the_generator_is_philox(card, counter, key, answer):
    words = (ctypes.c_uint * 6)(*counter, *key)
    card.library(cuda_source(step("double well").program(), "float32")).words(words)
    assert tuple(words[:4]) == answer == philox(counter, key)


def drawn(card, what, precision, fours, walker=5, seed=3):
    """Return draws of 4 * fours steps, a row a step, and the key."""
    walkers = CudaWalkers.of(what, 64, seed=seed, precision=precision, machine=card)
    numbers, columns = walkers._numbers(), len(walkers.program.draws)
    out = np.empty((4 * fours, columns), dtype=np.float64 if precision == "float64" else np.float32)
    library = card.library(cuda_source(walkers.program, precision))
    library.draws(ctypes.c_void_p(out.ctypes.data), fours, walker, ctypes.c_void_p(numbers.ctypes.data))
    return out.astype(float), tuple(int(k) for k in numbers["key"])


@needs_a_compiler
def test_single_draws_are_box_and_mullers_of_the_words(card):
    """Normal numbers of call 0 and exponential numbers of call 1, by whole numbers and the machine's own logarithm, sine and cosine."""
    seen, key = drawn(card, step("bridge"), "float32", 50)
    for four in range(50):
        u = np.array([philox((four, 0, 5, call), key) for call in (0, 1)], dtype=float)
        length, angle = np.sqrt(-2 * np.log((u[0, ::2] + 0.5) / 2**32)), 2 * np.pi * u[0, 1::2] / 2**32
        normal = np.stack([length * np.sin(angle), length * np.cos(angle)], axis=1).ravel()
        np.testing.assert_allclose(seen[4 * four : 4 * four + 4, 0], normal, rtol=0, atol=3e-6)
        np.testing.assert_allclose(seen[4 * four : 4 * four + 4, 1], -np.log((u[1] + 0.5) / 2**32), rtol=0, atol=3e-7 * 23)


@needs_a_compiler
def test_double_draws_are_box_and_mullers_of_pairs_of_words(card):
    seen, key = drawn(card, step("bridge"), "float64", 50)
    for four in range(50):
        calls = [philox((four, 0, 5, call), key) for call in range(4)]
        u = np.array([(a * 2**32 + b, c * 2**32 + d) for a, b, c, d in calls], dtype=float) / 2**64
        length, angle = np.sqrt(-2 * np.log(u[:2, 0])), 2 * np.pi * u[:2, 1]
        normal = np.stack([length * np.sin(angle), length * np.cos(angle)], axis=1).ravel()
        np.testing.assert_allclose(seen[4 * four : 4 * four + 4, 0], normal, rtol=0, atol=1e-14)
        np.testing.assert_allclose(seen[4 * four : 4 * four + 4, 1], -np.log(u[2:].ravel()), rtol=1e-12, atol=1e-15)


@needs_a_compiler
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_normal_numbers_have_their_moments_and_tails(card, precision):
    """A million: four moments, neighbours in time uncorrelated, the share beyond 4.5 standard deviations."""
    normal = drawn(card, step("double well"), precision, 1 << 18)[0][:, 0]
    n = len(normal)
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(normal**power) - moment) < 5 * math.sqrt(variance / n)
    for lag in (1, 2, 3, 4):
        assert abs(np.mean(normal[lag:] * normal[:-lag])) < 5 / math.sqrt(n)
        assert abs(np.mean((normal[lag:] ** 2 - 1) * (normal[:-lag] ** 2 - 1))) < 5 * 2 / math.sqrt(n)
    expected = n * math.erfc(4.5 / math.sqrt(2))
    assert abs(np.sum(np.abs(normal) > 4.5) - expected) < 5 * math.sqrt(expected)


@needs_a_compiler
@pytest.mark.parametrize("replacement", [True, False])
def test_batches_hold_the_examples_that_the_words_choose(card, replacement):
    """Running counts of three kinds in (6, 6, 4) samples, example by example; without replacement a list of samples gets shorter."""
    seen, key = drawn(card, of_an_optimizer(SGD4, batches(replacement)), "float32", 100)
    for i, counts in enumerate(seen):
        left = [0] * 6 + [1] * 6 + [2] * 4
        kinds = []
        for word in philox((i // 4, 0, 5, i % 4), key):
            chosen = word * len(left) >> 32
            kinds.append(left[chosen] if replacement else left.pop(chosen))
        assert counts.tolist() == [kinds.count(0), kinds.count(0) + kinds.count(1)]


@needs_a_compiler
@pytest.mark.parametrize(("name", "precision"), [*((n, "float64") for n in STEPS if n not in COMPILED_ONLY), *((n, "float32") for n in SHARP)])
def test_a_printed_step_is_the_program(card, name, precision):
    """At random places, against sympy's own numbers at 30 digits; relative to the largest number of the step."""
    walkers = CudaWalkers.of(step(name), 64, seed=1, precision=precision, machine=card)
    program, numbers, real = walkers.program, walkers._numbers(), REAL[precision]
    one_step = card.library(cuda_source(program, precision)).one_step
    rng = np.random.default_rng(4)
    for _ in range(6):
        state = rng.normal(size=len(program.state)).astype(real)
        draws = np.abs(rng.normal(size=max(1, len(program.draws)))).astype(np.float64 if precision == "float64" else np.float32)
        now = np.empty(len(state) + 1, dtype=real)
        one_step(*(ctypes.c_void_p(a.ctypes.data) for a in (state, draws, numbers, now)))
        known = dict(zip(program.state, map(float, state), strict=True)) | dict(zip(program.draws, map(float, draws), strict=False))
        known |= dict(zip(program.parameters, program.numbers, strict=True))
        for target, value in program.statements:
            known[target] = sp.N(value.subs({s: sp.Float(v, 30) for s, v in known.items()}), 30)
        exact = [float(sp.N(v.subs({s: sp.Float(w, 30) for s, w in known.items()}), 30)) for v in (*program.after, program.margin)]
        largest = max(1.0, *(abs(float(v)) for v in known.values()))
        np.testing.assert_allclose(now, exact, rtol=0, atol=(1e-6 if precision == "float32" else 1e-14) * largest)
