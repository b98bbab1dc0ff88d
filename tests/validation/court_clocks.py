"""Exponential clocks that stand for training: their rates are known, so laws can be right and wrong by known amounts."""

import math

import numpy as np

from eyring.errors import NotApplicable
from eyring.numerics.simulation import Exits

SLOPE, PREFACTOR = 0.05, 2 * math.pi


def ground(k):
    return k


def flat_ground(k):
    if k > 2:
        raise NotApplicable("no barrier found: the saddle lies 0.3 below the minimum, so escape theory does not apply")
    return k


def unasked(ground, settings):
    raise NotApplicable("the laws of escape here are those of SGD")


def log_time(setting):
    """ln tau = ln(2 pi) - ln k + S (1 + mu) (B/eta)/k, tau in units of eta an iteration."""
    return math.log(PREFACTOR) - math.log(setting.scale) + SLOPE * (1 + setting.momentum) * setting.over_noise / setting.scale


def watch(ground, setting):
    """Replicas that leave at random and begin afresh."""
    tau = math.exp(log_time(setting)) / setting.learning_rate
    rng = np.random.default_rng(setting.seed)
    waits = rng.exponential(tau, size=(setting.replicas, 20 + int(3 * setting.iterations / tau)))
    ends = np.cumsum(waits, axis=1)
    inside = ends < setting.iterations
    last = np.where(inside, ends, 0).max(axis=1)
    return Exits(times=waits[inside], censored=setting.iterations - last, unit="iterations", relaxation=0.0)


def long_enough(setting):
    """Some 9000 exits of a hundred replicas."""
    return round(90 * math.exp(log_time(setting)) / setting.learning_rate)


def short(setting):
    """Nine exits a replica in the fastest setting; next to none in the slowest."""
    return 2000


def row(name, value, *, spread=0.0, source="someone", kind="time", assumptions=(), note=""):
    low, high = (None, None) if spread is None or value is None else (value - spread, value + spread)
    return {"name": name, "kind": kind, "value": value, "low": low, "high": high, "source": source, "assumptions": assumptions, "note": note}


def assumption(sentence, measured, threshold):
    return {"sentence": sentence, "measured": measured, "relation": ">", "threshold": threshold, "holds": measured > threshold}


def laws(ground, settings):
    """The true law, and others wrong in one respect each."""
    return [_rows(setting) for setting in settings]


def _rows(s):
    true = log_time(s) - math.log(s.learning_rate)
    barrier = SLOPE * (1 + s.momentum) * s.over_noise / s.scale
    high = assumption("the barrier is high against the noise", barrier, 3.0)
    return [
        row("true", true, source="", assumptions=[high]),
        row("twice", true + math.log(2)),
        row("steep", true + 0.02 * barrier, assumptions=[high]),
        row("curved", true + math.log(s.scale)),
        row("unsure", true + 0.5, spread=0.6),
        row("without error", true, spread=None),
        row("out", true + 3.0, assumptions=[assumption("the noise is isotropic", 0.2, 0.8)]),
        row("high only", true if barrier > 5 else true + 9.0, assumptions=[assumption("the barrier is high against the noise", barrier, 5.0)]),
        row("indicator", 0.3, kind="indicator"),
        row("silent", None, kind="none", note="the path turns back"),
    ]


def refuse_large_steps(ground, setting):
    if setting.learning_rate > 0.2:
        raise NotApplicable("the optimizer is unstable at the start")
    return watch(ground, setting)
