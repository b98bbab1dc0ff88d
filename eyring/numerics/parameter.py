"""A parameter of a formula: what it is called, what it means, and which numbers it may be."""

from dataclasses import dataclass
from typing import Any

import sympy as sp

from eyring.errors import ParameterError
from eyring.numerics.backends.contract import Backend
from eyring.theory.symbols import GLOSSARY, Entry

__all__ = ["Parameter"]


@dataclass(frozen=True)
class Parameter:
    """One argument of a compiled formula.

    Attributes:
        symbol: The sympy symbol, whose assumptions bound the numbers it takes.
    """

    symbol: sp.Symbol

    @property
    def name(self) -> str:
        """The keyword."""
        return str(self.symbol.name)

    @property
    def meaning(self) -> str:
        """One phrase; that of the glossary if the symbol is declared there."""
        return GLOSSARY[self.name].meaning if self.name in GLOSSARY else "parameter of the loss or the noise"

    @property
    def unit(self) -> str:
        """In powers of loss, length and time; empty if unknown."""
        return GLOSSARY[self.name].unit if self.name in GLOSSARY else ""

    @property
    def need(self) -> str:
        """Which real numbers it may be: "positive", "negative", ... or "real"."""
        for word in ("positive", "negative", "nonnegative", "nonpositive", "nonzero"):
            if getattr(self.symbol, f"is_{word}"):
                return word
        return "real"

    def read(self, value: object, backend: Backend) -> Any:
        """Return ``value`` as the backend's numbers.

        Raises:
            ParameterError: If it is not real, not finite, or of the wrong sign.
        """
        if isinstance(value, sp.Expr) and not (value.is_number and value.is_real):
            raise ParameterError(self._refusal(str(value)))
        try:
            numbers = backend.convert(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise ParameterError(self._refusal(str(error))) from None
        wrong = backend.first(numbers, ~(backend.is_finite(numbers) & self._allowed(numbers) & self._within(numbers)))
        if wrong is not None:
            raise ParameterError(self._refusal(str(wrong)))
        return numbers

    def _allowed(self, numbers: Any) -> Any:
        match self.need:
            case "positive":
                return numbers > 0
            case "negative":
                return numbers < 0
            case "nonnegative":
                return numbers >= 0
            case "nonpositive":
                return numbers <= 0
            case "nonzero":
                return numbers != 0
        return numbers == numbers

    @property
    def _limits(self) -> Entry | None:
        """The glossary's hard limits, where this is its symbol."""
        entry = GLOSSARY.get(self.name)
        return entry if entry is not None and entry.symbol == self.symbol else None

    def _within(self, numbers: Any) -> Any:
        allowed = numbers == numbers
        if (entry := self._limits) is None:
            return allowed
        if entry.least is not None:
            allowed = allowed & (numbers >= entry.least)
        if entry.below is not None:
            allowed = allowed & (numbers < entry.below)
        return allowed if entry.most is None else allowed & (numbers <= entry.most)

    def _refusal(self, given: str) -> str:
        number = "a finite real number" if self.need == "real" else f"a finite {self.need} number"
        number += f" {self._limits.bounds}" if self._limits is not None and self._limits.bounds else ""
        return f"{self.name} ({self.meaning}) must be {number}, got {given}"

    def __str__(self) -> str:
        unit = f", unit: {self.unit}" if self.unit else ""
        return f"{self.name}: {self.meaning}; {self.need}{unit}"
