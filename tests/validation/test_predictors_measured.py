"""Assumptions held against numbers, batches with their whole law, tables, and what is refused."""

import json

import numpy as np
import pytest
import sympy as sp
from measured_wells import straight_path

import eyring as ey
from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.validation.predictors import assumptions as measured
from eyring.validation.predictors.along import predict_along
from eyring.validation.predictors.assumption import Assumption
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.contract import Row
from eyring.validation.predictors.flanks import Flanks, transported
from eyring.validation.predictors.laws import laws
from eyring.validation.predictors.setting import Training
from eyring.validation.predictors.table import Predictions, parallel_exits
from eyring.validation.predictors.tails import SampleSlopes, momentum_of_climb, tail_exponent_shift

X, Y = sp.symbols("x y", real=True)
QUARTIC = X**4 / 4 - X**2 / 2
SYMMETRIC = ((-1, 0), (0, 0), (1, 0))
KINDS, COPIES = (QUARTIC + 2 * X, QUARTIC - X), (1, 2)  # one sample in three pushes twice as hard as the two others


def law(name):
    """Return one law alone: the others need not be derived."""
    return next(each for each in laws() if each.name == name)


def skewed(eta, size):
    """Return the case of a finite sum whose samples pull to both sides unevenly, its slopes, and its noise."""
    noise = ey.noise.FiniteSum(KINDS, copies=COPIES)
    G = noise.covariance(ey.Landscape(QUARTIC, [X]), sp.Integer(1))
    path = straight_path(QUARTIC, G, [X], (-1,), (0,), (1,))
    slopes = np.stack([path.slope + 2, path.slope - 1, path.slope - 1], axis=1)
    return Case(path, Training(eta, size), "next well", sample_slopes=SampleSlopes(path.arc, slopes)), noise


def test_the_whole_law_of_a_batch_moves_the_exponent_as_large_deviations_say():
    """int (p - 2 L'/C) against the exponent of the whole law by symbols and quadrature, less that of normal noise."""
    eta, size = 0.05, 2
    case, noise = skewed(eta, size)
    exact = ey.large_deviation_exponent(ey.Landscape(QUARTIC, [X]), noise, start=-1, over=0, values={"B": size})
    shift, reason = tail_exponent_shift(case)
    assert reason is None
    assert shift * eta == pytest.approx(float(exact) - 2 * 0.25 / (2 / size), rel=5e-5)


@pytest.mark.parametrize(("eta", "size", "within"), [(0.2, 8, 0.015), (0.05, 2, 0.01)])
def test_the_own_prediction_of_a_finite_sum_is_the_chain_of_its_real_batches(eta, size, within):
    """Steps and batches as they are, every outcome of a batch counted: the own row misses by 1 %, normal noise by a factor 5."""
    case, noise = skewed(eta, size)
    sgd = ey.SGD(learning_rate=sp.Rational(str(eta)), batch_size=size)
    exact = ey.exact_chain_time(sgd, ey.Landscape(QUARTIC, [X]), noise, start=-1, target=1).log
    own, normal = law("eyring").row(case).log_iterations, law("path-steps").row(case).log_iterations
    assert abs(own - exact) < within
    assert exact - normal > np.log(5)


def test_a_batch_climbs_by_its_rare_samples():
    """Slopes -1 and 3 at B = 1: e^-p solves x^3 + 1/x = 2 beside x = 1; at B = 5 p is five times as large; without a fall nothing climbs."""
    p = momentum_of_climb(np.array([-1.0, 3.0]), 1)
    assert np.exp(-3 * p) + np.exp(p) == pytest.approx(2, abs=1e-12)
    assert p > 0.1
    assert momentum_of_climb(np.array([-1.0, 3.0]), 5) == pytest.approx(5 * p, rel=1e-12)
    with pytest.raises(NotApplicable, match="no batch ever climbs"):
        momentum_of_climb(np.array([0.5, 3.0]), 1)


def well(G, *, stiff=3):
    """Return the path of a separable well with noise G."""
    return straight_path(QUARTIC + stiff * Y**2 / 2, sp.Matrix(G), [X, Y], *SYMMETRIC)


