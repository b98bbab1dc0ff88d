"""The main job at full length: what theory and training must show, with intervals narrow enough to see a wrong factor.

Thresholds of 5 sigma throughout: a true law fails one of these about once in a million runs, whatever the random numbers.
"""

import re

import pytest

from eyring.validation.main_job import run_validation
from eyring.validation.verdict import Verdict

pytestmark = pytest.mark.exhaustive  # minutes of training; test_main_job always runs the quick form of it


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory) -> dict[str, Verdict]:
    """Train the double well three ways: about a minute on two cores."""
    result = run_validation(("double-well",), out=tmp_path_factory.mktemp("report"), seed=0)
    assert result.exit_status in (0, 2)
    return {v.claim: v for v in result.verdicts}


@pytest.fixture(scope="module")
def regression(tmp_path_factory):
    from eyring.validation.problems.regression import run_regression

    return run_regression(seed=1)


RUNS = ("SGD, eta = 0.02, B = 16", "SGD, eta = 0.04, B = 32")


def _width(verdict: Verdict) -> float:
    return verdict.ratio.high - verdict.ratio.low


@pytest.mark.parametrize("run", RUNS)
def test_torch_follows_the_exact_discrete_chain(verdicts, run):
    """Measured/chain is one, in a 99 % interval at most 4 % wide."""
    verdict = verdicts[f"{run}: the exact chain of this optimizer with these batches"]
    assert _width(verdict) <= 0.04
    half = _width(verdict) / 2 / 2.576
    assert abs(verdict.ratio.value - 1) < 5 * half


@pytest.mark.parametrize("run", RUNS)
def test_the_distance_from_ito_is_the_computed_shift_of_the_finite_step(verdicts, run):
    """Measured/Ito - 1 against the chain's own shift, within the same interval."""
    verdict = verdicts[f"{run}: Ito's calculus, told from the others"]
    chain = verdicts[f"{run}: the exact chain of this optimizer with these batches"]
    shift = chain.predicted.value / verdict.predicted.value - 1
    assert _width(verdict) <= 0.04
    assert abs(verdict.ratio.value - 1 - shift) < 5 * _width(verdict) / 2 / 2.576
    assert shift < -0.01
    assert re.search(r"Ito \S+ \((agrees|undecided)", verdict.note)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("rival", ["anti-Ito", "Stratonovich", "Ito with D wrong by 10 %"])
def test_other_calculi_and_a_d_wrong_by_ten_percent_are_rejected(verdicts, run, rival):
    """At more than 5 sigma; expected are 35 and more."""
    verdict = verdicts[f"{run}: the exact time of {rival}"]
    assert verdict.status == "disagrees"
    assert verdict.sigma > 5


def test_momentum_follows_kramers_langer_and_not_the_rule(verdicts):
    """Friction 1: the spectrum and Kramers-Langer hold within their own errors; SGD at eta/(1 - mu) is rejected."""
    run = "momentum SGD, eta = 0.0025, mu = 0.95, B = 8"
    assert verdicts[f"{run}: the kinetic Fokker-Planck spectrum"].sigma < 5
    assert verdicts[f"{run}: Kramers-Langer"].sigma < 5
    assert verdicts[f"{run}: the rate by the rule eta/(1 - mu)"].sigma > 5


def test_white_noise_follows_its_chain_and_kramers_with_its_correction(verdicts):
    """Full gradients with injected noise."""
    run = "white-noise gradient descent, eta = 0.05, T = 0.05"
    for law in ("the exact chain", "the exact SDE", "Kramers with its first correction"):
        assert verdicts[f"{run}: {law}"].sigma < 5


def test_regression_follows_the_exact_law_of_its_sampler_in_every_direction(regression):
    """With replacement: simultaneous 99 % intervals at most 8 % wide, after ten relaxation times of the flattest direction."""
    assert regression.widest_interval(sampler="with replacement") <= 0.08
    rows = regression.select(sampler="with replacement")
    assert len(rows) == 20
    for row in rows:
        assert abs(row.measured - row.exact) < 5 * (row.high - row.low) / 2 / 3.7
    assert all(regression.burn_in[key] >= 10 * regression.relaxation_steps * (1 - 1e-9) for key in regression.steps)


def test_the_factor_of_the_other_sampler_is_rejected_at_the_larger_batch(regression):
    """(N - S)/(N - 1), in every direction at more than 5 sigma."""
    assert regression.wrong_factor_rejected()
