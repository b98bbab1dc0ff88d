"""Every exact answer asked the wrong way: each refuses in a sentence of its own, and none returns NaN, infinity or a wrong number in silence."""

import math
import warnings

import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import AccuracyError, EyringError, NotApplicable, ParameterError

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)
R = sp.Rational
WELL = ey.SDE(x - x**3, D, [x])
COLD = ey.SDE(x - x**3, R(1, 20), [x])
PLANE = ey.SDE([x - x**3, -y], sp.eye(2) * D, [x, y])
LOSS = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
NOISE = ey.noise.Isotropic()
SGD = ey.SGD()
GOOD = {"eta": 0.1, "sigma": 1.0, "B": 4}
CHAIN = ey.BasinChain({("a", "b"): 1.0, ("b", "a"): 2.0}, unit="time")

NONSENSE = [math.nan, math.inf, -math.inf, "abc", "__import__('os')", 1j, None, [], object(), {}, sp.I, sp.oo, sp.nan, sp.Symbol("z")]
NO_NUMBER = [*NONSENSE, np.array([]), np.array([0.1, math.nan])]
EXTREME = [1e-320, 1e-300, 1e300]

QUESTIONS = {
    "a noise strength of the time": lambda v: ey.exact_escape_time(WELL, start=-1, target=1, values={"D": v}),
    "a noise strength of the variance": lambda v: ey.exact_escape_variance(WELL, start=-1, target=1, values={"D": v}),
    "a noise strength of the committor": lambda v: ey.exact_committor(WELL, start=0.5, left=-1, right=1, values={"D": v}),
    "a noise strength of the rates": lambda v: ey.relaxation_rates(WELL, values={"D": v}),
    "a noise strength of the probability": lambda v: ey.stationary_probability(WELL, region=(0, 1), values={"D": v}),
    "a noise strength of the covariance": lambda v: ey.stationary_covariance(WELL, at=1, values={"D": v}),
    "a noise strength of the action": lambda v: ey.quasipotential(WELL, start=-1, end=0, values={"D": v}),
    "a noise strength in the plane": lambda v: ey.quasipotential(PLANE, start=(-1, 0), end=(0, 0), values={"D": v}),
    "a learning rate of the chain's rate": lambda v: ey.chain_relaxation_rate(SGD, LOSS, NOISE, values={**GOOD, "eta": v}),
    "a learning rate of the chain's time": lambda v: ey.exact_chain_time(SGD, LOSS, NOISE, start=-1, target=1, values={**GOOD, "eta": v}),
    "a learning rate of the chain's barrier": lambda v: ey.chain_barrier(LOSS, start=-1, over=0, values={"eta": v}),
    "a learning rate of the steps' covariance": lambda v: ey.stationary_covariance(SGD, hessian=[[1]], covariance=[[1]], values={"eta": v}),
    "a curvature of the steps' covariance": lambda v: ey.stationary_covariance(ey.SGD(learning_rate=0.1), hessian=v, covariance=[[1]]),
    "a step of the tail": lambda v: ey.tail_exponent(batch_size=4, learning_rate_times_curvature=v),
    "a scale of stable noise": lambda v: ey.exact_levy_exit_time(LOSS, stability=1.5, scale=v, interval=(-2, 0), start=-1),
}
PLACES = {
    "a start": lambda v: ey.exact_escape_time(COLD, start=v, target=1),
    "a target": lambda v: ey.exact_escape_time(COLD, start=-1, target=v),
    "an end of the committor": lambda v: ey.exact_committor(COLD, start=0.5, left=v, right=1),
    "a point of rest": lambda v: ey.stationary_covariance(COLD, at=v),
    "an end of the action": lambda v: ey.quasipotential(COLD, start=-1, end=v),
    "an end of the action in the plane": lambda v: ey.quasipotential(PLANE, start=(-1, 0), end=(0, v), values={"D": 0.1}),
    "a start of the chain": lambda v: ey.exact_chain_time(SGD, LOSS, NOISE, start=v, target=1, values=GOOD),
    "a saddle of the chain": lambda v: ey.chain_barrier(LOSS, start=-1, over=v, values={"eta": 0.1}),
    "a saddle of the exponent": lambda v: ey.large_deviation_exponent(LOSS, NOISE, start=-1, over=v, values={"sigma": 1, "B": 1}),
    "a region": lambda v: ey.stationary_probability(COLD, region=v),
    "an interval": lambda v: ey.exact_levy_exit_time(LOSS, stability=1.5, scale=0.1, interval=v, start=-1),
    "a switch": lambda v: ey.noise.Hessian(switch=v).covariance(LOSS, 4),
}
THINGS = {
    "an SDE of the time": lambda v: ey.exact_escape_time(v, start=-1, target=1),
    "an SDE of the variance": lambda v: ey.exact_escape_variance(v, start=-1, target=1),
    "an SDE of the rates": lambda v: ey.relaxation_rates(v),
    "an SDE of the probability": lambda v: ey.stationary_probability(v, region=(0, 1)),
    "an SDE of the action": lambda v: ey.quasipotential(v, start=-1, end=0),
    "an optimizer": lambda v: ey.chain_relaxation_rate(v, LOSS, NOISE, values=GOOD),
    "a loss": lambda v: ey.chain_relaxation_rate(SGD, v, NOISE, values=GOOD),
    "a loss of the barrier": lambda v: ey.chain_barrier(v, start=-1, over=0, values={"eta": 0.1}),
    "digits": lambda v: ey.exact_escape_time(COLD, start=-1, target=1, digits=v),
    "a batch size": lambda v: ey.tail_exponent(batch_size=v, learning_rate_times_curvature=0.1),
    "a count": lambda v: ey.relaxation_rates(COLD, count=v),
    "a basin": lambda v: ey.basin_occupation(CHAIN, start=v, at=1.0),
    "a time of occupation": lambda v: ey.basin_occupation(CHAIN, start="a", at=v),
}


