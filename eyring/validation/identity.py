"""What tells two pieces of work apart: values, functions and classes as plain data that differ wherever their numbers could."""

import enum
import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from os import PathLike, fspath
from types import MethodType, ModuleType
from typing import Any

import numpy as np
import sympy as sp

from eyring.validation.code_text import constants_of, followed, functions_of, library, spoken

__all__ = ["Teller", "digest_of", "kind_of", "name_of"]

OUTSIDE = ("_forward_hooks", "_forward_pre_hooks")


class Teller:
    """Tells values as plain data for JSON.

    A function or class of one's own counts with its text, without comments and docstrings, the values that it encloses, its defaults, the globals
    that it reads, and the same of every function and class of one's own among these, bases included. Of eyring and of installed packages what is
    given counts with its text; of what these call, of Python and of the libraries the names count alone, and their versions stand for the rest.

    >>> def line(slope):
    ...     return lambda x: slope * x
    >>> one, same, steeper = (Teller().tell(line(slope)) for slope in (1.0, 1.0, 2.0))
    >>> one == same, one == steeper
    (True, False)
    """

    def __init__(self) -> None:
        self._codes: dict[int, tuple[Any, str]] = {}
        self._texts: dict[int, tuple[Any, str, Callable[[str, Any], bool]]] = {}
        self._met: list[Any] | None = None  # functions and classes of one telling of code, in the order in which they were reached
        self._open: list[int] = []

    @property
    def within_code(self) -> bool:
        """Whether what is told now was met in code, not given."""
        return self._met is not None

    def tell(self, value: Any, where: str = "") -> Any:
        """Return plain data that differs wherever the values differ; ``where`` is for messages."""
        if value is None or (isinstance(value, bool | int | str | float) and not isinstance(value, np.generic | enum.Enum)):
            return value
        if id(value) in self._open:
            return {"again": len(self._open) - self._open.index(id(value))}
        self._open.append(id(value))
        try:
            return self._told(value, where)
        finally:
            self._open.pop()

    def code(self, value: Any) -> str | None:
        """Return the digest of a function's or class's code, None if its module's version stands for it."""
        if library(getattr(value, "__module__", None)):
            return None
        if id(value) not in self._codes:
            begun, self._open, self._met = self._open, [], [value]
            try:
                pieces = [self._piece(met) for met in self._met]  # which grows as it is told
            finally:
                self._open, self._met = begun, None
            self._codes[id(value)] = value, digest_of(pieces)
        return self._codes[id(value)][1]

    def function(self, value: Any, where: str) -> dict[str, Any]:
        """Tell a function or class."""
        if self._met is None:
            code = self.code(value)
            return {"function": name_of(value)} | ({"code": code} if code else {})
        return {"function": name_of(value)} | self._reached(value)

    def unknown(self, value: Any, where: str) -> Any:
        """Tell what is none of the kinds known, by its class and attributes."""
        if isinstance(value, ModuleType):
            return {"module": value.__name__}
        if isinstance(value, set | frozenset):
            return {"set": sorted((self.tell(v, where) for v in value), key=json.dumps)}
        if type(value).__module__.split(".")[0] not in sys.stdlib_module_names | {"builtins"}:
            return self._instance(value, getattr(value, "__dict__", {}), where)
        return {kind_of(value): "" if " at 0x" in repr(value) else repr(value)}

    def objects(self, array: np.ndarray, where: str) -> Any:
        """Tell an array of Python objects."""
        return {"objects": [self.tell(entry, where) for entry in array.ravel().tolist()], "shape": list(array.shape)}

    def parameters(self, module: Any, where: str) -> Any:
        """Tell the parameters that a torch module has itself."""
        return self.tell(module._parameters, where)

    def _reached(self, value: Any) -> dict[str, int]:
        """Queue code that was met in other code, and return its number."""
        met = self._met if self._met is not None else []
        module = getattr(value, "__module__", None)
        if not followed(module) and (library(module) or not getattr(value, "__closure__", None)):
            return {}
        if not any(known is value for known in met):
            met.append(value)
        return {"number": next(i for i, known in enumerate(met) if known is value)}

    def _piece(self, value: Any) -> Any:
        if id(value) not in self._texts:
            self._texts[id(value)] = value, *spoken(value)
        _, text, memory = self._texts[id(value)]
        told: dict[str, Any] = {"name": name_of(value), "text": text}
        if isinstance(value, type):
            told["bases"] = [self.function(base, "") for base in value.__bases__]
        whole = followed(getattr(value, "__module__", None))
        if hasattr(value, "__wrapped__"):
            told["wrapped"] = self.tell(value.__wrapped__)
        if isinstance(value, type) and whole:
            plain = {k: v for k, v in vars(value).items() if not k.startswith("__") and k != "_abc_impl" and not hasattr(v, "__get__")}
            told["own"] = self.tell({k: v for k, v in plain.items() if not memory(k, v)})
        for function in functions_of(value):
            enclosed = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            cells = {name: cell.cell_contents for name, cell in enclosed if _filled(cell) and not memory(name, cell.cell_contents)}
            reads = {name: read for name, read in constants_of(function).items() if whole and not memory(name, read)}
            given = [function.__defaults__, function.__kwdefaults__]
            told[f"in {function.__qualname__}"] = [self.tell(part) for part in (cells, reads, given)]
        return told

    def _instance(self, value: Any, content: Any, where: str) -> dict[str, Any]:
        kind, met = type(value), self._met
        code = (self.code(kind) if met is None else self._reached(kind).get("number")) if not library(kind.__module__) else None
        return {kind_of(value): {k: self.tell(v, f"{where}.{k}") for k, v in content.items()}} | ({} if code is None else {"code": code})

    def _told(self, value: Any, where: str) -> Any:
        if isinstance(value, np.ndarray | np.generic):
            return self._array(np.asarray(value), where)
        if isinstance(value, Mapping):
            return {"mapping": sorted(([self.tell(k, where), self.tell(v, f"{where}[{k!r}]")] for k, v in value.items()), key=json.dumps)}
        if isinstance(value, list | tuple):
            return [self.tell(v, f"{where}[{i}]") for i, v in enumerate(value)]
        if isinstance(value, enum.Enum):
            return {kind_of(value): value.name, "value": self.tell(value.value, where)}
        if isinstance(value, complex):
            return {"complex": str(value)}
        if isinstance(value, PathLike):
            return {"path": str(fspath(value))}
        if isinstance(value, sp.Basic):
            return {"sympy": sp.srepr(value)}
        if isinstance(value, sp.MatrixBase):
            return {"sympy": [self.tell(entry, where) for entry in value], "shape": list(value.shape)}
        if isinstance(value, partial):
            return {"partial": self.tell(value.func, where), "args": self.tell(value.args, where), "keywords": self.tell(value.keywords, where)}
        if is_dataclass(value) and not isinstance(value, type):
            return self._instance(value, {f.name: getattr(value, f.name) for f in fields(value)}, where)
        if (told := self._torch(value, where)) is not None:
            return told
        if isinstance(value, MethodType) and not isinstance(value.__self__, type | ModuleType):
            return {"method": value.__name__, "of": self.tell(value.__self__, where)}
        if callable(value) and hasattr(value, "__qualname__"):
            return self.function(value, where)
        return self.unknown(value, where)

    def _array(self, array: np.ndarray, where: str) -> Any:
        if array.dtype.hasobject:
            return self.objects(array, where)
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return {"array": digest, "dtype": array.dtype.str, "shape": list(array.shape)}

    def _torch(self, value: Any, where: str) -> Any:
        """Tell a tensor or a module; None for what is neither. A module counts with all it was given, not with its tensors alone."""
        if isinstance(value, type) or not any(kind.__module__.split(".")[0] == "torch" for kind in type(value).__mro__):
            return None
        import torch

        if isinstance(value, torch.Tensor):
            plain = value.detach().cpu().contiguous()
            content = self._array(plain.flatten().view(torch.uint8).numpy() if plain.numel() else np.empty(0), where)["array"]
            return {"tensor": content, "dtype": str(value.dtype), "shape": list(value.shape), "device": value.device.type}
        if isinstance(value, torch.nn.Module):
            own = {k: v for k, v in vars(value).items() if k not in vars(torch.nn.Module())}
            parts = {"training": value.training, "own": own, "buffers": value._buffers, "modules": value._modules}
            hooks = {name: list(getattr(value, name).values()) for name in OUTSIDE if getattr(value, name)}
            told = self._instance(value, parts | hooks, where)
            told[kind_of(value)]["parameters"] = self.parameters(value, f"{where}.parameters")
            return told
        return {"torch": str(value)} if isinstance(value, torch.dtype | torch.device) else None


def digest_of(told: Any) -> str:
    """Return the SHA-256 of plain data.

    >>> digest_of({"a": 1})[:8]
    'f9d86028'
    """
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def kind_of(value: Any) -> str:
    """Return the class of a value, with its module.

    >>> kind_of(1.0)
    'builtins.float'
    """
    return f"{type(value).__module__}.{type(value).__qualname__}"


def name_of(value: Any) -> str:
    """Return where a function or class stands.

    >>> name_of(json.dumps)
    'json:dumps'
    """
    return f"{getattr(value, '__module__', None)}:{getattr(value, '__qualname__', '')}"


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False
