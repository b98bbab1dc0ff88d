"""What eyring says when it must refuse: what was given, what is needed, what to do."""


class EyringError(ValueError):
    """A request that physics or mathematics does not allow; the message says what to do instead."""


class ParsingError(EyringError):
    """Text that is not a formula made of known names and functions."""


class DerivationError(EyringError):
    """A step that does not follow from the one before it.

    Attributes:
        difference: Stated minus derived, as a sympy expression; None if there is no such expression.
    """

    def __init__(self, message: str, difference: object = None) -> None:
        super().__init__(message)
        self.difference = difference


class NotApplicable(EyringError):
    """A theory asked outside its conditions; the message names the road that works."""


class ParameterError(EyringError, TypeError):
    """A parameter that is missing, unknown, or outside its domain."""


class BeyondFloat64(EyringError, OverflowError):
    """A value too large or too small for a float64; its logarithm is at hand."""


class AccuracyError(EyringError, ArithmeticError):
    """A number that could not be had to the accuracy asked for.

    Attributes:
        estimate: The best value found.
        error: Its estimated relative error.
    """

    def __init__(self, message: str, estimate: float | None = None, error: float | None = None) -> None:
        super().__init__(message)
        self.estimate = estimate
        self.error = error


class StorageError(EyringError, OSError):
    """Results that could not be written, or read back; the message says what is kept."""


class JobError(EyringError, RuntimeError):
    """A piece of long work that failed while the other pieces were finished and kept.

    Attributes:
        failed: What went wrong, by the name of the piece.
    """

    def __init__(self, message: str, failed: dict[str, str]) -> None:
        super().__init__(message)
        self.failed = failed
