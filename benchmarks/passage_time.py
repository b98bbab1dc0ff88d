"""The exact mean time over a barrier, in one dimension: against nested quadrature as one writes it with scipy, and with mpmath."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import mpmath
import numpy as np
import sympy as sp
from scipy.integrate import IntegrationWarning, quad

import eyring as ey
from benchmarks.harness import Race
from eyring.numerics.answer import Number

START, TARGET, FAR = -1.0, 1.0, -3.5  # nobody is found left of FAR
STRENGTHS = (0.04, 0.1)
BATCH = 1000
x, D = sp.Symbol("x", real=True), sp.Symbol("D", positive=True)


@dataclass(frozen=True)
class Well:
    """A process and, as plain functions of a float and of D, its Phi and its D(x)/D, by hand."""

    name: str
    sde: ey.SDE
    phi: Callable[[float], float]
    shape: Callable[[float], float]

    def nested(self, d: float, **accuracy: float) -> float:
        """Return int s' int m by ``quad`` within ``quad``."""
        exp, phi, shape = math.exp, self.phi, self.shape

        def inner(y: float) -> float:
            return float(quad(lambda z: exp(-phi(z) / d) / shape(z), FAR, y, **accuracy)[0])

        return float(quad(lambda y: exp(phi(y) / d) * inner(y), START, TARGET, **accuracy)[0]) / d


WELLS = (
    Well("double well", ey.SDE(x - x**3, D, [x]), lambda z: (z * z / 4 - 0.5) * z * z, lambda z: 1.0),
    Well(  # Phi' = (x^3 - x)/(1 + x^2/2) = 2 x - 6 x/(2 + x^2)
        "the same, D(x)", ey.SDE(x - x**3, D * (1 + x**2 / 2), [x]), lambda z: z * z - 3 * math.log(2 + z * z), lambda z: 1 + z * z / 2
    ),
)  # fmt: skip


def races() -> list[Race]:
    """Return the races of both wells, and of forty certified digits."""
    warnings.simplefilter("ignore", IntegrationWarning)
    return [race for well in WELLS for race in _of(well)] + [_forty_digits()]


def _of(well: Well) -> list[Race]:
    compiled = ey.compile_escape_time(well.sde, start=START, target=TARGET)
    many = np.random.default_rng(1).uniform(*STRENGTHS, BATCH)
    batch = compiled(D=many).value
    for i in range(0, BATCH, 200):
        d = float(many[i])
        _agree(well.nested(d, epsrel=1e-13, epsabs=0), batch[i], 1e-12)
        _agree(compiled(D=d).value, batch[i], 1e-13)
        _agree(ey.exact_escape_time(well.sde, start=START, target=TARGET, values={"D": d}).value, batch[i], 1e-13)
    fresh, others = cycle(many.tolist()), cycle(many.tolist())
    fine, default = "scipy nested quad, epsrel=1e-13", "scipy nested quad, default tolerance"

    def strict() -> float:
        return well.nested(next(others), epsrel=1e-13, epsabs=0)

    return [
        Race(f"{well.name}: mean time, compiled", lambda: compiled(D=next(fresh)), strict, fine, 150, note="both to 1e-13"),
        Race(f"{well.name}: {BATCH} values of D at once", lambda: compiled(D=many), strict, fine, 300, per=BATCH, note="per value"),
        Race(
            f"{well.name}: exact_escape_time, one line",
            lambda: ey.exact_escape_time(well.sde, start=START, target=TARGET, values={"D": next(fresh)}),
            lambda: well.nested(next(others)),
            default, 40, note="a new value each call",
        ),
    ]  # fmt: skip


def _forty_digits() -> Race:
    sde, d = WELLS[0].sde, sp.Rational(1, 20)

    def ours() -> Number:
        return ey.exact_escape_time(sde, start=-1, target=1, values={"D": d}, digits=40)

    def theirs() -> mpmath.mpf:
        with mpmath.workdps(40):
            return 20 * mpmath.quad(lambda y: mpmath.exp(20 * (y**4 / 4 - y**2 / 2)) * _inner(y), [-1, 1], method="gauss-legendre")

    with mpmath.workdps(45):
        if not abs(ours().value / theirs() - 1) < mpmath.mpf(10) ** -38:
            raise ArithmeticError("forty digits by balls and by mpmath do not agree")
    return Race("double well: 40 digits, certified", ours, theirs, "mpmath nested quad at 40 digits, nothing certified", 50)


def _inner(y: mpmath.mpf) -> mpmath.mpf:
    return mpmath.quad(lambda z: mpmath.exp(-20 * (z**4 / 4 - z**2 / 2)), [-4, y], method="gauss-legendre")


def _agree(one: float, other: float, within: float) -> None:
    if not abs(one / other - 1) < within:
        raise ArithmeticError(f"before a race: {one!r} and {other!r} do not agree to {within}")
