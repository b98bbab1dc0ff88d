"""Predictions along ways whose loss and noise are known as formulas, against exact answers that see neither path nor law."""

import numpy as np
import pytest
import sympy as sp
from measured_wells import straight_path

import eyring as ey
from eyring.validation.predictors.along import predict_along
from eyring.validation.predictors.assumptions import one_temperature
from eyring.validation.predictors.case import Case
from eyring.validation.predictors.flanks import Flanks
from eyring.validation.predictors.friction import log_friction
from eyring.validation.predictors.laws import laws
from eyring.validation.predictors.setting import Training
from eyring.validation.predictors.surroundings import KnownLandscape
from eyring.validation.predictors.table import parallel_exits

X, Y = sp.symbols("x y", real=True)
QUARTIC = X**4 / 4 - X**2 / 2
SYMMETRIC = ((-1, 0), (0, 0), (1, 0))


def law(name):
    """Return one law alone: the others need not be derived."""
    return next(each for each in laws() if each.name == name)


def line(G, *, points=41):
    """Return the quartic double well with one coordinate and noise G(x)."""
    return straight_path(QUARTIC, sp.Matrix([[G]]), [X], (-1,), (0,), (1,), points=points)


def temperature(T, eta):
    """Return the covariance of one sample's gradient that makes this temperature at B = 1: T = eta G/2."""
    return sp.Rational(2) * sp.Rational(str(T)) / sp.Rational(str(eta))


@pytest.mark.parametrize(("event", "end"), [("next well", 1), ("to the saddle", 0)])
def test_along_one_coordinate_the_ito_time_is_exact(event, end):
    """Tables of loss and noise give the same time as the formulas do; noise that varies is known to 4 digits behind the minimum, where it is continued."""
    T, eta = 0.04, 0.05
    for noise, tolerance in ((sp.Integer(1), 1e-12), (sp.exp(X / 2) + 3 * X**2 / 10, 2e-3)):
        case = Case(line(noise * temperature(T, eta)), Training(eta, 1), event)
        exact = ey.exact_escape_time(ey.SDE(X - X**3, sp.Rational(1, 25) * noise, [X]), start=-1, target=end)
        assert law("path").row(case).log_iterations == pytest.approx(exact.log - np.log(eta), abs=tolerance)


def test_along_one_coordinate_the_steps_are_those_of_the_chain():
    """At eta H = 0.4 the chain is 9 % faster than the diffusion; the row with finite steps follows it to rounding."""
    T, eta = 0.04, 0.2
    G = temperature(T, eta)
    case = Case(line(G), Training(eta, 1), "next well")
    noise = ey.noise.Covariance(sp.Matrix([[G]]))
    sgd = ey.SGD(learning_rate=sp.Rational(1, 5), batch_size=1)
    exact = ey.exact_chain_time(sgd, ey.Landscape(QUARTIC, [X]), noise, start=-1, target=1)
    steps, diffusion = (law(name).row(case).log_iterations for name in ("path-steps", "path"))
    assert steps == pytest.approx(exact.log, abs=1e-9)
    assert diffusion - steps == pytest.approx(0.0933, abs=0.02)


def coupled(T, eta, *, across=2, stiff=3):
    """Return loss, G, path and flanks of a well whose valley narrows away from the saddle, the noise across it twice that along it."""
    loss = QUARTIC + stiff * (1 + X**2) * Y**2 / 2
    G = sp.diag(1, across) * temperature(T, eta)
    path = straight_path(loss, G, [X, Y], *SYMMETRIC)
    walls = stiff * (1 + path.points[:, 0] ** 2)
    return loss, G, path, Flanks(path.arc, walls[:, None, None], np.full((41, 1, 1), float(G[1, 1])))


@pytest.mark.parametrize("T", [0.05, 0.035])
def test_an_anisotropic_double_well_against_its_spectrum_in_the_plane(T):
    """Measured walls leave an error of 0.5 T or less; walls known at the ends alone one of 2.2 T to 3.2 T; none of noise or barrier's size."""
    eta = 0.01
    loss, G, path, flanks = coupled(T, eta)
    sde = ey.SDE([-sp.diff(loss, x) for x in (X, Y)], G * sp.Rational(str(eta)) / 2, [X, Y])
    exact = float(np.log(2 / float(ey.relaxation_rates(sde, count=1)[0]) / eta))
    training = Training(eta, 1)
    measured = law("path").row(Case(path, training, "next well", flanks=flanks)).log_iterations
    from_ends = law("path").row(Case(path, training, "next well")).log_iterations
    assert abs(np.expm1(exact - measured)) < 0.5 * T
    assert 2.0 < np.expm1(exact - from_ends) / T < 3.2
    own = law("eyring").row(Case(path, training, "next well", KnownLandscape(ey.Landscape(loss, [X, Y]), ey.noise.Covariance(G)), flanks))
    assert abs(np.expm1(exact - own.log_iterations)) < 0.9 * T
    assert own.low < exact < own.high


