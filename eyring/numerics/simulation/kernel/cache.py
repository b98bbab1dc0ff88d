"""Compile printed kernels, once a machine: numba keeps the machine code in a folder of the user's own."""

import functools
import hashlib
import importlib.abc
import importlib.util
import inspect
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from eyring.errors import ParameterError

__all__ = ["FOLDER", "cache_folder", "kernel_module", "library"]

FOLDER = "EYRING_KERNELS"
ELEMENTARY = ("turned", "unit", "log", "sine", "cosine")  # functions of one walker's words and numbers
OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}


def cache_folder() -> Path | None:
    """Return the folder of compiled kernels: ``EYRING_KERNELS``, else ``eyring/kernels`` in the user's cache; None if it says "off".

    numba reads machine code back from there, which is as good as running it: the folder must belong to the user and be closed to others.

    Raises:
        ParameterError: If the folder belongs to somebody else, or others may write into it.
    """
    given = os.environ.get(FOLDER, "")
    if given == "off":
        return None
    folder = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eyring" / "kernels"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    status = folder.stat()
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        raise ParameterError(f"compiled kernels are kept in {folder}, which must be yours, and closed to others for writing. Set {FOLDER}")
    return folder if os.access(folder, os.W_OK) else None


class _Text(importlib.abc.SourceLoader):
    """A module made from text in memory; the file of the same text only tells numba where to keep what it compiles."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path

    def get_filename(self, fullname: str) -> str:
        """Return where the text would stand."""
        return self.path

    def get_data(self, path: str | bytes) -> bytes:
        """Return the text."""
        return self.text.encode()


def kernel_module(text: str, **given: Any) -> ModuleType:
    """Return the module that ``text`` is, its functions to be compiled at their first call.

    Args:
        text: Python with ``@njit(**options)`` before each function; nothing in it comes from outside.
        **given: What it may use besides; part of its name through its own text (``__text__``), where it has one.
    """
    import numba

    whole = "\n".join([text, numba.__version__, sys.version, *(f"{k}: {getattr(v, '__text__', '')}" for k, v in sorted(given.items()))])
    name = f"kernel_{hashlib.sha256(whole.encode()).hexdigest()[:24]}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache_folder()
    path = str((folder or Path(tempfile.gettempdir())) / f"{name}.py")
    if folder is not None:
        _write(Path(path), text)
    loader = _Text(text, path)
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(given, njit=numba.njit, options={**OPTIONS, "cache": folder is not None}, __text__=whole)
    loader.exec_module(module)
    sys.modules[name] = module  # numba finds a function's module by its name when it reads the machine code back
    return module


def _write(path: Path, text: str) -> None:
    """Write the file whole or not at all."""
    if path.exists() and path.read_text() == text:
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(temporary, path)


def inlined(name: str) -> str:
    """Return the option that puts a scalar function's statements into the loop that calls it."""
    return ", inline='always'" if name.startswith((*ELEMENTARY, "drawn", "pair")) else ""


@functools.cache
def library(precision: str, stream: str = "xoshiro") -> dict[str, Any]:
    """Return what kernels call: a stream's random numbers at this precision, the choice of a donor, elementary functions without branches."""
    from eyring.numerics.simulation.kernel import escape
    from eyring.numerics.simulation.streams import batches, normals

    kind = "double" if precision == "float64" else "single"
    elementary = [getattr(normals, f"{name}_{kind}") for name in ELEMENTARY]
    generators = _generators(kind, stream)
    functions = [*elementary, *generators.values(), batches.fill_counts, escape.donor_of, escape.record]
    names = "u32, i32, f32, u64, i64, f64 = np.uint32, np.int32, np.float32, np.uint64, np.int64, np.float64"
    header = ["from math import isfinite, sqrt", "import numpy as np", names]
    body = [f"@njit(**options{inlined(f.__name__)})\n{inspect.getsource(f)}" for f in functions]
    body.insert(-3, f"fill_words = {generators['fill_words'].__name__}\n")
    module = kernel_module("\n\n".join(["\n".join([*header, f"LANES = {normals.LANES}"]), *body]))
    public = {name: getattr(module, f.__name__) for name, f in generators.items()}
    return {**public, "fill_counts": module.fill_counts, "record": module.record, "library": module, "arithmetic": _arithmetic()}


def _generators(kind: str, stream: str) -> dict[str, Callable[..., None]]:
    """Return the functions that make a stream's random numbers, by the names under which kernels call them."""
    from eyring.numerics.simulation.streams import batches, normals, philox

    if stream == "philox":
        filling = {f"fill_{what}": getattr(philox, f"fill_{what}_philox_{kind}") for what in ("normals", "exponentials")}
        return {"turn_to": philox.turn_to, "call_words": philox.call_words, **filling, "fill_words": philox.fill_words_philox}
    filling = {f"fill_{what}": getattr(normals, f"fill_{what}_{kind}") for what in ("normals", "exponentials")}
    parts = {name: getattr(normals, f"{name}_single") for name in ("drawn", "pair")} if kind == "single" else {}
    return {**parts, **filling, "fill_words": getattr(batches, f"fill_words_{kind}")}


def _arithmetic() -> SimpleNamespace:
    """Return the text of what turns statements into instructions: when it changes, kernels are compiled anew."""
    from eyring.numerics.fused import emitter, exponential, lanes, logarithm, polynomial
    from eyring.numerics.simulation.kernel import printer

    return SimpleNamespace(__text__="".join(map(inspect.getsource, (emitter, exponential, lanes, logarithm, polynomial, printer))))
