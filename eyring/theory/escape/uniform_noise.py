"""Kramers' mean escape time for one constant D, with its corrections in powers of D, on an undetermined landscape."""

from functools import cache

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.symbols import diffusion, diffusion_min, diffusion_saddle, loss_min, loss_saddle

__all__ = ["UNIFORM", "uniform_mean_time"]

UNIFORM = {diffusion_min: diffusion, diffusion_saddle: diffusion, EXPONENT: (loss_saddle - loss_min) / diffusion}


@cache
def uniform_mean_time(event: str, order: int) -> tuple[Derivation, sp.Expr]:
    """Derive tau = 2 pi e^{(L_b - L_a)/D}/sqrt(H_a |H_b|) (1 + c_1 D + ...); half of it, and powers of sqrt(D) too, to the saddle.

    Args:
        event: "next well" or "to the saddle".
        order: How many powers of D the bracket keeps.

    Returns:
        The derivation, and the first neglected term relative to the leading one.
    """
    general, neglected = general_mean_time(sp.Integer(0), event, order, True)
    derivation = general.apply(_INSERT, "the noise is the same everywhere: D_a = D_b = D, and E = (L_b - L_a)/D")
    return derivation, sp.factor_terms(sp.expand(neglected[0 if event == "to the saddle" else 1].subs(UNIFORM)))


def _insert(expression: sp.Expr) -> sp.Expr:
    brackets = [f for f in sp.Mul.make_args(expression) if isinstance(f, sp.Add)]
    leading = sp.Mul(*(f for f in sp.Mul.make_args(expression) if f not in brackets)).subs(UNIFORM)
    return leading * sp.Mul(*(sp.collect(sp.expand(b.subs(UNIFORM)), diffusion) for b in brackets))


_INSERT = Rule("insertion of one constant D", _insert, lambda before, after: agree_in_numbers(before.subs(UNIFORM), after))
