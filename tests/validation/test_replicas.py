"""Replicas in one tensor are so many separate trainings: torch's own optimizers, one network at a time, are the judge."""

import copy
import functools

import pytest
import torch
from torch.func import functional_call

import eyring as ey
from eyring.errors import NotApplicable, ParameterError
from eyring.validation.replicas import train
from eyring.validation.replicas.events import Event
from eyring.validation.replicas.fused import fused_gradients
from eyring.validation.replicas.problem import TrainingProblem
from eyring.validation.replicas.reading import read_optimizer
from eyring.validation.replicas.train import Team, train_replicas
from eyring.validation.samplers import SAMPLERS, make_sampler

SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW
OPTIMIZERS = {
    "sgd": functools.partial(SGD, lr=0.3),
    "decay": functools.partial(SGD, lr=0.3, weight_decay=0.05),
    "momentum": functools.partial(SGD, lr=0.1, momentum=0.9),
    "dampening": functools.partial(SGD, lr=0.3, momentum=0.8, dampening=0.6, weight_decay=0.05),
    "nesterov": functools.partial(SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
    "adam": functools.partial(Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-3),
    "adam-decay": functools.partial(Adam, lr=0.05, weight_decay=0.1),
    "amsgrad": functools.partial(Adam, lr=0.05, betas=(0.6, 0.7), amsgrad=True),
    "adamw": functools.partial(AdamW, lr=0.05, weight_decay=0.2),
}
R, S, N, STEPS = 5, 4, 13, 24


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(loss_fn=None):
    """Three classes, two layers, 43 parameters."""
    torch.manual_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3), torch.nn.LayerNorm(3, elementwise_affine=False)).double()
    data = torch.randn(N, 3, dtype=torch.float64), torch.randint(3, (N,))
    return model, loss_fn or torch.nn.CrossEntropyLoss(), data


def one_by_one(model, loss_fn, data, optimizer, batches, left):
    """Train each replica as a network of its own with torch's optimizer; whoever has left begins again as a new network with a new optimizer."""
    ends, times = [], []
    for r in range(R):
        began, net = 0, copy.deepcopy(model)
        torch_optimizer = optimizer(net.parameters())
        for step in range(1, STEPS + 1):
            rows = torch.from_numpy(batches[step - 1, r])
            torch_optimizer.zero_grad()
            loss_fn(net(data[0][rows]), data[1][rows]).backward()
            torch_optimizer.step()
            if left(torch.nn.utils.parameters_to_vector(net.parameters()).detach()[None]).item():
                times.append((step, r, step - began))
                began, net = step, copy.deepcopy(model)
                torch_optimizer = optimizer(net.parameters())
        ends.append(torch.nn.utils.parameters_to_vector(net.parameters()).detach())
    return torch.stack(ends), [time for _, _, time in sorted(times)]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_replica_is_trained_as_torch_trains_it_alone_and_begins_afresh_after_an_escape(name, sampler, monkeypatch):
    """In parcels of two and one, with the watch of a processor; and all at once, with that of a graphics card."""
    model, loss_fn, data = network()
    problem = TrainingProblem(model, loss_fn, data)
    start = problem.pack(model.state_dict())

    def left(thetas):
        return (thetas - start).norm(dim=1) > 0.9

    def draws():
        return make_sampler(sampler, samples=N, batch_size=S, replicas=R, seed=3)

    theirs, times = one_by_one(model, loss_fn, data, OPTIMIZERS[name], draws().draw(STEPS), left)
    assert 3 <= len(times) < R * STEPS / 2
    for host_looks in (False, True):
        if host_looks:
            monkeypatch.setattr(train, "FEWEST", 2)
            monkeypatch.setattr(train, "PARCEL", 1)
        team = Team(problem, read_optimizer(OPTIMIZERS[name], model), Event(left, "left"), start, R, host_looks=host_looks)
        assert len(team.parcels) == (3 if host_looks else 1)
        for indices in torch.from_numpy(draws().draw(STEPS)):
            team.advance(indices)
        team.watch.report(STEPS)
        assert team.watch.times().tolist() == times
        assert (team.thetas - theirs).abs().max() < 2e-13  # rounding of 24 steps


