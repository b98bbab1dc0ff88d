"""Every physical symbol, declared once: printed name, LaTeX, meaning, unit and typical range.

>>> GLOSSARY["eta"].meaning
'learning rate'
"""

from collections.abc import Mapping
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
        least: The least number that it may be, besides its sign; None if there is none.
        below: What it must lie below; None if nothing.
        most: The largest number that it may be; None if there is none.
    """

    symbol: sp.Symbol
    latex: str
    meaning: str
    unit: str
    typical: tuple[float, float]
    least: float | None = None
    below: float | None = None
    most: float | None = None

    @property
    def bounds(self) -> str:
        """The limits in words, such as "at least 0 and below 1"; empty if there are none."""
        named = (("at least", self.least), ("below", self.below), ("at most", self.most))
        return " and ".join(f"{word} {limit:g}" for word, limit in named if limit is not None)


GLOSSARY: dict[str, Entry] = {}
Limits = Mapping[str, float]


def declare(
    name: str, latex: str, meaning: str, *, unit: str, typical: tuple[float, float], limits: Limits | None = None, **assumptions: bool
) -> sp.Symbol:
    """Return a sympy symbol and write it into the glossary.

    Args:
        name: The printed name, also the keyword of compiled formulas.
        latex: Its LaTeX.
        meaning: One phrase for people.
        unit: In powers of loss, length and time.
        typical: The range from which tests draw values.
        limits: Hard limits by name: "least", "below", "most".
        **assumptions: Passed to sympy, for example ``positive=True``.

    Raises:
        ValueError: If the name was declared before.
    """
    if name in GLOSSARY:
        raise ValueError(f"the symbol {name!r} is declared already: {GLOSSARY[name].meaning}")
    symbol = sp.Symbol(name, **assumptions)
    GLOSSARY[name] = Entry(symbol, latex, meaning, unit, typical, **(limits or {}))
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
batch_size = declare("B", "B", "batch size", unit="1", typical=(1.0, 128.0), limits={"least": 1.0}, positive=True)
momentum = declare("mu", r"\mu", "momentum", unit="1", typical=(0.5, 0.99), limits={"least": 0.0, "below": 1.0}, nonnegative=True)
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
switch_fraction = declare(
    "s",
    "s",
    "share of the barrier climbed with the noise of the minimum",
    unit="1",
    typical=(0.1, 0.9),
    limits={"least": 0.0, "most": 1.0},
    positive=True,
)
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
climb_2 = declare(
    "A_2",
    "A_2",
    "integral of L'^2 from the minimum to the saddle, negative if the saddle lies to the left",
    unit="loss^2/length",
    typical=(0.05, 0.6),
    real=True,
)
climb_3 = declare("A_3", "A_3", "integral of L'^3 from the minimum to the saddle", unit="loss^3/length^2", typical=(0.05, 0.6), positive=True)
climb_12 = declare(
    "A_12", "A_{12}", "integral of L' L''^2 from the minimum to the saddle", unit="loss^3/length^4", typical=(0.05, 0.6), positive=True
)
gradient_skewness = declare("kappa_3", r"\kappa_3", "skewness of one sample's gradient", unit="1", typical=(-1.0, 1.0), real=True)
gradient_kurtosis = declare("kappa_4", r"\kappa_4", "excess kurtosis of one sample's gradient", unit="1", typical=(-1.5, 2.0), real=True)
loss_here = declare("L", "L", "loss at the point looked at", unit="loss", typical=(0.2, 2.0), real=True)
slope = declare("g", "g", "slope of the loss at the point looked at", unit="loss/length", typical=(-2.0, 2.0), real=True)
slope_1, slope_2 = (
    declare(f"g_{i}", f"g_{i}", f"component {i} of the gradient of the loss", unit="loss/length", typical=(-2.0, 2.0), real=True) for i in (1, 2)
)
hessian_11, hessian_12, hessian_22 = (
    declare(f"H_{i}{j}", f"H_{{{i}{j}}}", f"entry {i},{j} of the Hessian", unit="loss/length^2", typical=typical, real=True)
    for i, j, typical in ((1, 1, (0.5, 4.0)), (1, 2, (-0.4, 0.4)), (2, 2, (0.5, 4.0)))
)
third_derivative = declare("L3", "L_3", "third derivative of the loss at the point looked at", unit="loss/length^3", typical=(-2.0, 2.0), real=True)
velocity_here = declare("v", "v", "velocity in the phase space of momentum", unit="length/time", typical=(-2.0, 2.0), real=True)
mean_square_step = declare(
    "v_sq", r"\langle v^2\rangle", "stationary mean square of one iteration's step", unit="length^2", typical=(0.01, 1.0), positive=True
)
mean_square_gradient = declare(
    "g_sq", r"\langle g_B^2\rangle", "stationary mean square of the minibatch gradient", unit="loss^2/length^2", typical=(0.1, 3.0), positive=True
)
noise_slope_1, noise_slope_2 = (
    declare(f"divC_{i}", rf"(\nabla\cdot C)_{i}", f"divergence of row {i} of C", unit="loss^2/length^3", typical=(-1.0, 1.0), real=True)
    for i in (1, 2)
)
loss_1, loss_2 = (declare(f"L_{i}", f"L_{i}", f"loss at minimum {i}", unit="loss", typical=(-1.0, 0.5), real=True) for i in (1, 2))
det_1, det_2 = (
    declare(f"det_H_{i}", rf"\det H_{i}", f"determinant of the Hessian at minimum {i}", unit="(loss/length^2)^n", typical=(0.3, 4.0), positive=True)
    for i in (1, 2)
)
share_1, share_2 = (
    declare(f"s_{i}", f"s_{i}", f"share of the barrier climbed with the noise of minimum {i}", unit="1", typical=(0.1, 0.9), positive=True)
    for i in (1, 2)
)
basin_time_1, basin_time_2 = (
    declare(f"tau_{i}", rf"\tau_{i}", f"mean time to escape from basin {i} to the other", unit="time", typical=(0.5, 20.0), positive=True)
    for i in (1, 2)
)
hop_12, hop_13, hop_21, hop_23, hop_31, hop_32 = (
    declare(f"r_{i}{j}", f"r_{{{i}{j}}}", f"escape rate from basin {i} to basin {j}", unit="1/time", typical=(0.05, 2.0), positive=True)
    for i, j in ((1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2))
)
start_occupation = declare("P_0", "P_0", "probability of starting in basin 1", unit="1", typical=(0.1, 0.9), positive=True)
plain_time = declare("tau", r"\tau", "mean escape time on the landscape before it is rescaled", unit="time", typical=(5.0, 500.0), positive=True)
growth = declare("r", "r", "factor by which learning rate and batch size both grow", unit="1", typical=(1.2, 4.0), positive=True)
tolerated = declare("err", r"\epsilon", "relative error that is tolerated", unit="1", typical=(0.01, 0.2), positive=True)
parameter_count = declare("n", "n", "number of parameters", unit="1", typical=(1.0, 6.0), positive=True)
barrier_height = declare(
    "dL", r"\Delta L", "height of the barrier above both of two equally deep minima", unit="loss", typical=(0.5, 3.0), positive=True
)
noise_exponent = declare("E", "E", "integral of L'/D from the minimum to the saddle", unit="1", typical=(3.0, 20.0), positive=True)
loss_beyond = declare("L_c", "L_c", "loss at the minimum beyond the saddle", unit="loss", typical=(-1.0, 0.5), real=True)
curvature_beyond = declare("H_c", "H_c", "curvature at the minimum beyond the saddle", unit="loss/length^2", typical=(0.3, 4.0), positive=True)
loss_other_saddle = declare("L_d", "L_d", "loss at the saddle of the other way out", unit="loss", typical=(1.0, 3.0), real=True)
curvature_other_saddle = declare(
    "H_d", "H_d", "curvature at the saddle of the other way out (negative)", unit="loss/length^2", typical=(-4.0, -0.3), negative=True
)
orbit_action_1, orbit_action_2 = (
    declare(f"S_{i}", f"S_{i}", f"action of the orbit at barrier energy {where} the saddle", unit="length^2/time", typical=(0.5, 3.0), positive=True)
    for i, where in ((1, "on the minimum's side of"), (2, "beyond"))
)
exit_distance = declare(
    "w", "w", "distance from the target of a regression at which a walker has left", unit="length", typical=(0.2, 0.6), positive=True
)
loss_one, loss_other = (
    declare(f"L_{w}", f"L_{w}", f"loss at the minimum of basin {w}", unit="loss", typical=(-1.0, 1.0), real=True) for w in ("A", "B")
)
curvature_one, curvature_other = (
    declare(f"H_{w}", f"H_{w}", f"curvature at the minimum of basin {w}", unit="loss/length^2", typical=(0.3, 4.0), positive=True) for w in ("A", "B")
)
det_one, det_other = (
    declare(
        f"det_H_{w}",
        rf"\det H_{w}",
        f"determinant of the Hessian at the minimum of basin {w}",
        unit="(loss/length^2)^n",
        typical=(0.3, 4.0),
        positive=True,
    )
    for w in ("A", "B")
)
diffusion_one, diffusion_other = (
    declare(f"D_{w}", f"D_{w}", f"diffusion coefficient at the minimum of basin {w}", unit="length^2/time", typical=(0.02, 0.3), positive=True)
    for w in ("A", "B")
)
phase_difference = declare("Phi_AB", r"\Phi_{AB}", "integral of L'/D from place B to place A", unit="1", typical=(-3.0, 3.0), real=True)
covariance_trace = declare(
    "tr_C", r"\mathrm{Tr}\,C", "trace of the minibatch covariance C", unit="loss^2/length^2", typical=(0.3, 5.0), positive=True
)
hessian_trace = declare("tr_H", r"\mathrm{Tr}\,H", "trace of the Hessian at the minimum", unit="loss/length^2", typical=(0.3, 5.0), positive=True)
noise_floor = declare(
    "c_0", "c_0", "variance of the minibatch gradient at the minimum, c_0 + c_2 x^2", unit="loss^2/length^2", typical=(0.3, 3.0), positive=True
)
noise_growth = declare(
    "c_2", "c_2", "its growth with the distance from the minimum, c_0 + c_2 x^2", unit="loss^2/length^4", typical=(0.3, 3.0), positive=True
)
distance = declare("rho", r"\rho", "distance from the minimum", unit="length", typical=(0.3, 3.0), positive=True)
tail_power = declare(
    "beta", r"\beta", "power of the tail, p ~ |w|^(-1 - beta), and of the moment that it bounds", unit="1", typical=(1.0, 8.0), positive=True
)
wall_min, wall_saddle = (
    declare(f"k_{w}", f"k_{w}", f"curvature across a valley at the {where}", unit="loss/length^2", typical=(0.5, 3.0), positive=True)
    for w, where in (("a", "minimum"), ("b", "saddle"))
)
valley_slope = declare("m", "m", "slope of a straight valley, y = m x", unit="1", typical=(0.2, 1.5), real=True)
rate_1, rate_2 = (
    declare(f"eta_{i}", rf"\eta_{i}", f"learning rate along direction {i}", unit="length^2/loss", typical=(1e-3, 0.1), positive=True) for i in (1, 2)
)
rate_11, rate_12, rate_22 = (
    declare(f"eta_{i}{j}", rf"\eta_{{{i}{j}}}", f"entry {i},{j} of a matrix learning rate", unit="length^2/loss", typical=typical, real=True)
    for i, j, typical in ((1, 1, (0.02, 0.1)), (1, 2, (-0.01, 0.01)), (2, 2, (0.02, 0.1)))
)
spread_11, spread_12, spread_22 = (
    declare(f"Sigma_{i}{j}", rf"\Sigma_{{{i}{j}}}", f"entry {i},{j} of the stationary covariance", unit="length^2", typical=typical, real=True)
    for i, j, typical in ((1, 1, (0.5, 2.0)), (1, 2, (-0.3, 0.3)), (2, 2, (0.5, 2.0)))
)
ridge = declare(
    "Gamma", r"\Gamma", "weight decay: the loss has Gamma |w|^2/2 added; it may be negative", unit="loss/length^2", typical=(0.05, 0.5), real=True
)
target_1, target_2 = (
    declare(f"u_{i}", f"u_{i}", f"component {i} of the weights that made the labels", unit="length", typical=(0.5, 2.0), real=True) for i in (1, 2)
)
target = declare("u", "u", "weight that made the labels, in one dimension", unit="length", typical=(0.5, 2.0), real=True)
samples_per_weight = declare("alpha", r"\alpha", "number of training samples per weight, N/n", unit="1", typical=(1.5, 5.0), positive=True)
average_decay = declare(
    "beta_2", r"\beta_2", "decay of the running average of the squared gradient", unit="1", typical=(0.9, 0.999), nonnegative=True
)
momentum_decay = declare("beta_1", r"\beta_1", "decay of the running average of the gradient", unit="1", typical=(0.5, 0.95), nonnegative=True)
safeguard = declare(
    "eps", r"\varepsilon", "what is added to the root of the mean squared gradient", unit="loss/length", typical=(0.05, 0.5), nonnegative=True
)
weight_decay = declare(
    "weight_decay", r"\lambda", "weight decay: the gradient is g + lambda theta", unit="loss/length^2", typical=(0.1, 1.0), nonnegative=True
)
parameter_here = declare("theta", r"\theta", "parameter at the point looked at", unit="length", typical=(-2.0, 2.0), real=True)
stability_index = declare(
    "alpha_s", r"\alpha", "stability index of heavy-tailed noise, E exp(iuL_t) = exp(-t |u|^alpha)", unit="1", typical=(0.6, 1.8), positive=True
)
jump_scale = declare(
    "eps_L", r"\varepsilon", "strength of stable noise, dx = -L' dt + eps dL", unit="length/time^(1/alpha)", typical=(0.001, 0.02), positive=True
)
left_distance, right_distance = (
    declare(f"d_{i}", f"d_{i}", f"distance from the minimum to the {side} end of the interval", unit="length", typical=(0.4, 2.0), positive=True)
    for i, side in ((1, "left"), (2, "right"))
)
gradient_moment_11, gradient_moment_12, gradient_moment_22 = (
    declare(
        f"M_{i}{j}",
        f"M_{{{i}{j}}}",
        f"mean over the samples of the product of gradient components {i} and {j}",
        unit="loss^2/length^2",
        typical=typical,
        real=True,
    )
    for i, j, typical in ((1, 1, (5.0, 9.0)), (1, 2, (-0.7, 0.7)), (2, 2, (5.0, 9.0)))
)
weight_1, weight_2 = (declare(f"w_{i}", f"w_{i}", f"weight {i} of linear regression", unit="length", typical=(-2.0, 2.0), real=True) for i in (1, 2))
decay_1, decay_2 = (
    declare(
        f"Gamma_{i}",
        rf"\Gamma_{i}",
        f"weight decay of weight {i}: the loss has Gamma_{i} w_{i}^2/2 added",
        unit="loss/length^2",
        typical=(0.2, 2.0),
        real=True,
    )
    for i in (1, 2)
)
input_noise_11, input_noise_12, input_noise_22 = (
    declare(f"b_{i}{j}", f"b_{{{i}{j}}}", f"entry {i},{j} of the covariance of the inputs' noise", unit="loss/length^2", typical=typical, real=True)
    for i, j, typical in ((1, 1, (0.5, 2.0)), (1, 2, (-0.3, 0.3)), (2, 2, (0.5, 2.0)))
)
curvature_square = declare(
    "h_sq",
    r"\overline{h^2}",
    "mean over the samples of the square of a sample's curvature",
    unit="loss^2/length^4",
    typical=(17.0, 30.0),
    positive=True,
)
excess_trace = declare(
    "Tr_ASigma", r"\mathrm{Tr}[A\Sigma]", "twice the mean excess loss, Tr[A Sigma]", unit="loss", typical=(0.1, 3.0), positive=True
)
