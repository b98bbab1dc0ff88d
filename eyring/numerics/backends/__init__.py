"""Where compiled formulas run: one file per framework, found by its name."""

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from eyring.errors import ParameterError
from eyring.numerics.backends.contract import Backend, Kernel

__all__ = ["Backend", "Kernel", "backend_names", "find_backend"]

_NOT_A_FRAMEWORK = {"balls", "contract", "printing"}


@cache
def backend_names() -> tuple[str, ...]:
    """Return the names of the backends: the files of this folder.

    >>> backend_names()
    ('flint', 'fused', 'mpmath', 'numpy', 'torch')
    """
    return tuple(sorted(m.name for m in iter_modules(__path__) if m.name not in _NOT_A_FRAMEWORK))


def find_backend(name: str, *, digits: int | None = None) -> Backend:
    """Return the backend called ``name``.

    Args:
        name: A file of this folder, such as "numpy".
        digits: Significant digits, for a backend of any precision; None for its default.

    Raises:
        ParameterError: If there is no such backend, or it computes in float64 and digits were asked for.
    """
    if name not in backend_names():
        raise ParameterError(f"there is no backend {name!r}; known: {', '.join(backend_names())}")
    backend: Backend = import_module(f"{__name__}.{name}").BACKEND
    return backend if digits is None else backend.with_digits(digits)
