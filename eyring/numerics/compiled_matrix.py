"""A formula whose value is a matrix, such as a covariance, as a function of numbers."""

from dataclasses import dataclass
from typing import Any

import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.backends import Backend
from eyring.numerics.compiled import Compiled
from eyring.numerics.parameter import Parameter

__all__ = ["CompiledMatrix"]


@dataclass(frozen=True, eq=False)
class CompiledMatrix:
    """A matrix that takes numbers by name; its rows and columns are the last two axes of what it returns.

    Attributes:
        entries: The entries, row by row, each compiled.
        shape: Rows and columns.
        unit: "length^2", ...
        backend: Where it runs.
    """

    entries: tuple[Compiled, ...]
    shape: tuple[int, int]
    unit: str
    backend: Backend

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the matrix takes, by name."""
        found = {p.name: p for e in self.entries for p in e.parameters}
        return tuple(found[name] for name in sorted(found))

    def __call__(self, /, **values: Any) -> Any:
        """Return the matrix; arrays broadcast, and the matrix axes come last.

        Raises:
            ParameterError: If a parameter is missing, unknown, not real and finite, or of the wrong sign.
            NotApplicable: If the numbers break a hard condition of the formula.
        """
        known = {p.name for p in self.parameters} | {p.name for e in self.entries for p in e.optional}
        missing = [p.name for p in self.parameters if p.name not in values]
        unknown = [name for name in values if name not in known]
        if missing or unknown:
            wrong = [f"missing: {', '.join(missing)}"] * bool(missing) + [f"unknown: {', '.join(unknown)}"] * bool(unknown)
            raise ParameterError(f"this matrix takes {', '.join(p.name for p in self.parameters) or 'no parameters'}, by name; {'; '.join(wrong)}")
        results = [e(**{p.name: values[p.name] for p in (*e.parameters, *e.optional) if p.name in values}) for e in self.entries]
        return self.backend.stack(results, self.shape)

    def __repr__(self) -> str:
        rows = sp.Matrix(*self.shape, [e.expression for e in self.entries])
        takes = ", ".join(p.name for p in self.parameters) or "nothing"
        return f"{rows}{f'    [{self.unit}]' if self.unit else ''}\na function of {takes}; backend {self.backend.name}"
