"""Relaxation rates in two coordinates against separable processes, changes of coordinates, linear drifts and the other discretisation."""

import json
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import relaxation_rates
from eyring.numerics.exact.plane.box import box_of
from eyring.numerics.exact.plane.coefficients import plane_of
from eyring.numerics.exact.plane.krylov import slowest
from eyring.numerics.exact.plane.rates import on_elements, on_volumes
from eyring.numerics.exact.plane.rest import attractors
from eyring.theory.sde import SDE

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)
ONE = sp.eye(2)
CASES = {case["name"]: case for case in json.loads((Path(__file__).parents[1] / "fixtures" / "reference_cases.json").read_text())}
Q = sp.Rational


def gradient(V, diffusion):
    return SDE([-sp.diff(V, x), -sp.diff(V, y)], diffusion, [x, y])


def moved(sde, new, old):
    """The same process in coordinates new(x, y), with old(u, v) their inverse: df = J f dt + D:grad grad new dt (Ito), J D J^T."""
    u, v = sp.symbols("u v", real=True)
    J = sp.Matrix(new).jacobian([x, y])
    bend = [sum(sde.diffusion[i, j] * sp.diff(n, a, b) for i, a in enumerate((x, y)) for j, b in enumerate((x, y))) for n in new]
    back = dict(zip((x, y), old(u, v), strict=True))
    drift = [sp.expand(e.subs(back, simultaneous=True)) for e in J * sde.drift + sp.Matrix(bend)]
    return SDE(drift, (J * sde.diffusion * J.T).subs(back, simultaneous=True).applyfunc(sp.expand), [u, v])


BENT = ([x + (y + x**2 / 3) / 2, y + x**2 / 3], lambda u, v: (u - v / 2, v - (u - v / 2) ** 2 / 3))


def test_the_reference_well_with_a_waist():
    """V = (x^2 - 1)^2/4 + (1 + x^2) y^2/2 at D = 0.05; the reference carries about eight digits, and so the last is uncertain."""
    (gap,) = relaxation_rates(gradient(x**4 / 4 - x**2 / 2 + (1 + x**2) * y**2 / 2, D * ONE), values={D: 0.05})
    assert gap.value == pytest.approx(float(CASES["eyring_kramers_2d_c1_D0.05"]["value"]), rel=1e-8)
    assert gap.relative_error < 3e-6


@pytest.mark.parametrize("barrier", [2, 5, pytest.param(10, marks=pytest.mark.exhaustive), pytest.param(20, marks=pytest.mark.long)])
def test_two_coordinates_that_do_not_meddle_relax_as_each_alone(barrier):
    """Noise that grows with x along x, and a linear force along y: the rates are those of one dimension, and their sums."""
    d = Q(1, 4 * barrier)
    along = SDE(x - x**3, d * (1 + x**2 / 4), [x])
    alone = [rate.value for rate in relaxation_rates(along, count=2)]
    together = relaxation_rates(SDE([along.drift[0], -3 * y / 4], sp.diag(along.diffusion[0, 0], d), [x, y]), count=3)
    known = sorted([*alone, 0.75, 0.75 + alone[0], 1.5])[:3]
    assert [rate.value for rate in together] == pytest.approx(known, rel=2e-8)
    assert max(abs(rate.value / k - 1) / rate.relative_error for rate, k in zip(together, known, strict=True)) < 1


@pytest.mark.parametrize("barrier", [5, pytest.param(10, marks=pytest.mark.long), pytest.param(14, marks=pytest.mark.exhaustive)])
def test_bent_coordinates_relax_as_straight_ones(barrier):
    """u = x + v/2, v = y + x^2/3: a full D(u, v) and the drift's Ito terms; the rate is that of x alone."""
    d = Q(1, 4 * barrier)
    along = SDE(x - x**3, d * (1 + x**2 / 4), [x])
    (known,) = relaxation_rates(along)
    (gap,) = relaxation_rates(moved(SDE([along.drift[0], -2 * y], sp.diag(along.diffusion[0, 0], d), [x, y]), *BENT))
    assert gap.value == pytest.approx(known.value, rel=1e-6)
    assert abs(gap.value / known.value - 1) < gap.relative_error < 1e-3


def test_a_linear_drift_that_turns_relaxes_at_sums_of_its_eigenvalues():
    """Of A = ((1, 1), (-1, 3/2)) the eigenvalues are 5/4 -+ 0.97 i, whatever the noise: real parts 5/4 twice, 5/2 three times."""
    sde = SDE([-x - y, x - 3 * y / 2], sp.Matrix([[2, Q(1, 2)], [Q(1, 2), 1]]), [x, y])
    rates = relaxation_rates(sde, count=3)
    assert [rate.value for rate in rates] == pytest.approx([1.25, 1.25, 2.5], rel=1e-9)


def test_a_linear_drift_without_turning_relaxes_at_every_sum():
    A = np.array([[2.0, 0.5], [0.25, 1.0]])
    small, large = np.sort(np.linalg.eigvals(A).real)
    rates = relaxation_rates(SDE([-2 * x - y / 2, -x / 4 - y], sp.Matrix([[1, Q(1, 3)], [Q(1, 3), Q(1, 2)]]), [x, y]), count=4)
    known = sorted([small, 2 * small, large, small + large, 3 * small])[:4]
    assert [rate.value for rate in rates] == pytest.approx(known, rel=1e-9)


def test_equal_rates_are_all_found():
    rates = relaxation_rates(SDE([-x, -y], ONE / 10, [x, y]), count=5)
    assert [rate.value for rate in rates] == pytest.approx([1, 1, 2, 2, 2], rel=1e-9)


