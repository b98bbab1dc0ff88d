"""One step of SGD over every batch of a small population: its mean and covariance, counted in exact fractions."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["EnumeratedBatches", "EnumeratedNoisyBatches"]

F = Fraction
Vector = tuple[Fraction, Fraction]
HERE: Vector = (F(3, 10), F(-7, 10))
BATCH = 2
# one row a sample: its gradient at 0, and the matrix by which it grows
POPULATION = (
    ((F(17, 10), F(-3, 5)), ((F(2), F(1, 3)), (F(1, 2), F(1)))),
    ((F(-6, 5), F(9, 10)), ((F(1), F(-1, 4)), (F(1, 5), F(3)))),
    ((F(2, 5), F(11, 10)), ((F(3, 2), F(1, 7)), (F(-1, 3), F(1, 2)))),
)


class EnumeratedBatches(Road):
    """Mean and half the covariance of one step, over eta, of all batches of two drawn with replacement."""

    result = "sgd-sde"
    method = "one step over every batch of a small population, in exact fractions"
    temperature: Fraction | None = None

    def trials(self) -> Sequence[Trial]:
        """Two learning rates at one place, the noise of which depends on the place."""
        return [self._trial(eta) for eta in (F(3, 10), F(13, 5))]

    def _trial(self, eta: Fraction) -> Trial:
        batches = list(_batch_gradients(HERE))
        steps = [tuple(-eta * g + kick for g, kick in zip(batch, kicks, strict=True)) for batch in batches for kicks in self._kicks(eta)]
        (g1, g2), ((c11, c12), (_, c22)) = _mean(batches), _covariance(batches)
        drift, spread = [m / eta for m in _mean(steps)], [[c / (2 * eta) for c in row] for row in _covariance(steps)]
        divergence = _noise_divergence(HERE)
        values = {
            "eta": eta, "g_1": g1, "g_2": g2, "C_11": c11, "C_12": c12, "C_22": c22, "divC_1": divergence[0], "divC_2": divergence[1],
            **({"T": self.temperature} if self.temperature is not None else {}),
        }  # fmt: skip
        return Trial(values, [[d, *row] for d, row in zip(drift, spread, strict=True)], 1e-25)

    def _kicks(self, eta: Fraction) -> list[Vector]:
        """Return equally likely injected kicks of covariance 2 eta T: none here."""
        return [(F(0), F(0))]


class EnumeratedNoisyBatches(EnumeratedBatches):
    """The same with an injected kick of two values, plus and minus, in each coordinate; 2 eta T is a square."""

    result = "sgld-minibatch"
    method = "one step over every batch and every sign of the injected kick, in exact fractions"
    temperature = F(9, 20)

    def trials(self) -> Sequence[Trial]:
        """Learning rates for which the kick is a fraction: kicks of 3/5 and 3/2."""
        return [self._trial(eta) for eta in (F(2, 5), F(5, 2))]

    def _kicks(self, eta: Fraction) -> list[Vector]:
        kick = {F(2, 5): F(3, 5), F(5, 2): F(3, 2)}[eta]
        return [(a * kick, b * kick) for a in (1, -1) for b in (1, -1)]


def _batch_gradients(place: Vector) -> Iterator[Vector]:
    single = [tuple(g + sum(m * x for m, x in zip(row, place, strict=True)) for g, row in zip(*sample, strict=True)) for sample in POPULATION]
    for batch in product(single, repeat=BATCH):
        yield _mean(batch)


def _mean(points: Sequence[Sequence[Fraction]]) -> Vector:
    first, second = (sum((p[i] for p in points), F(0)) / len(points) for i in (0, 1))
    return first, second


def _covariance(points: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    mean = _mean(points)
    return [[sum(((p[i] - mean[i]) * (p[j] - mean[j]) for p in points), F(0)) / len(points) for j in (0, 1)] for i in (0, 1)]


def _noise_divergence(place: Vector) -> list[Fraction]:
    """Return sum_j d_j C_ij by central differences, exact because C is quadratic in the place."""
    shifted = [(_moved(place, j, 1), _moved(place, j, -1)) for j in (0, 1)]
    slopes = [[[(u - d) / 2 for u, d in zip(*rows, strict=True)] for rows in zip(*map(_noise_at, pair), strict=True)] for pair in shifted]
    return [sum((slopes[j][i][j] for j in (0, 1)), F(0)) for i in (0, 1)]


def _moved(place: Vector, axis: int, by: int) -> Vector:
    return (place[0] + by, place[1]) if axis == 0 else (place[0], place[1] + by)


def _noise_at(place: Vector) -> list[list[Fraction]]:
    return _covariance(list(_batch_gradients(place)))