def test_loss_and_gradients_are_those_of_the_model_itself():
    """Autograd on the model's own parameters is the other road; entries of the gradients are of order 0.1."""
    model, loss_fn, data = network()
    problem = TrainingProblem(model, loss_fn, data)
    theta = problem.pack(model.state_dict())
    assert problem.dimension == 38 and problem.samples == N
    loss = loss_fn(model(data[0]), data[1])
    gradient = torch.nn.utils.parameters_to_vector(torch.autograd.grad(loss, list(model.parameters())))
    torch.testing.assert_close(problem.loss(theta), loss.detach(), rtol=1e-14, atol=0)
    torch.testing.assert_close(problem.gradient(theta), gradient, rtol=0, atol=1e-15)
    rows = torch.tensor([4, 0, 4])
    singles = [torch.autograd.grad(loss_fn(model(data[0][i : i + 1]), data[1][i : i + 1]), list(model.parameters())) for i in rows]
    singles = torch.stack([torch.nn.utils.parameters_to_vector(g) for g in singles])
    for chunk in (None, 2):
        torch.testing.assert_close(problem.sample_gradients(theta, rows, chunk=chunk), singles, rtol=0, atol=1e-15)
    torch.testing.assert_close(problem.sample_losses(theta).mean(), loss.detach(), rtol=1e-14, atol=0)
    thetas = torch.stack([theta, 2 * theta])
    torch.testing.assert_close(problem.batch_gradients(thetas, torch.stack([rows, rows]))[0], singles.mean(0), rtol=0, atol=1e-15)
    torch.testing.assert_close(problem.losses(thetas), torch.stack([problem.loss(row) for row in thetas]), rtol=1e-14, atol=0)


def test_weight_decay_in_the_loss_pulls_as_that_of_sgd():
    model, loss_fn, data = network()
    plain, decayed = (TrainingProblem(model, loss_fn, data, weight_decay=d) for d in (0.0, 0.3))
    theta, rows = plain.pack(model.state_dict()), torch.tensor([[1, 2]])
    for gradient in (lambda p: p.gradient(theta), lambda p: p.sample_gradients(theta)[3], lambda p: p.batch_gradients(theta[None], rows)[0]):
        torch.testing.assert_close(gradient(decayed) - gradient(plain), 0.3 * theta, rtol=1e-13, atol=1e-15)
    assert decayed.losses(theta[None]).item() == pytest.approx(plain.loss(theta).item() + 0.15 * theta.square().sum().item(), rel=1e-14)


def test_a_state_dict_goes_in_and_comes_out_with_frozen_and_tied_parameters_and_buffers_as_constants():
    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(2, 2)
            self.second = torch.nn.Linear(2, 2)
            self.second.weight = self.first.weight
            self.norm = torch.nn.BatchNorm1d(2)
            self.second.bias.requires_grad_(False)

        def forward(self, x):
            return self.second(self.norm(self.first(x)))

    model = Tied().double().eval()
    data = torch.randn(6, 2, dtype=torch.float64), torch.randn(6, 2, dtype=torch.float64)
    problem = TrainingProblem(model, torch.nn.MSELoss(), data)
    theta = problem.pack(model.state_dict())
    assert problem.dimension == 4 + 2 + 2 + 2  # the shared weight, one bias, scale and shift of the norm
    moved = problem.unpack(theta + 1)
    assert set(moved) == set(model.state_dict())
    changed = copy.deepcopy(model)
    changed.load_state_dict(moved)
    assert problem.loss(theta + 1).item() == pytest.approx(torch.nn.functional.mse_loss(changed(data[0]), data[1]).item(), rel=1e-14)
    assert torch.equal(problem.pack(moved), theta + 1)
    for name in ("norm.running_mean", "second.bias", "second.weight"):
        with pytest.raises(ParameterError, match=rf"{name}, a constant"):
            problem.pack({**moved, name: moved[name] + 1})
    with pytest.raises(ParameterError, match=r"missing: first\.bias"):
        problem.pack({name: value for name, value in moved.items() if name != "first.bias"})
    with pytest.raises(ParameterError, match="unknown: odd"):
        problem.pack({**moved, "odd": theta})
    with pytest.raises(ParameterError, match="not finite"):
        problem.pack({**moved, "first.bias": moved["first.bias"] * torch.nan})


