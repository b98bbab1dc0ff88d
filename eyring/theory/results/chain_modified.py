"""The second modified equation of the white-noise chain x' = x - eta L' + sqrt(2 eta T) xi, and the stationary density that it gives."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.formula import Formula
from eyring.theory.landscape import Landscape
from eyring.theory.local_loss import on_a_line
from eyring.theory.matching.modified_equation import modified_equation
from eyring.theory.results.contract import Result
from eyring.theory.results.second_order import at_the_point
from eyring.theory.symbols import curvature, curvature_min, learning_rate, loss_here, loss_min, slope, temperature

__all__ = ["ChainDensity", "ChainEquation"]

TINY = sp.Rational(1, 10**20)


class ChainEquation(Result):
    """drift -L' - (eta/2)(L' L'' - T L'''), D = T (1 + eta L''): weak order 2 at fixed T, and the stationary law right to O(eta) relative."""

    name = "chain-modified-equation"
    title = "Second modified equation of the white-noise chain on a line: drift and D (columns), at one point"
    chapter = "From algorithm to SDE"
    sources = ("zygalakis2011",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Match the generating function of one step through eta^2."""
        return at_the_point(modified_equation(WhiteNoiseGD(), on_a_line()), self.name, note="the stationary law is right to O(eta) relative")


class ChainDensity(Result):
    """p ~ exp(-L/T + eta L'^2/(4 T) - eta L''/2), with relative error O(eta^2): ln p at a point minus that at a minimum."""

    name = "chain-modified-density"
    title = "Stationary density of the white-noise chain to O(eta): ln p at a point, less that at a minimum"
    chapter = "From algorithm to SDE"
    sources = ("zygalakis2011",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Let the modified equation carry no flux, expand in eta and integrate."""
        x, eta, T = sp.Symbol("x", real=True), learning_rate, temperature
        L = sp.Function("L", real=True)(x)
        sde = modified_equation(WhiteNoiseGD(), Landscape(L, [x]))
        exponent = -L / T + eta * sp.diff(L, x) ** 2 / (4 * T) - eta * sp.diff(L, x, 2) / 2
        here = sp.Matrix([loss_here, slope, curvature])
        there = sp.Matrix([loss_min, 0, curvature_min])
        derivation = (
            Derivation("stationary density of the white-noise chain")
            .follow(sde.derivation or Derivation(self.name))
            .apply(_ZERO_FLUX, "slope of ln p where the flux b p - (D p)' is zero", place=x, needs="the weight is normalisable")
            .apply(_TO_FIRST_ORDER, "to first order in eta", needs="eta is small against 1/L'' and the modified D is positive")
            .claim("integrate", exponent, residual=lambda stated, slope: sp.expand(sp.diff(stated, x) - slope), rule="differentiation")
            .apply(_DIFFERENCE, "between the point and a minimum, where the slope is zero", jet=_jet(L, x), here=here, there=there)
        )
        return Formula(derivation, "1", eta, name=self.name)


def _jet(L: sp.Expr, x: sp.Symbol) -> sp.Matrix:
    return sp.Matrix([L, sp.diff(L, x), sp.diff(L, x, 2)])


def _without_flux(columns: sp.MatrixBase, *, place: sp.Symbol) -> sp.Expr:
    drift, diffusion = columns
    return (drift - sp.diff(diffusion, place)) / diffusion


def _carries_no_flux(columns: sp.MatrixBase, after: sp.Expr, *, place: sp.Symbol) -> bool:
    """Give the density's logarithm the slope and differentiate D p."""
    drift, diffusion = columns
    density = sp.Function("p", positive=True)(place)
    flux = drift * density - sp.diff(diffusion * density, place)
    return bool(sp.simplify(flux.subs(sp.diff(density, place), after * density)) == 0)


def _first_order(expression: sp.Expr) -> sp.Expr:
    return sp.expand(expression.subs(learning_rate, 0) + learning_rate * sp.diff(expression, learning_rate).subs(learning_rate, 0))


def _first_order_in_numbers(before: sp.Expr, after: sp.Expr) -> bool:
    """What was dropped, over a tiny eta, must be of the order of eta."""
    return agree_in_numbers(((before - after) / learning_rate).subs(learning_rate, TINY), sp.Integer(0), tolerance=1e-11)


def _insert(expression: sp.Expr, jet: sp.MatrixBase, values: sp.MatrixBase) -> sp.Expr:
    result = expression
    for derivative, value in reversed(list(zip(jet, values, strict=True))):  # the highest first: L'' contains L
        result = result.subs(derivative, value)
    return result


def _between(expression: sp.Expr, *, jet: sp.MatrixBase, here: sp.MatrixBase, there: sp.MatrixBase) -> sp.Expr:
    return sp.collect(sp.expand(_insert(expression, jet, here) - _insert(expression, jet, there)), [learning_rate, 1 / temperature])


def _between_in_numbers(before: sp.Expr, after: sp.Expr, *, jet: sp.MatrixBase, here: sp.MatrixBase, there: sp.MatrixBase) -> bool:
    """Put the two Taylor polynomials in, and take their derivatives."""
    loss, x = jet[0], jet[0].args[0]
    ends = [before.subs(loss, v[0] + v[1] * x + v[2] * x**2 / 2).doit().subs(x, 0) for v in (here, there)]
    return agree_in_numbers(ends[0] - ends[1], after)


_ZERO_FLUX = Rule("zero flux", _without_flux, _carries_no_flux)
_TO_FIRST_ORDER = Rule("expansion in eta", _first_order, _first_order_in_numbers)
_DIFFERENCE = Rule("insertion", _between, _between_in_numbers)
