"""The command line: right numbers in, right numbers out, one line and a status for everything else."""

import json
import math
import re
import subprocess
import sys
import types

import pytest

from eyring.cli import main
from eyring.cli.parser import members

QUARTIC = "x**4/4 - x**2/2"
EXACT = "729.670691942322799"  # reference value at D = 0.05, by 34-digit quadrature of another program
KRAMERS = 659.382292375020618  # 2 pi/sqrt(2) exp(5)
ESCAPE = ["derive", "escape", "--dynamics", "white-noise", "--event", "next-well", "--loss", QUARTIC]


def run(capsys, *words: str) -> tuple[int, str, str]:
    """Return status, stdout and stderr of one command."""
    status = main(words)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def answer(capsys, *words: str) -> dict:
    """Return the JSON object of a command that must succeed; it holds at least value, unit, error and conditions."""
    status, out, err = run(capsys, *words, "--json")
    assert status == 0, err
    result = json.loads(out)
    assert {"value", "unit", "error", "conditions"} <= set(result)
    return result


def test_exact_time_is_the_reference_value(capsys):
    """To 12 digits in double precision, with an error that covers the truth."""
    result = answer(capsys, "exact", "time", "--loss", QUARTIC, "--diffusion", "0.05", "--from", "-1", "--to", "1")
    assert isinstance(result["value"], str)
    assert abs(float(result["value"]) / float(EXACT) - 1) < 1e-12
    assert float(result["error"]) < 1e-9
    assert result["unit"] == "time"


def test_exact_time_to_40_digits_begins_with_the_reference_value(capsys):
    """Digits come as text, all 40 of them."""
    result = answer(capsys, "exact", "time", "--loss", QUARTIC, "--diffusion", "0.05", "--from", "-1", "--to", "1", "--digits", "40")
    assert result["value"].startswith(EXACT[:-1])
    assert len(result["value"].replace(".", "")) >= 40
    assert float(result["error"]) < 1e-35


def test_exact_time_of_an_optimizer_counts_iterations(capsys):
    """SGD with isotropic noise, eta = 0.1, sigma^2/B = 1: D = 0.05 and one iteration is 0.1 units of time."""
    result = answer(
        capsys, "exact", "time", "--loss", QUARTIC, "--dynamics", "sgd", "--noise", "isotropic", "--set", "eta=0.1", "--set", "sigma=1", "--set", "B=1",
        "--from", "-1", "--to", "1", "--per-iteration",
    )  # fmt: skip
    assert abs(float(result["value"]) / (10 * float(EXACT)) - 1) < 1e-12
    assert result["unit"] == "iterations"


@pytest.mark.parametrize(("calculus", "below"), [("stratonovich", 1.0), ("anti-ito", 1.0)])
def test_the_calculus_is_heard(capsys, calculus, below):
    """With D = 0.035 (1 + 2 x^2), the three times are ordered Ito < Stratonovich < anti-Ito: 326, 509, 821."""
    common = ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.035*(1+2*x^2)", "--from", "-1", "--to", "1")
    ito, other = (float(answer(capsys, *common, "--calculus", c)["value"]) for c in ("ito", calculus))
    assert abs(ito - 326.11) < 0.01
    assert abs(other - {"stratonovich": 509.28, "anti-ito": 821.16}[calculus]) < 0.01
    assert ito / other < below


def test_derived_escape_time_is_kramers(capsys):
    """The symbolic answer, and at T = 0.05 its number, its neglected term 3 T/2 and its conditions."""
    assert answer(capsys, *ESCAPE)["value"] == "sqrt(2)*pi*exp(1/(4*T))"
    result = answer(capsys, *ESCAPE, "--set", "T=0.05", "--set", "eta=0.01")
    assert abs(float(result["value"]) / KRAMERS - 1) < 1e-16 * 10
    assert float(result["relative_error"]) == pytest.approx(0.075)
    assert float(result["error"]) == pytest.approx(0.075 * KRAMERS, rel=1e-2)
    assert all(c["holds"] for c in result["conditions"])


