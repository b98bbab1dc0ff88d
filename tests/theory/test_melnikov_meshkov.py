"""Escape with momentum at weak friction: the depopulation factor, the actions, and the spectrum of the kinetic equation as judge."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad
from scipy.optimize import brentq

import eyring as ey
from eyring.errors import DerivationError, NotApplicable
from eyring.theory.escape import melnikov_meshkov

x, v = sp.symbols("x v", real=True)
h = sp.Symbol("h", positive=True)
T, gamma = ey.GLOSSARY["T"].symbol, ey.GLOSSARY["gamma"].symbol
QUARTIC, CUBIC = x**4 / 4 - x**2 / 2, x**2 / 2 - x**3 / 3
SEXTIC = x**6 / 6 - x**2 / 2
CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}


def kinetic(loss, **options):
    return ey.SDE([v, -sp.diff(loss, x) - gamma * v], sp.diag(0, gamma * T), [x, v], **options)


@cache
def escape(loss, start, over, theory="melnikov-meshkov", **options):
    return ey.escape_time(kinetic(loss, **options), start=start, over=over, event="next well", theory=theory)


def orbit_action(depth, saddle, end):
    """Return 2 int sqrt(2 (L_b - L)) dx with x = end + (saddle - end) s^2, by scipy."""
    reach = saddle - end
    return 2 * abs(quad(lambda s: np.sqrt(2 * max(depth(end + reach * s * s), 0)) * 2 * s * reach, 0, 1, epsabs=1e-13)[0])


def actions(tau):
    """Return gamma S/T over gamma/T: the factors of (lambda^2 + 1/4) in the exponentials under the integrals."""
    found = {-sp.diff(e.args[0], s, 2) / 2 * T / gamma for i in tau.expression.atoms(sp.Integral) for s in [i.limits[0][0]] for e in i.atoms(sp.exp)}
    return sorted((sp.simplify(f) for f in found), key=lambda f: float(f.subs(h, 1)))


@pytest.mark.parametrize("backend", ["numpy", "torch", "mpmath"])
@pytest.mark.parametrize("lost", ["0.1", "1", "10"])
def test_single_exit_is_slowed_by_the_stored_depopulation_factor(backend, lost):
    """tau_KramersLanger/tau = Y(Delta) to 12 digits on x^2/2 - x^3/3, whose action is 36/5 times the barrier 1/6."""
    weak, strong = (escape(CUBIC, 0, 1, theory).compile(backend) for theory in ("melnikov-meshkov", "kramers-langer"))
    at = {"T": 0.05, "gamma": float(lost) * 0.05 * 5 / 6}
    assert float(strong(**at) / weak(**at)) == pytest.approx(float(CASES[f"melnikov_upsilon_{lost}"]["value"]), rel=1e-12)


@pytest.mark.parametrize("lost", [1e-4, 30.0, 120.0, 3000.0])
def test_no_digits_are_lost_at_very_weak_and_very_strong_friction(lost):
    """numpy against 30 digits: ln tau to 1e-12."""
    tau = escape(CUBIC, 0, 1)
    fast, exact = (tau.compile(b).log(T=0.05, gamma=lost * 0.05 * 5 / 6) for b in ("numpy", "mpmath"))
    assert fast == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "ratio", "without"),
    [
        ("underdamped_lam1_T0.05_g0.1", 0.880, 0.5171),
        ("underdamped_lam1_T0.05_g0.3", 0.945, 0.862840),
        ("underdamped_lam1_T0.05_g1", 0.9529, 0.952398),
        ("underdamped_lam1_T0.025_g1", 0.97509, 0.9751),
        ("underdamped_lam1_T0.05_g10", 0.916867, 0.916867),
    ],
)
def test_half_the_smallest_eigenvalue_is_the_rate_within_twelve_percent(name, ratio, without):
    """lambda_1/2 times tau: the factor turns 0.52 into 0.88 at gamma = 0.1 and does nothing at gamma = 10."""
    case = CASES[name]
    at = {"T": case["inputs"]["T"], "gamma": case["inputs"]["gamma"]}
    for theory, expected in (("melnikov-meshkov", ratio), ("kramers-langer", without)):
        assert float(case["value"]) / 2 * escape(QUARTIC, -1, 0, theory).compile()(**at) == pytest.approx(expected, abs=5e-4)


def test_the_error_at_weak_friction_falls_with_the_temperature():
    """lambda_1 tau/2 goes from 0.945 at T = 0.05 to 0.976 at T = 0.025, gamma = 0.3: the spectrum computed here."""
    rate = ey.relaxation_rates(kinetic(QUARTIC), values={gamma: 0.3, T: 0.025}, count=1)[0]
    assert float(rate) / 2 * escape(QUARTIC, -1, 0).compile()(T=0.025, gamma=0.3) == pytest.approx(0.976, abs=1e-3)


def test_the_rate_turns_over_with_friction():
    """Largest near gamma = 0.3 at T = 0.05; at weak friction tau = (2 pi/omega_a) (2/Delta) e^{dL/T} (1 + 0.483 sqrt(Delta)), energy diffusion.

    Y(Delta) = Delta (1 + zeta(1/2) sqrt(Delta/pi) + ...) in units where the two sides share the orbit's loss Delta.
    """
    f = escape(QUARTIC, -1, 0).compile()
    frictions = np.geomspace(1e-5, 10, 121)
    times = f(T=0.05, gamma=frictions)
    assert 0.2 < frictions[times.argmin()] < 0.5
    lost = frictions[0] * 4 / 3 / 0.05
    energy_diffusion = 2 * np.pi / np.sqrt(2) * 2 / lost * np.exp(5)
    correction = -float(sp.zeta(sp.Rational(1, 2)) / sp.sqrt(sp.pi)) * (2 - np.sqrt(2))
    assert (times[0] / energy_diffusion - 1) / np.sqrt(lost) == pytest.approx(correction, rel=0.03)


def test_actions_in_closed_form():
    """S = 2 int sqrt(2 (L_b - L)) dx: 4/3 and, both sides together, 8/3; 8 sqrt(h)/3 for h (x^2 - 1)^2; 6/5 for the cubic."""
    assert actions(escape(QUARTIC, -1, 0)) == [sp.Rational(4, 3), sp.Rational(8, 3)]
    assert actions(escape(h * (x**2 - 1) ** 2, 1, 0)) == [8 * sp.sqrt(h) / 3, 16 * sp.sqrt(h) / 3]
    assert actions(escape(CUBIC, 0, 1)) == [sp.Rational(6, 5)]


def test_actions_of_unequal_wells_are_those_of_quadrature():
    """A tilted quartic, its critical points known to 30 digits; one with rational ones; and a bump that is no polynomial: 10 digits."""
    bump = ey.Landscape(sp.exp(-2 * x**2) + x**2 / 2 + x**3 / 50, [x], domain=[(-3, 3)])
    tilted = ey.Landscape(QUARTIC + x / 10, [x])
    rational = ey.Landscape(sp.expand(sp.integrate((x + 2) * x * (x - 1), x)), [x])
    for loss in (bump, tilted, rational):
        a, b = loss.minima()[0], loss.saddles()[0]
        depth = sp.lambdify(x, b.value.evalf(20) - loss.expression, "numpy")
        saddle = float(b.position[0])
        ends = [brentq(depth, saddle - 0.1, -4, xtol=1e-15), brentq(depth, saddle + 0.1, 4, xtol=1e-15)]
        sides = [orbit_action(depth, saddle, end) for end in ends]
        tau = escape(loss.expression, a, b, landscape=loss)
        assert [float(s) for s in actions(tau)] == pytest.approx(sorted([*sides, sum(sides)]), rel=1e-10)


def test_an_action_without_closed_form_stays_an_integral_of_the_parameter():
    """h (x^6/6 - x^2/2): S(h) = sqrt(h) S(1), as an integral under the integral."""
    tau = escape(h * SEXTIC, -1, 0)
    inner = [i for i in tau.expression.atoms(sp.Integral) if i.limits[0][2] == 1]
    number = actions(escape(SEXTIC, -1, 0))[0]
    assert inner
    assert [float(i.subs(h, 4).evalf(15) / number) for i in inner] == pytest.approx([2.0] * len(inner), rel=1e-12)


def test_it_is_asked_for_by_name_and_its_derivation_replays():
    """Left to choose, eyring takes the Kramers-Langer law; the derivation cites one step more than that, Mel'nikov and Meshkov's."""
    assert escape(QUARTIC, -1, 0, theory=None).name == "kramers-langer"
    well = ey.Landscape(QUARTIC, [x])
    sde = ey.MomentumSGD().sde(well, ey.noise.Isotropic())
    tau = ey.escape_time(sde, start=-1, over=0, event="next well", theory="melnikov-meshkov")
    tau.derivation.verify()
    assert [s.source for s in tau.derivation.cited] == ["kramers1940", "langer1969", "melnikov1986"]
    assert "Meshkov" in tau.bibtex()
    values = {"eta": 0.01, "mu": 0.97, "B": 1, "sigma": 0.5}
    by_hand = escape(QUARTIC, -1, 0).compile()(T=0.01 * 0.25 / 2 / 0.03, gamma=0.3)
    assert tau.compile()(**values) == pytest.approx(by_hand, rel=1e-12)
    assert tau.per_iteration.compile()(**values) == pytest.approx(by_hand / 0.1, rel=1e-12)


def test_a_wrong_action_or_a_wrong_logarithm_raises(monkeypatch):
    """One percent on the action is found by quadrature over the loss; a factor two before the integral by algebra."""
    honest = melnikov_meshkov._action
    monkeypatch.setattr(melnikov_meshkov, "_action", lambda problem, turn: honest(problem, turn) * sp.Rational(101, 100))
    with pytest.raises(DerivationError, match=r"numbers do not confirm the rule .insertion of the orbit's action"):
        escape.__wrapped__(QUARTIC, -1, 0)
    monkeypatch.setattr(melnikov_meshkov, "_action", honest)
    form = melnikov_meshkov._without_cancellation
    monkeypatch.setattr(melnikov_meshkov, "_without_cancellation", lambda lost: 2 * form(lost))
    with pytest.raises(DerivationError, match=r"does not follow"):
        escape.__wrapped__(QUARTIC, -1, 0)


LOCAL = ey.landscapes.local()
HILLS = ey.Landscape(x**2 / 2 - x**4 / 4 + x**3 / 10, [x])  # the right hill is the higher one


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: ey.escape_time(
                ey.WhiteNoiseGD().sde(LOCAL),
                start=LOCAL.critical_points[0],
                over=LOCAL.critical_points[1],
                event="next well",
                theory="melnikov-meshkov",
            ),
            "has no momentum",
        ),
        (
            lambda: ey.escape_time(
                ey.MomentumSGD().sde(LOCAL, ey.noise.Isotropic()),
                start=LOCAL.critical_points[0],
                over=LOCAL.critical_points[1],
                event="next well",
                theory="melnikov-meshkov",
            ),
            "needs the whole loss",
        ),
        (
            lambda: ey.escape_time(kinetic(QUARTIC), start=-1, over=0, event="to the saddle", theory="melnikov-meshkov"),
            "first visit to the saddle is not half",
        ),
        (lambda: escape(sp.expand(sp.integrate(x * (x**2 - 1) * (x**2 - 4), x)), 0, 1), "comes to rest at the saddle at .-1.*which is as high"),
        (lambda: escape(HILLS.expression, 0, HILLS.saddles()[1]), "does not turn behind the minimum: the well has another exit that is no higher"),
        (lambda: escape(sp.exp(-2 * x**2) + x**2 / 2, -sp.sqrt(2 * sp.log(4)) / 2, 0), "give the landscape a domain"),
    ],
)
def test_where_the_orbit_is_not_known_the_law_is_refused(build, message):
    """Each refusal is a sentence in physics."""
    with pytest.raises(NotApplicable, match=message):
        build()
