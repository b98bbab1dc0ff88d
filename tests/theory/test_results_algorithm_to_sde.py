"""From algorithm to SDE: what the chapter's results say together, and what holds for every loss, noise and learning rate."""

from fractions import Fraction
from functools import cache

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import eyring as ey
from eyring.errors import NotApplicable
from eyring.numerics.roads import roads_to
from eyring.numerics.roads.variance_orders import steps_variance
from eyring.theory.dynamics import Adam, WeightDecaySGD
from eyring.theory.results import result, results

x, y = sp.symbols("x y", real=True)
CHAPTER = "From algorithm to SDE"
eta, B, mu, H, C = (ey.GLOSSARY[name].symbol for name in ("eta", "B", "mu", "H", "C"))
small = st.fractions(Fraction(-3), Fraction(3), max_denominator=8)
positive = st.fractions(Fraction(1, 5), Fraction(3), max_denominator=8)
momenta = st.fractions(Fraction(0), Fraction(9, 10), max_denominator=10)


@cache
def formula(name: str) -> sp.Basic:
    """Return a result's expression, derived once."""
    return result(name).derive().expression


def at(name: str, **values: object) -> sp.Basic:
    """Return a result's value for symbols given by their printed names."""
    expression = formula(name)
    return expression.subs({s: values[s.name] for s in expression.free_symbols})


def rational(value: Fraction) -> sp.Rational:
    """Return sympy's fraction."""
    return sp.Rational(value.numerator, value.denominator)


def test_nothing_in_the_chapter_is_cited():
    """Matched moments, balances of averages and the linear well are derived to the last step."""
    chapter = [r for r in results().values() if r.chapter == CHAPTER]
    assert len(chapter) >= 15
    assert all(r.derive().derivation.cited == () for r in chapter)


@settings(max_examples=8, deadline=None)
@given(a=positive, cubic=small, quadratic=small, spread=positive, growth=positive)
def test_learning_rate_and_batch_size_multiplied_by_one_number_leave_the_sde_alone(a, cubic, quadratic, spread, growth):
    """(eta, B) -> (a eta, a B) in the clock t = eta k, for any loss and any noise that goes as 1/B; Jastrzebski et al. 2017."""
    loss = ey.Landscape(x**4 / 4 + rational(cubic) * x**3 + rational(quadratic) * x**2, [x])
    factor, root = rational(a), rational(spread) + rational(growth) * x**2

    def equation(scale):
        return ey.SGD(learning_rate=scale * eta, batch_size=scale * B).sde(loss, ey.noise.Covariance(root / (scale * B)))

    plain, scaled = equation(sp.Integer(1)), equation(factor)
    assert scaled.drift == plain.drift
    assert sp.simplify(scaled.diffusion[0] - plain.diffusion[0]) == 0
    assert scaled.clock == factor * plain.clock


def test_the_second_order_breaks_the_linear_scaling():
    """At order 2 the drift knows eta itself: -H (1 + eta H/2) x."""
    parabola = ey.Landscape(H * x**2 / 2, [x])
    plain, scaled = (ey.SGD(learning_rate=s * eta, batch_size=s * B).sde(parabola, ey.noise.Isotropic(), order=2) for s in (1, 3))
    assert sp.expand(scaled.drift[0] - plain.drift[0]) == -eta * H**2 * x
    assert sp.simplify(scaled.diffusion[0] - plain.diffusion[0]) == 0


@settings(max_examples=15, deadline=None)
@given(h=positive, ratio=st.fractions(Fraction(1, 10), Fraction(19, 10), max_denominator=20), c=positive)
def test_the_second_order_sde_is_farther_from_the_variance_of_sgd_than_the_first(h, ratio, c):
    """At every stable step: exact > first order > second order, relative errors -eta H/2 and -eta H/(1 + eta H/2); the chain's own is nearest."""
    step = ratio / h
    values = {"eta": rational(step), "H": rational(h), "C": rational(c)}
    first, second = (float(at(f"sgd-variance-{n}-order", **values)) for n in ("first", "second"))
    exact = float(steps_variance(step, h, c))
    assert exact > first > second
    errors = [float(e) for e in at("sgd-variance-errors", **values)]
    assert first / exact - 1 == pytest.approx(errors[0], rel=1e-9)
    assert second / exact - 1 == pytest.approx(errors[1], rel=1e-9)
    assert abs(errors[2]) < abs(errors[1])
    assert (abs(errors[2]) < abs(errors[0])) == (ratio < 2)


def test_the_stationary_law_of_each_order_has_the_variance_of_the_catalogue():
    """Ornstein-Uhlenbeck's law of the SDE, by Lyapunov's equation: a second derivation."""
    parabola = ey.Landscape(H * x**2 / 2, [x])
    for order, name in ((1, "first"), (2, "second")):
        law = ey.stationary(ey.SGD().sde(parabola, ey.noise.Covariance(C), order=order))
        spread = sp.simplify(1 / (-sp.diff(sp.log(law.density), x, 2)))
        assert sp.simplify(spread - result(f"sgd-variance-{name}-order").derive().expression) == 0


