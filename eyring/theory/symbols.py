"""Every physical symbol, declared once: printed name, LaTeX, meaning, unit and typical range.

>>> GLOSSARY["eta"].meaning
'learning rate'
"""

from dataclasses import dataclass

import sympy as sp

from eyring.errors import EyringError

__all__ = ["GLOSSARY", "Entry", "declare", "exact_number", "glossary_table"]


@dataclass(frozen=True)
class Entry:
    """What people and tests need to know about a symbol.

    Attributes:
        symbol: The sympy symbol, with its assumptions.
        latex: How a paper writes it.
        meaning: One phrase.
        unit: In powers of loss, length (the unit of the parameters) and time; "1" if it has none.
        typical: The range from which tests draw.
    """

    symbol: sp.Symbol
    latex: str
    meaning: str
    unit: str
    typical: tuple[float, float]


GLOSSARY: dict[str, Entry] = {}


def declare(name: str, latex: str, meaning: str, *, unit: str, typical: tuple[float, float], **assumptions: bool) -> sp.Symbol:
    """Return a sympy symbol and write it into the glossary.

    Args:
        name: The printed name, also the keyword of compiled formulas.
        latex: Its LaTeX.
        meaning: One phrase for people.
        unit: In powers of loss, length and time.
        typical: The range from which tests draw values.
        **assumptions: Passed to sympy, for example ``positive=True``.

    Raises:
        ValueError: If the name was declared before.
    """
    if name in GLOSSARY:
        raise ValueError(f"the symbol {name!r} is declared already: {GLOSSARY[name].meaning}")
    symbol = sp.Symbol(name, **assumptions)
    GLOSSARY[name] = Entry(symbol, latex, meaning, unit, typical)
    return symbol


def exact_number(value: object) -> sp.Expr:
    """Return ``value`` as sympy holds it exactly: a decimal 0.1 means 1/10.

    >>> exact_number(0.1)
    1/10
    """
    if isinstance(value, float):
        return sp.Rational(repr(float(value))) if value == value and abs(value) != float("inf") else sp.nan
    if isinstance(value, str):
        raise EyringError(f"a number or a sympy expression is needed, got the text {value!r}; text is read by parse_expression or parse_number")
    return sp.sympify(value)


def glossary_table() -> str:
    """Return the glossary as a Markdown table, ordered by name; derivatives such as L3_a, declared when needed, are left out."""
    rows = [
        f"| `{name}` | ${e.latex}$ | {e.meaning} | {e.unit} | {e.typical[0]:g} to {e.typical[1]:g} |"
        for name, e in sorted(GLOSSARY.items())
        if not e.meaning.startswith("derivative")
    ]
    return "\n".join(["| name | LaTeX | meaning | unit | typical |", "|---|---|---|---|---|", *rows])


