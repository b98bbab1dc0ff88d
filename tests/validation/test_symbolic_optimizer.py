"""The optimizer compiled from the symbolic rule takes the path that torch.optim takes."""

import io
import itertools
from dataclasses import dataclass

import pytest
import sympy as sp
import torch
from sklearn.datasets import load_digits

import eyring as ey
from eyring.errors import ParameterError
from eyring.theory.dynamics import SGD, Adam, AdamW, MomentumSGD, Nesterov, RMSprop, WeightDecaySGD, WhiteNoiseGD
from eyring.theory.dynamics.contract import DT, GRADIENT, PARAMETER, Assignment, Dynamics, PhaseSpace
from eyring.theory.symbols import batch_size, exact_number, learning_rate
from eyring.validation.symbolic_optimizer import SymbolicOptimizer

STEPS, BATCH, RATE, MOMENTUM = 200, 32, 0.05, 0.9
CASES = {
    "plain": (SGD(), {"eta": RATE}, {}),
    "momentum": (MomentumSGD(), {"eta": RATE, "mu": MOMENTUM}, {"momentum": MOMENTUM}),
    "dampening": (MomentumSGD(dampening=0.3), {"eta": RATE, "mu": MOMENTUM}, {"momentum": MOMENTUM, "dampening": 0.3}),
    "nesterov": (MomentumSGD(momentum=MOMENTUM, nesterov=True), {"eta": RATE}, {"momentum": MOMENTUM, "nesterov": True}),
}


DECAYS = {"beta_1": 0.9, "beta_2": 0.99, "eps": 1e-8}
AVERAGED = {"betas": (0.9, 0.99), "eps": 1e-8}
OTHERS = {
    "adam": (Adam(), {"eta": 0.01, **DECAYS}, torch.optim.Adam, {"lr": 0.01, **AVERAGED}),
    "adam, decayed": (Adam(weight_decay=0.01), {"eta": 0.01, **DECAYS}, torch.optim.Adam, {"lr": 0.01, **AVERAGED, "weight_decay": 0.01}),
    "adamw": (AdamW(), {"eta": 0.01, **DECAYS, "weight_decay": 0.1}, torch.optim.AdamW, {"lr": 0.01, **AVERAGED, "weight_decay": 0.1}),
    "rmsprop": (RMSprop(), {"eta": 0.001, "beta_2": 0.99, "eps": 1e-8}, torch.optim.RMSprop, {"lr": 0.001, "alpha": 0.99, "eps": 1e-8}),
    "weight decay": (WeightDecaySGD(), {"eta": RATE, "weight_decay": 0.1}, torch.optim.SGD, {"lr": RATE, "weight_decay": 0.1}),
    "nesterov's own form": (Nesterov(), {"eta": RATE, "mu": MOMENTUM}, torch.optim.SGD, {"lr": RATE, "momentum": MOMENTUM, "nesterov": True}),
}


class DampenedFromTheStart(MomentumSGD):
    """The planted error: torch does not dampen the first gradient."""

    @property
    def first_step(self):
        return {}


def network():
    generator = torch.Generator().manual_seed(3)
    layers = [torch.nn.Linear(64, 16), torch.nn.Tanh(), torch.nn.Linear(16, 10)]
    model = torch.nn.Sequential(*layers).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64) / 8)
    return model


@pytest.fixture(scope="module")
def digits():
    inputs, targets = load_digits(return_X_y=True)
    return torch.from_numpy(inputs / 16.0), torch.from_numpy(targets)


def train(make_optimizer, digits, *, steps=STEPS, scheduler=None, first=0, model=None, optimizer=None):
    """Train on real minibatches, the same ones for every optimizer, and return the flattened parameters and the losses."""
    inputs, targets = digits
    model = model or network()
    optimizer = optimizer or make_optimizer(model.parameters())
    schedule = scheduler(optimizer) if scheduler else None
    generator = torch.Generator().manual_seed(11)
    batches = [torch.randint(len(inputs), (BATCH,), generator=generator) for _ in range(first + steps)][first:]
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        losses.append(loss.item())
    return torch.cat([p.detach().flatten() for p in model.parameters()]), losses


