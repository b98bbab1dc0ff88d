"""One step of one walker as a list of scalar statements, each symbol assigned once: what every printer of kernels begins from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import sympy as sp

__all__ = ["Batch", "Program", "Statement", "Step"]

Statement = tuple[sp.Symbol, sp.Expr]


@dataclass(frozen=True)
class Batch:
    """Real batches drawn from a finite population.

    Attributes:
        counts: For every kind of sample but the last, the symbol of how many examples are of this kind or an earlier one.
        copies: How many samples of this kind or an earlier one the data hold; the last entry counts all.
        size: Examples in a batch.
        replacement: Whether an example may be drawn twice.
    """

    counts: tuple[sp.Symbol, ...]
    copies: tuple[int, ...]
    size: int
    replacement: bool


@dataclass(frozen=True)
class Step:
    """What happens to one walker in one step: x -> x', and whether it has escaped.

    Attributes:
        state: What a walker carries from step to step; the coordinates come first.
        statements: Assignments in order; they may use the state, the draws and what was assigned before.
        after: What the state becomes, one expression (often one assigned symbol) for each symbol of the state.
        margin: The walker has escaped where this is not negative; it may use everything.
        start: Numbers for the state of a fresh walker.
        normals: Standard normal numbers, fresh at every step.
        exponentials: Exponential numbers of mean 1, fresh at every step.
        batch: Real batches, or None.
    """

    state: tuple[sp.Symbol, ...]
    statements: tuple[Statement, ...]
    after: tuple[sp.Expr, ...]
    margin: sp.Expr
    start: tuple[float, ...]
    normals: tuple[sp.Symbol, ...] = ()
    exponentials: tuple[sp.Symbol, ...] = ()
    batch: Batch | None = None

    def program(self) -> "Program":
        """Return the step with shared subexpressions computed once and its numbers taken out as parameters.

        Two steps that differ in numbers alone give the same statements, and so the same compiled kernel.
        """
        canonical = {s: sp.Symbol(f"{letter}{i}", real=True) for letter, group in self._groups() for i, s in enumerate(group)}
        targets = [t for t, _ in self.statements]
        canonical |= {t: sp.Symbol(f"u{i}", real=True) for i, t in enumerate(targets)}
        numbers: dict[sp.Expr, sp.Symbol] = {}
        right = [_lifted(sp.sympify(e).xreplace(canonical), numbers) for e in (*(e for _, e in self.statements), *self.after, self.margin)]
        shared, reduced = sp.cse(right, symbols=sp.numbered_symbols("t", real=True), order="none")
        assigned = [(canonical[t], e) for t, e in zip(targets, reduced, strict=False)]
        ends = reduced[len(targets) :]
        return Program(
            state=tuple(canonical[s] for s in self.state),
            statements=_ordered([*shared, *assigned]),
            after=tuple(ends[:-1]),
            margin=ends[-1],
            normals=tuple(canonical[s] for s in self.normals),
            exponentials=tuple(canonical[s] for s in self.exponentials),
            counts=tuple(canonical[s] for s in self.batch.counts) if self.batch else (),
            replacement=self.batch.replacement if self.batch else True,
            parameters=tuple(numbers.values()),
            numbers=tuple(float(number) for number in numbers),
        )

    def _groups(self) -> Iterable[tuple[str, Sequence[sp.Symbol]]]:
        return (("x", self.state), ("z", self.normals), ("e", self.exponentials), ("c", self.batch.counts if self.batch else ()))


@dataclass(frozen=True)
class Program:
    """A step ready to be printed: ``x0, x1, ...`` the state, ``z``, ``e``, ``c`` the draws, ``p`` the numbers, ``t`` and ``u`` what is computed.

    Attributes:
        state: Symbols of the state.
        statements: Assignments, each symbol once, in an order that can be executed.
        after: What the state becomes.
        margin: Not negative where the walker has escaped.
        normals: Symbols drawn from the standard normal law.
        exponentials: Symbols drawn from the exponential law of mean 1.
        counts: Symbols of a batch's running counts of examples.
        replacement: Whether an example may be drawn twice.
        parameters: Symbols of the numbers.
        numbers: The numbers; no part of the printed text.
    """

    state: tuple[sp.Symbol, ...]
    statements: tuple[Statement, ...]
    after: tuple[sp.Expr, ...]
    margin: sp.Expr
    normals: tuple[sp.Symbol, ...]
    exponentials: tuple[sp.Symbol, ...]
    counts: tuple[sp.Symbol, ...]
    replacement: bool
    parameters: tuple[sp.Symbol, ...]
    numbers: tuple[float, ...] = field(compare=False)

    @property
    def draws(self) -> tuple[sp.Symbol, ...]:
        """All that is drawn at random."""
        return self.normals + self.exponentials + self.counts

    def __str__(self) -> str:
        lines = [f"{target} = {value}" for target, value in self.statements]
        lines += [f"{symbol} -> {value}" for symbol, value in zip(self.state, self.after, strict=True)]
        return "\n".join([*lines, f"escaped where 0 <= {self.margin}"])


def _lifted(expression: sp.Basic, numbers: dict[sp.Expr, sp.Symbol]) -> sp.Basic:
    """Return the expression with every number but 0, 1, -1 and those in exponents replaced by a parameter."""
    if isinstance(expression, sp.Expr) and not expression.free_symbols:
        if expression in (sp.S.Zero, sp.S.One, sp.S.NegativeOne) or not expression.is_finite:
            return expression
        return numbers.setdefault(expression, sp.Symbol(f"p{len(numbers)}", real=True))
    if isinstance(expression, sp.Pow) and expression.exp.is_Rational:
        return sp.Pow(_lifted(expression.base, numbers), expression.exp)
    if isinstance(expression, sp.Add | sp.Mul):
        number, rest = expression.as_independent(*expression.free_symbols)
        parts = rest.args if isinstance(rest, type(expression)) else (rest,)
        return expression.func(_lifted(number, numbers), *(_lifted(a, numbers) for a in parts))
    return expression.func(*(_lifted(a, numbers) for a in expression.args)) if expression.args else expression


def _ordered(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    right = dict(statements)
    graph = {target: sorted(value.free_symbols & right.keys(), key=str) for target, value in right.items()}
    return tuple((target, right[target]) for target in TopologicalSorter(graph).static_order())
