"""Saddles and the ways over them against exact critical points, and against what defines them."""

import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.saddles.search import find_saddles
from eyring.numerics.exact.saddles.string import minimum_energy_path
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import mueller_brown, styblinski_tang
from eyring.theory.sde import SDE

x, y = sp.symbols("x y", real=True)
DEEP, MIDDLE, RIGHT = (-0.558223634633, 1.441725841805), (-0.050010822944, 0.466694104904), (0.623499404931, 0.028037758529)
UPPER, LOWER = (-0.822001558732, 0.624312802815), (0.212486582000, 0.292988325107)  # Mueller & Brown 1979, more digits


def numbers(point):
    return np.array([float(c) for c in point.position])


@pytest.mark.parametrize(("start", "saddles"), [(DEEP, [UPPER]), (MIDDLE, [LOWER, UPPER]), (RIGHT, [LOWER])], ids=["deep", "middle", "right"])
def test_the_saddles_of_mueller_and_brown(start, saddles):
    """Around each of the three minima, those on its rim and no other, the lowest first."""
    found = find_saddles(mueller_brown(), start=start)
    assert [s.index for s in found] == [1] * len(saddles)
    for point, known in zip(found, saddles, strict=True):
        assert np.max(np.abs(numbers(point) - known)) < 1e-11


@pytest.mark.parametrize(("dim", "well"), [(2, 0), (2, 1), (10, 0)])
def test_every_coordinate_of_styblinski_and_tang_has_its_saddle(dim, well):
    """The loss is a sum over coordinates: from one well, one saddle along each, exact from the quartic of one coordinate."""
    loss = styblinski_tang(dim)
    bottoms, (top,) = loss.axes[0].minima(), loss.axes[0].saddles()
    found = find_saddles(loss, start=[bottoms[well].position[0]] * dim)
    places = sorted(tuple(numbers(s).round(10)) for s in found)
    exact = np.full((dim, dim), float(bottoms[well].position[0])) + np.eye(dim) * float(top.position[0] - bottoms[well].position[0])
    np.testing.assert_allclose(places, sorted(map(tuple, exact.round(10))), atol=2e-10)
    slope = loss.gradient.subs(dict(zip(loss.coordinates, found[0].position, strict=True)))
    assert max(abs(g) for g in slope) < 1e-24


def test_coupled_coordinates_against_the_exact_critical_points():
    loss = Landscape((x**2 - 1) ** 2 + (y**2 - 1) ** 2 + x * y / 2 + x / 10, [x, y])
    exact = {tuple(numbers(s).round(9)) for s in loss.saddles()}
    found = set()
    for minimum in loss.minima():
        rim = find_saddles(loss, start=minimum)
        assert len(rim) == 2
        found |= {tuple(numbers(s).round(9)) for s in rim}
    assert found == exact


def test_parameters_take_values():
    a = sp.Symbol("a", positive=True)
    (saddle,) = find_saddles(Landscape(a * (x**2 - 1) ** 2 + y**2, [x, y]), start=(1, 0), values={"a": 3})
    assert saddle.position == (0, 0)
    assert saddle.value == 3


def steepness_across(loss, way):
    """Return the largest part of the unit gradient across the path, away from its critical points."""
    slope = np.stack(np.broadcast_arrays(*sp.lambdify(loss.coordinates, list(loss.gradient))(*way.path.T)), axis=1)
    chord = (way.path[2:] - way.path[:-2]) / np.linalg.norm(way.path[2:] - way.path[:-2], axis=1, keepdims=True)
    inner = slope[1:-1]
    steep = np.linalg.norm(inner, axis=1)
    kept = steep > 0.02 * np.max(steep)
    across = inner - np.sum(inner * chord, axis=1, keepdims=True) * chord
    turned = np.abs(np.sum(chord[1:] * chord[:-1], axis=1)) > 0.999  # where two ways meet at a minimum the chord means nothing
    kept[1:] &= turned
    kept[:-1] &= turned
    return np.max(np.linalg.norm(across, axis=1)[kept] / steep[kept])


def test_the_way_of_least_climb_over_mueller_and_brown():
    """From the deep well to the right one: through the middle one, over both saddles; the gradient points along it."""
    way = minimum_energy_path(mueller_brown(), start=DEEP, end=RIGHT)
    assert [tuple(numbers(s).round(9)) for s in way.saddles] == [tuple(np.round(UPPER, 9)), tuple(np.round(LOWER, 9))]
    np.testing.assert_allclose([numbers(m) for m in way.minima], [DEEP, MIDDLE, RIGHT], atol=1e-10)
    np.testing.assert_allclose([way.path[0], way.path[-1]], [DEEP, RIGHT], atol=1e-9)
    assert abs(way.barrier - (float(way.saddles[0].value) - float(way.minima[0].value))) < 1e-12
    assert abs(way.barrier - 106.0346737) < 1e-6
    assert np.max(way.heights) == pytest.approx(float(way.saddles[0].value), abs=1e-9)
    assert steepness_across(mueller_brown(), way) < 0.02


def test_a_way_along_a_bent_valley_in_ten_coordinates():
    """L = (x1^2 - 1)^2 + 5 sum (x_k - g(x1))^2 with g = x1^2/2: the valley's floor is the saddle's height, and the way passes the saddle exactly."""
    xs = sp.symbols("x1:11", real=True)
    loss = Landscape((xs[0] ** 2 - 1) ** 2 + 5 * sum((c - xs[0] ** 2 / 2) ** 2 for c in xs[1:]), xs)
    ends = [[side, *[sp.Rational(1, 2)] * 9] for side in (-1, 1)]
    way = minimum_energy_path(loss, start=ends[0], end=ends[1])
    (saddle,) = way.saddles
    assert saddle.index == 1
    assert np.max(np.abs(numbers(saddle))) < 1e-20
    assert abs(way.barrier - 1) < 1e-14
    assert steepness_across(loss, way) < 0.02


DOUBLE = Landscape(x**4 / 4 - x**2 / 2 + y**2, [x, y])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: find_saddles(DOUBLE, start=(-0.9, 0)), ParameterError, r"not a critical point.*nearest found is \(-1, 0\)"),
        (lambda: find_saddles(DOUBLE, start=(0, 0)), ParameterError, "no minimum of the loss: its curvatures"),
        (lambda: find_saddles(DOUBLE, start=0), ParameterError, "start needs 2 coordinates"),
        (lambda: find_saddles(Landscape(x**2 + y**2 + x**4, [x, y]), start=(0, 0)), AccuracyError, "no saddle was met"),
        (lambda: find_saddles(SDE([-x], 1, [x]), start=0), ParameterError, "takes a Landscape, got SDE"),
        (lambda: find_saddles(Landscape(sp.Symbol("a") * x**2, [x]), start=0), ParameterError, "missing: a"),
        (lambda: minimum_energy_path(DOUBLE, start=(-1, 0), end=(-1, 0)), ParameterError, "same minimum"),
        (lambda: minimum_energy_path(DOUBLE, start=(-1, 0), end=(0, 0)), ParameterError, "end .* no minimum"),
        (lambda: minimum_energy_path(DOUBLE, start=(-1, 0), end=(1, 0), through=[(1, 2, 3)]), ParameterError, "through needs 2 coordinates"),
        (lambda: find_saddles(Landscape(x**4 + y**2, [x, y]), start=(0, 0)), (ParameterError, NotApplicable), "no minimum of the loss|flat"),
    ],
)
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call()
