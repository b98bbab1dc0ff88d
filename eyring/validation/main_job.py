"""The main job: train every problem, compare with the theory, say the verdict and write the report."""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyring.errors import ParameterError
from eyring.validation.outcome import Arrays, Outcome, Part, Problem
from eyring.validation.report import outcome_dict, versions, write_report
from eyring.validation.saved_parts import load_part, save_part
from eyring.validation.verdict import Verdict, exit_status

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["PROBLEMS", "ValidationResult", "run_validation"]

PROBLEMS = ("double-well", "regression")
RESULTS = {0: "theory and training agree", 1: "theory and training disagree", 2: "undecided", 3: "out of the theory's regime"}
COLOURS = {"agrees": "green", "disagrees": "red", "undecided": "yellow", "out of regime": "magenta"}
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ValidationResult:
    """Everything a validation run found.

    Attributes:
        outcomes: One a problem.
        run: Command, seed, device, versions, folder.
        notices: What was reused from an earlier run, or left out, and why.
    """

    outcomes: tuple[Outcome, ...]
    run: Mapping[str, Any]
    notices: tuple[str, ...]

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every comparison, eyring's own predictions and their rivals."""
        return tuple(v for outcome in self.outcomes for v in outcome.verdicts)

    @property
    def exit_status(self) -> int:
        """0 agrees, 1 disagrees, 2 undecided, 3 out of regime; of eyring's own predictions."""
        return exit_status(self.verdicts)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole result as plain data."""
        return {**self.run, "notices": list(self.notices), "problems": [outcome_dict(o) for o in self.outcomes]}

    def print(self, console: "Console") -> None:
        """Print a table of verdicts for every problem, and what it all says."""
        for notice in self.notices:
            console.print(notice, highlight=False, markup=False)
        for outcome in self.outcomes:
            console.print(_rich_table(outcome))
        console.print(f"{self.run['result']}; report in {self.run['folder']}", highlight=False, markup=False)


def run_validation(
    problems: Sequence[str] = PROBLEMS,
    *,
    device: str = "cpu",
    seed: int = 0,
    out: str | Path = "eyring-report",
    quick: bool = False,
    progress: Progress | None = None,
) -> ValidationResult:
    """Train with torch, compare with the theory, and write report, pictures, derivations and raw numbers into ``out``.

    The raw numbers of every finished piece are saved at once: the same call after a kill reuses them and ends with the same bits.

    Args:
        problems: Which of "double-well" and "regression".
        device: "cpu" or "cuda" (cuda: not yet measured).
        seed: A whole number from 0.
        out: Folder of the report; made if needed.
        quick: A shorter run that sees only larger differences.
        progress: Called with (name of the piece, fraction done).

    Raises:
        ParameterError: If a problem is unknown, the device is missing, the seed is not a whole number from 0, or the folder cannot be written.
    """
    _check(problems, device, seed)
    folder, show = _folder(out), progress or (lambda what, fraction: None)
    notices: list[str] = []
    outcomes = tuple(_run_problem(_plan(name, seed, device, quick), folder, show, notices, quick=quick) for name in dict.fromkeys(problems))
    status = exit_status(v for outcome in outcomes for v in outcome.verdicts)
    run = {
        "result": RESULTS[status],
        "exit_status": status,
        "command": _command(problems, device, seed, out, quick=quick),
        "seed": seed,
        "device": device,
        "quick": quick,
        "folder": str(folder),
        "versions": versions(),
    }
    notices += write_report(folder, outcomes, run)
    return ValidationResult(outcomes, run, tuple(notices))


def _folder(out: str | Path) -> Path:
    """Make the folder of the report before hours of training, not after."""
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ParameterError(f"the report cannot be written into {folder}: {reason}; name a folder that can be made and written: --out DIR") from None
    return folder


def _plan(name: str, seed: int, device: str, quick: bool) -> Problem:
    if name == "double-well":
        from eyring.validation.problems.double_well_job import double_well

        return double_well(seed=seed, device=device, quick=quick)
    from eyring.validation.problems.regression_job import regression

    return regression(seed=seed, device=device, quick=quick)


def _run_problem(problem: Problem, folder: Path, show: Progress, notices: list[str], *, quick: bool) -> Outcome:
    raw = {part.name: _run_part(problem, part, folder, show, notices, quick=quick) for part in problem.parts}
    show(f"{problem.name}: predictions", 0.0)
    outcome = problem.judge(raw)
    show(f"{problem.name}: predictions", 1.0)
    return outcome


def _run_part(problem: Problem, part: Part, folder: Path, show: Progress, notices: list[str], *, quick: bool) -> Arrays:
    path = folder / "parts" / f"{problem.name}.{part.name}.npz"
    settings = {**part.settings, "quick": quick, "torch": versions()["torch"]}
    title = f"{problem.name}: {part.title}"
    saved = load_part(path, settings)
    if saved is not None:
        notices.append(f"reused {title}, trained earlier with the same settings ({path})")
        show(title, 1.0)
        return saved
    arrays = part.run(lambda done, total: show(title, done / total))
    save_part(path, arrays, settings)
    return load_part(path, settings) or arrays


def _command(problems: Sequence[str], device: str, seed: int, out: str | Path, *, quick: bool) -> str:
    return f"eyring validate {' '.join(dict.fromkeys(problems))} --device {device} --seed {seed} --out {out}" + (" --quick" if quick else "")


def _check(problems: Sequence[str], device: str, seed: int) -> None:
    unknown = [p for p in problems if p not in PROBLEMS]
    if unknown or not problems or isinstance(problems, str):
        raise ParameterError(f"unknown problem {', '.join(unknown) or repr(problems)}; give a list of {', '.join(PROBLEMS)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParameterError(f"the seed must be a whole number from 0, got {seed!r}")
    if device not in ("cpu", "cuda"):
        raise ParameterError(f"device must be cpu or cuda, got {device!r}")
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise ParameterError("device cuda was asked for and torch finds no CUDA device here; use --device cpu, or install a CUDA build of torch")


def _rich_table(outcome: Outcome) -> Any:
    from rich.table import Table

    table = Table(
        title=outcome.title,
        title_justify="left",
        caption="square brackets: 99 % interval; rivals (in italics) are not eyring's own predictions",
        caption_justify="left",
    )
    for head, justify in (
        ("claim", "left"),
        ("measured", "right"),
        ("predicted", "right"),
        ("measured / predicted", "left"),
        ("sigma", "right"),
        ("verdict", "left"),
    ):
        table.add_column(head, justify=justify, no_wrap=head == "verdict")  # type: ignore[arg-type]
    subject = ""
    for v in outcome.verdicts:
        head, _, claim = v.claim.rpartition(": ")
        if head != subject:
            subject = head
            table.add_row(f"[bold]{head}[/bold]")
        r, colour = v.ratio, COLOURS[v.status]
        style = "" if v.own else "italic"
        numbers = (f"{v.measured.value:.5g}", f"{v.predicted.value:.5g}", f"{r.value:.4f} \\[{r.low:.4f}, {r.high:.4f}]", f"{v.sigma:.1f}")
        table.add_row(f"  {claim}", *numbers, f"[{colour}]{v.status}[/{colour}]", style=style)
    return table
