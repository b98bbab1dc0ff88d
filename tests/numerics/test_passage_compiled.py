"""A walk compiled once: batches, deep wells, moving ends, many wells, and what it refuses."""

import math

import mpmath
import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import AccuracyError, BeyondFloat64, EyringError, NotApplicable, ParameterError
from eyring.theory.sde import SDE

x, a = sp.Symbol("x", real=True), sp.Symbol("a", real=True)
D, T = sp.Symbol("D", positive=True), sp.Symbol("T", positive=True)
QUARTIC = SDE(x - x**3, D, [x])


def stair(pieces, wall, start, target):
    """Return mean and variance of the time over pieces (left end, drift, D) with a wall at the left, by the Laplace transform, to thirty digits.

    On each piece D u'' + f u' = s u has two exponentials; u and u'/s' are continuous, s' = e^Phi D^-q with q = 0, so that u' is (Ito).
    """

    def transform(s):
        value, slope = mpmath.mpf(1), mpmath.mpf(0)  # u and u' at the wall
        values = {}
        ends = [p[0] for p in pieces[1:]] + [target]
        for (left, drift, noise), right in zip(pieces, ends, strict=True):
            root = mpmath.sqrt(drift**2 + 4 * noise * s)
            up, down = (-drift + root) / (2 * noise), (-drift - root) / (2 * noise)
            one, other = (slope - down * value) / (up - down), (up * value - slope) / (up - down)
            at = lambda y, z=left, p=one, q=other, u=up, d=down: p * mpmath.exp(u * (y - z)) + q * mpmath.exp(d * (y - z))  # noqa: E731
            if left <= start < right:
                values["start"] = at(start)
            value, slope = at(right), up * one * mpmath.exp(up * (right - left)) + down * other * mpmath.exp(down * (right - left))
        return values["start"] / value

    with mpmath.workdps(60):
        _, first, second = mpmath.taylor(lambda s: mpmath.log(transform(s)), mpmath.mpf(10) ** -40, 2)
        return float(-first), float(2 * second)


def test_mean_and_variance_over_a_staircase_follow_from_its_laplace_transform():
    """Drift and noise constant on pieces: exponentials joined by hand, differentiated at zero, to 1e-12."""
    pieces = [(mpmath.mpf(-2), mpmath.mpf("0.5"), mpmath.mpf("0.25")), (mpmath.mpf(-1), mpmath.mpf(-1), mpmath.mpf("0.5")),
              (mpmath.mpf(0), mpmath.mpf("-1.5"), mpmath.mpf("0.25")), (mpmath.mpf("0.5"), mpmath.mpf(2), mpmath.mpf("0.75"))]  # fmt: skip
    mean, variance = stair(pieces, -2, mpmath.mpf("-0.75"), mpmath.mpf(1))
    drift = sp.Piecewise((0.5, x < -1), (-1, x < 0), (-1.5, x < 0.5), (2, True))
    noise = sp.Piecewise((0.25, x < -1), (0.5, x < 0), (0.25, x < 0.5), (0.75, True))
    f = ey.compile_escape_time(SDE(drift, noise, [x]), start=-0.75, target=1, reflecting=-2)
    assert f().value == pytest.approx(mean, rel=1e-12)
    assert f.variance().value == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("calculus", ["ito", "stratonovich", "anti-ito"])
def test_a_batch_over_six_powers_of_ten_is_what_its_members_are(calculus):
    """D from 1e-4 (a barrier of 2500 D) to 100, in one call; in a quartic well with wide noise, exactly as one by one."""
    f = ey.compile_escape_time(SDE(x - x**3, D * (1 + x**2 / 2), [x], calculus=calculus), start=-1, target=1)
    values = np.geomspace(1e-4, 1e2, 61)
    batch = f(D=values)
    assert batch.value is not None if batch.log.max() < 709 else batch.log.max() > 1500
    single = [f(D=float(v)) for v in values]
    assert np.max(np.abs(batch.log - [s.log for s in single])) < 1e-12
    assert np.array_equal(np.argsort(batch.log), np.arange(61)[::-1])
    assert batch.relative_error.max() < 1e-11


def test_shapes_that_differ_are_computed_abreast():
    """A tilt, a curvature and a noise for each member; the same as one by one to 2e-14, in the shape of the broadcast."""
    sde = SDE(a * x - x**3 + T * sp.sin(3 * x), D, [x])
    f = ey.compile_escape_time(sde, start=-1.2, target=1)
    a_values, t_values, d_values = np.linspace(0.5, 2, 40)[:, None], np.array([0.1, 0.7]), 0.07
    batch = f({"a": a_values, T: t_values}, D=d_values)
    assert batch.value.shape == (40, 2)
    for i, j in ((0, 0), (17, 1), (39, 0)):
        alone = f(a=float(a_values[i, 0]), T=float(t_values[j]), D=d_values)
        assert batch.value[i, j] == pytest.approx(alone.value, rel=2e-14)


