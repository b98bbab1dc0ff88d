"""Stationary laws: the Fokker-Planck operator leaves each alone, and a wrong one not."""

import time

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import eyring as ey
from eyring.errors import DerivationError, NotApplicable
from eyring.theory.derivation import Derivation
from eyring.theory.stationary.contract import stationarity
from eyring.theory.stationary.log_density import polynomial_residual

x, y = sp.symbols("x y", real=True)
eta, B, sigma, T = (ey.GLOSSARY[name].symbol for name in ("eta", "B", "sigma", "T"))
WELL = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
DRAWN = sp.Rational(2, 100) * (1 + x**2 / 2)
PLANE = ey.Landscape(x**2 / 2 + sp.Rational(3, 10) * x * y + y**2 / 4, [x, y])
TILTED = sp.Matrix([[sp.Rational(7, 10), -sp.Rational(2, 5)], [-sp.Rational(2, 5), sp.Rational(9, 10)]])

CASES = {
    "Gibbs": ey.SGD().sde(WELL, ey.noise.Isotropic()),
    "Gibbs, white noise": ey.WhiteNoiseGD().sde(WELL),
    "Gibbs in phase space": ey.MomentumSGD().sde(WELL, ey.noise.Isotropic()),
    "Gibbs in 2-D": ey.WhiteNoiseGD().sde(ey.Landscape(x**4 + x**2 * y**2 + y**2, [x, y])),
    "Ornstein-Uhlenbeck": ey.SGD().sde(PLANE, ey.noise.Covariance(TILTED)),
    "zero flux, Ito": ey.SDE(x - x**3, DRAWN, [x]),
    "zero flux, Stratonovich": ey.SDE(x - x**3, DRAWN, [x], calculus="stratonovich"),
    "zero flux, anti-Ito": ey.SDE(x - x**3, DRAWN, [x], calculus="anti-ito"),
    "noise in proportion to the loss": ey.SGD().sde(ey.Landscape((x**2 + 1) / 2, [x]), ey.noise.Loss()),
}


@pytest.mark.parametrize("name", CASES)
def test_fokker_planck_leaves_every_stationary_law_alone(name):
    """The residual is symbolically zero and no step is cited."""
    law = ey.stationary(CASES[name])
    assert law.residual == 0
    assert law.derivation.cited == ()
    law.derivation.verify()


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_power_of_the_density_is_found_out(name):
    """The square of a stationary density is not stationary: the claim raises and carries the residual."""
    sde, law = CASES[name], ey.stationary(CASES[name])
    with pytest.raises(DerivationError, match="does not follow") as caught:
        Derivation("planted").define("start", sp.Integer(1)).claim("squared", law.density**2, residual=stationarity(sde))
    assert caught.value.difference != 0


def test_anti_ito_density_fails_in_ito_equation():
    """exp(-int L'/D) without the 1/D is the anti-Ito law; Ito's equation rejects it."""
    ito, anti_ito = CASES["zero flux, Ito"], CASES["zero flux, anti-Ito"]
    assert ey.fokker_planck(ito).residual(ey.stationary(anti_ito).density) != 0


def test_ornstein_uhlenbeck_covariance_is_the_known_rational():
    """H = [[1, .3], [.3, .5]], C = [[.7, -.4], [-.4, .9]], eta = 2/5: [221/1025, -31/123, 524/1025], solved elsewhere."""
    S = ey.stationary(CASES["Ornstein-Uhlenbeck"]).covariance.subs(eta, sp.Rational(2, 5))
    assert [S[0, 0], S[0, 1], S[1, 1]] == [sp.Rational(221, 1025), -sp.Rational(31, 123), sp.Rational(524, 1025)]


@settings(max_examples=10)
@given(st.lists(st.fractions(-2, 2, max_denominator=20), min_size=6, max_size=6))
def test_expected_loss_is_a_quarter_eta_trace_c_for_any_hessian_and_noise(entries):
    """E[L] = Tr(H S)/2 = (eta/4) Tr C, without any commutation: the trace of the Lyapunov equation."""
    a, b, c, p, q, r = (sp.Rational(f) for f in entries)
    root, spread = sp.Matrix([[a, b], [0, c]]), sp.Matrix([[p, q], [0, r]])
    H, C = root * root.T + sp.eye(2) / 3, spread * spread.T
    here = sp.Matrix([x, y])
    sde = ey.SGD().sde(ey.Landscape((here.T * H * here)[0] / 2, [x, y]), ey.noise.Covariance(C + sp.eye(2) / 5))
    S = ey.stationary(sde, law="Ornstein-Uhlenbeck").covariance
    assert sp.simplify((H * S).trace() / 2 - eta * (C + sp.eye(2) / 5).trace() / 4) == 0


@settings(max_examples=10)
@given(st.floats(0.05, 0.5), st.floats(-1, 1))
def test_density_ratio_is_that_of_a_numerical_zero_flux_solution(strength, place):
    """Second road: integrate d ln p/dx = (f - D')/D by quadrature from 0 to a point and compare to 10 digits."""
    import mpmath

    D = sp.Rational(repr(round(strength, 3))) * (1 + x**2 / 2)
    law = ey.stationary(ey.SDE(x - x**3, D, [x]))
    slope = sp.lambdify(x, (x - x**3 - sp.diff(D, x)) / D, "mpmath")
    expected = mpmath.quad(slope, [0, place])
    density = sp.lambdify(x, law.density, "mpmath")
    with mpmath.workdps(30):
        found = mpmath.log(density(mpmath.mpf(place)) / density(mpmath.mpf(0)))
    assert abs(found - expected) < 1e-10


