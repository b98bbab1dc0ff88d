"""Compiled formulas against mpmath: as accurate as float64 allows, and never silently wrong."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError
from eyring.numerics.compiled import Compiled, compile_formula
from eyring.numerics.stable_form import stable_form
from eyring.theory import landscapes, noise
from eyring.theory import symbols as s
from eyring.theory.dynamics import SGD, MomentumSGD, WhiteNoiseGD
from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula, logarithm
from eyring.theory.landscape import Landscape
from eyring.theory.symbols import GLOSSARY

T, eta, mu, B = s.temperature, s.learning_rate, s.momentum, s.batch_size
L_a, L_b, H_a, H_b, gamma = s.loss_min, s.loss_saddle, s.curvature_min, s.curvature_saddle, s.friction
x = sp.Symbol("x", real=True)
a = sp.Symbol("a", positive=True)
BACKENDS = ("numpy", "torch", "mpmath")

KRAMERS = 2 * sp.pi / sp.sqrt(-H_a * H_b) * sp.exp((L_b - L_a) / T)
GROWTH_RATE = sp.sqrt(gamma**2 / 4 - H_b) - gamma / 2  # of Kramers and Langer; cancels at strong friction
KRAMERS_LANGER = 2 * sp.pi / GROWTH_RATE * sp.sqrt(-H_b / H_a) * sp.exp((L_b - L_a) / T)
FRICTION = (1 - mu) / sp.sqrt(eta)
MOMENTUM = KRAMERS_LANGER.subs({gamma: FRICTION, T: eta * s.gradient_std**2 / (2 * B * (1 - mu))})
XIE = 2 * sp.pi / H_a * sp.exp(2 * B * (L_b - L_a) / eta * (s.switch_fraction / H_a - (1 - s.switch_fraction) / H_b))
INTEGRAL = KRAMERS * sp.exp(sp.Integral(a * x / (T * (1 + x**2)), (x, 0, a)))
LOCAL = landscapes.local()
TILTED = Landscape(x**4 / 4 - x**2 / 2 + x / 10, [x])
VALLEY = Landscape(x**4 / 4 - x**2 / 2 + a * sp.Symbol("y", real=True) ** 2 / 2, [x, sp.Symbol("y", real=True)])
GROWING = noise.Covariance(a * (1 + 2 * x**2))


def escape(sde, event="next well", landscape=None, **options) -> Formula:
    """Return the escape formula from the first minimum over the first saddle."""
    loss = landscape or sde.landscape
    minimum, saddle = (next(p for p in loss.critical_points if p.index == i) for i in (0, 1))
    return escape_time(sde, start=minimum, over=saddle, event=event, **options)


FORMULAS = {
    "kramers, by hand": lambda: KRAMERS,
    "kramers-langer, by hand": lambda: KRAMERS_LANGER,
    "momentum, by hand": lambda: MOMENTUM,
    "xie, by hand": lambda: XIE,
    "an integral left, by hand": lambda: INTEGRAL,
    "white noise": lambda: escape(WhiteNoiseGD().sde(LOCAL)),
    "white noise to the saddle, in iterations": lambda: escape(WhiteNoiseGD().sde(LOCAL), "to the saddle").per_iteration,
    "isotropic noise": lambda: escape(SGD().sde(LOCAL, noise.Isotropic())),
    "hessian noise": lambda: escape(SGD().sde(LOCAL, noise.Hessian())),
    "hessian noise, published": lambda: escape(SGD().sde(LOCAL, noise.Hessian()), published=True),
    "loss noise": lambda: escape(SGD().sde(LOCAL, noise.Loss())),
    "momentum": lambda: escape(MomentumSGD().sde(LOCAL, noise.Isotropic()), landscape=LOCAL),
    "momentum in iterations, tilted well": lambda: escape(MomentumSGD().sde(TILTED, noise.Isotropic()), landscape=TILTED).per_iteration,
    "double well, corrected": lambda: escape(WhiteNoiseGD().sde(landscapes.double_well(s.height)), order=1),
    "tilted well, growing noise, to the saddle, corrected": lambda: escape(SGD().sde(TILTED, GROWING), "to the saddle", order=1),
    "valley": lambda: escape(WhiteNoiseGD().sde(VALLEY)),
}
POSITIVE_LOSS = {"loss noise": {"L_a": (0.01, 0.5)}}


@cache
def subject(name: str) -> Formula | sp.Expr:
    """Derive once for all backends."""
    return FORMULAS[name]()


def draws(symbols, **other: tuple[float, float]) -> st.SearchStrategy[dict[str, float]]:
    """Draw one number for each symbol from its typical range; (0.5, 2) for one that the glossary does not know."""
    ranges = {x.name: GLOSSARY[x.name].typical if x.name in GLOSSARY else (0.5, 2.0) for x in symbols}
    return st.fixed_dictionaries({name: st.floats(*other.get(name, limits)) for name, limits in sorted(ranges.items())})


@cache
def compiled(name: str, backend: str) -> Compiled:
    """Compile once for all draws."""
    return compile_formula(subject(name), backend)


@cache
def terms_by_mpmath(name: str):
    """Return the terms of ln tau as a function for mpmath: the judge, straight from sympy's own printer."""
    formula = subject(name)
    expression = formula.log if isinstance(formula, Formula) else logarithm(formula)
    symbols = sorted(expression.free_symbols, key=str)
    return [x.name for x in symbols], sp.lambdify(symbols, sp.Add.make_args(expression), "mpmath")


