"""Logarithms and powers of lanes, without branches: log, log1p and x^y.

x = 2^k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2). With s = f/(2 + f), log(1 + f) = 2 artanh(s) = f - f^2/2 + s (f^2/2 + R(s^2)), R of least largest
error (the form of Sun's fdlibm), and k ln 2 is added in two parts.
"""

from eyring.numerics.fused.exponential import exp
from eyring.numerics.fused.lanes import Lanes, from_bits, fused_multiply_add, where
from eyring.numerics.fused.polynomial import polynomial

__all__ = ["log", "log1p", "power"]

INFINITY, NOT_A_NUMBER = float("inf"), float("nan")
LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)  # the first ends in zeros, so that its whole multiples are exact
LN2_SINGLE = (6.9313812256e-01, 9.0580006145e-06)
R = (6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01, 1.818357216161805012e-01,
     1.531383769920937332e-01, 1.479819860511658591e-01)  # fmt: skip
R_SINGLE = (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841)


def log(x: Lanes) -> Lanes:
    """Return ln x: -infinite at 0, not a number below."""
    k, f = _taken_apart(x)
    return _ends(x, _sum(k, f, None), zero=0.0)


def log1p(x: Lanes) -> Lanes:
    """Return ln(1 + x), with all digits near x = 0."""
    sum_ = x + 1.0
    lost = where(x > 1.0, 1.0 - (sum_ - x), x - (sum_ - 1.0)) / sum_
    k, f = _taken_apart(sum_)
    near = k.compare("==", 0.0)
    return _ends(x, _sum(k, where(near, x, f), where(near, 0.0, lost)), zero=-1.0)


def power(x: Lanes, y: Lanes) -> Lanes:
    """Return x^y for x > 0: y ln x is carried in two parts, so that the error stays below 2 ulp + 2^-60 |y ln x|; not a number elsewhere."""
    k, f = _taken_apart(x)
    sum_ = f + 2.0
    s = f / sum_
    rest = fused_multiply_add(-s, sum_, f) - s * (f - (sum_ - 2.0))
    low = fused_multiply_add(s, _artanh_rest(s * s), 2.0 * (rest / sum_))
    ln2_high, ln2_low = LN2_SINGLE if x.single else LN2
    large, small = k * ln2_high, 2.0 * s
    first = large + small
    low = low + fused_multiply_add(k, ln2_low, where(k.compare("==", 0.0), 0.0, small - (first - large)))
    high = first + low
    low = low - (high - first)
    exponent = y * high
    value = exp(exponent)
    value = fused_multiply_add(value, fused_multiply_add(y, high, -exponent) + y * low, value)
    return where(x > 0.0, where(x < INFINITY, value, NOT_A_NUMBER), NOT_A_NUMBER)


def _taken_apart(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return k and f of x = 2^k (1 + f) > 0."""
    digits, root_half, bias = (23, 0x3F3504F3, 127) if x.single else (52, 0x3FE6A09E667F3BCD, 1023)  # root_half: the bits of sqrt(1/2)
    smallest, one = 2.0 ** (1 - bias), bias << digits
    subnormal = x < smallest
    word = where(subnormal, x * 2.0 ** (digits + 2), x).bits + (one - root_half)
    whole = 2.0**digits
    k = from_bits((word >> digits) | x.lift(whole).bits, x) - where(subnormal, x.lift(whole + bias + digits + 2), whole + bias)
    return k, from_bits((word & ((1 << digits) - 1)) + root_half, x) - 1.0


def _artanh_rest(z: Lanes) -> Lanes:
    """Return log(1 + f)/s - 2 as a function of s^2."""
    return z * polynomial(z, R_SINGLE if z.single else R)


def _sum(k: Lanes, f: Lanes, lost: Lanes | None) -> Lanes:
    """Return k ln 2 + log(1 + f) + lost, the small parts first."""
    high, low = LN2_SINGLE if f.single else LN2
    s, half_square = f / (f + 2.0), 0.5 * (f * f)
    small = k * low if lost is None else fused_multiply_add(k, low, lost)
    return fused_multiply_add(k, high, f - (half_square - fused_multiply_add(s, half_square + _artanh_rest(s * s), small)))


def _ends(x: Lanes, inside: Lanes, *, zero: float) -> Lanes:
    """Return the logarithm also where its argument is zero, negative, infinite or not a number."""
    outside = where(x.compare("==", zero), x.lift(-INFINITY), NOT_A_NUMBER)
    return where(x > zero, where(x < INFINITY, inside, x), outside)
