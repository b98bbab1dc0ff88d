"""What every backend promises: print an expression as code of its framework, take numbers in, and run the code."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from eyring.errors import ParameterError

__all__ = ["Backend", "Kernel"]


@dataclass(frozen=True)
class Kernel:
    """An expression as a function of one framework.

    Attributes:
        symbols: The arguments, in order.
        function: Takes one array per symbol; arrays broadcast.
    """

    symbols: tuple[sp.Symbol, ...]
    function: Callable[..., Any]

    @property
    def source(self) -> str:
        """The generated Python code."""
        return inspect.getsource(self.function)


class Backend(ABC):
    """One framework in which formulas run. Its module holds one instance, ``BACKEND``."""

    name: str
    overflows = True  # whether values leave the number format near exp(709)
    blocks_from: int | None = None  # points from which arrays are evaluated block by block; None: never
    fused_from: int | None = None  # points from which machine code of the formula itself is used

    def with_digits(self, digits: int) -> "Backend":
        """Return the same backend at ``digits`` significant digits.

        Raises:
            ParameterError: If the backend computes in float64.
        """
        raise ParameterError(
            f"the {self.name} backend computes in float64 and takes no digits, got digits={digits}; use compile('mpmath', digits={digits})"
        )

    @abstractmethod
    def kernel(self, expression: sp.Expr, symbols: Sequence[sp.Symbol]) -> Kernel:
        """Print ``expression`` as a function of ``symbols``.

        Raises:
            NotApplicable: If the framework lacks a function that the expression uses.
        """

    @abstractmethod
    def convert(self, value: object) -> Any:
        """Return ``value`` as this framework's array of real numbers.

        Raises:
            TypeError: If it is not a real number or an array of them; the message says what it is.
        """

    @abstractmethod
    def run(self, kernel: Kernel, arguments: Sequence[Any]) -> Any:
        """Return the kernel's value, without warnings; what is not finite stays so."""

    @abstractmethod
    def is_finite(self, values: Any) -> Any:
        """Return elementwise whether ``values`` are finite."""

    @abstractmethod
    def first(self, values: Any, wanted: Any) -> object | None:
        """Return the first of ``values`` for which ``wanted`` is true; None if there is none or the numbers are not known while tracing."""

    @abstractmethod
    def exp(self, values: Any) -> Any:
        """Return e to the power of ``values``."""

    @abstractmethod
    def stack(self, entries: Sequence[Any], shape: tuple[int, int]) -> Any:
        """Return the entries of a matrix, row by row, as one array whose last two axes have the ``shape``."""

    def positive(self, values: Any) -> Any:
        """Return elementwise whether ``values`` are above zero; what is not a number is not."""
        return values > 0

    def finish(self, values: Any, unit: str = "") -> Any:
        """Return ``values`` as a user of the framework wants them; ``unit`` belongs to numbers that carry one."""
        return values
