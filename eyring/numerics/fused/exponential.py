"""Exponential functions of lanes, without branches: exp, expm1, tanh, sinh and cosh.

x = k ln 2 + r with whole k and |r| <= ln(2)/2, ln 2 taken in two parts; e^r - 1 = r + r^2 q(r), q of least largest error; 2^k goes into the bits of
the exponent.
"""

from eyring.numerics.fused.lanes import Lanes, from_bits, fused_multiply_add, where
from eyring.numerics.fused.polynomial import polynomial

__all__ = ["cosh", "exp", "expm1", "sinh", "tanh"]

LOG2_E = 1.4426950408889634
LN2 = (0.6931471805599453, 2.3190468138462996e-17)
LN2_SINGLE = (0.693145751953125, 1.42860682030941723212e-6)
WHOLE, WHOLE_SINGLE = 6755399441055744.0, 12582912.0  # 1.5 2^52, 1.5 2^23: adding it rounds to a whole number, which stands in the last bits
Q = (0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326112, 0.001388888888888373, 0.0001984126987490126, 2.4801587325605324e-05,
     2.7557255297969643e-06, 2.755727357010214e-07, 2.5105259538448494e-08, 2.0914717341716378e-09)  # fmt: skip
Q_SINGLE = (0.5000000013498178, 0.16666666681659179, 0.04166646460202654, 0.008333310889582076, 0.0013933685862617174, 0.00019891030654370327)


def exp(x: Lanes) -> Lanes:
    """Return e^x: 0 far below, infinite far above, subnormal numbers in between."""
    word, r = _reduced(_clamped(x))
    digits, twice_bias = (23, 254) if x.single else (52, 2046)
    both = word.bits + twice_bias  # 2^k in two factors, of exponents half = both/2 and both - half: either is a normal number
    half = both >> 1
    return (1.0 + _tail(r)) * from_bits(half << digits, x) * from_bits((both - half) << digits, x)


def expm1(x: Lanes) -> Lanes:
    """Return e^x - 1, with all digits near x = 0."""
    clamped = _clamped(x)
    word, r = _reduced(where(clamped < -60.0, -60.0, clamped))
    digits, bias = (23, 127) if x.single else (52, 1023)
    scale = from_bits((word.bits + (bias - 1)) << digits, x)  # half of 2^k, which may be infinite
    return 2.0 * fused_multiply_add(scale, _tail(r), scale - 0.5)


def tanh(x: Lanes) -> Lanes:
    """Return the hyperbolic tangent, 1 beyond |x| = 30."""
    size = abs(x)
    t = expm1(-2.0 * where(size > 30.0, 30.0, size))
    result = -t / (t + 2.0)
    return where(x < 0.0, -result, result)


def sinh(x: Lanes) -> Lanes:
    """Return the hyperbolic sine; infinite where exp(|x|) is."""
    t = expm1(abs(x))
    result = 0.5 * where(t > 1e17, t, t + t / (t + 1.0))
    return where(x < 0.0, -result, result)


def cosh(x: Lanes) -> Lanes:
    """Return the hyperbolic cosine; infinite where exp(|x|) is."""
    e = exp(abs(x))
    return 0.5 * e + 0.5 / e


def _clamped(x: Lanes) -> Lanes:
    """Return x between limits beyond which nothing changes; what is not a number stays so."""
    low, high = (-104.0, 89.0) if x.single else (-746.0, 710.0)
    below = where(x > high, high, x)
    return where(below < low, low, below)


def _reduced(x: Lanes) -> tuple[Lanes, Lanes]:
    """Return r, and the number whose last bits are k."""
    (high, low), shift = (LN2_SINGLE, WHOLE_SINGLE) if x.single else (LN2, WHOLE)
    word = fused_multiply_add(x, LOG2_E, shift)
    k = word - shift
    return word, fused_multiply_add(k, -low, fused_multiply_add(k, -high, x))


def _tail(r: Lanes) -> Lanes:
    """Return e^r - 1 for |r| <= ln(2)/2."""
    return fused_multiply_add(r * r, polynomial(r, Q_SINGLE if r.single else Q), r)