def distance(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


@pytest.mark.parametrize("name", CASES)
def test_the_rule_takes_the_path_of_torch_sgd_to_1e_12_after_200_minibatch_steps(name, digits):
    dynamics, values, keywords = CASES[name]
    ours, losses = train(lambda p: SymbolicOptimizer(p, dynamics, values=values), digits)
    theirs, _ = train(lambda p: torch.optim.SGD(p, lr=RATE, **keywords), digits)
    start = torch.cat([p.detach().flatten() for p in network().parameters()])
    assert distance(ours, theirs) <= 1e-12
    assert distance(start, theirs) > 0.05  # it has gone somewhere
    assert sum(losses[-20:]) < 0.8 * sum(losses[:20])  # and it learns: the learning rate is a stable one


@pytest.mark.parametrize("name", OTHERS)
def test_the_rules_beyond_sgd_take_the_paths_of_torch_too(name, digits):
    """Bias correction by the step count, eps outside the root, decay coupled or decoupled: 200 steps agree to 1e-12."""
    dynamics, values, torch_optimizer, keywords = OTHERS[name]
    ours, _ = train(lambda p: SymbolicOptimizer(p, dynamics, values=values), digits)
    theirs, _ = train(lambda p: torch_optimizer(p, **keywords), digits)
    start = torch.cat([p.detach().flatten() for p in network().parameters()])
    assert distance(ours, theirs) <= 1e-12
    assert distance(start, theirs) > 0.05


def test_coupled_and_decoupled_decay_are_told_apart(digits):
    coupled = Adam(weight_decay=0.1)
    ours, _ = train(lambda p: SymbolicOptimizer(p, coupled, values={"eta": 0.01, **DECAYS}), digits, steps=20)
    theirs, _ = train(lambda p: torch.optim.AdamW(p, lr=0.01, **AVERAGED, weight_decay=0.1), digits, steps=20)
    assert distance(ours, theirs) > 1e-6


@pytest.mark.parametrize(
    ("planted", "values", "keywords"),
    [
        (DampenedFromTheStart(dampening=0.3), {"eta": RATE, "mu": MOMENTUM}, {"momentum": MOMENTUM, "dampening": 0.3}),
        (MomentumSGD(), {"eta": RATE, "mu": MOMENTUM}, {"momentum": MOMENTUM, "nesterov": True}),
        (MomentumSGD(), {"eta": RATE * (1 + 1e-9), "mu": MOMENTUM}, {"momentum": MOMENTUM}),
    ],
    ids=["dampening at the first step", "nesterov forgotten", "learning rate off by 1e-9"],
)
def test_a_planted_error_leaves_the_path(planted, values, keywords, digits):
    ours, _ = train(lambda p: SymbolicOptimizer(p, planted, values=values), digits, steps=50)
    theirs, _ = train(lambda p: torch.optim.SGD(p, lr=RATE, **keywords), digits, steps=50)
    assert distance(ours, theirs) > 1e-11


def test_torch_schedulers_move_the_learning_rate(digits):
    def schedule(optimizer):
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60)

    ours, _ = train(lambda p: SymbolicOptimizer(p, MomentumSGD(momentum=0.9), values={"eta": RATE}), digits, steps=60, scheduler=schedule)
    theirs, _ = train(lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9), digits, steps=60, scheduler=schedule)
    constant, _ = train(lambda p: torch.optim.SGD(p, lr=RATE, momentum=0.9), digits, steps=60)
    assert distance(ours, theirs) <= 1e-12
    assert distance(constant, theirs) > 1e-3


