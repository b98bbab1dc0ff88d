"""Machine code for a loop over arrays, eight float64 side by side: LLVM instructions, compiled in a tenth of a second, kept in the process."""

import ctypes
import platform
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from eyring.numerics.fused.lanes import Lanes, Test

__all__ = ["LANES", "Program", "available"]

LANES = 8
Body = Callable[[Sequence[Lanes]], tuple[Lanes, Test]]


class Program:
    """A function of n arrays that was compiled for this machine.

    Args:
        inputs: How many arrays it takes.
        body: Writes what is done to one group of lanes; returns the result and where it, or what went in, is amiss.
    """

    def __init__(self, inputs: int, body: Body) -> None:
        self.inputs = inputs
        self._engine = _compiled(_written(inputs, body))
        self._pointers, self._masks = ctypes.c_void_p * inputs, ctypes.c_int64 * inputs
        address = self._engine.get_function_address("sweep")
        self._call = ctypes.CFUNCTYPE(ctypes.c_int64, self._pointers, self._masks, ctypes.c_void_p, ctypes.c_int64)(address)

    def __call__(self, arguments: Sequence[np.ndarray], out: np.ndarray) -> bool:
        """Write the results into ``out`` and return whether all is well; numbers go into every lane.

        Args:
            arguments: float64 arrays of one dimension: contiguous and as long as ``out``, or holding one number (of size 1, or of stride 0).
            out: Contiguous float64.
        """
        count = out.size
        if count < LANES:
            wide = np.empty(LANES)
            well = self([a if a.size == 1 else np.concatenate([a, np.full(LANES - count, a[-1])]) for a in arguments], wide)
            out[:] = wide[:count]
            return well
        constant = [a.size == 1 or a.strides[0] == 0 for a in arguments]
        given = [np.full(LANES, a.flat[0]) if same else a for a, same in zip(arguments, constant, strict=True)]
        pointers = self._pointers(*(a.__array_interface__["data"][0] for a in given))
        masks = self._masks(*(same - 1 for same in constant))
        return self._call(pointers, masks, out.__array_interface__["data"][0], count) == 0


@cache
def available() -> bool:
    """Return whether this machine multiplies and adds in one instruction; without, the plain road is as fast."""
    from llvmlite import binding  # type: ignore[import-untyped]

    if platform.machine().lower() in ("arm64", "aarch64"):
        return True
    return bool(binding.get_host_cpu_features().get("fma"))


def _written(inputs: int, body: Body) -> Any:
    """Return the module: for every group of lanes, load, run ``body``, store; the last group overlaps the one before."""
    from llvmlite import ir

    number, whole = ir.DoubleType(), ir.IntType(64)
    vector, flags = ir.VectorType(number, LANES), ir.VectorType(whole, LANES)
    address = number.as_pointer()
    module = ir.Module("formula")
    function = ir.Function(module, ir.FunctionType(whole, [address.as_pointer(), whole.as_pointer(), address, whole]), "sweep")
    pointers, masks, out, count = function.args
    entry, loop, end = (function.append_basic_block(name) for name in ("entry", "loop", "end"))

    builder = ir.IRBuilder(entry)
    slots = [ir.Constant(whole, i) for i in range(inputs)]
    starts = [builder.load(builder.gep(pointers, [slot])) for slot in slots]
    moving = [builder.load(builder.gep(masks, [slot])) for slot in slots]
    last = builder.sub(count, ir.Constant(whole, LANES))
    builder.branch(loop)

    builder.position_at_end(loop)
    position, amiss = builder.phi(whole), builder.phi(flags)
    here = builder.select(builder.icmp_signed("<", position, last), position, last)
    places = [builder.gep(start, [builder.and_(here, mask)]) for start, mask in zip(starts, moving, strict=True)]
    result, wrong = body([Lanes(builder, builder.load(builder.bitcast(p, vector.as_pointer()), align=8)) for p in places])
    builder.store(result.value, builder.bitcast(builder.gep(out, [here]), vector.as_pointer()), align=8)
    found = builder.or_(amiss, builder.sext(wrong.value, flags))
    following = builder.add(position, ir.Constant(whole, LANES))
    builder.cbranch(builder.icmp_signed("<", following, count), loop, end)
    position.add_incoming(ir.Constant(whole, 0), entry)
    position.add_incoming(following, loop)
    amiss.add_incoming(ir.Constant(flags, [0] * LANES), entry)
    amiss.add_incoming(found, loop)

    builder.position_at_end(end)
    total = ir.Constant(whole, 0)
    for lane in range(LANES):
        total = builder.or_(total, builder.extract_element(found, ir.Constant(ir.IntType(32), lane)))
    builder.ret(total)
    return module


def _compiled(module: Any) -> Any:
    """Return LLVM's engine, which owns the machine code."""
    from llvmlite import binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=3)
    parsed = binding.parse_assembly(str(module))
    parsed.verify()
    engine = binding.create_mcjit_compiler(parsed, machine)
    engine.finalize_object()
    return engine
