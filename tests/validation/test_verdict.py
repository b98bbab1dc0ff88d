"""The verdict's rules, and how often they raise a false alarm."""

import math

import numpy as np
import pytest
from scipy import stats

from eyring.errors import ParameterError
from eyring.numerics.answer import Estimate
from eyring.validation.verdict import Choice, MeasuredCondition, Prediction, Verdict, exit_status, judge, tell_apart


def counted(events: int, *, exposure: float = 1.0, level: float = 0.95) -> Estimate:
    """Return the rate of a Poisson count with its chi-square interval."""
    tail = (1 - level) / 2
    low, high = stats.chi2.ppf(tail, 2 * events) / 2, stats.chi2.isf(tail, 2 * events + 2) / 2
    return Estimate(events / exposure, low / exposure, high / exposure, events, "events over exposure", "1/time", level)


def gaussian(value: float, error: float, *, level: float = 0.95, events: int = 10_000) -> Estimate:
    z = stats.norm.isf((1 - level) / 2)
    return Estimate(value, value - z * error, value + z * error, events, "drawn", "1", level)


def probability_of(status: str, mean: float) -> float:
    """Sum the Poisson law over the counts that lead to a status; the prediction is true and exact."""
    counts = np.arange(max(1, int(mean - 8 * math.sqrt(mean))), int(mean + 10 * math.sqrt(mean)) + 20)
    statuses = np.array([judge("rate", counted(int(n)), Prediction.within(mean, 0, "truth")).status for n in counts])
    return float(stats.poisson.pmf(counts, mean)[statuses == status].sum())


@pytest.mark.parametrize("mean", [1.5, 3.0, 10.0, 100.0, 1000.0])
def test_a_true_prediction_is_rejected_less_than_five_times_in_a_million(mean):
    """Exact sum over all counts; the Gaussian value of 5 sigma is 5.7e-7."""
    assert probability_of("disagrees", mean) < 5e-6


@pytest.mark.parametrize("mean", [1000.0, 3000.0])
def test_a_true_prediction_agrees_in_99_of_100_runs(mean):
    """The 99 % interval meets the truth in 99 % of all runs, here summed exactly: to 0.2 %."""
    assert probability_of("agrees", mean) == pytest.approx(0.99, abs=0.002)


def test_gaussian_errors_give_the_same_rates():
    """30 000 draws at 1 % error: 99 % agree (5 sigma of the simulation: 0.29 %), none is rejected (false alarm 0.06)."""
    draws = np.random.default_rng(0).normal(1.0, 0.01, 30_000)
    statuses = np.array([judge("ratio", gaussian(d, 0.01), Prediction.within(1.0, 0, "truth")).status for d in draws])
    assert np.mean(statuses == "agrees") == pytest.approx(0.99, abs=0.0029)
    assert np.sum(statuses == "disagrees") == 0


def test_a_prediction_at_the_edge_of_its_own_error_is_not_rejected_either():
    """The truth at the end of the theory's interval: the gap beyond it is half a Gaussian, so at most 0.5 % fail to agree."""
    draws = np.random.default_rng(1).normal(1.05, 0.01, 15_000)
    statuses = np.array([judge("ratio", gaussian(d, 0.01), Prediction(1.0, 0.95, 1.05, "truth")).status for d in draws])
    assert np.mean(statuses == "agrees") == pytest.approx(0.995, abs=0.0025)


def test_six_sigma_is_a_disagreement_and_four_is_undecided():
    """The distance is counted in standard errors of the measurement, whatever the level of its interval."""
    for level in (0.68, 0.95, 0.99):
        far = judge("x", gaussian(1.06, 0.01, level=level), Prediction.within(1.0, 0, "t"))
        near = judge("x", gaussian(1.04, 0.01, level=level), Prediction.within(1.0, 0, "t"))
        assert (far.status, near.status) == ("disagrees", "undecided")
        assert near.sigma == pytest.approx(math.log(1.04) / 0.01 * 1.04, rel=0.03)  # d ln x = dx/x, and the interval is not quite symmetric in ln x


def test_the_theorys_own_error_is_taken_off_the_distance():
    verdict = judge("x", gaussian(1.10, 0.01), Prediction.within(1.0, 0.06, "t"))
    assert verdict.sigma == pytest.approx(math.log(1.10 / 1.06) * 1.10 / 0.01, rel=0.03)
    assert verdict.status == "undecided"
    assert judge("x", gaussian(1.10, 0.01), Prediction.within(1.0, 0.09, "t")).status == "agrees"


def test_an_interval_too_wide_to_see_ten_per_cent_decides_nothing():
    verdict = judge("x", gaussian(1.0, 0.05), Prediction.within(1.0, 0, "t"), resolution=0.1)
    assert verdict.status == "undecided"
    assert "too wide to see a difference of 10%" in verdict.note
    assert judge("x", gaussian(1.0, 0.05), Prediction.within(1.0, 0, "t"), resolution=0.2).status == "agrees"


def test_a_theory_with_a_large_own_error_cannot_agree():
    verdict = judge("x", gaussian(1.0, 0.001), Prediction.within(1.0, 0.3, "t"), resolution=0.1)
    assert verdict.status == "undecided"
    assert "own error" in verdict.note