def test_groups_keep_their_own_hyperparameters_and_parameters_without_gradient_rest():
    fast, slow, idle = (torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(3))
    optimizer = SymbolicOptimizer([{"params": [fast]}, {"params": [slow, idle], "lr": 0.01, "mu": 0.5}], MomentumSGD(learning_rate=0.1, momentum=0.9))
    twin = [torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2)]
    reference = torch.optim.SGD([{"params": twin[:1]}, {"params": twin[1:], "lr": 0.01, "momentum": 0.5}], lr=0.1, momentum=0.9)
    for k in range(4):
        for p in (fast, slow, *twin):
            p.grad = torch.full((3,), 1.0 + k, dtype=torch.float64)
        optimizer.step()
        reference.step()
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.01]
    assert distance(fast.detach(), twin[0].detach()) <= 1e-15 and distance(slow.detach(), twin[1].detach()) <= 1e-15
    assert torch.equal(idle.detach(), torch.ones(3, dtype=torch.float64)) and idle not in optimizer.state


def test_a_first_gradient_that_comes_late_still_starts_the_buffer_undampened():
    theta = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = SymbolicOptimizer([theta], MomentumSGD(learning_rate=1, momentum=0.5, dampening=0.5))
    optimizer.step()
    theta.grad = torch.ones(1, dtype=torch.float64)
    optimizer.step()
    theta.grad.zero_()  # as zero_grad(set_to_none=False): the buffer must be a copy of the first gradient
    optimizer.step()
    assert theta.item() == -1.5


def test_a_closure_is_evaluated_with_gradients_and_its_loss_returned():
    theta = torch.nn.Parameter(torch.tensor([3.0], dtype=torch.float64))
    optimizer = SymbolicOptimizer([theta], SGD(learning_rate=0.25))

    def closure():
        optimizer.zero_grad()
        loss = theta.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 9.0
    assert theta.item() == 1.5


@pytest.mark.parametrize(
    "dynamics", [MomentumSGD(momentum=0.9, dampening=0.1, learning_rate=RATE), WhiteNoiseGD(learning_rate=RATE, temperature=1e-3)]
)
def test_a_run_resumed_from_its_saved_state_is_the_same_bit_by_bit(dynamics, digits):
    def fresh(parameters, seed=5):
        return SymbolicOptimizer(parameters, dynamics, generator=torch.Generator().manual_seed(seed))

    whole, _ = train(fresh, digits, steps=30)
    model = network()
    optimizer = fresh(model.parameters())
    train(None, digits, steps=12, model=model, optimizer=optimizer)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed = network()
    resumed.load_state_dict(saved["model"])
    continued = fresh(resumed.parameters(), seed=99)
    continued.load_state_dict(saved["optimizer"])
    parts, _ = train(None, digits, steps=18, first=12, model=resumed, optimizer=continued)
    assert torch.equal(parts, whole)


def test_injected_noise_is_white_with_variance_2_eta_t_per_element_and_step():
    """Without a gradient w is a random walk: 2e5 increments, whose variance is known to 5 sigma = 1.6 %; false alarm 6e-7 each."""
    walkers, steps, eta, T = 2000, 100, 0.1, 0.3
    w = torch.nn.Parameter(torch.zeros(walkers, dtype=torch.float64))
    optimizer = SymbolicOptimizer([w], WhiteNoiseGD(), values={"eta": eta, "T": T}, generator=torch.Generator().manual_seed(1))
    path = [w.detach().clone()]
    for _ in range(steps):
        w.grad = torch.zeros_like(w)
        optimizer.step()
        path.append(w.detach().clone())
    kicks = torch.stack([b - a for a, b in itertools.pairwise(path)])
    count = kicks.numel()
    assert abs(kicks.square().mean().item() / (2 * eta * T) - 1) < 5 * (2 / count) ** 0.5
    assert abs(kicks.mean().item()) < 5 * (2 * eta * T / count) ** 0.5
    for a, b in ((kicks[1:], kicks[:-1]), (kicks[:, 1:], kicks[:, :-1])):  # later steps, other elements
        assert abs((a * b).mean().item() / (2 * eta * T)) < 5 / a.numel() ** 0.5


