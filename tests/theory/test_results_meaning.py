"""What the results mean: the chain of basins, sensitivities, scaling laws and crossovers, against numbers from other roads.

Section by section of the properties asked of a catalogue like this one: gamma(k) = k gamma(1), gamma(k, eta) = k gamma(1, k eta), tau_saddle/tau -> 1/2,
detailed balance of escape rates against exact Gibbs weights, and the overdamped limit of kinetic rates are here; the invariance of the SDE, the
fluctuation-dissipation relation, the annihilation of Gibbs' density and E[L] = (eta/4) Tr C stand with their own chapters.
"""

from itertools import pairwise

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_escape_time, relaxation_rates
from eyring.numerics.exact.occupation import basin_occupation
from eyring.theory.basins.chain import BasinChain, minima_selection
from eyring.theory.basins.local_escape import hessian_noise_time, loss_noise_time, white_noise_time
from eyring.theory.derivation import Derivation
from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.results import result
from eyring.theory.sde import SDE
from eyring.theory.sensitivity import sensitivity
from eyring.theory.symbols import curvature_min, loss_min, temperature
from eyring.validation.confirmation import confirm
from eyring.validation.strategies import double_wells

X, V = sp.symbols("x v", real=True)
T = temperature
LOPSIDED = Landscape(X**4 / 4 - X**3 / 10 - X**2 / 2, [X])


def overdamped(loss):
    return SDE(-loss.gradient, T, [X], landscape=loss)


def times(loss):
    """Return the Kramers times out of the left and the right minimum."""
    (saddle,) = loss.saddles()
    return [escape_time(overdamped(loss), start=m, over=saddle, event="next well", theory="kramers") for m in loss.minima()]


