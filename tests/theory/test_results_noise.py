"""The chapter on minibatch noise: limits, populations drawn at random, noisy inputs and weight decay, and how wrong the forms in print are."""

import json
from fractions import Fraction
from functools import cache
from itertools import combinations, product
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import eyring as ey
from eyring.errors import EyringError, NotApplicable
from eyring.numerics.exact.gaussian_mean import batch_covariance, gaussian_mean
from eyring.numerics.roads import roads_to
from eyring.theory.derivation.wick import WICK, gaussian_average
from eyring.theory.results import result

CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
w1, w2 = W = sp.symbols("w1 w2", real=True)
gradients = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=5)


def population(data):
    """Return the numbers of a list of gradients by the names in the formulas."""
    n = len(data)
    mean = [Fraction(sum(g[k] for g in data), n) for k in (0, 1)]
    moments = {f"M_{a + 1}{b + 1}": Fraction(sum(g[a] * g[b] for g in data), n) for a, b in ((0, 0), (0, 1), (1, 1))}
    return {**moments, "g_1": mean[0], "g_2": mean[1], "N": n}


@cache
def derived(name):
    """Derive once for all examples."""
    return result(name).derive().expression


def value(name, numbers):
    """Return a formula of the catalogue at exact numbers."""
    expression = derived(name)
    return expression.subs({s: sp.Rational(str(numbers[s.name])) for s in expression.free_symbols})


@settings(max_examples=25, deadline=None)
@given(data=gradients, size=st.integers(1, 3))
def test_both_covariances_are_those_of_every_batch(data, size):
    """Any population, any batch: enumeration in fractions equals the formula; both are positive semidefinite."""
    numbers = population(data) | {"B": size}
    for name, batches in (
        ("covariance-with-replacement", list(product(data, repeat=size))),
        ("covariance-without-replacement", list(combinations(data, size))),
    ):
        means = [tuple(Fraction(sum(g[k] for g in batch), size) for k in (0, 1)) for batch in batches]
        average = [sum(m[k] for m in means) / len(means) for k in (0, 1)]
        found = value(name, numbers)
        for a, b in product((0, 1), repeat=2):
            assert found[a, b] == sp.Rational(str(sum(m[a] * m[b] for m in means) / len(means) - average[a] * average[b]))
        assert found.trace() >= 0
        assert found.det() >= 0


@settings(max_examples=10, deadline=None)
@given(data=gradients)
def test_the_whole_data_are_silent_without_replacement_and_keep_g_over_n_with_it(data):
    """At B = N: C = 0, and C = G/N."""
    numbers = population(data) | {"B": len(data)}
    assert value("covariance-without-replacement", numbers) == sp.zeros(2)
    single = value("covariance-with-replacement", numbers | {"B": 1})
    assert value("covariance-with-replacement", numbers) == single / len(data)


def test_the_reference_pair_of_variances_comes_out():
    """Gradients 1, 3, -2, 2.5, 0 in batches of two: 1.62 and 1.215."""
    data = [(Fraction(g), Fraction(0)) for g in CASES["minibatch_var_with_and_without_replacement"]["inputs"]["per_sample_grads"].split(",")]
    found = [value(name, population(data) | {"B": 2})[0] for name in ("covariance-with-replacement", "covariance-without-replacement")]
    assert found == [sp.Rational(v) for v in CASES["minibatch_var_with_and_without_replacement"]["value"]]


def test_a_batch_beyond_the_data_is_refused_when_numbers_meet_the_formula():
    """B stays a symbol until it is compiled; then more than N without replacement is refused."""
    compiled = result("covariance-without-replacement").derive().compile()
    numbers = {"M_11": 2.0, "M_12": 0.3, "M_22": 3.0, "g_1": 0.1, "g_2": 0.2, "N": 20}
    assert compiled(**numbers, B=20) == pytest.approx(np.zeros((2, 2)))
    with pytest.raises(NotApplicable, match="a batch drawn without replacement is at most the whole data"):
        compiled(**numbers, B=21)


def test_the_printed_sign_takes_twice_the_squared_gradient_too_much():
    """Exact minus printed is 2 grad L grad L^T/B, and the printed variance of a steep direction is negative."""
    entry = result("label-noise-pointwise")
    gap = entry.derive().expression - entry.published().expression
    g1, B = sp.Symbol("g_1", real=True), sp.Symbol("B", positive=True)
    assert sp.expand(gap[0, 0] - 2 * g1**2 / B) == 0
    steep = {"H_11": 1, "H_12": 0, "H_22": 1, "L": 2, "g_1": Fraction(19, 10), "g_2": 0, "B": 1}
    in_print = entry.published().expression
    assert in_print.subs({s: sp.Rational(str(steep[s.name])) for s in in_print.free_symbols})[0] > 0
    steep |= {"L": Fraction(19, 10) ** 2 / 2}  # in one dimension without label noise all of the loss is slope
    assert in_print.subs({s: sp.Rational(str(steep[s.name])) for s in in_print.free_symbols})[0] == 0
    assert value("label-noise-pointwise", steep)[0] == 2 * sp.Rational(19, 10) ** 2


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("label-noise-pointwise", 0.7),
        ("small-noise", 0.8),
        ("mse-minimum-with-decay", 0.7),
        ("proportional-limit-noise", 0.7),
        ("mori-decoupling", 0.99),
    ],
)
def test_forms_in_print_are_rejected_by_this_much(name, least):
    """The roads find the printed sign (and the misprinted 1/N) off by the part stated, the derived form not."""
    (road,) = roads_to(name)
    assert road.judge(result(name).published().expression).worst > least
    assert road.judge(result(name).derive().expression).agrees