def case_of(path, **training):
    """Return its case at eta = 0.02."""
    return Case(path, Training(**{"learning_rate": 0.02, "batch_size": 1, **training}), "next well")


@pytest.mark.parametrize(
    ("assumption", "G", "value", "holds"),
    [
        (measured.isotropic_noise, [[3, 0], [0, 3]], 1.0, True),
        (measured.isotropic_noise, [[3, 0], [0, 6]], 2.0, False),
        (measured.constant_noise, [[3, 0], [0, 6]], 1.0, True),
        (measured.constant_noise, [[1 + X**2, 0], [0, 6]], 2.0, False),
        (measured.alignment, [[2, 0], [0, 3]], 1.0, True),
        (measured.alignment, [[3, 0], [0, 2]], 12 / 13, False),
        (measured.detailed_balance, [[2, 0], [0, 3]], 0.0, True),
        (measured.detailed_balance, [[2, 1], [1, 3]], np.sqrt(2) / (2 * np.sqrt(4**2 + 2**2 + 3**2 + 9**2)), True),
        (measured.narrow_valley, [[2, 0], [0, 3]], 2 / 3, False),
        (measured.high_barrier, [[4, 0], [0, 4]], 0.25 / 0.04, True),
        (measured.gaussian_steps, [[4, 0], [0, 4]], 2 / np.sqrt(27) / 2, True),
        (measured.gaussian_steps, [[sp.Rational(1, 4), 0], [0, 4]], 4 / np.sqrt(27), False),
        (measured.small_steps, [[4, 0], [0, 4]], 0.06, True),
        (measured.smooth_path, [[4, 0], [0, 4]], 0.0, True),
        (measured.straight_way, [[4, 0], [0, 4]], 0.0, True),
    ],
)
def test_what_a_law_assumes_is_a_number(assumption, G, value, holds):
    """Each assumption on one well whose answer is a fraction."""
    found = assumption(case_of(well(G)))
    assert found.measured == pytest.approx(value, rel=3e-3, abs=1e-9)
    assert found.holds is holds
    assert str(found).startswith("holds: " if holds else "VIOLATED by ")


def test_noise_that_is_the_curvature_is_seen_as_such():
    """G_xx = 2 at the minimum and 1 at the saddle are the curvatures there; one and a half times as much is a factor 1.5 off."""
    for factor in (1, sp.Rational(3, 2)):
        found = measured.hessian_noise(case_of(well([[factor * (1 + X**2), 0], [0, 3]])))
        assert [a.measured for a in found] == pytest.approx([float(factor)] * 2, rel=1e-9)
        assert [a.holds for a in found] == [factor == 1] * 2


def test_a_bend_is_measured_against_the_width_of_the_walkers():
    """A quarter circle of radius 2 turns by 1/2 a unit of length; the frame that follows it does not turn about it."""
    angle = np.linspace(0, np.pi / 2, 41)
    tangents = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    frames = transported(tangents)
    assert np.max(np.abs(np.einsum("mi,mip->mp", tangents, frames))) < 1e-12
    up = np.einsum("mip,i->mp", frames, [0.0, 0.0, 1.0])
    assert np.max(np.abs(up - up[0])) < 1e-12


def test_walls_that_turn_push_no_one():
    """K = diag(1, 4) turned about the way at constant curvatures: with equal noise the walkers' entropy stays, and so must they."""
    arc = np.linspace(0, 1, 81)
    turn = np.array([[[np.cos(s), -np.sin(s)], [np.sin(s), np.cos(s)]] for s in arc])
    walls = turn @ np.diag([1.0, 4.0]) @ np.swapaxes(turn, 1, 2)
    assert np.max(np.abs(Flanks(arc, walls, np.tile(np.eye(2), (81, 1, 1))).widening(arc))) < 5e-6
    narrowing = Flanks(arc, (1 + arc)[:, None, None] * np.eye(1), np.full((81, 1, 1), 3.0))
    assert narrowing.widening(arc) == pytest.approx(3 / (4 * (1 + arc)), rel=1e-6)  # (1/2) K' G/(2 K)


