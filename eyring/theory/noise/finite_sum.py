"""The noise of real batches from a finite population of per-sample losses, with or without replacement."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb, factorial, prod

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.landscape import Landscape
from eyring.theory.noise.contract import BatchAtom, GradientNoise
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import exact_number

__all__ = ["FiniteSum"]

MOST_ATOMS = 20_000


@dataclass(frozen=True)
class FiniteSum(GradientNoise):
    """The training loss is the mean of per-sample losses; a batch averages B of them.

    The covariance is exact (Ziyin et al. 2022, Prop. 1): with G = (1/N) sum_i g_i g_i^T - g g^T, C = G/B with replacement and
    C = (G/B) (N - B)/(N - 1) without.

    Args:
        losses: One sympy expression per *kind* of sample.
        copies: How many samples of each kind the data hold; one each if left out.
        replacement: Whether a sample may be drawn twice in one batch.
    """

    losses: tuple[sp.Expr, ...]
    copies: tuple[int, ...]
    replacement: bool

    def __init__(self, losses: Iterable[sp.Expr], *, copies: Iterable[int] | None = None, replacement: bool = True) -> None:
        kinds = tuple(exact_number(loss) for loss in losses)
        counts = (1,) * len(kinds) if copies is None else tuple(copies)
        if not kinds or len(counts) != len(kinds) or not all(isinstance(c, int) and c >= 1 for c in counts):
            raise EyringError(
                f"a finite sum needs at least one loss and a positive number of copies of each, got {len(kinds)} losses and copies {counts}"
            )
        object.__setattr__(self, "losses", kinds)
        object.__setattr__(self, "copies", counts)
        object.__setattr__(self, "replacement", bool(replacement))

    @property
    def samples(self) -> int:
        """Number N of samples in the data."""
        return sum(self.copies)

    def landscape(self, coordinates: Iterable[sp.Symbol]) -> Landscape:
        """Return the training loss, the mean over the samples."""
        mean = sp.expand(sum(n * loss for n, loss in zip(self.copies, self.losses, strict=True)) / self.samples)
        return Landscape(mean, coordinates)

    def covariance(self, landscape: Landscape, batch_size: sp.Expr = B) -> sp.ImmutableMatrix:
        """Return the exact covariance of the minibatch gradient.

        Raises:
            EyringError: If the mean of the losses is not the landscape's, or the batch is larger than the data without replacement.
        """
        self._check(landscape, batch_size)
        shifts = self._shifts(landscape)
        weighted = [n * s * s.T for n, s in zip(self.copies, shifts, strict=True)]
        per_sample = sum(weighted, sp.zeros(landscape.dim)) / self.samples
        factor = 1 if self.replacement else (self.samples - batch_size) / sp.Integer(max(self.samples - 1, 1))
        return sp.ImmutableMatrix((per_sample * factor / batch_size).applyfunc(sp.factor))

    def batch_law(self, landscape: Landscape, batch_size: int) -> tuple[BatchAtom, ...]:
        """Return the multinomial (or hypergeometric) law of the batch's gradient noise.

        Raises:
            EyringError: If the batch size is not a positive integer, exceeds the data, or the law has over 20 000 atoms.
        """
        if not (isinstance(batch_size, int) and batch_size >= 1):
            raise EyringError(f"the batch law needs a whole positive batch size, got {batch_size}")
        self._check(landscape, sp.Integer(batch_size))
        kinds = len(self.losses)
        atoms = comb(batch_size + kinds - 1, kinds - 1)
        if atoms > MOST_ATOMS:
            raise EyringError(
                f"batches of {batch_size} from {kinds} kinds of samples have {atoms} outcomes; at most {MOST_ATOMS} are listed. "
                "Use fewer kinds or a smaller batch"
            )
        shifts = self._shifts(landscape)
        law = []
        for drawn in combinations_with_replacement(range(kinds), batch_size):
            counts = [drawn.count(k) for k in range(kinds)]
            probability = self._probability(counts, batch_size)
            if probability:
                mean = sum((c * s for c, s in zip(counts, shifts, strict=True)), sp.zeros(landscape.dim, 1)) / batch_size
                law.append(BatchAtom(tuple(mean.applyfunc(sp.factor)), probability))
        return tuple(law)

    def _shifts(self, landscape: Landscape) -> list[sp.Matrix]:
        return [
            sp.Matrix([sp.expand(sp.diff(loss, c) - g) for c, g in zip(landscape.coordinates, landscape.gradient, strict=True)])
            for loss in self.losses
        ]

    def _probability(self, counts: list[int], size: int) -> sp.Rational:
        if not self.replacement:
            return sp.Rational(prod(comb(n, c) for n, c in zip(self.copies, counts, strict=True)), comb(self.samples, size))
        ways = factorial(size) // prod(factorial(c) for c in counts)
        return sp.Rational(ways * prod(n**c for n, c in zip(self.copies, counts, strict=True)), self.samples**size)

    def _check(self, landscape: Landscape, batch_size: sp.Expr) -> None:
        mean = sum(n * loss for n, loss in zip(self.copies, self.losses, strict=True)) / self.samples
        difference = sp.simplify(sp.diff(mean - landscape.expression, landscape.coordinates[0]))
        if difference != 0 or any(sp.simplify(sp.diff(mean - landscape.expression, c)) != 0 for c in landscape.coordinates[1:]):
            raise EyringError(
                f"the mean of the per-sample losses is {sp.expand(mean)}, not the loss {landscape.expression}; use "
                "FiniteSum(...).landscape(coordinates)"
            )
        if not self.replacement and batch_size.is_number and batch_size > self.samples:
            raise EyringError(
                f"a batch of {batch_size} cannot be drawn without replacement from {self.samples} samples; use a batch of at "
                f"most {self.samples}, or replacement=True"
            )