def test_the_three_calculi_are_told_apart():
    """Anti-Ito adds div D = (0.05 x, 0) to the drift: the gap moves by 9 %, and that of the Ito form agrees."""
    noise = sp.diag((1 + x**2 / 2) / 20, Q(1, 20))
    gaps = [relaxation_rates(s)[0].value for s in (SDE([x - x**3, -y], noise, [x, y], calculus=c) for c in ("ito", "anti-ito"))]
    known = [relaxation_rates(SDE(x - x**3, noise[0, 0], [x], calculus=c))[0].value for c in ("ito", "anti-ito")]
    assert gaps == pytest.approx(known, rel=1e-8)
    assert abs(gaps[1] / gaps[0] - 1) > 0.05


@pytest.mark.exhaustive
def test_a_ring_relaxes_round_itself():
    """r' = r (1 - r^2) with any rotation: turning changes no real part, for it commutes with everything else."""
    r2 = x**2 + y**2
    still, turning = (relaxation_rates(SDE([x * (1 - r2) - w * y, y * (1 - r2) + w * x], ONE / 20, [x, y]), count=3) for w in (0, 1))
    assert [rate.value for rate in turning] == pytest.approx([rate.value for rate in still], rel=1e-7)


small = st.floats(-0.4, 0.4).map(lambda f: sp.Rational(round(f * 50), 50))


CASE = {"turn": small, "tilt": small, "lean": small, "bend": small, "grow": small.map(abs), "noise": st.sampled_from([Q(1, 10), Q(1, 16), Q(1, 24)])}


@settings(max_examples=2, deadline=None)
@given(**CASE)
def test_two_discretisations_agree_within_their_claim(turn, tilt, lean, bend, grow, noise):
    """Drift with a part that turns, full D(x, y); the claim is also held against finer elements, and it must bear on something."""
    hold(turn, tilt, lean, bend, grow, noise)


@pytest.mark.exhaustive
@settings(max_examples=40, deadline=None)
@given(**CASE)
def test_many_drifts_and_noises_agree_within_their_claim(turn, tilt, lean, bend, grow, noise):
    hold(turn, tilt, lean, bend, grow, noise)


def hold(turn, tilt, lean, bend, grow, noise):
    V = x**4 / 4 - x**2 / 2 + (1 + x**2 / 2) * y**2 / 2 + tilt * x / 4
    matrix = noise * sp.Matrix([[1 + grow * x**2, lean + bend * y / 2], [lean + bend * y / 2, 1 + y**2 / 4]])
    sde = SDE([-sp.diff(V, x) + turn * y, -sp.diff(V, y) - turn * x**3], matrix, [x, y])
    (gap,) = relaxation_rates(sde)
    plane = plane_of(sde, {})
    wells = attractors(plane)
    finer = slowest(on_elements(plane, box_of(plane, wells), wells, 18), 1)[0][0].real
    assert abs(gap.value / finer - 1) < gap.relative_error < 1e-4


def test_elements_converge_exponentially_and_volumes_as_the_square():
    sde = moved(SDE([x - x**3, -2 * y], sp.diag((1 + x**2 / 4) / 12, Q(1, 12)), [x, y]), *BENT)
    plane = plane_of(sde, {})
    wells = attractors(plane)
    box = box_of(plane, wells)
    known = relaxation_rates(SDE(x - x**3, (1 + x**2 / 4) / 12, [x]))[0].value
    fine = [abs(slowest(on_elements(plane, box, wells, n), 1)[0][0].real / known - 1) for n in (6, 9)]
    coarse = [slowest(on_volumes(plane, box, wells, n), 1)[0][0].real / known - 1 for n in (64, 96)]
    assert fine[0] / fine[1] > 1.5**10
    assert coarse[0] / coarse[1] == pytest.approx(1.5**2, rel=0.1)


def test_arrays_of_values_broadcast():
    (gap,) = relaxation_rates(SDE([x - x**3, -y], D * ONE, [x, y]), values={"D": np.array([0.1, 0.05])})
    assert gap.value == pytest.approx([0.0335452873080006109, 0.00277614063657272552], rel=1e-7)


WELL = x**4 / 4 - x**2 / 2 + y**2 / 2


@pytest.mark.parametrize(
    ("sde", "kind", "words"),
    [
        (gradient(WELL, sp.Matrix([[1, x], [x, 1]]) / 20), NotApplicable, r"not positive definite at \(x, y\) = .*smaller eigenvalue there is -0\.0\d+"),
        (gradient(WELL, sp.Matrix([[1, 1], [1, 1]])), NotApplicable, "singular everywhere"),
        (SDE([-x + sp.sqrt(y + 1), -y], ONE / 20, [x, y]), NotApplicable, "not finite at"),
        (SDE([x, y], ONE, [x, y]), NotApplicable, "no attractor: it vanishes at no point that attracts"),
        (SDE([-x, y], ONE, [x, y]), NotApplicable, "no attractor"),
        (SDE([-x / (1 + x**2) ** 2, -y], ONE, [x, y]), NotApplicable, "does not confine: in a box from"),
        (gradient(WELL, ONE / 160), AccuracyError, r"falls below e\^-27 of its maximum.*use quasipotential"),
        (gradient(WELL, ONE * (1 + sp.tanh(300 * x) / 2) / 20), AccuracyError, "do not agree: rate 1 is .* spectral elements .* finite volumes"),
        (SDE([-x, -y, -sp.Symbol("z", real=True)], sp.eye(3), [x, y, sp.Symbol("z", real=True)]), NotApplicable, "one coordinate"),
        (SDE([x - x**3, -y], D * ONE, [x, y]), ParameterError, "missing: D"),
    ],
)  # fmt: skip
def test_what_has_no_spectrum_in_the_plane_is_refused_with_the_reason(sde, kind, words):
    with pytest.raises(kind, match=words):
        relaxation_rates(sde)
