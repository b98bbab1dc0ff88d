"""The functions of the compiled kernels against mpmath: every error in units of the last place, at dense and at awkward points."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from eyring.numerics.fused import exponential, logarithm
from eyring.numerics.fused.lanes import where
from eyring.numerics.fused.loops import formulas_in_a_loop, function_in_a_loop
from eyring.numerics.fused.polynomial import polynomial
from eyring.numerics.fused.program import LANES, Program

DENSE = 2500
RANDOM = np.random.default_rng(20)
# ranges in which the points lie densely, and the largest error in units of the last place (of a subnormal result: of its own spacing)
CASES = {
    "exp": (exponential.exp, mpmath.exp, [(-745.1, 709.78), (-1, 1), (-745.1, -708), (-1e-8, 1e-8), (0.3465, 0.3467)], 1.0),
    "expm1": (exponential.expm1, mpmath.expm1, [(-40, 709.78), (-1, 1), (-1e-8, 1e-8), (0.3465, 0.3467)], 2.0),
    "log": (logarithm.log, mpmath.log, [(1e-300, 1e300), (0.5, 2), (0.999, 1.001), (0.7071, 0.70711), (1.4142, 1.41422)], 0.85),
    "log1p": (logarithm.log1p, mpmath.log1p, [(-0.999999, 1e6), (-0.5, 0.5), (-1e-8, 1e-8), (-0.2929, -0.2928), (0.4142, 0.41422)], 0.95),
    "tanh": (exponential.tanh, mpmath.tanh, [(-25, 25), (-1, 1), (-1e-8, 1e-8)], 3.0),
    "sinh": (exponential.sinh, mpmath.sinh, [(-709, 709), (-1, 1), (-1e-8, 1e-8)], 2.7),
    "cosh": (exponential.cosh, mpmath.cosh, [(-709, 709), (-1, 1)], 1.6),
}
AWKWARD = np.array([0.0, -0.0, math.inf, -math.inf, math.nan, -1.0, 1.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 1.7976931348623157e308, -1.7976931348623157e308,
                    709.782712893384, 709.7827128933841, -745.1332191019411, -745.1332191019412, -708.3964185322641, 1e-16, 1 - 2.0**-53, 1 + 2.0**-52])  # fmt: skip


def program(function, inputs=1) -> Program:
    """Compile one function of lanes; what is not finite is amiss."""

    def body(lanes):
        result = function(*lanes)
        return result, ~(abs(result) < math.inf)

    return Program(inputs, body)


@pytest.fixture(scope="module")
def programs():
    """Compile each function once."""
    return {name: program(case[0]) for name, case in CASES.items()}


def run(compiled: Program, *arrays: np.ndarray) -> np.ndarray:
    out = np.empty(arrays[0].size)
    compiled(arrays, out)
    return out


def in_last_places(got: float, exact) -> float:
    """Return the error in units of the last place of the exact value."""
    return float(abs(mpmath.mpf(float(got)) - exact) / mpmath.mpf(float(np.spacing(abs(float(exact))))))


def points(low: float, high: float) -> np.ndarray:
    if high / max(low, 1e-320) > 1e100 and low > 0:
        return np.exp(RANDOM.uniform(math.log(low), math.log(high), DENSE))
    return RANDOM.uniform(low, high, DENSE)


@pytest.mark.parametrize("name", CASES)
def test_the_error_is_below_its_bound_in_the_last_place(name, programs):
    """exp and log stay within 1 unit in the last place, expm1 and log1p within 2, tanh, sinh and cosh within 3."""
    _, exact, ranges, bound = CASES[name]
    with mpmath.workprec(140):
        for low, high in ranges:
            x = points(low, high)
            got = run(programs[name], x)
            worst = max(in_last_places(g, exact(mpmath.mpf(float(v)))) for v, g in zip(x, got, strict=True))
            assert worst < bound, f"{worst} between {low} and {high}"


@pytest.mark.parametrize("name", CASES)
def test_awkward_numbers_give_what_numpy_gives(name, programs):
    """Zero, infinity, not a number, subnormal numbers, the last x before overflow: 0, inf and nan where numpy has them, else 2 units in the last place."""
    got = run(programs[name], AWKWARD)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(AWKWARD)
    if name in ("sinh", "cosh"):  # they overflow where exp(|x|) does
        want = np.where(np.abs(AWKWARD) > 709.782712893384, np.copysign(math.inf, want), want)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    assert np.array_equal(np.isinf(got), np.isinf(want))
    ordinary = np.isfinite(want)
    assert np.array_equal(np.sign(got[np.isinf(want)]), np.sign(want[np.isinf(want)]))
    assert np.all(np.abs(got[ordinary] - want[ordinary]) <= 3 * np.spacing(np.abs(want[ordinary])))


@given(st.floats(1e-300, 1e300), st.floats(-40, 40))
def test_a_power_is_as_accurate_as_its_exponent(x, y):
    """x^y errs by at most 2 units in the last place, plus 2^-60 |y ln x| relative."""
    with mpmath.workprec(200):
        exact = mpmath.power(mpmath.mpf(x), mpmath.mpf(y))
        if not 1e-300 < exact < 1e300:
            return
        got = run(POWER, np.full(8, x), np.full(8, y))[0]
        assert in_last_places(got, exact) <= 2 + abs(y * math.log(x)) * 2.0**-60 * 2**53


POWER = program(logarithm.power, 2)


def test_a_power_of_what_is_not_positive_is_amiss():
    """0^y, (-1)^y and inf^y are left to the road that knows what they mean."""
    assert np.isnan(run(POWER, np.array([0.0, -1.0, math.inf, math.nan]), np.full(4, 2.5))).all()


@pytest.mark.parametrize("count", [1, 2, LANES - 1, LANES, LANES + 1, 3 * LANES - 1, 1000, 1001])
def test_every_length_is_filled_to_its_end(count, programs):
    """The last group of lanes overlaps the one before; nothing beyond the end is read or written."""
    x = np.linspace(-3, 3, count)
    around = np.full(count + 2, -7.0)
    assert programs["exp"]([x], around[1:-1])
    assert np.allclose(around[1:-1], np.exp(x), rtol=1e-15, atol=0)
    assert around[0] == around[-1] == -7.0


def test_a_number_goes_into_every_lane():
    """An array of one entry, and one of stride 0, stand beside long ones."""
    x = np.linspace(1, 2, 50)
    for same in (np.array([3.0]), np.broadcast_to(3.0, 50)):
        assert np.array_equal(run(ADD, x, same), x + 3)


ADD = program(lambda a, b: a + b, 2)


def test_one_bad_lane_is_reported():
    """The program says that something is amiss, wherever it stands."""
    for place in (0, 7, 8, 99):
        x = np.ones(100)
        x[place] = -1.0
        assert not PROGRAM_OF_LOG([x], np.empty(100))
    assert PROGRAM_OF_LOG([np.ones(100)], np.empty(100))


PROGRAM_OF_LOG = program(logarithm.log)


def test_a_planted_error_would_be_seen():
    """One coefficient of e^x off by 2^-45 of itself is 30 times beyond the bound that the accuracy test sets."""
    wrong = list(exponential.Q)
    wrong[0] *= 1 + 2.0**-45

    def corrupted(x):
        return 1.0 + (polynomial(x, wrong) * (x * x) + x)

    x = RANDOM.uniform(0.3, 0.34, 100)
    with mpmath.workprec(140):
        got = run(program(corrupted), x)
        assert max(in_last_places(g, mpmath.exp(mpmath.mpf(float(v)))) for v, g in zip(x, got, strict=True)) > 4


def test_the_same_functions_run_in_numba_loops():
    """float64 as in the formula kernels, bit for bit; float32 to 1.1 units of its own last place, for exp and log."""
    import numba

    exp, log = function_in_a_loop("exp"), function_in_a_loop("log")

    @numba.njit(error_model="numpy")
    def both(x, powers, logarithms):
        for i in range(x.size):
            powers[i] = exp(x[i])
            logarithms[i] = log(x[i])

    x = RANDOM.uniform(0.01, 80, 20000)
    wide, narrow = (tuple(np.empty(x.size, kind) for _ in range(2)) for kind in (np.float64, np.float32))
    both(x, *wide)
    assert np.array_equal(wide[0], run(program(exponential.exp), x))
    assert np.array_equal(wide[1], run(PROGRAM_OF_LOG, x))
    single = x.astype(np.float32)
    both(single, *narrow)
    for got, exact in zip(narrow, (np.exp(single.astype(float)), np.log(single.astype(float))), strict=True):
        assert np.max(np.abs(got - exact) / np.spacing(np.abs(got))) < 1.1


def test_whole_formulas_run_in_numba_loops():
    """Force and curvature of a tilted well, one tuple in and one out, with what they share computed once."""
    import numba

    x, a = sp.symbols("x a", real=True)
    both = formulas_in_a_loop([sp.exp(-a * x**2) - x, -2 * a * x * sp.exp(-a * x**2) - 1], [x, a])

    @numba.njit
    def at(x, a):
        return both((x, a))

    assert at(0.5, 2.0) == pytest.approx((math.exp(-0.5) - 0.5, -2 * math.exp(-0.5) - 1), rel=1e-15)


def test_a_choice_keeps_what_is_not_a_number():
    """Neither branch of where swallows nan."""
    chosen = run(program(lambda x: where(x > 1.0, 1.0, x)), np.array([0.5, 2.0, math.nan]))
    assert chosen[:2].tolist() == [0.5, 1.0]
    assert math.isnan(chosen[2])
