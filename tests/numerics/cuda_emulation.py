"""A processor that plays the graphics card: the printed kernel, word for word, compiled as C++, its threads run one after another."""

import ctypes
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

COMPILER = shutil.which("g++") or shutil.which("clang++")
needs_a_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler to stand in for the graphics card")

BEFORE = """\
#include <cmath>
#include <cstdint>
using namespace std;
#define __device__ static
#define __global__
#define __forceinline__ inline
struct Place { unsigned x; };
static thread_local Place blockIdx, threadIdx;
#define __log2f log2f
#define __sinf sinf
#define __cosf cosf
#define sincospi sine_and_cosine
static inline void sincospi(double x, double *s, double *c) { *s = sin(3.141592653589793 * x), *c = cos(3.141592653589793 * x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
static inline unsigned atomicAdd(unsigned *where, unsigned more) { const unsigned old = *where; *where += more; return old; }
static inline void atomicMin(unsigned *where, unsigned value) { if (value < *where) *where = value; }
"""
AFTER = """
#include <cstdlib>
#include <cstring>
extern "C" {
void everywhere(unsigned blocks, void **a) {
    for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
        for (threadIdx.x = 0; threadIdx.x < 64; ++threadIdx.x)
            run(*(unsigned **)a[0], *(real **)a[1], *(long long **)a[2], *(Numbers *)a[3], *(unsigned *)a[4], *(unsigned *)a[5],
                *(unsigned *)a[6], *(unsigned *)a[7], *(long long **)a[8], *(unsigned *)a[9], *(unsigned **)a[10], *(unsigned **)a[11]);
}
void words(unsigned *x) { const Words w = philox(x[0], x[1], x[2], x[3], x[4], x[5]); x[0] = w.a, x[1] = w.b, x[2] = w.c, x[3] = w.d; }
void draws(noise *out, unsigned fours, unsigned walker, const Numbers *n) {
    for (unsigned low = 0; low < fours; ++low) draw((Draws *)out + 4 * low, low, 0, walker, *n);
}
void one_step(const real *was, const noise *d, const Numbers *n, real *now) { now[sizeof(State)/sizeof(real)] = advance(*(State *)was, *(Draws *)d, *n, *(State *)now); }

/* a driver with this kernel as its only function */
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 7; return ordinal; }
int cuDeviceGetAttribute(int *value, int which, int device) { *value = which == 75 ? 9 : which == 76 ? 0 : -1; return device - 7; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = malloc(1); return device - 7; }
int cuCtxSetCurrent(void *context) { return context == 0; }
int cuCtxSynchronize(void) { return 0; }
int cuModuleLoadData(void **module, const void *image) { *module = strcmp((const char *)image, "sm_90") ? 0 : malloc(1); return *module == 0; }
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = module; return strcmp(name, "run") != 0; }
int cuMemAlloc_v2(unsigned long long *place, size_t bytes) { *place = (unsigned long long)malloc(bytes); return bytes > 1ull << 40 ? 2 : 0; }
int cuMemFree_v2(unsigned long long place) { free((void *)place); return 0; }
int cuMemcpyHtoD_v2(unsigned long long to, const void *from, size_t bytes) { memcpy((void *)to, from, bytes); return 0; }
int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes) { memcpy(to, (void *)from, bytes); return 0; }
int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, void *stream,
                   void **given, void **extra) {
    if (function == 0 || gy * gz * by * bz != 1 || bx != 64 || shared || stream || extra) return 1;
    everywhere(gx, given);
    return 0;
}
int cuGetErrorString(int code, const char **words) { *words = "invalid argument"; return 0; }
}
"""


@cache
def library(source, folder):
    """Return the path of a kernel's library."""
    path = Path(folder) / f"kernel{abs(hash(source)):x}"
    path.with_suffix(".cpp").write_text(BEFORE + source + AFTER)
    subprocess.run(
        [COMPILER, "-O1", "-w", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC", "-o", path.with_suffix(".so"), path.with_suffix(".cpp")],
        check=True,
    )
    return str(path.with_suffix(".so"))


class Emulation:
    """Runs kernels as a card would, with the driver's way of handing over arguments."""

    def __init__(self, folder):
        self.folder = str(folder)

    def library(self, source):
        return ctypes.CDLL(library(source, self.folder))

    def run(self, source, blocks, arguments):
        values = [ctypes.c_void_p(a.ctypes.data) if a.ndim else ctypes.create_string_buffer(a.tobytes(), a.nbytes) for a in arguments]
        self.library(source).everywhere(blocks, (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values)))
