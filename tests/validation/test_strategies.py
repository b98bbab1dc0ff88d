"""Random landscapes, matrices, optimizers and values are what they promise to be, and find errors that were planted."""

import sys

import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, find, given, settings

from eyring.errors import EyringError
from eyring.theory.basins.local_escape import hessian_noise_time
from eyring.theory.derivation import Derivation
from eyring.theory.discrete import discrete_covariance
from eyring.theory.dynamics import SGD
from eyring.theory.formula import Formula
from eyring.theory.regime import Condition, greater
from eyring.theory.symbols import GLOSSARY
from eyring.validation.strategies import double_wells, hessian_and_covariance, optimizers, positive_matrices, values_for

FEW = settings(max_examples=15)


@given(double_wells(barrier=(0.4, 0.9)))
@FEW
def test_double_wells_have_two_minima_and_one_saddle(well):
    """Exact rational minima, the saddle at 0, the lower barrier in the range asked for, confining."""
    left, right = well.minima()
    (saddle,) = well.saddles()
    assert (saddle.position[0], saddle.value) == (0, 0)
    assert left.position[0].is_Rational and right.position[0].is_Rational
    assert left.position[0] < 0 < right.position[0]
    assert 0.4 <= float(-max(left.value, right.value)) <= 0.9
    assert sp.Poly(well.expression).LC() > 0


@given(double_wells(lopsided=False))
@FEW
def test_even_wells_are_even(well):
    assert sp.expand(well.expression.subs(well.coordinates[0], -well.coordinates[0]) - well.expression) == 0


@given(positive_matrices(size=3, conditioning=7), positive_matrices(exact=False))
@FEW
def test_positive_matrices_are_positive_and_conditioned(exact, inexact):
    eigenvalues = np.linalg.eigvalsh(np.array(exact.tolist(), dtype=float))
    assert all(e.is_Rational for e in exact)
    assert exact == exact.T
    assert 0.5 - 1e-12 <= eigenvalues[0] <= eigenvalues[-1] <= 3.5 + 1e-12
    assert all(isinstance(e, sp.Float) for e in inexact)
    assert np.linalg.eigvalsh(np.array(inexact.tolist(), dtype=float))[0] > 0


@given(hessian_and_covariance(commuting=True), hessian_and_covariance(commuting=False))
@FEW
def test_pairs_commute_or_not_as_asked(together, apart):
    assert together[0] * together[1] == together[1] * together[0]
    assert apart[0] * apart[1] != apart[1] * apart[0]


@given(values_for(hessian_noise_time()))
@FEW
def test_values_meet_the_conditions_and_the_ranges(values):
    """The compiled formula takes them; each lies in the glossary's range."""
    assert np.isfinite(hessian_noise_time().compile().log(**values))
    assert all(GLOSSARY[name].typical[0] <= v <= GLOSSARY[name].typical[1] for name, v in values.items())
    point = {GLOSSARY[name].symbol: v for name, v in values.items()}
    assert all(c.holds(point) for c in hessian_noise_time().conditions)


@given(values_for(sp.Symbol("H_b", negative=True) * sp.Symbol("mine", negative=True), fixed={"mine": -7.5}))
@FEW
def test_values_may_be_fixed(values):
    assert values["mine"] == -7.5
    assert -4 <= values["H_b"] < 0


@given(optimizers(curvature=3.0))
@FEW
def test_optimizers_are_stable_at_the_curvature(optimizer):
    """The exact covariance on the parabola of that curvature exists, unless the optimizer kicks by itself."""
    if "temperature" not in optimizer.hyperparameters:
        variance = discrete_covariance(optimizer, hessian=sp.Matrix([[3]]), covariance=sp.Matrix([[1]]))
        assert variance[0, 0] > 0


def test_a_wrong_formula_is_found():
    """E[L] = (eta/4) Tr C at small steps, with H C H^-1 put for C as if they commuted: values and matrices drawn tell them apart."""

    @given(hessian_and_covariance(commuting=False))
    @settings(max_examples=3, database=None, phases=(Phase.generate,))
    def as_if_commuting(pair):
        H, C = pair
        eta = sp.Rational(1, 10**6)
        exact = discrete_covariance(SGD(learning_rate=eta), hessian=H, covariance=C)
        assert abs(float(((exact - eta / 2 * H.inv() * C) / eta).norm())) < 1e-4

    with pytest.raises(AssertionError):
        as_if_commuting()


def test_impossible_requests_are_refused(monkeypatch):
    """A conditioning below one, and hypothesis missing."""
    with pytest.raises(EyringError, match="at least 1"):
        find(positive_matrices(conditioning=0.5), lambda m: True)
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "eyring.validation.strategies")
    with pytest.raises(EyringError, match="pip install hypothesis"):
        import eyring.validation.strategies  # noqa: F401


def test_conditions_that_cannot_be_met_are_noticed_by_hypothesis():
    """A formula whose condition no drawn value fulfils makes hypothesis complain, not pass."""
    H = sp.Symbol("H", positive=True)
    formula = Formula(Derivation("never").define("given", H), "1", sp.Integer(1), (Condition(greater(H, sp.Integer(100)), "out of range"),))

    @given(values_for(formula))
    @settings(max_examples=5, database=None)
    def never(values):
        raise AssertionError

    with pytest.raises(Exception, match=r"(?i)filter|unsatisf|health"):
        never()
