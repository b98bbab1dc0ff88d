"""Minima selection judged by matrix exponentials, spectra of the generator, and exact passage times on lopsided wells."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import mpmath
import sympy as sp

from eyring.numerics.exact import exact_escape_time, relaxation_rates
from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.theory.landscape import Landscape
from eyring.theory.sde import SDE

__all__ = [
    "BasinExponential",
    "DetailedBalance",
    "EqualTimes",
    "SlowestMode",
    "SpectrumOfTwoWells",
    "ThreeBasinExponential",
    "ThreeBasinSpectrum",
]

X, T = sp.Symbol("x", real=True), sp.Symbol("T", positive=True)
HOPS = ("r_12", "r_13", "r_21", "r_23", "r_31", "r_32")
CASES = (
    ("3/10", "11/10", "7/10", "1/5", "19/10", "9/20"),
    ("21/10", "2/25", "7/20", "13/10", "3/5", "16/5"),
    ("1/20", "2/5", "13/5", "9/10", "3/20", "3/4"),
)
THREE = tuple(dict(zip(HOPS, map(Fraction, case), strict=True)) for case in CASES)


class BasinExponential(Road):
    """Exponentiate the generator times t as a matrix, by Taylor's series in 40 digits."""

    result = "two-basin-occupation"
    method = "matrix exponential of the generator"

    def trials(self) -> Sequence[Trial]:
        """Early, middling and late times, either basin the longer-lived."""
        cases = [tuple(map(Fraction, case)) for case in (("3", "7", "1/5", "3/5"), ("11", "5/2", "7/8", "11/5"), ("7/10", "5", "1/3", "17/10"))]
        return [Trial({"tau_1": a, "tau_2": b, "P_0": p, "t": t}, _exponential(_pair(a, b), [p, 1 - p], t)[0], 1e-25) for a, b, p, t in cases]


class SlowestMode(Road):
    """Find the eigenvalues of the generator by QR in 40 digits."""

    result = "two-basin-forgetting-time"
    method = "eigenvalues of the generator"

    def trials(self) -> Sequence[Trial]:
        """Either basin the longer-lived."""
        cases = [tuple(map(Fraction, case)) for case in (("3", "7"), ("11", "5/2"), ("7/10", "5"))]
        return [Trial({"tau_1": a, "tau_2": b}, _longest(_pair(a, b)), 1e-25) for a, b in cases]


class SpectrumOfTwoWells(Road):
    """Compare with the process itself: exact passage times from well to well, and the first eigenvalue of the Fokker-Planck operator."""

    result = "two-basin-forgetting-time"
    method = "Fokker-Planck spectrum of a lopsided well, against its exact passage times"

    def trials(self) -> Sequence[Trial]:
        """Noise so weak that the relaxation inside a well is a thousandth of the escape time or less."""
        loss = Landscape(X**4 / 4 - X**3 / 20 - X**2 / 2, [X])
        sde, (left, right) = SDE(-loss.gradient, T, [X], landscape=loss), loss.minima()
        rows = []
        for t in (0.024, 0.018):
            there, back = (float(exact_escape_time(sde, start=a, target=b, values={"T": t})) for a, b in ((left, right), (right, left)))
            (gap,) = relaxation_rates(sde, values={"T": t})
            rows.append(Trial({"tau_1": there, "tau_2": back}, 1 / float(gap), 2e-3))
        return rows


class ThreeBasinExponential(Road):
    """Exponentiate the generator times a time so long that nothing changes any more."""

    result = "three-basin-stationary"
    method = "matrix exponential of the generator at a late time"

    def trials(self) -> Sequence[Trial]:
        """Rates without detailed balance, so that every tree counts by itself."""
        return [Trial(rates, _exponential(_generator(rates), [Fraction(1), Fraction(0), Fraction(0)], Fraction(200)), 1e-25) for rates in THREE]


class ThreeBasinSpectrum(Road):
    """Find the eigenvalues of the generator by QR in 40 digits."""

    result = "three-basin-forgetting-time"
    method = "eigenvalues of the generator"

    def trials(self) -> Sequence[Trial]:
        """Rates whose eigenvalues are real."""
        return [Trial(rates, _longest(_generator(rates)), 1e-25) for rates in THREE]