def test_to_the_saddle_takes_half_the_time(capsys):
    """The event is heard, and iterations are time over eta."""
    words = [w if w != "next-well" else "to-the-saddle" for w in ESCAPE]
    result = answer(capsys, *words, "--per-iteration", "--set", "T=0.05", "--set", "eta=0.01")
    assert abs(float(result["value"]) / (KRAMERS / 2 / 0.01) - 1) < 1e-15
    assert result["unit"] == "iterations"


def test_without_a_loss_the_local_data_are_symbols(capsys):
    """Hessian noise gives 2 pi/H_a, the Ito prefactor; the published form has |H_b| and says where it differs."""
    words = ("derive", "escape", "--dynamics", "sgd", "--noise", "hessian", "--event", "next-well")
    derived, published = answer(capsys, *words), answer(capsys, *words, "--published")
    assert derived["value"] == "2*pi*exp(2*B*(-L_a + L_b)*(-(1 - s)/H_b + s/H_a)/eta)/H_a"
    assert published["value"].endswith("/H_b")
    assert published["note"]


def test_a_switch_point_is_read(capsys):
    """Frozen at the minimum up to c = -1/2, where 9/16 of the barrier is climbed."""
    words = ("derive", "escape", "--dynamics", "sgd", "--noise", "hessian", "--switch", "-1/2", "--event", "next-well", "--loss", QUARTIC)
    result = answer(capsys, *words, "--set", "eta=0.05", "--set", "B=5/2")
    exponent = (9 / 16 / 2 + 7 / 16) * 2 * 2.5 * 0.25 / 0.05
    assert abs(float(result["log_value"]) - exponent - 1.1447298858494002) < 1e-13


def test_numbers_go_into_names_of_the_loss(capsys):
    """a x^4/4 - x^2/2 at a = 4: barrier 1/16, curvatures 2 and -1."""
    words = ("derive", "escape", "--dynamics", "white-noise", "--event", "next-well", "--loss", "a*x^4/4 - x^2/2", "--set", "a=4")
    assert answer(capsys, *words)["value"] == "sqrt(2)*pi*exp(1/(16*T))"


def test_latex_is_an_align_with_its_assumptions(capsys):
    """The whole derivation, ready for a paper."""
    status, out, _ = run(capsys, *ESCAPE, "--latex")
    assert status == 0
    assert out.count(r"\begin{align}") == out.count(r"\end{align}") == 1
    assert "Assumptions" in out


def test_text_output_tells_from_where_to_where(capsys):
    """The choice of minimum and saddle is printed, with the steps."""
    status, out, _ = run(capsys, *ESCAPE)
    assert status == 0
    assert out.startswith("from the minimum at (-1) with loss -1/4 over the saddle at (0) with loss 0, event: next well\n")
    assert "[cited: gardiner2009]" in out


def test_the_sde_of_momentum(capsys):
    """dx = v dt; friction (1 - mu)/sqrt(eta) and D = sqrt(eta) sigma^2/2B in the velocity."""
    value = answer(capsys, "derive", "sde", "--dynamics", "momentum", "--noise", "isotropic", "--loss", "x**2/2")["value"]
    assert value["drift"][0] == "v_x"
    assert value["diffusion"][1][1] == "sqrt(eta)*sigma**2/(2*B)"
    assert value["clock"] == "sqrt(eta)"


def test_the_stationary_law(capsys):
    """White noise on x^4 leaves exp(-x^4/T), with Fokker-Planck residual zero."""
    result = answer(capsys, "derive", "stationary", "--dynamics", "white-noise", "--loss", "x**4")
    assert result["value"] == "exp(-x**4/T)"
    assert result["fokker_planck_residual"] == "0"


def test_finite_sums_are_their_own_loss(capsys):
    """Two kinds of samples, (x - 1)^2/2 and (x + 1)^2/2: C = 1/B, so the SDE has D = eta/2B."""
    value = answer(capsys, "derive", "sde", "--dynamics", "sgd", "--noise", "finite-sum", "--sample", "(x-1)^2/2", "--sample", "(x+1)^2/2")["value"]
    assert value["diffusion"] == [["eta/(2*B)"]]


