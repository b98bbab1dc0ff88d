"""Matrix algebra without commutation: words of noncommuting symbols, compared letter by letter, and their values for explicit matrices.

>>> A, S = matrix_symbol("A"), matrix_symbol("S")
>>> without_common_words(A * S - S * A)
A*S - S*A
>>> insert(A * S - S * A, {A: sp.Matrix([[1, 2], [3, 4]]), S: sp.eye(2)})
Matrix([
[0, 0],
[0, 0]])
"""

from collections.abc import Mapping

import sympy as sp

__all__ = ["insert", "matrix_symbol", "transposed", "without_common_words"]

Matrices = Mapping[sp.Symbol, sp.MatrixBase]


def matrix_symbol(name: str) -> sp.Symbol:
    """Return a symbol that commutes with nothing but numbers."""
    return sp.Symbol(name, commutative=False)


def insert(expression: sp.Expr, matrices: Matrices) -> sp.ImmutableMatrix:
    """Return the value of a sum of words for explicit matrices; a word of no letters is the unit matrix times its coefficient.

    A column (row) may stand where the word asks for one; a negative power is an inverse.
    """
    return sp.ImmutableMatrix(_value(sp.sympify(expression), matrices))


def transposed(expression: sp.Expr, partners: Mapping[sp.Symbol, sp.Symbol]) -> sp.Expr:
    """Return the transpose: every word read backwards, each letter replaced by its partner; letters without one are symmetric."""
    total = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(expression)):
        coefficient, letters = _taken_apart(term)
        total += coefficient * sp.Mul(*(partners.get(letter, letter) for letter in reversed(letters)))
    return total


def without_common_words(expression: sp.Expr) -> sp.Expr:
    """Return the sum with one coefficient, in lowest terms, to each word; zero exactly if no word is left."""
    coefficients: dict[sp.Expr, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expression)):
        coefficient, letters = _taken_apart(term)
        word = sp.Mul(*letters)
        coefficients[word] = coefficients.get(word, sp.Integer(0)) + coefficient
    return sp.Add(*(sp.cancel(c) * word for word, c in coefficients.items()))


def _taken_apart(term: sp.Expr) -> tuple[sp.Expr, list[sp.Expr]]:
    """Return a term's coefficient and its letters one by one, A^2 as A, A."""
    numbers, letters = term.args_cnc()
    single = [base for letter in letters for base in ([letter.base] * int(letter.exp) if letter.is_Pow and letter.exp.is_positive else [letter])]
    return sp.Mul(*numbers), single


def _value(expression: sp.Expr, matrices: Matrices) -> sp.MatrixBase:
    size = next(m.rows for m in matrices.values() if m.rows == m.cols)
    if expression.is_commutative:
        return expression * sp.eye(size)
    if expression.is_Add:
        first, *others = (_value(a, matrices) for a in expression.args)
        for other in others:
            first = first + other
        return first
    if expression.is_Mul:
        numbers, letters = expression.args_cnc()
        product = _value(letters[0], matrices)
        for letter in letters[1:]:
            product = product * _value(letter, matrices)
        return sp.Mul(*numbers) * product
    if expression.is_Pow:
        base = _value(expression.base, matrices)
        return base.inv() ** -expression.exp if expression.exp.is_negative else base**expression.exp
    return matrices[expression]
