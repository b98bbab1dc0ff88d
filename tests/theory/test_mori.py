"""Escape under noise in proportion to the loss: the power law, its error, and where it does not hold."""

import json
import math
from pathlib import Path

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import DerivationError, NotApplicable

x = sp.Symbol("x", real=True)
eta, B, H_a, H_b, L_a, L_b = (ey.GLOSSARY[n].symbol for n in ("eta", "B", "H_a", "H_b", "L_a", "L_b"))
CASES = {c["name"]: c for c in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
LOCAL = ey.landscapes.local()
A, S = LOCAL.critical_points


def well(lowest):
    """Return the quartic double well whose minima have the loss ``lowest``."""
    return ey.Landscape(x**4 / 4 - x**2 / 2 + sp.Rational(1, 4) + sp.Rational(lowest), [x])


def proportional(loss, k, calculus="ito"):
    return ey.SDE(-loss.gradient[0], k * loss.expression, [x], calculus=calculus, landscape=loss)


def escape(sde, start=-1, over=0, event="next well", **options):
    return ey.escape_time(sde, start=start, over=over, event=event, **options)


@pytest.mark.parametrize(("event", "share"), [("next well", 1), ("to the saddle", sp.Rational(1, 2))])
def test_noise_in_proportion_to_the_loss_gives_a_power_of_the_losses(event, share):
    """tau = 2 pi/sqrt(H_a |H_b|) (L_b/L_a)^(1/2 + B/(eta H_a)), chosen without being named, from local data alone."""
    tau = escape(ey.SGD().sde(LOCAL, ey.noise.Loss()), A, S, event)
    assert tau.name == "mori"
    expected = share * 2 * sp.pi / sp.sqrt(-H_a * H_b) * (L_b / L_a) ** (sp.Rational(1, 2) + B / (eta * H_a))
    point = {H_a: sp.Rational(3, 2), H_b: -2, L_a: sp.Rational(1, 7), L_b: 1, eta: sp.Rational(1, 3), B: 2}
    assert sp.N((tau.expression / expected).subs(point), 30) == pytest.approx(1, abs=1e-25)
    assert tau.derivation.steps[-1].grade == "checked"
    assert len(tau.derivation.cited) <= 2
    tau.derivation.verify()


@pytest.mark.parametrize("lowest", ["0.05", "0.2"])
def test_reference_power_laws_come_out(lowest):
    """The stored value of the published formula, and the exact time beside it within its own next order to 5e-3."""
    case = CASES[f"mori_powerlaw_L0{lowest}_T0.1"]
    tau = escape(proportional(well(lowest), sp.Rational(1, 10)))
    assert tau.name == "mori"
    assert float(tau.expression) == pytest.approx(float(case["formula_value"]), rel=1e-14)
    assert float(case["value"]) / float(tau.expression) - 1 == pytest.approx(float(tau.next_order), abs=7e-3)


@pytest.mark.parametrize("lowest", ["0.05", "0.2"])
def test_exact_time_over_the_power_law_tends_to_one_with_the_printed_next_order(lowest):
    """(exact/formula - 1)/next order - 1 is of order k: it halves when the noise does, and extrapolates to 0 within 0.07."""
    deviations = []
    for k in (sp.Rational(1, 80), sp.Rational(1, 160)):
        sde = proportional(well(lowest), k)
        tau = escape(sde)
        exact = ey.exact_escape_time(sde, start=-1, target=1)
        deviations.append(float(exact.value / sp.N(tau.expression, 20) - 1) / float(tau.next_order) - 1)
    assert abs(deviations[1]) < 0.25
    assert abs(2 * deviations[1] - deviations[0]) < 0.07 * max(1, abs(deviations[0]))


@pytest.mark.parametrize(("calculus", "power"), [("stratonovich", 0), ("anti-ito", -sp.Rational(1, 2))])
def test_other_calculi_lower_the_power_by_their_weight_and_the_published_form_is_itos(calculus, power):
    """(L_b/L_a)^(1/2 - q + 1/k) with L_b/L_a = 6; the published 1-D form has q = 0."""
    sde = proportional(well("0.05"), sp.Rational(1, 10), calculus)
    expected = 2 * sp.pi / sp.sqrt(2) * sp.Integer(6) ** (power + 10)
    assert sp.simplify(escape(sde).expression / expected) == 1
    published = escape(sde, published=True)
    assert sp.simplify(published.expression / expected) == sp.Integer(6) ** (sp.Rational(1, 2) - power)
    assert "Ito" in published.note


def test_a_tilted_well_with_critical_points_of_thirty_digits():
    """The exponent stays an integral in Kramers' line and becomes a power in the last; 20 digits of agreement."""
    loss = ey.Landscape(x**4 / 4 - x**2 / 2 + x / 10 + sp.Rational(1, 2), [x])
    a, b = loss.minima()[0], loss.saddles()[0]
    sde = ey.SGD().sde(loss, ey.noise.Loss(at=a))
    ratio = escape(sde, a, b).expression / escape(sde, a, b, theory="kramers").expression
    assert ratio.subs({eta: sp.Rational(1, 10), B: 3}).evalf(25) == pytest.approx(1, abs=1e-20)


def test_another_noise_or_a_wrong_power_is_refused():
    """D = T and D = T (1 + L) are not in proportion to L; a last line with power 1/k alone does not follow."""
    loss = well("0.05")
    for D in (sp.Rational(1, 10), (1 + loss.expression) / 10):
        with pytest.raises(NotApplicable, match=r"mori: the noise is not in proportion to the loss.*Theories that apply: .*kramers"):
            escape(ey.SDE(-loss.gradient[0], D, [x], landscape=loss), theory="mori")
    tau = escape(proportional(loss, sp.Rational(1, 10)))
    with pytest.raises(DerivationError, match=r"numbers do not|does not follow"):
        tau.derivation.claim("without the 1/2", tau.expression / sp.sqrt(6))


def test_the_compiled_power_law_needs_a_positive_loss():
    """A loss of zero or less at the minimum has no noise there: the refusal says so."""
    f = escape(ey.SGD().sde(LOCAL, ey.noise.Loss()), A, S).compile("numpy")
    assert f.log(B=10, eta=0.01, H_a=2, H_b=-1, L_a=0.1, L_b=0.3) == pytest.approx(
        math.log(2 * math.pi / math.sqrt(2)) + 500.5 * math.log(3), rel=1e-14
    )
    with pytest.raises(NotApplicable, match=r"the noise is positive at the minimum"):
        f(B=10, eta=0.01, H_a=2, H_b=-1, L_a=-0.1, L_b=0.3)
