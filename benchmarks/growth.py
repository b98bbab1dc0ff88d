"""How the cost grows with the size of a question: batch, dimension, digits, barrier; measured in one run and drawn as one picture.

    python -m benchmarks growth

writes docs/pictures/growth.png and prints the fitted powers. Each point is the shortest time of several calls (other work on the
machine only lengthens them); the power is fitted to the last three.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import sympy as sp

import eyring as ey

__all__ = ["Curve", "main", "picture"]

PLACE = Path(__file__).parent.parent / "docs" / "pictures" / "growth.png"
COLOURS = ("#1f4e79", "#c55a11", "#4d7f3a", "#7b3f91")
INK, QUIET = "#222222", "#8a8a8a"
ENOUGH = 0.25  # seconds of repeats
x, D = sp.Symbol("x", real=True), sp.Symbol("D", positive=True)


@dataclass(frozen=True)
class Curve:
    """Cost against size.

    Attributes:
        name: What is asked.
        sizes: Of the question.
        seconds: Shortest time of one call, each.
        above: Whether its label stands above it, not at its end.
    """

    name: str
    sizes: np.ndarray
    seconds: np.ndarray
    above: bool = False

    @property
    def power(self) -> float:
        """Exponent of the last three sizes."""
        return float(np.polyfit(np.log(self.sizes[-3:]), np.log(self.seconds[-3:]), 1)[0])

    @property
    def law(self) -> str:
        """The growth in words for the picture."""
        return "hardly grows" if abs(self.power) < 0.25 else f"grows as size$^{{\\,{self.power:.1f}}}$"


def seconds(call: Callable[[], object], *, first: bool = False) -> float:
    """Return the shortest time of a call, warm; or of the first one, with all that it has to prepare."""
    taken = []
    if not first:
        call()
    while len(taken) < (1 if first else 2) or (not first and sum(taken) < ENOUGH and len(taken) < 200):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def curve(name: str, sizes: Sequence[float], ask: Callable[..., Callable[[], object]], *, first: bool = False) -> Curve:
    """Measure one curve; ``ask(size)`` prepares a call."""
    measured = Curve(name, np.array(sizes, dtype=float), np.array([seconds(ask(size), first=first) for size in sizes]), above=first)
    print(f"{name:46} {sizes[0]:>6g} to {sizes[-1]:<8g} {measured.seconds[0]:9.2e} to {measured.seconds[-1]:9.2e} s   power {measured.power:.2f}")
    return measured


def batches() -> list[Curve]:
    """Answers at once: exact times of the double well at many noise strengths, and its escape formula."""
    well = ey.SDE(x - x**3, D, [x])
    loss = ey.Landscape(x**4 / 4 - x**2 / 2, [x])
    formula = ey.escape_time(ey.SGD().sde(loss, ey.noise.Isotropic()), start=-1, over=0, event="next well").compile("numpy")

    def exact(n: int) -> Callable[[], object]:
        noise = np.linspace(0.02, 0.2, n)
        return lambda: ey.exact_escape_time(well, start=-1, target=1, values={"D": noise})

    def compiled(n: int) -> Callable[[], object]:
        rates = np.linspace(0.01, 0.05, n)
        return lambda: formula(eta=rates, B=8.0, sigma=1.0)

    return [
        curve("exact mean time", [1, 10, 100, 1000, 10_000, 100_000], exact),
        curve("escape formula", [1, 10, 100, 1000, 10_000, 100_000, 1_000_000], compiled),
    ]


def dimensions() -> list[Curve]:
    """Stationary laws up to 500 coordinates, least actions up to 50."""
    heavy_ball = ey.MomentumSGD(momentum=0.9)

    def matrices(n: int) -> tuple[np.ndarray, np.ndarray]:
        one, other = np.random.default_rng(n).normal(size=(2, n, n))
        return one @ one.T / n + 0.1 * np.eye(n), other @ other.T / n

    def steps(n: int) -> Callable[[], object]:
        H, C = matrices(n)
        return lambda: ey.stationary_covariance(heavy_ball, hessian=H, covariance=C, values={"eta": 0.1})

    def rates(n: int) -> Callable[[], object]:
        H, C = matrices(n)
        matrix = 0.1 * np.eye(n) + 0.01 * matrices(n + 1)[0][:n, :n]
        return lambda: ey.stationary_covariance(heavy_ball, hessian=H, covariance=C, values={"eta": matrix})

    def process(n: int) -> Callable[[], object]:
        _, C = matrices(n)
        drift = -np.eye(n) - 0.3 * np.random.default_rng(n).normal(size=(n, n)) / np.sqrt(n)
        return lambda: ey.stationary_covariance(drift_matrix=drift, diffusion=C)

    def action(n: int) -> Callable[[], object]:
        sde = chain_of_wells(n)
        return lambda: ey.quasipotential(sde, start=[-1] * n, end=[0] * n)

    sizes = [8, 16, 32, 64, 125, 250, 500]
    return [
        curve("least action, first call", [2, 4, 8, 16, 32, 50], action, first=True),
        curve("law of steps, matrix of rates", sizes, rates),
        curve("law of a linear process", sizes, process),
        curve("law of steps, one learning rate", sizes, steps),
    ]


def chain_of_wells(n: int) -> ey.SDE:
    """Return coupled double wells with unequal noise, so that the drift over the noise is no gradient."""
    xs = sp.symbols(f"x1:{n + 1}", real=True)
    spring = sp.Rational(n * n, 4) * sum((a - b) ** 2 for a, b in pairwise(xs))
    drift = [a - a**3 - sp.diff(spring, a) for a in xs]
    return ey.SDE(drift, sp.diag(*[sp.Rational(1, 20) * (1 + sp.Rational(i, 2 * n)) for i in range(n)]), xs)


def digits() -> list[Curve]:
    """Certified digits of the mean time of the double well at D = 1/20."""
    well = ey.SDE(x - x**3, sp.Rational(1, 20), [x])
    return [
        curve(
            "mean time, certified",
            [16, 20, 30, 40, 60, 80, 100],
            lambda n: lambda: ey.exact_escape_time(well, start=-1, target=1, digits=n),
        )
    ]


def barriers() -> list[Curve]:
    """Barrier over noise, from 3 to 1000: exact times and rates where the answer itself grows as its exponential."""
    well = ey.SDE(x - x**3, D, [x])
    heights = [3, 6, 12, 25, 50, 100, 200]
    return [
        curve("smallest relaxation rate", heights, lambda h: lambda: ey.relaxation_rates(well, values={"D": 0.25 / h})),
        curve("exact mean time", [*heights, 400, 1000], lambda h: lambda: ey.exact_escape_time(well, start=-1, target=1, values={"D": 0.25 / h})),
    ]


PANELS = (
    ("answers in one call", batches),
    ("dimension", dimensions),
    ("digits", digits),
    ("barrier over noise", barriers),
)


def picture(panels: Sequence[tuple[str, Sequence[Curve]]]) -> "object":
    """Return a figure of one panel per kind of size, the fitted power beside each curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.2), dpi=150, layout="constrained")
    figure.get_layout_engine().set(wspace=0.06, hspace=0.08, w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr]
    for axes, (title, curves) in zip(figure.subplots(2, 2).ravel(), panels, strict=True):
        _panel(axes, title, curves)
    return figure


