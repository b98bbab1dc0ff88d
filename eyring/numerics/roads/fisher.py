"""Noise of classifiers whose labels are drawn from their own probabilities: every pair of draws listed, every derivative a difference."""

from collections.abc import Sequence
from itertools import product

import mpmath

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["LabelsFromTheModel"]

Logits = Sequence[tuple[float, float]]  # of each class: how its logit grows with the two parameters


class LabelsFromTheModel(Road):
    """Softmax with two and with three classes on a few inputs."""

    result = "fisher-covariance"
    method = "enumeration of all batches of inputs and labels, derivatives by differences in 60 digits"

    def trials(self) -> Sequence[Trial]:
        """Each input with its share of the data."""
        two = [(0.3, [(1.2, -0.7), (0, 0)]), (0.5, [(-0.4, 1.9), (0, 0)]), (0.2, [(2.1, 0.8), (0, 0)])]
        three = [(0.6, [(1.5, 0.3), (-0.2, 1.1), (0.4, -0.9)]), (0.4, [(-0.8, 0.5), (1.3, 0.6), (0, 0)])]
        with mpmath.workdps(60):
            return [_trial(two, (0.6, -0.9), 2), _trial(three, (-0.5, 1.3), 3)]


def _trial(inputs: Sequence[tuple[float, Logits]], parameters: tuple[float, float], size: int) -> Trial:
    here = tuple(mpmath.mpf(p) for p in parameters)
    outcomes = []  # share of the data, gradient, second derivatives
    for share, logits in inputs:
        for label in range(len(logits)):

            def loss(one: mpmath.mpf, two: mpmath.mpf, logits: Logits = logits, label: int = label) -> mpmath.mpf:
                heights = [a * one + b * two for a, b in logits]
                return mpmath.log(mpmath.fsum(map(mpmath.exp, heights))) - heights[label]

            gradient = [mpmath.diff(loss, here, order) for order in ((1, 0), (0, 1))]
            second = [mpmath.diff(loss, here, order) for order in ((2, 0), (1, 1), (0, 2))]
            outcomes.append((share * mpmath.exp(-loss(*here)), gradient, second))
    total = mpmath.fsum(share for share, _, _ in outcomes)
    outcomes = [(share / total, gradient, second) for share, gradient, second in outcomes]
    batches = [
        (mpmath.fprod(share for share, _, _ in drawn), [mpmath.fsum(gradient[i] for _, gradient, _ in drawn) / size for i in (0, 1)])
        for drawn in product(outcomes, repeat=size)
    ]
    mean = [mpmath.fsum(p * g[i] for p, g in batches) for i in (0, 1)]
    covariance = [[mpmath.fsum(p * g[i] * g[j] for p, g in batches) - mean[i] * mean[j] for j in (0, 1)] for i in (0, 1)]
    hessian = [mpmath.fsum(p * second[k] for p, _, second in outcomes) for k in range(3)]
    return Trial({"H_11": hessian[0], "H_12": hessian[1], "H_22": hessian[2], "B": size}, covariance, 1e-14)
