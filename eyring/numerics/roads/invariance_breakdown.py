"""The linear scaling rule judged by the update rule's own variance recursion and by the enumeration of batches."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["BatchEnumeration", "VarianceRecursion"]


class VarianceRecursion(Road):
    """Iterate the variance of the update rule for both pairs of learning rate and batch size."""

    result = "scaling-rule-finite-step"
    method = "variance recursion of the update rule at (eta, C) and (r eta, C/r)"

    def trials(self) -> Sequence[Trial]:
        """Small and large steps."""
        cases = [tuple(map(Fraction, case)) for case in (("1/10", "3/2", "3"), ("1/5", "21/10", "9/4"), ("3/2", "1/3", "7/5"))]
        return [Trial({"eta": e, "H": h, "r": r}, _variance(r * e, h, 1 / r) / _variance(e, h, Fraction(1)), 1e-12) for e, h, r in cases]


class BatchEnumeration(Road):
    """Average the squared batch gradient over every batch of a small population."""

    result = "scaling-rule-finite-data"
    method = "enumeration of every batch, drawn without replacement"

    def trials(self) -> Sequence[Trial]:
        """Populations of 7 and 8, batches grown by 2 and by 3/2."""
        seven, eight = [Fraction(n) for n in (3, -1, 4, 1, -5, 9, 2)], [Fraction(n) for n in (2, 7, 1, -8, 2, 8, 1, 8)]
        cases = ((seven, 2, Fraction(2)), (eight, 4, Fraction(3, 2)), (eight, 2, Fraction(3)))
        return [Trial({"N": len(data), "B": B, "err": _lost(data, B, r)}, r, 1e-25) for data, B, r in cases]


def _lost(data: list[Fraction], size: int, growth: Fraction) -> Fraction:
    """Return the fraction of eta C that is lost when both grow."""
    return 1 - growth * _batch_variance(data, int(growth * size)) / _batch_variance(data, size)


def _variance(eta: Fraction, curvature: Fraction, noise: Fraction) -> float:
    step, kick = float((1 - eta * curvature) ** 2), float(eta**2 * noise)
    variance = 0.0
    for _ in range(400):
        variance = step * variance + kick
    return variance


def _batch_variance(data: list[Fraction], size: int) -> Fraction:
    mean = sum(data, Fraction(0)) / len(data)
    batches = [sum(batch, Fraction(0)) / size - mean for batch in combinations(data, size)]
    return sum((b * b for b in batches), Fraction(0)) / len(batches)
