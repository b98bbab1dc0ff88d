"""Escape results: stored references, corrections, published forms, rates that add, and what may be signed for."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import eyring as ey
from eyring.errors import DerivationError, EyringError, NotApplicable
from eyring.numerics.roads import roads_to
from eyring.numerics.roads.valley import Valley
from eyring.theory.escape.jets import DIFFUSION, LOSS, X, jet_at
from eyring.theory.escape.mean_time import general_mean_time
from eyring.theory.escape.parallel import parallel_paths
from eyring.theory.escape.two_wells import spectral_gap
from eyring.theory.results import result

x, y = sp.symbols("x y", real=True)
T, eta, B, mu, sigma, H_a, H_b, L_a, L_b = (ey.GLOSSARY[n].symbol for n in ("T", "eta", "B", "mu", "sigma", "H_a", "H_b", "L_a", "L_b"))
CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
QUARTIC = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
TILTED = ey.Landscape(x**4 / 4 - x**2 / 2 + x / 10, [x])
LOCAL = ey.landscapes.local()
A, S = LOCAL.critical_points
NEXT_WELL = {"event": "next well"}


def cases(start):
    return [name for name in CASES if name.startswith(start)]


def judged(name, expression):
    return [road.judge(expression) for road in roads_to(name)]


@pytest.mark.parametrize("name", cases("mfpt_quartic"))
def test_stored_passage_times_are_met_better_with_every_correction(name):
    """The leading value is the stored one; what each order leaves is the neglected term that it prints, to 40 % at D = 1/80 (of order D)."""
    inputs, reference = CASES[name]["inputs"], float(CASES[name]["value"])
    loss, D = QUARTIC if inputs["c"] == "0" else TILTED, sp.Rational(inputs["D"])
    a, b = loss.critical_points[:2]
    sde = ey.SDE(-loss.gradient[0], T, [x], landscape=loss)
    errors, own = [], []
    for order in (0, 1, 2):
        tau = ey.escape_time(sde, start=a, over=b, order=order, **NEXT_WELL)
        value = float(tau.expression.subs(T, D).evalf(20))
        errors.append(reference / value - 1)
        own.append(float(tau.next_order.subs(T, D)))
        if order == 0:
            assert value == pytest.approx(float(CASES[name]["formula_value"]), rel=1e-13)
            assert own[0] == pytest.approx(float(CASES[name]["note"].rsplit(": ", 1)[1]) * float(D), rel=1e-12)
    assert abs(errors[2]) < abs(errors[1]) < abs(errors[0])
    if float(D) <= 0.025:
        assert errors == pytest.approx(own, rel=32 * float(D))


@pytest.mark.parametrize("name", cases("multiplicative_"))
def test_stored_times_under_state_dependent_noise(name):
    """In three calculi: the stored leading value to 1e-14; what two corrections leave is the third, to 50 % (a fourth of order D = 0.02)."""
    case = CASES[name]
    sde = ey.SDE(x - x**3, sp.Rational(1, 50) * (1 + x**2 / 2), [x], calculus=case["inputs"]["convention"].replace("_", "-"))
    leading, corrected = (ey.escape_time(sde, start=-1, over=0, order=k, **NEXT_WELL) for k in (0, 2))
    assert float(leading.expression) == pytest.approx(float(case["formula_value"]), rel=1e-14)
    left = float(case["value"]) / float(sp.N(corrected.expression, 20)) - 1
    assert 0 < left < 2e-3
    assert left == pytest.approx(float(corrected.next_order), rel=0.5)


@pytest.mark.parametrize("name", cases("xie_"))
def test_stored_times_under_noise_of_the_hessian(name):
    """The Ito form is the stored one, the published one is H_a/|H_b| = 2 times too long, the exact time tells them apart."""
    case = CASES[name]
    switch, rate = sp.Rational(case["inputs"]["c"]), sp.Rational(case["inputs"]["eta_over_2B"])
    sde = ey.SGD(learning_rate=2 * rate, batch_size=1).sde(QUARTIC, ey.noise.Hessian(switch=switch))
    ours, theirs = (ey.escape_time(sde, start=-1, over=0, published=p, **NEXT_WELL) for p in (False, True))
    assert float(ours.expression) == pytest.approx(float(case["formula_value"]), rel=1e-14)
    assert float(theirs.expression) == pytest.approx(2 * float(case["formula_value"]), rel=1e-14)
    assert float(case["value"]) / float(ours.expression) - 1 == pytest.approx(float(ours.next_order), rel=0.3)


@pytest.mark.parametrize("name", cases("fp_gap"))
def test_stored_spectral_gaps(name):
    """The leading value is the stored one; what is missing is the first correction of the escape time, -3/2 D, to 25 % or D^2 of 12."""
    D = float(CASES[name]["inputs"]["D"])
    sde = ey.SDE(x - x**3, T, [x])
    gap = spectral_gap(*(ey.escape_time(sde, start=a, over=0, **NEXT_WELL) for a in (-1, 1)))
    assert gap.unit == "1/time"
    leading = float(gap.expression.subs(T, sp.Rational(CASES[name]["inputs"]["D"])).evalf(20))
    assert leading == pytest.approx(float(CASES[name]["formula_value"]), rel=1e-14)
    if D <= 0.05:
        assert float(CASES[name]["value"]) / leading - 1 == pytest.approx(-1.5 * D, abs=12 * D**2)


def test_stored_rate_in_the_plane():
    """The plane's slowest rate to the eight digits that the stored one carries, and the leading formula to 1e-14."""
    case = CASES["eyring_kramers_2d_c1_D0.05"]
    valley = Valley(lambda u: u**4 / 4 - u**2 / 2, lambda u: 1 + u**2, lambda u: 2 * u, (-2.2, 2.2), 0.0, 0.05)
    assert valley.slowest_rate == pytest.approx(float(case["value"]), rel=1e-8)
    loss = ey.Landscape(x**4 / 4 - x**2 / 2 + (1 + x**2) * y**2 / 2, [x, y])
    tau = ey.escape_time(ey.SDE(list(-loss.gradient), sp.eye(2) / 20, [x, y], landscape=loss), start=(-1, 0), over=(0, 0), **NEXT_WELL)
    assert 2 / float(tau.expression) == pytest.approx(float(case["formula_value"]), rel=1e-14)