def test_list_cite_and_symbols(capsys):
    """Everything in the house is listed, by the names that the other verbs take."""
    rooms = answer(capsys, "list")["value"]
    assert set(rooms["dynamics"]) == set(members("dynamics")) >= {"adam", "momentum", "sgd", "weight-decay", "white-noise"}
    assert {"kramers", "xie", "kramers-langer", "eyring-kramers"} <= set(rooms["escape theories"])
    assert {"flint", "fused", "numpy", "torch", "mpmath"} == set(rooms["backends"])
    assert answer(capsys, "symbols")["value"]["eta"]["meaning"] == "learning rate"
    assert "@misc{xie2021," in answer(capsys, "cite", "xie2021")["value"]
    assert run(capsys, "cite", "--all")[1].count("@misc") > 10
    for verb in ("list", "symbols"):
        assert run(capsys, verb)[0] == 0


SIMULATE = ("simulate", "--loss", QUARTIC, "--event", "next-well", "--walkers", "1000", "--iterations", "8000", "--seed", "3")
WHITE = ("--dynamics", "white-noise", "--set", "T=0.1", "--set", "eta=0.02")


def test_simulated_rate_covers_the_exact_one(capsys):
    """White noise at T = 0.1, eta = 0.02: exact 1/66.2686 per unit of time; the 95 % interval, widened to 5 sigma for the seed and 3 % for the step."""
    result = answer(capsys, *SIMULATE, *WHITE)
    assert result["unit"] == "1/iteration"
    exact = 0.02 / 66.2686263649178808
    low, high = (float(result["mean_time"][end]) for end in ("low", "high"))
    middle, half = (low + high) / 2, (high - low) / 2
    assert abs(middle * exact - 1) < 2.5 * half * exact + 0.03
    assert 0.02 < half / middle < 0.1
    assert result["exits"] == int(result["exits"])
    assert answer(capsys, *SIMULATE, *WHITE)["value"] == result["value"]


def test_a_simulation_is_told_its_stream_and_precision(capsys):
    """Another stream or precision, other exits; a stream that is none is refused with those there are."""
    told = [answer(capsys, *SIMULATE, *WHITE, *more) for more in ((), ("--stream", "philox"), ("--precision", "float32"))]
    assert len({one["value"] for one in told}) == 3
    assert told[1]["stream"] == "philox" and told[2]["precision"] == "float32"
    assert "stream must be one of 'xoshiro', 'philox', got 'dice'" in run(capsys, *SIMULATE, *WHITE, "--stream", "dice")[2]


def test_simulated_batches_of_a_finite_sum(capsys):
    """The loss is the mean of the samples; the noise is that of real batches."""
    words = (
        "--sample",
        "x^4/4 - x^2/2 + x",
        "--sample",
        "x^4/4 - x^2/2 - x",
        "--dynamics",
        "sgd",
        "--noise",
        "finite-sum",
        "--set",
        "eta=0.2",
        "--set",
        "B=1",
    )
    few = ("--event", "next-well", "--walkers", "100", "--iterations", "1000", "--seed", "3")
    assert answer(capsys, "simulate", *words, *few)["exits"] > 10
    assert run(capsys, "simulate", *words, *few)[1].startswith("from the minimum at (-1)")