def refused(ask, value):
    """Ask with warnings as errors; whatever is said must be one of eyring's own sentences."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(EyringError) as caught:
            ask(value)
    assert len(str(caught.value).split()) >= 5, str(caught.value)


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_no_number_is_refused(question):
    """NaN, infinities, text, complex and empty values, objects, in every answer's first parameter."""
    for value in NO_NUMBER:
        if not (isinstance(value, sp.Symbol) and "curvature" in question):
            refused(QUESTIONS[question], value)


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_place_is_refused(place):
    """The same, where a point, an interval or a region is asked for; and points beyond the reach of floating-point numbers."""
    for value in [v for v in NONSENSE if not (isinstance(v, sp.Symbol) and place == "a switch")] + [1e300] * (place != "a switch"):
        refused(PLACES[place], value)


@pytest.mark.parametrize("thing", THINGS)
def test_what_is_no_model_or_count_is_refused(thing):
    """The same, in place of an SDE, an optimizer, a loss, a basin; and -1, 0.5 where things are counted."""
    for value in [*NONSENSE, -1, -0.5]:
        refused(THINGS[thing], value)


@pytest.mark.parametrize("question", [q for q in QUESTIONS if "tail" not in q and "chain's barrier" not in q])
def test_numbers_whose_products_overflow_are_refused(question):
    """1e-320, 1e-300 and 1e300: not a NaN, not a division by zero."""
    for value in EXTREME:
        refused(QUESTIONS[question], value)


