"""Make a program a CUDA kernel: one thread a walker, state and generator in registers, four steps between two looks at who has escaped."""

from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.codegen.ast import float32, float64, real
from sympy.printing.c import C99CodePrinter

from eyring.errors import NotApplicable
from eyring.numerics.fused.emitter import LONGEST_PRODUCT
from eyring.numerics.simulation.cuda.draws import GENERATOR, NUMBERS, drawing
from eyring.numerics.simulation.kernel.step import Program
from eyring.numerics.simulation.streams.philox import FOURS

__all__ = ["cuda_source"]

WRITTEN = (
    sp.Add, sp.Mul, sp.Pow, sp.Symbol, sp.Number, sp.NumberSymbol, sp.Max, sp.Min, sp.Piecewise, sp.functions.elementary.piecewise.ExprCondPair,
    sp.Abs, sp.sign, sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan, sp.atan2, sp.sinh, sp.cosh, sp.tanh, sp.asinh, sp.acosh,
    sp.atanh, sp.erf, sp.erfc, sp.floor, sp.ceiling, sp.core.relational.Relational, sp.And, sp.Or, sp.Not, sp.logic.boolalg.BooleanAtom,
)  # fmt: skip

SOURCE = """\
/* A walker's step:
{listing}
*/
typedef {real} real;
typedef {noise} noise;
{generator}{numbers}
struct Numbers {{ real p[{parameters}], fresh[{states}]; unsigned copies[{copies}], batch, key[2]; }};
struct State {{ real {state}; }};
struct Draws {{ noise {draws}; }};

__device__ __forceinline__ real advance(const State &was, const Draws &d, const Numbers &n, State &now) {{
    {advance}
}}

__device__ __forceinline__ void draw(Draws *d, unsigned low, unsigned high, unsigned walker, const Numbers &n) {{
    Words w;
    {drawing}
}}

/* Take {chunk} * fours + tail steps from step {chunk} * (high, low) on; low + fours is at most 2^32. */
extern "C" __global__ void run(const unsigned *walkers, real *rows, long long *born, const Numbers n, unsigned low, const unsigned high,
                               const unsigned fours, const unsigned tail, long long *events, const unsigned room, unsigned *found, unsigned *lost) {{
    const unsigned lane = threadIdx.x, thread = blockIdx.x * 64 + lane, walker = walkers[thread];
    real *const row = rows + (unsigned long long)blockIdx.x * 64 * {states} + lane;
    State x;
    {load}
    const unsigned whole = low + fours, end = whole + (tail != 0);
    for (; low != end; ++low) {{
        Draws d[{chunk}];
        draw(d, low, high, walker, n);
        State y = x, z;
        bool inside = low != whole;
#pragma unroll
        for (int s = 0; s < {chunk}; ++s) {{
            inside &= advance(y, d[s], n, z) < 0;
            y = z;
        }}
        if (__builtin_expect(inside, 1)) {{
            x = y;
            continue;
        }}
#pragma unroll
        for (int s = 0; s < {chunk}; ++s) {{  /* the same steps again, one by one */
            if (low == whole && s >= (int)tail) continue;
            const real margin = advance(x, d[s], n, z);
            x = z;
            if (margin < 0) continue;
            if (!({finite})) {{
                atomicMin(lost, thread);
                return;
            }}
            const long long step = {chunk} * (long long)((unsigned long long)high << 32 | low) + s + 1;
            const unsigned place = atomicAdd(found, 1u);
            if (place < room) {{
                events[3ull * place] = thread;
                events[3ull * place + 1] = born[thread];
                events[3ull * place + 2] = step;
            }}
            born[thread] = step;
            {begin}
        }}
    }}
    {store}
}}
"""