def test_noise_like_the_hessian_fails_where_every_sample_is_fitted():
    """C = H/B does not vanish with the loss: the road to the interpolating minimum rejects it by orders of magnitude."""
    (road,) = roads_to("interpolation")
    H, B = sp.symbols("H B", positive=True)
    judged = road.judge(H / B)
    assert not judged.agrees
    assert judged.worst > 0.9


def test_decoupling_and_interpolation_agree_for_gaussian_inputs_up_to_the_squared_gradient():
    """<h^2> = 3 H^2 of Gaussian inputs gives 4 L H/B: twice the decoupled 2 L H/B, as 2 L H + g^2 with g^2 = 2 L H."""
    near = result("interpolation").derive().expression
    H, L, B = sp.Symbol("H", positive=True), sp.Symbol("L", real=True), sp.Symbol("B", positive=True)
    assert sp.simplify(near.subs(sp.Symbol("h_sq", positive=True), 3 * H**2) - 4 * L * H / B) == 0


def test_a_wrong_model_does_not_have_the_hessian_for_its_noise():
    """Labels from another law than the model's: gradients' covariance and Hessian differ by tens of percent."""
    inputs, truth, model = [(0.5, 1.2), (0.5, -0.7)], 0.9, 0.3
    moment = mean = hessian = 0.0
    for share, x in inputs:
        p, q = (1 / (1 + np.exp(-t * x)) for t in (truth, model))
        moment += share * x**2 * (p * (1 - q) ** 2 + (1 - p) * q**2)
        mean += share * x * (q - p)
        hessian += share * x**2 * q * (1 - q)
    assert abs((moment - mean**2) / hessian - 1) > 0.1


A = sp.Matrix([[1, sp.Rational(3, 10)], [sp.Rational(3, 10), sp.Rational(1, 2)]])
SEEN = sp.Matrix([[sp.Rational(2, 5), -sp.Rational(1, 10)], [-sp.Rational(1, 10), sp.Rational(3, 5)]])
U = (sp.Rational(3, 2), -sp.Rational(4, 5))
PLACE = {w1: sp.Rational(2, 3), w2: sp.Rational(5, 4)}


def as_mp(matrix):
    return mpmath.matrix(sp.Matrix(matrix).evalf(40).tolist())


def test_input_noise_is_that_of_whole_batches_for_covariances_that_do_not_commute():
    """A Gauss-Hermite average over clean inputs, their noise and the labels': loss, gradient and C to 30 digits."""
    noise = ey.noise.InputNoise(A, SEEN, U, label_variance=sp.Rational(7, 10), weight_decay=sp.Rational(1, 5))
    loss = noise.landscape(W)
    with mpmath.workdps(40):
        law = mpmath.zeros(5)
        law[:2, :2], law[2:4, 2:4], law[4, 4] = as_mp(A), as_mp(SEEN), mpmath.mpf(7) / 10
        w, u = ([mpmath.mpf(c.p) / c.q for c in cs] for cs in (PLACE.values(), U))

        def miss(z):
            return sum(w[k] * (z[k] + z[2 + k]) - u[k] * z[k] for k in (0, 1)) - z[4]

        def gradient(z):
            return [(z[k] + z[2 + k]) * miss(z) + w[k] / 5 for k in (0, 1)]

        mean_loss, *slope = gaussian_mean(lambda z: [miss(z) ** 2 / 2 + (w[0] ** 2 + w[1] ** 2) / 10, *gradient(z)], law)
        single = batch_covariance(gradient, law, batch_size=1)
        found = noise.covariance(loss, sp.Integer(4)).subs(PLACE)
        assert abs(mean_loss - loss.expression.subs(PLACE).evalf(40)) < 1e-30
        for k in (0, 1):
            assert abs(slope[k] - loss.gradient[k].subs(PLACE).evalf(40)) < 1e-30
            assert all(abs(single[k][j] / 4 - found[k, j].evalf(40)) < 1e-30 for j in (0, 1))