@pytest.mark.parametrize("name", [n for n in cases("underdamped_lam1") if "formula_value" in CASES[n]])
def test_stored_kinetic_rates(name):
    """2/tau of Kramers and Langer is the stored leading value."""
    friction, temperature = (sp.Rational(str(CASES[name]["inputs"][k])) for k in ("gamma", "T"))
    law = result("kramers-langer").derive().expression
    at = {"L_a": 0, "L_b": sp.Rational(1, 4), "det_H_a": 2, "det_H_b": -1, "lambda_b": -1, "gamma": friction, "T": temperature}
    value = law.subs({s: at[s.name] for s in law.free_symbols})
    assert float(2 / value) == pytest.approx(float(CASES[name]["formula_value"]), rel=1e-14)


def test_stored_gap_of_momentum_in_a_parabola():
    """Overdamped: (gamma - sqrt(gamma^2 - 4 h))/2; swinging: gamma/2."""
    gap = result("kinetic-harmonic-gap").derive().compile("mpmath", digits=20)
    assert float(gap(gamma=1, H=0.1)) == pytest.approx(float(CASES["underdamped_OU_gap"]["value"]), rel=1e-15)
    assert float(gap(gamma=1, H=3)) == 0.5


@pytest.mark.parametrize("lost", ["0.1", "1", "10"])
def test_stored_depopulation_factors(lost):
    """1/Y(Delta) for walkers that never return; the walk in energy agrees to 1e-9."""
    slow = result("melnikov-meshkov-single-exit").derive().compile("mpmath", digits=20)
    assert 1 / float(slow(gamma=float(lost), S_1=1, T=1)) == pytest.approx(float(CASES[f"melnikov_upsilon_{lost}"]["value"]), rel=1e-13)


def test_two_equal_wells_at_weak_friction_are_slower_than_one_exit_by_the_returns():
    """Y -> Delta: one exit 1/Delta; two equal wells 2 Delta/Delta^2 = 2/Delta: half of those who cross come back."""
    one, two = (result(n).derive().compile("mpmath", digits=20) for n in ("melnikov-meshkov-single-exit", "melnikov-meshkov"))
    at = {"gamma": 1e-4, "S_1": 1, "T": 1}
    assert float(one(**at)) * 1e-4 == pytest.approx(1, abs=0.02)
    assert float(two(S_2=1, **at)) / float(one(**at)) == pytest.approx(2, abs=0.02)


