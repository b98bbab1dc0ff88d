"""Exact passage times on landscapes nobody chose, against thirty digits had by nested quadrature and by collocation, both written here."""

from functools import lru_cache

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from eyring.numerics.exact import compile_escape_time, exact_committor, exact_escape_time, exact_escape_variance
from eyring.theory.sde import SDE

x = sp.Symbol("x", real=True)
CALCULI = {"ito": 0, "stratonovich": sp.Rational(1, 2), "anti-ito": 1}
NODES = 20
POINTS = 64
DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)  # a failure is not worth minutes of shrinking


def parts(low, high):
    """Return rational numbers with denominator 64."""
    return st.integers(round(64 * low), round(64 * high)).map(lambda n: sp.Rational(n, 64))


@st.composite
def processes(draw, steepest=6.0):
    """Draw Phi (quartic, tilted waves in a bowl, or sextic, with up to seven wells), D(x) and a calculus; the drift is -D Phi'."""
    height = draw(parts(0.5, steepest))
    bowl, tilt, bend = draw(parts(0.1, 1)), draw(parts(-0.5, 0.5)), draw(parts(-2, 1))
    waves = draw(parts(0, 0.5)) * sp.cos(draw(parts(2, 7)) * x + draw(parts(-3, 3)))
    phi = height * (tilt * x + draw(st.sampled_from([bend * x**2 / 2 + bowl * x**4 / 4, bowl * x**2 + waves, bend * x**4 / 8 + bowl * x**6 / 6])))
    r = draw(parts(0.1, 1))
    noise = draw(parts(0.1, 2)) * draw(
        st.sampled_from([sp.Integer(1), 1 + r * x**2, 1 / (1 + r * x**2), sp.sqrt(1 + r * x**2), 1 + r * sp.sin(x) / 2, sp.exp(r * x / 4)])
    )
    return phi, noise, draw(st.sampled_from(list(CALCULI)))


def process(phi, noise, calculus):
    return SDE(-noise * sp.diff(phi, x), noise, [x], calculus=calculus)


@lru_cache(maxsize=8)
def gauss(n):
    """Return nodes and weights of Gauss and Legendre to fifty digits, by Newton's method from doubles."""
    with mpmath.workdps(50):
        nodes = [mpmath.findroot(lambda s: mpmath.legendre(n, s), mpmath.mpf(float(s))) for s in np.polynomial.legendre.leggauss(n)[0]]
        slopes = [n * (mpmath.legendre(n - 1, s) - s * mpmath.legendre(n, s)) / (1 - s * s) for s in nodes]
    return nodes, [2 / ((1 - s * s) * d * d) for s, d in zip(nodes, slopes, strict=True)]


def integral(function, low, high):
    nodes, weights = gauss(NODES)
    half = (high - low) / 2
    return half * mpmath.fsum(w * function(low + half * (s + 1)) for s, w in zip(nodes, weights, strict=True))


def nested(phi, noise, calculus, start, target):
    """Return int s' int m, the inner integral done anew for every node of the outer one, from where e^-Phi is below e^-80 of its largest."""
    q, side = CALCULI[calculus], 1 if target > start else -1
    Phi, slope, D = (sp.lambdify(x, e.subs(x, side * x), "mpmath") for e in (phi, sp.diff(phi, x), noise))
    start, target = (mpmath.mpf(p.p) / p.q for p in (side * start, side * target))

    def speed(z):
        return mpmath.exp(-Phi(z)) * D(z) ** (q - 1)

    def piece(z):
        return min(mpmath.mpf(1) / 4, 4 / (mpmath.mpf(1) / 10 + abs(slope(z))))

    far, population = start, mpmath.mpf(0)
    lowest = min(Phi(start + (target - start) * k / 64) for k in range(65))
    while Phi(far) + (1 - q) * mpmath.log(D(far)) < lowest + 80:
        lowest, step = min(lowest, Phi(far)), piece(far)
        population += integral(speed, far - step, far)
        far -= step
    total, low = mpmath.mpf(0), start
    while low < target:
        high = min(target, low + piece(low) * 3 / 4)
        total += integral(lambda y, a=low, before=population: mpmath.exp(Phi(y)) * D(y) ** -q * (before + integral(speed, a, y)), low, high)
        population += integral(speed, low, high)
        low = high
    return total