class DetailedBalance(Limit):
    """Divide exact passage times from well to well, to and fro."""

    result = "white-noise-selection"
    method = "exact passage times to and fro on two lopsided wells, T -> 0"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """One landscape with the flatter well the higher, one with it the deeper."""
        cases = (("high", 0.6, 0.12, (0.02, 0.016, 0.0125, 0.01)), ("deep", 0.9, -0.1, (0.02, 0.016, 0.0125, 0.01)))
        return [
            Trial({**_ends(loss), "T": t}, mpmath.exp(_log_ratio(loss, t)), smallness=t, group=name)
            for name, loss, noises in ((name, _lopsided(sharper, tilt), noises) for name, sharper, tilt, noises in cases)
            for t in noises
        ]


class EqualTimes(Limit):
    """Tilt the wells less and less, and find for each tilt the noise strength at which both exact passage times are equal."""

    result = "flat-versus-deep-crossover"
    method = "root of the exact passage times' ratio, ever weaker noise"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """Two shapes, four tilts each."""
        rows = []
        for name, sharper in (("mild", 0.7), ("strong", 1.6)):
            for tilt in (0.002, 0.003, 0.0045, 0.006):
                loss = _lopsided(sharper, tilt)
                ends = _ends(loss)
                guess = 2 * (ends["L_1"] - ends["L_2"]) / mpmath.log(ends["det_H_2"] / ends["det_H_1"])
                root = _secant(partial(_log_ratio, loss), 0.95 * guess, 1.02 * guess)
                values = {"T": root, "det_H_1": ends["det_H_1"], "det_H_2": ends["det_H_2"]}
                rows.append(Trial(values, ends["L_1"] - ends["L_2"], smallness=float(root), group=name))
        return rows


def _lopsided(sharper: float, tilt: float) -> Landscape:
    """Return two wells near 0 and 1, the right one sharper by the factor 1 + sharper, and lower by about the tilt."""
    a, b = (sp.Rational(repr(v)) for v in (sharper, tilt))
    return Landscape(4 * X**2 * (X - 1) ** 2 * (1 + a * X**2) - b * X, [X], domain=[(-2, 3)])


def _ends(loss: Landscape) -> dict[str, mpmath.mpf]:
    (one, two) = loss.minima()
    with mpmath.workdps(30):
        return {
            key: mpmath.mpf(sp.N(e, 30)._mpf_)
            for key, e in (("L_1", one.value), ("L_2", two.value), ("det_H_1", one.hessian[0, 0]), ("det_H_2", two.hessian[0, 0]))
        }


def _log_ratio(loss: Landscape, noise: float | mpmath.mpf) -> mpmath.mpf:
    """Return ln of the passage time from the left minimum to the right one over that of the way back."""
    sde, (left, right) = SDE(-loss.gradient, T, [X], landscape=loss), loss.minima()
    there, back = (exact_escape_time(sde, start=a, target=b, values={"T": float(noise)}) for a, b in ((left, right), (right, left)))
    return mpmath.mpf(there.log - back.log)


def _secant(function: Callable[[mpmath.mpf], mpmath.mpf], one: mpmath.mpf, two: mpmath.mpf) -> mpmath.mpf:
    at_one, at_two = function(one), function(two)
    for _ in range(8):
        if at_two == at_one or abs(two - one) < 1e-13 * abs(two):
            break
        one, two, at_one = two, two - at_two * (two - one) / (at_two - at_one), at_two
        at_two = function(two)
    return two


def _pair(one: Fraction, two: Fraction) -> list[list[Fraction]]:
    return [[-1 / one, 1 / one], [1 / two, -1 / two]]


def _generator(rates: dict[str, Fraction]) -> list[list[Fraction]]:
    rows = [[rates.get(f"r_{i}{j}", Fraction(0)) for j in (1, 2, 3)] for i in (1, 2, 3)]
    return [[-sum(row, Fraction(0)) if i == j else value for j, value in enumerate(row)] for i, row in enumerate(rows)]


def _exponential(generator: list[list[Fraction]], start: Sequence[Fraction], time: Fraction) -> list[mpmath.mpf]:
    with mpmath.workdps(45):
        return list(_matrix([start]) * mpmath.expm(_matrix([[entry * time for entry in row] for row in generator])))


def _longest(generator: list[list[Fraction]]) -> mpmath.mpf:
    """Return the inverse of the smallest non-zero eigenvalue of minus the generator."""
    with mpmath.workdps(45):
        return 1 / sorted((-mpmath.re(e) for e in mpmath.eig(_matrix(generator), left=False, right=False)), key=abs)[1]


def _matrix(rows: Sequence[Sequence[Fraction]]) -> mpmath.matrix:
    return mpmath.matrix([[mpmath.mpf(entry.numerator) / entry.denominator for entry in row] for row in rows])