def test_the_table_says_everything_once():
    """Rows by name, JSON without surprises, a printed line and an HTML row a law; no answer is a row that says why."""
    table = predict_along(well([[4, 0], [0, 8]]), event="next-well", learning_rate=0.02, batch_size=1, momentum=0.5, nesterov=True)
    assert [row.name for row in table.rows] == [each.name for each in laws()]
    plain = json.loads(table.to_json())
    assert plain["event"] == "next well"
    assert [row["value"] for row in plain["rows"]] == [row.value for row in table.rows]
    assert len(str(table).splitlines()) == len(table.rows) + 2
    assert "mu = 0.5, nesterov" in str(table)
    assert table._repr_html_().count("<tr>") == len(table.rows) + 1
    none = table.row("mori")
    assert none.kind == "none"
    assert "noise is positive at the minimum" in none.note
    with pytest.raises(EyringError, match="no escape time here"):
        _ = none.log_iterations
    assert table.row("zhu").kind == "indicator"
    with pytest.raises(ParameterError, match="no law is called 'Kramers'"):
        table.row("Kramers")
    assert table.own.own
    assert not table.row("xie").own


def _row(name, value, *, holds=True):
    return Row(name, "t", "", "time", value, value - 0.1, value + 0.1, 0.5, (Assumption("a", 1.0 if holds else 3.0, 2.0, "<"),))


def test_rates_of_parallel_exits_add():
    """tau 2 and 6 together 1.5; an assumption that fails on one way fails on all of them."""
    one, other = (Predictions((_row("a", np.log(tau), holds=tau < 5),), "next well", "s") for tau in (2.0, 6.0))
    both = parallel_exits(one, other).row("a")
    assert both.iterations == pytest.approx(1.5, rel=1e-12)
    assert both.low == pytest.approx(np.log(1.5) - 0.1, abs=1e-12)
    assert not both.in_regime
    assert parallel_exits(one, times=4).row("a").iterations == pytest.approx(0.5, rel=1e-12)
    assert parallel_exits(one) == one
    with pytest.raises(ParameterError, match="need a way or more"):
        parallel_exits(one, times=0)
    with pytest.raises(ParameterError, match="same event"):
        parallel_exits(one, Predictions(other.rows, "to the saddle", "s"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"event": "away"}, "event must say what counts as escaped"),
        ({"learning_rate": -0.1}, "learning rate must be a positive number"),
        ({"batch_size": 0}, "batch size must be a whole number"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1"),
        ({"sampler": "by hand"}, "unknown sampler"),
        ({"sampler": "without replacement"}, "need data of more samples than the batch"),
    ],
)
def test_training_that_makes_no_sense_is_refused(changed, message):
    """One sentence each, with what was given."""
    given = {"event": "next well", "learning_rate": 0.02, "batch_size": 1, **changed}
    with pytest.raises(ParameterError, match=message):
        predict_along(well([[4, 0], [0, 4]]), **given)


def test_a_way_without_barrier_or_noise_is_refused():
    """No barrier, no noise, no way out of a minimum, and too few points: physics first."""
    from dataclasses import replace

    path = well([[4, 0], [0, 4]])
    cases = [
        (replace(path, saddle=replace(path.saddle, loss=-0.3)), NotApplicable, "no barrier found"),
        (replace(path, noise=np.where(np.arange(41) == 7, 0.0, path.noise)), NotApplicable, "no gradient noise along the way"),
        (replace(path, curvature=-path.curvature), NotApplicable, "does not lead out of a minimum"),
        (replace(path, loss=path.loss[:-1]), ParameterError, "numbers at each of them"),
        (replace(path, arc=path.arc[::-1]), ParameterError, "ascend from 0"),
    ]
    for broken, kind, message in cases:
        with pytest.raises(kind, match=message):
            case_of(broken)


def test_an_assumption_bounds_finite_numbers():
    """Not-a-number holds nothing and breaks nothing."""
    with pytest.raises(ParameterError, match="finite numbers"):
        Assumption("a", float("nan"), 1.0, "<")
    assert str(Assumption("flat", -1.0, 0.0, ">")).startswith("VIOLATED by 1: flat")
