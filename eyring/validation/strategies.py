"""Random landscapes, matrices, optimizers and glossary values, drawn by hypothesis, for testing one's own formula.

>>> from hypothesis import given, settings
>>> @settings(max_examples=3, derandomize=True)
... @given(double_wells())
... def check(well):
...     left, right = well.minima()
...     (saddle,) = well.saddles()
...     assert left.position[0] < saddle.position[0] < right.position[0]
>>> check()
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import sympy as sp

from eyring.errors import EyringError
from eyring.theory.dynamics import SGD, Dynamics, MomentumSGD, WhiteNoiseGD
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.symbols import GLOSSARY

try:
    from hypothesis import strategies as st
except ImportError as missing:
    raise EyringError(
        "random landscapes and values are drawn by hypothesis, which is not installed; install it with `pip install hypothesis`"
    ) from missing

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["double_wells", "hessian_and_covariance", "optimizers", "positive_matrices", "values_for"]

X = sp.Symbol("x", real=True)


@st.composite
def double_wells(draw: Callable[..., Any], *, barrier: tuple[float, float] = (0.3, 1.5), lopsided: bool = True) -> Landscape:
    """Draw a confining polynomial of one coordinate x with two minima, at exact rational places, and one saddle at 0 between them.

    L' = h x (x + l)(x - r)(1 + q x^2) with l, r > 0 and q >= 0: fourth or sixth degree, no other critical point.

    Args:
        draw: Given by hypothesis.
        barrier: Range of the lower barrier, in units of the loss.
        lopsided: Whether the wells may differ in place, depth and curvature; else L is even.

    >>> from hypothesis import find
    >>> find(double_wells(lopsided=False), lambda well: True).minima()[0].index
    0
    """
    tenths = st.integers(6, 16).map(lambda n: sp.Rational(n, 10))
    left = draw(tenths)
    right = draw(tenths) if lopsided else left
    stiffer = sp.Rational(draw(st.integers(0, 6)), 10)
    shape = sp.integrate(sp.expand(X * (X + left) * (X - right) * (1 + stiffer * X**2)), X)
    lower = min(-shape.subs(X, -left), -shape.subs(X, right))
    low, high = (sp.Rational(repr(float(b))) for b in barrier)
    wanted = low + (high - low) * sp.Rational(draw(st.integers(0, 20)), 20)
    return Landscape(sp.expand(shape * wanted / lower), [X])


@st.composite
def positive_matrices(draw: Callable[..., Any], *, size: int = 2, conditioning: float = 10.0, exact: bool = True) -> sp.ImmutableMatrix:
    """Draw a symmetric positive definite matrix, (size, size), whose eigenvalues lie between 1/2 and conditioning/2.

    It is R diag R^T with R a product of reflections I - 2 v v^T/v^2 with small whole v: rational entries, exactly.

    Args:
        draw: Given by hypothesis.
        size: Rows.
        conditioning: The largest ratio of eigenvalues, at least 1.
        exact: Whether entries are rationals; else 15-digit floats.

    Raises:
        EyringError: If the conditioning is below 1.

    >>> from hypothesis import find
    >>> find(positive_matrices(), lambda m: m[0, 1] != 0).is_positive_definite
    True
    """
    if conditioning < 1:
        raise EyringError(f"the ratio of the largest to the smallest eigenvalue is at least 1, got {conditioning}")
    spread = sp.Rational(repr(float(conditioning))) - 1
    eigenvalues = [(1 + spread * sp.Rational(draw(st.integers(0, 12)), 12)) / 2 for _ in range(size)]
    rotation = sp.eye(size)
    for _ in range(size - 1):
        v = sp.Matrix(draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size).filter(any)))
        rotation = rotation * (sp.eye(size) - 2 * v * v.T / v.dot(v))
    matrix = sp.ImmutableMatrix(rotation * sp.diag(*eigenvalues) * rotation.T)
    return matrix if exact else matrix.applyfunc(lambda e: sp.Float(float(e), 15))


@st.composite
def hessian_and_covariance(
    draw: Callable[..., Any], *, size: int = 2, commuting: bool | None = None
) -> tuple[sp.ImmutableMatrix, sp.ImmutableMatrix]:
    """Draw a Hessian H and a minibatch covariance C, exact rationals; both positive definite.

    Args:
        draw: Given by hypothesis.
        size: Rows.
        commuting: Whether H C = C H; left out, either may come.

    >>> from hypothesis import find
    >>> H, C = find(hessian_and_covariance(commuting=False), lambda pair: True)
    >>> H * C == C * H
    False
    """
    H = draw(positive_matrices(size=size))
    together = draw(st.booleans()) if commuting is None else commuting
    if together:
        a, b = (sp.Rational(draw(st.integers(1, 9)), 5) for _ in range(2))
        return H, sp.ImmutableMatrix(a * sp.eye(size) + b * H)
    if commuting is None:
        return H, draw(positive_matrices(size=size))
    anisotropic = H if sp.eye(size) * H[0, 0] != H else sp.ImmutableMatrix(H + sp.diag(*range(size)))
    return anisotropic, draw(positive_matrices(size=size).filter(lambda C: anisotropic * C != C * anisotropic))


@st.composite
def values_for(draw: Callable[..., Any], formula: Formula | sp.Basic, *, fixed: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Draw a number for every symbol of a formula, from the glossary's typical ranges, such that the formula's conditions hold.

    Symbols that the glossary does not know are drawn from 0.3 to 2.5 with the sign that they were declared with.

    Args:
        draw: Given by hypothesis.
        formula: A Formula, whose conditions are then met, or an expression.
        fixed: Numbers by name that are to be kept.

    >>> from hypothesis import find
    >>> sorted(find(values_for(sp.Symbol("eta", positive=True) / sp.Symbol("B", positive=True)), lambda v: True))
    ['B', 'eta']
    """
    expression = formula.expression if isinstance(formula, Formula) else formula
    conditions = formula.conditions if isinstance(formula, Formula) else ()
    symbols = expression.free_symbols.union(*(c.relation.free_symbols for c in conditions))
    kept = dict(fixed or {})
    numbers = {s: st.just(sp.nsimplify(kept[s.name])) if s.name in kept else _ranged(s) for s in sorted(symbols, key=str)}
    met = st.fixed_dictionaries(numbers).filter(lambda point: all(c.holds(point) is not False for c in conditions))
    return {s.name: float(v) for s, v in draw(met).items()}