COUNTS = ("--walkers", "10", "--iterations", "10", "--seed", "1")
MISUSE = {
    (): "a verb is missing",
    ("fly",): "invalid choice: 'fly'",
    ("derive", "escape", "--dynamics", "adagrad"): "invalid choice: 'adagrad'",
    ("derive", "escape", "--dynamics", "sgd", "--noise", "isotropic"): "--event must say what counts as escaped",
    ("derive", "escape", "--event", "next-well"): "--dynamics must name the optimizer",
    (*ESCAPE, "--from", "-2"): "--from = -2 is not a critical point of the loss; the nearest is the minimum at (-1)",
    (*ESCAPE, "--set", "T"): "--set takes NAME=VALUE",
    (*ESCAPE, "--set", "T=1", "--set", "T=2"): "--set gives T twice",
    (*ESCAPE, "--set", "q=1"): "--set q: nothing that takes a number has that name",
    (*ESCAPE, "--set", "T=-1"): "T (temperature: noise strength in dx = -L' dt + sqrt(2 T) dW) must be a finite positive number, got -1",
    (*ESCAPE, "--set", "T=1j"): "is no part of a formula",
    (*ESCAPE, "--switch", "0"): "--switch belongs to --noise hessian",
    (*ESCAPE, "--noise", "covariance"): "needs --covariance",
    (*ESCAPE, "--noise", "finite-sum"): "needs --sample",
    ("exact", "time", "--loss", QUARTIC, "--from", "-1", "--to", "1"): "give either --diffusion",
    ("exact", "time", "--diffusion", "1", "--from", "-1", "--to", "1"): "--loss must give the loss",
    ("exact", "time", "--loss", QUARTIC, "--diffusion", "T", "--from", "-1", "--to", "1"): "missing: T",
    ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.1", "--from", "-1,0", "--to", "1"): "--from is one number in one dimension",
    ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.1", "--from", "-1", "--to", "-1"): "start",
    ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.1", "--from", "-1", "--to", "1", "--digits", "0"): "digits must be",
    ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.1", "--from", "-1", "--to", "1", "--digits", "many"): "invalid int value",
    ("simulate", "--dynamics", "sgd", *COUNTS): "--loss must give the loss",
    ("simulate", "--dynamics", "sgd", "--loss", QUARTIC, *COUNTS): "event must say what counts as escaped",
    ("simulate", "--dynamics", "sgd", "--event", "next-well", "--loss", QUARTIC, *COUNTS): "without gradient noise is plain descent",
    ("simulate", "--loss", QUARTIC, "--walkers", "10"): "the following arguments are required: --iterations, --seed",
    ("cite",): "cite takes the key of a source, or --all",
    ("cite", "nobody1900"): "unknown source nobody1900",
    ("validate", "ising"): "unknown problem ising; known: double-well, regression",
}


@pytest.mark.parametrize("words", MISUSE, ids=lambda words: " ".join(words)[-40:] or "nothing")
def test_misuse_is_one_line_and_status_64(capsys, words):
    """What was given, what is needed: on stderr, on one line, with nothing on stdout."""
    status, out, err = run(capsys, *words)
    assert status == 64
    assert out == ""
    assert MISUSE[words] in err
    assert err.count("\n") == 1


OUTSIDE = {
    ("derive", "escape", "--dynamics", "momentum", "--noise", "hessian", "--event", "next-well"): "not one number",
    ("derive", "stationary", "--dynamics", "white-noise", "--loss", "x**3"): "not normalisable",
    (*ESCAPE, "--set", "T=0.05", "--set", "eta=1.5"): "a step does not overshoot the minimum",
    ("exact", "time", "--loss", "x", "--diffusion", "1", "--from", "0", "--to", "1"): "no confinement",
}


@pytest.mark.parametrize("words", OUTSIDE, ids=lambda words: " ".join(words)[-40:])
def test_a_theory_outside_its_conditions_is_status_3(capsys, words):
    """Refused, with the reason."""
    status, out, err = run(capsys, *words)
    assert (status, out) == (3, "")
    assert OUTSIDE[words] in err
    assert err.count("\n") == 1


