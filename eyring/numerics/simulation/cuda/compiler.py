"""From the text of a CUDA kernel to machine code, by NVIDIA's run-time compiler; no graphics card is needed for that."""

import ctypes
import sys
from ctypes.util import find_library
from functools import lru_cache
from pathlib import Path
from typing import Any

from eyring.errors import NotApplicable

__all__ = ["compiler", "machine_code"]

OPTIONS = ("--std=c++17", "--fmad=true", "--ftz=true", "--prec-sqrt=false", "--prec-div=false")  # of single precision; double keeps its own
HOW_TO_INSTALL = "pip install 'eyring[cuda]' (or NVIDIA's CUDA toolkit, its libraries where the linker looks)"


@lru_cache(maxsize=1)
def compiler() -> Any:
    """Return the library NVRTC: from the wheels in this environment, newest first, or from the system.

    Raises:
        NotApplicable: If there is none.
    """
    roots = [Path(folder) / "nvidia" for folder in sys.path]
    wheels = [path for root in roots for pattern in ("*/lib/libnvrtc.so.*", "*/bin/**/nvrtc64_*.dll") for path in root.glob(pattern)]
    named = [str(path) for path in sorted(wheels, reverse=True) if ".alt." not in path.name]
    for name in [*named, find_library("nvrtc")]:
        try:
            return ctypes.CDLL(name) if name else _missing()
        except OSError:
            continue
    return _missing()


def _missing() -> Any:
    raise NotApplicable(f"device='cuda' needs NVIDIA's run-time compiler NVRTC, and none is installed: {HOW_TO_INSTALL}")


@lru_cache(maxsize=64)
def machine_code(source: str, architecture: str) -> bytes:
    """Return the cubin of a kernel.

    Args:
        source: CUDA C++.
        architecture: Such as "sm_90".

    Raises:
        NotApplicable: If there is no compiler, or it refuses; the message holds its words.
    """
    nvrtc, program = compiler(), ctypes.c_void_p()
    options = (*OPTIONS, f"--gpu-architecture={architecture}")
    _check(nvrtc, nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"walkers.cu", 0, None, None))
    try:
        failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*(o.encode() for o in options)))
        if failed:
            said = _fetched(nvrtc, program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
            raise NotApplicable(f"NVRTC does not compile this step for {architecture}:\n{said}")
        return _fetched(nvrtc, program, "CUBIN")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _fetched(nvrtc: Any, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(nvrtc, getattr(nvrtc, f"nvrtcGet{what}")(program, text))
    return text.raw


def _check(nvrtc: Any, code: int) -> None:
    if code:
        nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
        raise NotApplicable(f"NVRTC: {nvrtc.nvrtcGetErrorString(code).decode()}")