POWER = ey.SDE(-x / (1 + x**2), R(1, 3), [x])  # density (1 + x^2)^(-3/2)
CASES = {
    "nothing holds the walker": (lambda: ey.exact_escape_time(ey.SDE(x, 1, [x]), start=-1, target=1), NotApplicable, "does not confine"),
    "no stationary law": (lambda: ey.stationary_probability(ey.SDE(sp.Integer(0), 1, [x]), region=(0, 1)), NotApplicable, "no point of rest"),
    "a periodic loss": (lambda: ey.relaxation_rates(ey.SDE(-sp.sin(x), R(1, 10), [x])), NotApplicable, "does not confine"),
    "noise that vanishes on the way": (lambda: ey.exact_escape_time(ey.SDE(x - x**3, x**2, [x]), start=-1, target=1), NotApplicable, "vanishes at"),
    "noise that turns negative": (lambda: ey.exact_escape_time(ey.SDE(x - x**3, x, [x]), start=-1, target=1), ParameterError, "must be positive"),
    "noise of no size": (lambda: ey.exact_escape_time(WELL, start=-1, target=1, values={"D": 0}), EyringError, "D"),
    "a negative diffusion": (lambda: ey.stationary_covariance(WELL, at=1, values={"D": -0.1}), ParameterError, "eigenvalue -0.1"),
    "a learning rate of zero": (
        lambda: ey.exact_escape_time(SGD.sde(LOSS, NOISE), start=-1, target=1, values={**GOOD, "eta": 0}),
        EyringError,
        "positive",
    ),
    "an unstable optimizer": (
        lambda: ey.exact_escape_time(SGD.sde(LOSS, NOISE), start=-1, target=1, values={**GOOD, "eta": 1.0}),
        NotApplicable,
        "optimizer is unstable",
    ),
    "unstable steps": (
        lambda: ey.stationary_covariance(SGD, hessian=[[2.0]], covariance=[[1.0]], values={"eta": 1.0}),
        NotApplicable,
        "are not below 2,",
    ),
    "a momentum of one": (
        lambda: ey.relaxation_rates(ey.MomentumSGD().sde(LOSS, NOISE), values={**GOOD, "mu": 1.0}),
        ParameterError,
        "mu, the momentum, must be at least 0 and below 1, got 1",
    ),
    "less than one sample": (
        lambda: ey.exact_escape_time(SGD.sde(LOSS, NOISE), start=-1, target=1, values={**GOOD, "B": 0.5}),
        ParameterError,
        "B, the batch size, must be at least 1, got 0.5",
    ),
    "a target out of reach": (
        lambda: ey.exact_chain_time(SGD, LOSS, NOISE, start=-1, target=50, values=GOOD),
        AccuracyError,
        "the target is out of reach",
    ),
    "noise too weak for panels": (
        lambda: ey.exact_committor(COLD.subs({}).with_(diffusion=sp.Matrix([[R(1, 10**12)]])), start=0.5, left=-1, right=1),
        AccuracyError,
        "needs more than",
    ),
    "a variance that is infinite": (
        lambda: ey.exact_escape_variance(POWER, start=-1, target=1),
        NotApplicable,
        "variance, which may be infinite",
    ),
    "rates of a continuum from zero": (lambda: ey.relaxation_rates(POWER), EyringError, "drift"),
    "text for a number": (lambda: ey.tail_exponent(batch_size=4, learning_rate_times_curvature="0.1"), ParameterError, "got '0.1'"),
    "a wrong name": (lambda: ey.relaxation_rates(WELL, values={"D": 0.1, "T": 1}), ParameterError, "unknown: T"),
    "arrays that do not broadcast": (
        lambda: ey.stationary_probability(ey.SDE(-x, D * sp.Symbol("a"), [x]), region=(0, 1), values={"D": [1, 2], "a": [1, 2, 3]}),
        ParameterError,
        "must broadcast",
    ),
    "a number among symbols": (
        lambda: ey.noise.Hessian(switch=-0.5).covariance(ey.landscapes.local(), 4),
        EyringError,
        "leave switch out",
    ),
    "a learning rate that is none": (lambda: ey.SGD(learning_rate=None), ParameterError, "learning_rate must be a number or a symbol, got None"),
}


@pytest.mark.parametrize("case", CASES)
def test_physics_that_has_no_answer_is_refused(case):
    """No confinement, no noise, no stability, no reach, no law: each says which."""
    ask, error, message = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=message):
            ask()


def test_power_tails_that_do_have_an_answer_get_it():
    """Mean time and probability exist where the variance does not: x/(1 + x^2)^(1/2) at 1 is the share of (0, 1), halved."""
    assert float(ey.stationary_probability(POWER, region=(0, 1))) == pytest.approx(1 / math.sqrt(8), rel=1e-12)
    assert float(ey.exact_escape_time(POWER, start=-1, target=1)) == pytest.approx(9.4077117732527208, rel=1e-13)


def test_rates_below_a_continuum_stand_and_those_within_it_do_not():
    """-tanh(x): n (1 - n D) as long as n < 1/(2 D), a continuum from 1/(4 D) on; at D = 1/10 four of them, and a fifth is refused."""
    sde = ey.SDE(-sp.tanh(x), R(1, 10), [x])
    assert [float(r) for r in ey.relaxation_rates(sde, count=4)] == pytest.approx([0.9, 1.6, 2.1, 2.4], rel=1e-9)
    with pytest.raises(EyringError):
        ey.relaxation_rates(sde, count=6)


@pytest.mark.parametrize(("name", "value"), [("B", 0.5), ("eta", -0.1), ("B", math.nan)])
@pytest.mark.parametrize("backend", ["numpy", "mpmath"])
def test_compiled_formulas_know_the_limits_of_their_symbols(name, value, backend):
    """A batch holds at least one sample."""
    formula = ey.escape_time(SGD.sde(LOSS, NOISE), start=-1, over=0, event="next well").compile(backend)
    with pytest.raises(ParameterError, match=f"{name} .* must be"):
        formula(**{**GOOD, name: value})
