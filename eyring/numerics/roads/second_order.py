"""The generator of a chain of steps, as the logarithm of its one-step average, taken in numbers: no expansion by hand.

With P f(z) = <f(one step from z)> a chain that is a diffusion seen every h has P = exp(h G), so that G = ln P/h = (2 P - P^2/2 - 3/2)/h + O(h^2).
On the coordinates it gives the drift, on products of their changes twice the diffusion; the terms of order 1 and h are read off at tiny steps, in
80 digits.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath

from eyring.numerics.roads.contract import Road, Trial

__all__ = ["MomentumLogarithm", "SGDLogarithm", "WhiteChainLogarithm"]

State = tuple[Any, ...]
Chain = Callable[[Any], Callable[[State], list[tuple[Any, State]]]]  # h -> state -> (weight, next state)
DIGITS, TINY = 80, 25
F = Fraction
SKEWED = ((F(1, 6), F(2)), (F(1, 3), F(-1)), (F(1, 2), F(0)))  # weight and value: mean 0, variance 1, third moment 1
NORMAL = ((F(1, 6), 1), (F(2, 3), 0), (F(1, 6), -1))  # times sqrt(3): the moments of a normal number through the fifth


class _Logarithm(Road):
    """Drift and diffusion of a chain at one state, to first order in the clock."""

    method = "logarithm of the one-step average, in numbers"

    @abstractmethod
    def cases(self) -> Sequence[tuple[dict[str, Any], State, Any, Chain]]:
        """Return the formula's values, the state, the clock, and the chain at any other clock."""

    def trials(self) -> Sequence[Trial]:
        """Take the logarithm for every case."""
        with mpmath.workdps(DIGITS):
            return [Trial(values, first_order(chain, state, clock), 1e-15) for values, state, clock, chain in self.cases()]


class SGDLogarithm(_Logarithm):
    """Batch noise of three values, skewed, in two coordinates; the loss has cubic terms, too."""

    result = "sgd-sde-second-order"

    def cases(self) -> Sequence[tuple[dict[str, Any], State, Any, Chain]]:
        """Two losses, slopes and noises."""
        first = _plane_case(F(3, 10), (F(7, 10), F(-6, 5)), (F(9, 5), F(-2, 5), F(13, 10)), ((F(3, 2), F(0)), (F(2, 5), F(11, 10))))
        second = _plane_case(F(3, 4), (F(-8, 5), F(1, 2)), (F(7, 10), F(3, 5), F(27, 10)), ((F(4, 5), F(0)), (F(-7, 10), F(13, 10))))
        return [first, second]


class WhiteChainLogarithm(_Logarithm):
    """White noise of the moments of a normal number, on a line."""

    result = "chain-modified-equation"

    def cases(self) -> Sequence[tuple[dict[str, Any], State, Any, Chain]]:
        """Two sets of derivatives and temperatures."""
        return [
            _line_case(F(3, 10), F(2, 5), (F(7, 10), F(9, 5), F(-13, 10))),
            _line_case(F(6, 5), F(17, 10), (F(-11, 10), F(3, 5), F(5, 2))),
        ]


class MomentumLogarithm(_Logarithm):
    """Heavy ball in position and velocity at fixed friction, the clock being sqrt(eta), under skewed batch noise."""

    result = "momentum-second-order"

    def cases(self) -> Sequence[tuple[dict[str, Any], State, Any, Chain]]:
        """Two losses, velocities and noises."""
        return [
            _momentum_case(F(3, 10), F(9, 10), F(-6, 5), (F(7, 10), F(9, 5), F(-13, 10)), F(3, 2)),
            _momentum_case(F(1, 5), F(12, 5), F(4, 5), (F(-11, 10), F(3, 5), F(5, 2)), F(7, 10)),
        ]


def first_order(chain: Chain, state: State, clock: Any) -> list[list[Any]]:
    """Return [drift | diffusion] at the state with its terms of order 1 and clock, from two tiny clocks."""
    tiny = mpmath.mpf(10) ** -TINY
    near, far = (generator(chain(h), state, h) for h in (tiny, 2 * tiny))
    h = number(clock)
    return [[2 * a - b + h * (b - a) / tiny for a, b in zip(*rows, strict=True)] for rows in zip(near, far, strict=True)]