def test_the_draws_come_from_the_generator_alone():
    def endpoint(seed):
        w = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
        optimizer = SymbolicOptimizer([w], WhiteNoiseGD(learning_rate=0.1, temperature=1), generator=torch.Generator().manual_seed(seed))
        w.grad = torch.zeros_like(w)
        torch.rand(3)  # the global stream plays no part
        optimizer.step()
        return w.detach()

    assert torch.equal(endpoint(1), endpoint(1)) and not torch.equal(endpoint(1), endpoint(2))


def test_single_precision_stays_single():
    w = torch.nn.Parameter(torch.ones(2))
    optimizer = SymbolicOptimizer([w], MomentumSGD(learning_rate=0.1, momentum=0.5))
    w.grad = torch.ones(2)
    optimizer.step()
    assert w.dtype == torch.float32 and optimizer.state[w]["m"].dtype == torch.float32


def test_values_go_by_symbol_or_by_printed_name_and_may_sit_inside_expressions():
    base, eta = sp.Symbol("base", positive=True), sp.Symbol("eta", positive=True)
    w = torch.nn.Parameter(torch.ones(1))
    assert SymbolicOptimizer([w], SGD(), values={eta: 0.2, "B": 8}).param_groups[0]["lr"] == 0.2
    assert SymbolicOptimizer([w], SGD(learning_rate=base / 4), values={"base": 0.2}).param_groups[0]["lr"] == 0.05
    assert SymbolicOptimizer([w], MomentumSGD(learning_rate=0.1, dampening=0.5), values={"mu": 0.9}).param_groups[0].items() >= {
        "lr": 0.1, "mu": 0.9, "dampening": 0.5,
    }.items()  # fmt: skip


def parameter(dtype=torch.float64):
    return torch.nn.Parameter(torch.ones(2, dtype=dtype))


@pytest.mark.parametrize(
    ("dynamics", "values", "message"),
    [
        (MomentumSGD(), {"eta": 0.1}, r"MomentumSGD takes values for B, eta, mu; missing: mu"),
        (SGD(), {"eta": 0.1, "mu": 0.9}, r"unknown: mu"),
        (SGD(learning_rate=0.1), {"eta": 0.2}, r"unknown: eta \(already fixed: learning_rate = 1/10\)"),
        (SGD(), {"eta": float("nan")}, r"eta must be a real, finite number, got nan"),
        (SGD(), {"eta": float("inf")}, r"eta must be a real, finite number, got inf"),
        (SGD(), {"eta": 0.1j}, r"eta must be a real, finite number, got 0.1j"),
        (SGD(), {"eta": "0.1"}, r"eta must be a real, finite number, got '0.1'"),
        (SGD(), {"eta": -0.1}, r"learning_rate must be a real number above 0, got -1/10"),
        (MomentumSGD(), {"eta": 0.1, "mu": 1.0}, r"momentum must be a real number at least 0 and below 1, got 1"),
        (MomentumSGD(), {"eta": 0.1, "mu": -0.5}, r"momentum must be a real number at least 0"),
    ],
)
def test_a_value_that_is_missing_unknown_or_impossible_is_refused(dynamics, values, message):
    with pytest.raises(ParameterError, match=message):
        SymbolicOptimizer([parameter()], dynamics, values=values)


@dataclass(frozen=True, kw_only=True)
class TwiceAveraged(Dynamics):
    """An optimizer that is nowhere in the package: two buffers in a row, each averaging the one before."""

    learning_rate: sp.Expr | float = learning_rate
    batch_size: sp.Expr | int = batch_size

    @property
    def rule(self):
        eta, p, q = exact_number(self.learning_rate), *sp.symbols("p q", real=True)
        return (
            Assignment(p, p / 2 + GRADIENT / 2),
            Assignment(q, 3 * q / 4 + p / 4),
            Assignment(PARAMETER, PARAMETER - eta * q),
        )

    @property
    def phase_space(self):
        eta, p, q = exact_number(self.learning_rate), *sp.symbols("p q", real=True)
        return PhaseSpace(clock=eta, limit={learning_rate: DT}, place=PARAMETER - eta * (p + 3 * q))