def test_where_noise_changes_may_differ_from_member_to_member():
    """Noise 2 D before the switch and D beyond: each member as alone, and one as the sum over its two pieces by quadrature."""
    switch = sp.Symbol("c", real=True)
    f = ey.compile_escape_time(SDE(x - x**3, sp.Piecewise((2 * D, x < switch), (D, True)), [x]), start=-1, target=1)
    places = np.linspace(-0.7, -0.3, 9)
    batch = f(c=places, D=0.02)
    alone = [f(c=float(c), D=0.02).value for c in places]
    assert np.max(np.abs(batch.value / alone - 1)) < 3e-14
    assert f(c=-0.5, D=0.02).value == pytest.approx(26465.0809539409362, rel=1e-13)


def test_a_narrow_barrier_on_a_wide_plain_is_seen():
    """A wall of width 0.002 on a way of 20 that is otherwise flat: 1e-12 of its log by quadrature on its own scale."""
    bump, width = 30, sp.Rational(1, 500)
    phi = bump * sp.exp(-(((x - sp.Rational(1, 3)) / width) ** 2)) + (x / 12) ** 12
    tau = ey.exact_escape_time(SDE(-sp.diff(phi, x), 1, [x]), start=-10, target=10)
    with mpmath.workdps(25):
        well = mpmath.quad(lambda z: mpmath.exp(-((z / 12) ** 12)), [-14, -12, -8, 0, mpmath.mpf(1) / 3])
        top = mpmath.quad(lambda u: mpmath.exp(30 * mpmath.exp(-u * u) - 30), [-8, -4, -2, -1, 0, 1, 2, 4, 8]) / 500
        leading = mpmath.log(well * top) + 30
    assert tau.log == pytest.approx(float(leading), abs=2e-3)  # the plain itself is crossed in 1e-9 of the time; the wall has a width
    assert tau.relative_error < 1e-12


def test_ends_at_critical_points_move_with_the_parameters():
    """From the left minimum of x^4/4 - a x^2/2 over to the right one, for an array of a: each as from -sqrt(a) to sqrt(a) in numbers."""
    b = sp.Symbol("b", positive=True)
    f = ey.compile_escape_time(SDE(b * x - x**3, D, [x]), start=-sp.sqrt(b), target=sp.sqrt(b))
    batch = f(b=np.array([0.5, 1.0, 2.0]), D=0.1)
    for value, root in zip(batch.value, (0.5, 1.0, 2.0), strict=True):
        fixed = ey.exact_escape_time(SDE(root * x - x**3, D, [x]), start=-math.sqrt(root), target=math.sqrt(root), values={"D": 0.1})
        assert value == pytest.approx(fixed.value, rel=1e-13)
    assert repr(f).startswith("EscapeTime(D, b) from -sqrt(b) to sqrt(b)")
    with pytest.raises(ParameterError, match="hold symbols without a value: c"):
        ey.compile_escape_time(QUARTIC, start=-sp.Symbol("c"), target=1)(D=0.1)


def test_an_optimizers_clock_goes_with_the_batch_and_an_unstable_member_is_refused():
    sde = ey.SGD().sde(ey.Landscape("x**4/4 - x**2/2", ["x"]), ey.noise.Isotropic())
    f = ey.compile_escape_time(sde, start=-1, target=1)
    times = f(eta=np.array([0.05, 0.1]), B=8, sigma=3)
    assert times.value[0] == pytest.approx(33827.4772946255, rel=1e-13)
    assert times.per_iteration.value == pytest.approx(times.value / [0.05, 0.1], rel=1e-15)
    with pytest.raises(NotApplicable, match="unstable at the minimum of the start: the curvature there is 2"):
        f(eta=np.array([0.05, 1.5]), B=8, sigma=3)


def test_more_weight_costs_no_digits_and_no_panels():
    """ln tau at a barrier of 1000 and of 4000 D from its expansion; a plan has a few hundred panels whatever the depth."""
    f = ey.compile_escape_time(QUARTIC, start=-1, target=1)
    for barrier in (1000, 4000):
        d = 0.25 / barrier
        expansion = barrier + math.log(math.sqrt(2) * math.pi) + math.log1p(1.5 * d)
        assert f(D=d).log == pytest.approx(expansion, rel=0, abs=40 * d**2 + 1e-15 * barrier)
        assert f(D=d).relative_error < 1e-11
    assert max(len(plan.edges) for plan in f.walks[0].plans.values()) < 400


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({}, ParameterError, "takes values for D; missing: D"),
        ({"D": []}, ParameterError, "D is an empty array; give at least one number"),
        ({"D": [0.1, math.nan]}, ParameterError, "D must be a real, finite number"),
        ({"D": [0.1, math.inf]}, ParameterError, "D must be a real, finite number"),
        ({"D": 1j}, ParameterError, "D must be a real, finite number"),
        ({"D": [0.1, -0.1]}, ParameterError, "D must be positive on the way from start to target; at .* it is -0.1"),
        ({"D": [0.1, 0.0]}, ParameterError, "D = 0: without noise"),
        ({"D": 0}, ParameterError, "D = 0: without noise"),
        ({"D": 5e-324}, ParameterError, "outside the sizes 1e-100 to 1e100"),
        ({"D": 0.1, "E": 2}, ParameterError, "unknown: E"),
        ({"D": "0.1"}, ParameterError, "D must be a real, finite number"),
        ({"D": 1e-9}, AccuracyError, "settled only to a relative error of 3e-07"),
    ],
)
def test_values_that_give_no_time_are_refused_with_the_reason(values, kind, words):
    f = ey.compile_escape_time(QUARTIC, start=-1, target=1)
    for ask in (f, f.variance):
        with pytest.raises(kind, match=words):
            ask(values)


