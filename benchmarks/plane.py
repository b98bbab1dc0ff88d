"""The relaxation rate of two wells in the plane: against a sparse eigensolver on 240 x 240 cells, as good as its grid allows, and extrapolated."""

from collections.abc import Callable

import numpy as np
import sympy as sp
from scipy.sparse import csc_matrix, diags
from scipy.sparse.linalg import eigs, eigsh

import eyring as ey
from benchmarks.harness import Race

x, y = sp.symbols("x y", real=True)
D = sp.Symbol("D", positive=True)
WAIST = x**4 / 4 - x**2 / 2 + (1 + x**2) * y**2 / 2
CELLS = 240
BOX = {0.05: (1.9, 1.55), 0.025: (1.7, 1.05)}
REFERENCE = 3.71984057e-3


def races() -> list[Race]:
    """Return a gradient drift with the symmetric eigensolver, and a drift that is no gradient with full D(x, y)."""
    sde = ey.SDE([-sp.diff(WAIST, x), -sp.diff(WAIST, y)], D * sp.eye(2), [x, y])
    found = []
    for noise in BOX:
        gap = float(ey.relaxation_rates(sde, values={D: noise})[0])
        plain = symmetric_gap(CELLS, noise) / gap - 1
        half = symmetric_gap(CELLS // 2, noise)
        extrapolated = (4 * symmetric_gap(CELLS, noise) - half) / 3 / gap - 1
        assert abs(plain) < 2e-3, f"the two roads differ by {plain:.2g}"
        assert abs(extrapolated) < 1e-5, f"the two roads differ by {extrapolated:.2g} after extrapolation"
        assert noise != 0.05 or abs(gap / REFERENCE - 1) < 1e-7
        note = f"ours within 1e-7; theirs off by {abs(plain):.1g}, by {abs(extrapolated):.1g} if extrapolated from 120"
        name, against = f"gap of two wells in the plane, barrier/D = {0.25 / noise:.3g}", f"eigsh, sigma, {CELLS} x {CELLS} cells"
        found.append(Race(name, _ours(sde, noise), _theirs(noise), against, 1, note=note))
    found.append(_turning())
    return found


def _ours(sde: ey.SDE, noise: float) -> Callable[[], object]:
    return lambda: ey.relaxation_rates(sde, values={D: noise})


def _theirs(noise: float) -> Callable[[], object]:
    return lambda: symmetric_gap(CELLS, noise)


def symmetric_gap(n: int, noise: float) -> float:
    """Return the gap by Scharfetter & Gummel's differences, made symmetric, and shift-invert Lanczos."""
    (wide, tall), V = BOX[noise], sp.lambdify((x, y), WAIST)
    a, b = ((np.arange(n) + 0.5) / n * 2 * side - side for side in (wide, tall))
    height = V(a[:, None], b[None, :]) / noise
    out, index, ends = np.zeros((n, n)), np.arange(n * n).reshape(n, n), []
    for turned, step in ((False, 2 * wide / n), (True, 2 * tall / n)):
        h, o, k = (s.T if turned else s for s in (height, out, index))
        rise = np.diff(h, axis=0)
        up, down = noise / step**2 * _bernoulli(rise), noise / step**2 * _bernoulli(-rise)
        o[:-1] += up
        o[1:] += down
        ends.append((k[:-1].ravel(), k[1:].ravel(), np.sqrt(up * down).ravel()))
    rows, columns, rates = (np.concatenate(part) for part in zip(*ends, strict=True))
    half = csc_matrix((rates, (rows, columns)), shape=(n * n, n * n))
    values = eigsh(half + half.T - diags(out.ravel()), k=2, sigma=1e-6, return_eigenvectors=False)
    return float(-np.min(values))


def _bernoulli(z: np.ndarray) -> np.ndarray:
    return np.where(np.abs(z) < 1e-8, 1 - z / 2, z / np.expm1(np.where(np.abs(z) < 1e-8, 1.0, z)))


def _turning() -> Race:
    """Return the race for dx = (x - x^3 + y/2) dt + noise, dy = (-y - x y/4) dt + noise with correlated noise that depends on the place."""
    from eyring.numerics.exact.plane.box import box_of
    from eyring.numerics.exact.plane.coefficients import plane_of
    from eyring.numerics.exact.plane.rest import attractors
    from eyring.numerics.exact.plane.volumes import Volumes

    matrix = sp.Matrix([[1 + x**2 / 4, sp.Rational(1, 2) + y / 8], [sp.Rational(1, 2) + y / 8, 1]]) / 20
    sde = ey.SDE([x - x**3 + y / 2, -y - x * y / 4], matrix, [x, y])
    plane = plane_of(sde, {})
    wells = attractors(plane)
    box = box_of(plane, wells)

    def theirs() -> float:
        grid = Volumes(plane, box, (CELLS, CELLS), np.array([0]))
        hops = grid.generator / grid.mass[0]
        operator = (hops - diags(np.asarray(hops.sum(axis=1)).ravel())).tocsc()
        values = eigs(operator, k=2, sigma=1e-6, return_eigenvectors=False)
        return float(np.max(-values.real))

    gap = ey.relaxation_rates(sde)[0]
    plain = theirs() / float(gap) - 1
    assert abs(plain) < 2e-3, f"the two roads differ by {plain:.2g}"
    return Race(
        "gap, drift no gradient, full D(x, y), barrier/D = 5", lambda: ey.relaxation_rates(sde), theirs, f"eigs, sigma, {CELLS} x {CELLS} cells", 1,
        note=f"ours within {float(gap.relative_error):.0e}; theirs off by {abs(plain):.1g}",
    )  # fmt: skip
