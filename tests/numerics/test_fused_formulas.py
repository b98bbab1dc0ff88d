"""Formulas as machine code: the same numbers as the plain road to a few units in the last place, the same refusals, and no memory beyond a block."""

import math
import tracemalloc

import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from eyring.errors import BeyondFloat64, EyringError, NotApplicable, ParameterError
from eyring.numerics.backends.numpy import BACKEND as NUMPY
from eyring.numerics.compiled import compile_formula
from eyring.numerics.fused.formula import _program, formula_program
from eyring.numerics.fused.sweep import BLOCK
from eyring.theory import landscapes
from eyring.theory import symbols as s
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.escape import escape_time

T, L_a, L_b, H_a, H_b, gamma = s.temperature, s.loss_min, s.loss_saddle, s.curvature_min, s.curvature_saddle, s.friction
x, y = sp.symbols("x y", real=True)
a, b = sp.symbols("a b", positive=True)
GROWTH_RATE = sp.sqrt(gamma**2 / 4 - H_b) - gamma / 2
KRAMERS_LANGER = 2 * sp.pi / GROWTH_RATE * sp.sqrt(-H_b / H_a) * sp.exp((L_b - L_a) / T)
MANY = NUMPY.fused_from
RANDOM = np.random.default_rng(7)


def well(count: int) -> dict[str, np.ndarray]:
    """Draw parameters of Kramers and Langer's formula."""
    ranges = {"L_a": (-0.1, 0.1), "L_b": (0.3, 0.6), "H_a": (0.5, 4), "H_b": (-4, -0.5), "gamma": (0.1, 10), "T": (0.02, 0.2)}
    return {n: RANDOM.uniform(*r, count) for n, r in ranges.items()}


FORMS = {
    "sums and quotients": (a - 3 * b + 2) / (a * b**2 + 1) - 1 / a,
    "powers": a**5 / b**3 + a ** sp.Rational(3, 2) - b ** sp.Rational(-1, 4) + sp.sqrt(a / b) + x**3 + 1 / x**2,
    "a real power": a**b + b ** sp.Rational(1, 3) + 2**x,
    "exponentials": sp.exp(-a) * sp.log(a + b) + sp.exp(x / 2) - 1 + sp.tanh(x) + sp.sinh(x) * sp.cosh(y),
    "small differences": sp.exp(a / 1000) - 1 + sp.log(1 + b / 1000),
    "largest and smallest": sp.Max(1, a, x) * sp.Min(b, sp.Rational(1, 3), a),
    "pieces": sp.Piecewise((a, x < 0), (b, sp.And(x < 1, y > 0)), (x * y, sp.Or(sp.Not(y > 1), sp.Eq(x, 2))), (7, True)),
    "steps": sp.Abs(x) + sp.floor(y) - sp.ceiling(x) + sp.sign(y) * a,
    "constants": sp.pi * a + sp.exp(-1) * sp.sqrt(2) + sp.EulerGamma * x + sp.Rational(1, 3),
    "a shared part": sp.exp(-(a + b) ** 2) / (a + b) + sp.log((a + b) ** 2 + 1),
    "Kramers and Langer": sp.log(KRAMERS_LANGER),
}


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=8, phases=[Phase.generate])
@given(data=st.data())
def test_machine_code_agrees_with_numpy(name, data):
    """Every form that is written, to 8 units in the last place of the value, or 1e-14 where terms cancel; in every lane of 19 points.

    The program is called itself: the public call would send a block that holds a zero down numpy's road.
    """
    expression, fused = FORMS[name], np.empty(19)
    ranges = {"a": (0.1, 3), "b": (0.1, 3), "x": (0.1, 2.5) if name == "powers" else (-2.5, 2.5), "y": (-2.5, 2.5)}
    drawn = {
        v.name: np.array(data.draw(st.lists(st.floats(*ranges[v.name]), min_size=19, max_size=19))) if v.name in ranges else well(19)[v.name]
        for v in sorted(expression.free_symbols, key=str)
    }
    formula_program(expression, sorted(expression.free_symbols, key=str), needs=["real"] * len(drawn))(list(drawn.values()), fused)
    plain = compile_formula(expression, "numpy")(**drawn)
    assert np.max(np.abs(fused - plain) / (8 * np.spacing(np.abs(plain)) + 1e-14)) <= 1


