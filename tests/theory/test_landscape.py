"""Landscapes: minima and saddles, exact where possible; messages where not."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError, NotApplicable, ParsingError
from eyring.theory.critical_points import stationary_positions

x, y = sp.symbols("x y", real=True)
h = sp.Symbol("h", positive=True)


def test_double_well_has_exact_points_for_a_symbolic_height():
    """h (x^2 - 1)^2: 0 at -1 and 1, h at 0, curvatures 8h and -4h."""
    well = ey.landscapes.double_well(h)
    assert [p.position for p in well.minima()] == [(-1,), (1,)]
    assert (well.saddles()[0].value, well.saddles()[0].hessian[0], well.minima()[0].hessian[0]) == (h, -4 * h, 8 * h)


def test_text_and_expression_give_the_same_landscape():
    """A decimal is exact: 0.1 is 1/10."""
    assert ey.Landscape("x**4/4 - x^2/2 + 0.1*x", ["x"]).expression == x**4 / 4 - x**2 / 2 + x / 10
    assert ey.Landscape(x**2 * 0.1, [x]).expression == x**2 / 10


def test_roots_that_are_no_short_radicals_come_with_thirty_digits():
    """The tilted quartic's minimum, against the value of an independent solver at 22 digits."""
    left = ey.Landscape(x**4 / 4 - x**2 / 2 + x / 10, [x]).minima()[0].position[0]
    assert abs(left - sp.Float("-1.0466805318046022612", 30)) < sp.Float("1e-18", 30)


def test_styblinski_tang_has_two_to_the_d_minima_and_d_saddles_a_minimum():
    """In d dimensions: 2^d minima, d 2^(d-1) saddles, global minimum at -2.903534 each."""
    for d in (1, 2, 3):
        function = ey.landscapes.styblinski_tang(d)
        assert (len(function.minima()), len(function.saddles())) == (2**d, d * 2 ** (d - 1))
        assert float(function.minima()[0].value) == pytest.approx(-39.16616570377142 * d, rel=1e-14)


def test_mueller_brown_has_the_known_minima_and_saddles():
    """Literature values (Mueller & Brown 1979): minima -146.700, -108.167, -80.768; saddles -40.665, -72.249."""
    surface = ey.landscapes.mueller_brown()
    assert sorted(round(float(p.value), 3) for p in surface.minima()) == [-146.7, -108.167, -80.768]
    assert sorted(round(float(p.value), 3) for p in surface.saddles()) == [-72.249, -40.665]
    for p in surface.critical_points:
        slope = surface.gradient.subs(dict(zip((x, y), p.position, strict=True))).evalf(30)
        assert max(abs(g) for g in slope) < 1e-22


def test_a_coupled_polynomial_is_solved_to_rationals_where_they_are():
    """x^4/4 - x^2/2 + (1 + x^2) y^2/2: minima at (-1, 0), (1, 0) and the saddle at the origin."""
    points = ey.Landscape(x**4 / 4 - x**2 / 2 + (1 + x**2) * y**2 / 2, [x, y]).critical_points
    assert [(p.position, p.index) for p in points] == [((-1, 0), 0), ((0, 0), 1), ((1, 0), 0)]