def test_the_published_prefactor_of_xie_is_off_by_the_ratio_of_curvatures():
    """published/derived = H_a/|H_b|, 2.63 and 3.10 at the road's two wells: the road finds it off by 1 - 1/3.10 and rejects it."""
    ours, theirs = result("xie").derive(), result("xie").published()
    assert sp.simplify(theirs.expression / ours.expression) == -H_a / H_b
    (judgement,) = judged("xie", theirs.expression)
    assert not judgement.agrees
    assert judgement.worst == pytest.approx(1 - 1 / 3.0957, abs=1e-3)
    assert "2.63 and 3.10" in result("xie").published_note


def test_momentum_as_sgd_at_a_larger_learning_rate_is_rejected():
    """The shorthand is off by 1 - lambda_+ gamma/|lambda_b|: 0.28 and 0.41 at the road's frictions."""
    ours, theirs = result("kramers-langer").derive(), result("kramers-langer").published()
    (judgement,) = judged("kramers-langer", theirs.expression)
    assert not judgement.agrees
    trials = {t.group: t.values for t in roads_to("kramers-langer")[0].known}.values()
    off = [abs(float((ours.expression / theirs.expression).subs({s: v[s.name] for s in ours.parameters})) - 1) for v in trials]
    assert judgement.worst == pytest.approx(max(off), rel=0.02)


@pytest.mark.parametrize("calculus", ["stratonovich", "anti-ito"])
@pytest.mark.parametrize("name", ["kramers-state-dependent", "xie", "mori-1d"])
def test_noise_read_in_another_calculus_is_rejected(name, calculus):
    """The exponent is the same, the prefactor is not."""
    assert not any(j.agrees for j in judged(name, result(name).in_other_calculi()[calculus]))


@pytest.mark.parametrize(("name", "smaller"), [("kramers-first-correction", "kramers"), ("kramers-second-correction", "kramers-first-correction")])
def test_a_formula_without_its_last_correction_is_rejected(name, smaller):
    """The road to the corrected formula sees that the shorter one lacks a power of D."""
    assert not any(j.agrees for j in judged(name, result(smaller).derive().expression))


def test_symbolic_derivatives_of_a_quotient_are_those_of_a_landscape():
    """The jets of L'/D against sympy's own on a concrete loss and noise, up to the sixth derivative."""
    loss, noise, at = x**6 / 3 - x**4 + x**2 / 2 + x**7 / 10, 2 + x / 3 + x**2 / 5 + x**3 / 7, sp.Integer(0)
    jet = jet_at("a", 3)
    values = {s: sp.diff(loss, x, k).subs(x, at) for k, s in enumerate(jet.loss, 2)}
    values |= {s: sp.diff(noise, x, k).subs(x, at) for k, s in enumerate(jet.diffusion)}
    expected = [sp.diff(sp.diff(loss, x) / noise, x, k).subs(x, at) for k in range(7)]
    assert [e.subs(values) for e in jet.derivatives(sp.diff(LOSS, X) / DIFFUSION, 6)] == expected


@pytest.mark.parametrize("order", [0, 1, 2])
def test_noise_that_depends_on_the_place_reduces_to_constant_noise(order):
    """With D' = D'' = ... = 0 the general line is that of constant noise, in every calculus."""
    for q in (sp.Integer(0), sp.Rational(1, 2), sp.Integer(1)):
        general, uniform = (general_mean_time(q, "next well", order, u)[0].expression for u in (False, True))
        flat = {s: 0 for s in general.free_symbols if s.name[0] == "D" and not s.name.startswith("D_")}
        assert sp.expand(sp.simplify(general.subs(flat) / uniform) - 1) == 0


@pytest.mark.parametrize("order", [0, 1])
def test_a_wrong_sign_in_the_jets_is_found_by_the_laplace_witness(order, monkeypatch):
    """An expansion of a phase that is not the one integrated does not have the right error."""
    from eyring.theory.derivation import laplace

    honest = laplace._relative_terms

    def with_a_wrong_sign(peak, highest):
        return honest(replace(peak, phase=(*peak.phase[:3], -peak.phase[3], *peak.phase[4:])), highest)

    monkeypatch.setattr(laplace, "_relative_terms", with_a_wrong_sign)
    general_mean_time.cache_clear()
    try:
        with pytest.raises(DerivationError, match="Laplace expansion"):
            general_mean_time(sp.Integer(0), "next well", order)
    finally:
        general_mean_time.cache_clear()