@given(st.lists(st.floats(0.05, 5), min_size=6, max_size=6), st.floats(0.01, 4))
@settings(max_examples=15)
def test_three_basins_follow_their_master_equation(rates, late):
    """The exponential of the generator is the solution of dP/dt = P Q had by Runge-Kutta; trees give its end, and two basins their closed form."""
    hops = [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
    chain = BasinChain(dict(zip(hops, rates, strict=True)), unit="time")
    Q = np.array(chain.generator.tolist(), dtype=float)
    path = solve_ivp(lambda _, p: p @ Q, (0, late), [0.2, 0.5, 0.3], rtol=1e-10, atol=1e-12)
    assert basin_occupation(chain, start={"a": 0.2, "b": 0.5, "c": 0.3}, at=late) == pytest.approx(path.y[:, -1], abs=1e-8)
    end = np.array(chain.stationary().expression.tolist(), dtype=float).ravel()
    assert end @ Q == pytest.approx(np.zeros(3), abs=1e-12)
    assert basin_occupation(chain, start="c", at=1e9) == pytest.approx(end, abs=1e-10)
    two = BasinChain({("a", "b"): rates[0], ("b", "a"): rates[1]}, unit="time")
    closed = two.occupation("a", start="b", at=late).compile()()
    assert closed == pytest.approx(basin_occupation(two, start="b", at=late)[0], abs=1e-12)


def test_four_basins_have_sixteen_trees_each():
    """Cayley: n^(n - 2) spanning trees; the weights annul the generator."""
    rates = {(a, b): sp.Symbol(f"q_{a}{b}", positive=True) for a in "wxyz" for b in "wxyz" if a != b}
    chain = BasinChain(rates, unit="iterations")
    weights = [sp.fraction(p)[0] for p in chain.stationary().expression]
    assert [len(sp.Add.make_args(w)) for w in weights] == [16] * 4
    assert all(sp.expand(e) == 0 for e in sp.Matrix([weights]) * chain.generator)


def test_minima_selection_from_escape_formulas():
    """Occupation, forgetting time and crossover of a lopsided well, against exact passage times, spectrum and Gibbs' integrals."""
    left, right = times(LOPSIDED)
    chain = minima_selection({("left", "right"): left, ("right", "left"): right})
    assert (chain.unit, chain.basins) == ("time", ("left", "right"))
    noise = 0.02
    (gap,) = relaxation_rates(overdamped(LOPSIDED), values={"T": noise})
    assert chain.forgetting_time().compile()(T=noise) == pytest.approx(1 / float(gap), rel=0.06)  # the first correction is 1.5 T or so
    weight = sp.lambdify(X, sp.exp(-LOPSIDED.expression / noise), "mpmath")
    shares = [mpmath.quad(weight, ends) for ends in ([-3, -1, 0], [0, 1, 3])]
    found = np.ravel(chain.stationary().compile()(T=noise))
    assert found == pytest.approx([float(s / sum(shares)) for s in shares], rel=0.02)
    assert found.sum() == pytest.approx(1, abs=1e-14)
    assert "P\\,Q" in chain.latex()


def test_where_one_basin_wins_everywhere_there_is_no_crossover():
    """The deeper minimum being also the flatter, a strength that cancels, and one that enters in another way."""
    deep, flat = 3 * sp.exp(2 / T), sp.exp(1 / T)
    with pytest.raises(NotApplicable, match="one of them wins everywhere"):
        minima_selection({("a", "b"): deep, ("b", "a"): flat}, unit="time").crossover(T)
    with pytest.raises(NotApplicable, match="does not decide"):
        minima_selection({("a", "b"): 3 * flat, ("b", "a"): flat}, unit="time").crossover(T)
    with pytest.raises(NotApplicable, match="not of the form"):
        minima_selection({("a", "b"): sp.exp(1 / T**2) / 5, ("b", "a"): flat}, unit="time").crossover(T)


def test_the_crossover_is_where_the_formulas_are_equal():
    """Kramers' times to and fro agree at the temperature found, in 25 digits, and the exact ones near it."""
    loss = Landscape(4 * X**2 * (X - 1) ** 2 * (1 + X**2 * sp.Rational(3, 5)) - X / 250, [X], domain=[(-2, 3)])
    left, right = times(loss)
    where = minima_selection({("flat", "sharp"): left, ("sharp", "flat"): right}).crossover(T)
    at = where.expression.evalf(30)
    assert at.is_positive
    assert abs((left.log - right.log).subs(T, at).evalf(25)) < 1e-20
    assert where.unit == "loss"
    a, b = (p.position[0] for p in loss.minima())
    exact = [float(exact_escape_time(overdamped(loss), start=p, target=q, values={"T": float(at)}).log) for p, q in ((a, b), (b, a))]
    assert exact[0] == pytest.approx(exact[1], abs=0.02)


@pytest.mark.parametrize(
    ("rates", "unit", "message"),
    [
        ({("a", "b"): 1, ("b", "a"): 2}, "seconds", "unit must be 'time' or 'iterations'"),
        ({("a", "b"): 1}, "time", "no way leads from basin 'b' to basin 'a'"),
        ({("a", "b"): 1, ("b", "a"): 1, ("c", "d"): 1, ("d", "c"): 1}, "time", "no way leads from basin 'a' to basin 'c'"),
        ({("a", "a"): 1}, "time", "from 'a' to itself"),
        ({("a", "b"): -1, ("b", "a"): 2}, "time", "must be positive and finite, got -1"),
        ({("a", "b"): 0, ("b", "a"): 2}, "time", "leave out a hop that never happens"),
        ({"ab": 1}, "time", "named by two basins"),
        ({}, "time", "got none"),
    ],
)
def test_what_is_no_rate_matrix_is_refused(rates, unit, message):
    with pytest.raises(EyringError, match=message):
        BasinChain(rates, unit=unit)


def test_times_of_different_units_do_not_mix():
    """Time against iterations, a bare number, and two optimizers' clocks."""
    slow, fast = (Formula(Derivation("a time").define("given", sp.Integer(n)), "time", sp.Rational(clock)) for n, clock in ((7, "1/10"), (3, "1/10")))
    other = Formula(Derivation("a time").define("given", sp.Integer(4)), "time", sp.Rational(1, 5))
    with pytest.raises(EyringError, match="different units"):
        minima_selection({("a", "b"): slow, ("b", "a"): fast.per_iteration})
    with pytest.raises(EyringError, match="different optimizers"):
        minima_selection({("a", "b"): slow, ("b", "a"): other})
    with pytest.raises(EyringError, match="never bare"):
        minima_selection({("a", "b"): 3, ("b", "a"): 4})
    counted = minima_selection({("a", "b"): slow.per_iteration, ("b", "a"): fast.per_iteration})
    assert counted.forgetting_time().expression == sp.Integer(21)  # 2.1 units of time
    assert counted.forgetting_time().unit == "iterations"


def test_questions_a_chain_cannot_answer_are_refused():
    """No closed form for three basins in time, circles without one time, unknown names."""
    circle = BasinChain({("a", "b"): 1, ("b", "c"): 1, ("c", "a"): 1}, unit="time")
    with pytest.raises(NotApplicable, match="circle"):
        circle.forgetting_time()
    with pytest.raises(NotApplicable, match="basin_occupation"):
        circle.occupation("a", start="a")
    pair = BasinChain({("a", "b"): 1, ("b", "a"): 3}, unit="time")
    with pytest.raises(EyringError, match="no basin is called 'c'"):
        pair.occupation("c", start="a")
    with pytest.raises(EyringError, match="probability from 0 to 1"):
        pair.occupation("a", start=1.5)
    with pytest.raises(ParameterError, match="adding up to 1"):
        basin_occupation(pair, start={"a": 0.4, "b": 0.4}, at=1)
    with pytest.raises(ParameterError, match="not negative"):
        basin_occupation(pair, start="a", at=-1)


def test_the_published_selection_lacks_the_ratio_of_curvatures():
    """Xie's prefactor gives no H_2/H_1: rejected by the exact Ito density, by exactly that factor."""
    entry = result("xie-selection")
    ratio = sp.simplify(entry.published().expression / entry.derive().expression)
    assert ratio == sp.Symbol("H_1", positive=True) / sp.Symbol("H_2", positive=True)
    found = confirm("xie-selection")
    assert found.agrees
    assert not any(j.agrees for j in found.published)


def test_sensitivities_of_every_formula_are_differences_of_its_logarithm():
    """By central differences of the compiled logarithm, for each symbol that has one sign."""
    point = {"H_a": 1.7, "H_b": -0.9, "L_a": 0.3, "L_b": 1.4, "T": 0.12, "B": 2.0, "eta": 0.06, "s": 0.4}
    for formula in (white_noise_time(), hessian_noise_time(), loss_noise_time()):
        log = formula.compile().log
        here = {p.name: point[p.name] for p in formula.parameters}
        for symbol in formula.parameters:
            if symbol.is_positive is None and symbol.is_negative is None:
                continue
            up, down = ({**here, symbol.name: here[symbol.name] * (1 + h)} for h in (1e-5, -1e-5))
            slope = sensitivity(formula, symbol).expression
            stated = float(slope.subs({s: here[s.name] for s in slope.free_symbols}))
            assert (log(**up) - log(**down)) / 2e-5 == pytest.approx(stated, rel=1e-7), (formula.name, symbol)


def test_a_slope_against_anything_and_what_it_refuses():
    """ln tau over 1/T is the barrier; a signless symbol needs to be told what to differentiate by."""
    barrier = sensitivity(white_noise_time(), T, against=1 / T)
    assert sp.simplify(barrier.expression - (sp.Symbol("L_b", real=True) - loss_min)) == 0
    assert barrier.unit == "per unit of 1/T"
    with pytest.raises(EyringError, match="either sign"):
        sensitivity(white_noise_time(), "L_a")
    with pytest.raises(EyringError, match="does not depend on eta; it takes H_a"):
        sensitivity(white_noise_time(), "eta")
    with pytest.raises(EyringError, match="no slope against"):
        sensitivity(white_noise_time(), T, against=curvature_min)


def test_exponential_in_sharpness_for_sgd_and_polynomial_for_white_noise():
    """As noise -> 0 the sensitivity to H_a stays -1/2 under white noise, and grows like the inverse noise under SGD's."""
    eta = sp.Symbol("eta", positive=True)
    white, sgd = (sensitivity(f(), curvature_min).expression for f in (white_noise_time, hessian_noise_time))
    assert sp.limit(white, T, 0) == -sp.Rational(1, 2)
    numbers = {"H_a": 1.5, "H_b": -0.8, "L_a": 0.2, "L_b": 1.1, "s": 0.6, "B": 3}
    grown = [float(sgd.subs({s: numbers[s.name] for s in sgd.free_symbols - {eta}}).subs(eta, e)) for e in (1e-2, 1e-3, 1e-4)]
    assert [b / a for a, b in pairwise(grown)] == pytest.approx([10, 10], rel=0.01)


def test_the_slope_over_the_inverse_scale_has_a_plus_k():
    """-ln gamma = -ln k + ...: over 1/k this adds +k to the slope of the line, as exact scaling demands."""
    slope = result("slope-in-inverse-scale").derive().expression
    k = sp.Symbol("k", positive=True)
    line = result("slope-in-batch-size").derive().expression * sp.Symbol("B", positive=True)
    assert sp.simplify(slope - line - k) == 0


@given(double_wells(barrier=(0.5, 1.0)), st.integers(3, 40), st.integers(1, 12))
@settings(max_examples=8)
def test_rates_scale_with_the_landscape_at_every_noise(loss, tenths, strength):
    """gamma_k = k gamma_1 at the same temperature, and at noise k C(sqrt k x) for the learning rate k eta: to 1e-10."""
    k, noise = sp.Rational(tenths, 10), sp.Rational(strength, 10)
    root, ends = sp.sqrt(k), [p.position[0] for p in loss.minima()]

    def time(drift, diffusion, stretch):
        sde = SDE(drift, diffusion, [X])
        return float(exact_escape_time(sde, start=float(ends[0] / stretch), target=float(ends[1] / stretch)))

    steep = -sp.diff(loss.expression.subs(X, root * X), X)
    assert time(steep, noise, root) * float(k) == pytest.approx(time(loss.gradient[0] * -1, noise, 1), rel=1e-10)
    C = 1 + X**2
    assert time(steep, noise * C.subs(X, root * X), root) * float(k) == pytest.approx(time(-loss.gradient[0], noise * C, 1), rel=1e-10)


@given(double_wells())
@settings(max_examples=5)
def test_detailed_balance_and_the_half_way_saddle(loss):
    """As D -> 0 exact times to and fro are as Gibbs' weights (better than 1e-6 at barrier/D = 25), and the saddle is reached in half the time."""
    left, right = loss.minima()
    (saddle,) = loss.saddles()
    noise = float(saddle.value - max(left.value, right.value)) / 25
    there, back = (exact_escape_time(overdamped(loss), start=a, target=b, values={"T": noise}).log for a, b in ((left, right), (right, left)))
    grids = [np.linspace(*ends, 40_001) for ends in ((3 * float(left.position[0]), 0.0), (0.0, 3 * float(right.position[0])))]
    level = sp.lambdify(X, loss.expression)
    shares = [np.trapezoid(np.exp(-(level(grid) - float(saddle.value)) / noise), grid) for grid in grids]
    assert there - back == pytest.approx(np.log(shares[0] / shares[1]), abs=1e-6)
    to_top = exact_escape_time(overdamped(loss), start=left, target=saddle, values={"T": noise}).log
    assert 0.4 < np.exp(to_top - there) < 0.6


def test_half_the_time_to_the_saddle_of_an_even_well():
    """tau_saddle/tau -> 1/2: 0.49598 at D = 0.05 and 0.499966 at 0.025 (independent quadrature)."""
    sde = overdamped(Landscape(X**4 / 4 - X**2 / 2, [X]))
    halves = [
        np.exp(exact_escape_time(sde, start=-1, target=0, values={"T": d}).log - exact_escape_time(sde, start=-1, target=1, values={"T": d}).log)
        for d in (0.05, 0.025)
    ]
    assert halves == pytest.approx([0.49598, 0.499966], abs=6e-6)


def test_kinetic_rates_become_overdamped_ones_at_the_friction_stated():
    """gamma times the kinetic gap tends to the overdamped gap; at the friction of `overdamped-friction` it is short by that fraction."""
    loss = Landscape(X**4 / 4 - X**2 / 2, [X])
    noise = 0.05
    (plain,) = relaxation_rates(overdamped(loss), values={"T": noise})
    friction = result("overdamped-friction").derive().compile()
    for err in (0.02, 0.1):
        gamma = friction(lambda_b=-1.0, err=err)
        kinetic = SDE([V, -gamma * V - loss.gradient[0]], sp.diag(0, gamma * T), [X, V])
        (gap,) = relaxation_rates(kinetic, values={"T": noise})
        assert float(plain) / (gamma * float(gap)) - 1 == pytest.approx(err, rel=0.2)


def test_the_batch_that_still_selects_grows_with_the_logarithm_of_the_time_only():
    """Ten times the training time adds eta sigma^2 ln(10)/(2 dL) to the batch size."""
    largest = result("batch-size-of-selection").derive().compile()
    given_ = {"eta": 0.1, "sigma": 1.3, "H_1": 2.0, "H_2": 5.0, "H_b": -1.2, "dL": 0.7}
    assert largest(t=1e5, **given_) - largest(t=1e4, **given_) == pytest.approx(0.1 * 1.69 / 1.4 * np.log(10), rel=1e-12)
    with pytest.raises(NotApplicable, match="longer than the relaxation"):
        largest(t=0.1, **given_)
