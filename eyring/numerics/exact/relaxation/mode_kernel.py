r"""Two sweeps along the panels, one from each far side, that meet where the mode is largest: a step towards an eigenvalue, and its index.

On panel p a backward mode u and its flow j (u' = -s j, j' = lambda m u, Phi counted from the panel's left end) move by

    u_1 = a u - b j,   j_1 = lambda c u + d j,   a, b, c, d entire functions of lambda.

The ratio W = j/u from the left and -j/u from the right begin at zero at a reflecting far side; every term that is added is positive up to the
first node, so that a rate of e^-5000 keeps its digits. Both are kept in a unit e^X of their own, X whole so that its sums are exact. Where they
meet, W_left + W_right vanishes at an eigenvalue and grows with lambda; nodes passed and its sign count the eigenvalues below lambda (Sturm).
"""

import math
from functools import cache
from types import SimpleNamespace

import numpy as np

from eyring.numerics.exact.quadrature import ORDER, RUNNING, WEIGHTS

__all__ = ["MOST_SWEEPS", "machine"]

TINY = 1e-140
COLUMNWISE = np.ascontiguousarray(RUNNING.T)
CLOSE, CLOSER = 1e-9, 1e-13
NEAR = 0.5  # a step in ln lambda that is believed
MOST_SWEEPS = 400
HIGHEST = 250.0  # of ln lambda


def meet(log_rate, rise, series, walls, left, right):  # type: ignore[no-untyped-def]
    """Return (step in ln lambda, eigenvalues below lambda, meeting edge), and fill the ratios.

    Args:
        log_rate: ln lambda.
        rise: Phi over each panel, (panels,).
        series: Coefficients of a, b, c, d in powers of -lambda, (4, terms, panels).
        walls: Whether the left and the right end absorb, (2,).
        left: Filled with (ratio, ln of its unit, its derivative by ln lambda, u_1/u_0 of the panel left of it), (panels + 1, 4).
        right: The same from the right, with u_0/u_1 of the panel right of it.
    """
    terms, panels = series.shape[1], series.shape[2]
    rate = math.exp(log_rate)
    sums, slopes, logs = np.zeros((4, panels)), np.zeros((4, panels)), np.empty((2, panels))
    for f in range(4):
        power = 1.0
        for k in range(terms):
            for p in range(panels):
                term = series[f, k, p] * power
                sums[f, p] += term
                slopes[f, p] += k * term
            power *= -rate
    for p in range(panels):
        logs[0, p], logs[1, p] = math.log(series[1, 0, p]), math.log(series[2, 0, p])
    nodes_left, nodes_right = np.zeros(panels + 1), np.zeros(panels + 1)
    for side in range(2):
        out, nodes = (left, nodes_left) if side == 0 else (right, nodes_right)
        first, last = (0, 3) if side == 0 else (3, 0)
        ratio, unit, height, slope, count = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(panels):
            p = i if side == 0 else panels - 1 - i
            b, c, b_slope, c_slope = sums[1, p], sums[2, p], slopes[1, p], slopes[2, p]
            before, after, before_slope, after_slope = sums[first, p], sums[last, p], slopes[first, p], slopes[last, p]
            gain = log_rate + logs[1, p]
            highest = -logs[0, p]
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
        size = unit + math.log(max(abs(mismatch), TINY)) - logs[1, k]
        if size < smallest:
            best, smallest = k, size
            step = -mismatch / max(left[k, 2] * one + right[k, 2] * other, TINY)
            below_it = nodes_left[k] + nodes_right[k] + (1.0 if mismatch > 0 else 0.0)
    return step, int(below_it), best