def styblinski_tang(dim, T, eta):
    """Return the path of the first coordinate out of the higher well of every coordinate, with noise of one temperature."""
    loss = ey.landscapes.styblinski_tang(dim)
    low, top, high = sorted(float(p.position[0]) for p in ey.landscapes.styblinski_tang(1).critical_points)
    places = [(first, *[high] * (dim - 1)) for first in (high, top, low)]
    return loss, straight_path(loss.expression, sp.eye(dim) * temperature(T, eta), loss.coordinates, *places, points=61)


def test_styblinski_tang_leaves_by_its_first_coordinate():
    """In the plane the first of two coordinates is over its saddle after half of one coordinate's time: within 1 %, the time to settle in the well."""
    T, eta = 4.5, 1e-3
    loss, path = styblinski_tang(2, T, eta)
    x, y = loss.coordinates
    top = float(path.saddle.position[0])
    sde = ey.SDE([-sp.diff(loss.expression, c) for c in (x, y)], sp.Rational(9, 2) * sp.eye(2), [x, y])
    exact = ey.exact_escape_time(sde, start=tuple(path.minimum.position.tolist()), target=(x < top) | (y < top))
    one = predict_along(path, event="to the saddle", learning_rate=eta, batch_size=1)
    both = parallel_exits(one, times=2).row("path").log_iterations
    assert both == pytest.approx(exact.log - np.log(eta), abs=0.01)
    assert parallel_exits(one, one).row("path").log_iterations == pytest.approx(both, abs=1e-12)


def test_styblinski_tang_in_ten_dimensions_has_ten_exits():
    """Every leading-order law that is true of white noise is Kramers' time of one coordinate over ten; the others say by how much their noise is off."""
    T, eta = 1.5, 1e-4
    one, path = ey.landscapes.styblinski_tang(1), styblinski_tang(10, T, eta)[1]
    table = parallel_exits(predict_along(path, event="next well", learning_rate=eta, batch_size=1), times=10)
    well, top = path.curvature[0], -path.curvature[path.saddle_at]
    by_hand = np.log(2 * np.pi / np.sqrt(well * top)) + path.barrier / T - np.log(eta) - np.log(10)
    assert table.row("kramers-isotropic").log_iterations == pytest.approx(by_hand, abs=1e-9)
    assert table.row("kramers-langer").log_iterations == pytest.approx(by_hand, abs=2 * eta * top)
    correction = np.expm1(table.row("path").log_iterations - by_hand) / T
    bends = [(sp.diff(first, c, 4), sp.diff(first, c, 3), sp.diff(first, c, 2)) for first, c in [(one.expression, one.coordinates[0])]]
    by_jets = _first_correction(bends[0], one.coordinates[0], path)
    assert correction == pytest.approx(by_jets, rel=0.1)
    assert "10 parallel exits" in str(table)
    violated = [a.sentence for a in table.row("xie").violations]
    assert any("G = |H|" in sentence for sentence in violated)


def _first_correction(bends, x, path):
    """Return c of tau = Kramers (1 + c T), from the third and fourth derivatives at well and saddle."""
    (q4, q3, q2), (s4, s3, s2) = ([float(b.subs(x, place)) for b in bends] for place in (path.minimum.position[0], path.saddle.position[0]))
    return -q4 / (8 * q2**2) + 5 * q3**2 / (24 * q2**3) + s4 / (8 * s2**2) + 5 * s3**2 / (24 * abs(s2) ** 3)


def test_white_noise_in_all_directions_counts_their_curvatures():
    """Eyring and Kramers' determinants, written out here, at another stiffness at the saddle than at the minimum."""
    T, eta, B = 0.04, 0.02, 7
    loss = QUARTIC + 3 * (1 + X**2) * Y**2 / 2
    path = straight_path(loss, sp.eye(2) * temperature(T, eta) * B, [X, Y], *SYMMETRIC)
    expected = np.log(2 * np.pi * np.sqrt(3 / (2 * 6))) + 0.25 / T - np.log(eta)
    table = predict_along(path, event="next well", learning_rate=eta, batch_size=B)
    assert table.row("kramers-isotropic").log_iterations == pytest.approx(expected, abs=1e-10)
    assert table.row("kramers-isotropic").log_time == pytest.approx(expected + np.log(eta), abs=1e-10)
    to_saddle = predict_along(path, event="to the saddle", learning_rate=eta, batch_size=B)
    assert to_saddle.row("kramers-isotropic").log_iterations == pytest.approx(expected - np.log(2), abs=1e-10)
    without = predict_along(path, event="next well", learning_rate=eta, batch_size=B, sampler="without replacement", samples=13)
    assert without.row("kramers-isotropic").log_iterations == pytest.approx(expected + 0.25 / T * (13 - 1) / (13 - B) - 0.25 / T, abs=1e-10)


