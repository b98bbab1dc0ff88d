"""What a reproduction of a paper's experiment promises: pieces of training that can be resumed, and a judgement of their numbers.

A file of this folder is a member from the day it defines ``REPRODUCTION``. It says which training to run (``plan``, a job a shard) and what the
numbers mean (``judge``, rows and a picture); everything else, from the shards on disk to the report, is here once.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyring.errors import NotApplicable, ParameterError
from eyring.validation.verdict import EXIT_STATUS, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from eyring.validation.court.shards import Job
    from eyring.validation.reproduce.report import Report

__all__ = ["LABEL", "Finding", "Progress", "Reproduction", "Row"]

LABEL = "small-scale analogue"
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Row:
    """One claim held against what was measured.

    Attributes:
        claim: A sentence of the paper, or eyring's own prediction, with the number that it claims.
        measured: The number measured.
        low: Lower end of its 99 % interval; None where the number is a fact rather than an estimate.
        high: Upper end, or None.
        verdict: "agrees", "disagrees", "out of regime" or "undecided".
        own: Whether the claim is eyring's own: a rejected claim of a paper is a result, not a failure.
        note: Why; where the claim is out of regime, the condition that fails with its measured value.

    Raises:
        ParameterError: If a number is not finite, an interval has one end or does not hold the number, or the verdict is unknown.
    """

    claim: str
    measured: float
    low: float | None
    high: float | None
    verdict: str
    own: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in EXIT_STATUS:
            raise ParameterError(f"a verdict is one of {', '.join(EXIT_STATUS)}, got {self.verdict!r} for {self.claim!r}")
        if (self.low is None) != (self.high is None):
            raise ParameterError(f"an interval has two ends, got [{self.low}, {self.high}] for {self.claim!r}")
        if not all(math.isfinite(n) for n in (self.measured, self.low, self.high) if n is not None):
            numbers = f"{self.measured} [{self.low}, {self.high}]"
            raise ParameterError(f"a measured number and its interval must be finite, got {numbers} for {self.claim!r}")
        if self.low is not None and self.high is not None and not self.low <= self.measured <= self.high:
            raise ParameterError(f"{self.measured} lies outside its own interval [{self.low}, {self.high}] for {self.claim!r}")

    @classmethod
    def of(cls, verdict: Verdict, why: str = "") -> "Row":
        """Return the row of a judged comparison: measured over predicted (or measured minus predicted) with its 99 % interval.

        Args:
            verdict: The comparison.
            why: What a rejection means, for people.
        """
        r = verdict.ratio
        found = f"{r.method} = {r.value:.4g}" + (f", {verdict.sigma:.1f} sigma" if verdict.sigma > 0 else "")
        return cls(verdict.claim, r.value, r.low, r.high, verdict.status, verdict.own, "; ".join(text for text in (found, verdict.note, why) if text))


@dataclass(frozen=True)
class Finding:
    """What the numbers of all shards say.

    Attributes:
        rows: Every claim.
        draw: Draws the one picture.
    """

    rows: tuple[Row, ...]
    draw: "Callable[[], Figure]" = field(repr=False)


class InThisProcess:
    """An executor for work of seconds, where starting processes would take longer; each job runs when its result is asked for."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> "InThisProcess.Later":
        """Return what will run the job."""
        return self.Later(function, arguments)

    @dataclass(eq=False)
    class Later:
        """A job that has not run."""

        function: Callable[..., Any]
        arguments: tuple[Any, ...]

        def result(self) -> Any:
            """Run it."""
            return self.function(*self.arguments)


@dataclass(frozen=True)
class Reproduction:
    """One experiment of a paper, small enough to run here.

    Attributes:
        name: As on the command line, such as "xie-covariance".
        paper: Key of the bibliography.
        figure: Which figure or claim of the paper it stands for.
        title: For people.
        setting: What is trained, on which data, in a few sentences.
        claims: What is put on trial, a sentence each.
        plan: From (quick, folder of original data or None) to the jobs by name; every number that fixes a job is among its arguments.
        judge: From the results by job name and (quick) to the finding.
        originals: Files of the paper's own data that ``--data-dir`` may hold, in the form that ``originals.py`` states; empty where the experiment
            makes its data itself.
    """

    name: str
    paper: str
    figure: str
    title: str
    setting: str
    claims: tuple[str, ...]
    plan: "Callable[[bool, Path | None], Mapping[str, Job]]" = field(repr=False)
    judge: Callable[[Mapping[str, Mapping[str, Any]], bool], Finding] = field(repr=False)
    originals: tuple[str, ...] = ()

    def run(self, directory: str | Path, *, quick: bool, progress: Progress | None = None, data: str | Path | None = None, **shards: Any) -> "Report":
        """Run what is not on disk yet, judge, and write ``report.json`` and the picture into ``directory``/name.

        Args:
            directory: Holds one folder a reproduction; a shorter run has shards of its own.
            quick: A run of seconds that sees only larger differences.
            progress: Called with (name of the piece, fraction done).
            data: Folder with the paper's own data; those that ship with scikit-learn, or generated ones, if left out.
            **shards: ``resume`` and ``executor``, as ``run_shards`` takes them.

        Raises:
            NotApplicable: If original data are offered to an experiment that takes none.
            ParameterError: If they are not there or not in the form needed.
        """
        from eyring.validation.reproduce.report import Report

        show = progress or (lambda what, fraction: None)
        home = Path(directory) / self.name
        begin = time.perf_counter()
        jobs = self.plan(quick, self._originals(data))
        results = self._results(jobs, home / ("quick" if quick else "full"), show, {"executor": InThisProcess() if quick else None} | shards)
        show(f"{self.name}: verdicts", 0.0)
        finding = self.judge(results, quick)
        seconds = max(time.perf_counter() - begin, Report.earlier_seconds(home, quick=quick))
        report = Report.of(self, finding, quick=quick, seconds=seconds, data=str(data or ""))
        report.write(home, finding.draw)
        show(f"{self.name}: verdicts", 1.0)
        return report

    def _results(self, jobs: "Mapping[str, Job]", folder: Path, show: Progress, shards: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        from eyring.validation.court.shards import run_shards

        return run_shards(jobs, folder, progress=lambda what, fraction: show(f"{self.name}: {what}", fraction), **shards)

    def _originals(self, data: str | Path | None) -> Path | None:
        if data is None:
            return None
        if not self.originals:
            raise NotApplicable(f"{self.name} takes no data of others: it makes its own, or uses those of scikit-learn; leave out --data-dir")
        from eyring.validation.reproduce.originals import demand_files

        return demand_files(Path(data), self.originals)

    def to_dict(self) -> dict[str, Any]:
        """Return what it says about itself, as JSON can hold it."""
        words = {key: value for key, value in asdict(self).items() if key not in {"plan", "judge"}}
        return {**words, "label": LABEL}
