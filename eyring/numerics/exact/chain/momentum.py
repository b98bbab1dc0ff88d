"""How many steps with momentum it takes to get out along one coordinate: the optimizer's own steps in place and velocity, no small parameter."""

from collections.abc import Callable

import numpy as np
from scipy.interpolate import BarycentricInterpolator
from scipy.sparse import csr_array

from eyring.errors import AccuracyError
from eyring.numerics.exact.chain.survival import LOOSEST, interpolation

__all__ = ["momentum_passage_steps"]

SCORES = np.linspace(-4.8, 4.8, 25)  # a sum over normal scores so far apart is exact to rounding for smooth functions
WEIGHTS = np.exp(-(SCORES**2) / 2) / np.sum(np.exp(-(SCORES**2) / 2))
WIDE = 5.0  # standard deviations that the grid reaches in velocity, and behind the start in place
FINE = 3.5  # places to the narrowest standard deviation
VELOCITIES = 2.6  # Chebyshev points in velocity to a standard deviation
MOST = 20_000  # unknowns
GRIDS = (0.5, 0.6, 0.72, 0.86, 1.0)  # shares of the finest, tried until two agree
ENOUGH = 1e-3
LONGEST = 20_000  # steps
SETTLED = 1e-6  # change of the rate in a sixth of the steps so far

Function = Callable[[np.ndarray], np.ndarray]


def momentum_passage_steps(
    slope: Function, variance: Function, *, learning_rate: float, momentum: float, curvature: float, start: float, target: float
) -> tuple[float, float]:
    """Return the mean number of steps from rest at the start until s first passes the target above it, and its relative error.

    v' = mu v - eta (L'(s) + sqrt(C(s)) xi), s' = s + v', xi normal. The mean number is the sum over n of the probability P_n to be there after
    n steps, P_{n+1}(s, v) = E[P_n(s', v')] and 0 beyond the target: polynomials of degree five between places, one polynomial through
    Chebyshev's points in velocity. The error is twice the difference between the last two of a few grids, which grow until they agree to 0.1 %.

    Args:
        slope: L'(s).
        variance: C(s), of the gradient of one minibatch.
        learning_rate: eta.
        momentum: mu, above 0.
        curvature: L'' at the start, a minimum, which tells how far walkers reach behind it.
        start: s at the beginning.
        target: Where they are gone.

    Raises:
        AccuracyError: If the last two grids differ by more than 5 %, the way is too long against the walkers' width for a grid, or the steps are so
            small that 20 000 of them do not settle.

    >>> steps, error = momentum_passage_steps(
    ...     lambda s: s**3 - s, lambda s: 0 * s + 4.0, learning_rate=0.1, momentum=0.5, curvature=2.0, start=-1.0, target=1.0)
    >>> round(steps), error < 0.01
    (56, True)
    """
    mu, eta = momentum, learning_rate
    s = np.linspace(start, target, 400)
    C = variance(s)
    slow, fast = np.sqrt(eta * C / (2 * (1 - mu))), eta * np.sqrt(C / (1 - mu**2))  # widths: of the place, times sqrt(curvature); of the velocity
    steepest = max(curvature, float(np.max(np.abs(np.gradient(slope(s), s)))))
    behind = start - WIDE * float(slow[0]) / curvature**0.5
    reach = WIDE * float(fast.max()) + eta / (1 - mu) * float(np.max(np.abs(slope(s))))
    points = int((target - behind) / (float(slow.min()) / steepest**0.5) * FINE), int(2 * reach / float(fast.min()) * VELOCITIES)
    if points[0] * points[1] > MOST:
        raise AccuracyError(f"place and velocity need {points[0]} x {points[1]} points, more than {MOST}: the way is too long against the noise")

    def kicked(s: np.ndarray, v: np.ndarray) -> np.ndarray:
        return (mu * v - eta * slope(s))[..., None] + eta * np.sqrt(variance(s))[..., None] * SCORES

    found, error = np.nan, np.inf
    for share in GRIDS:
        grid = max(int(share * points[0]), 6), max(int(share * points[1]), 6)
        coarse, found = found, _mean_steps(kicked, (behind, target), reach, grid, start)
        error = abs(found / coarse - 1)
        if error < ENOUGH:
            break
    if not error < LOOSEST:
        what = f"changes by {error:.1%} from one grid to the next" if np.isfinite(error) else "is no probability's sum on these grids"
        raise AccuracyError(f"the mean number of steps {what}, up to {points[0]} x {points[1]} points of place and velocity")
    return found, 2 * error


def _mean_steps(kicked: Callable, ends: tuple[float, float], reach: float, points: tuple[int, int], start: float) -> float:
    """Return the mean number of steps from rest at the start, on so many places and velocities."""
    places, size = np.linspace(*ends, points[0]), points[1]
    velocities = reach * np.cos(np.pi * (np.arange(size) + 0.5) / size)
    through = BarycentricInterpolator(velocities, np.eye(size))
    rows, columns, values = [], [], []
    for at, s in enumerate(places):
        moved = kicked(np.full(size, s), velocities)  # (velocities, scores)
        there = s + moved
        inside = WEIGHTS * (there <= ends[1])
        nodes, shares = interpolation(there.ravel(), *ends, points[0])
        low, high = int(nodes.min()), int(nodes.max()) + 1
        spread = np.zeros((there.size, high - low))
        np.put_along_axis(spread, nodes - low, shares, axis=1)
        spread = spread.reshape(size, len(WEIGHTS), -1) * inside[..., None]
        along = through(np.clip(moved.ravel(), -reach, reach)).reshape(size, len(WEIGHTS), size)
        block = np.einsum("jka,jkn->jan", spread, along, optimize=True)
        rows.append(np.repeat(at * size + np.arange(size), block[0].size))
        columns.append(np.tile(np.arange(low * size, high * size), size))
        values.append(block.ravel())
    n = points[0] * size
    chain = csr_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n))
    nodes, shares = interpolation(np.array([start]), *ends, points[0])
    at_rest = (nodes[0][:, None] * size + np.arange(size)).ravel(), np.outer(shares[0], through(0.0)).ravel()
    return _summed(chain, lambda alive: float(at_rest[1] @ alive[at_rest[0]]))


def _summed(chain: csr_array, read: Callable[[np.ndarray], float]) -> float:
    """Return the sum over n of the probability to be there after n steps: step by step until it falls by the same factor, then a geometric series."""
    alive, here, total, before, looked = np.ones(chain.shape[0]), 1.0, 0.0, 0.0, 50
    for n in range(1, LONGEST):
        total += here
        alive = chain @ alive
        here, was = read(alive), here
        if not 0 < here < 2:
            return np.nan  # the grid is too coarse for a probability
        if n == looked:
            rate = 1 - here / was
            if rate > 0 and abs(rate - before) <= SETTLED * rate:
                return total + here / rate
            before, looked = rate, int(1.2 * n) + 1
    raise AccuracyError(f"the chain of steps had not settled after {LONGEST} of them; they are small enough for a diffusion")
