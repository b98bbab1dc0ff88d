"""What the laws of escape assume of loss, noise and steps, each measured on one case."""

import numpy as np

from eyring.validation.predictors.assumption import Assumption
from eyring.validation.predictors.case import Case

__all__ = [
    "alignment",
    "at_rest",
    "constant_noise",
    "curvatures_counted",
    "detailed_balance",
    "gaussian_steps",
    "hessian_noise",
    "high_barrier",
    "independent_batches",
    "isotropic_noise",
    "loss_noise",
    "narrow_valley",
    "one_temperature",
    "one_way_down",
    "overdamped",
    "parabolic_well",
    "small_steps",
    "smooth_path",
    "straight_way",
]

HIGH = 3.0  # barrier over noise
EVEN = 1.1  # largest over smallest of what should be equal
SMALL = 0.2
ALIGNED = 0.95
RESTING = 0.01


def high_barrier(case: Case, exponent: float | None = None) -> Assumption:
    """Barrier over noise, as the law itself has it."""
    return Assumption("the barrier is high against the noise", case.exponent if exponent is None else exponent, HIGH, ">")


def small_steps(case: Case) -> Assumption:
    """The learning rate against the largest curvature; with momentum against that of the heavy ball, which is stable up to 2 (1 + mu)."""
    steepest = max(float(np.max(p.eigenvalues)) for p in (case.minimum, case.saddle))
    return Assumption("steps are small against the largest curvature: eta lambda_max/(1 + mu)", _step_against(case) * steepest, SMALL, "<")


def one_way_down(case: Case) -> Assumption:
    """The saddle's index."""
    return Assumption("one direction alone leads down from the saddle: its index is 1", float(abs(case.saddle.index - 1)), 0.5, "<")


def at_rest(case: Case) -> Assumption:
    """What the gradient left at minimum and saddle can shift the exponent by: |g|^2/(2 H T), the loss to be won by one more Newton step."""
    softest = min(case.well_curvature, -case.top_curvature)
    left = max(case.minimum.gradient_norm, case.saddle.gradient_norm) ** 2 / (2 * softest)
    sentence = "minimum and saddle are at rest: the gradient left there over the noise"
    return Assumption(sentence, left / float(case.temperature_along.min()), RESTING, "<")


def isotropic_noise(case: Case) -> Assumption:
    """Largest over smallest eigenvalue of C, at minimum and saddle together."""
    values = np.concatenate([np.linalg.eigvalsh(p.noise) for p in (case.minimum, case.saddle)])
    sentence = "the noise is isotropic and the same everywhere: largest eigenvalue of C over the smallest"
    return Assumption(sentence, _ratio(float(values.max()), float(values.min())), EVEN, "<")


def constant_noise(case: Case) -> Assumption:
    """Largest over smallest noise along the way up."""
    climb = case.noise_along[: case.path.saddle_at + 1]
    return Assumption("the noise is constant along the way up: largest C over smallest", float(climb.max() / climb.min()), EVEN, "<")


def hessian_noise(case: Case) -> tuple[Assumption, ...]:
    """G = |H| along the way, at minimum and at saddle."""
    places = (("minimum", 0, case.well_curvature), ("saddle", case.path.saddle_at, -case.top_curvature))
    ratios = ((where, float(case.path.noise[at]) / curvature) for where, at, curvature in places)
    sentence = "one sample's noise is the curvature, G = |H|, along the way at the {}: the larger over the smaller"
    return tuple(Assumption(sentence.format(where), max(ratio, 1 / ratio), EVEN, "<") for where, ratio in ratios)


def alignment(case: Case) -> Assumption:
    """Cosine between G and H at the minimum, as matrices."""
    G, H = case.minimum.noise, np.diag(case.minimum.eigenvalues)
    cosine = float(np.sum(G * H) / (np.linalg.norm(G) * np.linalg.norm(H)))
    return Assumption("G lies along H at the minimum: cosine between the two matrices", cosine, ALIGNED, ">")


def loss_noise(case: Case) -> Assumption:
    """Whether G = 2 L H_a along the way up: largest over smallest of G/(2 L H_a), and of that to 1."""
    up = slice(0, case.path.saddle_at + 1)
    ratio = np.asarray(case.path.noise[up] / (2 * case.path.loss[up] * case.well_curvature))
    worst = max(float(ratio.max()), 1 / float(ratio.min())) if np.all(ratio > 0) else 1e12
    return Assumption("the noise is in proportion to the loss, G = 2 L H_a, along the way up: the larger over the smaller", worst, EVEN, "<")


def detailed_balance(case: Case) -> Assumption:
    """The part of H C at the minimum that drives a current: |H C - C H|/(2 |H C|)."""
    H, C = np.diag(case.minimum.eigenvalues), case.minimum.noise
    product = H @ C
    current = float(np.linalg.norm(product - product.T) / (2 * np.linalg.norm(product)))
    return Assumption("no current circles in the well: H and C commute at the minimum, |HC - CH|/(2 |HC|)", current, 0.1, "<")