def test_a_failed_condition_is_out_of_regime_before_anything_else():
    conditions = [MeasuredCondition("the barrier is high", 1.3, False), MeasuredCondition("the step is small", 0.01, True)]
    verdict = judge("x", gaussian(9.0, 0.01), Prediction.within(1.0, 0, "t"), conditions=conditions)
    assert verdict.status == "out of regime"
    assert "the barrier is high: here 1.3" in verdict.note


def test_a_formula_that_does_not_know_its_own_error_is_at_best_consistent_in_the_exponent():
    unknown = Prediction(1.0, None, None, "leading order")
    assert judge("x", gaussian(1.0, 0.01), unknown).status == "undecided"
    assert "consistent in the exponent" in judge("x", gaussian(2.0, 0.01), unknown).note
    assert "consistent" not in judge("x", gaussian(2.8, 0.1), unknown).note
    assert judge("x", gaussian(20.0, 0.1), unknown).status == "disagrees"


def test_nine_events_reject_nothing():
    assert judge("x", counted(9), Prediction.within(200.0, 0, "t")).status == "undecided"
    assert judge("x", counted(10), Prediction.within(200.0, 0, "t")).status == "disagrees"


def test_the_ratio_carries_its_99_per_cent_interval():
    """17 000 events: the interval of the ratio is +-2.576/sqrt(17000) = +-1.98 %, by hand."""
    ratio = judge("x", counted(17_000), Prediction.within(17_000.0, 0, "t")).ratio
    assert (ratio.level, ratio.value) == (0.99, 1.0)
    assert math.log(ratio.high / ratio.low) / 2 == pytest.approx(2.576 / math.sqrt(17_000), rel=0.01)


def test_numbers_that_may_be_negative_are_compared_by_difference():
    verdict = judge("shift", gaussian(-0.02, 0.01), Prediction.within(0.01, 0, "t"))
    assert verdict.sigma == pytest.approx(3.0, rel=1e-6)
    assert verdict.ratio.value == pytest.approx(-0.03)


def test_the_one_rival_that_is_left_is_named():
    rivals = {"ito": Prediction.within(1.0, 0.01, "t"), "anti-ito": Prediction.within(3.0, 0.01, "t")}
    choice = tell_apart(gaussian(1.0, 0.01), rivals, claim="the time is {}'s")
    assert choice.named == "ito"
    verdict = choice.verdict("SGD is Ito", expected="ito")
    assert (verdict.status, verdict.own, verdict.claim) == ("agrees", True, "SGD is Ito")
    assert choice.verdicts["anti-ito"].claim == "the time is anti-ito's"
    assert "names ito" in choice.sentence
    assert choice.verdict("SGD is anti-Ito", expected="anti-ito").status == "disagrees"


def test_nothing_is_named_while_a_rival_is_left():
    rivals = {"ito": Prediction.within(1.0, 0, "t"), "stratonovich": Prediction.within(1.03, 0, "t")}
    choice = tell_apart(gaussian(1.0, 0.01), rivals, claim="{}")
    assert choice.named is None
    assert choice.verdict("Ito", expected="ito").status == "undecided"
    assert "names none" in choice.sentence


def verdict_with(status: str, *, own: bool) -> Verdict:
    estimate = gaussian(1.0, 0.01)
    return Verdict("x", status, estimate, Prediction.within(1.0, 0, "t"), estimate, 0.0, 0.1, own=own)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [(["agrees"], 0), (["agrees", "disagrees", "out of regime"], 1), (["agrees", "undecided"], 2), (["undecided", "out of regime"], 3), ([], 2)],
)
def test_the_exit_status_judges_own_predictions_alone(statuses, expected):
    """A rejected rival is a result, not a failure."""
    verdicts = [verdict_with(s, own=True) for s in statuses] + [verdict_with("disagrees", own=False)]
    assert exit_status(verdicts) == expected


def test_a_verdict_prints_ratio_interval_and_distance():
    text = str(judge("the time is Ito's", gaussian(1.02, 0.01), Prediction.within(1.0, 0, "t"), note="one remark"))
    assert text.startswith("AGREES: the time is Ito's; measured / predicted = 1.0200 [")
    assert text.endswith("one remark")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Prediction(1.0, 0.9, None, "t"), "two ends"),
        (lambda: Prediction(math.nan, 0.9, 1.1, "t"), "must be finite"),
        (lambda: Prediction(2.0, 0.9, 1.1, "t"), "within its own error"),
        (lambda: judge("x", Estimate(math.inf, 0.0, math.inf, 0, "m", "1"), Prediction(1.0, 1.0, 1.0, "t")), "run longer"),
        (lambda: judge("x", Estimate(1.0, 1.0, 1.0, 5, "m", "1"), Prediction(1.0, 1.0, 1.0, "t")), "interval around its value"),
        (lambda: judge("x", gaussian(1.0, 0.1), Prediction(1.0, 1.0, 1.0, "t"), resolution=0.0), "resolution"),
    ],
)
def test_what_cannot_be_compared_is_refused(build, message):
    with pytest.raises(ParameterError, match=message):
        build()


def test_a_choice_is_plain_data():
    assert Choice(None, {}).sentence.endswith("names none of them alone")
    assert judge("x", gaussian(1.0, 0.01), Prediction.within(1.0, 0, "t")).to_dict()["predicted"]["source"] == "t"
