"""The sharp prefactor: exact where W is known, the same in every coordinate system, and what the spectrum of the process tends to."""

import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import eyring as ey
from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.prefactor.orbit import STAGES, gauss
from eyring.numerics.exact.prefactor.sharp import log_prefactor

X, Y = sp.symbols("x y", real=True)
T = sp.Symbol("T", positive=True)
HALF = sp.Rational(1, 2)
CORRECTED = {"ito": sp.Integer(0), "stratonovich": HALF, "anti-ito": sp.Integer(1)}


def ratio(sde, start, over, expected, **options):
    """Return tau/expected - 1, for tau with its exponential."""
    tau = ey.sharp_escape_time(sde, start=start, over=over, event="next well", **options)
    assert tau.relative_error < 1e-9
    return math.expm1(tau.log - float(expected))


def lopsided(coefficient, other):
    """Return a quartic with its saddle at 0, and its minimum on the left."""
    loss = X**4 / 4 + coefficient * X**3 / 3 - other * X**2 / 2
    return loss, (-coefficient - sp.sqrt(coefficient**2 + 4 * other)) / 2


@settings(max_examples=6, deadline=None)
@given(
    tilt=st.integers(-4, 4),
    steep=st.integers(6, 14),
    slope=st.integers(-4, 4),
    bend=st.integers(0, 8),
    calculus=st.sampled_from(sorted(CORRECTED)),
)
def test_one_dimension_is_kramers_with_d_of_x_in_each_calculus(tilt, steep, slope, bend, calculus):
    """2 pi (D_b/D_a)^(1/2 - q) exp(int L'/D)/sqrt(H_a |H_b|), to 1e-10 for drawn landscapes and noises."""
    loss, a = lopsided(sp.Rational(tilt, 10), sp.Rational(steep, 10))
    D = (1 + sp.Rational(slope, 10) * X + sp.Rational(bend, 10) * X**2) / 25
    q = CORRECTED[calculus]
    climb = sp.Integral(sp.diff(loss, X) / D, (X, a, 0)).evalf(20)
    H = sp.diff(loss, X, 2)
    expected = sp.log(2 * sp.pi * (D.subs(X, 0) / D.subs(X, a)) ** (HALF - q) / sp.sqrt(-H.subs(X, a) * H.subs(X, 0))) + climb
    assert abs(ratio(ey.SDE(-sp.diff(loss, X), D, [X], calculus), float(a), 0, expected.evalf(20))) < 1e-10


def test_isotropic_gradient_in_three_dimensions_is_eyring_kramers():
    """A winding valley: determinants and unstable eigenvalue of the Hessians, at two temperatures."""
    z = sp.Symbol("z", real=True)
    xs = (X, Y, z)
    loss = X**4 / 4 - X**2 / 2 + (1 + X / 2) * (Y - X**2 / 2) ** 2 + sp.Rational(3, 4) * (z - X / 3) ** 2 + X * Y * z / 9
    sde = ey.SDE([-sp.diff(loss, x) for x in xs], T * sp.eye(3), xs)
    a, b = (np.array(sp.nsolve([sp.diff(loss, x) for x in xs], xs, guess, prec=25), dtype=float).ravel() for guess in ((-1, 0.5, -0.3), (0, 0, 0)))
    H_a, H_b = (np.array(sp.hessian(loss, xs).subs(dict(zip(xs, p, strict=True))), dtype=float) for p in (a, b))
    height = [float(loss.subs(dict(zip(xs, p, strict=True)))) for p in (a, b)]
    unstable = -np.linalg.eigvalsh(H_b)[0]
    for strength in (0.03, 0.3):
        expected = math.log(2 * math.pi / unstable) + math.log(-np.linalg.det(H_b) / np.linalg.det(H_a)) / 2 + (height[1] - height[0]) / strength
        assert abs(ratio(sde, a, b, expected, values={"T": strength})) < 1e-10