def test_mori_type_noise_gives_a_power_law():
    """C = 2 L H/B: p ~ L^-(1 + B/(eta h)), here with L = (x^2 + 1)/2 and h = 1."""
    law = ey.stationary(CASES["noise in proportion to the loss"])
    power = -(1 + B / eta)
    ratio = law.density / ((x**2 + 1) / 2) ** power
    values = [ratio.subs({x: p, B: 4, eta: sp.Rational(1, 10)}).evalf(20) for p in (0, 1, 3)]
    assert max(values) / min(values) - 1 < 1e-15


@pytest.mark.parametrize(
    ("sde", "message"),
    [
        (ey.SDE(-(x**2), 1, [x]), "does not rise as x -> -oo: the weight is not normalisable"),
        (ey.SDE([-x, -y], sp.Matrix([[1, 0], [0, 1 + x**2]]), [x, y]), "no stationary law is known for this SDE .*current circulates"),
        (ey.SDE([x, -y], sp.eye(2), [x, y]), "do not decay|does not rise"),
        (ey.SDE([0], 1, [x]), "does not rise as x -> .oo"),
        (ey.WhiteNoiseGD().sde(ey.Landscape(x**2 + 0 * y, [x, y])), "does not rise as y -> .oo"),
        (ey.WhiteNoiseGD(temperature=1).sde(ey.Landscape(sp.log(1 + x**2) / 8, [x])), r"falls like \|x\|\^\(-1/4\) .* not normalisable"),
        (ey.SGD().sde(ey.landscapes.double_well(), ey.noise.Loss()), "vanishes or is negative at x = .*add a constant to the loss"),
        (ey.SDE(-x, T * sp.Abs(x), [x]), "vanishes or is negative at x = 0"),
    ],
)
def test_what_has_no_known_stationary_law_is_refused(sde, message):
    """With the reason in physics."""
    with pytest.raises(NotApplicable, match=message):
        ey.stationary(sde)


def test_a_power_law_that_is_normalisable_only_when_cold_carries_that_condition():
    """L = ln(1 + x^2)/8: p ~ (1 + x^2)^(-1/(8 T)) is normalisable below T = 1/4."""
    conditions = ey.stationary(ey.WhiteNoiseGD().sde(ey.Landscape(sp.log(1 + x**2) / 8, [x]))).conditions
    assert all(c.holds({T: 0.2}) for c in conditions)
    assert not any(c.holds({T: 0.3}) for c in conditions)
    assert len(conditions) == 2


@pytest.mark.parametrize("case", ["three curvatures", "full Hessian", "momentum in the plane"])
def test_large_symbolic_laws_answer_at_once(case):
    """Symbols for every entry: a few seconds on a slow machine, and the Lyapunov equation holds at random numbers."""
    C = sp.Matrix(3, 3, lambda i, j: ey.GLOSSARY[f"C_{min(i, j) + 1}{max(i, j) + 1}"].symbol)
    H = [ey.GLOSSARY[f"H_{i}"].symbol for i in (1, 2, 3)]
    z = sp.Symbol("z", real=True)
    losses = {
        "three curvatures": (ey.SGD(), H[0] * x**2 + H[1] * y**2 + H[2] * z**2, (x, y, z)),
        "full Hessian": (
            ey.SGD(),
            ey.GLOSSARY["H_11"].symbol * x**2 + 2 * ey.GLOSSARY["H_12"].symbol * x * y + ey.GLOSSARY["H_22"].symbol * y**2,
            (x, y),
        ),
        "momentum in the plane": (ey.MomentumSGD(), H[0] * x**2 + H[1] * y**2, (x, y)),
    }
    optimizer, twice, xs = losses[case]
    sde = optimizer.sde(ey.Landscape(twice / 2, xs), ey.noise.Covariance(C[: len(xs), : len(xs)]))
    begin = time.perf_counter()
    law = ey.stationary(sde)
    assert time.perf_counter() - begin < 6
    A, S = -sde.drift.jacobian(list(sde.coordinates)), law.covariance
    point = {s: sp.Rational(3 + k, 4) if s != eta else sp.Rational(1, 4) for k, s in enumerate(sorted(S.free_symbols, key=str))}
    assert (A * S + S * A.T - 2 * sde.diffusion).subs(point).applyfunc(sp.nsimplify).is_zero_matrix
    assert law.residual == 0


@pytest.mark.parametrize("calculus", ["ito", "stratonovich", "anti-ito"])
def test_the_residual_of_a_logarithm_is_that_of_the_operator(calculus):
    """Noise that depends on the place and a density that is not stationary: the short way and the Fokker-Planck operator leave the same."""
    sde = ey.SDE([y - x**3, x * y - y], sp.diag(1 + x**2, 2 + T * y**2), [x, y], calculus)
    density = 3 * sp.exp(-(x**4) / T - x * y - y**2)
    whole = ey.fokker_planck(sde).operator(density) / density
    assert sp.expand(polynomial_residual(sde, density) - sp.expand(sp.simplify(whole))) == 0
    assert polynomial_residual(sde, 1 / (1 + x**2)) is None
