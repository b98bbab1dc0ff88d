"""Normal and exponential numbers at the speed of their generator: xoshiro words, Box and Muller's map, polynomials, 64 walkers side by side.

Every walker owns a xoshiro generator (Blackman & Vigna 2021): 128++ of 32-bit words in single precision, 256+ of 64-bit words in double. A pair of
words gives two normal numbers, r sin(pi t) and +- r cos(pi t), r = sqrt(-2 ln u), t in [-1/2, 1/2). u goes down to 2^-32 (2^-53 in double), so the
tails reach 6.6 (8.5) standard deviations. Logarithm, sine and cosine are polynomials, so that a loop over walkers has no call and no branch.

The functions are plain Python that numba compiles; ``kernel.cache.library`` does so when the first walker steps.
"""

from math import sqrt

import numpy as np

__all__ = ["LANES", "fill_exponentials_double", "fill_exponentials_single", "fill_normals_double", "fill_normals_single"]

LANES = 64  # walkers in a block: as many as keep the vector registers busy; 16 make compilers unroll the loop before they vectorise it
u32, i32, f32, u64, f64 = np.uint32, np.int32, np.float32, np.uint64, np.float64


def turned_single(x, k):  # type: ignore[no-untyped-def]
    """Return the 32-bit word rotated left by k bits."""
    return u32(u32(x << u32(k)) | u32(x >> u32(32 - k)))


def unit_single(w):  # type: ignore[no-untyped-def]
    """Return (w + 1)/2^32 of the even part of a 32-bit word: never zero, one only for the largest word."""
    return f32((f32(i32(w >> u32(1))) + f32(0.5)) * f32(2.0**-31))


def log_single(u):  # type: ignore[no-untyped-def]
    """Return ln u for 0 < u <= 1, relative error 2e-7: never positive."""
    bits = u.view(i32)
    e = i32(i32(bits - i32(0x3F3504F3)) >> i32(23))
    f = i32(i32(bits - i32(e << i32(23)))).view(f32) - f32(1)
    p = f32(0.09048784427322608) * f + f32(-0.14030892198395475)
    p = p * f + f32(0.14703899165718667)
    p = p * f + f32(-0.16602718852981876)
    p = p * f + f32(0.19984223247260396)
    p = p * f + f32(-0.25000702550677173)
    p = p * f + f32(0.3333341539881215)
    return f32(e) * f32(0.6931471805599453) + (f + f * f * (f * p - f32(0.5)))


def sine_single(q):  # type: ignore[no-untyped-def]
    """Return sin(pi v)/v for q = v^2, v in [-1/2, 1/2]."""
    s = f32(0.07765591227601387) * q + f32(-0.5982904112834275)
    s = s * q + f32(2.550077386528912)
    s = s * q + f32(-5.167710076668315)
    return s * q + f32(3.1415926400772034)


def cosine_single(q):  # type: ignore[no-untyped-def]
    """Return cos(pi v) for q = v^2, v in [-1/2, 1/2]."""
    c = f32(0.21968242357537815) * q + f32(-1.331872972787485)
    c = c * q + f32(4.058410790762598)
    c = c * q + f32(-4.934792802489459)
    return c * q + f32(0.9999999530275123)


