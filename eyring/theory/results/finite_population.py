"""The covariance of a batch drawn from a finite population of samples, with and without replacement."""

import itertools
import random
from collections import Counter
from fractions import Fraction

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, less
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import data_size as N
from eyring.theory.symbols import gradient_moment_11, gradient_moment_12, gradient_moment_22, learning_rate, slope_1, slope_2

__all__ = ["WithReplacement", "WithoutReplacement"]

ONE, OTHER = sp.symbols("i j", integer=True)
SAMPLES = sp.IndexedBase("z")  # z[a, i]: component a of the gradient of sample i
TWICE, PAIR = sp.symbols("p q", positive=True)  # E[n_i^2] and E[n_i n_j], n_i how often sample i is in the batch
MOMENTS = sp.Matrix([[gradient_moment_11, gradient_moment_12], [gradient_moment_12, gradient_moment_22]])
MEAN = sp.Matrix([slope_1, slope_2])


class WithReplacement(Result):
    """C = (M - g g^T)/B, M the mean of the samples' g_i g_i^T: a sample may be drawn twice."""

    name = "covariance-with-replacement"
    title = "Minibatch covariance of a finite population, with replacement"
    chapter = "Minibatch noise"
    sources = ("ziyin2022",)

    def derive(self) -> Formula:
        """Sum over all pairs of samples; each is drawn B times with chance 1/N."""
        return Formula(_derivation(replacement=True), "loss^2/length^2", learning_rate, name=self.name)


class WithoutReplacement(Result):
    """C = (M - g g^T)/B (N - B)/(N - 1): none is drawn twice, and the whole data have no noise."""

    name = "covariance-without-replacement"
    title = "Minibatch covariance of a finite population, without replacement"
    chapter = "Minibatch noise"
    sources = ("mori2021",)

    def derive(self) -> Formula:
        """Sum over all pairs of samples; each is in the batch at most once, with chance B/N."""
        enough = Condition(less(B, N + 1), "a batch drawn without replacement is at most the whole data", hard=True, remedy="take a smaller batch")
        return Formula(_derivation(replacement=False), "loss^2/length^2", learning_rate, (enough,), name=self.name)


def _derivation(*, replacement: bool) -> Derivation:
    return (
        Derivation(f"covariance of a batch {'with' if replacement else 'without'} replacement")
        .define(
            "sum_ij E[n_i n_j] z_i z_j^T/B^2 - g g^T: sample i is n_i times in the batch, E[n_i^2] = p, E[n_i n_j] = q for every other j",
            sp.ImmutableMatrix(2, 2, _pairs),
        )
        .apply(_SUMS, "sums over the samples: sum_i z_i = N g, sum_i z_i z_i^T = N M")
        .apply(_COUNTS, "how often a sample, and a pair, is in the batch", replacement=replacement)
    )


def _pairs(a: int, b: int) -> sp.Expr:
    everyone, same = _double(a, b), _single(a, b)
    return (PAIR * everyone + (TWICE - PAIR) * same) / B**2 - MEAN[a] * MEAN[b]


def _double(a: int, b: int) -> sp.Expr:
    return sp.Sum(SAMPLES[a + 1, ONE] * SAMPLES[b + 1, OTHER], (ONE, 1, N), (OTHER, 1, N))


def _single(a: int, b: int) -> sp.Expr:
    return sp.Sum(SAMPLES[a + 1, ONE] * SAMPLES[b + 1, ONE], (ONE, 1, N))


def _summed(matrix: sp.MatrixBase) -> sp.ImmutableMatrix:
    places = list(itertools.product((0, 1), repeat=2))
    known = {_single(a, b): N * MOMENTS[a, b] for a, b in places} | {_double(a, b): N**2 * MEAN[a] * MEAN[b] for a, b in places}
    return sp.ImmutableMatrix(matrix.xreplace(known))


def _three_samples(before: sp.MatrixBase, after: sp.MatrixBase) -> bool:
    """Write the sums out for three samples with numbers."""
    generator = random.Random(3)
    data = [[sp.Rational(generator.randint(-9, 9), 7) for _ in range(3)] for _ in range(2)]
    numbers = {SAMPLES[a + 1, i + 1]: data[a][i] for a in range(2) for i in range(3)}
    moments = {MEAN[a]: sum(data[a]) / 3 for a in range(2)}
    moments |= {MOMENTS[a, b]: sum(x * y for x, y in zip(data[a], data[b], strict=True)) / 3 for a, b in ((0, 0), (0, 1), (1, 1))}
    written = before.subs(N, 3).doit().subs(numbers).subs(moments)
    return agree_in_numbers(sp.ImmutableMatrix(written), sp.ImmutableMatrix(after.subs(N, 3).subs(moments)))


def _inserted(matrix: sp.MatrixBase, *, replacement: bool) -> sp.ImmutableMatrix:
    """Read p off the generating function of one sample's count; q follows since the counts add up to B: N p + N (N - 1) q = B^2."""
    z = sp.Symbol("z", positive=True)
    generating = (1 + (z - 1) / N) ** B if replacement else 1 + (z - 1) * B / N
    twice = sp.expand((sp.diff(generating, z, 2) + sp.diff(generating, z)).subs(z, 1))
    pair = (B**2 - N * twice) / (N * (N - 1))
    return sp.ImmutableMatrix(matrix.subs({TWICE: twice, PAIR: pair})).applyfunc(sp.factor)


def _all_batches(before: sp.MatrixBase, after: sp.MatrixBase, *, replacement: bool) -> bool:
    """Count in every batch of two and of three out of four."""
    return all(_batches_of(size, before, after, replacement=replacement) for size in (2, 3))


def _batches_of(size: int, before: sp.MatrixBase, after: sp.MatrixBase, *, replacement: bool) -> bool:
    batches = list(itertools.product(range(4), repeat=size) if replacement else itertools.combinations(range(4), size))
    counts = [Counter(batch) for batch in batches]
    twice, pair = (Fraction(sum(c[0] * c[k] for c in counts), len(batches)) for k in (0, 1))
    values = {TWICE: sp.Rational(twice.numerator, twice.denominator), PAIR: sp.Rational(pair.numerator, pair.denominator), N: 4, B: size}
    return agree_in_numbers(sp.ImmutableMatrix(before.subs(values)), sp.ImmutableMatrix(after.subs({N: 4, B: size})))


_SUMS = Rule("sums over the samples", _summed, _three_samples)
_COUNTS = Rule("moments of the counts", _inserted, _all_batches)
