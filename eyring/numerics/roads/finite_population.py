"""The covariance of batches, had by listing every batch of a small population."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, product

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["EveryBatchOnce", "EveryDraw"]

TOLERANCE = 1e-30
Gradient = tuple[Fraction, Fraction]
FIVE = [(1, 4), (3, -1), (-2, "1/2"), ("5/2", 2), (0, -3)]
SEVEN = [("3/2", -2), (-4, 1), ("1/3", "7/2"), (2, 2), (-1, 5), (6, "-1/2"), ("-5/4", 3)]


class EveryDraw(Road):
    """With replacement: all N^B ordered draws."""

    result = "covariance-with-replacement"
    method = "enumeration of all ordered draws, in fractions"

    def trials(self) -> Sequence[Trial]:
        """Batches of two and of three, and one as large as the data."""
        return [_trial(data, size, product(_read(data), repeat=size)) for data, size in ((FIVE, 2), (SEVEN, 3), (FIVE, 5))]


class EveryBatchOnce(Road):
    """Without replacement: all subsets of B samples; at B = N there is one."""

    result = "covariance-without-replacement"
    method = "enumeration of all subsets, in fractions"

    def trials(self) -> Sequence[Trial]:
        """Small batches, large ones, and the whole data."""
        return [_trial(data, size, combinations(_read(data), size)) for data, size in ((FIVE, 2), (SEVEN, 3), (SEVEN, 6), (FIVE, 5))]


def _read(data: Sequence[Sequence]) -> list[Gradient]:
    return [(Fraction(x), Fraction(y)) for x, y in data]


def _trial(data: Sequence[Sequence], size: int, batches: Iterable[Sequence[Gradient]]) -> Trial:
    (m11, m12), (_, m22), mean = _moments(_read(data))
    means = [tuple(sum(component) / Fraction(size) for component in zip(*batch, strict=True)) for batch in batches]
    *rows, whole = _moments(means)
    covariance = [[rows[a][b] - whole[a] * whole[b] for b in (0, 1)] for a in (0, 1)]
    values = {"M_11": m11, "M_12": m12, "M_22": m22, "g_1": mean[0], "g_2": mean[1], "N": len(data), "B": size}
    return Trial(values, covariance, TOLERANCE)


def _moments(vectors: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """Return the rows of the mean outer product, and the mean."""
    count = len(vectors)
    products = [[sum((v[a] * v[b] for v in vectors), Fraction(0)) / count for b in (0, 1)] for a in (0, 1)]
    return [*products, [sum((v[a] for v in vectors), Fraction(0)) / count for a in (0, 1)]]
