"""Text from outside: read as a formula by a whitelist, or refused in one line; never run as Python."""

import subprocess
import sys

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from eyring.errors import EyringError, ParsingError
from eyring.theory.dynamics import SGD
from eyring.theory.landscape import Landscape
from eyring.theory.parsing import FUNCTIONS, parse_expression, parse_number
from eyring.theory.sde import SDE
from eyring.theory.symbols import GLOSSARY, exact_number

x = sp.Symbol("x", real=True)

HOSTILE = [
    "__import__('os').system('x')", "open('x')", "eval('1')", "exec('1')", "getattr(x, 'y')", "x.__class__", "exp.__globals__", "x.real",
    "().__class__.__bases__[0].__subclasses__()", "lambda: 1", "(lambda y: y)(1)", "[x]", "{x}", "{x: x}", "x[0]", "(x, x)", "*x", "'x'", "b'x'", "f'{x}'",
    "x if x else x", "x and x", "x or x", "not x", "x < 1", "x == x", "~x", "x // 2", "x % 2", "x @ x", "x << 2", "x & x", "x = 1", "(x := 1)", "x; x",
    "import os", "await x", "yield x", "[y for y in x]", "...", "True", "None", "1j", "x\x00", "x\ny", "x # c", "_x", "__x__", "exp", "sin", "pi(x)",
    "exp(x, x)", "exp(x=1)", "exp(*x)", "exp()", "foo(x)", "sympify(x)", "", "  ", "1.5.2", "x x", "2x", "1_000", "0x10", "0b1", "1e5_0",
]  # fmt: skip
TOO_FAR = [
    "9**9**9", "2**1000000", "x**(10**9)", "x**-101", "x**1000", "(99**100)**100", "1e999999999", "1e-999999999", "9" * 5000, "x" * 3000,
    "exp(exp(exp(10)))", "exp(-exp(exp(10)))", "cos(exp(1000000))", "sin(10**90)", "exp(1e9)", "(" * 900 + "x" + ")" * 900, "-" * 1990 + "x", "+".join(["x"] * 1500),
]  # fmt: skip
FOREIGN = [
    "\uff45\uff58\uff50(x)",
    "\u0435\u0445\u0440(x)",
    "x\u00b2",
    "\u212f",
    "\u03c0",
    "\u00bd",
    "x \u2212 1",
    "\ufeffx",
    "x\u200b",
    "_\u200dimport_",
]
NOT_REAL = ["1/0", "x/0", "0**-1", "log(0)", "sqrt(-1)", "(-1)**0.5", "1/(x - x)", "x*sqrt(-2)", "log(-1)*x", "tan(pi/2)"]


@pytest.mark.parametrize("text", [*HOSTILE, *TOO_FAR, *FOREIGN, *NOT_REAL])
def test_what_is_no_formula_is_refused_with_one_clear_line(text):
    """Code, foreign letters, numbers that would never be done and values that are not real: one ParsingError, short, without a line break."""
    with pytest.raises(ParsingError) as refusal:
        parse_expression(text, ["x"])
    assert "\n" not in str(refusal.value).replace(repr(text), "")
    assert len(str(refusal.value)) < 400 + 2 * len(text)


@pytest.mark.parametrize("text", ["__import__('os').system('touch ran')", "open('ran', 'w')", "exec(\"open('ran','w')\")"])
def test_nothing_is_run(text, tmp_path):
    """In a fresh process, in an empty folder: the text is refused and no file appears."""
    code = f"from eyring.theory.landscape import Landscape\ntry:\n    Landscape({text!r}, ['x'])\nexcept ValueError as error:\n    print(type(error).__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ParsingError"
    assert list(tmp_path.iterdir()) == []


@given(st.text(max_size=60))
def test_any_text_is_a_formula_or_a_parsing_error(text):
    """Whatever arrives, the answer is an expression of real numbers or ParsingError."""
    try:
        expression = parse_expression(text, ["x"])
    except ParsingError:
        return
    assert isinstance(expression, sp.Expr)
    assert not expression.has(sp.I, sp.zoo, sp.nan, sp.oo)


