"""The first-order SDE of plain SGD, and of SGD with injected white noise: drift and diffusion read off one step."""

import sympy as sp

from eyring.theory.derivation import Derivation
from eyring.theory.dynamics import SGD, Dynamics, WhiteNoiseGD
from eyring.theory.formula import Formula
from eyring.theory.local_loss import on_a_plane, plane_noise
from eyring.theory.results.contract import Result
from eyring.theory.sde import CALCULI
from eyring.theory.symbols import learning_rate, noise_slope_1, noise_slope_2

__all__ = ["MinibatchSGLD", "SGDEquation"]


class SGDEquation(Result):
    """d(theta) = -grad L dt + sqrt(eta C) dW, Ito, one iteration being eta of time: the columns are the drift and D = eta C/2."""

    name = "sgd-sde"
    title = "SDE of SGD, first order: drift -grad L and diffusion D = eta C/2 (columns), at one point of the plane"
    chapter = "From algorithm to SDE"
    sources = ("litaie2019", "mandt2017")
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step."""
        return _side_by_side(SGD(), self.name)

    def in_other_calculi(self) -> dict[str, sp.Basic]:
        """Take -grad L for the drift in another calculus: Ito's would be -grad L + q eta div C/2."""
        columns = self.derive().expression
        push = learning_rate / 2 * sp.Matrix([noise_slope_1, noise_slope_2])
        pushed = {name: sp.Matrix.hstack(columns[:, 0] + weight * push, columns[:, 1:]) for name, weight in CALCULI.items() if weight != 0}
        return {name: sp.ImmutableMatrix(matrix) for name, matrix in pushed.items()}


class MinibatchSGLD(Result):
    """theta' = theta - eta g + sqrt(2 eta T) xi with minibatch gradients: the batch noise adds to the temperature, D = T I + eta C/2."""

    name = "sgld-minibatch"
    title = "SDE of white-noise gradient descent with minibatches: drift and D = T I + eta C/2 (columns), at one point of the plane"
    chapter = "From algorithm to SDE"
    sources = ("welling2011",)
    kind = "leading order"

    def derive(self) -> Formula:
        """Match mean and covariance of one step."""
        return _side_by_side(WhiteNoiseGD(), self.name)


def _side_by_side(dynamics: Dynamics, name: str) -> Formula:
    sde = dynamics.sde(on_a_plane(), plane_noise())
    here = dict.fromkeys(sde.coordinates, 0)
    columns = sp.ImmutableMatrix(sp.Matrix.hstack(sde.drift, sde.diffusion).subs(here))
    derivation = (
        Derivation(f"first-order SDE of {type(dynamics).__name__}")
        .follow(sde.derivation or Derivation(name))
        .claim(
            "drift and diffusion side by side, at the point",
            columns,
            residual=lambda stated, diffusion: (sp.Matrix(stated) - sp.Matrix.hstack(sde.drift, diffusion).subs(here)).applyfunc(sp.expand),
            rule="insertion",
        )
    )
    return Formula(derivation, "length/time, length^2/time", sde.clock, name=name)
