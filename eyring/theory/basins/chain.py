"""Minima selection: walkers that hop between basins are a Markov chain, whose occupation follows from the escape times alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import sympy as sp

from eyring.errors import EyringError, NotApplicable
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.joined import demand_next_well
from eyring.theory.formula import Formula, logarithm
from eyring.theory.regime import Condition
from eyring.theory.symbols import GLOSSARY, exact_number, start_occupation
from eyring.theory.symbols import time as TIME

__all__ = ["BasinChain", "forgetting_derivation", "minima_selection", "occupation_derivation", "stationary_derivation"]

Hop = tuple[str, str]
UNITS = {"time": "1/time", "iterations": "1/iteration"}
SETTLED = "walkers settle in a basin before they leave it"
MOST_BASINS = 7  # a chain of n basins has n^(n - 2) spanning trees towards each


@dataclass(frozen=True)
class BasinChain:
    """Basins, and the rates at which walkers hop from one to another: dP/dt = P Q, Q_ij the rate from i to j, rows summing to zero.

    It holds for times long against the relaxation inside a basin, where a walker has forgotten how it came in: each escape time must be long against
    1/H_a, and a walker that came over the saddle must have settled (escape times of the event "next well").

    Args:
        rates: The rate of each direct hop, by (from, to), each per unit of ``unit``; hops left out have rate zero.
        unit: "time" or "iterations": what the rates are counted in. A rate is never bare.
        conditions: When the rates hold.
        clock: Continuous time of one iteration.

    Raises:
        EyringError: If the unit is missing, a rate is not positive, a hop leads nowhere, or one basin cannot be reached from another.

    >>> r, s = sp.symbols("r s", positive=True)
    >>> chain = BasinChain({("flat", "sharp"): r, ("sharp", "flat"): s}, unit="time")
    >>> chain.generator
    Matrix([
    [-r,  r],
    [ s, -s]])
    >>> chain.stationary().expression
    Matrix([
    [s/(r + s)],
    [r/(r + s)]])
    """

    rates: Mapping[Hop, sp.Expr]
    unit: str
    conditions: tuple[Condition, ...] = ()
    clock: sp.Expr = field(default=sp.Integer(1))

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise EyringError(f"rates are counted per unit of time or per iteration: unit must be 'time' or 'iterations', got {self.unit!r}")
        if not self.rates:
            raise EyringError("a chain needs rates, such as {('a', 'b'): 1/tau_ab, ('b', 'a'): 1/tau_ba}; got none")
        rates = {_hop(pair): _rate(pair, rate) for pair, rate in self.rates.items()}
        object.__setattr__(self, "rates", rates)
        if len(self.basins) > MOST_BASINS:
            raise EyringError(f"at most {MOST_BASINS} basins are taken, got {len(self.basins)}; leave out those that are hardly visited")
        for one, other in ((a, b) for a in self.basins for b in self.basins if a != b):
            if other not in _reached(one, rates):
                raise EyringError(
                    f"no way leads from basin {one!r} to basin {other!r}: walkers that are in {one!r} never come to {other!r}, and what is occupied "
                    "in the end depends on the start. Give the missing escape time, or treat the parts one by one. "
                    f"Hops given: {', '.join(f'{a} -> {b}' for a, b in rates)}"
                )

    @property
    def basins(self) -> tuple[str, ...]:
        """The names of the basins, in the order in which they were given."""
        return tuple(dict.fromkeys(name for pair in self.rates for name in pair))

    @property
    def generator(self) -> sp.ImmutableMatrix:
        """Q: the rate from basin i to basin j at row i and column j, minus the rate of leaving on the diagonal; per unit of ``unit``."""
        n = len(self.basins)
        return _generator({(i, j): self._rate(i, j) for i in range(n) for j in range(n) if i != j}, n)

    def stationary(self) -> Formula:
        """Return the occupation after a very long time, (n, 1), a probability for each basin in the order of ``basins``.

        By the matrix-tree theorem P_i is in proportion to the sum over spanning trees directed towards i of the product of their rates; for two
        basins P_1/P_2 = tau_12/tau_21. Unit: a pure number.
        """
        return self._formula(stationary_derivation(len(self.basins)), "1", "stationary-occupation")

    def occupation(self, basin: str, *, start: str | sp.Expr | float, at: sp.Expr | float = TIME) -> Formula:
        """Return the probability of being in a basin at a time, P(t) = P(oo) + (P(0) - P(oo)) exp(-(r_12 + r_21) t), for two basins.

        Args:
            basin: Which one.
            start: The basin from which all walkers start, or the probability of starting in ``basin``.
            at: The time t, in the chain's unit; left out, the symbol t.

        Raises:
            EyringError: If the basin is unknown, or the start is no probability.
            NotApplicable: For three basins or more, whose time dependence has no short closed form.
        """
        first, second = self._two(f"the occupation at a finite time; for {len(self.basins)} basins ask basin_occupation for numbers")
        self._known(basin)
        other = second if basin == first else first
        begins = exact_number(int(start == basin)) if isinstance(start, str) and self._known(start) else exact_number(start)
        if begins.is_number and not 0 <= begins <= 1:
            raise EyringError(f"start must be a basin ({', '.join(self.basins)}) or a probability from 0 to 1, got {start!r}")
        rates = {_symbol(0, 1): self.rates[basin, other], _symbol(1, 0): self.rates[other, basin]}
        values = rates | {start_occupation: begins, TIME: exact_number(at)}
        steps = occupation_derivation().apply(_INSERT, "insert the rates, the start and the time", values=values)
        return Formula(steps, "1", self.clock, self.conditions, name="occupation")

    def forgetting_time(self) -> Formula:
        """Return the time in which the start is forgotten, 1/(smallest non-zero eigenvalue of -Q), in the chain's unit; two or three basins.

        For two basins it is tau_12 tau_21/(tau_12 + tau_21): the faster escape sets it.

        Raises:
            NotApplicable: For more than three basins.
        """
        n = len(self.basins)
        if n > 3:
            raise NotApplicable(f"the forgetting time has a short closed form for two or three basins, and there are {n}; take the eigenvalues of Q")
        formula = self._formula(forgetting_derivation(n), self.unit, "forgetting-time")
        if formula.expression.is_real is False:
            raise NotApplicable(
                "walkers go round in a circle of basins, and the occupation swings before it settles: no detailed balance, no one time"
            )
        return formula

    def crossover(self, symbol: sp.Symbol) -> Formula:
        """Return the value of a parameter at which both of two basins are occupied equally, tau_12 = tau_21.

        Args:
            symbol: A noise strength, batch size or learning rate: ln(tau_12/tau_21) must be a + b u with u the symbol or its inverse.

        Raises:
            NotApplicable: If the chain has more basins, or the parameter does not enter so, or does not decide.
        """
        first, second = self._two("the crossover of occupations")
        ratio = sp.expand(logarithm(self.rates[second, first]) - logarithm(self.rates[first, second]))
        return Formula(crossover_derivation(ratio, symbol), _unit_of(symbol), self.clock, self.conditions, name="crossover")

    def latex(self) -> str:
        """Return dP/dt = P Q as LaTeX, basins in the order of ``basins``."""
        names = r",\ ".join(rf"\text{{{name}}}" for name in self.basins)
        return rf"\dot P = P\,Q,\quad Q = {sp.latex(self.generator)}\quad ({names})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def __str__(self) -> str:
        return "\n".join(f"{a} -> {b}: {rate}    [{UNITS[self.unit]}]" for (a, b), rate in self.rates.items())

    def _rate(self, i: int, j: int) -> sp.Expr:
        return self.rates.get((self.basins[i], self.basins[j]), sp.Integer(0))

    def _formula(self, general: Derivation, unit: str, name: str) -> Formula:
        n = len(self.basins)
        values = {_symbol(i, j): self._rate(i, j) for i in range(n) for j in range(n) if i != j}
        return Formula(general.apply(_INSERT, "insert the rates", values=values), unit, self.clock, self.conditions, name=name)

    def _known(self, basin: str) -> bool:
        if basin not in self.basins:
            raise EyringError(f"no basin is called {basin!r}; there are {', '.join(self.basins)}")
        return True

    def _two(self, what: str) -> tuple[str, str]:
        if len(self.basins) != 2:
            raise NotApplicable(f"{what} has a closed form for two basins, and this chain has {len(self.basins)}: {', '.join(self.basins)}")
        return self.basins[0], self.basins[1]


def minima_selection(times: Mapping[Hop, Formula | sp.Expr | float], *, unit: str | None = None) -> BasinChain:
    """Return the Markov chain of walkers that hop from minimum to minimum, from the mean escape time of each hop.

    The rate of a hop is 1/tau. With several exits from one minimum each escape time is that over its own saddle, and their rates add up.

    Args:
        times: The mean time to escape, by (from, to): formulas of ``escape_time(..., event="next well")``, expressions or numbers.
        unit: "time" or "iterations"; needed if no formula says it.

    Raises:
        EyringError: If units are mixed or missing, clocks differ, a time is not positive, or one basin cannot be reached from another.

    >>> chain = minima_selection({("flat", "sharp"): 30.0, ("sharp", "flat"): 10.0}, unit="iterations")
    >>> chain.stationary().expression, chain.forgetting_time().expression
    (Matrix([
    [3/4],
    [1/4]]), 15/2)
    """
    if not isinstance(times, Mapping) or not times:
        raise EyringError(f"give the escape times by (from, to), such as {{('a', 'b'): tau_ab, ('b', 'a'): tau_ba}}; got {times!r}")
    formulas = {pair: time for pair, time in times.items() if isinstance(time, Formula)}
    demand_next_well(formulas.values(), asked_by="minima_selection")
    units = {f.unit for f in formulas.values()} | ({unit} if unit else set())
    if not units:
        raise EyringError("a time is never bare: say whether these escape times count 'time' or 'iterations', as in unit='time'")
    if len(units) > 1 or not units <= set(UNITS):
        raise EyringError(
            f"the escape times come in different units, or in none of time: {', '.join(sorted(units))}. Convert them all with .per_iteration or "
            ".per_time"
        )
    clocks = {f.clock for f in formulas.values()}
    if len(clocks) > 1:
        raise EyringError(
            f"one iteration is {' and '.join(map(str, clocks))} units of time: these are different optimizers, whose times do not make one chain"
        )
    conditions = dict.fromkeys(c for f in formulas.values() for c in f.conditions)
    rates = {pair: 1 / (time.expression if isinstance(time, Formula) else _time(pair, time)) for pair, time in times.items()}
    return BasinChain(rates, units.pop(), tuple(conditions), clocks.pop() if clocks else sp.Integer(1))


@cache
def stationary_derivation(n: int) -> Derivation:
    """Derive the stationary occupation of n basins, (n, 1), from the rates r_ij."""
    return (
        Derivation(f"stationary occupation of {n} basins")
        .define("generator of the hops, dP/dt = P Q", _general_generator(n), needs=SETTLED)
        .apply(_MATRIX_TREE, "P_i is the sum over spanning trees towards i of the products of their rates, normalised (the cofactors of -Q)")
    )


@cache
def occupation_derivation() -> Derivation:
    """Derive P_1(t) of two basins, which starts at P_0, from the rates r_12 and r_21."""
    r12, r21, P = _symbol(0, 1), _symbol(1, 0), sp.Function("P_1")(TIME)
    settled, balance = r21 / (r12 + r21), sp.Eq(sp.diff(P, TIME), r21 * (1 - P) - r12 * P)

    def residual(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
        rest = sp.simplify(previous.lhs.subs(P, stated).doit() - previous.rhs.subs(P, stated))
        return rest + sp.simplify(stated.subs(TIME, 0) - start_occupation)

    return (
        Derivation("occupation of two basins")
        .define("balance of hops, P_2 = 1 - P_1", balance, needs=SETTLED)
        .claim(
            "its solution that starts at P_0",
            settled + (start_occupation - settled) * sp.exp(-(r12 + r21) * TIME),
            residual=residual,
            rule="insertion in the balance, and at t = 0",
        )
    )


@cache
def forgetting_derivation(n: int) -> Derivation:
    """Derive the time in which two or three basins forget the start, from the rates r_ij."""
    Q = _general_generator(n)
    leaving = -Q.trace()
    trees = sum((_cofactor(Q, i) for i in range(n)), sp.Integer(0))
    slowest = leaving if n == 2 else (leaving - sp.sqrt(leaving**2 - 4 * trees)) / 2
    longest = 1 / leaving if n == 2 else (leaving + sp.sqrt(leaving**2 - 4 * trees)) / (2 * trees)

    def is_eigenvalue(stated: sp.Basic, previous: sp.Basic) -> sp.Expr:
        return sp.simplify(sp.expand((previous + stated * sp.eye(n)).det()))

    return (
        Derivation(f"time in which {n} basins forget the start")
        .define("generator of the hops, dP/dt = P Q", Q, needs=SETTLED)
        .claim("the smallest rate at which a disturbance decays", slowest, residual=is_eigenvalue, rule="characteristic polynomial of -Q")
        .claim("its inverse", longest, residual=lambda stated, before: sp.simplify(sp.expand(stated * before - 1)))
    )


def crossover_derivation(log_ratio: sp.Expr, symbol: sp.Symbol) -> Derivation:
    """Derive where ln(P_1/P_2) = a + b u vanishes, u the symbol or its inverse.

    Raises:
        NotApplicable: If the symbol enters in another way, or both basins are equally occupied at every value or at none.
    """
    a, b, inverse = _affine(log_ratio, symbol)
    value = sp.simplify(-b / a if inverse else -a / b)
    if value.is_number and not value.is_positive:
        raise NotApplicable(f"both basins are occupied equally at {symbol} = {value} only, which is no value it takes: one of them wins everywhere")
    return (
        Derivation(f"crossover of two basins in {symbol}")
        .define("ln(P_1/P_2) = ln(tau_12/tau_21)", log_ratio, needs="both escape formulas hold at the crossover")
        .claim("where it is zero", value, residual=lambda stated, before: sp.simplify(sp.expand(before.subs(symbol, stated))), rule="insertion")
    )


def _affine(expression: sp.Expr, symbol: sp.Symbol) -> tuple[sp.Expr, sp.Expr, bool]:
    """Return a, b and whether u is the inverse of the symbol, of an expression a + b u."""
    for inverse in (True, False):
        u = sp.Dummy("u", positive=True)
        written = sp.expand(expression.subs(symbol, 1 / u if inverse else u))
        constant, slope = (sp.simplify(c) for c in (written.coeff(u, 0), written.coeff(u, 1)))
        if sp.expand(written - constant - slope * u) == 0 or sp.simplify(written - constant - slope * u) == 0:
            if slope == 0 or constant == 0:
                raise NotApplicable(f"{symbol} does not decide which basin wins: ln(P_1/P_2) = {sp.simplify(expression)} has no zero in it")
            return constant, slope, inverse
    raise NotApplicable(f"ln(P_1/P_2) = {expression} is not of the form a + b {symbol} or a + b/{symbol}, and is not solved for {symbol}")


def _symbol(i: int, j: int) -> sp.Symbol:
    """Return r_ij, the rate from basin i + 1 to basin j + 1."""
    name = f"r_{i + 1}{j + 1}"
    return GLOSSARY[name].symbol if name in GLOSSARY else sp.Symbol(name, positive=True)


def _general_generator(n: int) -> sp.ImmutableMatrix:
    return _generator({(i, j): _symbol(i, j) for i in range(n) for j in range(n) if i != j}, n)


def _generator(rates: Mapping[tuple[int, int], sp.Expr], n: int) -> sp.ImmutableMatrix:
    def entry(i: int, j: int) -> sp.Expr:
        return rates[i, j] if i != j else -sum((rates[i, k] for k in range(n) if k != i), sp.Integer(0))

    return sp.ImmutableMatrix(n, n, entry)


def _cofactor(Q: sp.MatrixBase, i: int) -> sp.Expr:
    """Return the sum over spanning trees directed towards i."""
    return sp.expand((-Q).minor_submatrix(i, i).det(method="berkowitz"))


def _by_trees(Q: sp.MatrixBase) -> sp.ImmutableMatrix:
    weights = [_cofactor(Q, i) for i in range(Q.rows)]
    return sp.ImmutableMatrix([w / sum(weights) for w in weights])


def _is_stationary(Q: sp.MatrixBase, P: sp.MatrixBase) -> bool:
    flow = sp.ImmutableMatrix(P.T * Q)
    return agree_in_numbers(flow, sp.zeros(*flow.shape)) and agree_in_numbers(sum(P), sp.Integer(1))


def _insert(expression: sp.Basic, *, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Basic:
    return expression.subs(dict(values), simultaneous=True)


def _inserted_in_numbers(before: sp.Basic, after: sp.Basic, *, values: Mapping[sp.Symbol, sp.Expr]) -> bool:
    """Insert one value after the other, behind placeholders, and compare."""
    hidden = {s: sp.Dummy(s.name, positive=True) for s in values}
    slowly = before.xreplace(hidden)
    for s, value in values.items():
        slowly = slowly.subs(hidden[s], value)
    return agree_in_numbers(slowly, after)


def _hop(pair: object) -> Hop:
    if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)):
        raise EyringError(f"a hop is named by two basins, such as ('flat', 'sharp'); got {pair!r}")
    if pair[0] == pair[1]:
        raise EyringError(f"a hop leads from one basin to another; got one from {pair[0]!r} to itself")
    return pair


def _rate(pair: object, value: object) -> sp.Expr:
    rate = exact_number(value)
    if not rate.is_number:
        return rate
    if not (rate.is_real and rate.is_finite and rate >= 0):
        raise EyringError(f"the rate of the hop {pair} must be positive and finite, got {value}")
    if rate == 0:
        raise EyringError(f"the rate of the hop {pair} is zero: leave out a hop that never happens")
    return rate


def _time(pair: object, value: object) -> sp.Expr:
    time = exact_number(value)
    if time.is_number and not (time.is_real and time.is_finite and time > 0):
        raise EyringError(f"the escape time of the hop {pair} must be positive and finite, got {value}; leave out a hop that never happens")
    return time


def _reached(start: str, rates: Mapping[Hop, sp.Expr]) -> set[str]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {b for a, b in rates if a in fresh} - found
        found |= fresh
    return found


def _unit_of(symbol: sp.Symbol) -> str:
    return GLOSSARY[symbol.name].unit if symbol.name in GLOSSARY else "that of " + symbol.name


_MATRIX_TREE = Rule("matrix-tree theorem", _by_trees, _is_stationary)
_INSERT = Rule("insertion", _insert, _inserted_in_numbers)