def generator(step: Callable[[State], list[tuple[Any, State]]], state: State, h: Any) -> list[list[Any]]:
    """Return (2 P - P^2/2 - 3/2)/h on the coordinates, and half of it on products of their changes from the state."""
    once = step(state)
    twice = [(w * u, z) for w, y in once for u, z in step(y)]

    def logarithm(f: Callable[[State], Any]) -> Any:
        averages = [mpmath.fsum(w * f(z) for w, z in points) for points in (once, twice)]
        return (2 * averages[0] - averages[1] / 2 - f(state) * 3 / 2) / h

    def drift(i: int) -> Any:
        return logarithm(lambda z: z[i])

    def diffusion(i: int, j: int) -> Any:
        return logarithm(lambda z: (z[i] - state[i]) * (z[j] - state[j])) / 2

    places = range(len(state))
    return [[drift(i), *(diffusion(i, j) for j in places)] for i in places]


def number(value: Any) -> Any:
    """Return a fraction in the working precision."""
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpmath.mpf(value)


def _plane_case(
    eta: Fraction, slope: tuple[Fraction, Fraction], hessian: tuple[Fraction, Fraction, Fraction], root: tuple[tuple[Fraction, Fraction], ...]
) -> tuple[dict[str, Any], State, Any, Chain]:
    (a, _), (b, c) = root  # the noise is root times two independent skewed numbers
    h11, h12, h22 = hessian
    values = {
        "eta": eta, "g_1": slope[0], "g_2": slope[1], "H_11": h11, "H_12": h12, "H_22": h22, "C_11": a * a, "C_12": a * b, "C_22": b * b + c * c,
    }  # fmt: skip

    def chain(h: Any) -> Callable[[State], list[tuple[Any, State]]]:
        g, H = [number(s) for s in slope], [number(e) for e in hessian]
        roots = [number(e) for e in (a, b, c)]
        noise = [(number(u * w), number(p), number(q)) for u, p in SKEWED for w, q in SKEWED]

        def step(z: State) -> list[tuple[Any, State]]:
            x, y = z
            down = (g[0] + H[0] * x + H[1] * y + x * y + y * y / 3, g[1] + H[1] * x + H[2] * y + x * x / 2 + 2 * x * y / 3)
            grown = 1 + x / 3 - y / 5  # the strength of the noise depends on the place
            return [(w, (x - h * (down[0] + grown * roots[0] * p), y - h * (down[1] + grown * (roots[1] * p + roots[2] * q)))) for w, p, q in noise]

        return step

    return values, (mpmath.mpf(0), mpmath.mpf(0)), eta, chain


def _line_case(eta: Fraction, temperature: Fraction, jet: tuple[Fraction, Fraction, Fraction]) -> tuple[dict[str, Any], State, Any, Chain]:
    values = {"eta": eta, "T": temperature, "g": jet[0], "H": jet[1], "L3": jet[2]}

    def chain(h: Any) -> Callable[[State], list[tuple[Any, State]]]:
        g, H, third = (number(d) for d in jet)
        kick = mpmath.sqrt(6 * h * number(temperature))
        noise = [(number(w), s * kick) for w, s in NORMAL]

        def step(z: State) -> list[tuple[Any, State]]:
            (x,) = z
            return [(w, (x - h * (g + H * x + third * x * x / 2 + x**3 / 7) + n,)) for w, n in noise]

        return step

    return values, (mpmath.mpf(0),), eta, chain


def _momentum_case(
    clock: Fraction, friction: Fraction, velocity: Fraction, jet: tuple[Fraction, Fraction, Fraction], deviation: Fraction
) -> tuple[dict[str, Any], State, Any, Chain]:
    values = {"eta": clock**2, "mu": 1 - friction * clock, "v": velocity, "g": jet[0], "H": jet[1], "C": deviation**2}

    def chain(h: Any) -> Callable[[State], list[tuple[Any, State]]]:
        g, H, third = (number(d) for d in jet)
        noise = [(number(w), number(n * deviation)) for w, n in SKEWED]
        eta, mu = h * h, 1 - number(friction) * h

        def step(z: State) -> list[tuple[Any, State]]:
            x, v = z
            buffer = -v * h / eta  # the step is -eta m, and over the clock it is the velocity
            after = [(w, mu * buffer + g + H * x + third * x * x / 2 + (1 + x / 3) * n) for w, n in noise]
            return [(w, (x - eta * m, -eta * m / h)) for w, m in after]

        return step

    return values, (mpmath.mpf(0), number(velocity)), clock, chain