def test_the_problem_does_not_follow_later_training_of_the_model():
    model, loss_fn, data = network()
    problem = TrainingProblem(model, loss_fn, data)
    before = problem.loss(problem.pack(model.state_dict()))
    theta = problem.pack(model.state_dict())
    for value in model.parameters():
        value.data.add_(1)
    assert problem.loss(theta) == before
    assert all(value.requires_grad for value in model.parameters())


class Noisy(torch.nn.Module):
    """Draws masks that no layer announces."""

    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(3, 3)

    def forward(self, x):
        return torch.nn.functional.dropout(self.line(x), 0.5)


class Mixing(torch.nn.Module):
    """Normalizes by the statistics of the batch without a layer that says so."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x):
        return torch.nn.functional.batch_norm(self.layer(x), None, None, training=True)


class Recurrent(torch.nn.Module):
    """Has no batching rule."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.GRU(1, 3, batch_first=True)

    def forward(self, x):
        return self.layer(x.unsqueeze(2))[0][:, -1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m, f, d: (Recurrent().double(), f, d), "cannot be differentiated for many replicas at once.*no recurrent"),
        (lambda m, f, d: (torch.nn.Sequential(m, torch.nn.BatchNorm1d(3).double()), f, d), r"BatchNorm1d '1' is in train mode.*model\.eval"),
        (lambda m, f, d: (torch.nn.Sequential(m, torch.nn.Dropout(0.1)), f, d), "Dropout '1' is in train mode"),
        (lambda m, f, d: (Noisy().double(), f, d), "draws random numbers"),
        (lambda m, f, d: (m, torch.nn.CrossEntropyLoss(reduction="none"), d), r"0-d tensor.*got \(13,\)"),
        (lambda m, f, d: (m, torch.nn.CrossEntropyLoss(reduction="sum"), d), "must be the mean over the batch"),
        (lambda m, f, d: (m, torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 9.0]).double()), d), "without weights"),
        (lambda m, f, d: (m, lambda p, t: f(p, t) / 0, d), "loss at the model's own parameters is inf"),
        (lambda m, f, d: (m.float(), f, d), "cannot be evaluated.*float32, inputs torch.float64"),
        (lambda m, f, d: (Mixing().double(), f, d), r"fewer samples cannot: the model raised ValueError.*\(1, 3\).*no layer that mixes samples"),
        (lambda m, f, d: (m, lambda p, t: p.nothing, d), r"loss_fn raised AttributeError: .*nothing.*prediction torch\.float64 \(13, 3\)"),
        (lambda m, f, d: (m, lambda p, t: {}["weights"], d), r"loss_fn raised KeyError: 'weights' .*targets torch\.int64 \(13,\)"),
        (lambda m, f, d: (m, f, (d[0], d[1][:-1])), r"one row per sample, got the shapes \(13, 3\) and \(12,\)"),
        (lambda m, f, d: (m, f, (d[0].index_fill(0, torch.tensor([7]), torch.nan), d[1])), "inputs of sample 7 are not finite"),
        (lambda m, f, d: (m, f, d[0]), "two tensors"),
        (lambda m, f, d: (m.requires_grad_(False), f, d), "no trainable parameter"),
        (lambda m, f, d: (functional_call, f, d), r"must be a torch\.nn\.Module, got function"),
    ],
)
def test_what_is_no_mean_over_samples_is_refused(change, message):
    model, loss_fn, data = network()
    with pytest.raises(ParameterError, match=message):
        TrainingProblem(*change(model, loss_fn, data))