def formulas() -> st.SearchStrategy[sp.Expr]:
    """Draw expressions of what the grammar knows."""
    numbers = st.fractions(-20, 20, max_denominator=50).map(lambda q: sp.Rational(q.numerator, q.denominator))
    leaves = numbers | st.sampled_from([x, sp.Symbol("b", real=True), sp.pi, sp.E])
    small = st.integers(2, 4)
    return st.recursive(
        leaves,
        lambda e: (
            st.builds(sp.Add, e, e) | st.builds(sp.Mul, e, e) | st.builds(sp.Pow, e.filter(lambda b: b != 0), small) | e.map(sp.atan) | e.map(sp.tanh)
        ),
        max_leaves=8,
    )


def reject_unless_too_far(refusal: ParsingError) -> None:
    """A drawn tower of powers may be refused, and nothing else."""
    assert "leads too far" in str(refusal)


@given(formulas())
def test_what_sympy_prints_is_read_back(expression):
    """str and parse are inverse: the text that eyring prints can be pasted back."""
    try:
        back = parse_expression(str(expression), ["x"])
    except ParsingError as refusal:
        reject_unless_too_far(refusal)
        return
    assert back == expression or sp.simplify(back - expression) == 0


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_on_the_list_is_read(name):
    """A function of x is sympy's own."""
    assert parse_expression(f"{name}(x)", ["x"]) == FUNCTIONS[name](x)


def test_decimals_mean_themselves():
    """0.1 is 1/10, and ^ is a power; a name of the glossary is its symbol, another one is real."""
    assert parse_expression("0.1*x^2", ["x"]) == x**2 / 10
    assert parse_number("1e-3") == sp.Rational(1, 1000)
    assert parse_number("sqrt(2)/3") == sp.sqrt(2) / 3
    assert parse_expression("eta*q", []) == GLOSSARY["eta"].symbol * sp.Symbol("q", real=True)


def test_unknown_names_are_refused_with_the_known_ones():
    """Where names are fixed, another one is an error that lists them."""
    with pytest.raises(ParsingError, match=r"unknown name 'y' in 'x\*y'; known names: a, x"):
        parse_expression("x*y", ["x"], parameters=["a"])
    with pytest.raises(ParsingError, match="known names: none"):
        parse_number("T")


@pytest.mark.parametrize("take", [lambda t: SGD(learning_rate=t), lambda t: SDE(t, 1, [x]), exact_number], ids=["optimizer", "drift", "number"])
def test_text_where_a_number_belongs_is_refused(take):
    """sympy would run the text; eyring says what reads it."""
    with pytest.raises(EyringError, match="text is read by parse_expression or parse_number"):
        take("__import__('os').system('x')")


@pytest.mark.parametrize("name", ["exp", "pi", "2x", "x y", "__x", "\u03b8", ""])
def test_a_coordinate_needs_a_plain_name_of_its_own(name):
    """A coordinate may not be called like a function, a constant, or no name at all."""
    with pytest.raises(ParsingError, match="cannot name a coordinate"):
        parse_expression("1", [name])


def test_a_landscape_reads_text_the_same_way():
    """The loss from the command line and the loss from sympy are one."""
    assert Landscape("x**4/4 - 0.5*x**2", ["x"]) == Landscape(x**4 / 4 - x**2 / 2, [x])


@pytest.mark.parametrize("name", ["nan", "NaN", "inf", "oo", "zoo", "I", "j"])
def test_what_is_no_finite_real_number_is_refused_by_name(name):
    """Taken as parameters they would hide a mistake."""
    with pytest.raises(ParsingError, match="is not a finite real number"):
        parse_expression(f"{name}*x", ["x"])


@pytest.mark.parametrize(("text", "total"), [("((x+1)**100)**100", 10000), ("((x/3)**50)**50", 2500), ("(x**20 + 1)**6", 120)])
def test_nested_powers_are_refused_by_their_total(text, total):
    """Each exponent is small, and together they would expand to thousands of terms."""
    with pytest.raises(ParsingError, match=f"make a total power of {total}, which leads too far"):
        parse_expression(text, ["x"])
    assert parse_expression("((x+1)**10)**10", ["x"]) == (x + 1) ** 100


@pytest.mark.parametrize("text", ["(" * 900, "x+" * 800 + "x.y", "x+" * 800 + "1/0", "q" * 1500 + "(x)"])
def test_an_overlong_formula_is_not_echoed_whole(text):
    """The message shows its beginning and its length."""
    with pytest.raises(ParsingError, match="characters") as refusal:
        parse_expression(text, ["x"])
    assert len(str(refusal.value)) < 350
