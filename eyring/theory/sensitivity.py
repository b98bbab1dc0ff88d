"""How an escape formula answers to each of its parameters: elasticities, and the slopes that experiments plot."""

import random
from collections.abc import Callable

import mpmath
import sympy as sp

from eyring.errors import EyringError
from eyring.theory.derivation import Rule
from eyring.theory.derivation.proof import draw
from eyring.theory.formula import Formula, logarithm
from eyring.theory.symbols import GLOSSARY, exact_number

__all__ = ["LOGARITHM", "SLOPE", "sensitivity"]

STEP = mpmath.mpf(10) ** -12
DIGITS = 50


def sensitivity(formula: Formula, symbol: sp.Symbol | str, *, against: sp.Expr | None = None) -> Formula:
    """Return d ln(formula)/d ln|symbol|: by how many per cent the formula grows when the parameter grows in size by one per cent.

    Other symbols are held fixed. With ``against``, a function of the symbol, the slope d ln(formula)/d(against) of the curve that an experiment
    draws: 1/k, the batch size itself, 1/eta.

    Args:
        formula: A positive quantity, such as an escape time; ln of a rate is minus that of the time.
        symbol: The parameter, or its printed name.
        against: What to draw ln(formula) over; left out, ln|symbol|.

    Returns:
        The slope, derived by taking the logarithm and differentiating; a pure number, or per unit of ``against``.

    Raises:
        EyringError: If the formula is no number, does not hold the symbol, or the symbol's sign is not known.

    >>> from eyring.theory.derivation import Derivation
    >>> H, T = sp.symbols("H T", positive=True)
    >>> time = Formula(Derivation("a time").define("given", sp.exp(3 / T) / sp.sqrt(H)), "time", sp.Integer(1))
    >>> sensitivity(time, H).expression, sensitivity(time, T).expression, sensitivity(time, T, against=1 / T).expression
    (-1/2, -3/T, 3)
    """
    chosen = _found(formula, symbol)
    over = _size(chosen) if against is None else exact_number(against)
    if not over.has(chosen):
        raise EyringError(f"{over} does not depend on {chosen}, so there is no slope against it")
    steps = formula.derivation.apply(LOGARITHM, "take the logarithm").apply(
        SLOPE, f"differentiate by {over}, with the other parameters fixed", symbol=chosen, against=over
    )
    return Formula(steps, "1" if against is None else f"per unit of {over}", formula.clock, formula.conditions, name=f"sensitivity to {chosen}")


def _found(formula: Formula, symbol: sp.Symbol | str) -> sp.Symbol:
    if not isinstance(formula, Formula):
        raise EyringError(f"sensitivity takes a formula, as escape_time returns it; got {formula!r}")
    if isinstance(formula.expression, sp.MatrixBase):
        raise EyringError("sensitivities are those of one number; this formula is a matrix")
    chosen = next((s for s in formula.parameters if symbol in (s, s.name)), None)
    if chosen is None:
        raise EyringError(f"the formula does not depend on {symbol}; it takes {', '.join(map(str, formula.parameters)) or 'no parameter'}")
    return chosen


def _size(symbol: sp.Symbol) -> sp.Expr:
    if symbol.is_positive or symbol.is_negative:
        return sp.log(symbol if symbol.is_positive else -symbol)
    meaning = GLOSSARY[symbol.name].meaning if symbol.name in GLOSSARY else "a parameter"
    raise EyringError(
        f"{symbol} ({meaning}) may have either sign, so per cents of it mean nothing: name what to differentiate by, as in against={symbol}"
    )


def _slope(expression: sp.Expr, *, symbol: sp.Symbol, against: sp.Expr) -> sp.Expr:
    return _tidy(sp.diff(expression, symbol) / sp.diff(against, symbol))


def _tidy(slope: sp.Expr) -> sp.Expr:
    """Cancel what the chain rule leaves, and write the rest by its factors."""
    return sp.Add(*(sp.factor(part) for part in sp.Add.make_args(sp.expand(slope)))) if not slope.is_rational_function() else _by_powers(slope)


def _by_powers(slope: sp.Expr) -> sp.Expr:
    """Write a ratio of polynomials as its constant plus one fraction in factors."""
    whole = sp.cancel(slope)
    constant = sp.Add(*(t for t in sp.Add.make_args(sp.expand(whole)) if t.is_number))
    return constant + sp.factor(whole - constant)


def _slope_in_numbers(before: sp.Expr, after: sp.Expr, *, symbol: sp.Symbol, against: sp.Expr) -> bool:
    """Difference the line before, symmetrically, at random parameters in 50 digits."""

    def agrees(point: dict[sp.Symbol, mpmath.mpf]) -> bool:
        ends = [{**point, symbol: point[symbol] * (1 + sign * STEP)} for sign in (1, -1)]
        rise, run = (_value(e, ends[0]) - _value(e, ends[1]) for e in (before, against))
        return bool(abs(_value(after, point) - rise / run) <= mpmath.mpf(10) ** -15 * abs(rise / run))

    return _at_random(agrees, before, after, against)


def _logarithm_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    return _at_random(lambda point: bool(abs(mpmath.exp(_value(after, point)) / _value(before, point) - 1) < mpmath.mpf(10) ** -25), before, after)


def _at_random(agrees: Callable[[dict[sp.Symbol, mpmath.mpf]], bool], *expressions: sp.Expr) -> bool:
    """Ask at three random physical points."""
    generator = random.Random(5)
    free = sorted(set().union(*(e.free_symbols for e in expressions)), key=str)
    with mpmath.workdps(DIGITS):
        points = [{s: mpmath.mpf(q.p) / q.q for s, q in ((s, draw(s, generator)) for s in free)} for _ in range(3)]
        return all(agrees(point) for point in points)


def _value(expression: sp.Expr, point: dict[sp.Symbol, mpmath.mpf]) -> mpmath.mpf:
    return mpmath.mpmathify(sp.lambdify(list(point), expression, "mpmath")(*point.values()))


LOGARITHM = Rule("logarithm", logarithm, _logarithm_in_numbers)
SLOPE = Rule("slope", _slope, _slope_in_numbers)
