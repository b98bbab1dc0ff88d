"""Modes, leaking wells, committors and first passages in two coordinates, against one coordinate and against linear drifts."""

import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_committor, exact_escape_time, quasi_stationary, relaxation_modes
from eyring.theory.sde import SDE

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)
ALONG = SDE(x - x**3, D * (1 + x**2 / 4), [x])
BOTH = SDE([x - x**3, -3 * y / 4], sp.diag(D * (1 + x**2 / 4), D), [x, y])
# u = x, v = y + x^2/3: lines of x stay, D is full, and Ito adds 2 D_xx/3 to the drift of v
u, v = sp.symbols("u v", real=True)
NOISE = D * (1 + u**2 / 4)
BENT = SDE(
    [u - u**3, -3 * (v - u**2 / 3) / 4 + 2 * u / 3 * (u - u**3) + 2 * NOISE / 3],
    sp.Matrix([[NOISE, NOISE * 2 * u / 3], [NOISE * 2 * u / 3, D + NOISE * 4 * u**2 / 9]]),
    [u, v],
)


@pytest.mark.parametrize("barrier", [4, 10, 20])
@pytest.mark.parametrize("goal", [0, 0.5])
def test_the_time_over_a_line_is_that_of_one_coordinate(barrier, goal):
    values = {D: 1 / (4 * barrier)}
    known = exact_escape_time(ALONG, start=-1, target=goal, values=values)
    found = exact_escape_time(BOTH, start=(-1, 0.1), target=x > goal, values=values)
    assert found.value == pytest.approx(known.value, rel=1e-8)
    assert abs(found.value / known.value - 1) < found.relative_error


def test_the_time_over_a_line_in_bent_coordinates():
    values = {D: 1 / 24}
    known = exact_escape_time(ALONG, start=-1, target=0, values=values)
    found = exact_escape_time(BENT, start=(-1, 0.4), target=u > 0, values=values)
    assert abs(found.value / known.value - 1) < found.relative_error < 1e-6


def test_a_well_that_is_open_beyond_the_line_needs_no_confinement_there():
    known = exact_escape_time(SDE(-x - x**2, D, [x]), start=0, target=-1.2, values={D: 1 / 60})
    found = exact_escape_time(SDE([-x - x**2, -y], D * sp.eye(2), [x, y]), start=(0, 0), target=x < -1.2, values={D: 1 / 60})
    assert found.value == pytest.approx(known.value, rel=1e-8)


def test_brownian_motion_with_a_weak_pull_leaves_a_rectangle_as_the_series_says():
    """Out of a square of side 2 from its middle: the double sine series; a pull of 1e-6 is not felt."""
    k, m = np.meshgrid(np.arange(1, 400, 2), np.arange(1, 400, 2))
    series = np.sum(16 / (np.pi**2 * k * m) * np.sin(k * np.pi / 2) * np.sin(m * np.pi / 2) / (np.pi**2 / 4 * (k**2 + m**2)))
    beyond = (x < -1) | (x > 1) | (y < -1) | (y > 1)
    found = exact_escape_time(SDE([-x / 10**6, -y / 10**6], sp.eye(2), [x, y]), start=(0, 0), target=beyond)
    assert found.value == pytest.approx(series, rel=2e-6)


def test_the_committor_is_that_of_one_coordinate():
    for noise, rel in ((1 / 20, 1e-7), (1 / 60, 2e-5)):
        values = {D: noise}
        known = exact_committor(ALONG, start=-0.3, left=-0.9, right=0.9, values=values)
        found = exact_committor(BOTH, start=(-0.3, 0.2), left=x < -0.9, right=x > 0.9, values=values)
        assert abs(found.value / known.value - 1) < found.relative_error < rel
        assert found.unit == "probability"


