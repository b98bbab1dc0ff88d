"""The slowest relaxation rate of a double well in one dimension, against an eigensolver on a grid, where that loses its digits."""

import numpy as np
import sympy as sp
from scipy.sparse import diags
from scipy.sparse.linalg import eigsh

import eyring as ey
from benchmarks.harness import Race

__all__ = ["races"]

GRID = 4000
NOISE = 0.0125  # the barrier is 20 times as high
KNOWN = 9.09651424931301579e-10  # inverse iteration on the exact Green operator at 34 digits
COUNT = 6
BATCH = 50


def on_grid(noise: float, count: int = 1) -> np.ndarray:
    """Return the smallest non-zero rates by shift-invert Lanczos on Scharfetter and Gummel's finite differences, made symmetric."""
    x, step = np.linspace(-2.2, 2.2, GRID, retstep=True)
    rise = np.diff(x**4 / 4 - x**2 / 2) / noise
    up, down = (noise / step**2 * r / np.expm1(r) for r in (rise, -rise))
    diagonal = np.append(up, 0) + np.append(0, down)
    beside = -np.sqrt(up * down)
    matrix = diags([beside, diagonal, beside], [-1, 0, 1], format="csc")
    return np.sort(eigsh(matrix, k=count + 1, sigma=-1e-6, return_eigenvectors=False))[1:]


def races() -> list[Race]:
    """Return the races, each checked for the digits that it names."""
    x, D = sp.symbols("x D", real=True)
    sde = ey.SDE(x - x**3, D, [x])
    strengths = np.geomspace(0.01, 0.05, BATCH)

    def ours(noise: object = NOISE, count: int = 1) -> list:
        return ey.relaxation_rates(sde, values={"D": noise}, count=count)

    error, lost = abs(ours()[0].value / KNOWN - 1), abs(on_grid(NOISE)[0] / KNOWN - 1)
    assert error < 1e-13 < 1e-4 < lost < 1e-1
    six, theirs = np.array([float(r) for r in ours(0.05, COUNT)]), on_grid(0.05, COUNT)
    apart = float(np.max(np.abs(theirs / six - 1)))
    assert apart < 1e-4
    against = f"scipy eigsh, shift-invert, finite differences, n = {GRID}"
    return [
        Race("slowest rate in 1-D, barrier/D = 20", ours, lambda: on_grid(NOISE), against, 10, note=f"relative errors {error:.0e} and {lost:.0e}"),
        Race(
            f"slowest rate in 1-D, {BATCH} strengths of the noise in one call",
            lambda: ours(strengths),
            lambda: on_grid(NOISE),
            against,
            10,
            per=BATCH,
            note="each with its error",
        ),
        Race(
            f"{COUNT} rates in 1-D, barrier/D = 5",
            lambda: ours(0.05, COUNT),
            lambda: on_grid(0.05, COUNT),
            against,
            3,
            note=f"all to 1e-14; the grid's to {apart:.0e}",
        ),
    ]