def test_published_forms_are_fed_the_numbers_that_they_mean():
    """Xie's and Mori's forms in print, written out here: curvatures along the way, all s for the interval, losses from zero."""
    eta, B = 0.01, 4
    loss = QUARTIC + sp.Rational(3, 10) + 3 * Y**2 / 2
    path = straight_path(loss, sp.diag(2, 3), [X, Y], *SYMMETRIC)
    table = predict_along(path, event="next well", learning_rate=eta, batch_size=B)
    ends = [np.log(2 * np.pi) + 2 * B * 0.25 / eta / curvature - np.log(eta) for curvature in (2, 1)]
    xie, ito = table.row("xie"), table.row("xie-ito")
    assert (xie.low, xie.high) == pytest.approx(tuple(ends), abs=1e-6)
    assert ito.log_iterations - xie.log_iterations == pytest.approx(np.log(1 / 2), abs=1e-10)
    share = (0.25 - 5 / 36) / 0.25  # the quartic bends at 1/sqrt(3), where it is -5/36
    assert xie.log_iterations == pytest.approx(share * ends[0] + (1 - share) * ends[1], abs=1e-3)
    power = np.log(2 * np.pi / np.sqrt(2)) + (0.5 + B / (2 * eta)) * np.log(0.3 / 0.05) - np.log(eta)
    assert table.row("mori").log_iterations == pytest.approx(power, abs=1e-9)
    assert table.row("mori-nd").log_iterations == pytest.approx(power - 0.5 * np.log(0.3 / 0.05), abs=1e-9)
    assert table.row("zhu").value == pytest.approx((2 * 2 + 3 * 3) / (5 * 5 / 2), abs=1e-12)


def test_a_narrowing_valley_is_the_power_of_the_catalogue():
    """Constant noise, 4 times stronger across: k_b/k_a to the power 2, by the derived law of a valley, within the finite step's 1e-4."""
    eta, T = 1e-5, 0.03
    loss = QUARTIC + 40 * (2 - X**2) * Y**2 / 2
    path = straight_path(loss, sp.diag(1, 4) * temperature(T, eta), [X, Y], (-1, 0), (0, 0), (1, 0))
    row, bare = (law("path").row(Case(p, Training(eta, 1), "next well")) for p in (path, line(temperature(T, eta))))
    numbers = {"C_11": 2 * T / eta, "C_22": 8 * T / eta, "eta": eta, "k_a": 40.0, "k_b": 80.0, "L_a": -0.25, "L_b": 0.0, "H_a": 2.0, "H_b": -1.0}
    valley = ey.result("valley-prefactor").derive().compile("numpy")
    even = {**numbers, "k_b": 40.0}
    assert row.log_iterations - bare.log_iterations == pytest.approx(valley.log(**numbers) - valley.log(**even), abs=3e-3)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_momentum_against_the_spectrum_of_the_kinetic_equation(momentum):
    """The diffusion at eta/(1 - mu) with the friction at the saddle is 1.3 % (a passage takes longer than relaxation) to 2.7 % above 2/lambda_1.

    Friction takes 2 % and 9 % off the rate: without its correction the row would be below by as much.
    """
    eta, T = 0.01 * (1 - momentum), 0.05
    G = temperature(T, eta / (1 - momentum))
    optimizer = ey.MomentumSGD(learning_rate=sp.Rational(str(eta)), momentum=sp.Rational(str(momentum)), batch_size=1)
    sde = optimizer.sde(ey.Landscape(QUARTIC, [X]), ey.noise.Covariance(sp.Matrix([[G]])))
    exact = float(np.log(2 / float(ey.relaxation_rates(sde, count=1)[0]) / np.sqrt(eta)))
    case = Case(line(G), Training(eta, 1, momentum=momentum), "next well")
    assert 0.012 < law("path").row(case).log_iterations - exact < 0.028
    gamma = (1 - momentum) / np.sqrt(eta)
    assert log_friction(case) == pytest.approx(-np.log(gamma * (np.sqrt(gamma**2 / 4 + 1) - gamma / 2)), abs=1e-9)  # lambda_+ of |lambda_b| = 1