def driven(n, draw, *, full):
    """Return a process with the density K exp(-W) exactly: b = -(D + A) grad W, A antisymmetric, and what is as small as the noise."""
    xs, noise = sp.symbols(f"x0:{n}", real=True), sp.Rational(1, 20)
    x = xs[0]
    W = x**4 / 4 - x**2 / 2 + draw(0.2) * x**3 / 3
    for k in range(1, n):
        W += (sp.Rational(6, 5) + draw(0.4) + draw(0.3) * x) * (xs[k] - draw(0.3) * x**2) ** 2 / 2
        W += draw(0.2) * xs[k] * xs[k - 1] if k > 1 else 0
    W /= noise
    root = sp.Matrix(n, n, lambda i, j: draw(0.4)) if full else sp.diag(*(draw(0.4) for _ in range(n)))
    D = noise * (sp.eye(n) + root * root.T * (1 + draw(0.3) * xs[-1] + x**2 / 4))
    A = sp.zeros(n)
    for i in range(n):
        for j in range(0 if full else max(i - 1, 0), i):
            A[i, j] = noise * (draw(1.0) + draw(0.3) * xs[j])
            A[j, i] = -A[i, j]
    amplitude = draw(1.0) * x + draw(1.0) * xs[-1] * x  # ln K
    slopes = [sp.Matrix([sp.diff(f, s) for s in xs]) for f in (W, amplitude)]
    spreads = [sp.Matrix([sum(sp.diff(M[i, j], xs[j]) for j in range(n)) for i in range(n)]) for M in (D, A)]
    return xs, W, D, amplitude, -(D + A) * slopes[0], spreads[0] + spreads[1] + (D + A) * slopes[1], spreads[0]


def check_driven(n, seed, calculus, *, full=True):
    """1/tau = (lambda/2 pi) sqrt(det W_a''/|det W_b''|) (K_b/K_a) exp(W_a - W_b), lambda the growth of the drift at the saddle."""
    generator = np.random.default_rng(seed)

    def draw(most):
        return sp.Rational(round(50 * most * generator.uniform(-1, 1)), 50)

    xs, W, D, amplitude, drift, small, spread = driven(n, draw, full=full)
    a = np.array(sp.nsolve([sp.diff(W, s) for s in xs], xs, [-1] + [0] * (n - 1)), dtype=float).ravel()
    b = np.zeros(n)
    numbers = [dict(zip(xs, p, strict=True)) for p in (a, b)]
    H_a, H_b = (np.array(sp.hessian(W, xs).subs(p), dtype=float) for p in numbers)
    growth = np.max(np.linalg.eigvals(np.array(drift.jacobian(xs).subs(numbers[1]), dtype=float)).real)
    gain = float(W.subs(numbers[1]) - W.subs(numbers[0]) - amplitude.subs(numbers[1]) + amplitude.subs(numbers[0]))
    expected = math.log(2 * math.pi / growth) + math.log(abs(np.linalg.det(H_b)) / np.linalg.det(H_a)) / 2 + gain
    correction = small if calculus == "ito" else small - spread
    assert abs(ratio(ey.SDE(list(drift), D, xs, calculus), a, b, expected, correction=list(correction))) < 1e-9


@pytest.mark.parametrize(("n", "seed", "calculus"), [(2, 1, "ito"), (2, 8, "anti-ito"), (3, 7, "anti-ito")])
def test_driven_processes_whose_density_is_known(n, seed, calculus):
    """Drift that is no gradient, D(x) full and state-dependent, prefactor of the density not constant."""
    check_driven(n, seed, calculus)


@pytest.mark.long
def test_driven_process_in_ten_dimensions():
    """The same in ten, D diagonal and each coordinate driving the next."""
    check_driven(10, 3, "ito", full=False)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(10, 30))
def test_driven_processes_many(seed):
    """The same, twenty times, in two to five dimensions."""
    check_driven(2 + seed % 4, seed, ("ito", "anti-ito")[seed % 2])


def test_the_time_is_the_same_in_other_coordinates():
    """x = u + u^3/5, y = v + u^2/2: the Ito drift loses D : F'', which is as small as the noise, and tau does not change."""
    drift = sp.Matrix([X - X**3 - Y / 4, -2 * Y + X / 2 + X**2 * Y / 5])
    D = sp.Matrix([[1 + X**2 / 3, (1 + X * Y) / 4], [(1 + X * Y) / 4, sp.Rational(3, 2) - X / 5]]) / 20
    a = np.array(sp.nsolve(list(drift), (X, Y), (-1, -0.3)), dtype=float).ravel()
    plain = ey.sharp_escape_time(ey.SDE(list(drift), D, [X, Y]), start=a, over=(0, 0), event="next well")
    u, v = sp.symbols("u v", real=True)
    place = sp.Matrix([u + u**3 / 5, v + u**2 / 2])
    there = {X: place[0], Y: place[1]}
    inverse = place.jacobian([u, v]).inv()
    noise = inverse * D.subs(there) * inverse.T
    bends = sp.Matrix([sum(noise[i, j] * sp.hessian(f, (u, v))[i, j] for i in range(2) for j in range(2)) for f in place])
    bent = ey.SDE(list(inverse * drift.subs(there)), noise, [u, v])
    at = np.array(sp.nsolve([place[0] - a[0], place[1] - a[1]], (u, v), tuple(a)), dtype=float).ravel()
    told = ey.sharp_escape_time(bent, start=at, over=(0, 0), event="next well", correction=list(-inverse * bends))
    assert abs(math.expm1(told.log - plain.log)) < 1e-10
    silent = ey.sharp_escape_time(bent, start=at, over=(0, 0), event="next well")
    assert abs(math.expm1(silent.log - plain.log)) > 0.05


