"""A graphics card as a place where a kernel runs: arrays go there, the kernel changes them, they come back; by NVIDIA's driver alone."""

import ctypes
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.simulation.cuda.compiler import machine_code

__all__ = ["Card", "card"]

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
MAJOR, MINOR = 75, 76  # the driver's numbers for the two halves of the compute capability


@lru_cache(maxsize=1)
def card() -> "Card":
    """Return the first graphics card.

    Raises:
        NotApplicable: If there is no driver or no card.
    """
    return Card()


class Card:
    """The first graphics card of this machine."""

    def __init__(self) -> None:
        try:
            self._driver: Any = ctypes.CDLL(DRIVER)
        except OSError:
            raise NotApplicable(
                f"device='cuda' needs an NVIDIA graphics card and its driver, and the driver's library {DRIVER} is not here; use device='cpu'"
            ) from None
        handle, context = ctypes.c_int(), ctypes.c_void_p()
        self._do("Init", 0)
        self._do("DeviceGet", ctypes.byref(handle), 0)
        self._do("DevicePrimaryCtxRetain", ctypes.byref(context), handle)
        self._context, self._functions = context, dict[str, ctypes.c_void_p]()
        halves = [ctypes.c_int(), ctypes.c_int()]
        for half, what in zip(halves, (MAJOR, MINOR), strict=True):
            self._do("DeviceGetAttribute", ctypes.byref(half), what, handle)
        self.architecture = "sm_" + "".join(str(half.value) for half in halves)

    def run(self, source: str, blocks: int, arguments: Sequence[np.ndarray]) -> None:
        """Run the kernel ``run`` of a source with 64 threads a block.

        Args:
            source: CUDA C++.
            blocks: How many.
            arguments: Arrays, copied there and back; an array without axes goes by value.

        Raises:
            NotApplicable: If the driver reports an error; the message holds its words.
        """
        self._do("CtxSetCurrent", self._context)
        there: list[tuple[ctypes.c_uint64, np.ndarray]] = []
        try:
            values: list[Any] = []
            for argument in arguments:
                if argument.ndim == 0:
                    values.append(ctypes.create_string_buffer(argument.tobytes(), argument.nbytes))
                    continue
                place = ctypes.c_uint64()
                self._do("MemAlloc_v2", ctypes.byref(place), ctypes.c_size_t(argument.nbytes))
                there.append((place, argument))
                values.append(place)
                self._do("MemcpyHtoD_v2", place, argument.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(argument.nbytes))
            pointers = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
            self._do("LaunchKernel", self._function(source), blocks, 1, 1, 64, 1, 1, 0, None, pointers, None)
            self._do("CtxSynchronize")
            for place, argument in there:
                self._do("MemcpyDtoH_v2", argument.ctypes.data_as(ctypes.c_void_p), place, ctypes.c_size_t(argument.nbytes))
        finally:
            for place, _ in there:
                self._driver.cuMemFree_v2(place)

    def _function(self, source: str) -> ctypes.c_void_p:
        if source not in self._functions:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            self._do("ModuleLoadData", ctypes.byref(module), machine_code(source, self.architecture))
            self._do("ModuleGetFunction", ctypes.byref(function), module, b"run")
            self._functions[source] = function
        return self._functions[source]

    def _do(self, name: str, *arguments: Any) -> None:
        code = getattr(self._driver, f"cu{name}")(*arguments)
        if code:
            words = ctypes.c_char_p()
            self._driver.cuGetErrorString(code, ctypes.byref(words))
            said = (words.value or b"unknown error").decode()
            raise NotApplicable(f"the graphics card's driver says to cu{name}: {said} ({code}); use device='cpu'")