def extended(phi, noise, calculus, start, target):
    """Return ln int s' int m by the same nested quadrature in extended precision (19 digits), on pieces on which Phi changes by about one."""
    q, side = float(CALCULI[calculus]), 1 if target > start else -1
    Phi, slope, D = (sp.lambdify(x, e.subs(x, side * x), "numpy") for e in (phi, sp.diff(phi, x), noise))
    start, target = (np.longdouble(int(side * p.p)) / int(p.q) for p in (start, target))
    nodes, weights = (np.array([np.longdouble(mpmath.nstr(v, 25)) for v in column]) for column in gauss(NODES))

    def on(values, z):
        return np.broadcast_to(np.asarray(values, dtype=np.longdouble), z.shape)

    far, lowest = start, min(Phi(z) for z in np.linspace(start, target, 65))
    while Phi(far) + (1 - q) * np.log(D(far)) < lowest + 50:
        far, lowest = far - np.longdouble(0.03125), min(lowest, Phi(far))
    steps = np.longdouble(1) / 16 / np.maximum(1, np.abs(slope(np.linspace(far, target, 4001))).max() / 16)
    behind = np.linspace(far, start, int((start - far) / steps) + 2)
    ahead = np.linspace(start, target, int((target - start) / steps) + 2)
    edges = np.concatenate([behind, ahead[1:]])
    half = np.diff(edges)[:, None] / 2
    outer = edges[:-1, None] + half * (nodes + 1)
    inner = edges[:-1, None, None] + (outer - edges[:-1, None])[..., None] / 2 * (nodes + 1)
    top = float(max(Phi(z) for z in ahead))
    speed = np.exp(lowest - on(Phi(inner), inner)) * on(D(inner), inner) ** (q - 1)
    whole = (np.exp(lowest - on(Phi(outer), outer)) * on(D(outer), outer) ** (q - 1) * weights).sum(axis=1) * half[:, 0]
    before = np.concatenate([[np.longdouble(0)], np.cumsum(whole)[:-1]])
    partial = (speed * weights).sum(axis=2) * (outer - edges[:-1, None]) / 2
    density = np.exp(on(Phi(outer), outer) - top) * on(D(outer), outer) ** -q * (before[:, None] + partial)
    return float(np.log(((density * weights).sum(axis=1) * half[:, 0])[len(behind) - 1 :].sum())) + (top - float(lowest))


def demand_honest(tau, wrong):
    """To 1e-12, and never further away than the error says."""
    assert wrong < 1e-12
    assert wrong <= tau.relative_error < 1e-11


WAYS = {"drawn": processes(), "start": parts(-1.8, 1.8), "length": parts(0.25, 2.5), "up": st.booleans()}
EXTENDED = pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="extended precision is not that of a double here")


def compared_in_extended_precision(drawn, start, length, up):
    target = start + length if up else start - length
    tau = exact_escape_time(process(*drawn), start=start, target=target)
    known = extended(*drawn, start, target)
    demand_honest(tau, abs(tau.log - known) - 2e-16 * abs(known))


@EXTENDED
@settings(max_examples=60, phases=DRAWN)
@given(**WAYS)
def test_a_drawn_landscape_agrees_with_nested_quadrature_in_extended_precision(drawn, start, length, up):
    compared_in_extended_precision(drawn, start, length, up)


@EXTENDED
@pytest.mark.exhaustive
@settings(max_examples=600, phases=DRAWN)
@given(**WAYS)
def test_six_hundred_drawn_landscapes_agree_with_nested_quadrature(drawn, start, length, up):
    compared_in_extended_precision(drawn, start, length, up)


@EXTENDED
@pytest.mark.parametrize(
    ("phi", "start", "target"),
    [
        (6 * sp.cos(2 * x) + x**2 / 8 - x / 3, -8, 8),  # five wells and more, of unequal depth
        (sp.cos(9 * x) / 2 + 8 * sp.exp(-4 * (x - 1) ** 2) - 14 * sp.exp(-30 * (x + 1) ** 2) + x**4 / 40, -1, 2),  # one narrow deep well
        ((x / 6) ** 10, -5, 5),  # a wide plain
        (30 * (x**4 / 4 - x**2 / 2) + 3 * x, 1, -1),  # against the tilt
    ],
)
def test_many_wells_unequal_wells_and_plains(phi, start, target):
    """ln tau to 2e-14 of itself and 1e-12."""
    tau = exact_escape_time(SDE(-sp.diff(phi, x), 1, [x]), start=start, target=target)
    known = extended(phi, sp.Integer(1), "ito", sp.Integer(start), sp.Integer(target))
    demand_honest(tau, abs(tau.log - known) - 2e-16 * abs(known))


def compared_at_thirty_digits(drawn, start, length, up):
    target = start + length if up else start - length
    tau = exact_escape_time(process(*drawn), start=start, target=target)
    with mpmath.workdps(30):
        known = nested(*drawn, start, target)
        demand_honest(tau, float(abs(tau.value / known - 1)))


