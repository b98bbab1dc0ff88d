"""The two kernels of splitting: walkers that linger in their well, and excursions that climb from its rim until they fall back or get over."""

from functools import lru_cache
from types import ModuleType

from eyring.numerics.simulation.kernel.cache import kernel_module, library
from eyring.numerics.simulation.kernel.printer import advance_of, filled
from eyring.numerics.simulation.kernel.step import Program

__all__ = ["HOME", "OVER", "splitting_kernels"]

HOME, OVER = 0, 1  # how an excursion ends

SOURCE = '''"""A walker's step, the height of its place last in its state:
{listing}
"""

import numpy as np
from math import isfinite

LANES = {lanes}
HEIGHT = {state} - 1
real = np.{real}
noise = np.{noise}


@njit(**options)
def room():
    """Return where {lanes} walkers keep random numbers, words, counts and margins."""
    return np.empty({draws} * LANES, noise), np.empty(LANES, np.uint32), np.empty({kinds} * LANES, np.uint32), np.empty(LANES, real)


@njit(**options)
def drawn(w, draws, raw, taken, copies, batch):
    """Draw the random numbers of {chunk} steps."""
    {fill}


@njit(**options)
def stepped(r, draws, p, inner, margins):
    """Take one step with all walkers."""
    {views}
    for lane in range(LANES):
        new = advance(({given},))
        {stores}
        margins[lane] = new[{state}]


@njit(**options)
def linger(words, rows, away, fresh, p, copies, batch, steps, low, rim, entries, seen):
    """Walk {lanes} walkers for some steps, each from afresh after the event; return a lane whose state is no longer finite, or -1.

    Writes the states of those that come over the rim for the first time since they were below ``low``. ``seen`` counts them, and then the events
    of walkers that had not come over the rim before.
    """
    draws, raw, taken, margins = room()
    for begun in range(0, steps, {chunk}):
        drawn(words, draws, raw, taken, copies, batch)
        for inner in range({chunk}):
            stepped(rows, draws, p, inner, margins)
            for lane in range(LANES):
                height = rows[HEIGHT * LANES + lane]
                if not (isfinite(margins[lane]) and isfinite(height)):
                    return lane
                if margins[lane] >= 0:
                    seen[1] += 0 if away[lane] else 1
                    away[lane] = False
                    for i in range({state}):
                        rows[i * LANES + lane] = fresh[i]
                elif height < low:
                    away[lane] = False
                elif height >= rim and not away[lane]:
                    away[lane] = True
                    if seen[0] < len(entries):
                        for i in range({state}):
                            entries[seen[0], i] = rows[i * LANES + lane]
                    seen[0] += 1
    return -1


@njit(**options)
def written_down(path, r, lane, heights, records, reached):
    """Write the state on every level up to its height that its path had not reached before."""
    while reached[path] + 1 < len(heights) and r[HEIGHT * LANES + lane] >= heights[reached[path] + 1]:
        reached[path] += 1
        for i in range({state}):
            records[path, reached[path], i] = r[i * LANES + lane]


@njit(**options)
def begun(job, lane, begins, paths, path, r, heights, records, reached):
    """Put a lane at the first state of an excursion, whose height counts as reached."""
    for i in range({state}):
        r[i * LANES + lane] = begins[job, i]
    path[lane] = paths[job]
    written_down(path[lane], r, lane, heights, records, reached)


@njit(**options)
def excursions(words, begins, paths, p, copies, batch, low, heights, records, reached, ends, most):
    """Follow excursions until they fall below ``low`` or get over; at each new level reached write down the state.

    ``begins`` are their first states and ``paths`` the lines of ``records``, ``reached`` and ``ends`` that are theirs. Returns the steps taken, or
    -1 - lane where a state is no longer finite.
    """
    draws, raw, taken, margins = room()
    r = np.empty({state} * LANES, real)
    path = np.full(LANES, -1)
    jobs, used = 0, 0
    for lane in range(LANES):
        for i in range({state}):
            r[i * LANES + lane] = begins[0, i]
        if jobs < len(begins):
            begun(jobs, lane, begins, paths, path, r, heights, records, reached)
            jobs += 1
    active = jobs
    while active > 0 and used <= most:
        drawn(words, draws, raw, taken, copies, batch)
        for inner in range({chunk}):
            stepped(r, draws, p, inner, margins)
            for lane in range(LANES):
                mine = path[lane]
                if mine < 0:
                    continue
                used += 1
                height = r[HEIGHT * LANES + lane]
                if not (isfinite(margins[lane]) and isfinite(height)):
                    return -1 - lane
                if margins[lane] < 0 and height >= low:
                    written_down(mine, r, lane, heights, records, reached)
                    continue
                ends[mine] = {home} if margins[lane] < 0 else {over}
                if jobs < len(begins):
                    begun(jobs, lane, begins, paths, path, r, heights, records, reached)
                    jobs += 1
                else:
                    path[lane] = -1
                    active -= 1
    return used
'''


@lru_cache(maxsize=64)
def splitting_kernels(program: Program, precision: str) -> ModuleType:
    """Return the module with ``linger`` and ``excursions`` for a program whose last state is the height."""
    text = SOURCE.replace("{home}", str(HOME)).replace("{over}", str(OVER))
    return kernel_module(filled(text, program, precision), **library(precision), advance=advance_of(program))
