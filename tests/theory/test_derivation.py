"""A derivation cannot contain a false step."""

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import eyring as ey
from eyring.errors import DerivationError, EyringError
from eyring.theory.derivation import Derivation, Grade, Rule
from eyring.theory.derivation.laplace import SMALL, Peak, expand
from eyring.theory.derivation.proof import agree_in_numbers, difference
from eyring.theory.formula import logarithm
from eyring.theory.sources import SOURCES, bibtex

a, b = sp.symbols("a b", positive=True)


def test_a_false_step_raises_and_prints_the_difference():
    """Kramers' rate without its 2 differs by the rate itself."""
    rate = sp.sqrt(a * b) / (2 * sp.pi)
    with pytest.raises(DerivationError, match=r"forgot the 2.*does not follow") as caught:
        Derivation("rate").define("rate", rate).claim("forgot the 2", sp.sqrt(a * b) / sp.pi)
    assert sp.simplify(caught.value.difference - rate) == 0


@pytest.mark.parametrize("wrong", [lambda e: 2 * e, lambda e: -e, lambda e: e.subs(a, b), lambda e: e**2, lambda e: e * sp.sqrt(a)])
def test_every_kind_of_slip_is_seen(wrong):
    """A factor, a sign, a swapped symbol, a power."""
    expression = sp.exp(a / b) * sp.sqrt(a)
    with pytest.raises(DerivationError):
        Derivation("slip").define("start", expression).claim("wrong", wrong(expression))


def test_a_rule_that_its_witness_disowns_raises():
    """The default witness evaluates both sides."""
    with pytest.raises(DerivationError, match="numbers do not confirm the rule 'doubling'"):
        Derivation("rule").define("start", a).apply(Rule("doubling", lambda e: 2 * e), "double")


def test_a_citation_needs_a_source_that_exists():
    """Sources live in one place."""
    with pytest.raises(DerivationError, match="unknown source 'folklore'"):
        Derivation("cite").cite("as everybody knows", a, source="folklore")


def test_grades_are_counted():
    """One cited, one computed, one checked."""
    d = Derivation("grades").cite("given", a + a * b, source="wong2001").apply(Rule("factoring", sp.factor), "factor").claim("expand", a + a * b)
    assert [s.grade for s in d.steps] == [Grade.CITED, Grade.COMPUTED, Grade.CHECKED]
    assert (len(d.cited), len(d.computed), len(d.checked)) == (1, 1, 1)
    assert d.sources == ("wong2001",)
    assert set(d.to_dict()["steps"][0]) == {"statement", "expression", "grade", "rule", "assumption", "source"}


def test_an_identity_that_sympy_refutes_by_equals_is_not_called_false():
    """atan(x) + atan(1/x) = pi/2 for positive x: numbers confirm it."""
    x = sp.Symbol("x", positive=True)
    assert agree_in_numbers(sp.atan(x) + sp.atan(1 / x), sp.pi / 2)


@settings(max_examples=25)
@given(st.integers(1, 6), st.integers(-3, 3), st.integers(1, 5))
def test_equal_products_are_proved_equal_and_others_not(n, m, k):
    """sqrt(a^n) b^m e^{k/a} against itself in pieces, and against a neighbour."""
    one = sp.sqrt(a**n) * b**m * sp.exp(sp.Integer(k) / a)
    other = sp.exp(sp.log(b) * m + sp.log(a) * n / 2) * sp.exp(1 / a) ** k
    assert difference(one, other) == 0
    assert difference(one, other * 2) != 0


@pytest.mark.parametrize("half", [False, True])
def test_laplace_of_gamma_function_is_stirling(half):
    """n! = int t^n e^-t: phase t - 1 - ln t at t = 1 gives 1 + 1/(12 n); a half line gives half of the leading term."""
    n = 1 / SMALL
    phase = (sp.Integer(0), *(sp.Integer((-1) ** k * sp.factorial(k - 1)) for k in range(2, 8)))
    value = expand(Peak(phase, (sp.Integer(1),) + (sp.Integer(0),) * 6, half), 1)
    series = sp.expand(value / sp.sqrt(2 * sp.pi / n))
    assert series.subs(SMALL, 0) == (sp.Rational(1, 2) if half else 1)
    if not half:
        assert series.coeff(SMALL, 1) == sp.Rational(1, 12)


def test_logarithm_takes_products_apart_and_never_needs_the_value():
    """ln of e^5000 is 5000, and signs pair up."""
    H = sp.Symbol("H", negative=True)
    log = logarithm(-2 * sp.pi * sp.exp(5000 * a) / H)
    assert log.subs({a: 1, H: -1}).evalf() == pytest.approx(5000 + float(sp.log(2 * sp.pi)))
    assert not log.has(sp.exp)


def test_bibtex_names_exactly_the_sources_used_and_says_what_is_unverified():
    """A citation is a claim."""
    x = sp.Symbol("x", real=True)
    tau = ey.escape_time(ey.SDE(x - x**3, a, [x]), start=-1, over=0, event="next well")
    text = tau.bibtex()
    assert text.count("@misc") == 2
    assert "gardiner2009" in text
    assert "wong2001" in text
    assert "not verified" in text
    with pytest.raises(EyringError, match="unknown source nobody"):
        bibtex("nobody")


def test_every_cited_source_is_in_the_bibliography():
    """Keys are unique and complete."""
    assert all(key == source.key for key, source in SOURCES.items())
    assert all(source.authors and source.title and source.where and 1900 < source.year <= 2026 for source in SOURCES.values())