@settings(max_examples=10, deadline=None)
@given(st.fractions(sp.Rational(1, 4), 4, max_denominator=20))
def test_scaling_of_white_noise_escape_is_exact_at_formula_level(k):
    """L(sqrt(k) x): curvatures times k, k^(3/2), k^2, ..., so gamma(k) = k gamma(1) with both corrections too."""
    k = sp.Rational(k.numerator, k.denominator)
    formula = result("kramers-second-correction").derive().expression
    powers = {"L": 0, "H": 2, "L3": 3, "L4": 4, "L5": 5, "L6": 6}
    scaled = {s: k ** sp.Rational(powers[s.name.split("_")[0]], 2) * s for s in formula.free_symbols if s.name != "D"}
    assert sp.simplify(formula.subs(scaled, simultaneous=True) * k / formula) == 1


@pytest.mark.parametrize("name", ["xie", "mori-1d"])
def test_scaling_of_sgd_escape_is_exact_at_formula_level(name):
    """L(sqrt(k) x) at learning rate eta escapes k times as fast as L at k eta."""
    k, formula = sp.Symbol("k", positive=True), result(name).derive().expression
    stretched = formula.subs({H_a: k * H_a, H_b: k * H_b}, simultaneous=True)
    assert sp.simplify(sp.expand_log(sp.log(stretched * k / formula.subs(eta, k * eta)), force=True)) == 0


@pytest.mark.parametrize(
    "name", ["kramers", "kramers-second-correction", "to-the-saddle", "xie", "eyring-kramers", "kramers-langer", "parallel-paths"]
)
def test_adding_a_constant_to_the_loss_changes_nothing(name):
    """Only differences of the loss enter."""
    shift, formula = sp.Symbol("shift", real=True), result(name).derive().expression
    losses = {s: s + shift for s in formula.free_symbols if s.name in ("L_a", "L_b", "L_c", "L_d")}
    assert sp.simplify(formula.subs(losses, simultaneous=True) - formula) == 0


def test_to_the_saddle_takes_half():
    """tau_saddle/tau = 1/2 to leading order, for every landscape."""
    assert sp.simplify(result("to-the-saddle").derive().expression / result("kramers").derive().expression) == sp.Rational(1, 2)


def test_momentum_zero_is_slower_per_iteration_than_sgd_by_the_step():
    """At mu = 0 and a fixed eta the rate in phase space per iteration is 1 - eta |H_b| + O(eta^2) times that of SGD."""
    kinetic, plain = (
        ey.escape_time(d.sde(LOCAL, ey.noise.Isotropic()), start=A, over=S, **NEXT_WELL).per_iteration for d in (ey.MomentumSGD(), ey.SGD())
    )
    bend = sp.Symbol("b", positive=True)
    ratio = sp.simplify((plain.expression / kinetic.expression.subs(mu, 0)).subs(H_b, -bend))
    assert sp.series(ratio, eta, 0, 2).removeO() == 1 - eta * bend


def test_two_ways_out_of_the_middle_of_three_wells():
    """x^6/6 - 5x^4/4 + 2x^2 is symmetric: leaving either way takes half as long; the exact interval exit agrees within 2 %."""
    loss = ey.Landscape(x**6 / 6 - 5 * x**4 / 4 + 2 * x**2, [x])
    sde = ey.SDE(-loss.gradient[0], T, [x], landscape=loss)
    left, right = (ey.escape_time(sde, start=0, over=b, order=1, **NEXT_WELL) for b in (-1, 1))
    both = parallel_paths(left, right)
    assert sp.simplify(right.expression / both.expression) == 2
    assert both.unit == "time"
    assert not any("other side" in c.sentence for c in both.conditions)
    assert len(both.derivation.cited) == 2
    both.derivation.verify()
    mirrored = ey.SDE(-loss.gradient[0], sp.Rational(1, 20), [x])  # by symmetry: reflected at 0 it leaves over one saddle in the same time
    assert float(both.expression.subs(T, sp.Rational(1, 20)).evalf()) == pytest.approx(float(_reflected(mirrored)), rel=0.02)


