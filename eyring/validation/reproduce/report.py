"""The report of one reproduction: its rows and picture on disk, so that the page of all papers is made without training again."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eyring.errors import ParameterError
from eyring.validation.report import versions
from eyring.validation.reproduce.contract import LABEL, Finding, Reproduction, Row
from eyring.validation.saved_parts import write_whole
from eyring.validation.verdict import BY_WEIGHT, EXIT_STATUS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report"]


@dataclass(frozen=True)
class Report:
    """What one run of a reproduction found.

    Attributes:
        name: Of the reproduction.
        paper: Key of the bibliography.
        figure: What it stands for.
        title: For people.
        setting: What was trained.
        label: "small-scale analogue", or the same with the original data.
        command: The command that makes this report.
        quick: Whether it was the short form.
        seconds: Wall time; a run that judges finished shards again keeps the time of the one that trained.
        rows: Every claim.
        versions: Of Python and the packages that took part.
    """

    name: str
    paper: str
    figure: str
    title: str
    setting: str
    label: str
    command: str
    quick: bool
    seconds: float
    rows: tuple[Row, ...]
    versions: Mapping[str, str]

    @classmethod
    def of(cls, what: Reproduction, finding: Finding, *, quick: bool, seconds: float, data: str = "") -> "Report":
        """Return the report of a finding."""
        command = f"eyring reproduce {what.name}" + (" --quick" if quick else "") + (" --data-dir DIR" if data else "")
        label = f"{LABEL}, on the original data" if data else LABEL
        return cls(what.name, what.paper, what.figure, what.title, what.setting, label, command, quick, seconds, finding.rows, versions())

    @classmethod
    def earlier_seconds(cls, home: Path, *, quick: bool) -> float:
        """Return the wall time in a folder's report of the same form; 0 if there is none."""
        try:
            earlier = cls.read(home / "report.json")
        except ParameterError:
            return 0.0
        return earlier.seconds if earlier.quick == quick else 0.0

    @property
    def verdict(self) -> str:
        """The verdict on eyring's own claims taken together; on all claims, where none is its own."""
        mine = [row for row in self.rows if row.own] or list(self.rows)
        return next((status for status in BY_WEIGHT if any(row.verdict == status for row in mine)), "undecided")

    @property
    def exit_status(self) -> int:
        """0 agrees, 1 disagrees, 2 undecided, 3 out of regime: of eyring's own claims; 0 where all claims are the papers'."""
        return EXIT_STATUS[self.verdict] if any(row.own for row in self.rows) else 0

    def write(self, home: Path, draw: "Callable[[], Figure]") -> None:
        """Write ``report.json`` and ``picture.png`` into a folder; without matplotlib, the report alone."""
        write_whole(home / "report.json", (json.dumps(self.to_dict(), indent=2) + "\n").encode())
        try:
            figure = draw()
        except ModuleNotFoundError as missing:
            if missing.name != "matplotlib":
                raise
            return
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
        write_whole(home / "picture.png", buffer.getvalue())

    @classmethod
    def read(cls, path: Path) -> "Report":
        """Return a report from its file.

        Raises:
            ParameterError: If the file is not a report.
        """
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            found.pop("verdict")
            return cls(**{**found, "rows": tuple(Row(**row) for row in found["rows"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ParameterError(f"{path} is not the report of a reproduction ({error}); run `eyring reproduce {path.parent.name}` again") from error

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text."""
        return {**asdict(self), "verdict": self.verdict}
