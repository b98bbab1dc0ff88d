"""What is asked of one or two walks: time, second moment, and out of an interval the side and the time of whichever end comes first.

With the scale S = int s' and h = S(l, x)/S(l, r), the probability to reach r before l, the mean time is h T_r + (1 - h) T_l, T_r and T_l being the
times from x to r and to l with a reflecting wall at x.
"""

import numpy as np

from eyring.numerics.exact.passage.sums import MOMENT, SCALE, TIME, Sums, Walk

__all__ = ["out_of_interval", "second_moment", "time_to_target", "upper_first"]


def time_to_target(walks: tuple[Walk], strengths: np.ndarray, bends: np.ndarray) -> Sums:
    """Return int s' int m."""
    return walks[0].sums(strengths, bends, TIME)


def second_moment(walks: tuple[Walk], strengths: np.ndarray, bends: np.ndarray) -> Sums:
    """Return int s' int m 2 D T'^2, positive terms only: the variance obeys the backward equation with -2 D T'^2 on its right side."""
    return walks[0].sums(strengths, bends, MOMENT)


def _plus(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Add numbers mantissa * exp(shift) without overflow."""
    shift = np.maximum(one[1], other[1])
    return one[0] * np.exp(one[1] - shift) + other[0] * np.exp(other[1] - shift), shift


def upper_first(walks: tuple[Walk, Walk], strengths: np.ndarray, bends: np.ndarray) -> Sums:
    """Return h = S(left, start)/S(left, right), S the scale."""
    (up, up_shift, up_error), (down, down_shift, down_error) = (walk.sums(strengths, bends, SCALE) for walk in walks)
    whole, shift = _plus((up, up_shift), (down, down_shift))
    return down / whole, down_shift - shift, up_error + down_error


def out_of_interval(walks: tuple[Walk, Walk], strengths: np.ndarray, bends: np.ndarray) -> Sums:
    """Return h T_up + (1 - h) T_down, h the probability to leave at the upper end, the times with a wall at the start."""
    (up, up_log, up_error), (down, down_log, down_error) = (walk.sums(strengths, bends, TIME) for walk in walks)
    (ahead, ahead_log, _), (behind, behind_log, _) = (walk.sums(strengths, bends, SCALE) for walk in walks)
    whole, whole_log = _plus((ahead, ahead_log), (behind, behind_log))
    value, shift = _plus((up * behind, up_log + behind_log), (down * ahead, down_log + ahead_log))
    return value / whole, shift - whole_log, 2 * (up_error + down_error)
