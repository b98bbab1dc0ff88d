"""Say whether a measurement and a prediction agree, each with its own error, and whether the theory's conditions held."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from scipy.special import ndtri

from eyring.errors import ParameterError
from eyring.numerics.answer import Estimate

__all__ = ["REJECTION", "Choice", "MeasuredCondition", "Prediction", "Verdict", "exit_status", "judge", "tell_apart"]

REJECTION = 5.0  # standard errors beyond the theory's own error
COVERAGE = 0.99  # of the interval that must meet the prediction
FEWEST_EVENTS = 10  # with fewer, an interval in logarithms says too little to reject anything
EXIT_STATUS = {"agrees": 0, "disagrees": 1, "undecided": 2, "out of regime": 3}
BY_WEIGHT = ("disagrees", "out of regime", "undecided", "agrees")


@dataclass(frozen=True)
class Prediction:
    """A predicted number with the theory's own error.

    Args:
        value: The prediction, in the unit of what was measured.
        low: Lower end of what the theory allows; None where its own error is not known.
        high: Upper end, or None.
        source: The road by which it was had.

    Raises:
        ParameterError: If a number is not finite, or the value lies outside [low, high].
    """

    value: float
    low: float | None
    high: float | None
    source: str

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ParameterError(
                f"a theory's own error has two ends, got low={self.low} and high={self.high}; give both, or neither if it is unknown"
            )
        numbers = [float(n) for n in (self.value, self.low, self.high) if n is not None]
        if not all(math.isfinite(n) for n in numbers):
            raise ParameterError(f"a prediction must be finite, got {self.value} in [{self.low}, {self.high}] from {self.source}")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ParameterError(f"a prediction lies within its own error, got {self.value} outside [{self.low}, {self.high}] from {self.source}")

    @classmethod
    def within(cls, value: float, relative_error: float, source: str) -> "Prediction":
        """Return value (1 +- relative_error).

        >>> Prediction.within(200.0, 0.05, "Kramers").high
        210.0
        """
        spread = abs(value * relative_error)
        return cls(value, value - spread, value + spread, source)

    @property
    def error_known(self) -> bool:
        """Whether the theory knows its own error."""
        return self.low is not None


@dataclass(frozen=True)
class MeasuredCondition:
    """A condition of a theory, held against what was measured or set in this run.

    Attributes:
        sentence: The condition in words.
        measured: The number it was tested with.
        holds: Whether it held.
    """

    sentence: str
    measured: float
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """One comparison of a measurement with a prediction; ``judge`` documents the rules.

    Attributes:
        claim: What is claimed, as a sentence.
        status: "agrees", "disagrees", "undecided" or "out of regime".
        measured: The estimate, at its own level.
        predicted: The prediction with the theory's own error.
        ratio: Measured / predicted (measured - predicted where signs are mixed) with the 99 % interval of the measurement alone, for all
            comparisons judged together at once.
        sigma: Distance beyond the theory's own error, in standard errors of the measurement.
        resolution: The smallest relative difference this comparison was asked to see.
        conditions: The theory's conditions, tested.
        own: Whether this is eyring's own prediction; a rejected rival is a result, not a failure.
        note: What else a reader must know.
    """

    claim: str
    status: str
    measured: Estimate
    predicted: Prediction
    ratio: Estimate
    sigma: float
    resolution: float
    conditions: tuple[MeasuredCondition, ...] = ()
    own: bool = True
    note: str = ""

    @property
    def rejected(self) -> bool:
        """Whether the prediction is excluded at more than 5 sigma."""
        return self.status == "disagrees"

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers and text, as JSON can hold them."""
        return asdict(self)

    def __str__(self) -> str:
        r = self.ratio
        interval = f"{r.value:.4f} [{r.low:.4f}, {r.high:.4f}] ({r.level * 100:.3g} %)"
        text = f"{self.status.upper()}: {self.claim}; measured / predicted = {interval}, {self.sigma:.1f} sigma"
        return f"{text}; {self.note}" if self.note else text