def test_an_optimizer_written_in_one_place_has_its_sde_its_torch_run_and_its_walkers():
    """Extension: nothing but the class. Its SDE is SGD's (both averages only delay), its torch path is one computed by hand."""
    x = sp.Symbol("x", real=True)
    well = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
    sde, plain = (d.sde(well, ey.noise.Isotropic()) for d in (TwiceAveraged(), SGD()))
    assert (sde.drift, sde.diffusion, sde.clock) == (plain.drift, plain.diffusion, plain.clock)
    assert sde.derivation.cited == ()
    w = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = SymbolicOptimizer([w], TwiceAveraged(), values={"eta": 0.25})
    p = q = 0.0
    by_hand = 1.0
    for gradient in (0.5, -1.25, 2.0, 0.75):
        w.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        p = (p + gradient) / 2
        q = (3 * q + p) / 4
        by_hand -= 0.25 * q
    assert w.item() == by_hand
    exits = ey.simulate_escapes(
        TwiceAveraged(), well, ey.noise.Isotropic(), start=-1, event="to the saddle", over=0,
        values={"eta": 0.05, "sigma": 2.5, "B": 1}, walkers=100, iterations=400, seed=1,
    )  # fmt: skip
    assert len(exits.times) > 20


class UsesBessel(SGD):
    """A rule with a function that torch does not have under its own name."""

    @property
    def rule(self):
        return (Assignment(PARAMETER, sp.besselj(0, GRADIENT)),)


class UsesStranger(SGD):
    """A rule with a symbol that nothing defines."""

    @property
    def rule(self):
        return (Assignment(PARAMETER, PARAMETER - sp.Symbol("q") * GRADIENT),)


def test_a_rule_that_torch_cannot_run_is_refused():
    with pytest.raises(ParameterError, match=r"uses besselj; update rules may use Abs, atan"):
        SymbolicOptimizer([parameter()], UsesBessel(learning_rate=0.1))
    with pytest.raises(ParameterError, match=r"the line for theta uses q, which is no hyperparameter"):
        SymbolicOptimizer([parameter()], UsesStranger(learning_rate=0.1))


def test_groups_and_parameters_that_do_not_fit_are_refused():
    with pytest.raises(ParameterError, match=r"unknown hyperparameter momentum in a parameter group; this rule has lr, mu, dampening"):
        SymbolicOptimizer([{"params": [parameter()], "momentum": 0.5}], MomentumSGD(learning_rate=0.1, momentum=0.9))
    with pytest.raises(ParameterError, match=r"momentum must be a real number at least 0 and below 1, got 1.5"):
        SymbolicOptimizer([{"params": [parameter()], "mu": 1.5}], MomentumSGD(learning_rate=0.1, momentum=0.9))
    with pytest.raises(ParameterError, match=r"real floating-point tensors, got dtype torch.complex128"):
        SymbolicOptimizer([parameter(torch.complex128)], SGD(learning_rate=0.1))


def test_a_hyperparameter_turned_nan_or_a_sparse_gradient_stops_the_step():
    w = parameter()
    optimizer = SymbolicOptimizer([w], SGD(learning_rate=0.1))
    w.grad = torch.ones(2, dtype=torch.float64).to_sparse()
    with pytest.raises(ParameterError, match="needs a dense gradient"):
        optimizer.step()
    optimizer.param_groups[0]["lr"] = float("nan")
    with pytest.raises(ParameterError, match="lr must be a real, finite number"):
        optimizer.step()


def test_a_state_that_does_not_fit_is_refused():
    noisy = WhiteNoiseGD(learning_rate=0.1, temperature=1)
    saved = SymbolicOptimizer([parameter()], noisy, generator=torch.Generator()).state_dict()
    with pytest.raises(ParameterError, match="pass generator="):
        SymbolicOptimizer([parameter()], noisy).load_state_dict(saved)
    plain = SymbolicOptimizer([parameter()], SGD(learning_rate=0.1)).state_dict()
    with pytest.raises(ParameterError, match="belongs to another update rule"):
        SymbolicOptimizer([parameter()], noisy).load_state_dict(plain)
