"""The least action against systems built to have a known one, against the geometric action of polygons, and against integrals."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact.action.ends import attractor_end, saddle_end
from eyring.numerics.exact.action.field import field_of
from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.theory.landscape import Landscape
from eyring.theory.landscapes import maier_stein
from eyring.theory.sde import SDE

R = sp.Rational
TOLERANCE = 2e-8
x, y = sp.symbols("x y", real=True)


# systems with a known quasipotential


def built(n, seed, *, turning=1.0, stiffness=3.0):
    """Draw W, D(x) > 0 and an antisymmetric A(x); the drift -D grad W + A grad W has the quasipotential W: p = grad W gives p.f + p.D.p = 0."""
    rng = np.random.default_rng(seed)

    def draw(low, high):
        return R(int(rng.integers(round(low * 100), round(high * 100) + 1)), 100)

    xs = sp.symbols(f"x1:{n + 1}", real=True)
    W = xs[0] ** 4 / 4 - xs[0] ** 2 / 2 + draw(-0.2, 0.2) * xs[0] ** 3 / 3
    for k in range(1, n):
        W += draw(0.3, stiffness) * (xs[k] - draw(-1, 1) * (xs[0] ** 2 if k == 1 else xs[k - 1]) - draw(-0.5, 0.5) * (xs[0] if k > 1 else 0)) ** 2 / 2
    root = sp.diag(*[1 + draw(0, 0.4) * c**2 for c in xs])
    A = sp.zeros(n, n)
    for k in range(n - 1):
        root[k + 1, k] = draw(-0.4, 0.4) * (1 + xs[k] / 2)
        A[k, k + 1] = draw(-turning, turning) * (1 + xs[k + 1] ** 2 / 2)
        A[k + 1, k] = -A[k, k + 1]
    D = (root * root.T) * draw(0.05, 1)
    slope = sp.Matrix([sp.diff(W, c) for c in xs])
    return xs, W, SDE(list((A - D) * slope), D, xs)


def wells_and_saddle(W, xs):
    """Return the critical points from left to right: all other coordinates follow from the first."""
    rest = sp.solve([sp.diff(W, c) for c in xs[1:]], xs[1:], dict=True)[0]
    roots = sp.Poly(sp.expand(sp.diff(W, xs[0]).subs(rest)), xs[0]).nroots(n=25)
    return sorted([tuple([float(sp.re(r)), *[float(rest[c].subs(xs[0], sp.re(r))) for c in xs[1:]]]) for r in roots])


def agrees_with_built(n, seed, **shape):
    xs, W, sde = built(n, seed, **shape)
    left, saddle, right = wells_and_saddle(W, xs)
    height = sp.lambdify(xs, W)
    for well in (left, right):
        phi = quasipotential(sde, start=well, end=saddle)
        exact = height(*saddle) - height(*well)
        assert abs(phi.value - exact) <= phi.error < 1e-9 * exact
        assert np.max(np.abs(phi.path[0] - well)) < 1e-12
        slope = np.stack(np.broadcast_arrays(*sp.lambdify(xs, [sp.diff(W, c) for c in xs])(*phi.instanton.points.T)), axis=1)
        assert np.max(np.abs(phi.instanton.momenta - slope)) < 1e-4  # p = grad W all the way


@given(n=st.sampled_from([2, 2, 3]), seed=st.integers(0, 10**6))
@settings(max_examples=4, deadline=None)
def test_a_system_built_to_have_a_known_quasipotential(n, seed):
    """Any noise, any rotation: the error claimed bounds the true one."""
    agrees_with_built(n, seed)


@pytest.mark.exhaustive
@given(n=st.integers(2, 5), seed=st.integers(0, 10**6), turning=st.sampled_from([0.5, 2.0, 6.0]), stiffness=st.sampled_from([1.0, 10.0, 100.0]))
@settings(max_examples=60, deadline=None)
def test_many_systems_built_to_have_a_known_quasipotential(n, seed, turning, stiffness):
    agrees_with_built(n, seed, turning=turning, stiffness=stiffness)


@pytest.mark.parametrize("turning", [0.5, 3.0, 10.0])
def test_a_point_of_the_basin_of_a_spiral(turning):
    """Complex rates at the attractor; the path turns around it without end."""
    W = (x**2 + R(3, 2) * y**2) / 2 + x**2 * y / 5 + x**4 / 8
    D = sp.Matrix([[1 + x**2 / 4, R(1, 5)], [R(1, 5), R(1, 2)]]) / 3
    A = R(str(turning)) * sp.Matrix([[0, 1 + x / 5], [-1 - x / 5, 0]])
    slope = sp.Matrix([sp.diff(W, x), sp.diff(W, y)])
    sde = SDE(list((A - D) * slope), D, [x, y])
    for end in ((0.6, -0.3), (-0.2, 0.7)):
        phi = quasipotential(sde, start=(0, 0), end=end)
        exact = float(W.subs({x: R(str(end[0])), y: R(str(end[1]))}))
        assert abs(phi.value - exact) <= phi.error < 1e-10 * exact


@pytest.mark.parametrize("turning", [0, R(3, 4)])
def test_the_ends_of_a_path_carry_half_the_second_derivative_of_the_quasipotential(turning):
    """f = (A - D) grad W: near the attractor the action is y.W''.y/2; the cheapest path comes into the saddle along the direction in which (A + D) W'' contracts
    and costs -y.W''.y/2 from there on, and nothing along what flows in by itself."""
    D, A = sp.Matrix([[R(1, 5), R(1, 20)], [R(1, 20), R(3, 10)]]), turning * sp.Matrix([[0, 1], [-1, 0]])
    for second in (sp.Matrix([[2, R(1, 2)], [R(1, 2), 1]]), sp.Matrix([[-2, R(1, 2)], [R(1, 2), 1]])):
        field = field_of(SDE(list((A - D) * second * sp.Matrix([x, y])), D, [x, y]), {})
        W, climb = (np.array(m, float) for m in (second, (A + D) * second))
        if second[0, 0] > 0:
            end = attractor_end(field, np.zeros(2))
            assert end.form == pytest.approx(W, rel=1e-13)
            assert end.flow == pytest.approx(climb, rel=1e-13)
            continue
        form = saddle_end(field, np.zeros(2)).form
        rates, vectors = np.linalg.eig(climb)
        u = vectors[:, np.argmin(rates.real)].real
        assert u @ form @ u == pytest.approx(-u @ W @ u, rel=1e-12)
        inflow = np.linalg.eig(np.array((A - D) * second, float))
        free = inflow.eigenvectors[:, np.argmin(inflow.eigenvalues.real)].real
        assert abs(free @ form @ free) < 1e-13 * np.max(np.abs(form))


def chain(n):
    """Coupled coordinates with noise that depends on the first and a drift that turns; the quasipotential is 1/4 at the saddle."""
    xs = sp.symbols(f"x1:{n + 1}", real=True)
    W = xs[0] ** 4 / 4 - xs[0] ** 2 / 2 + (xs[1] - xs[0] ** 2 / 2) ** 2 / 2
    W += sum((1 + R(k % 3, 2)) * (xs[k] - xs[k - 1] / 2) ** 2 for k in range(2, n)) / 2
    D, A = sp.zeros(n, n), sp.zeros(n, n)
    for k in range(n):
        D[k, k] = R(1, 20) * (1 + (xs[0] ** 2 if k == 0 else R(k % 4, 2)))
    for k in range(n - 1):
        D[k, k + 1] = D[k + 1, k] = R(1, 100)
        A[k, k + 1], A[k + 1, k] = R(1, 10), R(-1, 10)
    slope = sp.Matrix([sp.diff(W, c) for c in xs])
    return SDE(list((A - D) * slope), D, xs), [-1, *[R(1, 2 ** (k + 1)) for k in range(n - 1)]]


@pytest.mark.parametrize("n", [2, 10, pytest.param(50, marks=pytest.mark.exhaustive)])
def test_many_coordinates(n):
    sde, well = chain(n)
    phi = quasipotential(sde, start=well, end=[0] * n)
    assert abs(phi.value - 0.25) <= phi.error < 1e-10


# another road: the geometric action, in which no time appears, of a polygon over the first coordinate


def by_polygons(sde, well, saddle, bow):
    """Minimise (1/2) sum |dx| |f| - dx.f in the metric 1/D, at midpoints, over the heights y of a polygon's corners; extrapolate to none of length."""
    from scipy.linalg import solveh_banded

    step, low, high, middle = sp.symbols("step low high middle", real=True)
    here = {x: middle, y: (low + high) / 2}
    f, M = sde.drift.subs(here), sde.diffusion.inv().subs(here)
    d = sp.Matrix([step, high - low])
    cost = (sp.sqrt((d.T * M * d)[0] * (f.T * M * f)[0]) - (d.T * M * f)[0]) / 2
    slopes = [sp.diff(cost, q) for q in (low, high)]
    value, first = (sp.lambdify([low, high, middle, step], e, cse=True) for e in (cost, slopes))
    found = []
    for count in (512, 1024):
        edges = np.linspace(float(well[0]), float(saddle[0]), count + 1)
        share = np.linspace(0, 1, count + 1)
        at, ds = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        heights = (1 - share) * float(well[1]) + share * float(saddle[1]) + bow * np.sin(np.pi * share)
        damping = 1.0
        for _ in range(200):
            (by_low, by_high), tiny = first(heights[:-1], heights[1:], at, ds), 1e-6
            slope = by_low[1:] + by_high[:-1]
            up, down = first(heights[:-1] + tiny, heights[1:], at, ds), first(heights[:-1] - tiny, heights[1:], at, ds)
            above, below = first(heights[:-1], heights[1:] + tiny, at, ds)[1], first(heights[:-1], heights[1:] - tiny, at, ds)[1]
            diagonal = ((up[0] - down[0])[1:] + (above - below)[:-1]) / (2 * tiny)
            bands = np.array([diagonal + damping * np.abs(diagonal), np.append((up[1] - down[1])[1:-1] / (2 * tiny), 0.0)])
            try:
                move = -solveh_banded(bands, slope, lower=True)
            except np.linalg.LinAlgError:
                damping = max(4 * damping, 1e-6)
                continue
            trial = heights + np.concatenate([[0], move, [0]])
            if np.sum(value(trial[:-1], trial[1:], at, ds)) <= np.sum(value(heights[:-1], heights[1:], at, ds)) + 1e-15:
                heights, damping = trial, damping / 10 if damping > 1e-8 else 0.0
                if damping == 0 and np.max(np.abs(move)) < 1e-8:
                    break
            else:
                damping = max(4 * damping, 1e-6)
        found.append(np.sum(value(heights[:-1], heights[1:], at, ds)))
    return found[1] + (found[1] - found[0]) / 3