def test_a_leaking_well_keeps_the_density_and_the_weight_of_one_coordinate():
    values, places = {D: 1 / 40}, np.linspace(-1.3, -0.1, 7)
    known = quasi_stationary(ALONG, start=-1, exits=0, values=values)
    found = quasi_stationary(BOTH, start=(-1, 0), exits=x > 0, values=values)
    spread = 1 / 40 / 0.75
    across = np.exp(-0.01 / (2 * spread)) / np.sqrt(2 * np.pi * spread)
    assert abs(found.rate.value / known.rate.value - 1) < found.rate.relative_error < 1e-7
    assert found.density(places, 0.1) == pytest.approx(known.density(places) * across, rel=1e-5)
    assert found.backward(places, 0.1) == pytest.approx(known.backward(places), rel=1e-7)
    assert found.density(0.1, 0) == found.backward(0.1, 0) == 0


def test_the_modes_are_those_of_one_coordinate():
    values, places = {D: 1 / 40}, np.array([-1.3, -1.0, -0.4, 0.5, 1.1])
    (known,), (found,) = relaxation_modes(ALONG, values=values), relaxation_modes(BOTH, values=values)
    sign = np.sign(found.backward(1, 0))
    spread = 1 / 40 / 0.75
    across = np.exp(-0.01 / (2 * spread)) / np.sqrt(2 * np.pi * spread)
    assert sign * found.backward(places, 0.1) == pytest.approx(known.backward(places), rel=1e-8)
    assert sign * found.density(places, 0.1) == pytest.approx(known.density(places) * across, rel=1e-4)
    assert found.density(50, 0) == 0 and found.frequency == 0
    with pytest.raises(ParameterError, match="the mode is known for the first coordinate from"):
        found.backward(50, 0)


def test_modes_that_turn_come_in_pairs():
    """Of df = -A f dt + noise the slowest backward modes are linear, l . f with l a left eigenvector of A."""
    A = np.array([[1, 2], [-3, 1.5]])
    values, vectors = np.linalg.eig(A.T)
    modes = relaxation_modes(SDE([-x - 2 * y, 3 * x - 3 * y / 2], sp.Matrix([[2, 1], [1, 1]]), [x, y]), count=2)
    places = np.array([[0.3, -0.2], [1.0, 0.5], [-0.7, 1.1]])
    for mode in modes:
        k = int(np.argmin(abs(values.imag - mode.frequency)))
        assert mode.frequency == pytest.approx(values[k].imag, rel=1e-9)
        ratio = mode.backward(*places.T) / (places @ vectors[:, k])
        assert abs(ratio / ratio[0] - 1).max() < 1e-8


def test_two_modes_of_one_rate_are_refused():
    with pytest.raises(AccuracyError, match=r"agree to a relative .*any mixture"):
        relaxation_modes(SDE([-x, -y], sp.eye(2) / 10, [x, y]), count=2)


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"target": x + y > 0}, ParameterError, "does not run along an axis.*coordinates in which the border is such a line"),
        ({"target": (x > 0) & (u > 0)}, ParameterError, "must be a condition on x, y, such as x > 0, with no other symbols"),
        ({"target": x < 0}, ParameterError, r"the start \(x, y\) = \(-1, 0\) lies in an exit"),
        ({"target": x > 0, "start": -1}, ParameterError, "start must be a point with the two real, finite coordinates x, y; got -1"),
        ({"target": y > 50}, NotApplicable, r"an exit touches no place that the process visits \(.* below e\^-26"),
        ({"target": x > 0, "digits": 30}, ParameterError, "leave out digits"),
        ({"target": x > 0, "values": {}}, ParameterError, "missing: D"),
        ({"target": x > 0, "values": {D: [0.1, 0.2]}}, ParameterError, "give single numbers"),
    ],
)
def test_first_passages_that_are_not_meant_are_refused(options, kind, words):
    with pytest.raises(kind, match=words):
        exact_escape_time(BOTH, **{"start": (-1, 0), "values": {D: 0.05}, **options})
