r"""Two sweeps along the panels, one from each far side, that meet where the mode is largest: a step towards an eigenvalue, and its index.

On panel p a backward mode u and its flow j (u' = -s j, j' = lambda m u, Phi counted from the panel's left end) move by

    u_1 = a u - b j,   j_1 = lambda c u + d j,   a, b, c, d entire functions of lambda.

The ratio W = j/u from the left and -j/u from the right begin at zero at a reflecting far side; every term that is added is positive up to the
first node, so that a rate of e^-5000 keeps its digits. Both are kept in a unit e^X of their own, X whole so that its sums are exact. Where they
meet, W_left + W_right vanishes at an eigenvalue and grows with lambda; nodes passed and its sign count the eigenvalues below lambda (Sturm).
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from eyring.numerics.exact.quadrature import ORDER, RUNNING, WEIGHTS

__all__ = ["ladder", "meet"]

TINY = 1e-140
COLUMNWISE = np.ascontiguousarray(RUNNING.T)


def _meet(log_rate, rise, series, walls, left, right):  # type: ignore[no-untyped-def]
    """Return (step in ln lambda, eigenvalues below lambda, meeting edge), and fill the ratios.

    Args:
        log_rate: ln lambda.
        rise: Phi over each panel, (panels,).
        series: Coefficients of a, b, c, d in powers of -lambda, (panels, 4, terms).
        walls: Whether the left and the right end absorb, (2,).
        left: Filled with (ratio, ln of its unit, its derivative by ln lambda, u_1/u_0 of the panel left of it), (panels + 1, 4).
        right: The same from the right, with u_0/u_1 of the panel right of it.
    """
    panels, terms = series.shape[0], series.shape[2]
    rate = math.exp(log_rate)
    sums, slopes = np.zeros((panels, 4)), np.zeros((panels, 4))
    for p in range(panels):
        for f in range(4):
            power = 1.0
            for k in range(terms):
                term = series[p, f, k] * power
                sums[p, f] += term
                slopes[p, f] += k * term
                power *= -rate
    nodes_left, nodes_right = np.zeros(panels + 1), np.zeros(panels + 1)
    for side in range(2):
        out, nodes = (left, nodes_left) if side == 0 else (right, nodes_right)
        first, last = (0, 3) if side == 0 else (3, 0)
        ratio, unit, height, slope, count = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(panels):
            p = i if side == 0 else panels - 1 - i
            b, c, b_slope, c_slope = sums[p, 1], sums[p, 2], slopes[p, 1], slopes[p, 2]
            before, after, before_slope, after_slope = sums[p, first], sums[p, last], slopes[p, first], slopes[p, last]
            gain = log_rate + math.log(series[p, 2, 0])
            highest = -math.log(series[p, 1, 0])
            grown = rise[p] if side == 0 else 0.0
            if i == 0:
                height = gain
                unit = np.rint(gain)
            if i == 0 and walls[side]:
                height, passed = highest + grown, 1.0
                unit = np.rint(height)
                factor = math.exp(grown - unit)
                ratio, slope = -factor * after / b, -factor * (after_slope * b - after * b_slope) / (b * b)
            else:
                if side == 1:
                    fall = math.exp(-rise[p])
                    ratio, slope = ratio * fall, slope * fall
                source, scale = math.exp(log_rate - unit), math.exp(unit)
                above = after * ratio + c * source
                below = before - b * ratio * scale
                above_slope = after_slope * ratio + after * slope + (c + c_slope) * source
                below_slope = before_slope - (b_slope * ratio + b * slope) * scale
                if abs(below) < TINY:
                    below = TINY
                if below < 0:
                    count += 1
                passed, old = below, unit
                height = min(max(height if side == 0 else height - rise[p], gain), highest) + grown
                unit = np.rint(height)
                factor = math.exp((old - unit) + grown)
                ratio, slope = factor * above / below, factor * (above_slope * below - above * below_slope) / (below * below)
            at = p + 1 if side == 0 else p
            out[at, 0], out[at, 1], out[at, 2], out[at, 3] = ratio, unit, slope, passed
            nodes[at] = count
    best, smallest, step, below_it = 1, math.inf, 0.0, 0.0
    for k in range(1, panels):
        unit = max(left[k, 1], right[k, 1])
        one, other = math.exp(left[k, 1] - unit), math.exp(right[k, 1] - unit)
        mismatch = left[k, 0] * one + right[k, 0] * other
        size = unit + math.log(max(abs(mismatch), TINY)) - math.log(series[k, 2, 0])
        if size < smallest:
            best, smallest = k, size
            step = -mismatch / max(left[k, 2] * one + right[k, 2] * other, TINY)
            below_it = nodes_left[k] + nodes_right[k] + (1.0 if mismatch > 0 else 0.0)
    return step, int(below_it), best


def _ladder(scale, speed, half, terms):  # type: ignore[no-untyped-def]
    """Return the coefficients of a, b, c, d in powers of -lambda: integrals of s and m nested 0, 1, 2, ... times, (panels, 4, terms).

    Args:
        scale: s at the nodes, (panels, nodes).
        speed: m at the nodes.
        half: Half widths, (panels,).
        terms: How many powers.
    """
    panels = len(half)
    series = np.empty((panels, 4, terms))
    value, part, integral = np.empty(ORDER), np.empty(ORDER), np.empty(ORDER)
    for p in range(panels):
        for innermost in range(2):  # m first, then s first
            value[:] = 1.0
            series[p, 3 * innermost, 0] = 1.0
            for times in range(1, 2 * terms):
                weight = speed[p] if (times + innermost) % 2 == 1 else scale[p]
                whole = 0.0
                for j in range(ORDER):
                    part[j] = value[j] * weight[j] * half[p]
                    whole += WEIGHTS[j] * part[j]
                even = times % 2 == 0
                place = (0 if even else 2) if innermost == 0 else (3 if even else 1)
                series[p, place, times // 2] = whole
                integral[:] = 0.0
                for j in range(ORDER):
                    for i in range(ORDER):
                        integral[i] += COLUMNWISE[j, i] * part[j]
                value[:] = integral
    return series


@cache
def ladder() -> Callable[..., Any]:
    """Return the nested integrals as machine code."""
    from numba import njit

    return njit(cache=True, nogil=True)(_ladder)  # type: ignore[no-any-return]


@cache
def meet() -> Callable[..., Any]:
    """Return the two sweeps as machine code."""
    from numba import njit

    return njit(cache=True, nogil=True)(_meet)  # type: ignore[no-any-return]