def test_momentum_where_the_noise_varies_is_solved_as_steps_and_refused_as_one_temperature():
    """C = C_0 exp(0.7 s), mu = 0.9, 4000 walkers: the steps' own chain meets them to 5 %, friction at the saddle is off by more than a fifth, and says why."""
    eta, mu, T, rng = 0.02, 0.9, 0.09, np.random.default_rng(5)
    C = 2 * T * (1 - mu) / eta
    case = Case(line(C * sp.exp(sp.Rational(7, 10) * X)), Training(eta, 1, momentum=mu), "next well")
    s, v, arrived, steps = np.full(4000, -1.0), np.zeros(4000), 0, 9000
    for _ in range(steps):
        v = mu * v - eta * (s**3 - s + np.sqrt(C * np.exp(0.7 * s)) * rng.normal(size=s.size))
        s = s + v
        gone = s > 1
        arrived, s[gone], v[gone] = arrived + int(gone.sum()), -1.0, 0.0
    seen, own, path = np.log(s.size * steps / arrived), law("eyring").row(case), law("path").row(case)
    assert abs(own.log_iterations - seen) < 0.02 + 3 / np.sqrt(arrived) < 0.06
    assert law("path-steps").row(case).log_iterations == pytest.approx(own.log_iterations, abs=1e-9)
    assert abs(path.log_iterations - seen) > 0.2
    assert [a.sentence.split(":")[0] for a in path.violations if "inertia" in a.sentence] == ["inertia sees one temperature"]
    assert not any("inertia" in a.sentence for a in own.assumptions)


def test_what_a_changing_temperature_adds_solves_the_hamilton_jacobi_equation():
    """v F_x - (L' + gamma v) F_v + gamma T F_v^2 = 0 in powers of v, F = sum c_n v^n, solved by sympy to 1/gamma^2: c_0' less L'/T, integrated."""
    g, slope, T, *more = sp.symbols("g slope T T1 c2 c3", positive=True)
    T1, c2, c3 = more
    third = sp.solve(-T1 / (2 * T**2) - 3 * g * c3 + g * T * 12 * c3 / (2 * T), c3)[0]  # of v^3, c_2 = 1/(2 T) in it
    second = next(root for root in sp.solve(-3 * slope * third - 2 * g * c2 + 4 * g * T * c2**2, c2) if root.subs(T1, 0) != 0)  # of v^2
    added = sp.lambdify((g, slope, T, T1), sp.series((2 * slope * second).subs(g, 1 / c3), c3, 0, 3).removeO().coeff(c3, 2) / g**2)  # of v
    eta, mu = 0.01, 0.7
    case = Case(line(3 * sp.exp(sp.Rational(7, 10) * X)), Training(eta, 1, momentum=mu), "next well")
    s = np.linspace(-1, 0, 4001)
    heat = eta / (1 - mu) / 2 * 3 * np.exp(0.7 * s)
    expected = np.trapezoid(added((1 - mu) / np.sqrt(eta), s**3 - s, heat, 0.7 * heat), s)
    (told,) = one_temperature(case)
    assert told.measured == pytest.approx(expected, rel=1e-4)


@pytest.mark.long
def test_what_a_changing_temperature_adds_is_the_leading_order_of_the_chain():
    """1/gamma^2 = 0.11: the chain gains int L'^2 T'/(2 gamma^2 T^2) ds over diffusion and friction as T begins to rise, to a third: orders beyond."""
    eta, mu, T = 0.01, 0.7, 0.05
    C = 2 * T * (1 - mu) / eta
    both = [Case(line(C * sp.exp(sp.Rational(k, 10) * X)), Training(eta, 1, momentum=mu), "next well") for k in (0, 7)]
    beyond = [case.finite_steps.value - law("path").row(case).log_iterations for case in both]
    (told,) = one_temperature(both[1])
    assert beyond[1] - beyond[0] == pytest.approx(told.measured, rel=0.35)


def test_dampening_is_a_smaller_learning_rate():
    """torch's exponential average, d = mu, is heavy ball at eta (1 - mu)."""
    path = line(sp.Integer(40))
    damped = predict_along(path, event="next well", learning_rate=0.05, batch_size=2, momentum=0.8, dampening=0.8)
    plain = predict_along(path, event="next well", learning_rate=0.01, batch_size=2, momentum=0.8)
    for one, other in zip(damped.rows, plain.rows, strict=True):
        assert one.value == (pytest.approx(other.value, abs=1e-9) if other.value is not None else None), one.name
