"""Kramers' escape time in one dimension, for any noise strength D(x) > 0 and any of the three calculi."""

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.escape.contract import EscapeProblem, EscapeTheory, regime_of
from eyring.theory.escape.insertion import INSERT, local_values
from eyring.theory.escape.mean_time import EXPONENT, general_mean_time
from eyring.theory.escape.positivity import zero_of_diffusion
from eyring.theory.formula import Formula
from eyring.theory.landscapes import LocalLandscape
from eyring.theory.regime import Condition, greater, less
from eyring.theory.symbols import diffusion_min, diffusion_saddle

__all__ = ["Kramers"]


class Kramers(EscapeTheory):
    """tau = 2 pi (D_b/D_a)^(1/2 - q) e^E / sqrt(H_a |H_b|), E = int_a^b L'/D dx; half of it to the saddle.

    q is 0 in Ito's calculus (that of minibatch SGD), 1/2 in Stratonovich's and 1 in anti-Ito. For constant D this is Kramers 1940.
    """

    name = "kramers"
    source = "kramers1940"
    speciality = 1

    def objection(self, problem: EscapeProblem) -> str | None:
        """Need one overdamped coordinate whose noise nowhere vanishes on the way."""
        if problem.kinetic is not None:
            return "the walker has momentum: it is described in phase space"
        if problem.sde.dim != 1:
            return f"the loss has {problem.sde.dim} coordinates, the formula one"
        zero = zero_of_diffusion(problem)
        if zero is not None:
            return (
                f"the noise vanishes or turns negative at {problem.sde.coordinates[0]} = {zero}, between minimum and saddle, where the drift "
                "points back: no walker crosses and the "
                "escape time is infinite (noise in proportion to |L''(x)| at every point does this). Use "
                "ey.noise.Hessian(switch=c), frozen at the minimum and then at the saddle, "
                "or the covariance of real batches: ey.noise.FiniteSum(losses)"
            )
        return None

    def derive(self, problem: EscapeProblem, order: int) -> Formula:
        """Derive the general formula by Laplace's method, then insert landscape and noise."""
        if order and isinstance(problem.landscape, LocalLandscape):
            raise NotApplicable(
                "corrections need derivatives of the loss beyond the second, which a landscape known by L_a, L_b, H_a and H_b "
                "does not give; ask for order=0"
            )
        uniform = not problem.sde.diffusion[0].has(*problem.sde.coordinates, sp.Function("L"))
        general, neglected = general_mean_time(problem.sde.calculus_weight, problem.event, order, uniform)
        values = local_values(problem, order + 1)
        derivation = general.apply(INSERT, "insert the landscape and the noise", values=values, problem=problem)
        own_error = _first_nonzero(neglected, values, problem)
        conditions = (*_noise_is_there(values), *regime_of(problem, values[EXPONENT]))
        if own_error is not None:
            conditions += tuple(
                c for c in [Condition(less(abs(own_error), sp.Rational(1, 4)), "the first neglected term is small")] if c.relation != sp.true
            )
        return Formula(derivation, "time", problem.sde.clock, conditions, own_error, name=self.name)


def _noise_is_there(values: dict[sp.Symbol, sp.Expr]) -> tuple[Condition, ...]:
    """Demand positive noise at minimum and saddle where its sign is not known (noise in proportion to a loss that may be negative)."""
    places = ((values[diffusion_min], "minimum"), (values[diffusion_saddle], "saddle"))
    unsure = ((D, where) for D, where in places if not D.is_positive)
    return tuple(
        Condition(greater(D, sp.Integer(0)), f"the noise is positive at the {where}", hard=True) for D, where in unsure if (D > 0) != sp.true
    )


def _first_nonzero(neglected: tuple[sp.Expr, ...], values: dict[sp.Symbol, sp.Expr], problem: EscapeProblem) -> sp.Expr | None:
    if isinstance(problem.landscape, LocalLandscape):
        return None
    inserted = [_short(term.subs(values, simultaneous=True)) for term in neglected]
    if any(term.has(sp.DiracDelta, sp.Derivative, sp.Subs, sp.nan, sp.zoo) for term in inserted):
        return None  # the noise has a kink at the minimum or the saddle
    return next((term for term in inserted if term != 0), None)


def _short(term: sp.Expr) -> sp.Expr:
    """Simplify what is algebraic; other terms are left long, and called zero only if they are so in numbers."""
    if term.is_number:
        value = term.evalf(30)
        return sp.Integer(0) if abs(value) < 1e-20 else (sp.nsimplify(term) if term.is_Rational else term)
    return sp.simplify(term) if not term.has(sp.Function) else sp.expand(term)