def test_weight_decay_that_does_not_commute_with_the_inputs():
    """The penalty moves the loss and its gradient, not C; at the penalised minimum C = (2 L_0 A + Gamma w w^T Gamma)/B."""
    decay = sp.Matrix([[sp.Rational(3, 10), sp.Rational(1, 7)], [sp.Rational(1, 7), sp.Rational(-1, 10)]])
    plain, decayed = ey.noise.LabelNoise(A, sp.Rational(7, 10), U), ey.noise.LabelNoise(A, sp.Rational(7, 10), U, weight_decay=decay)
    data, loss = plain.landscape(W), decayed.landscape(W)
    w = sp.Matrix(W)
    assert sp.expand(loss.expression - data.expression - (w.T * decay * w)[0] / 2) == 0
    C = decayed.covariance(loss, sp.Integer(3))
    assert (C - plain.covariance(data, sp.Integer(3))).applyfunc(sp.expand) == sp.zeros(2)
    best = dict(zip(W, (A + decay).LUsolve(A * sp.Matrix(U)), strict=True))
    pull = (decay * w).subs(best)
    assert loss.gradient.subs(best).applyfunc(sp.expand) == sp.zeros(2, 1)
    assert C.subs(best).applyfunc(sp.simplify) == ((2 * data.expression.subs(best) * A + pull * pull.T) / 3).applyfunc(sp.simplify)
    in_print = ey.noise.LabelNoise(A, sp.Rational(7, 10), U, weight_decay=decay, published=True).covariance(loss, sp.Integer(3))
    assert (C - in_print).subs(best).applyfunc(sp.simplify) == (2 * pull * pull.T / 3).applyfunc(sp.simplify)


def test_decay_is_taken_off_a_quadratic_loss_that_is_only_read():
    """L = (3 w^2 + 5)/2 + w^2/10: without its penalty of decay 1/5 the inputs have variance 3."""
    loss = ey.Landscape(3 * w1**2 / 2 + sp.Rational(5, 2) + w1**2 / 10, [w1])
    assert sp.expand(ey.noise.LabelNoise(weight_decay=0.2).covariance(loss, sp.Integer(1))[0] - (3 * w1**2 + 5) * 3 - 9 * w1**2) == 0


def test_clean_inputs_and_plain_decay_are_the_limits():
    """No noise on the inputs: label noise; and the SDE of SGD takes either."""
    u = (1, 2)
    clean, labels = ey.noise.InputNoise(A, sp.zeros(2), u, label_variance=2), ey.noise.LabelNoise(A, 2, u)
    loss = labels.landscape(W)
    assert (clean.covariance(loss, sp.Integer(1)) - labels.covariance(loss, sp.Integer(1))).applyfunc(sp.expand) == sp.zeros(2)
    noise = ey.noise.InputNoise(1, sp.Rational(1, 2), 1, weight_decay=sp.Rational(1, 4))
    sde = ey.SGD(learning_rate=sp.Rational(1, 10), batch_size=4).sde(noise.landscape([w1]), noise)
    assert sp.expand(sde.diffusion[0] - noise.covariance(noise.landscape([w1]), sp.Integer(4))[0] / 20) == 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ey.noise.InputNoise(A, 1, (1, 1)), r"of one shape; the matrices given are \(2, 2\) and \(1, 1\)"),
        (lambda: ey.noise.InputNoise(A, -sp.eye(2), (1, 1)), "inputs' noise must not be negative in any direction"),
        (lambda: ey.noise.InputNoise(sp.Matrix([[1, 2], [0, 1]]), sp.eye(2), (1, 1)), "the covariance of the inputs is symmetric"),
        (lambda: ey.noise.InputNoise(sp.ones(2, 2), sp.zeros(2), (1, 1)), "do not vary in some direction"),
        (lambda: ey.noise.InputNoise(A, SEEN, (1, 1, 1)), "one entry for each of 2 inputs, got 3"),
        (lambda: ey.noise.InputNoise(1, 1, 1, label_variance=-2), "variance of a label is not negative"),
        (lambda: ey.noise.LabelNoise(A, 1, weight_decay=sp.eye(3)).landscape(W), "the weight decay is that of 3 weights, and there are 2"),
        (lambda: ey.noise.LabelNoise(A, 1, weight_decay=sp.Matrix([[1, 2], [0, 1]])), "the weight decay is symmetric"),
        (lambda: ey.noise.LabelNoise(A, 1, weight_decay=1).covariance(ey.noise.LabelNoise(A, 1).landscape(W)), "the loss of this regression is"),
    ],
)
def test_impossible_regressions_are_refused(build, message):
    """Each refusal says what was given and what is needed."""
    with pytest.raises(EyringError, match=message):
        build()


def test_wick_counts_pairings_and_its_witness_sees_a_lost_one():
    """E[x^6] = 15, E[x^2 y^2] = 1 + 2 c^2; the quadrature rejects 1 + c^2."""
    x, y, c = sp.symbols("x y c", real=True)
    law = sp.Matrix([[1, c / 3], [c / 3, 1]])
    assert gaussian_average(x**6, [x, y], law) == 15
    right = sp.ImmutableMatrix([[gaussian_average(x**2 * y**2, [x, y], law)]])
    assert sp.expand(right[0] - 1 - 2 * c**2 / 9) == 0
    before = sp.ImmutableMatrix([[x**2 * y**2]])
    assert WICK.witness(before, right, variables=[x, y], covariance=law)
    assert not WICK.witness(before, sp.ImmutableMatrix([[1 + c**2 / 9]]), variables=[x, y], covariance=law)
