"""One sweep along the panels: population behind, scale ahead, and the sums that they make, for many noise strengths at once.

On panel k, Phi = base_k + local; the population left of it is kept in units of e^-lowest, and every sum with the logarithm of its own unit, so
that no height overflows.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from eyring.numerics.exact.quadrature import ORDER, RUNNING, WEIGHTS

__all__ = ["COLUMNS", "sweep"]

COLUMNS = ("time", "the logarithm of its unit", "scale", "the same", "second moment", "the same", "range of Phi on the way")
COLUMNWISE = np.ascontiguousarray(RUNNING.T)  # row j: what the value at node j adds to every running integral


@cache
def sweep() -> Callable[..., Any]:
    """Return the sweep as machine code; the first call on a machine compiles it, later ones load it."""
    from numba import njit

    return njit(cache=True, nogil=True)(_sweep)  # type: ignore[no-any-return]


def _sweep(strength, local, rise, scale_weight, speed_weight, diffusion, half, first, counted, squared):  # type: ignore[no-untyped-def]
    """Return the sums named by ``COLUMNS`` for each strength c of Phi = c phi, shape (n, 7).

    Args:
        strength: c, shape (n,).
        local: phi at the nodes from each panel's left end, shape (m, panels, 16); m is 1 (all share it) or n.
        rise: phi over each panel, shape (m, panels).
        scale_weight: D^-q at the nodes.
        speed_weight: D^(q-1) at the nodes.
        diffusion: D at the nodes.
        half: Half widths, shape (panels,).
        first: The panel that begins at the start.
        counted: Whether anything is found on a panel, shape (panels,).
        squared: Whether the second moment, int s' int m 2 D T'^2, is wanted.
    """

    def integrated(values, half, out):  # type: ignore[no-untyped-def]
        """Write the integrals from the panel's left end to each node, and return that over the whole panel."""
        whole = 0.0
        out[:] = 0.0
        for j in range(ORDER):
            v = values[j] * half
            whole += WEIGHTS[j] * v
            for i in range(ORDER):
                out[i] += COLUMNWISE[j, i] * v
        return whole

    def added(total, unit, part, log):  # type: ignore[no-untyped-def]
        """Return total e^unit + part e^log as a number and the logarithm of its unit."""
        if part <= 0.0:
            return total, unit
        if log > unit:
            return total * math.exp(unit - log) + part, log
        return total + part * math.exp(log - unit), unit

    result = np.zeros((len(strength), 7))
    up, down, running = np.empty(ORDER), np.empty(ORDER), np.empty(ORDER)
    nested, source, second = np.empty(ORDER), np.empty(ORDER), np.empty(ORDER)
    for n in range(len(strength)):
        c, k = strength[n], n if len(rise) > 1 else 0
        base, lost, lowest, lowest_lost, population = 0.0, 0.0, 0.0, 0.0, 0.0
        squares, squares_log = 0.0, -np.inf
        time, time_log, scale, scale_log, moment, moment_log = 0.0, -np.inf, 0.0, -np.inf, 0.0, -np.inf
        least, most, origin = 0.0, 0.0, 0.0
        for p in range(len(half)):
            height = (base - lowest) + (lost - lowest_lost)
            if p == first:
                origin = base + lost
            if counted[p]:
                fade = math.exp(-height)
                for i in range(ORDER):
                    up[i] = math.exp(c * local[k, p, i])
                for i in range(ORDER):
                    down[i] = speed_weight[k, p, i] / up[i]
                    up[i] *= scale_weight[k, p, i]
                gain = integrated(down, half[p], running)
                part = ahead = 0.0
                for i in range(ORDER):
                    nested[i] = up[i] * (population + fade * running[i])
                    part += WEIGHTS[i] * nested[i]
                    ahead += WEIGHTS[i] * up[i]
                if squared:
                    for i in range(ORDER):
                        source[i] = 2.0 * down[i] * diffusion[k, p, i] * nested[i] * nested[i]
                    behind, behind_log = squares, squares_log
                    grown = integrated(source, half[p], second)
                    squares, squares_log = added(squares, squares_log, grown, 2.0 * height - (base + lost))
                if p >= first:
                    time, time_log = added(time, time_log, half[p] * part, height)
                    scale, scale_log = added(scale, scale_log, half[p] * ahead, base + lost - origin)
                    if squared:
                        for side in range(2):
                            part = 0.0
                            for i in range(ORDER):
                                part += WEIGHTS[i] * up[i] * (behind if side == 0 else second[i])
                            log = behind_log if side == 0 else 2.0 * height - (base + lost)
                            moment, moment_log = added(moment, moment_log, half[p] * part, log + base + lost)
                population += gain * fade
            step = c * rise[k, p]
            grown = base + step
            shadow = grown - base
            lost += (base - (grown - shadow)) + (step - shadow)  # two-sum: what the addition rounded away
            base = grown
            if base + lost < lowest + lowest_lost:
                population *= math.exp((base - lowest) + (lost - lowest_lost))
                lowest, lowest_lost = base, lost
            if p >= first:
                least, most = min(least, base + lost - origin), max(most, base + lost - origin)
        result[n] = time, time_log, scale, scale_log, moment, moment_log, most - least
    return result