def ladder(scale, speed, half, terms):  # type: ignore[no-untyped-def]
    """Return the coefficients of a, b, c, d in powers of -lambda: integrals of s and m nested 0, 1, 2, ... times, (4, terms, panels).

    Args:
        scale: s at the nodes, (nodes, panels).
        speed: m at the nodes.
        half: Half widths, (panels,).
        terms: How many powers.
    """
    panels = len(half)
    series = np.zeros((4, terms, panels))
    value, part = np.empty((ORDER, panels)), np.empty((ORDER, panels))
    for innermost in range(2):  # m first, then s first
        value[:] = 1.0
        series[3 * innermost, 0] = 1.0
        for times in range(1, 2 * terms):
            weight = speed if (times + innermost) % 2 == 1 else scale
            even = times % 2 == 0
            place = (0 if even else 2) if innermost == 0 else (3 if even else 1)
            whole = series[place, times // 2]
            for j in range(ORDER):
                for p in range(panels):
                    part[j, p] = value[j, p] * weight[j, p] * half[p]
                    whole[p] += WEIGHTS[j] * part[j, p]
            for i in range(ORDER if times < 2 * terms - 1 else 0):
                for p in range(panels):
                    value[i, p] = 0.0
                for j in range(ORDER):
                    factor = COLUMNWISE[j, i]
                    for p in range(panels):
                        value[i, p] += factor * part[j, p]
    return series


def find(index, guess, close, rise, series, walls, left, right):  # type: ignore[no-untyped-def]
    """Return (mantissa, logarithm, low, high) of the eigenvalue that ``index`` lie below: mantissa e^logarithm, or 0 where it did not settle.

    Newton's steps in ln lambda, believed where the count of eigenvalues says so, and halves of the interval elsewhere.

    Args:
        index: Which, the stationary one counted.
        guess: ln lambda to begin with.
        close: A step small enough to end with.
        rise: As for ``meet``.
        series: As for ``meet``.
        walls: As for ``meet``.
        left: As for ``meet``.
        right: As for ``meet``.
    """
    low, high, at, stride, before = -math.inf, math.inf, guess, 1.0, math.inf
    for _ in range(MOST_SWEEPS):
        step, below, _k = meet(at, rise, series, walls, left, right)
        sure = (below == index and step >= 0) or (below == index + 1 and step < 0)
        if sure and (abs(step) < close or (before < CLOSE and abs(step) >= before)):
            return math.exp(step), at, low, high
        before = abs(step) if sure else math.inf
        if below <= index:
            low = at
        else:
            high = at
        new = at + step if sure and abs(step) < NEAR else math.nan
        if not low < new < high:
            if low > -math.inf and high < math.inf:
                new = (low + high) / 2
                if new in (low, high):
                    return 1.0, at, low, high
            else:
                new = at + (stride if below <= index else -stride)
                stride *= 2
        at = min(new, HIGHEST)
    return 0.0, at, low, high


def solve(strengths, low, guesses, terms, walls, grids):  # type: ignore[no-untyped-def]
    """Return (mantissa, logarithm, disagreement) of the rates 1, 2, ... for each strength c of Phi = c phi, (n, count, 3).

    Args:
        strengths: c, (n,).
        low: A strength near them.
        guesses: ln lambda of each as a polynomial in c/low - 1, (powers, count).
        terms: How many powers of lambda.
        walls: As for ``meet``.
        grids: Twice, on coarse and fine panels: phi at the nodes from each panel's left end (nodes, panels), D^-q and D^(q-1) there, half widths
            and phi over each panel (panels,).
    """
    powers, count = guesses.shape
    result = np.zeros((len(strengths), count, 3))
    for n in range(len(strengths)):
        c = strengths[n]
        for local, scale_weight, speed_weight, half, rises in grids:
            panels = len(half)
            scale, speed, rise = np.empty((ORDER, panels)), np.empty((ORDER, panels)), c * rises
            left, right = np.zeros((panels + 1, 4)), np.zeros((panels + 1, 4))
            for j in range(ORDER):
                for p in range(panels):
                    up = math.exp(c * local[j, p])
                    scale[j, p], speed[j, p] = up * scale_weight[j, p], speed_weight[j, p] / up
            series = ladder(scale, speed, half, terms)
            for k in range(count):
                old, before = result[n, k, 0], result[n, k, 1]
                guess = before + math.log(old) if old > 0 else 0.0
                for i in range(powers if old == 0 else 0):
                    guess = guess * (c / low - 1) + guesses[powers - 1 - i, k]
                mantissa, logarithm, _low, _high = find(k + 1, guess, CLOSER, rise, series, walls, left, right)
                result[n, k, 0], result[n, k, 1] = mantissa, logarithm
                result[n, k, 2] = abs(math.expm1(math.log(old / mantissa) + (before - logarithm))) if old > 0 and mantissa > 0 else math.inf
    return result


@cache
def machine() -> SimpleNamespace:
    """Return ``meet``, ``ladder``, ``find`` and ``solve`` as machine code; the first call on a machine compiles them, later ones load it."""
    from numba import njit

    for function in (meet, ladder, find, solve):  # each calls those before it by name, so that the names must mean machine code
        globals()[function.__name__] = njit(cache=True, nogil=True, fastmath={"contract"} if function is ladder else False)(function)
    return SimpleNamespace(meet=meet, ladder=ladder, find=find, solve=solve)
