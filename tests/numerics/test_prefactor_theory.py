"""The derivations of the prefactor: densities that are known satisfy the transport, and the laws reduce to those that they must contain."""

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import DerivationError
from eyring.theory.rare_events.prefactor import transport
from eyring.theory.rare_events.prefactor_line import along_a_line
from eyring.theory.rare_events.prefactor_valley import between_walls
from eyring.theory.symbols import covariance_11, covariance_22, curvature_min, curvature_saddle, diffusion_min, diffusion_saddle

X, Y = sp.symbols("x y", real=True)
PLACES = [{X: sp.Rational(2, 7), Y: sp.Rational(-3, 5)}, {X: sp.Rational(-9, 8), Y: sp.Rational(1, 3)}]


def residual(drift, noise, W, K):
    """Return the last line of the derivation at two places, for functions that are known."""
    line = transport().expression
    known = {"b_1": drift[0], "b_2": drift[1], "D_11": noise[0, 0], "D_12": noise[0, 1], "D_22": noise[1, 1], "W": W, "K": K}
    for function in sorted(line.atoms(sp.core.function.AppliedUndef), key=str):
        line = line.subs(function, known[function.func.__name__])
    line = line.doit()
    return [sp.simplify(line.subs(place)) for place in PLACES]


def test_a_driven_process_with_constant_noise_has_a_constant_amplitude():
    """b = -(D + A) grad W with A antisymmetric: K = 1; K = 2 + x is none."""
    W = X**4 / 4 - X**2 / 2 + (Y - X**2 / 3) ** 2
    D, A = sp.Matrix([[2, sp.Rational(1, 3)], [sp.Rational(1, 3), 1]]), sp.Matrix([[0, sp.Rational(3, 4)], [-sp.Rational(3, 4), 0]])
    drift = -(D + A) * sp.Matrix([sp.diff(W, X), sp.diff(W, Y)])
    assert residual(drift, D, W, sp.Integer(1)) == [0, 0]
    assert all(r != 0 for r in residual(drift, D, W, 2 + X))


def test_the_amplitude_falls_as_the_noise_grows_in_ito_calculus():
    """Two coordinates that do not feel each other, D(x) along one of them: K = 1/D; the anti-Ito K = 1 is none."""
    noise = 1 + X**2 / 3
    slope = X**3 - X
    drift = [-slope * noise, -2 * Y]
    W = sp.integrate(slope, X) + Y**2
    D = sp.diag(noise, 1)
    assert residual(drift, D, W, 1 / noise) == [0, 0]
    assert all(r != 0 for r in residual(drift, D, W, sp.Integer(1)))


def test_equal_noise_in_a_valley_is_eyring_kramers():
    """The power of k_b/k_a is 1/2, that of the determinants; without noise across the walls do not matter."""
    formula = ey.result("valley-prefactor").derive().expression
    walls = sp.Symbol("k_b", positive=True) / sp.Symbol("k_a", positive=True)
    powers = {share: sp.simplify(formula.subs(covariance_22, share * covariance_11) / formula.subs(covariance_22, 0)) for share in (1, 4)}
    assert sp.simplify(powers[1] ** 2 - walls) == 0
    assert sp.simplify(powers[4] - walls**2) == 0


def test_the_three_calculi_differ_by_powers_of_the_noise():
    """(D_b/D_a)^(1/2 - q), as the double integral of Kramers' road has it."""
    ratio = diffusion_saddle / diffusion_min
    known = ey.result("kramers-state-dependent")
    assert sp.simplify(along_a_line(sp.Integer(0)).expression / known.derive().expression) == 1
    for name, weight in (("stratonovich", sp.Rational(1, 2)), ("anti-ito", sp.Integer(1))):
        found = along_a_line(weight).expression
        assert sp.simplify(found / known.in_other_calculi()[name]) == 1
        assert sp.simplify(found / along_a_line(sp.Integer(0)).expression * ratio**weight) == 1


@pytest.mark.parametrize("derivation", [transport, between_walls, lambda: along_a_line(sp.Integer(0))], ids=["plane", "valley", "line"])
def test_lines_twice_as_large_do_not_follow(derivation):
    """The last line, stated twice too large, raises."""
    whole = derivation()
    whole.verify()
    with pytest.raises(DerivationError):
        whole.steps[-1].check(whole.steps[-2].expression, 2 * whole.expression)


def test_another_power_of_the_wall_is_no_density():
    """K = k^(1/2) for k^((1 - D_y/D_x)/2) leaves a residual."""
    whole = between_walls()
    wrong = whole.steps[1].expression.replace(
        lambda e: isinstance(e, sp.Pow) and e.base.has(sp.core.function.AppliedUndef) and not isinstance(e.base, sp.exp) and e.exp.has(sp.Symbol),
        lambda e: sp.sqrt(e.base),
    )
    assert wrong != whole.steps[1].expression
    with pytest.raises(DerivationError):
        whole.steps[1].check(whole.steps[0].expression, wrong)


def test_the_curvatures_enter_as_the_root_of_their_product():
    """Along the way, at minimum and saddle."""
    for expression in (along_a_line(sp.Integer(0)).expression, between_walls().expression):
        twice = expression.subs({curvature_min: 4 * curvature_min, curvature_saddle: 9 * curvature_saddle}, simultaneous=True)
        assert sp.simplify(6 * twice / expression) == 1