@settings(max_examples=15, deadline=None)
@given(h=st.tuples(positive, positive), tilt=small, c=st.tuples(positive, positive), lean=small, m=momenta, share=st.integers(1, 9))
def test_fluctuation_and_dissipation_balance_for_any_matrices(h, tilt, c, lean, m, share):
    """Tr(H Sigma) = (1 + mu) Tr<v v>/(2 eta) in the plane, for H and C that do not commute: the exact law of the steps against the joint recursion."""
    hessian = np.array([[h[0] + tilt**2, tilt], [tilt, h[1] + 1]], dtype=float)
    noise = np.array([[c[0] + lean**2, lean], [lean, c[1] + 1]], dtype=float)
    step, m_float = share / 10 * (1 + float(m)) / np.linalg.eigvalsh(hessian)[-1], float(m)
    eye, zero = np.eye(2), np.zeros((2, 2))
    velocity = np.hstack([-step * hessian, m_float * eye])
    move = np.vstack([np.hstack([eye, zero]) + velocity, velocity])
    kick = np.vstack([eye, eye]) * step
    source = (kick @ noise @ kick.T).reshape(-1)
    joint = np.linalg.solve(np.eye(16) - np.kron(move, move), source).reshape(4, 4)
    push, square = np.trace(hessian @ joint[:2, :2]), np.trace(joint[2:, 2:])
    assert float(at("fluctuation-dissipation", eta=step, mu=m_float, v_sq=square)) == pytest.approx(push, rel=1e-8)


def test_the_whole_data_as_a_batch_has_no_noise_without_replacement():
    """At B = N: C = 0 without replacement and C = G/N with it, at every place."""
    losses = [x**2 / 2 + y * x, (x - 1) ** 2 + y**2, 2 * y**2 - x, x**4 / 4 + y]
    for replacement, expected in ((False, 0), (True, 1)):
        noise = ey.noise.FiniteSum(losses, replacement=replacement)
        loss = noise.landscape([x, y])
        slopes = [sp.Matrix([sp.diff(one, z) for z in (x, y)]) for one in losses]
        own = sum((g * g.T for g in slopes), sp.zeros(2, 2)) / 4 - loss.gradient * loss.gradient.T
        diffusion = ey.SGD(batch_size=4).sde(loss, noise).diffusion
        assert (diffusion - expected * eta * own / 8).applyfunc(sp.expand) == sp.zeros(2, 2)


def test_nesterov_and_heavy_ball_part_at_the_second_order():
    """Same friction and temperature; the second order of the position differs by sqrt(eta) L' + (1 - mu) v."""
    assert result("nesterov").derive().expression == result("momentum-phase-space").derive().expression
    parabola = ey.Landscape(H * x**2 / 2, [x])
    heavy, nesterov = (ey.MomentumSGD(nesterov=n).sde(parabola, ey.noise.Covariance(C), order=2) for n in (False, True))
    v = heavy.coordinates[1]
    assert sp.expand(nesterov.drift[0] - heavy.drift[0] + sp.sqrt(eta) * H * x + (1 - mu) * v) == 0
    assert sp.expand(nesterov.drift[1] - heavy.drift[1]) == 0


def test_dampening_by_the_momentum_is_heavy_ball_at_a_smaller_rate():
    """d = mu: friction and temperature of heavy ball at eta (1 - mu)."""
    damped = result("dampening").derive().expression.subs(ey.GLOSSARY["dampening"].symbol, mu)
    plain = result("momentum-phase-space").derive().expression.subs(eta, eta * (1 - mu))
    assert (damped - plain).subs(mu, sp.Rational(7, 10)).applyfunc(sp.simplify) == sp.zeros(2, 1)


def test_the_strong_friction_limit_names_its_own_error():
    """Slowest decay of heavy ball over the effective rate, less 1, is H eta (1 + mu)/(2 (1 - mu)^2): the printed H eta/(1 - mu)^2 as mu -> 1."""
    printed = result("momentum-overdamped").derive().next_order
    rate, m, h = 1e-7, 0.99, 0.8
    slow = max(np.linalg.eigvals(np.array([[1 - rate * h, m], [-rate * h, m]])).real)
    off = -np.log(slow) / h / float(at("momentum-overdamped", eta=rate, mu=m)) - 1
    assert off == pytest.approx(float(printed.subs({eta: rate, mu: m, H: h})), rel=0.02)


def test_batches_are_drawn_before_the_step_so_that_the_limit_is_ito():
    """-grad L read in Stratonovich's or anti-Ito's calculus is q eta div C/2 off, which the enumeration of batches sees."""
    (road,) = roads_to("sgd-sde")
    others = result("sgd-sde").in_other_calculi()
    assert set(others) == {"stratonovich", "anti-ito"}
    assert not any(road.judge(other).agrees for other in others.values())


def test_weight_decay_is_second_order_sgd_on_the_loss_with_its_spring():
    """theta' = theta - eta (g + lambda theta) has the second order of SGD on L + lambda x^2/2: its steps are the same."""
    decay = sp.Rational(3, 10)
    loss = ey.Landscape(x**4 / 4 - x**2 / 2 + x, [x])
    loaded = ey.Landscape(loss.expression + decay * x**2 / 2, [x])
    one, other = WeightDecaySGD(weight_decay=decay).sde(loss, ey.noise.Covariance(C), order=2), ey.SGD().sde(loaded, ey.noise.Covariance(C), order=2)
    assert sp.expand(one.drift[0] - other.drift[0]) == 0
    assert one.diffusion == other.diffusion


def test_adam_has_no_second_order_yet():
    """Its running averages are no velocity; the refusal says so."""
    with pytest.raises(NotApplicable, match="the second order is derived for parameters and one velocity; Adam has the buffers"):
        Adam().sde(ey.Landscape(x**2, [x]), ey.noise.Covariance(C), order=2)


def test_the_correction_of_the_chains_noise_is_seen_by_its_road():
    """At fixed temperature D = T without (1 + eta H) is rejected, and so is the drift without T times the third derivative of the loss."""
    columns = formula("chain-modified-equation")
    (road,) = roads_to("chain-modified-equation")
    T, third = (ey.GLOSSARY[n].symbol for n in ("T", "L3"))
    for slip in (sp.ImmutableMatrix([[columns[0], T]]), columns.subs(third, 0)):
        assert not road.judge(slip).agrees
