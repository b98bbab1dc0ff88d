"""The papers' experiments: what every one promises, what is refused, and the numbers of some against answers had elsewhere."""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from side_jobs import NAMES, fatal, stand_in
from sign_means import seen_means_are_binomial

import eyring as ey
from eyring.cli import main
from eyring.errors import AccuracyError, NotApplicable, ParameterError
from eyring.numerics.answer import Estimate
from eyring.numerics.exact.chain.survival import Box, chain_rate, sign_batches
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.sources import SOURCES
from eyring.validation.court.shards import Job
from eyring.validation.reproduce import side_by_side
from eyring.validation.reproduce import xie_double_well as well
from eyring.validation.reproduce import xie_styblinski_tang as tang
from eyring.validation.reproduce.batch_law import batch_law, batch_quantiles, normal_weights
from eyring.validation.reproduce.contract import Finding, Reproduction, Row
from eyring.validation.reproduce.escape_rows import Seen, own_rows
from eyring.validation.reproduce.fits import line, mean_exit_time, pooled, straightness
from eyring.validation.reproduce.originals import demand_files, read_csv
from eyring.validation.reproduce.page import papers_page, stored_reports
from eyring.validation.reproduce.pictures import blank_figure
from eyring.validation.reproduce.registry import reproduction, reproductions
from eyring.validation.reproduce.report import Report
from eyring.validation.reproduce.signed_sum import Run, sign_patterns, train_exits
from eyring.validation.verdict import EXIT_STATUS

ROOT = Path(__file__).parents[2]
XIE = ("xie-covariance", "xie-double-well", "xie-logistic", "xie-networks", "xie-styblinski-tang", "xie-white-noise")


@pytest.mark.parametrize("name", reproductions())
def test_every_reproduction_says_what_it_stands_for(name):
    """A name for the command line, a paper of the bibliography, claims; plain data for JSON."""
    what = reproduction(name)
    assert what.name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert what.paper in SOURCES
    assert what.claims
    assert min(len(text) for text in (what.title, what.figure, what.setting, *what.claims)) > 5
    assert json.loads(json.dumps(what.to_dict()))["label"] == "small-scale analogue"


def test_every_experiment_of_xie_et_al_is_there():
    assert set(XIE) <= set(reproductions())


def test_listing_loads_neither_torch_nor_scikit_learn():
    code = "from eyring.cli import main; import sys; main(['reproduce', '--list']); print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "xie-styblinski-tang" in done.stdout


