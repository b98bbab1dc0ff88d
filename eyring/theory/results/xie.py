"""Escape of SGD under noise in proportion to the Hessian, frozen at the minimum and then at the saddle."""

import sympy as sp

from eyring.theory.dynamics.sgd import SGD
from eyring.theory.escape import escape_time
from eyring.theory.formula import Formula
from eyring.theory.landscapes import local
from eyring.theory.noise.hessian import Hessian
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI

__all__ = ["Xie"]


class Xie(Result):
    """tau = (2 pi/H_a) exp[(2 B (L_b - L_a)/eta)(s/H_a + (1 - s)/|H_b|)], s = (L(c) - L_a)/(L_b - L_a), c the point where the noise changes.

    C = H_a/B up to c and |H_b|/B beyond.
    """

    name = "xie"
    title = "Escape time of SGD under noise in proportion to the Hessian"
    chapter = "Escape"
    sources = ("xie2021",)
    kind = "leading order"
    cited_at_most = 2
    published_note = (
        "Theorem 3.2 of Xie, Sato and Sugiyama (recalled) has the prefactor 2 pi/|H_b| for 2 pi/H_a: that of the anti-Ito calculus, "
        "while minibatch noise is evaluated before the step, in Ito's. It is off by the factor H_a/|H_b|: 2.63 and 3.10 at the road's two wells."
    )

    def derive(self) -> Formula:
        """Derive the SDE from the update rule, then Kramers' formula for noise that changes once."""
        return _in_calculus("ito")

    def published(self) -> Formula:
        """Derive the form in print: the same with the drift read in the anti-Ito calculus."""
        return _in_calculus("ito", published=True)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """Derive the same with the noise read in the other two calculi."""
        return {name: _in_calculus(name).expression for name in CALCULI if name != "ito"}


def _in_calculus(calculus: str, *, published: bool = False) -> Formula:
    loss = local()
    a, b = loss.critical_points
    sde = SGD().sde(loss, Hessian()).with_(calculus=calculus)
    return escape_time(sde, start=a, over=b, event="next well", theory="xie", published=published)