def _panel(axes: "object", title: str, curves: Sequence[Curve]) -> None:
    sizes = np.concatenate([c.sizes for c in curves])
    times = np.concatenate([c.seconds for c in curves])
    low, high = np.floor(np.log10(times.min())), np.ceil(np.log10(times.max()))
    spread = sizes.max() / sizes.min()
    axes.set(xscale="log", yscale="log", xlim=(sizes.min() / spread**0.03, sizes.max() * spread**0.5))
    axes.set_ylim(10 ** (low - 0.15), 10 ** (max(high, low + 2) + (0.7 if any(c.above for c in curves) else 0.25)))
    heights = _apart(curves, 0.11 * (max(high, low + 2) + 0.4 - low))
    for colour, measured, height in zip(COLOURS, curves, heights, strict=False):
        axes.plot(measured.sizes, measured.seconds, color=colour, lw=1.8, marker="o", ms=4.5, mec="white", mew=0.8, zorder=3)
        place = (measured.sizes[0], measured.seconds.max() * 1.6) if measured.above else (measured.sizes[-1] * spread**0.03, 10**height)
        words = f"{measured.name}{', ' if measured.above else chr(10)}{measured.law}"
        axes.annotate(words, place, color=colour, fontsize=9, va="bottom" if measured.above else "center", linespacing=1.2)
    axes.set_title(title, loc="left", fontsize=11, color=INK, fontweight="bold", pad=8)
    axes.set_ylabel("seconds a call", fontsize=9, color=QUIET)
    axes.grid(which="major", color="#e6e6e6", lw=0.7, zorder=0)
    axes.tick_params(which="both", colors=QUIET, labelsize=9, length=3)
    axes.minorticks_off()
    ticks = _ticks(sizes)
    axes.set_xticks(ticks, [_written(t) for t in ticks])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#bbbbbb")
    axes.spines["bottom"].set_bounds(axes.get_xlim()[0], sizes.max())


def _apart(curves: Sequence[Curve], gap: float) -> list[float]:
    """Return heights of the labels (powers of ten), moved apart where curves end close together."""
    heights = np.log10([c.seconds[-1] for c in curves])
    ends = np.array([c.sizes[-1] for c in curves])
    for _ in range(200):
        for i in range(len(curves)):
            for j in range(len(curves)):
                short = gap - (heights[j] - heights[i])
                if i != j and heights[j] >= heights[i] and short > 0 and max(ends[i], ends[j]) < 4 * min(ends[i], ends[j]):
                    heights[i], heights[j] = heights[i] - short / 2, heights[j] + short / 2
    return list(heights)


def _ticks(sizes: np.ndarray) -> list[float]:
    decades = [10.0**k for k in range(int(np.log10(sizes.min())), int(np.log10(sizes.max())) + 1)]
    if len(decades) > 3:
        return [t for t in decades if t >= sizes.min()]
    return [m * t for t in decades for m in (1, 2, 5) if sizes.min() * 0.99 <= m * t <= sizes.max() * 1.01]


def _written(size: float) -> str:
    return f"$10^{{{round(np.log10(size))}}}$" if size >= 10_000 else f"{size:g}"


def main() -> None:
    """Measure, print, draw."""
    panels = [(title, measure()) for title, measure in PANELS]
    PLACE.parent.mkdir(parents=True, exist_ok=True)
    picture(panels).savefig(PLACE)  # type: ignore[attr-defined]
    print(f"drawn: {PLACE.relative_to(PLACE.parent.parent.parent)}")


if __name__ == "__main__":
    main()
