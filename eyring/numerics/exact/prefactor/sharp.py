r"""What stands before exp(phi): the sharp prefactor of an escape, for any smooth drift and any smooth noise D(x) > 0.

Weak noise leaves the density K exp(-W) between well and saddle, and a walker at x gets over with the probability Q exp(-V). On the most likely
way, x' = b + 2 D p with p = grad W = -grad V, the Fokker-Planck and the backward equation give to the next order

    (ln K)' = -(div b + tr(D W'') + 2 (div D).p) + g.p,    (ln Q)' = tr(D V'') - g.p,

b the drift as written and g what the calculus adds to it in Ito's. Both Hessians are planes that the neighbours of the way carry along (their
Riccati equations, solved as linear ones): W'' from the well, V'' back from the saddle. K is the Gaussian of the well at the start, Q the error
function over the saddle at the end, and the flux between,

    1/tau = K Q |x'| (2 pi)^((n-1)/2) exp(-phi)/sqrt(det(W'' + V'')),    the determinant across the way,

is the same at each point of the way. It needs W to be smooth at the way, and not at the saddle itself, where it often is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.action.ends import written
from eyring.numerics.exact.action.path import Instanton
from eyring.numerics.exact.prefactor.ends import Saddle, Well, saddle_at, well_at
from eyring.numerics.exact.prefactor.motion import Motion, motion_of, turned
from eyring.numerics.exact.prefactor.newton import settled
from eyring.numerics.exact.prefactor.orbit import CLOSE, Orbit, begun
from eyring.theory.sde import SDE

__all__ = ["log_prefactor", "log_prefactor_of"]

WANTED = 1e-10
LOOSEST = 1e-6
ROUNDING = 1e-12
HALVINGS = 4
AT_SADDLE = 1e-4  # of the way's length
CUT = 10.0  # how much earlier the orbit is cut off to see what that costs


def log_prefactor(
    sde: SDE, numbers: Mapping[sp.Symbol, Any], path: np.ndarray, timed: Instanton | None, correction: Sequence[sp.Expr] | None = None
) -> tuple[float, float]:
    """Return ln(tau) - phi for the time to settle beyond the saddle, and its estimated error.

    Args:
        sde: Drift b as written, D and the calculus.
        numbers: One for each parameter.
        path: The cheapest path, from attractor to saddle, (points, n).
        timed: The same as it runs in time.
        correction: A further part of the Ito drift that is as small as the noise, one expression for each coordinate.

    Raises:
        NotApplicable: If the path does not end on a saddle with one way down, drift or noise is not smooth, noise is missing in some direction,
            or neighbouring paths cross.
        AccuracyError: If it does not settle to 1e-6.
    """
    return log_prefactor_of(motion_of(sde, numbers, path[0], correction), path, timed)


def log_prefactor_of(motion: Motion, path: np.ndarray, timed: Instanton | None) -> tuple[float, float]:
    """Return the same for a motion whose drift and noise may be no formulas; see ``log_prefactor``."""
    _demand_rest(motion, path, timed)
    well, saddle = well_at(motion, path[0]), saddle_at(motion, path[-1])
    assert timed is not None
    orbit = settled(motion, well, saddle, begun(motion, well, saddle, timed))
    value, before = _Flux.of(motion, well, saddle, orbit).log_time, np.inf
    for _ in range(HALVINGS):
        before, orbit = value, settled(motion, well, saddle, orbit.halved())
        value = _Flux.of(motion, well, saddle, orbit).log_time
        if abs(value - before) <= WANTED:
            break
    _demand_one_way(well, saddle, orbit)
    cut = _Flux.of(motion, well, saddle, _shortened(orbit, well, saddle)).log_time
    error = abs(value - before) + abs(value - cut) + ROUNDING
    if not error <= LOOSEST:
        raise AccuracyError(f"the prefactor settled only to {error:.1g} (relative), at exp({value:.6g}) units of time", float(np.exp(value)), error)
    return value, error


@dataclass(frozen=True)
class _Flux:
    """The parts of the flux over a section across the way at its fastest point.

    Attributes:
        population: ln of K, without the Gaussian's powers of 2 pi.
        chance: ln of Q.
        section: ln det(W'' + V'') across the way.
        speed: ln |x'|.
    """

    population: float
    chance: float
    section: float
    speed: float

    @property
    def log_time(self) -> float:
        """ln(tau) - phi."""
        return float(np.log(2 * np.pi) + self.section / 2 - self.population - self.chance - self.speed)

    @classmethod
    def of(cls, motion: Motion, well: Well, saddle: Saddle, orbit: Orbit) -> "_Flux":
        n = motion.dim
        motions = turned(motion.slopes(orbit.nodes))
        middle = int(np.argmax(np.linalg.norm(motions[:, :n], axis=1)))
        out = _Plane.carried(well.plane, orbit.transfer[:middle])
        back = _Plane.carried(saddle.plane, _reversed(orbit.transfer[middle:]))
        early, late = (orbit.integral(motion.push, part) - orbit.integral(motion.widening, part) / 2 for part in (slice(middle), slice(middle, None)))
        population = _logdet(well.hessian) / 2 - out.stretch / 2 + early
        # p reaches the saddle as y l: y from the share of the velocity in the last direction of the plane, which decays as exp(-rate t)
        arrival = float(np.log(abs(back.columns[:, -1] @ motions[middle]))) - back.growth[-1] - np.log(saddle.rate)
        at_saddle = np.log(saddle.rate / saddle.noise) / 2 - arrival
        chance = at_saddle - back.stretch / 2 + late
        across = np.linalg.svd(motions[middle, None, :n])[2][1:].T
        section = across.T @ (out.hessian - back.hessian) @ across
        if n > 1 and not np.min(np.linalg.eigvalsh(section)) > 0:
            raise NotApplicable(_not_cheapest(orbit.nodes[middle, :n]))
        return cls(population, float(chance), _logdet(section), float(np.log(np.linalg.norm(motions[middle, :n]))))


@dataclass(frozen=True)
class _Plane:
    """The tangent plane of all neighbouring orbits, (x, p) = (U, V) up to a change of basis; its Hessian is V/U.

    Attributes:
        columns: An orthonormal basis, (2n, n).
        growth: ln of how much each direction has grown against those before it, (n,).
        stretch: ln of the growth of |det U|.
    """

    columns: np.ndarray
    growth: np.ndarray
    stretch: float

    @property
    def hessian(self) -> np.ndarray:
        """V U^-1, symmetric."""
        n = self.columns.shape[1]
        ratio = np.linalg.solve(self.columns[:n].T, self.columns[n:].T)
        return (ratio + ratio.T) / 2

    @classmethod
    def carried(cls, plane: np.ndarray, transfers: np.ndarray) -> "_Plane":
        """Return where a plane is carried by one transfer after the other."""
        n = plane.shape[1]
        columns, growth = _orthonormal(plane)
        for transfer in transfers:
            columns, more = _orthonormal(transfer @ columns)
            growth = growth + more
        return cls(columns, growth, _logdet(columns[:n]) + float(np.sum(growth)) - _logdet(plane[:n]))


def _orthonormal(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    columns, triangle = np.linalg.qr(plane)
    sizes = np.diag(triangle)
    return columns * np.sign(sizes), np.log(np.abs(sizes))


def _reversed(transfers: np.ndarray) -> np.ndarray:
    """Return the inverse transfers, last first: the motion keeps dx.dp, so the inverse is a rearrangement."""
    n = transfers.shape[1] // 2
    t = np.swapaxes(transfers[::-1], 1, 2)
    top = np.concatenate([t[:, n:, n:], -t[:, n:, :n]], axis=2)
    return np.concatenate([top, np.concatenate([-t[:, :n, n:], t[:, :n, :n]], axis=2)], axis=1)


def _logdet(matrix: np.ndarray) -> float:
    return float(np.linalg.slogdet(matrix)[1])


def _shortened(orbit: Orbit, well: Well, saddle: Saddle) -> Orbit:
    """Return the orbit without the parts nearer to its ends than CUT times where it was cut off."""
    n = len(well.place)
    near = CUT * CLOSE * float(np.linalg.norm(saddle.place - well.place))
    first, last = (np.linalg.norm(orbit.nodes[:, :n] - end.place, axis=1) > near for end in (well, saddle))
    return orbit.part(int(np.argmax(first)), len(last) - 1 - int(np.argmax(last[::-1])))


def _demand_rest(motion: Motion, path: np.ndarray, timed: Instanton | None) -> None:
    """Raise unless the path ends where the drift vanishes, and takes exponential time at its ends."""
    end = path[-1]
    size = np.linalg.norm(motion.field.jacobian(end[None])[0]) * np.linalg.norm(end - path[0])
    drift = motion.field.drift(end[None])[0]
    if not np.linalg.norm(drift) <= 1e-8 * size:
        raise NotApplicable(
            f"the prefactor is that of an escape over a saddle, and the path ends at {written(end)}, where the drift is {written(drift)}: end on a "
            "saddle"
        )
    if timed is None:
        raise NotApplicable("the prefactor needs a well and a saddle that are not flat: at one of them the drift vanishes faster than linearly")


def _demand_one_way(well: Well, saddle: Saddle, orbit: Orbit) -> None:
    """Raise where neighbouring ways uphill from the well cross: beyond, the path is not the cheapest. At the saddle itself rounding would decide."""
    n = len(well.place)
    columns = _orthonormal(well.plane)[0]
    near = AT_SADDLE * np.linalg.norm(saddle.place - well.place)
    for k, (transfer, inside) in enumerate(zip(orbit.transfer, orbit.inside, strict=True)):
        if np.linalg.norm(orbit.nodes[k + 1, :n] - saddle.place) < near:
            return
        if not np.all(np.linalg.det((np.concatenate([inside, transfer[None]]) @ columns)[:, :n]) > 0):
            raise NotApplicable(_not_cheapest(orbit.nodes[k, :n]))
        columns = _orthonormal(transfer @ columns)[0]  # the triangle's diagonal is positive: det U keeps its sign


def _not_cheapest(place: np.ndarray) -> str:
    return (
        f"near {written(place)} the path meets its neighbours from the same well: from there on others are cheaper, and there is no prefactor to it. "
        "Find the cheapest path, with through=[points on the way] aside of this one"
    )