@dataclass(frozen=True)
class Choice:
    """Which of several rival predictions a measurement singles out.

    Attributes:
        named: The one that agrees while every other is rejected, or None.
        verdicts: The verdict on each, by name.
    """

    named: str | None
    verdicts: Mapping[str, Verdict]

    @property
    def sentence(self) -> str:
        """The finding in words."""
        listed = ", ".join(f"{name} {v.predicted.value:.5g} ({v.status}, {v.sigma:.1f} sigma)" for name, v in self.verdicts.items())
        return f"{listed}; " + (f"the measurement names {self.named}" if self.named else "the measurement names none of them alone")

    def verdict(self, claim: str, *, expected: str) -> Verdict:
        """Return eyring's own claim that ``expected`` is the one.

        It agrees if that one alone is left, disagrees if that one is rejected or another is named, and is undecided otherwise.
        """
        mine = self.verdicts[expected]
        if mine.status == "out of regime":
            status = mine.status
        elif self.named == expected:
            status = "agrees"
        else:
            status = "disagrees" if mine.rejected or self.named else "undecided"
        return replace(mine, claim=claim, status=status, own=True, note=self.sentence)


def judge(
    claim: str,
    measured: Estimate,
    predicted: Prediction,
    *,
    conditions: Iterable[MeasuredCondition] = (),
    resolution: float = 0.1,
    comparisons: int = 1,
    own: bool = True,
    note: str = "",
) -> Verdict:
    """Compare a measurement with a prediction.

    Positive numbers are compared by their logarithms, others by their difference; the standard error is read off the side of the measurement's
    interval that faces the prediction. In this order:

    1. *out of regime*: a condition of the theory failed;
    2. *disagrees*: the prediction's interval lies more than 5 standard errors away, from at least 10 events. A true prediction is rejected with
       probability 6e-7, and at most 5e-6 for a rate from a small Poisson count;
    3. *undecided* if the theory's own error is unknown: the prefactor cannot be judged. Within a factor e, it is "consistent in the exponent"; more
       than 5 standard errors beyond that factor, it *disagrees*;
    4. *agrees*: the 99 % interval meets the prediction's interval, and neither is wider than +-``resolution``: a difference that large would have
       been seen. A true and exact prediction fails to agree in 1 of 100 comparisons (it is then undecided);
    5. *undecided* otherwise.

    Args:
        claim: What is claimed, as a sentence.
        measured: The estimate with its interval and level.
        predicted: In the same unit.
        conditions: The theory's conditions, tested.
        resolution: Relative difference that matters.
        comparisons: How many are judged together: the 99 % then hold for all of them at once (Bonferroni).
        own: Whether the prediction is eyring's own.
        note: Kept in the verdict.

    Raises:
        ParameterError: If the measurement is not finite or has no width, or resolution is not positive.
    """
    _check(measured, resolution)
    tested = tuple(conditions)
    distance = _Distance.between(measured, predicted, 1 - (1 - COVERAGE) / comparisons)
    status, remark = _status(measured, predicted, distance, tested, resolution)
    remarks = "; ".join(text for text in (note, remark) if text)
    return Verdict(claim, status, measured, predicted, distance.ratio, distance.sigma, resolution, tested, own, remarks)


def tell_apart(
    measured: Estimate, rivals: Mapping[str, Prediction], *, claim: str, conditions: Iterable[MeasuredCondition] = (), resolution: float = 0.1
) -> Choice:
    """Judge every rival prediction of one measurement and name the one that alone is left.

    Args:
        measured: The estimate.
        rivals: Prediction by name.
        claim: What each claims; "{}" stands for the name.
        conditions: Tested conditions, common to all.
        resolution: Relative difference that matters.
    """
    tested = tuple(conditions)
    verdicts = {name: judge(claim.format(name), measured, p, conditions=tested, resolution=resolution, own=False) for name, p in rivals.items()}
    agreeing = [name for name, verdict in verdicts.items() if verdict.status == "agrees"]
    alone = len(agreeing) == 1 and all(v.rejected for name, v in verdicts.items() if name != agreeing[0])
    return Choice(agreeing[0] if alone else None, verdicts)


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """Return 0 (agrees), 1 (disagrees), 2 (undecided) or 3 (out of regime) for eyring's own predictions taken together.

    A disagreement outweighs all else; a prediction out of its regime outweighs an undecided one. No own prediction at all is undecided.
    """
    seen = {verdict.status for verdict in verdicts if verdict.own}
    return EXIT_STATUS[next((status for status in BY_WEIGHT if status in seen), "undecided")]


