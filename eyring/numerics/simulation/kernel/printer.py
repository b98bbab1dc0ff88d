"""Make a program a numba kernel: 64 walkers side by side, their state in rows, a branch only where somebody has escaped."""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import sympy as sp

from eyring.errors import NotApplicable
from eyring.numerics.fused.emitter import FUNCTIONS, what_cannot_be_written, write
from eyring.numerics.fused.lanes import Lanes
from eyring.numerics.simulation.kernel.cache import kernel_module, library
from eyring.numerics.simulation.kernel.step import Program
from eyring.numerics.simulation.streams.normals import LANES
from eyring.numerics.simulation.streams.philox import FOURS

__all__ = ["advance_of", "compiled_kernel", "filled", "kernel_source", "steps_at_once"]

CALLED = {  # one by one; the loop over lanes is then no vector loop
    sp.sin: math.sin, sp.cos: math.cos, sp.tan: math.tan, sp.asin: math.asin, sp.acos: math.acos, sp.atan: math.atan, sp.asinh: math.asinh,
    sp.acosh: math.acosh, sp.atanh: math.atanh, sp.erf: math.erf, sp.erfc: math.erfc,
}  # fmt: skip
_NAMES = f"{', '.join(f.__name__ for f in CALLED)}, powers, roots, sign, Max, Min and Piecewise"
HARDLY_ANY = 16  # rows of draws that stay in the fastest memory

SOURCE = '''"""A walker's step:
{listing}
"""

import numpy as np

LANES = {lanes}
real = np.{real}
noise = np.{noise}
i32 = np.int32  # as wide as a float32: a wider flag would halve the vectors


@njit(**options)
def run(words, rows, born, done, fresh, p, copies, batch, last, restart, keys, events, trouble):
    draws = np.empty({draws} * LANES, noise)
    raw = np.empty(LANES, np.uint32)
    taken = np.empty({kinds} * LANES, np.uint32)
    margins = np.empty(LANES, real)
    w, r = np.empty_like(words[0]), np.empty_like(rows[0])  # aligned, and no neighbour of what another thread writes
    room = len(events)
    found = 0
    for block in range(len(done)):
        w[:], r[:], now = words[block], rows[block], done[block]
        while now < last and found + {chunk} * LANES <= room and trouble[0] < 0:
            {fill}
            steps = min({chunk}, last - now)
            for inner in range(steps):
                away = i32(0)
                {views}
                for lane in range(LANES):
                    new = advance(({given},))
                    {stores}
                    margins[lane] = new[{state}]
                    away = i32(away | (i32(0) if new[{state}] < 0 else i32(1)))
                if away and trouble[0] < 0:
                    found = record(block, now + inner + 1, r, margins, born[block], fresh, restart, keys[block], events, found, trouble)
            now += steps
        words[block], rows[block], done[block] = w, r, now
        if now < last or trouble[0] >= 0:
            return found
    return found
'''


