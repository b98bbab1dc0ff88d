"""How far out a process can be found: where a tail holds no probability any more, and panels fine enough from there on."""

import numpy as np

from eyring.errors import AccuracyError, NotApplicable
from eyring.numerics.exact.line import Line
from eyring.numerics.exact.quadrature import Panels, halved

__all__ = ["MOST_PANELS", "demand_light_tail", "far_edges", "resolved_edges"]

STEEPEST = 2.0  # change of Phi a panel may hold
DROP = 46.0  # e^-46 = 1e-20: what the far tail may hold of all the probability
MOST_PANELS = 200_000
OUTERMOST = 8  # panels, a factor of two in distance
REACH = 2.0 ** np.arange(-5, 330, 1 / 8)  # distances, in units of the way, at which the far side is looked at


def far_edges(line: Line, inner: float, scale: float, *, drop: float = DROP) -> np.ndarray:
    """Return edges from where the tail left of ``inner`` holds less than e^-drop of the probability, up to ``inner``; of several tails, the longest.

    Raises:
        NotApplicable: If the probability does not fall off: the walker runs away and no mean time exists.
    """
    for reach in (REACH[REACH < 1e6], REACH):
        edges = inner - scale * np.concatenate([[0.0], reach])
        cuts = [_cut(weight, drop) for weight in _log_weights(line, edges)]
        if None not in cuts:
            cut = max(c for c in cuts if c is not None)
            return np.unique(np.append(edges[: cut + 1 : 4], edges[cut]))
    raise NotApplicable(
        f"the loss does not confine walkers on the far side: nothing holds one "
        f"{'left' if line.side == 1 else 'right'} of {line.side * inner:.6g}: the drift there does not bring it back "
        "(no confinement), so it may run away and the mean time does not exist. Give a loss that rises on that side, or start where it is "
        "confined"
    )


def _log_weights(line: Line, outward: np.ndarray) -> list[np.ndarray]:
    """Return ln(m |x - inner|) at edges going outwards, of each process up to where its coefficients overflow.

    Where two panel sizes disagree on Phi (a drift that oscillates out of sight) the larger probability is taken.
    """
    coarse, fine = Panels(outward[::-1]), Panels(halved(outward[::-1]))
    diffusion = line(outward)[1]
    with np.errstate(all="ignore"):
        potential = -np.cumsum(coarse.whole(line(coarse.points)[0])[..., ::-1], axis=-1)
        finer = -np.cumsum(fine.whole(line(fine.points)[0])[..., ::-1], axis=-1)[..., 1::2]
        weights = 2 * np.abs(finer - potential) - finer + (line.weight - 1) * np.log(diffusion[..., 1:])
        weights += np.log(np.abs(outward[1:] - outward[0]))
    each = (np.reshape(f, (-1, len(outward) - 1)) for f in (weights, potential, finer))
    return [_until_overflow(*one) for one in zip(*each, strict=True)]


def demand_light_tail(line: Line, edges: np.ndarray, inner: float) -> None:
    """Refuse a variance where the tail left of the edges would count: with m T'^2 D ~ m x^2/D, T' the slope of the mean time to come back.

    Raises:
        NotApplicable: If more than e^-30 of the largest weight is left outside: the density falls as a power, and the variance may be infinite.
    """
    reach = inner - edges[0]
    if not reach > 0:
        return
    outward = np.concatenate([[inner], inner - reach * 2.0 ** np.arange(-12, 1 / 16, 1 / 8)])
    for weight, diffusion in zip(_log_weights(line, outward), np.reshape(line(outward)[1], (-1, len(outward))), strict=True):
        if not len(weight):
            continue
        heavier = weight + 2 * np.log(np.abs(outward[1 : len(weight) + 1] - inner)) - np.log(diffusion[1 : len(weight) + 1])
        if heavier[-1] > np.max(heavier) - 30:
            raise NotApplicable(
                f"walkers that stray far {'left' if line.side == 1 else 'right'} of {line.side * inner:.6g} come back so late that they decide the "
                "variance, which may be infinite: the density falls off as a power there, because the drift dies away. Ask for the mean time, or "
                "give a reflecting wall"
            )


def _until_overflow(weight: np.ndarray, potential: np.ndarray, finer: np.ndarray) -> np.ndarray:
    bad = np.flatnonzero(np.isnan(weight) | (weight == np.inf))
    if not len(bad) and not _settled(potential, finer):
        return np.empty(0)
    return weight[: bad[0]] if len(bad) else weight


def _settled(coarse: np.ndarray, fine: np.ndarray) -> bool:
    """Return whether the outermost panels know the drift: a bounded loss that oscillates out of sight would look confining by chance."""
    coarse_rise, fine_rise = (np.diff(potential)[-OUTERMOST:] for potential in (coarse, fine))
    return bool(np.all(np.abs(fine_rise - coarse_rise) <= 0.1 * np.abs(fine_rise)))


def _cut(weight: np.ndarray, drop: float) -> int | None:
    """Return the first edge from which on every weight is e^-drop below the largest before it."""
    largest_later = np.maximum.accumulate(weight[::-1])[::-1]
    enough = np.flatnonzero(largest_later < np.maximum.accumulate(weight) - drop)
    return int(enough[0]) + 1 if len(enough) else None


def _demand_finite(line: Line, edges: np.ndarray, change: np.ndarray) -> None:
    """Refuse a drift that grows without bound at a point, such as that of log(x) at zero.

    Raises:
        NotApplicable: With the place.
    """
    if not np.all(np.isfinite(change)):
        at = round(line.side * float(edges[int(np.argmin(np.isfinite(change)))]), 12) + 0.0
        raise NotApplicable(
            f"the drift grows without bound near {at:.6g}, so the loss does not confine walkers on the far side; give a loss that is finite and "
            "smooth wherever a walker can go"
        )


def resolved_edges(line: Line, edges: np.ndarray, *, steepest: float = STEEPEST) -> np.ndarray:
    """Return the edges with panels cut until Phi changes by at most ``steepest`` on each.

    Raises:
        AccuracyError: If more than 200 000 panels are needed.
        NotApplicable: If the drift has a pole.
    """
    while True:
        panels = Panels(edges)
        with np.errstate(all="ignore"):
            change = panels.whole(np.abs(line(panels.points)[0]))
        _demand_finite(line, edges, change)
        parts = np.clip(np.ceil(change / steepest), 1, 32).astype(int)
        if np.all(parts == 1):
            return edges
        if parts.sum() > MOST_PANELS:
            raise AccuracyError(
                f"the potential over the noise, Phi = int -f/D, changes by {change.sum():.3g} along the way, which needs more than {MOST_PANELS} "
                "panels; the noise is too weak (or vanishes somewhere) for an exact answer, use a formula"
            )
        start = np.concatenate([[0], np.cumsum(parts)[:-1]])
        fraction = (np.arange(parts.sum()) - np.repeat(start, parts)) / np.repeat(parts, parts)
        edges = np.append(np.repeat(edges[:-1], parts) + fraction * np.repeat(np.diff(edges), parts), edges[-1])
