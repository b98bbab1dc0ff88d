"""Fluctuation and dissipation: a relation between averages that every stationary run obeys at any learning rate, on any loss, with any noise."""

import random
from itertools import pairwise

import sympy as sp

from eyring.errors import DerivationError
from eyring.theory.derivation import Derivation, Rule
from eyring.theory.dynamics import SGD, Dynamics, MomentumSGD
from eyring.theory.dynamics.contract import buffer_of, one_step_map
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.symbols import learning_rate, mean_square_gradient, mean_square_step, momentum

__all__ = ["FluctuationDissipation", "FluctuationDissipationSGD"]

X = sp.Symbol("x", real=True)
GRADIENT = sp.Symbol("g_B", real=True)  # of the batch
STEP = sp.Symbol("v", real=True)  # the step that led to x
PUSH, ALONG = sp.Symbol("<x.grad L>", real=True), sp.Symbol("<x.v>", real=True)


class FluctuationDissipation(Result):
    """<x.grad L> = (1 + mu) <|v|^2>/(2 eta), v the step of one iteration of heavy ball; exact wherever the run is stationary."""

    name = "fluctuation-dissipation"
    title = "Fluctuation-dissipation relation of heavy ball: <x.grad L> from the mean square step"
    chapter = "From algorithm to SDE"
    sources = ("yaida2019",)

    def derive(self) -> Formula:
        """Let <x^2> and <x.v> stand still over one step."""
        derivation = _stationary(MomentumSGD(), mean_square_step).claim(
            "solve for <x.grad L> and <x.v> = <v^2>/2",
            (1 + momentum) * mean_square_step / (2 * learning_rate),
            residual=lambda stated, balance: balance.subs({PUSH: stated, ALONG: mean_square_step / 2}).applyfunc(sp.expand),
            rule="insertion",
        )
        return Formula(derivation, "loss", learning_rate, name=self.name)


class FluctuationDissipationSGD(Result):
    """<x.grad L> = eta <|g_B|^2>/2 for plain SGD, g_B the gradient of the batch."""

    name = "fluctuation-dissipation-sgd"
    title = "Fluctuation-dissipation relation of SGD: <x.grad L> from the mean square of the minibatch gradient"
    chapter = "From algorithm to SDE"
    sources = ("yaida2019",)

    def derive(self) -> Formula:
        """Let <x^2> stand still over one step."""
        derivation = _stationary(SGD(), learning_rate**2 * mean_square_gradient).claim(
            "solve for <x.grad L>",
            learning_rate * mean_square_gradient / 2,
            residual=lambda stated, balance: balance.subs(PUSH, stated).applyfunc(sp.expand),
            rule="insertion",
        )
        return Formula(derivation, "loss", learning_rate, name=self.name)


def _stationary(dynamics: Dynamics, mean_square: sp.Expr) -> Derivation:
    """Write one step in one coordinate (the relation is summed over them) and demand that <x^2>, and <x.v> where there is a velocity, stand still."""
    velocities = {buffer_of(b, X): -STEP / learning_rate for b in dynamics.buffers}  # the step that led to x is -eta m
    new = one_step_map(dynamics, [X], [GRADIENT])[X].subs(velocities)
    return (
        Derivation(f"fluctuation-dissipation relation of {type(dynamics).__name__}")
        .define("one step of the update rule: the new place, and the step there", sp.ImmutableMatrix([new, sp.expand(new - X)]), rule="update rule")
        .apply(
            _STANDS_STILL,
            "changes of <x^2> and <x.v> over a step, zero in a stationary run; the batch noise has mean zero, so that <x.g_B> = <x.grad L>",
            needs="the run is stationary and <x^2> and <v^2> are finite",
            mean_square=mean_square,
        )
    )


def _changes(step: sp.MatrixBase, *, mean_square: sp.Expr) -> sp.ImmutableMatrix:
    new, moved = step
    if sp.expand(new - X - moved) != 0 or moved.has(X):
        raise DerivationError("the new place must be the old one and a step that does not know it but through the gradient")
    along = (X * moved).expand().subs({X * STEP: ALONG, X * GRADIENT: PUSH})  # <x.v'>
    lines = [2 * along + mean_square]
    return sp.ImmutableMatrix([*lines, along + mean_square - ALONG] if moved.has(STEP) else lines)


def _along_a_path(step: sp.MatrixBase, after: sp.MatrixBase, *, mean_square: sp.Expr) -> bool:
    """Average both changes over a path through random points, with the gradients that the rule needs for it; a stationary one makes them zero."""
    generator = random.Random(1810)
    eta, mu = sp.Rational(3, 7), sp.Rational(5, 8)
    places = [sp.Rational(generator.randint(-40, 40), 9) for _ in range(9)]
    steps = [b - a for a, b in pairwise(places)]
    here, old, new = places[1:-1], steps[:-1], steps[1:]
    rule = step[1].subs({learning_rate: eta, momentum: mu})
    gradients = [sp.solve(rule.subs(STEP, v) - w, GRADIENT)[0] for v, w in zip(old, new, strict=True)]
    averages = {
        PUSH: _mean(here, gradients),
        ALONG: _mean(here, old),
        mean_square_step: _mean(new, new),
        mean_square_gradient: _mean(gradients, gradients),
    }
    changes = [_mean(places[2:], places[2:]) - _mean(here, here), _mean(places[2:], new) - _mean(here, old)]
    return list(after.subs({learning_rate: eta, momentum: mu, **averages})) == changes[: after.rows]


def _mean(left: list[sp.Rational], right: list[sp.Rational]) -> sp.Rational:
    return sum((a * b for a, b in zip(left, right, strict=True)), sp.Integer(0)) / len(left)


_STANDS_STILL = Rule("average over one step", _changes, _along_a_path)