def test_numbers_outside_the_regime_are_printed_and_status_3(capsys):
    """At T = 0.2 the barrier is 1.25 T: the formula's number comes with the warning that it means little."""
    status, out, err = run(capsys, *ESCAPE, "--set", "T=0.2", "--set", "eta=0.01")
    assert status == 3
    assert "at these numbers: 15.507" in out
    assert "eyring: out of regime: not so at these numbers that the barrier is high against the noise\n" in err


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch ran')",
        "x.__class__",
        "lambda: 1",
        "9**9**9",
        "exp(exp(exp(10)))",
        "1e999999999",
        "(" * 900,
        "\uff45\uff58\uff50(x)",
        "x\n+1",
        "'",
    ],
)
@pytest.mark.parametrize("option", ["--loss", "--covariance", "--sample", "--switch", "--set", "--from"])
def test_no_text_is_run_wherever_it_stands(capsys, text, option, tmp_path, monkeypatch):
    """Every option that takes a formula refuses code with status 64 and one line."""
    monkeypatch.chdir(tmp_path)
    noise = {"--covariance": "covariance", "--sample": "finite-sum", "--switch": "hessian"}.get(option, "isotropic")
    loss = [] if option in ("--loss", "--sample") else ["--loss", QUARTIC]
    value = f"eta={text}" if option == "--set" else text
    status, out, err = run(capsys, "derive", "escape", "--dynamics", "sgd", "--event", "next-well", "--noise", noise, *loss, f"{option}={value}")
    assert (status, out) == (64, "")
    assert err.startswith("eyring: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_real_process_ends_with_the_status_and_no_traceback(tmp_path):
    """As a user meets it: python -m eyring, a hostile diffusion, status 64."""
    words = [
        sys.executable,
        "-m",
        "eyring",
        "exact",
        "time",
        "--loss",
        "x**2",
        "--diffusion",
        "__import__('os').system('touch ran')",
        "--from=0",
        "--to=1",
    ]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


class Report:
    """What a validation hands back."""

    exit_status = 1

    def to_dict(self) -> dict:
        """Return the verdicts."""
        return {"verdicts": ["disagrees"]}

    def print(self, console) -> None:
        """Print the tables."""
        console.print("a table")


@pytest.mark.parametrize(("words", "problems"), [((), ("double-well", "regression")), (("regression",), ("regression",))])
def test_validate_hands_its_options_on_and_returns_the_verdict(capsys, monkeypatch, tmp_path, words, problems):
    """The status is that of the report; without a problem both run."""
    asked = {}

    def run_validation(problems, **options):
        asked.update(options, problems=problems)
        return Report()

    monkeypatch.setitem(sys.modules, "eyring.validation.main_job", types.SimpleNamespace(run_validation=run_validation))
    status, out, _ = run(capsys, "validate", *words, "--seed", "7", "--out", str(tmp_path), "--quick", "--device", "cpu")
    assert (status, out) == (1, "a table\n")
    progress = asked.pop("progress")
    assert progress("training", 0.5) is None
    assert asked == {"problems": problems, "seed": 7, "out": tmp_path, "quick": True, "device": "cpu"}
    status, out, _ = run(capsys, "validate", *words, "--json")
    assert json.loads(out)["verdicts"] == ["disagrees"]


def test_validate_without_torch_says_what_to_install(capsys, monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "eyring.validation.main_job", None)
    status, _, err = run(capsys, "validate")
    assert status == 64
    assert "pip install 'eyring[validate,plots]'" in err


def test_version_and_help(capsys):
    """Both end well."""
    assert run(capsys, "--version")[1] == "eyring 0.1.0\n"
    assert run(capsys, "--help")[0] == 0
    assert "--event" in run(capsys, "derive", "--help")[1]


def test_a_start_that_is_no_minimum_is_refused_in_one_line(capsys):
    """For deriving and for simulating."""
    for verb in (("derive", "escape", "--dynamics", "white-noise"), ("simulate", "--dynamics", "white-noise", "--set", "eta=0.1", "--set", "T=0.1")):
        extra = ("--walkers", "10", "--iterations", "10", "--seed", "0") if verb[0] == "simulate" else ()
        status, _, err = run(capsys, *verb, *extra, "--event", "next-well", "--loss", QUARTIC, "--from", "0")
        assert status == 3
        assert "must name a minimum of the loss" in err
        assert "Traceback" not in err


def test_a_learning_rate_beyond_stability_is_refused_by_the_exact_time(capsys):
    """eta H = 6: the optimizer's steps grow, and its SDE describes nothing."""
    words = ("exact", "time", "--loss", QUARTIC, "--dynamics", "sgd", "--noise", "isotropic", "--from", "-1", "--to", "1")
    status, _, err = run(capsys, *words, "--set", "eta=3", "--set", "B=1", "--set", "sigma=1")
    assert status == 3
    assert "the optimizer is unstable at the minimum of the start" in err


@pytest.mark.parametrize("switch", ["5", "1/2", "0", "-1", "-3"])
def test_a_switch_that_is_not_between_minimum_and_saddle_is_refused(capsys, switch):
    """The minimum is at -1 and the saddle at 0: the noise changes strictly between them, or nowhere on the way."""
    words = ("derive", "escape", "--dynamics", "sgd", "--noise", "hessian", "--event", "next-well", "--loss", QUARTIC)
    status, out, err = run(capsys, *words, "--switch", switch)
    assert (status, out) == (64, "")
    assert "--switch must lie between the minimum at (-1)" in err


@pytest.mark.parametrize("loss", ["sin(x)", "log(x)", "cos(3*x)"])
def test_a_loss_that_confines_no_walker_is_named_without_numpy_warnings(capsys, recwarn, loss):
    """A bounded loss, and one with a pole: status 3, one line, no RuntimeWarning."""
    status, out, err = run(capsys, "exact", "time", "--loss", loss, "--diffusion", "0.5", "--from", "1", "--to", "2")
    assert (status, out) == (3, "")
    assert "the loss does not confine walkers" in err
    assert err.count("\n") == 1
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize("failure", [ValueError("too\nbad"), ZeroDivisionError("too bad"), FloatingPointError("too bad"), OSError("too bad")])
def test_no_failure_of_numbers_or_files_is_a_traceback(capsys, monkeypatch, failure):
    """Whatever a library raises of these kinds ends with status 64 and one line."""

    def run_verb(arguments):
        raise failure

    monkeypatch.setitem(sys.modules, "eyring.cli.exact", types.SimpleNamespace(run=run_verb))
    assert run(capsys, "exact", "time", "--from", "0", "--to", "1") == (64, "", "eyring: too bad\n")


def test_a_folder_that_cannot_be_made_is_refused_before_training(capsys, tmp_path):
    """A file stands where the report's folder should: one line, status 64, and nothing trained."""
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("")
    status, out, err = run(capsys, "validate", "double-well", "--quick", "--out", str(tmp_path / "file" / "report"))
    assert (status, out) == (64, "")
    assert "the report cannot be written into" in err
    assert err.count("\n") == 1


def test_the_most_digits_are_told_by_help_and_by_the_refusal(capsys):
    """100 digits, no more."""
    assert "at most 100" in " ".join(run(capsys, "exact", "--help")[1].split())
    words = ("exact", "time", "--loss", QUARTIC, "--diffusion", "0.1", "--from", "-1", "--to", "1", "--digits", "200")
    status, _, err = run(capsys, *words)
    assert status == 64
    assert "digits must be a whole number from 1 to 100, got 200" in err


def test_a_result_of_the_catalogue_by_its_name(capsys):
    """Text with numbers, JSON, LaTeX; a name that is none is refused with the nearest one."""
    words = ("derive", "sgd-variance", "--set", "eta=0.1", "--set", "H=1.5", "--set", "C=2")
    variance = 0.1 * 2 / (1.5 * (2 - 0.15))
    result = answer(capsys, *words)
    assert abs(float(result["value"]) / variance - 1) < 1e-15
    assert result["conditions"][0]["holds"] is True
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert f"at these numbers: {variance:.15f}" in out
    assert "nothing is neglected" in out
    status, out, _ = run(capsys, "derive", "sgd-variance", "--latex")
    assert status == 0
    assert r"\begin{align}" in out
    status, _, err = run(capsys, "derive", "sgd-varience")
    assert status == 64
    assert "did you mean sgd-variance or" in err
    assert run(capsys, "derive", "sgd-variance", "--set", "eta=4", "--set", "H=1.5", "--set", "C=2")[0] == 3


@pytest.mark.parametrize("words", [("derive",), ("derive", "escape", "--all")])
def test_derive_takes_one_thing_or_all(capsys, words):
    """Neither nothing nor both."""
    status, _, err = run(capsys, *words)
    assert status == 64
    assert "or --all" in err


def test_check_tells_the_digits_and_drill_counts_the_errors_caught(capsys):
    """The sample entry: 30 digits, every planted error caught; status 0."""
    status, out, _ = run(capsys, "check", "sgd-variance")
    assert status == 0
    assert "30 digits, 3 trials" in out
    assert answer(capsys, "check", "sgd-variance")["value"]["sgd-variance"]["agrees"] is True
    status, out, _ = run(capsys, "drill", "sgd-variance")
    assert status == 0
    caught, planted = re.search(r"caught (\d+) of (\d+)$", out.strip()).groups()
    assert caught == planted
    assert answer(capsys, "drill", "sgd-variance", "--sample", "5")["planted"] == 5
    assert run(capsys, "check", "no-such-thing")[0] == 64


def test_an_error_that_gets_through_fails_the_drill(capsys, monkeypatch):
    """A judge that lets everything pass: status 1, and each survivor is named."""
    monkeypatch.setattr("eyring.validation.drill._rejected", lambda mutant, judges: False)
    status, out, _ = run(capsys, "drill", "sgd-variance", "--sample", "3")
    assert status == 1
    assert out.count("not caught") == 3
    assert "caught 0 of 3" in out


GENERAL = ("derive", "kramers", "--set", "D=0.1", "--set", "L_a=0", "--set", "L_b=1", "--set", "H_a=1", "--set", "H_b=-1")


def test_the_sde_is_derived_to_the_order_asked_for(capsys):
    """Order 1 if left out; order 2 adds -eta L' L''/2 to the drift of SGD; there is no order 3."""
    words = ("derive", "sde", "--dynamics", "sgd", "--noise", "isotropic", "--loss", "x**2/2")
    first, second = (answer(capsys, *words, *order)["value"]["drift"] for order in ((), ("--order", "2")))
    assert first == answer(capsys, *words, "--order", "1")["value"]["drift"] == ["-x"]
    assert "eta" in second[0]
    assert run(capsys, *words, "--order", "3")[0] == 64


def test_a_result_without_its_higher_derivatives_still_has_its_value(capsys):
    """2 pi exp(10); only the size of what is neglected needs L3 and L4."""
    result = answer(capsys, *GENERAL)
    assert abs(float(result["value"]) / (2 * math.pi * math.exp(10)) - 1) < 1e-12
    assert result["error"] is result["relative_error"] is None
    assert result["error_note"] == "the size of what it neglects also needs L3_a, L3_b, L4_a, L4_b"
    assert result["error_note"] in run(capsys, *GENERAL)[1]


def test_a_result_counts_iterations_where_it_is_a_time(capsys):
    """Kramers's time does; a variance does not."""
    assert answer(capsys, "derive", "kramers", "--per-iteration")["unit"] == "iterations"
    status, _, err = run(capsys, "derive", "sgd-variance", "--per-iteration")
    assert status == 64
    assert "--per-iteration counts a time or a rate in iterations" in err


def test_a_result_printed_as_derived_says_so(capsys):
    """With --published, and only then."""
    assert "no form in print differs" in run(capsys, "derive", "kramers", "--published")[1]
    assert "no form in print differs" not in run(capsys, "derive", "kramers")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("derive", "kramers", "--loss", "x", "--from", "1"), "--loss, --from: the result kramers is general: it takes --set"),
        (("derive", "kramers", "--order", "0"), "--order: the result kramers is general"),
        (("derive", "--all", "--set", "T=1"), "--set: --all prints every result"),
        (("derive", "sde", "--loss", "x**2/2", "--dynamics", "sgd", "--noise", "input-noise"), "in Python: ey.noise.InputNoise("),
        (("derive", "kramers", "--set", "H_a=1e400"), "the number is too large"),
        (("derive", "nonsense"), "'nonsense'. `eyring list` prints all."),
        (("drill", "--sample", "-3"), "must be at least 1, got -3"),
        (("drill", "--sample", "0"), "must be at least 1, got 0"),
    ],
)
def test_an_option_without_effect_is_refused(capsys, words, says):
    """One line, status 64."""
    status, out, err = run(capsys, *words)
    assert (status, out, err.count("\n")) == (64, "", 1)
    assert says in err


def test_numbers_of_an_optimizer_go_in_where_signs_need_them(capsys):
    """Weight decay 0.1 moves the minimum to -sqrt(0.9); a number that the formula does not hold is let pass, within its range."""
    words = (
        "derive",
        "escape",
        "--event",
        "next-well",
        "--noise",
        "isotropic",
        "--loss",
        QUARTIC,
        "--set",
        "eta=0.02",
        "--set",
        "B=1",
        "--set",
        "sigma=1",
    )
    result = answer(capsys, *words, "--dynamics", "weight-decay", "--set", "weight_decay=0.1")
    assert abs(float(result["log_value"]) - (math.log(2 * math.pi / (math.sqrt(2) * 0.9)) + 0.9**2 / 4 / 0.01)) < 1e-9
    rmsprop = ("--dynamics", "rmsprop", "--set", "eps=1")
    value = answer(capsys, *words, *rmsprop, "--set", "beta_2=0.99")["value"]
    assert value == answer(capsys, *words, *rmsprop)["value"]
    assert run(capsys, *words, *rmsprop, "--set", "beta_2=1.5")[0] == 64