def test_the_command_refuses_what_it_does_not_know(capsys):
    """An unknown name lists the known ones; nothing to do, or two things to do, is misuse."""
    for words in (["nowhere"], [], ["--all", "xie-covariance"], ["--markdown", "docs"], ["--all", "--data-dir", "docs"]):
        assert main(["reproduce", *words]) == 64, words
    assert "xie-covariance" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_one_that_fails_stops_no_other_whatever_the_number_of_workers(workers, monkeypatch, capsys, tmp_path):
    """Reports in the order asked for, the failure told, status 1; nothing to do with how many run at a time."""
    monkeypatch.setattr(side_by_side, "_run", stand_in)
    assert main(["reproduce", *NAMES, "--quick", "--workers", str(workers), "--directory", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert re.findall(r"Stand-in for (\S+)", out) == [NAMES[0], NAMES[2]]
    assert "ziyin-tail failed: AccuracyError: the tail was not there" in err


def test_what_an_experiment_raises_is_told_unless_it_is_the_only_one(monkeypatch, tmp_path):
    """Alone, its exception goes on; among others it is text; a process that ends is told too; no worker is misuse."""
    names = list(reproductions())[:2]
    monkeypatch.setattr(Reproduction, "run", lambda self, directory, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(side_by_side.run_side_by_side(names[:1], tmp_path, quick=True))
    found = list(side_by_side.run_side_by_side(names, tmp_path, workers=1, quick=True))
    assert found == [(name, "ZeroDivisionError: division by zero") for name in names]
    monkeypatch.setattr(side_by_side, "_run", fatal)
    found = list(side_by_side.run_side_by_side(names, tmp_path, workers=2, quick=True))
    assert [(name, said.split(":")[0]) for name, said in found] == [(name, "BrokenProcessPool") for name in names]
    with pytest.raises(ParameterError, match="workers = 0"):
        list(side_by_side.run_side_by_side(names, tmp_path, workers=0, quick=True))


def test_the_list_as_json(capsys):
    assert main(["reproduce", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"]["xie-double-well"]["paper"] == "xie2021"


def test_original_data_are_read_as_they_are_or_refused(tmp_path):
    """Numbers with the class in the last column; else the message says what is needed. An experiment without data refuses a folder."""
    good = tmp_path / "good.csv"
    good.write_text("1.0,5.0,2\n2.0,5.0,7\n3.0,5.0,2\n")
    inputs, targets = read_csv(good)
    assert targets.tolist() == [0, 1, 0]
    np.testing.assert_allclose(inputs, [[-math.sqrt(1.5), 0], [0, 0], [math.sqrt(1.5), 0]])
    for number, (text, said) in enumerate([
        ("1,2\n1,2,3\n", "columns"), ("1,a,0\n2,3,1\n", "not a number"), ("1,nan,0\n2,3,1\n", "not finite"), ("1,2,0.5\n1,2,1\n", "whole"), ("1,2,3\n", "one class"),
    ]):  # fmt: skip
        bad = tmp_path / f"bad{number}.csv"
        bad.write_text(text)
        with pytest.raises(ParameterError, match=said):
            read_csv(bad)
    with pytest.raises(ParameterError, match=r"has no mnist\.csv.*without header"):
        demand_files(tmp_path, ["mnist.csv"])
    with pytest.raises(ParameterError, match="has no mnist"):
        reproduction("xie-covariance").run(tmp_path / "out", quick=True, data=tmp_path)
    with pytest.raises(NotApplicable, match="takes no data of others"):
        tang.REPRODUCTION.run(tmp_path / "out", quick=True, data=tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "row", [("c", math.nan, None, None, "agrees"), ("c", 1.0, 0.5, None, "agrees"), ("c", 1.0, 2.0, 3.0, "agrees"), ("c", 1.0, 0.0, 2.0, "holds")]
)
def test_a_row_that_makes_no_sense_is_refused(row):
    with pytest.raises(ParameterError):
        Row(*row)


def squares(limit):
    """Return the squares below a limit: a job."""
    return {"squares": np.arange(limit) ** 2}


def tiny(calls=None):
    """Return a reproduction of no physics: one job, one row."""

    def judge(results, quick):
        if calls is not None:
            calls.append(quick)
        value = float(results["squares"]["squares"].sum())
        return Finding(
            (Row("the squares below 4 add to 14", value, value - 1, value + 1, "agrees", own=True, note="a|b"),), lambda: blank_figure(2, 2)
        )

    return Reproduction(
        "xie-covariance",
        "xie2021",
        "none",
        "A test",
        "Nothing is trained.",
        ("sums",),
        lambda quick, data: {"squares": Job(squares, {"limit": 4})},
        judge,
    )


def test_a_run_leaves_a_report_that_is_read_back_and_makes_the_page(tmp_path):
    """Rows, verdict, command and picture; a second run finds its shard and keeps the time of the first; the page shows all of it."""
    seen = []
    report = tiny().run(tmp_path, quick=True, progress=lambda what, fraction: seen.append((what, fraction)))
    home = tmp_path / "xie-covariance"
    assert report.rows[0].measured == 14
    assert (report.verdict, report.exit_status) == ("agrees", 0)
    assert Report.read(home / "report.json") == report
    assert (home / "picture.png").read_bytes()[:4] == b"\x89PNG"
    assert seen[-1] == ("xie-covariance: verdicts", 1.0)
    shard = home / "quick" / "squares.npz"
    before = shard.stat().st_mtime_ns
    assert tiny().run(tmp_path, quick=True).seconds >= report.seconds
    assert shard.stat().st_mtime_ns == before
    page = papers_page(tmp_path)
    assert "| the squares below 4 add to 14 | 14 | [13, 15] | agrees | a\\|b |" in page
    assert "`eyring reproduce xie-covariance --quick`" in page
    assert f"({tmp_path.name}/xie-covariance/picture.png)" in page
    (home / "report.json").write_text('{"name": "x"}')
    with pytest.raises(ParameterError, match="is not the report"):
        papers_page(tmp_path)


def test_a_folder_without_reports_or_with_unknown_ones_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="holds no report"):
        stored_reports(tmp_path)
    tiny().run(tmp_path, quick=True)
    (tmp_path / "xie-covariance").rename(tmp_path / "gone-experiment")
    with pytest.raises(ParameterError, match="gone-experiment"):
        stored_reports(tmp_path)


def test_the_page_of_papers_is_current():
    """Made from the stored reports; and every stored report is of a run in its whole length, whose rows end in a verdict."""
    folder = ROOT / "docs/papers"
    assert papers_page(folder) + "\n" == (ROOT / "docs/papers.md").read_text(encoding="utf-8"), (
        "write it anew: eyring reproduce --markdown docs/papers"
    )
    for report in stored_reports(folder):
        assert {row.verdict for row in report.rows} <= set(EXIT_STATUS)
        assert (folder / report.name / "picture.png").stat().st_size < 200_000


def test_a_line_and_its_error_are_those_of_least_squares():
    """Slope, intercept and chi^2 as numpy's weighted fit; the slope's error as its unscaled covariance."""
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=7), rng.uniform(0.5, 2, 7)
    y = 3 * x - 1 + rng.normal(size=7)
    (slope, intercept), covariance = np.polyfit(x, y, 1, w=v**-0.5, cov="unscaled")
    found = line(x, y, v)
    np.testing.assert_allclose(found, [slope, math.sqrt(covariance[0, 0]), intercept, np.sum((y - slope * x - intercept) ** 2 / v)])
    with pytest.raises(ParameterError, match="two different places"):
        line([1.0, 1.0], [0.0, 1.0], [1.0, 1.0])


def times(logs, events):
    """Return measured times with these logarithms."""
    return [Estimate(math.exp(y), math.exp(y - 0.01), math.exp(y + 0.01), events, "a test", "time", 0.99) for y in logs]


def test_a_bent_line_is_seen_and_a_straight_one_is_not_rejected():
    """A bend of 0.4 in the middle of three points with 10 000 exits each is 30 sigma; none is none; 50 exits see nothing."""
    assert straightness("c", [0, 1, 2], times([0, 1.4, 2], 10_000)).verdict == "disagrees"
    assert straightness("c", [0, 1, 2], times([0, 1.0, 2], 10_000)).verdict == "agrees"
    assert straightness("c", [0, 1, 2], times([0, 1.0, 2], 50)).verdict == "undecided"
    assert abs(straightness("c", [0, 1, 2], times([0, 1.5, 2], 10_000)).measured - 1 / 3) < 1e-12  # of a bend b the middle keeps 2 b/3


def test_ratios_are_pooled_by_their_exits():
    """Two ratios e^0.3 and 1 with 1000 and 3000 exits: e^0.075, +- 2.576/sqrt(4000)."""
    found = pooled([0.3, 0.0], [1000, 3000], "")
    np.testing.assert_allclose([math.log(found.value), math.log(found.high / found.value)], [0.075, 2.5758293 / math.sqrt(4000)])


def test_ten_exits_are_the_least_that_make_a_rate():
    with pytest.raises(ParameterError, match="9 exits"):
        mean_exit_time({"times": np.full(9, 5.0), "censored": np.full(9, 9.0)}, 1.0)


@pytest.mark.parametrize("module", [tang, well], ids=["styblinski-tang", "double-well"])
def test_declared_gradients_are_those_of_the_samples(module):
    """Autograd of every sample's loss: the mean is the declared gradient, the covariance over samples is diagonal with g_i'^2."""
    landscape = module.EXPERIMENT.landscape
    dim = len(landscape.start)
    theta = torch.linspace(-0.9, 1.7, dim, dtype=torch.float64)
    each = torch.autograd.functional.jacobian(landscape.sample_losses, theta)
    np.testing.assert_allclose(each.mean(0), landscape.gradient(theta[None])[0], rtol=1e-12)
    centred = each - each.mean(0)
    np.testing.assert_allclose(centred.T @ centred / len(each), np.diag(landscape.slopes(theta[None])[0] ** 2), atol=1e-14)
    start = torch.tensor([landscape.start], dtype=torch.float64)
    assert float(landscape.gradient(start).abs().max()) < 1e-15
    hessian = torch.autograd.functional.hessian(lambda t: landscape.loss(t[None])[0], start[0])
    np.testing.assert_allclose(landscape.slopes(start)[0] ** 2, np.diag(hessian), rtol=4e-3)  # C = H/B at the minimum


def test_batches_of_signs_are_binomial():
    """After a step from the minimum in ten coordinates; six signs have seven means."""
    seen_means_are_binomial(tang.EXPERIMENT.landscape, 6)


def test_batches_too_large_to_count_are_refused():
    with pytest.raises(ParameterError, match="B = 64 in 10"):
        train_exits(tang.EXPERIMENT.landscape, Run(1.0, 64, 0.0, 1.0, 8, 1, 0))


def test_all_patterns_of_signs_are_there_once():
    assert len({tuple(row) for row in sign_patterns(10)}) == 1024


def test_the_chain_of_one_coordinate_is_eyrings_exact_chain():
    """Without momentum: the mean passage time by collocation, which adds to 1/rate the way down to the wall, 0.13 % here."""
    import sympy as sp

    x = sp.Symbol("x", real=True)
    f, g = (x**4 - 16 * x**2 + 5 * x) / 800, sp.Rational(39, 200) * x + sp.Rational(55, 4000) * x**2
    noise = FiniteSum([f + g, f - g], copies=[1, 1])
    dynamics = ey.SGD(learning_rate=2, batch_size=6)
    exact = float(ey.exact_chain_time(dynamics, noise.landscape([x]), noise, start=tang.MINIMUM, target=tang.GONE))
    found = tang.chain_time(Run(2.0, 6, 0.0, 1.0, 1, 1, 0), True)
    assert 1e-4 < exact / (10 * found["time"]) - 1 < 2.5e-3
    assert found["error"] < 1e-3


def test_the_chain_with_momentum_against_walkers_in_numpy():
    """Heavy ball in the same well at a high temperature, 4096 walkers by hand: within 5 standard errors (about 6 %), mu = 0.9 over mu = 0 being 0.82."""
    run = Run(0.4, 6, 0.9, 1.0, 1, 1, 0)
    rng = np.random.default_rng(1)
    x, m = np.full(4096, tang.MINIMUM), np.zeros(4096)
    waits, age = [], np.zeros(4096)
    for _ in range(1500):
        signs = 2 * rng.binomial(6, 0.5, 4096) / 6 - 1
        m = 0.9 * m + (2 * x**3 - 16 * x + 2.5) / 400 + signs * (3.9 + 0.55 * x) / 20
        x, age = x - 0.4 * m, age + 1
        gone = x < tang.GONE
        waits.append(age[gone])
        x[gone], m[gone], age[gone] = tang.MINIMUM, 0, 0
    found = mean_exit_time({"times": np.concatenate(waits), "censored": age[age > 0]}, 150)
    predicted = 10 * tang.chain_time(run, True)["time"]
    assert abs(math.log(found.value / predicted)) < 5 / math.sqrt(found.events) < 0.12
    assert abs(tang.chain_time(Run(4.0, 6, 0.0, 1.0, 1, 1, 0), True)["time"] * 10 / predicted - 1) > 0.1


def test_the_plane_chain_splits_where_the_plane_does():
    """Two independent coordinates: the escape along x does not care for y, whatever its noise; six points a side are the least."""
    means, chances = sign_batches(4)
    batches = [(a, b, p * q) for a, p in zip(means, chances, strict=True) for b, q in zip(means, chances, strict=True)]
    slope, eta = lambda x: 0.2 * (x**3 - x), 0.3

    def coupled(x, y, noise):
        return x - eta * (slope(x) + 0.45 * noise[0]), y - eta * (0.3 * y + 0.2 * noise[1])

    def alone(x, v, noise):
        return x - eta * (slope(x) + 0.45 * noise[0]), 0 * v

    where = {"exited": lambda x, y: x > 0.9, "start": (-1.0, 0.0)}
    one, _ = chain_rate(alone, [(m, 0.0, p) for m, p in zip(means, chances, strict=True)], Box((-2.6, -1), (1.0, 1.0), (111, 9)), **where)
    two, _ = chain_rate(coupled, batches, Box((-2.6, -1), (1.0, 1.0), (111, 27)), **where)
    assert abs(two / one - 1) < 1e-6
    with pytest.raises(ParameterError, match="grid points"):
        Box((0, 0), (1, 1), (5, 9))
    with pytest.raises(AccuracyError, match="more points"):
        chain_rate(coupled, batches, Box((-2.6, -1), (1.0, 1.0), (24, 9)), **where)


def test_the_law_of_a_batch_is_that_of_drawn_batches():
    """Mean 0, variance 1, and the skewness of one sample over sqrt(B)."""
    values = np.random.default_rng(0).exponential(size=100)
    nodes, chances = batch_law(values - values.mean(), 16)
    assert abs(chances.sum() - 1) < 1e-12
    moments = [float(chances @ nodes**power) for power in (1, 2, 3)]
    skewness = float(np.mean((values - values.mean()) ** 3) / np.std(values) ** 3) / 4
    assert np.abs(np.array(moments) - [0, 1, skewness]).max() < 0.02
    scores = np.linspace(-4.2, 4.2, 43)
    found, weights = batch_quantiles(values - values.mean(), 16, scores), normal_weights(scores)
    assert abs(weights @ found) < 1e-12 * values.std()
    assert abs(16 * (weights @ found**2) / values.var() - 1) < 1e-12  # under the weights that are used with them
    drawn = np.sort(np.random.default_rng(1).choice(values - values.mean(), (16, 200_000)).mean(0))
    middle = np.abs(scores) < 2.5
    np.testing.assert_allclose(found[middle], np.quantile(drawn, ndtr(scores[middle])), atol=0.02 * drawn.std() * 2)


def test_a_papers_own_data_are_trained_on_and_judged(tmp_path):
    """A CSV file of banknotes: its valley is measured in a job of its own, and the judge, who does not see the file, finds the same settings."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 4))
    classes = (inputs[:, 0] + rng.normal(size=60) > 0).astype(int)
    np.savetxt(tmp_path / "banknote.csv", np.column_stack([inputs, classes]), delimiter=",")
    what = reproduction("xie-logistic")
    jobs = what.plan(True, tmp_path)
    plain = [name for name in jobs if name.startswith("valley")]
    assert plain == ["valley banknote.csv, logistic"]
    results = {plain[0]: jobs[plain[0]].function(**jobs[plain[0]].arguments)}
    for place, name in enumerate(sorted(name.removeprefix("train ") for name in jobs if name.startswith("train"))):
        results[f"train {name}"] = {"times": rng.exponential(1e5 * (1 + place), 4000).astype(int) + 1, "censored": np.array([5])}
        results[f"chain {name}"] = {"time": 1e5 * (1 + place), "error": 1e-3}
    (tmp_path / "banknote.csv").unlink()
    rows = what.judge(results, True).rows
    assert rows[0].verdict == "agrees"
    assert [row.verdict for row in rows if "no barrier" in row.note] == ["out of regime"]
    assert not any(name.startswith("valley") for name in what.plan(True, None))


@pytest.mark.long
def test_trained_replicas_escape_as_the_chain_says_and_a_wrong_covariance_is_seen():
    """torch.optim.SGD on ten coordinates, about 2000 exits: the chain's time is met; with G twice too large it is rejected.

    A right chain is called undecided in 1 of 100 seeds; this seed is not one of them.
    """
    run = Run(2.2, 6, 0.0, 1.0, 2048, 2000, 5)
    seen = mean_exit_time(train_exits(tang.EXPERIMENT.landscape, run), tang.EXPERIMENT.transient(run))
    right = tang.chain_time(run, True)
    good = Seen(run, seen, right["time"], right["error"], tang.exponent(run))
    assert [row.verdict for row in own_rows([good], "the chain", quick=False)] == ["agrees"]
    wrong = replace(good, predicted=_with_twice_the_noise(run))
    assert [row.verdict for row in own_rows([wrong], "the chain", quick=False)] == ["disagrees"]


def _with_twice_the_noise(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tang, "TILT_SLOPE", tuple(math.sqrt(2) * c for c in tang.TILT_SLOPE))
        return tang.chain_time(run, True)["time"]
