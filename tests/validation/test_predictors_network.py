"""Predictions for real torch modules: the measured numbers against the same loss and noise as formulas, and against exact answers in the plane."""

import numpy as np
import pytest
import sympy as sp
import torch
from measured_wells import straight_path

import eyring as ey
from eyring.errors import NotApplicable, ParameterError
from eyring.numerics.exact.action.field import field_of
from eyring.validation import predict_escape
from eyring.validation.predictors.network import NetworkField, NetworkSurroundings
from eyring.validation.predictors.surroundings import KnownLandscape
from eyring.validation.replicas.problem import TrainingProblem

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own, as it loads forward derivatives
X, Y = sp.symbols("x y", real=True)
LOSS = X**4 / 4 - X**2 / 2 + 3 * (1 + X**2) * Y**2 / 2 + X * Y / 2
SIGNS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
SAMPLES = [LOSS + a * (2 * (X + X**2 / 10) + 3 * Y / 10) + 3 * b * (Y + X * Y / 5) for a, b in SIGNS]
MINIMUM = (-1.01015565947679892738673436299, 0.0833290793621129166169305492889)


class Tilted(torch.nn.Module):
    """The same samples as a module: its prediction is the sample's loss."""

    def __init__(self, decay=0.0):
        super().__init__()
        self.place = torch.nn.Parameter(torch.tensor(MINIMUM, dtype=torch.float64))
        self.decay = decay

    def forward(self, signs):
        """Return the loss of each sample."""
        x, y = self.place
        loss = x**4 / 4 - x**2 / 2 + 1.5 * (1 + x**2) * y**2 + x * y / 2 + self.decay * (x**2 + y**2) / 2
        return loss + signs[:, 0] * (2 * (x + x**2 / 10) + 0.3 * y) + 3 * signs[:, 1] * (y + x * y / 5)


DATA = (torch.tensor(SIGNS, dtype=torch.float64), torch.zeros(4, dtype=torch.float64))


def mean(prediction, target):
    """The batch mean."""
    return prediction.mean()


