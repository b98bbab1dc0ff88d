"""Training in the double well: the sampler, the watch over escaping replicas, and the verdicts on numbers drawn from known laws."""

import math
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
import torch

from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.validation.problems.double_well import (
    EXPERIMENTS,
    LOSS,
    QUICK,
    SAMPLES,
    SLOPING_QUICK,
    START,
    TARGET,
    SampledWell,
    torch_function,
    train,
    x,
)
from eyring.validation.problems.double_well_verdicts import judge_sgd, memoryless
from eyring.validation.training import EscapeWatch, as_exits, train_until_escape
from eyring.validation.verdict import exit_status


def test_sampled_signs_are_fair_and_independent():
    """262 144 draws of +-1: mean 0, and no correlation between neighbours in batch or replica, each within 5 sigma (false alarm 2e-6)."""
    signs = SampledWell(x).sampler(batch_size=16, replicas=16_384)(torch.Generator().manual_seed(0))
    assert signs.shape == (16, 16_384)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    for product in (signs, signs[1:] * signs[:-1], signs[:, 1:] * signs[:, :-1]):
        assert abs(float(product.mean())) < 5 / math.sqrt(product.numel())


def test_every_one_of_the_256_samples_is_drawn_equally_often():
    """The index bytes behind the signs: chi-square over all 256 samples, 5 sigma above its mean (false alarm about 1e-6)."""
    words = torch.empty(32_768, dtype=torch.int64).random_(-(2**63), None, generator=torch.Generator().manual_seed(1))
    counts = np.bincount(words.view(torch.uint8).numpy(), minlength=SAMPLES)
    expected = counts.sum() / SAMPLES
    assert np.sum((counts - expected) ** 2 / expected) < 255 + 5 * math.sqrt(2 * 255)


@pytest.mark.parametrize("where", [-1.0, 0.0, 0.5])
def test_autograd_of_real_batches_has_the_covariance_of_the_theory(where):
    """C(x) = 16 (1 + x^2)^2/B from the theory's FiniteSum and from 65 536 torch batches: variance within 5 sigma, sqrt(2/n) each."""
    replicas, size = 65_536, 4
    parameters = torch.full((replicas,), where, dtype=torch.float64, requires_grad=True)
    signs = SLOPING_QUICK.sampler(batch_size=size, replicas=replicas)(torch.Generator().manual_seed(2))
    SLOPING_QUICK.minibatch_loss()(parameters, signs.double()).sum().backward()
    theory = float(SLOPING_QUICK.noise.covariance(LOSS, sp.Integer(size))[0, 0].subs(x, where))
    assert theory == pytest.approx(16 * (1 + where**2) ** 2 / size)
    assert float(parameters.grad.var()) / theory == pytest.approx(1, abs=5 * math.sqrt(2 / replicas))
    assert float(parameters.grad.mean()) == pytest.approx(where**3 - where, abs=5 * math.sqrt(theory / replicas))


def test_the_two_learning_rates_share_one_sde():
    """Same eta/B, hence the same drift and diffusion; D = 0.04 (1 + x^2)^2."""
    for experiments in (EXPERIMENTS, QUICK):
        slow, fast = experiments[0].sde, experiments[1].sde
        assert sp.simplify(slow.diffusion[0, 0] - sp.Rational(1, 25) * (1 + x**2) ** 2) == 0
        assert slow.drift == fast.drift
        assert sp.simplify(slow.diffusion[0, 0] - fast.diffusion[0, 0]) == 0


def test_torch_functions_are_the_polynomials():
    values = torch.linspace(-2, 2, 41, dtype=torch.float64)
    np.testing.assert_allclose(torch_function(LOSS.expression)(values), values**4 / 4 - values**2 / 2, rtol=0, atol=1e-14)


def march(parameters: torch.Tensor, _: None) -> torch.Tensor:
    """A loss with slope -1: plain SGD moves every replica by its learning rate."""
    return -parameters


def waits(**options: object) -> tuple[list[float], list[float]]:
    settings = {
        "loss": march, "draw": lambda generator: None, "optimizer": lambda p: torch.optim.SGD(p, lr=0.25), "start": 0.0,
        "reached": lambda p: p >= 1.0, "replicas": 3, "iterations": 10, "seed": 0,
    }  # fmt: skip
    exits = train_until_escape(**{**settings, **options})
    return sorted(exits.times.tolist()), sorted(exits.censored.tolist())


def test_a_steady_march_arrives_every_fourth_step():
    """Ten steps of 1/4 towards 1: exits after 4 and 8 steps, and 2 steps of waiting at the end, for each of 3 replicas."""
    assert waits() == ([4.0] * 6, [2.0] * 3)


def test_whoever_arrives_at_the_last_step_has_waited_for_nothing():
    assert waits(iterations=8) == ([4.0] * 6, [])


def test_a_replica_put_back_loses_its_momentum_too():
    """Heavy ball, mu = 0.9, slope -1, lr 1/4: positions 0.25, 0.725, 1.4025 from rest; with its momentum kept, a second round takes 2 steps."""
    times, _ = waits(optimizer=lambda p: torch.optim.SGD(p, lr=0.25, momentum=0.9), iterations=9)
    assert times == [3.0] * 9