def test_maier_and_stein_off_their_axis():
    """beta = 10: the default guesses leave the axis, on which the action is 1/4; a polygon finds the same path."""
    phi = quasipotential(maier_stein(10), start=(-1, 0), end=(0, 0), values={"T": 1})
    other = by_polygons(SDE(maier_stein(10).drift, sp.eye(2), [x, y]), (-1, 0), (0, 0), 0.3)
    assert abs(phi.value - other) < TOLERANCE
    assert np.max(np.abs(phi.path[:, 1])) > 0.3
    assert phi.error < 1e-10


@pytest.mark.parametrize(("beta", "stays"), [(3, True), (5, False)])
def test_a_path_on_the_axis_is_left_where_it_is_a_saddle_of_the_action(beta, stays):
    """Maier & Stein 1996: at alpha = beta = 4 the path bifurcates. Begun on the axis itself, the path stays there below and leaves it above."""
    phi = quasipotential(maier_stein(beta), start=(-1, 0), end=(0, 0), values={"T": R(1, 3)}, through=[(R(-1, 2), 0)])
    assert abs(phi.value - 0.75) <= phi.error if stays else phi.value < 0.75 - 1e-4
    assert bool(np.max(np.abs(phi.path[:, 1])) < 1e-7) == stays


ANISOTROPIC = [
    (x**4 / 4 - x**2 / 2 + (y - x / 2) ** 2 / 2, sp.diag(1, 4), (-1, R(-1, 2)), 0.0),
    (x**4 / 4 - x**2 / 2 + (y - x**2 / 2) ** 2 * R(3, 4), sp.Matrix([[1, R(2, 5)], [R(2, 5), 2]]), (1, R(1, 2)), -0.1),
    (x**4 / 4 - x**2 / 2 + (y - x**2 / 2) ** 2 * R(3, 4), sp.Matrix([[1 + y**2, x / 4], [x / 4, 1 + x**2 / 2]]), (-1, R(1, 2)), 0.0),
]


