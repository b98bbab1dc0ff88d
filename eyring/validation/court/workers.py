"""Where jobs run: in this process, in others of this machine, or wherever an executor sends them; on one thread each, for the last bit's sake."""

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

__all__ = ["Failure", "attempt", "local_pool", "perform", "threads_given_back", "usable_cores"]

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Failure:
    """What a job raised in another process, as text: not every exception survives the way back.

    Attributes:
        said: Its class and message.
        trace: Where it was raised.
    """

    said: str
    trace: str


def attempt(function: Callable[..., Mapping[str, Any]], arguments: Mapping[str, Any]) -> Mapping[str, Any] | Failure:
    """Run one job on one thread; an exception comes back as a Failure."""
    try:
        return perform(function, arguments)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", traceback.format_exc())


def perform(function: Callable[..., Mapping[str, Any]], arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Run one job on one thread."""
    _one_thread()
    return function(**arguments)


@contextmanager
def local_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Yield fresh processes of this machine, as many as there are cores or jobs; after an exception they end with the job in hand."""
    fresh = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max(1, min(jobs, usable_cores())), mp_context=fresh, initializer=_begin)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)  # a process killed while it sends a result would leave this one waiting for the rest
        raise
    pool.shutdown()


@contextmanager
def threads_given_back() -> Iterator[None]:
    """Undo within this process what running a job here sets."""
    kept = {name: os.environ.get(name) for name in VARIABLES}
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else usable_cores()
    limits = _limits(None)
    try:
        yield
    finally:
        for name, value in kept.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        if limits is not None:
            limits.restore_original_limits()
        if torch := sys.modules.get("torch"):
            torch.set_num_threads(threads)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    from eyring.numerics.simulation.kernel import watch

    return watch.usable_cores()


def _begin() -> None:
    """Prepare a fresh process: one thread, and an end when the process that began it has ended, even killed."""
    os.environ["NUMBA_NUM_THREADS"] = "1"
    _one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _one_thread() -> None:
    os.environ.update(dict.fromkeys(VARIABLES, "1"))  # for libraries not yet loaded
    _limits(1)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def _limits(threads: int | None) -> Any:
    if find_spec("threadpoolctl") is None:
        return None
    from threadpoolctl import threadpool_limits

    return threadpool_limits(threads)
