"""The stationary density of the white-noise chain itself: the fixed point of its one-step kernel on a grid, at several steps."""

from collections.abc import Sequence

import numpy as np

from eyring.numerics.roads.contract import Limit, Trial

__all__ = ["ChainDensityLimit"]

NARROW = 0.55  # grid spacing over the width of one step's kick: the sum over the grid then has an error of exp(-2 pi^2/0.55^2) ~ 1e-28


class ChainDensityLimit(Limit):
    """ln p at a point less that at the minimum, for tilted polynomial wells; the formula has the terms of order 1 and eta, the rest goes as eta^2."""

    result = "chain-modified-density"
    method = "stationary density of the chain on a grid, extrapolated in the step"
    kept = 1
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """Two wells, points and temperatures, five steps each."""
        return [*_group("tilted", (0.6, 0.35, 0.15), 0.55, 0.9, 0.43), *_group("steep", (1.4, -0.3, 0.2), 0.8, -0.7, -0.31)]


def _group(name: str, coefficients: tuple[float, float, float], temperature: float, place: float, ground: float) -> list[Trial]:
    """The well is ground + h x^2/2 + c x^3/3 + q x^4/4, whose minimum is at zero."""
    h, c, q = coefficients
    x = place
    jet = {
        "L": ground + h * x**2 / 2 + c * x**3 / 3 + q * x**4 / 4, "L_a": ground, "g": h * x + c * x**2 + q * x**3,
        "H": h + 2 * c * x + 3 * q * x**2, "H_a": h, "T": temperature,
    }  # fmt: skip
    steps = (0.02, 0.03, 0.04, 0.055, 0.07)
    return [Trial({**jet, "eta": eta}, _log_ratio(coefficients, temperature, eta, place), smallness=eta, group=name) for eta in steps]


def _log_ratio(coefficients: tuple[float, float, float], temperature: float, eta: float, place: float) -> float:
    """Solve p(x') = sum_x N(x'; x - eta L'(x), 2 eta T) p(x) dx, and interpolate by the kernel itself."""
    h, c, q = coefficients
    width = (2 * eta * temperature) ** 0.5
    spacing, reach = NARROW * width, 6.5
    grid = np.arange(-reach, reach + spacing, spacing)
    landed = grid - eta * (h * grid + c * grid**2 + q * grid**3)

    def kernel(to: np.ndarray) -> np.ndarray:
        return np.exp(-((to[:, None] - landed[None, :]) ** 2) / (2 * width**2)) * spacing / (width * (2 * np.pi) ** 0.5)

    system = kernel(grid) - np.eye(grid.size)
    system[grid.size // 2] = 1.0  # one equation is the others' consequence: the total weight takes its place
    weight = np.linalg.solve(system, np.eye(grid.size)[grid.size // 2])
    here, there = kernel(np.array([place, 0.0])) @ weight
    return float(np.log(here / there))
