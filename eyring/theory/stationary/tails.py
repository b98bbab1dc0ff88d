"""Whether a density can be normalised: how fast it falls far out, and whether the noise vanishes somewhere."""

import random

import sympy as sp

from eyring.errors import NotApplicable
from eyring.theory.derivation.proof import draw
from eyring.theory.regime import Condition, less

__all__ = ["demand_noise_everywhere", "demand_tails"]


def demand_tails(log_slope: sp.Expr, x: sp.Symbol) -> tuple[Condition, ...]:
    """Return what must hold for p(x) to fall faster than 1/|x| on both sides: lim x (ln p)' < -1.

    Args:
        log_slope: (ln p)', searched if it is a ratio of polynomials in x.
        x: The coordinate.

    Raises:
        NotApplicable: If the limit is a number of at least -1.
    """
    if not log_slope.is_rational_function(x):
        return ()
    conditions = []
    for end in (sp.oo, -sp.oo):
        power = sp.limit(sp.cancel(x * log_slope), x, end)
        if power == -sp.oo or (power.is_number and power < -1):
            continue
        if power.is_number or power.is_infinite:
            raise NotApplicable(
                f"the density falls like |x|^({power}) as {x} -> {end}: the weight is not normalisable and no stationary law exists. "
                "Add a confining term, or ask for an escape time instead"
            )
        conditions.append(Condition(less(power, sp.Integer(-1)), f"the density falls fast enough to be normalised as {x} -> {end}", hard=True))
    return tuple(dict.fromkeys(conditions))


def demand_noise_everywhere(diffusion: sp.Expr, x: sp.Symbol) -> None:
    """Refuse a D(x) with a zero: there the line falls apart into pieces, and no density lives on all of it.

    Raises:
        NotApplicable: With the place, for a D made of polynomials and absolute values; parameters take typical values.
    """
    if x not in diffusion.free_symbols or diffusion.has(sp.Piecewise, sp.core.function.AppliedUndef):
        return
    generator = random.Random(7)
    concrete = diffusion.subs({s: draw(s, generator) for s in sorted(diffusion.free_symbols - {x}, key=str)})
    inside = sp.numer(sp.together(concrete.replace(sp.Abs, lambda argument: argument)))
    if not inside.is_polynomial(x):
        return
    polynomial = sp.Poly(inside, x)
    simple = polynomial.sqf_part() if polynomial.domain.is_Exact else polynomial  # a double root is hard to find in numbers
    zeros = [r for r in simple.nroots(n=20) if abs(sp.im(r)) < 1e-8 and concrete.subs(x, sp.re(r)).evalf(20) < 1e-10]
    if zeros:
        raise NotApplicable(
            f"the noise D = {diffusion} vanishes or is negative at {x} = {sp.re(zeros[0]).evalf(6)}: walkers do not pass there, and no one density "
            "holds on the whole line. "
            "With noise in proportion to the loss, add a constant to the loss (its value at the minimum); else use noise that is positive everywhere"
        )
