"""Phase space: which SDEs are a particle of unit mass with friction, and what its friction, temperature and potential are."""

from dataclasses import dataclass

import sympy as sp

from eyring.theory.landscape import Landscape
from eyring.theory.potential import potential
from eyring.theory.sde import SDE

__all__ = ["Kinetic", "kinetic_form"]


@dataclass(frozen=True)
class Kinetic:
    """dx = v dt, dv = -gamma v dt - grad L dt + sqrt(2 gamma T) dW.

    Attributes:
        positions: The coordinates x.
        velocities: The coordinates v, in the same order.
        friction: gamma, in 1/time.
        temperature: The matrix T = (diffusion of v)/gamma, in units of loss.
        landscape: The loss L(x).
    """

    positions: tuple[sp.Symbol, ...]
    velocities: tuple[sp.Symbol, ...]
    friction: sp.Expr
    temperature: sp.ImmutableMatrix
    landscape: Landscape

    @property
    def isotropic_temperature(self) -> sp.Expr | None:
        """T if the matrix is T times the identity and the same everywhere, else None."""
        T = self.temperature
        same = all(sp.simplify(T[i, j] - (T[0, 0] if i == j else 0)) == 0 for i in range(T.rows) for j in range(T.rows))
        return T[0, 0] if same and not T[0, 0].free_symbols & set(self.positions) else None


def kinetic_form(sde: SDE) -> Kinetic | None:
    """Return the kinetic reading of an SDE, or None if it is not a particle with velocity and scalar friction."""
    n, odd = divmod(sde.dim, 2)
    positions, velocities = sde.coordinates[:n], sde.coordinates[n:]
    if odd or n == 0 or list(sde.drift[:n]) != list(velocities):
        return None
    if any(sde.diffusion[i, j] != 0 for i in range(n) for j in range(2 * n)):
        return None
    pull = [sp.expand(f) for f in sde.drift[n:]]
    frictions = {sp.simplify(-sp.diff(f, v)) for f, v in zip(pull, velocities, strict=True)}
    friction = frictions.pop()
    if frictions or friction.free_symbols & set(sde.coordinates) or friction == 0:
        return None
    forces = [sp.simplify(sp.expand(f + friction * v)) for f, v in zip(pull, velocities, strict=True)]
    if any(f.free_symbols & set(velocities) for f in forces):
        return None
    landscape = sde.landscape if sde.landscape is not None else potential(forces, positions)
    if landscape is None:
        return None
    temperature = (sde.diffusion[n:, n:] / friction).applyfunc(sp.simplify)
    return Kinetic(positions, velocities, friction, sp.ImmutableMatrix(temperature), landscape)