@pytest.mark.parametrize(("loss", "D", "well", "bow"), ANISOTROPIC, ids=["diagonal", "full", "state-dependent"])
def test_anisotropic_noise_in_a_double_well(loss, D, well, bow):
    sde = SDE([-sp.diff(loss, x), -sp.diff(loss, y)], D, [x, y])
    phi = quasipotential(sde, start=well, end=(0, 0))
    assert abs(phi.value - by_polygons(sde, well, (0, 0), bow)) < TOLERANCE
    assert phi.error < 1e-10


# one coordinate


def test_one_coordinate_is_an_integral():
    D = (1 + x**2 / 2 + sp.sin(x) / 3) / 20
    force = x - x**3 + R(1, 10) * x**2
    well, saddle = (float(r) for r in sorted(sp.Poly(force, x).nroots())[:2])
    with mpmath.workdps(30):
        exact = float(mpmath.quad(sp.lambdify(x, -force / D, "mpmath"), [well, saddle]))
    phi = quasipotential(SDE(force, D, [x]), start=well, end=saddle)
    assert abs(phi.value - exact) < 1e-12 * exact
    assert abs(phi.value - exact) <= phi.error
    flat = quasipotential(SDE(-(x**3) * (1 - x), R(1, 2), [x]), start=0, end=1)  # flat bottom: no exponential course in time
    assert abs(float(flat) - 2 * (R(1, 4) - R(1, 5))) < 1e-14
    assert flat.instanton is None


