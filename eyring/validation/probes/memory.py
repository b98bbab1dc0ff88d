"""How many gigabytes a measurement would need, said before it begins: what does not fit is refused with the road that does."""

import os
from pathlib import Path

from eyring.errors import NotApplicable

__all__ = ["available_gigabytes", "gigabytes", "require_memory", "rows_that_fit"]

SHARE = 0.5  # of the free memory that one measurement may take
CHUNK = 0.25  # GB of intermediate results held at once where work can be cut into chunks
BYTES = 8  # float64


def gigabytes(*shape: int, copies: float = 1, item: int = BYTES) -> float:
    """Return the size of an array in GB (1e9 bytes).

    >>> gigabytes(50_000, 50_000)
    20.0
    """
    total = copies * item
    for length in shape:
        total *= length
    return total / 1e9


def available_gigabytes() -> float:
    """Return the memory that a measurement may take: half of what is free, within the limit set for this group of processes."""
    return SHARE * min(_free(), _left_of_the_limit()) / 1e9


def require_memory(needed: float, *, for_what: str, instead: str, budget: float | None = None) -> None:
    """Refuse what does not fit.

    Args:
        needed: GB.
        for_what: What would need them, as in "the dense Hessian of 50000 parameters".
        instead: The road that fits.
        budget: GB that may be taken; left out, half of the free memory.

    Raises:
        NotApplicable: If more is needed than may be taken.

    >>> require_memory(20.0, for_what="the dense Hessian of 50000 parameters", instead="take leading_eigenpairs", budget=8.0)
    Traceback (most recent call last):
        ...
    eyring.errors.NotApplicable: the dense Hessian of 50000 parameters would need 20 GB, 8 GB may be taken; take leading_eigenpairs
    """
    allowed = available_gigabytes() if budget is None else budget
    if needed > allowed:
        raise NotApplicable(f"{for_what} would need {needed:.3g} GB, {allowed:.3g} GB may be taken; {instead}")


def rows_that_fit(row: int, *, most: int) -> int:
    """Return how many rows of ``row`` float64 numbers make one chunk, from 1 to ``most``.

    >>> rows_that_fit(1000, most=10**9)
    31250
    """
    return max(1, min(most, int(CHUNK * 1e9 / (BYTES * max(row, 1)))))


def _free() -> float:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024.0 * float(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES")) / 2


def _left_of_the_limit() -> float:
    group = Path("/sys/fs/cgroup")
    try:
        return float((group / "memory.max").read_text()) - float((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return float("inf")
