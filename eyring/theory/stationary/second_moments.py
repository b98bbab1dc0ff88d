"""Second moments of a linear process: how they change in time, from Ito's generator, and where they stand still."""

import sympy as sp

from eyring.theory.derivation import Derivation, Rule
from eyring.theory.derivation.proof import agree_in_numbers
from eyring.theory.sde import SDE
from eyring.theory.stationary.lyapunov import solve_lyapunov, without_roots

__all__ = ["MOMENT_RATE", "moment_symbols", "stationary_moments"]


def moment_symbols(n: int) -> sp.ImmutableMatrix:
    """Return the symmetric matrix S of second moments E[x_i x_j], as symbols."""
    return sp.ImmutableMatrix(n, n, lambda i, j: sp.Symbol(f"S_{min(i, j) + 1}{max(i, j) + 1}", real=True))


def stationary_moments(sde: SDE) -> Derivation:
    """Derive the covariance of dx = -A x dt + sqrt(2 D) dW about its centre 0: the moments' rate of change, then where it vanishes."""
    here = sp.Matrix(sde.coordinates)
    A = sp.ImmutableMatrix(-sde.drift.jacobian(list(here)))
    S = moment_symbols(sde.dim)

    def change_at(stated: sp.Basic, previous: sp.Basic) -> sp.Basic:
        values = dict(zip(S, stated, strict=True))
        return previous.xreplace(values).applyfunc(_vanishing)

    return (
        Derivation("stationary covariance of a linear process")
        .define("the products of coordinates", sp.ImmutableMatrix(here * here.T))
        .apply(MOMENT_RATE, "their mean rate of change, with S for the second moments", sde=sde)
        .claim("the covariance at which it vanishes", solve_lyapunov(2 * sde.diffusion, drift_matrix=A), residual=change_at, rule="insertion")
    )


def _vanishing(entry: sp.Expr) -> sp.Expr:
    plain, roots = without_roots(entry)
    return sp.factor(plain).xreplace(roots)


def _rate(products: sp.MatrixBase, *, sde: SDE) -> sp.ImmutableMatrix:
    """Apply f_k d_k + D_kl d_k d_l to every product, and take the mean."""
    xs = sde.coordinates
    S = moment_symbols(sde.dim)

    def mean(powers: tuple[int, ...]) -> sp.Expr:
        places = [k for k, power in enumerate(powers) for _ in range(power)]
        return S[places[0], places[1]] if places else sp.Integer(1)

    def mean_rate(product: sp.Expr) -> sp.Expr:
        pull = sum((f * sp.diff(product, x) for f, x in zip(sde.drift, xs, strict=True)), sp.Integer(0))
        spread = sum((sde.diffusion[k, m] * sp.diff(product, x, y) for k, x in enumerate(xs) for m, y in enumerate(xs)), sp.Integer(0))
        return sum((coefficient * mean(powers) for powers, coefficient in sp.Poly(pull + spread, *xs).terms()), sp.Integer(0))

    return sp.ImmutableMatrix(products).applyfunc(mean_rate)


def _one_short_step(products: sp.MatrixBase, rates: sp.MatrixBase, *, sde: SDE) -> bool:
    """Take one Euler step: E[x' x'^T] = (1 - A dt) S (1 - A dt)^T + 2 D dt, whose slope in dt is the rate."""
    dt = sp.Dummy("dt", positive=True)
    step = sp.eye(sde.dim) + sde.drift.jacobian(list(sde.coordinates)) * dt
    after = step * moment_symbols(sde.dim) * step.T + 2 * sde.diffusion * dt
    return agree_in_numbers(sp.ImmutableMatrix(after.diff(dt).subs(dt, 0)), sp.ImmutableMatrix(rates))


MOMENT_RATE = Rule("Ito's formula for second moments", _rate, _one_short_step)