def drawn_single(s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    """Return two words of the generator, and its state after them."""
    a = u32(turned_single(u32(s0 + s3), 7) + s0)
    t = u32(s1 << u32(9))
    s2, s3 = u32(s2 ^ s0), u32(s3 ^ s1)
    s1, s0 = u32(s1 ^ s2), u32(s0 ^ s3)
    s2, s3 = u32(s2 ^ t), turned_single(s3, 11)
    b = u32(turned_single(u32(s0 + s3), 7) + s0)
    t = u32(s1 << u32(9))
    s2, s3 = u32(s2 ^ s0), u32(s3 ^ s1)
    return a, b, u32(s0 ^ s3), u32(s1 ^ s2), u32(s2 ^ t), turned_single(s3, 11)


def pair_single(a, b):  # type: ignore[no-untyped-def]
    """Return the two normal numbers that two words make."""
    r = sqrt(f32(-2) * log_single(unit_single(a)))
    v = f32(i32(b)) * f32(2.0**-32)
    q = v * v
    return r * sine_single(q) * v, u32(f32(r * cosine_single(q)).view(u32) ^ u32(a << u32(31))).view(f32)


def fill_normals_single(words, out, first, pairs):  # type: ignore[no-untyped-def]
    """Write ``pairs`` pairs of rows of standard normal numbers, a row holding one number for each lane, from row ``first`` on.

    Args:
        words: State of the generators, four rows, uint32.
        out: float32 rows.
        first: Row to begin at.
        pairs: Half the number of rows.
    """
    w0, w1, w2, w3 = words[:LANES], words[LANES : 2 * LANES], words[2 * LANES : 3 * LANES], words[3 * LANES : 4 * LANES]
    for two in range(pairs // 2):  # two pairs at once: the state is read and written half as often
        row = (first + 4 * two) * LANES
        x0, y0 = out[row : row + LANES], out[row + LANES : row + 2 * LANES]  # indices that cannot be negative keep the loop a vector loop
        x1, y1 = out[row + 2 * LANES : row + 3 * LANES], out[row + 3 * LANES : row + 4 * LANES]
        for lane in range(LANES):
            a, b, s0, s1, s2, s3 = drawn_single(w0[lane], w1[lane], w2[lane], w3[lane])
            x0[lane], y0[lane] = pair_single(a, b)
            a, b, w0[lane], w1[lane], w2[lane], w3[lane] = drawn_single(s0, s1, s2, s3)
            x1[lane], y1[lane] = pair_single(a, b)
    if pairs % 2:
        row = (first + 2 * pairs - 2) * LANES
        x0, y0 = out[row : row + LANES], out[row + LANES : row + 2 * LANES]
        for lane in range(LANES):
            a, b, w0[lane], w1[lane], w2[lane], w3[lane] = drawn_single(w0[lane], w1[lane], w2[lane], w3[lane])
            x0[lane], y0[lane] = pair_single(a, b)


def fill_exponentials_single(words, out, first, rows):  # type: ignore[no-untyped-def]
    """Write rows of exponential numbers of mean 1; arguments as for the normals, ``rows`` a number of rows."""
    for row in range(first, first + rows):
        here = out[row * LANES : (row + 1) * LANES]
        for lane in range(LANES):
            s0, s1, s2, s3 = words[lane], words[LANES + lane], words[2 * LANES + lane], words[3 * LANES + lane]
            here[lane] = -log_single(unit_single(u32(turned_single(u32(s0 + s3), 7) + s0)))
            t = u32(s1 << u32(9))
            s2, s3 = u32(s2 ^ s0), u32(s3 ^ s1)
            words[LANES + lane], words[lane] = u32(s1 ^ s2), u32(s0 ^ s3)
            words[2 * LANES + lane], words[3 * LANES + lane] = u32(s2 ^ t), turned_single(s3, 11)


def turned_double(x, k):  # type: ignore[no-untyped-def]
    """Return the 64-bit word rotated left by k bits."""
    return u64(u64(x << u64(k)) | u64(x >> u64(64 - k)))


def unit_double(w):  # type: ignore[no-untyped-def]
    """Return u in (0, 1): the upper 52 bits of a 64-bit word, midway between their steps."""
    return f64(u64(u64(w >> u64(12)) | u64(0x3FF0000000000000)).view(f64) - f64(0.9999999999999999))


def log_double(u):  # type: ignore[no-untyped-def]
    """Return ln u for 0 < u <= 1, relative error 4e-16: never positive."""
    bits = u64(u.view(u64) + u64(0x0009_5F61_9980_C433))
    e = u64(u64(bits >> u64(52)) | u64(0x4330000000000000)).view(f64) - f64(4503599627370496.0 + 1023.0)
    f = u64(u64(bits & u64(0x000F_FFFF_FFFF_FFFF)) + u64(0x3FE6_A09E_667F_3BCD)).view(f64) - f64(1)
    s = f / (f64(2) + f)
    z = s * s
    p = f64(0.16621817152858928) * z + f64(0.18140193802865992)
    p = p * z + f64(0.22222862280108716)
    p = p * z + f64(0.2857142413832416)
    p = p * z + f64(0.40000000011206505)
    p = p * z + f64(0.6666666666666208)
    h = f64(0.5) * f * f
    return e * f64(0.6931471805599453) + (f - (h - s * (h + z * p)))


def sine_double(q):  # type: ignore[no-untyped-def]
    """Return sin(pi v)/v for q = v^2, v in [-1/2, 1/2]."""
    s = f64(-2.113362735205297e-05) * q + f64(0.0004659870158043378)
    s = s * q + f64(-0.0073703643265304155)
    s = s * q + f64(0.08214587881631043)
    s = s * q + f64(-0.599264528825224)
    s = s * q + f64(2.5501640398618677)
    s = s * q + f64(-5.1677127800497855)
    return s * q + f64(3.1415926535897927)


def cosine_double(q):  # type: ignore[no-untyped-def]
    """Return cos(pi v) for q = v^2, v in [-1/2, 1/2]."""
    c = f64(4.149564353942586e-06) * q + f64(-0.00010456655338748738)
    c = c * q + f64(0.0019295562724817132)
    c = c * q + f64(-0.025806888737002202)
    c = c * q + f64(0.23533063012953284)
    c = c * q + f64(-1.335262768843447)
    c = c * q + f64(4.058712126416497)
    c = c * q + f64(-4.934802200544676)
    return c * q + f64(1)


def fill_normals_double(words, out, first, pairs):  # type: ignore[no-untyped-def]
    """Write pairs of rows of standard normal numbers in double precision; ``words`` are four rows of uint64, ``out`` float64 rows."""
    for pair in range(pairs):
        row = (first + 2 * pair) * LANES
        sines, cosines = out[row : row + LANES], out[row + LANES : row + 2 * LANES]  # indices that cannot be negative keep the loop a vector loop
        for lane in range(LANES):
            s0, s1, s2, s3 = words[lane], words[LANES + lane], words[2 * LANES + lane], words[3 * LANES + lane]
            a = u64(s0 + s3)
            t = u64(s1 << u64(17))
            s2, s3 = u64(s2 ^ s0), u64(s3 ^ s1)
            s1, s0 = u64(s1 ^ s2), u64(s0 ^ s3)
            s2, s3 = u64(s2 ^ t), turned_double(s3, 45)
            b = u64(s0 + s3)
            t = u64(s1 << u64(17))
            s2, s3 = u64(s2 ^ s0), u64(s3 ^ s1)
            words[LANES + lane], words[lane] = u64(s1 ^ s2), u64(s0 ^ s3)
            words[2 * LANES + lane], words[3 * LANES + lane] = u64(s2 ^ t), turned_double(s3, 45)
            r = sqrt(f64(-2) * log_double(unit_double(a)))
            v = u64(u64(b >> u64(12)) | u64(0x3FF0000000000000)).view(f64) - f64(1.5)
            q = v * v
            sines[lane] = r * sine_double(q) * v
            cosines[lane] = u64(f64(r * cosine_double(q)).view(u64) ^ u64(u64(a >> u64(11)) << u64(63))).view(f64)


def fill_exponentials_double(words, out, first, rows):  # type: ignore[no-untyped-def]
    """Write rows of exponential numbers of mean 1 in double precision."""
    for row in range(first, first + rows):
        here = out[row * LANES : (row + 1) * LANES]
        for lane in range(LANES):
            s0, s1, s2, s3 = words[lane], words[LANES + lane], words[2 * LANES + lane], words[3 * LANES + lane]
            here[lane] = -log_double(unit_double(u64(s0 + s3)))
            t = u64(s1 << u64(17))
            s2, s3 = u64(s2 ^ s0), u64(s3 ^ s1)
            words[LANES + lane], words[lane] = u64(s1 ^ s2), u64(s0 ^ s3)
            words[2 * LANES + lane], words[3 * LANES + lane] = u64(s2 ^ t), turned_double(s3, 45)