def _reflected(sde):
    """Mean time from 0, reflected there, to the well at 2, by the trapezoidal rule."""
    import numpy as np
    from scipy.integrate import cumulative_trapezoid

    z = np.linspace(0, 2, 400_001)
    height = (z**6 / 6 - 5 * z**4 / 4 + 2 * z**2) * 20
    inner = cumulative_trapezoid(20 * np.exp(-height), z, initial=0.0)
    return np.trapezoid(np.exp(height) * inner, z)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda tau: parallel_paths(tau), "two or more saddles"),
        (lambda tau: parallel_paths(tau, tau.per_iteration), "one unit and on one clock"),
        (lambda tau: spectral_gap(tau, tau.per_iteration), "spectral_gap needs mean times in one unit"),
    ],
)
def test_times_that_cannot_be_added_are_refused(build, message):
    """One way is no choice, and seconds and iterations do not add."""
    tau = ey.escape_time(ey.WhiteNoiseGD().sde(LOCAL), start=A, over=S, **NEXT_WELL)
    with pytest.raises(EyringError, match=message):
        build(tau)


def test_the_power_law_in_the_plane_and_its_own_limit_on_dimensions():
    """L = (x^2 - 1)^2/4 + 1/4 + y^2/3, D = k L: k = 1/10 gives 2^(10 + 1 - 1) and n < 2 (10 + 1); at k = 3 nothing holds the walkers of n = 3."""
    loss = ey.Landscape(x**4 / 4 - x**2 / 2 + sp.Rational(1, 2) + y**2 / 3, [x, y])
    sde = ey.SDE(list(-loss.gradient), loss.expression / 10 * sp.eye(2), [x, y], landscape=loss)
    tau, half = (ey.escape_time(sde, start=(-1, 0), over=(0, 0), event=e) for e in ("next well", "to the saddle"))
    assert tau.name == "mori"
    assert sp.simplify(tau.expression - 2 * sp.pi / sp.sqrt(2) * 2**10) == 0
    assert sp.simplify(tau.expression / half.expression) == 2
    z = sp.Symbol("z", real=True)
    solid = ey.Landscape(loss.expression + z**2, [x, y, z])
    wild = ey.SDE(list(-solid.gradient), 5 * solid.expression * sp.eye(3), [x, y, z], landscape=solid)
    with pytest.raises(NotApplicable, match=r"walkers are held: .* normalisable"):
        ey.escape_time(wild, start=(-1, 0, 0), over=(0, 0, 0), **NEXT_WELL)


NEARLY = ey.Landscape(x**4 / 4 - x**2 / 2 + sp.Rational(1, 2), [x])
NEAR = ey.SDE(-NEARLY.gradient[0], T * (NEARLY.expression + x**2 / 20), [x], landscape=NEARLY)
STREAKED = ey.SDE([x - x**3, -2 * y], sp.diag(T, 2 * T), [x, y])
WARM = ey.MomentumSGD().sde(QUARTIC, ey.noise.Covariance(1 + x**2))
SIGNED = [
    (NEAR, -1, 0, "mori", "noise in proportion to the loss", sp.Rational(3, 10) * T),
    (STREAKED, (-1, 0), (0, 0), "eyring-kramers", "noise of one strength", T),
    (WARM, -1, 0, "kramers-langer", "one temperature", None),
]


@pytest.mark.parametrize(("sde", "start", "over", "theory", "name", "strength"), SIGNED)
def test_an_approximation_may_be_signed_for_and_stays_in_the_formula(sde, start, over, theory, name, strength):
    """Refused first, with the offer; then the assumption is a step, a condition, and a line of the LaTeX."""
    place = {"start": start, "over": over, "theory": theory, **NEXT_WELL}
    with pytest.raises(NotApplicable, match=rf'May be signed for: assuming=\("{name}",\)'):
        ey.escape_time(sde, **place)
    tau = ey.escape_time(sde, assuming=(name,), **place)
    (step,) = tau.derivation.assumed
    assert step.grade == "assumed"
    assert name in step.statement
    assert "1 assumed" in str(tau)
    assert f"signed for, not derived: {name}" in str(tau)
    assert tau.latex(steps=True).count("signed for, not derived") == 1
    assert name in tau.latex(steps=True)
    assert any("signed for" in c.sentence and c.holds({}) is not True for c in tau.conditions)
    assert "assumed" in [s["grade"] for s in tau.derivation.to_dict()["steps"]]
    tau.derivation.verify()
    if strength is not None:
        at_start = step.expression.subs(dict(zip(sde.coordinates, start if isinstance(start, tuple) else (start,), strict=True)))
        assert at_start == strength * sp.eye(sde.dim)