def test_the_path_in_time_is_an_orbit_of_no_energy():
    phi = quasipotential(maier_stein(10), start=(-1, 0), end=(0, 0), values={"T": 1})
    (u, v), p, t = phi.instanton.points.T, phi.instanton.momenta, phi.instanton.times
    force = np.stack([u - u**3 - 10 * u * v**2, -(1 + u**2) * v], axis=1)
    assert np.max(np.abs(np.sum(p * (force + p), axis=1))) < 1e-6
    assert np.all(np.diff(t) > 0)
    action = np.sum(np.diff(t) * (np.sum(p**2, axis=1)[1:] + np.sum(p**2, axis=1)[:-1]) / 2)
    assert abs(action - phi.value) < 1e-3
    assert np.linalg.norm(phi.path[1] - phi.path[0]) < 1e-4


# refusals

WELL = Landscape(x**4 / 4 - x**2 / 2 + y**2, [x, y])
PLAIN = SDE(-WELL.gradient, sp.eye(2) / 10, [x, y])


def test_points_are_snapped_to_critical_points():
    exact = quasipotential(PLAIN, start=(-1, 0), end=WELL.saddles()[0])
    near = quasipotential(PLAIN, start=(-1 + 4e-7, 1e-7), end=(3e-7, 0))
    assert near.value == exact.value == pytest.approx(2.5, abs=1e-12)
    assert repr(exact).startswith("Quasipotential(value=2.")
    assert "error=" in repr(exact)


