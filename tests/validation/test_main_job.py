"""The main job in its quick form: verdicts, exit status, report, and going on after a kill with the same bits."""

import io
import json

import numpy as np
import pytest
import torch
from rich.console import Console

from eyring.errors import ParameterError
from eyring.validation import report
from eyring.validation.main_job import run_validation
from eyring.validation.saved_parts import load_part, save_part, write_whole

SEED = 0


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Both problems, quick: about half a minute."""
    folder = tmp_path_factory.mktemp("report")
    seen: list[tuple[str, float]] = []
    result = run_validation(out=folder, seed=SEED, quick=True, progress=lambda what, fraction: seen.append((what, fraction)))
    return result, folder, seen


def status_of(result, claim: str) -> list[str]:
    return [v.status for v in result.verdicts if v.claim.endswith(claim)]


def test_theory_and_training_agree(job):
    """No own prediction fails, and nearly all are seen to hold; random numbers of another machine may leave a few undecided (99 % intervals)."""
    result, _, _ = job
    own = [v.status for v in result.verdicts if v.own]
    assert set(own) <= {"agrees", "undecided"}
    assert own.count("agrees") >= 0.7 * len(own)
    assert result.exit_status in (0, 2)


@pytest.mark.parametrize(
    "claim",
    [
        "the exact time of anti-Ito",
        "the exact time of Stratonovich",
        "the exact time of Ito with D wrong by 10 %",
        "the rate by the rule eta/(1 - mu)",
        "epoch shuffling, S = 64: the law with the factor (N-S)/(N-1)",
    ],
)
def test_wrong_laws_are_rejected_and_that_is_no_failure(job, claim):
    """Each at more than 5 sigma; expected distances are 12 sigma and more."""
    result, _, _ = job
    statuses = status_of(result, claim)
    assert statuses
    assert set(statuses) == {"disagrees"}


def test_the_verdict_names_ito_by_itself(job):
    result, _, _ = job
    notes = [v.note for v in result.verdicts if v.claim.endswith("Ito's calculus, told from the others")]
    assert len(notes) == 2
    assert all("the measurement names Ito" in note for note in notes)


def test_the_report_holds_everything(job):
    """Markdown with claims, versions and the command; JSON; NPZ without pickles; a picture a problem; a LaTeX document."""
    result, folder, _ = job
    text = (folder / "report.md").read_text()
    assert "eyring validate double-well regression --device cpu --seed 0" in text
    assert result.to_dict()["result"] in text
    for version in ("python", "torch", "sympy", "numpy"):
        assert f"{version} {report.versions()[version]}" in text
    assert all(v.claim in text for v in result.verdicts)
    plain = json.loads((folder / "results.json").read_text())
    assert plain["exit_status"] == result.exit_status
    assert plain["problems"][0]["verdicts"][0]["measured"]["value"] == result.verdicts[0].measured.value
    with np.load(folder / "results.npz", allow_pickle=False) as raw:
        assert raw["double-well/sgd-0.02/times"].size == result.verdicts[0].measured.events
    for name in ("double-well.png", "regression.png"):
        assert (folder / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    latex = (folder / "derivation.tex").read_text()
    assert latex.startswith(r"\documentclass")
    assert latex.count(r"\begin{align}") >= 3


def test_the_result_is_json_and_prints_as_tables(job):
    result, _, _ = job
    assert json.loads(json.dumps(result.to_dict()))["result"] == "theory and training agree"
    stream = io.StringIO()
    result.print(Console(file=stream, width=140))
    printed = stream.getvalue()
    assert "Escape from a double well" in printed
    assert "Where SGD settles on real data" in printed
    assert printed.rstrip().splitlines()[-1].startswith("theory and training agree; report in")


def test_progress_runs_from_nothing_to_all(job):
    _, _, seen = job
    last = dict(seen)
    assert len(last) == 7
    assert set(last.values()) == {1.0}
    assert all(0 <= fraction <= 1 for _, fraction in seen)


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(job, tmp_path):
    """Stopped in the second training; the same command reuses the first, says so, and its raw numbers are those of the run never stopped."""
    _, whole, _ = job

    def kill(what: str, fraction: float) -> None:
        if "eta = 0.04" in what and fraction > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_validation(["double-well"], out=tmp_path, seed=SEED, quick=True, progress=kill)
    resumed = run_validation(["double-well"], out=tmp_path, seed=SEED, quick=True)
    reused = [n for n in resumed.notices if n.startswith("reused")]
    assert len(reused) == 1
    assert "SGD, eta = 0.02" in reused[0]
    with np.load(whole / "results.npz", allow_pickle=False) as a, np.load(tmp_path / "results.npz", allow_pickle=False) as b:
        assert b.files
        for name in b.files:
            np.testing.assert_array_equal(a[name], b[name])
    first, second = (json.loads((f / "results.json").read_text())["problems"][0] for f in (whole, tmp_path))
    assert first == second


def test_parts_of_another_seed_or_damaged_parts_are_not_used(tmp_path):
    path, settings = tmp_path / "parts" / "a.npz", {"seed": 0, "iterations": 10}
    save_part(path, {"times": np.arange(5)}, settings)
    assert load_part(path, settings)["times"].tolist() == [0, 1, 2, 3, 4]
    assert load_part(path, {**settings, "seed": 1}) is None
    content = path.read_bytes()
    for half in (content[: len(content) // 2], b"", b"not an archive"):
        path.write_bytes(half)
        assert load_part(path, settings) is None
    assert load_part(tmp_path / "missing.npz", settings) is None


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    write_whole(path, b"old")
    monkeypatch.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_whole(path, b"new, but the disk is full")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_without_matplotlib_the_report_says_why_there_is_no_picture(job, tmp_path, monkeypatch):
    result, _, _ = job
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    notices = report.write_report(tmp_path, result.outcomes, result.run)
    assert notices == [f"no picture of {o.name}: matplotlib.figure is not installed (pip install 'eyring[plots]')" for o in result.outcomes]
    assert not list(tmp_path.glob("*.png"))
    assert "no picture of double-well" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problems": ["triple-well"]}, "unknown problem triple-well; give a list of double-well, regression"),
        ({"problems": []}, "unknown problem"),
        ({"problems": "double-well"}, "unknown problem"),
        ({"seed": -1}, "whole number from 0, got -1"),
        ({"seed": True}, "whole number from 0"),
        ({"device": "abacus"}, "cpu or cuda, got 'abacus'"),
    ],
)
def test_what_cannot_be_run_is_refused(tmp_path, options, message):
    with pytest.raises(ParameterError, match=message):
        run_validation(**{"out": tmp_path, **options})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_without_a_device_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="torch finds no CUDA device"):
        run_validation(device="cuda", out=tmp_path)