@dataclass(frozen=True)
class _Distance:
    """Measured against predicted, on the scale where the measurement's interval is nearly Gaussian."""

    ratio: Estimate
    sigma: float
    beyond_factor_e: float
    meets: bool
    half_width: float

    @classmethod
    def between(cls, measured: Estimate, predicted: Prediction, coverage: float) -> "_Distance":
        low, high = (predicted.value, predicted.value) if predicted.low is None or predicted.high is None else (predicted.low, predicted.high)
        logarithmic = min(measured.low, measured.value, low) > 0
        m = [_scaled(v, logarithmic) for v in (measured.low, measured.value, measured.high)]
        p = [_scaled(v, logarithmic) for v in (low, predicted.value, high)]
        z, wanted = ndtri((1 + measured.level) / 2), ndtri((1 + coverage) / 2)
        below, above = (m[1] - m[0]) / z, (m[2] - m[1]) / z
        ends = m[1] - wanted * below, m[1] + wanted * above
        gap = max(p[0] - m[1], m[1] - p[2], 0.0)
        side = above if p[1] > m[1] else below
        shown = [_ratio(e - p[1], logarithmic) for e in (m[1], *ends)]
        ratio = Estimate(
            shown[0], shown[1], shown[2], measured.events, "measured / predicted" if logarithmic else "measured - predicted", "1", coverage
        )
        width = (ends[1] - ends[0]) / 2 if logarithmic else (ends[1] - ends[0]) / (2 * max(abs(predicted.value), abs(measured.value)))
        return cls(ratio, float(gap / side), float((gap - 1) / side), bool(ends[0] <= p[2] and ends[1] >= p[0]), float(width))


def _status(
    measured: Estimate, predicted: Prediction, distance: _Distance, conditions: tuple[MeasuredCondition, ...], resolution: float
) -> tuple[str, str]:
    failed = [c for c in conditions if not c.holds]
    if failed:
        return "out of regime", "; ".join(f"{c.sentence}: here {c.measured:.3g}" for c in failed)
    enough = measured.events >= FEWEST_EVENTS
    if not predicted.error_known:
        return _without_own_error(distance, enough)
    if distance.sigma > REJECTION:
        return ("disagrees", "") if enough else ("undecided", f"{measured.events} events are too few to reject anything (at least {FEWEST_EVENTS})")
    if not distance.meets:
        return "undecided", f"the 99 % interval misses the prediction, by less than {REJECTION:.0f} sigma"
    own = _own_half_width(predicted)
    if distance.half_width > resolution:
        return "undecided", f"the interval, +-{distance.half_width:.1%}, is too wide to see a difference of {resolution:.0%}"
    if own > resolution:
        return "undecided", f"the theory's own error, +-{own:.1%}, is larger than the difference of {resolution:.0%} that matters"
    return "agrees", ""


def _without_own_error(distance: _Distance, enough: bool) -> tuple[str, str]:
    unknown = "the formula does not know its own error, so its prefactor cannot be judged"
    if distance.beyond_factor_e > REJECTION and enough:
        return "disagrees", f"{unknown}; it is off by more than a factor e"
    if distance.beyond_factor_e <= 0:
        return "undecided", f"{unknown}; consistent in the exponent (within a factor e)"
    return "undecided", unknown


def _own_half_width(predicted: Prediction) -> float:
    if predicted.low is None or predicted.high is None:
        return math.inf
    return max(predicted.high - predicted.value, predicted.value - predicted.low) / abs(predicted.value) if predicted.value else math.inf


def _scaled(value: float, logarithmic: bool) -> float:
    return math.log(value) if logarithmic else float(value)


def _ratio(difference: float, logarithmic: bool) -> float:
    return math.exp(difference) if logarithmic else float(difference)


def _check(measured: Estimate, resolution: float) -> None:
    numbers = (measured.value, measured.low, measured.high)
    if not all(math.isfinite(n) for n in numbers):
        raise ParameterError(
            f"a measurement must be finite, got {measured.value} in [{measured.low}, {measured.high}]; "
            "with no events there is only a bound, so run longer"
        )
    if not measured.low < measured.value < measured.high:
        raise ParameterError(f"a measurement needs an interval around its value, got {measured.value} in [{measured.low}, {measured.high}]")
    if not resolution > 0:
        raise ParameterError(f"resolution is the relative difference that matters and must be positive, got {resolution}")