def judged(name: str, values: dict[str, float]) -> tuple[mpmath.mpf, float]:
    """Return ln tau to 30 digits and its largest term."""
    names, function = terms_by_mpmath(name)
    with mpmath.workdps(60):
        terms = function(*(mpmath.mpf(values[n]) for n in names))
        return mpmath.fsum(terms), float(max(abs(t) for t in terms))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", FORMULAS)
def test_ln_tau_is_right_to_eight_ulp_of_its_largest_term(name, backend):
    """The error in ln tau is at most 8 ulp of the largest term, and at most 1e-12 where |ln tau| <= 100."""
    f = compiled(name, backend)

    @settings(max_examples=max(10, settings().max_examples // (1 if backend == "numpy" else 4)))
    @given(draws([p.symbol for p in f.parameters], **POSITIVE_LOSS.get(name, {})))
    def check(values):
        exact, largest = judged(name, values)
        result = f.log(**({n: mpmath.mpf(v) for n, v in values.items()} if backend == "mpmath" else values))
        with mpmath.workdps(60):
            error = abs(mpmath.mpf(result.item() if backend == "torch" else result) - exact)
        assert error <= 8 * math.ulp(largest)
        assert error <= 1e-12 or abs(exact) > 100
        assert backend != "mpmath" or error <= abs(exact) * mpmath.mpf(10) ** -28

    check()


@pytest.mark.parametrize("name", FORMULAS)
def test_the_logarithm_is_that_of_the_formula(name):
    """exp(ln tau) is tau to 28 digits: taking the formula apart has lost no factor."""
    f = compiled(name, "mpmath")
    low = {p.name: 0.02 if p.name == "L_a" else sum(GLOSSARY[p.name].typical) / 2 if p.name in GLOSSARY else 1.0 for p in f.parameters}
    with mpmath.workdps(40):
        assert abs(f(**low) / mpmath.exp(f.log(**low)) - 1) <= (1 + abs(f.log(**low))) * mpmath.mpf(10) ** -29


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@given(values=draws(KRAMERS_LANGER.free_symbols))
def test_the_value_is_as_accurate_as_its_exponent(backend, values):
    """The relative error of tau is at most 8 ulp of the largest term of ln tau (plus 8 of its own), whichever road it took."""
    exact, largest = judged("kramers-langer, by hand", values)
    value = float(compiled("kramers-langer, by hand", backend)(**values))
    assert abs(mpmath.mpf(value) / mpmath.exp(exact) - 1) <= 8 * math.ulp(largest) + 8 * math.ulp(1.0)


GROWTH = compile_formula(GROWTH_RATE)


@given(draws([H_b]))
def test_strong_friction_does_not_eat_the_digits_of_the_growth_rate(values):
    """sqrt(gamma^2/4 + |H_b|) - gamma/2 at gamma = 1e6 keeps 15 digits; written as it stands it would keep 4."""
    f, strong = GROWTH, 1e6
    h = mpmath.mpf(-values["H_b"])
    with mpmath.workdps(40):
        exact = mpmath.sqrt(mpmath.mpf(strong) ** 2 / 4 + h) - mpmath.mpf(strong) / 2
    assert abs(f(gamma=strong, **values) / exact - 1) < 1e-15


@pytest.mark.parametrize("sign", [-1, 1])
def test_where_a_sign_is_not_known_the_form_that_keeps_the_digits_is_chosen(sign):
    """sqrt(x^2 + 1) + x at x = -1e6 and at 1e6."""
    f = compile_formula(sp.sqrt(x**2 + 1) + x)
    with mpmath.workdps(40):
        exact = mpmath.sqrt(mpmath.mpf(10) ** 12 + 1) + sign * mpmath.mpf(10) ** 6
    assert abs(f(x=sign * 1e6) / exact - 1) < 1e-15


def test_small_differences_from_one_keep_their_digits():
    """exp(a) - 1, 1 - exp(-a) and log(1 + a) are a (1 +- a/2) at a = 1e-9, where the plain forms have 7 digits; exp(a) + 1 stays what it is."""
    for expression, bend in ((sp.exp(a) - 1, 1), (1 - sp.exp(-a), -1), (sp.log(1 + a), -1)):
        assert abs(compile_formula(expression)(a=1e-9) / (1e-9 * (1 + bend * 0.5e-9)) - 1) < 1e-15
    assert abs(compile_formula(sp.exp(a) + 1)(a=1.0) - math.e - 1) < 1e-15


def test_a_discriminant_near_zero_keeps_its_digits():
    """The two rates of a matrix with equal diagonal and coupling 1e-9 differ by 2e-9: trace^2 - 4 det as it stands would give zero or 3e-8."""
    b, c, d = sp.symbols("b c d", positive=True)
    spread = sp.sqrt((a + d) ** 2 - 4 * (a * d - b * c))
    assert stable_form(spread) == sp.sqrt((a - d) ** 2 + 4 * b * c)
    assert abs(compile_formula(spread)(a=0.7, b=1e-9, c=1e-9, d=0.7) / 2e-9 - 1) < 1e-15
    three = (a + b + c) ** 2 - 3 * a * b - 3 * b * c - 4 * a * c  # three unknowns: the form is another, the value the same
    assert sp.expand(stable_form(three) - three) == 0
    assert stable_form((1 + a) ** 2 - 4 * a) == (a - 1) ** 2


def test_mpmath_gives_all_its_digits_through_a_cancellation():
    """At gamma = 1e40 the growth rate is |H_b|/gamma (1 - |H_b|/gamma^2): 80 digits are lost on the way, and 30 come out."""
    rate = compile_formula(GROWTH_RATE, "mpmath")(gamma=10**40, H_b=-1)
    with mpmath.workdps(60):
        assert abs(rate * mpmath.mpf(10) ** 40 - 1) < mpmath.mpf(10) ** -29


WELL = {"L_a": 0.0, "L_b": 0.25, "H_a": 2.0, "H_b": -1.0}


@pytest.mark.parametrize("backend", BACKENDS)
def test_ln_tau_of_5000_does_not_overflow(backend):
    """At barrier/T = 5000, ln tau = 5000 + ln(2 pi/sqrt 2) to 8 ulp, while tau itself is refused in float64."""
    f = compile_formula(KRAMERS, backend)
    values = {**WELL, "T": 0.25 / 5000}
    given_values = {n: mpmath.mpf(v) for n, v in values.items()} if backend == "mpmath" else values
    assert abs(float(f.log(**given_values)) - (5000 + math.log(2 * math.pi / math.sqrt(2)))) < 8 * math.ulp(5000)
    if backend == "mpmath":
        with mpmath.workdps(40):
            exact = mpmath.exp(mpmath.mpf(0.25) / mpmath.mpf(0.25 / 5000)) * mpmath.pi * mpmath.sqrt(2)
            assert abs(f(**given_values) / exact - 1) < mpmath.mpf(10) ** -30
    else:
        with pytest.raises(OverflowError, match=r"exp\(5001\.49\) and does not fit into a float64; use \.log"):
            f(**values)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_factor_may_overflow_where_the_product_does_not(backend):
    """exp(1/T) at T = 1/800 overflows, exp(1/T - 700/a) does not: the value comes by way of its logarithm."""
    f = compile_formula(sp.Mul(sp.exp(1 / T), sp.exp(-a), evaluate=False), backend)
    assert abs(float(f(T=1 / 800, a=799.0)) / math.e - 1) < 1e-12


def test_a_value_too_small_for_float64_is_refused_too():
    """A rate of exp(-5000) would come back as zero."""
    with pytest.raises(OverflowError, match="does not fit"):
        compile_formula(sp.exp(-1 / T))(T=1 / 5000)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_broadcast(backend):
    """Shapes (3, 1) and (2,) give (3, 2), entry by entry the numbers that single calls give."""
    f = compile_formula(KRAMERS, backend)
    curvatures, temperatures = np.array([[1.0], [2.0], [3.0]]), np.array([0.05, 0.1])
    table = f(**{**WELL, "H_a": curvatures, "T": temperatures})
    assert tuple(table.shape) == (3, 2)
    assert float(table[2, 1]) == pytest.approx(float(f(**{**WELL, "H_a": 3.0, "T": 0.1})), rel=1e-15)
    assert abs(float(table[1, 0]) - 659.382292375020618) < 1e-12  # 2 pi/sqrt(2) exp(5)


def test_numpy_gives_floats_for_numbers_and_widens_float32():
    """The type that comes back is float or float64; float32 arrays are widened before anything is computed."""
    f = compile_formula(KRAMERS)
    assert type(f(T=0.05, **WELL)) is float
    narrow = {name: np.array([value], dtype=np.float32) for name, value in {**WELL, "T": 0.05}.items()}
    assert f(**narrow).dtype == np.float64
    assert f(**narrow)[0] == f(**{name: float(value[0]) for name, value in narrow.items()})


def test_torch_widens_float32_and_gives_float64():
    """As numpy does; the gradient comes back in float32."""
    f = compile_formula(KRAMERS, "torch")
    narrow = {name: torch.tensor(value, dtype=torch.float32, requires_grad=True) for name, value in {**WELL, "T": 0.05}.items()}
    assert f(**narrow).dtype == torch.float64
    assert f(**narrow).item() == f(**{name: value.item() for name, value in narrow.items()}).item()
    f.log(**narrow).backward()
    assert narrow["T"].grad.dtype == torch.float32


def test_mpmath_reads_a_decimal_as_it_is_written():
    """T = 0.05 means 1/20: ln tau = 5 + ln(sqrt(2) pi) to 50 digits, not to the 17 of a float."""
    f = compile_formula(KRAMERS, "mpmath", digits=50)
    with mpmath.workdps(60):
        assert abs(f.log(T=0.05, **WELL) - (5 + mpmath.log(mpmath.sqrt(2) * mpmath.pi))) < mpmath.mpf(10) ** -50


def test_torch_differentiates_ln_tau():
    """d ln tau / dT = -(L_b - L_a)/T^2 and d ln tau / dH_a = -1/(2 H_a), exactly."""
    values = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in {**WELL, "T": 0.05}.items()}
    compile_formula(KRAMERS, "torch").log(**values).backward()
    assert abs(values["T"].grad.item() + 0.25 / 0.05**2) < 1e-12
    assert abs(values["H_a"].grad.item() + 0.25) < 1e-15


def test_torch_formulas_run_under_vmap_and_double_gradients():
    """vmap of the second derivative: d^2 ln tau / dT^2 = 2 (L_b - L_a)/T^3 for every temperature at once."""
    f = compile_formula(KRAMERS, "torch")
    temperatures = torch.tensor([0.05, 0.1, 0.2], dtype=torch.float64)
    second = torch.func.vmap(torch.func.grad(torch.func.grad(lambda t: f.log(T=t, **WELL))))(temperatures)
    assert torch.allclose(second, 0.5 / temperatures**3, rtol=1e-13, atol=0)
    assert torch.allclose(torch.func.vmap(lambda t: f(T=t, **WELL))(temperatures), f(T=temperatures, **WELL), rtol=1e-15, atol=0)


SPECIAL = {
    "constants": sp.sqrt(2) * a + sp.exp(-1) + sp.log(2) + sp.erf(sp.Rational(1, 3)) + sp.EulerGamma,
    "error functions": sp.erf(a) + 3 * sp.erfc(a),
    "gamma functions": sp.gamma(a) + sp.loggamma(a + 1) * sp.digamma(a),
    "largest and smallest": sp.Max(1, a, a**2) + sp.Min(sp.Rational(1, 3), a / 5),
    "pieces": sp.Piecewise((sp.Rational(1, 3), a < 1), (a**2, sp.And(a < sp.Rational(3, 2), a > 0)), (sp.sqrt(3), True)),
    "pieces of numbers only": sp.Piecewise((sp.Rational(1, 3), a < 1), (sp.Rational(2, 3), True)),
    "integral": sp.Integral(sp.exp(-a * x**2), (x, 0, a)),
    "integral over the line": sp.Integral(sp.exp(-a * x**2), (x, -sp.oo, sp.oo)),
    "integral from a point on": sp.Integral(sp.exp(-a * x) * x, (x, 1, sp.oo)),
}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_agree_with_mpmath(name, backend):
    """Every function that formulas use, on both sides of each switch, to 1e-13."""
    values = np.array([0.4, 1.2, 1.9])
    got = np.asarray(compile_formula(SPECIAL[name], backend)(a=values))
    want = [float(sp.N(SPECIAL[name].doit().subs(a, sp.Float(v, 30)), 20)) for v in values]
    assert got == pytest.approx(want, rel=1e-13)


def test_an_inner_limit_may_be_the_outer_variable():
    """The integral of x exp(-T x) over 0 < T < x < 1/2 is 1/2 - (sqrt(pi)/2) erf(1/2)."""
    f = compile_formula(sp.Integral(x * sp.exp(-T * x), (T, 0, x), (x, 0, a)))
    assert abs(f(a=0.5) - (0.5 - math.sqrt(math.pi) / 2 * math.erf(0.5))) < 1e-15


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_integral_that_the_panels_cannot_resolve_is_refused(backend):
    """cos(500 x) over thirty periods a panel: 24 panels of 16 nodes see noise, and say so; mpmath has it."""
    f = compile_formula(sp.Integral(sp.cos(500 * a * x), (x, 0, 10)), backend)
    with pytest.raises(AccuracyError, match=r"too sharp or too oscillating for 24 panels of 16 nodes; use compile\('mpmath'\)"):
        f(a=1.0)


@pytest.mark.parametrize("name", ["lambda", "numpy", "gamma", "exp", "node_1_0", "_0", "x0", "theta 1", "self", "__import__('os')"])
def test_any_symbol_may_be_a_parameter(name):
    """Names that Python or numpy use, or that are no Python names at all, shadow nothing and are never run."""
    symbol = sp.Symbol(name, positive=True)
    expression = sp.exp(symbol + T) + sp.sin(symbol + T) + sp.gamma(symbol)
    for backend in BACKENDS:
        value = float(compile_formula(expression, backend)(**{name: 1.5, "T": 0.25}))
        assert abs(value - (math.exp(1.75) + math.sin(1.75) + math.gamma(1.5))) < 1e-14


def test_missing_and_unknown_parameters_are_named():
    """The message lists what the formula takes, what is missing and what is unknown."""
    with pytest.raises(ParameterError, match=r"this formula takes H_a, H_b, L_a, L_b, T; missing: H_b, T; unknown: temp"):
        compile_formula(KRAMERS)(H_a=1.0, L_a=0.0, L_b=1.0, temp=0.1)
    with pytest.raises(TypeError, match=r"this formula takes T, by name"):
        compile_formula(sp.exp(T))(0.1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("wrong", "given"),
    [(-0.05, "-0.05"), (0, "0"), (math.nan, "nan"), (math.inf, "inf"), (1j, "1j"), (True, "True"), ("0.1", "'0.1'"), (None, "None"),
     ([0.1, -0.2], "-0.2"), (sp.I, "I"), (a, "a")],
)  # fmt: skip
def test_a_number_that_is_no_temperature_is_refused_in_words(wrong, given, backend):
    """The message names the symbol, its meaning, what is needed and what was given."""
    with pytest.raises(ParameterError) as refusal:
        compile_formula(KRAMERS, backend)(T=wrong, **WELL)
    assert str(refusal.value).startswith(
        "T (temperature: noise strength in dx = -L' dt + sqrt(2 T) dW) must be a finite positive number, got " + given
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_saddle_that_curves_up_is_refused(backend):
    """H_b is negative by its declaration."""
    with pytest.raises(ParameterError, match=r"H_b \(curvature at the saddle.*must be a finite negative number, got 1"):
        compile_formula(KRAMERS, backend)(**{**WELL, "H_b": 1.0, "T": 0.1})


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_the_formula_is_not_real_it_says_so(backend):
    """log(x) at x = -2 is no real number; the values are named."""
    with pytest.raises(EyringError, match="no finite real value at x = -2; its conditions do not hold there"):
        compile_formula(sp.log(x), backend)(x=-2.0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_a_barrier_or_with_steps_too_large_the_formula_refuses(backend):
    """The hard conditions of a derived formula are checked with the numbers; eta is not in the time, but may be given for its condition."""
    f = compiled("white noise", backend)
    with pytest.raises(NotApplicable, match=r"the saddle lies above the minimum: -L_a \+ L_b > 0; not so for L_a = 1, L_b = 0\.25"):
        f(**{**WELL, "L_a": 1.0, "T": 0.05})
    with pytest.raises(
        NotApplicable,
        match=r"does not overshoot the minimum.*: H_a\*eta < 2; not so for H_a = 2, eta = 1\. The optimizer is stable at curvatures below 2/eta",
    ):
        f.log(**WELL, T=0.05, eta=1.0)
    assert float(f(**WELL, T=0.05, eta=0.01)) == float(f(**WELL, T=0.05))


def test_the_neglected_term_is_a_number_too():
    """In h (x^2 - 1)^2 it is (3/8) T/h; where it is not known, or lacks a number, that is said."""
    f = escape(WhiteNoiseGD().sde(landscapes.double_well(s.height))).compile("numpy")
    assert abs(f.next_order(T=0.1, h=2.0) - 3 / 8 * 0.05) < 1e-17
    with pytest.raises(NotApplicable, match="the first term that this formula neglects is not known"):
        compiled("hessian noise", "numpy").next_order(B=1, H_a=1, H_b=-1, L_a=0, L_b=1, eta=0.1, s=0.5)


def test_two_symbols_of_one_name_are_refused():
    """T of the glossary and a plain T cannot both be keywords."""
    with pytest.raises(ParameterError, match="two different symbols are both printed T"):
        compile_formula(T + sp.Symbol("T"))


def test_what_has_no_number_is_refused_at_compile_time():
    """An unknown function, a function that a framework lacks, an equation, an unknown backend, digits in float64."""
    loss = sp.Function("L", real=True)(x)
    with pytest.raises(NotApplicable, match=r"unknown function L\(x\); give the loss as a formula"):
        compile_formula(loss)
    with pytest.raises(NotApplicable, match=r"the torch backend has no polylog; use compile\('mpmath'\)"):
        compile_formula(sp.polylog(2, a), "torch")
    with pytest.raises(NotApplicable, match=r"torch has gamma\(x\) for positive arguments only"):
        compile_formula(sp.gamma(x), "torch")
    with pytest.raises(NotApplicable, match="a number or a matrix of numbers can be compiled, got Equality"):
        compile_formula(sp.Eq(a, x))
    with pytest.raises(ParameterError, match=r"no backend 'fortran'; known: flint, fused, mpmath, numpy, torch"):
        compile_formula(KRAMERS, "fortran")
    with pytest.raises(ParameterError, match=r"computes in float64 and takes no digits, got digits=40; use compile\('mpmath', digits=40\)"):
        compile_formula(KRAMERS, "numpy", digits=40)
    with pytest.raises(ParameterError, match="digits must be a whole number"):
        compile_formula(KRAMERS, "mpmath", digits=-3)


@pytest.mark.parametrize("backend", ["numpy", "torch", "mpmath"])
def test_a_matrix_of_formulas_has_its_axes_last(backend):
    """Arrays broadcast over the entries, also over one that is a plain number or negative; a missing symbol is named."""
    f = compile_formula(sp.Matrix([[a, a * x], [2, -x]]), backend)
    values = np.asarray(f(a=2.0, x=np.array([1.0, 3.0, -5.0])), dtype=float)
    assert values.shape == (3, 2, 2)
    assert values[1].tolist() == [[2, 6], [2, -3]]
    assert np.asarray(f(a=0.5, x=1.0), dtype=float).shape == (2, 2)
    assert [p.name for p in f.parameters] == ["a", "x"]
    with pytest.raises(ParameterError, match="this matrix takes a, x, by name; missing: a; unknown: b"):
        f(b=1, x=1)


def test_a_compiled_formula_describes_its_parameters():
    """Name, meaning and unit of each, from the glossary; the code is there to read."""
    f = compile_formula(KRAMERS)
    assert [p.name for p in f.parameters] == ["H_a", "H_b", "L_a", "L_b", "T"]
    assert "T: temperature: noise strength in dx = -L' dt + sqrt(2 T) dW; positive, unit: loss" in f.__doc__
    assert (f.parameters[4].meaning, f.parameters[4].unit) == (GLOSSARY["T"].meaning, "loss")
    assert "numpy.exp((-L_a + L_b)/T)" in f.source
    assert repr(f).endswith("a function of H_a, H_b, L_a, L_b, T; backend numpy")


def test_an_overflow_is_refused_as_eyring_and_as_python_would():
    """Either except clause catches it."""
    with pytest.raises(OverflowError) as refusal:
        compile_formula(sp.exp(1 / T))(T=1 / 5000)
    assert isinstance(refusal.value, EyringError)