def _ranged(symbol: sp.Symbol) -> "SearchStrategy[sp.Rational]":
    low, high = GLOSSARY[symbol.name].typical if symbol.name in GLOSSARY else (-2.5, -0.3) if symbol.is_negative else (0.3, 2.5)
    return st.integers(1, 999).map(lambda n: sp.Rational(repr(low)) + (sp.Rational(repr(high)) - sp.Rational(repr(low))) * sp.Rational(n, 1000))


@st.composite
def optimizers(draw: Callable[..., Any], *, curvature: float = 1.0, batch_size: int = 4) -> Dynamics:
    """Draw plain SGD, SGD with momentum (dampened or not) or gradient descent with white noise, stable at the given curvature.

    Args:
        draw: Given by hypothesis.
        curvature: The largest curvature of the loss; the learning rate stays below half of the limit of stability.
        batch_size: The batch size of all.

    >>> from hypothesis import find
    >>> find(optimizers(), lambda o: isinstance(o, SGD)).batch_size
    4
    """
    eta = sp.Rational(draw(st.integers(1, 50)), 50) / sp.Rational(repr(float(curvature)))
    kind = draw(st.sampled_from(("sgd", "momentum", "white")))
    if kind == "sgd":
        return SGD(learning_rate=eta, batch_size=batch_size)
    if kind == "white":
        return WhiteNoiseGD(learning_rate=eta, batch_size=batch_size, temperature=sp.Rational(draw(st.integers(1, 30)), 100))
    mu = sp.Rational(draw(st.integers(0, 95)), 100)
    dampening = draw(st.sampled_from((sp.Integer(0), mu)))
    return MomentumSGD(learning_rate=eta, batch_size=batch_size, momentum=mu, dampening=dampening)
