"""Out of an interval, behind a wall, the committor and the variance of the time: against the backward equation solved by collocation."""

import math

import numpy as np
import pytest
import sympy as sp

from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact import exact_committor, exact_escape_time, exact_escape_variance
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
D = sp.Symbol("D", positive=True)
POINTS = 96


def chebyshev(low, high):
    """Return nodes from high to low and the matrix of differentiation on them."""
    k = np.arange(POINTS + 1)
    nodes = np.cos(np.pi * k / POINTS)
    weight = np.where((k == 0) | (k == POINTS), 2.0, 1.0) * (-1.0) ** k
    gap = nodes[:, None] - nodes + np.eye(POINTS + 1)
    slope = np.outer(weight, 1 / weight) / gap
    slope -= np.diag(slope.sum(axis=1))
    return low + (high - low) * (nodes + 1) / 2, slope * 2 / (high - low)


def backward(sde, low, high, source, *, ends, wall=None):
    """Solve D u'' + f u' = source on (low, high), f the Ito drift; ``ends`` are u(low), u(high), of which a wall replaces one by u' = 0."""
    nodes, first = chebyshev(low, high)
    ito = sde.ito()
    drift, spread = (np.broadcast_to(sp.lambdify(x, e)(nodes), nodes.shape) for e in (ito.drift[0], ito.diffusion[0]))
    operator = spread[:, None] * (first @ first) + drift[:, None] * first
    right = np.broadcast_to(source, nodes.shape).astype(float).copy()
    for row, value in ((-1, ends[0]), (0, ends[1])):
        operator[row], right[row] = (first[row], 0.0) if row == wall else (np.eye(POINTS + 1)[row], value)
    return nodes, np.linalg.solve(operator, right)


def at(nodes, values, place):
    """Evaluate the interpolating polynomial."""
    return float(np.polynomial.chebyshev.Chebyshev.fit(nodes, values, POINTS)(place))


PROCESSES = {
    "tilted well": SDE(x - x**3 + 0.2, 0.3, [x]),
    "state-dependent, Ito": SDE(-x - x**2 / 3, (1 + x**2) / 9, [x]),
    "state-dependent, Stratonovich": SDE(-x - x**2 / 3, (1 + x**2) / 9, [x], calculus="stratonovich"),
    "state-dependent, anti-Ito": SDE(-x - x**2 / 3, (1 + x**2) / 9, [x], calculus="anti-ito"),
}


@pytest.mark.parametrize("name", PROCESSES)
def test_interval_wall_committor_and_variance_solve_the_backward_equation(name):
    """Collocation on 97 points, another road, to 1e-10."""
    sde, low, high, start = PROCESSES[name], -1.1, 1.3, 0.2
    nodes, times = backward(sde, low, high, -1.0, ends=(0, 0))
    assert float(exact_escape_time(sde, start=start, target=(low, high))) == pytest.approx(at(nodes, times, start), rel=1e-10)
    nodes, chance = backward(sde, low, high, 0.0, ends=(0, 1))
    assert float(exact_committor(sde, start=start, left=low, right=high)) == pytest.approx(at(nodes, chance, start), rel=1e-10)
    nodes, times = backward(sde, low, high, -1.0, ends=(0, 0), wall=-1)
    assert float(exact_escape_time(sde, start=start, target=high, reflecting=low)) == pytest.approx(at(nodes, times, start), rel=1e-10)
    nodes, squares = backward(sde, low, high, -2 * times, ends=(0, 0), wall=-1)
    variance = at(nodes, squares, start) - at(nodes, times, start) ** 2
    assert float(exact_escape_variance(sde, start=start, target=high, reflecting=low)) == pytest.approx(variance, rel=1e-9)
    nodes, times = backward(sde, low, high, -1.0, ends=(0, 0), wall=0)
    assert float(exact_escape_time(sde, start=start, target=low, reflecting=high)) == pytest.approx(at(nodes, times, start), rel=1e-10)


@pytest.mark.parametrize("name", PROCESSES)
def test_certified_digits_of_an_interval_and_of_a_wall_agree_with_double_precision(name):
    """The ball of 30 digits lies within the error of the 15."""
    sde = PROCESSES[name]
    for options in ({"target": (-1.1, 1.3)}, {"target": 1.3, "reflecting": -1.1}):
        few, many = (exact_escape_time(sde, start=0.2, digits=n, **options) for n in (15, 30))
        assert many.certified
        assert many.relative_error < 1e-30
        assert abs(float(many.value) / float(few) - 1) <= 3 * few.relative_error


def test_over_a_high_barrier_times_are_exponential_and_the_committor_holds_its_logarithm():
    """Var -> tau^2 from below; ln h of a walk against a barrier of 1250 D is that of the ratio of the scales, by quadrature of its top and foot."""
    sde = SDE(x - x**3, D, [x])
    ratios = [
        float(exact_escape_variance(sde, start=-1, target=1, values={D: d})) / float(exact_escape_time(sde, start=-1, target=1, values={D: d})) ** 2
        for d in (0.05, 0.025)
    ]
    assert 0.98 < ratios[0] < ratios[1] < 1
    d = 1 / 5000
    chance = exact_committor(sde, start=-0.9, left=-1, right=1, values={D: d})
    rise = (0.9**4 / 4 - 0.9**2 / 2 + 0.25) / d
    grid = np.linspace(0, 1, 200_001)
    foot = np.trapezoid(np.exp(((-1 + 0.1 * grid) ** 4 / 4 - (-1 + 0.1 * grid) ** 2 / 2 + 0.25) / d - rise), 0.1 * grid)
    whole = np.trapezoid(np.exp((((2 * grid - 1) ** 4) / 4 - ((2 * grid - 1) ** 2) / 2) / d), 2 * grid)
    assert chance.log == pytest.approx(math.log(foot) + rise - 0.25 / d - math.log(whole), abs=1e-6)


def test_both_ends_and_arrays_of_values():
    """A symmetric interval is left on either side alike; arrays broadcast; the two directions of naming the ends agree."""
    sde = SDE(-x, D, [x])
    values = {D: np.array([0.1, 0.3])}
    one, other = (exact_escape_time(sde, start=0, target=t, values=values).value for t in ((-1, 1), (1, -1)))
    assert one.shape == (2,)
    assert np.allclose(one, other, rtol=1e-13)
    assert float(exact_committor(sde, start=0, left=-1, right=1, values={D: 0.3})) == pytest.approx(0.5, rel=1e-13)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": (0.5, 1)}, ParameterError, "start = 0 must lie between the ends 0.5 and 1"),
        ({"target": (-1, 1, 2)}, ParameterError, "an interval has two ends, got 3"),
        ({"target": (-1, 1), "reflecting": -2}, ParameterError, "no far side for a reflecting wall"),
        ({"target": 1, "reflecting": 0.5}, ParameterError, "the reflecting wall at 0.5.* stands between start 0 and target"),
        ({"target": (-1, 0)}, ParameterError, "start and target are the same point"),
    ],
)
def test_what_makes_no_walk_is_refused(options, error, message):
    """An interval without the start in it, three ends, a wall on the way."""
    with pytest.raises(error, match=message):
        exact_escape_time(SDE(-x, 1, [x]), start=0, **options)


def test_digits_behind_a_wall_need_an_elementary_drift():
    """What ball arithmetic cannot bound is refused beyond 15 digits, with the way out."""
    with pytest.raises(NotApplicable, match="ask for digits=15"):
        exact_escape_time(SDE(-sp.besselj(1, x), 1, [x]), start=0, target=1, reflecting=0, digits=20)
