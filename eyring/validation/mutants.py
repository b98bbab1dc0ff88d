"""Planted errors: every expression that differs from a formula by one slip of the pen.

A lost factor 2, a wrong sign, a wrong power, one symbol for another (eta for B), noise read in another calculus.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sympy as sp
from sympy.logic.boolalg import Boolean

__all__ = ["Mutant", "mutants"]

Path = tuple[int, ...]


@dataclass(frozen=True)
class Mutant:
    """A formula with one error planted in it.

    Attributes:
        error: What was done to it.
        expression: The result.
    """

    error: str
    expression: sp.Basic


def mutants(expression: sp.Basic, other_calculi: Mapping[str, sp.Basic] | None = None) -> tuple[Mutant, ...]:
    """Return every mutant of an expression or a matrix, without repetition.

    At each place of the expression tree: twice the part; the part with the other sign, if it is a term of a sum or an exponent; a symbol squared, and
    in its stead the next symbol of the formula (eta and B for each other). Bound variables and the conditions of cases are left alone.

    Args:
        expression: The formula.
        other_calculi: What it would be with the noise read in another calculus.

    >>> eta, B = sp.symbols("eta B", positive=True)
    >>> for mutant in mutants(eta / B):
    ...     print(f"{mutant.error}: {mutant.expression}")
    factor 2 at eta/B: 2*eta/B
    B for eta: 1
    eta squared: eta**2/B
    factor 2 at B: eta/(2*B)
    B squared: eta/B**2
    sign of the exponent of B: B*eta
    """
    found = {expression: ""}
    for mutant in (*_of(expression), *(Mutant(f"calculus: {name}", e) for name, e in (other_calculi or {}).items())):
        found.setdefault(mutant.expression, mutant.error)
    return tuple(Mutant(error, e) for e, error in found.items() if error)


def _of(expression: sp.Basic) -> Iterator[Mutant]:
    symbols = sorted(expression.free_symbols, key=str)
    if isinstance(expression, sp.MatrixBase):
        for i, entry in enumerate(expression):
            row, column = i // expression.cols + 1, i % expression.cols + 1
            for mutant in _of_entry(sp.sympify(entry), symbols):
                changed = [mutant.expression if j == i else e for j, e in enumerate(expression)]
                yield Mutant(f"entry {row},{column}: {mutant.error}", sp.ImmutableMatrix(*expression.shape, changed))
        return
    yield from _of_entry(expression, symbols)


def _of_entry(entry: sp.Expr, symbols: list[sp.Symbol]) -> Iterator[Mutant]:
    for path, node, parent in _places(entry, (), None):
        for error, changed in _slips(node, parent, path[-1] if path else 0, symbols):
            yield Mutant(error, _replaced(entry, path, changed))


def _places(node: sp.Basic, path: Path, parent: sp.Basic | None) -> Iterator[tuple[Path, sp.Expr, sp.Basic | None]]:
    if isinstance(node, sp.Expr):
        yield path, node, parent
    if isinstance(node, Boolean) or node.is_Atom:
        return
    for position, argument in enumerate(node.args):
        if isinstance(node, sp.Tuple) and position == 0 and parent is not None and parent.has(sp.Integral, sp.Sum):
            continue  # the variable of integration
        yield from _places(argument, (*path, position), node)


def _slips(node: sp.Expr, parent: sp.Basic | None, position: int, symbols: list[sp.Symbol]) -> Iterator[tuple[str, sp.Expr]]:
    short = _short(node)
    is_exponent = (isinstance(parent, sp.Pow) and position == 1) or isinstance(parent, sp.exp)
    where = f"exponent of {_short(parent.args[0])}" if isinstance(parent, sp.Pow) and position == 1 else "exponent" if is_exponent else ""
    if is_exponent or isinstance(parent, sp.Add):
        yield (f"sign of the {where}" if where else f"sign of {short}"), -node
    if node != 0 and not (isinstance(node, sp.Integer) and node == -1 and isinstance(parent, sp.Mul)):
        yield (f"factor 2 in the {where}" if where else f"factor 2 at {short}"), 2 * node
    if node in symbols and len(symbols) > 1:
        other = _other(node, symbols)
        yield f"{other} for {node}", other
    if node in symbols:
        yield f"{node} squared", node**2


def _other(symbol: sp.Symbol, symbols: list[sp.Symbol]) -> sp.Symbol:
    """Return what is most easily written for a symbol: B for eta, H_b for H_a, else the next one."""
    names = {s.name: s for s in symbols}
    twins = {"eta": "B", "B": "eta", "H_a": "H_b", "H_b": "H_a", "L_a": "L_b", "L_b": "L_a", "D_a": "D_b", "D_b": "D_a"}
    twin = names.get(twins.get(symbol.name, ""))
    return twin or symbols[(symbols.index(symbol) + 1) % len(symbols)]


def _replaced(expression: sp.Basic, path: Path, node: sp.Basic) -> sp.Basic:
    if not path:
        return node
    arguments = list(expression.args)
    arguments[path[0]] = _replaced(arguments[path[0]], path[1:], node)
    return expression.func(*arguments)


def _short(node: sp.Basic) -> str:
    text = str(node)
    return text if len(text) <= 40 else text[:37] + "..."