def test_a_part_of_the_drift_as_small_as_the_noise_counts_alike_in_action_and_prefactor():
    """Written into the drift, it moves well, saddle and action; declared as a correction it moves the prefactor: equal as the noise fades."""
    drift, extra = sp.Matrix([X - X**3 - X * Y**2 / 3, -Y - X**2 * Y / 2]), sp.Matrix([1 + X / 2, X / 3])
    D = sp.diag(1 + X**2 / 4, sp.Rational(3, 2))
    off = []
    for strength in (0.02, 0.01):
        noise = sp.Rational(str(strength))
        told = ey.sharp_escape_time(ey.SDE(list(drift), noise * D, [X, Y]), start=(-1, 0), over=(0, 0), event="next well", correction=list(noise * extra))
        mixed = drift + noise * extra
        a, b = (np.array(sp.nsolve(list(mixed), (X, Y), p), dtype=float).ravel() for p in ((-1, 0), (0, 0)))
        off.append(math.expm1(ey.sharp_escape_time(ey.SDE(list(mixed), noise * D, [X, Y]), start=a, over=b, event="next well").log - told.log) / strength)
    assert abs(off[0] - off[1]) < 0.06 * abs(off[1])


ANISOTROPIC = sp.Matrix([[1 + X**2 / 2 + Y**2 / 4, X * Y / 3], [X * Y / 3, sp.Rational(3, 2) - X**2 / 3 + Y**2 / 5]])
SHEARED = sp.Matrix(
    [[1 + X**2 / 3, sp.Rational(1, 4) + X * Y / 6], [sp.Rational(1, 4) + X * Y / 6, sp.Rational(3, 4) + Y**2 / 2 + X**2 / 8]]
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("drift", "D", "guess", "strengths"),
    [
        ([X - X**3 - X * Y**2 / 2, -sp.Rational(6, 5) * (1 + X**2) * Y], ANISOTROPIC, (-1, 0), (0.02, 0.015, 0.01)),
        ([X - X**3 - Y / 4 - X * Y**2 / 4, -2 * Y + X / 2 + X**2 * Y / 4 - Y**3 / 4], SHEARED, (-0.9, -0.2), (0.025, 0.018, 0.0125)),
    ],
    ids=["Maier-Stein, full D(x, y)", "sheared, full D(x, y)"],
)
def test_the_spectrum_tends_to_it_linearly_in_the_noise(drift, D, guess, strengths):
    """Two wells alike: half of the first relaxation rate times tau tends to 1, and what is missing is proportional to the noise."""
    sde = ey.SDE(drift, T * D, [X, Y])
    a = np.array(sp.nsolve(drift, (X, Y), guess), dtype=float).ravel()
    missing = []
    for strength in strengths:
        tau = ey.sharp_escape_time(sde, start=a, over=(0, 0), event="next well", values={"T": strength})
        missing.append(math.expm1(ey.relaxation_rates(sde, values={"T": strength})[0].log + tau.log - math.log(2)))
    curve = np.polyfit(strengths, missing, 2)
    assert abs(curve[-1]) < 1e-3
    slopes = np.array(missing) / np.array(strengths)
    assert np.ptp(slopes) < 0.08 * abs(slopes[-1])