@pytest.mark.parametrize(
    ("sde", "points", "error", "text"),
    [
        (PLAIN, ((-0.9, 0), (0, 0)), ParameterError, r"start \(-0.9, 0\) is not a fixed point.*nearest zero found is \(-1, 0\)"),
        (PLAIN, ((0, 0), (-1, 0)), NotApplicable, r"start \(0, 0\) does not attract.*rates 1"),
        (PLAIN, ((-1, 0), (1, 0)), NotApplicable, "is an attractor itself.*end at the saddle"),
        (PLAIN, ((-1, 0), (0.5, 0.2)), NotApplicable, r"does not lie in the basin.*comes to rest at \(1, 0\)"),
        (PLAIN, ((-1, 0), (-1, 1e-8)), ParameterError, "same point"),
        (PLAIN, (-1, (0, 0)), ParameterError, "start needs 2 coordinates"),
        (PLAIN, ((-1, 0), (0, sp.oo)), ParameterError, "end must be real and finite"),
        (SDE(-WELL.gradient, sp.diag(1, 0), [x, y]), ((-1, 0), (0, 0)), NotApplicable, "singular at start"),
        (SDE(-WELL.gradient, sp.diag(1, x), [x, y]), ((1, 0), (0, 0)), NotApplicable, "not positive definite at end|singular at end"),
        (SDE(-WELL.gradient, sp.diag(1, (x + R(1, 2)) ** 2 - R(1, 8)), [x, y]), ((-1, 0), (0, 0)), NotApplicable, "not positive definite at a point on the way"),
        (SDE([x - x**3, -y * sp.log(x + R(3, 2)) * 3], sp.eye(2), [x, y]), ((-1, 0), (-1, 2)), NotApplicable, "does not attract|basin"),
        (SDE([-(x**3), -y], sp.eye(2), [x, y]), ((0, 0), (1, 1)), NotApplicable, "flat to first order"),
        (SDE([x - x**3, -y**3 + y], sp.eye(2), [x, y]), ((-1, -1), (1, 0)), NotApplicable, "not on the rim of the basin"),
        (SDE([x * (1 + x) * (2 - x)], R(1, 2), [x]), ((-1,), (1,)), NotApplicable, "does not lie in the basin"),
        (SDE([-x], sp.Rational(1, 2) - x, [x]), ((0,), (1,)), NotApplicable, "positive definite"),
    ],
)  # fmt: skip
def test_refusals(sde, points, error, text):
    with pytest.raises(error, match=text):
        quasipotential(sde, start=points[0], end=points[1])


def test_refusals_of_values_and_guesses():
    with pytest.raises(ParameterError, match="missing: T"):
        quasipotential(maier_stein(3), start=(-1, 0), end=(0, 0))
    with pytest.raises(ParameterError, match="one number for each parameter"):
        quasipotential(maier_stein(3), start=(-1, 0), end=(0, 0), values={"T": [1, 2]})
    with pytest.raises(ParameterError, match="through needs a list of points of 2"):
        quasipotential(PLAIN, start=(-1, 0), end=(0, 0), through=[(1, 2, 3)])


def test_a_path_that_does_not_settle_says_what_it_reached(monkeypatch):
    """With one Newton step allowed on the last meshes."""
    import eyring.numerics.exact.action.path as action_path
    from eyring.numerics.exact.action.newton import relaxed

    monkeypatch.setattr(action_path, "relaxed", lambda path: relaxed(path, rounds=1, settled=0.0))
    with pytest.raises(AccuracyError, match=r"did not settle: its action is 0\.1") as failure:
        quasipotential(maier_stein(10), start=(-1, 0), end=(0, 0), values={"T": 1})
    assert failure.value.estimate == pytest.approx(0.17, abs=0.01)
