"""What a function or class says and what it rests on: its text without comments and docstrings, and the values that it reaches by name."""

import ast
import dis
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

__all__ = ["constants_of", "followed", "functions_of", "library", "spoken"]

LIBRARIES = {"numpy", "scipy", "sympy", "mpmath", "flint", "numba", "llvmlite", "torch", "sklearn", "matplotlib", "xarray", "dask", "distributed"}
CHANGES = {"append", "add", "update", "setdefault", "extend", "insert", "pop", "popitem", "remove", "discard", "clear"}


def library(module: str | None) -> bool:
    """Return whether code is Python's own or that of a library, whose version stands for it.

    >>> library("torch.nn"), library("json"), library("well")
    (True, True, False)
    """
    top = (module or "builtins").split(".")[0]
    return top in LIBRARIES or top in sys.stdlib_module_names or top in sys.builtin_module_names


def followed(module: str | None) -> bool:
    """Return whether what the code calls counts too: that of one's own files, not of installed packages nor of eyring, which have versions."""
    place = getattr(sys.modules.get(module or ""), "__file__", None) or ""
    return not library(module) and (module or "").split(".")[0] != "eyring" and not {"site-packages", "dist-packages"} & set(place.split("/"))


def spoken(value: Any) -> tuple[str, Callable[[str, Any], bool]]:
    """Return the text of a function or class, and what says whether a name and its value are a memory that it keeps, not a number of its own.

    What has no text of its own is told by its instructions.

    >>> def half(x):
    ...     '''Return half of x.'''
    ...     return x / 2  # exactly
    >>> print(spoken(half)[0])
    def half(x):
        return x / 2
    """
    code = getattr(value, "__code__", None)
    try:
        if getattr(code, "co_name", "") == "<lambda>":  # its lines may hold another, or be no sentence
            raise OSError
        tree = _Bare().visit(ast.parse(textwrap.dedent(inspect.getsource(value if code is None else code))))
    except (OSError, TypeError, SyntaxError):
        parts = [_instructions(function.__code__, function.__doc__) for function in functions_of(value)]
        return repr(parts), lambda name, value: False
    return ast.unparse(tree), _memory(tree)


def functions_of(value: Any) -> list[FunctionType]:
    """Return the function itself, or those that a class defines, by name; not those that a dataclass is given."""
    value = getattr(value, "__func__", value)
    if isinstance(value, FunctionType):
        return [value]
    if not isinstance(value, type):
        return []
    members = (vars(value)[name] for name in sorted(vars(value)))
    found = [part for member in members for part in _parts(member)]
    return [function for function in found if isinstance(function, FunctionType) and function.__code__.co_filename != "<string>"]


def constants_of(function: FunctionType) -> dict[str, Any]:
    """Return the globals that a function reads, by name; of a module of one's own the parts that it reads."""
    found = {}
    for chain in _chains(function.__code__):
        if chain[0] not in function.__globals__:
            continue
        value, name = function.__globals__[chain[0]], chain[0]
        for part in chain[1:]:
            if not isinstance(value, ModuleType) or not followed(value.__name__) or not hasattr(value, part):
                break
            value, name = getattr(value, part), f"{name}.{part}"
        if not isinstance(value, ModuleType):
            found[name] = value
    return dict(sorted(found.items()))


def _parts(member: Any) -> list[Any]:
    if isinstance(member, staticmethod | classmethod):
        return [member.__func__]
    if isinstance(member, property):
        return [member.fget, member.fset]
    return [member]


def _chains(code: CodeType) -> Iterator[list[str]]:
    """Yield the dotted names that begin at a global, such as ["torch", "nn", "Linear"]."""
    chain: list[str] = []
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and chain:
            chain.append(step.argval)
            continue
        if chain:
            yield chain
        chain = [step.argval] if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") else []
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _chains(inner)


def _instructions(code: CodeType, text: str | None = None) -> list[Any]:
    constants = [c for i, c in enumerate(code.co_consts) if not (i == 0 and text is not None and c == text)]
    told = [_instructions(c) if isinstance(c, CodeType) else repr(sorted(c, key=repr) if isinstance(c, frozenset) else c) for c in constants]
    return [code.co_name, code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars, told]


def _memory(tree: ast.AST) -> Callable[[str, Any], bool]:
    """Return what says of a name and its value whether the code keeps a memory of its own there: it assigns to it, or fills a list, dict or set."""
    nodes = list(ast.walk(tree))
    assigned = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
    stored = [node.value for node in nodes if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load)]
    called = [node.value for node in nodes if isinstance(node, ast.Attribute) and node.attr in CHANGES]
    filled = {place.id for place in stored + called if isinstance(place, ast.Name)}
    return lambda name, value: name in assigned or (name in filled and isinstance(value, list | dict | set))


class _Bare(ast.NodeTransformer):
    """Takes out texts that stand alone, which is what docstrings are."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Go through every block of statements."""
        super().generic_visit(node)
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) and isinstance(s.value.value, str))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
        return node
