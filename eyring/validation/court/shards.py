"""Run many trainings as one plan: each result is kept as soon as it is there, and a killed run goes on with the same bits."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future, as_completed
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from eyring.errors import JobError, ParameterError, StorageError
from eyring.validation.court.dataset import load
from eyring.validation.court.plan import Job, plan_of
from eyring.validation.court.shard_files import Arrays, ShardFolder
from eyring.validation.court.workers import Failure, attempt, local_pool, perform, threads_given_back

__all__ = ["Job", "load", "run_shards"]

Progress = Callable[[str, float], None]


def run_shards(
    jobs: Mapping[str, Job], directory: str | os.PathLike[str], *, resume: bool = True, executor: Any = None, progress: Progress | None = None
) -> dict[str, Arrays]:
    """Run the jobs that are not finished yet, and return the results of all, read back from their files.

    The folder holds ``manifest.json`` (the plan and its digest, versions, seeds, device) and one NPZ a job, each written whole or not at all. The
    same call after a kill skips what is finished. Every job runs on one thread: its bits depend neither on the executor nor on interruptions.

    Args:
        jobs: By name; the name becomes the file's.
        directory: Of this plan alone; made if needed.
        resume: Use finished shards; if False, they are removed and computed anew.
        executor: Anything with ``submit(function, *arguments)`` that returns a future with ``result()``: of ``concurrent.futures``, or
            ``dask.distributed.Client(...).get_executor()``. Left out: this process for one job, else processes of this machine (a script then guards
            its own work by ``if __name__ == "__main__":``).
        progress: Called with ("shards", fraction finished).

    Raises:
        ParameterError: If the folder belongs to another plan, other versions or a running process, or a job cannot be sent to another process.
        StorageError: If the folder cannot be written, the disk is full, or a finished shard is damaged. The finished shards are kept.
        JobError: If jobs fail; it names them, and the shards of all others are kept.

    >>> import math, tempfile
    >>> jobs = {"ends": Job(dict, {"low": 0.0, "high": math.pi})}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_shards(jobs, folder)["ends"]["high"] == run_shards(jobs, folder)["ends"]["high"] == math.pi
    np.True_
    """
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ParameterError(
            f"executor must have a submit method, as those of concurrent.futures and dask.distributed.Client(...).get_executor(), got {executor!r}"
        )
    show = progress or (lambda what, fraction: None)
    folder = ShardFolder.opened(Path(directory), plan_of(jobs))
    with folder.alone():
        if not resume:
            folder.forget()
        finished = folder.finished()
        waiting = {name: job for name, job in jobs.items() if name not in finished}
        show("shards", len(finished) / len(jobs))
        if waiting:
            folder.check_versions()
            _run(folder, waiting, executor, lambda done: show("shards", (len(finished) + done) / len(jobs)))
        return folder.finished()


def _run(folder: ShardFolder, jobs: Mapping[str, Job], executor: Any, show: Callable[[int], None]) -> None:
    failed: dict[str, str] = {}
    cause: BaseException | None = None
    with threads_given_back(), ExitStack() as end:
        for done, (name, result) in enumerate(_results(jobs, executor, end), start=1):
            try:
                folder.write(name, result())
            except StorageError:
                raise
            except Exception as error:
                failed[name], cause = str(error) if isinstance(error, _Elsewhere) else f"{type(error).__name__}: {error}", cause or error
            show(done)
    if failed:
        raise JobError(_said(folder, failed, cause), failed) from cause


class _Elsewhere(RuntimeError):
    """A job failed in another process; its notes say where."""


def _results(jobs: Mapping[str, Job], executor: Any, end: ExitStack) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield each job's name and what waits for its result, the finished ones first."""
    if executor is None and len(jobs) == 1:
        for name, job in jobs.items():
            yield name, lambda job=job: perform(job.function, job.arguments)  # type: ignore[misc]
        return
    pool = executor if executor is not None else end.enter_context(local_pool(len(jobs)))
    names = {pool.submit(attempt, job.function, dict(job.arguments)): name for name, job in jobs.items()}
    end.callback(lambda: [future.cancel() for future in names if hasattr(future, "cancel")])
    for future in _in_order(list(names)):
        yield names.pop(future), lambda future=future: _brought_back(future.result())  # type: ignore[misc]


def _in_order(futures: list[Any]) -> Iterable[Any]:
    return as_completed(futures) if all(isinstance(future, Future) for future in futures) else futures


def _brought_back(result: Any) -> Any:
    if isinstance(result, Failure):
        error = _Elsewhere(result.said)
        error.add_note(result.trace)
        raise error
    return result


def _said(folder: ShardFolder, failed: Mapping[str, str], cause: BaseException | None) -> str:
    kept = f"{len(folder.plan) - len(failed)} of {len(folder.plan)} shards are kept in {folder.path}; run again to go on"
    if isinstance(cause, BrokenExecutor):
        guard = "if __name__ == \"__main__\":"
        return f"a process ended before its work: killed, out of memory, or begun by a script without '{guard}'. Unfinished: {_some(failed)}. {kept}"
    alike: dict[str, list[str]] = {}
    for name, said in failed.items():
        alike.setdefault(said, []).append(name)
    told = (f"{'job' if len(names) == 1 else f'{len(names)} jobs,'} {_some(map(repr, names))}: {said}" for said, names in alike.items())
    return f"{_some(told)}. {kept}"


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return "; ".join(listed[:3]) + (f"; and {len(listed) - 3} more" if len(listed) > 3 else "")