def test_gradient_and_hessian_are_derivatives():
    """Compared with numerical differentiation at one point."""
    surface = ey.landscapes.mueller_brown()
    value = sp.lambdify((x, y), surface.expression, "mpmath")
    with mpmath.workdps(30):
        slope = mpmath.diff(value, (mpmath.mpf("0.3"), mpmath.mpf("0.4")), (1, 0))
        bend = mpmath.diff(value, (mpmath.mpf("0.3"), mpmath.mpf("0.4")), (1, 1))
    here = {x: sp.Rational(3, 10), y: sp.Rational(2, 5)}
    assert abs(surface.gradient[0].subs(here).evalf(30) - slope) < 1e-12
    assert abs(surface.hessian[0, 1].subs(here).evalf(30) - bend) < 1e-8


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: ey.Landscape(x**2, []), EyringError, "needs distinct coordinates"),
        (lambda: ey.Landscape(x**2, [x, x]), EyringError, "needs distinct coordinates"),
        (lambda: ey.Landscape(sp.I * x, [x]), EyringError, "must be a real, finite expression"),
        (lambda: ey.Landscape(float("nan"), [x]), EyringError, "must be a real, finite expression"),
        (lambda: ey.Landscape("__import__('os').system('true')", ["x"]), ParsingError, "not a function|no part of a formula"),
        (lambda: ey.Landscape(x**2, [x], domain=[(0, 1), (0, 1)]), EyringError, "one \\(low, high\\) for each of 1"),
        (lambda: ey.Landscape(x**4, [x]).minima(), NotApplicable, "singular \\(a flat direction\\)"),
        (
            lambda: ey.Landscape(sp.Symbol("a", real=True) * x**2, [x]).minima(),
            EyringError,
            "sign of the curvature 2\\*a at \\(0\\) is not known; declare",
        ),
        (lambda: ey.Landscape(x**2, [x, y]).minima(), EyringError, "does not depend on y: a flat direction"),
        (lambda: ey.Landscape(sp.exp(x), [x]).locate(0, role="start"), EyringError, "has no critical point"),
        (lambda: ey.landscapes.double_well().locate(1j, role="start"), EyringError, "must be real and finite"),
        (lambda: ey.landscapes.double_well().locate((0, 0), role="over"), EyringError, "over needs 1 coordinates \\(x\\), got 2"),
        (lambda: ey.landscapes.styblinski_tang(0), EyringError, "dim must be a positive integer"),
    ],
)
def test_what_is_no_landscape_is_refused(build, error, message):
    """What was given, what is needed."""
    with pytest.raises(error, match=message):
        build()


def test_a_number_is_snapped_to_the_critical_point_within_a_millionth():
    """And no farther."""
    well = ey.landscapes.double_well()
    assert well.locate(-1 + 5e-7, role="start") == well.minima()[0]
    with pytest.raises(EyringError, match="is not a critical point of the loss; the nearest is the minimum at \\(-1\\)"):
        well.locate(-1 + 5e-6, role="start")


def test_maier_stein_has_a_gradient_drift_only_at_beta_one():
    """curl = 2 x y (1 - beta)... vanishes at beta = 1."""
    from eyring.theory.potential import landscape_of

    assert landscape_of(ey.landscapes.maier_stein(1)) is not None
    assert landscape_of(ey.landscapes.maier_stein(4)) is None


def test_a_sum_over_coordinates_is_put_together_from_its_axes():
    """Ten dimensions: 2^10 minima, 10 * 2^9 saddles (combinatorics); in three, the same points as the search of the whole gradient finds."""
    ten = ey.landscapes.styblinski_tang(10)
    minima, saddles = ten.minima(), ten.saddles()
    assert (len(minima), len(saddles)) == (1024, 10 * 512)
    lowest = min(minima, key=lambda p: float(p.value))
    roots = np.roots([2, 0, -16, 2.5])  # slope of (x^4 - 16 x^2 + 5 x)/2
    assert abs(float(lowest.value) / (10 * min((r**4 - 16 * r**2 + 5 * r) / 2 for r in roots)) - 1) < 1e-14
    assert ten.locate([float(c) for c in saddles[17].position], role="over") == saddles[17]
    three = ey.landscapes.styblinski_tang(3)
    whole = [three.at(p) for p in stationary_positions(three)]
    assert [(p.position, p.index) for p in whole] == [(p.position, p.index) for p in three.critical_points]
    assert [p.position for p in whole if p.index == 1] == [p.position for p in three.saddles()]
    coupled = ey.Landscape(three.expression + three.coordinates[0] * three.coordinates[1], three.coordinates)
    assert coupled.axes is None
