"""The court in earnest: torch trains replicas of a double well, and every law says what it expects."""

import math

import court_well
import pytest
import sympy as sp
from court_jobs import Inline

import eyring as ey
from eyring.validation import Experiment

x = sp.Symbol("x", real=True)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own, as it loads forward derivatives
def test_real_training_and_every_law_end_in_a_ruling(tmp_path):
    """Two batch sizes at learning rate 0.05: eyring's own law stays, its times are those of the exact diffusion, a law for other noise is out of regime."""
    plan = Experiment(
        problem=court_well.problem, learning_rates=(0.05,), batch_sizes=(3, 4), momenta=(0.0,), scales=(1.0,), sampler="with replacement",
        event="next well", replicas=400, iterations=2500, seed=1,
    )  # fmt: skip
    results = plan.run(tmp_path, executor=Inline())
    ruling = results.verdict()
    assert not results.no_barrier
    assert not ruling.trouble
    for cell in results.cells:
        sde = ey.SDE(x - x**3, sp.Rational(9, 40 * cell.setting.batch_size), [x])
        exact = float(ey.exact_escape_time(sde, start=-1, target=1).value) / 0.05
        assert cell.rows["eyring"]["value"] == pytest.approx(math.log(exact), abs=0.05)  # the steps shorten or lengthen it by some eta
        assert cell.rate.events > 60
        assert math.log(cell.rate.value * exact) == pytest.approx(0.0, abs=5 / math.sqrt(cell.rate.events) + 0.05)
    own = ruling.score("eyring", "time")
    assert own.verdict.ratio.low < 1.05
    assert own.verdict.ratio.high > 0.95
    assert own.status in ("agrees", "undecided")
    assert ruling.score("xie", "time").status == "out of regime"
    assert "G = |H|" in ruling.score("xie", "time").reason
    assert ruling.score("mori-nd", "slope").status == "no answer"