class _Printer(C99CodePrinter):
    """C without a double constant in a float kernel; small powers are products, those of a root too."""

    def _print_Pow(self, expr: sp.Pow) -> str:  # noqa: N802 - sympy's name
        exponent = expr.exp
        if not (exponent.is_Rational and exponent.q in (1, 2) and abs(exponent) <= LONGEST_PRODUCT):
            return super()._print_Pow(expr)
        base, (whole, halves) = f"({self._print(expr.base)})", divmod(abs(exponent.p), exponent.q)
        factors = [base] * whole + [f"sqrt{self._get_func_suffix(real)}{base}"] * halves
        product = "*".join(factors)
        return f"(1/({product}))" if exponent.is_negative else f"({product})"

    def _print_Piecewise(self, expr: sp.Piecewise) -> str:  # noqa: N802 - sympy's name
        if expr.args[-1].cond == sp.true:
            return str(super()._print_Piecewise(expr))
        none = sp.Pow(-1, sp.Rational(1, 2), evaluate=False)  # what no case covers is no number
        return str(super()._print_Piecewise(sp.Piecewise(*expr.args, (none, True), evaluate=False)))


def _printer(precision: str) -> Any:
    kind = float32 if precision == "float32" else float64
    return _Printer({"type_aliases": {real: kind}, "precision": 9 if precision == "float32" else 17, "contract": False})


@lru_cache(maxsize=256)
def cuda_source(program: Program, precision: str) -> str:
    """Return the kernel's text in CUDA C++.

    Args:
        program: The step.
        precision: "float32", "float64" or "mixed" (noise single, state double).

    Raises:
        NotApplicable: If a function has no arithmetic on the card.
    """
    write, noise = _printer(precision), "float64" if precision == "float64" else "float32"
    states = len(program.state)
    unpacked = [f"const real {s} = was.{s};" for s in program.state]
    unpacked += [f"const real {s} = (real)d.{s};" for s in program.draws]
    unpacked += [f"const real {s} = n.p[{i}];" for i, s in enumerate(program.parameters)]
    unpacked += [f"const real {target} = {_text(write, value)};" for target, value in program.statements]
    unpacked += [f"now.{s} = {_text(write, value)};" for s, value in zip(program.state, program.after, strict=True)]
    indented = {
        "advance": [*unpacked, f"return {_text(write, program.margin)};"],
        "drawing": list(drawing(program, noise)),
        "load": [f"x.{s} = row[{64 * i}];" for i, s in enumerate(program.state)],
        "begin": [f"x.{s} = n.fresh[{i}];" for i, s in enumerate(program.state)],
        "store": [f"row[{64 * i}] = x.{s};" for i, s in enumerate(program.state)],
    }
    return SOURCE.format(
        listing=program,
        real="float" if precision == "float32" else "double",
        noise="float" if noise == "float32" else "double",
        generator=GENERATOR,
        numbers=NUMBERS[noise],
        parameters=max(1, len(program.parameters)),
        states=states,
        copies=len(program.counts) + 1,
        state=", ".join(map(str, program.state)),
        draws=", ".join(map(str, program.draws)) or "none",
        chunk=FOURS,
        finite=" && ".join(["isfinite(margin)", *(f"isfinite(z.{s})" for s in program.state)]),
        **{name: _joined(lines, SOURCE, name) for name, lines in indented.items()},
    )


def _text(write: Any, expression: sp.Expr) -> str:
    strange = sorted({type(part).__name__ for part in sp.preorder_traversal(expression) if not isinstance(part, WRITTEN)})
    if strange:
        raise NotApplicable(f"{', '.join(strange)} cannot be computed on a graphics card here; use device='cpu', or a landscape without it")
    return write.doprint(_nested(expression))


def _nested(expression: sp.Expr) -> sp.Expr:
    """Return a polynomial in nested form, along the symbol of highest degree: one fused multiplication and addition a degree."""
    if not isinstance(expression, sp.Add) or not expression.is_polynomial():
        return expression
    degrees = {s: sp.degree(expression, s) for s in sorted(expression.free_symbols, key=str) if not s.name.startswith("p")}
    if not degrees:
        return expression
    return sp.horner(expression, max(degrees, key=lambda s: degrees[s]))


def _joined(lines: list[str], source: str, name: str) -> str:
    """Join lines with the indent at which the name stands in the source."""
    before = source[: source.index(f"{{{name}}}")]
    return f"\n{before[before.rindex(chr(10)) + 1 :]}".join(lines)
