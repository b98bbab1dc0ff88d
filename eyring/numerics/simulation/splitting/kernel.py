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
def linger(words, rows, away, fresh, p, copies, batch, steps, low, rim, entries):
    """Walk {lanes} walkers for some steps; write their states where they come over the rim for the first time since they were below ``low``."""
    w, r = words, rows
    draws = np.empty({draws} * LANES, noise)
    raw = np.empty(LANES, np.uint32)
    taken = np.empty({kinds} * LANES, np.uint32)
    margins = np.empty(LANES, real)
    found = 0
    for begun in range(0, steps, {chunk}):
        {fill}
        for inner in range({chunk}):
            {views}
            for lane in range(LANES):
                new = advance(({given},))
                {stores}
                margins[lane] = new[{state}]
            for lane in range(LANES):
                height = r[HEIGHT * LANES + lane]
                if not (isfinite(margins[lane]) and isfinite(height)):
                    return -1 - lane
                if margins[lane] >= 0:
                    away[lane] = False
                    for i in range({state}):
                        r[i * LANES + lane] = fresh[i]
                elif height < low:
                    away[lane] = False
                elif height >= rim and not away[lane]:
                    away[lane] = True
                    if found < len(entries):
                        for i in range({state}):
                            entries[found, i] = r[i * LANES + lane]
                    found += 1
    return found


@njit(**options)
def written_down(mine, r, lane, rim, per_height, records, reached):
    """Write the state on every level up to its height that its path had not reached before."""
    climb = (r[HEIGHT * LANES + lane] - rim) * per_height
    top = records.shape[1] - 1
    level = top if climb >= top else int(max(climb, 0.0))
    while reached[mine] < level:
        reached[mine] += 1
        for i in range({state}):
            records[mine, reached[mine], i] = r[i * LANES + lane]


@njit(**options)
def begun(job, lane, begins, paths, path, r, rim, per_height, records, reached):
    """Put a lane at the first state of an excursion, whose height counts as reached."""
    for i in range({state}):
        r[i * LANES + lane] = begins[job, i]
    path[lane] = paths[job]
    written_down(path[lane], r, lane, rim, per_height, records, reached)


@njit(**options)
def excursions(words, begins, paths, p, copies, batch, low, rim, per_height, records, reached, ends, most):
    """Follow excursions until they fall below ``low`` or get over; at each new level reached write down the state.

    ``begins`` are their first states and ``paths`` the lines of ``records``, ``reached`` and ``ends`` that are theirs. Returns the steps taken.
    """
    w = words
    r = np.empty({state} * LANES, real)
    draws = np.empty({draws} * LANES, noise)
    raw = np.empty(LANES, np.uint32)
    taken = np.empty({kinds} * LANES, np.uint32)
    margins = np.empty(LANES, real)
    path = np.full(LANES, -1)
    jobs, active, used = 0, 0, 0
    for lane in range(LANES):
        for i in range({state}):
            r[i * LANES + lane] = begins[0, i]
        if jobs < len(begins):
            begun(jobs, lane, begins, paths, path, r, rim, per_height, records, reached)
            jobs += 1
            active += 1
    while active > 0:
        {fill}
        for inner in range({chunk}):
            {views}
            for lane in range(LANES):
                new = advance(({given},))
                {stores}
                margins[lane] = new[{state}]
            for lane in range(LANES):
                mine = path[lane]
                if mine < 0:
                    continue
                used += 1
                height = r[HEIGHT * LANES + lane]
                if not (isfinite(margins[lane]) and isfinite(height)):
                    return -1 - lane
                if margins[lane] < 0 and height >= low:
                    written_down(mine, r, lane, rim, per_height, records, reached)
                    continue
                ends[mine] = {home} if margins[lane] < 0 else {over}
                path[lane] = -1
                active -= 1
                if jobs < len(begins):
                    begun(jobs, lane, begins, paths, path, r, rim, per_height, records, reached)
                    jobs += 1
                    active += 1
        if used > most:
            return used
    return used
'''


@lru_cache(maxsize=64)
def splitting_kernels(program: Program, precision: str) -> ModuleType:
    """Return the module with ``linger`` and ``excursions`` for a program whose last state is the height."""
    text = SOURCE.replace("{home}", str(HOME)).replace("{over}", str(OVER))
    return kernel_module(filled(text, program, precision), **library(precision), advance=advance_of(program))