def steps_at_once(program: Program, stream: str = "xoshiro") -> int:
    """Return for how many steps random numbers are drawn together; an even number, as normal numbers come in pairs."""
    if stream == "philox":
        return FOURS
    rows = len(program.normals) + len(program.exponentials) + len(program.counts)
    return max(2, min(8, 2 * (HARDLY_ANY // max(2 * rows, 1))))


@lru_cache(maxsize=256)
def compiled_kernel(program: Program, precision: str, stream: str = "xoshiro") -> Any:
    """Return the function ``run`` that takes blocks of walkers to a given step, at "float32", "float64" or "mixed" (noise single, state double)."""
    return kernel_module(kernel_source(program, precision, stream), **library(precision, stream), advance=advance_of(program)).run


def kernel_source(program: Program, precision: str, stream: str = "xoshiro") -> str:
    """Return the kernel's text: where walkers and draws stand in memory, and what is done when one escapes."""
    return filled(SOURCE, program, precision, stream)


def filled(source: str, program: Program, precision: str, stream: str = "xoshiro") -> str:
    """Return a kernel's text with the program's parts in place of its names in braces; lines that draw and store keep the indent found there."""
    chunk, n, e, c = steps_at_once(program, stream), len(program.normals), len(program.exponentials), len(program.counts)
    fill = ["turn_to(w, now // {chunk})"] * (stream == "philox") + [f"fill_normals(w, draws, 0, {n * chunk // 2})"] * bool(n)
    fill += [f"fill_exponentials(w, draws, {n * chunk}, {e * chunk})"] * bool(e)
    if c:
        fill += [f"for inner in range({chunk}):"]
        fill += [f"    fill_counts(w, raw, taken, draws, {(n + e) * chunk} + inner * {c}, {c}, copies, batch, {program.replacement})"]
    given = [f"r[{i * LANES} + lane]" for i in range(len(program.state))]
    given += [f"real(row_{s}[lane])" for s in program.draws]
    given += [f"p[{i}]" for i in range(len(program.parameters))]
    stores = [f"r[{i * LANES} + lane] = new[{i}]" for i in range(len(program.state))]
    for name, lines in (("fill", fill or ["pass"]), ("views", list(_views(program, chunk))), ("stores", stores)):
        source = _in_place(source, f"{{{name}}}", lines)
    return source.format(
        listing=program,
        lanes=LANES,
        real="float32" if precision == "float32" else "float64",
        noise="float64" if precision == "float64" else "float32",
        draws=max(1, (n + e + c) * chunk),
        kinds=max(1, c),
        chunk=chunk,
        state=len(program.state),
        given=", ".join(given),
    )


def _in_place(source: str, name: str, lines: list[str]) -> str:
    """Replace every line that is a name alone by lines with its indent."""
    first, *others = source.split(name)
    for part in others:
        indent = first[first.rindex("\n") + 1 :]
        first += f"\n{indent}".join(lines) + part
    return first


def _views(program: Program, chunk: int) -> Iterable[str]:
    """Cut this step's rows out of the draws: indices that cannot be negative keep the loop over lanes a vector loop."""
    first = 0
    for group in (program.normals, program.exponentials, program.counts):
        for i, symbol in enumerate(group):
            yield f"row_{symbol} = draws[({first + i} + inner * {len(group)}) * LANES : ({first + i + 1} + inner * {len(group)}) * LANES]"
        first += len(group) * chunk


def advance_of(program: Program) -> Any:
    """Return the step for use in numba-compiled code: a tuple of state, draws and numbers in, the new state and the margin out.

    Raises:
        NotApplicable: If the step holds a function that has no arithmetic here.
    """
    from numba.core import cgutils
    from numba.core.types import Float, UniTuple  # type: ignore[attr-defined]
    from numba.extending import intrinsic

    written_out = [*(e for _, e in program.statements), *program.after, program.margin]
    missing = sorted({name for e in written_out for name in what_cannot_be_written(_bare(e))})
    if missing:
        raise NotApplicable(f"a walker's step cannot use {', '.join(missing)}; it may use {', '.join(sorted(FUNCTIONS))}, {_NAMES}")
    symbols = [*program.state, *program.draws, *program.parameters]

    @intrinsic
    def advance(typing: Any, numbers: Any) -> Any:
        """Write the statements in place of their call."""
        if not (isinstance(numbers, UniTuple) and isinstance(numbers.dtype, Float) and numbers.count == len(symbols)):
            raise NotApplicable(f"a step of {len(symbols)} numbers of one kind was called with {numbers}")
        kind = UniTuple(numbers.dtype, len(program.state) + 1)

        def written(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            values = dict(zip(symbols, (Lanes(builder, v) for v in cgutils.unpack_tuple(builder, given[0], len(symbols))), strict=True))

            def call(function: Any, x: Lanes) -> Lanes:
                one = numbers.dtype
                return Lanes(builder, context.get_function(function, one(one))(builder, [x.value]))

            for target, expression in program.statements:
                (values[target],) = write([_without_calls(expression, values, call)], values)
            ends = [_without_calls(e, values, call) for e in (*program.after, program.margin)]
            return context.make_tuple(builder, kind, [w.value for w in write(ends, values)])

        return kind(numbers), written

    return advance


def _without_calls(expression: sp.Expr, values: dict[sp.Symbol, Lanes], call: Callable[[Any, Lanes], Lanes]) -> sp.Expr:
    """Return the expression with a symbol for each function that is had by a call, innermost first; their values are added to ``values``."""
    while parts := [f for f in expression.atoms(*CALLED) if not f.args[0].has(*CALLED)]:
        for part in sorted(parts, key=sp.default_sort_key):
            symbol = sp.Dummy("call", real=True)
            values[symbol] = call(CALLED[type(part)], *write(part.args, values))
            expression = expression.xreplace({part: symbol})
    return expression


def _bare(expression: sp.Expr) -> sp.Expr:
    """Return the expression with what is had by a call replaced by its argument."""
    return expression.replace(lambda e: isinstance(e, tuple(CALLED)), lambda e: e.args[0])
