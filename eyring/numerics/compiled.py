"""A formula as a function of numbers: named arguments, arrays, every refusal in the language of physics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import sympy as sp

from eyring.errors import BeyondFloat64, EyringError, NotApplicable, ParameterError
from eyring.numerics.backends import Backend, Kernel, find_backend
from eyring.numerics.fused.formula import formula_program
from eyring.numerics.fused.program import Program
from eyring.numerics.fused.sweep import number_of_points, refuse_shapes, sweep
from eyring.numerics.parameter import Parameter
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition

if TYPE_CHECKING:
    from eyring.numerics.compiled_matrix import CompiledMatrix

__all__ = ["Compiled", "compile_formula"]

What = Literal["value", "logarithm", "next order"]
LARGEST_LOG, SMALLEST_LOG = 709.78, -708.39  # between them a float64 holds all its digits
SMALLEST_NORMAL = 2.0**-1022


def compile_formula(formula: Formula | sp.Expr | sp.MatrixBase, backend: str = "numpy", *, digits: int | None = None) -> "Compiled | CompiledMatrix":
    """Return ``formula`` as a function of keyword arguments.

    Args:
        formula: A Formula, or any sympy expression or matrix of real symbols; of a matrix the last two axes are rows and columns.
        backend: "numpy" (float64 arrays; large ones by machine code of the formula), "fused" (machine code from the first point on),
            "torch" (float64 tensors, differentiable), "mpmath" (any number of digits) or "flint" (certified digits: value, lower, upper).
        digits: Significant digits, for mpmath and flint; 30 if left out.

    Raises:
        ParameterError: If the backend is unknown, or two symbols print the same name.
        NotApplicable: If the expression holds an unknown function, or one that the backend lacks.

    >>> T = sp.Symbol("T", positive=True)
    >>> f = compile_formula(2 * sp.exp(1 / T))
    >>> round(f(T=1.0), 6), round(f.log(T=0.001), 6)
    (5.436564, 1000.693147)
    """
    given = formula if isinstance(formula, Formula) else None
    expression = given.expression if given else formula
    hard = tuple(c for c in given.conditions if c.hard) if given else ()
    unit, where = given.unit if given else "", find_backend(backend, digits=digits)
    if isinstance(expression, sp.MatrixBase):
        from eyring.numerics.compiled_matrix import CompiledMatrix

        entries = tuple(Compiled(e, None, None, hard, unit, where) for e in map(sp.sympify, expression))
        return CompiledMatrix(entries, expression.shape, unit, where)
    if not isinstance(expression, sp.Expr):
        raise NotApplicable(f"a number or a matrix of numbers can be compiled, got {type(expression).__name__}")
    return Compiled(expression, given.log if given else logarithm(expression), given.next_order if given else None, hard, unit, where)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A formula that takes numbers by name.

    Call it for the value, ``.log`` for its natural logarithm, ``.next_order`` for the size of the first neglected term.

    Attributes:
        expression: What is evaluated.
        log_expression: Its logarithm, a sum of terms; None of a matrix entry, which may be negative.
        next_expression: The first neglected term, relative; None if unknown.
        conditions: Without these the formula means nothing; checked at every call where the numbers are known.
        unit: "time", "iterations", ...
        backend: Where it runs.
    """

    expression: sp.Expr
    log_expression: sp.Expr | None
    next_expression: sp.Expr | None
    conditions: tuple[Condition, ...]
    unit: str
    backend: Backend
    _made: dict[What, Kernel] = field(init=False, repr=False, default_factory=dict)
    _programs: dict[tuple[What, tuple[str, ...]], Program | None] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        names = [p.name for p in self.parameters + self.optional]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ParameterError(f"two different symbols are both printed {', '.join(twice)}; give them different names, or the same assumptions")
        self._kernels("value")  # refuses now what it could not compute later
        object.__setattr__(self, "__doc__", self._description())

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the formula takes, by name: name, meaning, unit and sign of each."""
        return tuple(Parameter(s) for s in sorted(self.expression.free_symbols, key=str))

    @cached_property
    def optional(self) -> tuple[Parameter, ...]:
        """What only the conditions and the neglected term know of."""
        others = [c.relation for c in self.conditions] + ([self.next_expression] if self.next_expression is not None else [])
        symbols = set().union(*(o.free_symbols for o in others)) - self.expression.free_symbols
        return tuple(Parameter(s) for s in sorted(symbols, key=str))

    @property
    def source(self) -> str:
        """The generated code of the value and of its logarithm."""
        return f"{self._kernels('value').source}\n{self._kernels('logarithm').source}"

    def __call__(self, /, *positional: object, **values: Any) -> Any:
        """Return the formula's value.

        Args:
            *positional: None are taken.
            **values: One number or array for each parameter, by its printed name.

        Raises:
            ParameterError: If a parameter is missing, unknown, not real and finite, or of the wrong sign.
            NotApplicable: If the numbers break a hard condition of the formula.
            BeyondFloat64: If the value does not fit into a float64.
        """
        return self._evaluated("value", positional, values)

    def log(self, /, *positional: object, **values: Any) -> Any:
        """Return ln of the formula, a sum of terms that never overflows.

        Raises:
            ParameterError, NotApplicable: As for the value.
        """
        return self._evaluated("logarithm", positional, values)

    def next_order(self, /, *positional: object, **values: Any) -> Any:
        """Return the first neglected term relative to the value: c T where the exact time is (1 + c T + ...) times the formula.

        Raises:
            NotApplicable: If it is not known.
            ParameterError: As for the value.
        """
        if self.next_expression is None:
            raise NotApplicable("the first term that this formula neglects is not known")
        return self._evaluated("next order", positional, values)

    def _evaluated(self, what: What, positional: Sequence[object], values: dict[str, Any]) -> Any:
        self._refuse_names(positional, values)
        if not values or self.backend.blocks_from is None or (points := number_of_points(values)) is None or points < self.backend.blocks_from:
            return self.backend.finish(self._plainly(what, values), self.unit if what == "value" else "")
        in_order = {n: values[n] for n in sorted(values)}
        program = self._program(what, tuple(in_order)) if self.backend.fused_from is not None and points >= self.backend.fused_from else None
        return self.backend.finish(sweep(in_order, program, lambda block: self._plainly(what, block)))

    def _plainly(self, what: What, values: dict[str, Any]) -> Any:
        """Return the value by the backend's own road, after every check."""
        arguments = self._arguments(values)
        result = self._run(self._kernels(what), arguments)
        if what == "value" and self.backend.overflows and not self.expression.is_zero and self._first_not_ordinary(result) is not None:
            result = self._by_its_logarithm(result, arguments)
        return self._checked(result, arguments)

    def _first_not_ordinary(self, result: Any) -> object | None:
        return self.backend.first(result, ~(self.backend.is_finite(result) & (abs(result) >= SMALLEST_NORMAL)))

    @cached_property
    def _forms(self) -> dict[What, sp.Expr]:
        forms: dict[What, sp.Expr] = {"value": self.expression}
        forms["logarithm"] = logarithm(self.expression) if self.log_expression is None else self.log_expression
        if self.next_expression is not None:
            forms["next order"] = sp.sympify(self.next_expression)
        return forms

    def _kernels(self, what: What) -> Kernel:
        if what not in self._made:
            self._made[what] = self._kernel(self._forms[what])
        return self._made[what]

    def _program(self, what: What, names: tuple[str, ...]) -> Program | None:
        """Return the machine code of the formula with its checks; None if there is none, or a number is missing."""
        if (what, names) not in self._programs:
            taken = {p.name: p for p in self.parameters + self.optional}
            symbols = [taken[n].symbol for n in names]
            margins = [m for _, m in self._margins if m.free_symbols <= set(symbols)]
            whole = what in self._forms and self._forms[what].free_symbols <= set(symbols)
            needs = [taken[n].need for n in names]
            self._programs[what, names] = (
                formula_program(self._forms[what], symbols, needs=needs, margins=margins, normal=what == "value") if whole else None
            )
        return self._programs[what, names]

    @cached_property
    def _margins(self) -> tuple[tuple[Condition, sp.Expr], ...]:
        """For every hard condition, what must be positive."""
        inequalities = ((c, r) for c in self.conditions for r in sp.And.make_args(c.relation) if isinstance(r, sp.core.relational._Inequality))
        return tuple((c, r.gts - r.lts) for c, r in inequalities)

    @cached_property
    def _limits(self) -> tuple[tuple[Condition, Kernel], ...]:
        return tuple((c, self._kernel(margin)) for c, margin in self._margins)

    def _kernel(self, expression: sp.Expr) -> Kernel:
        return self.backend.kernel(expression, sorted(expression.free_symbols, key=str))

    def _run(self, kernel: Kernel, arguments: dict[str, Any]) -> Any:
        needed = [s.name for s in kernel.symbols]
        missing = [n for n in needed if n not in arguments]
        if missing:
            raise ParameterError(f"the first neglected term also needs {_listed(missing)}")
        return self.backend.run(kernel, [arguments[n] for n in needed])

    def _refuse_names(self, positional: Sequence[object], values: dict[str, Any]) -> None:
        missing = [p.name for p in self.parameters if p.name not in values]
        unknown = [n for n in values if n not in {p.name for p in self.parameters + self.optional}]
        if positional or missing or unknown:
            takes = _listed([p.name for p in self.parameters]) or "no parameters"
            wrong = [f"missing: {_listed(missing)}"] * bool(missing) + [f"unknown: {_listed(unknown)}"] * bool(unknown)
            raise ParameterError(f"this formula takes {takes}" + (", by name; " if positional else "; ") + "; ".join(wrong))

    def _arguments(self, values: dict[str, Any]) -> dict[str, Any]:
        known = {p.name: p for p in self.parameters + self.optional}
        arguments = {name: known[name].read(value, self.backend) for name, value in values.items()}
        refuse_shapes({n: tuple(a.shape) for n, a in arguments.items()})
        self._check_conditions(arguments)
        return arguments

    def _check_conditions(self, arguments: dict[str, Any]) -> None:
        for condition, margin in self._limits:
            if all(s.name in arguments for s in margin.symbols):
                value = self._run(margin, arguments)
                wrong = ~self.backend.positive(value)
                if self.backend.first(value, wrong) is not None:
                    shown = self._at({s.name: arguments[s.name] for s in margin.symbols}, wrong)
                    broken = f"the formula needs that {condition.sentence}: {condition.relation}; not so for {shown}"
                    raise NotApplicable(f"{broken}. {condition.remedy}".rstrip(". "))

    def _by_its_logarithm(self, direct: Any, arguments: dict[str, Any]) -> Any:
        """Return exp(ln value) where a factor left the range of float64 on the way.

        Raises:
            BeyondFloat64: If the value itself does.
        """
        logarithm = self._run(self._kernels("logarithm"), arguments)
        if self.backend.first(logarithm, ~self.backend.is_finite(logarithm)) is not None:
            return direct
        beyond = self.backend.first(logarithm, (logarithm > LARGEST_LOG) | (logarithm < SMALLEST_LOG))
        if beyond is not None:
            raise BeyondFloat64(f"the value is exp({beyond:.6g}) and does not fit into a float64; use .log(...), which returns its logarithm")
        return self.backend.exp(logarithm)

    def _checked(self, result: Any, arguments: dict[str, Any]) -> Any:
        wrong = ~self.backend.is_finite(result)
        if self.backend.first(result, wrong) is not None:
            raise EyringError(f"the formula has no finite real value at {self._at(arguments, wrong)}; its conditions do not hold there")
        return result

    def _at(self, arguments: dict[str, Any], wrong: Any) -> str:
        """Return the first numbers at which something is wrong."""
        shown = {n: self.backend.first(a, wrong) for n, a in sorted(arguments.items())}
        return ", ".join(f"{n} = {v:.6g}" for n, v in shown.items()) or "these values"

    def __repr__(self) -> str:
        takes = _listed([p.name for p in self.parameters]) or "nothing"
        return f"{self.expression}{f'    [{self.unit}]' if self.unit else ''}\na function of {takes}; backend {self.backend.name}"

    def _description(self) -> str:
        unit = f" [{self.unit}]" if self.unit else ""
        lines = [f"{self.expression}{unit}", "", "Args:", *(f"    {p}" for p in self.parameters)]
        if self.optional:
            lines += ["", "May also be given:", *(f"    {p}" for p in self.optional)]
        return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