def test_batchnorm_and_dropout_in_eval_mode_are_welcome():
    model, loss_fn, data = network()
    quiet = torch.nn.Sequential(model, torch.nn.BatchNorm1d(3).double(), torch.nn.Dropout(0.5)).eval()
    assert TrainingProblem(quiet, loss_fn, data).dimension == 38 + 6


def groups(model, **settings):
    first, *others = model.parameters()
    return SGD([{"params": [first], **settings}, {"params": others}], lr=0.1)


def scheduled(model):
    optimizer = SGD(model.parameters(), lr=0.1)
    torch.optim.lr_scheduler.StepLR(optimizer, 10)
    return optimizer


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda m: torch.optim.RMSprop(m.parameters(), lr=0.1), NotApplicable, r"RMSprop.*Known: torch\.optim\.SGD, Adam"),
        (lambda m: type("Mine", (SGD,), {})(m.parameters(), lr=0.1), NotApplicable, "Mine"),
        (lambda m: groups(m, lr=0.2), NotApplicable, "groups differ in lr"),
        (lambda m: SGD(m.parameters(), lr=0.1, maximize=True), NotApplicable, "climbs"),
        (scheduled, NotApplicable, "scheduler"),
        (lambda m: SGD(list(m.parameters())[1:], lr=0.1), ParameterError, r"leaves out 0\.weight"),
        (lambda m: SGD([*m.parameters(), torch.zeros(1, requires_grad=True)], lr=0.1), ParameterError, "1 of its tensors"),
        (lambda m: SGD, ParameterError, "the class SGD says no learning rate"),
        (lambda m: "sgd", ParameterError, "got str"),
        (lambda m: SGD(m.parameters(), lr=0.1, momentum=1.0), ParameterError, "momentum must be at least 0 and below 1"),
        (lambda m: SGD(m.parameters(), lr=0.0), ParameterError, "lr must be positive"),
        (lambda m: ey.SGD(), ParameterError, "learning_rate of the SGD is still a symbol"),
        (lambda m: ey.WhiteNoiseGD(learning_rate=0.1, temperature=1), NotApplicable, "WhiteNoiseGD"),
    ],
)
def test_optimizers_that_are_not_understood_are_refused(build, error, message):
    model = network()[0]
    with pytest.raises(error, match=message):
        read_optimizer(build(model), model)


def test_the_same_settings_in_two_groups_and_eyrings_own_optimizers_are_read():
    model = network()[0]
    rule = read_optimizer(groups(model), model)
    assert rule == read_optimizer(ey.SGD(learning_rate=0.1), model) == read_optimizer(functools.partial(SGD, lr=0.1), model)
    ours = read_optimizer(ey.MomentumSGD(learning_rate=0.1, momentum=0.5, dampening=0.25), model)
    assert ours == read_optimizer(SGD(model.parameters(), lr=0.1, momentum=0.5, dampening=0.25), model)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}, {"momentum": 0.6, "dampening": 0.5, "weight_decay": 0.3}, {"momentum": 0.8, "nesterov": True}])
@pytest.mark.parametrize("curvature", [0.3, 9.0, 25.0])
def test_the_growth_along_a_curvature_is_that_of_torch_on_a_parabola(settings, curvature):
    """Two starts span the linear map of (theta, buffer); its eigenvalues are the other road."""
    x = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = SGD([x], lr=0.1, **settings)
    x.grad = torch.zeros_like(x)
    optimizer.step()  # begins the buffers at zero but for the decay
    x.data.copy_(torch.tensor([1.0, 0.0]))
    buffer = optimizer.state[x].get("momentum_buffer")
    if buffer is not None:
        buffer.copy_(torch.tensor([0.0, 1.0]))
    x.grad = curvature * x.detach()
    optimizer.step()
    rows = [x.detach()] + ([] if buffer is None else [buffer])
    matrix = torch.stack(rows)[:, : len(rows)]
    rule = read_optimizer(functools.partial(SGD, lr=0.1, **settings), torch.nn.Linear(1, 1))
    assert rule.spectral_radius(curvature) == pytest.approx(torch.linalg.eigvals(matrix).abs().max().item(), rel=1e-12)


