"""Noise in proportion to the Hessian with its eigenvalues taken absolute, as Xie et al. take it also at saddles."""

import random

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.formula import Formula
from eyring.theory.regression.sample_noise import HESSIAN
from eyring.theory.results.contract import Result
from eyring.theory.symbols import batch_size as B
from eyring.theory.symbols import learning_rate

__all__ = ["HessianNoise"]


class HessianNoise(Result):
    """C = [H]^+/B = (H^2 + |det H| I)/(B sqrt(Tr H^2 + 2 |det H|)): H/B at a minimum, the eigenvalues' absolute values at a saddle."""

    name = "hessian-noise"
    title = "Minibatch covariance taken as |H|/B, in two coordinates"
    chapter = "Minibatch noise"
    sources = ("xie2021",)

    def derive(self) -> Formula:
        """Take the positive root of H^2/B^2."""
        derivation = (
            Derivation("absolute value of the Hessian")
            .define("C^2 has the eigenvectors of H and the squares of its eigenvalues, over B^2", sp.ImmutableMatrix(HESSIAN**2 / B**2))
            .apply(_ROOT, "its positive root", needs="the noise model C = [H]^+/B")
        )
        return Formula(derivation, "loss^2/length^2", learning_rate, name=self.name)


def _root(square: sp.MatrixBase) -> sp.ImmutableMatrix:
    """Cayley and Hamilton: C^2 = (Tr C) C - (det C) I, so C = (C^2 + det C)/Tr C, with (Tr C)^2 = Tr C^2 + 2 det C."""
    inner = (square * B**2).applyfunc(sp.expand)
    determinant = sp.Abs(HESSIAN.det())
    return sp.ImmutableMatrix((inner + determinant * sp.eye(2)) / (B * sp.sqrt(sp.expand(inner.trace()) + 2 * determinant)))


def _is_positive_root(square: sp.MatrixBase, root: sp.MatrixBase) -> bool:
    """Try a minimum, a saddle and a maximum with random entries: the root squared, and its eigenvalues' signs."""
    generator = random.Random(11)
    signs = set()
    for scale in (1, 1, -1):
        for off in (sp.Rational(1, 5), 3):
            point = {HESSIAN[0, 0]: scale * _drawn(generator), HESSIAN[0, 1]: off * _drawn(generator), HESSIAN[1, 1]: scale * _drawn(generator), B: 3}
            signs.add((bool(HESSIAN.subs(point).det() > 0), scale))
            there, squared = (m.subs(point).evalf(30) for m in (root, square))
            if max(abs(e) for e in there * there - squared) > 1e-20 or not (there.trace() > 0 and there.det() > 0):
                return False
    return len(signs) >= 3


def _drawn(generator: random.Random) -> sp.Rational:
    return sp.Rational(generator.randint(3, 9), 5)


_ROOT = Rule("positive root of a matrix", _root, _is_positive_root)