@pytest.mark.long
def test_a_way_that_arrives_along_a_slack_direction():
    """At the saddle walls return at 2/5 of the rate of growth, and W has no second derivatives there; the flux on the way is what counts."""
    sde = ey.SDE([X - X**3 + 2 * X * Y / 5, -2 * Y / 5 + X**2 / 2 - Y**3 / 20], T * sp.eye(2), [X, Y])
    a = np.array(sp.nsolve(list(sde.drift), (X, Y), (1, 1)), dtype=float).ravel()
    missing = []
    for strength in (0.06, 0.03):
        tau = ey.sharp_escape_time(sde, start=a, over=(0, 0), event="next well", values={"T": strength})
        missing.append(math.expm1(ey.relaxation_rates(sde, values={"T": strength})[0].log + tau.log - math.log(2)))
    assert abs(missing[1]) < 0.045
    assert 2.0 < missing[0] / missing[1] < 2.6


def maier_stein(pull):
    """Return b = (x - x^3 - pull x y^2, -(1 + x^2) y); beyond pull = 4 the way along the axis is not the cheapest."""
    return ey.SDE([X - X**3 - pull * X * Y**2, -(1 + X**2) * Y], sp.eye(2) / 20, [X, Y])


def test_a_way_whose_neighbours_cross_is_refused():
    """The orbit on the axis is the same for every pull; below 4 it has a prefactor, beyond it has none."""
    axis = ey.quasipotential(maier_stein(1), start=(-1, 0), end=(0, 0))
    assert log_prefactor(maier_stein(3), {}, axis.path, axis.instanton)[1] < 1e-9
    with pytest.raises(NotApplicable, match="meets its neighbours"):
        log_prefactor(maier_stein(6), {}, axis.path, axis.instanton)


def test_the_quasipotential_knows_its_prefactor():
    """Where x does not feel y the prefactor is that of one dimension, 2 pi/sqrt(2), though k(x) across would give another by determinants."""
    sde = ey.SDE([X - X**3, -Y * (1 + X**2)], sp.eye(2) / 20, [X, Y], clock=sp.Rational(1, 10))
    least = ey.quasipotential(sde, start=(-1, 0), end=(0, 0))
    expected = 2 * math.pi / math.sqrt(2)
    assert float(least.prefactor) == pytest.approx(expected, rel=1e-10)
    assert float(least.prefactor.per_iteration) == pytest.approx(10 * expected, rel=1e-10)
    visit = ey.sharp_escape_time(sde, start=(-1, 0), over=(0, 0), event="to the saddle")
    assert float(visit) == pytest.approx(expected * math.exp(5) / 2, rel=1e-9)


def test_refusals_name_what_is_missing():
    """No saddle at the end, an unknown event, a correction of the wrong length, a kink, Stratonovich with a full D(x)."""
    sde = ey.SDE([X - X**3, -Y], sp.eye(2) / 20, [X, Y])
    with pytest.raises(NotApplicable, match="end on a saddle"):
        _ = ey.quasipotential(sde, start=(-1, 0), end=(-0.5, 0.1)).prefactor
    with pytest.raises(ParameterError, match="next well"):
        ey.sharp_escape_time(sde, start=(-1, 0), over=(0, 0), event="out")
    with pytest.raises(ParameterError, match="needs 2 components"):
        ey.sharp_escape_time(sde, start=(-1, 0), over=(0, 0), event="next well", correction=[X])
    with pytest.raises(ParameterError, match="does not know"):
        ey.sharp_escape_time(sde, start=(-1, 0), over=(0, 0), event="next well", correction=[sp.Symbol("s"), 0])
    kinked = ey.SDE(X - X**3, (1 + sp.Abs(X + sp.Rational(1, 3))) / 20, [X])
    with pytest.raises(NotApplicable, match="kink"):
        ey.sharp_escape_time(kinked, start=-1, over=0, event="next well")
    twisted = ey.SDE([X - X**3, -Y], sp.Matrix([[2, X / 9], [X / 9, 1]]) / 20, [X, Y], "stratonovich")
    with pytest.raises(NotApplicable, match="root of D"):
        ey.sharp_escape_time(twisted, start=(-1, 0), over=(0, 0), event="next well")


def test_collocation_is_of_the_order_of_gauss():
    """One piece of y' = M y over time 1: the weights give exp(M) to rounding."""
    weights, shares, points = gauss()
    M = np.array([[-0.7, 0.4], [-1.1, 0.3]])
    system = np.eye(2 * STAGES) - np.kron(weights, M)
    stages = np.linalg.solve(system, np.tile(np.eye(2), (STAGES, 1)))
    assert np.allclose(np.eye(2) + np.kron(shares, M) @ stages, expm(M), rtol=0, atol=1e-14)
    assert np.allclose(weights @ points, points**2 / 2, rtol=0, atol=1e-15)
