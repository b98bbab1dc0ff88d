"""What every second road promises: numbers for a result, had without its formula, and a judgement on any expression put in the formula's place."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import groupby
from typing import Any, ClassVar

import mpmath
import sympy as sp

from eyring.errors import EyringError
from eyring.numerics.backends import find_backend

__all__ = ["Judgement", "Limit", "Road", "Trial", "evaluator"]

WORKING_DIGITS = 40
MOST_DIGITS = 30  # more are not claimed

Values = Mapping[str, Any]
Evaluate = Callable[[Values], list[mpmath.mpf]]


@dataclass(frozen=True)
class Trial:
    """One set of numbers, and what the formula should give for them.

    Attributes:
        values: A number for every symbol of the formula, by printed name; a float means the decimal that it prints.
        reference: The other road's number; of a matrix its entries row by row.
        tolerance: The largest relative difference (to the largest entry, of a matrix) that the road's own error allows.
        smallness: The noise strength or step that goes to zero, where the formula is a limit.
        group: Trials of one group differ in the smallness alone and are extrapolated together.
    """

    values: Values
    reference: Any
    tolerance: float = 1e-12
    smallness: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Judgement:
    """Whether an expression stood the trials.

    Attributes:
        agrees: All of them.
        worst: The largest relative difference seen (infinite where the expression has no real value).
        trials: How many sets of numbers were tried.
    """

    agrees: bool
    worst: float
    trials: int

    @property
    def digits(self) -> float:
        """Decimal digits confirmed, at most 30."""
        return MOST_DIGITS if self.worst < 10.0**-MOST_DIGITS else max(0.0, float(-mpmath.log10(self.worst)))


class Road(ABC):
    """A second road to a result: quadrature, spectrum, moment recursion, enumeration or simulation, never the formula itself.

    Attributes:
        result: The name of the result that it judges.
        method: What it does, in a phrase, for the table of formulas.
    """

    result: ClassVar[str]
    method: ClassVar[str]

    @abstractmethod
    def trials(self) -> Sequence[Trial]:
        """Compute the numbers; called once a process."""

    @cached_property
    def known(self) -> tuple[Trial, ...]:
        """The trials, computed when first needed."""
        return tuple(self.trials())

    def judge(self, expression: sp.Basic) -> Judgement:
        """Say whether the expression gives the road's numbers, within its tolerances."""
        evaluate = evaluator(expression)
        worst, agrees = 0.0, True
        for trial in self.known:
            off = _relative(evaluate(trial.values), _listed(trial.reference))
            worst, agrees = max(worst, off), agrees and off <= trial.tolerance
        return Judgement(agrees, worst, len(self.known))


class Limit(Road):
    """A road to a formula that is exact only in a limit: (reference/formula - 1)/smallness^kept is extrapolated to smallness 0 and must vanish.

    Attributes:
        power: The ratio is a series in smallness^power.
        kept: How many powers of the smallness (whole ones) the formula has right beyond the leading term.
        tolerance: How far from zero the extrapolated value may be.
    """

    power: ClassVar[Fraction] = Fraction(1)
    kept: ClassVar[int] = 0
    tolerance: ClassVar[float] = 1e-3

    def judge(self, expression: sp.Basic) -> Judgement:
        """Extrapolate every group of trials and take the worst."""
        evaluate = evaluator(expression)
        worst = 0.0
        for _, group in groupby(self.known, key=lambda t: t.group):
            worst = max(worst, self._extrapolated(evaluate, list(group)))
        return Judgement(worst <= self.tolerance, worst, len(self.known))

    def _extrapolated(self, evaluate: Evaluate, group: Sequence[Trial]) -> float:
        with mpmath.workdps(WORKING_DIGITS):
            points, offs = [], []
            for trial in group:
                if trial.smallness is None:
                    raise EyringError(f"every trial of the road to {self.result} needs its smallness")
                size = _number(trial.smallness)
                (value,), (reference,) = evaluate(trial.values), _listed(trial.reference)
                if not mpmath.isfinite(value) or value == 0:
                    return float("inf")
                points.append(size ** _number(self.power))
                offs.append((reference / value - 1) / size**self.kept)
            return float(abs(_at_zero(points, offs)))


def evaluator(expression: sp.Basic) -> Evaluate:
    """Return a function from values, by name, to the entries of the expression in 40 digits; NaN where one has no real value."""
    entries = [sp.nan if entry.has(sp.zoo, sp.nan) else entry for entry in (expression if isinstance(expression, sp.MatrixBase) else [expression])]
    symbols = sorted(expression.free_symbols, key=str)
    backend = find_backend("mpmath", digits=WORKING_DIGITS)
    if any(sp.sympify(entry).has(sp.zoo, sp.nan) for entry in entries):
        return lambda values: [mpmath.nan] * len(entries)
    kernels = [backend.kernel(sp.sympify(entry), symbols) for entry in entries]

    def evaluate(values: Values) -> list[mpmath.mpf]:
        missing = [s.name for s in symbols if s.name not in values]
        if missing:
            raise EyringError(f"the trial gives no number for {', '.join(missing)}; it gives {', '.join(values)}")
        with mpmath.workdps(WORKING_DIGITS):
            numbers = [_number(values[s.name]) for s in symbols]
            return [_real(kernel.function, numbers) for kernel in kernels]

    return evaluate


def _real(function: Callable[..., Any], numbers: Sequence[Any]) -> mpmath.mpf:
    try:
        value = mpmath.mpmathify(function(*numbers))
    except (ZeroDivisionError, ValueError, OverflowError):
        return mpmath.nan
    return mpmath.re(value) if mpmath.im(value) == 0 else mpmath.nan


def _number(value: Any) -> mpmath.mpf:
    if isinstance(value, sp.Expr):
        return mpmath.mpf(value.evalf(WORKING_DIGITS + 5)._mpf_)
    if isinstance(value, Fraction):
        return mpmath.mpf(value.numerator) / value.denominator
    if isinstance(value, int | mpmath.mpf):
        return mpmath.mpf(value)
    return mpmath.mpf(repr(float(value)))


def _listed(reference: Any) -> list[mpmath.mpf]:
    with mpmath.workdps(WORKING_DIGITS):
        if hasattr(reference, "tolist") and not isinstance(reference, sp.MatrixBase):
            reference = reference.tolist()
        if isinstance(reference, sp.MatrixBase | list | tuple):
            return [number for part in reference for number in _listed(part)]
        return [_number(reference)]


def _relative(values: Sequence[mpmath.mpf], references: Sequence[mpmath.mpf]) -> float:
    """Return the largest difference against the largest reference; infinite where a value is not real."""
    if len(values) != len(references):
        raise EyringError(f"the formula has {len(values)} entries and the road {len(references)}")
    if not all(mpmath.isfinite(v) for v in values):
        return float("inf")
    with mpmath.workdps(WORKING_DIGITS):
        scale = max((abs(r) for r in references), default=mpmath.mpf(0)) or mpmath.mpf(1)
        return float(max(abs(v - r) for v, r in zip(values, references, strict=True)) / scale)


def _at_zero(points: Sequence[mpmath.mpf], values: Sequence[mpmath.mpf]) -> mpmath.mpf:
    """Return the value at zero of the polynomial through the points (Lagrange)."""
    total = mpmath.mpf(0)
    for i, (p, v) in enumerate(zip(points, values, strict=True)):
        others = [q for j, q in enumerate(points) if j != i]
        total += v * mpmath.fprod(q / (q - p) for q in others)
    return total