learning_rate = declare("eta", r"\eta", "learning rate", unit="length^2/loss", typical=(1e-3, 0.1), positive=True)
batch_size = declare("B", "B", "batch size", unit="1", typical=(1.0, 128.0), positive=True)
momentum = declare("mu", r"\mu", "momentum", unit="1", typical=(0.5, 0.99), nonnegative=True)
dampening = declare("dampening", "d", "dampening of the momentum buffer", unit="1", typical=(0.0, 0.9), nonnegative=True)
temperature = declare("T", "T", "temperature: noise strength in dx = -L' dt + sqrt(2 T) dW", unit="loss", typical=(0.02, 0.3), positive=True)
diffusion = declare("D", "D", "diffusion coefficient: dx = f dt + sqrt(2 D) dW", unit="length^2/time", typical=(0.02, 0.3), positive=True)
friction = declare("gamma", r"\gamma", "friction of the momentum dynamics", unit="1/time", typical=(0.1, 30.0), positive=True)
gradient_std = declare("sigma", r"\sigma", "standard deviation of one sample's gradient", unit="loss/length", typical=(0.1, 3.0), positive=True)
loss_min = declare("L_a", "L_a", "loss at the minimum", unit="loss", typical=(-1.0, 0.5), real=True)
loss_saddle = declare("L_b", "L_b", "loss at the saddle", unit="loss", typical=(1.0, 3.0), real=True)
curvature_min = declare("H_a", "H_a", "curvature at the minimum", unit="loss/length^2", typical=(0.3, 4.0), positive=True)
curvature_saddle = declare(
    "H_b", "H_b", "curvature at the saddle along the way out (negative)", unit="loss/length^2", typical=(-4.0, -0.3), negative=True
)
det_min = declare("det_H_a", r"\det H_a", "determinant of the Hessian at the minimum", unit="(loss/length^2)^n", typical=(0.3, 4.0), positive=True)
det_saddle = declare(
    "det_H_b", r"\det H_b", "determinant of the Hessian at the saddle (negative)", unit="(loss/length^2)^n", typical=(-4.0, -0.3), negative=True
)
switch_fraction = declare("s", "s", "share of the barrier climbed with the noise of the minimum", unit="1", typical=(0.1, 0.9), positive=True)
switch_point = declare(
    "c", "c", "where the noise changes from that of the minimum to that of the saddle", unit="length", typical=(-0.9, -0.1), real=True
)
height = declare("h", "h", "barrier height of the double well", unit="loss", typical=(0.5, 4.0), positive=True)
escape_curvature = declare(
    "lambda_b", r"\lambda_b", "the one negative eigenvalue of the Hessian at the saddle", unit="loss/length^2", typical=(-4.0, -0.3), negative=True
)
diffusion_min = declare("D_a", "D_a", "diffusion coefficient at the minimum", unit="length^2/time", typical=(0.02, 0.3), positive=True)
diffusion_saddle = declare("D_b", "D_b", "diffusion coefficient at the saddle", unit="length^2/time", typical=(0.02, 0.3), positive=True)
curvature = declare("H", "H", "curvature of the loss along one direction", unit="loss/length^2", typical=(0.3, 4.0), positive=True)
curvature_1, curvature_2, curvature_3 = (
    declare(f"H_{i}", f"H_{i}", f"eigenvalue {i} of the Hessian", unit="loss/length^2", typical=(0.3, 4.0), positive=True) for i in (1, 2, 3)
)
gradient_variance = declare(
    "C", "C", "variance of the minibatch gradient along one direction", unit="loss^2/length^2", typical=(0.1, 3.0), positive=True
)
covariance_11, covariance_22, covariance_33 = (
    declare(f"C_{i}{i}", f"C_{{{i}{i}}}", f"entry {i},{i} of the minibatch covariance C", unit="loss^2/length^2", typical=(1.5, 3.0), positive=True)
    for i in (1, 2, 3)
)
covariance_12, covariance_13, covariance_23 = (
    declare(f"C_{i}{j}", f"C_{{{i}{j}}}", f"entry {i},{j} of the minibatch covariance C", unit="loss^2/length^2", typical=(-0.7, 0.7), real=True)
    for i, j in ((1, 2), (1, 3), (2, 3))
)
input_variance = declare("a", "a", "variance of an input of linear regression", unit="loss/length^2", typical=(0.3, 4.0), positive=True)
input_variance_1, input_variance_2 = (
    declare(f"a_{i}", f"a_{i}", f"eigenvalue {i} of the inputs' covariance", unit="loss/length^2", typical=(0.3, 4.0), positive=True) for i in (1, 2)
)
label_std = declare("sigma_y", r"\sigma_y", "standard deviation of a label's noise", unit="loss^(1/2)", typical=(0.3, 2.0), positive=True)
data_size = declare("N", "N", "number of samples in the training data", unit="1", typical=(200.0, 5000.0), positive=True)
scale = declare("k", "k", "scale of the landscape, L_k(x) = L(sqrt(k) x)", unit="1", typical=(0.5, 3.0), positive=True)
time = declare("t", "t", "continuous time", unit="time", typical=(0.1, 5.0), positive=True)
