"""Run several experiments, as many at a time as there are workers; their numbers do not depend on how many, and one that fails stops no other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, as_completed
from pathlib import Path
from typing import Any

from eyring.errors import ParameterError
from eyring.validation.court.workers import local_pool, usable_cores
from eyring.validation.reproduce.contract import Progress
from eyring.validation.reproduce.registry import reproduction
from eyring.validation.reproduce.report import Report

__all__ = ["run_side_by_side"]

Outcome = tuple[str, Report | str]


def run_side_by_side(
    names: Sequence[str], directory: str | Path, *, workers: int | None = None, progress: Progress | None = None, **options: Any
) -> Iterator[Outcome]:
    """Yield (name, report) in the order of the names; of an experiment that failed, while others ran, what it said instead of a report.

    Args:
        names: Of the experiments.
        directory: As ``Reproduction.run`` takes it.
        workers: Experiments at a time, each in a process of its own. Left out: in the quick form one a core; else one, whose shards share the cores.
        progress: Called with (name of the piece, fraction done).
        **options: ``quick`` and ``data``, as ``Reproduction.run`` takes them.

    Raises:
        ParameterError: If workers is not positive.
        Exception: What the only experiment raised; and a missing package, which all of them need.
    """
    if workers is not None and workers < 1:
        raise ParameterError(f"at least one experiment runs at a time, got workers = {workers}")
    show = progress or (lambda what, fraction: None)
    if len(names) == 1:
        yield names[0], reproduction(names[0]).run(directory, progress=show, **options)
    elif (workers or (usable_cores() if options.get("quick") else 1)) == 1:
        yield from ((name, _run(name, directory, progress=show, **options)) for name in names)
    else:
        yield from _in_processes(names, directory, min(workers or usable_cores(), len(names)), show, options)


def _in_processes(names: Sequence[str], directory: str | Path, workers: int, show: Progress, options: dict[str, Any]) -> Iterator[Outcome]:
    with local_pool(workers) as pool:
        begun: dict[Future[Report | str], str] = {pool.submit(_run, name, directory, **options): name for name in names}
        waiting, found = list(names), dict[str, Report | str]()
        for done, future in enumerate(as_completed(begun), start=1):
            found[begun[future]] = _result(future)
            show(f"{len(names)} experiments, {workers} at a time", done / len(names))
            while waiting and waiting[0] in found:
                yield waiting[0], found[waiting.pop(0)]


def _run(name: str, directory: str | Path, **options: Any) -> Report | str:
    try:
        return reproduction(name).run(directory, **options)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _result(future: "Future[Report | str]") -> Report | str:
    try:
        return future.result()
    except ModuleNotFoundError:
        raise
    except Exception as error:  # the process itself ended: killed, or out of memory
        return f"{type(error).__name__}: {error}"
