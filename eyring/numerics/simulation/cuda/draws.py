"""Random numbers on a graphics card: Philox words from (seed, walker, step), normal numbers by Box and Muller's map, batches example by example."""

from collections.abc import Iterator

from eyring.numerics.simulation.kernel.step import Program
from eyring.numerics.simulation.streams.philox import FOURS

__all__ = ["GENERATOR", "NUMBERS", "drawing"]

LETTERS = ("w.a", "w.b", "w.c", "w.d")

GENERATOR = """\
struct Words { unsigned a, b, c, d; };
__device__ __forceinline__ Words philox(unsigned a, unsigned b, unsigned c, unsigned d, unsigned k, unsigned l) {
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        const unsigned long long p = 0xD2511F53ull * a, q = 0xCD9E8D57ull * c;
        a = (unsigned)(q >> 32) ^ b ^ k, b = (unsigned)q;
        c = (unsigned)(p >> 32) ^ d ^ l, d = (unsigned)p;
        k += 0x9E3779B9u, l += 0xBB67AE85u;
    }
    const Words words = {a, b, c, d};
    return words;
}
"""

NUMBERS = {  # by precision: -ln((w + 1/2)/2^32), never negative, and two normal numbers; 2^-64 in double
    "float32": """\
__device__ __forceinline__ float exponential(unsigned first) {
    return 0.6931471805599453f * fabsf(__log2f(fmaf((float)first, 2.3283064365386963e-10f, 1.1641532182693481e-10f)));
}
__device__ __forceinline__ void normals(unsigned first, unsigned second, float &one, float &other) {
    const float logarithm = __log2f(fmaf((float)first, 2.3283064365386963e-10f, 1.1641532182693481e-10f));
    const float length = sqrtf(1.3862943611198906f * fabsf(logarithm)), angle = 1.4629180792671596e-9f * (float)(int)second;
    one = length * __sinf(angle);
    other = length * __cosf(angle);
}
""",
    "float64": """\
__device__ __forceinline__ double exponential(unsigned first, unsigned second) {
    return -log(fma((double)((unsigned long long)first << 32 | second), 5.421010862427522e-20, 2.710505431213761e-20));
}
__device__ __forceinline__ void normals(unsigned a, unsigned b, unsigned c, unsigned d, double &one, double &other) {
    const double length = sqrt(2.0 * exponential(a, b)), turns = 1.0842021724855044e-19 * (double)(long long)((unsigned long long)c << 32 | d);
    double sine, cosine;
    sincospi(turns, &sine, &cosine);
    one = length * sine;
    other = length * cosine;
}
""",
}

COUNTS = """\
#pragma unroll
for (int s = 0; s < {chunk}; ++s) {{  /* an example is number floor(u n/2^32) of the n that are left */
    unsigned taken[{kinds}] = {{0}};
    for (unsigned drawn = 0; drawn < n.batch; ++drawn) {{
        if (drawn % 4 == 0) w = philox(low, high, walker, {first}u + s * ((n.batch + 3) / 4) + drawn / 4, n.key[0], n.key[1]);
        const unsigned chosen = __umulhi(w.a, n.copies[{kinds}]{fewer});
        w.a = w.b, w.b = w.c, w.c = w.d;
#pragma unroll
        for (int kind = 0; kind < {kinds}; ++kind) taken[kind] += chosen < n.copies[kind]{less} ? 1u : 0u;
    }}
    {stores}
}}"""


def drawing(program: Program, noise: str) -> Iterator[str]:
    """Yield the lines that fill ``d[0]``, ..., ``d[3]``, the draws of four steps of a walker; ``low`` and ``high`` count such fours.

    Args:
        program: The step.
        noise: "float32" (a word for each number) or "float64" (two).
    """
    width = 1 if noise == "float32" else 2
    call = 0
    for group, function, at_once in ((program.normals, "normals", 2), (program.exponentials, "exponential", 1)):
        places = [f"d[{s}].{symbol}" for s in range(FOURS) for symbol in group]
        for i in range(0, len(places), at_once):
            first = i * width % 4
            if first == 0:
                yield f"w = philox(low, high, walker, {call}u, n.key[0], n.key[1]);"
                call += 1
            words = ", ".join(LETTERS[first : first + at_once * width])
            yield f"normals({words}, {places[i]}, {places[i + 1]});" if function == "normals" else f"{places[i]} = exponential({words});"
    if program.counts:
        fewer, less = ("", "") if program.replacement else (" - drawn", " - taken[kind]")
        stores = " ".join(f"d[s].{symbol} = taken[{kind}];" for kind, symbol in enumerate(program.counts))
        yield from COUNTS.format(chunk=FOURS, kinds=len(program.counts), first=call, fewer=fewer, less=less, stores=stores).splitlines()