@pytest.mark.parametrize("kind", ["dense", "convolution", "attention"])
def test_the_written_down_gradients_are_the_same_bits(kind):
    class Attention(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.look, self.out = torch.nn.MultiheadAttention(4, 2, batch_first=True), torch.nn.Linear(4, 3)

        def forward(self, x):
            return self.out(self.look(x, x, x)[0].mean(1))

    torch.manual_seed(2)
    makers = {
        "dense": lambda: (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.LayerNorm(4), torch.nn.Linear(4, 3)), (9, 3)),
        "convolution": lambda: (torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 3)), (9, 1, 4, 4)),
        "attention": lambda: (Attention(), (9, 5, 4)),
    }
    model, shape = makers[kind]()
    problem = TrainingProblem(model, torch.nn.CrossEntropyLoss(), (torch.randn(shape), torch.randint(3, (9,))))
    thetas = problem.pack(model.state_dict()) + torch.randn(6, problem.dimension) / 10
    gradients = fused_gradients(problem, thetas, torch.zeros(6, 2, dtype=torch.int64))
    rows = torch.randint(9, (6, 2))
    assert gradients is not None
    assert torch.equal(gradients(2 * thetas, rows), problem.batch_gradients(2 * thetas, rows))


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    monkeypatch.setattr(train, "PARCEL", 100 * 38)
    model, loss_fn, data = network()
    problem = TrainingProblem(model, loss_fn, data)
    start = problem.pack(model.state_dict())
    ends = []
    for threads in (0, 2, 3):
        team = Team(problem, read_optimizer(OPTIMIZERS["momentum"], model), Event(lambda t: t[:, 0] > 9, "far"), start, 333, threads=threads)
        if threads:
            team.fuse(S)
            assert team.pool is not None
        for indices in torch.from_numpy(make_sampler("with replacement", samples=N, batch_size=S, replicas=333, seed=3).draw(10)):
            team.advance(indices)
        team.close()
        ends.append(team.thetas)
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_run_in_two_pieces_is_the_run_in_one_to_the_bit(sampler, tmp_path, monkeypatch):
    model, loss_fn, data = network()
    problem = TrainingProblem(model, loss_fn, data)
    start = problem.pack(model.state_dict())

    def run(iterations, optimizer="dampening", **more):
        return train_replicas(
            problem,
            rule=read_optimizer(OPTIMIZERS[optimizer], model),
            event=Event(lambda thetas: (thetas - start).norm(dim=1) > 0.9, "left", stay=3),
            start=start,
            sampler=make_sampler(sampler, samples=N, batch_size=S, replicas=R, seed=3),
            iterations=iterations,
            **more,
        )

    whole, file = run(130), tmp_path / "run.npz"
    assert whole.events > 10
    run(58, checkpoint=file)  # in the middle of an epoch
    monkeypatch.setattr(train, "WORTH_FUSING", 50)  # the second piece, by the list of operations
    pieces = run(130, checkpoint=file)
    assert pieces.times.tobytes() == whole.times.tobytes() and pieces.censored.tobytes() == whole.censored.tobytes()
    again = run(130, checkpoint=file)  # nothing is left to do
    assert again.times.tobytes() == whole.times.tobytes()
    with pytest.raises(ParameterError, match="belongs to another run"):
        run(130, "nesterov", checkpoint=file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ParameterError, match="is no checkpoint"):
        run(130, checkpoint=file)
