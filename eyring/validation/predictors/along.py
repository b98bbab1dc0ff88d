"""Every law's prediction for one measured way out of a minimum."""

from typing import TYPE_CHECKING

from eyring.validation.predictors.case import Case, event_called
from eyring.validation.predictors.flanks import Flanks
from eyring.validation.predictors.laws import laws
from eyring.validation.predictors.setting import Training
from eyring.validation.predictors.surroundings import Surroundings
from eyring.validation.predictors.table import Predictions
from eyring.validation.predictors.tails import SampleSlopes

if TYPE_CHECKING:
    from eyring.validation.probes.path import MeasuredPath

__all__ = ["predict_along", "predictions_for"]


def predict_along(
    path: "MeasuredPath",
    *,
    event: str,
    learning_rate: float,
    batch_size: int,
    momentum: float = 0.0,
    dampening: float = 0.0,
    nesterov: bool = False,
    sampler: str = "with replacement",
    samples: int | None = None,
    surroundings: Surroundings | None = None,
    flanks: Flanks | None = None,
    sample_slopes: SampleSlopes | None = None,
) -> Predictions:
    """Return what every law predicts for the escape along a measured path, with the law's assumptions measured on it.

    Args:
        path: From the minimum over the saddle into the next minimum, its G that of one sample's gradient; the loss with weight decay, if any, in it.
        event: "next well" (over the saddle, settled beyond) or "to the saddle".
        learning_rate: eta of torch's SGD.
        batch_size: B.
        momentum: mu.
        dampening: d.
        nesterov: Whether the gradient is taken ahead.
        sampler: "with replacement", "without replacement" or "epoch shuffling".
        samples: N, needed unless batches are drawn with replacement.
        surroundings: Drift and noise around the way, for the least action: ``KnownLandscape(loss, noise)``; left out, that row has no answer.
        flanks: Curvature and noise across the way at each of its points; left out, they go smoothly from those at the minimum to those at the saddle.
        sample_slopes: The slope of every sample's loss along the way, for the batches' whole law; left out, batches are taken for normal.

    Returns:
        One row a law: ln tau in iterations and in time, its interval, and its assumptions.

    Raises:
        ParameterError: If a number is out of range, or the path's arrays do not belong together.
        NotApplicable: If the path has no barrier, or no noise somewhere.
    """
    training = Training(learning_rate, batch_size, momentum, dampening, nesterov, sampler, samples)
    return predictions_for(Case(path, training, event_called(event), surroundings, flanks, sample_slopes))


def predictions_for(case: Case) -> Predictions:
    """Ask every law."""
    t = case.training
    words = [f"eta = {t.learning_rate:g}", f"B = {t.batch_size} {t.sampler}"]
    words += [f"mu = {t.momentum:g}" + (f", d = {t.dampening:g}" if t.dampening else "") + (", nesterov" if t.nesterov else "")] if t.momentum else []
    return Predictions(tuple(law.row(case) for law in laws()), case.event, ", ".join(words))
