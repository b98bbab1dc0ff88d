"""The relaxation rate of momentum in a parabola, exactly: friction up to critical damping, then slower and slower."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.results.contract import Result
from eyring.theory.symbols import curvature, friction, learning_rate

__all__ = ["KineticHarmonicGap"]

RATE = sp.Symbol("lambda")


class KineticHarmonicGap(Result):
    """(gamma - Re sqrt(gamma^2 - 4 H))/2 for dx = v dt, dv = -H x dt - gamma v dt + sqrt(2 gamma T) dW, whatever T."""

    name = "kinetic-harmonic-gap"
    title = "Spectral gap of the SDE of SGD with momentum in a parabola"
    chapter = "Escape"
    sources = ("daizhu2021",)
    kind = "exact"
    cited_at_most = 1

    def derive(self) -> Formula:
        """Let the backward operator act on the coordinates, and take the smaller real part."""
        g, H = friction, curvature
        root = sp.sqrt(g**2 - 4 * H)
        derivation = (
            Derivation("spectral gap of momentum in a parabola")
            .define(
                "the backward operator takes x to v and v to -H x - gamma v",
                sp.ImmutableMatrix([[0, 1], [-H, -g]]),
                rule="Ito's formula on linear functions",
            )
            .claim(
                "minus its eigenvalues",
                sp.ImmutableMatrix([(g - root) / 2, (g + root) / 2]),
                residual=_characteristic,
                rule="characteristic polynomial",
            )
            .cite(
                "all other eigenvalues are sums of these with whole-number weights: the gap is the smaller real part",
                sp.re((g - root) / 2),
                source="metafune2002",
            )
            .claim("the root is real or imaginary", (g - sp.sqrt(sp.Max(0, g**2 - 4 * H))) / 2, residual=_in_both_cases, rule="both cases")
        )
        return Formula(derivation, "1/time", sp.sqrt(learning_rate), name=self.name)


def _characteristic(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    polynomial = (previous + RATE * sp.eye(2)).det()
    return sp.expand(polynomial - (RATE - stated[0]) * (RATE - stated[1]))


def _in_both_cases(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
    """Write 4 H as gamma^2 - r^2 (overdamped) and as gamma^2 + r^2."""
    r = sp.Dummy("r", positive=True)
    cases = [{curvature: (friction**2 + sign * r**2) / 4} for sign in (-1, 1)]
    return sp.Add(*(abs(sp.simplify((stated - previous).subs(case).doit())) for case in cases))
