"""Drift and diffusion follow from the update rule, and from nothing else."""

from dataclasses import dataclass, replace

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import DerivationError, ParameterError
from eyring.theory.dynamics.contract import GRADIENT, PARAMETER, WHITE_NOISE, Assignment
from eyring.theory.kinetic import kinetic_form

x, y = sp.symbols("x y", real=True)
v_x = sp.Symbol("v_x", real=True)
eta, B, mu, T, sigma = (ey.GLOSSARY[name].symbol for name in ("eta", "B", "mu", "T", "sigma"))
WELL = ey.Landscape(x**4 / 4 - x**2 / 2, [x])


def test_sgd_has_half_eta_c_for_its_diffusion():
    """D = eta C/2 with C = sigma^2/B, the drift is -L', and one iteration lasts eta."""
    sde = ey.SGD().sde(WELL, ey.noise.Isotropic())
    assert sde.drift[0] == x - x**3
    assert sp.simplify(sde.diffusion[0] - eta * sigma**2 / (2 * B)) == 0
    assert (sde.clock, sde.calculus) == (eta, "ito")


def test_white_noise_adds_its_temperature_to_the_batch_noise():
    """D = T without a noise model, T + eta C/2 with one."""
    assert ey.WhiteNoiseGD().sde(WELL).diffusion[0] == T
    assert sp.simplify(ey.WhiteNoiseGD().sde(WELL, ey.noise.Isotropic()).diffusion[0] - T - eta * sigma**2 / (2 * B)) == 0


def test_momentum_is_a_particle_with_friction_and_temperature():
    """gamma = (1 - mu)/sqrt(eta), T = eta C/(2 (1 - mu)), clock sqrt(eta)."""
    sde = ey.MomentumSGD().sde(WELL, ey.noise.Isotropic())
    kinetic = kinetic_form(sde)
    assert sp.simplify(kinetic.friction - (1 - mu) / sp.sqrt(eta)) == 0
    assert sp.simplify(kinetic.temperature[0, 0] - eta * sigma**2 / B / (2 * (1 - mu))) == 0
    assert sde.clock == sp.sqrt(eta)


def test_dampening_equal_to_momentum_replaces_eta_by_eta_times_one_minus_mu():
    """The exponential-average form of momentum is heavy ball at learning rate eta (1 - mu)."""
    averaged = ey.MomentumSGD(dampening=mu).sde(WELL, ey.noise.Isotropic())
    plain = ey.MomentumSGD().sde(WELL, ey.noise.Isotropic()).subs({eta: eta * (1 - mu)})
    for one, other in ((averaged.drift, plain.drift), (averaged.diffusion, plain.diffusion)):
        assert (one - other).subs(mu, sp.Rational(9, 10)).applyfunc(sp.simplify) == sp.zeros(*one.shape)


def test_nesterov_has_the_same_leading_sde_as_heavy_ball():
    """They differ beyond the leading order only."""
    nesterov, plain = (ey.MomentumSGD(nesterov=n).sde(WELL, ey.noise.Isotropic()) for n in (True, False))
    assert (nesterov.drift - plain.drift).applyfunc(sp.simplify) == sp.zeros(2, 1)
    assert (nesterov.diffusion - plain.diffusion).applyfunc(sp.simplify) == sp.zeros(2, 2)


def test_a_full_noise_matrix_is_carried_through_entry_by_entry():
    """D = eta C/2 for any C(theta) in two dimensions; phase space has sqrt(eta) C/2 in the velocities alone."""
    loss = ey.Landscape(x**2 / 2 + y**2, [x, y])
    C = sp.Matrix([[1 + x**2, x * y], [x * y, 2]])
    assert (ey.SGD().sde(loss, ey.noise.Covariance(C)).diffusion - eta * C / 2).applyfunc(sp.simplify) == sp.zeros(2, 2)
    kinetic = ey.MomentumSGD().sde(loss, ey.noise.Covariance(C)).diffusion
    assert kinetic[:2, :] == sp.zeros(2, 4)
    assert (kinetic[2:, 2:] - sp.sqrt(eta) * C / 2).applyfunc(sp.simplify) == sp.zeros(2, 2)