def test_the_signed_formula_is_that_of_the_assumed_noise():
    """Noise in proportion to the loss with the strength at the minimum, written by hand."""
    tau = ey.escape_time(NEAR, start=-1, over=0, assuming=("noise in proportion to the loss",), **NEXT_WELL)
    by_hand = ey.SDE(-NEARLY.gradient[0], sp.Rational(6, 5) * T * NEARLY.expression, [x], landscape=NEARLY)
    assert sp.simplify(tau.expression / ey.escape_time(by_hand, start=-1, over=0, **NEXT_WELL).expression) == 1


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: ey.escape_time(STREAKED, start=(-1, 0), over=(0, 0), assuming=("white noise",), **NEXT_WELL),
            EyringError,
            "'white noise' is nothing that may be signed for; what may be: noise in proportion to the loss, noise of one strength, one temperature",
        ),
        (
            lambda: ey.escape_time(STREAKED, start=(-1, 0), over=(0, 0), assuming="noise of one strength", **NEXT_WELL),
            EyringError,
            "assuming takes a list of names",
        ),
        (
            lambda: ey.escape_time(ey.SDE(x - x**3, T, [x]), start=-1, over=0, theory="kramers", assuming=("one temperature",), **NEXT_WELL),
            EyringError,
            "nothing need be assumed: the kramers theory applies as it stands",
        ),
        (
            lambda: ey.escape_time(ey.SDE(-x, T, [x]), start=0, over=0, assuming=("noise of one strength",), **NEXT_WELL),
            NotApplicable,
            "over must be a saddle",
        ),
        (
            lambda: ey.escape_time(ey.SDE(x - x**3, 0, [x]), start=-1, over=0, assuming=("noise of one strength",), **NEXT_WELL),
            NotApplicable,
            "there is no noise",
        ),
        (
            lambda: ey.escape_time(
                ey.SDE(x - x**3, sp.Abs(3 * x**2 - 1) / 20, [x]), start=-1, over=0, theory="kramers", assuming=("noise of one strength",), **NEXT_WELL
            ),
            NotApplicable,
            "the noise vanishes or turns negative",
        ),
        (
            lambda: ey.escape_time(ey.landscapes.maier_stein(4), start=(1, 0), over=(0, 0), assuming=("noise of one strength",), **NEXT_WELL),
            NotApplicable,
            "not the gradient of a loss",
        ),
    ],
)
def test_what_is_no_approximation_cannot_be_signed_for(build, error, message):
    """No barrier, no noise, no loss, noise that no walker crosses: these are final."""
    with pytest.raises(error, match=message):
        build()


def test_harmonic_gap_is_continuous_at_critical_damping_and_friction_slows_beyond():
    """gamma/2 up to gamma = 2 sqrt(H), then falling as H/gamma: 1e-4 at gamma = 100, H = 0.01 to 1e-6 relative."""
    gap = result("kinetic-harmonic-gap").derive().compile("mpmath", digits=20)
    below, above = (float(gap(gamma=g, H=1)) for g in (2 - 1e-9, 2 + 1e-9))
    assert math.isclose(below, above, rel_tol=1e-4)
    assert float(gap(gamma=100, H=0.01)) == pytest.approx(1e-4, rel=2e-6)


def test_times_that_do_not_belong_together_are_refused():
    """Rates of hopping come from times that end in the next well; ways out add from one minimum; a gap needs both wells."""
    sde = ey.SDE(X - X**3, sp.Symbol("T", positive=True), [X])
    left, right = (ey.escape_time(sde, start=a, over=0, event="next well") for a in (-1, 1))
    visit = ey.escape_time(sde, start=-1, over=0, event="to the saddle")
    assert (left.event, left.start) == ("next well", (-1,))
    with pytest.raises(EyringError, match="both given start at"):
        spectral_gap(left, left)
    with pytest.raises(EyringError, match="got one to the saddle"):
        spectral_gap(visit, right)
    with pytest.raises(EyringError, match="adds the ways out of one minimum"):
        parallel_paths(left, right)
    with pytest.raises(EyringError, match="got one to the saddle"):
        ey.minima_selection({("l", "r"): visit, ("r", "l"): right})
    with pytest.raises(EyringError, match=r"takes formulas, as escape_time returns them; got 3\.0"):
        parallel_paths(left, 3.0)
    with pytest.raises(EyringError, match="escape_time takes an SDE"):
        ey.escape_time("sgd", start=0, over=1, event="next well")
