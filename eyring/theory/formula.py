"""A formula: the last line of a derivation, with its unit, its conditions and the size of its own error."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import sympy as sp

from eyring.theory.derivation.steps import Derivation, Rule
from eyring.theory.regime import Condition
from eyring.theory.sources import bibtex

if TYPE_CHECKING:
    from eyring.numerics.compiled import Compiled
    from eyring.numerics.compiled_matrix import CompiledMatrix

__all__ = ["Formula", "logarithm"]


@dataclass(frozen=True)
class Formula:
    """The end of a derivation.

    Args:
        derivation: Its last line is the formula; it is verified again here.
        unit: "time", "iterations" or "1/time", ...
        clock: Continuous time of one iteration.
        conditions: When it holds.
        next_order: The first neglected term relative to the formula (c*T for Kramers); None if unknown.
        note: How a published form differs; empty otherwise.
        name: Which theory or result it is.
        event: Of an escape time, what counts as escaped; empty otherwise.
        start: Of an escape time, the position of the minimum; None otherwise.

    Raises:
        DerivationError: If the derivation does not verify.
    """

    derivation: Derivation
    unit: str
    clock: sp.Expr
    conditions: tuple[Condition, ...] = ()
    next_order: sp.Expr | None = None
    note: str = ""
    name: str = field(default="", kw_only=True)
    event: str = field(default="", kw_only=True)
    start: tuple[sp.Expr, ...] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self.derivation.verify_last()

    @property
    def expression(self) -> sp.Expr:
        """The last line of the derivation."""
        return self.derivation.expression

    @property
    def log(self) -> sp.Expr:
        """ln of the formula as a sum of terms, none of which overflows."""
        return logarithm(self.expression)

    @property
    def parameters(self) -> tuple[sp.Symbol, ...]:
        """Its free symbols, by name."""
        return tuple(sorted(self.expression.free_symbols, key=str))

    @property
    def per_iteration(self) -> "Formula":
        """The same quantity counted in iterations."""
        return self if "iteration" in self.unit else self._converted(self.clock, "iteration")

    @property
    def per_time(self) -> "Formula":
        """The same quantity in continuous time."""
        return self if "time" in self.unit else self._converted(1 / self.clock, "time")

    def compile(self, backend: str = "numpy", *, digits: int | None = None) -> "Compiled | CompiledMatrix":
        """Return the formula, a number or a matrix, as a function of keyword arguments; see ``eyring.numerics.compiled.compile_formula``."""
        from eyring.numerics.compiled import compile_formula

        return compile_formula(self, backend, digits=digits)

    def latex(self, *, steps: bool = False) -> str:
        """Return the formula as LaTeX; with ``steps`` the whole derivation as an ``align`` with its assumptions."""
        from eyring.theory.writing.latex import derivation_latex, expression_latex

        return derivation_latex(self.derivation) if steps else expression_latex(self.expression)

    def bibtex(self) -> str:
        """Return the BibTeX of exactly the sources used."""
        return bibtex(*self.derivation.sources)

    def _converted(self, clock: sp.Expr, to: str) -> "Formula":
        is_rate = self.unit.startswith("1/")
        factor = clock if is_rate else 1 / clock
        unit = f"1/{to}" if is_rate else {"iteration": "iterations", "time": "time"}[to]
        steps = self.derivation.apply(_CLOCK, f"one iteration is {self.clock} units of time", factor=factor)
        return replace(self, derivation=steps, unit=unit)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        d = self.derivation
        grades = f"{len(d.steps)} steps: {len(d.computed)} computed, {len(d.checked)} checked, {len(d.cited)} cited"
        grades += f", {len(d.assumed)} assumed" if d.assumed else ""
        own = f"first neglected term, relative: {self.next_order if self.next_order is not None else 'unknown'}"
        lines = [f"{self.expression}    [{self.unit}]", grades, own, *(f"needs: {c}" for c in self.conditions)]
        return "\n".join([*lines, self.note] if self.note else lines)

    def __repr__(self) -> str:
        return str(self)


def logarithm(expression: sp.Expr) -> sp.Expr:
    """Return ln of a positive expression as a sum: products, powers and exponentials are taken apart.

    >>> H, T = sp.symbols("H T", positive=True)
    >>> logarithm(2 * sp.pi * sp.exp(1 / T) / H)
    -log(H) + log(2*pi) + 1/T
    """
    constants = [f for f in sp.Mul.make_args(expression) if f.is_number and not isinstance(f, sp.exp)]
    rest = [f for f in sp.Mul.make_args(expression) if not (f.is_number and not isinstance(f, sp.exp))]
    constant = sp.Mul(*constants)
    if constant.is_negative:
        constant, rest = -constant, _with_one_sign_changed(rest)
    total = sum((_log_of_factor(f) for f in rest), sp.Integer(0))
    return total if constant == 1 else total + sp.log(constant)


def _with_one_sign_changed(factors: list[sp.Expr]) -> list[sp.Expr]:
    """Return factors of the opposite product: the negative one is changed, or else all those whose sign is not known become one."""
    for position, factor in enumerate(factors):
        if factor.is_negative:
            return [*factors[:position], -factor, *factors[position + 1 :]]
    unknown = [f for f in factors if f.is_nonnegative is not True and not isinstance(f, sp.exp)]
    return [f for f in factors if f not in unknown] + [-sp.Mul(*unknown)]


def _log_of_factor(factor: sp.Expr) -> sp.Expr:
    if isinstance(factor, sp.exp):
        return factor.args[0]
    if isinstance(factor, sp.Pow) and factor.exp.is_real is not False:
        return factor.exp * _log_of_factor(factor.base)
    if isinstance(factor, sp.Mul) and len(factor.args) > 1:
        positive = [-f if f.is_negative else f for f in factor.args if f != -1]
        if len(positive) > 1 and factor.is_positive and all(f.is_positive for f in positive):
            return sum((_log_of_factor(f) for f in positive), sp.Integer(0))
    if isinstance(factor, sp.Add):
        return _log_of_sum(factor)
    return sp.log(factor)


def _log_of_sum(factor: sp.Expr) -> sp.Expr:
    common = sp.factor_terms(factor)
    return sp.log(factor) if common == factor or not isinstance(common, sp.Mul) else logarithm(common) if _all_positive(common) else sp.log(factor)


def _all_positive(product: sp.Expr) -> bool:
    return all(f.is_positive for f in sp.Mul.make_args(product))


def _multiply(expression: sp.Expr, *, factor: sp.Expr) -> sp.Expr:
    return expression * factor


def _same_ratio(before: sp.Expr, after: sp.Expr, *, factor: sp.Expr) -> bool:
    ratio = sp.simplify(after / before / factor)
    return ratio == 1 or bool(ratio.is_number and abs(ratio - 1) < sp.Float(10) ** -25)  # a 30-digit root in it leaves 1.0


_CLOCK: Rule = Rule("clock", _multiply, _same_ratio)