def narrow_valley(case: Case) -> Assumption:
    """The steepest curvature along the way over the smallest across."""
    along = max(abs(case.well_curvature), abs(case.top_curvature))
    across = np.concatenate([case.pairs.wells, case.pairs.walls])
    measured = along / float(across.min()) if len(across) else 0.0
    return Assumption("the valley is narrow: curvature along the way over the smallest across", measured, SMALL, "<")


def straight_way(case: Case) -> Assumption:
    """How far the way bends within the width of the walkers across it: the greatest turn of the tangent a length, times sqrt(T/k)."""
    steps, up = np.diff(case.path.arc), slice(0, case.path.saddle_at)
    turn = np.linalg.norm(np.diff(case.path.tangents, axis=0), axis=1) / steps
    across = np.concatenate([case.pairs.wells, case.pairs.walls])
    width = float(np.sqrt(case.temperature_along.max() / across.min())) if len(across) else 0.0
    return Assumption("the way is straight on the scale of the noise: its bend times the width across", float(turn[up].max()) * width, SMALL, "<")


def smooth_path(case: Case) -> Assumption:
    """How well slopes and curvatures of the measured path add up to its losses: the largest miss between two points, over the noise."""
    path, h = case.path, np.diff(case.path.arc)
    rise = h * (path.slope[1:] + path.slope[:-1]) / 2 - h**2 * (path.curvature[1:] - path.curvature[:-1]) / 12
    miss = float(np.max(np.abs(rise - np.diff(path.loss)))) / float(case.temperature_along.min())
    return Assumption("the path is one of steepest ascent: its slopes and curvatures add up to its losses, missing over the noise", miss, 0.02, "<")


def gaussian_steps(case: Case) -> Assumption:
    """The steepest slope on the way over one batch's noise: beyond, the tails of the noise decide the exponent."""
    up = slice(0, case.path.saddle_at + 1)
    steepest = float(np.max(np.abs(case.path.slope[up]) / np.sqrt(case.noise_along[up])))
    return Assumption("slopes are small against the noise of one batch, so that its variance alone counts: |L'|/sqrt(C)", steepest, 0.5, "<")


def parabolic_well(case: Case) -> tuple[Assumption, ...]:
    """How far the walkers' spread across the way pushes them along it at the minimum, over their width along it there; nothing without flanks.

    The push is (1/2) tr(K' S), K the curvatures across and S the spread in them: it moves the walkers' mean by push/H_a, their width is sqrt(T/H_a).
    """
    if case.pushed.push is None:
        return ()
    shift = abs(float(case.pushed.push[0])) / np.sqrt(case.well_curvature * float(case.temperature_along[0]))
    sentence = "noise is weak: walkers see the minimum as a parabola; the push of their spread moves them, over their width along the way"
    return (Assumption(sentence, float(shift), SMALL, "<"),)


def one_temperature(case: Case) -> tuple[Assumption, ...]:
    """What a temperature that changes along the way adds to the exponent where walkers have inertia: |int L'^2 T'/(2 gamma^2 T^2) ds|.

    To leading order in 1/gamma^2, the potential of dv = -(L' + gamma v) dt + sqrt(2 gamma T(s)) dW is phi(s) + v^2/(2 T) + v^3 T'/(6 gamma T^2) +
    v^2 L' T'/(4 gamma^2 T^2) with phi' = L'/T + L'^2 T'/(2 gamma^2 T^2). Nothing without momentum.
    """
    if not case.training.momentum:
        return ()
    s = np.linspace(0, case.profile.saddle, 2001)
    slope, T = case.profile.slope_at(s), case.training.temperature_per_covariance * case.training.per_sample * case.profile.noise_at(s)
    added = float(np.trapezoid(slope**2 * np.gradient(T, s) / T**2, s)) / (2 * case.training.friction**2)
    return (Assumption("inertia sees one temperature: its change along the way adds to the exponent", abs(added), SMALL / 4, "<"),)


def overdamped(case: Case) -> Assumption:
    """|lambda_b|/gamma^2: the relative error of momentum as SGD at eta/(1 - mu); without momentum that of the step."""
    if not case.training.momentum:
        sentence = "the walker is overdamped: eta |lambda_b|, without momentum"
    else:
        sentence = "the walker is overdamped, momentum only rescales the learning rate: |lambda_b|/gamma^2"
    return Assumption(sentence, -case.top_curvature / case.training.friction**2, SMALL / 2, "<")


def independent_batches(case: Case) -> Assumption:
    """Whether one batch knows of the others."""
    dependent = 1.0 if case.training.sampler == "epoch shuffling" else 0.0
    return Assumption("batches are independent of one another (1 where an epoch deals each sample once)", dependent, 0.5, "<")


def curvatures_counted(case: Case) -> Assumption:
    """How many directions the determinants leave out: flat ones, and those the probe did not look at."""
    n = len(case.minimum.position)
    left = (n - 1 - len(case.pairs.wells)) / n
    return Assumption("every direction's curvature is counted: share of directions left out, flat or not probed", left, RESTING, "<")


def _step_against(case: Case) -> float:
    return case.training.rate / (1 + case.training.momentum)


def _ratio(large: float, small: float) -> float:
    """Return a ratio that stays finite: noise without strength in some direction counts as 10^12 times weaker."""
    return large / small if small > 1e-12 * large else 1e12