def predicted(model, start, **how):
    """Return the table of a module at eta = 0.02, B = 1."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    return predict_escape(model, mean, DATA, optimizer, start=start, event="next well", batch_size=1, **how)


@pytest.fixture(scope="module")
def table():
    """The prediction over the saddle at the origin."""
    model = Tilted()
    return predicted(model, model.state_dict(), over=np.zeros(2))


@pytest.mark.long
def test_a_module_is_predicted_to_3_percent_of_the_exact_time_in_the_plane(table):
    """The exact mean time of the SDE to x = 0.9 by spectral elements, against the row of the measured way; barrier over noise 8.7."""
    loss, noise = ey.Landscape(LOSS, [X, Y]), ey.noise.FiniteSum(SAMPLES)
    sde = ey.SGD(learning_rate=sp.Rational(1, 50), batch_size=1).sde(loss, noise)
    exact = ey.exact_escape_time(sde, start=MINIMUM, target=sp.Gt(X, sp.Rational(9, 10))).log - np.log(0.02)
    row = table.row("path")
    assert row.log_iterations == pytest.approx(exact, abs=0.03)
    assert row.low < exact < row.high
    assert [a.sentence[:21] for a in row.violations] == ["the valley is narrow:"]
    assert table.row("kramers-isotropic").high < exact - 1
    assert table.row("quasipotential").note.count("NetworkSurroundings") == 1


class Straight(torch.nn.Module):
    """Two samples with the double well in x and a parabola in y, pulled to both sides; weight decay may be written into each."""

    def __init__(self, decay=0.0):
        super().__init__()
        self.place = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.decay = decay

    def forward(self, sign):
        """Return the loss of each sample."""
        x, y = self.place
        return x**4 / 4 - x**2 / 2 + 1.5 * y**2 + self.decay * (x**2 + y**2) / 2 + 2 * sign * x


def test_weight_decay_is_a_part_of_the_loss():
    """Decay by the optimizer, and the same written into every sample's loss, give one table: that of the shallower well, on one measured path."""
    decay = sp.Rational(1, 5)
    loss = X**4 / 4 - X**2 / 2 + 3 * Y**2 / 2 + decay * (X**2 + Y**2) / 2
    side = float(sp.sqrt(1 - decay))
    path = straight_path(loss, sp.diag(4, sp.Rational(1, 10**6)), [X, Y], (-side, 0), (0, 0), (side, 0))
    assert path.barrier == pytest.approx(0.16, abs=1e-12)
    data = (torch.tensor([1.0, -1.0], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    given = {"start": path.minimum.position, "over": path, "event": "next well", "batch_size": 1}

    def asked(model, **settings):
        return predict_escape(model, mean, data, torch.optim.SGD(model.parameters(), lr=0.01, **settings), **given)

    by_optimizer, by_hand = asked(Straight(), weight_decay=0.2), asked(Straight(decay=0.2))
    for one, other in zip(by_optimizer.rows, by_hand.rows, strict=True):
        assert one.value == (pytest.approx(other.value, abs=1e-9) if other.value is not None else None)
    assert by_hand.row("kramers-langer").log_iterations == pytest.approx(0.16 / 0.02 + np.log(2 * np.pi / np.sqrt(1.6 * 0.8) / 0.01), abs=0.02)
    double = predict_escape(Straight(decay=0.2), mean, data, lambda p: torch.optim.SGD(p, lr=0.01), **{**given, "over": [path, path]})
    assert by_hand.row("path").log_iterations - double.row("path").log_iterations == pytest.approx(np.log(2), abs=1e-12)
    with pytest.raises(ParameterError, match="measured on another loss"):
        asked(Straight())
    with pytest.raises(ParameterError, match="begins at another minimum"):
        predict_escape(Straight(decay=0.2), mean, data, lambda p: torch.optim.SGD(p, lr=0.01), **{**given, "start": np.zeros(2)})


def test_the_network_s_own_hamiltonian_is_that_of_the_formulas():
    """Drift, noise and every derivative by automatic differentiation against sympy's, at points away from the way."""
    symbolic = field_of(ey.SGD(learning_rate=2, batch_size=1).sde(ey.Landscape(LOSS, [X, Y]), ey.noise.FiniteSum(SAMPLES)), {})
    network = NetworkField.of(TrainingProblem(Tilted(), mean, DATA))
    x, p = np.random.default_rng(5).normal(size=(2, 6, 2))
    for name in ("drift", "diffusion", "jacobian"):
        assert getattr(network, name)(x) == pytest.approx(getattr(symbolic, name)(x), rel=1e-12, abs=1e-12), name
    for name in ("energy", "slope", "mixed", "curvature"):
        assert getattr(network, name)(x, p) == pytest.approx(getattr(symbolic, name)(x, p), rel=1e-11, abs=1e-11), name


@pytest.mark.exhaustive
def test_the_least_action_of_a_module_is_that_of_its_formulas():
    """The same exponent and prefactor, 3e-9, by automatic differentiation and by sympy."""
    ends = np.array(MINIMUM), np.zeros(2)
    one = NetworkSurroundings(TrainingProblem(Tilted(), mean, DATA)).unit(*ends)
    other = KnownLandscape(ey.Landscape(LOSS, [X, Y]), ey.noise.FiniteSum(SAMPLES)).unit(*ends)
    assert (one.action, one.log_prefactor) == pytest.approx((other.action, other.log_prefactor), rel=3e-9)


def test_what_has_no_prediction_is_refused():
    """Adam, an unknown event, no saddle at all, a start that is no minimum, a batch as large as the data: a sentence each."""
    model = Tilted()
    state = model.state_dict()
    sgd = torch.optim.SGD(model.parameters(), lr=0.02)

    def asked(optimizer=sgd, start=state, **how):
        return predict_escape(model, mean, DATA, optimizer, start=start, **{"event": "next well", "batch_size": 1, **how})

    with pytest.raises(NotApplicable, match="those of SGD with or without momentum, got Adam"):
        asked(torch.optim.Adam(model.parameters(), lr=0.02))
    with pytest.raises(ParameterError, match="event must say what counts as escaped"):
        asked(event="away")
    with pytest.raises(ParameterError, match="empty list of saddles"):
        asked(over=[])
    with pytest.raises(ParameterError, match="all data at every step: gradient descent without noise"):
        asked(batch_size=4, sampler="without replacement")
    with pytest.raises(ParameterError, match="a batch of 5 is larger than the data, 4 samples"):
        asked(batch_size=5)
    with pytest.raises(ParameterError, match="batch size must be a whole number from 1, got '1'"):
        asked(batch_size="1")
    with pytest.raises(ParameterError, match=r"must be a torch\.nn\.Module, got function"):
        predict_escape(mean, mean, DATA, sgd, start=state, event="next well", batch_size=1)
    with pytest.raises(ParameterError, match="no minimum"):
        asked(start=torch.tensor([-0.2, 0.0], dtype=torch.float64))
    one = NetworkSurroundings(TrainingProblem(torch.nn.Linear(1, 1, bias=False), torch.nn.MSELoss(), (torch.ones(2, 1), torch.ones(2, 1))))
    with pytest.raises(NotApplicable, match="2 x 1\\^2"):
        one.unit(np.zeros(1), np.ones(1))