def test_one_bad_member_of_a_batch_of_shapes_is_named():
    """The loss no longer confines where a < 0; the others do."""
    f = ey.compile_escape_time(SDE(x - a * x**3, D, [x]), start=-1, target=1)
    with pytest.raises(NotApplicable, match="does not confine walkers on the far side"):
        f(a=np.array([1.0, 0.9, -0.1, 1.1]), D=0.1)
    with pytest.raises(ParameterError, match="do not broadcast to one shape; they have shapes"):
        f(a=np.array([1.0, 0.9]), D=np.array([0.1, 0.2, 0.3]))


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"target": -1}, ParameterError, "start and target are the same point"),
        ({"target": (0, 1)}, ParameterError, "start = -1.00000 must lie between the ends 0 and 1"),
        ({"target": (-2, 0, 1)}, ParameterError, "an interval has two ends, got 3"),
        ({"target": (-2, 1), "reflecting": -3}, ParameterError, "no far side for a reflecting wall"),
        ({"target": 1, "reflecting": 0}, ParameterError, "the reflecting wall at 0.* stands between start"),
        ({"target": math.inf}, ParameterError, "target must be a real, finite number"),
        ({"start": math.nan}, ParameterError, "start must be a real, finite number"),
    ],
)
def test_places_that_make_no_walk_are_refused_when_compiling(options, kind, words):
    with pytest.raises(kind, match=words):
        ey.compile_escape_time(QUARTIC, **{"start": -1, "target": 1, **options})


def test_what_was_not_compiled_for_is_refused():
    one, two = (ey.compile_escape_time(QUARTIC, start=-1, target=t) for t in (1, (-2, 1)))
    with pytest.raises(NotApplicable, match=r"a committor needs two ends: give target=\(left, right\)"):
        one.committor(D=0.1)
    with pytest.raises(NotApplicable, match="the variance is that of the passage to one target"):
        two.variance(D=0.1)
    with pytest.raises(ParameterError, match="given twice"):
        one({"D": 0.1}, D=0.2)
    with pytest.raises(ParameterError, match="values must give numbers by name or symbol"):
        one(0.1)


def test_a_value_beyond_floats_says_so_and_keeps_its_logarithm():
    tau = ey.compile_escape_time(QUARTIC, start=-1, target=1)(D=1e-4)
    assert isinstance(BeyondFloat64("x"), EyringError)
    with pytest.raises(BeyondFloat64, match=r"too large for a floating-point number: its natural logarithm is 2501\.4.*read \.log"):
        _ = tau.value


def test_an_error_that_cannot_be_met_carries_the_estimate():
    with pytest.raises(AccuracyError) as caught:
        ey.compile_escape_time(QUARTIC, start=-1, target=1)(D=1e-9)
    assert 1e-8 < caught.value.error < 1e-6
    assert caught.value.estimate > 1e290


def test_strengths_whose_products_leave_the_floats_are_refused():
    """Each value is in range, and their product is not."""
    e = sp.Symbol("e", positive=True)
    f = ey.compile_escape_time(SDE(x - x**3, D * e, [x]), start=-1, target=1)
    for ask in (f, f.variance):
        with pytest.raises(ParameterError, match=r"at D = 1e-90, e = 1e-90 drift over diffusion.*outside 1e-140 to 1e140"):
            ask(D=1e-90, e=1e-90)


def test_two_processes_that_differ_only_in_what_their_optimizer_bears_are_not_confused():
    """The same drift and noise, one with a limit of stability: the second is refused though the first was computed."""
    bare = SDE(x - x**3, D, [x])
    loss = ey.Landscape("x**4/4 - x**2/2", [x])
    assert ey.exact_escape_time(bare, start=-1, target=1, values={"D": 0.1}).value > 0
    with pytest.raises(NotApplicable, match="unstable"):
        ey.exact_escape_time(bare.with_(landscape=loss, stable_curvature=sp.Integer(1)), start=-1, target=1, values={"D": 0.1})