def test_the_program_itself_answers():
    """The agreement above is not that of one road with itself: the program, called alone, gives the numbers."""
    program = formula_program(a / b + sp.exp(-a), [a, b], needs=["positive"] * 2)
    out = np.empty(3)
    assert program([np.array([1.0, 2.0, 3.0]), np.array([2.0])], out)
    assert out == pytest.approx([0.5 + math.exp(-1), 1 + math.exp(-2), 1.5 + math.exp(-3)], rel=1e-15)


def test_formulas_that_differ_in_names_share_one_program():
    """Compiled once."""
    first = formula_program(sp.exp(a) / b**7, [a, b], needs=["positive"] * 2)
    before = _program.cache_info().misses
    assert formula_program(sp.exp(T) / H_a**7, [T, H_a], needs=["positive"] * 2) is first
    assert _program.cache_info().misses == before


@pytest.mark.parametrize("function", [sp.besselk(1, a), sp.gamma(a), sp.Integral(sp.exp(-a * x**2), (x, 0, 1)), sp.sin(a)])
def test_what_has_no_machine_code_takes_the_plain_road(function):
    """The fused backend refuses it by name; numpy evaluates it block by block."""
    with pytest.raises(NotApplicable, match=rf"no machine code for {type(function).__name__}; use compile\('numpy'\)"):
        compile_formula(function, "fused")
    many = RANDOM.uniform(0.5, 2, BLOCK + 5)
    f = compile_formula(function)
    assert np.array_equal(f(a=many)[[0, BLOCK, BLOCK + 4]], [f(a=many[i]) for i in (0, BLOCK, BLOCK + 4)])