def test_replicas_in_several_dimensions_are_put_back_whole():
    """Three coordinates of slope -1; arrival is decided by the first alone."""
    times, censored = waits(loss=lambda p, _: -p.sum(1), start=[0.0, -1.0, 5.0], reached=lambda p: (p[:, 0] >= 1.0) & (p[:, 1] >= 0.0))
    assert (times, censored) == ([4.0] * 6, [2.0] * 3)


def test_the_watch_on_the_device_sees_what_the_host_sees():
    """The road without a look from the host at every step (that of cuda), against the one with it: the same exits in the same order."""
    steps = torch.randn(300, 50, generator=torch.Generator().manual_seed(3)) * 0.3
    seen = []
    for host_looks in (True, False):
        parameters, buffer = torch.zeros(50), torch.ones(50)
        watch = EscapeWatch(parameters, torch.tensor(0.0), lambda p: p >= 1.0, host_looks=host_looks)
        for step, kick in enumerate(steps, 1):
            parameters += kick
            watch.look(step, [buffer] if step == 1 else None)
            if step % 256 == 0 or step == 300:
                watch.report(step)
        seen.append((watch.exits(300), parameters, buffer))
    (host, x_host, b_host), (device, x_device, b_device) = seen
    assert host.events > 100
    np.testing.assert_array_equal(host.times, device.times)
    np.testing.assert_array_equal(host.censored, device.censored)
    assert torch.equal(x_host, x_device)
    assert torch.equal(b_host, b_device)


def test_diverged_training_names_the_replica_and_the_step():
    def explode(parameters: torch.Tensor, _: None) -> torch.Tensor:
        return torch.where(torch.arange(3) == 1, -(parameters**4), -parameters * 0)

    with pytest.raises(AccuracyError, match=r"replica 1 has parameters that are not finite at step 40 \(they were finite at step 0\)"):
        waits(loss=explode, start=1.0, reached=lambda p: p < -1, iterations=40, optimizer=lambda p: torch.optim.SGD(p, lr=10.0))


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda p: torch.optim.Adam(p), "Adam keeps 'step' for all replicas together"),
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5), "use dampening=0"),
    ],
)
def test_an_optimizer_that_cannot_put_one_replica_back_is_refused(optimizer, message):
    with pytest.raises(NotApplicable, match=message):
        waits(optimizer=optimizer)


def test_training_needs_replicas_and_steps():
    with pytest.raises(ParameterError, match="at least one replica and one iteration, got 0 and 10"):
        waits(replicas=0)


def drawn(mean: float, *, replicas: int, window: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return exponential waits of replicas that start afresh after each exit, watched for a window."""
    rng = np.random.default_rng(seed)
    times, censored = [], []
    for _ in range(replicas):
        left = window
        while (wait := rng.exponential(mean)) < left:
            times.append(wait)
            left -= wait
        censored.append(left)
    return np.array(times), np.array(censored)


def test_the_verdict_names_ito_on_ito_waits_and_anti_ito_on_anti_ito_waits():
    """It sees waiting times alone: 5000 exponential waits with the exact chain's mean, then with the anti-Ito mean."""
    e = QUICK[1]
    chain = float(exact_chain_time(e.dynamics, LOSS, e.noise, start=START, target=TARGET))
    anti = float(exact_escape_time(e.sde.with_(calculus="anti-ito"), start=START, target=TARGET).per_iteration)
    mine, wrong = (judge_sgd(e, as_exits(*drawn(mean, replicas=1000, window=5 * mean, seed=4))) for mean in (chain, anti))
    statuses = {v.claim.split(": ")[-1]: v.status for v in mine.verdicts}
    assert statuses["the exact chain of this optimizer with these batches"] == "agrees"
    assert statuses["Ito's calculus, told from the others"] == "agrees"
    assert statuses["the exact time of anti-Ito"] == statuses["the exact time of Ito with D wrong by 10 %"] == "disagrees"
    assert exit_status(mine.verdicts) == 0
    told = wrong.verdicts[1]
    assert told.status == "disagrees"
    assert "the measurement names anti-Ito" in told.note


def test_waits_that_age_are_out_of_regime():
    """5000 waits drawn uniformly: the later, the likelier to leave; the hazard test must see it, and must not see it in exponential waits."""
    rng = np.random.default_rng(5)
    e = replace(QUICK[1], transient=1)
    ageing = memoryless(as_exits(rng.uniform(1, 2000, 5000), np.array([])), e)
    memory_free = memoryless(as_exits(*drawn(1000.0, replicas=1000, window=5000.0, seed=6)), e)
    assert not ageing.holds
    assert ageing.measured > 2
    assert memory_free.holds
    assert memory_free.measured == pytest.approx(1, abs=0.15)
    assert not memoryless(as_exits(np.array([10.0] * 5), np.array([])), e).holds


def test_training_is_the_same_bits_for_the_same_seed():
    e = replace(QUICK[2], replicas=256, iterations=600, well=QUICK[2].well)
    hot = replace(e, dynamics=replace(e.dynamics, learning_rate=0.01, momentum=0.8))
    first, again, other = (train(hot, seed=s) for s in (7, 7, 8))
    np.testing.assert_array_equal(first.times, again.times)
    np.testing.assert_array_equal(first.censored, again.censored)
    assert first.censored.tolist() != other.censored.tolist()
    assert first.exposure == 256 * 600
