"""Scaling judged by exact passage times and exact chains of the rescaled landscape and of the plain one."""

from collections.abc import Sequence

import sympy as sp

from eyring.numerics.exact import exact_chain_time, exact_escape_time
from eyring.numerics.roads.contract import Road, Trial
from eyring.theory.dynamics import WhiteNoiseGD
from eyring.theory.landscape import Landscape
from eyring.theory.sde import SDE

__all__ = ["MinibatchTimes", "RescaledChain", "RescaledTimes"]

X = sp.Symbol("x", real=True)
LOSS = X**4 / 4 - X**3 / 10 - X**2 / 2
NOISE = sp.Rational(1, 20)
ROOM = (-1.0, 1.05)


def _time(drift: sp.Expr, diffusion: sp.Expr, root: float) -> float:
    return float(exact_escape_time(SDE(drift, diffusion, [X]), start=ROOM[0] / root, target=ROOM[1] / root))


class RescaledTimes(Road):
    """Solve for the passage time on L(sqrt(k) x) at the same temperature."""

    result = "landscape-scaling"
    method = "exact passage times under white noise, strong and weak"

    def trials(self) -> Sequence[Trial]:
        """Noise from a fifth of the barrier to twice it."""
        rows = []
        for k, noise in (("9/4", NOISE), ("16/25", sp.Rational(1, 8)), ("4", sp.Rational(1, 2))):
            factor = sp.Rational(k)
            plain = _time(-sp.diff(LOSS, X), noise, 1.0)
            scaled = _time(-sp.diff(LOSS.subs(X, sp.sqrt(factor) * X), X), noise, float(sp.sqrt(factor)))
            rows.append(Trial({"tau": plain, "k": float(factor)}, scaled, 1e-11))
        return rows


class MinibatchTimes(Road):
    """Solve for the passage time on L(sqrt(k) x) at eta, whose noise is (eta/2) k C(sqrt(k) x), and on L(x) at k eta."""

    result = "landscape-scaling"
    method = "exact passage times under minibatch noise that depends on the place, learning rates eta and k eta"

    def trials(self) -> Sequence[Trial]:
        """Two scales; C = 1 + x^2/2 + x/5."""
        rows, C = [], 1 + X**2 / 2 + X / 5
        for k, eta in (("9/4", sp.Rational(1, 25)), ("16/25", sp.Rational(3, 10))):
            factor = sp.Rational(k)
            root = sp.sqrt(factor)
            plain = _time(-sp.diff(LOSS, X), factor * eta / 2 * C, 1.0)
            scaled = _time(-sp.diff(LOSS.subs(X, root * X), X), eta / 2 * factor * C.subs(X, root * X), float(root))
            rows.append(Trial({"tau": plain, "k": float(factor)}, scaled, 1e-11))
        return rows


class RescaledChain(Road):
    """Find by secants the learning rate on L(x) at which the chain takes as many steps as on L(sqrt(k) x) at eta."""

    result = "step-scaling"
    method = "mean passage steps of the chain on the rescaled landscape, met by the learning rate on the plain one"

    def trials(self) -> Sequence[Trial]:
        """White noise, whose kick sqrt(2 eta T) stretches with the coordinate if T stays: steps of a tenth of the inverse curvature and more."""
        rows = []
        for k, eta, noise in ((2.25, 0.07, 0.15), (0.64, 0.3, 0.2)):
            wanted = _steps(LOSS.subs(X, sp.sqrt(sp.Rational(str(k))) * X), k**0.5, eta, noise)
            one, two = 0.9 * k * eta, 1.05 * k * eta
            at_one, at_two = (_steps(LOSS, 1.0, e, noise) - wanted for e in (one, two))
            for _ in range(5):
                one, two, at_one = two, two - at_two * (two - one) / (at_two - at_one), at_two
                at_two = _steps(LOSS, 1.0, two, noise) - wanted
                if abs(at_two) < 1e-11 * wanted:
                    break
            rows.append(Trial({"k": k, "eta": eta}, two, 1e-8))
        return rows


def _steps(loss: sp.Expr, root: float, eta: float, noise: float) -> float:
    chain = exact_chain_time(WhiteNoiseGD(), Landscape(loss, [X]), start=ROOM[0] / root, target=ROOM[1] / root, values={"eta": eta, "T": noise})
    return float(chain)