def test_large_arrays_give_the_numbers_of_single_calls():
    """On both sides of each switch: plain, block by block, machine code; ln tau to 8 ulp of its largest term."""
    f = compile_formula(KRAMERS_LANGER)
    for count in (BLOCK - 1, BLOCK, BLOCK + 1, MANY, MANY + 3):
        values = well(count)
        for place in (0, count // 2, count - 1):
            one = {n: v[place] for n, v in values.items()}
            assert abs(f.log(**values)[place] - f.log(**one)) <= 8 * math.ulp(30)
            assert f(**values)[place] == pytest.approx(f(**one), rel=8 * math.ulp(30))


@pytest.mark.parametrize("backend", ["numpy", "fused"])
def test_shapes_kinds_and_strides_are_what_numpy_makes_of_them(backend):
    """Columns against rows, numbers, slices with steps, reversed, transposed, float32, integers, lists, Fortran order, empty."""
    f, side = compile_formula(sp.exp(-a) + x / b, backend), 200
    column, row = RANDOM.uniform(0.5, 2, (side, 1)), RANDOM.uniform(0.5, 2, side)
    square = RANDOM.uniform(0.5, 2, (side, side))
    for values in (
        {"a": column, "b": row, "x": 3},
        {"a": square.T, "b": square[::-1, ::2].repeat(2, axis=1), "x": np.asfortranarray(square)},
        {"a": square.astype(np.float32), "b": np.arange(1, side + 1), "x": row.tolist()},
        {"a": column[::2], "b": row[::-1], "x": np.float32(0.1)},
        {"a": np.broadcast_to(2.0, (side, side)), "b": 1.5, "x": square},
    ):
        arrays = {n: np.asarray(v, dtype=float) for n, v in values.items()}
        want = np.exp(-arrays["a"]) + arrays["x"] / arrays["b"]
        got = f(**values)
        assert got.shape == want.shape
        assert got.dtype == np.float64
        assert np.max(np.abs(got / want - 1)) < 1e-14
    assert f(a=np.empty((0, 3)), b=1.0, x=2.0).shape == (0, 3)
    assert type(f(a=1.0, b=1.0, x=2.0)) is float


@pytest.mark.parametrize("points", [MANY - 1, 10 * MANY])
def test_memory_is_the_result_and_a_block(points):
    """Neither the checks nor the intermediate results take an array of full size: 100 kB beyond the result of machine code, a few blocks for the plain road."""
    f, values = compile_formula(KRAMERS_LANGER), well(points)
    f(**values)
    tracemalloc.start()
    f(**values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - 8 * points < (1e5 if points >= MANY else 16 * 8 * BLOCK)
    assert peak >= 8 * points


@pytest.mark.parametrize("count", [BLOCK + 9, MANY + 9])
@pytest.mark.parametrize("place", [0, -1])
def test_one_bad_number_among_many_is_refused(count, place):
    """In whatever block it stands: the same words as for a single number, with that number."""
    f = compile_formula(KRAMERS_LANGER)
    for name, wrong, shown in (("T", -0.05, "-0.05"), ("T", math.nan, "nan"), ("L_a", math.inf, "inf"), ("H_b", 1.0, "1.0"), ("gamma", 0.0, "0.0")):
        values = well(count)
        values[name][place] = wrong
        with pytest.raises(ParameterError, match=rf"^{name} \(.* must be a finite .*, got {shown}$"):
            f(**values)


@pytest.mark.parametrize("kind", [bool, complex, object, "U3", "datetime64[s]"])
def test_arrays_of_other_kinds_are_refused(kind):
    """Of any size: truth values, complex numbers, objects, text and dates are no temperatures."""
    for count in (2, MANY):
        with pytest.raises(ParameterError, match=r"T \(temperature.*must be a finite positive number, got an array of "):
            compile_formula(sp.exp(T))(T=np.ones(count).astype(kind))


@pytest.mark.parametrize("backend", ["numpy", "fused", "torch", "mpmath", "flint"])
def test_shapes_that_do_not_fit_are_refused(backend):
    """The message names the arrays and says what to do."""
    with pytest.raises(ParameterError, match=r"shapes that broadcast, got a of shape \(2,\), b of shape \(3,\); add axes, as in x\[:, None\]"):
        compile_formula(a + b, backend)(a=np.ones(2), b=np.ones(3))


@pytest.mark.parametrize("count", [BLOCK + 9, MANY + 9])
def test_what_does_not_fit_into_float64_is_refused_among_many(count):
    """A value of exp(5000), of exp(-5000), and of exp(-720), which float64 would hold to three digits."""
    f = compile_formula(sp.exp(x))
    for exponent in (5000.0, -5000.0, -720.0):
        values = np.zeros(count)
        values[count // 3] = exponent
        with pytest.raises(BeyondFloat64, match=rf"exp\({exponent:g}\) and does not fit"):
            f(x=values)
        assert f.log(x=values)[count // 3] == exponent


def test_a_factor_may_overflow_in_one_place():
    """exp(800) exp(-799) is e, found by way of its logarithm in its own block; the others are untouched."""
    f = compile_formula(sp.Mul(sp.exp(x), sp.exp(-a), evaluate=False))
    values = np.zeros(2 * MANY)
    values[5] = 800.0
    result = f(x=values, a=np.where(values > 0, 799.0, 1.0))
    assert abs(result[5] / math.e - 1) < 1e-12
    assert np.max(np.abs(np.delete(result, 5) * math.e - 1)) < 1e-15


@pytest.mark.parametrize("count", [3, BLOCK + 9, MANY + 9])
def test_where_the_formula_is_not_real_the_place_is_named(count):
    """log(x) at the one x = -2 among many; the numbers of that place are in the message."""
    values = np.linspace(1, 2, count)
    values[1] = -2.0
    with pytest.raises(EyringError, match=r"no finite real value at a = 1\.5, x = -2; its conditions do not hold there"):
        compile_formula(sp.log(x) / a)(x=values, a=1.5)


def test_hard_conditions_are_checked_among_many():
    """A saddle below the minimum, in one place of many; and steps too large, given for the condition alone."""
    tau = escape_time(WhiteNoiseGD().sde(landscapes.local()), start=landscapes.local().minima()[0], over=landscapes.local().saddles()[0], event="next well")
    f, values = tau.compile(), well(MANY + 1)
    values = {n: v for n, v in values.items() if n in {p.name for p in f.parameters}}
    assert np.isfinite(f(**values, eta=0.01)).all()
    with pytest.raises(NotApplicable, match=r"does not overshoot the minimum.*not so for H_a = .*, eta = 10"):
        f(**values, eta=10.0)
    values["L_a"][17] = 1.0
    with pytest.raises(NotApplicable, match=r"the saddle lies above the minimum.*not so for L_a = 1, L_b = 0"):
        f(**values)


def test_a_matrix_of_formulas_is_swept_entry_by_entry():
    """A covariance at many points has its axes last."""
    f = compile_formula(sp.Matrix([[a, x], [x, sp.exp(-a)]]))
    many = RANDOM.uniform(0.5, 2, MANY)
    assert f(a=many, x=1.5).shape == (MANY, 2, 2)
    assert f(a=many, x=1.5)[7] == pytest.approx(np.array([[many[7], 1.5], [1.5, math.exp(-many[7])]]), rel=1e-15)
