"""Noise in proportion to the loss in n dimensions: on a clock that runs as fast as the loss is high, it is white noise on ln L."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.symbols import det_min, det_saddle, escape_curvature, loss_min, loss_saddle

__all__ = ["power_law"]

X = sp.Symbol("x", real=True)
LOSS, F = sp.Function("L", positive=True)(X), sp.Function("f", real=True)(X)
U_A, U_B = sp.symbols("U_a U_b", real=True)
DET_A, DET_B, LAMBDA = sp.Symbol("det_U_a", positive=True), sp.Symbol("det_U_b", negative=True), sp.Symbol("lambda_U", negative=True)


def power_law(n: sp.Expr, strength: sp.Expr, event: str) -> Derivation:
    """Derive tau = (2 pi/|lambda_b|) sqrt(|det H_b|/det H_a) (L_b/L_a)^(1/k + 1 - n/2) for D = k L times the identity, in Ito's calculus.

    Args:
        n: The number of coordinates, a number or a symbol.
        strength: k.
        event: "next well" or "to the saddle", which takes half of the time.
    """
    share = sp.Integer(1) if event == "next well" else sp.Rational(1, 2)
    backward = strength * LOSS * F.diff(X, 2) - LOSS.diff(X) * F.diff(X)
    on_the_clock = LOSS * (strength * F.diff(X, 2) - sp.log(LOSS).diff(X) * F.diff(X))
    eyring_kramers = share * 2 * sp.pi / -LAMBDA * sp.sqrt(-DET_B / DET_A) * sp.exp((U_B - U_A) / strength) / loss_min
    power = share * 2 * sp.pi / -escape_curvature * sp.sqrt(-det_saddle / det_min) * (loss_saddle / loss_min) ** (1 / strength + 1 - n / 2)
    return (
        Derivation("escape under noise in proportion to the loss" + (", to the saddle: half of the time" if event == "to the saddle" else ""))
        .define("the backward operator, in each coordinate: L times the noise strength k, drift -grad L", backward, rule="Ito's formula")
        .claim("it is L times that of white noise k on U = ln L: the clock runs L times as fast", on_the_clock)
        .cite(
            "the Eyring-Kramers law on that clock; a visit to the minimum lasts 1/L_a in time",
            eyring_kramers,
            source="bovier2004",
            needs="ln(L_b/L_a)/k is large, and one saddle separates the wells",
        )
        .claim(
            "L' vanishes at minimum and saddle, so the Hessian of ln L is H/L there: det U = det H/L^n, lambda_U = lambda_b/L_b",
            power,
            residual=lambda stated, before: _log_ratio(stated, before, n),
            rule="insertion of ln L",
        )
    )


def _log_ratio(stated: sp.Basic, before: sp.Basic, n: sp.Expr) -> sp.Expr:
    """Insert U = ln L in the line before and compare logarithms, for positive losses."""
    low, high = sp.Dummy("ell_a", positive=True), sp.Dummy("ell_b", positive=True)
    positive = {loss_min: low, loss_saddle: high}
    inserted = {
        U_A: sp.log(low),
        U_B: sp.log(high),
        LAMBDA: _hessian_of_log(escape_curvature, high),
        DET_A: det_min * (_hessian_of_log(sp.Integer(1), low)) ** n,
        DET_B: det_saddle * (_hessian_of_log(sp.Integer(1), high)) ** n,
    }
    sides = (stated.subs(positive), before.subs(inserted).subs(positive))
    one, other = (sp.expand_log(sp.log(side), force=True) for side in sides)
    return sp.simplify(sp.expand(one - other))


def _hessian_of_log(curvature: sp.Expr, value: sp.Expr) -> sp.Expr:
    """Return the second derivative of ln L where L' = 0."""
    second = sp.diff(sp.log(LOSS), X, 2).subs(LOSS.diff(X, 2), curvature).subs(LOSS.diff(X), 0)
    return second.subs(LOSS, value)
