"""Evaluate a formula on large arrays block by block: memory beyond the result is that of one block, whatever the arrays' shapes."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eyring.errors import ParameterError
from eyring.numerics.fused.program import Program

__all__ = ["BLOCK", "number_of_points", "refuse_shapes", "sweep"]

BLOCK = 8192  # points; a dozen temporaries of this size stay in the cache


def number_of_points(values: Mapping[str, object]) -> int | None:
    """Return how many points the arrays make together; None if they are not all real numbers.

    Raises:
        ParameterError: If their shapes do not fit together.
    """
    arrays = {n: np.asarray(v) for n, v in values.items() if not isinstance(v, int | float)}
    if any(a.dtype.kind not in "iuf" for a in arrays.values()):
        return None
    return math.prod(refuse_shapes({n: a.shape for n, a in arrays.items()}))


def refuse_shapes(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape that the arrays have together.

    Raises:
        ParameterError: If there is none; it names them all.
    """
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        arrays = ", ".join(f"{n} of shape {s}" for n, s in shapes.items() if s)
        need = "arrays must have shapes that broadcast"
        raise ParameterError(f"{need}, got {arrays}; add axes, as in x[:, None], where all combinations are meant") from None


def sweep(values: Mapping[str, np.ndarray], program: Program | None, plainly: Callable[[dict[str, np.ndarray]], Any]) -> np.ndarray:
    """Return the formula at all points, as a float64 array of the broadcast shape.

    Args:
        values: Arrays of numbers, by name; whole numbers and float32 are widened block by block.
        program: Takes the arrays in the order of ``values``; None where there is none.
        plainly: The formula on one block, with every check and refusal; asked where the program finds something amiss.
    """
    arrays = [np.asarray(a) for a in values.values()]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    out = np.empty(shape or 1)
    steps = np.nditer(  # type: ignore[call-overload]
        [*arrays, out],
        flags=["external_loop", "buffered", "grow_inner", "zerosize_ok"],
        op_flags=[["readonly"]] * len(arrays) + [["writeonly"]],
        op_dtypes=[np.float64] * (len(arrays) + 1),
        casting="same_kind",
        buffersize=BLOCK,
    )
    with steps:
        for *given, part in steps:
            _fill(list(values), given, part, program, plainly)
    return out.reshape(shape)


def _fill(
    names: Sequence[str], given: Sequence[np.ndarray], out: np.ndarray, program: Program | None, plainly: Callable[[dict[str, np.ndarray]], Any]
) -> None:
    if program is not None and _done(program, given, out):
        return
    if out.size <= BLOCK:
        out[...] = plainly({n: g[:1].reshape(()) if g.strides[0] == 0 else g for n, g in zip(names, given, strict=True)})
        return
    for start in range(0, out.size, BLOCK):
        here = slice(start, start + BLOCK)
        _fill(names, [g[here] for g in given], out[here], program, plainly)


def _done(program: Program, given: Sequence[np.ndarray], out: np.ndarray) -> bool:
    """Return whether the program ran and found nothing amiss; strided pieces are copied, if they are small."""
    straight = all(a.strides[0] in (0, 8) for a in (*given, out))
    if straight:
        return program(given, out)
    if out.size > BLOCK:
        return False
    result = np.empty(out.size)
    well = program([g if g.strides[0] == 0 else np.ascontiguousarray(g) for g in given], result)
    out[...] = result
    return well