def test_enumerating_all_batches_gives_the_same_moments_as_the_derivation():
    """Second road: average over every batch of three from a population of two kinds, at one point, in exact rationals."""
    losses = [x**4 / 4 - x**2 / 2 + x + x**3 / 3, x**4 / 4 - x**2 / 2 - x - x**3 / 3]
    noise = ey.noise.FiniteSum(losses)
    sde = ey.SGD(learning_rate=sp.Rational(1, 10), batch_size=3).sde(WELL, noise)
    here = {x: sp.Rational(7, 10)}
    slopes = [sp.diff(loss, x).subs(here) for loss in losses]
    batches = [(slopes[i] + slopes[j] + slopes[k]) / 3 for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    steps = [-sp.Rational(1, 10) * g for g in batches]
    mean = sum(steps) / 8
    variance = sum(s**2 for s in steps) / 8 - mean**2
    assert mean / sp.Rational(1, 10) == sde.drift[0].subs(here)
    assert variance / (2 * sp.Rational(1, 10)) == sde.diffusion[0].subs(here)


def test_no_step_of_the_matched_moments_is_cited():
    """Everything is computed from the update rule."""
    for dynamics in (ey.SGD(), ey.MomentumSGD(), ey.WhiteNoiseGD()):
        derivation = dynamics.sde(WELL, ey.noise.Isotropic()).derivation
        derivation.verify()
        assert derivation.cited == ()


@dataclass(frozen=True, kw_only=True)
class _ForgottenFactor(type(ey.SGD())):
    """SGD that steps twice as far as it says."""

    @property
    def rule(self):
        return (Assignment(PARAMETER, PARAMETER - 2 * eta * GRADIENT),)


def test_a_factor_in_the_update_rule_shows_in_drift_and_diffusion():
    """The SDE is read off the rule: twice the step is twice the drift and four times the diffusion."""
    sde = _ForgottenFactor().sde(WELL, ey.noise.Isotropic())
    assert sp.simplify(sde.drift[0] / (x - x**3)) == 2
    assert sp.simplify(sde.diffusion[0] / (eta * sigma**2 / (2 * B))) == 4


@dataclass(frozen=True, kw_only=True)
class _Squared(type(ey.SGD())):
    """A rule in which the noise enters squared."""

    @property
    def rule(self):
        return (Assignment(PARAMETER, PARAMETER - eta * GRADIENT**2 + WHITE_NOISE),)


def test_a_rule_whose_noise_is_not_linear_is_refused():
    """Mean and covariance of the gradient noise do not fix the moments of such a step."""
    with pytest.raises(DerivationError, match="does not enter the update rule linearly"):
        _Squared().sde(WELL, ey.noise.Isotropic())


def test_a_line_altered_after_its_check_is_found_by_replaying():
    """Doubling the diffusion's last line makes the derivation fail."""
    derivation = ey.SGD().sde(WELL, ey.noise.Isotropic()).derivation
    last = derivation.steps[-1]
    altered = replace(derivation, steps=(*derivation.steps[:-1], replace(last, expression=2 * last.expression)))
    with pytest.raises(DerivationError, match="numbers do not confirm"):
        altered.verify()


def test_sgd_without_a_noise_model_is_refused():
    """A deterministic dynamics has no diffusion."""
    with pytest.raises(ParameterError, match="is deterministic and has no diffusion; give the gradient noise"):
        ey.SGD().sde(WELL)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ey.MomentumSGD(momentum=1.0), r"momentum must be a real number at least 0 and below 1, got 1.0"),
        (lambda: ey.MomentumSGD(momentum=-0.1), r"momentum must be a real number at least 0 and below 1, got -0.1"),
        (lambda: ey.SGD(learning_rate=0), r"learning_rate must be a real number above 0, got 0"),
        (lambda: ey.SGD(learning_rate=float("nan")), r"learning_rate must be a real number above 0, got nan"),
        (lambda: ey.SGD(learning_rate=1j), r"learning_rate must be a real number above 0, got 1j"),
        (lambda: ey.SGD(batch_size=0), r"batch_size must be a real number at least 1, got 0"),
        (lambda: ey.WhiteNoiseGD(temperature=-1), r"temperature must be a real number above 0, got -1"),
        (lambda: ey.MomentumSGD(nesterov=True, dampening=0.1), r"nesterov needs dampening 0"),
        (lambda: ey.SGD().sde(WELL, ey.noise.Isotropic(), order=3), r"order=3 was asked for; the SDE is derived to weak order 1 or 2"),
    ],
)
def test_hyperparameters_outside_their_range_are_refused(build, message):
    """Each message says what was given and what is needed."""
    with pytest.raises(ParameterError, match=message):
        build()