GENTLE = {"drawn": processes(steepest=2.0), "start": parts(-1, 1), "length": parts(0.25, 1.5), "up": st.booleans()}


@settings(max_examples=3, phases=DRAWN)
@given(**GENTLE)
def test_a_drawn_landscape_agrees_with_nested_quadrature_of_thirty_digits(drawn, start, length, up):
    compared_at_thirty_digits(drawn, start, length, up)


@pytest.mark.exhaustive
@settings(max_examples=100, phases=DRAWN)
@given(**GENTLE)
def test_a_hundred_drawn_landscapes_agree_with_nested_quadrature_of_thirty_digits(drawn, start, length, up):
    compared_at_thirty_digits(drawn, start, length, up)


def collocated(phi, noise, calculus, low, high):
    """Return nodes, and a solver of D u'' + f u' = source with u or u' given at the ends, on Chebyshev points in fifty digits."""
    q = CALCULI[calculus]
    n = POINTS
    nodes = [mpmath.cos(mpmath.pi * k / n) for k in range(n + 1)]
    weight = [(2 if k in (0, n) else 1) * (-1) ** k for k in range(n + 1)]
    first = mpmath.matrix(n + 1, n + 1)
    for i in range(n + 1):
        for j in range(n + 1):
            if i != j:
                first[i, j] = mpmath.mpf(weight[i]) / weight[j] / (nodes[i] - nodes[j])
        first[i, i] = -mpmath.fsum(first[i, j] for j in range(n + 1) if j != i)
    first *= 2 / (high - low)
    places = [low + (high - low) * (s + 1) / 2 for s in nodes]
    ito = -noise * sp.diff(phi, x) + q * sp.diff(noise, x)
    f, D = sp.lambdify(x, ito, "mpmath"), sp.lambdify(x, noise, "mpmath")
    operator = first * first
    for i, place in enumerate(places):
        operator[i, :] = operator[i, :] * D(place) + first[i, :] * f(place)

    def solved(source, ends, wall=None):
        matrix, right = operator.copy(), mpmath.matrix(source)
        for row, value in ((n, ends[0]), (0, ends[1])):
            matrix[row, :] = first[row, :] if row == wall else mpmath.matrix([[1 if j == row else 0 for j in range(n + 1)]])
            right[row] = 0 if row == wall else value
        return mpmath.lu_solve(matrix, right)

    def at(values, place):
        """Evaluate the interpolating polynomial by its barycentric form."""
        shares = [mpmath.mpf(1) / w / (place - p) for w, p in zip((weight), places, strict=True)]
        return mpmath.fsum(s * v for s, v in zip(shares, values, strict=True)) / mpmath.fsum(shares)

    return solved, at


@settings(max_examples=2, phases=DRAWN)
@given(drawn=processes(steepest=2.0), start=parts(-0.7, 0.7))
def test_walls_intervals_committors_and_variances_solve_the_backward_equation(drawn, start):
    """D u'' + f u' = -1, 0 and -2 T, by collocation on 65 points in forty digits, to 1e-12."""
    low, high, sde = sp.Rational(-9, 10), sp.Rational(11, 10), process(*drawn)
    with mpmath.workdps(40):
        place = mpmath.mpf(start.p) / start.q + mpmath.mpf(10) ** -30  # never on a node
        solved, at = collocated(*drawn, -mpmath.mpf(9) / 10, mpmath.mpf(11) / 10)
        ones = [-1] * (POINTS + 1)
        out = at(solved(ones, (0, 0)), place)
        chance = at(solved([0] * (POINTS + 1), (0, 1)), place)
        times = solved(ones, (0, 0), wall=POINTS)
        mean = at(times, place)
        variance = at(solved([-2 * t for t in times], (0, 0), wall=POINTS), place) - mean**2
        down = at(solved(ones, (0, 0), wall=0), place)
        known = [float(v) for v in (out, chance, mean, variance, down)]
    ours = [
        exact_escape_time(sde, start=start, target=(low, high)),
        exact_committor(sde, start=start, left=low, right=high),
        exact_escape_time(sde, start=start, target=high, reflecting=low),
        exact_escape_variance(sde, start=start, target=high, reflecting=low),
        exact_escape_time(sde, start=start, target=low, reflecting=high),
    ]
    for number, value in zip(ours, known, strict=True):
        assert number.value == pytest.approx(value, rel=1e-12, abs=0)
        assert abs(number.value / value - 1) <= number.relative_error < 1e-12
    compiled = compile_escape_time(sde, start=start, target=(low, high))
    assert compiled().value == ours[0].value
    assert compiled.committor().value == ours[1].value
